"""gpt-neox's configuration: `attention_config` and `sparsity_config` -> a draft of a pattern file.

For: what gpt-neox reads (its keys may be written with `-` for `_`), the defaults it gives DeepSpeed's classes, and the
attention kinds it knows. gpt-neox is autoregressive: every model is causal. Not for: what the classes do (`sparsity`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from patternc.integrations.deepspeed import OPTIONS, UNIDIRECTIONAL, Asked
from patternc.integrations.drafts import Draft, Line, Sizes, param
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
)
from patternc.integrations.sparsity import CLASSES, Blocks, Sparsity, check_length, sliding

SYSTEM = "gpt-neox"
DENSE = ("global", "flash")
SPARSE = {
    "local": "local_sliding_window",
    "sparse_fixed": "fixed",
    "sparse_variable": "variable",
    "bigbird": "bigbird",
    "bslongformer": "bslongformer",
}
ELSE = ("gmlp", "amlp", "rwkv", "mamba")
"""Kinds that gpt-neox accepts and that are no attention over pairs of tokens, or not this one alone."""
KINDS = (*DENSE, *SPARSE, *ELSE)

READ = (
    "attention_config",
    "sparsity_config",
    "num_layers",
    "num_attention_heads",
    "num_kv_heads",
    "hidden_size",
    "seq_length",
    "sliding_window_width",
    "model_parallel_size",
    "pos_emb",
    "attention_dropout",
)
"""Keys that this importer reads; gpt-neox has hundreds of others."""
OTHERS = ("num_unique_layers", "max_position_embeddings", "decoder_seq_length", "num_encoder_layers", "hidden_dropout")
"""Keys of gpt-neox that look like those and are not."""


@dataclass(frozen=True, slots=True)
class _Model:
    """What all layers share."""

    config: Section
    sparsity: Sparsity
    window: Setting[int] | None
    """`sliding_window_width`: how far every layer looks back, where it is given."""


def read_gpt_neox(config: Section, asked: Asked) -> Draft:
    """The draft of a configuration. Raises PatternError with all that is wrong with it."""
    findings = config.findings
    config.refuse_misspelt((*READ, *OTHERS), READ)
    sizes = _sizes(config, asked)
    kinds = _kinds(config, sizes.layers)
    section = config.section("sparsity_config") or config.empty("sparsity_config.")
    section.refuse_others(OPTIONS)
    ranks = config.whole("model_parallel_size", 1)
    if sizes.heads.value % ranks.value:
        message = f"`num_attention_heads` ({sizes.heads.value}) must be a multiple of `model_parallel_size`"
        findings.report("PA825", f"{message} ({ranks.value})", ranks.place)
    width = config.optional("sliding_window_width", None)
    window = None if width.value is None else Setting(width.name, width.value, width.place)
    seq_length = config.optional("seq_length", None)
    made_at = asked.made_at or seq_length.value or sizes.tokens.value
    heads = max(sizes.heads.value // ranks.value, 1)
    model = _Model(config, Sparsity(section, True, sizes.tokens, heads, made_at), window)
    sparse = [kind for kind in dict.fromkeys(kinds) if kind in SPARSE]
    if sparse:
        check_length(model.sparsity)
        if sizes.kv_heads is not None and sizes.kv_heads.value != sizes.heads.value:
            message = f"gpt-neox has no {sparse[0]} layers with `num_kv_heads` below `num_attention_heads`"
            findings.report("PA825", message, sizes.kv_heads.place)
    blocks = {kind: _blocks(model, kind) for kind in dict.fromkeys(kinds) if kind not in ELSE}
    findings.stop_at_errors()
    _say_surprises(model, sparse)
    params = dict.fromkeys(line for kind in blocks for line in blocks[kind].params)
    if window is not None:
        params[param(window)] = None
    return Draft(
        title="gpt-neox's attention, one kind for each layer.",
        direction=Line("causal", "gpt-neox is autoregressive"),
        sizes=sizes,
        layers=tuple(Line(blocks[kind].pattern, kind) for kind in kinds),
        schedule="attention_config" if config.gives("attention_config") else "attention_config is not given: global",
        params=tuple(params),
        library="deepspeed" if sparse else None,
        expectations=(Line("expect n % block == 0", "DeepSpeed refuses other lengths"),) if sparse else (),
        notes=(UNIDIRECTIONAL,) if sparse else (),
    )


def _sizes(config: Section, asked: Asked) -> Sizes:
    """The sizes of the model: the command line's where it says them, else the configuration's."""

    def size(name: str, key: str, what: str, most: int) -> Setting[int]:
        given = asked.setting(name)
        said = config.optional(key, None, most=most)
        if given is None and said.value is None and config.is_misspelt(key):
            return Setting(key, 1)  # which is reported already
        if given is not None or said.value is None:
            return asked.size(name, f"{what} (`{key}`)", SYSTEM, config.findings)
        return Setting(said.name, said.value, said.place)

    layers = size("layers", "num_layers", "number of layers", MOST_LAYERS)
    heads = size("heads", "num_attention_heads", "number of heads", MOST_HEADS)
    tokens = size("tokens", "seq_length", "sequence length", 1 << 30)
    shared = config.optional("num_kv_heads", None, most=MOST_HEADS)
    kv_heads = None
    if shared.value is not None and shared.value != heads.value:
        kv_heads = Setting(shared.name, shared.value, shared.place)
        if heads.value % shared.value:
            message = f"`num_attention_heads` ({heads.value}) must be a multiple of `num_kv_heads` ({shared.value})"
            config.findings.report("PA825", message, shared.place)
    hidden = config.optional("hidden_size", None)
    head_dim = asked.setting("head_dim")
    if head_dim is None and hidden.value is not None:
        if hidden.value % heads.value:
            message = f"`hidden_size` ({hidden.value}) must be a multiple of `num_attention_heads` ({heads.value})"
            config.findings.report("PA825", message, hidden.place)
        else:
            name = "hidden_size // num_attention_heads"
            head_dim = Setting(name, hidden.value // heads.value, hidden.place)
    return Sizes(tokens, layers, heads, kv_heads, head_dim)


# -- the kinds of the layers ------------------------------------------------------------------------------------------


def _kinds(config: Section, layers: Setting[int]) -> list[str]:
    """The kind of every layer, as gpt-neox expands `attention_config`."""
    entry = config.entries.find("attention_config")
    if entry is None or not config.gives("attention_config"):
        return ["global"] * layers.value
    name = "attention_config"
    items = config.items(entry.value, name, "kinds, or of [[kinds], count] pairs")
    if items and all(isinstance(item, Scalar) and isinstance(item.value, str) for item in items):
        kinds = [_kind(config, item) for item in items]
    else:
        kinds = list[str]()
        for item in items:
            everywhere, found = _round(config, item, layers)
            kinds += found
            if everywhere:
                break
            if len(kinds) > MOST_ITEMS:
                config.findings.report("PA824", f"`{name}` has more than {MOST_ITEMS:,} layers", item.place)
                return ["global"] * layers.value
    if len(kinds) != layers.value and isinstance(entry.value, Items) and not config.findings.has_errors():
        where = "--layers" if layers.asked else "`num_layers`"
        message = f"`{name}` has {len(kinds)} layers, but {where} is {layers.value}"
        config.findings.report("PA825", message, entry.value.place)
    return kinds or ["global"] * layers.value


def _round(config: Section, item: Node, layers: Setting[int]) -> tuple[bool, list[str]]:
    """One [[kinds], count] pair, written out; whether it is for all layers, which ends the list."""
    if not isinstance(item, Items) or len(item.items) != 2 or not isinstance(item.items[0], Items):
        config.wrong_type(item, "attention_config", '[[kinds], count], as in [["global", "local"], 12]')
        return False, []
    kinds = [_kind(config, kind) for kind in item.items[0].items]
    count = item.items[1]
    if isinstance(count, Scalar) and count.value == "all":
        if not kinds or layers.value % len(kinds):
            message = f"{layers.value} layers are no multiple of the {len(kinds)} kinds to repeat"
            config.findings.report("PA825", message, item.place)
            return True, ["global"] * layers.value
        return True, kinds * (layers.value // len(kinds))
    times = config.number(count, "attention_config", 0, MOST_ITEMS)
    return False, kinds * min(times or 0, MOST_ITEMS // max(len(kinds), 1) + 1)


def _kind(config: Section, node: Node) -> str:
    if isinstance(node, Scalar) and node.value == "dense":
        message = "`attention_config` has the unknown value `dense`: gpt-neox calls dense attention `global`"
        config.findings.report("PA823", message, node.place, fix=renamed(node.place, "global"))
        return "global"
    kind = config.word(node, "attention_config", KINDS)
    if kind in ELSE:
        message = f"gpt-neox's {kind} layers are no attention pattern"
        note = "patternc describes which token attends which; these layers mix tokens in other ways"
        config.findings.report("PA827", message, node.place, note)
    return kind or "global"


# -- their patterns ---------------------------------------------------------------------------------------------------


def _blocks(model: _Model, kind: str) -> Blocks:
    """The pattern of a kind, behind the sliding window where there is one."""
    blocks = _without_window(model, kind)
    if model.window is None:
        return blocks
    window = "local(back = sliding_window_width)"
    pattern = window if kind in DENSE else f"{blocks.pattern} & {window}"
    return replace(blocks, pattern=pattern)


def _without_window(model: _Model, kind: str) -> Blocks:
    if kind in DENSE:
        return Blocks("dense", ())
    if kind != "local":
        return CLASSES[SPARSE[kind]](model.sparsity)
    section = model.sparsity.section
    key = "num_local_blocks" if section.gives("num_local_blocks") else "num_sliding_window_blocks"
    return sliding(model.sparsity, section.whole(key, 4, 0))


def _say_surprises(model: _Model, sparse: list[str]) -> None:
    """What gpt-neox does, or patternc does not, that one may not expect."""
    config, findings = model.config, model.config.findings
    section = model.sparsity.section
    if len(sparse) > 1:
        message = (
            f"{', '.join(sparse)} layers in one model: DeepSpeed keeps kernels by length alone, so that all of them "
            "run the layout of the first; this file gives each its own"
        )
        entry = config.entries.find("attention_config")
        findings.report("PA922", message, None if entry is None else entry.value.place)
    for name, value in (("attention", "unidirectional"), ("horizontal_global_attention", False)):
        entry = section.entries.find(name)
        if entry is not None and isinstance(entry.value, Scalar) and entry.value.value != value:
            message = f"gpt-neox ignores `{section.prefix}{name}`: its layouts are unidirectional"
            findings.report("PA923", message, entry.value.place)
    positions = config.entries.find("pos_emb")
    if positions is not None and isinstance(positions.value, Scalar) and positions.value.value in ("alibi", "rpe"):
        message = f"`pos_emb` = {positions.value.value}: a bias on the scores, which is no part of a pattern"
        findings.report("PA921", message, positions.value.place)
    dropout = config.entries.find("attention_dropout")
    if dropout is not None and isinstance(dropout.value, Scalar) and dropout.value.value:
        message = "`attention_dropout` is not 0: patternc's attention has no dropout"
        findings.report("PA921", message, dropout.value.place)
