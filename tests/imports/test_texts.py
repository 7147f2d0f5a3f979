"""Reading JSON and YAML: what the standard readers say, with places; and nothing that could run or explode."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from patternc.diagnostics import PatternError
from patternc.integrations.json_text import MOST_DEEP, read_json
from patternc.integrations.settings import Entries, Items, plain
from patternc.integrations.yaml_text import read_yaml
from patternc.source import Source

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
COMMENTS = st.sampled_from(["", " ", "\n", "# a\n", "// b\n", "/* c\n{ */", "\t"])


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_json_is_json(value, indent, escaped):
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    assert plain(read_json(Source("a.json", text))) == value


@given(VALUES, st.lists(COMMENTS, min_size=1))
def test_comments_and_commas_at_the_end_change_nothing(value, comments):
    """A comment between any two tokens, and a comma before every closing bracket."""
    at = iter(range(10**6))

    def written(part):
        note = comments[next(at) % len(comments)]
        match part:
            case dict():
                inner = "".join(f"{note}{json.dumps(key)}{note}:{note}{written(each)}," for key, each in part.items())
                return "{" + inner + note + "}"
            case list():
                return "[" + "".join(f"{note}{written(each)}," for each in part) + note + "]"
            case _:
                return note + json.dumps(part) + note

    assert plain(read_json(Source("a.json", written(value)))) == value


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.booleans())
def test_yaml_is_yaml(value, flow):
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    assert plain(read_yaml(Source("a.yml", text))) == yaml.safe_load(text) == value


def test_places_are_those_of_the_text():
    for read in (read_json, read_yaml):
        text = '{"a": [1, true], "bc": "d"}'
        node = read(Source("a", text))
        assert isinstance(node, Entries)
        first, second = node.entries

        def said(place, text=text):
            return text[place.span.start : place.span.stop]

        assert (said(first.place), said(first.value.place)) == ('"a"', "[1, true]")
        assert isinstance(first.value, Items)
        assert [said(item.place) for item in first.value.items] == ["1", "true"]
        assert (said(second.place), said(second.value.place)) == ('"bc"', '"d"')


@given(st.text(alphabet='{}[]",:#/*tfn01.-e\\ \n', max_size=40))
def test_any_text_is_a_value_or_one_diagnostic(text):
    for read in (read_json, read_yaml):
        try:
            plain(read(Source("a", text)))
        except PatternError as error:
            (diagnostic,) = error.diagnostics
            assert diagnostic.code == "PA821"
            assert diagnostic.primary is not None
            assert 0 <= diagnostic.primary.span.start <= diagnostic.primary.span.stop <= len(text)


@given(st.text(alphabet='{}[]",:tfn01.-e\\ \n', max_size=20))
def test_what_is_json_is_read_as_json_reads_it(text):
    def no_twice(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    try:
        expected = json.loads(text, object_pairs_hook=no_twice)
    except (ValueError, AssertionError):
        return
    assert repr(plain(read_json(Source("a", text)))) == repr(expected)


DEEP = {
    "lists": "[" * 100_000 + "]" * 100_000,
    "open lists": "[" * 100_000,
    "mappings": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "digits": '{"a": ' + "9" * 100_000 + "}",
    "fraction": '{"a": 1.' + "9" * 100_000 + "}",
}


@pytest.mark.parametrize("name", DEEP)
def test_depth_and_numbers_are_limited(name):
    for read in (read_json, read_yaml):
        with pytest.raises(PatternError, match=f"more than {MOST_DEEP} deep|more than 30 characters"):
            read(Source("a", DEEP[name]))


def test_the_deepest_is_read():
    value = json.loads("[" * MOST_DEEP + "1" + "]" * MOST_DEEP)
    for read in (read_json, read_yaml):
        assert plain(read(Source("a", json.dumps(value)))) == value


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: !!python/object/apply:os.system [ls]",
        "a: !!python/name:os.system",
        "!custom {a: 1}",
        "a: !!binary aGk=",
        "a: 1\n---\nb: 2",
        "? [1, 2]\n: 3",
        "1: 2",
        "a: 1\na: 2",
        "a: 2001-13-45: x",
        "\x01",
        "%YAML 9.9\n---\na: 1",
    ],
)
def test_yaml_beyond_settings_is_refused(text):
    with pytest.raises(PatternError, match="PA821"):
        read_yaml(Source("a.yml", text))


def test_a_date_is_a_text():
    assert plain(read_yaml(Source("a.yml", "a: 2026-11-29\nb: 2026-13-45"))) == {"a": "2026-11-29", "b": "2026-13-45"}
