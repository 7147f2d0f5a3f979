"""Verdicts on `expect`: values, depth, and a concrete place where they fail."""

import pytest

from patternc.analysis.expectations import Place, failures
from patternc.analysis.reach import layer_relations
from tests.analysis.programs import failures as failed
from tests.analysis.programs import program
from tests.analysis.schedules import truth


def verdicts(text, **options):
    found = program(text, **options)
    return found, found.verdicts


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


def test_what_is_proved_for_every_length_holds_at_one_that_is_too_long_to_follow():
    layers = "all: local(4) | columns(4, at = [3]) | random(16)"
    _, verdict = verdicts(model("connected within 2 layers", layers=layers, tokens=70000, heads=1))
    assert (verdict[0].holds, verdict[0].detail) == (True, "connected after 2 layers, as is proved for every length")
    _, (shallow,) = verdicts(model("connected within 1 layers", layers=layers, tokens=70000, heads=1))
    assert shallow.holds is None


def test_what_is_not_known_does_not_pass():
    text = model("connected", layers="all: random(16) | self", tokens=70000, heads=1, count=4)
    _, (verdict,) = verdicts(text)
    assert verdict.holds is None
    assert "listed one by one" in verdict.detail
    (error,) = failures([verdict])
    assert (error.code, error.primary.text) == ("PA606", verdict.detail)


def test_failures_are_errors_where_they_were_written():
    text = model("connected", "pairs(0) <= n * n", "pairs(0) <= n")
    errors = [error for error in failed(text) if error.code == "PA601"]
    assert [error.primary.source.text[error.primary.span.start : error.primary.span.stop] for error in errors] == [
        "connected",
        "pairs(0) <= n",
    ]
    assert errors[0].primary.text == "after 3 layers query 10 does not see key 0"


def test_a_fact_that_makes_no_sense_is_a_diagnostic_beside_the_others():
    text = model("n // (pairs(0) - 122) == 1", "pairs(0) <= n", "n // (pairs(0) - 122) == 2")
    assert [error.code for error in failed(text)] == ["PA404", "PA601", "PA404"]
    _, (verdict, *_) = verdicts(text)
    assert (verdict.holds, verdict.detail) == (None, "division by zero")


def test_waste_of_nothing_has_no_value():
    nothing = "model m { causal allow empty tokens 32 layers 1 { all: empty } } expect waste(8, 8) < 2"
    assert [error.code for error in failed(nothing)] == ["PA404"]


@pytest.mark.parametrize(
    ("text", "detail", "place"),
    [
        ("cache <= 3", "4 <= 3 is not so (at step 3 of layer 0, kv head 0)", {"layer": 0, "kv_head": 0, "query": 3}),
        (
            "waste(8, 8) <= 2.5",
            "3.67213 <= 2.5 is not so: 42 tiles of 8 x 8 hold 2,688 pairs for 732 that count "
            "(most of all in layer 0, head 0)",
            {"layer": 0, "head": 0},
        ),
        (
            "connected within 2 layers from any layer",
            "through layers 0 to 1 query 7 does not see key 0",
            {"first": 0, "layer": 1, "query": 7, "key": 0},
        ),
        (
            "connected within 1 layers from any layer to past",
            "through layer 0 query 4 does not see key 0",
            {"first": 0, "layer": 0, "query": 4, "key": 0},
        ),
        ("order n^2", "the pairs are Theta(n): 24*n - 36", None),
    ],
)
def test_what_fails_is_named(text, detail, place):
    _, (verdict,) = verdicts(model(text))
    assert (verdict.holds, verdict.detail) == (False, detail)
    assert verdict.place == (None if place is None else Place(**place))


def test_fractions_that_look_alike_are_shown_exactly():
    _, (verdict,) = verdicts(model("density == 23.1061%"))
    assert verdict.detail == "61/264 == 231,061/1,000,000 is not so"


@pytest.mark.parametrize(
    ("pattern", "growth", "holds"),
    [
        ("local(l) | stride(l)", "n^1.5", True),
        ("local(l)", "n", False),
        ("local(8)", "n", True),
        ("local(log2(n))", "n", None),
        ("local(g)", "n*log(n)", True),
        ("past", "n^2", True),
        ("local(300)", "n", None),  # at 256 tokens it is dense: its closed form is not that of longer lengths
        ("local(8) | random(2)", "n", None),
    ],
)
def test_orders(pattern, growth, holds):
    text = (
        "param l = isqrt(n) param g = log2(n) "
        f"model m {{ causal tokens 256 layers 2 {{ all: {pattern} }} }} expect order {growth}"
    )
    _, (verdict,) = verdicts(text)
    assert verdict.holds is holds, verdict.detail
    if holds is None:
        assert "order is not known" in verdict.detail


def test_a_parameter_that_is_given_is_a_constant():
    text = "param l = isqrt(n) model m { causal tokens 256 layers 1 { all: stride(l) } } expect order n^1.5"
    assert verdicts(text)[1][0].holds
    _, (verdict,) = verdicts(text, params={"l": 16})
    assert verdict.holds, "the value that it would have anyway"
    _, (verdict,) = verdicts(text, params={"l": 8})
    assert verdict.holds is False
    assert verdict.detail.startswith("the pairs are Theta(n^2) with l = 8 as given: ")


def test_from_any_layer_names_the_first_run_that_fails():
    text = model(
        "connected within 2 layers from any layer",
        layers="0: local(8)  1: stride(8)  2: local(8)  3: local(8)  4: stride(8)",
        tokens=64,
        count=5,
    )
    _, (verdict,) = verdicts(text)
    assert verdict.holds is False
    assert verdict.detail.startswith("through layers 2 to 3 query 15 ")
    assert verdict.place == Place(3, query=15, key=0, first=2)


def test_crop_stability_shows_a_pair_and_its_length():
    text = "model m { bidirectional tokens 120 layers 1 { all: local(9) | keys(-20) } } expect crop_stable"
    _, (verdict,) = verdicts(text)
    place = verdict.place
    assert verdict.holds is False
    assert verdict.detail == (
        f"at {place.tokens} tokens query {place.query} and key {place.key} (layer 0, head 0) are not what they are "
        "at 120"
    )
    text = "model m { causal tokens 120 layers 1 { all: local(8 + 0 * n) } } expect crop_stable"
    assert verdicts(text)[1][0].holds is None
