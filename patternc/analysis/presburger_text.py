"""Conditions and positions of a proof as people write them: `n >= 4 w - 2`, not `-2 + 4w_ <= n`.

For: `prove.py`. Not for: deciding anything. What has integer divisions in it that no name stands for is shown in isl's
own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import islpy as isl

_PARAM = isl.dim_type.param


def condition_text(where: isl.Set) -> str:
    """A set over the symbols as a condition; "" where it always holds."""
    pieces = [_piece(piece) for piece in where.coalesce().compute_divs().get_basic_sets()]
    if any(piece is None for piece in pieces):
        return _in_isl(str(where.coalesce()))
    written = [" and ".join(piece) for piece in pieces if piece is not None]
    if len(written) == 1:
        return written[0]
    return " or ".join(f"({each})" if " and " in each else each for each in sorted(written))


def grouped(text: str) -> str:
    """The text with its numbers in groups of three digits."""
    return re.sub(r"\b\d{4,}\b", lambda number: f"{int(number[0]):,}", text)


def position_text(value: isl.Aff) -> str:
    """A position in terms of the symbols."""
    if value.dim(isl.dim_type.div) or value.get_denominator_val().to_python() != 1:
        return _in_isl(str(value)).removeprefix("[(").removesuffix(")]")
    coefficients = {name: value.get_coefficient_val(_PARAM, at).to_python() for at, name in _params(value).items()}
    return _sum(coefficients, value.get_constant_val().to_python())


def _piece(piece: isl.BasicSet) -> list[str] | None:
    """The conditions of a convex set; None where it has divisions."""
    if piece.dim(isl.dim_type.div):
        return None
    return sorted(_constraint(constraint) for constraint in piece.get_constraints())


def _constraint(constraint: isl.Constraint) -> str:
    """Sum >= 0, or sum = 0, solved for n, or else for the first symbol that has no factor."""
    coefficients = {
        name: value
        for at, name in _params(constraint).items()
        if (value := constraint.get_coefficient_val(_PARAM, at).to_python())
    }
    constant = constraint.get_constant_val().to_python()
    alone = [name for name in ("n", *coefficients) if abs(coefficients.get(name, 0)) == 1]
    if not alone:
        sign = "=" if constraint.is_equality() else ">="
        left = {name: value for name, value in coefficients.items() if value > 0}
        right = {name: -value for name, value in coefficients.items() if value < 0}
        return f"{_sum(left, max(constant, 0))} {sign} {_sum(right, max(-constant, 0))}"
    name = alone[0]
    up = coefficients.pop(name) > 0
    factor = -1 if up else 1
    rest = _sum({each: factor * value for each, value in coefficients.items()}, factor * constant)
    sign = "=" if constraint.is_equality() else ">=" if up else "<="
    return f"{_shown(name)} {sign} {rest}"


def _params(value: isl.Constraint | isl.Aff) -> dict[int, str]:
    space = value.get_space()
    return {at: name for at in range(space.dim(_PARAM)) if (name := space.get_dim_name(_PARAM, at)) is not None}


def _sum(coefficients: Mapping[str, int], constant: int) -> str:
    """2 n - w + 3; terms in order of their names, a positive one first where there is one."""
    terms = [(value, _shown(name)) for name, value in sorted(coefficients.items()) if value]
    terms.sort(key=lambda term: term[0] < 0)
    if constant or not terms:
        terms.insert(0 if constant > 0 and all(value < 0 for value, _ in terms) else len(terms), (constant, ""))
    text = ""
    for value, name in terms:
        size = abs(value)
        shown = str(size) if not name else name if size == 1 else f"{size} {name}"
        text += (f" {'-' if value < 0 else '+'} " if text else "-" if value < 0 else "") + shown
    return text


def _shown(name: str) -> str:
    return name.removesuffix("_")


def _in_isl(text: str) -> str:
    """What isl prints between its braces, with the program's own names."""
    inside = text[text.index("{") + 1 : text.rindex("}")].strip().removeprefix(":").strip()
    return re.sub(r"\b([A-Za-z]\w*?)_\b", r"\1", re.sub(r"(\d)([A-Za-z])", r"\1 \2", inside))
