"""Notes: what a launch computes and why that way, in words.

For: `explain.py`. Not for: figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from patternc.algebra import relation as r
from patternc.algebra.normalise import Normal
from patternc.algebra.predicate import components
from patternc.codegen.choice import Choice
from patternc.codegen.walks import Walk, Walks


@dataclass(frozen=True, slots=True)
class Note:
    """For people: what a launch computes, and why that way; `reason` is empty where there was nothing to choose."""

    component: str
    reason: str


def notes_of(walks: Walks, normals: Sequence[Normal], choices: Sequence[Choice]) -> dict[str, Note]:
    """The notes of a pattern's launches by table name, with the choices that were made for its strides.

    `normals` are the branches of a sum, nearly always one.
    """
    by_queries = {walk.tables.name: _note(walk, normals, choices) for walk in (*walks.forward, *walks.dq)}
    # Listed keys are counterparts in forward and dq; in dkv they own a launch.
    unkeyed = [replace(normal, keyed=None) for normal in normals]
    by_keys = {walk.tables.name: _note(walk, normals if walk.gathered_own else unkeyed, choices) for walk in walks.dkv}
    return by_queries | by_keys


def _note(walk: Walk, normals: Sequence[Normal], choices: Sequence[Choice]) -> Note:
    if walk.lattice is not None:
        step = walk.lattice.step
        reasons = [choice.reason for choice in choices if choice.step == step]
    elif walk.gathered_own:
        reasons = list[str]()
    else:
        reasons = [choice.reason for choice in choices if not choice.on_lattice]
    branches = ["; ".join(components(_part(walk, normal))) for normal in normals]
    # A branch that has nothing in this launch is not spoken of; one that is there twice, twice.
    return Note(" + ".join(branch for branch in branches if branch), "; ".join(dict.fromkeys(reasons)))


def _part(walk: Walk, normal: Normal) -> Normal:
    """What a launch computes of one branch."""
    nothing = Normal(normal.n, r.EMPTY, None, None, None)
    if walk.lattice is not None:
        step = walk.lattice.step
        return replace(nothing, strided=tuple(one for one in normal.strided if one.step == step))
    return replace(nothing, keyed=normal.keyed) if walk.gathered_own else replace(normal, strided=())
