"""Report: everything the analysis says about a schedule, as one frozen value.

For: asking every question once, in order, and keeping the answers beside how they were found. Terminal, JSON and HTML
are made from it. Not for: rendering, or any computation of its own. What is not known is None, and its `method` says
why; nothing here is sampled or guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from patternc.algebra.budget import work_for
from patternc.algebra.expectation import Expectation
from patternc.algebra.schedule import Schedule
from patternc.analysis.advice import advise
from patternc.analysis.count import Counts, count
from patternc.analysis.crop import Cropped
from patternc.analysis.expectations import Verdict, judge
from patternc.analysis.expression import Formula
from patternc.analysis.formula import Instantiate, formulas, total_formula
from patternc.analysis.graph import Structure, structure
from patternc.analysis.measures import Cache, Hubs, average_depth, decode_cache, hubs
from patternc.analysis.operators import NoOperator
from patternc.analysis.order import Leading, order
from patternc.analysis.prove import NoProof, Proof
from patternc.analysis.reach import Pair, Prospect, Reach, layer_relations, prospect, reach
from patternc.analysis.tile_counts import TileCounter, Tiles, on_neighbours
from patternc.analysis.witness import Witness, witness
from patternc.diagnostics import Diagnostic
from patternc.grammar import typed

COUNT_METHOD = "every tile classified, undecided ones evaluated pair by pair"
MEASURE_METHOD = "from the growth of the receptive fields, and the pairs of every key"
PATH_METHOD = "one sweep from the key, one walk back from the query"
UNKNOWN_CROP = Cropped(None, None, "not decided: only the program can say, and it was not asked")
CACHE_METHOD = "last query of every key"


@dataclass(frozen=True, slots=True)
class HeadReport:
    """The heads of a layer that share one pattern. `pairs`, `formula` and `tiles` are those of each of them."""

    heads: tuple[int, ...]
    pattern: str
    pairs: int
    density: Fraction
    formula: Formula | None
    tiles: Tiles


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer: pairs over all its heads, and their share of dense attention's."""

    layer: int
    pairs: int
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
    density: Fraction
    formula: Formula | None
    leading: Leading | None
    connectivity: Connectivity
    cache: Cache | None
    cache_method: str
    hubs: Hubs
    structure: Structure
    cropped: Cropped
    expectations: tuple[Verdict, ...]
    warnings: tuple[Diagnostic, ...]


def report(
    schedule: Schedule,
    expectations: Sequence[Expectation] = (),
    *,
    at: Instantiate | None = None,
    definitions: Mapping[str, typed.Number] | None = None,
    cropped: Cropped = UNKNOWN_CROP,
    warnings: Sequence[Diagnostic] = (),
    path: Pair | None = None,
    tiles: TileCounter = on_neighbours,
    proof: Proof | NoProof | None = None,
) -> Report:
    """Analyse a schedule.

    Args:
        schedule: what to analyse.
        expectations: what the program says must hold, at the schedule's length.
        at: elaborates the program at other lengths and parameters: lets formulas name the parameters, and decides
            whether the pattern is stable under cropping.
        definitions: the parameters' definitions in the program, for the order of growth; those overridden left out.
        cropped: whether the masks are crop-stable, which only the program can say.
        warnings: what is known to be unwise already; the analysis adds its own.
        path: (key, query): show how this query comes to see this key; otherwise the hardest pair is shown.
        tiles: counts the tiles that compute a pattern; a plan has one.
        proof: what the layers connect at every length, which only the program can say.

    Raises:
        PatternError: an expectation is undefined at this length.
        TileBudgetError: a pattern takes more than the budget of tile maps allows.
        ValueError: `path` names a position outside the sequence.
    """
    if path is not None and not all(0 <= position < schedule.tokens for position in path):
        raise ValueError(f"a path needs two positions in 0..{schedule.tokens - 1}, got {path[0]} and {path[1]}")
    counts = count(schedule)
    computed = _tiles(schedule, counts, tiles)
    found = formulas(schedule, counts, at)
    total = total_formula(schedule, found)
    connectivity = _connectivity(schedule, path, proof)
    cache, cache_method = _cache(schedule)
    return Report(
        model=schedule.name,
        tokens=schedule.tokens,
        causal=schedule.causal,
        heads=schedule.heads,
        kv_heads=schedule.kv_heads,
        params=schedule.params,
        layers=tuple(_layer(schedule, counts, computed, found, layer) for layer in range(schedule.layers)),
        pairs=counts.total,
        density=counts.density,
        formula=total,
        leading=None if total is None or definitions is None else order(total, definitions),
        connectivity=connectivity,
        cache=cache,
        cache_method=cache_method,
        hubs=hubs(schedule, counts),
        structure=structure(schedule),
        expectations=judge(expectations, schedule, counts, connectivity.reach),
        warnings=(*warnings, *advise(schedule, counts, computed, cropped, tiles)),
        cropped=cropped,
    )


def _tiles(schedule: Schedule, counts: Counts, tiles: TileCounter) -> tuple[Tiles, ...]:
    """The tiles of each pattern of the schedule."""
    computed: list[Tiles] = []
    for index, (pattern, counted) in enumerate(zip(schedule.patterns, counts.patterns, strict=True)):
        with work_for(index):
            computed.append(tiles(pattern.relation, schedule.tokens, counted.pairs))
    return tuple(computed)


def _layer(
    schedule: Schedule, counts: Counts, computed: Sequence[Tiles], found: Sequence[Formula | None], layer: int
) -> LayerReport:
    row = schedule.table[layer]
    groups = [
        HeadReport(
            heads=tuple(head for head, other in enumerate(row) if other == at),
            pattern=schedule.patterns[at].text,
            pairs=counts.patterns[at].pairs,
            density=Fraction(counts.patterns[at].pairs, counts.dense),
            formula=found[at],
            tiles=computed[at],
        )
        for at in dict.fromkeys(row)
    ]
    pairs = counts.layers[layer]
    return LayerReport(layer, pairs, Fraction(pairs, counts.dense * schedule.heads), tuple(groups))


def _cache(schedule: Schedule) -> tuple[Cache | None, str]:
    try:
        return decode_cache(schedule), CACHE_METHOD
    except NoOperator as error:
        return None, f"not decided: {error}"


def _connectivity(schedule: Schedule, path: Pair | None, proof: Proof | NoProof | None) -> Connectivity:
    layers = layer_relations(schedule)
    found = reach(layers, schedule.tokens, "past" if schedule.causal else "all")
    ahead = None if found.missing is None else prospect(layers, schedule.tokens, found.missing)
    wanted = (path[1], path[0]) if path is not None else found.hardest
    shown: Witness | None = None
    method = PATH_METHOD
    if wanted is not None:
        try:
            shown = witness(schedule, *wanted)
        except NoOperator as error:
            method = f"not decided: {error}"
    return Connectivity(found, average_depth(found, schedule.tokens), ahead, wanted, shown, method, proof)
