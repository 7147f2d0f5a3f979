"""The measures of quality and balance as JSON: parts of the schema `patternc.report/1`.

For: `report_json.py`. Not for: text for people (`cli/sentences_quality.py`).
"""

from __future__ import annotations

from typing import Any

from patternc.analysis.balance import Balance
from patternc.analysis.bottleneck import Bottleneck
from patternc.analysis.exposure import Exposure
from patternc.analysis.quality import Quality
from patternc.analysis.rollout import Influence, Rollout
from patternc.analysis.spectrum import Gap

Json = dict[str, Any]


def quality_json(quality: Quality) -> Json:
    """Each measure under its name, with its own method."""
    return {
        "bottleneck": _bottleneck(quality.bottleneck),
        "exposure": _exposure(quality.exposure),
        "spectral_gap": _gap(quality.gap),
        "rollout": _rollout(quality.rollout),
    }


def balance_json(balance: Balance) -> Json:
    """The busiest tile row of a head."""
    return {
        "rows": balance.rows,
        "pairs": None if balance.pairs is None else float(balance.pairs),
        "tiles": None if balance.tiles is None else float(balance.tiles),
        "busiest": balance.busiest,
    }


def _bottleneck(found: Bottleneck) -> Json:
    return {
        "paths": found.paths,
        "at_least": found.at_least,
        "at_most": found.at_most,
        "after_layer": found.after,
        "method": found.method,
        "exact": found.exact,
    }


def _exposure(found: Exposure) -> Json:
    return {
        "hubs": [[start, stop] for start, stop in found.hubs],
        "connected": found.connected,
        "lost": found.lost,
        "share": None if found.share is None else float(found.share),
        "depth_without": found.depth,
        "method": found.method,
        "exact": found.exact,
    }


def _gap(found: Gap) -> Json:
    return {
        "blocks": found.blocks,
        "block": found.block,
        "gap": found.gap,
        "without_hubs": found.without,
        "method": found.method,
        "exact": found.exact,
    }


def _rollout(found: Rollout) -> Json:
    return {
        "nominal": found.nominal,
        "with_residual": _influence(found.mixed),
        "attention_alone": _influence(found.attention),
        "method": found.method,
        "exact": found.exact,
    }


def _influence(found: Influence | None) -> Json | None:
    return None if found is None else {"half_within": found.half, "most_within": found.most, "first_token": found.first}
