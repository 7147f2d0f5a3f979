"""Input no pattern file should have: one clear error, exit 1, nothing written."""

import pytest

MODEL = "model m {{ causal tokens 64 head_dim 16 layers 1 {{ all: {} }} }}\n"

CASES = {
    "missing": (None, "there is no file"),
    "directory": ("directory", "is a directory"),
    "binary": (bytes(range(256)) * 16, "not a text"),
    "latin-1": (MODEL.format("dense").encode() + b"# \xe9t\xe9\n", "not UTF-8"),
    "10 MB": (b"# comment\n" * 1_000_000, "larger than"),
    "nested": (MODEL.format("(" * 100_000 + "dense" + ")" * 100_000).encode(), "nest"),
    "power": (MODEL.format("local(2**2**40)").encode(), "64"),
    "empty": (b"", "no model"),
    "layers": (MODEL.format("dense").replace("layers 1", "layers 10**9").encode(), "layers"),
    "ids": (MODEL.format("keys(0..10**12)").encode(), "10**12"),
}


@pytest.mark.parametrize("command", ["check", "compile", "analyse"])
@pytest.mark.parametrize("case", CASES)
def test_one_clear_error(patternc, tmp_path, command, case):
    content, message = CASES[case]
    path = tmp_path / "input.attn"
    if content == "directory":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    done = patternc(command, path)
    if case == "empty" and command == "check":
        assert done.code == 0  # a file of patterns without a model is fine to check
        return
    assert done.code == 1, done.err
    assert done.out == ""
    assert done.err.count("error[") == 1, done.err[:2000]
    assert message in done.message
    assert len(done.err) < 4000
    assert {each.name for each in tmp_path.iterdir()} <= {"input.attn"}
