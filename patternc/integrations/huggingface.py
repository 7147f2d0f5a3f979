"""Hugging Face's `config.json` -> a draft of a pattern file.

For: what decides which token attends which in the model types of `hf_families`, with the window as each of them counts
it: causal ones keep `sliding_window` keys, the token's own included; Longformer and ModernBERT give the total of both
sides. Not for: running a model (that needs transformers), BigBird's blocks (`big_bird.py`), or
scores, caches and positions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from patternc.integrations.big_bird import read_big_bird
from patternc.integrations.deepspeed import Asked
from patternc.integrations.drafts import Draft, Line, Sizes, param
from patternc.integrations.hf_families import CHUNKED, FAMILIES, FULL, PATTERNS, SLIDING, WRAPPED, Facts, Family
from patternc.integrations.own_windows import read_gpt_neo, read_longformer
from patternc.integrations.settings import (
    MOST_HEADS,
    MOST_ITEMS,
    MOST_LAYERS,
    Items,
    Node,
    Scalar,
    Section,
    Setting,
    renamed,
    shown,
)

SYSTEM = "Hugging Face"
_SIZES = ("num_key_value_heads", "hidden_size", "head_dim", "max_position_embeddings")
_LAYERS = ("layer_types", "use_sliding_window", "use_bidirectional_attention")
_MISSPELT = 0.85
"""How alike a model type must be to one that has a reader, to be a misspelling of it."""
_LOOK_ALIKE = ("gpt_neox", "gemma3n", "gemma3n_text", "pixtral")
"""Model types of transformers without a reader that are as alike to one that has one, and no misspelling."""
_OTHERS = ("max_window_layers", "sliding_window_pattern", "attention_types", "attention_type")
"""Keys that are real, and no misspelling of others."""
_OTHER_LAYERS = (FULL, SLIDING, CHUNKED, "linear_attention", "conv", "mamba", "attention", "hybrid", "moe", "sparse")
"""What transformers has as `layer_types`, each model its own."""


def read_huggingface(config: Section, asked: Asked) -> Draft:
    """The draft of a configuration. Raises PatternError with all that is wrong with it."""
    config, name = _model(config)
    family = FAMILIES[name]
    read = (*family.names, *_SIZES, *_LAYERS, family.window_key, *family.other_keys)
    config.refuse_misspelt((*read, *_OTHERS, f"_{family.window_key}_pattern"), read)
    sizes = _sizes(config, family, asked)
    if name == "big_bird":
        draft = read_big_bird(config, sizes, asked.evaluation)
    else:
        draft = _READERS.get(name, _sliding)(config, name, sizes)
    config.findings.stop_at_errors()
    _say_what_is_left_out(config)
    return draft


def _model(config: Section) -> tuple[Section, str]:
    """The part of the configuration that is about text, and its model type."""
    choices = (*FAMILIES, *WRAPPED)
    entry = config.entries.find("model_type")
    if entry is None:
        config.refuse_misspelt(("model_type",), ("model_type",))
        if not config.findings.has_errors():
            config.findings.report("PA822", "the configuration has no `model_type`", None)
        config.findings.stop_at_errors()
    assert entry is not None
    value = entry.value.value if isinstance(entry.value, Scalar) else None
    if isinstance(value, str) and value not in choices:
        _report_model_type(config, entry.value, value)
        config.findings.stop_at_errors()
    name = config.word(entry.value, "model_type", choices)
    config.findings.stop_at_errors()
    assert name is not None
    if name not in WRAPPED:
        return config, name
    text = config.section("text_config") or config.empty("text_config.")
    config.findings.stop_at_errors()
    message = (
        f"{name} reads text and images: this is its text model. Tokens of one image see each other both ways there"
    )
    config.findings.report("PA921", message, entry.value.place)
    return text, WRAPPED[name]


def _report_model_type(config: Section, node: Node, value: str) -> None:
    """A model type without a reader. Only where it is another spelling of one with a reader is that suggested."""
    known = {_letters(name): name for name in (*FAMILIES, *WRAPPED)}
    near = [] if value in _LOOK_ALIKE else get_close_matches(value, known.values(), 1, _MISSPELT)
    meant = known.get(_letters(value)) or next((name for name in near if _digits(name) == _digits(value)), None)
    message = f"patternc has no reader for the model type `{shown(value)[1:-1]}`"
    dense = "where all its layers are full attention, as in most models, its pattern is `all: dense`"
    readers = f"model types with a reader: {', '.join(known.values())}"
    notes, fix = ((dense, readers), None) if meant is None else ((readers,), renamed(node.place, meant))
    config.findings.report("PA823", message, node.place, *notes, fix=fix)


def _letters(name: str) -> str:
    """A model type without what people write differently: `Gemma-2` is `gemma2`."""
    return re.sub(r"[\W_]", "", name).lower()


def _digits(name: str) -> str:
    """The version in a model type: another one is another model."""
    return re.sub(r"\D", "", name)


def _sizes(config: Section, family: Family, asked: Asked) -> Sizes:
    """The sizes: the command line's where it says them, else the configuration's, else the class's."""

    def size(option: str, key: str, default: int, most: int) -> Setting[int]:
        said = config.whole(key, default, most=most)
        return asked.setting(option) or said

    layers, heads = family.names
    found = Sizes(
        size("tokens", "max_position_embeddings", family.positions, 1 << 30),
        size("layers", _alias(config, layers, "num_hidden_layers"), family.layers, MOST_LAYERS),
        size("heads", _alias(config, heads, "num_attention_heads"), family.heads, MOST_HEADS),
    )
    return Sizes(found.tokens, found.layers, found.heads, *_head_sizes(config, family, found, asked))


def _alias(config: Section, name: str, other: str) -> str:
    """The key that is there, of two for one value."""
    return other if name not in config and other in config else name


def _head_sizes(
    config: Section, family: Family, sizes: Sizes, asked: Asked
) -> tuple[Setting[int] | None, Setting[int] | None]:
    """How many key and value heads there are, if fewer, and how wide a head is."""
    heads = sizes.heads
    shared = config.optional("num_key_value_heads", family.kv_heads, most=MOST_HEADS)
    kv_heads = None
    if shared.value not in (None, heads.value) and (shared.place is not None or not heads.asked):
        assert shared.value is not None
        kv_heads = Setting(shared.name, shared.value, shared.place)
        if heads.value % shared.value:
            message = f"{heads.value} heads are no multiple of `num_key_value_heads` ({shared.value})"
            config.findings.report("PA825", message, shared.place or heads.place)
    width = config.optional("head_dim", family.head_dim)
    hidden = config.whole("hidden_size", family.hidden)
    head_dim = asked.setting("head_dim")
    if head_dim is None and width.value is not None:
        head_dim = Setting(width.name, width.value, width.place)
    if head_dim is None:
        name = f"{hidden.name} // {heads.name.removeprefix('--')}"
        place = hidden.place or heads.place or config.entries.place
        head_dim = Setting(name, hidden.value // heads.value, place)
        if hidden.value % heads.value:
            message = (
                f"`hidden_size` ({hidden.value}) is no multiple of the {heads.value} heads, and `head_dim` is not given"
            )
            config.findings.report("PA825", message, hidden.place or heads.place)
    return kv_heads, head_dim


# -- models with windows, by layer ------------------------------------------------------------------------------------


def _sliding(config: Section, name: str, sizes: Sizes) -> Draft:
    """Layers that slide, are chunked, or full."""
    family = FAMILIES[name]
    # Half of the decoder's window is what it looks back, and must be a token.
    window = config.optional(family.window_key, family.window, least=2 if name == "modernbert-decoder" else 1)
    switch = config.flag("use_sliding_window", False) if family.switch else None
    on = window.value is not None and (switch is None or switch.value)
    kinds, origin = _layer_types(config, name, sizes, window if on else Setting(window.name, None))
    both_ways = not family.causal
    if name.startswith("gemma"):
        both_ways = config.flag("use_bidirectional_attention", False).value
    if both_ways and name == "gemma2":
        entry = config.entries.find("use_bidirectional_attention")
        assert entry is not None
        message = "transformers masks a bidirectional gemma2 differently from one attention backend to another"
        config.findings.report("PA827", message, entry.value.place, "gemma3_text with the same key is imported")
    limited = [kind for kind in kinds if kind != FULL]
    if limited and not on:
        why = window if switch is None or switch.value else switch
        message = f"there are {limited[0]} layers, but `{why.name}` is {'null' if why is window else 'false'}"
        config.findings.report("PA825", message, why.place, "transformers refuses such a model")
    width = 1 if window.value is None else window.value
    if both_ways and limited and name == "gemma3_text" and width % 2:
        message = f"a bidirectional gemma3 halves `sliding_window`: {width} sees {width // 2} tokens each way"
        config.findings.report("PA922", message, window.place)
    local = "local(local_attention // 2)" if name == "modernbert-decoder" else f"local({family.window_key})"
    patterns = {FULL: "dense", SLIDING: local, CHUNKED: f"chunk({family.window_key})"}
    layers = tuple(Line(patterns[kind], kind if len(set(kinds)) > 1 else "") for kind in kinds)
    params = (param(Setting(window.name, width, window.place)),) if limited else ()
    direction = (
        f"use_bidirectional_attention = {str(both_ways).lower()}" if name == "gemma3_text" else f"model_type = {name}"
    )
    return Draft(
        title=f"{name}, from a Hugging Face configuration.",
        direction=Line("bidirectional" if both_ways else "causal", direction),
        sizes=sizes,
        layers=layers,
        schedule=origin if len(set(kinds)) > 1 else "",
        params=params,
        notes=_notes(config, name, kinds, sizes),
    )


def _layer_types(config: Section, name: str, sizes: Sizes, window: Setting[int | None]) -> tuple[tuple[str, ...], str]:
    """The kind of each layer, and what said so."""
    family, count = FAMILIES[name], sizes.layers.value
    entry = config.entries.find("layer_types")
    given = entry is not None and config.gives("layer_types")
    if family.rule is None:
        if entry is not None and given:
            message = f"model type {name} does not read `layer_types`: all its layers are alike"
            config.findings.report("PA923", message, entry.place)
        kind = FULL if window.value is None else SLIDING
        return (kind,) * count, window.origin
    if entry is None or not given:
        return family.rule(_facts(config, name, sizes, window)), f"the rule of {name}: layer_types is not given"
    kinds: list[str] = []
    for node in config.items(entry.value, "layer_types", "kinds of layers")[:MOST_ITEMS]:
        kind = _layer_type(config, node, CHUNKED if family.window_key == "attention_chunk_size" else SLIDING)
        kinds.append(kind)
    if isinstance(entry.value, Items) and len(kinds) != count:
        where = "--layers" if sizes.layers.asked else f"`{sizes.layers.name}`"
        message = f"`layer_types` has {len(kinds)} layers, but {where} is {count}"
        config.findings.report("PA825", message, entry.value.place)
        kinds = [FULL] * count
    return tuple(kinds) or (FULL,) * count, "by layer_types"


def _layer_type(config: Section, node: Node, limited: str) -> str:
    """One item of `layer_types`; of the limited kinds, a model type has one."""
    value = node.value if isinstance(node, Scalar) else None
    if not isinstance(value, str):
        config.wrong_type(node, "layer_types", f'a list of "{FULL}" and "{limited}"')
        return FULL
    if value in (FULL, limited):
        return value
    if value in _OTHER_LAYERS:
        message = f"layers of kind {value} are not imported for this model type"
        config.findings.report("PA827", message, node.place, f"imported are {FULL} and {limited}")
        return FULL
    return config.word(node, "layer_types", (FULL, limited)) or FULL


def _facts(config: Section, name: str, sizes: Sizes, window: Setting[int | None]) -> Facts:
    """What the rule of a model type goes by."""
    family, count = FAMILIES[name], sizes.layers.value
    pattern = PATTERNS.get(name, 1)
    for key in family.other_keys:
        if key in ("sliding_window_pattern", "global_attn_every_n_layers"):
            pattern = config.whole(_alias(config, key, f"_{key}"), pattern).value
    rotary: tuple[bool, ...] = ()
    if "no_rope_layers" in family.other_keys:
        step = config.whole("no_rope_layer_interval", 4).value
        rotary = tuple((layer + 1) % step != 0 for layer in range(count))
        if config.gives("no_rope_layers"):
            listed = config.numbers("no_rope_layers", tuple(map(int, rotary)), 0)
            rotary = tuple(value != 0 for value in listed.value)
            if len(rotary) != count:
                message = f"`no_rope_layers` has {len(rotary)} layers, but the model {count}"
                config.findings.report("PA825", message, listed.place)
                rotary = (True,) * count
    lowest = config.whole("max_window_layers", 28, 0).value if "max_window_layers" in family.other_keys else 28
    return Facts(count, window.value, lowest, pattern, rotary)


def _notes(config: Section, name: str, kinds: tuple[str, ...], sizes: Sizes) -> tuple[str, ...]:
    """What the pattern does not say about the model."""
    notes: list[str] = []
    if SLIDING in kinds and FAMILIES[name].causal and name != "modernbert-decoder":
        notes.append("A causal window of w keeps w keys, the token's own included.")
    if name == "gpt_oss":
        notes.append(
            "Each head has a learned sink, a term of the softmax's denominator without a key: give it as an input, "
            "attention(q, k, v, layer, sinks=...)."
        )
    cap = _soft_cap(config, name)
    if cap:
        notes.append(
            f"Scores are capped, cap * tanh(score / cap): give it at the call, attention(..., soft_cap={cap})."
        )
    if CHUNKED in kinds:
        notes.append(
            "Chunks count from the first real token there: padding in front shifts them, which this pattern does not."
        )
    scale = config.optional("query_pre_attn_scalar", None)
    head_dim = sizes.head_dim
    if scale.value is not None and head_dim is not None and scale.value != head_dim.value:
        notes.append(f"Scores are scaled by {scale.value} ** -0.5 (query_pre_attn_scalar): attention(..., scale=...).")
    return tuple(notes)


def _soft_cap(config: Section, name: str) -> float | None:
    """What scores are capped at; None where they are not."""
    entry = config.entries.find("attn_logit_softcapping")
    if entry is None:
        return 50.0 if name == "gemma2" else None
    cap = entry.value.value if isinstance(entry.value, Scalar) else None
    return cap if isinstance(cap, (int, float)) and not isinstance(cap, bool) else None


def _say_what_is_left_out(config: Section) -> None:
    """What the model does to probabilities that patternc's attention does not."""
    for key in ("attention_dropout", "attention_probs_dropout_prob"):
        entry = config.entries.find(key)
        if entry is not None and isinstance(entry.value, Scalar) and entry.value.value:
            message = f"`{key}` is {entry.value.value}: patternc's attention has no dropout, as in evaluation"
            config.findings.report("PA921", message, entry.value.place)


_READERS: dict[str, Callable[[Section, str, Sizes], Draft]] = {
    "gpt_neo": read_gpt_neo,
    "longformer": read_longformer,
}
