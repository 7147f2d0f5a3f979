"""Attention: the torch module that runs a compiled program, layer by layer.

For: checking a call completely before anything runs, and finding the plan and tables that serve it: those compiled,
or, for another length, head_dim, dtype or device, new ones made from the program (milliseconds) and kept. Not for:
reading files (`load.py`) or the work itself (`op.py`).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, SupportsIndex, cast

import numpy as np
import torch
from torch import Tensor, nn

from patternc.algebra.budget import TileBudgetError
from patternc.codegen.lower import LONGEST, Lowered
from patternc.codegen.plan import Dtype
from patternc.codegen.plan_json import layer_to_json
from patternc.grammar import typed
from patternc.runtime.errors import AttentionInputError
from patternc.runtime.remake import Shape, plan_of
from patternc.runtime.tensors import table_tensors
from patternc.runtime.transforms import attend

DTYPES: dict[torch.dtype, Dtype] = {
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.float32: "float32",
    torch.float64: "float64",
}
KEPT_SHAPES = 32
"""Plans kept for other shapes than the compiled one; the oldest makes room."""

UNTRACEABLE = (
    "patternc has no plan for this length, head_dim, dtype and device yet, and planning cannot be traced: call "
    "attention.prepare(tokens, head_dim, dtype, device) before compiling"
)

_Layers = tuple[tuple[str, list[Tensor]], ...]
"""For each layer: the plan's text and its tables on one device."""
_Place = tuple[int, int, torch.dtype, torch.device]
"""Tokens, head_dim, dtype and device of a call."""


class Attention(nn.Module):
    """The attention of every layer of a compiled model. It has no parameters and no state to save.

    `attention(q, k, v, layer=3)` gives what `scaled_dot_product_attention` with that layer's mask would. Made by
    `patternc.load` and `Program.module`.
    """

    def __init__(
        self,
        program: typed.Program,
        lowered: Lowered,
        shape: Shape,
        *,
        name: str,
        strict: bool = False,
    ) -> None:
        """Attention of `program` (parameters bound), compiled as `lowered` for `shape`.

        `strict` refuses calls at any other shape; otherwise they are planned when they come.
        """
        super().__init__()
        first = lowered.plan.distinct[0]
        self.name = name
        self.layers = len(lowered.plan.layers)
        self.heads, self.kv_heads = first.heads, first.kv_heads
        self.shape = shape
        self.strict = strict
        self.program = program
        self.lowered = lowered
        self._ready: dict[_Place, _Layers] = {}
        self._plan = _untraced()

    def __getstate__(self) -> dict[str, object]:
        """What pickle and copy keep: all but the function that only a process itself can make."""
        return {name: value for name, value in super().__getstate__().items() if name != "_plan"}

    def __setstate__(self, state: dict[str, object]) -> None:
        """The opposite of `__getstate__`."""
        super().__setstate__(state)  # pyright: ignore[reportUnknownMemberType]
        self._plan = _untraced()

    def extra_repr(self) -> str:
        """What print(module) shows."""
        shape = self.shape
        return (
            f"{self.name}: {self.layers} layers, {self.heads} heads, {self.kv_heads} key heads; compiled for "
            f"{shape.tokens:,} tokens, head_dim {shape.head_dim}, {shape.dtype}, {shape.target}"
        )

    def forward(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        layer: SupportsIndex | None = None,
        *,
        sinks: Tensor | None = None,
        scale: float | None = None,
        soft_cap: float | None = None,
        return_lse: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Attend with the pattern of one layer.

        Args:
            q: [B, H, N, D], float16, bfloat16, float32 or (on the CPU) float64; any strides.
            k: [B, Hkv, N, D], v likewise; query head h uses key head h // (H // Hkv).
            v: see k.
            layer: which layer's pattern, 0 <= layer < layers; may be left out where all layers have the same.
            sinks: [H], one more logit in the denominator of every row of a head; float32 or q's dtype.
            scale: what scores are multiplied with; 1 / sqrt(D) unless said.
            soft_cap: scores s = scale * q . k become soft_cap * tanh(s / soft_cap), as Gemma 2 has them (50.0); None or
                0.0 leaves them as they are.
            return_lse: whether to give the log-sum-exp of each row's scores, capped and sink included, as well.

        Returns:
            o [B, H, N, D] in q's dtype; with `return_lse` (o, lse [B, H, N]), lse float64 for float64 inputs, else
            float32, natural log. Both are differentiable (once). A row that attends nothing gives o = 0 and lse =
            -inf, or the sink.

        Where torch.autocast is enabled, q, k and v are cast to its dtype, as for scaled_dot_product_attention.

        Raises:
            AttentionInputError: the call cannot be served; nothing has run.
        """
        q, k, v = _as_autocast("q", q), _as_autocast("k", k), _as_autocast("v", v)
        self._check_rows(q, k, v)
        if sinks is not None:
            self._check_sinks(q, sinks)
        number = self._layer(layer)
        factor = 1 / math.sqrt(q.shape[3]) if scale is None else _factor(scale)
        cap = 0.0 if soft_cap is None else _cap(soft_cap, factor)
        plan, tables = self._prepared(q.shape[2], q.shape[3], q.dtype, q.device)[number]
        o, lse = attend(q, k, v, sinks, tables, plan, factor, cap)
        return (o, lse) if return_lse else o

    def prepare(self, tokens: int, head_dim: int, dtype: torch.dtype, device: torch.device | str) -> None:
        """Make plans and tables for calls of this shape now, instead of at the first one.

        Needed before torch.export, or torch.compile with fullgraph=True, traces a shape for the first time; plain
        torch.compile interrupts its graph to plan. Raises AttentionInputError.
        """
        # A tensor knows its device by index, where "cuda" means the current one.
        self._prepared(tokens, head_dim, dtype, torch.empty(0, device=device).device)

    def _prepared(self, tokens: int, head_dim: int, dtype: torch.dtype, device: torch.device) -> _Layers:
        layers = self._ready.get((tokens, head_dim, dtype, device))
        if layers is not None:
            return layers
        if torch.compiler.is_exporting():
            raise AttentionInputError(
                f"no plan yet for {tokens} tokens, head_dim {head_dim}, {dtype} on {device}, and planning cannot be "
                f"traced: call attention.prepare({tokens}, {head_dim}, {dtype}, {str(device)!r}) before exporting"
            )
        return self._plan(self, (tokens, head_dim, dtype, device))

    def _prepare(self, place: _Place) -> _Layers:
        device = place[3]
        shape = self._shape_of(*place)
        lowered = self.lowered if shape == self.shape else self._planned(shape)
        texts = [layer_to_json(plan) for plan in lowered.plan.distinct]
        # Tables made inside inference mode could not serve a call that trains.
        with torch.inference_mode(False):
            tables = [table_tensors(plan, lowered.tables, device) for plan in lowered.plan.distinct]
        layers = tuple((texts[index], tables[index]) for index in lowered.plan.layers)
        # Under a FakeTensorMode they have no values: nothing to keep.
        if all(type(each) is Tensor for each in tables[0]):
            while len(self._ready) >= KEPT_SHAPES:
                self._ready.pop(next(iter(self._ready)), None)
            self._ready[place] = layers
        return layers

    def _shape_of(self, tokens: int, head_dim: int, dtype: torch.dtype, device: torch.device) -> Shape:
        shape = Shape(tokens, head_dim, DTYPES[dtype], _target(device))
        if self.strict and shape != self.shape:
            raise AttentionInputError(
                f"compiled for {_described(self.shape)}, called with {_described(shape)}; strict=True refuses to plan "
                "anew: load without it, or compile for this shape"
            )
        return shape

    def _planned(self, shape: Shape) -> Lowered:
        try:
            return plan_of(self.program, shape)
        except (ValueError, TileBudgetError) as error:
            raise AttentionInputError(f"cannot serve {_described(shape)}: {error}") from error

    def _check_rows(self, q: Tensor, k: Tensor, v: Tensor) -> None:
        for name, rows, heads in (("q", q, self.heads), ("k", k, self.kv_heads), ("v", v, self.kv_heads)):
            if rows.dim() != 4:
                raise AttentionInputError(
                    f"{name} has shape {_dims(rows)}; expected 4 dimensions, [batch, {heads} heads, tokens, head_dim]"
                )
            if rows.shape[1] != heads:
                likely = "; are tokens and heads swapped? q.transpose(1, 2) would do" if rows.shape[2] == heads else ""
                raise AttentionInputError(
                    f"{name} has {rows.shape[1]} heads (shape {_dims(rows)}), but {self.name} has {heads} for {name}"
                    f"{likely}"
                )
            if rows.dtype not in DTYPES:
                raise AttentionInputError(f"{name} is {rows.dtype}; expected one of {_names(DTYPES)}")
            if rows.layout != torch.strided:
                raise AttentionInputError(
                    f"{name} has layout {rows.layout}; expected a dense tensor: {name}.to_dense()"
                )
            for what, got, expected in (
                ("dtype", rows.dtype, q.dtype),
                ("device", rows.device, q.device),
                ("batch size", rows.shape[0], q.shape[0]),
                ("number of tokens", rows.shape[2], q.shape[2]),
                ("head_dim", rows.shape[3], q.shape[3]),
            ):
                if got != expected:
                    no_cache = _NO_CACHE if what == "number of tokens" else ""
                    raise AttentionInputError(
                        f"the {what} of {name} is {got}, but that of q is {expected}; all three must agree{no_cache}"
                    )
        if not 1 <= q.shape[2] <= LONGEST:
            raise AttentionInputError(f"q has {q.shape[2]} tokens; expected 1 to {LONGEST:,}")
        if q.shape[3] < 1:
            raise AttentionInputError(f"q has head_dim {q.shape[3]}; expected at least 1")

    def _check_sinks(self, q: Tensor, sinks: Tensor) -> None:
        if not isinstance(sinks, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise AttentionInputError(f"sinks are {_kind(sinks)}; expected a tensor [{self.heads}], one a query head")
        if sinks.shape != (self.heads,):
            raise AttentionInputError(f"sinks have shape {_dims(sinks)}; expected [{self.heads}], one a query head")
        if sinks.dtype not in (torch.float32, q.dtype):
            raise AttentionInputError(f"sinks are {sinks.dtype}; expected torch.float32 or q's {q.dtype}")
        if sinks.device != q.device:
            raise AttentionInputError(f"sinks are on {sinks.device}, but q is on {q.device}; move them there")

    def _layer(self, layer: SupportsIndex | None) -> int:
        """Which layer is meant. Raises AttentionInputError for anything but one there is, and where it matters."""
        if layer is None:
            if len(self.lowered.plan.distinct) == 1:
                return 0
            raise AttentionInputError(
                f"layer is missing: the layers 0 to {self.layers - 1} of {self.name} do not all have the same pattern; "
                "attention(q, k, v, layer=0) runs the first of them"
            )
        if isinstance(layer, SupportsIndex) and not isinstance(layer, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            number = operator.index(layer)
            if 0 <= number < self.layers:
                return number
        raise AttentionInputError(f"layer is {layer!r}; {self.name} has layers 0 to {self.layers - 1}")


def _untraced() -> Callable[[Attention, _Place], _Layers]:
    """`_prepare`, as torch.compile must call it: between two graphs.

    Made when a module is: importing what makes it takes a second, which the first call of an operator takes otherwise.
    """
    disable = cast(Callable[..., Any], torch.compiler.disable)  # pyright: ignore[reportUnknownMemberType]
    return disable(Attention._prepare, reason=UNTRACEABLE)  # pyright: ignore[reportPrivateUsage]


_NO_CACHE = "; attention of new tokens to cached keys is not there yet: pass all tokens, and take the rows that are new"


def _as_autocast(name: str, rows: Tensor) -> Tensor:
    """The rows as autocast wants them for attention: floating point below float64 in its dtype."""
    if not isinstance(rows, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise AttentionInputError(f"{name} is {_kind(rows)}; expected a torch.Tensor [batch, heads, tokens, head_dim]")
    kind = rows.device.type
    if kind not in ("cpu", "cuda") or not torch.is_autocast_enabled(kind):
        return rows
    cast = rows.is_floating_point() and rows.dtype != torch.float64
    return rows.to(torch.get_autocast_dtype(kind)) if cast else rows


def _factor(scale: float) -> float:
    """What scores are multiplied with. Raises AttentionInputError for anything but a positive number."""
    if isinstance(scale, Tensor):
        raise AttentionInputError(
            "scale is a tensor, whose gradient would be lost; expected a number. To learn it, scale the queries: "
            "attention(q * scale, k, v, scale=1.0)"
        )
    if not isinstance(scale, (int, float, np.integer, np.floating)) or isinstance(scale, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise AttentionInputError(f"scale is {_kind(scale)}; expected a positive number, such as 1 / sqrt(head_dim)")
    if not (math.isfinite(scale) and scale > 0):
        raise AttentionInputError(f"scale is {scale}; expected a positive number, such as 1 / sqrt(head_dim)")
    return float(scale)


def _cap(soft_cap: float, factor: float) -> float:
    """What scores are capped at, 0.0 for not at all. Raises AttentionInputError for anything else."""
    expected = f"expected a positive number up to {_MOST_CAP:g}, such as 50.0, or None for no cap"
    if isinstance(soft_cap, Tensor):
        raise AttentionInputError(f"soft_cap is a tensor, whose gradient would be lost; {expected}")
    if not isinstance(soft_cap, (int, float, np.integer, np.floating)) or isinstance(soft_cap, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise AttentionInputError(f"soft_cap is {_kind(soft_cap)}; {expected}")
    # Comparisons alone: torch.compile traces them for a cap that changes from call to call.
    if not 0 <= soft_cap <= _MOST_CAP:
        raise AttentionInputError(f"soft_cap is {soft_cap}; {expected}")
    if 0 < soft_cap < factor / _MOST_CAP:
        raise AttentionInputError(f"soft_cap is {soft_cap}, too small beside the scale {factor}; {expected}")
    return float(soft_cap)


_MOST_CAP = 1e30
"""Kernels compute with the cap, and with the scale as a multiple of it, in float32."""


def _target(device: torch.device) -> str:
    if device.type == "cpu":
        return "cpu"
    if device.type == "cuda" and torch.version.hip is None:
        major, minor = torch.cuda.get_device_capability(device)
        if major >= 8:
            return f"cuda:{major}{minor}"
        raise AttentionInputError(
            f"{device} has compute capability {major}.{minor}; kernels need 8.0 or newer: move q, k and v to the CPU"
        )
    raise AttentionInputError(f"q, k and v are on {device}; expected cpu or a CUDA device: move them with .to('cpu')")


def _described(shape: Shape) -> str:
    return f"{shape.tokens:,} tokens, head_dim {shape.head_dim}, {shape.dtype}, {shape.target}"


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__module__}.{type(value).__name__}".replace("builtins.", "")


def _dims(tensor: Tensor) -> str:
    return str(list(tensor.shape))


def _names(dtypes: dict[torch.dtype, Dtype]) -> str:
    return ", ".join(str(dtype) for dtype in dtypes)
