"""Printing: what is printed parses to the same tree, whatever the tree."""

from hypothesis import given, settings

from patternc.diagnostics import render
from patternc.grammar import tree
from patternc.grammar.check import check
from patternc.grammar.format import format_expression, format_file
from patternc.grammar.parse import parse
from patternc.grammar.written import written
from patternc.source import Source
from tests.grammar.front import program_of
from tests.grammar.trees import files


@given(files)
@settings(max_examples=200)
def test_printing_and_parsing_are_inverse(file):
    text = format_file(file)
    parsed = parse(Source("printed", text))
    assert not parsed.diagnostics, f"{text}\n{render(parsed.diagnostics)}"
    assert parsed.tree == file, text
    assert format_file(parsed.tree) == text


def printed(text):
    (statement,) = parse(Source("x", f"param x = {text}")).tree.statements
    return format_expression(statement.value)


def test_only_needed_brackets_are_printed():
    assert printed("((a))") == "a"
    assert printed("(a | b) | c") == "(a | b) | c"
    assert printed("a | (b - c) & d") == "a | (b - c) & d"
    assert printed("a | (b & c) - d") == "a | b & c - d"
    assert printed("(2**3)**-(1)") == "(2**3)**-1"
    assert printed("-(2**3)") == "-2**3"
    assert printed("(-2)**3") == "(-2)**3"
    assert printed("f( x,k=[1 ,2..n  step 2] ,causal )") == "f(x, k = [1, 2..n step 2], causal)"
    assert printed("(a, b)") == "(a, b)"


def test_layout_of_a_file():
    text = (
        "param a = 1\n\npattern p(k) = local(k)\n\nmodel m {\n    causal\n    layers 2 {\n"
        "        0:     p(a)\n        rest:  heads {\n            all: dense\n        }\n"
        "    }\n    tokens 64\n}\n\nexpect pairs(0) < 5%\n"
    )
    assert format_file(parse(Source("x", " ".join(text.split()))).tree) == text


EVERYTHING = """
param a = 3
param ids = [0, -1, 2..n - 4 step a, powers(2), more]
param more = 0..4
pattern p(w, g, q) = local(w, dilation = 2) | keys([g, 5]) | q - self - past & dense
pattern plain = empty
pattern walk(h) = random(2, seed = (h, 1, 2 * h), avoid = local(3, causal), among = 0..9, bidirectional)
pattern twice(x) = x | self + past - x + self
model m {
    causal tokens 64 heads 4 kv_heads 2 head_dim 2**5 allow empty
    layers 6 {
        0: p(isqrt(n), [0, -1], stride(5, at = [1, -1]))
        1: p(1 + 2 * -a**2**1 // 3 % 4, ids, columns(5, last = 2) | rows(a, at = 0))
        2: heads { head_rest..2: local(back = 3, ahead = a)  rest: chunks([2, 3]) | chunk(4) }
        [3, -2]: blocks(4, within(2, slice(0..2, diagonals([0, -1])))) | queries(0) | global(ids)
            | neighborhood(a, dilation = 2, group = 3, causal) | neighborhood(9)
        rest: walk(layer * kv_head + min(head, layers, ceildiv(heads, kv_heads))) | plain + twice(self)
    }
}
param head_rest = 0
expect pairs(0, 1) + abs(-pairs(-1)) <= n**2 - max(1, density)
expect density < 12.5%
expect cache <= n
expect waste(64, 2 * a) < 3.5
expect connected within 2 layers
expect connected within 2 layers from any layer to past
expect order n^1.5
expect crop_stable
"""


def test_a_typed_program_can_be_written_again():
    """typed -> tree -> text -> tree -> typed is the identity, for every typed pattern, number and list."""
    program = program_of(EVERYTHING)
    bodies = "".join(
        f"pattern {each.name}({', '.join(name for name, _ in each.parameters)}) = "
        f"{format_expression(written(each.body))}\n".replace("()", "")
        for each in program.patterns
    )
    params = "".join(f"param {each.name} = {format_expression(written(each.value))}\n" for each in program.params)
    again = check(parse(Source("again", params + bodies))).program
    assert again.patterns == program.patterns
    assert again.params == program.params
    for entry in program.model.layers.entries:
        patterns = (
            [entry.pattern] if not hasattr(entry.pattern, "entries") else [e.pattern for e in entry.pattern.entries]
        )
        for pattern in patterns:
            body = format_expression(written(pattern))
            text = f"{params}{bodies}model m {{ causal layers 1 {{ all: {body} }} }}"
            assert check(parse(Source("again", text))).program.model.layers.entries[0].pattern == pattern


def test_missing_parts_are_shown():
    assert format_expression(tree.Chain((tree.Missing(), tree.Number("1")), (tree.Operator("+"),))) == "? + 1"
