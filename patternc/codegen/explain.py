"""What a plan does and why: the launches of each layer in figures.

For: `patternc analyse` and anyone who asks why a pattern runs as it does. Everything counted here is read off the
tables that run. Not for: predicting (`predict.py`), choosing (`choice.py`) or rendering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from patternc.codegen.lower import Lowered
from patternc.codegen.plan import Dtype, Lattice, Launch, LayerPlan, Role
from patternc.codegen.predict import Prediction, predict, tile_kinds
from patternc.codegen.tables import PAIRS

if TYPE_CHECKING:
    from patternc.analysis.difference import Predicted


@dataclass(frozen=True, slots=True)
class LaunchFigures:
    """One launch, in figures for one head.

    `component` is what it computes and `reason` why that way; `lattice` is None on tiles of neighbours. `items` counts
    programs, `shares` those that compute a share of a hub. `full` to `gathered` are counterpart tiles, `computed` the
    pairs they hold, `useful` those of the pattern among them. `prediction` is for all heads of the group.
    """

    role: Role
    kernel: str
    component: str
    reason: str
    lattice: Lattice | None
    own_tile: int
    counterpart_tile: int
    items: int
    shares: int
    full: int
    interval: int
    bits: int
    gathered: int
    computed: int
    useful: int
    prediction: Prediction | None


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """The heads of a layer that share a pattern, and their launches, forward first."""

    heads: tuple[int, ...]
    launches: tuple[LaunchFigures, ...]

    def of(self, role: Role) -> tuple[LaunchFigures, ...]:
        """The launches of a role, in the order they run."""
        return tuple(launch for launch in self.launches if launch.role == role)


@dataclass(frozen=True, slots=True)
class LayerFigures:
    """Layers that are planned alike. `layers` are their places in the plan."""

    layers: tuple[int, ...]
    pattern: str
    groups: tuple[GroupFigures, ...]


@dataclass(frozen=True, slots=True)
class PlanFigures:
    """What a plan was made for, and its distinct layers."""

    target: str
    dtype: Dtype
    head_dim: int
    layers: tuple[LayerFigures, ...]


def explain_plan(lowered: Lowered) -> PlanFigures:
    """The figures of every distinct layer of a plan, in the order of the plan."""
    explained: list[LayerFigures] = []
    for number, layer in enumerate(lowered.plan.distinct):
        layers = tuple(place for place, index in enumerate(lowered.plan.layers) if index == number)
        groups = tuple(
            GroupFigures(group.heads, _launches(group.launches, len(group.heads), layer, lowered))
            for group in layer.groups
        )
        explained.append(LayerFigures(layers, layer.pattern, groups))
    first = lowered.plan.distinct[0]
    return PlanFigures(first.target, first.dtype, first.head_dim, tuple(explained))


def predicted(figures: PlanFigures) -> Predicted | None:
    """What all layers of a plan should take together; None for a target without predictions."""
    from patternc.analysis.difference import Predicted  # sympy, which explaining a plan does without

    forward = backward = 0.0
    device = None
    for layer in figures.layers:
        for launch in (launch for group in layer.groups for launch in group.launches):
            if launch.prediction is None:
                return None
            device = launch.prediction.device
            if launch.role == "forward":
                forward += launch.prediction.seconds * len(layer.layers)
            else:
                backward += launch.prediction.seconds * len(layer.layers)
    return None if device is None else Predicted(device, forward, backward)


def _launches(launches: Sequence[Launch], heads: int, layer: LayerPlan, lowered: Lowered) -> tuple[LaunchFigures, ...]:
    figures: list[LaunchFigures] = []
    for launch in launches:
        tables, kernel = lowered.tables[launch.tables], launch.kernel
        items = tables.items.astype(np.int64)
        full, interval, bits, gathered = (int(count) for count in tile_kinds(items).sum(axis=0))
        note = lowered.notes.get(launch.tables)
        figures.append(
            LaunchFigures(
                role=kernel.role,
                kernel=kernel.name,
                component="" if note is None else note.component,
                reason="" if note is None else note.reason,
                lattice=kernel.lattice,
                own_tile=kernel.own_tile,
                counterpart_tile=kernel.counterpart_tile,
                items=items.shape[0],
                shares=launch.slots,
                full=full,
                interval=interval,
                bits=bits,
                gathered=gathered,
                computed=(full + interval + bits + gathered) * kernel.own_tile * kernel.counterpart_tile,
                useful=int(items[:, PAIRS].sum()),
                prediction=predict(tables, kernel, layer, heads),
            )
        )
    return tuple(figures)
