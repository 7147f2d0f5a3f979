"""What the tests of the front end share: a text through all its stages, and a pattern as the pairs it denotes."""

from patternc.algebra.elaborate import elaborate, elaborate_parts
from patternc.algebra.holds import holds
from patternc.diagnostics import has_errors, ordered, render
from patternc.grammar.check import check
from patternc.grammar.parse import parse
from patternc.grammar.reading import text_source
from patternc.source import Source


def diagnosed(text, **options):
    """All diagnostics of a text, or of a Source."""
    source = text if isinstance(text, Source) else text_source(text)
    checked = check(parse(source))
    found = checked.diagnostics
    if checked.program.model is None:
        found = (*found, *elaborate_parts(checked.program))
        if has_errors(found):
            return ordered(found)
    return ordered((*found, *elaborate(checked.program, **options).diagnostics))


def codes(text, **options):
    return [each.code for each in diagnosed(text, **options)]


def program_of(text):
    """The checked program of a text without errors."""
    checked = check(parse(text if isinstance(text, Source) else text_source(text)))
    assert not has_errors(checked.diagnostics), render(checked.diagnostics)
    return checked.program


def elaborated(text, **options):
    """What a text without errors says."""
    result = elaborate(program_of(text), **options)
    assert result.schedule is not None, render(result.diagnostics)
    return result


def schedule_of(text, **options):
    return elaborated(text, **options).schedule


def model(pattern, n=24, direction="causal", settings="", before=""):
    return f"{before}\nmodel m {{ {direction} tokens {n} {settings} layers 1 {{ all: {pattern} }} }}"


def relation_of(pattern, n=24, direction="causal", **options):
    return schedule_of(model(pattern, n, direction, **options)).pattern(0, 0).relation


def pairs_of(pattern, n=24, direction="causal", **options):
    """The pairs (i, j) of a pattern in a model of one layer and head."""
    relation = relation_of(pattern, n, direction, **options)
    return {(i, j) for i in range(n) for j in range(n) if holds(relation, i, j, n)}


def pairs_where(predicate, n=24):
    return {(i, j) for i in range(n) for j in range(n) if predicate(i, j)}
