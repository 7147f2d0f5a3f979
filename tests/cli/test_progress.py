"""Long work is shown on a terminal, and an interrupt ends it at once: a real command in a real terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import sys

import pytest

LONG = [
    *("analyse", "-e", "local(64) | keys(40000) | diagonals([0, powers(3)])", "--bidirectional"),
    *("--layers", "48", "--tokens", "65536"),
]
"""Every key is followed through 48 layers: some minutes."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no terminals of this kind")


def started(*arguments, out):
    """The command with its standard error on a terminal, and the other side of that terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "patternc", *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(command, stdout=out, stderr=theirs, env=environment, start_new_session=True)
    os.close(theirs)
    return process, ours


def read_until(terminal, pattern, text=""):
    """What appears, up to `pattern` or the end."""
    while pattern is None or not re.search(pattern, text):
        select.select([terminal], [], [])
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            return text
        if not piece:
            return text
        text += piece.decode()
    return text


def test_stages_are_shown_and_an_interrupt_ends_it():
    process, terminal = started(*LONG, out=subprocess.PIPE)
    try:
        shown = read_until(terminal, "following keys through the layers")
        assert "following keys through the layers" in shown
        os.kill(process.pid, signal.SIGINT)
        rest = read_until(terminal, None)
    finally:
        process.kill()
        out, _ = process.communicate()
        os.close(terminal)
    assert process.returncode == 130
    assert out == b""
    assert "interrupted" in rest
    assert "Traceback" not in shown + rest


def test_a_script_sees_no_progress(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "patternc", "analyse", "-e", "local(64)", "--causal", "--tokens", "4096"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_quick_work_shows_nothing():
    process, terminal = started("check", "-e", "local(64)", "--causal", "--tokens", "64", out=subprocess.DEVNULL)
    shown = read_until(terminal, None)
    assert process.wait() == 0
    os.close(terminal)
    assert shown == ""
