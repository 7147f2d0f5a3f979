"""verify: whether a typed program keeps the promises of its type, wherever it came from.

For: programs that were read instead of checked, and the proof that one with mistakes is never kept. Everything that
`elaborate` takes for granted is tested here. Not for: mistakes of users (`check.py` reports those, with places).
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator, Mapping
from typing import assert_never, cast, get_args

from patternc.grammar import signatures, typed
from patternc.grammar.dependencies import in_order
from patternc.grammar.layout_file import digest
from patternc.grammar.sums import misplaced_sums
from patternc.grammar.typed import Kind

_LIMIT = 1 << 63
_MAX_DEPTH = 128
_COUNTS = frozenset(signatures.COUNTS)


class Unsound(ValueError):
    """A typed program breaks a promise; the message says which."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Scope:
    """What may be named in one expression."""

    title: str
    own: Mapping[str, Kind | None] = dataclasses.field(default_factory=dict[str, "Kind | None"])
    quantities: frozenset[str] = _COUNTS
    facts: bool = False


def verify(program: typed.Program) -> None:
    """Raise Unsound unless `program` is one that `check` could have made of a file without mistakes."""
    for layout in program.layouts:
        _layout(layout)
    digests = frozenset(each.digest for each in program.layouts)
    if len(digests) < len(program.layouts):
        raise Unsound("a layout is kept twice")
    params = {each.name: each for each in program.params}
    patterns = {each.name: each for each in program.patterns}
    if len(params) + len(patterns) > len(params.keys() | patterns.keys()) or len(params) != len(program.params):
        raise Unsound("a name is declared twice")
    if len(patterns) != len(program.patterns):
        raise Unsound("a name is declared twice")
    if not program.files:
        raise Unsound("there is no file")
    declarations = (*program.params, *program.patterns, *program.expectations)
    for each in (*declarations, *((program.model,) if program.model else ())):
        if not 0 <= each.file < len(program.files):
            raise Unsound(f"there is no file {each.file}")
    for name in (*params, *patterns, *(name for each in program.patterns for name, _ in each.parameters)):
        if not name.isidentifier() or name in signatures.WORDS:
            raise Unsound(f"`{name}` cannot be declared")
    for param in program.params:
        _expression(program, param.value, _Scope(f"the parameter `{param.name}`"), params, patterns)
    for pattern in program.patterns:
        own = dict(pattern.parameters)
        if len(own) != len(pattern.parameters):
            raise Unsound(f"`{pattern.name}` has two parameters of one name")
        _expression(program, pattern.body, _Scope(f"the pattern `{pattern.name}`", own), params, patterns)
    _acyclic(program)
    if program.model is not None:
        _model(program, program.model, params, patterns)
    for misplaced in misplaced_sums(program):
        raise Unsound(f"a sum stands inside `{misplaced.word}`, which takes a set")
    for expectation in program.expectations:
        match expectation:
            case typed.Comparison(left, _, right):
                sides = (left, right)
            case typed.Connected(depth):
                sides = () if depth is None else (depth,)
            case typed.Order(numerator, denominator, logs):
                sides = ()
                if numerator < 0 or denominator < 1 or logs not in (0, 1):
                    raise Unsound("an order of growth is none")
            case typed.CropStable():
                sides = ()
            case _:
                assert_never(expectation)
        scope = _Scope("an expectation", facts=isinstance(expectation, typed.Comparison))
        for side in sides:
            if not isinstance(side, typed.Ratio):  # legal alone on its side only
                _expression(program, side, scope, params, patterns)


def _layout(layout: typed.StoredLayout) -> None:
    """Raise Unsound unless a stored layout has as many rows as it says, and is what its digest says."""
    heads, side = layout.heads, layout.side
    if side < 1 or (heads is not None and heads < 1):
        raise Unsound("a layout has no pairs to hold")
    try:
        bits = base64.b64decode(layout.bits, validate=True)
    except ValueError:
        raise Unsound("the rows of a layout are not base64") from None
    if len(bits) != (heads or 1) * side * -(-side // 8):
        raise Unsound("a layout has another number of rows than it says")
    if digest(bits, heads, side) != layout.digest:
        raise Unsound("a layout is not what its digest says")


def children(node: object) -> Iterator[object]:
    """The nodes directly inside a typed node."""
    assert dataclasses.is_dataclass(node), node
    for each in dataclasses.fields(node):
        value = getattr(node, each.name)
        if isinstance(value, tuple):
            yield from (item for item in cast("tuple[object, ...]", value) if dataclasses.is_dataclass(item))
        elif dataclasses.is_dataclass(value) and each.name != "span":
            yield value


def _acyclic(program: typed.Program) -> None:
    graph: dict[str, list[str]] = {}
    roots: list[tuple[str, object]] = [(each.name, each.value) for each in program.params]
    roots += [(each.name, each.body) for each in program.patterns]
    model = program.model
    if model is not None:
        roots += [
            (name, value)
            for name, value in (
                ("n", model.tokens),
                ("layers", model.layers.count),
                ("heads", model.heads),
                ("kv_heads", model.kv_heads),
            )
            if value is not None
        ]
    for name, root in roots:
        graph[name] = []
        waiting = [root]
        while waiting:
            node = waiting.pop()
            waiting.extend(children(node))
            match node:
                case (
                    typed.NumberParam(other) | typed.IdsParam(other) | typed.NamedPattern(other) | typed.Quantity(other)
                ):
                    graph[name].append(other)
                case typed.Powers():
                    graph[name].append("n")
                case _:
                    pass
    for cycle in in_order(graph)[1]:
        raise Unsound(f"`{cycle[0]}` needs itself")


def _model(
    program: typed.Program,
    model: typed.Model,
    params: Mapping[str, typed.Param],
    patterns: Mapping[str, typed.PatternDeclaration],
) -> None:
    settings = _Scope("the settings of the model")
    selecting = _Scope("the selection of layers")
    heads = _Scope("the selection of heads", quantities=_COUNTS | {"layer"})
    inside = _Scope("the model", quantities=_COUNTS | set(signatures.PLACES))
    values = (model.tokens, model.heads, model.kv_heads, model.head_dim, model.layers.count)
    checks: list[tuple[object, _Scope]] = [(each, settings) for each in values if each is not None]
    assigned: list[typed.Pattern | typed.Heads] = []
    match model.layers:
        case typed.Layers(_, entries):
            checks += [(entry.selector, selecting) for entry in entries]
            assigned += [entry.pattern for entry in entries]
        case typed.Repeat(_, rounds):
            checks += [(each.count, selecting) for each in rounds]
            assigned += [each.pattern for each in rounds]
    for each in assigned:
        if isinstance(each, typed.Heads):
            checks += [(entry.selector, heads) for entry in each.entries]
            checks += [(entry.pattern, inside) for entry in each.entries]
        else:
            checks.append((each, inside))
    for node, scope in checks:
        _expression(program, node, scope, params, patterns)


def _expression(
    program: typed.Program,
    root: object,
    scope: _Scope,
    params: Mapping[str, typed.Param],
    patterns: Mapping[str, typed.PatternDeclaration],
) -> None:
    """Test every node of an expression."""
    waiting: list[tuple[object, int]] = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise Unsound(f"{scope.title} is nested more than {_MAX_DEPTH} deep")
        reason = _wrong(node, scope, params, patterns)
        if isinstance(node, typed.Layout) and all(node.digest != each.digest for each in program.layouts):
            reason = f"the content of the layout `{node.file[:60]}` is not there"
        if reason is not None:
            raise Unsound(f"in {scope.title}: {reason}")
        waiting.extend((child, depth + 1) for child in children(node))


def _wrong(
    node: object,
    scope: _Scope,
    params: Mapping[str, typed.Param],
    patterns: Mapping[str, typed.PatternDeclaration],
) -> str | None:
    """What is wrong with one node, if anything is."""
    match node:
        case typed.Hole():
            return "a mistake left a hole"
        case typed.Choice():
            return "a number is still to be chosen"
        case typed.Integer(value) if not -_LIMIT <= value < _LIMIT:
            return f"{value} is beyond 64 bit"
        case typed.Ratio():
            return "a fraction stands where a whole number is needed"
        case typed.Pairs() | typed.Density() | typed.Cache() | typed.Waste() if not scope.facts:
            return "facts belong to expectations"
        case typed.Pairs() | typed.Waste() if any(_is_fact(below) for below in _descendants(node)):
            return "a fact stands in the arguments of another"
        case typed.Quantity(name) if name not in scope.quantities:
            return f"`{name}` is not known"
        case typed.NumberParam(name) if name not in params or isinstance(params[name].value, typed.Ids):
            return f"there is no number `{name}`"
        case typed.IdsParam(name) if name not in params or not isinstance(params[name].value, typed.Ids):
            return f"there is no list `{name}`"
        case typed.NumberArgument(name) if scope.own.get(name) != "number":
            return f"there is no parameter `{name}` that is a number"
        case typed.IdsArgument(name) if scope.own.get(name) != "ids":
            return f"there is no parameter `{name}` that is a list"
        case typed.PatternArgument(name) if scope.own.get(name) != "pattern":
            return f"there is no parameter `{name}` that is a pattern"
        case typed.NamedPattern(name, arguments):
            return _wrong_call(name, arguments, patterns)
        case typed.Arithmetic(operands, signs) if len(operands) != len(signs) + 1 or not signs:
            return "operands and signs do not match"
        case typed.Function(name, arguments):
            least, most = signatures.FUNCTIONS[name]
            wrong = len(arguments) < least or (most is not None and len(arguments) > most)
            return f"`{name}` has {len(arguments)} arguments" if wrong else None
        case typed.Sum(parts) | typed.Union(parts) | typed.Intersection(parts) | typed.Difference(parts) if (
            len(parts) < 2
        ):
            return "an operator has one operand"
        case typed.Residues(of, _, at, last) if (at is not None and last is not None) or (of == "stride" and last):
            return f"`{of}` has arguments that exclude each other"
        case typed.Random(_, seed) if seed == ():
            return "a seed is empty"
        case _:
            return None


def _is_fact(node: object) -> bool:
    return isinstance(node, typed.Pairs | typed.Density | typed.Cache | typed.Waste)


def _descendants(node: object) -> Iterator[object]:
    """Every node below one."""
    waiting = list(children(node))
    while waiting:
        yield (below := waiting.pop())
        waiting.extend(children(below))


_NUMBERS = cast("tuple[type, ...]", get_args(typed.Number))
_PATTERNS = cast("tuple[type, ...]", get_args(typed.Pattern))


def _wrong_call(
    name: str, arguments: tuple[typed.Value, ...], patterns: Mapping[str, typed.PatternDeclaration]
) -> str | None:
    declared = patterns.get(name)
    if declared is None:
        return f"there is no pattern `{name}`"
    if len(arguments) != len(declared.parameters):
        return f"`{name}` has {len(declared.parameters)} parameters, but {len(arguments)} arguments"
    types: dict[Kind, tuple[type, ...]] = {"number": _NUMBERS, "ids": (typed.Ids,), "pattern": _PATTERNS}
    for (parameter, kind), argument in zip(declared.parameters, arguments, strict=True):
        if kind is not None and not isinstance(argument, types[kind]):
            return f"the argument `{parameter}` of `{name}` is of another kind"
    return None
