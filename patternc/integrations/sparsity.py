"""DeepSpeed's SparsityConfig classes: their options -> a pattern over blocks, with what they refuse and what surprises.

For: `deepspeed` and `gpt_neox`, which call the same classes with different keys and defaults. Patterns are those of
`std.deepspeed` (the layouts are written down there). A unidirectional layout is imported for a causal model: DeepSpeed
leaves it to its caller to keep the tokens of a block from later ones. Not for: reading files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from patternc.integrations.drafts import Line, param
from patternc.integrations.settings import Findings, Section, Setting

MADE_AT = 2048
"""The default `max_seq_length` of SparseSelfAttention, the length it makes a layout for."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """A pattern and its parameters."""

    pattern: str
    params: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Sparsity:
    """What a sparsity configuration is made of, whoever calls its class."""

    section: Section
    causal: bool
    tokens: Setting[int]
    heads: int
    """The heads of one process: layouts count them from 0 in each."""
    made_at: int
    """The length the layout is made for; a shorter sequence keeps its top-left corner."""

    @property
    def findings(self) -> Findings:
        """Where mistakes go."""
        return self.section.findings

    @property
    def block(self) -> Setting[int]:
        """The size of a block."""
        return self.section.whole("block", 16)

    def refuse(self, message: str, setting: Setting[int] | Setting[bool] | Setting[tuple[int, ...]]) -> None:
        """Report what DeepSpeed would refuse."""
        self.findings.report("PA825", message, setting.place)

    def surprise(self, message: str, setting: Setting[int]) -> None:
        """Report what DeepSpeed does that its users may not expect."""
        self.findings.report("PA922", message, setting.place)

    def blocks_in_a_row(self, block: int) -> int:
        """How many blocks a layout has."""
        return self.made_at // block


def check_length(sparsity: Sparsity) -> None:
    """DeepSpeed refuses lengths that are no multiple of the block, and longer ones than the layout is made for."""
    tokens, made_at, block = sparsity.tokens, sparsity.made_at, sparsity.block
    for length in sorted({tokens.value, made_at}):
        if length % block.value:
            message = f"the length {length:,} is no multiple of `block` ({block.value}), which DeepSpeed needs"
            sparsity.refuse(message, block if block.place else tokens)
    if made_at < tokens.value:
        sparsity.refuse(f"a layout made at {made_at:,} tokens does not reach {tokens.value:,}", tokens)


# -- the classes ------------------------------------------------------------------------------------------------------


def dense(sparsity: Sparsity) -> Blocks:
    """DenseSparsityConfig: everything, whatever the block."""
    assert sparsity.block.value
    return Blocks("dense", ())


def fixed(sparsity: Sparsity) -> Blocks:
    """FixedSparsityConfig."""
    section, block = sparsity.section, sparsity.block
    window = section.whole("num_local_blocks", 4)
    summary = section.whole("num_global_blocks", 1)
    layouts = section.whole("num_different_global_patterns", 1)
    per_head = section.flag("different_layout_per_head", False)
    horizontal = section.flag("horizontal_global_attention", False)
    most = window.value // summary.value
    if window.value % summary.value:
        message = f"`num_local_blocks` ({window.value}) must be a multiple of `num_global_blocks` ({summary.value})"
        sparsity.refuse(message, summary if summary.place else window)
    elif layouts.value > most:
        message = f"`num_different_global_patterns` can be at most num_local_blocks // num_global_blocks = {most}"
        sparsity.refuse(f"{message}; it is {layouts.value}", layouts)
    if layouts.value > 1 and not per_head.value:
        message = "needs `different_layout_per_head`, which is not true"
        sparsity.refuse(f"`num_different_global_patterns` of {layouts.value} {message}", layouts)
    _check_horizontal(sparsity, horizontal)
    params = [param(block), param(window, "local_blocks"), param(summary, "summary_blocks")]
    turn, made = "0", "n"
    if layouts.value > 1:
        params.append(param(layouts, "turns"))
        head = "head" if sparsity.heads % layouts.value == 0 else f"(head % {sparsity.heads})"
        turn = f"{head} % turns"
    if sparsity.made_at != sparsity.tokens.value:
        made = "made"
        origin = f"in blocks, of the layout: made at {sparsity.made_at} tokens, cropped"
        params.append(Line(f"param made = {sparsity.blocks_in_a_row(block.value)}", origin))
    _say_of_fixed(sparsity, window, summary)
    name = "deepspeed_fixed_horizontal" if horizontal.value else "deepspeed_fixed"
    return Blocks(f"blocks(block, {name}(local_blocks, summary_blocks, {turn}, {made}))", tuple(params))


def variable(sparsity: Sparsity) -> Blocks:
    """VariableSparsityConfig."""
    section, block = sparsity.section, sparsity.block
    windows = section.numbers("local_window_blocks", (4,), 1)
    ids, ranges = _global_blocks(sparsity, block.value)
    draws = section.whole("num_random_blocks", 0, 0)
    horizontal = section.flag("horizontal_global_attention", False)
    _check_horizontal(sparsity, horizontal)
    _check_fits(sparsity, draws, block.value)
    sizes = ", ".join(map(str, windows.value))
    params = [param(block), Line(f"param local_window_blocks = [{sizes}]", windows.origin), ids]
    name = "deepspeed_variable_horizontal" if horizontal.value else "deepspeed_variable"
    pattern = f"{name}(local_window_blocks, global_ids)"
    if draws.value:
        params.append(param(draws, "random_blocks"))
        pattern += f" | deepspeed_random(random_blocks, {_seed(sparsity)})"
        _say_of_draws(sparsity, draws)
    if sparsity.causal and (ranges or draws.value):
        message = (
            f"DeepSpeed's unidirectional layout with {'random blocks' if draws.value else 'global ranges'} lets rows "
            "see later blocks, which are their future; this causal model does not"
        )
        sparsity.surprise(message, draws)
    return Blocks(f"blocks(block, {pattern})", tuple(params))


def bigbird(sparsity: Sparsity, draws_unless_said: int = 1) -> Blocks:
    """BigBirdSparsityConfig."""
    section, block = sparsity.section, sparsity.block
    draws = section.whole("num_random_blocks", draws_unless_said, 0)
    window = section.whole("num_sliding_window_blocks", 3, 0)
    edge = section.whole("num_global_blocks", 1, 0)
    for setting in (draws, window, edge):
        _check_fits(sparsity, setting, block.value)
    if sparsity.causal and draws.value > 1:
        message = (
            f"`num_random_blocks` can be at most 1 in a unidirectional BigBird layout, where DeepSpeed draws from the "
            f"blocks up to the row's own, and the first row has one; it is {draws.value}"
        )
        sparsity.refuse(message, draws)
    if draws.value:
        _say_of_draws(sparsity, draws)
    name = "deepspeed_bigbird_unidirectional" if sparsity.causal else "deepspeed_bigbird"
    params = (param(block), param(window, "window_blocks"), param(edge, "global_blocks"), param(draws, "random_blocks"))
    # A sequence shorter than what the layout is made for keeps the corner, which may have fewer blocks.
    edges = "global_blocks" if edge.value * block.value <= sparsity.tokens.value else "min(global_blocks, n)"
    arguments = f"window_blocks, {edges}, random_blocks, {_seed(sparsity)}"
    return Blocks(f"blocks(block, {name}({arguments}))", params)


def bslongformer(sparsity: Sparsity) -> Blocks:
    """BSLongformerSparsityConfig."""
    block = sparsity.block
    window = sparsity.section.whole("num_sliding_window_blocks", 3, 0)
    ids, _ = _global_blocks(sparsity, block.value)
    _check_fits(sparsity, window, block.value)
    pattern = "blocks(block, deepspeed_bslongformer(window_blocks, global_ids))"
    return Blocks(pattern, (param(block), param(window, "window_blocks"), ids))


def sliding(sparsity: Sparsity, window: Setting[int]) -> Blocks:
    """LocalSlidingWindowSparsityConfig, with a window that some key gave."""
    block = sparsity.block
    _check_fits(sparsity, window, block.value)
    kind = "deepspeed_window_unidirectional" if sparsity.causal else "deepspeed_window"
    if sparsity.causal and window.value > 1:
        seen = window.value // 2 + 1
        message = (
            f"a window of {window.value} blocks is the total of both sides, and a unidirectional one keeps one side: "
            f"a row sees {seen} blocks, its own included"
        )
        sparsity.surprise(message, window)
    return Blocks(f"blocks(block, {kind}(sliding_blocks))", (param(block), param(window, "sliding_blocks")))


CLASSES: dict[str, Callable[[Sparsity], Blocks]] = {
    "dense": dense,
    "fixed": fixed,
    "variable": variable,
    "bigbird": bigbird,
    "bslongformer": bslongformer,
}


# -- what they share --------------------------------------------------------------------------------------------------


def _global_blocks(sparsity: Sparsity, block: int) -> tuple[Line, bool]:
    """The parameter for `global_block_indices`, and whether they are ranges with ends.

    Blocks that do not exist, which DeepSpeed ignores, are left out.
    """
    section = sparsity.section
    count = max(sparsity.tokens.value // block, 1)
    starts = section.numbers("global_block_indices", (0,), -count)
    if not section.gives("global_block_end_indices"):
        kept = [str(start) for start in starts.value if start < count]
        beyond = [str(start) for start in starts.value if start >= count]
        _say_of_beyond(sparsity, beyond, count, starts)
        return Line(f"param global_ids = [{', '.join(kept) or '0..0'}]", starts.origin), False
    ends = section.numbers("global_block_end_indices", (), 0)
    if len(ends.value) != len(starts.value):
        message = (
            f"`global_block_end_indices` has {len(ends.value)} items, `global_block_indices` {len(starts.value)}: "
            "each range has a start and an end"
        )
        sparsity.refuse(message, ends)
    pairs = list(zip(starts.value, ends.value, strict=False))
    for start, end in pairs:
        if not 0 <= start < end:
            message = f"the global range from {start} to {end} is no range: 0 <= start < end"
            sparsity.refuse(message, ends)
    kept = [f"{start}..{min(end, count)}" for start, end in pairs if start < count]
    beyond = [f"{max(start, count)}..{end}" for start, end in pairs if end > count]
    _say_of_beyond(sparsity, beyond, count, ends)
    origin = f"{starts.origin}, {ends.origin}"
    return Line(f"param global_ids = [{', '.join(kept) or '0..0'}]", origin), True


def _check_fits(sparsity: Sparsity, setting: Setting[int], block: int) -> None:
    """DeepSpeed refuses more blocks in a row than there are."""
    count = sparsity.blocks_in_a_row(block)
    if setting.value > count:
        message = f"`{setting.name}` is {setting.value}, more than the {count} blocks of {sparsity.made_at:,} tokens"
        sparsity.refuse(message, setting)


def _check_horizontal(sparsity: Sparsity, horizontal: Setting[bool]) -> None:
    if horizontal.value and sparsity.causal:
        message = "`horizontal_global_attention` needs a bidirectional layout; this one is unidirectional"
        sparsity.refuse(message, horizontal)


def _seed(sparsity: Sparsity) -> str:
    """Random blocks are drawn anew for each layer, and for each head where layouts differ by head."""
    per_head = sparsity.section.flag("different_layout_per_head", False).value
    return "layer * heads + head" if per_head else "layer"


def _say_of_fixed(sparsity: Sparsity, window: Setting[int], summary: Setting[int]) -> None:
    if sparsity.causal and summary.value > 1:
        message = (
            f"DeepSpeed's unidirectional layout lets rows inside a summary of {summary.value} blocks see its later "
            "blocks, which are their future; this causal model does not. In a bidirectional model, "
            "deepspeed_fixed_unidirectional is that layout bit for bit"
        )
        sparsity.surprise(message, summary)
    blocks = sparsity.tokens.value // sparsity.block.value
    if sparsity.made_at == sparsity.tokens.value and blocks % window.value:
        message = (
            f"the {blocks} blocks end with a window of {blocks % window.value} instead of {window.value}, whose "
            "summary is pulled back. SparseSelfAttention makes its layout at `max_seq_length` "
            f"({MADE_AT:,} unless said) and keeps the top-left corner, where it is not: say that length with --made-at"
        )
        sparsity.surprise(message, window)


def _say_of_draws(sparsity: Sparsity, draws: Setting[int]) -> None:
    message = (
        f"random blocks ({draws.value} a row) are drawn by patternc's own generator, anew for each layer. DeepSpeed "
        "draws with Python's, and keeps kernels by length alone: all layers of one length run the first one's layout"
    )
    if sparsity.made_at != sparsity.tokens.value:
        message += "; blocks that it draws beyond the crop are lost, here they are drawn inside"
    sparsity.surprise(message, draws)


def _say_of_beyond(sparsity: Sparsity, beyond: list[str], count: int, setting: Setting[tuple[int, ...]]) -> None:
    if beyond:
        named = ", ".join(beyond[:8]) + (", ..." if len(beyond) > 8 else "")
        message = f"global blocks {named} lie beyond the {count} blocks of {sparsity.tokens.value:,} tokens"
        sparsity.findings.report("PA923", f"{message}; DeepSpeed ignores them, and they are left out", setting.place)
