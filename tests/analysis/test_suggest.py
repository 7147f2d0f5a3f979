"""Suggestions: given where they are true, with the figures that following them gives; silent where they are not."""

import json
import re
from fractions import Fraction

import pytest

from patternc.algebra.elaborate import elaborate
from patternc.analysis.knobs import knobs
from patternc.codegen.crossing import crossing
from patternc.codegen.explain import predicted
from patternc.compiler import analyse, compile


def model(pattern, tokens=2048, layers=4, direction="causal", before="", after=""):
    return f"{before}\nmodel m {{ {direction} tokens {tokens} layers {layers} {{ all: {pattern} }} }}\n{after}"


def advice(text, kind, **options):
    program, _ = analyse(text, **options)
    found = [each for each in program.advice if each.kind == kind]
    assert len(found) <= 1 or kind == "block"
    return found[0] if found else None


def depth_of(text, **options):
    return analyse(text, **options)[0].facts.reach.depth


# -- connected sooner -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["param w = 96\nparam k = 128", ""])
def test_another_distance_connects_in_fewer_layers(before):
    """local(96) | stride(128) leaves pairs after two layers; with the same distance for both it does not."""
    pattern = "local(w) | stride(k)" if before else "local(96) | stride(128)"
    text = model(pattern, before=before)
    assert depth_of(text) == 3
    found = advice(text, "depth")
    followed = text.replace("stride(128)", "stride(96)") if not before else text.replace("k = 128", "k = 96")
    assert depth_of(followed) == 2
    assert found.change == (("k", 96) if before else None)
    assert "connects in 3 layers; in 2 with" in found.text
    start = found.label.span.start
    assert text[start:].startswith("k = 128" if before else "128")
    for counted in (analyse(each)[0].facts.counts.total for each in (text, followed)):
        assert f"{counted:,}" in found.text


def test_the_smallest_window_that_connects():
    """local(w) connects n tokens in L layers iff n <= L (w - 1) + 1."""
    found = advice(model("local(w)", 1000, 4, before="param w = 250"), "depth")
    assert found.change == ("w", 251)
    assert "does not connect in its 4 layers" in found.text
    found = advice(model("local(w)", 1000, 4, before="param w = 256"), "depth")
    assert found.change == ("w", 334)
    assert [depth_of(model(f"local({w})", 1000, 4)) for w in (333, 334)] == [4, 3]


def test_parameters_that_follow_are_followed():
    text = model("local(w) | stride(2 * w)", 1024, 4, before="param w = h // 2\nparam h = 96")
    for found in [advice(text, "depth")]:
        if found is not None:
            assert depth_of(text, params=dict([found.change])) < (depth_of(text) or 99)


@pytest.mark.parametrize(
    "text",
    [
        model("local(64) | stride(64)"),  # two layers are as few as there can be
        model("dense"),
        model("local(8)", 2000, 2),  # nothing near connects it
        model("local(96) | stride(128)", after="expect connected within 2 layers"),  # fails: that is said first
    ],
)
def test_no_distance_where_none_helps(text):
    assert advice(text, "depth") is None


def test_no_distance_that_an_expectation_forbids():
    """What connects sooner has more pairs; where those are too many, nothing is proposed."""
    pairs = analyse(model("local(96) | stride(128)", layers=1))[0].facts.counts.total
    assert advice(model("local(96) | stride(128)", after=f"expect pairs(0) <= {pairs}"), "depth") is None


# -- cheaper blocks ---------------------------------------------------------------------------------------------------


def computed(text):
    program, _ = analyse(text)
    facts = program.facts
    return sum(facts.computed[at].computed for row in facts.schedule.table for at in row)


@pytest.mark.parametrize("named", [True, False])
def test_a_smaller_block_computes_less(named):
    before = "param b = 128" if named else ""
    text = model(f"blocks({'b' if named else 128}, local(3) | global(0))", 4096, 4, "bidirectional", before)
    found = advice(text, "block")
    followed = text.replace("128", "64")
    assert depth_of(followed) <= depth_of(text)
    least, most = computed(followed), computed(text)
    assert f"{least:,} pairs are computed instead of {most:,}" in found.text
    assert f"block 64 instead of 128 saves {float(1 - Fraction(least, most)):.0%}" in found.text
    assert found.change == (("b", 64) if named else None)


def test_no_block_where_connection_or_expectations_would_be_lost():
    assert advice(model("chunk(128)", 128, 1), "block") is None
    blocks = "blocks(128, local(3) | global(0))"
    pairs = analyse(model(blocks, 4096, 1, "bidirectional"))[0].facts.counts.total
    assert advice(model(blocks, 4096, 4, "bidirectional", after=f"expect pairs(0) >= {pairs}"), "block") is None


# -- longer sequences -------------------------------------------------------------------------------------------------


def test_where_a_window_ends():
    found = advice(model("local(256)", 1000, 4), "length")
    assert "4 layers leave (1,021, 0) unconnected from n = 1,022 on" in found.text
    assert [depth_of(model("local(256)", n, 4)) for n in (1021, 1022)] == [4, None]
    assert advice(model("local(256)", 1022, 4), "length") is None  # it is so here, and the report says it
    assert advice(model("local(64) | stride(64)"), "length") is None


# -- dense attention --------------------------------------------------------------------------------------------------


def forward(text, tokens):
    return float(predicted(compile(text, tokens=tokens, target="cuda:90").figures).forward)


def test_from_which_length_on_it_pays():
    text = model("local(64) | stride(64)", 4096, 2)
    program = compile(text)
    found = crossing(program.schedule, program.figures, lambda n: elaborate(program.checked, n).schedule)
    dense = model("dense", 4096, 2)
    assert found.below < found.above <= 4096
    assert found.below_seconds == (forward(text, found.below), forward(dense, found.below))
    assert found.above_seconds == (forward(text, found.above), forward(dense, found.above))
    assert found.below_seconds[0] >= found.below_seconds[1]
    assert found.above_seconds[0] < found.above_seconds[1]
    said = advice(text, "dense")
    assert f"n = {found.below:,} " in said.text
    assert "not measured" in said.text


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (model("dense"), {}),
        (model("local(64) | stride(64)", 256), {}),  # dense is faster here, and PA906 is about that
        (model("local(64) | stride(64)"), {"target": "cpu"}),  # no predictions
    ],
)
def test_nothing_is_said_of_dense_attention_where_nothing_is_known(text, options):
    assert advice(text, "dense", **options) is None


# -- residue classes --------------------------------------------------------------------------------------------------


def test_waste_is_that_of_the_plan():
    """A stride wastes tiles of neighbours; as planned it does not, and there is no warning: the advice says both."""
    text = model("local(128) | stride(128)")
    program, _ = analyse(text)
    assert "PA905" not in {each.code for each in program.warnings}
    found = advice(text, "classes")
    planned = program.facts.computed[0].computed_over_useful
    assert found.text.endswith(f"as it is planned: {float(planned):,.1f}")
    assert planned < 8 < float(re.search(r"([\d.]+) pairs for each", found.text)[1])
    assert advice(model("local(512)"), "classes") is None
    assert advice(model("local(4)"), "classes") is None  # wasted as planned, too: PA905


# -- the report -------------------------------------------------------------------------------------------------------


def test_the_report_has_it_and_nothing_is_wrong():
    program = compile(model("local(96) | stride(128)"))
    report = program.report_json()
    assert [each["kind"] for each in report["advice"]] == [each.kind for each in program.advice]
    assert {"depth", "dense"} <= {each["kind"] for each in report["advice"]}
    assert "\nAdvice\n" in program.report_text()
    json.dumps(report)


def test_knobs_of_named_patterns():
    program = compile(model("p(48, q) | chunk(32)", before="param q = 8\npattern p(w, k) = local(w) | stride(k)"))
    found = [(each.role, each.name, each.value) for each in knobs(program.checked, program.elaborated)]
    assert found == [("block", None, 32), ("distance", None, 48), ("distance", "q", 8)]
