"""Any text gives diagnostics or a program, never anything else; and one mistake more gives no crash later."""

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from patternc.diagnostics import has_errors, render
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

EXAMPLES = [path.read_text() for path in sorted((Path(__file__).parents[2] / "examples").glob("*.attn"))]
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
    """Goes through everything; a program without errors can be kept and read again."""
    source = Source("fuzz", text)
    diagnostics = diagnosed(source, tokens=48)
    rendered = render(diagnostics)
    for diagnostic in diagnostics:
        for label in diagnostic.labels:
            assert 0 <= label.span.start <= label.span.stop <= len(label.source.text)
        if diagnostic.fix is not None and diagnostic.fix.source == source:
            parse(Source("fixed", diagnostic.fix.applied()))
    assert rendered.isprintable() or "\n" in rendered
    checked = check(parse(source))
    if not has_errors(checked.diagnostics):
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


@given(st.sampled_from(EXAMPLES), st.data())
@FEW
def test_one_token_left_out_is_one_mistake_in_the_syntax(text, data):
    """Independent mistakes are counted; one missing token is never more than two of them."""
    token = data.draw(st.sampled_from(scan(text)))
    diagnostics = parse(Source("x", text[: token.start] + text[token.stop :])).diagnostics
    assert len(diagnostics) <= 2, render(diagnostics)
