"""The relations of the language's own patterns at a place: windows, residues, chunks, positions, random draws.

For: `construct.py`; one function a typed pattern. Everything is in the coordinates of the place, and what no position
of the place could tell apart is left out, so that equal patterns are equal relations. Not for: lifts and operators.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from patternc.algebra import relation as r
from patternc.algebra.evaluation import Evaluation, Frame, Run
from patternc.algebra.positions import MAX_LISTED, Domain, Stretch, listed, plain, resolve, spans, too_long
from patternc.algebra.values import count, ids, in_range, number
from patternc.diagnostics import Label
from patternc.grammar import typed


@dataclass(frozen=True, slots=True)
class Ragged:
    """A lift by a size that does not divide its n, so that its last block or period is cut short."""

    size: int
    n: int
    label: Label


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pattern is: its length, whether the causal forms hold, and what messages call it."""

    n: int
    causal: bool
    title: str = "the sequence"
    ragged: Ragged | None = None
    """The outermost ragged lift around it."""

    @property
    def domain(self) -> Domain:
        """The positions that ids select from."""
        return Domain(self.n, "position", f"{self.title}, where n is {self.n}")


def at_least(
    evaluation: Evaluation, frame: Frame, place: Place, expression: typed.Number, least: int, what: str
) -> int:
    """The value of a number that must be at least `least`; `what` names it in the message. Raises Stop."""
    value = number(evaluation, frame, place.n, expression)
    if value < least:
        evaluation.stop(
            "PA401", f"{what} must be at least {least}: it is {value}", frame.label(expression.span, f"is {value}")
        )
    return value


# -- distances --------------------------------------------------------------------------------------------------------


def distances(n: int, low: int | None, high: int | None, step: int = 1) -> r.Relation:
    """The band of a place of length n; bounds that no distance of the place reaches are left out."""
    if step >= n:
        inside = (low is None or low <= 0) and (high is None or high >= 0)
        low, high, step = (0, 0, 1) if inside else (1, 0, 1)
    if (low is not None and low > n - 1) or (high is not None and high < 1 - n):
        return r.EMPTY
    low = None if low is None or low <= 1 - n else low
    high = None if high is None or high >= n - 1 else high
    return r.band(low, high, step)


def local(evaluation: Evaluation, frame: Frame, place: Place, local: typed.Local) -> r.Relation:
    """The window of a width: two-sided, or the last keys where the causal form holds."""
    width = at_least(evaluation, frame, place, local.width, 1, "the width of `local`")
    step = dilation(evaluation, frame, place, local.dilation)
    causal = place.causal if local.direction is None else local.direction == "causal"
    if causal:
        return distances(place.n, 0, in_range(evaluation, frame, local.span, step * (width - 1)), step)
    reach = in_range(evaluation, frame, local.span, step * (width // 2))
    return distances(place.n, -reach, reach, step)


def window(evaluation: Evaluation, frame: Frame, place: Place, window: typed.Window) -> r.Relation:
    """The window whose two sides are spelled out."""
    step = dilation(evaluation, frame, place, window.dilation)
    reaches: list[int] = []
    for name, expression in (("back", window.back), ("ahead", window.ahead)):
        taps = 0 if expression is None else at_least(evaluation, frame, place, expression, 0, f"`{name}`")
        reaches.append(in_range(evaluation, frame, window.span, step * taps))
    return distances(place.n, -reaches[1], reaches[0], step)


def dilation(evaluation: Evaluation, frame: Frame, place: Place, expression: typed.Number | None) -> int:
    """The distance between the taps of a window; 1 where none is given."""
    return 1 if expression is None else at_least(evaluation, frame, place, expression, 1, "`dilation`")


def _diagonals(evaluation: Evaluation, n: int, runs: Sequence[Run]) -> r.Relation:
    """The union of one band for each range, and for each run of neighbouring single distances."""
    singles: list[tuple[int, int]] = []
    stepped: list[r.Relation] = []
    for run in plain(evaluation, runs, None, None, "a diagonal"):
        if run.stop is None or run.step == 1:
            singles.append((run.start, run.start + 1 if run.stop is None else run.stop))
        else:
            last = run.start + (run.stop - 1 - run.start) // run.step * run.step
            residue = r.Residue(run.step, (run.start % run.step,))
            stepped.append(r.intersection(distances(n, run.start, last), residue))
    bands = [distances(n, start, stop - 1) for start, stop in r.merge_spans(singles)]
    return r.union(*bands, *stepped)


# -- residues and chunks ----------------------------------------------------------------------------------------------


def residues(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Residues) -> r.Relation:
    """Strides, columns and rows."""
    modulus = at_least(evaluation, frame, place, pattern.modulus, 1, f"the distance of `{pattern.of}`")
    runs = _residue_runs(evaluation, frame, place, pattern, modulus)
    n = place.n
    intervals: list[tuple[int, int]] = []
    for run in runs:
        stop = run.start + 1 if run.stop is None else run.stop
        if run.step == 1:
            intervals += _modulo(run.start, stop, modulus)
        else:
            if (stop - run.start) // run.step > MAX_LISTED:
                too_long(evaluation, run.label, (stop - run.start) // run.step)
            intervals += ((each % modulus, each % modulus + 1) for each in range(run.start, stop, run.step))
    residues = r.merge_spans(intervals)
    if modulus >= n:  # every class has one member: positions and distances say it plainly
        return _unwrapped(pattern.of, n, modulus, residues)
    count = sum(stop - start for start, stop in residues)
    if count == modulus:
        return r.FULL
    if count == 0:
        return r.EMPTY
    if count > MAX_LISTED:
        too_long(evaluation, frame.label(pattern.span), count)
    values = tuple(value for start, stop in residues for value in range(start, stop))
    match pattern.of:
        case "stride":
            return r.Residue(modulus, values)
        case "columns":
            return r.Columns(modulus, values)
        case "rows":
            return r.Rows(modulus, values)
        case _:
            assert_never(pattern.of)


def _residue_runs(
    evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Residues, modulus: int
) -> Sequence[Run]:
    if pattern.at is not None:
        runs = ids(evaluation, frame, place.n, pattern.at)
        return plain(evaluation, runs, -modulus, modulus, "`at`")
    if pattern.last is None:
        return (Run(0, None, 1, frame.label(pattern.span)),)
    last = number(evaluation, frame, place.n, pattern.last)
    if not 0 <= last <= modulus:
        evaluation.stop(
            "PA401",
            f"`last` must be at least 0 and at most the distance: it is {last}",
            frame.label(pattern.last.span, f"is {last}"),
            frame.label(pattern.modulus.span, f"is {modulus}", primary=False),
        )
    return (Run(modulus - last, modulus, 1, frame.label(pattern.last.span)),) if last else ()


def _modulo(start: int, stop: int, modulus: int) -> list[tuple[int, int]]:
    """The residues of start <= value < stop, as intervals; the values lie in -modulus..modulus."""
    if stop - start >= modulus:
        return [(0, modulus)]
    if start < 0 < stop:
        return [(start + modulus, modulus), (0, stop)]
    return [(start + modulus, stop + modulus)] if start < 0 else [(start, stop)]


def _unwrapped(of: str, n: int, modulus: int, residues: r.Spans) -> r.Relation:
    """A residue class whose modulus is at least the length of the place."""
    if of != "stride":
        inside = r.merge_spans((start, min(stop, n)) for start, stop in residues)
        if not inside:
            return r.EMPTY
        if inside == ((0, n),):
            return r.FULL
        return r.Keys(inside) if of == "columns" else r.Queries(inside)
    both = [*residues, *((start - modulus, stop - modulus) for start, stop in residues)]
    return r.union(*(distances(n, start, stop - 1) for start, stop in r.merge_spans(both)))


def chunks(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Chunks) -> r.Relation:
    """Chunk and chunks."""
    runs = ids(evaluation, frame, place.n, pattern.sizes)
    what = "the size of a chunk"
    if not plain(evaluation, runs, 1, None, what):
        evaluation.stop("PA401", "`chunks` needs at least one size", frame.label(pattern.span, "no size"))
    sizes: list[int] = []
    covered = 0
    for size in listed(evaluation, runs):
        sizes.append(size)
        covered += size
        if covered >= place.n:
            break
    while len(sizes) > 1 and sizes[-1] == sizes[-2]:
        sizes.pop()
    return r.FULL if sizes[0] >= place.n else r.Chunk(tuple(sizes))


# -- positions --------------------------------------------------------------------------------------------------------


def positions(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Positions) -> r.Relation:
    """Listed keys, queries, both, or diagonals."""
    runs = ids(evaluation, frame, place.n, pattern.ids)
    evaluation.step(frame, pattern.span, len(runs))
    if pattern.of == "diagonals":
        return _diagonals(evaluation, place.n, runs)
    stretches = resolve(evaluation, runs, place.domain, frame.label(pattern.span))
    match pattern.of:
        case "keys":
            return _selected(evaluation, frame, place.n, stretches, keys=True)
        case "queries":
            return _selected(evaluation, frame, place.n, stretches, keys=False)
        case "global":
            return r.union(
                _selected(evaluation, frame, place.n, stretches, keys=True),
                _selected(evaluation, frame, place.n, stretches, keys=False),
            )
        case _:
            assert_never(pattern.of)


_FEW = 64
"""Up to this many ids of a range with a step are listed; more are a residue class cut to the range."""


def _selected(evaluation: Evaluation, frame: Frame, n: int, stretches: Sequence[Stretch], keys: bool) -> r.Relation:
    short = [stretch for stretch in stretches if stretch.step == 1 or stretch.count <= _FEW]
    parts: list[r.Relation] = []
    single = spans(evaluation, frame, short)
    if single == ((0, n),):
        return r.FULL
    if single:
        parts.append(r.Keys(single) if keys else r.Queries(single))
    for stretch in stretches:
        if stretch.step > 1 and stretch.count > _FEW:
            residues = (stretch.start % stretch.step,)
            cut = ((stretch.start, stretch.stop),)
            if keys:
                parts.append(r.intersection(r.Columns(stretch.step, residues), r.Keys(cut)))
            else:
                parts.append(r.intersection(r.Rows(stretch.step, residues), r.Queries(cut)))
    return r.union(*parts)


def random(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Random, avoid: r.Relation) -> r.Relation:
    """Drawn keys; `avoid` is the relation whose keys are not drawn."""
    count = at_least(evaluation, frame, place, pattern.count, 0, "the count of `random`")
    if pattern.seed is None:
        seed = (evaluation.layer(frame),)
    else:
        seed = tuple(number(evaluation, frame, place.n, each) for each in pattern.seed)
    causal = place.causal if pattern.direction is None else pattern.direction == "causal"
    among = None
    if pattern.among is not None:
        runs = ids(evaluation, frame, place.n, pattern.among)
        among = spans(evaluation, frame, resolve(evaluation, runs, place.domain, frame.label(pattern.span)))
        among = None if among == ((0, place.n),) else among
    if count == 0 or among == ():
        return r.EMPTY
    return r.Random(min(count, place.n), seed, causal, among, avoid)


# -- stored ones ------------------------------------------------------------------------------------------------------


def layout(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Layout) -> r.Relation:
    """The stored pairs, those of the head at hand where the file has an array for each."""
    stored = next(each for each in evaluation.program.layouts if each.digest == pattern.digest)
    if stored.side != place.n:
        of = "" if stored.heads is None else f"{stored.heads} x "
        evaluation.stop(
            "PA414",
            f"the layout `{pattern.file}` is {of}{stored.side} x {stored.side}, but n is {place.n} here",
            frame.label(pattern.span, f"stands for {stored.side} positions, in {place.title}"),
            notes=(f"a stored layout fits one length: {_fitting(place, stored.side)}",),
        )
    head = 0
    if stored.heads is not None:
        heads = count(evaluation, "heads")
        if heads != stored.heads:
            evaluation.stop(
                "PA414",
                f"the layout `{pattern.file}` is for {stored.heads} heads, but the model has {heads}",
                frame.label(pattern.span, "an array for each head"),
            )
        head = evaluation.head(frame)
    if (pattern.digest, head) not in evaluation.layouts:
        evaluation.layouts[pattern.digest, head] = _square(stored, head)
    return evaluation.layouts[pattern.digest, head]


def _fitting(place: Place, side: int) -> str:
    if place.n % side == 0:
        return f"`blocks({place.n // side}, layout(...))` would make {side} of this n"
    return f"n must be {side} where it stands"


def _square(stored: typed.StoredLayout, head: int) -> r.Relation:
    rows = stored.side * -(-stored.side // 8)
    bits = base64.b64decode(stored.bits)[head * rows : (head + 1) * rows]
    pairs = int.from_bytes(bits, "little").bit_count()
    if pairs == 0:
        return r.EMPTY
    return r.FULL if pairs == stored.side**2 else r.Layout(stored.side, bits)
