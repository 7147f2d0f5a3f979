"""Random patterns that are right at a place: every primitive, operators, lifts, calls, and published ones in small.

For: `programs.py`. Not for: numbers and ids (`expressions.py`).
"""

from __future__ import annotations

from hypothesis import strategies as st

from patternc.grammar import tree as t
from tests.properties.expressions import (
    ANYWHERE,
    Scope,
    Signature,
    call,
    chain,
    exactly,
    ids,
    integer,
    parsed_ids,
    positives,
    residues,
    sizes,
)
from tests.properties.library import library
from tests.properties.stored import name_of


@st.composite
def windows(draw, scope: Scope):
    named = {}
    if draw(st.integers(0, 3)) == 0:
        for side in ("back", "ahead"):
            if draw(st.booleans()):
                named[side] = draw(exactly(scope, draw(st.integers(0, 9))))
        if named:
            if draw(st.booleans()):
                named["dilation"] = draw(positives(scope))
            return call("local", **named)
    if draw(st.integers(0, 3)) == 0:
        named["dilation"] = draw(positives(scope))
    built = call("local", draw(positives(scope)), **named)
    return turned(draw, built)


@st.composite
def neighborhoods(draw, scope: Scope):
    """NATTEN's window, where no lift makes its borders differ from block to block."""
    k = draw(st.integers(1, 9))
    options = {}
    if draw(st.booleans()):
        options["dilation"] = integer(draw(st.integers(1, 4)))
    if draw(st.booleans()):
        options["group"] = integer(draw(st.integers(1, k)))
    return turned(draw, call("neighborhood", draw(exactly(scope, k)), **options))


@st.composite
def layouts(draw, scope: Scope):
    """A stored square, or one for each head, as long as its place."""
    heads = scope.heads if scope.in_model and draw(st.booleans()) else None
    name = name_of(heads, scope.n, draw(st.sampled_from([0, 2, 10, 50, 100])), draw(st.integers(0, 3)))
    return call("layout", t.Text(name))


def turned(draw, built: t.Call) -> t.Call:
    """Sometimes with a direction of its own."""
    if draw(st.integers(0, 5)):
        return built
    direction = t.DirectionArgument(draw(st.sampled_from(["causal", "bidirectional"])))
    return t.Call(built.name, (*built.arguments, direction))


@st.composite
def periods(draw, scope: Scope):
    of = draw(st.sampled_from(["stride", "stride", "columns", "rows"]))
    how = draw(st.sampled_from(["plain", "at", "last"]))
    if how == "plain" or (of == "stride" and how == "last"):
        return call(of, draw(positives(scope)))
    modulus = draw(sizes(scope.n))
    size = draw(exactly(scope, modulus))
    if how == "last":
        return call(of, size, last=draw(exactly(scope, draw(st.integers(0, modulus)))))
    if scope.in_model and draw(st.integers(0, 3)) == 0:
        place = t.Name(draw(st.sampled_from(["layer", "head"])))
        return call(of, size, at=chain("%", place, size))
    return call(of, size, at=draw(residues(scope, modulus)))


@st.composite
def chunks(draw, scope: Scope):
    if draw(st.booleans()):
        return call("chunk", draw(positives(scope)))
    listed = draw(st.lists(positives(scope), min_size=1, max_size=3))
    return call("chunks", t.List(tuple(listed)))


@st.composite
def positions(draw, scope: Scope):
    of = draw(st.sampled_from(["keys", "queries", "global", "global", "diagonals"]))
    if of != "diagonals":
        return call(of, draw(ids(scope)))
    bound = 20 if scope.n is None else scope.n + 2

    def item():
        first = draw(st.integers(-bound, bound))
        if draw(st.booleans()):
            return integer(first)
        return t.Range(integer(first), integer(first + draw(st.integers(0, 9))), integer(draw(st.integers(1, 3))))

    if draw(st.integers(0, 3)) == 0:
        return call("diagonals", t.List((integer(0), call("powers", integer(2)))))
    return call("diagonals", t.List(tuple(item() for _ in range(draw(st.integers(1, 3))))))


@st.composite
def draws(draw, scope: Scope, depth: int):
    named = {}
    if draw(st.booleans()):
        seeds = st.one_of(
            st.integers(-9, 99).map(integer),
            st.sampled_from(
                [t.Name("layer"), t.Name("head"), chain("+", t.Name("layer"), t.Name("kv_head"))]
                if scope.in_model
                else [integer(7)]
            ),
        )
        parts = draw(st.lists(seeds, min_size=1, max_size=3))
        named["seed"] = parts[0] if len(parts) == 1 else t.Tuple(tuple(parts))
    if depth > 0 and draw(st.integers(0, 2)) == 0:
        named["avoid"] = draw(patterns(scope, depth - 1, draws_too=False))
    if draw(st.integers(0, 2)) == 0:
        named["among"] = draw(ids(scope))
    return turned(draw, call("random", draw(exactly(scope, draw(st.integers(0, 4)))), **named))


@st.composite
def lifts(draw, scope: Scope, depth: int, draws_too: bool):
    by = draw(st.sampled_from(["blocks", "blocks", "within", "slice"]))
    n = scope.n
    if by == "slice":
        if n is None:
            where = t.Range(draw(st.sampled_from([integer(0), chain("//", t.Name("n"), integer(2))])), t.Name("n"))
            return call("slice", where, draw(patterns(scope, depth - 1, draws_too)))
        start = draw(st.integers(0, n - 1))
        stop = draw(st.integers(start + 1, n))
        where = t.Range(draw(exactly(scope, start)), t.Name("n") if stop == n else draw(exactly(scope, stop)))
        return call("slice", where, draw(patterns(scope.at(stop - start, even=True), depth - 1, draws_too)))
    even = n is not None and draw(st.booleans())
    size = draw(st.sampled_from([each for each in range(1, n + 1) if n % each == 0]) if even else sizes(n))
    inner = None if n is None else -(-n // size) if by == "blocks" else size
    if n is None and draw(st.booleans()):
        return call(by, draw(positives(scope)), draw(patterns(scope, depth - 1, draws_too)))
    return call(by, draw(exactly(scope, size)), draw(patterns(scope.at(inner, even), depth - 1, draws_too)))


@st.composite
def combinations(draw, scope: Scope, depth: int, draws_too: bool):
    sign = draw(st.sampled_from(["|", "|", "|", "&", "-"]))
    operands = draw(st.lists(patterns(scope, depth - 1, draws_too), min_size=2, max_size=3))
    return chain(sign, *operands)


@st.composite
def published(draw, scope: Scope):
    """What is written down in papers, in small: parts that interact (windows with strides, hubs, packed classes)."""
    a = draw(positives(scope, draw(st.sampled_from([2, 3, 4, 5, 8, 13]))))
    window = call("local", draw(positives(scope)))
    hubs = call("global", draw(ids(scope)))
    match draw(st.sampled_from(["strided", "fixed", "longformer", "bigbird", "branch", "axial", "sinks", "dilated"])):
        case "strided":
            return chain("|", call("local", a), call("stride", a))
        case "fixed":
            k = draw(st.integers(2, 9))
            return chain(
                "|", call("chunk", integer(k)), call("columns", integer(k), last=integer(draw(st.integers(1, 2))))
            )
        case "longformer":
            return chain("|", window, hubs)
        case "bigbird":
            inner = chain(
                "|", call("local", integer(3)), call("global", parsed_ids("[0, -1]")), call("random", integer(1))
            )
            return call("blocks", draw(positives(scope)), inner)
        case "branch":
            k = draw(st.integers(2, 6))
            place = integer(draw(st.integers(0, k - 1)))
            cut = call("chunk", draw(positives(scope)))
            return chain("&", cut, call("rows", integer(k), at=place), call("columns", integer(k), at=place))
        case "axial":
            return chain("|", call("chunk", a), call("stride", a))
        case "sinks":
            return chain("|", call("keys", draw(ids(scope))), window)
        case "dilated":
            return chain("|", window, call("local", draw(positives(scope)), dilation=a))


@st.composite
def named(draw, scope: Scope, depth: int, draws_too: bool):
    """A named pattern with arguments, positional first; or a pattern that is a parameter."""
    if scope.uses and draw(st.booleans()):
        return draw(library(scope, draws_too))
    if scope.patterns and draw(st.booleans()):
        return t.Name(draw(st.sampled_from(scope.patterns)))
    targets = [each for each in scope.callable if not each.adds]
    return draw(used(scope, draw(st.sampled_from(targets)), depth, draws_too) if targets else windows(scope))


@st.composite
def used(draw, scope: Scope, target: Signature, depth: int, draws_too: bool = True):
    """A named pattern with its arguments."""
    if not target.kinds:
        return t.Name(target.name)
    values = [draw(argument(scope, kind, depth, draws_too)) for kind in target.kinds]
    by_name = draw(st.integers(0, len(values)))
    given = [t.NamedArgument(t.Word(f"a{place}"), value) for place, value in enumerate(values)]
    return t.Call(t.Word(target.name), (*values[:by_name], *draw(st.permutations(given[by_name:]))))


def argument(scope: Scope, kind: str, depth: int, draws_too: bool):
    if kind == "number":
        known = [t.Name(name) for name, value in scope.known if 1 <= value <= 12]
        return st.one_of(st.integers(1, 12).map(integer), st.sampled_from([*known, integer(3)]))
    if kind == "ids":
        return st.sampled_from([*map(parsed_ids, ANYWHERE), *map(t.Name, scope.lists)])
    if kind == "sum":
        return sums(scope.at(None), depth - 1)
    return patterns(scope.at(None), depth - 1, draws_too)


def patterns(scope: Scope, depth: int = 2, draws_too: bool = True):
    """Patterns that are right at a place, `depth` operators, lifts or calls deep; `draws_too` allows `random`."""
    constants = st.sampled_from(["dense", "empty", "self", "past"]).map(t.Name)
    leaves = [
        constants,
        windows(scope),
        windows(scope),
        periods(scope),
        periods(scope),
        chunks(scope),
        positions(scope),
    ]
    if scope.even:
        leaves.append(neighborhoods(scope))
    if scope.n is not None:
        leaves.append(layouts(scope))
    if draws_too:
        leaves.append(draws(scope, depth))
    if depth <= 0:
        return st.one_of(leaves)
    deeper = [lifts(scope, depth, draws_too), combinations(scope, depth, draws_too), named(scope, depth, draws_too)]
    return st.one_of(*leaves, *deeper, *deeper, *([published(scope)] * 3 if draws_too else []))


@st.composite
def branches(draw, scope: Scope, depth: int):
    """One branch of a sum; or a name, or a parameter, that stands for several."""
    adding = [each for each in scope.callable if each.adds]
    if scope.sums and draw(st.booleans()):
        return t.Name(draw(st.sampled_from(scope.sums)))
    if adding and draw(st.booleans()):
        return draw(used(scope, draw(st.sampled_from(adding)), depth))
    return draw(patterns(scope, depth))


@st.composite
def sums(draw, scope: Scope, depth: int = 2):
    """Branches, some of them written twice."""
    listed = draw(st.lists(branches(scope, depth), min_size=1, max_size=2))
    again = draw(st.lists(st.sampled_from(listed), min_size=len(listed) == 1, max_size=2))
    return chain("+", *draw(st.permutations([*listed, *again])))


def attended(scope: Scope, depth: int):
    """What a head attends: a pattern, or a sum of patterns."""
    return st.one_of(patterns(scope, depth), patterns(scope, depth), patterns(scope, depth), sums(scope, depth - 1))
