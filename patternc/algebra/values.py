"""Evaluating the numbers and id lists of a typed program at one length.

For: `elaborate.py` and `construct.py`, which share one `Evaluation`. The arithmetic is the language's own: 64 bit,
checked before it is done, over the typed expressions. Not for: patterns (`construct.py`), or what ids mean where they
are used (`positions.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, assert_never

from patternc.diagnostics import Diagnostic, Fix, Label
from patternc.grammar import typed
from patternc.source import Source, Span

LIMIT = 1 << 63
"""Values lie in -LIMIT <= value < LIMIT."""

MAX_DEPTH = 128
"""How deep expressions and patterns may be nested after names are expanded."""

MAX_STEPS = 1_000_000
"""How many steps one elaboration may take."""

MAX_ENTRY_STEPS = 20_000
"""How many steps the pattern of one layer and head may take; bounds the size of its relation, too."""


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
    depth: int = 0
    steps: int = 0
    entry_steps: int = 0
    entry: Label | None = None
    """What is being evaluated, to be blamed when it grows beyond the limits."""
    read_layer: bool = False
    read_head: bool = False

    def __post_init__(self) -> None:
        self.declared = {param.name: param for param in self.program.params}
        self.patterns = {pattern.name: pattern for pattern in self.program.patterns}

    def report(self, diagnostic: Diagnostic) -> None:
        """Note a mistake, once for a place."""
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
        self.read_layer = True
        if frame.layer is None:
            raise Stop
        return frame.layer

    def head(self, frame: Frame) -> int:
        """The head at hand. Raises Stop where mistakes left none."""
        self.read_head = True
        if frame.head is None:
            raise Stop
        return frame.head

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


# -- numbers ----------------------------------------------------------------------------------------------------------


def number(evaluation: Evaluation, frame: Frame, n: int | None, expression: typed.Number) -> int:
    """The value of a number where the place has length `n` (None: not known yet). Raises Stop."""
    evaluation.enter(frame, expression.span)
    try:
        evaluation.step(frame, expression.span)
        return _number(evaluation, frame, n, expression)
    finally:
        evaluation.leave()


def _number(evaluation: Evaluation, frame: Frame, n: int | None, expression: typed.Number) -> int:
    match expression:
        case typed.Integer(value):
            return value
        case typed.NumberParam(name):
            value = param(evaluation, name)
            assert isinstance(value, int)
            return value
        case typed.NumberArgument(name):
            value = frame.arguments[name].value
            assert isinstance(value, int)
            return value
        case typed.Quantity():
            return _quantity(evaluation, frame, n, expression)
        case typed.Negative(operand, span):
            return in_range(evaluation, frame, span, -number(evaluation, frame, n, operand))
        case typed.Arithmetic():
            return _arithmetic(evaluation, frame, n, expression)
        case typed.Power(base, exponent, span):
            left, right = all_numbers(evaluation, frame, n, (base, exponent))
            return power(evaluation, frame, left, right, exponent.span, span)
        case typed.Function(name, arguments, span):
            return function(evaluation, frame, name, all_numbers(evaluation, frame, n, arguments), span)
        case typed.Hole():
            raise Stop
        case typed.Pairs() | typed.Density() | typed.Ratio():
            raise AssertionError(expression)  # only in expectations, which `expectation.py` evaluates
        case _:
            assert_never(expression)


def all_numbers(
    evaluation: Evaluation, frame: Frame, n: int | None, expressions: tuple[typed.Number, ...]
) -> list[int]:
    """The values of several numbers; the mistakes of all of them are noted before Stop is raised."""
    values: list[int] = []
    for expression in expressions:
        try:
            values.append(number(evaluation, frame, n, expression))
        except Stop:
            continue
    if len(values) < len(expressions):
        raise Stop
    return values


def in_range(evaluation: Evaluation, frame: Frame, span: Span, value: int) -> int:
    """The value when it fits 64 bit."""
    if -LIMIT <= value < LIMIT:
        return value
    evaluation.stop("PA405", "the value of this expression is beyond 64 bit", frame.label(span, "too large"))


def _quantity(evaluation: Evaluation, frame: Frame, n: int | None, quantity: typed.Quantity) -> int:
    match quantity.name:
        case "n":
            return n if n is not None else count(evaluation, "tokens")
        case "layers" | "heads" | "kv_heads":
            return count(evaluation, quantity.name)
        case "layer":
            return evaluation.layer(frame)
        case "head":
            return evaluation.head(frame)
        case "kv_head":
            return evaluation.head(frame) // (count(evaluation, "heads") // count(evaluation, "kv_heads"))
        case _:
            assert_never(quantity.name)


def _arithmetic(evaluation: Evaluation, frame: Frame, n: int | None, chain: typed.Arithmetic) -> int:
    values = all_numbers(evaluation, frame, n, chain.operands)
    total = values[0]
    for sign, value, operand in zip(chain.signs, values[1:], chain.operands[1:], strict=True):
        span = Span(chain.span.start, max(operand.span.stop, chain.span.start))
        total = in_range(evaluation, frame, span, combined(evaluation, frame, sign, total, value, operand.span))
    return total


def combined(evaluation: Evaluation, frame: Frame, sign: typed.Sign, left: int, right: int, span: Span) -> int:
    """Left sign right; `span` is the right operand's. `//` and `%` need a positive right side."""
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//" | "%":
            if right <= 0:
                what = "division by zero" if right == 0 else f"the right side of `{sign}` must be positive"
                evaluation.stop("PA404", f"{what}: it is {right}" if right else what, frame.label(span, f"is {right}"))
            return left // right if sign == "//" else left % right
        case _:
            assert_never(sign)


def power(evaluation: Evaluation, frame: Frame, base: int, exponent: int, at: Span, span: Span) -> int:
    """Base ** exponent, checked before it is computed; `at` is where the exponent is."""
    if exponent < 0:
        evaluation.stop("PA408", f"the exponent of `**` is negative: {exponent}", frame.label(at, f"is {exponent}"))
    if abs(base) > 1 and exponent > 63:
        evaluation.stop(
            "PA405",
            "the value of this expression is beyond 64 bit",
            frame.label(span, f"{base} to the power of {exponent}"),
        )
    if abs(base) <= 1:
        exponent = min(exponent, 2 + exponent % 2)
    return in_range(evaluation, frame, span, base**exponent)


def function(evaluation: Evaluation, frame: Frame, name: typed.FunctionName, values: list[int], span: Span) -> int:
    """A function of numbers."""
    computed = f"{name}({', '.join(map(str, values))})"
    label = frame.label(span, computed if frame.source.text[span.start : span.stop] != computed else "")
    match name:
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "abs":
            return in_range(evaluation, frame, span, abs(values[0]))
        case "isqrt":
            if values[0] < 0:
                evaluation.stop("PA406", f"isqrt of the negative number {values[0]}", label)
            return math.isqrt(values[0])
        case "ceildiv":
            if values[1] < 1:
                evaluation.stop("PA404", f"the second argument of ceildiv must be positive: it is {values[1]}", label)
            return -(-values[0] // values[1])
        case "log2":
            if values[0] < 1:
                evaluation.stop("PA406", f"log2 of {values[0]}, which is less than 1", label)
            return values[0].bit_length() - 1
        case _:
            assert_never(name)


# -- ids --------------------------------------------------------------------------------------------------------------


def ids(evaluation: Evaluation, frame: Frame, n: int | None, expression: typed.Ids) -> tuple[Run, ...]:
    """The items of a list, ids from the end still negative, where the place has length `n`. Raises Stop."""
    runs: list[Run] = []
    stopped = False
    evaluation.enter(frame, expression.span)
    for item in expression.items:
        try:
            evaluation.step(frame, item.span)
            runs += _item(evaluation, frame, n, item)
        except Stop:
            stopped = True
    evaluation.leave()
    if stopped:
        raise Stop
    return tuple(runs)


def _item(evaluation: Evaluation, frame: Frame, n: int | None, item: typed.Item) -> tuple[Run, ...]:
    label = frame.label(item.span)
    match item:
        case typed.Single(value):
            return (Run(number(evaluation, frame, n, value), None, 1, label),)
        case typed.Stretch(start, stop, step):
            ends = (start, stop) if step is None else (start, stop, step)
            first, last, *by = all_numbers(evaluation, frame, n, ends)
            if by and step is not None and by[0] < 1:
                evaluation.stop(
                    "PA401", f"a step must be at least 1: it is {by[0]}", frame.label(step.span, f"is {by[0]}")
                )
            return (Run(first, last, by[0] if by else 1, label),)
        case typed.Powers(base, span):
            value = number(evaluation, frame, n, base)
            if value < 2:
                message = f"the powers of {value} never reach n: the base must be at least 2"
                evaluation.stop("PA406", message, frame.label(span, f"the base is {value}"))
            bound = n if n is not None else count(evaluation, "tokens")
            powers = [1]
            while powers[-1] * value < bound:
                powers.append(powers[-1] * value)
            return tuple(Run(each, None, 1, label) for each in powers if each < bound)
        case typed.IdsParam(name):
            value = param(evaluation, name)
            assert isinstance(value, tuple)
            return value
        case typed.IdsArgument(name):
            argument = frame.arguments[name].value
            assert isinstance(argument, tuple)
            return argument
        case typed.Hole():
            raise Stop
        case _:
            assert_never(item)


# -- the program's own values -----------------------------------------------------------------------------------------


def param(evaluation: Evaluation, name: str) -> int | tuple[Run, ...]:
    """The value of a `param`, evaluated once, with the model's n. Raises Stop."""
    if name not in evaluation.params:
        evaluation.params[name] = None
        declared = evaluation.declared[name]
        frame = Frame(evaluation.program.files[declared.file])
        override = evaluation.overrides.get(name)
        if override is not None:
            evaluation.params[name] = _override(evaluation, frame, declared, override)
        elif isinstance(declared.value, typed.Ids):
            evaluation.params[name] = ids(evaluation, frame, None, declared.value)
        else:
            evaluation.params[name] = number(evaluation, frame, None, declared.value)
    value = evaluation.params[name]
    if value is None:
        raise Stop
    return value


def _override(
    evaluation: Evaluation, frame: Frame, declared: typed.Param, value: int | tuple[int, ...]
) -> int | tuple[Run, ...]:
    label = frame.label(declared.span, "declared here")
    given = value if isinstance(value, tuple) else (value,)
    if any(not -LIMIT <= each < LIMIT for each in given):
        evaluation.stop("PA405", f"the value given for `{declared.name}` is beyond 64 bit", label)
    if isinstance(declared.value, typed.Ids):
        return tuple(
            Run(each, None, 1, frame.label(declared.span, "its value was given from outside")) for each in given
        )
    if isinstance(value, tuple):
        evaluation.stop("PA412", f"`{declared.name}` is a number, but a list was given for it", label)
    return value


MAX_TOKENS = 1 << 30
MAX_LAYERS = 1024
MAX_HEADS = 1024


def count(evaluation: Evaluation, name: str) -> int:
    """tokens, layers, heads or kv_heads of the model, evaluated once. Raises Stop."""
    if name not in evaluation.counts:
        evaluation.counts[name] = None
        evaluation.counts[name] = _count(evaluation, name)
    value = evaluation.counts[name]
    if value is None:
        raise Stop
    return value


def _count(evaluation: Evaluation, name: str) -> int:
    model = evaluation.program.model
    assert model is not None
    frame = Frame(evaluation.program.files[model.file])
    match name:
        case "tokens":
            return _tokens(evaluation, frame, model)
        case "layers":
            return _bounded(evaluation, frame, "layers", model.layers.count, MAX_LAYERS)
        case "heads":
            return 1 if model.heads is None else _bounded(evaluation, frame, "heads", model.heads, MAX_HEADS)
        case _:
            heads = count(evaluation, "heads")
            if model.kv_heads is None:
                return heads
            kv_heads = _bounded(evaluation, frame, "kv_heads", model.kv_heads, MAX_HEADS)
            if heads % kv_heads:
                others = (
                    () if model.heads is None else (frame.label(model.heads.span, f"{heads} heads", primary=False),)
                )
                evaluation.stop(
                    "PA506",
                    f"{heads} heads cannot share {kv_heads} kv_heads evenly",
                    frame.label(model.kv_heads.span, f"{kv_heads} does not divide {heads}"),
                    *others,
                )
            return kv_heads


def _tokens(evaluation: Evaluation, frame: Frame, model: typed.Model) -> int:
    if evaluation.tokens is not None:
        if not 1 <= evaluation.tokens <= MAX_TOKENS:
            evaluation.stop("PA701", f"the number of tokens must be 1 to {MAX_TOKENS:,}: {evaluation.tokens} was given")
        return evaluation.tokens
    if model.tokens is None:
        evaluation.stop(
            "PA210",
            f"the length of the model `{model.name}` is not known",
            frame.label(model.span, "no tokens"),
            notes=("say `tokens 4096` in the model, or give --tokens",),
        )
    return _bounded(evaluation, frame, "tokens", model.tokens, MAX_TOKENS)


def _bounded(evaluation: Evaluation, frame: Frame, name: str, expression: typed.Number, most: int) -> int:
    value = number(evaluation, frame, None, expression)
    if value < 1:
        label = frame.label(expression.span, f"is {value}")
        evaluation.stop("PA507", f"`{name}` must be at least 1: it is {value}", label)
    if value > most:
        evaluation.stop(
            "PA701",
            f"a model has at most {most:,} {name}, not {value:,}",
            frame.label(expression.span, f"is {value:,}"),
        )
    return value
