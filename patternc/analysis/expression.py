"""Expressions: counted families as sympy expressions, and those as text.

For: the only file beside `order.py` that touches sympy. Not for: finding or checking formulas (`formula.py`).

Quotients and remainders are sympy's `floor((n - t)/k)` and `Mod(n - t, k)`; as text they get the names q and r, said
once in `where`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, prod
from typing import Any

import sympy  # pyright: ignore[reportMissingTypeStubs]  # it ships none

from patternc.analysis.chamber import Counted
from patternc.analysis.family import TOKENS, Affine, Family, symbol
from patternc.analysis.fit import Polynomial
from patternc.analysis.region import QUOTIENT, REST, Condition, Region

symbolic: Any = sympy
"""sympy has no types of its own; every expression is `Any` here."""
Expr = Any

LEADING_MINUS = 4
"""Characters that a form may be longer for not beginning with a minus."""

N: Expr = symbolic.Symbol(TOKENS, integer=True, positive=True)


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression in n and the parameters, right wherever low <= high for all of `bounds` and a == b for `equal`.

    `checks` is the number of exact counts it was held against beyond those that determine it.
    """

    expression: Expr
    bounds: tuple[tuple[Expr, Expr], ...]
    equal: tuple[tuple[Expr, Expr], ...]
    checks: int


@dataclass(frozen=True, slots=True)
class Written:
    """A formula as text: `where` names its quotients and remainders, `valid` lists its conditions."""

    text: str
    where: tuple[str, ...]
    valid: tuple[str, ...]


def parameter(name: str) -> Expr:
    """The symbol of a parameter; `name//2` is the floor of its half."""
    if name.endswith("//2"):
        return symbolic.floor(parameter(name.removesuffix("//2")) / 2)
    return symbolic.Symbol(name, integer=True, positive=True)


def express(members: Family, counted: Counted) -> Formula:
    """The polynomial as an expression, with its region as conditions."""
    names: dict[str, Expr] = {TOKENS: N}
    for each in members.symbols:
        names[each.name] = symbolic.Integer(each.value) if each.literal else parameter(each.name)
    region = counted.region
    bounds: list[tuple[Expr, Expr]] = []
    equal: list[tuple[Expr, Expr]] = [(parameter(name), symbolic.Integer(value)) for name, value in members.frozen]
    plain: Expr = None
    modulus: Expr = None
    offset: Expr = None
    if region.period is not None:
        modulus, offset = _affine(region.period.modulus, names), _affine(region.period.offset, names)
        quotient, rest = (N - offset) / modulus, symbolic.Symbol(REST, integer=True, nonnegative=True)
        bounds.append((offset + region.periods * modulus, N))
        bounds.append((symbolic.Integer(region.least_modulus), modulus))
        if region.whole:
            if modulus != 1:
                equal.append((symbolic.Mod(N - offset, modulus, evaluate=False), symbolic.Integer(0)))
            plain = _sum(counted, {**names, QUOTIENT: quotient})
        else:
            # Where the remainder cancels, the formula holds in n alone.
            plain = _sum(counted, {**names, QUOTIENT: (N - offset - rest) / modulus, REST: rest})
        names[QUOTIENT] = symbolic.floor(quotient)
        names[REST] = symbolic.Mod(N - offset, modulus, evaluate=False)
        plain = None if rest in plain.free_symbols else plain
    expression = _sum(counted, names) if plain is None else plain
    for condition in region.conditions:
        low, high = _affine(condition.low, names), _affine(condition.high, names)
        if (
            region.period is not None
            and condition.high == symbol(QUOTIENT)
            and not condition.low.mentions(QUOTIENT, REST)
        ):
            # low <= floor((n - t) / k) says the same as t + low k <= n.
            low, high = symbolic.expand(offset + low * modulus), N
        bounds.append((low, high))
    kept = tuple((low, high) for low, high in bounds if _open(low, high))
    # Parameters are positive to sympy, so that these say nothing to it; a program may take 0.
    kept += tuple((symbolic.Integer(1), parameter(name)) for name in _never_zero(members, region))
    return Formula(expression, kept, tuple(equal), counted.checks)


def in_steps(polynomial: Polynomial, step: int, least: int, checks: int) -> Formula:
    """A polynomial in n / step as an expression in n, for n from `least` on that is a multiple of `step`."""
    total: Expr = symbolic.Integer(0)
    for (exponent,), coefficient in polynomial.terms:
        total += symbolic.Rational(coefficient.numerator, coefficient.denominator) * (N / step) ** exponent
    whole = symbolic.Mod(N, step, evaluate=False), symbolic.Integer(0)
    return Formula(symbolic.expand(total), ((symbolic.Integer(least), N),), (whole,) if step > 1 else (), checks)


def _never_zero(members: Family, region: Region) -> list[str]:
    """Parameters at whose 0 the pattern is another."""
    one = {each.name: Condition(Affine(1), symbol(each.name)) for each in members.symbols if not each.literal}
    return [name for name, condition in one.items() if not name.endswith("//2") and condition in region.conditions]


def _open(low: Expr, high: Expr) -> bool:
    """Whether a bound says anything: it is no number against a number, and not below what any symbol is."""
    gap = symbolic.expand(high - low)
    return bool(gap.free_symbols) and gap.is_nonnegative is not True


def _sum(counted: Counted, names: Mapping[str, Expr]) -> Expr:
    total: Expr = symbolic.Integer(0)
    for exponents, coefficient in counted.polynomial.terms:
        term: Expr = symbolic.Rational(coefficient.numerator, coefficient.denominator)
        for name, exponent in zip(counted.variables, exponents, strict=True):
            term *= names[name] ** exponent
        total += term
    return symbolic.expand(total)


def _affine(affine: Affine, names: Mapping[str, Expr]) -> Expr:
    total: Expr = symbolic.Integer(affine.constant)
    for name, coefficient in affine.terms:
        total += coefficient * names[name]
    return total


def value(formula: Formula, values: Mapping[str, int]) -> int | None:
    """The formula at values of n and its parameters; None outside its region."""
    at = _substitution(values)
    if not in_bounds(formula, values) or any(_number(a, at) != _number(b, at) for a, b in formula.equal):
        return None
    found = _number(formula.expression, at)
    assert found.denominator == 1, "a count is a whole number"
    return found.numerator


def in_bounds(formula: Formula, values: Mapping[str, int]) -> bool:
    """Whether the values lie between the formula's bounds, whatever their remainders."""
    at = _substitution(values)
    return all(_number(low, at) <= _number(high, at) for low, high in formula.bounds)


def _substitution(values: Mapping[str, int]) -> dict[Expr, int]:
    return {parameter(name): number for name, number in values.items() if name != TOKENS} | {N: values[TOKENS]}


def _number(expression: Expr, at: Mapping[Expr, int]) -> Fraction:
    """An expression at values of its symbols, exactly; sympy's own `subs` takes a hundred times as long."""
    if expression.is_Symbol:
        return Fraction(at[expression])
    if expression.is_Rational:
        return Fraction(int(expression.p), int(expression.q))
    operands = [_number(operand, at) for operand in expression.args]
    match expression:
        case symbolic.Add():
            return sum(operands, start=Fraction(0))
        case symbolic.Mul():
            return prod(operands, start=Fraction(1))
        case symbolic.Pow():
            return operands[0] ** operands[1].numerator
        case symbolic.floor():
            return Fraction(floor(operands[0]))
        case symbolic.Mod():
            return operands[0] % operands[1]
        case _:
            raise AssertionError(f"no formula has {expression}")


def added(formulas: Iterable[tuple[int, Formula]]) -> Formula:
    """The sum of formulas, each taken a number of times, right where all of them are."""
    total: Expr = symbolic.Integer(0)
    bounds: dict[tuple[Expr, Expr], None] = {}
    equal: dict[tuple[Expr, Expr], None] = {}
    checks: list[int] = []
    for times, formula in formulas:
        total += times * formula.expression
        bounds |= dict.fromkeys(formula.bounds)
        equal |= dict.fromkeys(formula.equal)
        checks.append(formula.checks)
    return Formula(symbolic.expand(total), tuple(bounds), tuple(equal), min(checks))


def write(formula: Formula) -> Written:
    """The formula as text."""
    parts = [formula.expression, *(side for pair in formula.bounds for side in pair)]
    names, where = _named(parts)
    valid = [_bound(low.xreplace(names), high.xreplace(names)) for low, high in _strongest(formula.bounds)]
    valid += [f"{_text(a)} == {_text(b)}" for a, b in formula.equal]
    return Written(_shortest(formula.expression.xreplace(names)), where, tuple(dict.fromkeys(valid)))


def _strongest(bounds: Sequence[tuple[Expr, Expr]]) -> list[tuple[Expr, Expr]]:
    """The bounds, with only the largest of the numbers that n must reach."""
    least = max((low for low, high in bounds if high == N and low.is_Integer), default=None)
    return [(low, high) for low, high in bounds if high != N or not low.is_Integer or low == least]


def _named(parts: Sequence[Expr]) -> tuple[dict[Expr, Expr], tuple[str, ...]]:
    """Names for the floors and remainders of all parts, and what each stands for."""
    found = {atom for part in parts for atom in part.atoms(symbolic.floor, symbolic.Mod)}
    # Quotients first; by text, so that the order is the same every time.
    ordered = sorted(found, key=lambda atom: (isinstance(atom, symbolic.Mod), _text(atom)))
    quotients = [atom for atom in ordered if isinstance(atom, symbolic.floor) and atom.has(N)]
    moduli = list(dict.fromkeys(_division(atom) for atom in ordered if atom.has(N)))
    halves = [atom for atom in ordered if not atom.has(N)]
    names: dict[Expr, Expr] = {}
    where: list[str] = []
    for atom in [*quotients, *(atom for atom in ordered if atom.has(N) and atom not in quotients), *halves]:
        if atom in halves:
            letter = "h" if len(halves) == 1 else f"h{halves.index(atom) + 1}"
        else:
            letter = QUOTIENT if atom in quotients else REST
            letter += "" if len(moduli) == 1 else str(moduli.index(_division(atom)) + 1)
        names[atom] = symbolic.Symbol(letter, integer=True, nonnegative=True)
        where.append(f"{letter} = {_text(atom)}")
    return names, tuple(where)


def _division(atom: Expr) -> tuple[Expr, Expr]:
    """(dividend, divisor) of a floor or remainder."""
    if isinstance(atom, symbolic.Mod):
        return atom.args
    numerator, denominator = symbolic.fraction(symbolic.together(atom.args[0]))
    return numerator, denominator


def _text(expression: Expr) -> str:
    """As the language would write it: `//` and `%` for floors and remainders."""
    if isinstance(expression, symbolic.floor | symbolic.Mod):
        top, bottom = (_operand(side) for side in _division(expression))
        return f"{top} {'%' if isinstance(expression, symbolic.Mod) else '//'} {bottom}"
    return str(expression)


def _operand(expression: Expr) -> str:
    text = str(expression)
    return text if expression.is_Symbol or expression.is_Integer else f"({text})"


def _bound(low: Expr, high: Expr) -> str:
    """Write low <= high, with n alone on its side where it is one."""
    if high == N:
        return f"n >= {_sum_text(low)}"
    if high.is_Symbol or not low.is_Integer:
        return f"{_sum_text(low)} <= {_sum_text(high)}"
    return f"{_sum_text(high)} >= {low}"


def _sum_text(expression: Expr) -> str:
    """A sum with what is added before what is taken away."""
    parts = [str(part) for part in symbolic.Add.make_args(expression)]
    ordered = sorted(parts, key=lambda part: (part.startswith("-"), part.lstrip("-").isdigit(), part))
    return " + ".join(ordered).replace("+ -", "- ")


def _shortest(expression: Expr) -> str:
    """The shortest of a few equal forms."""
    forms = [expression, symbolic.factor(expression)]
    for main in (N, *sorted((s for s in expression.free_symbols if str(s).startswith(QUOTIENT)), key=str)):
        polynomial = symbolic.collect(symbolic.expand(expression), main, evaluate=False)
        pieces = [symbolic.factor(part) * power for power, part in polynomial.items()]
        forms.append(symbolic.Add(*pieces, evaluate=False) if len(pieces) > 1 else symbolic.factor(expression))
    texts = [str(form) for form in forms]
    return min(texts, key=lambda text: len(text) + (LEADING_MINUS if text.startswith("-") else 0))
