"""The CPU target on lattices and in chains: tables built tile by tile from masks, against dense float64 attention."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from patternc.codegen.plan import PLAN_SCHEMA, HeadGroup, KernelSpec, Lattice, Launch, LayerPlan
from patternc.codegen.plan_json import layer_to_json
from patternc.codegen.tables import BITS, COUNT, ITEM_WORDS, MERGE_WORDS, SLOT, TableSet
from patternc.runtime import cpu_chunks, cpu_schedule
from patternc.runtime.tensors import table_tensors
from tests.runtime.layers import CPU, Layer, assert_agrees, gradients, inputs

EXACT = 1e-12
OWN, WIDTH = 16, 32


@dataclass(frozen=True)
class Part:
    """What one launch computes: mask [n, n], on tiles of neighbours (lattice None) or of classes."""

    mask: np.ndarray
    lattice: Lattice | None = None
    listed: tuple[int, ...] = ()
    """Keys that are gathered."""


def positions(origin, tile, run, step, n):
    """Positions of a tile's rows by definition, -1 beyond the end."""
    row = np.arange(tile)
    found = origin + row % run * step + row // run
    return np.where(found < n, found, -1)


def table_of(name, part, own_tile, width, seed=0):
    """A table set by brute force. Own tiles come in an order that follows from nothing."""
    mask, n = part.mask, part.mask.shape[0]
    lattice = part.lattice or Lattice(1, own_tile, width)
    step, pack = lattice.step, own_tile // lattice.own_run
    items, tiles, tile_bits, lists, gathered, bits = [], [], [], [], [], {}

    def row_of(tile):
        return bits.setdefault(np.packbits(tile, axis=1, bitorder="little").tobytes(), len(bits))

    for width_begin in range(0, len(part.listed), width):
        lists.append(list(part.listed[width_begin : width_begin + width]))
        lists[-1] += [-1] * (width - len(lists[-1]))
    affine = mask.copy()
    affine[:, list(part.listed)] = False
    other_pack = width // lattice.counterpart_run
    starts = [
        number + member * step
        for number in range(0, min(step, n), other_pack)
        for member in range(0, -(-(n - number) // step), lattice.counterpart_run)
    ]
    owns = [
        (number, member)
        for number in range(0, min(step, n), pack)
        for member in range(0, -(-(n - number) // step), lattice.own_run)
    ]
    for at in np.random.default_rng(seed).permutation(len(owns)):
        number, member = owns[at]
        origin = number + member * step
        row = np.arange(own_tile)
        inside = (number + row // lattice.own_run < step) & (positions(origin, own_tile, lattice.own_run, step, n) >= 0)
        own = np.where(inside, positions(origin, own_tile, lattice.own_run, step, n), -1)
        begin, full, partial, seen = len(tiles), [], [], set()
        for start in starts:
            found = positions(start, width, lattice.counterpart_run, step, n)
            found[start % step + np.arange(width) // lattice.counterpart_run >= step] = -1
            tile = affine[np.maximum(own, 0)][:, np.maximum(found, 0)] & (own >= 0)[:, None] & (found >= 0)
            assert not seen & set(found[found >= 0].tolist())
            seen |= set(found[found >= 0].tolist())
            if tile[own >= 0].all() and (found >= 0).all():
                full.append(start)
            elif tile.any():
                partial.append((start, row_of(tile)))
        assert seen == set(range(n))
        gather_begin = len(gathered)
        for number_of, keys in enumerate(lists):
            keys = np.array(keys)
            tile = mask[np.maximum(own, 0)][:, np.maximum(keys, 0)] & (own >= 0)[:, None] & (keys >= 0)
            if tile.any():
                gathered.append([number_of, row_of(tile)])
        tiles += [*full, *(start for start, _ in partial)]
        tile_bits += [*(0 for _ in full), *(row for _, row in partial)]
        bounds = (begin, begin + len(full), begin + len(full), len(tiles), gather_begin, len(gathered))
        items.append([origin, int(np.flatnonzero(own >= 0)[-1]) + 1, *bounds, -1, 0])
    words = np.frombuffer(b"".join(bits), np.int32) if bits else np.zeros(own_tile * width // 32, np.int32)
    return TableSet(
        name=name,
        own_tile=own_tile,
        counterpart_tile=width,
        items=np.array(items, np.int32).reshape(-1, ITEM_WORDS),
        tiles=np.array([*tiles, 0], np.int32),
        tile_bits=np.array([*tile_bits, 0], np.int32),
        bits=words.reshape(-1, own_tile, width // 32).copy(),
        gather=np.array(lists or [[-1] * width], np.int32),
        gathered=np.array([*gathered, [0, 0]], np.int32),
        merges=np.zeros((1, MERGE_WORDS), np.int32),
        segments=np.array([[0, n, 0, len(items)]], np.int32),
    )


def layer_of_parts(groups, heads, kv_heads=1, head_dim=8, own_tile=OWN, width=WIDTH, sinks=False):
    """A layer whose `groups` are (heads, launches); the parts of a group are disjoint."""
    n = groups[0][1][0].mask.shape[0]
    tables, planned, masks = {}, [], [None] * heads
    for tag, (members, parts) in enumerate(groups):
        launches = []
        for place, part in enumerate(parts):
            table = table_of(f"g{tag}.{place}", part, own_tile, width)
            tables[table.name] = table
            kernel = KernelSpec(
                role="forward",
                name=f"k{tag}{place}",
                own="contiguous",
                own_tile=own_tile,
                counterpart_tile=width,
                head_dim=head_dim,
                full=True,
                interval=None,
                bits=True,
                gathered=bool(part.listed),
                accumulate=place > 0,
                sinks=sinks and place == 0,
                num_warps=1,
                num_stages=1,
                lattice=part.lattice,
            )
            launches.append(Launch(kernel, table.name))
        whole = sum(part.mask.astype(int) for part in parts)
        assert whole.max(initial=0) <= 1
        for head in members:
            masks[head] = whole.astype(bool)
        planned.append(HeadGroup(members, tuple(launches), (), ()))
    plan = LayerPlan(PLAN_SCHEMA, "cpu", "float64", n, heads, kv_heads, head_dim, "test", tuple(planned))
    return Layer(plan, layer_to_json(plan), table_tensors(plan, tables, CPU), torch.from_numpy(np.stack(masks)))


def distances(n):
    return np.arange(n)[:, None] - np.arange(n)[None, :]


def same_class(n, step):
    return distances(n) % step == 0


def runs(step, n, own_tile=OWN, width=WIDTH):
    """The lattice for a step: short classes are packed."""
    longest = -(-n // step)
    run = 1 << max(longest - 1, 0).bit_length()
    packed = max(1, min(own_tile // run, width))
    return Lattice(step, own_tile // packed, width // packed)


def local_or_stride(n, local, step, own_tile=OWN, width=WIDTH):
    """The two launches of `local(l) | stride(s)` under causal."""
    away = distances(n)
    window = (away >= 0) & (away < local)
    return [Part(window), Part((away >= local) & same_class(n, step), runs(step, n, own_tile, width))]


@pytest.mark.parametrize("own_tile", [16, 64])
@pytest.mark.parametrize("step", [1, 2, 3, 5, 8, 16, 40, 116, 117, 200])
@pytest.mark.parametrize("n", [117, 120])
def test_stride(n, step, own_tile):
    """Runs of 64 rows pack short classes so that their keys come in two tiles, runs of 16 so that they do not."""
    layer = layer_of_parts([((0, 1), local_or_stride(n, 9, step, own_tile))], 2, own_tile=own_tile)
    assert_agrees(layer, inputs(n, 2, batch=2, sinks=True), EXACT)


@pytest.mark.parametrize("step", [9, 30])
def test_packs_that_see_some_of_their_keys(step):
    """Tiles of keys that are missing, full and partial, in every order."""
    n = 120
    generator = np.random.default_rng(0)
    mask = same_class(n, step) & (generator.random((n, n)) < 0.3)
    mask[:, : n // 2] &= np.arange(n)[:, None] >= n // 2
    parts = [Part(mask, runs(step, n, 64))]
    assert_agrees(layer_of_parts([((0, 1), parts)], 2, own_tile=64), inputs(n, 2), EXACT)


def test_rows_that_no_launch_has():
    """What no item writes is zero, not what was in memory: uninitialised memory is NaN here."""
    n = 150
    late = (distances(n) > 0) & same_class(n, 3) & (np.arange(n)[:, None] >= 100)
    layer = layer_of_parts([((0, 1), [Part(late, Lattice(3, OWN, WIDTH))])], 2)
    torch.use_deterministic_algorithms(True)
    try:
        assert_agrees(layer, inputs(n, 2), EXACT)
        assert_agrees(layer_of_parts([((0, 1), local_or_stride(n, 4, 7))], 2), inputs(n, 2), EXACT)
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("n", [1, 2, 16, 31, 33, 63, 64, 65, 128, 129, 200])
def test_lattice_alone(n):
    """Rows and their first launch on classes; some rows attend nothing."""
    mask = same_class(n, 3) & (distances(n) > 0)
    assert_agrees(layer_of_parts([((0, 1), [Part(mask, Lattice(3, OWN, WIDTH))])], 2), inputs(n, 2), EXACT)
    leaves = inputs(n, 2, sinks=True)
    assert_agrees(layer_of_parts([((0, 1), [Part(mask, Lattice(3, OWN, WIDTH))])], 2, sinks=True), leaves, EXACT)


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_grouped_queries_and_heads_apart(kv_heads):
    n = 101
    stride, dense = local_or_stride(n, 7, 4), [Part(distances(n) >= 0)]
    layer = layer_of_parts([((0, 2, 3), stride), ((1,), dense)], 4, kv_heads)
    assert_agrees(layer, inputs(n, 4, kv_heads, batch=2, sinks=True), EXACT)


def test_many_launches():
    """Neighbours, two strides and neighbours again; what an earlier launch has, a later one excludes."""
    n = 90
    away = distances(n)
    window = (away >= 0) & (away < 5)
    by_four = same_class(n, 4) & ~window
    by_six = same_class(n, 6) & ~window & ~by_four
    far = (away > 70) & ~same_class(n, 4) & ~same_class(n, 6)
    parts = [Part(window), Part(by_four, runs(4, n)), Part(by_six, runs(6, n)), Part(far)]
    assert_agrees(layer_of_parts([((0, 1), parts)], 2), inputs(n, 2, sinks=True), EXACT)
    reversed_parts = parts[::-1]
    assert_agrees(layer_of_parts([((0, 1), reversed_parts)], 2), inputs(n, 2, sinks=True), EXACT)


@pytest.mark.parametrize("lattice", [Lattice(7, 16, 32), Lattice(7, 4, 8), Lattice(7, 2, 32), Lattice(7, 16, 2)])
def test_keys_of_other_classes_and_listed_ones(lattice):
    """A lattice launch may see any key: classes are then not done apart."""
    n = 28 if lattice.own_run < 16 else 75
    away = distances(n)
    listed = (0, 3, 50 % n)
    mask = (away % 7 == 2) & (away > -30)
    mask[:, list(listed)] = True
    layer = layer_of_parts([((0, 1), [Part(mask, lattice, listed)])], 2)
    assert_agrees(layer, inputs(n, 2), EXACT)


@pytest.mark.parametrize("piece", [1, 1 << 13])
def test_keys_of_other_classes(monkeypatch, piece):
    monkeypatch.setattr(cpu_schedule, "PIECE", piece)
    cpu_schedule._schedule.cache_clear()
    mask = distances(75) % 7 == 2
    assert_agrees(layer_of_parts([((0, 1), [Part(mask, Lattice(7, 16, 32))])], 2), inputs(75, 2), EXACT)
    cpu_schedule._schedule.cache_clear()


@pytest.mark.parametrize("column", [BITS, SLOT], ids=["interval span", "share of an item"])
def test_tables_of_other_targets(column):
    layer = layer_of_parts([((0,), [Part(distances(20) >= 0)])], 1)
    layer.tables[0][0, column] += 1
    with pytest.raises(ValueError, match="made for another target"):
        layer.attend(*inputs(20, 1))


def test_packs_with_rows_left_out():
    layer = layer_of_parts([((0,), [Part(same_class(40, 10), runs(10, 40))])], 1)
    layer.tables[0][0, COUNT] -= 1
    with pytest.raises(ValueError, match="packed tiles that own all their positions"):
        layer.attend(*inputs(40, 1))


@given(data=st.data())
@settings(max_examples=60)
def test_any_mask_on_any_lattice(data):
    n = data.draw(st.integers(1, 70))
    step = data.draw(st.integers(1, 20))
    own_tile = data.draw(st.sampled_from([16, 64]))
    lattice = runs(step, n, own_tile) if data.draw(st.booleans()) else Lattice(step, own_tile, WIDTH)
    generator = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    density = data.draw(st.sampled_from([0.02, 0.3, 0.9, 1.0]))
    mask = generator.random((n, n)) < density
    if data.draw(st.booleans()):
        mask &= same_class(n, step)
    first = generator.random((n, n)) < data.draw(st.sampled_from([0.1, 0.6]))
    parts = [Part(mask & first), Part(mask & ~first, lattice)]
    if data.draw(st.booleans()):
        parts = parts[::-1]
    layer = layer_of_parts([((0, 1), parts)], 2, own_tile=own_tile)
    assert_agrees(layer, inputs(n, 2, sinks=data.draw(st.booleans())), EXACT)


def test_pieces_and_chunks_of_any_size(monkeypatch):
    monkeypatch.setattr(cpu_chunks, "_SCORES", 1 << 10)
    for piece in (1, 64, 500):
        monkeypatch.setattr(cpu_schedule, "PIECE", piece)
        cpu_schedule._schedule.cache_clear()
        layer = layer_of_parts([((0, 1, 2, 3), local_or_stride(131, 6, 4))], 4, 2)
        assert_agrees(layer, inputs(131, 4, 2, batch=2, sinks=True), EXACT)
    cpu_schedule._schedule.cache_clear()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-6), (torch.float16, 4e-3), (torch.bfloat16, 2e-2)])
def test_dtypes(dtype, tolerance):
    layer = layer_of_parts([((0, 1), local_or_stride(150, 12, 5))], 2, 2, head_dim=32)
    leaves = inputs(150, 2, 2, head_dim=32, dtype=dtype, sinks=True)
    o, lse = layer.attend(*leaves)
    assert o.dtype == dtype
    assert lse.dtype == torch.float32
    assert [each.dtype for each in gradients((o, lse), leaves)] == [dtype] * 4
    assert_agrees(layer, leaves, tolerance)


def test_state_is_not_rounded_between_launches():
    """Forty launches over bfloat16 rows are as exact as one."""
    n = 80
    away = distances(n)
    many = [Part((away >= 0) & (away % 40 == rest)) for rest in range(40)]
    leaves = inputs(n, 1, head_dim=16, dtype=torch.bfloat16)
    o, _ = layer_of_parts([((0,), many)], 1, head_dim=16).attend(*leaves)
    right, _ = layer_of_parts([((0,), [Part(away >= 0)])], 1, head_dim=16).expect(*leaves)
    assert float((o - right).detach().abs().max()) < 1e-2


@pytest.mark.parametrize(
    "arrange",
    [
        lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
        lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
        lambda x: x[:, :, :1].expand_as(x),
    ],
    ids=["heads inside tokens", "head_dim outside", "expanded"],
)
def test_strides_of_inputs(arrange):
    layer = layer_of_parts([((0, 1), local_or_stride(70, 6, 4))], 2, 2)
    leaves = tuple(arrange(each.detach()).requires_grad_() for each in inputs(70, 2, 2, batch=3))
    assert_agrees(layer, leaves, EXACT)


def test_the_same_bits_every_time():
    layer = layer_of_parts([((0, 1, 2, 3), local_or_stride(117, 9, 4))], 4, 2)
    leaves = inputs(117, 4, 2, batch=2, dtype=torch.float32, sinks=True)

    def run():
        outputs = layer.attend(*leaves)
        return (*outputs, *gradients(outputs, leaves))

    first, second = run(), run()
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_gradcheck():
    layer = layer_of_parts([((0, 1), local_or_stride(19, 3, 4))], 2)
    q, k, v, sinks = inputs(19, 2, head_dim=3, sinks=True)
    assert torch.autograd.gradcheck(lambda *leaves: layer.attend(*leaves, scale=0.7), (q, k, v, sinks))
