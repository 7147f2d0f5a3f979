"""Plans as canonical JSON text, and back.

For: plan.json, and the `plan` argument of the torch operator: equal plans give equal bytes (sorted keys, no spaces,
no floats), and `layer_from_json(layer_to_json(p)) == p`. Not for: tables (safetensors) or taking any decision.
Reading is strict, because the text may come from a file somebody else wrote (`json_fields.py`).
"""

from __future__ import annotations

from typing import assert_never, cast, get_args

from patternc.codegen.json_fields import (
    Json,
    PlanFormatError,
    canonical_json,
    parse_json,
    read_bool,
    read_choice,
    read_count,
    read_each,
    read_fields,
    read_int,
    read_natural,
    read_object,
    read_str,
    shown,
)
from patternc.codegen.plan import (
    PLAN_SCHEMA,
    Bound,
    ChunkStart,
    Constant,
    Dtype,
    HeadGroup,
    KernelSpec,
    Lattice,
    Launch,
    LayerPlan,
    ModulePlan,
    Role,
    RowInterval,
    Shift,
)


def plan_to_json(plan: ModulePlan) -> str:
    """The canonical text of a module's plan; one line, ASCII."""
    return canonical_json(
        {"distinct": [_layer(layer) for layer in plan.distinct], "layers": list(plan.layers), "schema": PLAN_SCHEMA}
    )


def layer_to_json(plan: LayerPlan) -> str:
    """The canonical text of one layer's plan; one line, ASCII."""
    return canonical_json(_layer(plan))


def plan_from_json(text: str) -> ModulePlan:
    """The plan that `plan_to_json` wrote. Raises PlanFormatError."""
    fields = read_fields(parse_json(text), "plan", ("distinct", "layers", "schema"))
    _schema(fields["schema"], "plan.schema")
    distinct = read_each(fields["distinct"], "plan.distinct", _read_layer)
    layers = read_each(fields["layers"], "plan.layers", read_int)
    for place, index in enumerate(layers):
        if not 0 <= index < len(distinct):
            raise PlanFormatError(f"plan.layers[{place}] is {index}, but there are {len(distinct)} distinct plans")
    return ModulePlan(distinct, layers)


def layer_from_json(text: str) -> LayerPlan:
    """The plan that `layer_to_json` wrote. Raises PlanFormatError."""
    return _read_layer(parse_json(text), "plan")


# Writing


def _layer(plan: LayerPlan) -> Json:
    return {
        "dtype": plan.dtype,
        "groups": [_group(group) for group in plan.groups],
        "head_dim": plan.head_dim,
        "heads": plan.heads,
        "kv_heads": plan.kv_heads,
        "pattern": plan.pattern,
        "schema": plan.schema,
        "target": plan.target,
        "tokens": plan.tokens,
    }


def _group(group: HeadGroup) -> Json:
    return {
        "dkv": [_launch(launch) for launch in group.dkv],
        "dq": [_launch(launch) for launch in group.dq],
        "forward": [_launch(launch) for launch in group.forward],
        "heads": list(group.heads),
    }


def _launch(launch: Launch) -> Json:
    return {"kernel": _kernel(launch.kernel), "slots": launch.slots, "tables": launch.tables}


def _kernel(spec: KernelSpec) -> Json:
    return {
        "accumulate": spec.accumulate,
        "bits": spec.bits,
        "counterpart_tile": spec.counterpart_tile,
        "full": spec.full,
        "gathered": spec.gathered,
        "head_dim": spec.head_dim,
        "interval": None if spec.interval is None else _interval(spec.interval),
        "lattice": None if spec.lattice is None else _lattice(spec.lattice),
        "name": spec.name,
        "num_stages": spec.num_stages,
        "num_warps": spec.num_warps,
        "own": spec.own,
        "own_tile": spec.own_tile,
        "role": spec.role,
        "sinks": spec.sinks,
        "slots": spec.slots,
        # Left out where off: plans written before there was one read the same, and are the same text.
        **({"soft_cap": True} if spec.soft_cap else {}),
    }


def _lattice(lattice: Lattice) -> Json:
    return {"counterpart_run": lattice.counterpart_run, "own_run": lattice.own_run, "step": lattice.step}


def _interval(interval: RowInterval) -> Json:
    return {"highs": [_bound(bound) for bound in interval.highs], "lows": [_bound(bound) for bound in interval.lows]}


def _bound(bound: Bound) -> Json:
    match bound:
        case Shift(offset):
            return {"kind": "shift", "offset": offset}
        case ChunkStart(size, offset):
            return {"kind": "chunk_start", "offset": offset, "size": size}
        case Constant(value):
            return {"kind": "constant", "value": value}
        case _:
            assert_never(bound)


# Reading


def _read_layer(value: object, where: str) -> LayerPlan:
    names = ("dtype", "groups", "head_dim", "heads", "kv_heads", "pattern", "schema", "target", "tokens")
    fields = read_fields(value, where, names)
    return LayerPlan(
        schema=_schema(fields["schema"], f"{where}.schema"),
        target=read_str(fields["target"], f"{where}.target"),
        dtype=cast(Dtype, read_choice(fields["dtype"], f"{where}.dtype", get_args(Dtype))),
        tokens=read_count(fields["tokens"], f"{where}.tokens"),
        heads=read_count(fields["heads"], f"{where}.heads"),
        kv_heads=read_count(fields["kv_heads"], f"{where}.kv_heads"),
        head_dim=read_count(fields["head_dim"], f"{where}.head_dim"),
        pattern=read_str(fields["pattern"], f"{where}.pattern"),
        groups=read_each(fields["groups"], f"{where}.groups", _read_group),
    )


def _read_group(value: object, where: str) -> HeadGroup:
    fields = read_fields(value, where, ("dkv", "dq", "forward", "heads"))
    return HeadGroup(
        heads=read_each(fields["heads"], f"{where}.heads", read_int),
        forward=read_each(fields["forward"], f"{where}.forward", _read_launch),
        dq=read_each(fields["dq"], f"{where}.dq", _read_launch),
        dkv=read_each(fields["dkv"], f"{where}.dkv", _read_launch),
    )


def _read_launch(value: object, where: str) -> Launch:
    fields = read_fields(value, where, ("kernel", "slots", "tables"))
    return Launch(
        _read_kernel(fields["kernel"], f"{where}.kernel"),
        read_str(fields["tables"], f"{where}.tables"),
        read_natural(fields["slots"], f"{where}.slots"),
    )


def _read_kernel(value: object, where: str) -> KernelSpec:
    names = tuple(KernelSpec.__dataclass_fields__)
    fields = read_fields({"soft_cap": False, **read_object(value, where)}, where, names)
    interval, lattice = fields["interval"], fields["lattice"]
    own = read_choice(fields["own"], f"{where}.own", ("contiguous", "gathered"))
    return KernelSpec(
        role=cast(Role, read_choice(fields["role"], f"{where}.role", get_args(Role))),
        name=read_str(fields["name"], f"{where}.name"),
        own="contiguous" if own == "contiguous" else "gathered",
        own_tile=read_count(fields["own_tile"], f"{where}.own_tile"),
        counterpart_tile=read_count(fields["counterpart_tile"], f"{where}.counterpart_tile"),
        head_dim=read_count(fields["head_dim"], f"{where}.head_dim"),
        full=read_bool(fields["full"], f"{where}.full"),
        interval=None if interval is None else _read_interval(interval, f"{where}.interval"),
        bits=read_bool(fields["bits"], f"{where}.bits"),
        gathered=read_bool(fields["gathered"], f"{where}.gathered"),
        accumulate=read_bool(fields["accumulate"], f"{where}.accumulate"),
        sinks=read_bool(fields["sinks"], f"{where}.sinks"),
        num_warps=read_count(fields["num_warps"], f"{where}.num_warps"),
        num_stages=read_count(fields["num_stages"], f"{where}.num_stages"),
        lattice=None if lattice is None else _read_lattice(lattice, f"{where}.lattice"),
        slots=read_bool(fields["slots"], f"{where}.slots"),
        soft_cap=read_bool(fields["soft_cap"], f"{where}.soft_cap"),
    )


def _read_lattice(value: object, where: str) -> Lattice:
    fields = read_fields(value, where, ("counterpart_run", "own_run", "step"))
    return Lattice(
        step=read_count(fields["step"], f"{where}.step"),
        own_run=read_count(fields["own_run"], f"{where}.own_run"),
        counterpart_run=read_count(fields["counterpart_run"], f"{where}.counterpart_run"),
    )


def _read_interval(value: object, where: str) -> RowInterval:
    fields = read_fields(value, where, ("highs", "lows"))
    return RowInterval(
        lows=read_each(fields["lows"], f"{where}.lows", _read_bound),
        highs=read_each(fields["highs"], f"{where}.highs", _read_bound),
    )


def _read_bound(value: object, where: str) -> Bound:
    kind = read_object(value, where).get("kind")
    if kind == "shift":
        fields = read_fields(value, where, ("kind", "offset"))
        return Shift(read_int(fields["offset"], f"{where}.offset"))
    if kind == "chunk_start":
        fields = read_fields(value, where, ("kind", "offset", "size"))
        return ChunkStart(read_count(fields["size"], f"{where}.size"), read_int(fields["offset"], f"{where}.offset"))
    if kind == "constant":
        fields = read_fields(value, where, ("kind", "value"))
        return Constant(read_int(fields["value"], f"{where}.value"))
    raise PlanFormatError(f"{where}.kind is {shown(kind)}; expected 'shift', 'chunk_start' or 'constant'")


def _schema(value: object, where: str) -> str:
    if value != PLAN_SCHEMA:
        raise PlanFormatError(f"{where} is {shown(value)}; this version reads {PLAN_SCHEMA!r}")
    return PLAN_SCHEMA
