"""Every piece of the language that its page shows: it is read, and means what the page says beside it."""

import pytest

from patternc.algebra import relation as r
from tests.grammar.front import codes, elaborated, model, pairs_of, pairs_where, relation_of, schedule_of

COMPLETE = """
# Sparse Transformer (Child et al. 2019): the strided factorisation in the lower half, the fixed one above.
param l = isqrt(n)                      # may be overridden:  --param l=128
param c = 8

pattern fixed(l, c) = chunk(l) | columns(l, last = c)

model sparse_transformer {
    causal                              # or: bidirectional
    tokens 16384                        # default length n; --tokens overrides
    heads 8
    head_dim 64                         # optional; else given when compiling
    layers 24 {
        0..12 step 2:  local(l)
        1..12 step 2:  stride(l)
        rest:          fixed(l, c)
    }
}

expect connected within 2 layers        # a failed expectation is a compile error with a counter-example
expect pairs(0) <= n * l
"""


def test_a_complete_file():
    result = elaborated(COMPLETE)
    schedule = result.schedule
    assert (schedule.name, schedule.tokens, schedule.causal) == ("sparse_transformer", 16384, True)
    assert (schedule.layers, schedule.heads, schedule.kv_heads, schedule.head_dim) == (24, 8, 8, 64)
    assert schedule.params == (("l", 128), ("c", 8))
    assert [schedule.pattern(layer, 3).text for layer in (0, 1, 2, 11, 12, 23)] == [
        "local(l)",
        "stride(l)",
        "local(l)",
        "stride(l)",
        "chunk(l) | columns(l, last = c)",
        "chunk(l) | columns(l, last = c)",
    ]
    assert schedule.pattern(0, 0).relation == r.Band(0, 127)
    assert schedule.pattern(1, 0).relation == r.Band(0, None, 128)
    assert schedule.pattern(12, 0).relation == r.union(
        r.intersection(r.PAST, r.Chunk((128,))), r.intersection(r.PAST, r.Columns(128, tuple(range(120, 128))))
    )
    assert [each.text for each in result.expectations] == ["connected within 2 layers", "pairs(0) <= n * l"]
    assert schedule_of(COMPLETE, params={"l": 64}).pattern(0, 0).relation == r.Band(0, 63)
    assert schedule_of(COMPLETE, tokens=1024).params == (("l", 32), ("c", 8))
    assert codes(f"{COMPLETE}\nexpect order n^1.5") == []


def test_defaults_and_orders_of_settings():
    schedule = schedule_of("model m { layers 1 { all: dense } bidirectional }", tokens=8)
    assert (schedule.tokens, schedule.heads, schedule.kv_heads, schedule.head_dim) == (8, 1, 1, None)


@pytest.mark.parametrize(
    ("ids", "positions"),
    [
        ("0", {0}),
        ("-1", {63}),
        ("[0, 5, 16..32, -1]", {0, 5, *range(16, 32), 63}),
        ("-4..n", {60, 61, 62, 63}),
        ("0..64 step 16", {0, 16, 32, 48}),
        ("[0, -1]", {0, 63}),
        ("powers(2)", {1, 2, 4, 8, 16, 32}),
    ],
)
def test_id_lists(ids, positions):
    relation = relation_of(f"keys({ids})", 64, "bidirectional")
    assert {j for start, stop in relation.spans for j in range(start, stop)} == positions


def test_schedules_of_section_4():
    before = "model m { causal tokens 2048 heads 8 layers"
    schedule = schedule_of(
        f"{before} 24 {{ 0: dense  1..12: local(256)  12..24 step 2: stride(64)  rest: local(512) }} }}"
    )
    assert [schedule.pattern(layer, 0).text for layer in (0, 1, 11, 12, 13, 22, 23)] == [
        *("dense", "local(256)", "local(256)", "stride(64)", "local(512)", "stride(64)", "local(512)")
    ]
    schedule = schedule_of(f"{before} 26 = repeat {{ 5 * local(1024)  1 * dense }} }}")
    assert [layer for layer in range(26) if schedule.pattern(layer, 0).text == "dense"] == [5, 11, 17, 23]
    schedule = schedule_of(f"{before} 12 {{ all: heads {{ 0..6:  local(128)\nrest:  local(128, dilation = 4) }} }} }}")
    assert [schedule.pattern(7, head).text for head in (0, 5, 6, 7)] == [
        *["local(128)"] * 2,
        *["local(128, dilation = 4)"] * 2,
    ]
    assert relation_of("columns(8, at = head % 4)", 64) == r.intersection(r.PAST, r.Columns(8, (0,)))


def test_lifts_of_section_3():
    n = 64
    assert pairs_of("blocks(8, local(3) | global([0, -1]))", n, "bidirectional") == pairs_where(
        lambda i, j: abs(i // 8 - j // 8) <= 1 or j // 8 in (0, 7) or i // 8 in (0, 7), n
    )
    assert pairs_of("chunk(8) | stride(8)", n, "bidirectional") == pairs_where(
        lambda i, j: i // 8 == j // 8 or i % 8 == j % 8, n
    )
    assert pairs_of("blocks(8, local(7)) & within(8, local(7))", n, "bidirectional") == pairs_where(
        lambda i, j: abs(i // 8 - j // 8) <= 3 and abs(i % 8 - j % 8) <= 3, n
    )
    assert pairs_of("blocks(8, local(back = 3)) & within(8, local(7))", n) == pairs_where(
        lambda i, j: j <= i and i // 8 - j // 8 <= 3 and abs(i % 8 - j % 8) <= 3, n
    )
    window = "blocks(6, local(back = 1)) & within(6, local(3))"
    assert pairs_of(f"keys(0..t) | slice(t..n, {window})", n, before="param t = 10") == pairs_where(
        lambda i, j: (
            j <= i
            and (j < 10 or (i >= 10 and (i - 10) // 6 - (j - 10) // 6 <= 1 and abs((i - 10) % 6 - (j - 10) % 6) <= 1))
        ),
        n,
    )


def test_patterns_of_section_8():
    assert pairs_of("past | keys(0..p)", before="param p = 5", direction="bidirectional") == pairs_where(
        lambda i, j: j <= i or j < 5
    )
    schedule = schedule_of("model m { causal tokens 64 layers 3 { all: chunk(2 * 2**layer) & stride(2**layer) } }")
    assert [len(pattern.terms) for pattern in schedule.patterns] == [1, 1, 1]
    assert pairs_of("local(w) | columns(k) & past", before="param w = 3 param k = 4", direction="bidirectional") == (
        pairs_where(lambda i, j: abs(i - j) <= 1 or (j % 4 == 0 and j <= i))
    )


def test_precedence():
    """`+` loosest, then `|`, `-`, `&`, products, signs, powers; `A + B - C` is A + (B - C)."""
    from patternc.grammar.format import format_expression
    from patternc.grammar.parse import parse
    from patternc.source import Source

    def grouped(text):
        (statement,) = parse(Source("x", f"param x = {text}")).tree.statements
        operands = statement.value.operands
        return [format_expression(each) for each in operands]

    assert grouped("A + B - C") == ["A", "B - C"]
    assert grouped("A | B - C & D") == ["A", "B - C & D"]
    assert grouped("A - B & C") == ["A", "B & C"]
    assert grouped("A & 2 * B") == ["A", "2 * B"]
    assert grouped("-A**2 * B") == ["-A**2", "B"]


@pytest.mark.parametrize(
    "expectation",
    [
        "n % 8 == 0",
        "pairs(0) <= n * 9",
        "density <= 5%",
        "density < 1.5",
        "cache <= n",
        "waste(64, 64) <= 2",
        "order n",
        "order n*log(n)",
        "order n^1.5",
        "order n^2",
        "crop_stable",
        "connected",
        "connected to past",
        "connected from any layer",
        "connected within 1 layers from any layer",
        "connected within 1 layers from any layer to past",
    ],
)
def test_expectations(expectation):
    assert codes(f"{model('local(3)', 64)}\nexpect {expectation}") == []


def test_words_are_words_and_argument_names_are_not():
    assert relation_of("fixed(8, 2)", 64, before="pattern fixed(l, last) = chunk(l) | columns(l, last = last)") == (
        relation_of("chunk(8) | columns(8, last = 2)", 64)
    )
