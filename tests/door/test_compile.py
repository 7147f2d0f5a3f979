"""`patternc.compile` as a Python user calls it, and that the same input gives the same bytes."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import patternc
from patternc.algebra.holds import holds

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.attn"))
WINDOW = "model m { causal tokens 96 heads 4 kv_heads 2 head_dim 16 layers 3 { 0: dense  rest: local(8) } }"


def test_text_path_and_string_path_are_the_same(tmp_path):
    path = tmp_path / "m.attn"
    path.write_text(WINDOW)
    schedules = [patternc.compile(source).schedule for source in (WINDOW, path, str(path))]
    assert schedules[0] == schedules[1] == schedules[2]


def test_a_missing_file_is_a_pattern_error():
    with pytest.raises(patternc.PatternError, match="there is no file"):
        patternc.compile("nowhere.attn")


def test_all_mistakes_come_in_one_error():
    with pytest.raises(patternc.PatternError) as caught:
        patternc.compile("model m { causal tokens 8 layers 2 { 0: local(0)  1: lcal(2) } }")
    assert [diagnostic.severity for diagnostic in caught.value.diagnostics] == ["error", "error"]


@pytest.mark.parametrize(
    "wrong", [{"dtype": "int8"}, {"target": "tpu"}, {"target": "cuda:75"}, {"dtype": "float64", "target": "cuda:90"}]
)
def test_unknown_dtype_and_target(wrong):
    with pytest.raises(ValueError, match=r"is one of|is cpu or|float64"):
        patternc.compile(WINDOW, **wrong)


def test_masks_are_the_oracles():
    program = patternc.compile(WINDOW)
    for layer in range(3):
        mask = program.mask(layer, 3)
        relation = program.schedule.pattern(layer, 3).relation
        expected = [[holds(relation, i, j, 96) for j in range(96)] for i in range(96)]
        assert mask.dtype == np.bool_
        assert mask.tolist() == expected
    for layer, head in ((3, 0), (0, 4), (-1, 0)):
        with pytest.raises(IndexError, match="there is no"):
            program.mask(layer, head)


def test_kernels_need_a_head_dim():
    program = patternc.compile(WINDOW.replace("head_dim 16", ""))
    assert program.report().pairs > 0
    with pytest.raises(patternc.PatternError, match="head_dim"):
        program.save("unused")
    assert patternc.compile(WINDOW.replace("head_dim 16", ""), head_dim=32).schedule.head_dim == 32


def test_parameters_override_and_are_kept():
    text = "param w = isqrt(n)\nparam ids = [0, -1]\n" + WINDOW.replace("local(8)", "local(w) | keys(ids)")
    assert dict(patternc.compile(text).schedule.params) == {"w": 9}
    assert dict(patternc.compile(text, params={"w": 5}).schedule.params) == {"w": 5}
    assert dict(patternc.compile(text, params={"w": "2 * isqrt(n)"}).schedule.params) == {"w": 18}
    a, b = (patternc.compile(text, params={"ids": ids}).schedule for ids in ("0..4", (0, 1, 2, 3)))
    assert a.pattern(1, 0).relation == b.pattern(1, 0).relation
    with pytest.raises(patternc.PatternError, match="no parameter `v`"):
        patternc.compile(text, params={"v": 5})


def test_empty_rows_and_failed_expectations_are_errors():
    with pytest.raises(patternc.PatternError, match="query 0 attends nothing in layer 1, head 0"):
        patternc.compile(WINDOW.replace("local(8)", "local(8) - self"))
    patternc.compile(WINDOW.replace("local(8)", "local(8) - self").replace("causal", "causal allow empty"))
    with pytest.raises(patternc.PatternError, match="does not hold"):
        patternc.compile(WINDOW + " expect pairs(1) < 8 * n - 28")
    patternc.compile(WINDOW + " expect pairs(1) == 8 * n - 28")


DIGEST = """
import hashlib, pathlib, sys
import patternc
for path in sys.argv[2:]:
    patternc.compile(pathlib.Path(path), tokens=None).save(pathlib.Path(sys.argv[1]) / pathlib.Path(path).stem)
"""


def test_the_same_input_gives_the_same_bytes(tmp_path):
    digests = []
    for seed in ("0", "4242"):
        folder = tmp_path / seed
        folder.mkdir()
        subprocess.run(
            [sys.executable, "-c", DIGEST, str(folder), *map(str, EXAMPLES)],
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
        )
        digests.append(
            {
                path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            }
        )
    assert len(digests[0]) == 8 * len(EXAMPLES)
    assert digests[0] == digests[1]
