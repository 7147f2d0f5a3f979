"""Proofs for every length: what the layers connect whatever n is, by Presburger arithmetic.

Layer l is the union over its heads and the residual i -> i, as a relation over n and the parameters that stay symbolic;
layers compose, and the pairs of the target that the composition lacks, projected on the symbols, are the exact
condition under which the model is incomplete. No length is sampled. The work is bounded by a number of isl's own
operations, so that an answer never depends on how busy a machine is; what goes beyond it, and what is no Presburger
relation (random keys, stored layouts, products of symbols), has no proof, and says why.

For: "connected, for every n", its condition, and "never". Not for: one concrete length (`reach.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import reduce

import islpy as isl

from patternc.algebra.elaborate import Elaborated, written_patterns
from patternc.algebra.schedule import Schedule
from patternc.analysis.presburger_text import condition_text, position_text
from patternc.analysis.proof import AtHand, Missing, NoProof, Proof, Statement
from patternc.analysis.symbolic_leaves import relation
from patternc.analysis.symbolic_patterns import Place, construct, union
from patternc.analysis.symbolic_tiles import REST, TILES, Tiles, inside, tile_relation
from patternc.analysis.symbolic_values import LENGTH, Number, Outside, Run, Scope, World
from patternc.grammar import typed

QUOTA = 1_000_000
"""isl operations of one statement: about a second."""
MOST_PIECES = 64
"""Convex pieces of what some layers reach: to take many of them out of the target costs more than isl counts."""


class _OverQuota(Exception):
    """Why a proof was given up: isl's operations, or the pieces of a relation."""


def prove(program: typed.Program, elaborated: Elaborated, quota: int = QUOTA) -> Proof | NoProof:
    """What the layers of a program connect at every length; `elaborated` is the program at some length."""
    schedule = elaborated.schedule
    assert schedule is not None
    asked = _Question(program, elaborated, schedule, quota)
    try:
        here, undrawn = _on_the_line(asked, ())
    except Outside as outside:
        return NoProof(f"{outside} cannot be decided for every length at once")
    except _OverQuota as over:
        return NoProof(f"a proof for every length takes {over}")
    if undrawn and here.depth is None:
        return NoProof("the layers are complete only with their random keys, which cannot be decided for every length")
    general = _general(asked)
    return Proof(here, None if undrawn and general is not None and general.depth is None else general, undrawn)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is to be proved, with how many operations."""

    program: typed.Program
    elaborated: Elaborated
    schedule: Schedule
    quota: int


def _general(asked: _Question) -> Statement | None:
    """The statement with as many symbolic parameters as have a form: on the line, or with one of them a distance."""
    symbols: tuple[str, ...] = tuple(name for name, value in asked.schedule.params if value >= 1)
    while symbols:
        try:
            return _plain(_on_the_line(asked, symbols)[0])
        except Outside as outside:
            fixed = [name for name in symbols if symbol(name) in outside.symbols]
            if not fixed:
                return None
            if len(fixed) == 1 and (statement := _in_tiles(asked, fixed[0], symbols)) is not None:
                return _plain(statement)
            symbols = tuple(name for name in symbols if name not in fixed)
        except _OverQuota:
            return None
    return None


def _plain(statement: Statement) -> Statement | None:
    """A statement that says something of a parameter, in plain words: conditions with rounded halves help nobody."""
    said = (statement.assumes, statement.incomplete or "")
    return None if not statement.symbols or any("floor" in each or "mod" in each for each in said) else statement


def symbol(name: str) -> str:
    """What isl calls a parameter: no word of isl's ends so."""
    return f"{name}_"


def _on_the_line(asked: _Question, symbols: tuple[str, ...]) -> tuple[Statement, bool]:
    """The statement for n and `symbols`, and whether random keys were left out."""
    schedule = asked.schedule

    def begin(context: isl.Context) -> _Setting:
        world = _world(context, asked, (LENGTH,), symbols)
        past = " and j <= i" if schedule.causal else ""
        target = relation(world, f"0 <= i and 0 <= j and i < n and j < n{past}")
        return _Setting(
            world,
            Place(world.function(LENGTH), schedule.causal),
            target,
            relation(world, "i = j"),
            world.where("n >= 1"),
            world.where(f"n = {schedule.tokens}"),
        )

    return _within_quota(asked, symbols, begin)


def _in_tiles(asked: _Question, size: str, names: Sequence[str]) -> Statement | None:
    """The statement with `size` a symbolic distance, and the other `names` symbolic where they have a form."""
    schedule = asked.schedule

    def begin(context: isl.Context) -> _Setting:
        world = _world(context, asked, (TILES, REST), tuple(names))
        k = symbol(size)
        place = Tiles(k, world.function(k), world.function(f"{TILES} + min({REST}, 1)"), schedule.causal)
        known = world.where(f"0 <= {REST} < {k} and {TILES} >= 0 and {TILES} + {REST} >= 1")
        return _Setting(
            world,
            place,
            tile_relation(world, inside(k, schedule.causal)),
            tile_relation(world, "a = b and s = t"),
            known,
        )

    try:
        return replace(_within_quota(asked, tuple(names), begin)[0], distance=size)
    except (Outside, _OverQuota):
        return None


@dataclass(frozen=True, slots=True, eq=False)
class _Setting:
    """Where a proof takes place: its target and residual are relations in the coordinates of `place`.

    `known` goes without saying; `hand` is the length of the schedule.
    """

    world: World
    place: Place | Tiles
    target: isl.Map
    residual: isl.Map
    known: isl.Set
    hand: isl.Set | None = None


def _within_quota(
    asked: _Question, symbols: tuple[str, ...], begin: Callable[[isl.Context], _Setting]
) -> tuple[Statement, bool]:
    context = isl.Context()
    context.set_max_operations(asked.quota)
    try:
        setting = begin(context)
        world = setting.world
        _check_selectors(asked.program)
        layers = [layer.intersect(setting.target) for layer in _layers(setting, asked)]
        used = tuple(name for name in symbols if name in world.used)
        assumed = setting.known
        for each in (*world.assumptions, *(world.where(f"{symbol(name)} >= 1") for name in used)):
            assumed = assumed.intersect(each)
        own = (world.where(f"{symbol(name)} = {value}") for name, value in asked.schedule.params if name in used)
        if reduce(isl.Set.intersect, own, assumed).is_empty():
            raise Outside("what is assumed of the parameters is not so here, and", frozenset(map(symbol, used)))
        target = setting.target.intersect_params(assumed)
        return _composed(setting, layers, target, used, assumed), world.undrawn
    except isl.Error as error:
        if _exhausted(context):
            raise _OverQuota(f"more than {asked.quota:,} operations") from error
        raise


def _exhausted(context: isl.Context) -> bool:
    """Whether the quota is used up: nothing works any more then, whatever isl calls the reason."""
    try:
        isl.Set.read_from_str(context, "{ : }")
    except isl.Error:
        return True
    return False


def _world(context: isl.Context, asked: _Question, lengths: tuple[str, ...], symbols: tuple[str, ...]) -> World:
    schedule = asked.schedule
    params: dict[str, Number | tuple[Run, ...]] = {}
    counts = {"layers": schedule.layers, "heads": schedule.heads, "kv_heads": schedule.kv_heads}
    world = World(context, asked.program, (*lengths, *map(symbol, symbols)), params, counts)
    for name, value in asked.elaborated.parameters:
        if isinstance(value, tuple):
            params[name] = tuple(Run(*run) for run in value)
        else:
            params[name] = world.function(symbol(name)) if name in symbols else value
    return world


def _layers(setting: _Setting, asked: _Question) -> list[isl.Map]:
    """The union over the heads, and the residual, for each layer; what is written and read alike is made once."""
    made: dict[tuple[int, int | None, int | None], isl.Map] = {}
    layers: dict[tuple[tuple[int, int | None, int | None], ...], isl.Map] = {}
    reads: dict[int, tuple[bool, bool]] = {}  # whether a pattern mentions the layer, and the head
    model: list[isl.Map] = []
    for layer, row in enumerate(written_patterns(asked.program, asked.schedule)):
        keys: list[tuple[int, int | None, int | None]] = []
        for head, pattern in enumerate(row):
            if id(pattern) not in reads:
                reads[id(pattern)] = _mentions(pattern, "layer"), _mentions(pattern, "head", "kv_head")
            by_layer, by_head = reads[id(pattern)]
            keys.append((id(pattern), layer if by_layer else None, head if by_head else None))
            if keys[-1] not in made:
                made[keys[-1]] = construct(setting.world, Scope(layer, head), setting.place, pattern)
        distinct = tuple(dict.fromkeys(keys))
        if distinct not in layers:
            layers[distinct] = union([setting.residual, *(made[key] for key in distinct)])
        model.append(layers[distinct])
    return model


def _mentions(expression: object, *names: typed.QuantityName) -> bool:
    """Whether one of the language's quantities stands in a typed expression."""
    waiting: list[object] = [expression]
    while waiting:
        each = waiting.pop()
        if isinstance(each, typed.Quantity):
            if each.name in names:
                return True
        elif isinstance(each, tuple):
            waiting.extend(each)  # pyright: ignore[reportUnknownArgumentType]
        elif is_dataclass(each):
            waiting.extend(getattr(each, part.name) for part in fields(each))
    return False


def _check_selectors(program: typed.Program) -> None:
    """Which layer has which pattern must not depend on the length."""
    model = program.model
    assert model is not None
    parts: list[object] = [model.layers.count]
    if isinstance(model.layers, typed.Layers):
        parts += [entry.selector for entry in model.layers.entries]
        bodies = [entry.pattern for entry in model.layers.entries]
    else:
        parts += [each.count for each in model.layers.rounds]
        bodies = [each.pattern for each in model.layers.rounds]
    parts += [entry.selector for body in bodies if isinstance(body, typed.Heads) for entry in body.entries]
    if any(_mentions(part, "n") for part in parts):
        raise Outside("which layer has which pattern depends on n")


# -- composition ------------------------------------------------------------------------------------------------------


def _composed(
    setting: _Setting, layers: Sequence[isl.Map], target: isl.Map, symbols: tuple[str, ...], assumed: isl.Set
) -> Statement:
    """What the layers connect of the target, one after the other, where `assumed` holds."""
    assumes = condition_text(assumed.gist(setting.known))
    reached = left = layers[0]
    lacking: list[isl.Map] = []
    hand = None if setting.hand is None else setting.hand.intersect(assumed)
    for depth, layer in enumerate(layers, start=1):
        if depth > 1:
            reached = layer.apply_range(reached).coalesce()  # i -> k by this layer, then k -> j by those before it
        if reached.n_basic_map() > MOST_PIECES:
            raise _OverQuota(f"relations of more than {MOST_PIECES} pieces")
        left = target.subtract(reached).coalesce()
        lacking.append(left)
        if left.is_empty():
            return Statement(symbols, assumes, depth, None, (), False, _at_hand(lacking, hand))
    where = left.params().coalesce()
    again = reached
    for layer in layers:
        again = layer.apply_range(again).coalesce()
    never = again.subtract(reached).intersect_params(where).is_empty()
    condition = condition_text(where.gist(assumed))
    return Statement(symbols, assumes, None, condition, _missing(left, where), never, _at_hand(lacking, hand))


def _at_hand(lacking: Sequence[isl.Map], hand: isl.Set | None) -> AtHand | None:
    """What is lacking after each layer, at the length at hand."""
    if hand is None or hand.is_empty():
        return None
    for depth, left in enumerate(lacking, start=1):
        here = left.intersect_params(hand)
        if here.is_empty():
            return AtHand(depth, None)
    first = lacking[-1].intersect_params(hand).wrap().lexmin().sample_point()
    query, key = (first.get_coordinate_val(isl.dim_type.set, at).to_python() for at in range(2))
    return AtHand(None, (query, key))


def _missing(left: isl.Map, where: isl.Set) -> tuple[Missing, ...]:
    """The first of the pairs that are left, by the cases it has."""
    pieces: list[tuple[isl.Set, isl.MultiAff]] = []
    left.wrap().lexmin_pw_multi_aff().coalesce().foreach_piece(lambda domain, pair: pieces.append((domain, pair)))
    missing: list[Missing] = []
    for domain, pair in pieces:
        ends = [position_text(pair.get_aff(at)) for at in range(pair.dim(isl.dim_type.out))]
        query, key = (
            ends if len(ends) == 2 else (f"tile {ends[0]}, place {ends[1]}", f"tile {ends[2]}, place {ends[3]}")
        )
        missing.append(Missing(query, key, condition_text(domain.gist(where)) if len(pieces) > 1 else ""))
    return tuple(sorted(missing, key=lambda each: (each.where, each.query, each.key)))
