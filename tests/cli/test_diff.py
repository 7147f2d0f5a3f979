"""`patternc diff`: what it compares, says, and ends with."""

import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MODEL = "param w = 8\nmodel m { causal tokens 64 heads 2 layers 2 { all: local(w) } }\n"


@pytest.fixture
def model(tmp_path):
    (tmp_path / "a.attn").write_text(MODEL)
    (tmp_path / "b.attn").write_text(MODEL.replace("local(w)", "local(w) | keys(0)"))
    return tmp_path


def test_equal_masks_exit_0(patternc, model):
    done = patternc("diff", "a.attn", "b.attn", "--param", "w=64")
    assert (done.code, done.err) == (0, "")
    assert "The masks are equal" in done.out


def test_different_masks_exit_1(patternc, model):
    done = patternc("diff", "a.attn", "b.attn")
    assert (done.code, done.err) == (1, "")
    text = " ".join(done.out.split())
    assert "The masks differ in 4 of 4 heads" in text
    assert "first pair only in B: layer 0, head 0, query 8 attends key 0" in text
    assert "only in A:" not in text
    data = json.loads(patternc("diff", "a.attn", "b.attn", "--json").out)
    (group,) = data["groups"]
    assert (group["both"], group["only_a"], group["only_b"]) == (484, 0, 56)
    assert f"{data['b']['pairs']:,}" in done.out


def test_the_same_pairs_counted_otherwise_exit_1(patternc):
    inline = ("--causal", "--tokens", 64)
    done = patternc("diff", "-e", "local(8) + keys(0)", "-e", "local(8) | keys(0)", *inline)
    assert (done.code, done.err) == (1, "")
    text = " ".join(done.out.split())
    assert "The masks have the same pairs, but count some of them differently in 1 of 1 head" in text
    assert "The first pair counted differently: layer 0, head 0, query 0, key 0: 2 times in A, once in B." in text
    assert "only in A:" not in text
    data = json.loads(patternc("diff", "-e", "local(8) + keys(0)", "-e", "keys(0) | local(8)", *inline, "--json").out)
    (group,) = data["groups"]
    assert not data["equal"]
    assert (group["only_a"], group["only_b"], group["recounted"]) == (0, 0, 8)
    assert group["first_recounted"] == {"query": 0, "key": 0, "times_a": 2, "times_b": 1}
    assert patternc("diff", "-e", "local(8) + keys(0)", "-e", "keys(0) + local(8)", *inline).code == 0


def test_a_pattern_beside_a_file_is_in_a_model_like_it(patternc, model):
    data = json.loads(patternc("diff", "a.attn", "-e", "local(8)", "--json").out)
    assert data["equal"]
    assert [each["name"] for each in data["settings"]] == ["name", "param w"]
    assert patternc("diff", "a.attn", "-e", "local(8)").code == 0
    assert patternc("diff", "a.attn", "-e", "local(8)", "--layers", 3).code == 1


def test_two_patterns(patternc):
    inline = ("--causal", "--tokens", 64)
    assert patternc("diff", "-e", "local(8)", "-e", "local(8) & dense", *inline).code == 0
    assert patternc("diff", "-e", "local(8)", "-e", "local(9)", *inline).code == 1


def test_a_file_with_other_parameters(patternc, model):
    done = patternc("diff", "a.attn", "--param-b", "w=9", "--json")
    assert done.code == 1
    assert {"name": "param w", "a": 8, "b": 9} in json.loads(done.out)["settings"]
    assert patternc("diff", "a.attn", "a.attn", "--param", "w=9", "--param-b", "w=8").code == 1
    assert patternc("diff", "a.attn", "--param-b", "w=8").code == 0


def test_other_lengths_are_not_compared(patternc, model):
    (model / "c.attn").write_text(MODEL.replace("64", "96"))
    done = patternc("diff", "a.attn", "c.attn")
    assert done.code == 1
    assert "--tokens gives both the same length" in " ".join(done.out.split())
    assert patternc("diff", "a.attn", "c.attn", "--tokens", 80).code == 0


def test_errors_exit_2(patternc, model):
    (model / "wrong.attn").write_text("model m { causal tokens 64 layers 1 { all: local(0) } }\n")
    for arguments in (
        (),
        ("a.attn",),
        ("a.attn", "b.attn", "a.attn"),
        ("a.attn", "b.attn", "--causal"),
        ("-e", "dense", "-e", "self"),
        ("-e", "dense", "-e", "self", "--causal", "--tokens", 8, "--param-b", "w=1"),
        ("a.attn", "-e", "dense", "--causal", "--bidirectional"),
        ("-", "-"),
        ("a.attn", "missing.attn"),
        ("a.attn", "wrong.attn"),
        ("a.attn", "b.attn", "--param", "v=1"),
        ("-e", "dense", "-e", "past", "--causal", "--tokens", 1 << 20),
    ):
        done = patternc("diff", *arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert done.err, arguments


@pytest.mark.parametrize("columns", [40, 79])
def test_it_fits_the_terminal(patternc, columns):
    done = patternc(
        "diff", EXAMPLES / "longformer.attn", "-e", "local(3)", "--tokens", 128, variables={"COLUMNS": str(columns)}
    )
    assert done.code == 1
    # the first two lines name files, which are as long as they are
    assert max(map(len, done.out.splitlines()[4:])) <= columns
