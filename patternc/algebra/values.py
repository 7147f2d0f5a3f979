"""Evaluating the numbers and id lists of a typed program at one length.

For: everything that needs a number: sizes, ids, parameters, the counts of the model. The arithmetic is the language's
own: 64 bit, checked before it is done, over the typed expressions. Not for: patterns (`construct.py`), or what ids mean
where they are used (`positions.py`).
"""

from __future__ import annotations

import math
from typing import NoReturn, assert_never

from patternc.algebra.evaluation import LIMIT, Evaluation, Frame, Run, Stop
from patternc.diagnostics import Label
from patternc.grammar import typed
from patternc.source import Span

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
            value = frame.argument(name).value
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
        case typed.Pairs() | typed.Density() | typed.Cache() | typed.Waste() | typed.Ratio():
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
            return length(evaluation, n)
        case "layers" | "heads" | "kv_heads":
            return count(evaluation, quantity.name)
        case "layer":
            return evaluation.layer(frame)
        case "head":
            return evaluation.head(frame)
        case "kv_head":
            return evaluation.kv_head(frame, count(evaluation, "heads") // count(evaluation, "kv_heads"))
        case _:
            assert_never(quantity.name)


def length(evaluation: Evaluation, n: int | None) -> int:
    """The length of a place, the model's where it has none of its own. Raises Stop while no length is known."""
    if not evaluation.length_known:
        raise Stop
    return n if n is not None else count(evaluation, "tokens")


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
            bound = length(evaluation, n)
            powers = [1]
            while powers[-1] * value < bound:
                powers.append(powers[-1] * value)
            return tuple(Run(each, None, 1, label) for each in powers if each < bound)
        case typed.IdsParam(name):
            value = param(evaluation, name)
            assert isinstance(value, tuple)
            return value
        case typed.IdsArgument(name):
            argument = frame.argument(name).value
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
        elif isinstance(declared.value, typed.Choice):
            _not_chosen(evaluation, frame, declared, declared.value)
        elif isinstance(declared.value, typed.Ids):
            evaluation.params[name] = ids(evaluation, frame, None, declared.value)
        else:
            evaluation.params[name] = number(evaluation, frame, None, declared.value)
    value = evaluation.params[name]
    if value is None:
        raise Stop
    return value


def _not_chosen(evaluation: Evaluation, frame: Frame, declared: typed.Param, choice: typed.Choice) -> NoReturn:
    labels = [frame.label(choice.span, f"any of these may be `{declared.name}`")]
    if choice.needed_in is not None:
        labels.append(
            Label(evaluation.program.files[choice.needed_in], choice.needed, "a number is needed here", False)
        )
    evaluation.stop(
        "PA415",
        f"the number `{declared.name}` is still to be chosen from its list",
        *labels,
        notes=(f"say which: --param {declared.name}=N; or `patternc design` finds the best",),
    )


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
    if model is None:
        raise Stop
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
