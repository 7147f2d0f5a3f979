"""Orders of growth: definitions in n, and the cases in which there is none to be had."""

import pytest

from patternc.analysis.order import order, theta, with_constant
from patternc.analysis.report_program import report_program
from tests.analysis.programs import program


def leading(pattern, params="", tokens=256, direction="causal"):
    text = f"{params}\nmodel m {{ {direction} tokens {tokens} layers 1 {{ all: {pattern} }} }}"
    found = program(text)
    return report_program(found.checked, found.elaborated).leading


@pytest.mark.parametrize(
    ("pattern", "params", "wanted", "constant"),
    [
        ("local(w)", "param w = 8", "Theta(n)", "n*w"),
        ("local(l)", "param l = isqrt(n)", "Theta(n^(3/2))", "n^(3/2)"),
        ("local(l)", "param l = 2 * isqrt(n) + 3", "Theta(n^(3/2))", "2*n^(3/2)"),
        ("local(l)", "param k = isqrt(n)\nparam l = k // 2", "Theta(n^(3/2))", "n^(3/2)/2"),
        ("local(l)", "param l = max(4, isqrt(n))", "Theta(n^(3/2))", "n^(3/2)"),
        ("local(l)", "param l = min(12, n)", "Theta(n)", "12*n"),
        ("local(l)", "param l = isqrt(isqrt(n))", "Theta(n^(5/4))", "n^(5/4)"),
        ("local(l)", "param l = isqrt(n) - 3", "Theta(n^(3/2))", "n^(3/2)"),
        ("stride(l)", "param l = isqrt(n)", "Theta(n^(3/2))", "n^(3/2)/2"),
        ("local(l) | stride(l)", "param l = isqrt(n)", "Theta(n^(3/2))", "3*n^(3/2)/2"),
        ("chunk(l)", "param l = isqrt(n)", "Theta(n^(3/2))", "n^(3/2)/2"),
        ("dense", "", "Theta(n^2)", "n^2/2"),
        ("stride(4)", "", "Theta(n^2)", "n^2/8"),
    ],
)
def test_orders(pattern, params, wanted, constant):
    found = leading(pattern, params)
    assert found is not None
    assert theta(found) == wanted
    assert with_constant(found) == constant


def test_logarithms():
    found = leading("local(l)", "param l = log2(n)")
    assert theta(found) == "Theta(n*log(n))"
    assert with_constant(found) == "n*log(n)/log(2)"


@pytest.mark.parametrize(
    "params",
    [
        "param l = n // 16",  # a window as long as a share of n: the quotient n // l stays small
        "param l = n % 100",
        "param l = 4 + n % 8",
    ],
)
def test_no_order_is_better_than_a_wrong_one(params):
    assert leading("local(l) | stride(l)", params) is None


def test_two_sided():
    assert with_constant(leading("local(w)", "param w = 8", direction="bidirectional")) in {"n*(2*floor(w/2) + 1)"}
    assert with_constant(leading("dense", direction="bidirectional")) == "n^2"


def test_without_definitions_parameters_are_constants():
    found = program("param l = isqrt(n)\nmodel m { causal tokens 256 layers 1 { all: local(l) } }")
    formula = report_program(found.checked, found.elaborated).formula
    assert theta(order(formula, {})) == "Theta(n)"
