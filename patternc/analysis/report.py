"""Report: everything the analysis says about a schedule, as one frozen value.

For: the answers of `facts.py`, in order, beside how they were found. Terminal, JSON and HTML are made from it. Not for:
rendering, or any computation of its own. What is not known is None, and its `method` says why; nothing here is sampled
or guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from patternc.analysis.balance import Balance
from patternc.analysis.crop import Cropped
from patternc.analysis.expectations import Verdict
from patternc.analysis.expression import Formula
from patternc.analysis.facts import Facts
from patternc.analysis.graph import Structure, structure
from patternc.analysis.measures import Cache, Hubs, average_depth, hubs
from patternc.analysis.operators import NoOperator
from patternc.analysis.order import Leading
from patternc.analysis.proof import NoProof, Proof
from patternc.analysis.quality import Quality, quality
from patternc.analysis.reach import Pair, Prospect, Reach, prospect
from patternc.analysis.suggestion import Suggestion
from patternc.analysis.tile_counts import Tiles
from patternc.analysis.witness import Witness, witness
from patternc.diagnostics import Diagnostic

COUNT_METHOD = "every tile classified, undecided ones evaluated pair by pair"
MEASURE_METHOD = "from the growth of the receptive fields, and the pairs of every key"
PATH_METHOD = "one sweep from the key, one walk back from the query"
CACHE_METHOD = "last query of every key"


@dataclass(frozen=True, slots=True)
class HeadReport:
    """The heads of a layer that share one pattern. `pairs`, `formula` and `tiles` are those of each of them.

    In a sum `pairs` and `formula` count a pair as often as the softmax does, `distinct` and `density` once.
    """

    heads: tuple[int, ...]
    pattern: str
    pairs: int
    distinct: int
    density: Fraction
    formula: Formula | None
    tiles: Tiles
    tile_form: Formula | None
    balance: Balance


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer: pairs over all its heads, as often as they count, and the share of dense attention's it has."""

    layer: int
    pairs: int
    distinct: int
    density: Fraction
    heads: tuple[HeadReport, ...]


@dataclass(frozen=True, slots=True)
class Connectivity:
    """What the model connects, with a reason where it does not.

    `prospect` goes with `reach.missing`. `pair` is the pair asked for, else the hardest pair, and `path` joins it; it
    is None where there is no path, or where `path_method` says that none could be looked for. `proof` is what holds for
    every length, None where only a schedule is known.
    """

    reach: Reach
    average_depth: Fraction | None
    prospect: Prospect | None
    pair: Pair | None
    path: Witness | None
    path_method: str
    proof: Proof | NoProof | None


@dataclass(frozen=True, slots=True)
class Report:
    """All answers about one schedule. `leading` is how `formula` grows when the parameters follow their definitions."""

    model: str
    tokens: int
    causal: bool
    heads: int
    kv_heads: int
    params: tuple[tuple[str, int], ...]
    layers: tuple[LayerReport, ...]
    pairs: int
    distinct: int
    density: Fraction
    formula: Formula | None
    leading: Leading | None
    connectivity: Connectivity
    cache: Cache | None
    cache_method: str
    hubs: Hubs
    quality: Quality
    structure: Structure
    cropped: Cropped
    expectations: tuple[Verdict, ...]
    warnings: tuple[Diagnostic, ...]
    advice: tuple[Suggestion, ...]


def report(
    facts: Facts,
    verdicts: Sequence[Verdict] = (),
    warnings: Sequence[Diagnostic] = (),
    path: Pair | None = None,
    advice: Sequence[Suggestion] = (),
) -> Report:
    """Everything there is to say about the schedule of `facts`; its `verdicts` and `warnings` are known already.

    `path` (key, query) asks how this query comes to see this key; otherwise the hardest pair is shown.

    Raises:
        TileBudgetError: a pattern takes more than the budget of tile maps allows.
        ValueError: `path` names a position outside the sequence.
    """
    schedule = facts.schedule
    if path is not None and not all(0 <= position < schedule.tokens for position in path):
        raise ValueError(f"a path needs two positions in 0..{schedule.tokens - 1}, got {path[0]} and {path[1]}")
    cache, cache_method = _cache(facts)
    busiest = hubs(schedule, facts.counts)
    return Report(
        model=schedule.name,
        tokens=schedule.tokens,
        causal=schedule.causal,
        heads=schedule.heads,
        kv_heads=schedule.kv_heads,
        params=schedule.params,
        layers=tuple(_layer(facts, layer) for layer in range(schedule.layers)),
        pairs=facts.counts.total,
        distinct=sum(facts.counts.distinct),
        density=facts.counts.density,
        formula=facts.formula,
        leading=facts.leading,
        connectivity=_connectivity(facts, path),
        cache=cache,
        cache_method=cache_method,
        hubs=busiest,
        quality=quality(facts, busiest),
        structure=structure(schedule),
        expectations=tuple(verdicts),
        warnings=tuple(warnings),
        advice=tuple(advice),
        cropped=facts.cropped,
    )


def _layer(facts: Facts, layer: int) -> LayerReport:
    schedule, counts = facts.schedule, facts.counts
    row = schedule.table[layer]
    groups = [
        HeadReport(
            heads=tuple(head for head, other in enumerate(row) if other == at),
            pattern=schedule.patterns[at].text,
            pairs=counts.patterns[at].pairs,
            distinct=counts.patterns[at].distinct,
            density=Fraction(counts.patterns[at].distinct, counts.dense),
            formula=facts.formulas[at],
            tiles=facts.computed[at],
            tile_form=facts.tile_forms[at],
            balance=facts.balances[at],
        )
        for at in dict.fromkeys(row)
    ]
    distinct = counts.distinct[layer]
    density = Fraction(distinct, counts.dense * schedule.heads)
    return LayerReport(layer, counts.layers[layer], distinct, density, tuple(groups))


def _cache(facts: Facts) -> tuple[Cache | None, str]:
    try:
        return facts.cache, CACHE_METHOD
    except NoOperator as error:
        return None, f"not decided: {error}"


def _connectivity(facts: Facts, path: Pair | None) -> Connectivity:
    found, tokens = facts.reach, facts.schedule.tokens
    ahead = None if found.missing is None else prospect(facts.layers, tokens, found.missing)
    wanted = (path[1], path[0]) if path is not None else found.hardest
    shown: Witness | None = None
    method = PATH_METHOD
    if wanted is not None:
        try:
            shown = witness(facts.schedule, *wanted)
        except NoOperator as error:
            method = f"not decided: {error}"
    return Connectivity(found, average_depth(found, tokens), ahead, wanted, shown, method, facts.proof)
