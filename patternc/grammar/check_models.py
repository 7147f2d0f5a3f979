"""Checking models and expectations: settings, schedules, comparisons.

For: what stands in `model { }` and after `expect`. Not for: whether every layer has a pattern, which takes numbers
(`patternc.algebra.elaborate`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import assert_never, cast

from patternc.diagnostics import Diagnostic, Label
from patternc.grammar import tree, typed
from patternc.grammar.check_patterns import check_pattern
from patternc.grammar.check_values import check_ids, check_number
from patternc.grammar.parse import Parsed
from patternc.grammar.scope import Context, Scope, closest, is_unknown
from patternc.source import Source, Span

MODEL_PLACES = ("layer", "head", "kv_head")

_UNKNOWN = typed.Selector(typed.Ids((typed.Hole(),)))


def check_model(context: Context, parsed: Parsed, model: tree.Model) -> typed.Model:
    """The model, with holes for what is missing; nothing is missed where parts of it were lost to the syntax."""
    source = parsed.source
    blocks = [each.span for each in model.settings if isinstance(each, tree.Layers)]
    damaged = parsed.lost_in(model.span, but_not=blocks)  # perhaps a setting
    plain = Scope(source, title="a setting of the model")
    direction: tree.Flag | None = None
    allow_empty = False
    given: dict[str, Span] = {}
    settings: dict[str, typed.Number] = {}
    layers: typed.Layers | typed.Repeat | None = None
    for setting in model.settings:
        name = setting.name if isinstance(setting, tree.Flag | tree.Setting) else "layers"
        slot = "direction" if name in ("causal", "bidirectional") else name
        first = given.setdefault(slot, setting.span)
        again = first is not setting.span
        if again:
            what = f"`{name}` is" if slot == name else "the direction is"
            context.diagnostics.append(
                Diagnostic(
                    "PA209",
                    f"{what} given twice",
                    (
                        plain.label(_head(setting), "again here"),
                        plain.label(
                            Span(first.start, first.start + len(source.text[first.start : first.stop].split()[0])),
                            "first given here",
                            primary=False,
                        ),
                    ),
                )
            )
        match setting:
            case tree.Flag("allow empty"):
                allow_empty = True
            case tree.Flag():
                direction = direction or setting
            case tree.Setting(key, value):
                number = check_number(context, plain, value)
                settings.setdefault(key, number)
            case tree.Layers():
                checked = _layers(context, parsed, setting)
                layers = layers or checked
            case _:
                assert_never(setting)
    if not damaged:
        if direction is None:
            context.diagnostics.append(
                Diagnostic(
                    "PA210",
                    f"the model `{model.name.text}` must say `causal` or `bidirectional`",
                    (plain.label(model.name.span, "neither is given"),),
                    ("`causal` cuts every layer to the keys up to the query, j <= i",),
                )
            )
        if layers is None:
            context.diagnostics.append(
                Diagnostic(
                    "PA210",
                    f"the model `{model.name.text}` must have `layers`",
                    (plain.label(model.name.span, "no layers"),),
                    ("for example `layers 12 { all: local(256) }`",),
                )
            )
    unknown = typed.Hole() if damaged else None
    return typed.Model(
        model.name.text,
        direction is not None and direction.name == "causal",
        settings.get("tokens", unknown),
        settings.get("heads", unknown),
        settings.get("kv_heads", unknown),
        settings.get("head_dim"),
        allow_empty,
        layers or typed.Layers(typed.Hole(), ()),
        0,
        model.name.span,
    )


def _head(setting: tree.Flag | tree.Setting | tree.Layers) -> Span:
    """The word a setting begins with."""
    match setting:
        case tree.Flag(name, span):
            return Span(span.start, span.start + len(name.split()[0]))
        case tree.Setting(name, _, span):
            return Span(span.start, span.start + len(name))
        case tree.Layers(span=span):
            return Span(span.start, span.start + len("layers"))


def _layers(context: Context, parsed: Parsed, layers: tree.Layers) -> typed.Layers | typed.Repeat:
    source = parsed.source
    scope = Scope(source, title="the selection of layers")
    count = check_number(context, Scope(source, title="a setting of the model"), layers.count)
    entries: list[typed.LayerEntry] = []
    rounds: list[typed.Round] = []
    for each in layers.body:
        match each:
            case tree.LayerEntry(selector, pattern, span):
                selected = _selector(context, scope, selector)
                entries.append(typed.LayerEntry(selected, _assigned(context, parsed, pattern), span))
            case tree.Round(times, pattern, span):
                number = check_number(context, scope, times)
                rounds.append(typed.Round(number, _assigned(context, parsed, pattern), span))
    blocks = [each.pattern.span for each in layers.body if isinstance(each.pattern, tree.HeadBlock)]
    if parsed.lost_in(layers.span, but_not=blocks):  # perhaps an entry: nobody can say which layers it was for
        entries.append(typed.LayerEntry(_UNKNOWN, typed.Hole()))
        rounds.append(typed.Round(typed.Hole(), typed.Hole()))
    if layers.repeated:
        return typed.Repeat(count, tuple(rounds), layers.span)
    return typed.Layers(count, tuple(entries), layers.span)


def _selector(context: Context, scope: Scope, selector: tree.Selector) -> typed.Selector:
    match selector.which:
        case "even" | "odd" | "all" | "rest" as word:
            return typed.Selector(word, selector.span)
        case tree.Name(text, span) if is_unknown(context, scope, text) and (word := _selector_word(text)) is not None:
            context.diagnostics.append(
                Diagnostic(
                    "PA201",
                    f"`{text}` selects nothing",
                    (scope.label(span, "not declared"),),
                    fix=scope.fix(f"did you mean `{word}`?", span, word),
                )
            )
            return _UNKNOWN
        case expression:
            return typed.Selector(check_ids(context, scope, expression), selector.span)


def _selector_word(text: str) -> str | None:
    """The word for selecting that was probably meant."""
    known = {"else": "rest", "default": "rest", "otherwise": "rest", "others": "rest", "every": "all", "each": "all"}
    return known.get(text) or closest(text, ("even", "odd", "all", "rest"))


def _assigned(
    context: Context, parsed: Parsed, assigned: tree.Expression | tree.HeadBlock
) -> typed.Pattern | typed.Heads:
    source = parsed.source
    inside = Scope(source, places=MODEL_PLACES)
    if not isinstance(assigned, tree.HeadBlock):
        return check_pattern(context, inside, assigned)
    selecting = Scope(source, places=("layer",), title="the selection of heads")
    entries = [
        typed.HeadEntry(
            _selector(context, selecting, entry.selector),
            check_pattern(context, inside, entry.pattern),
            entry.span,
        )
        for entry in assigned.entries
    ]
    if parsed.lost_in(assigned.span):
        entries.append(typed.HeadEntry(_UNKNOWN, typed.Hole()))
    return typed.Heads(tuple(entries), assigned.span)


# -- expectations -----------------------------------------------------------------------------------------------------


def check_expectation(context: Context, source: Source, expect: tree.Expect) -> typed.Expectation | None:
    """The expectation; None for a form that cannot be checked yet."""
    scope = Scope(source, facts=True, title="an expectation")
    condition = expect.condition
    text = " ".join(source.text[condition.span.start : condition.span.stop].split())
    match condition:
        case tree.Comparison(left, sign, right, span):
            sides = _side(context, scope, left), _side(context, scope, right)
            return typed.Comparison(sides[0], cast("typed.ComparisonSign", sign.sign), sides[1], text, 0, span)
        case tree.Connected(depth, from_any_layer, to_past, span):
            number = None if depth is None else check_number(context, scope, depth)
            return typed.Connected(number, from_any_layer, to_past, text, 0, span)
        case tree.Order(growth) if tree.ABSENT in growth:
            return None  # reported by the parser
        case tree.Order(growth, span):
            return _order(context, scope, growth, text, span)
        case tree.CropStable(span):
            return typed.CropStable(text, 0, span)
        case _:
            assert_never(condition)


def _order(context: Context, scope: Scope, growth: str, text: str, span: Span) -> typed.Order | None:
    """An order of growth: n, a power of it, or n * log(n)."""
    base, _, power = growth.partition("^")
    if base == "n" and power:
        exponent = Fraction(power)
        return typed.Order(exponent.numerator, exponent.denominator, 0, text, 0, span)
    if growth in ("n", "n * log(n)"):
        return typed.Order(1, 1, int(growth != "n"), text, 0, span)
    meant = "n * log(n)" if "*" in growth else f"n^{power}" if power else "n"
    context.diagnostics.append(
        Diagnostic(
            "PA605",
            f"`{growth}` is not growth in n",
            (scope.label(span, "n, a power of n, or n * log(n) is needed"),),
            ("parameters follow their own definitions in n",),
            scope.fix(f"did you mean `order {meant}`?", span, f"order {meant}"),
        )
    )
    return None


def _side(context: Context, scope: Scope, expression: tree.Expression) -> typed.Number:
    if isinstance(expression, tree.Number) and expression.form != "integer":
        value = Fraction(expression.text.rstrip("%"))
        if expression.form == "percent":
            value /= 100
        return typed.Ratio(value.numerator, value.denominator, expression.span)
    if (share := _quotient(expression)) is not None:
        return _written_as_quotient(context, scope, expression.span, share)
    number = check_number(context, scope, expression)
    before = len(context.diagnostics)
    _whole_numbers_only(context, scope, number, needed_by=None)
    return number if len(context.diagnostics) == before else typed.Hole(expression.span)


def _quotient(expression: tree.Expression) -> Fraction | None:
    """What `1 / 2` would be, a quotient of two literals."""
    match expression:
        case tree.Chain((tree.Number(above, "integer"), tree.Number(below, "integer")), (tree.Operator("/"),)):
            short = max(len(above), len(below)) <= _LONGEST_LITERAL
            return Fraction(int(above), int(below)) if short and int(below) else None
        case _:
            return None


_LONGEST_LITERAL = 18
"""Digits of a number that is thought of as a part of a share."""


def _written_as_quotient(context: Context, scope: Scope, span: Span, share: Fraction) -> typed.Hole:
    """Report a share that was written as a quotient, with what it is as a percentage or a decimal."""
    written = _percentage(share) if share <= 1 else _decimal(share)
    written = written or _decimal(share)
    context.diagnostics.append(
        Diagnostic(
            "PA308",
            f"a share is written as a percentage or a decimal, not as `{scope.written(span)}`",
            (scope.label(span, "true division"),),
            () if written else ("no decimal is exactly that: multiply both sides by what it is divided by",),
            scope.fix(f"write `{written}`", span, written) if written else None,
        )
    )
    return typed.Hole(span)


def _percentage(share: Fraction) -> str | None:
    """A share in whole per cent, where it is that."""
    return f"{share * 100}%" if (share * 100).denominator == 1 else None


def _decimal(share: Fraction) -> str | None:
    """A share with at most six decimals, where it has no more."""
    millionths = share * 10**6
    if millionths.denominator != 1:
        return None
    whole, rest = divmod(millionths.numerator, 10**6)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")


def _whole_numbers_only(context: Context, scope: Scope, number: typed.Number, needed_by: str | None) -> None:
    """Report `density` and `waste`, fractions, where only whole numbers make sense."""
    match number:
        case (typed.Density() | typed.Waste()) as fact if needed_by is not None:
            share = isinstance(fact, typed.Density)
            name, between = ("density", "between 0 and 1") if share else ("waste", "at least 1")
            context.diagnostics.append(
                Diagnostic(
                    "PA604",
                    f"{needed_by} takes whole numbers, but `{name}` is a fraction",
                    (Label(scope.source, fact.span, between),),
                )
            )
        case typed.Negative(operand):
            _whole_numbers_only(context, scope, operand, needed_by)
        case typed.Arithmetic(operands, signs):
            inner = next((f"`{sign}`" for sign in signs if sign in ("//", "%")), None) or needed_by
            for operand in operands:
                _whole_numbers_only(context, scope, operand, inner)
        case typed.Power(base, exponent):
            for operand in (base, exponent):
                _whole_numbers_only(context, scope, operand, "`**`")
        case typed.Function(name, arguments):
            for argument in arguments:
                inner = needed_by if name in ("min", "max", "abs") else f"`{name}`"
                _whole_numbers_only(context, scope, argument, inner)
        case _:
            pass
