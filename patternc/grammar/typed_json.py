"""Typed programs as JSON and back: what a compiled module keeps so that it can serve another length.

For: `ir.json`. The codec is driven by the declarations of `typed.py`, so a new node needs nothing here. Reading is
strict: whatever is not exactly what writing produces is refused, and what was read is verified (`verify.py`) before
anybody evaluates it. Needs neither lark nor anything beyond the standard library. Not for: hashes and files
(`patternc.runtime.artifact`).
"""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from patternc.grammar import typed
from patternc.grammar.verify import Unsound, verify
from patternc.source import Source, Span

SCHEMA = "patternc.program/1"

MAX_CHARACTERS = 64 << 20
"""The longest text that is read."""


class TypedJsonError(ValueError):
    """The text is not a typed program as `typed_to_json` writes them; the message says where and why."""


def typed_to_json(program: typed.Program) -> str:
    """The program as JSON text, always the same for equal programs, ending with a line end.

    Files lose their paths and the folders in their names, which differ from machine to machine. Raises ValueError for a
    program with holes.
    """
    try:
        verify(program)
    except Unsound as error:
        raise ValueError(f"this program cannot be kept: {error}") from None
    encoded = {"schema": SCHEMA, **cast("dict[str, object]", _encode(program))}
    return json.dumps(encoded, ensure_ascii=True, separators=(",", ":"), sort_keys=True) + "\n"


def typed_from_json(text: str) -> typed.Program:
    """The program in a JSON text. Raises TypedJsonError for anything that `typed_to_json` would not have written."""
    if len(text) > MAX_CHARACTERS:
        raise TypedJsonError(f"the program's text has {len(text):,} characters, more than {MAX_CHARACTERS:,}")
    try:
        data: object = json.loads(text, parse_constant=_no_constant, parse_float=_no_float)
    except RecursionError:
        raise TypedJsonError("the program is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise TypedJsonError(f"not JSON from line {error.lineno}, column {error.colno} on") from None
    except ValueError as error:
        raise TypedJsonError(f"not JSON of a program: {error}") from None
    if not isinstance(data, dict):
        raise TypedJsonError("a program is a JSON object")
    fields = cast("dict[str, object]", data)
    schema = fields.pop("schema", None)
    if schema != SCHEMA:
        raise TypedJsonError(f"the schema is {schema!r}, but this version reads {SCHEMA!r}")
    try:
        program = _decode(typed.Program, fields, "program")
    except RecursionError:
        raise TypedJsonError("the program is nested too deeply") from None
    assert isinstance(program, typed.Program)
    try:
        verify(program)
    except Unsound as error:
        raise TypedJsonError(str(error)) from None
    return program


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not allowed")


def _no_float(text: str) -> object:
    raise ValueError(f"{text} is not a whole number")


# -- writing ----------------------------------------------------------------------------------------------------------


def _encode(value: object) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case Span(start, stop):
            return [start, stop]
        case Source(name, text):
            return {"name": PurePath(name).name, "text": text}
        case tuple():
            return [_encode(each) for each in cast("tuple[object, ...]", value)]
        case _:
            assert dataclasses.is_dataclass(value), value
            fields = {each.name: _encode(getattr(value, each.name)) for each in dataclasses.fields(value)}
            return {"is": type(value).__name__, **fields}


# -- reading ----------------------------------------------------------------------------------------------------------


@cache
def _fields(kind: type) -> dict[str, Any]:
    """The names of a node's fields, with their types."""
    return get_type_hints(kind)


@cache
def _alternatives(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type hint
    """The members of a union of types; the type itself where it is none."""
    return get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)


def _decode(hint: Any, value: object, path: str) -> object:  # noqa: ANN401 - a type hint
    """The value of type `hint` that `value` stands for; `path` says where in the text it is."""
    nodes: dict[str, type] = {}
    for each in _alternatives(hint):
        if each is Span:
            return _span(value, path)
        if each is Source:
            return _source(value, path)
        if get_origin(each) is tuple:
            if isinstance(value, list):
                return _tuple(get_args(each), cast("list[object]", value), path)
        elif get_origin(each) is Literal:
            if isinstance(value, str) and value in get_args(each):
                return value
        elif dataclasses.is_dataclass(each):
            node = cast("type", each)
            nodes[node.__name__] = node
        elif each in (NoneType, bool, int, str) and type(value) is each:
            return value
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        name = fields.get("is")
        if isinstance(name, str) and name in nodes:
            return _node(cast("Any", nodes[name]), fields, path)
    raise TypedJsonError(f"{path}: unexpected {_shown(cast('object', value))}")


def _shown(value: object) -> str:
    match value:
        case dict():
            return f"object {cast('dict[str, object]', value).get('is')!r}"
        case list():
            return "list"
        case _:
            text = repr(value)
            return text if len(text) <= 60 else text[:57] + "..."


def _node(kind: type[object], fields: dict[str, object], path: str) -> object:
    hints = _fields(kind)
    for name in hints.keys() - fields.keys():
        raise TypedJsonError(f"{path}: {kind.__name__} without {name!r}")
    for name in sorted(fields.keys() - hints.keys() - {"is"}):
        raise TypedJsonError(f"{path}: {kind.__name__} has no {name!r}")
    return kind(**{name: _decode(hint, fields[name], f"{path}.{name}") for name, hint in hints.items()})


def _tuple(members: tuple[Any, ...], values: list[object], path: str) -> tuple[object, ...]:
    if len(members) == 2 and members[1] is Ellipsis:
        return tuple(_decode(members[0], each, f"{path}[{index}]") for index, each in enumerate(values))
    if len(members) != len(values):
        raise TypedJsonError(f"{path}: {len(members)} items are needed, not {len(values)}")
    pairs = zip(members, values, strict=True)
    return tuple(_decode(member, each, f"{path}[{index}]") for index, (member, each) in enumerate(pairs))


def _span(value: object, path: str) -> Span:
    match value:
        case [int(start), int(stop)] if (
            type(start) is int and type(stop) is int and 0 <= start <= stop <= MAX_CHARACTERS
        ):
            return Span(start, stop)
        case _:
            raise TypedJsonError(f"{path}: a span is two offsets, not {_shown(value)}")


def _source(value: object, path: str) -> Source:
    match value:
        case {"name": str(name), "text": str(text)} if len(cast("dict[str, object]", value)) == 2:
            return Source(name, text)
        case _:
            raise TypedJsonError(f"{path}: a file is a name and a text, not {_shown(value)}")
