"""Reports of whole programs: the JSON fits its schema, and its figures are those of brute force."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from importlib.resources import files

import jsonschema
import numpy as np
import pytest

from patternc.analysis.count import count
from patternc.analysis.expression import value
from patternc.analysis.facts import Facts
from patternc.analysis.report import report
from patternc.analysis.report_json import to_json
from patternc.analysis.report_program import report_program
from tests.analysis.programs import ALL, BIGBIRD, CHUNKS, FIXED, SINKS, WINDOW, program
from tests.analysis.schedules import quantile, truth
from tests.strategies import mask

SCHEMA = json.loads(files("patternc.analysis").joinpath("report.schema.json").read_text())


def reported(text, path=None, **options):
    found = program(text, **options)
    return found, report_program(found.checked, found.elaborated, path)


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize("path", [None, (0, 30), (30, 0), (7, 7)])
def test_json_fits_the_schema(text, path):
    _, found = reported(text, path)
    data = json.loads(json.dumps(to_json(found)))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_schema_is_strict():
    """A key that is not described, and one that is missing, are errors: else the schema would describe nothing."""
    data = to_json(reported(WINDOW)[1])
    for wrong in ({**data, "extra": 1}, {key: data[key] for key in data if key != "decode"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("text", ALL)
def test_figures_by_brute_force(text):
    found, answer = reported(text)
    schedule = found.schedule
    n = schedule.tokens
    data = to_json(answer)
    masks = [
        [mask(schedule.pattern(layer, head).relation, n) for head in range(schedule.heads)]
        for layer in range(schedule.layers)
    ]
    dense = n * (n + 1) // 2 if schedule.causal else n * n
    total = 0
    for layer, row in zip(data["layers"], masks, strict=True):
        pairs = [int(each.sum()) for each in row]
        total += sum(pairs)
        assert layer["pairs"] == sum(pairs)
        assert layer["density"] == float(Fraction(sum(pairs), dense * len(row)))
        assert sorted(head for group in layer["heads"] for head in group["heads"]) == list(range(len(row)))
        for group in layer["heads"]:
            assert {pairs[head] for head in group["heads"]} == {group["pairs"]}
    assert data["pairs"]["total"] == total
    assert data["pairs"]["density"] == float(Fraction(total, dense * schedule.layers * schedule.heads))

    relations = [schedule.pattern(layer, 0).relation for layer in range(schedule.layers)]
    unions = [np.logical_or.reduce(row) for row in masks]
    wanted = truth(relations, n, "past" if schedule.causal else "all").wanted
    now = np.eye(n, dtype=bool)
    depth = None
    for layer, step in enumerate(unions):
        now = ((step | np.eye(n, dtype=bool)).astype(np.uint8) @ now.astype(np.uint8)) > 0
        sizes = now.sum(axis=1)
        growth = data["connectivity"]["growth"][layer]
        assert (growth["layer"], growth["min"], growth["mean"]) == (layer, sizes.min(), sizes.mean())
        assert (growth["p10"], growth["p50"], growth["p90"], growth["max"]) == (
            *(quantile(list(sizes), percent) for percent in (10, 50, 90)),
            sizes.max(),
        )
        if depth is None and now[wanted].all():
            depth = layer + 1
    assert data["connectivity"]["depth"] == depth
    assert data["connectivity"]["complete"] == (depth is not None)
    if depth is None:
        missing = data["connectivity"]["missing"]
        assert [missing["query"], missing["key"]] == np.argwhere(wanted & ~now)[0].tolist()


def test_what_the_program_alone_can_say():
    _, answer = reported(FIXED)
    data = to_json(answer)
    assert data["layers"][0]["heads"][0]["formula"] == "l*n - l*(l - 1)/2"
    assert data["pairs"]["order"] == "Theta(n^(3/2))"
    assert data["decode"]["crop_stable"] is True
    # l = isqrt(n), in units of n^(3/2): 8 heads of 1 (local), 8 of 1/2 (stride), 4 of (c + 1)/2 (fixed), 4 of 2.
    assert data["pairs"]["leading"] == "2*n^(3/2)*(c + 11)"


def test_without_a_program_formulas_have_numbers_and_stability_is_open():
    found = program(FIXED)
    data = to_json(report(Facts(found.schedule)))
    assert data["layers"][0]["heads"][0]["formula"] == "8*n - 28"
    assert data["decode"]["crop_stable"] is None
    assert data["pairs"]["order"] is None


def test_a_parameter_that_was_overridden_is_a_constant():
    found = program(FIXED, params={"l": 4})
    data = to_json(report_program(found.checked, found.elaborated))
    assert data["params"] == {"l": 4, "c": 2}
    assert data["pairs"]["order"] == "Theta(n^2)"
    # In units of n^2 / l: 8 heads of 1/2 (stride), 4 of c / 2 (fixed).
    leading = data["pairs"]["leading"].replace("^", "**")
    assert eval(leading, {"n": 100, "l": 4, "c": 2}) == (8 / 2 + 4 * 2 / 2) * 100**2 / 4


@pytest.mark.parametrize(
    "layers",
    [
        "layers 4 { all: local(max(w, 6 * layer)) }",  # layers 0 to 2 share a window only while w >= 12
        "layers w { all: local(12) }",  # the number of layers is a parameter
        "layers 3 { all: heads { 0..w // 4: local(12)  rest: dense } }",
    ],
)
def test_patterns_that_are_alike_by_chance_have_no_common_formula(layers):
    text = f"param w = 12\nmodel m {{ causal tokens 60 heads 4 {layers} }}"
    found = program(text)
    answer = report_program(found.checked, found.elaborated)
    assert answer.formula is not None
    for w in (4, 8, 12):
        for n in (30, 60, 100):
            other = count(program(text, tokens=n, params={"w": w}).schedule)
            claimed = value(answer.formula, {"n": n, "w": w})
            assert claimed is None or claimed == other.total, (n, w)
    assert value(answer.formula, {"n": 100, "w": 12}) == count(program(text, tokens=100).schedule).total


def test_a_path_that_was_asked_for():
    data = to_json(reported(WINDOW, (3, 14))[1])
    hops = data["connectivity"]["witness"]["hops"]
    assert (hops[0]["key"], hops[-1]["query"]) == (3, 14)
    assert [hop["term"] for hop in hops] == ["local(w)"] * 3
    assert to_json(reported(WINDOW, (0, 59))[1])["connectivity"]["witness"]["hops"] is None
    with pytest.raises(ValueError, match=r"0\.\.59"):
        reported(WINDOW, (0, 60))


def test_why_a_pair_is_missing():
    window = to_json(reported(WINDOW)[1])["connectivity"]["missing"]
    assert window == {"query": 13, "key": 0, "reason": {"never": False, "would_take": 4, "closed": []}}
    chunks = to_json(reported(CHUNKS)[1])["connectivity"]["missing"]
    assert chunks == {"query": 8, "key": 0, "reason": {"never": True, "would_take": None, "closed": [[0, 8]]}}


def test_crop_stability_has_a_pair_that_shows_it():
    data = to_json(reported(BIGBIRD)[1])
    assert data["decode"]["crop_stable"] is False
    found, answer = reported(BIGBIRD)
    tokens, layer, head, query, key = answer.cropped.place
    shorter = program(BIGBIRD, tokens=tokens)
    long = mask(found.schedule.pattern(layer, head).relation, 48)
    assert long[query, key] != mask(shorter.schedule.pattern(layer, head).relation, tokens)[query, key]


def test_sinks_are_hubs():
    data = to_json(reported(SINKS)[1])
    assert data["measures"]["hubs"]["everywhere"] == [[0, 2]]
    assert data["decode"]["cache_keys"] == 8
    assert data["decode"]["cache_total"] == 8 * 4 * 2


def test_the_same_bytes_whatever_the_hash_seed():
    code = (
        "import json; from tests.analysis.programs import ALL, program\n"
        "from patternc.analysis.report_program import report_program\n"
        "from patternc.analysis.report_json import to_json\n"
        "for text in ALL[:2]:\n"
        "    found = program(text); print(json.dumps(to_json(report_program(found.checked, found.elaborated))))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
