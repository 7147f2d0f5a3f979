"""The report of a checked program: what only the program can say, handed to `report`.

For: elaborating it at other lengths and parameters (formulas that name parameters, crop stability) and its parameters'
definitions (orders of growth). Not for: programs that are not there any more: `report` takes a schedule alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from patternc.algebra.elaborate import Elaborated, bind_parameters, elaborate
from patternc.algebra.schedule import Schedule
from patternc.analysis.crop import Cropped, crop
from patternc.analysis.prove import prove
from patternc.analysis.reach import Pair
from patternc.analysis.report import Report, report
from patternc.analysis.tile_counts import TileCounter, on_neighbours
from patternc.diagnostics import Diagnostic
from patternc.grammar import typed


def report_program(
    program: typed.Program,
    elaborated: Elaborated,
    path: Pair | None = None,
    warnings: Sequence[Diagnostic] = (),
    tiles: TileCounter = on_neighbours,
) -> Report:
    """The report of `elaborated.schedule`, which `program` was elaborated to.

    `path` (key, query) asks for a path, `warnings` are what is known already, `tiles` counts the tiles of a plan.
    Raises what `report` raises.
    """
    schedule = elaborated.schedule
    assert schedule is not None
    bound = bind_parameters(program, dict(elaborated.parameters))

    def at(tokens: int, params: Mapping[str, int]) -> Schedule | None:
        return elaborate(bound, tokens, params, schedule.head_dim).schedule

    def cropped(tokens: int) -> Schedule | None:
        return elaborate(bound, tokens, {}, schedule.head_dim, clip_ids=True).schedule

    stable: Cropped = crop(bound, schedule, cropped)
    return report(
        schedule,
        elaborated.expectations,
        path=path,
        at=at,
        definitions=definitions(program, elaborated),
        cropped=stable,
        warnings=warnings,
        tiles=tiles,
        proof=prove(program, elaborated),
    )


def definitions(program: typed.Program, elaborated: Elaborated) -> dict[str, typed.Number]:
    """The parameters that follow their definitions: those with the value that the program itself gives them."""
    assert elaborated.schedule is not None
    own = dict(elaborate(program, elaborated.schedule.tokens).parameters)
    values = dict(elaborated.parameters)
    return {
        param.name: param.value
        for param in program.params
        if not isinstance(param.value, typed.Ids) and own.get(param.name) == values[param.name]
    }
