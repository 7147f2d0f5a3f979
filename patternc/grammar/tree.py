"""The tree of a pattern file as it was written: names unresolved, kinds unknown.

For: what `parse` makes, `check` reads and `format` prints. Spans are where a node was written; they do not take part
in equality, so that a tree equals the tree of its own printed text. Not for: anything that needs to know what a name
means (`typed.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from patternc.source import Span

NOWHERE = Span(0, 0)
"""The span of a node that no text was written for."""

ABSENT = "\0"
"""The text of a name or sign that a repair put in where nothing was written; no word of a file can be it."""


@dataclass(frozen=True, slots=True)
class Word:
    """A name, where it is declared or used."""

    text: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# -- expressions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """A literal, as its digits; `decimal` or `percent` ones are legal only beside a comparison."""

    text: str
    form: Literal["integer", "decimal", "percent"] = "integer"
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A name used without brackets."""

    text: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """`- operand`."""

    operand: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Operator:
    """The sign between two operands of a chain."""

    sign: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands of one level of precedence, joined from left to right: one operator fewer than operands.

    The levels, loosest first: `+`, `|`, `-`, `&`, and `* // % /` together.
    """

    operands: tuple[Expression, ...]
    operators: tuple[Operator, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Power:
    """`base ** exponent`."""

    base: Expression
    exponent: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NamedArgument:
    """`name = value` in a call."""

    name: Word
    value: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DirectionArgument:
    """`causal` or `bidirectional` in a call."""

    direction: Literal["causal", "bidirectional"]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`."""

    name: Word
    arguments: tuple[Argument, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Range:
    """`start..stop step step`."""

    start: Expression
    stop: Expression
    step: Expression | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class List:
    """`[items]`."""

    items: tuple[Expression, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Tuple:
    """`(first, second, ...)`: at least two items."""

    items: tuple[Expression, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text; `text` is without the quotes."""

    text: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """Where an expression should have been; the mistake has been reported."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


Expression = Number | Name | Negative | Chain | Power | Call | Range | List | Tuple | Text | Missing
Argument = (
    Number
    | Name
    | Negative
    | Chain
    | Power
    | Call
    | Range
    | List
    | Tuple
    | Text
    | Missing
    | NamedArgument
    | DirectionArgument
)


# -- schedules --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Selector:
    """Which layers or heads an entry is for: one of the words, or an expression, a range or a list."""

    which: Literal["even", "odd", "all", "rest"] | Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HeadEntry:
    """`selector: pattern` in a `heads` block."""

    selector: Selector
    pattern: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HeadBlock:
    """`heads { ... }` in the place of a pattern."""

    entries: tuple[HeadEntry, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """`selector: pattern` in a `layers` block."""

    selector: Selector
    pattern: Expression | HeadBlock
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Round:
    """`count * pattern` in a `repeat` block."""

    count: Number | Name | Missing
    pattern: Expression | HeadBlock
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# -- statements -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flag:
    """A setting without a value."""

    name: Literal["causal", "bidirectional", "allow empty"]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with a value."""

    name: Literal["tokens", "heads", "kv_heads", "head_dim"]
    value: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Layers:
    """`layers count { entries }` or `layers count = repeat { rounds }`."""

    count: Expression
    body: tuple[LayerEntry, ...] | tuple[Round, ...]
    repeated: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Use:
    """`use "file"` (`library` False) or `use std.name` (`library` True, `target` is the name after the dot)."""

    target: Word
    library: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Param:
    """`param name = value`."""

    name: Word
    value: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """`pattern name(parameters) = body`; without parameters there are no brackets."""

    name: Word
    parameters: tuple[Word, ...]
    body: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """`model name { settings }`."""

    name: Word
    settings: tuple[Flag | Setting | Layers, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left sign right`."""

    left: Expression
    sign: Operator
    right: Expression
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Connected:
    """`connected [within depth layers] [from any layer] [to past]`."""

    depth: Expression | None
    from_any_layer: bool
    to_past: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """`order growth`, the growth as written."""

    growth: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CropStable:
    """`crop_stable`."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


Condition = Comparison | Connected | Order | CropStable


@dataclass(frozen=True, slots=True)
class Expect:
    """`expect condition`."""

    condition: Condition
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Statement = Use | Param | Pattern | Model | Expect


@dataclass(frozen=True, slots=True)
class File:
    """A whole file, its statements in the order written."""

    statements: tuple[Statement, ...]
