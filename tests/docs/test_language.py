"""The reference of the language: its samples are right, its mistakes are mistakes, and no word is missing."""

import re

import pytest

from patternc.algebra import random as rnd
from patternc.catalogue import CATALOGUE
from patternc.compiler import check
from patternc.diagnostics import render
from patternc.grammar import signatures
from tests.docs.pages import DOCS, PAGES, ROOT, STATEMENTS, blocks

PAGE = DOCS / "language.md"
TEXT = PAGE.read_text(encoding="utf-8")
SAMPLES = [each for path in (*PAGES, ROOT / "README.md") for each in blocks(path, "attn")]


def diagnosed(text, path):
    """What is wrong with a sample: a file where it begins with a statement, else a pattern on every line."""
    code = re.sub(r"#.*", "", text).strip()
    if not code.startswith(STATEMENTS):
        lines = [line for line in code.splitlines() if line.strip()]
        layers = "\n".join(f"{number}: {line}" for number, line in enumerate(lines))
        text = f"model sample {{ causal tokens 4096 heads 4 layers {len(lines)} {{\n{layers}\n}} }}\n"
    path.write_text(text)
    return check(path, needs_model=False).diagnostics


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_samples_are_right_or_the_mistakes_that_they_show(sample, tmp_path):
    for other in SAMPLES:
        for name in other.files if other.page == sample.page else ():
            (tmp_path / name).write_text(other.text)
    found = diagnosed(sample.text, tmp_path / "sample.attn")
    assert sample.what in (None, "file", "mistake")
    unused = {"PA901", "PA902"} - set(sample.codes)  # a sample may declare what only its reader uses
    assert sorted(each.code for each in found if each.code not in unused) == sorted(sample.codes), render(found)


def test_every_word_and_argument_is_in_the_reference():
    code = " ".join(re.findall(r"`[^`\n]+`", TEXT)) + " ".join(each.text for each in blocks(PAGE, "attn"))
    words = set(re.findall(r"[A-Za-z_]\w*", code))
    wanted = signatures.WORDS | signatures.ARGUMENT_NAMES
    assert wanted <= words, sorted(wanted - words)


def test_the_words_that_cannot_be_declared_are_listed_and_no_others():
    listed = re.search(r"cannot be declared:\n\n((?:> .*\n)+)", TEXT).group(1)
    assert set(re.findall(r"`(\w+)`", listed)) == signatures.WORDS


def test_every_primitive_has_a_picture_or_a_table():
    for name in signatures.PRIMITIVES:
        assert re.search(rf"`{name}(\(|`)", TEXT), name


def test_all_diagnostics_are_listed(golden):
    rows = "".join(f"| {each.code} | {each.title} |\n" for each in CATALOGUE.values())
    table = f"<!-- diagnostics -->\n\n| code | mistake |\n| --- | --- |\n{rows}\n<!-- end of diagnostics -->"
    text = PAGE.read_text(encoding="utf-8")
    golden(PAGE, re.sub(r"<!-- diagnostics -->.*<!-- end of diagnostics -->", lambda _: table, text, flags=re.S))


def test_the_published_vectors_are_those_of_the_generator():
    word = r"([0-9a-f]{8})"
    rows = re.findall(rf"^\| {word} {word} {word} {word} \| {word} {word} \| (.*) \|$", TEXT, re.M)
    assert len(rows) == 3
    for *numbers, words in rows:
        c0, c1, c2, c3, k0, k1 = (int(each, 16) for each in numbers)
        assert " ".join(f"{each:08x}" for each in rnd.philox((c0, c1, c2, c3), (k0, k1))) == words
    draws = re.findall(r"^\| (\d+) \| (\(.*?\)) \| (\d+) \| 0\.\.(\d+) \| ([\d ]+) \|$", TEXT, re.M)
    assert len(draws) == 4
    for count, seed, row, stop, keys in draws:
        elements = [int(each) for each in re.findall(r"-?\d+", seed)]
        assert rnd.draw(int(count), elements, int(row), range(int(stop))) == [int(key) for key in keys.split()]
