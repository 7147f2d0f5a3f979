"""The command line as a user calls it: a new process, what it prints and how it ends."""

import subprocess
import sys
from dataclasses import dataclass

import pytest


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def message(self):
        """Standard error with line breaks as spaces: messages are wrapped to the terminal."""
        return " ".join(self.err.split())


@pytest.fixture
def patternc(tmp_path):
    """Run `patternc` with arguments, in an empty directory; a traceback is always a failure.

    `variables` are environment variables, `stdout` a file descriptor instead of a pipe that is read to its end.
    """

    def run(*arguments, variables=None, stdout=subprocess.PIPE):
        done = subprocess.run(
            [sys.executable, "-m", "patternc", *map(str, arguments)],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **(variables or {})},
            timeout=300,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run
