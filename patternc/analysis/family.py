"""Families: a relation as one member of a set that its parameters span, with every number affine in them.

For: `formula.py`, which counts small members to learn how the count depends on the parameters. A number follows a
parameter where the same pattern, elaborated with other values, says so; a number that follows none is a parameter
without a name. Not for: counting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import lcm

from patternc.algebra.relation import (
    Blocks,
    Difference,
    Intersection,
    Relation,
    Slice,
    Union,
    Within,
)
from patternc.analysis.template import Slot, dissect, refill

Instance = Callable[[int, Mapping[str, int]], "Relation | Apart | None"]
"""The same pattern at another length, with these parameters; None where there is none."""


class Apart:
    """There is no one pattern any more: the heads that share it here have several, or their number has changed."""


APART = Apart()


TOKENS = "n"
SMALL = 4
"""Literals up to this stay numbers: they shape a pattern more than they scale it."""
STEPS = ((1, 2, 3), (-1, -2, -3))
TOGETHER = (1, 2, 3, 4, -1)


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something the numbers depend on: a parameter, half a parameter rounded down, or a literal.

    `name` is how it prints; `value` what it is in the relation at hand. `literal`: print the value instead.
    """

    name: str
    value: int
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Affine:
    """constant + sum of coefficient * symbol, in whole numbers; `terms` sorted by name, without zeros."""

    constant: int
    terms: tuple[tuple[str, int], ...] = ()

    def __call__(self, values: Mapping[str, int]) -> int:
        """The value."""
        total = self.constant
        for name, coefficient in self.terms:
            total += coefficient * values[name]
        return total

    def mentions(self, *names: str) -> bool:
        """Whether any of these symbols occurs."""
        return any(name in names for name, _ in self.terms)

    def plus(self, other: Affine, times: int = 1) -> Affine:
        """Sum of this and `times` the other."""
        terms = dict(self.terms)
        for name, coefficient in other.terms:
            terms[name] = terms.get(name, 0) + times * coefficient
        kept = tuple(sorted((name, coefficient) for name, coefficient in terms.items() if coefficient))
        return Affine(self.constant + times * other.constant, kept)

    def negative(self) -> Affine:
        """The same with the other sign."""
        return Affine(0).plus(self, -1)


def symbol(name: str) -> Affine:
    """The symbol alone."""
    return Affine(0, ((name, 1),))


@dataclass(frozen=True, slots=True)
class Family:
    """A relation and its numbers in terms of `symbols` and n; `frozen` parameters keep their values."""

    relation: Relation
    slots: tuple[Slot, ...]
    numbers: tuple[Affine, ...]
    symbols: tuple[Symbol, ...]
    frozen: tuple[tuple[str, int], ...]

    def member(self, values: Mapping[str, int]) -> Relation:
        """The member at these values of the symbols and n.

        Raises:
            Invalid: there is none.
        """
        numbers = [number(values) for number in self.numbers]
        return refill(self.relation, self.slots, numbers, values[TOKENS])

    def constant(self) -> Family:
        """The family of this relation alone: every number as it is, for numbers that do not follow the length."""
        here = {each.name: each.value for each in self.symbols}
        numbers = tuple(Affine(number(here)) for number in self.numbers)
        kept = {each.name: each.value for each in self.symbols if not each.literal}
        return Family(self.relation, self.slots, numbers, (), tuple(sorted({**dict(self.frozen), **kept}.items())))

    @property
    def follows_length(self) -> bool:
        """Whether a number depends on n otherwise than by being counted from the end of its place."""
        return any(number.mentions(TOKENS) for number in self.numbers)


@dataclass(slots=True)
class _Search:
    """What is known of the numbers while the parameters are looked at one by one."""

    slots: tuple[Slot, ...]
    base: tuple[int, ...]
    shape: tuple[object, ...]
    numbers: list[Affine]
    symbols: dict[str, Symbol] = field(default_factory=dict[str, Symbol])
    frozen: dict[str, int] = field(default_factory=dict[str, int])


def family(relation: Relation, tokens: int, params: Mapping[str, int], at: Instance | None) -> Family | None:
    """The family of `relation`, found at length `tokens`; None where its numbers follow the length in no simple way."""
    shape, slots, base = dissect(relation, tokens)
    search = _Search(slots, base, shape, [Affine(value) for value in base])
    if at is None:
        # Ids in the upper half may as well be counted from the end: without the program nobody knows.
        if any(slot.from_end for slot in slots):
            return None
    else:
        for name, value in params.items():
            _follow(
                search,
                name,
                value,
                lambda step, name=name, value=value: at(tokens, {**params, name: value + step}),
                tokens,
            )
        if not all(_predicts(search, at(tokens, moved), moved, tokens) for moved in _together(search, params)):
            # Each alone is straight, but not all at once: a product of two.
            search.numbers = [Affine(value) for value in base]
            followed = {each.name.removesuffix("//2") for each in search.symbols.values()}
            search.frozen |= {name: params[name] for name in followed}
            search.symbols.clear()
        by = lcm(*_block_sizes(relation))
        slopes = _slopes(
            search, lambda step: at(tokens + by * step, params), lambda step: by * step, lambda step: tokens + by * step
        )
        if slopes is None:
            return None
        _add(search, TOKENS, tokens, slopes)
        # A shorter sequence may cut a number away (a window as long as all of it); a longer one must not add any.
        for length in _far(tokens):
            if not _predicts(search, at(length, params), params, length, any_shape=length < tokens):
                return None
    _name_literals(search, slots)
    frozen = tuple(sorted(search.frozen.items()))
    used = {name for number in search.numbers for name, _ in number.terms}
    symbols = tuple(each for each in search.symbols.values() if each.name in used)
    return Family(relation, slots, tuple(search.numbers), symbols, frozen)


def _block_sizes(relation: Relation) -> list[int]:
    match relation:
        case Blocks(size, inner):
            return [size * below for below in [1, *_block_sizes(inner)]]
        case Within(_, inner) | Slice(_, _, inner):
            return _block_sizes(inner)
        case Union(parts) | Intersection(parts):
            return [size for part in parts for size in _block_sizes(part)]
        case Difference(left, right):
            return [*_block_sizes(left), *_block_sizes(right)]
        case _:
            return []


def _follow(
    search: _Search, name: str, value: int, moved: Callable[[int], Relation | Apart | None], tokens: int
) -> None:
    """Express what changes with parameter `name` in it, or in its half; freeze it where neither fits."""

    def length(_: int) -> int:
        return tokens

    def whole(step: int) -> int:
        return step

    def half(step: int) -> int:
        return (value + step) // 2 - value // 2

    for feature, called in ((whole, name), (half, f"{name}//2")):
        slopes = _slopes(search, moved, feature, length)
        if slopes is None:
            continue
        trial = _Search(search.slots, search.base, search.shape, [Affine(number) for number in search.base])
        _add(trial, called, value if called == name else value // 2, slopes)
        far_values = [far for far in _far(value) if 2 * far <= tokens]
        # What nothing follows here may still begin to matter: then the shape is another, as with a window of 1.
        follows = any(slopes)
        far_values += [] if follows else [1, 2]
        if all(_predicts(trial, moved(far - value), {name: far}, tokens, any_shape=follows) for far in far_values):
            _add(search, called, value if called == name else value // 2, slopes)
            return
    search.frozen[name] = value


def _slopes(
    search: _Search,
    moved: Callable[[int], Relation | Apart | None],
    feature: Callable[[int], int],
    length: Callable[[int], int],
) -> list[int] | None:
    """By how much each number changes with the feature; None if not in proportion."""
    for steps in STEPS:
        changes: list[list[int]] = []
        for step in steps:
            other = moved(step)
            if other is None:
                break
            if isinstance(other, Apart):
                return None
            shape, _, numbers = dissect(other, length(step), search.slots)
            if shape != search.shape:
                return None
            changes.append([new - old for new, old in zip(numbers, search.base, strict=True)])
        if len(changes) < len(steps):
            continue
        # The third step moves a half as well as a whole.
        whole = feature(steps[2])
        if whole == 0 or any(change % whole for change in changes[2]):
            return None
        slopes = [change // whole for change in changes[2]]
        for step, change in zip(steps, changes, strict=True):
            if any(slope * feature(step) != moved_by for slope, moved_by in zip(slopes, change, strict=True)):
                return None
        return slopes
    return None


def _together(search: _Search, params: Mapping[str, int]) -> Iterator[Mapping[str, int]]:
    """Values of the parameters with all that numbers follow moved at once."""
    followed = {name: value for name, value in params.items() if name not in search.frozen}
    for step in TOGETHER if len(search.symbols) > 1 else ():
        yield {**params, **{name: value + step for name, value in followed.items()}}


def _add(search: _Search, name: str, value: int, slopes: list[int]) -> None:
    if not any(slopes):
        return
    if name != TOKENS:
        search.symbols[name] = Symbol(name, value)
    for at, slope in enumerate(slopes):
        if slope:
            search.numbers[at] = search.numbers[at].plus(Affine(-slope * value, ((name, slope),)))


def _far(value: int) -> list[int]:
    """Values far from this one, where what looks straight nearby may bend."""
    return [far for far in (value // 4, value // 2, 2 * value, 16 * value, 256 * value) if far >= 1]


def _predicts(
    search: _Search, other: Relation | Apart | None, params: Mapping[str, int], tokens: int, any_shape: bool = False
) -> bool:
    """Whether the numbers are right elsewhere. A relation of another shape is wrong unless `any_shape`.

    A parameter may take a value at which the same pattern has a simpler form (columns whose last c are all of them).
    """
    if other is None:
        return True
    if isinstance(other, Apart):
        return False
    shape, _, numbers = dissect(other, tokens, search.slots)
    if shape != search.shape:
        return any_shape
    values = {TOKENS: tokens, **params, **{f"{name}//2": value // 2 for name, value in params.items()}}
    return [number(values) for number in search.numbers] == list(numbers)


def _name_literals(search: _Search, slots: tuple[Slot, ...]) -> None:
    """Make literals symbols: sizes always, others when they are large; equal ones are one symbol."""
    modulus, named = Affine(1), False
    for at, slot in enumerate(slots):
        number, value = search.numbers[at], search.base[at]
        if number.terms:
            modulus, named = (number, True) if slot.role == "size" else (modulus, named)
            continue
        if slot.role == "size":
            search.numbers[at] = modulus = _literal(search, value) if value > 1 else number
            named = False
            continue
        if slot.role == "residue" and modulus.terms and not named:
            size = _size_before(search, slots, at)
            ends_run = _residues_before(slots, at) % 2 == 1
            if (ends_run and value == size - 1) or (value > SMALL and size - value <= SMALL):
                # k - 1, k - 2, ...: counted from the modulus, as `last` does.
                search.numbers[at] = modulus.plus(Affine(value - size))
                continue
        written = abs(value - slot.offset)
        if written <= SMALL:
            continue
        sign = 1 if value - slot.offset > 0 else -1
        search.numbers[at] = Affine(slot.offset).plus(_literal(search, written), sign)


def _size_before(search: _Search, slots: tuple[Slot, ...], at: int) -> int:
    return next(search.base[before] for before in range(at, -1, -1) if slots[before].role == "size")


def _residues_before(slots: tuple[Slot, ...], at: int) -> int:
    """How many ends of runs stand between the modulus and this slot."""
    count = 0
    while slots[at - 1 - count].role == "residue":
        count += 1
    return count


def _literal(search: _Search, value: int) -> Affine:
    name = f"#{value}"
    search.symbols[name] = Symbol(name, value, literal=True)
    return symbol(name)
