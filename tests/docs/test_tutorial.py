"""The tutorial as a reader follows it: its files are written, its commands run, and they print what the page says.

A line `...` in an output stands for any lines. `--update-golden` writes outputs without such a line anew.
"""

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "tutorial.md"


def run(command, folder):
    """(exit code, what the terminal shows). A picture or plan may not depend on this machine."""
    program, *arguments = shlex.split(command)
    start = {"patternc": [sys.executable, "-m", "patternc"], "python": [sys.executable]}[program]
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "PYTHONHASHSEED")}
    done = subprocess.run(
        [*start, *arguments],
        cwd=folder,
        env={**environment, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    shown = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    return done.returncode, shown


def shows(output, expected):
    """Whether an output is what the page says."""
    parts = [re.escape(part) for part in re.split(r"^\.\.\.$", expected, flags=re.M)]
    return re.fullmatch("(?s:.*)".join(parts), output) is not None


def test_the_tutorial(request, tmp_path):
    update = request.config.getoption("--update-golden")
    page = PAGE.read_text(encoding="utf-8")
    ran = 0
    for block in blocks(PAGE):
        for name in block.files:
            (tmp_path / name).write_text(block.text)
        if block.language != "console":
            continue
        assert block.what in ("real", "fails"), f"{block}: a block of commands is `real` or `fails`"
        command, _, expected = block.text.removeprefix("$ ").partition("\n")
        code, output = run(command, tmp_path)
        ran += 1
        assert code == int(block.value or 0), f"{block}: {command} ended with {code}\n{output}"
        if not shows(output.rstrip("\n"), expected.rstrip("\n")):
            if not update or "\n...\n" in f"\n{expected}":
                pytest.fail(f"{block}: {command} shows\n{output}\nand not\n{expected}")
            page = page.replace(block.text, f"$ {command}\n{output}\n", 1)
    assert ran > 10
    if update:
        PAGE.write_text(page, encoding="utf-8")
