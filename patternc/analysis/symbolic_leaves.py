"""What lines and tiles share: relations with values in them, and the distances of a window.

For: `symbolic_patterns.py` (positions as they are) and `symbolic_tiles.py` (positions as tile and place). Not for:
lifts and operators.
"""

from __future__ import annotations

import islpy as isl

from patternc.analysis.symbolic_values import Number, Scope, World, number, plus, product, quotient, whole
from patternc.grammar import typed

Leaf = typed.Constant | typed.Local | typed.Window | typed.Residues | typed.Chunks | typed.Positions
"""The patterns that hold no other."""

LINE = "[i] -> [j]"
"""Coordinates of positions: query i, key j."""


def relation(world: World, condition: str, coordinates: str = LINE, **values: Number) -> isl.Map:
    """The pairs for which `condition` holds; `{name}` in it stands for a value."""
    functions = {name: value for name, value in values.items() if isinstance(value, isl.PwAff)}
    shown = {name: f"v_{name}" if name in functions else str(value) for name, value in values.items()}
    symbols = ", ".join((*world.symbols, *(f"v_{name}" for name in functions)))
    text = f"[{symbols}] -> {{ {coordinates} : {condition.format(**shown)} }}"
    found = isl.Map.read_from_str(world.context, text)
    for name, value in functions.items():
        bound = isl.PwAff.read_from_str(world.context, f"[{symbols}] -> {{ [(v_{name})] }}")
        found = found.intersect_params(bound.eq_set(value))
    for name in functions:
        found = found.project_out(isl.dim_type.param, found.find_dim_by_name(isl.dim_type.param, f"v_{name}"), 1)
    return found.coalesce()


def window(
    world: World, scope: Scope, n: Number | None, causal: bool, pattern: typed.Local | typed.Window
) -> tuple[Number, Number, int]:
    """The distances i - j of a window at a place of length n: the least, the greatest, and their step."""
    step = 1 if pattern.dilation is None else whole(number(world, scope, n, pattern.dilation), "a dilation")
    if isinstance(pattern, typed.Window):
        sides = [0 if each is None else number(world, scope, n, each) for each in (pattern.ahead, pattern.back)]
        ahead, back = (product(world, step, world.at_least(side, 0)) for side in sides)
        return product(world, -1, ahead), back, step
    width = world.at_least(number(world, scope, n, pattern.width), 1)
    if causal if pattern.direction is None else pattern.direction == "causal":
        return 0, product(world, step, plus(world, width, -1)), step
    reach = product(world, step, quotient(world, width, 2))
    return product(world, -1, reach), reach, step
