"""A pattern that is typed by itself: its mistakes lie in what was typed, whatever stands around it."""

import pytest

from patternc.diagnostics import PatternError
from patternc.grammar.format import formatted_pattern
from patternc.grammar.single import single_pattern
from patternc.source import Source


@pytest.mark.parametrize(
    ("typed", "message", "place"),
    [
        ("", "a pattern is missing", (1, 1)),
        ("# dense", "a pattern is missing", (1, 1)),
        ("| dense", "a pattern is missing", (1, 1)),
        ("pattern", "`pattern` cannot stand here", (1, 1)),
        ("local(8", "this `(` is never closed", (1, 6)),
        ("dense |", "an expression is missing after `|`", (1, 8)),
        ("local(8) }", "this `}` closes nothing", (1, 10)),
        ("local(8) |\n  ] self", "this `]` closes nothing", (2, 3)),
        ("local(8) } heads 2 tokens 9 #", "`}` cannot stand here", (1, 10)),
        ("local(8) } } expect connected model z { ", "`}` cannot stand here", (1, 10)),
    ],
)
def test_mistakes_lie_in_what_was_typed(typed, message, place):
    with pytest.raises(PatternError) as caught:
        single_pattern(typed, "-e")
    (found,) = caught.value.diagnostics
    assert found.message == message
    assert {label.source for label in found.labels} == {Source("-e", typed)}
    assert found.labels[0].source.position(found.labels[0].span.start) == place


@pytest.mark.parametrize(
    ("typed", "fixed"),
    [("local(8) } | self", "local(8)  | self"), ("local(8", "local(8)"), ("self or past", "self | past")],
)
def test_fixes_are_of_what_was_typed(typed, fixed):
    with pytest.raises(PatternError) as caught:
        single_pattern(typed, "-e")
    (found,) = caught.value.diagnostics
    assert found.fix is not None
    assert found.fix.applied() == fixed
    formatted_pattern(fixed)


@pytest.mark.parametrize("typed", ["dense expect connected", "dense\nparam a = 1", "dense param =", "self model m {"])
def test_statements_are_more_than_a_pattern(typed):
    with pytest.raises(ValueError, match="more than a pattern"):
        single_pattern(typed, "-e")
