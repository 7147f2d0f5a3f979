"""`formatted`: white space alone changes, comments stay where they belong, and once formatted is formatted."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from patternc.diagnostics import PatternError, render
from patternc.grammar.document import WIDTH
from patternc.grammar.format import format_file, formatted
from patternc.grammar.lexer import scan
from patternc.grammar.parse import parse
from patternc.source import Source
from tests.conftest import LONG
from tests.grammar.trees import files

ROOT = Path(__file__).resolve().parents[2]
LAYOUTS = Path(__file__).with_name("layouts")
SHIPPED = sorted([*ROOT.glob("examples/*.attn"), *ROOT.glob("patternc/library/*.attn")])
SIGNS = {",", ":", "=", "{", "(", "+", "|", "-", "&", "*", "//", "%", "/", "<=", ">=", "==", "!=", "<", ">"}
"""What a comment may change sides with."""


def tree_of(text):
    parsed = parse(Source("x", text))
    assert not parsed.diagnostics, f"{text}\n{render(parsed.diagnostics)}"
    return parsed.tree


def words_and_comments(text):
    """The words that are no such signs, and the comments, in their order."""
    tokens = scan(text)
    found, stop = [], 0
    for start, end, word in [*((each.start, each.stop, each.text) for each in tokens), (len(text), len(text), "")]:
        between = text[stop:start].replace("\r", "\n")
        found += [line[line.index("#") :].rstrip() for line in between.split("\n") if "#" in line]
        if word not in SIGNS:
            found.append(word)
        stop = end
    return found


def is_formatted_well(text):
    written = formatted(text)
    assert formatted(written) == written, f"{text}\n----\n{written}\n----\n{formatted(written)}"
    assert tree_of(written) == tree_of(text), f"{text}\n----\n{written}"
    assert [each.text for each in scan(written)] == [each.text for each in scan(text)]
    assert words_and_comments(written) == words_and_comments(text), f"{text}\n----\n{written}"
    lines = written.replace("\r\n", "\n").split("\n")
    assert not any(line != line.rstrip() or "\t" in line for line in lines if "#" not in line)
    assert not any(line == after == "" for line, after in pairwise(lines))
    assert lines[-1] == ""
    assert not lines[0].startswith(" ")
    assert lines[0] or len(lines) == 1
    return written


gaps = st.one_of(
    st.sampled_from([" ", "  ", "\t", "\n", "\n\n", "\n \n\n", "\r\n", "\r\n\r\n"]),
    st.builds(
        lambda before, text, after: f"{before}#{text}\n{after}",
        st.sampled_from(["", " ", "\n", "\n\n    "]),
        st.sampled_from(["", " why", " a, b | c: {", "# ", " \t", " }"]),
        st.sampled_from(["", "    ", "\n", "# another\n", "\n# apart\n\n"]),
    ),
)


@st.composite
def scattered(draw):
    """A file with its words apart by anything that may stand between two words, now and then a comment."""
    text = format_file(draw(files))
    often = draw(st.sampled_from([0.03, 0.2, 1.0]))
    parts, stop, in_selector = [], 0, False
    for token in scan(text):
        between = text[stop : token.start]
        # the minus of a selector is one by the colon on its line
        if not in_selector and draw(st.floats(0, 1)) < often:
            between = draw(gaps)
        parts += [between, token.text]
        in_selector = (in_selector or token.type == "SELECTOR_MINUS") and token.text != ":"
        stop = token.stop
    return "".join([*parts, draw(st.one_of(st.sampled_from(["", "\n"]), gaps)), draw(st.sampled_from(["", "# end"]))])


@given(scattered())
@settings(max_examples=2000 if LONG else 150)
@example("")
@example("# nothing")
@example("\n\n\n# a\n\n\n# b")
@example("pattern p = a |  # one\n  b |  # two\n  c")
@example("param x = # c\n 3 param y # d\n = # e\n 4")
@example("model m { layers 2 { 0: dense # c\n -1: self } }")
@example("model m { layers 2 # c\n # d\n { # e\n # f\n } # g\n }")
@example("model m { layers 2 = repeat { 5 # a\n * # b\n self } }")
def test_formatting(text):
    is_formatted_well(text)


@given(files)
@settings(max_examples=200)
def test_trees_are_printed_as_texts_are_formatted(file):
    text = format_file(file)
    assert formatted(text) == text


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_ships_is_canonical(path):
    text = path.read_bytes().decode()
    assert formatted(text, path.name) == text


@pytest.mark.parametrize("path", sorted(LAYOUTS.glob("*.attn")), ids=lambda path: path.stem)
def test_layouts(path, golden):
    """What was written by hand, and how it looks afterwards."""
    text = path.read_bytes().decode()
    written = is_formatted_well(text)
    golden(path.with_suffix(".txt"), written)
    code = [line for line in written.split("\n") if "#" not in line]
    assert max(map(len, code)) <= WIDTH


def test_line_ends_are_those_of_the_first_line():
    assert formatted("param a=1\r\nparam b=2") == "param a = 1\r\nparam b = 2\r\n"
    assert formatted("param a=1\nparam b=2\r\n") == "param a = 1\nparam b = 2\n"
    assert formatted("param a=1 # c\r\n") == "param a = 1                             # c\r\n"
    assert formatted("param a=1\rparam b=2\r") == "param a = 1\nparam b = 2\n"


def test_what_does_not_parse_is_refused():
    with pytest.raises(PatternError) as raised:
        formatted("param a = (1\npattern = dense\n", "x.attn")
    assert len(raised.value.diagnostics) == 2
    assert "x.attn" in str(raised.value)


def test_a_large_file_takes_time_in_proportion():
    """One list, and very many entries: a printer that looks ahead again and again would not end."""
    ids = ", ".join(map(str, range(6000)))
    assert len(formatted(f"param ids = [{ids}]").split("\n")) > 300
    entries = " ".join(f"{number}: self" for number in range(3000))
    assert formatted(f"model m {{ layers 3000 {{ {entries} }} }}").count("\n") == 3004


def test_what_would_be_too_large_to_be_read_is_refused():
    with pytest.raises(PatternError, match="PA003"):
        formatted(f"model m {{ layers 20000 = repeat {{ {'1*a ' * 40_000} }} }}")
