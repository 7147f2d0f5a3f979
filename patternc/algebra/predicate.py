"""A relation as a readable predicate over i (query) and j (key).

For: the normal form that heads a generated module, and other text for people. Not for: anything that is read back.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, assert_never

from patternc.algebra import relation as r

if TYPE_CHECKING:  # its module needs numpy, which commands that only check a file do without
    from patternc.algebra.normalise import Normal

_SHOWN = 8
"""How many members of a list are shown."""


def predicate(relation: r.Relation) -> str:
    """The relation as text, such as `0 <= i - j <= 127` or `in blocks of 64: abs(i - j) <= 1`."""
    match relation:
        case r.Empty():
            return "never"
        case r.Full():
            return "always"
        case r.Band(low, high, step):
            distance = _distance(low, high)
            if step == 1:
                return distance
            multiple = f"(i - j) % {step} == 0"
            return multiple if distance == "always" else f"{distance} and {multiple}"
        case r.Residue(modulus, residues):
            return _residue("(i - j)", modulus, residues)
        case r.Columns(modulus, residues):
            return _residue("j", modulus, residues)
        case r.Rows(modulus, residues):
            return _residue("i", modulus, residues)
        case r.Keys(spans):
            return _member("j", spans)
        case r.Queries(spans):
            return _member("i", spans)
        case r.Chunk((size,)):
            return f"i // {size} == j // {size}"
        case r.Chunk(sizes):
            return f"i and j in one chunk of {', '.join(map(str, sizes))}, ..."
        case r.Random(count, seed, causal, among, avoid):
            text = f"j among {count} drawn for i (seed {', '.join(map(str, seed))}"
            text += ", from j <= i" if causal else ""
            text += "" if among is None else f", from {_member('j', among)}"
            text += "" if isinstance(avoid, r.Empty) else f", without {_operand(avoid)}"
            return f"{text})"
        case r.Layout(side, bits):
            return f"stored, {side} x {side} pairs (sha256 {sha256(bits).hexdigest()[:12]})"
        case r.Blocks(size, inner):
            return f"in blocks of {size}: {_operand(inner)}"
        case r.Within(size, inner):
            return f"modulo {size}: {_operand(inner)}"
        case r.Slice(start, stop, inner):
            return f"inside {start}..{stop}: {_operand(inner)}"
        case r.Union(parts):
            return " or ".join(map(_operand, parts))
        case r.Intersection(parts):
            return " and ".join(map(_operand, parts))
        case r.Difference(left, right):
            return f"{_operand(left)} and not {_operand(right)}"
        case _:
            assert_never(relation)


def _operand(relation: r.Relation) -> str:
    text = predicate(relation)
    compound = isinstance(relation, r.Union | r.Intersection | r.Difference) or " and " in text
    return f"({text})" if compound else text


def _distance(low: int | None, high: int | None) -> str:
    if low is None and high is None:
        return "always"
    if low is None:
        return f"i - j <= {high}"
    if high is None:
        return "j <= i" if low == 0 else f"{low} <= i - j"
    if low == high:
        return "i == j" if low == 0 else f"i - j == {low}"
    return f"abs(i - j) <= {high}" if low == -high else f"{low} <= i - j <= {high}"


def _residue(position: str, modulus: int, residues: tuple[int, ...]) -> str:
    if len(residues) == 1:
        return f"{position} % {modulus} == {residues[0]}"
    first, last = residues[0], residues[-1]
    if last - first + 1 == len(residues):
        if first == 0:
            return f"{position} % {modulus} <= {last}"
        return (
            f"{position} % {modulus} >= {first}"
            if last == modulus - 1
            else f"{first} <= {position} % {modulus} <= {last}"
        )
    return f"{position} % {modulus} in {{{', '.join(map(str, residues))}}}"


def _member(position: str, spans: r.Spans) -> str:
    if len(spans) == 1:
        start, stop = spans[0]
        if stop == start + 1:
            return f"{position} == {start}"
        return f"{position} < {stop}" if start == 0 else f"{start} <= {position} < {stop}"
    shown = [str(start) if stop == start + 1 else f"{start}..{stop}" for start, stop in spans[:_SHOWN]]
    more = f", ... {len(spans) - _SHOWN} more" if len(spans) > _SHOWN else ""
    return f"{position} in [{', '.join(shown)}{more}]"


def components(normal: Normal) -> list[str]:
    """The components of a normal form, a line each; the parts that share a line are disjoint from all others."""
    lines: list[str] = []
    if not isinstance(normal.tiled, r.Empty):
        lines.append(f"on tiles: {predicate(normal.tiled)}")
    for name, listed in (("keys", normal.keyed), ("queries", normal.queried)):
        if listed is not None:
            positions = [int(position) for position in listed.positions[:_SHOWN]]
            more = f", ... {len(listed.positions)} in all" if len(listed.positions) > _SHOWN else ""
            lines.append(f"on listed {name} {', '.join(map(str, positions))}{more}: {predicate(listed.relation)}")
    if normal.drawn is not None:
        lines.append(f"on drawn pairs: {predicate(normal.drawn.source)}, where {predicate(normal.drawn.relation)}")
    lines += [f"on residue classes, (i - j) % {part.step} == 0: {predicate(part.relation)}" for part in normal.strided]
    return lines
