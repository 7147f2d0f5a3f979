"""Reports of compiled programs: the schema holds, the plan is part of them, and their numbers agree."""

import json
from pathlib import Path

import jsonschema
import pytest

import patternc

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "patternc" / "analysis" / "report.schema.json").read_text())


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.attn")), ids=lambda path: path.stem)
@pytest.mark.parametrize("target", ["cuda:90", "cpu"])
def test_examples(example, target):
    fixed = "expect n ==" in example.read_text()  # an image has as many tokens as it has pixels
    tokens = None if fixed else 2048
    program = patternc.compile(example, tokens=tokens, target=target)
    data = program.report_json()
    jsonschema.validate(data, SCHEMA)
    plan = data["plan"]
    assert (plan["target"], plan["dtype"]) == (target, "bfloat16")
    assert sorted(layer for alike in plan["layers"] for layer in alike["layers"]) == list(range(len(data["layers"])))
    for alike in plan["layers"]:
        for layer in alike["layers"]:
            reported = {heads: each for each in data["layers"][layer]["heads"] for heads in each["heads"]}
            for group in alike["groups"]:
                forward = [launch for launch in group["launches"] if launch["role"] == "forward"]
                heads = reported[group["heads"][0]]
                assert sum(launch["useful"] for launch in forward) == heads["pairs"]
                assert sum(sum(launch["tiles"].values()) for launch in forward) == sum(
                    heads["tiles"][kind] for kind in ("full", "partial", "gathered")
                )
    assert program.report_text().count("\nPlan\n") == 1


def test_a_model_without_head_dim_is_planned_for_heads_of_64():
    program = patternc.compile("model m { causal tokens 512 layers 2 { all: local(64) } }")
    assert program.report_json()["plan"]["head_dim"] == 64
    with pytest.raises(patternc.PatternError, match="head_dim"):
        _ = program.lowered


def test_the_file_of_a_module_is_the_report(tmp_path):
    program = patternc.compile("model m { causal tokens 512 heads 2 head_dim 64 layers 2 { all: local(64) } }")
    written = json.loads((program.save(tmp_path / "m.attnc") / "report.json").read_text())
    assert written == json.loads(json.dumps(program.report_json()))
