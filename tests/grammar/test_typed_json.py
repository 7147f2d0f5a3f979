"""Typed programs as JSON: nothing is lost, nothing else is read."""

import dataclasses
import json
import random

import pytest

from patternc.algebra.elaborate import bind_parameters, elaborate
from patternc.grammar.check import check
from patternc.grammar.parse import parse
from patternc.grammar.typed_json import TypedJsonError, typed_from_json, typed_to_json
from patternc.source import Source
from tests.grammar.front import program_of
from tests.grammar.test_format import EVERYTHING

TEXT = typed_to_json(program_of(Source("everything.attn", EVERYTHING)))


def test_lossless():
    program = program_of(Source("everything.attn", EVERYTHING))
    again = typed_from_json(TEXT)
    assert again == program
    assert typed_to_json(again) == TEXT, "spans, which equality leaves out, are kept as well"
    assert elaborate(again) == elaborate(program)


def test_the_text_does_not_depend_on_where_the_file_was():
    assert typed_to_json(program_of(Source("/home/me/everything.attn", EVERYTHING))) == TEXT


def test_bound_parameters_keep_their_values_at_another_length():
    text = (
        "param l = isqrt(n) param ids = [0, -1, l..l + 2] "
        "model m { bidirectional tokens 64 layers 1 { all: local(l) | keys(ids) | keys(n - 2) } }"
    )
    program = program_of(text)
    bound = bind_parameters(program, dict(elaborate(program).parameters))
    assert typed_from_json(typed_to_json(bound)) == bound
    there = elaborate(bound, tokens=100, clip_ids=True).schedule
    assert there.params == (("l", 8),)
    expected = program_of(
        "param l = 8 model m { bidirectional tokens 100 layers 1 { all: local(8) | keys([0, -1, 8..10]) | keys(98) } }"
    )
    assert there.patterns[0].relation == elaborate(expected).schedule.patterns[0].relation
    assert elaborate(bound, tokens=64, clip_ids=True).schedule == elaborate(program).schedule


def test_ids_beyond_a_shorter_length_are_left_out():
    program = program_of(
        "model m { bidirectional tokens 64 layers 2 { 0: self | keys([3, 40, 10..60, -1, -30]) "
        "1: self | slice(4..60, dense) } } expect pairs(0) < 5 expect 64 // n == 1"
    )
    short = elaborate(program, tokens=20, clip_ids=True)
    assert short.diagnostics == ()
    expected = elaborate(
        program_of(
            "model m { bidirectional tokens 20 layers 2 { 0: self | keys([3, 10..20, -1]) "
            "1: self | slice(4..20, dense) } }"
        )
    )
    assert [p.relation for p in short.schedule.patterns] == [p.relation for p in expected.schedule.patterns]
    assert elaborate(program, tokens=20).schedule is None


def test_a_program_with_mistakes_cannot_be_kept():
    program = check(parse(Source("x", "model m { causal tokens 8 layers 1 { all: unknown } }"))).program
    with pytest.raises(ValueError, match="hole"):
        typed_to_json(program)


def changed(path, value):
    """The JSON text with the value at a path replaced; a callable makes the new value of the old."""
    data = json.loads(TEXT)
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value(place[path[-1]]) if callable(value) else value
    return json.dumps(data)


WRONG = {
    "another schema": (["schema"], "patternc.program/2"),
    "no schema": (["schema"], None),
    "unknown node": (["patterns", 0, "body", "is"], "Product"),
    "unknown field": (["patterns", 0, "body"], lambda node: {**node, "extra": 1}),
    "missing field": (["patterns", 0, "body"], lambda node: {"is": node["is"]}),
    "a number for a text": (["patterns", 0, "name"], 3),
    "a truth value for a number": (["params", 0, "file"], True),
    "a fraction": (["params", 0, "value"], 1.5),
    "a file that is not there": (["params", 0, "file"], 7),
    "a negative file": (["model", "file"], -1),
    "a span backwards": (["params", 0, "span"], [5, 3]),
    "a span of truth values": (["params", 0, "span"], [False, True]),
    "a huge number": (["params", 0, "value", "value"], 2**63),
    "a name twice": (["params", 1, "name"], "a"),
    "a word of the language": (["params", 0, "name"], "dense"),
    "no name at all": (["params", 0, "name"], ""),
    "an unknown kind": (["patterns", 0, "parameters", 0, 1], "matrix"),
    "a list as another kind": (["patterns", 0, "parameters", 1, 1], "number"),
    "too few arguments": (["model", "layers", "entries", 0, "pattern", "arguments"], lambda values: values[:1]),
    "arguments in another order": (
        ["model", "layers", "entries", 0, "pattern", "arguments"],
        lambda values: values[::-1],
    ),
    "an unknown pattern": (["model", "layers", "entries", 0, "pattern", "name"], "missing"),
    "an unknown setting": (["model", "causal"], "yes"),
    "an unknown comparison": (["expectations", 0, "sign"], "=>"),
    "a hole": (["params", 0, "value"], {"is": "Hole", "span": [0, 0]}),
    "a pattern for a number": (["params", 0, "value"], {"is": "Constant", "name": "dense", "span": [0, 0]}),
    "a list for a program": (["params"], {}),
    "facts outside expectations": (["params", 0, "value"], {"is": "Density", "span": [0, 0]}),
    "the layer in a parameter": (["params", 0, "value"], {"is": "Quantity", "name": "layer", "span": [0, 0]}),
    "a parameter that needs itself": (["params", 0, "value"], {"is": "NumberParam", "name": "a", "span": [0, 0]}),
    "a pattern that uses itself": (
        ["patterns", 1, "body"],
        {"is": "NamedPattern", "name": "plain", "arguments": [], "span": [0, 0]},
    ),
    "one operand": (
        ["params", 0, "value"],
        {"is": "Arithmetic", "operands": [{"is": "Integer", "value": 1, "span": [0, 0]}], "signs": [], "span": [0, 0]},
    ),
    "a ratio in a sum": (["params", 0, "value"], {"is": "Ratio", "numerator": 1, "denominator": 2, "span": [0, 0]}),
    "no files": (["files"], []),
    "a file with a path": (["files", 0], {"name": "x", "text": "", "path": "/etc/passwd"}),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_programs_are_refused(what):
    with pytest.raises(TypedJsonError):
        typed_from_json(changed(*WRONG[what]))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "NaN", '{"schema": NaN}', "[" * 100_000, '{"schema":1e999}', TEXT[:-20], TEXT + TEXT],
)
def test_other_texts_are_refused(text):
    with pytest.raises(TypedJsonError):
        typed_from_json(text)


def test_deep_programs_are_refused():
    number = {"is": "Integer", "value": 1, "span": [0, 0]}
    for _ in range(5000):
        number = {"is": "Negative", "operand": number, "span": [0, 0]}
    with pytest.raises(TypedJsonError):
        typed_from_json(nested_json(5000))


def nested_json(depth):
    """A program whose first parameter is nested too deeply; written by hand, since json.dumps would recurse."""
    inner = '{"is":"Negative","operand":' * depth + '{"is":"Integer","value":1,"span":[0,0]}' + ',"span":[0,0]}' * depth
    marker = json.dumps(json.loads(TEXT)["params"][0]["value"], separators=(",", ":"), sort_keys=True)
    assert marker in TEXT
    return TEXT.replace(marker, inner, 1)


def test_damaged_texts_never_do_anything_else():
    """Flipped characters: refused, or a program that elaborates without a crash."""
    shuffled = random.Random(0)
    refused = 0
    for _ in range(300):
        position = shuffled.randrange(len(TEXT))
        text = TEXT[:position] + shuffled.choice('0123456789{}[]",:aNt-') + TEXT[position + 1 :]
        try:
            program = typed_from_json(text)
        except TypedJsonError:
            refused += 1
            continue
        elaborate(program, tokens=32, clip_ids=True)
    assert refused > 50


def test_every_node_is_in_the_example():
    """The tests above see every kind of node there is."""
    from patternc.grammar import typed

    rounds = typed_to_json(program_of("model m { causal tokens 8 layers 2 = repeat { 1 * dense } }"))
    nodes = {
        value.__name__ for value in vars(typed).values() if isinstance(value, type) and dataclasses.is_dataclass(value)
    }
    missing = {name for name in nodes if f'"is":"{name}"' not in TEXT + rounds}
    # Layouts need a file: test_layout.py; a choice must be made before a program is kept: test_choices.py
    assert missing == {"Hole", "Source", "Span", "Layout", "StoredLayout", "Choice"}
