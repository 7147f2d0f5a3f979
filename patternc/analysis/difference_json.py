"""A difference as JSON: schema `patternc.diff/1`, described by `difference.schema.json` beside this file.

For: `patternc diff --json`. Not for: text for people. Keys are always present; what is not known is null.
"""

from __future__ import annotations

from typing import Any

from patternc.analysis.difference import Difference, Group, Predicted, Recounted, Side
from patternc.analysis.growth import Growth
from patternc.analysis.reach import Pair

SCHEMA = "patternc.diff/1"

Json = dict[str, Any]


def to_json(difference: Difference) -> Json:
    """The difference as plain values, in a fixed order of keys."""
    return {
        "schema": SCHEMA,
        "equal": difference.equal,
        "comparable": difference.comparable,
        "settings": [{"name": each.name, "a": each.a, "b": each.b} for each in difference.settings],
        "groups": [_group(group) for group in difference.groups],
        "a": _side(difference.a),
        "b": _side(difference.b),
    }


def _group(group: Group) -> Json:
    return {
        "layers": list(group.layers),
        "heads": list(group.heads),
        "pattern_a": group.pattern_a,
        "pattern_b": group.pattern_b,
        "both": group.shared.both,
        "only_a": group.shared.only_a,
        "only_b": group.shared.only_b,
        "recounted": group.shared.recounted,
        "first_only_a": _pair(group.shared.first_only_a),
        "first_only_b": _pair(group.shared.first_only_b),
        "first_recounted": _recounted(group.shared.first_recounted),
    }


def _pair(pair: Pair | None) -> Json | None:
    return None if pair is None else {"query": pair[0], "key": pair[1]}


def _recounted(first: Recounted | None) -> Json | None:
    if first is None:
        return None
    return {"query": first.pair[0], "key": first.pair[1], "times_a": first.a, "times_b": first.b}


def _side(side: Side) -> Json:
    return {
        "model": side.model,
        "tokens": side.tokens,
        "layers": side.layers,
        "heads": side.heads,
        "pairs": side.pairs,
        "density": float(side.density),
        "depth": side.reach.depth,
        "complete": side.reach.complete,
        "missing": _pair(side.reach.missing),
        "growth": [_growth(growth, side.tokens) for growth in side.reach.growth],
        "reach_method": side.reach.method,
        "cache_keys": None if side.cache is None else side.cache.most,
        "cache_total": None if side.cache is None else side.cache.total,
        "cache_method": side.cache_method,
        "predicted": _predicted(side.predicted),
    }


def _growth(growth: Growth, tokens: int) -> Json:
    return {"layer": growth.layer, "min": growth.least, "mean": growth.total / tokens, "max": growth.most}


def _predicted(predicted: Predicted | None) -> Json | None:
    if predicted is None:
        return None
    return {"device": predicted.device, "forward_seconds": predicted.forward, "backward_seconds": predicted.backward}
