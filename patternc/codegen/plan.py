"""KernelPlan: every decision about how a schedule runs, taken before any text is written or any kernel launched.

For: the closed description that three consumers read: `triton_*.py` (writes kernels.py from `KernelSpec`s), the CUDA
launcher and the CPU target (`patternc.runtime`), and plan.json. Not for: taking the decisions (`lower.py`) or holding
the arrays (`tables.py`). Everything here is a frozen value that survives JSON (`plan_to_json`, `plan_from_json`).

Vocabulary. A *launch* is one grid over items. An *item* is one *own* tile (the rows a program keeps: queries in
`forward` and `dq`, keys in `dkv`) with the list of *counterpart* tiles it visits. Spans of counterpart tiles, in this
order: *full* (no mask), *interval* (each own row keeps the counterparts lo(row) <= position < hi(row)), *bits* (a
bit per pair, looked up), and *gathered* (counterpart positions listed one by one, always with bits).

The rows of a tile are neighbours, or, on a *lattice* of step s, positions of one residue class modulo s: the pairs of a
stride or of a dilated window lie side by side there. Each lattice is a launch of its own. The launches of a role run in
order: the first stores, every later one *accumulates*, starting from what the earlier ones left of its rows (the state
of the softmax in `forward`, float32 sums in `dq` and `dkv`). An expensive item is split in *slots*: each computes its
share of the counterparts from nothing, and a merge adds the shares of a tile up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["forward", "dq", "dkv"]
Dtype = Literal["float16", "bfloat16", "float32", "float64"]

PLAN_SCHEMA = "patternc.plan/1"


@dataclass(frozen=True, slots=True)
class Shift:
    """position + offset."""

    offset: int


@dataclass(frozen=True, slots=True)
class ChunkStart:
    """position // size * size + offset."""

    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class Constant:
    """A fixed position."""

    value: int


Bound = Shift | ChunkStart | Constant


@dataclass(frozen=True, slots=True)
class RowInterval:
    """The counterparts a row keeps in interval tiles: max(lows) <= counterpart < min(highs), within [0, n).

    An empty tuple means no bound on that side. `position` in the bounds is the own row's (i in forward and dq, j in
    dkv).
    """

    lows: tuple[Bound, ...]
    highs: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Lattice:
    """Where the rows of a tile are: row r of a tile at `origin` is position origin + (r % run) * step + r // run.

    `own_run` and `counterpart_run` are powers of two up to the tile. A run as long as the tile keeps a tile within one
    residue class modulo `step`; a shorter one packs tile / run neighbouring classes in a tile.
    """

    step: int
    own_run: int
    counterpart_run: int


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """What the text of one kernel depends on; equal specs are one kernel in kernels.py.

    `own` "gathered" means that own rows are a list of positions (the item's origin is a row of `gather`), else they
    start at the origin: neighbours, or positions on `lattice`, which counterpart tiles then are on, too (gathered ones
    are not). `full`, `interval`, `bits`, `gathered` say which spans occur in its tables: absent ones leave no loop
    behind. `accumulate`: starts from what earlier launches left. `slots`: items may be shares of a tile. `sinks`
    (forward): a logit per query head enters the denominator, in the first launch of a chain. `soft_cap`: scores are
    capped, cap * tanh(score / cap); how high is an argument of the launch.
    """

    role: Role
    name: str
    own: Literal["contiguous", "gathered"]
    own_tile: int
    counterpart_tile: int
    head_dim: int
    full: bool
    interval: RowInterval | None
    bits: bool
    gathered: bool
    accumulate: bool
    sinks: bool
    num_warps: int
    num_stages: int
    lattice: Lattice | None = None
    slots: bool = False
    soft_cap: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel over one table set. `tables` names the table set in the module (`TableSet.name`).

    `slots` is how many slots its split items have together, 0 where none is split.
    """

    kernel: KernelSpec
    tables: str
    slots: int = 0


@dataclass(frozen=True, slots=True)
class HeadGroup:
    """The query heads of a layer that share one pattern, and what runs for them.

    `heads` ascending query heads. The launches of a role run in order; every later one accumulates. Together those of
    `forward`, and those of `dq`, have every query: the first one and the last one have an item for each.
    """

    heads: tuple[int, ...]
    forward: tuple[Launch, ...]
    dq: tuple[Launch, ...]
    dkv: tuple[Launch, ...]

    @property
    def launches(self) -> tuple[Launch, ...]:
        """Every launch, forward first."""
        return (*self.forward, *self.dq, *self.dkv)


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """Everything that running one layer needs beside its tables. Layers that are equal share one LayerPlan.

    `target` is "cpu", "cuda:80", "cuda:90", ...; `pattern` the text shown in messages.
    """

    schema: str
    target: str
    dtype: Dtype
    tokens: int
    heads: int
    kv_heads: int
    head_dim: int
    pattern: str
    groups: tuple[HeadGroup, ...]


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """All layers of a module: `layers[l]` indexes `distinct`."""

    distinct: tuple[LayerPlan, ...]
    layers: tuple[int, ...]
