"""The LALR tables of `attn.lark`, made once and shipped.

For: `lexer.py`. Making the tables takes longer than everything else `patternc check` does, so `attn.tables.json` keeps
them; it is used only for the grammar and the version of Lark it was made with, else they are made anew. A test makes
them and compares. Run as a module, this file prints them. Not for: parsing.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any, cast

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

_FOLDER = resources.files("patternc.grammar")
_GRAMMAR = _FOLDER.joinpath("attn.lark")
_KEPT = _FOLDER.joinpath("attn.tables.json")


@cache
def tables() -> Lark:
    """The parser with its tables; it is fed tokens and never lexes."""
    grammar = _GRAMMAR.read_text(encoding="utf-8")
    kept: dict[str, Any] = json.loads(_KEPT.read_text(encoding="utf-8"))
    if kept["made for"] != _made_for(grammar):
        return made(grammar)
    parts = _with_numbers(kept["tables"])
    # what Lark's own generated parsers call to load themselves; `made for` pins the version it belongs to
    loaded: Lark = Lark._load_from_dict(parts["data"], parts["memo"])  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
    return loaded


def made(grammar: str) -> Lark:
    """The same, made from the text of the grammar."""
    return Lark(grammar, parser="lalr", lexer="basic", propagate_positions=True)


def kept_tables() -> str:
    """What `attn.tables.json` should say."""
    grammar = _GRAMMAR.read_text(encoding="utf-8")
    data, memo = cast("Any", made(grammar)).memo_serialize([TerminalDef, Rule])
    kept = {"made for": _made_for(grammar), "tables": {"data": data, "memo": memo}}
    return json.dumps(kept, sort_keys=True, separators=(",", ":")) + "\n"


def _made_for(grammar: str) -> dict[str, str]:
    return {"grammar": hashlib.sha256(grammar.encode()).hexdigest(), "lark": lark.__version__}


def _with_numbers(value: Any) -> Any:  # noqa: ANN401 - any part of a JSON text
    """JSON has only texts as keys; Lark's tables are keyed by numbers, too."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {int(key) if key.isdigit() else key: _with_numbers(each) for key, each in items}
    if isinstance(value, list):
        return [_with_numbers(each) for each in cast("list[Any]", value)]
    return value


if __name__ == "__main__":
    print(kept_tables(), end="")
