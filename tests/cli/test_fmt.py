"""`patternc fmt`: what it writes, prints and leaves alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.attn"))
LOOSE = "param l=128 # the stride\nmodel m { causal tokens 64 layers 1 { all: local(l)|stride(l) } }"
TIGHT = """param l = 128                           # the stride

model m {
    causal
    tokens 64
    layers 1 { all: local(l) | stride(l) }
}
"""
WRONG = "model m { causal tokens 64 layers 1 { all: local(3 } }\n"


def test_files_are_written_in_place(patternc, tmp_path):
    for name in ("a.attn", "b.attn"):
        (tmp_path / name).write_text(LOOSE)
    (tmp_path / "c.attn").write_text(TIGHT)
    done = patternc("fmt", "a.attn", "b.attn", "c.attn")
    assert (done.code, done.err) == (0, "")
    assert done.out == "a.attn: formatted\nb.attn: formatted\n"
    assert all((tmp_path / name).read_text() == TIGHT for name in ("a.attn", "b.attn", "c.attn"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.attn", "b.attn", "c.attn"]


def test_what_is_canonical_is_not_touched(patternc, tmp_path):
    path = tmp_path / "c.attn"
    path.write_text(TIGHT)
    os.utime(path, ns=(10**18, 10**18))
    before = path.stat()
    done = patternc("fmt", "c.attn")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_the_mode_is_kept(patternc, tmp_path, mode):
    path = tmp_path / "a.attn"
    path.write_text(LOOSE)
    path.chmod(mode)
    assert patternc("fmt", "a.attn").code == 0
    assert path.read_text() == TIGHT
    assert path.stat().st_mode & 0o777 == mode


def test_a_link_stays_a_link(patternc, tmp_path):
    (tmp_path / "a.attn").write_text(LOOSE)
    (tmp_path / "link.attn").symlink_to("a.attn")
    assert patternc("fmt", "link.attn").code == 0
    assert (tmp_path / "link.attn").is_symlink()
    assert (tmp_path / "a.attn").read_text() == TIGHT


def test_what_cannot_be_parsed_is_left_alone(patternc, tmp_path):
    (tmp_path / "wrong.attn").write_text(WRONG)
    (tmp_path / "a.attn").write_text(LOOSE)
    (tmp_path / "latin.attn").write_bytes(b"# \xe9\n")
    done = patternc("fmt", "wrong.attn", "missing.attn", "latin.attn", "a.attn")
    assert done.code == 1
    assert done.err.count("error[") == 3
    assert (tmp_path / "wrong.attn").read_text() == WRONG
    assert (tmp_path / "a.attn").read_text() == TIGHT
    assert not (tmp_path / "missing.attn").exists()


def test_check_and_diff_write_nothing(patternc, tmp_path):
    (tmp_path / "a.attn").write_text(LOOSE)
    (tmp_path / "c.attn").write_text(TIGHT)
    done = patternc("fmt", "--check", "a.attn", "c.attn")
    assert (done.code, done.out) == (1, "a.attn: not in canonical layout\n")
    assert patternc("fmt", "--check", "c.attn").code == 0
    done = patternc("fmt", "--diff", "a.attn", "c.attn")
    assert done.code == 0
    assert done.out.startswith("--- a.attn\n+++ a.attn (formatted)\n@@")
    assert "\\ No newline at end of file\n" in done.out
    assert patternc("fmt", "--diff", "--check", "a.attn").code == 1
    assert patternc("fmt", "--diff", "c.attn").out == ""
    assert (tmp_path / "a.attn").read_text() == LOOSE


def test_a_diff_can_be_applied(patternc, tmp_path):
    (tmp_path / "a.attn").write_text(LOOSE)
    diff = patternc("fmt", "--diff", "a.attn").out
    subprocess.run(["patch", "-s", tmp_path / "a.attn"], input=diff, text=True, check=True)
    assert (tmp_path / "a.attn").read_text() == TIGHT


def run_with(text, *arguments):
    done = subprocess.run([sys.executable, "-m", "patternc", *arguments], input=text, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def test_standard_input_goes_to_standard_output():
    assert run_with(LOOSE.encode(), "fmt", "-") == (0, TIGHT.encode(), "")
    assert run_with(LOOSE.replace("\n", "\r\n").encode(), "fmt", "-")[1] == TIGHT.replace("\n", "\r\n").encode()
    assert run_with(LOOSE.encode(), "fmt", "--check", "-")[:2] == (1, b"<stdin>: not in canonical layout\n")
    code, out, err = run_with(WRONG.encode(), "fmt", "-")
    assert (code, out) == (1, b"")
    assert "<stdin>:1" in err
    assert run_with(b"# \xe9\n", "fmt", "-")[0] == 1


def test_standard_input_goes_everywhere():
    assert run_with(TIGHT.encode(), "check", "-")[:2] == (0, b"1 file without errors\n")
    assert run_with(WRONG.encode(), "check", "-")[0] == 1
    code, out, _ = run_with(TIGHT.encode(), "analyse", "-", "--json")
    assert code == 0
    assert b'"tokens": 64' in out


def test_a_pattern_is_printed(patternc):
    done = patternc("fmt", "-e", "local(3)|stride(4)   & past")
    assert (done.code, done.out, done.err) == (0, "local(3) | stride(4) & past\n", "")
    done = patternc("fmt", "-e", "local(3)| # near\n self # itself\n# end")
    assert done.out == (
        "local(3)                                # near\n| self                                  # itself\n# end\n"
    )
    assert patternc("fmt", "-e", "local(3").code == 1
    for wrong in (("-e", "local(3) param a = 1"), ("-e", "dense", "x.attn"), ("-e", "dense", "--check"), ()):
        assert patternc("fmt", *wrong).code == 2, wrong


def test_examples_are_canonical(patternc):
    done = patternc("fmt", "--check", *EXAMPLES)
    assert (done.code, done.out, done.err) == (0, "", "")
