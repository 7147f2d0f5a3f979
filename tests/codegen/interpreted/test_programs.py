"""Random whole programs through the generated kernels, in the interpreter, against what their trees say."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patternc.codegen.lower import lower
from tests.codegen.interpreted.dense_attention import check_plan
from tests.conftest import LONG
from tests.lowering import shapes
from tests.properties.programs import programs
from tests.properties.stages import case_of


@settings(max_examples=150 if LONG else 8, suppress_health_check=list(HealthCheck))
@given(program=programs(max_tokens=60, max_layers=2), sinks=st.booleans())
def test_programs(program, sinks, tmp_path_factory):
    case = case_of(program, tmp_path_factory.getbasetemp())
    schedule = case.compiled.schedule
    lowered = lower(schedule, target="cuda:90", dtype="float32", head_dim=16, shapes=shapes(16, 32), sinks=sinks)
    for layer, plan in {
        at: (place, lowered.plan.distinct[at]) for place, at in enumerate(lowered.plan.layers)
    }.values():
        check_plan(plan, lowered.tables.values(), case.weighed(layer), sinks=sinks)
