"""The catalogue: every diagnostic code, what it means, and a wrong and a right sample.

For: `patternc explain`, the documentation and the rules of SARIF. Read from top to bottom it is a list of everything
that can be wrong with a pattern. Codes are stable; PA9xx are warnings, all others errors. Needs nothing but the
standard library. Not for: the messages of a concrete mistake, which are made where it is found.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """What one code means. Samples are whole pattern files, or commands where they begin with `patternc`."""

    code: str
    title: str
    explanation: str
    wrong: str
    right: str


def _model(pattern: str, head: str = "causal", layers: str = "layers 1") -> str:
    """A small model with one pattern."""
    return f"model m {{ {head} tokens 64 {layers} {{ all: {pattern} }} }}"


_FILES = (
    Entry(
        "PA001",
        "a file cannot be read",
        "The file does not exist, or the system refuses to open it. A file named after `use` is looked for beside the "
        "file that uses it.",
        "patternc check longfromer.attn",
        "patternc check longformer.attn",
    ),
    Entry(
        "PA002",
        "a directory stands where a pattern file is needed",
        "Commands take files. To check all patterns of a folder, name them: the shell expands `folder/*.attn`.",
        "patternc check examples",
        "patternc check examples/*.attn",
    ),
    Entry(
        "PA003",
        "a file is too large",
        "A pattern file may have 256 KiB, about 5,000 lines. A larger one was not written by a person: long lists are "
        "ranges with a step, or a stored mask.",
        "patternc check activations.bin",
        "patternc check longformer.attn",
    ),
    Entry(
        "PA004",
        "a file is not UTF-8 text",
        "A pattern file is text in UTF-8. The message says at which byte it stops being that: usually the file is "
        "binary, or was saved in another encoding.",
        "patternc check mask.npy",
        "patternc check mask.attn",
    ),
    Entry(
        "PA006",
        "files use each other in a circle",
        "`use` brings in the patterns and parameters of another file. When that file, directly or through others, uses "
        "the first one again, none of them can be read before the other. Move what both need to a third file.",
        'use "a.attn"    # in a.attn itself',
        'use "windows.attn"    # which uses nothing',
    ),
    Entry(
        "PA007",
        "too many files are used",
        "A program may use 63 other files, directly and through others.",
        "patternc check everything.attn    # which uses 64 files",
        "patternc check model.attn         # which uses what it needs",
    ),
    Entry(
        "PA008",
        "a library file that does not exist",
        "`use std.name` brings in patterns of the library that ships with patternc. A file of your own is used by its "
        'path: `use "windows.attn"`.',
        "use std.window",
        "use std.windows",
    ),
    Entry(
        "PA009",
        "a layout file cannot be read",
        "The file that `layout` names does not exist, or the system refuses to open it. It is looked for beside the "
        "file that names it.",
        _model('layout("bigbrid.npy")'),
        _model("blocks(16, local(2))"),
    ),
    Entry(
        "PA010",
        "a file is no layout",
        "A layout is an array of booleans, or of the integers 0 and 1, that numpy.save wrote: N x N, or heads x N x N "
        "with a square for each head; True where the query (row) attends the key (column). Pickled objects, fractions, "
        "archives of arrays and files that are cut off are refused.",
        "numpy.save('mask.npy', scores)",
        "numpy.save('mask.npy', scores > 0)",
    ),
    Entry(
        "PA011",
        "a layout is too large",
        "The array of a layout may have 64 MiB, such as 8,192 x 8,192 booleans. Larger ones are nearly always made of "
        "blocks: store one entry for each block, and say `blocks(64, layout(...))`.",
        "numpy.save('mask.npy', mask)                  # 16,384 x 16,384",
        "numpy.save('mask.npy', mask[::64, ::64])      # 256 x 256, for blocks(64, layout(...))",
    ),
)

_SYNTAX = (
    Entry(
        "PA101",
        "a word or sign cannot stand where it does",
        "The text does not follow the grammar at this place; the message lists what could come next. One such mistake "
        "is reported for a statement, and reading goes on after it.",
        _model("dense") + "\nexpect 1 < pairs(0) < n * n",
        _model("dense") + "\nexpect 1 < pairs(0)\nexpect pairs(0) < n * n",
    ),
    Entry(
        "PA102",
        "a bracket is never closed",
        "A `(`, `[` or `{` has no partner. The label shows where it was opened, the fix where closing it would fit.",
        _model("local(8"),
        _model("local(8)"),
    ),
    Entry(
        "PA103",
        "a bracket closes nothing",
        "A `)`, `]` or `}` has no partner before it, or one of another shape.",
        _model("local(8))"),
        _model("local(8)"),
    ),
    Entry(
        "PA104",
        "an expression is missing",
        "An operator, a bracket or an `=` wants a number, a list or a pattern, and something else follows.",
        _model("local(8) |"),
        _model("local(8) | stride(4)"),
    ),
    Entry(
        "PA105",
        "a sign between two parts is missing",
        "Two parts stand side by side that need a `:`, `=` or `,` between them.",
        "param width 128",
        "param width = 128",
    ),
    Entry(
        "PA106",
        "characters that are no part of the language",
        "Words of the language are made of ASCII letters, digits and a few signs. Text pasted from a document may have "
        "look-alikes: long dashes, curly quotes, no-break spaces.",
        "param width = 64 \u2013 8",
        "param width = 64 - 8",
    ),
    Entry(
        "PA107",
        "a quoted name is never closed",
        'The name of a file stands between two `"` on one line.',
        'use "windows.attn',
        'use "windows.attn"',
    ),
    Entry(
        "PA108",
        "brackets or operators are nested too deeply",
        "Brackets may be nested 64 deep, and an expression 96 levels, counting brackets, signs and operators. Name a "
        "part with `param` or `pattern`.",
        "param x = " + "(" * 65 + "1" + ")" * 65,
        "param x = ((1))",
    ),
    Entry(
        "PA109",
        "a sign of another language",
        "The sign is usual elsewhere, and this language spells it otherwise: `&` for `and`, `|` for `or`, `**` for "
        "`^`, `==` in an expectation, no `;`.",
        _model("local(8) or stride(4)"),
        _model("local(8) | stride(4)"),
    ),
)

_NAMES = (
    Entry(
        "PA201",
        "a name stands for nothing",
        "Neither a parameter, a pattern nor a word of the language has this name, or none of the kind that is needed "
        "here. The suggestion is the nearest name that would be legal at this very place.",
        "param width = 8\n" + _model("local(widht)"),
        "param width = 8\n" + _model("local(width)"),
    ),
    Entry(
        "PA202",
        "a name is declared twice",
        "Parameters and patterns share their names, over all files that are used. The two parameters of one pattern "
        "differ, too; they may reuse the name of a `param`.",
        "param k = 8\nparam k = 16",
        "param k = 8\nparam stride_length = 16",
    ),
    Entry(
        "PA203",
        "a word of the language is declared",
        "Primitives, functions, `n`, `layer` and the words that begin statements and settings keep their meaning "
        "everywhere, so they cannot be names of parameters or patterns.",
        "param local = 128",
        "param window = 128",
    ),
    Entry(
        "PA204",
        "a parameter is defined by itself",
        "Parameters may be declared in any order, but following the names in their definitions must come to an end. "
        "`n` is `tokens`, so `tokens` cannot need a parameter that needs `n`.",
        "param a = b + 1\nparam b = a + 1",
        "param a = b + 1\nparam b = 1",
    ),
    Entry(
        "PA205",
        "a pattern uses itself",
        "A named pattern stands for its body, so one that uses itself, directly or through others, would have no end.",
        "pattern p(k) = local(k) | p(k + 1)",
        "pattern p(k) = local(k) | local(k + 1, dilation = 2)",
    ),
    Entry(
        "PA206",
        "a name that has no value here",
        "`layer`, `head` and `kv_head` have values only in the patterns of a model; a named pattern gets them as "
        "arguments. `pairs`, `density` and their like belong to expectations.",
        "pattern p = local(8 * (layer + 1))\n" + _model("p"),
        "pattern p(w) = local(w)\n" + _model("p(8 * (layer + 1))"),
    ),
    Entry(
        "PA207",
        "a file has two models",
        "A file says one model. Two models can share patterns and parameters by `use`.",
        f"{_model('dense')}\n{_model('past').replace('model m', 'model k')}",
        _model("dense"),
    ),
    Entry(
        "PA208",
        "there is no model",
        "A file without a model can be checked and used by others, but there is nothing in it to compile.",
        "pattern window = local(8)",
        "pattern window = local(8)\n" + _model("window"),
    ),
    Entry(
        "PA209",
        "a setting is given twice",
        "Every setting of a model stands once, in any order; `causal` and `bidirectional` exclude each other.",
        "model m { causal causal tokens 64 layers 1 { all: dense } }",
        "model m { causal tokens 64 layers 1 { all: dense } }",
    ),
    Entry(
        "PA210",
        "a setting is missing",
        "A model says `causal` or `bidirectional`, and its `layers`; and `tokens`, unless the length is given from "
        "outside.",
        "model m { tokens 64 layers 1 { all: dense } }",
        "model m { bidirectional tokens 64 layers 1 { all: dense } }",
    ),
)

_ARGUMENTS = (
    Entry(
        "PA301",
        "an expression is of another kind than needed",
        "There are three kinds: numbers, lists of ids, and patterns. A number serves as a list of one id; nothing else "
        "changes its kind.",
        _model("keys(dense)"),
        _model("keys(0..4)"),
    ),
    Entry(
        "PA302",
        "a call has too few or too many arguments",
        "The message says what is missing, or how many arguments there may be.",
        _model("stride()"),
        _model("stride(8)"),
    ),
    Entry(
        "PA303",
        "an argument has a name that is not known",
        "The main arguments of the language's own patterns have no name; options, such as `dilation` or `at`, have "
        "one. A pattern declared in the file knows the names it was declared with.",
        _model("local(8, dilaton = 2)"),
        _model("local(8, dilation = 2)"),
    ),
    Entry(
        "PA304",
        "an argument is given twice",
        "Each argument of a call has one value, by its place or by its name.",
        _model("local(8, dilation = 2, dilation = 4)"),
        _model("local(8, dilation = 4)"),
    ),
    Entry(
        "PA305",
        "the arguments of a call are in the wrong order",
        "Arguments without a name come first, then those with a name, then `causal` or `bidirectional`.",
        _model("local(dilation = 2, 8)"),
        _model("local(8, dilation = 2)"),
    ),
    Entry(
        "PA306",
        "a parameter is used as two kinds",
        "What a parameter of a pattern is follows from its use: a number, a list or a pattern. It must be the same at "
        "every use.",
        "pattern p(x) = local(x) | x\n" + _model("p(8)"),
        "pattern p(x, rest_of_it) = local(x) | rest_of_it\n" + _model("p(8, stride(4))"),
    ),
    Entry(
        "PA307",
        "arguments exclude each other",
        "The two arguments say the same thing in two ways: a width or `back` and `ahead`, `at` or `last`.",
        _model("columns(8, at = 0, last = 2)"),
        _model("columns(8, at = [0, 6, 7])"),
    ),
    Entry(
        "PA308",
        "true division",
        "All values are whole numbers. `//` divides and rounds down; `ceildiv(a, b)` rounds up.",
        "param half = 7 / 2",
        "param half = 7 // 2",
    ),
    Entry(
        "PA309",
        "a decimal or a percentage where a whole number is needed",
        "A decimal such as `1.5`, or a percentage such as `5%`, can only stand alone on one side of an `expect`.",
        _model("local(1.5)"),
        _model("local(2)") + "\nexpect density < 50%",
    ),
    Entry(
        "PA310",
        "a value is used like a function",
        "Only functions and patterns take arguments. A number or a list stands for itself.",
        "param k = 8\n" + _model("local(k(2))"),
        "param k = 8\n" + _model("local(k * 2)"),
    ),
    Entry(
        "PA311",
        "a sum where a set of keys is needed",
        "`A + B` counts a key that both branches have twice. Lifts and the operators `|`, `&` and `-` work on sets, so "
        "a sum stands outside of them, also where a name brings it in: `blocks(b, A) + blocks(b, B)`.",
        _model("blocks(4, local(3) + random(2))"),
        _model("blocks(4, local(3)) + blocks(4, random(2))"),
    ),
)

_VALUES = (
    Entry(
        "PA401",
        "a value is out of range",
        "Widths, distances, sizes, dilations and steps are at least 1; `back`, `ahead` and the count of `random` at "
        "least 0; `last` at most the distance.",
        _model("local(0)"),
        _model("local(1)"),
    ),
    Entry(
        "PA402",
        "an id lies outside the sequence",
        "Ids are 0 to n - 1, or -1 to -n from the end. n is the length of the place: the number of blocks inside "
        "`blocks`, the width inside `within`, the length of the range inside `slice`.",
        _model("keys(64)"),
        _model("keys(63)"),
    ),
    Entry(
        "PA403",
        "a range runs backwards",
        "A range `a..b` has the ids from a up to, not including, b; both ends count from the end when negative. The "
        "last four are `-4..n`: `-4..0` would run from n - 4 down to 0.",
        _model("keys(-4..0)"),
        _model("keys(-4..n)"),
    ),
    Entry(
        "PA404",
        "division by zero or by a negative number",
        "`//`, `%` and `ceildiv` need a positive right side.",
        "param a = 0\nparam b = 8 // a\n" + _model("local(8) | keys([a, b])"),
        "param a = 2\nparam b = 8 // a\n" + _model("local(8) | keys([a, b])"),
    ),
    Entry(
        "PA405",
        "a value is beyond 64 bit",
        "All values, also those on the way, lie between -2**63 and 2**63 - 1. `**` is checked before it is computed.",
        "param huge = 2**64\n" + _model("local(huge)"),
        "param large = 2**40\n" + _model("local(large)"),
    ),
    Entry(
        "PA406",
        "a function has no value here",
        "`isqrt` needs a number that is not negative, `log2` one of at least 1, `powers` a base of at least 2.",
        "param l = isqrt(n - 100)\n" + _model("local(l)"),
        "param l = isqrt(n)\n" + _model("local(l)"),
    ),
    Entry(
        "PA407",
        "a residue is out of range",
        "`at` says which residues modulo the distance k are meant: each at least -k and less than k. Negative ones "
        "count down from k, so -1 is k - 1.",
        _model("self | columns(8, at = 8)"),
        _model("self | columns(8, at = 7)"),
    ),
    Entry(
        "PA408",
        "a negative exponent",
        "`**` needs an exponent of at least 0: all values are whole numbers.",
        "param k = 2**(0 - 1)\n" + _model("local(k)"),
        "param k = 2**1\n" + _model("local(k)"),
    ),
    Entry(
        "PA410",
        "`slice` needs one range",
        "`slice(a..b, P)` puts P on the positions from a up to b. It takes one range without a step, or the name of "
        "one.",
        _model("self | slice([0..8, 16..24], dense)"),
        _model("self | slice(0..8, dense) | slice(16..24, dense)"),
    ),
    Entry(
        "PA411",
        "a parameter that the program does not have",
        "A value was given, by --param or params=, for a name that is not declared with `param`.",
        "patternc compile strided.attn --param stride=64",
        "patternc compile strided.attn --param l=64",
    ),
    Entry(
        "PA412",
        "a value of another kind was given for a parameter",
        "A list was given from outside for a parameter that the program uses as a number.",
        "patternc compile strided.attn --param l=1,2",
        "patternc compile strided.attn --param l=64",
    ),
    Entry(
        "PA413",
        "a neighborhood whose last window a lift would cut off",
        "A neighborhood sees exactly as many keys as it says, also at the end. In `blocks(b, ...)` or `within(b, ...)` "
        "it needs b to divide the n of that place, and so for every lift around it: else the last block or period is "
        "shorter than the window takes it to be.",
        _model("blocks(24, neighborhood(3))"),
        _model("blocks(16, neighborhood(3))"),
    ),
    Entry(
        "PA414",
        "a layout of another size",
        "A stored layout fixes n where it stands: N at token level, N blocks inside `blocks(b, ...)`. A file with an "
        "array for each head has as many as the model. A module compiled with one serves no other length.",
        'model m { causal tokens 128 layers 1 { all: layout("mask.npy") } }    # 64 x 64',
        'model m { causal tokens 128 layers 1 { all: blocks(2, layout("mask.npy")) } }',
    ),
    Entry(
        "PA415",
        "a number that is still to be chosen",
        "The parameter is written as a list, and a number is needed where it is used: so it may be any number of the "
        "list. `patternc design` finds the best of them; every other command needs one, from the file or as "
        "`--param k=8`. If no list was meant, write the number.",
        "param k = 4..16\n" + _model("local(k)"),
        "param k = 8\n" + _model("local(k)"),
    ),
    Entry(
        "PA416",
        "nothing to choose from",
        "`patternc design` chooses the parameters that are lists where the pattern needs numbers. There is none in "
        "this file, or its list is empty.",
        "patternc design strided.attn",
        "patternc design strided.attn --param l=16..512",
    ),
    Entry(
        "PA417",
        "more choices than are tried",
        "`patternc design` tries all choices of a list, and of several lists all combinations, up to a limit. A step, "
        "or a shorter range, leaves some of them out.",
        "patternc design strided.attn --param l=1..1000000",
        "patternc design strided.attn --param 'l=16..1024 step 16'",
    ),
)

_SCHEDULES = (
    Entry(
        "PA501",
        "layers or heads without a pattern",
        "Every layer, and in a `heads` block every head, has exactly one pattern. `rest:` stands for all that no other "
        "entry selects.",
        "model m { causal tokens 64 layers 4 { 0..3: dense } }",
        "model m { causal tokens 64 layers 4 { 0..3: dense  rest: local(8) } }",
    ),
    Entry(
        "PA502",
        "layers or heads with two patterns",
        "Two entries select the same layer or head. To attend what either says, join the patterns with `|`.",
        "model m { causal tokens 64 layers 4 { all: dense  3: local(8) } }",
        "model m { causal tokens 64 layers 4 { 3: local(8)  rest: dense } }",
    ),
    Entry(
        "PA503",
        "a layer or head that does not exist",
        "Layers and heads are counted from 0; negative numbers count from the end.",
        "model m { causal tokens 64 layers 4 { 0..4: dense  4: local(8) } }",
        "model m { causal tokens 64 layers 4 { 0..3: dense  3: local(8) } }",
    ),
    Entry(
        "PA504",
        "`rest` stands twice, or for nothing",
        "`rest` stands once in a block, for everything that the other entries leave; something must be left.",
        "model m { causal tokens 64 layers 4 { all: dense  rest: local(8) } }",
        "model m { causal tokens 64 layers 4 { 0: dense  rest: local(8) } }",
    ),
    Entry(
        "PA505",
        "a pattern is repeated less than once",
        "In `repeat { k * P ... }` every k is at least 1.",
        "model m { causal tokens 64 layers 4 = repeat { 0 * local(8)  1 * dense } }",
        "model m { causal tokens 64 layers 4 = repeat { 3 * local(8)  1 * dense } }",
    ),
    Entry(
        "PA506",
        "heads that cannot share their kv_heads evenly",
        "With grouped queries every key/value head serves the same number of query heads, so `kv_heads` divides "
        "`heads`.",
        "model m { causal tokens 64 heads 6 kv_heads 4 layers 1 { all: dense } }",
        "model m { causal tokens 64 heads 8 kv_heads 4 layers 1 { all: dense } }",
    ),
    Entry(
        "PA507",
        "a model without tokens, layers or heads",
        "`tokens`, `layers`, `heads`, `kv_heads` and `head_dim` are at least 1.",
        "model m { causal tokens 0 layers 1 { all: dense } }",
        "model m { causal tokens 64 layers 1 { all: dense } }",
    ),
)

_EXPECTATIONS = (
    Entry(
        "PA601",
        "an expectation does not hold",
        "What an `expect` says is not true of this pattern at this length. The message shows the values of both sides "
        "and, where there is one, a layer, head and pair that is missing.",
        _model("local(8)") + "\nexpect connected within 1 layers",
        _model("dense") + "\nexpect connected within 1 layers",
    ),
    Entry(
        "PA602",
        "an expectation asks for layers that do not exist",
        "`connected within L layers` needs 1 <= L <= layers.",
        _model("dense") + "\nexpect connected within 2 layers",
        _model("dense") + "\nexpect connected within 1 layers",
    ),
    Entry(
        "PA603",
        "an expectation names a layer or head that does not exist",
        "In `pairs(L)` and `pairs(L, H)` layers and heads are counted from 0; negative numbers count from the end.",
        _model("dense") + "\nexpect pairs(1) <= n * n",
        _model("dense") + "\nexpect pairs(0) <= n * n",
    ),
    Entry(
        "PA604",
        "a fraction where whole numbers are needed",
        "`density` and `waste` are fractions. They can be compared, added and multiplied, but not divided with `//` or "
        "given to functions of whole numbers.",
        _model("dense") + "\nexpect density // 2 <= 1",
        _model("dense") + "\nexpect density <= 2",
    ),
    Entry(
        "PA605",
        "an order that is not growth in n",
        "`expect order` takes `n`, a power of n such as `n^1.5`, or `n * log(n)`. Parameters follow their own "
        "definitions in n, so `local(l)` with `l = isqrt(n)` has the order n^1.5.",
        _model("dense") + "\nexpect order m^2",
        _model("dense") + "\nexpect order n^2",
    ),
    Entry(
        "PA606",
        "an expectation that could not be decided",
        "Whether it holds is not known, and what is not known does not pass. The message says why: there is no closed "
        "form, or the answer would take more than its budget. Ask at a shorter length (`--tokens`), or for something "
        "that can be decided.",
        _model("self | random(3)") + "\nexpect order n",
        _model("self | random(3)") + "\nexpect pairs(0) <= 4 * n",
    ),
    Entry(
        "PA607",
        "no choice meets the expectations",
        "`patternc design` tried all choices, and for each of them something in the file does not hold, is not known "
        "to hold, or is an error. The labels say how many choices each expectation rules out by itself.",
        "patternc design windows.attn --param w=1..8",
        "patternc design windows.attn --param w=1..256",
    ),
)

_LIMITS = (
    Entry(
        "PA701",
        "a model is larger than the limits",
        "At most 1,073,741,824 tokens, 1,024 layers and 1,024 heads.",
        "model m { causal tokens 64 layers 10**9 { all: dense } }",
        "model m { causal tokens 64 layers 96 { all: dense } }",
    ),
    Entry(
        "PA702",
        "a pattern expands to too much",
        "Named patterns are replaced by their bodies. When each uses the one before twice, the size doubles at every "
        "step. The limits are 20,000 parts for the pattern of one head and 1,000,000 for a model.",
        "pattern two(p) = blocks(2, p) | p\n"
        "pattern four(p) = two(two(two(two(p))))\n"
        "pattern many(p) = four(four(four(four(p))))\n" + _model("many(self)"),
        "pattern two(p) = blocks(2, p) | p\n" + _model("two(self)"),
    ),
    Entry(
        "PA703",
        "a list is too long to be written out",
        "Ranges without a step are kept as ranges, whatever their length. Where single numbers must be listed "
        "(residues, sizes of chunks, `among`), at most 65,536 are.",
        _model("self | columns(200000, last = 100000)").replace("tokens 64", "tokens 400000"),
        _model("self | columns(200000, last = 1000)").replace("tokens 64", "tokens 400000"),
    ),
    Entry(
        "PA704",
        "patterns use patterns too deeply",
        "After names are replaced by what they stand for, expressions and patterns may be nested 128 deep.",
        "pattern one(p) = blocks(2, p)\n"
        "pattern four(p) = one(one(one(one(p))))\n"
        "pattern many(p) = four(four(four(four(p))))\n" + _model("many(many(many(self)))"),
        "pattern one(p) = blocks(2, p)\n" + _model("one(one(self))"),
    ),
    Entry(
        "PA705",
        "compiling would take more than its budget",
        "Tables have an entry for each tile that has pairs, masks are kept for each distinct tile, and both have "
        "documented limits. Patterns with many pairs at great length go beyond them, and so do moduli without a common "
        "divisor and token-level `random` at great length; the message says which limit it is. A sparser pattern or a "
        "smaller length helps. `blocks(64, ...)` around an irregular part that has few blocks does, too: its tiles are "
        "whole.",
        _model("dense").replace("tokens 64", "tokens 1048576"),
        _model("local(256)").replace("tokens 64", "tokens 1048576"),
    ),
)

_LATER = (
    Entry(
        "PA801",
        "a query that attends nothing",
        "A softmax over no keys has no value. Give the row at least itself (`| self`), or say `allow empty` in the "
        "model: then the output is 0 and its log-sum-exp minus infinity.",
        _model("local(4) - self"),
        _model("local(4) - self").replace("causal", "causal allow empty"),
    ),
    Entry(
        "PA802",
        "the size of a head is not given",
        "Kernels are generated for one head dimension. The model can say it, or the call: --head-dim 64 on the command "
        "line, head_dim=64 in Python. `check`, `analyse`, `show` and `mask` do without.",
        "patternc compile -e 'local(128)' --causal --tokens 4096",
        "patternc compile -e 'local(128)' --causal --tokens 4096 --head-dim 64",
    ),
    Entry(
        "PA803",
        "heads too wide for the target",
        "Kernels for CUDA devices are generated for heads of up to 256: wider ones do not fit the registers. The CPU "
        "target runs heads of any size.",
        "patternc compile -e 'local(128)' --causal --tokens 4096 --head-dim 512",
        "patternc compile -e 'local(128)' --causal --tokens 4096 --head-dim 512 --target cpu",
    ),
)

_CONFIGURATIONS = (
    Entry(
        "PA821",
        "a configuration that is not JSON or YAML",
        "`patternc import` reads a configuration as JSON, with comments and commas at the end allowed, or, where its "
        "name ends in .yml or .yaml, as YAML without anchors and tags. It is one mapping, nested 64 deep at most, in "
        "which no key comes twice.",
        "patternc import weights.json     # { 'model_type': 'mistral' }",
        'patternc import config.json      # { "model_type": "mistral" }',
    ),
    Entry(
        "PA822",
        "a configuration of unknown origin",
        "Whose configuration a file is, its keys say: `sparse_attention` is DeepSpeed's, `attention_config` or "
        "`sparsity_config` gpt-neox's, `model_type` Hugging Face's. Where they say nothing, or two of them do, --from"
        " does.",
        "patternc import settings.json",
        "patternc import settings.json --from deepspeed",
    ),
    Entry(
        "PA823",
        "a key or word that its system does not know",
        "DeepSpeed and gpt-neox skip options that they do not know, so that a misspelt one silently keeps its "
        "default. `patternc import` refuses unknown options of sparse attention, unknown words, model types that it "
        "has no reader for, and keys that are nearly one that decides about attention.",
        'patternc import ds_config.json   # "num_local_block": 8',
        'patternc import ds_config.json   # "num_local_blocks": 8',
    ),
    Entry(
        "PA824",
        "a value of a configuration has the wrong type or size",
        "The message says what the option takes. Truth values are no numbers, numbers in quotes are none, and sizes "
        "lie within the limits of models.",
        'patternc import ds_config.json   # "block": "16"',
        'patternc import ds_config.json   # "block": 16',
    ),
    Entry(
        "PA825",
        "options of a configuration contradict each other",
        "The system itself would refuse them, or a size on the command line does not go with a list in the file.",
        'patternc import ds_config.json   # "num_local_blocks": 4, "num_global_blocks": 3',
        'patternc import ds_config.json   # "num_local_blocks": 4, "num_global_blocks": 2',
    ),
    Entry(
        "PA826",
        "a size that the configuration does not have",
        "A pattern file says how long sequences are and how many layers and heads there are. Where the configuration "
        "does not, as DeepSpeed's never does, the command line must.",
        "patternc import ds_config.json",
        "patternc import ds_config.json --tokens 4096 --layers 12 --heads 16",
    ),
    Entry(
        "PA827",
        "layers that are no attention pattern",
        "Some layers mix tokens in other ways than by attending some of them (recurrent and gated layers), or differ "
        "from one backend to another. They are not imported as something else.",
        'patternc import model.yml        # "attention_config": [[["gmlp"], 12]]',
        'patternc import model.yml        # "attention_config": [[["global"], 12]]',
    ),
)

_WARNINGS = (
    Entry(
        "PA901",
        "a parameter is never used",
        "The file declares a parameter that nothing in it refers to.",
        "param width = 8\n" + _model("local(4)"),
        "param width = 8\n" + _model("local(width)"),
    ),
    Entry(
        "PA902",
        "a pattern is never used",
        "The file declares a pattern that nothing in it refers to.",
        "pattern window = local(8)\n" + _model("local(4)"),
        "pattern window = local(8)\n" + _model("window"),
    ),
    Entry(
        "PA903",
        "a parameter of a pattern is never used",
        "The body of the pattern does not refer to the parameter, so its argument has no effect.",
        "pattern window(w, g) = local(w)\n" + _model("window(8, 4)"),
        "pattern window(w) = local(w)\n" + _model("window(8)"),
    ),
    Entry(
        "PA904",
        "a term of a union adds nothing",
        "All pairs of the term are pairs of another term, or it has none: the pattern is the same without it.",
        _model("local(8) | local(4)"),
        _model("local(8)"),
    ),
    Entry(
        "PA905",
        "most of the computed tiles are waste",
        "A kernel computes whole tiles. Where a token-level pattern touches many tiles for a few pairs in each, most "
        "of the work is thrown away; the message says how much, and what would help.",
        _model("local(8)").replace("tokens 64", "tokens 4096"),
        _model("local(128)").replace("tokens 64", "tokens 4096"),
    ),
    Entry(
        "PA906",
        "dense attention would be faster",
        "The pattern keeps so many pairs that dense attention, which needs no tables and no masks, is predicted to "
        "take less time.",
        _model("local(2000)").replace("tokens 64", "tokens 2048"),
        _model("local(256)").replace("tokens 64", "tokens 2048"),
    ),
    Entry(
        "PA907",
        "the pattern is not crop-stable",
        "The mask at a shorter length is not the top-left corner of the mask at a longer one, so keys and values "
        "cached for one length do not serve another. Ids from the end are the usual reason.",
        _model("local(8) | keys(-1)", "bidirectional"),
        _model("local(8) | keys(0)", "bidirectional"),
    ),
    Entry(
        "PA908",
        "random keys at token level",
        "Single random keys cost a whole tile each, or a gather. Random blocks, `blocks(64, random(r))`, connect as "
        "well at a fraction of the cost.",
        _model("local(64) | random(3)").replace("tokens 64", "tokens 2048"),
        _model("local(64) | blocks(64, random(3))").replace("tokens 64", "tokens 2048"),
    ),
    Entry(
        "PA909",
        "a file declares nothing",
        "The file has no model, no pattern and no parameter: it is empty, or all of it is comments.",
        "# pattern window = local(8)",
        "pattern window = local(8)",
    ),
)

_IMPORTS = (
    Entry(
        "PA921",
        "a configuration asks for what patternc does not do",
        "The pattern is imported; what else the option does to the scores, the probabilities or single batches is not"
        " part of a pattern, and stands in a comment of the file.",
        'patternc import config.json      # "attention_dropout": 0.1',
        'patternc import config.json      # "attention_dropout": 0.0',
    ),
    Entry(
        "PA922",
        "a system does what its users may not expect",
        "The configuration is legal and imported, and the message says in what its system differs from what its "
        "options seem to say, or the file from the system.",
        'patternc import ds_config.json   # unidirectional, "num_global_blocks": 2',
        'patternc import ds_config.json   # unidirectional, "num_global_blocks": 1',
    ),
    Entry(
        "PA923",
        "a part of a configuration has no effect",
        "The system reads past it without a word: options of another mode, blocks beyond the end of the sequence.",
        'patternc import ds_config.json   # "global_block_indices": [0, 9999]',
        'patternc import ds_config.json   # "global_block_indices": [0]',
    ),
)

SECTIONS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    ("files", _FILES),
    ("syntax", _SYNTAX),
    ("names", _NAMES),
    ("arguments and kinds", _ARGUMENTS),
    ("values", _VALUES),
    ("schedules", _SCHEDULES),
    ("expectations", _EXPECTATIONS),
    ("limits", _LIMITS),
    ("the whole pattern", _LATER),
    ("configurations", _CONFIGURATIONS),
    ("warnings", _WARNINGS),
    ("warnings of imports", _IMPORTS),
)
"""All entries, by what they are about."""

CATALOGUE: dict[str, Entry] = {entry.code: entry for _, entries in SECTIONS for entry in entries}
"""All entries by code, in ascending order."""
