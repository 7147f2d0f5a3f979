"""Where results go: narrow terminals, pipes that nobody reads, a standard output that is full."""

import os
from pathlib import Path

import pytest

from tests.cli.arguments import EXAMPLE, INLINE


@pytest.mark.parametrize("columns", [20, 40, 60, 79, 100])
def test_narrow_terminals_lose_nothing(patternc, columns):
    wide = patternc("analyse", EXAMPLE, variables={"COLUMNS": "400"})
    narrow = patternc("analyse", EXAMPLE, variables={"COLUMNS": str(columns)})
    assert narrow.code == wide.code == 0
    assert max(map(len, narrow.out.splitlines())) <= columns
    bars = str.maketrans("", "", "█▏▎▍▌▋▊▉▀▄")  # and masks, for which there is no room

    def words(text):
        return set("".join(text.translate(bars).replace(":", " ").split()))

    assert words(narrow.out) >= words(wide.out)
    for value in ("pairs a head", "of dense", "tiles", "after layer", "least", "mean", "most"):
        assert value in " ".join(narrow.out.split())


def test_show_fits_the_terminal(patternc):
    for columns in (12, 20, 40):
        done = patternc("show", EXAMPLE, variables={"COLUMNS": str(columns)})
        assert max(map(len, done.out.splitlines())) <= columns
    assert patternc("show", *INLINE, variables={"COLUMNS": "1"}).code == 0


@pytest.mark.parametrize("arguments", [("show", *INLINE), ("analyse", *INLINE, "--json"), ("explain",), ("--help",)])
def test_nobody_reads_on(patternc, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = patternc(*arguments, stdout=writer)
    finally:
        os.close(writer)
    assert done.err == ""
    assert done.code == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", EXAMPLE),
        ("check", EXAMPLE, "--format", "json"),
        ("check", EXAMPLE, "--format", "sarif"),
        ("explain", "PA201"),
        ("explain", "--help"),
        ("fmt", "-e", "local(8)"),
        ("show", *INLINE),
        ("analyse", *INLINE),
        ("diff", EXAMPLE, EXAMPLE),
        ("mask", *INLINE, "-o", "m.npy"),
        ("--version",),
        ("--help",),
    ],
)
def test_standard_output_that_is_full(patternc, arguments):
    """A result that is lost is one line of error, whatever the command, and no answer: neither 0 nor 1."""
    with open("/dev/full", "w") as full:
        done = patternc(*arguments, stdout=full)
    assert done.err == "error: standard output cannot be written: No space left on device\n"
    assert done.code == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_text_longer_than_buffers_that_cannot_be_written(patternc, tmp_path):
    """It is written at once, and nothing of it is left to be written at the end."""
    with open("/dev/full", "w") as full:
        done = patternc("fmt", "-e", " | ".join(f"local({w})" for w in range(1, 2000)), stdout=full)
    assert (done.code, done.err) == (2, "error: standard output cannot be written: No space left on device\n")
