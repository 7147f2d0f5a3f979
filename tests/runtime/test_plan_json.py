"""Plans as JSON: the same bytes for equal plans, back to equal plans, and nothing else accepted."""

import dataclasses
import json

import pytest

from patternc.algebra import relation as r
from patternc.codegen.json_fields import PlanFormatError
from patternc.codegen.lower import lower
from patternc.codegen.plan import ChunkStart, Constant, ModulePlan, RowInterval, Shift
from patternc.codegen.plan_json import layer_from_json, layer_to_json, plan_from_json, plan_to_json
from tests.runtime.layers import schedule_of


def plan_of(target="cuda:90"):
    relations = [r.band(0, 40), r.intersection(r.PAST, r.Chunk((32,))), r.union(r.band(0, 3), r.Keys(((0, 1),)))] * 2
    return lower(schedule_of(200, relations, 3), target=target, dtype="float32", head_dim=8).plan


@pytest.mark.parametrize("target", ["cpu", "cuda:90"])
def test_round_trip(target):
    plan = plan_of(target)
    assert plan_from_json(plan_to_json(plan)) == plan
    for layer in plan.distinct:
        assert layer_from_json(layer_to_json(layer)) == layer


def test_every_bound_survives():
    layer = plan_of().distinct[0]
    group = layer.groups[0]
    interval = RowInterval((Shift(-3), ChunkStart(8, 2)), (Constant(7),))
    spec = dataclasses.replace(group.forward[0].kernel, interval=interval)
    forward = dataclasses.replace(group.forward[0], kernel=spec)
    layer = dataclasses.replace(layer, groups=(dataclasses.replace(group, forward=(forward,)),))
    assert layer_from_json(layer_to_json(layer)) == layer


def test_canonical():
    text = plan_to_json(plan_of())
    assert text.isascii()
    assert "\n" not in text
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) == text
    again = ModulePlan(tuple(layer_from_json(layer_to_json(each)) for each in plan_of().distinct), plan_of().layers)
    assert plan_to_json(again) == text


def changed(path, value):
    """The text of a plan with the value at `path` replaced, or (value None) left out."""
    data = json.loads(plan_to_json(plan_of()))
    place = data
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(data)


GROUP = ("distinct", 0, "groups", 0)
KERNEL = (*GROUP, "forward", 0, "kernel")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (changed(("schema",), "patternc.plan/9"), "plan.schema is 'patternc.plan/9'"),
        (changed(("layers",), None), "plan has no field 'layers'"),
        (changed(("layers",), [0, 9]), "plan.layers[1] is 9, but there are 1"),
        (changed(("layers",), [0, -1]), "plan.layers[1] is -1"),
        (changed(("layers",), [True]), "plan.layers[0] is True; expected an integer"),
        (changed(("layers",), [1.0]), "1.0 is not an integer"),
        (changed(("surprise",), 1), "unknown field 'surprise'"),
        (changed(("distinct", 0, "dtype"), "float8"), "plan.distinct[0].dtype is 'float8'; expected one of"),
        (changed(("distinct", 0, "tokens"), 0), "plan.distinct[0].tokens is 0; expected at least 1"),
        (changed(("distinct", 0, "tokens"), 2**63), "does not fit 64 bits"),
        (changed(("distinct", 0, "tokens"), int("9" * 4000)), "does not fit 64 bits"),
        (changed(("distinct", 0, "pattern"), 5), "plan.distinct[0].pattern is 5; expected a string"),
        (changed((*KERNEL, "role"), "sideways"), "kernel.role is 'sideways'"),
        (changed((*KERNEL, "own"), "scattered"), "kernel.own is 'scattered'"),
        (changed((*KERNEL, "full"), 1), "kernel.full is 1; expected true or false"),
        (changed((*KERNEL, "num_warps"), None), "kernel has no field 'num_warps'"),
        (changed((*KERNEL, "interval"), {"lows": [{"kind": "slope"}], "highs": []}), "lows[0].kind is 'slope'"),
        (changed((*KERNEL, "interval"), {"lows": [{"kind": "shift"}], "highs": []}), "has no field 'offset'"),
        (changed((*KERNEL, "interval"), {"lows": [7], "highs": []}), "lows[0] is 7; expected an object"),
        (changed((*GROUP, "heads"), "all"), "heads is 'all'; expected a list"),
        ("[" * 100_000, "nested more than 64 deep"),
        ('{"a":' * 100_000, "nested more than 64 deep"),
        ('{"layers":[],"layers":[]}', "'layers' occurs twice"),
        ("NaN", "NaN is not an integer"),
        ("", "not JSON"),
        ("null", "plan is None; expected an object"),
    ],
)
def test_refused(text, says):
    with pytest.raises(PlanFormatError) as caught:
        plan_from_json(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300
