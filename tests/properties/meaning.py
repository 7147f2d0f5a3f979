"""What a program means, read straight off its tree by the language's own page: slow, obvious, independent.

For: holding the whole way from text to relations against something else than itself. `masks` evaluates the tables of
the language reference, section by section, on arrays of all pairs, branch by branch of a sum; nothing of the checker,
the elaborator or the relations is used, only the published draw of `random`. Not for: wrong
programs (anything may happen).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from patternc.algebra.random import draw
from patternc.grammar import tree as t
from patternc.grammar.parse import parse
from patternc.grammar.reading import read_library
from tests.properties.stored import array_of
from tests.properties.values import Closure, Place, declared_lists, ids, number, resolved, themselves


def masks(file: t.File) -> list[list[list[np.ndarray]]]:
    """[layer][head] of the branches of a sum, mostly one, each bool [n, n], (query, key)."""
    file = t.File((*file.statements, *used(file)))
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
            row.append([mask & past(n) if causal else mask for mask in branches(of_head, here)])
        result.append(row)
    return result


def used(file: t.File) -> list[t.Statement]:
    """What the files of the library declare that a file uses, and those that they use."""
    found, waiting = {}, [file]
    while waiting:
        for each in waiting.pop().statements:
            if isinstance(each, t.Use) and each.target.text not in found:
                found[each.target.text] = parse(read_library(each.target.text)).tree
                waiting.append(found[each.target.text])
    return [each for library in found.values() for each in library.statements]


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


# -- patterns ---------------------------------------------------------------------------------------------------------


def branches(expression: t.Expression, place: Place) -> list[np.ndarray]:
    """The pairs of each branch of a sum, in the order written; names are expanded first."""
    match expression:
        case t.Chain(operands, (t.Operator("+"), *_)):
            return [mask for each in operands for mask in branches(each, place)]
        case t.Name(name) if isinstance(place.arguments.get(name), Closure):
            closure = place.arguments[name]
            return branches(closure.expression, replace(closure.at, n=place.n, causal=place.causal))
        case t.Name(name) | t.Call(t.Word(name)) if declared(name, place):
            call = expression if isinstance(expression, t.Call) else t.Call(t.Word(name), ())
            return branches(*opened(call, place))
        case _:
            return [pattern(expression, place)]


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
        case t.Name(name) if isinstance(place.arguments.get(name), Closure):
            closure = place.arguments[name]
            return pattern(closure.expression, replace(closure.at, n=n, causal=place.causal))
        case t.Name(name):
            return pattern(*opened(t.Call(t.Word(name), ()), place))
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
        case "layout":
            stored = array_of(given[0].text)
            return stored if stored.ndim == 2 else stored[place.numbers["head"]]
        case _:
            return pattern(*opened(call, place))


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


def declared(name, place):
    """The declaration of a named pattern, if it is one."""
    patterns = [each for each in place.file.statements if isinstance(each, t.Pattern)]
    return next((each for each in patterns if each.name.text == name), None)


def opened(call, place):
    """The body of a named pattern and where it is evaluated: numbers and lists have their values, patterns wait."""
    opening = declared(call.name.text, place)
    names = [word.text for word in opening.parameters]
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
    return opening.body, replace(place, arguments=arguments)


PATTERNS = {
    *("dense", "empty", "self", "past", "local", "stride", "columns", "rows", "chunk", "chunks", "neighborhood"),
    *("keys", "queries", "global", "diagonals", "random", "blocks", "within", "slice", "layout"),
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
            if name in PATTERNS or declared(name, place):
                return "pattern"
            return "ids" if name in declared_lists(place) else "number"
        case _:
            return "number"
