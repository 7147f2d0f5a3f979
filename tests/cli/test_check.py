"""`patternc check` on projects of several files, and on files with nothing in them."""


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
