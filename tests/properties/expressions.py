"""Random numbers and id lists, written as expressions that have the value wanted; and what they may speak of.

For: `patterns.py`. What cannot be known (the length of the place that a named pattern is used at, the value of a
parameter) is written so that it is right anyway. Not for: patterns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt

from hypothesis import strategies as st

from patternc.grammar import tree as t

ANYWHERE = ("0", "-1", "[0, -1]", "0..1", "[-1, 0..1]")
"""Id lists that every place has, whatever its length."""


@dataclass(frozen=True)
class Signature:
    """A named pattern that may be called: the kinds of its parameters, and whether it is a sum."""

    name: str
    kinds: tuple[str, ...]
    adds: bool = False


@dataclass(frozen=True)
class Scope:
    """What an expression may speak of."""

    n: int | None = None
    """The length of the place; None where the pattern may be used at any."""
    known: tuple[tuple[str, int], ...] = ()
    """Names with their values."""
    positive: tuple[str, ...] = ()
    """Names of numbers that are 1 to 12."""
    lists: tuple[str, ...] = ()
    """Names of id lists that every place has."""
    patterns: tuple[str, ...] = ()
    """Names of parameters that stand for patterns."""
    sums: tuple[str, ...] = ()
    """Names of parameters that may stand for sums."""
    callable: tuple[Signature, ...] = ()
    uses: tuple[str, ...] = ()
    """Files of the library."""
    in_model: bool = False
    heads: int = 1
    even: bool = False
    """Whether every lift around divides the n it stands at."""

    def at(self, n: int | None, even: bool = False) -> Scope:
        """The scope inside a lift, which is `even` if it divides n."""
        known = tuple(pair for pair in self.known if pair[0] != "n")
        return replace(self, n=n, even=self.even and even, known=known if n is None else (*known, ("n", n)))


# -- numbers ----------------------------------------------------------------------------------------------------------


def integer(value: int) -> t.Expression:
    return t.Negative(t.Number(str(-value))) if value < 0 else t.Number(str(value))


def chain(sign: str, *operands: t.Expression) -> t.Expression:
    return t.Chain(operands, (t.Operator(sign),) * (len(operands) - 1))


def call(name: str, *arguments: t.Argument, **named: t.Expression) -> t.Call:
    return t.Call(t.Word(name), (*arguments, *(t.NamedArgument(t.Word(key), value) for key, value in named.items())))


@st.composite
def exactly(draw, scope: Scope, value: int):
    """An expression that has `value`, which is what matters: most are the number itself."""
    name, of = draw(st.sampled_from(scope.known)) if scope.known else ("", 0)
    if not name or draw(st.integers(0, 2)):
        return integer(value)
    if of == value:
        return t.Name(name)
    how = draw(st.sampled_from(["sum", "min", "share", "product", "root", "power", "nothing"]))
    if how == "min":
        return call("min" if value < of else "max", integer(value), t.Name(name))
    if how == "share" and value > 0:
        return (
            chain("//", t.Name(name), integer(of // value))
            if of // value and of // (of // value) == value
            else chain("-", integer(value + of), t.Name(name))
        )
    if how == "product" and of and value % of == 0:
        return chain("*", integer(value // of), t.Name(name))
    if how == "root" and value >= 0:
        return call("isqrt", t.Power(integer(value), integer(2)))
    if how == "power" and value > 0 and value & (value - 1) == 0:
        return t.Power(integer(2), call("log2", integer(value)))
    if how == "nothing" and scope.in_model:
        return chain("+", integer(value), chain("*", integer(0), t.Name("layer")))
    return (
        chain("+", t.Name(name), integer(value - of)) if value >= of else chain("-", t.Name(name), integer(of - value))
    )


@st.composite
def positives(draw, scope: Scope, typical: int | None = None):
    """A number of 1 or more: a width, a stride, a size."""
    how = draw(st.integers(0, 9))
    if how <= 1 and scope.positive:
        name = t.Name(draw(st.sampled_from(scope.positive)))
        return draw(
            st.sampled_from(
                [
                    name,
                    chain("*", integer(2), name),
                    chain("+", name, integer(1)),
                    call("max", integer(1), chain("-", name, integer(2))),
                ]
            )
        )
    if how == 2 and scope.in_model:
        turning = chain("%", t.Name(draw(st.sampled_from(["layer", "head", "kv_head"]))), integer(3))
        base = integer(draw(st.integers(1, 8)))
        return chain("+", base, turning) if draw(st.booleans()) else chain("*", base, t.Power(integer(2), turning))
    if how == 3 and scope.n is None:
        return draw(
            st.sampled_from(
                [
                    call("max", integer(1), call("isqrt", t.Name("n"))),
                    t.Name("n"),
                    call("ceildiv", t.Name("n"), integer(3)),
                    chain("+", integer(1), chain("//", t.Name("n"), integer(2))),
                ]
            )
        )
    value = typical if typical is not None else draw(sizes(scope.n))
    return draw(exactly(scope, value))


def sizes(n: int | None):
    """Small numbers, powers of two, and what lies around the length of the place."""
    small = st.sampled_from([1, 2, 2, 3, 3, 4, 5, 7, 8, 8, 11, 16])
    if n is None:
        return small
    return st.one_of(small, small, st.integers(1, n + 2), st.sampled_from([max(1, isqrt(n)), max(1, n // 2), n, n + 1]))


# -- ids --------------------------------------------------------------------------------------------------------------


def parsed_ids(text: str) -> t.Expression:
    """An entry of ANYWHERE as a tree."""
    if text.startswith("["):
        return t.List(tuple(parsed_ids(item) for item in text[1:-1].split(", ")))
    start, _, stop = text.partition("..")
    return t.Range(integer(int(start)), integer(int(stop))) if stop else integer(int(text))


@st.composite
def id_items(draw, scope: Scope):
    """One id, or a range of them, that the place has."""
    n = scope.n
    if n is None:
        return draw(
            st.sampled_from(
                [
                    integer(0),
                    integer(-1),
                    call("powers", integer(2)),
                    chain("//", t.Name("n"), integer(2)),
                    t.Range(integer(0), call("min", t.Name("n"), integer(3))),
                    t.Range(call("max", integer(0), chain("-", t.Name("n"), integer(2))), t.Name("n")),
                    t.Range(integer(0), t.Name("n"), integer(5)),
                ]
            )
        )
    how = draw(st.sampled_from(["one", "one", "end", "range", "range", "step", "last", "powers"]))
    if how == "one":
        return draw(exactly(scope, draw(st.integers(0, n - 1))))
    if how == "end":
        return integer(-draw(st.integers(1, n)))
    if how == "powers":
        return call("powers", integer(draw(st.integers(2, 4))))
    if how == "last":
        return t.Range(integer(-draw(st.integers(1, min(n, 6)))), t.Name("n"))
    start = draw(st.integers(0, n))
    stop = draw(st.integers(start, min(n, start + 9) if draw(st.booleans()) else n))
    begin = integer(start - n) if 0 < start < n and draw(st.booleans()) else draw(exactly(scope, start))
    end = integer(stop - n) if stop < n and draw(st.booleans()) else draw(exactly(scope, stop))
    return t.Range(begin, end, integer(draw(st.integers(1, 7))) if how == "step" else None)


@st.composite
def ids(draw, scope: Scope):
    if scope.lists and draw(st.integers(0, 3)) == 0:
        named = t.Name(draw(st.sampled_from(scope.lists)))
        return draw(st.sampled_from([named, t.List((named, integer(0)))]))
    if draw(st.booleans()):
        return draw(id_items(scope))
    return t.List(tuple(draw(st.lists(id_items(scope), min_size=1, max_size=3))))


@st.composite
def residues(draw, scope: Scope, modulus: int):
    """Residues of `at`: -modulus <= o < modulus."""
    one = st.integers(-modulus, modulus - 1)

    def item():
        first = draw(one)
        if draw(st.booleans()):
            return draw(exactly(scope, first))
        last = draw(st.integers(first, min(first + 3, modulus - 1)))
        return t.Range(integer(first), integer(last + 1), integer(draw(st.integers(1, 2))))

    return t.List(tuple(item() for _ in range(draw(st.integers(1, 3))))) if draw(st.booleans()) else item()
