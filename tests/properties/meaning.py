"""What a program means, read straight off its tree by the language's own page: slow, obvious, independent.

For: holding the whole way from text to relations against something else than itself. `masks` evaluates the tables of
the language reference, section by section, on arrays of all pairs; nothing of the checker, the elaborator or the
relations is used, only the published draw of `random`. Not for: wrong programs (anything may happen).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isqrt

import numpy as np

from patternc.algebra.random import draw
from patternc.grammar import tree as t


@dataclass(frozen=True)
class Closure:
    """A pattern given as an argument: evaluated where it is used, with the names of where it was written."""

    expression: t.Expression
    at: Place


@dataclass(frozen=True)
class Place:
    """Where an expression is evaluated: n and the direction of the place, and every name in scope."""

    n: int
    causal: bool
    file: t.File
    numbers: dict = field(default_factory=dict)
    """layer, head and the like."""
    arguments: dict = field(default_factory=dict)


def masks(file: t.File) -> list[list[np.ndarray]]:
    """[layer][head] of bool [n, n], (query, key)."""
    (model,) = (each for each in file.statements if isinstance(each, t.Model))
    flags = {each.name for each in model.settings if isinstance(each, t.Flag)}
    said = {each.name: each.value for each in model.settings if isinstance(each, t.Setting)}
    (layers,) = (each for each in model.settings if isinstance(each, t.Layers))
    causal = "causal" in flags
    bare = Place(0, causal, file)
    n = number(said["tokens"], bare)
    place = replace(bare, n=n)
    heads = number(said["heads"], place) if "heads" in said else 1
    kv_heads = number(said["kv_heads"], place) if "kv_heads" in said else heads
    count = number(layers.count, place)
    place = replace(place, numbers={"layers": count, "heads": heads, "kv_heads": kv_heads})
    result = []
    for layer in range(count):
        entry = in_rounds(layers.body, layer, place) if layers.repeated else covering(layers.body, layer, count, place)
        row = []
        for head in range(heads):
            numbers = {**place.numbers, "layer": layer, "head": head, "kv_head": head // (heads // kv_heads)}
            here = replace(place, numbers=numbers)
            of_head = covering(entry.entries, head, heads, here) if isinstance(entry, t.HeadBlock) else entry
            mask = pattern(of_head, here)
            row.append(mask & past(n) if causal else mask)
        result.append(row)
    return result


def past(n: int) -> np.ndarray:
    return np.tril(np.ones((n, n), dtype=bool))


def in_rounds(rounds, layer, place):
    turns = [each.pattern for each in rounds for _ in range(number(each.count, place))]
    return turns[layer % len(turns)]


def covering(entries, index, count, place):
    """The pattern of the one entry that covers a layer or head."""
    rest = [entry for entry in entries if entry.selector.which == "rest"]
    found = [entry for entry in entries if entry not in rest and index in selected(entry.selector, count, place)]
    (entry,) = found or rest
    return entry.pattern


def selected(selector, count, place):
    match selector.which:
        case "even":
            return range(0, count, 2)
        case "odd":
            return range(1, count, 2)
        case "all":
            return range(count)
        case expression:
            return resolved(ids(expression, place), count)


# -- numbers and ids ---------------------------------------------------------------------------------------------------


def number(expression: t.Expression, place: Place) -> int:
    match expression:
        case t.Number(text):
            return int(text)
        case t.Negative(operand):
            return -number(operand, place)
        case t.Power(base, exponent):
            return number(base, place) ** number(exponent, place)
        case t.Chain(operands, operators):
            value = number(operands[0], place)
            for operator, operand in zip(operators, operands[1:], strict=True):
                other = number(operand, place)
                match operator.sign:
                    case "+":
                        value += other
                    case "-":
                        value -= other
                    case "*":
                        value *= other
                    case "//":
                        value //= other
                    case "%":
                        value %= other
            return value
        case t.Call(name, arguments):
            values = [number(each, place) for each in arguments]
            functions = {
                "min": min, "max": max, "abs": abs, "isqrt": isqrt,
                "ceildiv": lambda a, b: -(-a // b), "log2": lambda a: a.bit_length() - 1,
            }  # fmt: skip
            return functions[name.text](*values)
        case t.Name("n"):
            return place.n
        case t.Name(name) if name in place.arguments:
            return place.arguments[name]
        case t.Name(name) if name in place.numbers:
            return place.numbers[name]
        case t.Name(name):
            return number(parameter(name, place), of_model(place))


def parameter(name, place):
    (value,) = (each.value for each in place.file.statements if isinstance(each, t.Param) and each.name.text == name)
    return value


def of_model(place):
    """Where a `param` is evaluated: with the model's n."""
    bare = replace(place, arguments={}, numbers={})
    (model,) = (each for each in place.file.statements if isinstance(each, t.Model))
    (tokens,) = (each.value for each in model.settings if isinstance(each, t.Setting) and each.name == "tokens")
    return replace(bare, n=number(tokens, bare))


def ids(expression: t.Expression, place: Place) -> list[tuple]:
    """(id,) and (start, stop, step), as written: from the end they are counted where they are used."""
    match expression:
        case t.List(items):
            return [each for item in items for each in ids(item, place)]
        case t.Range(start, stop, step):
            return [(number(start, place), number(stop, place), 1 if step is None else number(step, place))]
        case t.Call(t.Word("powers"), (base,)):
            powers, b = [1], number(base, place)
            while powers[-1] < place.n:
                powers.append(powers[-1] * b)
            return [(each,) for each in powers[:-1]]
        case t.Name(name) if isinstance(place.arguments.get(name), list):
            return place.arguments[name]
        case t.Name(name) if name not in place.arguments and name in declared_lists(place):
            return ids(parameter(name, place), of_model(place))
        case _:
            return [(number(expression, place),)]


def declared_lists(place):
    params = [each for each in place.file.statements if isinstance(each, t.Param)]
    return {each.name.text for each in params if isinstance(each.value, t.List | t.Range)}


def resolved(runs, length):
    """The positions of a place that a list has; negative ends count from the end."""
    found = set()
    for run in runs:
        start, *rest = (each + length if each < 0 else each for each in run[:2])
        found |= set(range(start, rest[0], run[2])) if rest else {start}
    return found


def themselves(runs):
    """The numbers of a list where they are not positions."""
    return [each for run in runs for each in (range(*run) if len(run) > 1 else run)]


# -- patterns ---------------------------------------------------------------------------------------------------------


def pattern(expression: t.Expression, place: Place) -> np.ndarray:
    """All pairs of the place, bool [n, n]."""
    n = place.n
    i, j = np.arange(n)[:, None], np.arange(n)[None, :]
    match expression:
        case t.Chain(operands, operators):
            result, *others = (pattern(each, place) for each in operands)
            for operator, other in zip(operators, others, strict=True):
                result = {"|": result | other, "&": result & other, "-": result & ~other}[operator.sign]
            return result
        case t.Name("dense"):
            return np.ones((n, n), dtype=bool)
        case t.Name("empty"):
            return np.zeros((n, n), dtype=bool)
        case t.Name("self"):
            return i == j
        case t.Name("past"):
            return j <= i
        case t.Name(name) | t.Call(t.Word(name)) if isinstance(place.arguments.get(name), Closure):
            closure = place.arguments[name]
            return pattern(closure.expression, replace(closure.at, n=n, causal=place.causal))
        case t.Name(name):
            return called(t.Call(t.Word(name), ()), place)
        case t.Call(name):
            return primitive(name.text, expression, place, i, j) & np.ones((n, n), dtype=bool)


def primitive(name, call, place, i, j):
    n = place.n
    given = [each for each in call.arguments if not isinstance(each, t.NamedArgument | t.DirectionArgument)]
    named = {each.name.text: each.value for each in call.arguments if isinstance(each, t.NamedArgument)}
    directions = [each.direction for each in call.arguments if isinstance(each, t.DirectionArgument)]
    causal = directions[0] == "causal" if directions else place.causal
    match name:
        case "local":
            d = number(named["dilation"], place) if "dilation" in named else 1
            if given:
                w = number(given[0], place)
                inside = (i - j >= 0) & (i - j < d * w) if causal else abs(i - j) <= d * (w // 2)
            else:
                back, ahead = (number(named[side], place) if side in named else 0 for side in ("back", "ahead"))
                inside = (-d * ahead <= i - j) & (i - j <= d * back)
            return inside & ((i - j) % d == 0)
        case "stride" | "columns" | "rows":
            k = number(given[0], place)
            of = {"stride": i - j, "columns": j + 0 * i, "rows": i + 0 * j}[name]
            if "last" in named:
                return of % k >= k - number(named["last"], place)
            at = themselves(ids(named["at"], place)) if "at" in named else [0]
            return np.isin(of % k, [each % k for each in at])
        case "chunk" | "chunks":
            sizes = [number(given[0], place)] if name == "chunk" else themselves(ids(given[0], place))
            chunk = []
            while len(chunk) < n:
                size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
                chunk += [chunk[-1] + 1 if chunk else 0] * min(size, n)
            chunk = np.array(chunk[:n])
            return chunk[:, None] == chunk[None, :]
        case "keys" | "queries" | "global":
            chosen = np.isin(np.arange(n), list(resolved(ids(given[0], place), n)))
            keys, queries = chosen[None, :], chosen[:, None]
            return {"keys": keys, "queries": queries, "global": keys | queries}[name]
        case "diagonals":
            return np.isin(i - j, themselves(ids(given[0], place)))
        case "neighborhood":
            options = [number(named[each], place) if each in named else 1 for each in ("dilation", "group")]
            return neighborhood(number(given[0], place), *options, causal, n)
        case "random":
            return drawn(number(given[0], place), named, causal, place)
        case "blocks":
            b = number(given[0], place)
            inner = pattern(given[1], replace(place, n=-(-n // b)))
            return inner[i // b, j // b]
        case "within":
            w = number(given[0], place)
            return pattern(given[1], replace(place, n=w, causal=False))[i % w, j % w]
        case "slice":
            (where,) = ids(given[0], place)
            start, stop = (each + n if each < 0 else each for each in where[:2])
            result = np.zeros((n, n), dtype=bool)
            if start < stop:
                result[start:stop, start:stop] = pattern(given[1], replace(place, n=stop - start))
            return result
        case _:
            return called(call, place)


def neighborhood(k, d, s, causal, n):
    """NATTEN's rule: a query's class of residues modulo d, a leader for s of its places, k keys around the leader."""
    result = np.zeros((n, n), dtype=bool)
    for i in range(n):
        place, residue = divmod(i, d)
        size = -(-(n - residue) // d)
        if causal:
            leader = min(place // s * s + s - 1, size - 1)
            low, high = max(0, leader - k + 1), place
        else:
            leader = min(place // s * s + s // 2, size - 1)
            low = min(max(leader - k // 2, 0), max(size - k, 0))
            high = min(low + k, size) - 1
        for q in range(low, high + 1):
            result[i, q * d + residue] = True
    return result


def drawn(count, named, causal, place):
    n = place.n
    seed = named.get("seed", t.Name("layer"))
    # The layer is the default, also in a named pattern, where its name is not in scope.
    parts = seed.items if isinstance(seed, t.Tuple) else (seed,)
    numbers = tuple(number(each, place) for each in parts)
    avoided = pattern(named["avoid"], place) if "avoid" in named else np.zeros((n, n), dtype=bool)
    among = resolved(ids(named["among"], place), n) if "among" in named else range(n)
    result = np.zeros((n, n), dtype=bool)
    for i in range(n):
        candidates = [j for j in range(i + 1 if causal else n) if j in among and not avoided[i, j]]
        result[i, draw(count, numbers, i, candidates)] = True
    return result


def called(call, place):
    """A named pattern: numbers and lists are evaluated here, patterns where they are used."""
    (declared,) = (
        each for each in place.file.statements if isinstance(each, t.Pattern) and each.name.text == call.name.text
    )
    names = [word.text for word in declared.parameters]
    positional = [each for each in call.arguments if not isinstance(each, t.NamedArgument)]
    written = dict(zip(names, positional, strict=False))
    written |= {each.name.text: each.value for each in call.arguments if isinstance(each, t.NamedArgument)}
    arguments = {}
    for name, value in written.items():
        kind = kind_of(value, place)
        if kind == "pattern":
            arguments[name] = Closure(value, place)
        else:
            arguments[name] = ids(value, place) if kind == "ids" else number(value, place)
    return pattern(declared.body, replace(place, arguments=arguments))


PATTERNS = {
    *("dense", "empty", "self", "past", "local", "stride", "columns", "rows", "chunk", "chunks", "neighborhood"),
    *("keys", "queries", "global", "diagonals", "random", "blocks", "within", "slice"),
}


def kind_of(value, place):
    """What an argument is, from its own words."""
    match value:
        case t.List() | t.Range() | t.Call(t.Word("powers")):
            return "ids"
        case t.Chain(operands):
            return kind_of(operands[0], place)
        case t.Name(name) | t.Call(t.Word(name)):
            if name in place.arguments:
                of = place.arguments[name]
                return "pattern" if isinstance(of, Closure) else "ids" if isinstance(of, list) else "number"
            declared = {each.name.text for each in place.file.statements if isinstance(each, t.Pattern)}
            if name in PATTERNS | declared:
                return "pattern"
            return "ids" if name in declared_lists(place) else "number"
        case _:
            return "number"
