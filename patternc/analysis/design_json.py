"""A design as JSON: schema `patternc.design/1`, described by `design.schema.json` beside this file.

For: `patternc design --json`. Not for: text for people. Keys are always present; what is not known, or did not have to
be found out, is null.
"""

from __future__ import annotations

from typing import Any

from patternc.analysis.design import UNCONNECTED, Design, Point, Tried
from patternc.analysis.proof import Proof

SCHEMA = "patternc.design/1"

Json = dict[str, Any]


def to_json(found: Design) -> Json:
    """The design as plain values, in a fixed order of keys."""
    return {
        "schema": SCHEMA,
        "model": found.model,
        "tokens": found.tokens,
        "causal": found.causal,
        "minimise": list(found.objectives),
        "lists": {name: list(numbers) for name, numbers in found.lists},
        "expectations": list(found.expectations),
        "choices": found.choices,
        "judged": found.judged,
        "interrupted": found.interrupted,
        "best": None if found.best is None else _point(found.best),
        "frontier": [_point(point) for point in found.frontier],
        "excluded": [{"text": each.text, "code": each.code, "count": each.count} for each in found.excluded],
        "tried": [_tried(each, found) for each in found.tried],
        "closed_form": {"choices": found.by_formula, "checks": found.checks},
        "for_all_n": found.proof.here.depth if isinstance(found.proof, Proof) else None,
        "device": found.device,
    }


def _point(point: Point) -> Json:
    return {
        "params": dict(point.chosen),
        "depth": point.depth,
        "connected": point.connected,
        "pairs": point.pairs,
        "forward_seconds": point.forward_seconds,
        "backward_seconds": point.backward_seconds,
        "cache_keys": point.cache,
    }


def _tried(each: Tried, found: Design) -> Json:
    first, second = found.objectives
    return {
        "params": dict(each.chosen),
        first: _number(each.first),
        second: _number(each.second),
        "meets": each.meets,
    }


def _number(value: float | None) -> float | None:
    """An objective; a model that is not connected has no depth."""
    return None if value is None or value == UNCONNECTED else value
