"""How diagnostics are drawn: carets under the right cells, whatever the width, the script and the number of files."""

import re

import pytest

from patternc.diagnostics import Diagnostic, Fix, Label, PatternError, ordered, render, summary
from patternc.source import Source, Span

SOURCE = Source("a.attn", "param width = 128\n\nmodel m {\n\tlayers 1 { all: local(widht) }\n}\n")


def at(text, source=SOURCE, label="", primary=True):
    start = source.text.index(text)
    return Label(source, Span(start, start + len(text)), label, primary)


def drawn(*labels, width=100, notes=(), fix=None, message="wrong", code="PA201", colour=False):
    return render([Diagnostic(code, message, labels, notes, fix)], width=width, colour=colour)


def test_the_whole_picture():
    fix = Fix("did you mean `width`?", SOURCE, at("widht").span, "width")
    text = drawn(
        at("widht", label="not declared"), at("width", label="declared here", primary=False), notes=("a note",), fix=fix
    )
    assert text == (
        "error[PA201]: wrong\n"
        " --> a.attn:4:24\n"
        "  |\n"
        "1 | param width = 128\n"
        "  |       ----- declared here\n"
        "...\n"
        "4 |     layers 1 { all: local(widht) }\n"
        "  |                           ^^^^^ not declared\n"
        "  |\n"
        "  = a note\n"
        "help: did you mean `width`?\n"
        "  |\n"
        "4 |     layers 1 { all: local(width) }\n"
        "  |                           ~~~~~\n"
    )


def test_warnings_and_errors():
    assert Diagnostic("PA899", "").severity == "error"
    assert Diagnostic("PA900", "").severity == "warning"
    assert drawn(code="PA901", message="unused") == "warning[PA901]: unused\n"
    assert summary([Diagnostic("PA101", ""), Diagnostic("PA102", ""), Diagnostic("PA901", "")]) == "2 errors, 1 warning"
    assert summary([]) == ""


def test_several_labels_on_a_line():
    source = Source("b.attn", "local(1, back = 2, ahead = 3)")
    text = drawn(
        at("1", source, "one", primary=False), at("back", source, "two"), at("ahead", source, "three", primary=False)
    )
    assert text.splitlines()[3:] == [
        "1 | local(1, back = 2, ahead = 3)",
        "  |       -  ^^^^      ----- three",
        "  |       |  |",
        "  |       |  two",
        "  |       one",
    ]


def test_labels_at_one_place():
    source = Source("b.attn", "local(8)")
    text = drawn(at("8", source, "one"), at("8", source, "other", primary=False))
    assert "one" in text
    assert "other" in text


def test_an_insertion_points_between_characters():
    source = Source("b.attn", "param a 1\n")
    text = drawn(Label(source, Span(7, 7), "here"), fix=Fix("put it in", source, Span(7, 7), " ="))
    assert text.splitlines()[3:5] == ["1 | param a 1", "  |        ^ here"]
    assert text.splitlines()[-2:] == ["1 | param a = 1", "  |         +"]


def test_the_end_of_the_file():
    source = Source("b.attn", "param a =\n")
    assert drawn(Label(source, Span(10, 10), "here")).splitlines()[1:] == [
        " --> b.attn:2:1",
        "  |",
        "2 |",
        "  | ^ here",
    ]
    empty = Source("b.attn", "")
    assert drawn(Label(empty, Span(0, 0), "here")).splitlines()[-1] == "  | ^ here"


def test_a_label_over_several_lines_is_cut_to_the_first():
    source = Source("b.attn", "abc {\n  d\n}\n")
    assert drawn(Label(source, Span(4, 11), "this")).splitlines()[-2:] == ["1 | abc {", "  |     ^ this"]


def test_one_line_between_two_is_shown_and_more_are_not():
    source = Source("b.attn", "one\ntwo\nthree\nfour\nfive\n")
    text = drawn(at("one", source), at("three", source, primary=False))
    assert text.splitlines()[3:] == ["1 | one", "  | ^^^", "2 | two", "3 | three", "  | -----"]
    assert "...\n5 | five" in drawn(at("one", source), at("five", source, primary=False))


def test_numbers_are_aligned():
    source = Source("b.attn", "x\n" * 120)
    text = drawn(Label(source, Span(2 * 8, 2 * 8 + 1)), Label(source, Span(2 * 110, 2 * 110 + 1), "", False))
    assert text.splitlines()[1:] == [
        "   --> b.attn:9:1",
        "    |",
        "  9 | x",
        "    | ^",
        "...",
        "111 | x",
        "    | -",
    ]


def test_tabs_wide_characters_and_controls():
    source = Source("b.attn", "\tкey \u4e2d\u6587 e\u0301 \x07 here")
    line, marks = drawn(at("here", source)).splitlines()[3:5]
    assert line == "1 |     кey \u4e2d\u6587 e\u0301 \ufffd here"
    assert marks == "  |" + " " * (1 + 4 + 4 + 5 + 2 + 2) + "^^^^"
    marks = drawn(at("\u6587", source)).splitlines()[4]
    assert marks.endswith("^^"), "a wide character gets two carets"


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_asked_for(width):
    text = "param a = " + " + ".join(f"name{i}" for i in range(80)) + " + wrong + " + " + ".join(map(str, range(80)))
    source = Source("b.attn", text)
    label = at("wrong", source, "a label with a good many words that has to go somewhere")
    rendered = drawn(
        label,
        at("name3", source, "another one", primary=False),
        message="a message that is much longer than forty columns and has to be wrapped",
        notes=("a note that is longer than forty columns as well, by quite a bit",),
        fix=Fix("a proposal with many words, too many for one line", source, label.span, "right"),
        width=width,
    )
    assert max(map(len, rendered.splitlines())) <= width
    shown = [line for line in rendered.splitlines() if "wrong" in line and " | " in line]
    assert shown, rendered
    if width < 200:
        assert "\u2026" in shown[-1]
    line = shown[0]
    marks = rendered.splitlines()[rendered.splitlines().index(line) + 1]
    assert line[marks.index("^") : marks.rindex("^") + 1] == "wrong"


def test_colour_changes_nothing_but_colour():
    fix = Fix("did you mean `width`?", SOURCE, at("widht").span, "width")
    labels = (at("widht", label="not declared"), at("width", label="declared here", primary=False))
    plain = drawn(*labels, notes=("note",), fix=fix)
    coloured = drawn(*labels, notes=("note",), fix=fix, colour=True)
    assert coloured != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert "\x1b" not in plain


def test_several_files():
    other = Source("lib/b.attn", "pattern window = local(8)\n")
    text = drawn(at("width", label="again"), at("window", other, "first", primary=False))
    assert text == (
        "error[PA201]: wrong\n"
        " --> a.attn:1:7\n"
        "  |\n"
        "1 | param width = 128\n"
        "  |       ^^^^^ again\n"
        " ::: lib/b.attn:1:9\n"
        "  |\n"
        "1 | pattern window = local(8)\n"
        "  |         ------ first\n"
    )


def test_the_primary_file_comes_first_whatever_the_order_of_labels():
    other = Source("lib/b.attn", "pattern window = local(8)\n")
    text = drawn(at("window", other, "first", primary=False), at("width", label="again"))
    assert text.index("a.attn") < text.index("lib/b.attn")
    assert "--> a.attn" in text


def test_order():
    first, second = Diagnostic("PA300", "b", (at("layers"),)), Diagnostic("PA200", "a", (at("widht"),))
    nowhere = Diagnostic("PA400", "c")
    assert ordered([second, first, nowhere, first]) == (nowhere, first, second)


def test_the_exception_shows_itself():
    error = PatternError([Diagnostic("PA201", "wrong", (at("widht"),))])
    assert str(error).strip().startswith("error[PA201]: wrong")
    assert error.diagnostics[0].code == "PA201"


def test_positions():
    source = Source("x", "ab\r\ncd\re\n\nf")
    assert source.lines == 5
    assert [source.line(number) for number in range(1, 6)] == ["ab", "cd", "e", "", "f"]
    assert source.position(0) == (1, 1)
    assert source.position(4) == (2, 1)
    assert source.position(len(source.text)) == (5, 2)
