"""Crossing: from which length on a pattern is predicted to be faster than dense attention.

For: the advice of a report. Predicted from arithmetic (`predict.py`), never measured, and said so. Not for: choosing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from patternc.algebra.relation import FULL, PAST
from patternc.algebra.schedule import Branch, Schedule, Term, sum_of
from patternc.analysis.suggestion import Suggestion
from patternc.codegen.explain import PlanFigures, explain_plan, predicted
from patternc.codegen.lower import lower
from patternc.codegen.predict import device_of

SHORTEST = 128
"""A sequence of one tile is the same work for every pattern."""
ROUND = 64
MOST_REFINED = 4
"""Distinct patterns up to which the lengths are found to within ROUND; planning more of them takes too long."""
LONGEST = 1 << 18
"""Dense attention of longer sequences has more tiles than are worth listing for a sentence."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """At `below` tokens dense attention is predicted to be no slower, at `above` the pattern is; None: nowhere shorter.

    Seconds of the forward pass at those lengths, of the pattern and of dense attention.
    """

    below: int | None
    below_seconds: tuple[float, float] | None
    above: int
    above_seconds: tuple[float, float]


def pays(schedule: Schedule, figures: PlanFigures, at: Callable[[int], Schedule | None]) -> Iterator[Suggestion]:
    """From which length on the pattern is predicted to be faster than dense attention, as advice."""
    found = crossing(schedule, figures, at)
    if found is None or found.below is None or found.below_seconds is None:
        return
    (own, dense), (own_above, dense_above) = found.below_seconds, found.above_seconds
    device = device_of(figures.target)
    assert device is not None, "there are predictions"
    yield Suggestion(
        "dense",
        f"dense attention is predicted to be no slower at n = {found.below:,} ({dense * 1e6:,.1f} us against "
        f"{own * 1e6:,.1f} us, forward), this pattern to be faster at n = {found.above:,} ({own_above * 1e6:,.1f} us "
        f"against {dense_above * 1e6:,.1f} us): arithmetic for one {device.name}, not measured",
    )


def crossing(schedule: Schedule, figures: PlanFigures, at: Callable[[int], Schedule | None]) -> Crossing | None:
    """Where the pattern begins to pay, looking from its own length downwards; None where it does not even there.

    `at` gives the same model at another length, None where it has none. The times need not cross only once: what is
    said is true of the two lengths that are named.
    """
    if schedule.tokens > LONGEST or (all(row == (0,) * len(row) for row in schedule.table) and _is_dense(schedule)):
        return None

    def times(tokens: int) -> tuple[float, float] | None:
        model = schedule if tokens == schedule.tokens else at(tokens)
        if model is None or (model.layers, model.heads) != (schedule.layers, schedule.heads):
            return None
        known = predicted(figures) if model is schedule else None
        own = _seconds(model, figures) if known is None else float(known.forward)
        dense = _seconds(_dense(model), figures)
        return None if own is None or dense is None else (own, dense)

    above, taken = schedule.tokens, times(schedule.tokens)
    if taken is None or taken[0] >= taken[1]:
        return None
    below: tuple[int, tuple[float, float]] | None = None
    while below is None and above // 2 >= SHORTEST:
        half = above // 2
        found = times(half)
        if found is None:
            return None
        if found[0] < found[1]:
            above, taken = half, found
        else:
            below = half, found
    refined = len(schedule.patterns) <= MOST_REFINED
    while refined and below is not None and above - below[0] > ROUND:
        middle = (below[0] + above) // 2 // ROUND * ROUND
        found = times(middle) if below[0] < middle < above else None
        if found is None:
            break
        if found[0] < found[1]:
            above, taken = middle, found
        else:
            below = middle, found
    return Crossing(None if below is None else below[0], None if below is None else below[1], above, taken)


def _is_dense(schedule: Schedule) -> bool:
    return schedule.patterns[0].relation in (FULL, PAST)


def _dense(schedule: Schedule) -> Schedule:
    relation = PAST if schedule.causal else FULL
    pattern = sum_of(Branch(relation, (Term("dense", relation),)))
    return replace(schedule, patterns=(pattern,), table=((0,) * schedule.heads,) * schedule.layers)


def _seconds(schedule: Schedule, figures: PlanFigures) -> float | None:
    lowered = lower(schedule, target=figures.target, dtype=figures.dtype, head_dim=figures.head_dim)
    times = predicted(explain_plan(lowered))
    return None if times is None else float(times.forward)
