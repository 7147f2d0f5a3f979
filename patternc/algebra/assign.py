"""Which entry of a schedule each layer, or each head of a layer, gets.

For: selectors, `rest`, rounds, and the errors that name the layers or heads that got none or two. Not for: the
patterns themselves (`construct.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from patternc.algebra.evaluation import Evaluation, Frame, Stop
from patternc.algebra.positions import Domain, resolve
from patternc.algebra.values import ids, number
from patternc.diagnostics import Diagnostic
from patternc.grammar import typed
from patternc.source import Span

_WORDS = {"even": 0, "odd": 1}


def selected(
    evaluation: Evaluation,
    frame: Frame,
    selectors: Sequence[typed.Selector],
    domain: Domain,
    block: Span,
) -> list[int | None]:
    """For each layer or head the index of the selector that covers it; None where one could not be evaluated.

    Reports what is covered twice or not at all; `block` is where the selectors stand, to be pointed at for gaps.
    """
    owner: list[int | None] = [None] * domain.length
    rests: list[int] = []
    clashes: dict[tuple[int, int], list[int]] = {}
    known = True
    for index, selector in enumerate(selectors):
        if selector.which == "rest":
            rests.append(index)
            continue
        try:
            chosen = _chosen(evaluation, frame, selector, domain)
        except Stop:
            known = False
            continue
        for each in chosen:
            before = owner[each]
            if before is None:
                owner[each] = index
            elif before != index:
                clashes.setdefault((before, index), []).append(each)
    for (before, index), twice in clashes.items():
        evaluation.report(
            Diagnostic(
                "PA502",
                f"{_listed(domain.noun, twice)} {'has' if len(twice) == 1 else 'have'} two patterns",
                (
                    frame.label(selectors[index].span, "selected again here"),
                    frame.label(selectors[before].span, "first selected here", primary=False),
                ),
            )
        )
    if len(rests) > 1:
        evaluation.report(
            Diagnostic(
                "PA504",
                f"`rest` can stand only once for the {domain.noun}s",
                (
                    frame.label(selectors[rests[1]].span, "again here"),
                    frame.label(selectors[rests[0]].span, "first here", primary=False),
                ),
            )
        )
    left = [each for each, entry in enumerate(owner) if entry is None]
    if rests:
        if not left and known:
            evaluation.report(
                Diagnostic(
                    "PA504",
                    f"nothing is left for `rest`: all {domain.length} {domain.noun}s have a pattern",
                    (frame.label(selectors[rests[0]].span, "selects nothing"),),
                )
            )
        for each in left if known else ():
            owner[each] = rests[0]
    elif left and known:
        evaluation.report(
            Diagnostic(
                "PA501",
                f"{_listed(domain.noun, left)} {'has' if len(left) == 1 else 'have'} no pattern",
                (frame.label(block, f"covers {domain.length - len(left)} of {domain.length} {domain.noun}s"),),
                ("`rest: ...` stands for all that are not selected",),
            )
        )
    return owner


def _chosen(evaluation: Evaluation, frame: Frame, selector: typed.Selector, domain: Domain) -> list[int]:
    match selector.which:
        case "all" | "rest":
            return list(range(domain.length))
        case "even" | "odd" as word:
            return list(range(_WORDS[word], domain.length, 2))
        case expression:
            runs = ids(evaluation, frame, None, expression)
            stretches = resolve(evaluation, runs, domain, frame.label(selector.span))
            return [each for stretch in stretches for each in range(stretch.start, stretch.stop, stretch.step)]


def in_rounds(evaluation: Evaluation, frame: Frame, rounds: Sequence[typed.Round], layers: int) -> list[int | None]:
    """For each layer the index of its round; the last turn may be cut short. Raises Stop."""
    counts: list[int] = []
    for each in rounds:
        try:
            count = number(evaluation, frame, None, each.count)
            if count < 1:
                evaluation.stop(
                    "PA505",
                    f"a pattern is repeated at least once, not {count} times",
                    frame.label(each.count.span, f"is {count}"),
                )
            counts.append(min(count, layers))
        except Stop:
            continue
    if len(counts) < len(rounds):
        raise Stop
    turn = [index for index, count in enumerate(counts) for _ in range(count)]
    return [turn[layer % len(turn)] for layer in range(layers)]


def _listed(noun: str, numbers: Sequence[int]) -> str:
    """Numbers with their noun, as in layers 3, 5 and 7 to 12; long lists are cut."""
    groups: list[list[int]] = []
    for each in numbers:
        if groups and groups[-1][-1] == each - 1:
            groups[-1].append(each)
        else:
            groups.append([each])
    texts: list[str] = []
    for group in groups:
        texts += [f"{group[0]} to {group[-1]}"] if len(group) > 2 else map(str, group)
    if len(texts) > 6:
        texts = [*texts[:5], f"{len(numbers) - sum(len(group) for group in groups[:5])} more"]
    plural = "s" * (len(numbers) > 1)
    listed = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
    return f"{noun}{plural} {listed}"
