"""A single pattern or statement, as -e takes it: parsed by itself, whatever text it is put into afterwards.

For: mistakes in what was typed that are shown there, and not in a statement made around it. Not for: names and kinds,
which depend on where a pattern stands.
"""

from __future__ import annotations

from dataclasses import replace

from patternc.diagnostics import Diagnostic, Label, PatternError, has_errors
from patternc.grammar import tree
from patternc.grammar.lexer import scan
from patternc.grammar.parse import parse
from patternc.grammar.reading import text_source
from patternc.grammar.terminals import STATEMENTS
from patternc.source import Source, Span

BEFORE_PATTERN = "pattern given =\n"
"""What makes a statement of a pattern."""


def single_pattern(text: str, name: str) -> tuple[Source, tree.Pattern]:
    """The statement that `BEFORE_PATTERN` makes of a pattern, and its text. `name` is what mistakes call it.

    Raises PatternError for a text that is no pattern, and ValueError where statements follow it.
    """
    source = text_source(f"{BEFORE_PATTERN}{text}\n", name)
    parsed = parse(source)
    end = next((each.start for each in scan(source.text)[1:] if each.type in STATEMENTS), len(source.text))
    wrong = [each for each in parsed.diagnostics if all(label.span.start <= end for label in each.labels)]
    if wrong:  # what is wrong in statements behind it is left out: none should be there
        typed = Source(name, text)
        raise PatternError([_in_what_was_typed(each, typed) for each in wrong])
    pattern, *others = parsed.tree.statements
    if others or parsed.diagnostics:
        raise ValueError("more than a pattern: statements belong in a file")
    assert isinstance(pattern, tree.Pattern)
    return source, pattern


def single_statement(text: str, name: str) -> None:
    """Hold a text against being one statement, such as a parameter; `name` is what mistakes call it.

    Raises PatternError for a text that is none, and ValueError where others follow it.
    """
    parsed = parse(text_source(f"{text}\n", name))
    if has_errors(parsed.diagnostics):
        raise PatternError(parsed.diagnostics)
    if len(parsed.tree.statements) != 1:
        raise ValueError("more than one value: statements belong in a file")


def _in_what_was_typed(diagnostic: Diagnostic, typed: Source) -> Diagnostic:
    """A mistake with the places it has in the text itself; one before the text is that no pattern begins it."""

    def moved(span: Span) -> Span:
        start, stop = (min(max(each - len(BEFORE_PATTERN), 0), len(typed.text)) for each in (span.start, span.stop))
        return Span(start, stop)

    if any(label.primary and label.span.start < len(BEFORE_PATTERN) for label in diagnostic.labels):
        return Diagnostic("PA104", "a pattern is missing", (Label(typed, Span(0, 0), "a pattern is needed here"),))
    labels = tuple(replace(label, source=typed, span=moved(label.span)) for label in diagnostic.labels)
    fix = diagnostic.fix and replace(diagnostic.fix, source=typed, span=moved(diagnostic.fix.span))
    return replace(diagnostic, labels=labels, fix=fix)
