"""Typed: a checked program. Every name is resolved, every expression has a kind, every argument its place.

For: what `check` makes and `elaborate` evaluates; also, as JSON (`typed_json.py`), what a compiled module keeps in
order to serve another length. Needs nothing but the standard library. Not for: numbers (nothing is evaluated here).

The kinds: a *number* (64-bit integer), *ids* (a list of positions, not yet resolved against a length) and a *pattern*.
Spans point into the file of the declaration that holds the expression; they do not take part in equality. A `Hole` is
what a reported mistake left behind: a program with holes can still be searched for other mistakes, never be compiled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from patternc.source import Source, Span

Kind = Literal["number", "ids", "pattern"]
Direction = Literal["causal", "bidirectional"]
Sign = Literal["+", "-", "*", "//", "%"]
FunctionName = Literal["min", "max", "abs", "isqrt", "ceildiv", "log2"]
QuantityName = Literal["n", "layers", "heads", "kv_heads", "layer", "head", "kv_head"]
ComparisonSign = Literal["<=", "<", ">=", ">", "==", "!="]

NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Hole:
    """Where a mistake was reported; evaluates to nothing, silently."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


# -- numbers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Integer:
    """A literal."""

    value: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NumberParam:
    """A `param` of the program."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NumberArgument:
    """A parameter of the pattern whose body this is in."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number the language provides: the length of the place, the model's counts, the layer and head at hand."""

    name: QuantityName
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """The operand with its sign changed."""

    operand: Number
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Operands of one level of precedence (`+`; `-`; `* // %`), joined from left to right."""

    operands: tuple[Number, ...]
    signs: tuple[Sign, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Power:
    """base ** exponent."""

    base: Number
    exponent: Number
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of numbers."""

    name: FunctionName
    arguments: tuple[Number, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pairs:
    """In an expectation: the pairs of head `head` of layer `layer`; without a head, the most of any head."""

    layer: Number
    head: Number | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Density:
    """In an expectation: pairs of all layers and heads over those of dense attention in this model."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Cache:
    """In an expectation: the most keys that a kv head of any layer must keep at any step of decoding."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Waste:
    """In an expectation: pairs in active tiles of `rows` queries by `columns` keys, for each pair of the pattern."""

    rows: Number
    columns: Number
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ratio:
    """In an expectation, alone on its side: a decimal or a percentage, exactly."""

    numerator: int
    denominator: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Number = (
    Integer
    | NumberParam
    | NumberArgument
    | Quantity
    | Negative
    | Arithmetic
    | Power
    | Function
    | Pairs
    | Density
    | Cache
    | Waste
    | Ratio
    | Hole
)


# -- ids --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Single:
    """One id."""

    value: Number
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Stretch:
    """start..stop, every `step`-th (None: every one)."""

    start: Number
    stop: Number
    step: Number | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Powers:
    """1, base, base**2, ... below n."""

    base: Number
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IdsParam:
    """The items of a `param` that is a list."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IdsArgument:
    """The items of a list that is a parameter of the pattern whose body this is in."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Item = Single | Stretch | Powers | IdsParam | IdsArgument | Hole


@dataclass(frozen=True, slots=True)
class Ids:
    """A list of ids; lists inside lists are flattened."""

    items: tuple[Item, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """A number that is still to be chosen: one of those in a list. Only as the value of a `param`.

    `needed` is where the program needs a number first, in the file of index `needed_in`; None where the list was given
    from outside.
    """

    numbers: Ids
    needed_in: int | None = field(default=None, compare=False, repr=False)
    needed: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def span(self) -> Span:
        """Where the list is."""
        return self.numbers.span


# -- patterns ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """A pattern without arguments."""

    name: Literal["dense", "empty", "self", "past"]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Local:
    """local(width, dilation): two-sided or the last keys, as `direction`, or else the place, says."""

    width: Number
    dilation: Number | None
    direction: Direction | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Window:
    """local(back, ahead, dilation)."""

    back: Number | None
    ahead: Number | None
    dilation: Number | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Residues:
    """stride, columns and rows: (i - j), j or i modulo `modulus` in `at`, or >= modulus - last; else 0."""

    of: Literal["stride", "columns", "rows"]
    modulus: Number
    at: Ids | None
    last: Number | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Chunks:
    """chunk(size), or chunks(sizes) when `listed`."""

    sizes: Ids
    listed: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Positions:
    """keys, queries, global and diagonals."""

    of: Literal["keys", "queries", "global", "diagonals"]
    ids: Ids
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Random:
    """random(count, seed, avoid, among); `seed` None is the layer."""

    count: Number
    seed: tuple[Number, ...] | None
    avoid: Pattern | None
    among: Ids | None
    direction: Direction | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Neighborhood:
    """neighborhood(width, dilation, group): two-sided or causal, as `direction`, or else the place, says."""

    width: Number
    dilation: Number | None
    group: Number | None
    direction: Direction | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Layout:
    """layout("file"): the layout of the program's `layouts` whose content has this digest."""

    file: str
    digest: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Lift:
    """blocks(size, inner) and within(size, inner)."""

    by: Literal["blocks", "within"]
    size: Number
    inner: Pattern
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Slice:
    """slice(where, inner); `where` is one range."""

    where: Ids
    inner: Pattern
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sum:
    """Every part, and a key counts once for each part that has it; two parts or more. Never inside another operator."""

    parts: tuple[Pattern, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Union:
    """Any part; two parts or more."""

    parts: tuple[Pattern, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Intersection:
    """All parts; two parts or more."""

    parts: tuple[Pattern, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first part without all others; two parts or more."""

    parts: tuple[Pattern, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PatternArgument:
    """A pattern that is a parameter of the pattern whose body this is in."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NamedPattern:
    """A declared pattern, with one argument for each of its parameters, in their order."""

    name: str
    arguments: tuple[Number | Ids | Pattern, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Pattern = (
    Constant
    | Local
    | Window
    | Residues
    | Chunks
    | Positions
    | Random
    | Neighborhood
    | Layout
    | Lift
    | Slice
    | Sum
    | Union
    | Intersection
    | Difference
    | PatternArgument
    | NamedPattern
    | Hole
)

Value = Number | Ids | Pattern


# -- schedules --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Selector:
    """Which layers or heads."""

    which: Literal["even", "odd", "all", "rest"] | Ids
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HeadEntry:
    """The pattern of some heads."""

    selector: Selector
    pattern: Pattern
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Heads:
    """A pattern for each head."""

    entries: tuple[HeadEntry, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """The pattern of some layers."""

    selector: Selector
    pattern: Pattern | Heads
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Round:
    """`count` layers with one pattern, in turn with the other rounds."""

    count: Number
    pattern: Pattern | Heads
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Layers:
    """Layers selected one by one."""

    count: Number
    entries: tuple[LayerEntry, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Layers in rounds that repeat."""

    count: Number
    rounds: tuple[Round, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# -- the program ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Param:
    """`param name = value`; `file` is the index of its file in the program's `files`."""

    name: str
    value: Number | Ids | Choice
    file: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PatternDeclaration:
    """`pattern name(parameters) = body`; each parameter with the kind its use gave it (None: unused)."""

    name: str
    parameters: tuple[tuple[str, Kind | None], ...]
    body: Pattern
    file: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """The model; a setting of None was not given."""

    name: str
    causal: bool
    tokens: Number | None
    heads: Number | None
    kv_heads: Number | None
    head_dim: Number | None
    allow_empty: bool
    layers: Layers | Repeat
    file: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """left sign right."""

    left: Number
    sign: ComparisonSign
    right: Number
    text: str
    file: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Connected:
    """Every pair is connected after the first `depth` layers (None: after all of them).

    `from_any_layer`: after every run of as many consecutive layers. `to_past`: the pairs j <= i are enough.
    """

    depth: Number | None
    from_any_layer: bool
    to_past: bool
    text: str
    file: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """The pairs of all layers and heads grow like n^(numerator / denominator) * log(n)^logs."""

    numerator: int
    denominator: int
    logs: int
    text: str
    file: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CropStable:
    """The mask at a shorter length is the top-left corner of the mask at a longer one."""

    text: str
    file: int
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Expectation = Comparison | Connected | Order | CropStable


@dataclass(frozen=True, slots=True)
class StoredLayout:
    """The content of a layout file: one square for all heads (`heads` None), or one for each.

    `bits` is base64 of the rows of all squares, each row in ceil(side / 8) bytes, bit j % 8 of byte j // 8 for key j.
    """

    digest: str
    heads: int | None
    side: int
    bits: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Program:
    """A whole program: the compiled file first in `files`, then those it uses; the declarations of all of them."""

    files: tuple[Source, ...]
    params: tuple[Param, ...]
    patterns: tuple[PatternDeclaration, ...]
    model: Model | None
    expectations: tuple[Expectation, ...]
    layouts: tuple[StoredLayout, ...] = ()
    """What the layout files it names hold, by digest, each once."""
