"""Quality: how well a model connects what it connects.

For: the measures that say more than whether there is a path, as one value of the report. Not for: how each is had
(`bottleneck.py`, `exposure.py`, `spectrum.py`, `rollout.py`), or what follows from counts alone (`measures.py`,
`balance.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.analysis.bottleneck import Bottleneck, bottleneck
from patternc.analysis.exposure import Exposure, exposure
from patternc.analysis.facts import Facts
from patternc.analysis.measures import Hubs
from patternc.analysis.rollout import Rollout, rollout
from patternc.analysis.spectrum import Gap, spectral_gap
from patternc.analysis.stages import stage


@dataclass(frozen=True, slots=True)
class Quality:
    """The measures; each says how it was had, or why it was not."""

    bottleneck: Bottleneck
    exposure: Exposure
    gap: Gap
    rollout: Rollout


def quality(facts: Facts, hubs: Hubs) -> Quality:
    """The measures of the schedule of `facts`, whose hubs these are."""
    schedule, layers, tokens, reach = facts.schedule, facts.layers, facts.schedule.tokens, facts.reach
    stage("looking for bottlenecks")
    paths = bottleneck(layers, tokens, schedule.causal)
    stage("following keys without hubs")
    exposed = exposure(layers, tokens, facts.target, hubs.keys, reach)
    stage("measuring how blocks of tokens mix")
    gap = spectral_gap(layers, tokens, schedule.causal, hubs.keys)
    stage("following even attention back")
    return Quality(paths, exposed, gap, rollout(schedule))
