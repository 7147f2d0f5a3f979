"""Section 6, as far as the front end goes: what is asked, at one length, and comparisons over given facts."""

from fractions import Fraction

import pytest

from patternc.algebra.expectation import (
    CacheOf,
    Comparison,
    Connected,
    CropStable,
    DensityOf,
    Order,
    PairsOf,
    WasteOf,
    evaluate_comparison,
)
from patternc.diagnostics import PatternError
from tests.grammar.front import codes, elaborated

MODEL = "param l = 8 model m { causal tokens 64 heads 2 layers 4 { all: local(l) } }\n"


def expectation(text):
    (found,) = elaborated(f"{MODEL} expect {text}").expectations
    return found


def fact(asked):
    match asked:
        case PairsOf(layer, head):
            return 100 * layer + (50 if head is None else head)
        case DensityOf():
            return Fraction(1, 8)
        case CacheOf():
            return 40
        case WasteOf(rows, columns):
            return Fraction(rows, columns)


def judged(text):
    return evaluate_comparison(expectation(text), fact)


@pytest.mark.parametrize(
    ("text", "holds", "left", "right"),
    [
        ("n % l == 0", True, 0, 0),
        ("n // l != layers * heads", False, 8, 8),
        ("pairs(0) <= n * l", True, 50, 512),
        ("pairs(1) < 150", False, 150, 150),
        ("pairs(-1) >= pairs(3)", True, 350, 350),
        ("pairs(2, 1) > pairs(2, 0)", True, 201, 200),
        ("pairs(2, -1) == pairs(2, 1)", True, 201, 201),
        ("max(pairs(0), pairs(1)) - 2 * l <= n", False, 134, 64),
        ("-pairs(1) // 4 + pairs(0)**2 % 7 == abs(-37) - 1", False, -37, 36),
        ("density <= 12.5%", True, Fraction(1, 8), Fraction(1, 8)),
        ("density < 0.125", False, Fraction(1, 8), Fraction(1, 8)),
        ("0.1 < density", True, Fraction(1, 10), Fraction(1, 8)),
        ("8 * density - 1 == 0", True, Fraction(0), 0),
        ("min(density, 1) >= max(-density, 0)", True, Fraction(1, 8), Fraction(0)),
        ("n > 1.5", True, 64, Fraction(3, 2)),
        ("cache + 1 <= 5 * l", False, 41, 40),
        ("waste(l, 2 * l) < 0.75", True, Fraction(1, 2), Fraction(3, 4)),
        ("max(1, waste(24, 16)) * density == waste(3, 16)", True, Fraction(3, 16), Fraction(3, 16)),
    ],
)
def test_comparisons(text, holds, left, right):
    outcome = judged(text)
    assert (outcome.holds, outcome.left, outcome.right) == (holds, left, right)


def test_only_the_facts_named_are_asked_for():
    def never(*_):
        raise AssertionError("nobody asked")

    assert evaluate_comparison(expectation("n == 64"), never).holds
    assert expectation("n == 64").is_precondition
    assert not expectation("pairs(0) < n").is_precondition
    asked = []
    evaluate_comparison(expectation("pairs(1) < pairs(0, 1) + cache"), lambda what: asked.append(what) or 1)
    assert asked == [PairsOf(1, None), PairsOf(0, 1), CacheOf()]


def test_text_and_place():
    found = expectation("pairs( 0 )\n   <= n*l")
    assert isinstance(found, Comparison)
    assert found.text == "pairs( 0 ) <= n*l"
    assert found.label.source.text[found.label.span.start :].startswith("pairs( 0 )")


def test_undefined_for_these_facts():
    for text in ("10 // (pairs(0) - 50) < 3", "isqrt(-pairs(1)) == 0", "pairs(1) ** pairs(1) > 0"):
        with pytest.raises(PatternError) as error:
            judged(text)
        assert error.value.diagnostics[0].code in ("PA404", "PA405", "PA406")
        assert "t.attn" not in str(error.value)


def test_connected():
    assert expectation("connected") == Connected("connected", expectation("connected").label, 4, False, False)
    assert expectation("connected within l // 4 layers").layers == 2
    text = "connected within 2 layers from any layer to past"
    assert expectation(text) == Connected(text, expectation(text).label, 2, True, True)
    assert expectation("connected to past").to_past
    assert codes(f"{MODEL} expect connected within 5 layers") == ["PA602"]
    assert codes(f"{MODEL} expect connected within 0 layers") == ["PA602"]


@pytest.mark.parametrize(
    ("text", "power", "logs"),
    [
        ("order n", 1, 0),
        ("order n^1.5", Fraction(3, 2), 0),
        ("order n^2", 2, 0),
        ("order n*log(n)", 1, 1),
        ("order n * log( n )", 1, 1),
    ],
)
def test_orders(text, power, logs):
    found = expectation(text)
    assert found == Order(text, found.label, Fraction(power), logs)


def test_crop_stable():
    assert expectation("crop_stable") == CropStable("crop_stable", expectation("crop_stable").label)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("pairs(4) < n", "PA603"),
        ("pairs(-5) < n", "PA603"),
        ("pairs(0, 2) < n", "PA603"),
        ("pairs() < n", "PA302"),
        ("pairs < n", "PA302"),
        ("pairs(0, 1, 2) < n", "PA302"),
        ("pairs(layer) < n", "PA206"),
        ("unknown < n", "PA201"),
        ("density // 2 < 1", "PA604"),
        ("isqrt(density) < 1", "PA604"),
        ("2**density < 1", "PA604"),
        ("pairs(density) < 1", "PA206"),
        ("2 * 5% < 1", "PA309"),
        ("1.5 + 1 < n", "PA309"),
        ("n // 0 < 1", "PA404"),
        ("dense < 1", "PA301"),
        ("[1, 2] == 1", "PA301"),
        ("order m^1.5", "PA605"),
        ("order l", "PA605"),
        ("order n*ln(n)", "PA605"),
        ("order l*log(n)", "PA605"),
        ("connected within 5 layers from any layer to past", "PA602"),
        ("cache(0) <= n", "PA302"),
        ("waste <= 2", "PA302"),
        ("waste(64) <= 2", "PA302"),
        ("waste(0, 64) <= 2", "PA401"),
        ("waste(64, 8 - l) <= 2", "PA401"),
        ("waste(64, 64) // 2 <= 2", "PA604"),
        ("log2(waste(64, 64)) <= 2", "PA604"),
        ("pairs(cache) <= 2", "PA206"),
        ("pairs(0, -pairs(1)) <= 2", "PA206"),
        ("waste(64, density) <= 2", "PA206"),
    ],
)
def test_wrong_expectations(text, code):
    assert codes(f"{MODEL} expect {text}") == [code]
