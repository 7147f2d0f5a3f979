"""Section 4: which layer and head gets which pattern, and what is shared."""

import pytest

from patternc.algebra import relation as r
from tests.grammar.front import codes, diagnosed, elaborated, schedule_of


def texts(schedule, head=0):
    return [schedule.pattern(layer, head).text for layer in range(schedule.layers)]


def layers(body, before="", settings="heads 8", n=64):
    return schedule_of(f"{before} model m {{ causal tokens {n} {settings} layers {body} }}")


def test_selectors():
    schedule = layers("24 { 0: dense  1..12: local(256)  12..24 step 2: stride(4)  rest: local(512) }", n=1024)
    assert texts(schedule) == ["dense", *["local(256)"] * 11, *["stride(4)", "local(512)"] * 6]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("4 { even: dense  odd: self }", "dsds"),
        ("4 { all: dense }", "dddd"),
        ("5 { [0, 2..4, -1]: dense  rest: self }", "dsddd"),
        ("4 { rest: dense  -1: self }", "ddds"),
        ("4 { 0: dense -1: self -3..3: dense }", "ddds"),
        ("4 { k: self  k+1..n//n*4: dense  0: dense }", "dsdd"),
        ("4 { k-1: self  rest: dense }", "sddd"),
        ("4 { min(k, 3): self  min(3, 5)-1: self  rest: dense }", "dssd"),
        ("4 { 2**k: self  [k]: self  rest: dense }", "dssd"),
        ("4 { ids: self  rest: dense }", "sdds"),
        ("4 { layers-1: self  rest: dense }", "ddds"),
        ("4 = repeat { 3 * self  1 * dense }", "sssd"),
        ("7 = repeat { 2 * self  k * dense }", "ssdssds"),
        ("5 = repeat { 2 * dense | self  1 * self }", "ddsdd"),
        ("2 = repeat { 100 * self  1 * dense }", "ss"),
    ],
)
def test_who_gets_what(body, expected):
    schedule = layers(body, before="param k = 1 param ids = [0, -1]")
    short = {r.PAST: "d", r.union(r.PAST, r.Band(0, 0)): "d", r.Band(0, 0): "s"}
    assert "".join(short[schedule.pattern(layer, 0).relation] for layer in range(schedule.layers)) == expected


def test_heads():
    schedule = layers("2 { 0: heads { 0..6: local(16)  rest: local(16, dilation = 4) }  1: dense }")
    assert schedule.table == ((0, 0, 0, 0, 0, 0, 1, 1), (2,) * 8)
    schedule = layers("12 { all: heads { 0..6: local(16)  rest: local(16, dilation = 4) } }")
    assert len(schedule.patterns) == 2


def test_heads_in_rounds_and_by_layer():
    schedule = layers("4 = repeat { 1 * heads { 0..layer+1: self  rest: dense }  1 * past }")
    assert schedule.table == ((0, 1, 1, 1, 1, 1, 1, 1), (1,) * 8, (0, 0, 0, 1, 1, 1, 1, 1), (1,) * 8)


def test_arguments_use_layer_and_head():
    schedule = layers("2 { all: columns(8, at = head % 4) | self }")
    assert len(schedule.patterns) == 4
    assert schedule.table[0] == schedule.table[1] == (0, 1, 2, 3, 0, 1, 2, 3)
    schedule = layers("12 { all: local(32 * 2**(layer // 4)) }", n=1024)
    assert [schedule.pattern(layer, 0).relation for layer in (0, 4, 8)] == [r.Band(0, w - 1) for w in (32, 64, 128)]
    assert len(schedule.patterns) == 3


def test_kv_head():
    schedule = layers("1 { all: columns(8, at = kv_head) | self }", settings="heads 8 kv_heads 2")
    assert schedule.table == ((0, 0, 0, 0, 1, 1, 1, 1),)
    assert (schedule.heads, schedule.kv_heads) == (8, 2)


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ("kv_head + layer", (0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2)),
        ("kv_head + head", (0, 1, 2, 3, 5, 6, 7, 8) * 2),
        ("kv_head * head * layer", (0,) * 12 + (4, 5, 6, 7)),
        ("head // 4 + kv_head * layer", (0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 2, 2)),
    ],
)
def test_what_is_evaluated_once_is_that_of_every_head(at, wanted):
    schedule = layers(f"2 {{ all: columns(16, at = {at}) | self }}", settings="heads 8 kv_heads 2")
    found = [schedule.pattern(layer, head).relation for layer in (0, 1) for head in range(8)]
    assert found == [r.union(r.intersection(r.PAST, r.Columns(16, (residue,))), r.Band(0, 0)) for residue in wanted]


def test_random_differs_by_layer_and_equal_seeds_agree():
    assert len(layers("4 { all: random(3) }").patterns) == 4
    assert len(layers("4 { all: random(3, seed = 5) }").patterns) == 1
    assert len(layers("4 { all: random(3, seed = (5, layer // 2)) }").patterns) == 2


def test_equal_patterns_are_shared_whatever_they_are_written_as():
    schedule = layers(
        "4 { 0: local(8)  1: local(k)  2: local(back = k - 1)  3: local(8) | self }", before="param k = 8"
    )
    assert schedule.table[0] == schedule.table[1] == schedule.table[2]
    assert schedule.table[3] != schedule.table[0], "its terms differ, which the report shows"
    assert schedule.patterns[0].text == "local(8)"


def test_settings():
    schedule = schedule_of(
        "model m { head_dim 2**6 allow empty layers 2 { all: dense } kv_heads heads // 2 heads 2 * layers "
        "tokens 4 * layers bidirectional }"
    )
    assert (schedule.name, schedule.tokens, schedule.causal, schedule.layers) == ("m", 8, False, 2)
    assert (schedule.heads, schedule.kv_heads, schedule.head_dim, schedule.allow_empty) == (4, 2, 64, True)
    schedule = schedule_of("model m { causal tokens 64 layers 1 { all: dense } }", tokens=128, head_dim=32)
    assert (schedule.tokens, schedule.heads, schedule.kv_heads, schedule.head_dim) == (128, 1, 1, 32)
    assert not schedule.allow_empty


def test_places_say_where_each_pattern_was_written():
    text = "model m { causal tokens 64 heads 2 layers 3 { 0: dense  1: heads { 0: self rest: dense }  2: self } }"
    result = elaborated(text)
    written = [label.source.text[label.span.start : label.span.stop] for label in result.places]
    assert written == ["dense", "self"]
    assert len(result.places) == len(result.schedule.patterns)


def test_mistakes_in_patterns_that_no_layer_gets_are_found():
    text = "model m { causal tokens 64 layers 2 = repeat { 2 * dense  1 * local(0) } }"
    assert codes(text) == ["PA401"]
    assert codes("model m { causal tokens 64 layers 0 { all: heads { all: local(0) } } }") == ["PA507", "PA401"]
    assert codes("model m { causal tokens 64 heads 3 kv_heads 2 layers 1 { all: local(0) | local(kv_head) } }") == [
        "PA506",
        "PA401",
    ]


def test_gap_and_overlap_name_the_layers():
    messages = [each.message for each in diagnosed("model m { causal tokens 64 layers 9 { 0: self  4..6: self } }")]
    assert messages == ["layers 1 to 3, 6 to 8 have no pattern".replace(", 6", " and 6")]
    messages = [each.message for each in diagnosed("model m { causal tokens 64 layers 3 { all: self  2: dense } }")]
    assert messages == ["layer 2 has two patterns"]


def test_a_mistake_in_a_selector_makes_no_gap():
    assert codes("model m { causal tokens 64 layers 3 { unknown: self  2: dense } }") == ["PA201"]
    assert codes("model m { causal tokens 64 layers 3 { 7: self  2: dense } }") == ["PA503"]


def test_a_term_that_adds_something_to_some_layer_is_no_mistake():
    before = "model m { causal tokens 64 heads 2 layers 3 { all:"
    assert codes(f"{before} local(4 * 2**layer) | stride(8) | local(9) }} }}") == []
    assert codes(f"{before} local(4 * 2**layer) | stride(8) | local(3) }} }}") == ["PA904"]
    assert codes("pattern p(w) = local(w) | local(8) model m { causal tokens 64 layers 2 { 0: p(4) 1: p(16) } }") == []
    assert codes("pattern p(w) = local(w) | local(8) model m { causal tokens 64 layers 2 { 0: p(4) 1: p(6) } }") == [
        "PA904"
    ]
