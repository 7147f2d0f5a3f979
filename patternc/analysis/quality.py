"""Quality: how well a model connects what it connects.

For: the measures that say more than whether there is a path, as one value of the report. Not for: how each is had
(`bottleneck.py`, `rollout.py`), or what follows from counts alone (`measures.py`, `balance.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.analysis.bottleneck import Bottleneck, bottleneck
from patternc.analysis.facts import Facts
from patternc.analysis.rollout import Rollout, rollout


@dataclass(frozen=True, slots=True)
class Quality:
    """The measures; each says how it was had, or why it was not."""

    bottleneck: Bottleneck
    rollout: Rollout


def quality(facts: Facts) -> Quality:
    """The measures of the schedule of `facts`."""
    return Quality(bottleneck(facts.layers, facts.schedule.tokens), rollout(facts.schedule))
