"""Work of the front end grows as the text does: counted in lines run, for texts of one, two, four and eight sizes.

Mistakes are found, repaired and drawn as well; after a hundred of them reading stops, so that work may level off.
"""

import pytest

from patternc.cli.formats import FORMATS
from patternc.diagnostics import render
from patternc.source import Source
from tests.grammar.front import diagnosed, model
from tests.grammar.steps import steps

SIZE = 20
ONE = model("local(3)", n=4096)


def lines(text, n):
    return "".join(f"{text.format(i)}\n" for i in range(n))


def listed(item, n, between=", "):
    return between.join(item.format(i) for i in range(n))


TEXTS = {
    "union": lambda n: model(listed("diagonals({0})", n, " | "), n=4096),
    "intersection": lambda n: model(f"self | {listed('chunk({0} + 1)', n, ' & ')}", n=4096),
    "difference": lambda n: model(f"self | dense - {listed('diagonals({0} + 1)', n, ' - ')}", n=4096),
    "additions": lambda n: f"param a = {listed('1', n, ' + ')}\n{ONE}",
    "one list": lambda n: model(f"self | keys([{listed('{0}', n)}])", n=4096),
    "ids out of range": lambda n: model(f"self | keys([{listed('{0} + 5000', n)}])", n=4096),
    "lists of ranges": lambda n: model(f"self | keys([{listed('{0}..{0} + 3', n)}])", n=4096),
    "parameters": lambda n: lines("param a{0} = {0}", n) + ONE,
    "patterns, all used": lambda n: lines("pattern p{0} = diagonals({0})", n) + model(listed("p{0}", n, " | "), n=4096),
    "arguments": lambda n: model(f"local({listed('1', n)})"),
    "named arguments": lambda n: model(f"local({listed('zz = 1', n, chr(10) + ', ')})"),
    "layers": lambda n: f"model m {{ causal tokens 64 layers {n} {{ {lines('{0}: local({0} + 1)', n)} }} }}",
    "rounds": lambda n: f"model m {{ causal tokens 64 layers {n} = repeat {{ {lines('1 * local(3)', n)} }} }}",
    "heads": lambda n: (
        f"model m {{ causal tokens 64 heads {n} layers 1 {{ all: heads {{ {lines('{0}: self', n)} }} }} }}"
    ),
    "layers given twice": lambda n: f"model m {{ causal tokens 64 layers 2 {{ {lines('all: self', n)} }} }}",
    "lifts": lambda n: model(listed("blocks(2, slice(0..n, within(4, self)))", n, " | ")),
    "expectations": lambda n: ONE + lines("expect n > {0}", n),
    "models": lambda n: ONE * n,
    "comments": lambda n: lines("# {0}", n) + ONE,
    "mistakes": lambda n: lines("param = ", n),
    "mistakes far apart": lambda n: (
        "".join(lines("param x{0} = 1", 9) + "param y = 2 3\n" for _ in range(n // 10)) + ONE
    ),
    "mistakes in a list": lambda n: f"param a = [{listed('1 2', n, chr(10) + ', ')}]\n",
    "lines never closed": lambda n: lines("param a{0} = (1", n),
    "unknown names": lambda n: lines("pattern p{0} = lokal(3)", n) + ONE,
    "wrong kinds": lambda n: lines("pattern p{0} = local(dense)", n) + ONE,
    "declared twice": lambda n: "param a = 1\n" * n + ONE,
    "brackets up to the limit": lambda n: lines(f"param a{{0}} = {'(' * 60}1{')' * 60}", n // 10) + ONE,
    "round brackets never closed": lambda n: f"param a = {'(' * n}",
    "calls never closed": lambda n: model(listed("local(3", n, " | ")),
    "braces never closed": lambda n: "model m {\n" + "layers 2 {\n" * n,
    "brackets that close nothing": lambda n: ")" * n,
    "stray characters": lambda n: "$ " * n,
    "words": lambda n: "a " * n,
    "signs": lambda n: f"param a = {'+ ' * n}",
    "minus signs": lambda n: f"param a = {'-' * n}1",
    "digits": lambda n: f"param a = {'9' * n}",
}


def all_of_it(text):
    found = diagnosed(Source("long.attn", text))
    render(found)
    render(found, width=40, colour=True)
    for write in FORMATS.values():
        write(found)


@pytest.mark.parametrize("name", TEXTS)
def test_work_grows_as_the_text_does(name):
    all_of_it(TEXTS[name](SIZE))  # what is made once
    one, two, four, eight = (steps(all_of_it, TEXTS[name](SIZE * times)) for times in (1, 2, 4, 8))
    # The steeper of two doublings: what is compared up to a limit (64 terms) makes the one across it cheap.
    assert eight - four <= 2.2 * max(four - two, two - one) + one, (one, two, four, eight)
