"""Random whole programs, as trees: legal by construction, small, and full of what makes compilers wrong.

For: the properties that hold every stage against the definition. `programs()` gives a tree with its printed text. Not
for: text that is wrong (`tests/grammar/test_fuzz.py` makes that).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from hypothesis import strategies as st

from patternc.grammar import tree as t
from patternc.grammar.format import format_file
from patternc.grammar.parse import parse
from patternc.source import Source
from tests.properties.asked import Truth, conditions
from tests.properties.expressions import ANYWHERE, Scope, Signature, exactly, integer, parsed_ids, sizes
from tests.properties.library import CALLS, EVEN
from tests.properties.meaning import masks
from tests.properties.patterns import attended, patterns, sums

MAX_TOKENS = 200
RAGGED = (1, 2, 3, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 192)


@dataclass(frozen=True, repr=False)
class Written:
    """A program: its tree, and the text that is printed of it."""

    file: t.File

    @cached_property
    def text(self):
        return format_file(self.file)

    def __repr__(self):
        return f'written("""\n{self.text}""")'

    def _repr_pretty_(self, printer, cycle):
        printer.text(repr(self))


def written(text: str) -> Written:
    """The program that a text is, for a case that is kept."""
    return Written(parse(Source("kept.attn", text)).tree)


@st.composite
def parameters(draw, n: int):
    """`param` statements in any order, and the scope they give."""
    statements, known, lists = [], [("n", n)], []
    for name in draw(st.sampled_from([(), ("k",), ("k", "width"), ("k", "width", "c")])):
        value = draw(sizes(n))
        statements.append(t.Param(t.Word(name), draw(exactly(Scope(n, tuple(known)), value))))
        known.append((name, value))
    if draw(st.integers(0, 2)) == 0:
        statements.append(t.Param(t.Word("marks"), parsed_ids(draw(st.sampled_from(ANYWHERE)))))
        lists.append("marks")
    return draw(st.permutations(statements)), Scope(n, tuple(known), lists=tuple(lists))


@st.composite
def declarations(draw, scope: Scope):
    """`pattern` statements, each of which may use those before it, and their signatures."""
    statements, signatures = [], []
    for name in draw(st.sampled_from([(), ("p",), ("p", "q")])):
        adds = draw(st.integers(0, 3)) == 0
        possible = ["number", "ids", "pattern", "sum"] if adds else ["number", "ids", "pattern"]
        kinds = tuple(draw(st.lists(st.sampled_from(possible), max_size=3)))
        of = {kind: tuple(f"a{place}" for place, each in enumerate(kinds) if each == kind) for kind in kinds}
        inside = replace(
            scope.at(None),
            positive=of.get("number", ()),
            lists=(*scope.lists, *of.get("ids", ())),
            patterns=of.get("pattern", ()),
            sums=of.get("sum", ()),
            callable=tuple(signatures),
        )
        body = draw(sums(inside, 2) if adds else patterns(inside, 2))
        statements.append(t.Pattern(t.Word(name), tuple(t.Word(f"a{place}") for place in range(len(kinds))), body))
        signatures.append(Signature(name, kinds, adds))
    return statements, tuple(signatures)


@st.composite
def selections(draw, count: int):
    """Selectors that cover 0..count once each."""
    every = t.Selector("all")
    if count == 1:
        return [draw(st.sampled_from([every, t.Selector(integer(0)), t.Selector("rest"), t.Selector(integer(-1))]))]
    cut = draw(st.integers(1, count - 1))
    return draw(
        st.sampled_from(
            [
                [every],
                [t.Selector("even"), t.Selector("odd")],
                [t.Selector(t.Range(integer(0), integer(cut))), t.Selector("rest")],
                [t.Selector("rest"), t.Selector(integer(-1))],
                [
                    t.Selector(t.Range(integer(0), integer(count), integer(2))),
                    t.Selector(t.Range(integer(1), integer(count), integer(2))),
                ],
                [t.Selector(t.List((integer(0), integer(-1)))), *([t.Selector("rest")] if count > 2 else [])],
                [t.Selector(t.Range(integer(0), integer(cut))), t.Selector(t.Range(integer(cut), integer(count)))],
            ]
        )
    )


@st.composite
def assigned(draw, scope: Scope, heads: int):
    if heads == 1 or draw(st.integers(0, 2)):
        return draw(attended(scope, 3))
    return t.HeadBlock(tuple(t.HeadEntry(each, draw(attended(scope, 2))) for each in draw(selections(heads))))


@st.composite
def programs(draw, max_tokens: int = MAX_TOKENS, max_layers: int = 4, draws_too: bool = True):
    """A legal program with a model of 1 to `max_tokens` tokens; rows may be empty."""
    lengths = [st.integers(1, 40), st.integers(1, max_tokens), st.sampled_from([n for n in RAGGED if n <= max_tokens])]
    n = draw(st.one_of(lengths))
    params, scope = draw(parameters(n))
    files = draw(st.just([]) | st.lists(st.sampled_from(sorted({*CALLS, *EVEN})), max_size=2, unique=True))
    uses = [t.Use(t.Word(each), True) for each in files]
    scope = replace(scope, uses=tuple(files))
    declared, signatures = draw(declarations(scope))
    heads, kv_heads = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 2), (3, 3), (4, 2), (6, 2)]))
    layers = draw(st.integers(1, max_layers))
    inside = replace(scope, callable=signatures, in_model=True, heads=heads, even=True)
    if layers > 1 and draw(st.integers(0, 3)) == 0:
        turns = draw(st.lists(st.integers(1, 2), min_size=1, max_size=2))
        rounds = tuple(t.Round(integer(each), draw(assigned(inside, heads))) for each in turns)
        body = t.Layers(integer(layers), rounds, True)
    else:
        entries = tuple(t.LayerEntry(each, draw(assigned(inside, heads))) for each in draw(selections(layers)))
        body = t.Layers(integer(layers), entries, False)
    settings = [
        t.Flag(draw(st.sampled_from(["causal", "bidirectional"]))),
        t.Setting("tokens", integer(n)),
        t.Flag("allow empty"),
        t.Setting("head_dim", integer(draw(st.sampled_from([3, 4, 8])))),
        body,
    ]
    if heads > 1 or draw(st.booleans()):
        settings.append(t.Setting("heads", integer(heads)))
    if kv_heads != heads:
        settings.append(t.Setting("kv_heads", integer(kv_heads)))
    model = t.Model(t.Word("m"), tuple(draw(st.permutations(settings))))
    statements = [*uses, *params, *declared, model]
    if draw(st.integers(0, 2)) == 0:
        counts = [[np.sum(head, axis=0, dtype=np.int64) for head in row] for row in masks(t.File(tuple(statements)))]
        truth = Truth(counts, t.Flag("causal") in settings, kv_heads)
        statements += map(t.Expect, draw(st.lists(conditions(truth), min_size=1, max_size=3)))
    return Written(t.File(tuple(draw(st.permutations(statements)))))
