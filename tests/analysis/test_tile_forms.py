"""Tiles in closed form: what is said equals the tiles that are planned, at lengths that were not looked at."""

import pytest

from patternc.analysis.expression import value, write
from patternc.compiler import analyse
from patternc.source import Source


def program(layers, tokens, text="causal", params=""):
    source = f"{params}model m {{ {text} tokens {tokens} layers 1 {{ all: {layers} }} }}"
    return analyse(Source("m", source))[0]


@pytest.mark.parametrize(
    ("layers", "tokens", "text", "written", "valid"),
    [
        ("local(128)", 4096, "causal", "n/32 - 2", ("n >= 2048", "n % 128 == 0")),
        ("dense", 4096, "causal", "n*(n + 128)/16384", ("n >= 2048", "n % 128 == 0")),
        ("dense", 4096, "bidirectional", "n**2/8192", ("n >= 2048", "n % 128 == 0")),
        ("blocks(64, local(3))", 4096, "bidirectional", "n/32 - 2", ("n >= 2048", "n % 128 == 0")),
        ("chunk(256)", 8192, "causal", None, None),
        ("local(64) | keys(0..4)", 4096, "causal", None, None),
    ],
)
def test_a_form_is_the_number_of_planned_tiles(layers, tokens, text, written, valid):
    found = program(layers, tokens, text)
    (form,) = found.facts.tile_forms
    assert form is not None
    if written is not None:
        said = write(form)
        assert (said.text, said.where, said.valid) == (written, (), valid)
    assert value(form, {"n": tokens}) == found.facts.computed[0].active
    seen = 0
    for other in (tokens + 1, tokens + 128 * 5, tokens * 2, tokens * 3 + 1024):
        said = value(form, {"n": other})
        if said is not None:
            seen += 1
            assert said == program(layers, other, text).facts.computed[0].active
    assert seen


def test_parameters_stay_what_they_are():
    """k = isqrt(n) is another pattern at another length: the form is of the pattern with the k of this length."""
    found = program("local(k)", 4096, params="param k = isqrt(n)\n")
    (form,) = found.facts.tile_forms
    assert value(form, {"n": 8192}) == program("local(64)", 8192).facts.computed[0].active


def test_what_is_drawn_has_no_form():
    assert program("blocks(64, random(2)) | self", 4096).facts.tile_forms == (None,)


def test_short_sequences_have_no_form():
    assert program("local(8)", 512).facts.tile_forms == (None,)


def test_tiles_at_two_lengths_are_two_numbers():
    """A counter that was asked at one length answers at another."""
    facts = program("local(128)", 4096).facts
    relations = facts.schedule.patterns[0].relations
    assert facts.tiles(relations, 8192, 0).active == program("local(128)", 8192).facts.computed[0].active
    assert facts.tiles(relations, 4096, 0).active == facts.computed[0].active
