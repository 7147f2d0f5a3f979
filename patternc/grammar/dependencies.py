"""Which names an expression mentions, and in which order declarations can be looked at.

For: finding cycles of parameters and patterns, and inferring kinds callee first. Everything here is a loop, not a
recursion: a chain of declarations may be as long as a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from patternc.grammar import tree

_Part = tree.Argument | tree.HeadBlock


def names_in(expression: tree.Expression | tree.HeadBlock) -> Iterator[str]:
    """Every name that an expression mentions, calls included, argument names left out; in no particular order."""
    return (word.text for word in words_in([expression]))


def words_in(expressions: Iterable[tree.Argument | tree.HeadBlock]) -> Iterator[tree.Word]:
    """The same of several expressions, each name with its place."""
    for each in _parts_of(expressions):
        if isinstance(each, tree.Name):
            yield tree.Word(each.text, each.span)
        elif isinstance(each, tree.Call):
            yield each.name


def has_missing(expression: tree.Expression) -> bool:
    """Whether a part of an expression could not be read, or stands for nothing."""
    return any(isinstance(each, tree.Missing) for each in _parts_of([expression]))


def _parts_of(expressions: Iterable[_Part]) -> Iterator[_Part]:
    """Everything in several expressions, and they themselves."""
    waiting = list(expressions)
    while waiting:
        part = waiting.pop()
        yield part
        match part:
            case tree.Negative(operand):
                waiting.append(operand)
            case tree.Chain(operands):
                waiting.extend(operands)
            case tree.Power(base, exponent):
                waiting += (base, exponent)
            case tree.NamedArgument(_, value):
                waiting.append(value)
            case tree.Call(_, arguments):
                waiting.extend(arguments)
            case tree.Range(start, stop, step):
                waiting += (start, stop) if step is None else (start, stop, step)
            case tree.List(items) | tree.Tuple(items):
                waiting.extend(items)
            case tree.HeadBlock(entries):
                for entry in entries:
                    waiting.append(entry.pattern)
                    if not isinstance(entry.selector.which, str):
                        waiting.append(entry.selector.which)
            case _:
                pass


def in_order(graph: Mapping[str, Iterable[str]]) -> tuple[list[str], list[list[str]]]:
    """The nodes, those that others need first, and the cycles that had to be cut: each a list of nodes, in its order.

    `graph` maps a node to the nodes it needs. Nodes on a cycle are not in the order, those that need one are. Every
    node is on at most one of the cycles reported.
    """
    needs = {node: [each for each in dict.fromkeys(others) if each in graph] for node, others in graph.items()}
    order: list[str] = []
    cycles: list[list[str]] = []
    cyclic: set[str] = set()
    state: dict[str, int] = {}  # 1: on the path, 2: done
    for root in needs:
        if root in state:
            continue
        path = [root]
        state[root] = 1
        pending = [iter(needs[root])]
        while path:
            node = path[-1]
            for other in pending[-1]:
                if other not in state:
                    path.append(other)
                    state[other] = 1
                    pending.append(iter(needs[other]))
                    break
                if state[other] == 1:
                    cycle = path[path.index(other) :]
                    if cyclic.isdisjoint(cycle):
                        cycles.append(cycle)
                        cyclic.update(cycle)
            else:
                path.pop()
                pending.pop()
                state[node] = 2
                order.append(node)
    return [node for node in order if node not in cyclic], cycles
