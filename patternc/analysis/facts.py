"""Facts: what reports, expectations and advice ask about one schedule, each found when it is first asked for.

For: one place that knows how a figure is had, so that nothing is computed twice and no two answers differ. Not for:
saying anything (`report.py`, `expectations.py`, `advice.py`). What needs sympy is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from patternc.algebra.budget import work_for
from patternc.algebra.elaborate import Elaborated, bind_parameters, elaborate
from patternc.algebra.relation import Relation
from patternc.algebra.schedule import Schedule
from patternc.analysis.balance import Balance, balance
from patternc.analysis.count import Counts, count
from patternc.analysis.crop import Cropped, crop
from patternc.analysis.measures import Cache, decode_cache
from patternc.analysis.proof import NoProof, Proof
from patternc.analysis.reach import Reach, Target, layer_relations, reach
from patternc.analysis.stages import stage
from patternc.analysis.tile_counts import TileCounter, Tiles, on_neighbours
from patternc.grammar import typed

if TYPE_CHECKING:
    from patternc.analysis.expression import Formula
    from patternc.analysis.formula import Instantiate
    from patternc.analysis.order import Leading

UNKNOWN_CROP = Cropped(None, None, "not decided: only the program can say, and it was not asked")
FAR = 1 << 28
"""A length at which a closed form must still hold if its leading term is to be the order of growth."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What only the program of a schedule can say.

    `at` elaborates it at other lengths and parameters; `definitions` are those of the parameters that were not
    overridden, `given` the values of those that were, and `parameters_at` the values of all at another length; `crop`
    decides whether the masks are crop-stable, `prove` what the layers connect at every length.
    """

    at: Instantiate
    definitions: Mapping[str, typed.Number]
    given: Mapping[str, int]
    parameters_at: Callable[[int], Mapping[str, int]]
    crop: Callable[[], Cropped]
    prove: Callable[[], Proof | NoProof]


MOST_TILE_FORMS = 4
"""Patterns of a schedule whose tiles are looked for in closed form: each is planned at five lengths more."""


@dataclass(frozen=True)
class Facts:
    """The figures of a schedule. Without an `origin`, formulas have numbers in the place of parameters.

    Any of them raises TileBudgetError where a pattern takes more than the budget of tile maps allows; `tiles` counts
    the tiles that compute a pattern: a plan has such a counter.
    """

    schedule: Schedule
    origin: Origin | None = None
    tiles: TileCounter = on_neighbours

    @cached_property
    def counts(self) -> Counts:
        """Exact pairs."""
        stage("counting pairs")
        return count(self.schedule)

    @cached_property
    def computed(self) -> tuple[Tiles, ...]:
        """The tiles of each pattern of the schedule."""
        stage("counting tiles")
        found: list[Tiles] = []
        for index, (pattern, counted) in enumerate(zip(self.schedule.patterns, self.counts.patterns, strict=True)):
            with work_for(index):
                found.append(self.tiles(pattern.relations, self.schedule.tokens, counted.pairs))
        return tuple(found)

    @cached_property
    def balances(self) -> tuple[Balance, ...]:
        """The busiest tile row of each pattern of the schedule."""
        return tuple(
            balance(pattern.relations, counted, self.schedule.tokens)
            for pattern, counted in zip(self.schedule.patterns, self.counts.patterns, strict=True)
        )

    @cached_property
    def layers(self) -> tuple[Relation, ...]:
        """The union over the heads of each layer."""
        return layer_relations(self.schedule)

    @property
    def target(self) -> Target:
        """The pairs that a model of this direction should connect."""
        return "past" if self.schedule.causal else "all"

    @cached_property
    def reach(self) -> Reach:
        """What all layers together connect."""
        stage("following keys through the layers")
        found = reach(self.layers, self.schedule.tokens, self.target)
        return found if found.exact else self._as_proved(found)

    def _as_proved(self, undecided: Reach) -> Reach:
        """What a proof for every length says of this one, if there is any."""
        proof = self.proof
        hand = proof.here.at_hand if isinstance(proof, Proof) and not proof.undrawn else None
        if hand is None:
            return undecided
        method = "a proof for every length"
        return Reach(hand.depth is not None, hand.depth, (), hand.missing, None, method, exact=True)

    @cached_property
    def reach_to_past(self) -> Reach:
        """The same, the pairs j <= i alone."""
        return self.reach if self.schedule.causal else reach(self.layers, self.schedule.tokens, "past")

    @cached_property
    def cache(self) -> Cache:
        """What decoding must keep. Raises NoOperator where a pattern has too little structure for its length."""
        stage("looking for the last query of each key")
        return decode_cache(self.schedule)

    @cached_property
    def formulas(self) -> tuple[Formula | None, ...]:
        """The closed form of each pattern of the schedule."""
        from patternc.analysis.formula import formulas

        stage("finding closed forms")
        return formulas(self.schedule, self.counts, None if self.origin is None else self.origin.at)

    @cached_property
    def tile_forms(self) -> tuple[Formula | None, ...]:
        """The tiles of each pattern of the schedule in closed form."""
        from patternc.analysis.tile_forms import tile_form

        origin, schedule = self.origin, self.schedule
        if origin is None:
            return (None,) * len(schedule.patterns)
        stage("finding closed forms of tiles")
        params = dict(schedule.params)

        known: dict[int, Schedule | None] = {}  # patterns are asked for at the same lengths

        def at(tokens: int) -> Schedule | None:
            if tokens not in known:
                known[tokens] = origin.at(tokens, params)
            return known[tokens]

        return tuple(
            tile_form(schedule, index, found, at, self.tiles) if index < MOST_TILE_FORMS else None
            for index, found in enumerate(self.computed)
        )

    @cached_property
    def formula(self) -> Formula | None:
        """The pairs of all layers and heads in closed form."""
        from patternc.analysis.formula import total_formula

        return total_formula(self.schedule, self.formulas)

    @cached_property
    def leading(self) -> Leading | None:
        """How the closed form grows with n when the parameters follow their definitions."""
        from patternc.analysis.expression import in_bounds
        from patternc.analysis.order import order

        if self.formula is None or self.origin is None:
            return None
        far = self.origin.parameters_at(FAR)
        if any(name not in far for name, _ in self.schedule.params) or not in_bounds(self.formula, {**far, "n": FAR}):
            return None
        return order(self.formula, self.origin.definitions)

    @cached_property
    def proof(self) -> Proof | NoProof | None:
        """What holds for every length, None where only a schedule is known."""
        stage("proving what holds for every length")
        return None if self.origin is None else self.origin.prove()

    @cached_property
    def cropped(self) -> Cropped:
        """Whether the masks are crop-stable."""
        stage("comparing with shorter lengths")
        return UNKNOWN_CROP if self.origin is None else self.origin.crop()


def program_facts(program: typed.Program, elaborated: Elaborated, tiles: TileCounter = on_neighbours) -> Facts:
    """The facts of `elaborated.schedule`, which `program` was elaborated to."""
    schedule = elaborated.schedule
    assert schedule is not None
    bound = bind_parameters(program, dict(elaborated.parameters))
    followed = definitions(program, elaborated)
    given = {name: value for name, value in schedule.params if name not in followed}

    def at(tokens: int, params: Mapping[str, int]) -> Schedule | None:
        return elaborate(bound, tokens, params, schedule.head_dim).schedule

    def cropped(tokens: int) -> Schedule | None:
        return elaborate(bound, tokens, {}, schedule.head_dim, clip_ids=True).schedule

    def parameters_at(tokens: int) -> dict[str, int]:
        values = elaborate(program, tokens, given, schedule.head_dim).parameters
        return {name: value for name, value in values if isinstance(value, int)}

    def proved() -> Proof | NoProof:
        from patternc.analysis.prove import prove

        return prove(program, elaborated)

    origin = Origin(at, followed, given, parameters_at, lambda: crop(bound, schedule, cropped), proved)
    return Facts(schedule, origin, tiles)


def definitions(program: typed.Program, elaborated: Elaborated) -> dict[str, typed.Number]:
    """The parameters that follow their definitions: those with the value that the program itself gives them."""
    assert elaborated.schedule is not None
    own = dict(elaborate(program, elaborated.schedule.tokens).parameters)
    values = dict(elaborated.parameters)
    return {
        param.name: param.value
        for param in program.params
        if not isinstance(param.value, typed.Ids | typed.Choice) and own.get(param.name) == values[param.name]
    }
