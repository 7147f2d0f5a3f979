"""Plans as canonical JSON text, and back.

For: plan.json, and the `plan` argument of the torch operator: equal plans give equal bytes (sorted keys, no spaces,
no floats), and `layer_from_json(layer_to_json(p)) == p`. Not for: tables (safetensors) or taking any decision.
Reading is strict, because the text may come from a file somebody else wrote: an unknown kind, a missing or surplus
field, a wrong type, a repeated key or a number beyond 64 bits is a `PlanFormatError` that names the place.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar, assert_never, cast, get_args

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

MAX_DEPTH = 64
"""Deepest nesting accepted; a plan needs 12."""

_Value = TypeVar("_Value")
_Json = dict[str, object]


class PlanFormatError(ValueError):
    """The text is not a plan of this schema; the message says where and what was expected."""


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
    fields = _fields(parse_json(text), "plan", ("distinct", "layers", "schema"))
    _schema(fields["schema"], "plan.schema")
    distinct = _each(fields["distinct"], "plan.distinct", _read_layer)
    layers = _each(fields["layers"], "plan.layers", _int)
    for place, index in enumerate(layers):
        if not 0 <= index < len(distinct):
            raise PlanFormatError(f"plan.layers[{place}] is {index}, but there are {len(distinct)} distinct plans")
    return ModulePlan(distinct, layers)


def layer_from_json(text: str) -> LayerPlan:
    """The plan that `layer_to_json` wrote. Raises PlanFormatError."""
    return _read_layer(parse_json(text), "plan")


def canonical_json(value: object) -> str:
    """`value` (dicts, lists, strings, integers, booleans, None) as JSON text that depends on its content alone."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def parse_json(text: str) -> object:
    """JSON without floats, repeated keys, integers beyond 64 bits, nesting beyond MAX_DEPTH. Raises PlanFormatError."""
    _check_depth(text)
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_bounded_int,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except json.JSONDecodeError as error:
        raise PlanFormatError(f"not JSON from line {error.lineno}, column {error.colno} on") from error


# Writing


def _layer(plan: LayerPlan) -> _Json:
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


def _group(group: HeadGroup) -> _Json:
    return {
        "dkv": [_launch(launch) for launch in group.dkv],
        "dq": [_launch(launch) for launch in group.dq],
        "forward": [_launch(launch) for launch in group.forward],
        "heads": list(group.heads),
    }


def _launch(launch: Launch) -> _Json:
    return {"kernel": _kernel(launch.kernel), "slots": launch.slots, "tables": launch.tables}


def _kernel(spec: KernelSpec) -> _Json:
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


def _lattice(lattice: Lattice) -> _Json:
    return {"counterpart_run": lattice.counterpart_run, "own_run": lattice.own_run, "step": lattice.step}


def _interval(interval: RowInterval) -> _Json:
    return {"highs": [_bound(bound) for bound in interval.highs], "lows": [_bound(bound) for bound in interval.lows]}


def _bound(bound: Bound) -> _Json:
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
    fields = _fields(value, where, names)
    return LayerPlan(
        schema=_schema(fields["schema"], f"{where}.schema"),
        target=_str(fields["target"], f"{where}.target"),
        dtype=cast(Dtype, _one_of(fields["dtype"], f"{where}.dtype", get_args(Dtype))),
        tokens=_count(fields["tokens"], f"{where}.tokens"),
        heads=_count(fields["heads"], f"{where}.heads"),
        kv_heads=_count(fields["kv_heads"], f"{where}.kv_heads"),
        head_dim=_count(fields["head_dim"], f"{where}.head_dim"),
        pattern=_str(fields["pattern"], f"{where}.pattern"),
        groups=_each(fields["groups"], f"{where}.groups", _read_group),
    )


def _read_group(value: object, where: str) -> HeadGroup:
    fields = _fields(value, where, ("dkv", "dq", "forward", "heads"))
    return HeadGroup(
        heads=_each(fields["heads"], f"{where}.heads", _int),
        forward=_each(fields["forward"], f"{where}.forward", _read_launch),
        dq=_each(fields["dq"], f"{where}.dq", _read_launch),
        dkv=_each(fields["dkv"], f"{where}.dkv", _read_launch),
    )


def _read_launch(value: object, where: str) -> Launch:
    fields = _fields(value, where, ("kernel", "slots", "tables"))
    return Launch(
        _read_kernel(fields["kernel"], f"{where}.kernel"),
        _str(fields["tables"], f"{where}.tables"),
        _natural(fields["slots"], f"{where}.slots"),
    )


def _read_kernel(value: object, where: str) -> KernelSpec:
    names = tuple(KernelSpec.__dataclass_fields__)
    fields = _fields({"soft_cap": False, **_object(value, where)}, where, names)
    interval, lattice = fields["interval"], fields["lattice"]
    own = _one_of(fields["own"], f"{where}.own", ("contiguous", "gathered"))
    return KernelSpec(
        role=cast(Role, _one_of(fields["role"], f"{where}.role", get_args(Role))),
        name=_str(fields["name"], f"{where}.name"),
        own="contiguous" if own == "contiguous" else "gathered",
        own_tile=_count(fields["own_tile"], f"{where}.own_tile"),
        counterpart_tile=_count(fields["counterpart_tile"], f"{where}.counterpart_tile"),
        head_dim=_count(fields["head_dim"], f"{where}.head_dim"),
        full=_bool(fields["full"], f"{where}.full"),
        interval=None if interval is None else _read_interval(interval, f"{where}.interval"),
        bits=_bool(fields["bits"], f"{where}.bits"),
        gathered=_bool(fields["gathered"], f"{where}.gathered"),
        accumulate=_bool(fields["accumulate"], f"{where}.accumulate"),
        sinks=_bool(fields["sinks"], f"{where}.sinks"),
        num_warps=_count(fields["num_warps"], f"{where}.num_warps"),
        num_stages=_count(fields["num_stages"], f"{where}.num_stages"),
        lattice=None if lattice is None else _read_lattice(lattice, f"{where}.lattice"),
        slots=_bool(fields["slots"], f"{where}.slots"),
        soft_cap=_bool(fields["soft_cap"], f"{where}.soft_cap"),
    )


def _read_lattice(value: object, where: str) -> Lattice:
    fields = _fields(value, where, ("counterpart_run", "own_run", "step"))
    return Lattice(
        step=_count(fields["step"], f"{where}.step"),
        own_run=_count(fields["own_run"], f"{where}.own_run"),
        counterpart_run=_count(fields["counterpart_run"], f"{where}.counterpart_run"),
    )


def _read_interval(value: object, where: str) -> RowInterval:
    fields = _fields(value, where, ("highs", "lows"))
    return RowInterval(
        lows=_each(fields["lows"], f"{where}.lows", _read_bound),
        highs=_each(fields["highs"], f"{where}.highs", _read_bound),
    )


def _read_bound(value: object, where: str) -> Bound:
    kind = _object(value, where).get("kind")
    if kind == "shift":
        fields = _fields(value, where, ("kind", "offset"))
        return Shift(_int(fields["offset"], f"{where}.offset"))
    if kind == "chunk_start":
        fields = _fields(value, where, ("kind", "offset", "size"))
        return ChunkStart(_count(fields["size"], f"{where}.size"), _int(fields["offset"], f"{where}.offset"))
    if kind == "constant":
        fields = _fields(value, where, ("kind", "value"))
        return Constant(_int(fields["value"], f"{where}.value"))
    raise PlanFormatError(f"{where}.kind is {_shown(kind)}; expected 'shift', 'chunk_start' or 'constant'")


# The types of JSON, each with the place that the message names


def _object(value: object, where: str) -> _Json:
    if not isinstance(value, dict):
        raise PlanFormatError(f"{where} is {_shown(value)}; expected an object")
    return cast(_Json, value)


def _fields(value: object, where: str, names: tuple[str, ...]) -> _Json:
    fields = _object(value, where)
    for name in names:
        if name not in fields:
            raise PlanFormatError(f"{where} has no field '{name}'")
    for name in fields:
        if name not in names:
            raise PlanFormatError(f"{where} has an unknown field {_shown(name)}")
    return fields


def _each(value: object, where: str, read: Callable[[object, str], _Value]) -> tuple[_Value, ...]:
    if not isinstance(value, list):
        raise PlanFormatError(f"{where} is {_shown(value)}; expected a list")
    return tuple(read(item, f"{where}[{place}]") for place, item in enumerate(cast(list[object], value)))


def _int(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise PlanFormatError(f"{where} is {_shown(value)}; expected an integer")
    return value


def _count(value: object, where: str) -> int:
    number = _int(value, where)
    if number < 1:
        raise PlanFormatError(f"{where} is {number}; expected at least 1")
    return number


def _natural(value: object, where: str) -> int:
    number = _int(value, where)
    if number < 0:
        raise PlanFormatError(f"{where} is {number}; expected at least 0")
    return number


def _bool(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise PlanFormatError(f"{where} is {_shown(value)}; expected true or false")
    return value


def _str(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise PlanFormatError(f"{where} is {_shown(value)}; expected a string")
    return value


def _one_of(value: object, where: str, choices: tuple[str, ...]) -> str:
    text = _str(value, where)
    if text not in choices:
        raise PlanFormatError(f"{where} is {_shown(text)}; expected one of {', '.join(choices)}")
    return text


def _schema(value: object, where: str) -> str:
    if value != PLAN_SCHEMA:
        raise PlanFormatError(f"{where} is {_shown(value)}; this version reads {PLAN_SCHEMA!r}")
    return PLAN_SCHEMA


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_depth(text: str) -> None:
    # Brackets in strings count too, which only makes the check stricter than it needs to be for hostile text: no
    # name or pattern of ours nests 64 deep. It keeps the parser's recursion bounded.
    depth = 0
    for letter in text:
        if letter in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise PlanFormatError(f"nested more than {MAX_DEPTH} deep")
        elif letter in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> _Json:
    fields: _Json = {}
    for name, value in pairs:
        if name in fields:
            raise PlanFormatError(f"the field {_shown(name)} occurs twice in one object")
        fields[name] = value
    return fields


def _bounded_int(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
        raise PlanFormatError(f"the integer {digits[:24]} does not fit 64 bits")
    return int(digits)


def _no_float(text: str) -> object:
    raise PlanFormatError(f"{text[:24]} is not an integer")
