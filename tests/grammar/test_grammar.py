"""attn.lark itself: no conflicts, a name for every terminal, and a scanner that agrees with Lark's own."""

import hashlib
import json
from importlib import resources
from pathlib import Path

import lark
import pytest
from lark import Lark
from lark.parsers.lalr_analysis import Shift

from patternc.grammar.lexer import STRAY, Cursor, scan
from patternc.grammar.tables import made, tables
from patternc.grammar.terminals import name_of

GRAMMAR = resources.files("patternc.grammar").joinpath("attn.lark").read_text()
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.attn"))

TRICKY = {
    "selectors": "model m { layers 3 { 0: dense -1: self k-1..-1: past -3..k: dense [0,-1]: a - b - 1 k - 2**2: c } }",
    "not selectors": "model m { layers 3 { 0: dense - 1..2: past min(a, 3)-1: self } }",
    "percentages": "expect density <= 5% expect n %5 == 7%k expect 1.5% < 2 expect n%(5) == 0",
    "numbers": "param a = [0..5, 1.5, 12, 0..-1]",
    "words as names": "param a = heads * layers model m { allow empty layers layers { all: within(2, empty) } }",
    "words in both roles": "expect connected within layers layers expect connected from any layer to past",
    "near words": "param users = parameter pattern modelled = expecting",
    "comments": "# a comment\nparam a = 1 # 2 + 3\n#",
    "strings": 'use "a # b.attn" use std.bigbird',
}


def test_no_conflicts():
    """strict=True refuses shift/reduce conflicts and terminals that match the same text."""
    pytest.importorskip("interegular", reason="Lark needs it to compare the terminals")
    Lark(GRAMMAR, parser="lalr", strict=True)


def written(rule):
    options = rule.options
    made = (options.keep_all_tokens, options.expand1, options.template_source, tuple(options.empty_indices or ()))
    symbols = [(each.name, each.is_term, getattr(each, "filter_out", False)) for each in rule.expansion]
    return str(rule.origin.name), symbols, rule.alias, made


def actions(parser):
    """(start state, state -> terminal or rule name -> action) of a parser; reductions by the text of their rule."""
    table = parser.parser.parser.parser.parse_table
    return table.start_states["start"], {
        state: {name: action if action[0] is Shift else (action[0], written(action[1])) for name, action in row.items()}
        for state, row in table.states.items()
    }


def test_the_tables_that_ship_are_those_of_the_grammar():
    """State by state from the start: Lark numbers them differently each time it makes them."""
    (start, shipped), (other, new) = actions(tables()), actions(made(GRAMMAR))
    same = {start: other}
    waiting = [start]
    while waiting:
        state = waiting.pop()
        here, there = shipped[state], new[same[state]]
        message = "make them anew: python -m patternc.grammar.tables > patternc/grammar/attn.tables.json"
        assert here.keys() == there.keys(), message
        for name, (kind, argument) in here.items():
            assert kind is there[name][0], message
            if kind is not Shift:
                assert argument == there[name][1], message
            elif argument in same:
                assert same[argument] == there[name][1], message
            else:
                same[argument] = there[name][1]
                waiting.append(argument)
    assert len(same) == len(shipped) == len(new)


def test_the_tables_that_ship_are_used():
    kept = json.loads(resources.files("patternc.grammar").joinpath("attn.tables.json").read_text())
    assert kept["made for"]["lark"] == lark.__version__, "a newer Lark makes its tables anew at every start"
    assert kept["made for"]["grammar"] == hashlib.sha256(GRAMMAR.encode()).hexdigest()


def test_every_terminal_has_a_name():
    for terminal in (*(each.name for each in tables().terminals), "$END", STRAY):
        assert name_of(terminal)


@pytest.mark.parametrize("text", [*TRICKY.values(), *(path.read_text() for path in EXAMPLES)])
def test_scanner_and_lark_agree(text):
    """The scanner leaves open what only the parser knows; together they give the tree that Lark's lexer gives."""
    cursor = Cursor(parsing=True)
    for token in scan(text):
        assert cursor.feed(token), token
    assert cursor.finish() == Lark(GRAMMAR, parser="lalr", propagate_positions=True).parse(text)


def test_tokens_cover_the_text():
    text = "param a=1#c\n\tpattern b = \u20ac\u20ac $ local(\u00e9)"
    tokens = scan(text)
    assert [text[token.start : token.stop] for token in tokens] == [token.text for token in tokens]
    assert [token.text for token in tokens if token.type == STRAY] == ["\u20ac\u20ac", "$", "\u00e9"]
    assert [token.text for token in tokens if token.begins_line] == ["param", "pattern"]


def test_a_cursor_that_was_copied_goes_its_own_way():
    cursor = Cursor(parsing=False)
    for token in scan("param a = 1"):
        cursor.feed(token)
    other = cursor.copy()
    assert other.feed(scan("+")[0])
    assert "NAME" in other.accepts()
    assert "NAME" not in cursor.accepts()
    assert cursor.finish() is not None or cursor.feed(scan("+")[0]) is False
