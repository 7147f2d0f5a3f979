"""Any text gives diagnostics or a program, never anything else; and one mistake more gives no crash later."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark

from patternc.algebra.choices import choices
from patternc.cli.formats import FORMATS
from patternc.cli.main import main
from patternc.diagnostics import has_errors, ordered, render
from patternc.grammar.check import check
from patternc.grammar.format import format_file
from patternc.grammar.lexer import scan
from patternc.grammar.parse import parse
from patternc.grammar.terminals import SIGNS, WORDS
from patternc.grammar.typed_json import typed_from_json, typed_to_json
from patternc.source import Source
from tests.conftest import LONG
from tests.grammar.front import diagnosed
from tests.grammar.trees import files

ROOT = Path(__file__).parents[2]
EXAMPLES = [path.read_text() for path in sorted((ROOT / "examples").glob("*.attn"))]
LIBRARY = [path.read_text() for path in sorted((ROOT / "patternc/library").glob("*.attn"))]
FILES = [
    path.read_bytes() for folder in ("examples", "tests/mistakes") for path in sorted((ROOT / folder).glob("*.attn"))
]
FEW = settings(max_examples=2000 if LONG else 60)

vocabulary = st.sampled_from(
    [
        *SIGNS.values(),
        *WORDS.values(),
        *(
            "<=",
            "==",
            "1",
            "2",
            "64",
            "5%",
            "1.5",
            '"x.attn"',
            '"',
            "local",
            "dense",
            "random",
            "blocks",
            "keys",
            "stride",
        ),
        *("a", "b", "w", "n", "pairs", "density", "head", "at", "# comment", "\n", "\n", "and", "$"),
    ]
)


def survives(text):
    """Goes through everything; a program without errors and with no number to choose can be kept and read again."""
    source = Source("fuzz", text)
    diagnostics = diagnosed(source, tokens=48)
    rendered = render(diagnostics)
    for diagnostic in diagnostics:
        for label in diagnostic.labels:
            assert 0 <= label.span.start <= label.span.stop <= len(label.source.text)
        if diagnostic.fix is not None and diagnostic.fix.source == source:
            parse(Source("fixed", diagnostic.fix.applied()))
    assert rendered.isprintable() or "\n" in rendered
    assert ordered(diagnostics) == diagnostics
    render(diagnostics, width=40, colour=True).encode()
    assert len(json.loads(FORMATS["json"](diagnostics))["diagnostics"]) == len(diagnostics)
    assert len(json.loads(FORMATS["sarif"](diagnostics))["runs"][0]["results"]) == len(diagnostics)
    assert FORMATS["github"](diagnostics).count("\n") == len(diagnostics)
    checked = check(parse(source))
    if has_errors(checked.diagnostics):
        return
    if choices(checked.program):
        with pytest.raises(ValueError, match="a number is still to be chosen"):
            typed_to_json(checked.program)
    else:
        assert typed_from_json(typed_to_json(checked.program)) == typed_from_json(typed_to_json(checked.program))


@given(st.binary(max_size=200))
@FEW
def test_bytes(data):
    survives(data.decode("latin-1"))


@given(st.text(max_size=120))
@FEW
def test_texts(text):
    survives(text)


@given(st.lists(vocabulary, max_size=40).map(" ".join))
@FEW
@example("model m { layers 2 { 0: heads { 1: } }")
@example("pattern p ( = local ( ( [ ) ]")
@example("expect connected within")
@example("} } } model")
@example("layers layers heads heads")
def test_words(text):
    survives(text)


@given(st.sampled_from(EXAMPLES), st.data())
@FEW
def test_examples_with_tokens_changed(text, data):
    """One to three tokens of a right file left out, repeated, swapped or replaced."""
    words = [(token.start, token.stop) for token in scan(text)]
    for _ in range(data.draw(st.integers(1, 3))):
        start, stop = data.draw(st.sampled_from(words))
        start, stop = min(start, len(text)), min(stop, len(text))
        replacement = data.draw(st.one_of(st.just(""), vocabulary, st.just(text[start:stop] * 2)))
        text = text[:start] + replacement + text[stop:]
    survives(text)


@given(files)
@FEW
def test_trees(file):
    """Files that parse, but mean nothing."""
    survives(format_file(file))


@pytest.mark.parametrize("text", EXAMPLES + LIBRARY)
def test_one_token_left_out_is_one_mistake_in_the_syntax(text):
    """Independent mistakes are counted; one missing token, whichever, is never more than two of them."""
    for token in scan(text)[:: 1 if LONG else 30]:
        diagnostics = parse(Source("x", text[: token.start] + text[token.stop :])).diagnostics
        assert len(diagnostics) <= 2, render(diagnostics)


@st.composite
def damaged_files(draw):
    """The bytes of a real file, or of two, with bits flipped, stretches left out, repeated, and moved."""
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.sampled_from([1, 1, 2, 5, 20, 100])))
        match draw(st.sampled_from(["flip", "delete", "repeat", "insert", "splice", "swap"])):
            case "flip" if start < len(data):
                data[start] ^= 1 << draw(st.integers(0, 7))
            case "delete":
                del data[start:stop]
            case "repeat":
                data[stop:stop] = data[start:stop] * draw(st.sampled_from([1, 2, 30]))
            case "insert":
                data[start:start] = draw(
                    st.binary(max_size=4) | st.sampled_from([b"\r", b"\xef\xbb\xbf", b"\xc2\xa0", b"{(["])
                )
            case "splice":
                other = draw(st.sampled_from(FILES))
                data[start:] = other[draw(st.integers(0, len(other))) :]
            case "swap":
                data[start:stop] = data[start:stop][::-1]
    return bytes(data)


@given(damaged_files() | st.binary(max_size=300), st.sampled_from(["human", *FORMATS]))
@settings(FEW, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(b"", "human")
@example(b"\xff\xfe", "sarif")
@example(b"model m {\r\r causal tokens 4 layers 1 { all: self }\0", "json")
def test_check_of_any_bytes(tmp_path, data, form):
    """The command ends with 0 or 1, and never otherwise."""
    path = tmp_path / "fuzz.attn"
    path.write_bytes(data)
    done = CliRunner().invoke(main, ["check", str(path), "--tokens", "48", "--format", form])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    assert done.exit_code in (0, 1)
    if form == "human":
        assert (done.exit_code == 1) == ("error[" in done.stderr)
    elif form != "github":
        json.loads(done.output)


@given(damaged_files())
@FEW
@example(b"param w = 8..8\nmodel m { causal tokens 256 layers 2 { all: local(w) } }")
def test_damaged_files(data):
    survives(data.decode("utf-8", "replace"))


GRAMMAR = Lark((ROOT / "patternc/grammar/attn.lark").read_text(), parser="lalr")
TERMINALS = {
    "NAME": st.sampled_from(["a", "k", "w", "local", "stride", "keys", "random", "blocks", "n", "pairs", "density"]),
    "INT": st.integers(0, 99).map(str),
    "DECIMAL": st.sampled_from(["1.5", "0.05"]),
    "PERCENT": st.sampled_from(["5%", "12.5%"]),
    "STRING": st.sampled_from(['"x.attn"', '""']),
    "SELECTOR_MINUS": st.just("-"),
    "WHITE_SPACE": st.sampled_from([" ", "\n"]),
    "COMMENT": st.just("# comment\n"),
}


@given(from_lark(GRAMMAR, start="start", explicit=TERMINALS))
@settings(FEW, suppress_health_check=list(HealthCheck))
def test_what_the_grammar_derives(text):
    """Whatever `attn.lark` can derive, its terminals side by side as they come."""
    survives(text)
