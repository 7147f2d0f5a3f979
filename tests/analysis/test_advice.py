"""Advice: given where the figures say so, and only there; crop stability with a pair that shows its absence."""

import numpy as np
import pytest

from patternc.algebra import relation as r
from patternc.analysis.advice import advise, dense_tiles
from patternc.analysis.facts import Facts
from patternc.analysis.report_program import report_program
from patternc.analysis.tiles import tile_map
from tests.analysis.programs import program
from tests.analysis.schedules import head, schedule
from tests.strategies import mask


def codes(pattern, tokens=2048, direction="causal", extra=""):
    found = program(f"{extra}\nmodel m {{ {direction} tokens {tokens} layers 2 {{ all: {pattern} }} }}")
    return [warning.code for warning in report_program(found.checked, found.elaborated).warnings]


def advice(model):
    return [warning.message for warning in advise(Facts(model))]


def test_a_term_that_adds_nothing_though_its_form_does_not_show_it():
    model = schedule(64, [[head(window=r.Band(0, 7), some=r.Band(0, 4, 2), other=r.Band(0, None, 16))]])
    messages = advice(model)
    assert messages == []  # local(4, dilation = 2) in local(8): plain from its form, which elaboration warns of
    hidden = head(a=r.Band(0, 3), b=r.Band(4, 7), all=r.Band(2, 5), far=r.Band(9, 9))
    model = schedule(64, [[hidden]])
    messages = advice(model)
    assert messages == ["the term `all` adds nothing: the others have all its pairs here"]


@pytest.mark.parametrize(
    ("pattern", "code", "given"),
    [
        ("local(256)", "PA905", False),
        ("stride(64)", "PA905", True),
        ("local(8)", "PA905", True),
        ("columns(64)", "PA905", False),
        ("chunk(128) | columns(128, last = 4)", "PA905", False),
        ("local(2000)", "PA906", True),
        ("local(256)", "PA906", False),
        ("dense", "PA906", False),
        ("local(64) | random(2)", "PA908", True),
        ("blocks(64, local(2) | random(2))", "PA908", False),
        ("local(64) | slice(n // 2..n, chunk(300))", "PA907", True),
        ("local(64) | keys(0)", "PA907", False),
    ],
)
def test_advice_is_given_where_it_helps(pattern, code, given):
    assert (code in codes(pattern)) == given


def test_layers_that_differ_in_their_draws_alone_are_warned_of_once():
    assert codes("blocks(64, local(3) | random(20))").count("PA906") == 1
    assert codes("random(2) | blocks(64, random(20))").count("PA908") == 1
    assert codes("random(2) | random(3, seed = 7)").count("PA908") == 2  # each term
    assert codes("local(2000 - 100 * layer)").count("PA906") == 2  # one text, and two windows


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("n", [1, 64, 128, 129, 1000])
def test_tiles_of_dense_attention(n, causal):
    assert dense_tiles(n, causal, 128, 64) == tile_map(r.PAST if causal else r.FULL, n, 128, 64).classes.size


def cropped(text, **options):
    found = program(text, **options)
    return found, report_program(found.checked, found.elaborated).cropped


@pytest.mark.parametrize(
    ("pattern", "stable"),
    [
        ("local(8) | stride(16)", True),
        ("local(8) | keys(0..4)", True),
        ("slice(8..n, local(4)) | keys(0..8)", True),
        ("blocks(8, local(2))", True),
        ("diagonals([0, powers(2)])", True),
        ("random(3)", True),
        ("columns(8, at = -2..3)", True),
        ("diagonals([-3, 0, 2])", True),
        ("keys(-20)", False),
        ("local(8) | keys(n - 30)", False),
        ("blocks(8, keys(-2))", False),
        ("keys(-1)", None),  # under causal only itself attends the last key: stable, but not plainly so
        ("local(isqrt(n))", False),
        ("slice(n // 2..n, local(4)) | self", False),
        ("random(3, bidirectional)", False),
        ("local(8 + 0 * n)", None),
    ],
)
def test_crop_stability(pattern, stable):
    text = f"model m {{ causal tokens 120 allow empty layers 1 {{ all: {pattern} | self }} }}"
    found, answer = cropped(text)
    assert answer.stable is stable
    if stable is False:
        tokens, layer, head_index, query, key = answer.place
        shorter = program(text, tokens=tokens)
        long = mask(found.schedule.pattern(layer, head_index).relation, 120)
        assert long[query, key] != mask(shorter.schedule.pattern(layer, head_index).relation, tokens)[query, key]
    if stable:
        long = mask(found.schedule.pattern(0, 0).relation, 120)
        for tokens in (1, 7, 64, 119):
            at = [i for i in range(tokens)]
            shorter = _clipped(found, tokens)
            assert (mask(shorter, tokens) == long[np.ix_(at, at)]).all()


def _clipped(found, tokens):
    from patternc.algebra.elaborate import elaborate

    return elaborate(found.bound, tokens, clip_ids=True).schedule.pattern(0, 0).relation


def test_a_neighborhood_inside_a_fixed_size_is_stable():
    """Its last windows shift with the end of its place, which is the size there."""
    text = "model m { bidirectional tokens 120 layers 1 { all: within(8, neighborhood(3)) } }"
    assert cropped(text)[1].stable is True
    moved = cropped("model m { bidirectional tokens 120 layers 1 { all: neighborhood(3) } }")[1]
    assert (moved.stable, moved.place is None) == (False, False)


def test_a_layout_of_the_whole_sequence_has_one_length(tmp_path):
    np.save(tmp_path / "square.npy", np.tril(np.ones((16, 16), dtype=bool)))
    source = tmp_path / "stored.attn"
    source.write_text('model m { causal tokens 64 layers 1 { all: blocks(4, layout("square.npy")) } }')
    assert cropped(source)[1].stable is None


def test_parameters_keep_their_values_under_a_crop():
    text = "param l = isqrt(n)\nmodel m { causal tokens 144 layers 1 { all: local(l) | stride(l) } }"
    assert cropped(text)[1].stable is True
