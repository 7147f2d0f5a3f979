"""Lists where numbers are needed: numbers still to be chosen, for every command but the one that chooses."""

import pytest

from patternc.algebra.choices import all_choices, choices, choose
from patternc.compiler import check, compile
from patternc.diagnostics import PatternError, has_errors
from patternc.grammar import typed
from patternc.grammar.typed_json import typed_to_json
from tests.grammar.front import codes, program_of


def model(pattern, before, tokens=64):
    return f"{before}\nmodel m {{ causal tokens {tokens} layers 1 {{ all: {pattern} }} }}"


CHOSEN = [
    ("local(k)", "param k = 4..9"),
    ("local(k) | keys(k)", "param k = [4, 6..9]"),
    ("local(w)", "param w = k\nparam k = 4..9"),
    ("local(w)", "param w = 2 * k\nparam k = 4..9"),
    ("p(k)", "param k = 4..9\npattern p(size) = chunk(size)"),
    ("p", "param k = 4..9\npattern p = chunk(k)"),
    ("local(k)", "param k = powers(2)"),
]


@pytest.mark.parametrize(("pattern", "before"), CHOSEN)
def test_a_number_that_is_still_to_be_chosen(pattern, before):
    text = model(pattern, before)
    checked = check(text)
    (wrong,) = checked.diagnostics
    assert wrong.code == "PA415"
    assert [each.text for each in wrong.labels if not each.primary] == ["a number is needed here"]
    assert [each.name for each in choices(checked.program)] == ["k"]
    for value in (8, "8", "2 ** 3"):
        assert not has_errors(check(text, params={"k": value}).diagnostics)
        assert compile(text, params={"k": value}).schedule.params[-1] == ("k", 8) or "k" in before.split("\n")[-1]


@pytest.mark.parametrize("pattern", ["keys(k)", "local(4) | keys(k)", "stride(8, at = k)", "diagonals(k)"])
def test_a_list_where_lists_are_wanted_is_a_list(pattern):
    assert codes(model(pattern, "param k = 0..4")) == []


def test_the_number_is_the_one_id_where_ids_are_wanted_too():
    text = model("local(k) | keys(k)", "param k = 4..9")
    chosen = compile(text, params={"k": 5}).schedule
    assert chosen.patterns == compile(model("local(k) | keys(k)", "param k = 5")).schedule.patterns


def test_a_list_given_for_a_number_is_refused_but_where_it_is_chosen_from():
    for before in ("param k = 4..9", "param k = 4"):
        text = model("local(k)", before)
        assert [each.code for each in check(text, params={"k": "4..6"}).diagnostics if has_errors([each])] == ["PA412"]


def test_nothing_that_is_not_chosen_is_kept():
    program = program_of_choice()
    with pytest.raises(ValueError, match="still to be chosen"):
        typed_to_json(program)
    typed_to_json(choose(program, {"k": 5}))


def program_of_choice():
    return check(model("local(k)", "param k = 4..9")).program


def ways(text, most=1000):
    return [dict(way) for way in all_choices(program_of(text), None, most)]


def test_every_way_to_choose():
    text = model("local(k) | stride(w)", "param k = [3, 1..3, 3]\nparam w = 4..9 step 2")
    assert ways(text) == [{"k": k, "w": w} for k in (1, 2, 3) for w in (4, 6, 8)]


def test_a_list_may_depend_on_what_else_is_chosen():
    text = model("local(back = w) | stride(k)", "param w = 0..k\nparam k = 1..4")
    assert ways(text) == [{"w": w, "k": k} for w in range(3) for k in range(w + 1, 4)]


def test_negative_numbers_are_themselves_and_n_is_the_length():
    text = model("local(max(k, 1))", "param k = [-2..1, n - 1]")
    assert ways(text) == [{"k": k} for k in (-2, -1, 0, 63)]


@pytest.mark.parametrize(
    ("before", "code"),
    [
        ("param k = 9..4", "PA401"),
        ("param k = 1..4 step 0", "PA401"),
        ("param k = 4..4", "PA416"),
        ("param k = 1..n ** 3", "PA417"),
        ("param k = 1..1002", "PA417"),
        ("param k = 1..4 // 0", "PA404"),
    ],
)
def test_lists_that_cannot_be_chosen_from(before, code):
    with pytest.raises(PatternError) as caught:
        ways(model("local(k)", before), 1000)
    assert [each.code for each in caught.value.diagnostics] == [code]


def test_a_choice_is_made_in_the_program():
    program = choose(program_of(model("local(k)", "param k = 4..9")), {"k": 5})
    assert program.params[0].value == typed.Integer(5)
    assert not choices(program)
