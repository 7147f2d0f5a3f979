"""Every stage, on random whole programs, says what the program means."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from patternc.codegen import hubs
from tests.conftest import LONG
from tests.lowering import list_everything, shapes, stride_everything
from tests.properties import stages
from tests.properties.programs import programs, written

MANY = settings(
    max_examples=2000 if LONG else 200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

SHAPES = st.builds(
    shapes, st.sampled_from([4, 8, 16, 32]), st.sampled_from([32, 64]), st.sampled_from([4, 16]), st.just(32)
)
TILES = st.tuples(st.sampled_from([1, 4, 8, 16, 17]), st.sampled_from([1, 5, 8, 16, 32]))


@MANY
@given(
    program=programs(),
    tile=TILES,
    own=st.sampled_from(["queries", "keys"]),
    shape=SHAPES,
    everything=st.booleans(),
    sinks=st.booleans(),
    kept=st.integers(0, 15),
)
@example(
    # no formula has a period that changes with the length: reports failed on it
    program=written("model m { allow empty causal tokens 20 head_dim 8 layers 1 { all: chunks([n - 15]) } }"),
    tile=(4, 8),
    own="queries",
    shape=shapes(8, 32),
    everything=False,
    sinks=False,
    kept=0,
)
@example(
    # short classes that share tiles were taken once, however often a sum visits them
    program=written("model m { allow empty causal tokens 122 head_dim 8 layers 1 { all: stride(4) + stride(4) } }"),
    tile=(4, 8),
    own="queries",
    shape=shapes(8, 32),
    everything=False,
    sinks=False,
    kept=1,
)
def test_programs(program, tile, own, shape, everything, sinks, kept, tmp_path_factory):
    """`everything`: strides, listings and shares wherever there could be any; `kept` 0: saved and loaded as well."""
    with pytest.MonkeyPatch.context() as patch:
        if everything:
            list_everything(patch)
            stride_everything(patch)
            patch.setattr(hubs, "LEAST_SPLIT", hubs.PERCENT_ITEM + 1)
            patch.setattr(hubs, "HUB", 1)
        case = stages.case_of(program, tmp_path_factory.getbasetemp())
        stages.check_relations(case)
        stages.check_components(case)
        stages.check_tiles(case, tile, own)
        stages.check_counts(case)
        stages.check_reach(case)
        stages.check_expectations(case)
        stages.check_tables_of(case, "cuda:90", shape)
        stages.check_tables_of(case, "cpu", None)
        stages.check_attention(case, sinks)
        if kept == 0:
            stages.check_module(case, tmp_path_factory.mktemp("module") / "m")
