"""What Python callers pass to the door, made into what the stages take, or refused with words.

For: `patternc.compile` and its kin: numbers of numpy are numbers, sequences of them are lists of ids, strings are paths
or texts. A value of the wrong type is a TypeError, an unknown dtype or target a ValueError; what is wrong with a
pattern is for the stages to say. Not for: the command line, whose words are all text (`cli/options.py`).
"""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import SupportsIndex, cast, get_args

from patternc.codegen.plan import Dtype
from patternc.diagnostics import Diagnostic, PatternError
from patternc.grammar.overrides import ParamValue
from patternc.grammar.reading import read_source, text_source
from patternc.source import Source

Given = str | os.PathLike[str] | Source
"""A pattern as callers have it: a path, or the text."""
GivenParam = SupportsIndex | str | Iterable[SupportsIndex]
"""A parameter override: a number, a list of ids, or text in the language such as "0..16" or "4 * 32"."""

_DTYPES = get_args(Dtype)


def source_of(given: Given) -> Source:
    """The source that is meant. Raises PatternError where it cannot be read, TypeError for what is no source."""
    match given:
        case Source():
            return given
        case str():
            one_line = "\n" not in given.strip()
            if one_line and given.endswith(".attn"):
                return read_source(Path(given))
            if one_line and "{" not in given and _names_a_file(given.strip()):
                note = "a string is read as a path where it ends in .attn; pathlib.Path(...) is, whatever it ends in"
                raise PatternError([Diagnostic("PA001", f"`{given.strip()}` is a path, not a pattern", (), (note,))])
            return text_source(given)
        case os.PathLike():
            return read_source(Path(given))
        case _:
            raise TypeError(f"a pattern is a path or a text, as pathlib.Path or str; got {_described(given)}")


def _names_a_file(text: str) -> bool:
    """Whether a line that holds no model is, or can only be, the name of a file."""
    if text and os.path.exists(text):
        return True
    return not any(each.isspace() for each in text) and ("/" in text or "\\" in text)


def whole_number(name: str, value: SupportsIndex | None) -> int | None:
    """An integer of any library. Raises TypeError for anything else but None, also for one that is written as text."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise TypeError(f"{name} is a whole number; got {_described(value)}")
    return operator.index(value)


def overrides_of(params: Mapping[str, GivenParam] | None) -> dict[str, ParamValue]:
    """Parameter overrides as the front end takes them. Raises TypeError for values that no parameter can have."""
    if params is None:
        return {}
    if not isinstance(params, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise TypeError(f"params is a mapping from names to values, as in {{'w': 128}}; got {_described(params)}")
    return {_name(name): _value(name, value) for name, value in params.items()}


def _name(name: str) -> str:
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise TypeError(f"params is a mapping from names to values, as in {{'w': 128}}; a name is {_described(name)}")
    return name


def _value(name: str, value: GivenParam) -> ParamValue:
    if isinstance(value, str):
        return value
    if isinstance(value, SupportsIndex) and not isinstance(value, bool) and not _has_parts(value):
        return operator.index(value)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping, Set)):
        ids = list(value)
        if all(isinstance(each, SupportsIndex) and not isinstance(each, bool) for each in ids):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            return tuple(operator.index(each) for each in ids)
    raise TypeError(
        f"params[{name!r}] is {_described(cast(object, value))}; expected a whole number, a list of ids, or text in "
        "the language, such as 128, [0, 5] or '0..16'"
    )


def _has_parts(value: object) -> bool:
    """Whether an array with an index of its own (a numpy array of one number) is a list all the same."""
    return getattr(value, "ndim", 0) != 0


def check_target(dtype: str, target: str) -> None:
    """Raise ValueError for a dtype or target there is none of."""
    if dtype not in _DTYPES:
        raise ValueError(f"dtype is one of {', '.join(_DTYPES)}, as text; got {dtype!r}")
    if target != "cpu" and not (isinstance(target, str) and re.fullmatch(r"cuda:([89]|1[0-9])[0-9]", target)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise ValueError(f"target is cpu or cuda:80, cuda:90, ... (compute capability from 80 on); got {target!r}")
    if dtype == "float64" and target != "cpu":
        raise ValueError("float64 runs on the CPU only: say target cpu, or another dtype")


def _described(value: object) -> str:
    if value is None:
        return "None"
    text = repr(value)
    return f"{text if len(text) <= 40 else text[:37] + '...'} ({type(value).__name__})"
