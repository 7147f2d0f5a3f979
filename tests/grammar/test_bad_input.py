"""Input nobody should give: each gets one clear error, and none takes long, grows without bound or crashes."""

import os

import pytest

from patternc.algebra import evaluation
from patternc.diagnostics import MAX_DRAWN, PatternError, render
from patternc.grammar import scope
from patternc.grammar.parse import parse
from patternc.grammar.reading import read_source, text_source
from patternc.source import MAX_BYTES, Source
from tests.grammar.front import codes, diagnosed, model, program_of, schedule_of


def refused(path):
    with pytest.raises(PatternError) as error:
        read_source(path)
    (diagnostic,) = error.value.diagnostics
    assert path.name in diagnostic.message
    return diagnostic.code


def test_files_that_cannot_be_read(tmp_path):
    assert refused(tmp_path / "missing.attn") == "PA001"
    assert refused(tmp_path) == "PA002"
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file" / "below.attn") == "PA001"
    assert refused(tmp_path / ("x" * 300)) == "PA001"
    with pytest.raises(PatternError, match="null"):
        read_source(tmp_path / "a\0b")
    if os.geteuid() != 0:
        (tmp_path / "file").chmod(0)
        assert refused(tmp_path / "file") == "PA001"


def test_the_missing_file_that_was_meant(tmp_path):
    (tmp_path / "longformer.attn").write_text("")
    with pytest.raises(PatternError, match=r"longformer\.attn"):
        read_source(tmp_path / "longfromer.attn")


def test_large_files(tmp_path):
    path = tmp_path / "large.attn"
    path.write_text("# a comment\n" * ((10 << 20) // 12))
    assert path.stat().st_size > MAX_BYTES
    assert refused(path) == "PA003"
    path.write_text("#" * (MAX_BYTES + 1))
    assert refused(path) == "PA003"
    path.write_text("#" * MAX_BYTES)
    assert len(read_source(path).text) == MAX_BYTES
    with pytest.raises(PatternError, match="256 KiB"):
        text_source("x" * (10 << 20))
    with pytest.raises(PatternError, match="256 KiB"):
        text_source("\u20ac" * (MAX_BYTES // 2))


def test_no_text(tmp_path):
    path = tmp_path / "x.attn"
    path.write_bytes(b"param a = 1\n# caf\xe9\n")
    assert refused(path) == "PA004"
    path.write_bytes(os.urandom(64).replace(b"\0", b"") + b"\0")
    assert refused(path) == "PA004"
    path.write_bytes("\ufeffparam a = 1\n".encode())
    assert read_source(path).text == "param a = 1\n", "a byte order mark is no part of the text"
    path.write_bytes(b"")
    assert parse(read_source(path)).diagnostics == ()


def test_lone_surrogates_in_a_text():
    (diagnostic,) = parse(text_source("param a = 1 \ud800")).diagnostics
    assert diagnostic.code == "PA106"
    render([diagnostic]).encode()


def test_line_ends():
    for end in ("\n", "\r\n", "\r"):
        (diagnostic,) = parse(Source("x", f"param a = 1 # one{end}param b = 2 3{end}")).diagnostics
        assert diagnostic.primary.source.position(diagnostic.primary.span.start) == (2, 12)


@pytest.mark.parametrize("bracket", ["(", "[", "f("])
@pytest.mark.parametrize("closed", [True, False])
def test_a_hundred_thousand_brackets(bracket, closed):
    count = 100_000
    closer = {"(": ")", "[": "]"}[bracket[-1]]
    text = f"param a = {bracket * count}1{closer * count * closed}\nparam b = 2\n{model('local(b)')}"
    assert codes(Source("x", text)) == ["PA108"]


@pytest.mark.parametrize(
    "expression",
    ["-" * 100_000 + "1", "- " * 100_000 + "1", "2**" * 30_000 + "1", "2**-" * 30_000 + "1"],
    ids=["minus", "minus, spaced", "powers", "negative powers"],
)
def test_very_many_signs(expression):
    text = f"param a = {expression}\nparam b = 2\n{model('local(b)')}"
    assert codes(Source("x", text)) == ["PA108"]
    assert codes(Source("x", f"{text} )"))[:1] == ["PA108"]


def test_long_chains_are_not_deep():
    assert dict(schedule_of(f"param a = {'+'.join(['1'] * 5000)}\n{model('local(a)')}").params) == {"a": 5000}
    terms = " | ".join(f"diagonals({i})" for i in range(0, 400))
    assert len(schedule_of(model(terms, n=800)).pattern(0, 0).terms) == 400
    assert codes(model(" | ".join(["local(8)"] * 8_000))) == ["PA702"]


def nested(depth):
    """The deepest expression there may be, with a node of every kind at each level."""
    text = "3"
    for _ in range(depth):
        text = f"max(1, -{text} // 2 * 1 - 1 + 1)"
    return text


def test_the_deepest_expression_goes_all_the_way():
    deepest = next(depth for depth in range(100) if codes(f"param a = {nested(depth + 1)}\n{model('local(8 + a)')}"))
    text = f"param a = {nested(deepest)}\n{model('local(8 + a)')}"
    assert deepest >= 12
    assert codes(text) == []
    from patternc.grammar.typed_json import typed_from_json, typed_to_json

    typed_from_json(typed_to_json(program_of(text)))


def test_deep_lifts_go_all_the_way():
    def lifted(depth):
        return "blocks(2, " * depth + "local(3) | self" + ")" * depth

    assert codes(model(lifted(40), n=64)) == []
    assert schedule_of(model(lifted(40), n=64)).pattern(0, 0).relation
    assert codes(model(lifted(70), n=64)) == ["PA108"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("param a = 2**2**40", ["PA405"]),
        ("param a = (2**62)**(2**62)", ["PA405"]),
        (f"param a = {'9' * 100_000}", ["PA405"]),
        ("param a = 10**18 * 10**18", ["PA405"]),
    ],
)
def test_huge_numbers(text, expected):
    assert codes(f"{text}\n{model('local(3 + 0 * a)')}") == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("self | keys(0..10**12)", ["PA402"]),
        ("self | diagonals(0..10**18)", ["PA904"]),
        ("self | columns(10**15, last = 10**14)", ["PA904"]),
        ("self | columns(10**15, at = 0..10**14 step 3)", ["PA703"]),
        ("self | stride(10**15, at = 0..10**14)", ["PA904"]),
        ("self | chunks([10**18, 10**18])", ["PA904"]),
        ("self | chunks(1..10**12)", ["PA703"]),
        ("self | random(10**15)", []),
        ("self | random(3, among = 0..n step 2)", []),
        ("blocks(10**15, local(3))", []),
        ("within(10**15, local(3))", []),
        ("within(10**15, keys(0..n step 3) | self)", []),
        ("local(10**18)", []),
        ("local(10**18, dilation = 10**18)", ["PA405"]),
        ("self | keys(powers(10**17))", []),
    ],
)
def test_huge_values_in_patterns(pattern, expected):
    assert codes(model(pattern, n=64)) == expected


def test_long_listings():
    assert codes(model("self | columns(10**6, at = 0..10**6 step 2)", n=2**22)) == ["PA703"]
    assert codes(model("self | random(3, among = 0..n step 2)", n=2**22)) == ["PA703"]
    assert codes(model("self | keys(0..n step 2)", n=2**22)) == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("tokens 10**12 layers 1", ["PA701"]),
        ("tokens 2**30 layers 1", []),
        ("tokens 8 layers 10**9", ["PA701"]),
        ("tokens 8 heads 10**9 layers 1", ["PA701"]),
        ("tokens 8 heads 1024 kv_heads 1024 layers 1024", []),
        ("tokens 0 layers 1", ["PA507"]),
        ("tokens -8 layers 1", ["PA507"]),
    ],
)
def test_huge_models(settings, expected):
    assert codes(f"model m {{ causal {settings} {{ all: self }} }}") == expected


def test_patterns_that_grow():
    doubling = "pattern p0 = self\n" + "\n".join(f"pattern p{i} = blocks(2, p{i - 1}) | p{i - 1}" for i in range(1, 40))
    assert codes(f"{doubling}\n{model('p39')}") == ["PA702"]
    equal = "pattern p0 = self\n" + "\n".join(f"pattern p{i} = p{i - 1} | p{i - 1}" for i in range(1, 40))
    assert codes(f"{equal}\n{model('p39')}") == ["PA702"]
    by_argument = "pattern p0(w) = local(w)\n" + "\n".join(
        f"pattern p{i}(w) = p{i - 1}(2 * w) | p{i - 1}(2 * w + 1)" for i in range(1, 40)
    )
    assert codes(f"{by_argument}\n{model('p39(0)')}") == ["PA702"]


def test_a_model_that_grows_with_every_head(monkeypatch):
    """A few hundred steps for each of a million heads would take an hour; the model's own budget ends it."""
    monkeypatch.setattr(evaluation, "MAX_STEPS", 20_000)
    pattern = " | ".join(f"diagonals({i} + head * layer)" for i in range(0, 200, 2))
    assert codes(f"model m {{ causal tokens 64 heads 1024 layers 1024 {{ all: self | {pattern} }} }}")[:1] == ["PA702"]


def test_circles_of_files(tmp_path):
    (tmp_path / "a.attn").write_text('use "b.attn"\npattern a = b\n')
    (tmp_path / "b.attn").write_text('use "./a.attn"\npattern b = self\n')
    main = tmp_path / "main.attn"
    main.write_text(f'use "a.attn"\n{model("a")}')
    assert [each.code for each in diagnosed(read_source(main))] == ["PA006"]
    itself = tmp_path / "itself.attn"
    itself.write_text(f'use "itself.attn"\n{model("self")}')
    assert [each.code for each in diagnosed(read_source(itself))] == ["PA006"]


def test_too_many_files(tmp_path):
    for number in range(80):
        (tmp_path / f"{number}.attn").write_text(f'use "{number + 1}.attn"\npattern p{number} = self\n')
    main = tmp_path / "main.attn"
    main.write_text(f'use "0.attn"\n{model("p0")}')
    assert [each.code for each in diagnosed(read_source(main))] == ["PA007"]


@pytest.mark.parametrize("name", ["", ".", "/", "a\0b", "x" * 5000, "/dev/null/x", "missing/../x"])
def test_odd_names_of_used_files(tmp_path, name):
    main = tmp_path / "main.attn"
    main.write_text(f'use "{name}"\n{model("self")}')
    diagnostics = diagnosed(Source("main.attn", main.read_text(), main))
    assert len(diagnostics) == 1
    assert diagnostics[0].code in ("PA001", "PA002")


def test_many_mistakes_end_somewhere():
    assert 100 <= len(parse(Source("x", "param = \n" * 5000)).diagnostics) <= 101
    assert len(parse(Source("x", ") " * 100_000)).diagnostics) <= 100
    assert len(parse(Source("x", "\x01 a " * 100_000)).diagnostics) <= 100


@pytest.mark.parametrize(
    "line",
    ["param name{0} = nmae{0}x", "param name{0} = name{0}", "pattern name{0} = nmae{0}x", "name{0} = = 3"],
    ids=["unknown numbers", "circles", "unknown patterns", "syntax"],
)
def test_thousands_of_mistakes(line, monkeypatch):
    compared = 0
    closest = scope.closest

    def counted(word, names):
        nonlocal compared
        names = list(names)
        compared += len(names)
        return closest(word, names)

    monkeypatch.setattr(scope, "closest", counted)
    text = "".join(line.format(index) + "\n" for index in range(3000))
    found = diagnosed(text + "model m { causal tokens 8 layers 1 { all: dense } }\n")
    assert len(found) >= 100
    assert compared <= scope.MAX_COMPARED + 4000, "the work is bounded, whatever the number of names"
    shown = render(found)
    assert shown.count("error[") == MAX_DRAWN
    assert len(found) == MAX_DRAWN or shown.endswith(f"and {len(found) - MAX_DRAWN:,} more\n")
