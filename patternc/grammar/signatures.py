"""The words of the language: which functions, primitives and lifts there are, and what each takes.

For: checking calls, suggesting names, and refusing to redeclare a word. Not for: what they mean (`elaborate.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ArgumentKind = Literal["number", "ids", "pattern", "seed", "file"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `name` when it is given by name (`named`), else only what messages call it."""

    name: str
    kind: ArgumentKind
    named: bool = False
    required: bool = True

    @property
    def phrase(self) -> str:
        """What messages call it, with its article."""
        return self.name if self.name in ("ids", "sizes") else f"a {self.name}"


@dataclass(frozen=True, slots=True)
class Signature:
    """What may stand in the brackets of a word. `direction`: takes causal, bidirectional."""

    name: str
    parameters: tuple[Parameter, ...]
    example: str
    """A right use."""
    direction: bool = False
    other_example: str | None = None

    @property
    def examples(self) -> str:
        """Right uses, as messages show them."""
        return f"`{self.example}`" + (f" or `{self.other_example}`" if self.other_example else "")


def _number(name: str) -> Parameter:
    return Parameter(name, "number")


def _optional(name: str, kind: ArgumentKind = "number") -> Parameter:
    return Parameter(name, kind, named=True, required=False)


_RESIDUES = (_optional("at", "ids"),)
_POSITIONS = (Parameter("ids", "ids"),)

CONSTANTS = ("dense", "empty", "self", "past")
"""Patterns that take no arguments."""

PRIMITIVES: dict[str, Signature] = {
    signature.name: signature
    for signature in (
        Signature(
            "local",
            (
                Parameter("width", "number", required=False),
                _optional("back"),
                _optional("ahead"),
                _optional("dilation"),
            ),
            "local(128)",
            direction=True,
            other_example="local(back = 64, ahead = 64)",
        ),
        Signature("stride", (_number("distance"), *_RESIDUES), "stride(128)"),
        Signature("columns", (_number("distance"), *_RESIDUES, _optional("last")), "columns(128, last = 8)"),
        Signature("rows", (_number("distance"), *_RESIDUES, _optional("last")), "rows(128, last = 8)"),
        Signature("chunk", (_number("size"),), "chunk(128)"),
        Signature("chunks", (Parameter("sizes", "ids"),), "chunks([64, 128])"),
        Signature("keys", _POSITIONS, "keys([0, -1])"),
        Signature("queries", _POSITIONS, "queries([0, -1])"),
        Signature("diagonals", _POSITIONS, "diagonals([0, 1, 2, 4])"),
        Signature("global", _POSITIONS, "global(0..16)"),
        Signature(
            "random",
            (_number("count"), _optional("seed", "seed"), _optional("avoid", "pattern"), _optional("among", "ids")),
            "random(3, seed = layer)",
            direction=True,
        ),
        Signature(
            "neighborhood",
            (_number("width"), _optional("dilation"), _optional("group")),
            "neighborhood(7)",
            direction=True,
        ),
        Signature("layout", (Parameter("file", "file"),), 'layout("mask.npy")'),
        Signature("blocks", (_number("size"), Parameter("pattern", "pattern")), "blocks(64, local(3))"),
        Signature("within", (_number("size"), Parameter("pattern", "pattern")), "within(32, local(7))"),
        Signature("slice", (Parameter("range", "ids"), Parameter("pattern", "pattern")), "slice(64..n, chunk(32))"),
    )
}
"""Patterns with arguments, lifts included."""

EXCLUSIVE = (("width", "back"), ("width", "ahead"), ("at", "last"))
"""Parameters that say the same in two ways, so that only one of them is given."""

ARGUMENT_NAMES = frozenset(
    parameter.name for signature in PRIMITIVES.values() for parameter in signature.parameters if parameter.named
)
"""The names of all arguments that have one."""

FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "min": (1, None),
    "max": (1, None),
    "abs": (1, 1),
    "isqrt": (1, 1),
    "ceildiv": (2, 2),
    "log2": (1, 1),
}
"""Functions of numbers, with the least and the greatest number of arguments (None: any)."""

LIST_FUNCTIONS = ("powers",)
"""Functions that make a list of ids."""

FACTS: dict[str, tuple[int, int]] = {"pairs": (1, 2), "density": (0, 0), "cache": (0, 0), "waste": (2, 2)}
"""What an expectation may speak of, with the least and the greatest number of arguments."""

COUNTS = ("n", "layers", "heads", "kv_heads")
"""Numbers the language provides everywhere."""

PLACES = ("layer", "head", "kv_head")
"""Numbers the language provides inside a model."""

KEYWORDS = (
    *("use", "param", "pattern", "model", "expect"),
    *("causal", "bidirectional", "tokens", "head_dim", "allow", "repeat"),
    *("even", "odd", "all", "rest", "step"),
    *("connected", "order", "crop_stable", "std"),
)

WORDS = frozenset((*KEYWORDS, *CONSTANTS, *PRIMITIVES, *FUNCTIONS, *LIST_FUNCTIONS, *FACTS, *COUNTS, *PLACES))
"""The words of the language: none of them can be declared. Argument names, such as `last`, are not among them."""

PATTERN_WORDS = (*CONSTANTS, *PRIMITIVES)
