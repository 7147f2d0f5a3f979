"""Names: what a pattern's parameters are, where names are looked up, what may be declared."""

import pytest

from patternc.algebra import relation as r
from patternc.diagnostics import PatternError
from patternc.grammar.reading import read_source
from patternc.grammar.signatures import WORDS
from tests.grammar.front import codes, diagnosed, model, program_of, relation_of, schedule_of


def kinds(declaration, use):
    program = program_of(f"{declaration} model m {{ causal tokens 64 layers 1 {{ all: {use} }} }}")
    return [kind for _, kind in program.patterns[-1].parameters]


def test_kinds_follow_from_use():
    assert kinds("pattern p(w) = local(w)", "p(3)") == ["number"]
    assert kinds("pattern p(ids) = keys(ids)", "p([0, 1])") == ["ids"]
    assert kinds("pattern p(ids) = keys(ids)", "p(0)") == ["ids"]
    assert kinds("pattern p(q) = blocks(4, q)", "p(self)") == ["pattern"]
    assert kinds("pattern p(q, s) = q - s", "p(dense, self)") == ["pattern", "pattern"]
    assert kinds("pattern p(k) = keys(k) | local(k)", "p(3)") == ["number"]
    assert kinds("pattern p(k) = local(k) | keys([0, k..n])", "p(3)") == ["number"]
    assert kinds("pattern p(k) = columns(8, at = k) | self", "p([0, 1])") == ["ids"]
    assert kinds("pattern p(s) = random(3, seed = (s, 1))", "p(3)") == ["number"]
    assert kinds("pattern q(w) = local(w) pattern p(v) = q(v)", "p(3)") == ["number"]
    assert kinds("pattern p(v) = q(v) pattern q(i) = keys(i)", "p(3..5)") == ["ids"]


def test_calls_by_place_and_by_name():
    before = "pattern p(w, ids, q) = local(w) | keys(ids) | q"
    expected = relation_of("local(3) | keys([0, -1]) | stride(5)")
    for call in (
        "p(3, [0, -1], stride(5))",
        "p(3, q = stride(5), ids = [0, -1])",
        "p(q = stride(5), w = 3, ids = [0, -1])",
    ):
        assert relation_of(call, before=before) == expected


def test_names_are_lexical():
    before = "param k = 3 pattern p(q) = q | local(k) pattern over(k) = p(local(k + 1))"
    assert relation_of("over(7)", before=before) == relation_of("local(8) | local(3)")


def test_a_parameter_may_reuse_the_name_of_a_param_or_a_pattern():
    assert relation_of("p(5)", before="param w = 3 pattern p(w) = local(w)") == r.Band(0, 4)
    assert relation_of("p(5)", before="pattern w = dense pattern p(w) = local(w)") == r.Band(0, 4)


def test_n_of_numbers_and_lists_is_that_of_the_call_and_of_patterns_that_of_use():
    assert relation_of("p(n)", 24, before="pattern p(k) = blocks(4, local(k))") == relation_of("blocks(4, past)")
    assert relation_of("p(local(n // 2))", 24, before="pattern p(q) = blocks(4, q)") == relation_of(
        "blocks(4, local(3))"
    )
    assert relation_of("p(-1)", 24, before="pattern p(ids) = blocks(4, keys(ids)) | self") == relation_of(
        "blocks(4, keys(5)) | self"
    )


def test_layer_and_head_reach_a_pattern_as_arguments():
    schedule = schedule_of(
        "pattern p(h) = columns(4, at = h) | self model m { causal tokens 64 heads 4 layers 1 { all: p(head) } }"
    )
    assert len(schedule.patterns) == 4
    assert [each.text for each in schedule.patterns] == ["columns(4, at = head) | self"] * 4


def test_layer_is_known_inside_lifts():
    schedule = schedule_of("model m { causal tokens 64 layers 2 { all: blocks(4, local(1 + layer)) } }")
    assert [pattern.text for pattern in schedule.patterns] == ["blocks(4, local(1 + layer))"] * 2


def test_the_default_seed_of_a_named_pattern_is_the_layer_of_use():
    schedule = schedule_of("pattern p = random(3) model m { causal tokens 64 layers 2 { all: p } }")
    assert len(schedule.patterns) == 2


def test_terms_are_written_with_their_arguments():
    schedule = schedule_of(
        "param l = 8 pattern fixed(a, b) = chunk(a) | columns(a, last = b + 1) pattern both(q, w) = q | local(w * 2) "
        "model m { causal tokens 64 layers 2 { 0: fixed(l, 2)  1: both(fixed(4, 1) | self, isqrt(n)) } }"
    )
    assert [term.text for term in schedule.pattern(0, 0).terms] == ["chunk(l)", "columns(l, last = 2 + 1)"]
    assert schedule.pattern(1, 0).text == "chunk(4) | columns(4, last = 1 + 1) | self | local(8 * 2)"


def test_substituted_expressions_keep_their_meaning():
    schedule = schedule_of(
        "pattern p(k) = local(2 * k) | stride(k**2) pattern q(a) = dense - a "
        "model m { causal tokens 64 layers 2 { 0: p(1 + 2)  1: q(self | stride(3)) } }"
    )
    assert [pattern.text for pattern in schedule.patterns] == [
        "local(2 * (1 + 2)) | stride((1 + 2)**2)",
        "dense - (self | stride(3))",
    ]


@pytest.mark.parametrize("word", sorted(WORDS))
def test_words_cannot_be_declared(word):
    assert codes(f"param {word} = 3") == ["PA203", "PA208"] or codes(f"param {word} = 3") == ["PA203"]
    assert "PA203" in codes(f"pattern p({word}) = self\n{model('p(3)')}")


@pytest.mark.parametrize("name", ["at", "last", "back", "ahead", "dilation", "seed", "avoid", "among", "group", "to"])
def test_argument_names_are_not_words(name):
    assert relation_of(f"local({name})", before=f"param {name} = 5") == r.Band(0, 4)


@pytest.mark.parametrize("name", ["any", "from", "step1", "model_", "Model", "_", "parameter", "user", "expected"])
def test_near_words_are_names(name):
    assert relation_of(f"local({name})", before=f"param {name} = 5") == r.Band(0, 4)


def test_words_that_have_two_roles():
    schedule = schedule_of(
        "model m { causal allow empty tokens 8 * heads heads layers layers 2 { 0: within(heads, empty)  "
        "1: heads { all: local(layers, causal) } } } expect connected within layers layers"
    )
    assert (schedule.tokens, schedule.heads, schedule.allow_empty) == (16, 2, True)


def test_long_chains_of_declarations():
    count = 3000
    params = "\n".join(f"param a{i} = a{i + 1} + 1" for i in range(count)) + f"\nparam a{count} = 1"
    assert "PA704" in codes(f"{params}\n{model('local(a0)')}")
    aliases = "\n".join(f"param a{i} = a{i + 1}" for i in range(count)) + f"\nparam a{count} = [0]"
    assert set(codes(f"{aliases}\n{model('keys(a0)')}")) <= {"PA704"}
    patterns = "\n".join(f"pattern p{i} = p{i + 1}" for i in range(count)) + f"\npattern p{count} = self"
    assert codes(f"{patterns}\n{model('p0')}") == ["PA704"]
    circle = "\n".join(f"param a{i} = a{(i + 1) % count}" for i in range(count))
    assert codes(f"{circle}\n{model('local(a0)')}") == ["PA204"]


def test_a_mistake_is_reported_once():
    assert codes(f"pattern p(w) = local(0) | local(w)\n{model('p(3) | p(5)', settings='heads 8')}") == ["PA401"]
    assert codes("pattern p(w = local(w)\nmodel m { causal tokens 8 layers 1 { all: p(3) } }") == ["PA102"]
    assert codes(f"param w = unknown\n{model('local(w) | local(2 * w)')}") == ["PA201"]
    assert codes(f"param w = = 3\n{model('local(w)')}") == ["PA101"]


def test_used_files(tmp_path):
    from patternc.grammar.reading import read_source
    from tests.grammar.front import diagnosed

    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "windows.attn").write_text(
        'use "sizes.attn"\npattern window = local(size)\nmodel ignored { layers 0 { } }\nexpect 1 == 2\n'
    )
    (tmp_path / "deep" / "sizes.attn").write_text("param size = 5\npattern spare = self\n")
    main = tmp_path / "main.attn"
    main.write_text(f'use "deep/windows.attn"\nuse "deep/../deep/sizes.attn"\n{model("window | stride(size)")}')
    source = read_source(main)
    assert diagnosed(source) == ()
    program = program_of(source)
    assert [file.name for file in program.files] == [
        str(main),
        str(tmp_path / "deep/windows.attn"),
        str(tmp_path / "deep/sizes.attn"),
    ]
    assert [param.name for param in program.params] == ["size"]


def test_mistakes_in_used_files_are_shown_there(tmp_path):
    from patternc.grammar.reading import read_source
    from tests.grammar.front import diagnosed

    (tmp_path / "windows.attn").write_text(
        "pattern window = local(0)\npattern broken = loca(3)\npattern other = ) self\n"
    )
    main = tmp_path / "main.attn"
    main.write_text(f'use "windows.attn"\n{model("window | broken | other")}')
    found = diagnosed(read_source(main))
    assert [(each.code, each.primary.source.name) for each in found] == [
        ("PA401", str(tmp_path / "windows.attn")),
        ("PA201", str(tmp_path / "windows.attn")),
        ("PA103", str(tmp_path / "windows.attn")),
    ]


def test_a_file_is_not_proposed_to_itself(tmp_path):
    (tmp_path / "windows.attn").write_text('use "window.attn"\n')
    (diagnostic,) = diagnosed(read_source(tmp_path / "windows.attn"))[:1]
    assert (diagnostic.code, diagnostic.notes) == ("PA001", ())
    (tmp_path / "windov.attn").write_text("")
    (diagnostic,) = diagnosed(read_source(tmp_path / "windows.attn"))[:1]
    assert diagnostic.notes == ("there is `windov.attn` beside it",)


def test_only_the_stem_makes_files_alike(tmp_path):
    (tmp_path / "a.attn").write_text("")
    with pytest.raises(PatternError) as error:
        read_source(tmp_path / "zz.attn")
    assert error.value.diagnostics[0].notes == ()
