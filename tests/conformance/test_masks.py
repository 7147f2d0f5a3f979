"""Every pattern attends to what the system it names attends to: all pairs, all layers, all heads."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from patternc.compiler import Program, analyse
from tests.conformance.cases import CASES, Case
from tests.conformance.programs import UNMET, always_new, random_blocks, written

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
MET = {name: case for name, case in CASES.items() if name not in UNMET}
RANDOM = {name: case for name, case in MET.items() if random_blocks(case)}
EXACT = {name: case for name, case in MET.items() if name not in RANDOM}


def compiled(case: Case, draws: int | None = None) -> Program:
    program = written(case, draws)
    return analyse(program.source, tokens=case.tokens, params=program.params)[0]


def expected_mask(case: Case, layer: int, head: int) -> np.ndarray:
    """Token by token; a block of a layout holds whole, and S2's kernel cuts its layouts to the past."""
    masks = case.by_layer_and_head("mask")
    mask = masks[layer, head % masks.shape[1]]
    mask = np.repeat(np.repeat(mask, case.block, 0), case.block, 1)[: case.tokens, : case.tokens]
    return mask & np.tri(case.tokens, dtype=bool) if case.family == "s2" and case.params.get("causal", True) else mask


def block_mask(program: Program, case: Case, layer: int, head: int) -> np.ndarray:
    """The layout of a program that must not tell the tokens of a block apart."""
    mask = program.mask(layer, head)
    blocks = mask[:: case.block, :: case.block]
    assert np.array_equal(mask, np.repeat(np.repeat(blocks, case.block, 0), case.block, 1))
    return blocks


@pytest.mark.parametrize("name", EXACT)
def test_mask(name):
    case = CASES[name]
    program = compiled(case)
    layers, heads = case.by_layer_and_head("mask").shape[:2]
    assert heads in (1, program.schedule.heads)
    for layer in range(layers):
        for head in range(program.schedule.heads):
            assert np.array_equal(program.mask(layer, head), expected_mask(case, layer, head)), (layer, head)


@pytest.mark.parametrize("name", RANDOM)
def test_random_mask(name):
    """What is drawn is a matter of the generator. What is not drawn, how much is, and from where, must agree."""
    case = CASES[name]
    draws, masks = random_blocks(case), case.by_layer_and_head("mask")
    layers, heads, blocks, _ = masks.shape
    program, without, with_all = (compiled(case, count) for count in (draws, 0, blocks))
    for layer in range(layers):
        for head in range(heads):
            fixed, most = block_mask(without, case, layer, head), block_mask(with_all, case, layer, head)
            for mask in (masks[layer, head], block_mask(program, case, layer, head)):
                assert (mask >= fixed).all()
                assert (mask <= most).all()
                drawn, candidates = (mask & ~fixed).sum(1), (most & ~fixed).sum(1)
                assert (drawn <= draws).all()
                if always_new(case):
                    assert np.array_equal(drawn, np.minimum(draws, candidates))


@pytest.mark.parametrize("name", [name for name, case in RANDOM.items() if case.family == "deepspeed"])
def test_heads_draw_alike_unless_told_otherwise(name):
    case = CASES[name]
    program, masks = compiled(case), case.by_layer_and_head("mask")[0]
    own = case.params["kwargs"].get("different_layout_per_head", False)
    for mask in (masks, np.stack([block_mask(program, case, 0, head) for head in range(len(masks))])):
        assert (mask == mask[:1]).all() != own


def test_the_page_says_what_is_met():
    page = PAGE.read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (\d+ of \d+) \|", page, re.MULTILINE))
    families = sorted({case.family for case in CASES.values()})
    totals = {family: [name for name, case in CASES.items() if case.family == family] for family in families}
    assert rows == {family: f"{sum(name in MET for name in names)} of {len(names)}" for family, names in totals.items()}
    assert set(re.findall(r"^- `(?!io_)(\w+)`: ", page, re.MULTILINE)) == set(UNMET)
