"""Every pattern attends to what the system it names attends to: all pairs, all layers, all heads."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from patternc.compiler import analyse
from patternc.program import Program
from tests.conformance.cases import CASES, Case
from tests.conformance.programs import UNMET, random_blocks, written

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


def block_counts(program: Program, case: Case, layer: int, head: int) -> np.ndarray:
    """How often the blocks of a program count, which must not tell the tokens of a block apart."""
    counts = program.mask(layer, head, counts=True)
    blocks = counts[:: case.block, :: case.block]
    assert np.array_equal(counts, np.repeat(np.repeat(blocks, case.block, 0), case.block, 1))
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


@pytest.mark.parametrize("name", [name for name, case in EXACT.items() if "count" in case.arrays])
def test_how_often_a_key_counts(name):
    case = CASES[name]
    program, counts = compiled(case), case.by_layer_and_head("count")
    for layer in range(counts.shape[0]):
        for head in range(program.schedule.heads):
            given = counts[layer, head % counts.shape[1]]
            expected = np.repeat(np.repeat(given, case.block, 0), case.block, 1)
            assert np.array_equal(program.mask(layer, head, counts=True), expected), (layer, head)


@pytest.mark.parametrize("name", RANDOM)
def test_random_mask(name):
    """What is drawn is a matter of the generator. What is not drawn, how much is, and from where, must agree."""
    case = CASES[name]
    draws, given = random_blocks(case), case.by_layer_and_head("count" if "count" in case.arrays else "mask")
    layers, heads, blocks, _ = given.shape
    program, without, with_all = (compiled(case, count) for count in (draws, 0, blocks))
    for layer in range(layers):
        for head in range(heads):
            fixed = block_counts(without, case, layer, head)
            candidates = block_counts(with_all, case, layer, head) - fixed
            for counts in (given[layer, head], block_counts(program, case, layer, head)):
                drawn = counts - fixed
                assert (drawn >= 0).all()
                assert (drawn <= candidates).all()
                # What DeepSpeed draws may be in the row already; BigBird draws new blocks, or counts them twice.
                number, most = drawn.sum(1), np.minimum(draws, candidates.sum(1))
                assert np.array_equal(number, most) if case.family == "hf" else (number <= most).all()


@pytest.mark.parametrize("name", [name for name, case in RANDOM.items() if case.family == "deepspeed"])
def test_heads_draw_alike_unless_told_otherwise(name):
    case = CASES[name]
    program, masks = compiled(case), case.by_layer_and_head("mask")[0]
    own = case.params["kwargs"].get("different_layout_per_head", False)
    for mask in (masks, np.stack([block_counts(program, case, 0, head) for head in range(len(masks))])):
        assert (mask == mask[:1]).all() != own


@pytest.mark.parametrize("name", [name for name, case in MET.items() if case.family == "longnet"])
def test_weights_at_equal_logits(name):
    """A sum's softmax is LongNet's: where all logits are equal, a key's weight is its share of the branches."""
    case = CASES[name]
    program, weights = compiled(case), case.arrays["weight"]
    padded = np.zeros(case.tokens, bool)
    if name == "longnet_n40_h2_s16_r1_b":  # its last segment has 8 tokens and 8 of padding, which the system attends to
        padded[32:] = True
    for head, weight in enumerate(weights):
        counts = program.mask(0, head, counts=True)
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        assert np.allclose(weight, np.where(padded[:, None], shares / 2, shares), atol=1e-6)


def test_the_page_says_what_is_met():
    page = PAGE.read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (\d+ of \d+) \|", page, re.MULTILINE))
    families = sorted({case.family for case in CASES.values()})
    totals = {family: [name for name, case in CASES.items() if case.family == family] for family in families}
    assert rows == {family: f"{sum(name in MET for name in names)} of {len(names)}" for family, names in totals.items()}
    assert set(re.findall(r"^- `(?!io_)(\w+)`: ", page, re.MULTILINE)) == set(UNMET)
