"""The table of a schedule, row by row: which pattern each head of a layer has.

For: `elaborate.py`. Patterns that are equal are one, and what does not depend on the layer or head is evaluated once.
Not for: what one pattern says (`terms.py`), or which entry a layer gets (`assign.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from patternc.algebra import relation as r
from patternc.algebra.assign import selected
from patternc.algebra.evaluation import Evaluation, Frame, Stop
from patternc.algebra.positions import Domain
from patternc.algebra.primitives import Place
from patternc.algebra.schedule import HeadPattern
from patternc.algebra.terms import head_pattern
from patternc.diagnostics import Label
from patternc.grammar import typed
from patternc.source import Span


@dataclass(slots=True)
class Patterns:
    """The distinct patterns met so far, and which of them each evaluated entry is."""

    indices: dict[tuple[tuple[r.Relation, ...], ...], int]
    """By the relations of the terms of each branch."""
    patterns: list[HeadPattern]
    places: list[Label]
    terms: list[tuple[Label, ...]]
    evaluated: dict[tuple[int, int, int | None, int | None, int | None], int | None]
    """By layer entry and head entry, and the layer, the head and the kv head where the evaluation read them."""
    group: int = 1
    """Heads that share a kv head."""


def row_of(
    evaluation: Evaluation,
    frame: Frame,
    place: Place,
    known: Patterns,
    numbered_entry: tuple[int, typed.Pattern | typed.Heads],
    layer: int,
    heads: int,
) -> tuple[int, ...] | None:
    """The patterns of all heads of a layer; None when one of them is wrong."""
    position, entry = numbered_entry
    if not isinstance(entry, typed.Heads):
        numbered = (position, 0, entry)
        row = [_pattern(evaluation, frame, place, known, numbered, layer, 0)]
        if any((position, 0, of_layer, None, None) in known.evaluated for of_layer in (None, layer)):
            row *= heads
        else:
            row += [_pattern(evaluation, frame, place, known, numbered, layer, head) for head in range(1, heads)]
    else:
        owners = head_owners(evaluation, replace(frame, layer=layer), entry, heads)
        row = [
            None
            if owner is None
            else _pattern(evaluation, frame, place, known, (position, owner, entry.entries[owner].pattern), layer, head)
            for head, owner in enumerate(owners)
        ]
    indices = tuple(index for index in row if index is not None)
    return indices if len(indices) == heads else None


def head_owners(evaluation: Evaluation, frame: Frame, entry: typed.Heads, heads: int) -> list[int | None]:
    """For each head of a layer the head entry it gets its pattern from; None where a mistake hides it."""
    domain = Domain(heads, "head", f"a model of {heads} heads")
    block = Span(entry.span.start, entry.span.start + len("heads"))
    return selected(evaluation, frame, [each.selector for each in entry.entries], domain, block)


def _pattern(
    evaluation: Evaluation,
    frame: Frame,
    place: Place,
    known: Patterns,
    numbered: tuple[int, int, typed.Pattern],
    layer: int,
    head: int,
) -> int | None:
    """The index of the pattern of one head; None when it is wrong.

    What an evaluation read of its place says for which others it holds: a run that read neither the layer nor the head
    would run the same way for all of them, one that read the kv head for all that share it.
    """
    entry, head_entry, pattern = numbered
    kv_head = head // known.group
    for of_layer in (None, layer):
        for of_head, of_kv_head in ((None, None), (None, kv_head), (head, None), (head, kv_head)):
            if (entry, head_entry, of_layer, of_head, of_kv_head) in known.evaluated:
                return known.evaluated[(entry, head_entry, of_layer, of_head, of_kv_head)]
    evaluation.read.clear()
    evaluation.begin(frame.label(pattern.span))
    try:
        found, terms = head_pattern(evaluation, replace(frame, layer=layer, head=head), place, pattern)
        index = _index(known, found, frame.label(pattern.span), terms)
    except Stop:
        index = None
    of_layer = layer if "layer" in evaluation.read else None
    of_head = head if "head" in evaluation.read else None
    of_kv_head = kv_head if "kv_head" in evaluation.read else None
    known.evaluated[(entry, head_entry, of_layer, of_head, of_kv_head)] = index
    return index


def _index(known: Patterns, pattern: HeadPattern, place: Label, terms: tuple[Label, ...]) -> int:
    key = tuple(tuple(term.relation for term in branch.terms) for branch in pattern.branches)
    index = known.indices.setdefault(key, len(known.patterns))
    if index == len(known.patterns):
        known.patterns.append(pattern)
        known.places.append(place)
        known.terms.append(terms)
    return index
