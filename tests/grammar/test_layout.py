"""layout: stored squares of pairs, from the file to the mask, and from a compiled module back."""

import io
import json
import os
from contextlib import suppress

import numpy as np
import pytest
import torch

import patternc
from patternc.algebra import relation as r
from patternc.algebra.elaborate import elaborate
from patternc.algebra.evaluate import evaluate
from patternc.analysis.tiles import tile_map
from patternc.diagnostics import PatternError
from patternc.grammar import layout_file
from patternc.grammar.layout_file import LayoutFileError, read_layout
from patternc.grammar.reading import read_source
from patternc.grammar.typed_json import TypedJsonError, typed_from_json, typed_to_json
from patternc.source import Source
from tests.grammar.front import codes, elaborated, model, program_of, schedule_of
from tests.strategies import mask

RANDOM = np.random.default_rng(7)


def square(side, share=0.3):
    return RANDOM.random((side, side)) < share


@pytest.fixture
def pattern(tmp_path):
    """A Source beside `mask.npy`, whose array is given with the text."""

    def made(text, array):
        np.save(tmp_path / "mask.npy", array)
        (tmp_path / "main.attn").write_text(text)
        return read_source(tmp_path / "main.attn")

    return made


def masks_of(source, layer=0):
    schedule = schedule_of(source)
    positions = np.arange(schedule.tokens)
    return [
        evaluate(schedule.pattern(layer, head).relation, positions[:, None], positions[None, :], schedule.tokens)
        for head in range(schedule.heads)
    ]


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, ">i4", np.int64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_mask_is_the_array(pattern, dtype, order):
    array = square(19)
    (found,) = masks_of(pattern(model('layout("mask.npy")', 19, "bidirectional"), array.astype(dtype, order=order)))
    assert np.array_equal(found, array)


def test_it_composes_with_lifts_and_operators(pattern):
    array = square(6)
    text = 'blocks(4, layout("mask.npy")) & (past | within(6, layout("mask.npy"))) | slice(2..8, layout("mask.npy"))'
    (found,) = masks_of(pattern(model(text, 24, "bidirectional"), array))
    wanted = np.kron(array, np.ones((4, 4), bool)) & (np.tri(24, dtype=bool) | np.tile(array, (4, 4)))
    wanted[2:8, 2:8] |= array
    assert np.array_equal(found, wanted)


def test_a_causal_model_cuts_it_at_token_level(pattern):
    (found,) = masks_of(pattern(model('self | blocks(3, layout("mask.npy"))', 24), np.ones((8, 8), bool)))
    assert np.array_equal(found, np.tri(24, dtype=bool))


def test_an_array_for_each_head(pattern):
    arrays = np.stack([square(8), square(8), np.zeros((8, 8), bool), np.ones((8, 8), bool)])
    text = f'pattern stored = blocks(2, layout("mask.npy"))\n{model("stored", 16, "bidirectional", "heads 4")}'
    found = masks_of(pattern(text, arrays))
    for head, array in zip(found, arrays, strict=True):
        assert np.array_equal(head, np.kron(array, np.ones((2, 2), bool)))
    schedule = schedule_of(pattern(text, arrays))
    assert [schedule.pattern(0, head).relation for head in (2, 3)] == [r.EMPTY, r.FULL]
    assert schedule.pattern(0, 0).text == 'blocks(2, layout("mask.npy"))'


def test_equal_content_is_one_relation(pattern, tmp_path):
    array = square(8)
    np.save(tmp_path / "same.npy", array.astype(np.int16))
    text = 'model m { bidirectional tokens 8 layers 2 { 0: layout("mask.npy")  1: layout("same.npy") } }'
    source = pattern(text, array)
    assert len(schedule_of(source).patterns) == 1
    assert len(program_of(source).layouts) == 1


def test_the_file_lies_beside_the_one_that_names_it(pattern, tmp_path):
    (tmp_path / "deep").mkdir()
    array = square(8)
    np.save(tmp_path / "deep" / "stored.npy", array)
    (tmp_path / "deep" / "p.attn").write_text('pattern p = layout("stored.npy")')
    source = pattern(f'use "deep/p.attn"\n{model("p", 8, "bidirectional")}', array)
    assert np.array_equal(masks_of(source)[0], array)


def test_other_lengths_are_refused(pattern):
    source = pattern(model('blocks(4, layout("mask.npy"))', 24, "bidirectional"), square(6))
    assert codes(source, tokens=40) == ["PA414"]
    assert codes(source, tokens=23) == []  # six blocks, the last one shorter
    program = program_of(source)
    assert [each.code for each in elaborate(program, tokens=40, clip_ids=True).diagnostics] == ["PA414"]


# -- files ------------------------------------------------------------------------------------------------------------


def header(shape, dtype="|b1", version=1):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text


DATA = square(4).tobytes()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_versions_of_the_format(tmp_path, version):
    (tmp_path / "x.npy").write_bytes(header((4, 4), version=version) + DATA)
    layout = read_layout(tmp_path / "x.npy", "x.npy")
    assert (layout.heads, layout.side) == (None, 4)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "PA010"),
        (b"\x93NUMPY", "PA010"),
        (b"\x93NUMPY\x01", "PA010"),
        (header((4, 4))[:20], "PA010"),
        (header((4, 4), version=4) + DATA, "PA010"),
        (header((4, 4)), "PA010"),
        (header((4, 4)) + DATA[:-1], "PA010"),
        (header((4, 4)) + DATA + b"\0", "PA010"),
        (header((4, 4)) + b"\2" * 16, "PA010"),
        (header((4, 4), "|O") + DATA, "PA010"),
        (header((4, 4), "<f8") + DATA * 8, "PA010"),
        (header((4, 4), "<M8[s]") + DATA * 8, "PA010"),
        (header((4, 4), "|S1") + DATA, "PA010"),
        (header((4, 4), "<i3") + DATA * 3, "PA010"),
        (header((16,)) + DATA, "PA010"),
        (header(()) + b"\1", "PA010"),
        (header((0, 0)), "PA010"),
        (header((0, 4, 4)), "PA010"),
        (header((2, 8)) + DATA, "PA010"),
        (header((1, 1, 4, 4)) + DATA, "PA010"),
        (header("(" * 5000) + DATA, "PA010"),
        (header("__import__('os').abort()") + DATA, "PA010"),
        (header((10**11, 10**11)), "PA011"),
        (header((9000, 9000)), "PA011"),
        (header((20, 2048, 2048)), "PA011"),
        (b"PK\3\4" + b"x" * 100, "PA010"),
    ],
)
def test_files_that_are_no_layout(tmp_path, content, code):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(LayoutFileError) as caught:
        read_layout(tmp_path / "x.npy", "here/x.npy")
    assert caught.value.code == code
    assert "`here/x.npy`" in caught.value.message


def test_a_damaged_file_is_never_a_traceback(tmp_path):
    stream = io.BytesIO()
    np.save(stream, square(8))
    whole = stream.getvalue()
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(RANDOM.integers(1, 4)):
            damaged[RANDOM.integers(0, len(damaged))] = RANDOM.integers(0, 256)
        (tmp_path / "x.npy").write_bytes(bytes(damaged[: RANDOM.integers(0, len(damaged) + 1)]))
        with suppress(LayoutFileError):
            assert read_layout(tmp_path / "x.npy", "x.npy").side == 8


@pytest.mark.parametrize("name", ["", ".", "/", "a\0b", "x" * 5000, "/dev/null/x", "none.npy", "pipe"])
def test_odd_names(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    source = Source("main.attn", model(f'layout("{name}")', 8), tmp_path / "main.attn")
    assert codes(source) == ["PA009"]


def test_nothing_is_allocated_for_a_size_that_is_only_claimed(tmp_path, monkeypatch):
    (tmp_path / "x.npy").write_bytes(header((8192, 8192)) + DATA)  # within the limit, and cut off
    monkeypatch.setattr(np, "frombuffer", lambda *_: pytest.fail("the content was looked at"))
    with pytest.raises(LayoutFileError) as caught:
        read_layout(tmp_path / "x.npy", "x.npy")
    assert "is cut off" in caught.value.message
    assert layout_file.MAX_BYTES == 8192 * 8192


# -- modules ----------------------------------------------------------------------------------------------------------


def test_a_module_keeps_what_it_was_compiled_from(pattern, tmp_path):
    array = square(8) | np.eye(8, dtype=bool)
    source = pattern(model('blocks(16, layout("mask.npy"))', 128, "bidirectional"), array)
    compiled = patternc.compile(source, head_dim=16, target="cpu", dtype="float32")
    module = compiled.save(tmp_path / "stored.attnc")
    (tmp_path / "mask.npy").unlink()
    attention = patternc.load(module)
    kept = typed_from_json((module / "ir.json").read_text())
    assert elaborate(kept, head_dim=16).schedule == compiled.schedule
    assert attention.program.layouts == compiled.bound.layouts
    with pytest.raises(ValueError, match="PA414"):
        attention.prepare(64, 16, torch.float32, "cpu")


def changed(text, **fields):
    data = json.loads(text)
    data["layouts"][0].update(fields)
    return json.dumps(data)


def test_a_changed_layout_is_not_read(pattern):
    array = square(8)
    text = typed_to_json(program_of(pattern(model('layout("mask.npy")', 8), array)))
    assert typed_from_json(text).layouts == program_of(pattern(model('layout("mask.npy")', 8), array)).layouts
    for fields in (
        {"side": 16},
        {"side": 0},
        {"heads": 2},
        {"heads": 0},
        {"bits": "AAAA"},
        {"bits": "?"},
        {"digest": "0"},
    ):
        with pytest.raises(TypedJsonError):
            typed_from_json(changed(text, **fields))
    data = json.loads(text)
    with pytest.raises(TypedJsonError, match="twice"):
        typed_from_json(json.dumps({**data, "layouts": data["layouts"] * 2}))
    with pytest.raises(TypedJsonError, match="not there"):
        typed_from_json(json.dumps({**data, "layouts": []}))


def test_an_empty_row_is_found(pattern):
    array = np.eye(8, dtype=bool)
    array[5] = False
    with pytest.raises(PatternError) as caught:
        patternc.compile(pattern(model('blocks(2, layout("mask.npy"))', 16, "bidirectional"), array))
    assert "query 10 attends nothing" in caught.value.diagnostics[0].message


# -- what works with it -----------------------------------------------------------------------------------------------


def test_blocks_of_a_layout_are_tiled_by_their_blocks(pattern):
    """16,384 tokens in blocks of 64: as many tiles as blocks are set, and few distinct ones."""
    array = square(256, 0.03) | np.eye(256, dtype=bool)
    source = pattern(model('blocks(64, layout("mask.npy"))', 16384, "bidirectional"), array)
    relation = schedule_of(source).pattern(0, 0).relation
    tiles = tile_map(relation, 16384, 64, 64)
    assert tiles.classes.size == tiles.full == int(array.sum())
    taller = tile_map(relation, 16384, 128, 64)
    assert taller.pairs == int(array.sum()) * 64 * 64
    assert taller.classes.size == int((array[::2] | array[1::2]).sum())
    assert taller.masks.shape[0] <= 2


def test_the_oracle_agrees(pattern):
    relation = elaborated(pattern(model('layout("mask.npy")', 21, "bidirectional"), square(21))).schedule.patterns[0]
    (found,) = masks_of(pattern(model('layout("mask.npy")', 21, "bidirectional"), square(21)))
    assert found.shape == (21, 21)
    positions = np.arange(21)
    by_array = evaluate(relation.relation, positions[:, None], positions[None, :], 21)
    assert np.array_equal(by_array, mask(relation.relation, 21))
