"""`patternc.compile` as a Python user calls it, and that the same input gives the same bytes."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import patternc
from patternc.algebra.budget import refuse
from patternc.algebra.holds import holds
from patternc.compiler import analyse, check
from patternc.integrations import flex

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


def test_wide_heads_run_on_the_cpu_only(tmp_path):
    wide = WINDOW.replace("head_dim 16", "head_dim 512")
    for program in (patternc.compile(wide), patternc.compile(WINDOW, head_dim=512)):
        assert program.mask(1).any()
        for use in (program.module, lambda program=program: program.save(tmp_path / "m")):
            with pytest.raises(patternc.PatternError, match="PA803") as caught:
                use()
            (diagnostic,) = caught.value.diagnostics
            assert bool(diagnostic.labels) == (program.checked.files[0].text == wide)
    assert not list(tmp_path.iterdir())
    saved = patternc.compile(wide, target="cpu", dtype="float32").save(tmp_path / "m")
    assert "up to 256, these have 512" in (saved / "kernels.py").read_text()
    assert patternc.load(saved).shape.head_dim == 512


def test_numbers_and_sequences_of_numpy():
    text = "param w = 4\nparam ids = [0]\n" + WINDOW.replace("local(8)", "local(w) | keys(ids)")
    right = patternc.compile(text, tokens=80, head_dim=32, params={"w": 5, "ids": (0, 7)}).schedule
    for ids in ([0, 7], np.array([0, 7]), [np.int64(0), np.int32(7)], "[0, 7]", range(0, 8, 7)):
        given = {"w": np.int64(5), "ids": ids}
        assert patternc.compile(text, tokens=np.int64(80), head_dim=np.uint8(32), params=given).schedule == right
    assert patternc.compile(text, params={"ids": [3]}).schedule == patternc.compile(text, params={"ids": 3}).schedule


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"tokens": 512.0}, r"tokens is a whole number; got 512.0 \(float\)"),
        ({"tokens": "512"}, r"tokens is a whole number; got '512' \(str\)"),
        ({"tokens": True}, r"tokens is a whole number; got True \(bool\)"),
        ({"head_dim": np.float32(64)}, "head_dim is a whole number"),
        ({"params": {"w": 5.0}}, r"params\['w'\] is 5.0 \(float\); expected a whole number, a list of ids"),
        ({"params": {"w": True}}, r"params\['w'\] is True \(bool\)"),
        ({"params": {"w": None}}, r"params\['w'\] is None"),
        ({"params": {"w": [1, 2.5]}}, r"params\['w'\] is \[1, 2.5\] \(list\)"),
        ({"params": {"w": {1, 2}}}, r"params\['w'\] is \{1, 2\} \(set\)"),
        ({"params": {"w": b"5"}}, r"params\['w'\] is b'5' \(bytes\)"),
        ({"params": {5: 5}}, r"a name is 5 \(int\)"),
        ({"params": [("w", 5)]}, "params is a mapping"),
        ({"source": None}, "a pattern is a path or a text, as pathlib.Path or str; got None"),
        ({"source": WINDOW.encode()}, r"a pattern is a path or a text.* \(bytes\)"),
    ],
)
def test_arguments_of_other_types(arguments, says):
    given = {"source": "param w = 4\n" + WINDOW.replace("local(8)", "local(w)"), **arguments}
    for door in (patternc.compile, analyse, check):
        with pytest.raises(TypeError, match=says):
            door(**given)


@pytest.mark.parametrize("wrong", [torch.float32, np.float32, None, ["float32"]])
def test_a_dtype_is_text(wrong):
    with pytest.raises(ValueError, match="dtype is one of float16, bfloat16, float32, float64, as text"):
        patternc.compile(WINDOW, dtype=wrong)
    with pytest.raises(ValueError, match="target is cpu or"):
        patternc.compile(WINDOW, target=wrong)


@pytest.mark.parametrize("wrong", ["cuda", "cuda:", "cuda:75", "cuda:9000", "cuda:200", "cuda:９０", "cuda:90a", "CPU"])
def test_a_target_is_the_cpu_or_a_compute_capability(wrong):
    with pytest.raises(ValueError, match="target is cpu or cuda:80"):
        patternc.compile(WINDOW, target=wrong)


def test_paths_that_do_not_end_in_attn(tmp_path):
    path = tmp_path / "my pattern"
    path.write_text(WINDOW)
    for given in (str(path), f"{path}\n", "patterns/window", "window\\pattern.txt", str(tmp_path)):
        with pytest.raises(patternc.PatternError, match=r"is\s+a\s+path,\s+not\s+a\s+pattern") as caught:
            patternc.compile(given)
        assert [each.code for each in caught.value.diagnostics] == ["PA001"]
    assert patternc.compile(path).schedule == patternc.compile(WINDOW).schedule
    check("pattern window(w) = local(w) | self", needs_model=False)


def test_programs_and_reports_are_short_to_look_at():
    program = patternc.compile(WINDOW)
    assert repr(program) == ("<patternc.Program m: 96 tokens, 3 layers of 4 heads, head_dim 16, bfloat16, cuda:90>")
    text = program.report_text(width=72)
    assert "Connectivity" in text
    assert max(map(len, text.splitlines())) <= 72
    assert "How query 90 comes to see key 0" in program.report_text((0, 90))


def test_beyond_the_budget_is_a_pattern_error(monkeypatch):
    """Whatever is asked of it, with the place of the pattern where one is known."""
    program = patternc.compile("model m { causal tokens 1048576 head_dim 64 layers 1 { all: dense } }")
    for ask in (program.report, program.module, lambda: program.kernels):
        with pytest.raises(patternc.PatternError) as caught:
            ask()
        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.code == "PA705"
        assert diagnostic.primary is not None

    def too_much(*arguments):
        raise refuse("active tiles", 2, 1, "use less")

    monkeypatch.setattr(flex, "occupied_tiles", too_much)
    with pytest.raises(patternc.PatternError, match="PA705"):
        patternc.compile(WINDOW).to_flex()


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
