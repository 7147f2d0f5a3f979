"""Lowering: a schedule becomes a plan and the tables its launches walk.

For: deciding launches, spans, tile shapes and sharing; everything decided here is data in `plan.py` and `tables.py`.
Not for: deciding tiles (`analysis/tiles.py`) or writing kernels (`triton_*.py`).

Which launches a pattern becomes is the business of `walks.py`; whether a stride runs on a lattice, of `choice.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, Budget, refuse, work_for
from patternc.algebra.normalise import normalise_sum
from patternc.algebra.schedule import Schedule
from patternc.codegen.choice import Choice, choose
from patternc.codegen.cost import TileShape, tile_shape
from patternc.codegen.names import kernel_name
from patternc.codegen.notes import Note, notes_of
from patternc.codegen.plan import PLAN_SCHEMA, Dtype, HeadGroup, KernelSpec, Launch, LayerPlan, ModulePlan, Role
from patternc.codegen.tables import BITS, END, FULL, GATHER, GATHER_END, INTERVAL, SLOT, TableSet
from patternc.codegen.walks import Shapes, SharedWalks, Walk, Walks, build_walks

LONGEST = 1 << 30
"""Tokens: twice a position still fits 32 bits, which bounds of intervals rely on."""


@dataclass(frozen=True, slots=True)
class Lowered:
    """A plan, and its tables by name."""

    plan: ModulePlan
    tables: dict[str, TableSet]
    notes: dict[str, Note] = field(default_factory=dict[str, Note])
    """By table name: what its launch computes, and why that way. None where the plan was read from a file."""


@dataclass(frozen=True, slots=True)
class Launches:
    """What runs for one pattern."""

    forward: tuple[Launch, ...]
    dq: tuple[Launch, ...]
    dkv: tuple[Launch, ...]


def lower(
    schedule: Schedule,
    *,
    target: str,
    dtype: Dtype,
    head_dim: int,
    sinks: bool = False,
    soft_cap: bool = False,
    layers: Sequence[int] | None = None,
    shapes: Shapes | None = None,
    budget: Budget = DEFAULT_BUDGET,
    lattices: bool = True,
    slots: bool = True,
    backward: bool = True,
) -> Lowered:
    """Plan every layer of `schedule` (or only `layers`: `plan.layers` is then in that order).

    `target` is "cpu" or "cuda:<sm>"; `sinks` adds a logit per query head to the denominator, `soft_cap` caps scores;
    `shapes` overrides the cost model's tile shapes (own tiles a power of two >= 16, counterpart tiles >= 32);
    `lattices` lets strides run on tiles of residue classes, `slots` lets programs share hubs: both are off only to
    measure what they are worth. Without `backward` no launch of gradients is planned: for figures of the forward pass.
    Raises TileBudgetError for what would cost too much, ValueError for a head_dim or dtype without kernels.
    """
    if schedule.tokens > LONGEST:
        raise refuse("tokens", schedule.tokens, LONGEST, "positions are 32-bit integers")
    if shapes is None:
        shapes = choose_shapes(target, dtype, head_dim, schedule.tokens)
    chosen = range(schedule.layers) if layers is None else layers
    # Patterns written differently may have the same branches; the first of them stands for all.
    first_with: dict[tuple[r.Relation, ...], int] = {}
    for index in sorted({index for layer in chosen for index in schedule.table[layer]}):
        first_with.setdefault(schedule.patterns[index].relations, index)

    tables: dict[str, TableSet] = {}
    notes: dict[str, Note] = {}
    shared: SharedWalks = {}
    kernels: dict[KernelSpec, str] = {}
    launches: dict[int, Launches] = {}
    for index in first_with.values():
        pattern = schedule.patterns[index]
        with work_for(index):
            choices: list[Choice] = []
            takes = choose(shapes.forward, choices) if lattices else None
            normals = normalise_sum(pattern.relations, schedule.tokens, takes)
            programs = target != "cpu"
            name = f"p{index}"
            split = slots and programs
            walks = build_walks(
                name,
                normals,
                shapes,
                intervals=programs,
                split=split,
                backward=backward,
                shared=shared,
                budget=budget,
            )
        tables |= {walk.tables.name: walk.tables for walk in walks.all}
        notes = notes_of(walks, normals, choices) | notes
        launches[index] = _launches(walks, pattern.text, shapes, head_dim, sinks, soft_cap, kernels)

    distinct: dict[tuple[int, ...], int] = {}
    plans: list[LayerPlan] = []
    order: list[int] = []
    for layer in chosen:
        row = tuple(first_with[schedule.patterns[index].relations] for index in schedule.table[layer])
        if row not in distinct:
            distinct[row] = len(plans)
            plans.append(_layer_plan(schedule, row, launches, kernels, target, dtype, head_dim))
        order.append(distinct[row])
    return Lowered(ModulePlan(tuple(plans), tuple(order)), tables, notes)


def choose_shapes(target: str, dtype: Dtype, head_dim: int, tokens: int) -> Shapes:
    """The cost model's shapes for all roles."""
    roles: tuple[Role, Role, Role] = ("forward", "dq", "dkv")
    return Shapes(*(tile_shape(target, dtype, head_dim, role, tokens) for role in roles))


def _launches(
    walks: Walks,
    text: str,
    shapes: Shapes,
    head_dim: int,
    sinks: bool,
    soft_cap: bool,
    kernels: dict[KernelSpec, str],
) -> Launches:
    """Give every walk its kernel; equal specifications share one, under the name of the first pattern that needs it."""

    def launch(role: Role, walk: Walk, shape: TileShape, accumulate: bool) -> Launch:
        items = walk.tables.items
        spec = KernelSpec(
            role=role,
            name="",
            own="gathered" if walk.gathered_own else "contiguous",
            own_tile=walk.tables.own_tile,
            counterpart_tile=walk.tables.counterpart_tile,
            head_dim=head_dim,
            full=bool((items[:, INTERVAL] > items[:, FULL]).any()),
            interval=walk.interval,
            bits=bool((items[:, END] > items[:, BITS]).any()),
            gathered=bool((items[:, GATHER_END] > items[:, GATHER]).any()),
            accumulate=accumulate,
            sinks=sinks and role == "forward" and not accumulate,
            num_warps=shape.num_warps,
            num_stages=shape.num_stages,
            lattice=walk.lattice,
            slots=walk.tables.merges.shape[0] > 1,
            soft_cap=soft_cap,
        )
        if spec not in kernels:
            kernels[spec] = kernel_name(role, text, set(kernels.values()))
        return Launch(replace(spec, name=kernels[spec]), walk.tables.name, int((items[:, SLOT] >= 0).sum()))

    return Launches(
        tuple(launch("forward", walk, shapes.forward, place > 0) for place, walk in enumerate(walks.forward)),
        tuple(launch("dq", walk, shapes.dq, place > 0) for place, walk in enumerate(walks.dq)),
        tuple(launch("dkv", walk, shapes.dkv, place > 0) for place, walk in enumerate(walks.dkv)),
    )


def _adding(dkv: tuple[Launch, ...], text: str, kernels: dict[KernelSpec, str]) -> tuple[Launch, ...]:
    """The launches, the first one too adding to what is there: an earlier group has heads of the same kv head."""
    first, *rest = dkv
    spec = replace(first.kernel, accumulate=True, name="")
    if spec not in kernels:
        kernels[spec] = kernel_name("dkv", text, set(kernels.values()))
    return (replace(first, kernel=replace(spec, name=kernels[spec])), *rest)


def _layer_plan(
    schedule: Schedule,
    row: tuple[int, ...],
    launches: dict[int, Launches],
    kernels: dict[KernelSpec, str],
    target: str,
    dtype: Dtype,
    head_dim: int,
) -> LayerPlan:
    """The plan of a layer whose heads have the patterns `row`."""
    groups: list[HeadGroup] = []
    texts: list[str] = []
    written: set[int] = set()
    for index in dict.fromkeys(row):
        heads = tuple(head for head, of in enumerate(row) if of == index)
        kv_heads = {head // (schedule.heads // schedule.kv_heads) for head in heads}
        run = launches[index]
        again = run.dkv and kv_heads & written
        dkv = _adding(run.dkv, schedule.patterns[index].text, kernels) if again else run.dkv
        written |= kv_heads
        groups.append(HeadGroup(heads, run.forward, run.dq, dkv))
        texts.append(schedule.patterns[index].text)
    if len(groups) > 1:
        texts = [f"heads {_ranges(group.heads)}: {text}" for group, text in zip(groups, texts, strict=True)]
    return LayerPlan(
        schema=PLAN_SCHEMA,
        target=target,
        dtype=dtype,
        tokens=schedule.tokens,
        heads=schedule.heads,
        kv_heads=schedule.kv_heads,
        head_dim=head_dim,
        pattern="; ".join(texts),
        groups=tuple(groups),
    )


def _ranges(heads: tuple[int, ...]) -> str:
    """Heads as the language writes them: single ones and half-open ranges."""
    spans = r.spans_of(heads)
    return ", ".join(str(start) if stop == start + 1 else f"{start}..{stop}" for start, stop in spans)
