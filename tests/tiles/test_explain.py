"""Figures of plans: counted from the tables, reasons where there was a choice, predictions that follow the work."""

import pytest

from patternc.algebra import relation as r
from patternc.codegen.explain import explain_plan
from patternc.codegen.lower import lower
from patternc.codegen.plan import Lattice
from patternc.codegen.predict import device_of
from tests.lowering import schedule

WINDOW, STRIDE = r.Band(0, 127), r.band(0, None, 128)


def explained(n, *relations, target="cuda:90", dtype="bfloat16", **options):
    lowered = lower(
        schedule(n, *relations, **options), target=target, dtype=dtype, head_dim=64, lattices=True, slots=True
    )
    return explain_plan(lowered).layers


def test_a_window_and_a_stride():
    n = 16384
    (layer,) = explained(n, r.union(WINDOW, STRIDE))
    assert layer.layers == (0,)
    (group,) = layer.groups
    window, stride = group.of("forward")
    assert window.component == "on tiles: 0 <= i - j <= 127"
    assert window.lattice is None
    assert window.useful == 128 * n - 128 * 127 // 2
    assert window.computed == (window.full + window.interval) * 128 * 64
    assert stride.component == "on residue classes, (i - j) % 128 == 0: 128 <= i - j"
    assert stride.lattice == Lattice(128, 128, 64)
    assert stride.reason.startswith("step 128 runs on its residue classes: predicted the work of ")
    # Classes have 128 positions, a row of each more than the one before.
    assert stride.useful == 128 * (127 * 128 // 2)
    assert stride.computed == 128 * 2 * 128 * 64
    assert [launch.kernel for launch in group.launches] == [window.kernel, stride.kernel, *(
        launch.kernel for role in ("dq", "dkv") for launch in group.of(role)
    )]  # fmt: skip
    assert all(launch.prediction.device == "H200" for launch in group.launches)
    dense = explained(n, r.PAST)[0].groups[0].of("forward")[0].prediction.seconds
    assert 5 * sum(launch.prediction.seconds for launch in group.of("forward")) < dense


def test_reasons_against_a_lattice_are_kept():
    (layer,) = explained(512, r.union(r.Band(0, 63), r.band(0, None, 8)))
    (launch,) = layer.groups[0].of("forward")
    assert launch.reason.startswith("step 8 stays on tiles of neighbours: predicted the work of ")


def test_hubs_and_listed_keys():
    n = 16384
    ids = r.spans_of([0, n // 2, n - 1])
    (layer,) = explained(n, r.union(r.Band(-64, 64), r.Keys(ids), r.Queries(ids)))
    group = layer.groups[0]
    assert group.of("forward")[0].shares >= 3 * 4
    tiles, listed = group.of("dkv")
    assert "listed keys" in listed.component
    assert "listed keys" not in tiles.component
    assert tiles.shares == 0
    assert listed.items == listed.shares


def test_equal_layers_are_one():
    layers = explained(1024, WINDOW, r.PAST, table=((0, 0), (0, 1), (0, 0)))
    assert [layer.layers for layer in layers] == [(0, 2), (1,)]
    assert [group.heads for group in layers[1].groups] == [(0,), (1,)]


@pytest.mark.parametrize("n", [4096, 65536])
def test_dense_predictions_are_what_the_units_allow(n):
    """About 400 TFLOP/s at D = 64 in bfloat16 is what attention kernels reach on sm_90: the model is not far off."""
    (layer,) = explained(n, r.FULL, table=((0,) * 16,))
    (forward,) = layer.groups[0].of("forward")
    rate = 16 * 4 * 64 * n * n / forward.prediction.seconds / 1e12
    assert 250 < rate < 450
    assert forward.prediction.bound in ("matrix units", "instructions")


def test_memory_bounds_what_computes_little():
    (layer,) = explained(65536, r.Band(0, 0), table=((0,) * 8,))
    assert layer.groups[0].of("forward")[0].prediction.bound in ("memory", "instructions")


def test_devices_without_constants_have_no_prediction():
    assert explained(512, WINDOW, target="cpu")[0].groups[0].launches[0].prediction is None
    assert device_of("cuda:89") is None
    assert (
        explained(512, WINDOW, target="cuda:80", dtype="float32")[0].groups[0].launches[0].prediction.device == "A100"
    )
