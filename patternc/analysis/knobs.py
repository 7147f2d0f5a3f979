"""Knobs: the distances and block sizes that somebody wrote, and the program with another number in their place.

For: advice that names what to change, and has tried it (`suggest.py`). A knob is a `param`, or a literal where a
pattern says a width, a stride or a size. Not for: numbers that are computed where they stand, or what is gained.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, cast

from patternc.algebra.elaborate import Elaborated, elaborate
from patternc.diagnostics import Label
from patternc.grammar import typed
from patternc.source import Source

Role = Literal["distance", "block"]
Node = TypeVar("Node")


@dataclass(frozen=True, slots=True)
class Knob:
    """A number, where it was written, what it is for, and its value. `literal`: it has no name."""

    role: Role
    value: int
    label: Label
    name: str | None
    literal: typed.Integer | None

    def described(self, value: int) -> str:
        """The change to another value, in words."""
        return f"{self.name} = {value}" if self.name is not None else f"{value} in the place of {self.value}"


def knobs(program: typed.Program, elaborated: Elaborated) -> tuple[Knob, ...]:
    """The knobs of a program, each once, in the order they stand in."""
    values = dict(elaborated.parameters)
    declared = {param.name: param for param in program.params}
    found: dict[tuple[Role, str | int], Knob] = {}
    for role, number, file in _written(program):
        match number:
            case typed.NumberParam(name):
                value, param = values[name], declared[name]
                if isinstance(value, int):
                    label = Label(program.files[param.file], param.span)
                    found.setdefault((role, name), Knob(role, value, label, name, None))
            case typed.Integer(value, span):
                label = Label(program.files[file], span)
                found.setdefault((role, id(number)), Knob(role, value, label, None, number))
            case _:
                pass
    return tuple(found.values())


def turned(
    program: typed.Program, given: Mapping[str, int], knob: Knob, value: int, tokens: int, head_dim: int | None
) -> tuple[typed.Program, Elaborated]:
    """The program with another value of a knob, and what it says; `given` are parameters given from outside."""
    if knob.name is not None:
        given = {**given, knob.name: value}
    else:
        other = typed.Integer(value, cast("typed.Integer", knob.literal).span)
        program = _replaced(program, knob.literal, other)
    return program, elaborate(program, tokens, given, head_dim)


def _written(program: typed.Program) -> Iterator[tuple[Role, typed.Number, int]]:
    """The numbers in the roles of knobs, with their files; what a named pattern is given has its parameter's roles."""
    roles: dict[str, list[list[Role]]] = {}
    for pattern in program.patterns:
        used: list[tuple[Role, str]] = []
        for role, number in _roles(pattern.body):
            if isinstance(number, typed.NumberArgument):
                used.append((role, number.name))
        roles[pattern.name] = [[role for role, own in used if own == name] for name, _ in pattern.parameters]
    bodies: list[tuple[object, int]] = [(each.body, each.file) for each in program.patterns]
    if program.model is not None:
        bodies.append((program.model.layers, program.model.file))
    for body, file in bodies:
        for role, number in _roles(body):
            yield role, number, file
        for node in _nodes(body):
            if isinstance(node, typed.NamedPattern):
                for argument, each in zip(node.arguments, roles[node.name], strict=True):
                    if isinstance(argument, typed.Integer | typed.NumberParam):
                        for role in each:
                            yield role, argument, file


def _roles(body: object) -> Iterator[tuple[Role, typed.Number]]:
    for node in _nodes(body):
        match node:
            case typed.Local(width):
                yield "distance", width
            case typed.Window(back) if back is not None:
                yield "distance", back
            case typed.Residues(_, modulus):
                yield "distance", modulus
            case typed.Lift("blocks", size):
                yield "block", size
            case typed.Chunks(typed.Ids((typed.Single(size),))):
                yield "block", size
            case _:
                pass


def _nodes(root: object) -> Iterator[object]:
    """Every node of an expression, in the order written."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(_parts(node)))


def _parts(node: object) -> Sequence[object]:
    if isinstance(node, tuple):
        return cast("tuple[object, ...]", node)
    if is_dataclass(node) and not isinstance(node, Source | typed.StoredLayout):
        return [getattr(node, each.name) for each in fields(node)]
    return ()


def _replaced(node: Node, old: object, new: object) -> Node:
    """The tree with one node, which is `old` itself, replaced; parts without it are kept."""
    if node is old:
        return cast("Node", new)
    if isinstance(node, tuple):
        parts = cast("tuple[object, ...]", node)
        other = tuple(_replaced(each, old, new) for each in parts)
        kept = all(a is b for a, b in zip(parts, other, strict=True))
        return cast("Node", parts if kept else other)
    if not is_dataclass(node) or isinstance(node, Source | typed.StoredLayout):
        return node
    changed: dict[str, Any] = {}
    for each in fields(node):
        value = getattr(node, each.name)
        other = _replaced(value, old, new)
        if other is not value:
            changed[each.name] = other
    return cast("Node", replace(cast("Any", node), **changed)) if changed else node
