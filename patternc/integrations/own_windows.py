"""GPT-Neo's and Longformer's `config.json` -> a draft of a pattern file: both have keys of their own for windows.

For: `huggingface.py`, which has read the sizes. Not for: any other model type.
"""

from __future__ import annotations

from patternc.integrations.drafts import Draft, Line, Sizes, param
from patternc.integrations.settings import MOST_ITEMS, MOST_LAYERS, Items, Node, Section, Setting, shown


def read_gpt_neo(config: Section, name: str, sizes: Sizes) -> Draft:
    """`attention_types`, expanded."""
    window = config.whole("window_size", 256)
    entry = config.entries.find("attention_types")
    kinds: list[str] = []
    if entry is None or not config.gives("attention_types"):
        kinds = ["global", "local"] * 12
    else:
        for item in config.items(entry.value, "attention_types", "[[kinds], count] pairs"):
            if not isinstance(item, Items) or len(item.items) != 2 or not isinstance(item.items[0], Items):
                config.wrong_type(item, "attention_types", '[[kinds], count], as in [["global", "local"], 12]')
                continue
            words = [config.word(node, "attention_types", ("global", "local")) for node in item.items[0].items]
            times = config.number(item.items[1], "attention_types", 0, MOST_LAYERS) or 0
            kinds += [word or "global" for word in words[:MOST_LAYERS]] * times
            if len(kinds) > MOST_ITEMS:
                break
    count = sizes.layers.value
    if len(kinds) != count and not config.findings.has_errors():
        where = "--layers" if sizes.layers.asked else f"`{sizes.layers.name}`"
        message = f"`attention_types` has {len(kinds)} layers, but {where} is {count}"
        config.findings.report("PA825", message, sizes.layers.place if entry is None else entry.value.place)
    patterns = {"global": "dense", "local": "local(window_size)"}
    return Draft(
        title="gpt_neo, from a Hugging Face configuration.",
        direction=Line("causal", f"model_type = {name}"),
        sizes=sizes,
        layers=tuple(Line(patterns[kind], kind) for kind in kinds[:count]) or (Line("dense"),),
        schedule="attention_types" if config.gives("attention_types") else "attention_types is not given: the default",
        params=(param(window),) if "local" in kinds else (),
        notes=(
            "A local layer keeps window_size keys, the token's own included.",
            "GPT-Neo does not scale its scores: attention(..., scale=1.0).",
        ),
    )


def read_longformer(config: Section, name: str, sizes: Sizes) -> Draft:
    """`attention_window`, for all layers or each."""
    key, count = "attention_window", sizes.layers.value
    entry = config.entries.find(key)
    if entry is not None and isinstance(entry.value, Items):
        windows = [_even(config, node) for node in entry.value.items]
        if len(windows) != count:
            message = f"`{key}` has {len(windows)} windows, but the model {count} layers"
            config.findings.report("PA825", message, entry.value.place)
        origin = f"{key} = {shown(windows)}"
    else:
        setting = config.whole(key, 512)
        windows = [setting.value if entry is None else _even(config, entry.value)] * count
        origin = setting.origin
    alike = len(set(windows)) == 1
    params = [Line(f"param {key} = {windows[0]}", origin)] if alike else []
    params.append(Line("param globals = [0]", "given with each call there: see above"))
    patterns = [f"local({key if alike else window}) | global(globals)" for window in windows]
    message = (
        "Longformer's global tokens come with each call (global_attention_mask); this file has token 0, as for a "
        "classification. Other ones: --param globals=[0..16], for none [0..0]"
    )
    config.findings.report("PA921", message, None)
    return Draft(
        title="longformer, from a Hugging Face configuration.",
        direction=Line("bidirectional", f"model_type = {name}"),
        sizes=_longformer_tokens(config, sizes),
        layers=tuple(map(Line, patterns))[:count] or (Line("dense"),),
        schedule="" if alike else origin,
        params=tuple(params),
        notes=(
            "attention_window is the total of both sides: a token sees half of it each way, and itself.",
            "Rows of global tokens have projections of their own there (query_global, ...): one call with this mask "
            "computes all other rows.",
        ),
    )


def _even(config: Section, node: Node) -> int:
    window = config.number(node, "attention_window", 1, 1 << 30)
    if window is not None and window % 2:
        config.findings.report("PA824", f"`attention_window` must be even; it is {window}", node.place)
    return window or 2


def _longformer_tokens(config: Section, sizes: Sizes) -> Sizes:
    """Positions start behind the padding token's id, so that many of them are no tokens."""
    first = config.optional("pad_token_id", 1, 0)
    tokens = sizes.tokens
    if tokens.asked or first.value is None:
        return sizes
    origin = f"{tokens.name} ({tokens.value}) - {first.name} ({first.value}) - 1"
    left = max(tokens.value - first.value - 1, 1)
    return Sizes(Setting(origin, left, tokens.place), sizes.layers, sizes.heads, sizes.kv_heads, sizes.head_dim)
