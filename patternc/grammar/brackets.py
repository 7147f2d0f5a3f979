"""Edits for brackets that are never opened, never closed, closed by another shape, or closed twice.

For: `edits.py`. Not for: braces that the indent of the lines gives away (`braces.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from patternc.diagnostics import Diagnostic
from patternc.grammar.lexer import END, Token
from patternc.grammar.places import FAR, Edit, Place, new_token, tokens_of
from patternc.grammar.signatures import FACTS, FUNCTIONS, LIST_FUNCTIONS, PRIMITIVES
from patternc.grammar.terminals import CLOSERS, SIGNS, STATEMENTS
from patternc.grammar.tree import ABSENT
from patternc.source import Span


def brackets(place: Place) -> Iterator[Edit]:
    """Brackets that are not closed, closed by another shape, or closed twice."""
    token, brackets = place.token, place.brackets
    if token.type in CLOSERS.values():
        wanted = CLOSERS[brackets[-1].type] if brackets else None
        if wanted is None or (wanted != token.type and all(CLOSERS[each.type] != token.type for each in brackets)):
            if wanted is not None:
                yield _wrong_shape(place, brackets[-1], wanted)
            yield _closes_nothing(place)
            return
    for count in range(1, len(brackets) + 1):
        inner = brackets[-count:]
        if inner[0].type == "LBRACE" and not (token.type in (*STATEMENTS, END) or token.type == "RBRACE"):
            break
        if count == 1 and _closed_on_this_line(place, inner[0]):
            break
        yield _never_closed(place, inner)
    if token.type in CLOSERS.values():
        if brackets and CLOSERS[brackets[-1].type] != token.type:
            yield _wrong_shape(place, brackets[-1], CLOSERS[brackets[-1].type])
        yield _closes_nothing(place)


def callables(tokens: Sequence[Token]) -> frozenset[str]:
    """The words that brackets follow: the language's own and the patterns declared in a text."""
    declared = {name.text for word, name in pairwise(tokens) if word.type == "PATTERN" and name.types[-1] == "NAME"}
    return frozenset((*PRIMITIVES, *FUNCTIONS, *LIST_FUNCTIONS, *FACTS, *declared))


def glued(token: Token, names: frozenset[str]) -> str | None:
    """The one of `names` that a word begins with, its argument right behind it, as in `local8)`; None where none is."""
    if token.types[-1] != "NAME" or token.text in names:
        return None
    begun = [name for name in names if token.text.startswith(name)]
    name = max(begun, key=len, default=None)
    rest = token.text.removeprefix(name or "")
    return name if rest.isidentifier() or rest.isdigit() else None


def lost_opener(place: Place) -> Iterator[Edit]:
    """A word that is a name and its first argument: the bracket between them is missing."""
    token = place.token
    name = glued(token, place.callables)
    if name is None:
        return
    middle = token.start + len(name)
    rest = token.text.removeprefix(name)
    diagnostic = Diagnostic(
        "PA105",
        f"`(` is missing after `{name}`",
        (place.label(token.span, "`(` is needed inside"),),
        fix=place.fix("put in `(`", Span(middle, middle), "("),
    )
    argument = Token(("INT" if rest.isdigit() else "NAME",), rest, middle, token.stop)
    inserted = (Token(("NAME",), name, token.start, middle), Token(("LPAR",), "(", middle, middle), argument)
    yield Edit(diagnostic, inserted, 1)


def braces(place: Place, could: set[str]) -> Iterator[Edit]:
    """`{dense}` for a pattern, and `{ 0: dense }` without its word."""
    if place.token.type != "LBRACE" or "LPAR" not in could:
        return
    stop = place.position
    depth = 1
    while depth and stop + 1 < len(place.stream):
        stop += 1
        depth += (place.stream[stop].type == "LBRACE") - (place.stream[stop].type == "RBRACE")
    if depth:
        return
    inner = place.stream[place.position + 1 : stop]
    opened, closed = place.token, place.stream[stop]
    if any(each.type == "COLON" for each in inner):
        if "HEADS" in could:
            diagnostic = Diagnostic(
                "PA105",
                "`heads` is missing before `{`",
                (place.label(opened.span, "a pattern for each head?"),),
                fix=place.fix("put in `heads`", Span(opened.start, opened.start), "heads "),
            )
            yield Edit(diagnostic, (new_token("HEADS", place),))
        return
    span = Span(opened.start, closed.stop)
    content = place.source.text[opened.stop : closed.start].strip()
    text, written = ("write `( )`", f"({content})") if len(inner) > 1 else ("leave them out", content)
    diagnostic = Diagnostic(
        "PA103",
        "a pattern does not stand in braces",
        (place.label(opened.span, "braces are for blocks of entries"), place.label(closed.span, "", primary=False)),
        fix=place.fix(text, span, written) if inner else None,
    )
    missing = () if inner else (new_token("NAME", place, ABSENT),)
    yield Edit(diagnostic, (*inner, *missing), len(inner) + 2, sure=True)


def _closed_on_this_line(place: Place, opened: Token) -> bool:
    """Whether a bracket has its partner further on in the line, so that something else is wrong."""
    waiting = [opened.type]
    for token in place.stream[place.position : place.position + FAR]:
        if token.begins_line:
            return False
        if token.type in CLOSERS:
            waiting.append(token.type)
        elif token.type in CLOSERS.values() and CLOSERS[waiting.pop()] != token.type:
            return False
        if not waiting:
            return True
    return False


def _wrong_shape(place: Place, opened: Token, wanted: str) -> Edit:
    token = place.token
    sign = SIGNS[wanted]
    diagnostic = Diagnostic(
        "PA103",
        f"`{opened.text}` is closed by `{token.text}`",
        (place.label(token.span, f"`{sign}` is needed"), place.label(opened.span, "opened here", primary=False)),
        fix=place.fix(f"write `{sign}`", token.span, sign),
    )
    return Edit(diagnostic, (Token((wanted,), sign, token.start, token.stop),), 1)


def _closes_nothing(place: Place) -> Edit:
    token = place.token
    diagnostic = Diagnostic(
        "PA103",
        f"this `{token.text}` closes nothing",
        (place.label(token.span, "no bracket is open for it"),),
        fix=place.fix("leave it out", token.span, ""),
    )
    return Edit(diagnostic, (), 1, weak=True)


def _never_closed(place: Place, opened: Sequence[Token]) -> Edit:
    """Close the brackets `opened` (outermost first, at least one) here."""
    closers = tuple(new_token(CLOSERS[each.type], place) for each in reversed(opened))
    signs = "".join(each.text for each in closers)
    blamed = opened[-1]
    gap = _end_of_numbers(place, opened[-1]) or place.gap
    labels = [place.label(blamed.span, "opened here")]
    labels += [place.label(each.span, "and this one", primary=False) for each in opened if each is not blamed][:3]
    if place.source.position(gap.start)[0] != place.source.position(blamed.start)[0] and "}" not in signs:
        labels.append(place.label(gap, f"`{signs}` is needed by here", primary=False))
    count = f"{len(opened)} brackets are" if len(opened) > 1 else f"this `{blamed.text}` is"
    replacement = signs
    if "}" in signs:
        line, _ = place.source.position(opened[0].start)
        text = place.source.line(line)
        same = line == place.source.position(gap.start)[0]
        replacement = f" {signs}" if same else "\n" + text[: len(text) - len(text.lstrip())] + signs
    fix = place.fix(f"close {'them' if len(opened) > 1 else 'it'} with `{signs}`", gap, replacement)
    diagnostic = Diagnostic("PA102", f"{count} never closed", tuple(labels), fix=fix)
    return Edit(diagnostic, closers, content_lost=True)


def _end_of_numbers(place: Place, opened: Token) -> Span | None:
    """Where the arguments end of a call that takes no patterns: before the first `|` or `&`."""
    start = place.last.back_to(opened) if place.last else None
    if start is None or start.before is None:
        return None
    signature = PRIMITIVES.get(start.before.token.text)
    if signature is None or any(parameter.kind == "pattern" for parameter in signature.parameters):
        return None
    depth = 0
    for before, token in pairwise(tokens_of(place.last, start.before)):
        depth += (before.type in CLOSERS) - (before.type in CLOSERS.values())
        if depth == 1 and token.type in ("OR", "AND"):
            return Span(before.stop, before.stop)
    return None
