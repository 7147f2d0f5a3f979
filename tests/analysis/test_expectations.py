"""Verdicts on `expect`: values, depth, and a concrete place where they fail."""

import pytest

from patternc.analysis.count import count
from patternc.analysis.expectations import failures, judge
from patternc.analysis.reach import layer_relations, reach
from patternc.diagnostics import PatternError
from tests.analysis.programs import failures as failed
from tests.analysis.programs import program
from tests.analysis.schedules import truth


def verdicts(text, **options):
    found = program(text, **options)
    schedule = found.schedule
    whole = reach(layer_relations(schedule), schedule.tokens, "past" if schedule.causal else "all")
    return found, judge(found.elaborated.expectations, schedule, count(schedule), whole)


def model(*expectations, layers="all: local(4)", tokens=32, count=3, heads=2):
    lines = [f"expect {text}" for text in expectations]
    return "\n".join([f"model m {{ causal tokens {tokens} heads {heads} layers {count} {{ {layers} }} }}", *lines])


@pytest.mark.parametrize(
    ("text", "holds", "detail"),
    [
        ("pairs(0) == 122", True, "122 == 122"),
        ("pairs(0) <= n", False, "122 <= 32 is not so (layer 0, head 0)"),
        ("pairs(-1, 1) * 2 == 244", True, "244 == 244"),
        ("n % 8 == 0", True, "0 == 0"),
        ("density <= 25%", True, "23.1061% <= 25%"),
        ("density > 0.5", False, "23.1061% > 50% is not so"),
        ("connected within 1 layers", False, "after 1 layer query 4 does not see key 0"),
    ],
)
def test_a_verdict_shows_both_sides(text, holds, detail):
    _, (verdict,) = verdicts(model(text))
    assert (verdict.text, verdict.holds, verdict.detail) == (text, holds, detail)


def test_the_head_that_breaks_a_bound_is_named():
    text = model("pairs(1) <= 130", layers="all: heads { 0: local(2)  1: local(5) }")
    _, (verdict,) = verdicts(text)
    assert (verdict.holds, verdict.place.layer, verdict.place.head) == (False, 1, 1)


@pytest.mark.parametrize("within", [1, 2, 3])
def test_connected_within_fails_at_the_first_missing_pair(within):
    found, (verdict,) = verdicts(model(f"connected within {within} layers"))
    relations = layer_relations(found.schedule)[:within]
    assert verdict.holds is False
    assert (verdict.place.query, verdict.place.key) == truth(relations, 32, "past").missing_after[-1]
    assert verdict.place.layer == within - 1


def test_connected_counts_from_the_first_layer():
    alternating = "even: local(4)  odd: stride(4)"
    _, (two, whole, one) = verdicts(
        model("connected within 2 layers", "connected", "connected within 1 layers", layers=alternating)
    )
    assert (two.holds, whole.holds, one.holds) == (True, True, False)
    assert one.detail == "after 1 layer query 4 does not see key 0; it takes 2 layers"


def test_undecided_is_neither():
    text = model("connected", layers="all: local(64) | keys(0..4)", tokens=70000, heads=1)
    _, (verdict,) = verdicts(text)
    assert verdict.holds is None
    assert "65,536" in verdict.detail
    assert failures([verdict]) == ()


def test_failures_are_errors_where_they_were_written():
    text = model("connected", "pairs(0) <= n * n", "pairs(0) <= n")
    errors = [error for error in failed(text) if error.code == "PA601"]
    assert [error.primary.source.text[error.primary.span.start : error.primary.span.stop] for error in errors] == [
        "connected",
        "pairs(0) <= n",
    ]
    assert errors[0].primary.text == "after 3 layers query 10 does not see key 0"


def test_a_fact_that_makes_no_sense_is_a_diagnostic():
    with pytest.raises(PatternError):
        verdicts(model("n // (pairs(0) - 122) == 1"))
