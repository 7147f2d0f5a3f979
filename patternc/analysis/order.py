"""Orders of growth: the leading term of a formula when its parameters follow their definitions in n.

For: `Theta(n^(3/2))` with its constant. A definition like `isqrt(n)` is n^(1/2) to leading order; floors drop out of
the leading term, and where they do not (a remainder as large as what is kept, a quotient that stays small), or where
leading terms cancel, there is no order to be had: None. Not for: growth in anything but n.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

from patternc.analysis.expression import Expr, Formula, N, parameter, symbolic
from patternc.grammar import typed


@dataclass(frozen=True, slots=True)
class Leading:
    """coefficient * n^power * log(n)^logs, up to lower terms. `open`: times something between 0 and 1 nobody knows."""

    coefficient: Expr
    power: Fraction
    logs: int = 0
    open: bool = False

    @property
    def rank(self) -> tuple[Fraction, int]:
        """Larger grows faster."""
        return self.power, self.logs


class NoOrder(Exception):
    """There is no leading term to be had."""


def order(formula: Formula, definitions: Mapping[str, typed.Number]) -> Leading | None:
    """The leading term of a formula in n; parameters without a definition in n keep their names."""
    try:
        found = _sum(_term(term, definitions) for term in symbolic.Add.make_args(symbolic.expand(formula.expression)))
    except NoOrder:
        return None
    return None if found.open else found


def theta(leading: Leading) -> str:
    """As the language writes orders: n^(3/2), n*log(n)."""
    factors = [] if not leading.power else [_power("n", leading.power)]
    if leading.logs:
        factors.append(_power("log(n)", Fraction(leading.logs)))
    return f"Theta({'*'.join(factors) or '1'})"


def with_constant(leading: Leading) -> str:
    """The leading term itself."""
    factors = symbolic.Symbol(theta(leading)[len("Theta(") : -1])
    constant = symbolic.factor(symbolic.nsimplify(leading.coefficient))
    return str(constant * factors) if leading.power or leading.logs else str(constant)


def _power(base: str, power: Fraction) -> str:
    if power == 1:
        return base
    return f"{base}^{power}" if power.denominator == 1 else f"{base}^({power})"


def _sum(parts: Iterable[Leading]) -> Leading:
    """The fastest of the parts. Raises NoOrder where the fastest cancel, or are of unknown size."""
    listed = list(parts)
    top = max(part.rank for part in listed)
    fastest = [part for part in listed if part.rank == top]
    if any(part.open for part in fastest):
        raise NoOrder
    total = symbolic.expand(sum(part.coefficient for part in fastest))
    if total == 0:
        raise NoOrder
    return Leading(total, *top)


def _product(parts: Iterable[Leading]) -> Leading:
    total = Leading(symbolic.Integer(1), Fraction(0))
    for part in parts:
        coefficient = total.coefficient * part.coefficient
        total = Leading(coefficient, total.power + part.power, total.logs + part.logs, total.open or part.open)
    return total


def _raised(base: Leading, exponent: int) -> Leading:
    return Leading(base.coefficient**exponent, base.power * exponent, base.logs * exponent, base.open)


def _term(term: Expr, definitions: Mapping[str, typed.Number]) -> Leading:
    factors: list[Leading] = []
    for factor in symbolic.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        if not exponent.is_Integer:
            raise NoOrder
        factors.append(_raised(_atom(base, definitions), int(exponent)))
    return _product(factors)


def _atom(atom: Expr, definitions: Mapping[str, typed.Number]) -> Leading:
    if atom.is_Rational:
        return Leading(atom, Fraction(0))
    if atom == N:
        return Leading(symbolic.Integer(1), Fraction(1))
    if atom.is_Symbol:
        definition = definitions.get(str(atom))
        if definition is None or not _mentions_n(definition, definitions, frozenset({str(atom)})):
            return Leading(atom, Fraction(0))
        return _definition(definition, definitions)
    if isinstance(atom, symbolic.floor):
        inside = _sum(_term(part, definitions) for part in symbolic.Add.make_args(symbolic.expand(atom.args[0])))
        if inside.rank > (0, 0):
            return inside
        return Leading(atom, Fraction(0)) if not atom.has(N) and inside.power == 0 else _refuse()
    if isinstance(atom, symbolic.Mod):
        bound = _sum(_term(part, definitions) for part in symbolic.Add.make_args(symbolic.expand(atom.args[1])))
        return Leading(bound.coefficient, bound.power, bound.logs, open=True)
    return _sum(_term(part, definitions) for part in symbolic.Add.make_args(symbolic.expand(atom)))


def _refuse() -> Leading:
    raise NoOrder


def _mentions_n(number: typed.Number, definitions: Mapping[str, typed.Number], seen: frozenset[str]) -> bool:
    match number:
        case typed.Quantity(name):
            return name == "n"
        case typed.NumberParam(name):
            below = definitions.get(name)
            return below is not None and name not in seen and _mentions_n(below, definitions, seen | {name})
        case typed.Negative(operand):
            return _mentions_n(operand, definitions, seen)
        case typed.Arithmetic(operands) | typed.Function(_, operands):
            return any(_mentions_n(operand, definitions, seen) for operand in operands)
        case typed.Power(base, exponent):
            return _mentions_n(base, definitions, seen) or _mentions_n(exponent, definitions, seen)
        case _:
            return False


def _definition(number: typed.Number, definitions: Mapping[str, typed.Number]) -> Leading:
    """The leading term of a parameter's definition in n. Raises NoOrder where it follows n in no way known here."""

    def inner(part: typed.Number) -> Leading:
        return _definition(part, definitions)

    match number:
        case typed.Integer(value):
            return Leading(symbolic.Integer(value), Fraction(0))
        case typed.Quantity("n"):
            return Leading(symbolic.Integer(1), Fraction(1))
        case typed.NumberParam(name):
            return _atom(parameter(name), definitions)
        case typed.Negative(operand):
            found = inner(operand)
            return Leading(-found.coefficient, found.power, found.logs)
        case typed.Arithmetic(operands, signs):
            total = inner(operands[0])
            for sign, operand in zip(signs, operands[1:], strict=True):
                total = _arithmetic(sign, total, inner(operand))
            return total
        case typed.Power(base, typed.Integer(exponent)):
            return _raised(inner(base), exponent)
        case typed.Function("isqrt", (argument,)):
            found = inner(argument)
            grows = found.power > 0 and not found.logs
            return Leading(symbolic.sqrt(found.coefficient), found.power / 2) if grows else _refuse()
        case typed.Function("log2", (argument,)):
            found = inner(argument)
            grows = found.power > 0 and not found.logs
            return Leading(_over(found.power, symbolic.log(2)), Fraction(0), 1) if grows else _refuse()
        case typed.Function("ceildiv", (top, bottom)):
            return _arithmetic("//", inner(top), inner(bottom))
        case typed.Function(("min" | "max") as name, arguments):
            return _extreme(name, [inner(argument) for argument in arguments])
        case _:
            return _refuse()


def _over(power: Fraction, divisor: Expr) -> Expr:
    return symbolic.Rational(power.numerator, power.denominator) / divisor


def _arithmetic(sign: typed.Sign, left: Leading, right: Leading) -> Leading:
    match sign:
        case "+":
            return _sum((left, right))
        case "-":
            return _sum((left, Leading(-right.coefficient, right.power, right.logs)))
        case "*":
            return _product((left, right))
        case "//":
            quotient = _product((left, _raised(right, -1)))
            return quotient if quotient.rank > (0, 0) else _refuse()
        case "%":
            return _refuse()
        case _:
            assert_never(sign)


def _extreme(name: str, parts: list[Leading]) -> Leading:
    chosen = max(parts, key=lambda part: part.rank) if name == "max" else min(parts, key=lambda part: part.rank)
    same = [part for part in parts if part.rank == chosen.rank]
    return chosen if all(part.coefficient == chosen.coefficient for part in same) else _refuse()
