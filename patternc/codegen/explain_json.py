"""The figures of a plan as JSON: the `plan` part of a report, described by `analysis/report.schema.json`.

For: `analyse --json` and report.json of a compiled module. Not for: text for people. Keys are always present; what is
not known is null. Seconds are predicted, never measured.
"""

from __future__ import annotations

from typing import Any

from patternc.codegen.explain import GroupFigures, LaunchFigures, PlanFigures

Json = dict[str, Any]


def figures_to_json(figures: PlanFigures) -> Json:
    """The figures as plain values, in a fixed order of keys."""
    return {
        "target": figures.target,
        "dtype": figures.dtype,
        "head_dim": figures.head_dim,
        "layers": [
            {
                "layers": list(layer.layers),
                "pattern": layer.pattern,
                "groups": [_group(group) for group in layer.groups],
            }
            for layer in figures.layers
        ],
    }


def _group(group: GroupFigures) -> Json:
    return {"heads": list(group.heads), "launches": [_launch(launch) for launch in group.launches]}


def _launch(launch: LaunchFigures) -> Json:
    lattice, prediction = launch.lattice, launch.prediction
    return {
        "role": launch.role,
        "kernel": launch.kernel,
        "component": launch.component,
        "reason": launch.reason,
        "step": None if lattice is None else lattice.step,
        "tile": [launch.own_tile, launch.counterpart_tile],
        "items": launch.items,
        "shares": launch.shares,
        "tiles": {
            "full": launch.full,
            "interval": launch.interval,
            "bits": launch.bits,
            "gathered": launch.gathered,
        },
        "computed": launch.computed,
        "useful": launch.useful,
        "predicted_seconds": None if prediction is None else prediction.seconds,
        "bound": None if prediction is None else prediction.bound,
        "device": None if prediction is None else prediction.device,
    }
