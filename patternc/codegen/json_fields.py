"""JSON as it is written, the same bytes for the same content, and read strictly: what it must hold, or a sentence.

For: the plan and the manifest of a module, which may come from a file somebody else wrote. An unknown kind, a missing
or surplus field, a wrong type, a repeated key or a number beyond 64 bits is a `PlanFormatError` that names the place.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

MAX_DEPTH = 64
"""Deepest nesting accepted; a plan needs 12."""

_Value = TypeVar("_Value")
Json = dict[str, object]


class PlanFormatError(ValueError):
    """The text is not a plan of this schema; the message says where and what was expected."""


def canonical_json(value: object) -> str:
    """`value` (dicts, lists, strings, integers, booleans, None) as JSON text that depends on its content alone."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def parse_json(text: str) -> object:
    """JSON without floats, repeated keys, integers beyond 64 bits, nesting beyond MAX_DEPTH. Raises PlanFormatError."""
    _check_depth(text)
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_bounded_int,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except json.JSONDecodeError as error:
        raise PlanFormatError(f"not JSON from line {error.lineno}, column {error.colno} on") from error


def read_object(value: object, where: str) -> Json:
    """`value`, which must be an object."""
    if not isinstance(value, dict):
        raise PlanFormatError(f"{where} is {shown(value)}; expected an object")
    return cast(Json, value)


def read_fields(value: object, where: str, names: tuple[str, ...]) -> Json:
    """An object with exactly these fields."""
    fields = read_object(value, where)
    for name in names:
        if name not in fields:
            raise PlanFormatError(f"{where} has no field '{name}'")
    for name in fields:
        if name not in names:
            raise PlanFormatError(f"{where} has an unknown field {shown(name)}")
    return fields


def read_each(value: object, where: str, read: Callable[[object, str], _Value]) -> tuple[_Value, ...]:
    """A list, each item read by `read`."""
    if not isinstance(value, list):
        raise PlanFormatError(f"{where} is {shown(value)}; expected a list")
    return tuple(read(item, f"{where}[{place}]") for place, item in enumerate(cast(list[object], value)))


def read_int(value: object, where: str) -> int:
    """An integer; true and false are none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise PlanFormatError(f"{where} is {shown(value)}; expected an integer")
    return value


def read_count(value: object, where: str) -> int:
    """An integer from 1 on."""
    number = read_int(value, where)
    if number < 1:
        raise PlanFormatError(f"{where} is {number}; expected at least 1")
    return number


def read_natural(value: object, where: str) -> int:
    """An integer from 0 on."""
    number = read_int(value, where)
    if number < 0:
        raise PlanFormatError(f"{where} is {number}; expected at least 0")
    return number


def read_bool(value: object, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise PlanFormatError(f"{where} is {shown(value)}; expected true or false")
    return value


def read_str(value: object, where: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise PlanFormatError(f"{where} is {shown(value)}; expected a string")
    return value


def read_choice(value: object, where: str, choices: tuple[str, ...]) -> str:
    """One of these strings."""
    text = read_str(value, where)
    if text not in choices:
        raise PlanFormatError(f"{where} is {shown(text)}; expected one of {', '.join(choices)}")
    return text


def shown(value: object) -> str:
    """A value as a message quotes it, cut after 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_depth(text: str) -> None:
    # Brackets in strings count too, which only makes the check stricter than it needs to be for hostile text: no
    # name or pattern of ours nests 64 deep. It keeps the parser's recursion bounded.
    depth = 0
    for letter in text:
        if letter in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise PlanFormatError(f"nested more than {MAX_DEPTH} deep")
        elif letter in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    fields: Json = {}
    for name, value in pairs:
        if name in fields:
            raise PlanFormatError(f"the field {shown(name)} occurs twice in one object")
        fields[name] = value
    return fields


def _bounded_int(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
        raise PlanFormatError(f"the integer {digits[:24]} does not fit 64 bits")
    return int(digits)


def _no_float(text: str) -> object:
    raise PlanFormatError(f"{text[:24]} is not an integer")
