"""What evaluated id lists mean where they are used: positions of a place, or plain numbers.

For: `keys`, `queries`, `global`, `slice`, `among` and selectors, whose ids count from the end when negative; and
`at`, `diagonals` and `chunks`, whose numbers are themselves. Not for: evaluating the lists (`values.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from patternc.algebra.evaluation import Evaluation, Frame, Run
from patternc.algebra.relation import Spans, merge_spans
from patternc.diagnostics import Label
from patternc.source import Span

MAX_LISTED = 1 << 16
"""How many numbers a list may have where they must be listed one by one."""


@dataclass(frozen=True, slots=True)
class Domain:
    """What ids select from: `length` things called `noun`; `title` says where, for messages."""

    length: int
    noun: str
    title: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """start <= id < stop by `step`, within the domain; a single id has stop = start + 1."""

    start: int
    stop: int
    step: int
    label: Label

    @property
    def count(self) -> int:
        """How many ids."""
        return -(-(self.stop - self.start) // self.step)


def resolve(evaluation: Evaluation, runs: Sequence[Run], domain: Domain, use: Label) -> tuple[Stretch, ...]:
    """The ids that lie in a domain, counted from its start; reports those that do not (or drops them, `clip_ids`).

    `use` is where the list is used; a mistake in a list that was written elsewhere is shown at both places.
    """
    length = domain.length
    clip = evaluation.clip_ids and domain.noun == "position"
    resolved: list[Stretch] = []
    for run in runs:
        label = run.label
        others = (
            ()
            if label.source == use.source and _inside(label.span, use.span)
            else (replace(use, text="used here", primary=False),)
        )
        start = run.start + length if run.start < 0 else run.start
        if run.stop is None:
            if not 0 <= start < length:
                if clip:
                    continue
                evaluation.stop(*_outside(run.start, domain), _says(run), *others, notes=_range(domain))
            resolved.append(Stretch(start, start + 1, 1, label))
            continue
        stop = run.stop + length if run.stop < 0 else run.stop
        if clip:
            start, stop = max(start, 0), min(stop, length)
            if start < stop:
                resolved.append(Stretch(start, stop, run.step, label))
            continue
        for value, end in ((run.start, start), (run.stop, stop)):
            if not 0 <= end <= length:
                code, message = _outside(value, domain)
                if end > length:
                    message = f"the range {run.start}..{run.stop} reaches beyond {domain.title}"
                evaluation.stop(code, message, _says(run), *others, notes=_range(domain))
        if start > stop:
            evaluation.stop(
                "PA403",
                f"the range {run.start}..{run.stop} runs backwards: from {start} to {stop}",
                _says(run),
                *others,
                notes=_backwards(run, domain),
            )
        if start < stop:
            resolved.append(Stretch(start, stop, run.step, label))
    return tuple(resolved)


def _inside(inner: Span, outer: Span) -> bool:
    return outer.start <= inner.start and inner.stop <= outer.stop


def _says(run: Run) -> Label:
    """Points at an item and says its value, where the text does not."""
    value = str(run.start) if run.stop is None else f"{run.start}..{run.stop}"
    written = run.label.source.text[run.label.span.start : run.label.span.stop]
    return run.label if written == value else replace(run.label, text=f"is {value}")


def _outside(value: int, domain: Domain) -> tuple[str, str]:
    code = "PA402" if domain.noun == "position" else "PA503"
    return code, f"there is no {domain.noun} {value} in {domain.title}"


def _range(domain: Domain) -> tuple[str, ...]:
    last = domain.length - 1
    return (f"{domain.noun}s are 0 to {last}, or -1 to {-domain.length} from the end",)


def _backwards(run: Run, domain: Domain) -> tuple[str, ...]:
    if run.start < 0 and run.stop == 0:
        return (f"the last {-run.start} are {run.start}..{'n' if domain.noun == 'position' else domain.length}",)
    return ()


def spans(evaluation: Evaluation, frame: Frame, stretches: Sequence[Stretch]) -> Spans:
    """The positions of all stretches, as spans. Raises Stop when there are too many to list."""
    intervals: list[tuple[int, int]] = []
    for stretch in stretches:
        if stretch.step == 1:
            intervals.append((stretch.start, stretch.stop))
            continue
        if stretch.count > MAX_LISTED:
            too_long(evaluation, stretch.label, stretch.count)
        intervals += ((id, id + 1) for id in range(stretch.start, stretch.stop, stretch.step))
    return merge_spans(intervals)


def too_long(evaluation: Evaluation, label: Label, count: int) -> None:
    """Report a list that would have to be written out, and is too long for that."""
    evaluation.stop(
        "PA703",
        f"this list has {count:,} numbers, more than {MAX_LISTED:,}",
        replace(label, text="too long to be listed"),
    )


def plain(evaluation: Evaluation, runs: Sequence[Run], low: int | None, high: int | None, what: str) -> tuple[Run, ...]:
    """Numbers that are themselves, each checked to be low <= number < high, and ranges not to run backwards."""
    for run in runs:
        if run.stop is None:
            last = run.start
        else:
            if run.stop < run.start:
                evaluation.stop(
                    "PA403",
                    f"the range {run.start}..{run.stop} runs backwards",
                    _says(run),
                )
            if run.stop == run.start:
                continue
            last = run.start + (run.stop - 1 - run.start) // run.step * run.step
        for value in (run.start, last):
            if (low is not None and value < low) or (high is not None and value >= high):
                bounds = f"{low} to {high - 1}" if low is not None and high is not None else f"at least {low}"
                evaluation.stop(
                    "PA407" if what == "`at`" else "PA401",
                    f"{what} must be {bounds}: {value} is not",
                    _says(run),
                )
    return tuple(run for run in runs if run.stop is None or run.stop > run.start)


def listed(evaluation: Evaluation, runs: Sequence[Run]) -> list[int]:
    """All numbers of a list one by one, in the order written. Raises Stop when there are too many."""
    numbers: list[int] = []
    for run in runs:
        if run.stop is None:
            numbers.append(run.start)
            continue
        count = -(-(run.stop - run.start) // run.step)
        if len(numbers) + count > MAX_LISTED:
            too_long(evaluation, run.label, count)
        numbers += range(run.start, run.stop, run.step)
    return numbers
