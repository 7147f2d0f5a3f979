"""Random trees of whole files: every node of `tree.py`, as a parser would build them (names resolved by nobody)."""

import re

from hypothesis import strategies as st

from patternc.grammar import tree as t
from patternc.grammar.format import format_expression

names = st.sampled_from(["a", "k", "width", "n", "layer", "dense", "heads", "past", "layers", "_x1", "within", "empty"])
words = st.builds(t.Word, st.sampled_from(["a", "k", "width", "local", "_x1"]))
integers = st.integers(0, 2**63).map(lambda value: t.Number(str(value)))
decimals = st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda p: t.Number(f"{p[0]}.{p[1]:02}", "decimal"))
percents = st.integers(0, 100).map(lambda value: t.Number(f"{value}%", "percent"))
atoms = st.one_of(integers, names.map(t.Name), names.map(t.Name), decimals, percents, st.just(t.Text("mask.npy")))

LEVELS = (("+",), ("|",), ("-",), ("&",), ("*", "//", "%", "/"))


def chains(operands):
    def level(signs):
        return st.lists(st.sampled_from(signs), min_size=1, max_size=3).flatmap(
            lambda chosen: st.lists(operands, min_size=len(chosen) + 1, max_size=len(chosen) + 1).map(
                lambda values: t.Chain(tuple(values), tuple(map(t.Operator, chosen)))
            )
        )

    return st.sampled_from(LEVELS).flatmap(level)


def extended(expressions):
    values = st.one_of(expressions, ranges(expressions))
    arguments = st.one_of(
        values,
        st.builds(t.NamedArgument, words, values),
        st.sampled_from(["causal", "bidirectional"]).map(t.DirectionArgument),
    )
    return st.one_of(
        chains(expressions),
        st.builds(t.Negative, expressions),
        st.builds(t.Power, expressions, expressions),
        st.builds(t.Call, words, st.lists(arguments, max_size=3).map(tuple)),
        st.builds(t.List, st.lists(values, max_size=3).map(tuple)),
        st.builds(t.Tuple, st.lists(expressions, min_size=2, max_size=3).map(tuple)),
    )


def ranges(expressions):
    return st.builds(t.Range, expressions, expressions, st.none() | expressions)


expressions = st.recursive(atoms, extended, max_leaves=12)
values = st.one_of(expressions, ranges(expressions))

leading = st.one_of(integers, names.map(t.Name), st.builds(t.Call, words, st.lists(expressions, max_size=2).map(tuple)))
# the colon that makes a selector of `-1..k:` is looked for up to the first bracket or comma
plain = atoms | chains(atoms)
selectors = st.one_of(
    st.sampled_from(["even", "odd", "all", "rest"]),
    leading,
    integers.map(t.Negative),
    st.builds(t.Range, leading, expressions, st.none() | expressions),
    st.builds(t.Range, integers.map(t.Negative), plain, st.none() | plain),
    st.builds(t.List, st.lists(values, max_size=3).map(tuple)),
    st.builds(
        lambda first, rest: t.Chain((first, rest), (t.Operator("+"),)), leading, st.one_of(integers, names.map(t.Name))
    ),
).map(t.Selector)

head_blocks = st.builds(t.HeadBlock, st.lists(st.builds(t.HeadEntry, selectors, expressions), max_size=3).map(tuple))
# after `:`, the word `heads` begins a block; as a number it could not be a pattern anyway
patterns = expressions.filter(lambda each: not re.match(r"heads\b", format_expression(each)))
assigned = st.one_of(patterns, patterns, head_blocks)
entries = st.lists(st.builds(t.LayerEntry, selectors, assigned), max_size=4).map(tuple)
counts = st.one_of(integers, st.sampled_from(["a", "k"]).map(t.Name))
rounds = st.lists(st.builds(t.Round, counts, assigned), max_size=3).map(tuple)

settings = st.one_of(
    st.sampled_from(["causal", "bidirectional", "allow empty"]).map(t.Flag),
    st.builds(t.Setting, st.sampled_from(["tokens", "heads", "kv_heads", "head_dim"]), expressions),
    st.builds(lambda count, body: t.Layers(count, body, False), expressions, entries),
    st.builds(lambda count, body: t.Layers(count, body, True), expressions, rounds),
)

signs = st.sampled_from(["<=", "<", ">=", ">", "==", "!="]).map(t.Operator)
conditions = st.one_of(
    st.builds(t.Comparison, expressions, signs, expressions),
    st.builds(t.Connected, st.none() | expressions, st.booleans(), st.booleans()),
    st.sampled_from(["n", "n^2", "n^1.5", "n * log(n)"]).map(t.Order),
    st.just(t.CropStable()),
)

statements = st.one_of(
    st.builds(t.Use, st.sampled_from(["a.attn", "b c.attn"]).map(t.Word), st.just(False)),
    st.builds(t.Use, st.just(t.Word("bigbird")), st.just(True)),
    st.builds(t.Param, words, values),
    st.builds(t.Pattern, words, st.lists(words, max_size=3).map(tuple), expressions),
    st.builds(t.Model, words, st.lists(settings, max_size=5).map(tuple)),
    st.builds(t.Expect, conditions),
)

files = st.builds(t.File, st.lists(statements, max_size=5).map(tuple))
