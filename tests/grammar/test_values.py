"""Section 2: numbers, lists, parameters."""

import pytest

from patternc.algebra import relation as r
from tests.grammar.front import codes, diagnosed, elaborated, relation_of, schedule_of


def value(expression, n=64, before=""):
    schedule = schedule_of(
        f"{before}\nparam x = {expression}\nmodel m {{ causal tokens {n} layers 4 {{ all: dense }} }}"
    )
    return dict(schedule.params)["x"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("10 - 3 - 2", 5),
        ("10 - 3 + 2", 9),
        ("10 + 3 - 2 - 1", 10),
        ("7 // 2 * 2", 6),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("-2**2", -4),
        ("2**3**2", 512),
        ("(2**3)**2", 64),
        ("2 * -3", -6),
        ("- - 3", 3),
        ("0**0", 1),
        ("(-1)**(10**9)", 1),
        ("(-1)**(10**9 + 1)", -1),
        ("1**10**18", 1),
        ("(-2)**63", -(2**63)),
        ("2**62 - 1 + 2**62", 2**63 - 1),
        ("min(3, 1, 2) + max(3, 1, 2)", 4),
        ("abs(-5)", 5),
        ("isqrt(99)", 9),
        ("isqrt(0)", 0),
        ("ceildiv(7, 2)", 4),
        ("ceildiv(-7, 2)", -3),
        ("log2(1)", 0),
        ("log2(1023)", 9),
        ("log2(1024)", 10),
        ("n + layers + heads + kv_heads", 70),
        ("007", 7),
    ],
)
def test_numbers(expression, expected):
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("2**63", "PA405"),
        ("-(2**62) * 2 - 1", "PA405"),
        ("2**62 * 2 - 1", "PA405"),
        ("2**2**40", "PA405"),
        ("(2**40)**2", "PA405"),
        ("abs(-(2**62) * 2)", "PA405"),
        ("9" * 5000, "PA405"),
        ("1 // 0", "PA404"),
        ("1 % 0", "PA404"),
        ("1 // -1", "PA404"),
        ("ceildiv(1, 0)", "PA404"),
        ("2**-1", "PA408"),
        ("isqrt(-1)", "PA406"),
        ("log2(0)", "PA406"),
        ("7 / 2", "PA308"),
        ("1.5", "PA309"),
        ("5%", "PA309"),
        ("layer", "PA206"),
        ("pairs(0)", "PA206"),
        ("dense", "PA301"),
        ("min()", "PA302"),
        ("isqrt(1, 2)", "PA302"),
        ("isqrt", "PA302"),
        ("(1, 2)", "PA301"),
        ('"text"', "PA301"),
    ],
)
def test_wrong_numbers(expression, code):
    text = f"param x = {expression}\nmodel m {{ causal tokens 64 layers 1 {{ all: local(8 + 0 * x) }} }}"
    assert codes(text) == [code]


def test_long_literals_may_have_leading_zeros():
    assert value("0" * 5000 + "12") == 12


def test_parameters_come_in_any_order_and_may_be_overridden():
    before = "param a = b + 1 param b = 2 * c param c = isqrt(n)"
    assert dict(schedule_of(f"{before} model m {{ causal tokens 64 layers 1 {{ all: local(a) }} }}").params) == {
        "a": 17,
        "b": 16,
        "c": 8,
    }
    text = f"{before} model m {{ causal tokens 64 layers 1 {{ all: local(a) }} }}"
    assert dict(schedule_of(text, params={"b": 4}).params) == {"a": 5, "b": 4, "c": 8}
    assert dict(schedule_of(text, tokens=256).params) == {"a": 33, "b": 32, "c": 16}


def test_overrides_of_lists():
    text = "param ids = [0] model m { bidirectional tokens 64 layers 1 { all: self | keys(ids) } }"
    assert schedule_of(text, params={"ids": (0, 1, -1)}).pattern(0, 0).relation == r.union(
        r.Band(0, 0), r.Keys(((0, 2), (63, 64)))
    )
    assert schedule_of(text, params={"ids": 5}).pattern(0, 0).terms[1].relation == r.Keys(((5, 6),))
    assert codes(text, params={"ids": 64}) == ["PA402"]
    assert codes(text, params={"ids": 2**63}) == ["PA405"]
    assert codes(text, params={"idz": 3}) == ["PA411"]


def test_every_parameter_is_evaluated():
    assert codes("param x = 1 // 0 model m { causal tokens 64 layers 1 { all: local(x) } }") == ["PA404"]
    assert "PA404" in codes("param x = 1 // 0 model m { causal tokens 64 layers 1 { all: local(8) } }")


def test_parameter_values_are_kept_for_another_length():
    result = elaborated(
        "param l = isqrt(n) param ids = [0, -1, l..n - 4 step 3] "
        "model m { causal tokens 64 layers 1 { all: local(l) | keys(ids) } }"
    )
    assert result.parameters == (("l", 8), ("ids", ((0, None, 1), (-1, None, 1), (8, 60, 3))))
    assert result.schedule.params == (("l", 8),)


def test_lists():
    assert relation_of("keys([0, k, 2 * k..n - 2])", before="param k = 3", direction="bidirectional") == r.Keys(
        ((0, 1), (3, 4), (6, 22))
    )
    assert relation_of("keys(ids)", before="param ids = more param more = -2..n", direction="bidirectional") == r.Keys(
        ((22, 24),)
    )
    assert relation_of("keys(powers(3))", direction="bidirectional") == r.Keys(((1, 2), (3, 4), (9, 10)))
    assert relation_of("self | keys(5..5)", direction="bidirectional") == r.Band(0, 0)
    assert relation_of("self | keys(24..24)", direction="bidirectional") == r.Band(0, 0)
    assert relation_of("self | keys([])", direction="bidirectional") == r.Band(0, 0)


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ("24", "PA402"),
        ("-25", "PA402"),
        ("0..25", "PA402"),
        ("-25..0", "PA402"),
        ("25..25", "PA402"),
        ("-4..0", "PA403"),
        ("5..4", "PA403"),
        ("0..10**12", "PA402"),
        ("0..n step 0", "PA401"),
        ("powers(1)", "PA406"),
    ],
)
def test_wrong_ids(ids, code):
    assert codes(f"model m {{ causal tokens 24 layers 1 {{ all: self | keys({ids}) }} }}") == [code]


def test_the_last_four_is_proposed():
    (diagnostic,) = diagnosed("model m { causal tokens 24 layers 1 { all: self | keys(-4..0) } }")
    assert diagnostic.notes == ("the last 4 are -4..n",)


def test_powers_stay_below_n():
    assert relation_of("keys(powers(2))", n=8, direction="bidirectional") == r.Keys(((1, 3), (4, 5)))
    assert relation_of("self | keys(powers(2))", n=1, direction="bidirectional") == r.Band(0, 0) or r.FULL
    assert len(relation_of("keys(powers(2))", n=2**30, direction="bidirectional").spans) == 29
    assert relation_of("keys(powers(2**62))", direction="bidirectional") == r.Keys(((1, 2),))
