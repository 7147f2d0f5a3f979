"""Hugging Face's BigBird: its blocks, as the model has them in training and as it has them in evaluation.

For: the reader of model type `big_bird`; `huggingface.py` reads all others. In the softmax of the model a block counts
as often as it was picked, which is what `+` says. Not for: which numbers are drawn (numpy's there, patternc's here).
"""

from __future__ import annotations

from patternc.integrations.drafts import Draft, Line, Sizes, param
from patternc.integrations.settings import Section, Setting

LEGACY = (1024, 3072, 4096)
"""Lengths at which transformers draws blocks by an older plan."""
MOST_PICKS = 64
"""Each pick of block 0 is a branch of its own in the file."""


def read_big_bird(config: Section, sizes: Sizes, evaluation: bool) -> Draft:
    """`attention_type`, with its blocks; `evaluation`: as the model has them when it does not train."""
    kind = config.choice("attention_type", "block_sparse", ("block_sparse", "original_full"))
    block = config.whole("block_size", 64)
    draws = config.whole("num_random_blocks", 3, 0)
    decoder = config.flag("is_decoder", False)
    crossed = config.flag("add_cross_attention", False)
    sparse = kind.value == "block_sparse" and not crossed.value
    if sparse and decoder.value:
        message = 'a BigBird decoder needs `attention_type` "original_full"'
        config.findings.report("PA825", message, decoder.place, "transformers refuses such a model")
    tokens, most = sizes.tokens.value, (5 + 2 * draws.value) * block.value
    if sparse and tokens <= most:
        message = (
            f"at {tokens:,} tokens, {most:,} or fewer, transformers switches BigBird to full attention, and keeps that "
            "for longer sequences later; this file has full attention"
        )
        config.findings.report("PA922", message, None, "say a longer one with --tokens")
        sparse = False
    pattern, params = Line("dense"), ()
    if sparse and evaluation:
        pattern, params = _evaluated(config, draws), (param(block),)
    elif sparse:
        pattern, params = _trained(config, tokens, block, draws)
    return Draft(
        title="big_bird, from a Hugging Face configuration.",
        direction=Line("causal" if decoder.value else "bidirectional", decoder.origin),
        sizes=sizes,
        layers=(pattern,) * sizes.layers.value,
        schedule=kind.origin,
        params=params,
        library="bigbird" if sparse else None,
    )


def _trained(config: Section, tokens: int, block: Setting[int], draws: Setting[int]) -> tuple[Line, tuple[Line, ...]]:
    """Blocks that are drawn for each layer and head; the pattern and its parameters."""
    params = (param(block), param(draws, "random_blocks"))
    message = (
        "random blocks are drawn by patternc's own generator, for training. In evaluation, transformers takes block 0 "
        f"in place of each of the {draws.value}, so that it counts {1 + draws.value} times in the softmax"
    )
    if draws.value:
        config.findings.report("PA922", message, draws.place, "import with --evaluation to have that")
    if tokens not in LEGACY:
        return Line("blocks(block_size, bigbird_training(random_blocks, layer * heads + head))"), params
    if not draws.value:
        return Line("blocks(block_size, bigbird_fixed)", draws.origin), params[:1]
    last = 1024 // block.value - 1
    message = (
        f"at {tokens:,} tokens transformers draws by an older plan: from the blocks 1 to {last} alone, where blocks "
        "that the window has already count twice in the softmax, and so they do in this sum"
    )
    config.findings.report("PA922", message, None)
    drawn = f"bigbird_legacy_random(random_blocks, {last}, layer * heads + head)"
    return Line(f"blocks(block_size, bigbird_fixed) + blocks(block_size, {drawn})"), params


def _evaluated(config: Section, draws: Setting[int]) -> Line:
    """Nothing is drawn: block 0 is picked each time, whatever the length."""
    if draws.value > MOST_PICKS:
        message = f"`{draws.name}` is {draws.value:,}; with --evaluation it may be at most {MOST_PICKS}"
        config.findings.report("PA824", message, draws.place)
        return Line("dense")
    message = (
        f"in evaluation transformers draws nothing: each of the {draws.value} random blocks is block 0, which counts "
        f"{1 + draws.value} times in the softmax of all rows but those of the first and last block. Without "
        "--evaluation the file has the blocks of training"
    )
    if draws.value:
        config.findings.report("PA922", message, draws.place)
    branches = ("bigbird_fixed", *["bigbird_evaluation_random"] * draws.value)
    return Line(" + ".join(f"blocks(block_size, {branch})" for branch in branches), draws.origin)
