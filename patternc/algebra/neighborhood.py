"""The relation of `neighborhood`: a window that shifts inward at the ends, built from the other cases.

For: `construct.py`. Not for: windows that end with the sequence (`primitives.py`).

Only positions of one class modulo the dilation d see each other; position c + d * q of class c is q in *class
coordinates*, and a class has m positions, one more in the first n % d classes. The s queries q with the same G = q // s
share the window of their leader. What makes a few terms enough, whatever d and s are:

- Where the window is not shifted, it depends on G alone: keys G * s + o up to G * s + o + k.
- A window that is shifted contains all of the unshifted one that exists, so the latter needs no cut to its rows.
- The first a positions of every class are the first d * a positions, and the last a the last d * a. Shifted rows and
  their keys are such stretches even when classes differ in length: the row at which they begin is counted for the
  shorter classes, and the group that this adds in the longer ones sees there what it saw before.
"""

from __future__ import annotations

from patternc.algebra import relation as r
from patternc.algebra.evaluation import Evaluation, Frame
from patternc.algebra.positions import MAX_LISTED, too_long
from patternc.algebra.primitives import Place, at_least, dilation, distances
from patternc.grammar import typed


def neighborhood(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Neighborhood) -> r.Relation:
    """The window of exactly `width` keys, or NATTEN's causal form of it."""
    width = at_least(evaluation, frame, place, pattern.width, 1, "the width of `neighborhood`")
    step = dilation(evaluation, frame, place, pattern.dilation)
    group = _group(evaluation, frame, place, pattern, width)
    if place.ragged is not None:
        evaluation.stop(
            "PA413",
            f"a neighborhood here needs {place.ragged.size} to divide n = {place.ragged.n}",
            frame.label(pattern.span, "its last window would be cut off"),
            place.ragged.label,
        )
    causal = place.causal if pattern.direction is None else pattern.direction == "causal"
    if width >= -(-place.n // step):
        return distances(place.n, 0 if causal else None, None, step)
    if group > MAX_LISTED:
        assert pattern.group is not None  # without one it is 1
        too_long(evaluation, frame.label(pattern.group.span), group)
    terms = _causal(place.n, width, step, group) if causal else _two_sided(place.n, width, step, group)
    return r.intersection(r.PAST, r.union(*terms)) if causal and group > 1 else r.union(*terms)


def _group(evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Neighborhood, width: int) -> int:
    if pattern.group is None:
        return 1
    group = at_least(evaluation, frame, place, pattern.group, 1, "`group`")
    if group > width:
        evaluation.stop(
            "PA401",
            f"`group` must be at most the width: it is {group}",
            frame.label(pattern.group.span, f"is {group}"),
            frame.label(pattern.width.span, f"is {width}", primary=False),
        )
    return group


def _two_sided(n: int, width: int, step: int, group: int) -> list[r.Relation]:
    """The terms where every class has at least `width` positions."""
    first = group // 2 - width // 2
    early = -(first // group) * group
    late = step * ((n // step - width - first) // group + 1) * group
    if group == 1:  # a class at a time: the same where d divides n, and plain in n where it does not
        late = n - step * (first + width - 1)
    return [
        *_windows(n, first, first + width, step, group),
        _corner(step, (0, step * early), (0, step * width)),
        _corner(step, (late, n), (n - step * width, n)),
    ]


def _causal(n: int, width: int, step: int, group: int) -> list[r.Relation]:
    """The terms where every class has at least `width` positions, to be cut to the past unless `group` is 1."""
    last_group = n // step // group * group
    return [
        *_windows(n, group - width, group, step, group),
        _corner(step, (step * last_group, n), (n - step * width, n)) if group > 1 else r.EMPTY,
    ]


def _windows(n: int, first: int, stop: int, step: int, group: int) -> list[r.Relation]:
    """Group G sees the positions first <= j - G * group < stop of its class: whole groups, and parts of two."""
    if group == 1:
        return [distances(n, step * (1 - stop), -step * first, step)]
    low, cut = first // group, first % group
    high, rest = stop // group, stop % group
    parts = [
        _groups(step, group, low + (cut > 0), high - 1, r.FULL),
        _groups(step, group, low, low, r.Columns(group, tuple(range(cut, group)))) if cut else r.EMPTY,
        _groups(step, group, high, high, r.Columns(group, tuple(range(rest)))) if rest else r.EMPTY,
    ]
    return [part for part in parts if part != r.EMPTY]


def _groups(step: int, group: int, low: int, high: int, places: r.Relation) -> r.Relation:
    """Keys of the groups G + low .. G + high of the same class, at some places of a group."""
    if low > high:
        return r.EMPTY
    return _in_class(step, r.Blocks(step * group, r.Band(-high, -low)), _spread(step, places))


def _spread(step: int, places: r.Relation) -> r.Relation:
    return places if step == 1 or isinstance(places, r.Full) else r.Blocks(step, places)


def _corner(step: int, queries: tuple[int, int], keys: tuple[int, int]) -> r.Relation:
    """Some neighbouring positions see some neighbouring positions of their class."""
    if queries[0] >= queries[1]:
        return r.EMPTY
    return _in_class(step, r.Queries((queries,)), r.Keys((keys,)))


def _in_class(step: int, *parts: r.Relation) -> r.Relation:
    return r.intersection(r.FULL if step == 1 else r.Residue(step, (0,)), *parts)
