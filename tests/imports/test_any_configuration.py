"""Whatever a configuration says: a pattern file without mistakes, or diagnostics of imports; never anything else."""

from hypothesis import event, example, given
from hypothesis import strategies as st

from patternc.catalogue import CATALOGUE
from patternc.compiler import check
from patternc.diagnostics import PatternError, render
from patternc.grammar.reading import text_source
from patternc.integrations.deepspeed import OPTIONS
from patternc.integrations.gpt_neox import KINDS, READ
from patternc.integrations.hf_families import FAMILIES, WRAPPED
from tests.imports.texts import imported

ODD = st.sampled_from([None, True, False, "", "8", -1, 0, 1.5, 10**9, 10**18, [], {}, [[]], float("nan"), "a\n}b"])
SIZES = st.integers(0, 9)
LISTS = st.lists(st.integers(0, 20), min_size=1, max_size=3)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "tokens": st.sampled_from([16, 48, 64, 1000, 1024, 4096]),
        "layers": st.integers(1, 6),
        "heads": st.sampled_from([1, 2, 4, 6]),
        "head_dim": st.integers(1, 64),
        "made_at": st.sampled_from([48, 2048]),
        "evaluation": st.booleans(),
    },
)


def named(name):
    """Values that could be an option's, by its name."""
    if "indices" in name or name in ("local_window_blocks", "no_rope_layers"):
        return LISTS
    if name in ("different_layout_per_head", "horizontal_global_attention", "use_sliding_window", "is_decoder"):
        return st.booleans()
    if name == "attention":
        return st.sampled_from(["bidirectional", "unidirectional"])
    if name in ("block", "block_size"):
        return st.sampled_from([1, 4, 16])
    if name == "attention_window":
        return SIZES.map(lambda half: 2 * half) | LISTS
    return SIZES


def options(names):
    """Some of the options, and now and then a value that none of them has."""
    whole = st.fixed_dictionaries({}, optional={name: named(name) for name in names})
    odd = st.dictionaries(st.sampled_from(names), ODD, min_size=1, max_size=1)
    return whole | st.tuples(whole, odd).map(lambda both: both[0] | both[1])


def check_outcome(config, system, asked):
    try:
        found = imported(config, system, **asked)
    except PatternError as error:
        refused = error.diagnostics
    else:
        refused = ()
    event("refused" if refused else "imported")
    if refused:
        assert {each.code[:4] for each in refused} == {"PA82"}
        assert {each.code for each in refused} <= CATALOGUE.keys()
        assert render(refused)
        return
    diagnostics = check(text_source(found.text)).diagnostics
    if "longformer" in found.text:
        # At a length that the windows cover whole this is true, and at others the term is needed.
        diagnostics = tuple(each for each in diagnostics if "`global(globals)` adds nothing" not in each.message)
    assert diagnostics == (), f"{found.text}\n{render(diagnostics)}"
    assert all(each.code[:4] == "PA92" for each in found.warnings)
    assert imported(config, system, **asked) == found


MODES = st.sampled_from(["dense", "fixed", "variable", "bigbird", "bslongformer", "local_sliding_window"])


SIZED = {"tokens": 1024, "layers": 2, "heads": 4}
"""Sizes that are asked for where nothing else is."""


@given(st.fixed_dictionaries({"mode": MODES}), options([name for name in OPTIONS if name != "mode"]), ASKED)
@example({"mode": "bigbird"}, {"num_global_blocks": 2, "num_sliding_window_blocks": 0}, {"tokens": 16, "made_at": 48})
def test_deepspeed(mode, section, asked):
    check_outcome({"sparse_attention": mode | section}, None, asked)
    check_outcome({"sparse_attention": mode | section}, None, SIZED | asked)


PAIRS = st.tuples(st.lists(st.sampled_from(KINDS[:7]), min_size=1, max_size=3), st.integers(0, 4) | st.just("all"))
LAYERS = st.lists(PAIRS.map(list), max_size=3) | st.lists(st.sampled_from(KINDS), max_size=4) | ODD
ALL_ALIKE = st.lists(st.sampled_from(KINDS[:7]), min_size=1, max_size=2).map(lambda kinds: [[kinds, "all"]])


@given(ALL_ALIKE | LAYERS, options([name for name in OPTIONS if name != "mode"]) | ODD, options(READ[2:]), ASKED)
@example([[["bigbird"], "all"]], {"num_global_blocks": 5, "block": 4}, {}, {"tokens": 16, "made_at": 48})
def test_gpt_neox(kinds, section, others, asked):
    config = {"attention_config": kinds, "sparsity_config": section}
    check_outcome(config | others, "gpt-neox", asked)
    check_outcome(config, "gpt-neox", SIZED | asked)


HF_KEYS = sorted(
    {key for family in FAMILIES.values() for key in (*family.names, *family.other_keys, family.window_key)}
    | {"num_key_value_heads", "hidden_size", "head_dim", "max_position_embeddings", "use_sliding_window"}
    | {"block_size", "num_random_blocks", "is_decoder", "pad_token_id", "attn_logit_softcapping"}
)
HF_LAYERS = st.lists(
    st.sampled_from(["full_attention", "sliding_attention", "chunked_attention", "linear_attention"]), max_size=4
)


@given(
    st.sampled_from([*FAMILIES, *WRAPPED]),
    options(HF_KEYS),
    st.fixed_dictionaries({}, optional={"layer_types": HF_LAYERS | ODD, "attention_types": LAYERS, "text_config": ODD}),
    ASKED,
)
@example("modernbert-decoder", {"local_attention": 1}, {}, {})
@example("longformer", {}, {}, {"tokens": 16})
@example("big_bird", {"num_random_blocks": 0}, {}, {})
@example("big_bird", {"num_random_blocks": 0}, {}, {"tokens": 1536, "evaluation": False})
@example("big_bird", {"num_random_blocks": 65, "block_size": 1}, {}, {"tokens": 1000, "evaluation": True})
def test_hugging_face(name, keys, layers, asked):
    check_outcome({"model_type": name, **keys, **layers}, None, asked)
    check_outcome({"model_type": name, **keys}, None, {})


@given(st.recursive(ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner)))
def test_anything(config):
    for system in (None, "deepspeed", "gpt-neox", "hf"):
        check_outcome(config if isinstance(config, dict) else {"sparse_attention": config}, system, {"tokens": 64})
