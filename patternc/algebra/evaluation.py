"""What one elaboration knows: the program, its limits, the mistakes found so far; and where an expression is evaluated.

For: the files beside it that evaluate typed expressions; they share one `Evaluation`. Not for: evaluating anything
(`values.py` numbers and ids, `construct.py` patterns).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from patternc.algebra.relation import Relation
from patternc.diagnostics import Diagnostic, Fix, Label
from patternc.grammar import typed
from patternc.source import Source, Span

PlaceName = Literal["layer", "head", "kv_head"]
"""What an expression may ask about where in the model it is evaluated."""

LIMIT = 1 << 63
"""Values lie in -LIMIT <= value < LIMIT."""

MAX_DEPTH = 128
"""How deep expressions and patterns may be nested after names are expanded."""

MAX_STEPS = 1_000_000
"""How many steps one elaboration may take."""

MAX_ENTRY_STEPS = 20_000
"""How many steps the pattern of one layer and head may take; bounds the size of its relation, too."""


_WHATEVER_THE_LENGTH = ("PA401", "PA404", "PA405", "PA406", "PA407", "PA408", "PA410", "PA5")
"""The mistakes that do not depend on the length: values of their own, and which layer or head gets what."""


class Stop(Exception):
    """The value at hand cannot be had; the mistake behind it is in the evaluation's diagnostics."""


@dataclass(frozen=True, slots=True)
class Run:
    """An item of an id list, evaluated: the id `start` alone when `stop` is None, else start..stop by `step`."""

    start: int
    stop: int | None
    step: int
    label: Label

    def moved(self, label: Label) -> Run:
        """The same ids, to be blamed on another place."""
        return Run(self.start, self.stop, self.step, label)


@dataclass(frozen=True, slots=True)
class Closure:
    """A pattern given as an argument, with the frame its names belong to."""

    pattern: typed.Pattern
    frame: Frame


@dataclass(frozen=True, slots=True)
class Argument:
    """What a parameter of a named pattern stands for: its value, and how it was written in the caller's frame."""

    value: int | tuple[Run, ...] | Closure
    written: typed.Value
    frame: Frame


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an expression is evaluated: its file, the parameters of its pattern, and the layer and head at hand."""

    source: Source
    arguments: Mapping[str, Argument] = field(default_factory=dict[str, Argument])
    layer: int | None = None
    head: int | None = None

    def label(self, span: Span, text: str = "", primary: bool = True) -> Label:
        """A label in this frame's file."""
        return Label(self.source, span, text, primary)

    def argument(self, name: str) -> Argument:
        """What a parameter of the pattern at hand stands for. Raises Stop where the pattern is looked at uncalled."""
        if name not in self.arguments:
            raise Stop
        return self.arguments[name]


@dataclass(slots=True)
class Evaluation:
    """What one elaboration knows and has found so far."""

    program: typed.Program
    overrides: Mapping[str, int | tuple[int, ...]]
    tokens: int | None
    clip_ids: bool
    declared: Mapping[str, typed.Param] = field(init=False)
    patterns: Mapping[str, typed.PatternDeclaration] = field(init=False)
    params: dict[str, int | tuple[Run, ...] | None] = field(default_factory=dict[str, "int | tuple[Run, ...] | None"])
    counts: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    diagnostics: dict[tuple[str, str, Span | None], Diagnostic] = field(
        default_factory=dict[tuple[str, str, "Span | None"], Diagnostic]
    )
    """By code and place: a mistake that every layer meets is one mistake."""
    idle: dict[tuple[str, Span], Diagnostic] = field(default_factory=dict[tuple[str, Span], Diagnostic])
    """Terms, by place, that added nothing to some head, with the warning to give when they add nothing to any."""
    useful: set[tuple[str, Span]] = field(default_factory=set[tuple[str, Span]])
    """Terms, by place, that added something to some head."""
    layouts: dict[tuple[str, int], Relation] = field(default_factory=dict[tuple[str, int], "Relation"])
    """Stored layouts met so far, by digest and head: the same one is one object everywhere."""
    depth: int = 0
    steps: int = 0
    entry_steps: int = 0
    entry: Label | None = None
    """What is being evaluated, to be blamed when it grows beyond the limits."""
    read: set[PlaceName] = field(default_factory=set[PlaceName])
    """What of the place in the model was asked for since it was last emptied."""
    length_known: bool = True
    """False while a program is only searched for mistakes that it has at any length: `n` has no value then."""

    def __post_init__(self) -> None:
        self.declared = {param.name: param for param in self.program.params}
        self.patterns = {pattern.name: pattern for pattern in self.program.patterns}

    def report(self, diagnostic: Diagnostic) -> None:
        """Note a mistake, once for a place."""
        if not self.length_known and not diagnostic.code.startswith(_WHATEVER_THE_LENGTH):
            return
        label = diagnostic.primary
        key = (diagnostic.code, label.source.name, label.span) if label else (diagnostic.code, diagnostic.message, None)
        self.diagnostics.setdefault(key, diagnostic)

    def stop(
        self, code: str, message: str, *labels: Label, notes: tuple[str, ...] = (), fix: Fix | None = None
    ) -> NoReturn:
        """Note a mistake and give up the value at hand."""
        self.report(Diagnostic(code, message, labels, notes, fix))
        raise Stop

    def step(self, frame: Frame, span: Span, count: int = 1) -> None:
        """Count work done, and end what would take for ever."""
        if self.entry_steps > MAX_ENTRY_STEPS or self.steps > MAX_STEPS:
            raise Stop  # reported when it was crossed
        self.steps += count
        self.entry_steps += count
        if self.entry_steps > MAX_ENTRY_STEPS or self.steps > MAX_STEPS:
            which = "this pattern" if self.entry_steps > MAX_ENTRY_STEPS else "the model"
            self.stop(
                "PA702",
                f"{which} expands to too much once its names are replaced",
                *self._blamed(frame, span, "the limit is reached here"),
                notes=(f"the limits are {MAX_ENTRY_STEPS:,} parts for one pattern and {MAX_STEPS:,} for a model",),
            )

    def _blamed(self, frame: Frame, span: Span, text: str) -> tuple[Label, ...]:
        """The entry that is being evaluated, and the place inside it."""
        if self.entry is None:
            return (frame.label(span, text),)
        inner = frame.label(span, text, primary=False)
        return (
            (self.entry,) if (inner.source, inner.span) == (self.entry.source, self.entry.span) else (self.entry, inner)
        )

    def begin(self, entry: Label) -> None:
        """Begin with another entry, parameter or setting."""
        self.entry = entry
        self.entry_steps = 0

    def layer(self, frame: Frame) -> int:
        """The layer at hand. Raises Stop where mistakes left none."""
        self.read.add("layer")
        if frame.layer is None:
            raise Stop
        return frame.layer

    def head(self, frame: Frame) -> int:
        """The head at hand. Raises Stop where mistakes left none."""
        self.read.add("head")
        if frame.head is None:
            raise Stop
        return frame.head

    def kv_head(self, frame: Frame, group: int) -> int:
        """The kv head of the head at hand, of which `group` share one. Raises Stop where mistakes left none."""
        self.read.add("kv_head")
        if frame.head is None:
            raise Stop
        return frame.head // group

    def enter(self, frame: Frame, span: Span) -> None:
        """Go one level deeper; to be followed by `leave`."""
        if self.depth >= MAX_DEPTH:
            self.stop(
                "PA704",
                f"this is nested more than {MAX_DEPTH} deep once its names are replaced",
                *self._blamed(frame, span, "too deep here"),
            )
        self.depth += 1

    def leave(self) -> None:
        """Come back up."""
        self.depth -= 1
