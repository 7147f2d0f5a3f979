"""`patternc check` on projects of several files, and on files with nothing in them."""

import re
from pathlib import Path


def test_check_deep_takes_a_project_with_parts(patternc, tmp_path):
    (tmp_path / "parts.attn").write_text("pattern window(w) = local(w) | self\n")
    (tmp_path / "model.attn").write_text(
        'use "parts.attn"\nmodel m { causal tokens 64 layers 1 { all: window(4) } }\nexpect pairs(0) <= 4 * n\n'
    )
    done = patternc("check", "--deep", "parts.attn", "model.attn")
    assert done.code == 0, done.err
    assert done.out == "2 files without errors, 1 of them without a model\n"
    (tmp_path / "parts.attn").write_text("pattern window(w) = blocks(0, local(w)) | self\n")
    assert patternc("check", "--deep", "parts.attn").code == 1


def test_check_says_that_a_file_is_empty(patternc, tmp_path):
    (tmp_path / "empty.attn").write_text("\n# nothing\n")
    done = patternc("check", "empty.attn")
    assert done.code == 0
    assert "PA909" in done.err


def test_what_the_examples_say_of_their_parameters(patternc):
    examples = Path(__file__).resolve().parents[2] / "examples"
    for path in sorted(examples.glob("*.attn")):
        for name, value in re.findall(r"--param (\w+)=(\S*\w)", path.read_text()):
            done = patternc("check", "--deep", path, "--param", f"{name}={value}")
            assert done.code == 0, done.err


def test_check_takes_what_the_others_take(patternc, tmp_path):
    inline = ("-e", "local(128) | stride(64)", "--causal", "--layers", 2, "--heads", 2, "--tokens", 4096)
    done = patternc("check", *inline)
    assert (done.code, done.out, done.err) == (0, "no errors\n", "")
    (tmp_path / "a.attn").write_text("model m { causal tokens 64 layers 1 { all: self } }\n")
    done = patternc("check", "a.attn", "--layers", 2)
    assert done.code == 2
    assert "--layers goes with -e" in done.message
