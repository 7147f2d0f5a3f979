"""The catalogue: complete, true to its samples, and cheap to look at."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from patternc.catalogue import CATALOGUE, SECTIONS
from patternc.cli.main import main
from tests.grammar.front import codes

PACKAGE = Path(__file__).parents[2] / "patternc"

NOT_BY_THE_FRONT_END = {
    "PA006",
    "PA010",
    "PA011",
    "PA414",
    "PA601",
    "PA606",
    "PA607",
    "PA705",
    "PA801",
    "PA905",
    "PA906",
    "PA907",
    "PA908",
}
"""Their samples need files beside them, or what comes after the front end."""


def samples():
    for entry in CATALOGUE.values():
        if not entry.wrong.startswith("patternc ") and entry.code not in NOT_BY_THE_FRONT_END:
            yield pytest.param(entry, id=entry.code)


@pytest.mark.parametrize("entry", list(samples()))
def test_samples_show_exactly_their_code(entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("windows.attn").write_text("pattern window = local(8)\n")
    without_model = {"PA208"} - {entry.code}
    assert set(codes(entry.wrong)) - without_model == {entry.code}
    assert set(codes(entry.right)) - {"PA208"} == set()


DEEP = ["PA601", "PA606", "PA705", "PA801", "PA905", "PA906", "PA907", "PA908"]
"""What `check --deep` decides. The budget of PA705 is that of a million tokens, and takes a second."""


@pytest.mark.parametrize("code", DEEP)
def test_samples_that_need_the_pairs_show_exactly_their_code(code, tmp_path):
    """As `patternc explain` prints them."""
    entry = CATALOGUE[code]
    for text, shows in ((entry.wrong, {code}), (entry.right, set())):
        (tmp_path / "sample.attn").write_text(text)
        done = CliRunner().invoke(main, ["check", "--deep", "--format", "json", str(tmp_path / "sample.attn")])
        found = {each["code"] for each in json.loads(done.stdout)["diagnostics"]}
        assert found == shows, text
        assert done.exit_code == (1 if shows and code < "PA900" else 0)


def test_every_code_that_is_raised_is_explained():
    raised = {
        code
        for path in PACKAGE.rglob("*.py")
        if path.name != "catalogue.py"
        for code in re.findall(r'"(PA\d{3})"', path.read_text())
    }
    assert raised - {"PA900"} <= CATALOGUE.keys(), "PA900 is where warnings begin"
    assert len(raised) > 50


def test_codes_are_unique_and_in_order():
    listed = [entry.code for _, entries in SECTIONS for entry in entries]
    assert listed == sorted(set(listed))


@pytest.mark.parametrize("entry", list(CATALOGUE.values()), ids=lambda entry: entry.code)
def test_texts(entry):
    assert entry.title[0] in "`abcdefghijklmnopqrstuvwxyz"
    assert not entry.title.endswith(".")
    assert entry.explanation.endswith(".")
    assert entry.wrong != entry.right


HEAVY = ["lark", "numpy", "torch", "sympy", "networkx", "click", "rich"]


def imported_with(*modules):
    """Which heavy libraries importing some modules brings in."""
    program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, *modules], capture_output=True, text=True, check=True)
    return sorted({name.split(".")[0] for name in done.stdout.split()} & set(HEAVY))


def test_explaining_needs_the_standard_library_only():
    assert imported_with("patternc.catalogue") == []


def test_serving_another_length_needs_the_standard_library_only():
    assert imported_with("patternc.grammar.typed_json", "patternc.algebra.elaborate") == []


def test_checking_needs_lark_only():
    assert imported_with("patternc.grammar.parse", "patternc.grammar.check", "patternc.algebra.elaborate") == ["lark"]
