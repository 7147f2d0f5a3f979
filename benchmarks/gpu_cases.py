"""What benchmarks/gpu.py runs: patterns built here, and layers of compiled modules, behind one face.

For: the patterns of the published models at the lengths where sparsity pays, with every way that kernels run: windows,
lattices, chains of launches, split hubs, listed keys. Needs torch, triton and numpy. Not for: measuring.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from patternc.algebra import relation as r
from patternc.algebra.schedule import Branch, Schedule, Term, sum_of
from patternc.codegen.lower import lower
from patternc.codegen.plan_json import layer_to_json
from patternc.runtime import op
from patternc.runtime.module import DTYPES
from patternc.runtime.remake import schedule_of
from patternc.runtime.tensors import table_tensors


@dataclass
class Case:
    """One pattern: `schedule_at(tokens)` is what it says there, in layer `layer`; `tokens` the length to measure at.

    `lattices` and `slots` allow what their names say (`patternc.codegen.lower`).
    """

    name: str
    schedule_at: Callable[[int], Schedule]
    layer: int
    tokens: int
    heads: int
    kv_heads: int
    head_dim: int
    lattices: bool = True
    slots: bool = True
    ready: dict = field(default_factory=dict)

    def lowered(self, tokens, dtype, device):
        """Plan, its text and its tables on the device; made once."""
        key = tokens, dtype, torch.device(device).type
        if key not in self.ready:
            target = "cpu"
            if key[2] == "cuda":
                target = "cuda:{}{}".format(*torch.cuda.get_device_capability())
            made = lower(
                self.schedule_at(tokens), target=target, dtype=DTYPES[dtype], head_dim=self.head_dim,
                layers=[self.layer], lattices=self.lattices, slots=self.slots,
            )  # fmt: skip
            (plan,) = made.plan.distinct
            tensors = table_tensors(plan, made.tables, torch.device(device))
            self.ready[key] = plan, layer_to_json(plan), tensors, made.tables
        return self.ready[key]

    def attend(self, q, k, v, sinks=None):
        """(o, lse) of the case's pattern at the length of q [B, H, N, D]."""
        _, text, tables, _ = self.lowered(q.shape[2], q.dtype, q.device)
        return op.attention(q, k, v, sinks, tables, text, 1 / math.sqrt(self.head_dim), 0.0)

    def without(self):
        """The same pattern on tiles of neighbours alone, every item one program."""
        fields = (self.name, self.schedule_at, self.layer, self.tokens, self.heads, self.kv_heads, self.head_dim)
        return Case(*fields, lattices=False, slots=False)


def of_module(attention):
    """The distinct layers of a compiled module."""
    layers, shape = attention.lowered.plan.layers, attention.shape
    return [
        Case(
            name=f"{attention.name} {layer}" if len(set(layers)) > 1 else attention.name,
            schedule_at=lambda tokens: schedule_of(attention.program, tokens, shape.head_dim),
            layer=layer,
            tokens=shape.tokens,
            heads=attention.heads,
            kv_heads=attention.kv_heads,
            head_dim=shape.head_dim,
        )
        for layer in (layers.index(index) for index in dict.fromkeys(layers))
    ]


def case(name, relation, tokens, head_dim, heads=16, kv_heads=None, *, causal=True):
    """A case from `relation(tokens)`."""

    def schedule_at(n):
        said = relation(n)
        return Schedule(
            name=name, tokens=n, causal=causal, layers=1, heads=heads, kv_heads=kv_heads or heads, head_dim=head_dim,
            allow_empty=True, params=(), patterns=(sum_of(Branch(said, (Term(name, said),))),), table=((0,) * heads,),
        )  # fmt: skip

    return Case(name, schedule_at, 0, tokens, heads, kv_heads or heads, head_dim)


def past(*parts):
    return lambda n: r.intersection(r.PAST, r.union(*parts))


def bigbird(n):
    """Blocks of 64: three around the diagonal, the first and the last global, three random ones."""
    last = -(-n // 64) - 1
    ends = ((0, 1), (last, last + 1))
    return r.Blocks(64, r.union(r.Band(-1, 1), r.Keys(ends), r.Queries(ends), r.Random(3, (7,), causal=False)))


def longformer(n):
    """A window of 256 on both sides, and the first four tokens global."""
    first = ((0, 4),)
    return r.union(r.Band(-256, 256), r.Keys(first), r.Queries(first))


def suite():
    """The cases that run where nothing else is asked for."""
    return [
        case("dense d128", past(r.FULL), 16384, 128),
        case("window 1024 gqa", past(r.Band(0, 1023)), 16384, 128, heads=64, kv_heads=8),
        case("two-sided 2048", lambda n: r.Band(-1024, 1023), 32768, 128, heads=1, causal=False),
        case("window 256", past(r.Band(0, 255)), 16384, 64),
        case("local|stride 16K", past(r.Band(0, 127), r.Residue(128, (0,))), 16384, 64),
        case("local|stride 64K", past(r.Band(0, 127), r.Residue(128, (0,))), 65536, 64),
        case("stride 128", past(r.Residue(128, (0,))), 16384, 64),
        case("stride 128 d128", past(r.Residue(128, (0,))), 16384, 128),
        case("local|stride 2048", past(r.Band(0, 63), r.Residue(2048, (0,))), 16384, 64),
        case("dilated window", past(r.Band(0, 1020, 4)), 16384, 64),
        case("fixed", past(r.Chunk((128,)), r.Columns(128, tuple(range(120, 128)))), 16384, 64),
        case("bigbird", bigbird, 16384, 64, heads=8, causal=False),
        case("bigbird 64K", bigbird, 65536, 64, heads=8, causal=False),
        case("longformer", longformer, 16384, 64, heads=8, causal=False),
        case("longformer 64K", longformer, 65536, 64, heads=8, causal=False),
        case("sinks 4|window", past(r.Keys(((0, 4),)), r.Band(0, 511)), 16384, 128, heads=32, kv_heads=8),
    ]
