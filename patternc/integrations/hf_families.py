"""Model types of Hugging Face transformers: which key says what, what is taken where a key is missing.

For: `huggingface`. Defaults are those of the configuration classes of transformers 5.23; a test holds them against the
installed one. Files on the hub often leave out what is the default. Not for: what the values mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FULL, SLIDING, CHUNKED = "full_attention", "sliding_attention", "chunked_attention"


@dataclass(frozen=True, slots=True)
class Family:
    """The defaults of a model type; `kv_heads` None: as many as heads."""

    layers: int
    heads: int
    hidden: int
    positions: int
    kv_heads: int | None = None
    head_dim: int | None = None
    window: int | None = None
    """The default of its window key; None is null."""
    window_key: str = "sliding_window"
    rule: Callable[[Facts], tuple[str, ...]] | None = None
    """The kinds of its layers where `layer_types` does not say them; None: it does not read `layer_types`."""
    switch: bool = False
    """It has `use_sliding_window`, false by default."""
    causal: bool = True
    names: tuple[str, str] = ("num_hidden_layers", "num_attention_heads")
    other_keys: tuple[str, ...] = ()
    """What its rule reads."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules for layers go by."""

    layers: int
    window: int | None
    """None where it is null or switched off."""
    max_window_layers: int = 28
    pattern: int = 0
    """Every how many layers there is a full one."""
    rotary: tuple[bool, ...] = ()
    """Of each layer, whether it has rotary positions (`no_rope_layers`, whose 1 means that it has)."""


def _kinds(facts: Facts, sliding: Callable[[int], bool], kind: str = SLIDING) -> tuple[str, ...]:
    return tuple(kind if sliding(layer) else FULL for layer in range(facts.layers))


def every(facts: Facts) -> tuple[str, ...]:
    """All layers slide where there is a window."""
    return _kinds(facts, lambda _: facts.window is not None)


def alternating(facts: Facts) -> tuple[str, ...]:
    """Even layers slide."""
    return _kinds(facts, lambda layer: layer % 2 == 0)


def last_full(facts: Facts) -> tuple[str, ...]:
    """The last of every `pattern` layers is full."""
    return _kinds(facts, lambda layer: (layer + 1) % facts.pattern != 0)


def first_full(facts: Facts) -> tuple[str, ...]:
    """The first of every `pattern` layers is full."""
    return _kinds(facts, lambda layer: layer % facts.pattern != 0)


def upper(facts: Facts) -> tuple[str, ...]:
    """Layers from `max_window_layers` on slide."""
    return _kinds(facts, lambda layer: facts.window is not None and layer >= facts.max_window_layers)


def lower_even(facts: Facts) -> tuple[str, ...]:
    """Even layers below `max_window_layers` slide."""
    return _kinds(facts, lambda layer: facts.window is not None and layer % 2 == 0 and layer < facts.max_window_layers)


def without_positions(facts: Facts) -> tuple[str, ...]:
    """Layers without rotary positions slide."""
    return _kinds(facts, lambda layer: facts.window is not None and not facts.rotary[layer])


def chunked_with_positions(facts: Facts) -> tuple[str, ...]:
    """Layers with rotary positions are chunked."""
    return _kinds(facts, lambda layer: facts.rotary[layer], CHUNKED)


_NEO = ("num_layers", "num_heads")
_ROPE = ("no_rope_layers", "no_rope_layer_interval")

FAMILIES: dict[str, Family] = {
    "mistral": Family(32, 32, 4096, 131072, kv_heads=8, window=4096),
    "mixtral": Family(32, 32, 4096, 131072, kv_heads=8),
    "ministral": Family(32, 32, 4096, 131072, kv_heads=8, window=4096, rule=every),
    "phi3": Family(32, 32, 3072, 4096),
    "starcoder2": Family(30, 24, 3072, 4096, kv_heads=2),
    "qwen2": Family(32, 32, 4096, 32768, 32, None, 4096, rule=upper, switch=True, other_keys=("max_window_layers",)),
    "qwen2_moe": Family(
        24, 16, 2048, 32768, 16, None, 4096, rule=lower_even, switch=True, other_keys=("max_window_layers",)
    ),
    "qwen3": Family(32, 32, 4096, 32768, 32, 128, 4096, rule=upper, switch=True, other_keys=("max_window_layers",)),
    "qwen3_moe": Family(24, 32, 2048, 32768, kv_heads=4, window=4096, switch=True),
    "gemma2": Family(26, 8, 2304, 8192, 4, 256, 4096, rule=alternating),
    "gemma3_text": Family(26, 8, 2304, 131072, 4, 256, 4096, rule=last_full, other_keys=("sliding_window_pattern",)),
    "cohere2": Family(40, 64, 8192, 8192, window=4096, rule=last_full, other_keys=("sliding_window_pattern",)),
    "gpt_oss": Family(36, 64, 2880, 131072, 8, 64, 128, rule=alternating),
    "olmo3": Family(32, 32, 4096, 2048, window=4096, rule=last_full),
    "smollm3": Family(36, 16, 2048, 32768, kv_heads=4, rule=without_positions, switch=True, other_keys=_ROPE),
    "llama4_text": Family(
        48, 40, 5120, 131072, 8, 128, 8192, "attention_chunk_size", chunked_with_positions, other_keys=_ROPE
    ),
    "gpt_neo": Family(24, 16, 2048, 2048, window=256, window_key="window_size", names=_NEO),
    "modernbert": Family(
        22, 12, 768, 8192, None, None, 128, "local_attention", first_full, False, False,
        other_keys=("global_attn_every_n_layers",),
    ),
    "modernbert-decoder": Family(
        22, 12, 768, 8192, None, None, 128, "local_attention", first_full,
        other_keys=("global_attn_every_n_layers",),
    ),
    "longformer": Family(12, 12, 768, 512, window=512, window_key="attention_window", causal=False),
    "big_bird": Family(12, 12, 768, 4096, causal=False),
}  # fmt: skip
"""By `model_type`."""

PATTERNS = {"gemma3_text": 6, "cohere2": 4, "olmo3": 4, "modernbert": 3, "modernbert-decoder": 3}
"""Every how many layers a full one comes, unless the configuration says."""

WRAPPED = {"gemma3": "gemma3_text", "llama4": "llama4_text"}
"""Models of text and images, whose language model is in `text_config`."""
