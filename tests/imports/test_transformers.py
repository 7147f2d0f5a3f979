"""Against transformers itself: its configuration classes write the files, its mask functions say what they mean."""

import json

import numpy as np
import pytest
import torch

transformers = pytest.importorskip("transformers")
from transformers import masking_utils  # noqa: E402
from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: E402

from patternc.integrations.hf_families import FAMILIES, WRAPPED  # noqa: E402
from tests.imports.texts import imported, program_of  # noqa: E402

TOKENS = 48
SMALL = {"num_hidden_layers": 9, "num_attention_heads": 4, "hidden_size": 64}
WINDOWS = {
    "gpt_neo": {"window_size": 7},
    "llama4_text": {"attention_chunk_size": 7, "num_local_experts": 1},
    "modernbert": {"local_attention": 10, "cls_token_id": 1, "sep_token_id": 2},
    "modernbert-decoder": {"local_attention": 10},
}
VARIANTS = {
    **{name: [{"sliding_window": 7}] for name in FAMILIES},
    **{name: [overrides] for name, overrides in WINDOWS.items()},
    "mistral": [{"sliding_window": 7}, {"sliding_window": None}, {"sliding_window": 7, "num_key_value_heads": 4}],
    "qwen2": [{"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 3}, {}, {"sliding_window": 7}],
    "qwen2_moe": [{"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 5}],
    "qwen3": [{"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 0}],
    "qwen3_moe": [{"use_sliding_window": True, "sliding_window": 7}, {"sliding_window": 7}],
    "smollm3": [{"use_sliding_window": True, "sliding_window": 7}, {"sliding_window": 7}],
    "gemma3_text": [
        {"sliding_window": 7},
        {"sliding_window": 8, "use_bidirectional_attention": True},
        {"sliding_window": 7, "sliding_window_pattern": 3},
        {"sliding_window": 7, "layer_types": ["full_attention"] * 4 + ["sliding_attention"] * 5},
    ],
    "cohere2": [{"sliding_window": 7}, {"sliding_window": 7, "sliding_window_pattern": 2}],
    "llama4_text": [
        {"attention_chunk_size": 7, "num_local_experts": 1},
        {"attention_chunk_size": 7, "num_local_experts": 1, "no_rope_layers": [1, 0, 0] * 3},
    ],
    "modernbert": [WINDOWS["modernbert"], WINDOWS["modernbert"] | {"global_attn_every_n_layers": 2}],
}
CASES = [
    (name, variant)
    for name in FAMILIES
    if name not in ("longformer", "big_bird", "gpt_neo")
    for variant in VARIANTS[name]
]


def small(name):
    """Small sizes, for what the class has."""
    shared = {"num_key_value_heads": 2} if "num_key_value_heads" in CONFIG_MAPPING[name].__dataclass_fields__ else {}
    return SMALL | shared


def class_of(name, **overrides):
    return CONFIG_MAPPING[name](**small(name) | overrides)


def saved(config, tmp_path):
    """What `save_pretrained` writes."""
    config.save_pretrained(tmp_path)
    return json.loads((tmp_path / "config.json").read_text())


def made_by(config, kind):
    """transformers' own mask for a kind of layer."""
    config._attn_implementation = "eager"
    inputs = {
        "config": config,
        "inputs_embeds": torch.zeros(1, TOKENS, config.hidden_size),
        "attention_mask": None,
        "past_key_values": None,
    }
    if config.model_type == "modernbert":
        make = {
            "full_attention": masking_utils.create_bidirectional_mask,
            "sliding_attention": masking_utils.create_bidirectional_sliding_window_mask,
        }[kind]
        mask = make(**inputs)
    else:
        make = {
            "full_attention": masking_utils.create_causal_mask,
            "sliding_attention": masking_utils.create_sliding_window_causal_mask,
            "chunked_attention": masking_utils.create_chunked_causal_mask,
        }[kind]
        if getattr(config, "use_bidirectional_attention", False):
            from transformers.models.gemma3.modeling_gemma3 import _bidirectional_window_overlay

            overlay = _bidirectional_window_overlay(config.sliding_window)
            everything = kind == "full_attention"
            inputs["or_mask_function"] = (lambda *_: torch.tensor(True)) if everything else overlay
        mask = make(**inputs, position_ids=torch.arange(TOKENS)[None])
    return np.ones((TOKENS, TOKENS), dtype=bool) if mask is None else (mask[0, 0] == 0).numpy()


def kinds_of(config):
    """The kind of each layer, as its model reads the configuration."""
    kinds = getattr(config, "layer_types", None)
    if kinds is None or config.model_type == "qwen3_moe":
        return ["full_attention" if config.sliding_window is None else "sliding_attention"] * config.num_hidden_layers
    return kinds


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_masks(name, variant, tmp_path):
    config = class_of(name, **variant)
    program = program_of(saved(config, tmp_path), tokens=TOKENS)
    kinds = kinds_of(config)
    assert program.schedule.layers == len(kinds)
    assert program.schedule.heads == config.num_attention_heads
    for layer, kind in enumerate(kinds):
        assert np.array_equal(program.mask(layer), made_by(config, kind)), (layer, kind)


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_short_files_mean_the_same(name, variant, tmp_path):
    """A file with nothing but what was set, as on the hub, says what the whole one says."""
    whole = program_of(saved(class_of(name, **variant), tmp_path), tokens=TOKENS)
    short = program_of({"model_type": name, **small(name), **variant}, tokens=TOKENS)
    assert [short.mask(layer).tolist() for layer in range(9)] == [whole.mask(layer).tolist() for layer in range(9)]


@pytest.mark.parametrize("name", FAMILIES)
def test_defaults_are_those_of_the_class(name, tmp_path):
    config, family = CONFIG_MAPPING[name](), FAMILIES[name]
    assert config.num_hidden_layers == family.layers
    assert config.num_attention_heads == family.heads
    assert config.hidden_size == family.hidden
    assert config.max_position_embeddings == family.positions
    assert getattr(config, "num_key_value_heads", family.heads) == (family.kv_heads or family.heads)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    assert width == (family.head_dim or family.hidden // family.heads)
    field = type(config).__dataclass_fields__.get(family.window_key)
    if field is not None:
        assert field.default == family.window
    assert hasattr(config, "use_sliding_window") == family.switch
    if family.switch:
        assert config.use_sliding_window is False
    text = imported({"model_type": name}).text
    for line in (f"layers {family.layers}", f"heads {family.heads}\x20", f"head_dim {width}"):
        assert line in text


@pytest.mark.parametrize("name", WRAPPED)
def test_text_models_inside_others(name):
    inner = small(WRAPPED[name])
    alone = imported({"model_type": WRAPPED[name], **inner}, tokens=TOKENS)
    outer = imported({"model_type": name, "text_config": inner, "vision_config": {"layers": 3}}, tokens=TOKENS)
    assert [line for line in alone.text.split("\n") if "#" not in line] == [
        line for line in outer.text.split("\n") if "#" not in line
    ]
    assert {each.code for each in outer.warnings} >= {"PA921"}


def test_gpt_neo(tmp_path):
    kinds = [[["global", "local", "local"], 2], [["global"], 1]]
    config = CONFIG_MAPPING["gpt_neo"](
        num_layers=7, num_heads=4, hidden_size=64, window_size=7, attention_types=kinds, max_position_embeddings=TOKENS
    )
    program = program_of(saved(config, tmp_path))
    from transformers.models.gpt_neo.modeling_gpt_neo import GPTNeoSelfAttention

    for layer, kind in enumerate(config.attention_layers):
        module = GPTNeoSelfAttention(config, kind, layer)
        assert np.array_equal(program.mask(layer), module.bias[0, 0].numpy()), layer


def test_longformer_positions(tmp_path):
    """Positions begin behind the padding token's id: 4,098 of them are 4,096 tokens."""
    config = CONFIG_MAPPING["longformer"](max_position_embeddings=4098, attention_window=[8] * 12)
    text = imported(saved(config, tmp_path)).text
    assert "tokens 4096" in text
    assert "param attention_window = 8" in text
