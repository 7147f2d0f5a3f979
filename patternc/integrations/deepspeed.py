"""DeepSpeed's configuration: its `sparse_attention` section -> a draft of a pattern file.

For: the modes, options and defaults that deepspeed 0.18.9 reads there. A configuration says nothing about sizes: those
are asked for. Not for: what the modes mean (`sparsity`), or gpt-neox, which has keys of its own (`gpt_neox`).
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.integrations.drafts import Draft, Line, Sizes
from patternc.integrations.settings import Findings, Section, Setting
from patternc.integrations.sparsity import CLASSES, Blocks, Sparsity, bigbird, check_length, sliding

SYSTEM = "DeepSpeed"
SECTION = "sparse_attention"
SLIDING = "local_sliding_window"
DIRECTIONS = ("bidirectional", "unidirectional")

_GLOBALS = ("global_block_indices", "global_block_end_indices")
_OF_MODE = {
    "dense": (),
    "fixed": (
        "num_local_blocks",
        "num_global_blocks",
        "horizontal_global_attention",
        "num_different_global_patterns",
        "attention",
    ),
    "variable": ("num_random_blocks", "local_window_blocks", *_GLOBALS, "horizontal_global_attention", "attention"),
    "bigbird": ("num_random_blocks", "num_sliding_window_blocks", "num_global_blocks", "attention"),
    "bslongformer": ("num_sliding_window_blocks", *_GLOBALS, "attention"),
    SLIDING: ("num_sliding_window_blocks", "attention"),
}
_OF_ALL = ("mode", "block", "different_layout_per_head")
OPTIONS = tuple(dict.fromkeys((*_OF_ALL, *(option for options in _OF_MODE.values() for option in options))))


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says beside the configuration."""

    tokens: int | None = None
    layers: int | None = None
    heads: int | None = None
    head_dim: int | None = None
    made_at: int | None = None
    evaluation: bool = False

    def setting(self, name: str) -> Setting[int] | None:
        """An option that was given, as a setting."""
        value: int | None = getattr(self, name)
        return None if value is None else Setting(f"--{name.replace('_', '-')}", value, asked=True)

    def size(self, name: str, what: str, system: str, findings: Findings) -> Setting[int]:
        """A size the configuration does not have; where the command line does not have it either, that is an error."""
        setting = self.setting(name)
        if setting is None:
            option = f"--{name.replace('_', '-')}"
            message = f"the {what} is missing: this {system} configuration does not say it, and {option} is not given"
            findings.report("PA826", message, None, f"say it with {option} N")
        return setting or Setting(name, 1)


def read_deepspeed(config: Section, asked: Asked) -> Draft:
    """The draft of a configuration. Raises PatternError with all that is wrong with it."""
    section = config.section(SECTION)
    findings = config.findings
    if section is None:
        config.refuse_misspelt((SECTION,), (SECTION,))
        if not findings.has_errors():
            findings.report("PA822", f"the configuration has no `{SECTION}` section", None)
        findings.stop_at_errors()
    assert section is not None
    tokens = asked.size("tokens", "sequence length", SYSTEM, findings)
    layers = asked.size("layers", "number of layers", SYSTEM, findings)
    heads = asked.size("heads", "number of heads", SYSTEM, findings)
    mode = section.choice("mode", "fixed", tuple(_OF_MODE))
    attention = section.choice("attention", DIRECTIONS[mode.value == SLIDING], DIRECTIONS)
    causal = attention.value == "unidirectional" and mode.value != "dense"
    _check_keys(section, mode.value)
    made_at = tokens.value if asked.made_at is None else asked.made_at
    sparsity = Sparsity(section, causal, tokens, heads.value, made_at)
    if has_sizes := asked.tokens is not None:
        check_length(sparsity)
    blocks = _blocks(sparsity, mode) if has_sizes else None
    findings.stop_at_errors()
    assert blocks is not None
    _say_of_reader(section, mode, attention, causal)
    direction = "mode dense has no other form" if mode.value == "dense" else attention.origin
    return Draft(
        title=f"DeepSpeed's sparse attention, mode {mode.value}.",
        direction=Line("causal" if causal else "bidirectional", direction),
        sizes=Sizes(tokens, layers, heads, head_dim=asked.setting("head_dim")),
        layers=(Line(blocks.pattern),) * layers.value,
        schedule=mode.origin,
        params=blocks.params,
        library="deepspeed" if blocks.params else None,
        expectations=(Line("expect n % block == 0", "DeepSpeed refuses other lengths"),) if blocks.params else (),
        notes=(UNIDIRECTIONAL,) if causal else (),
    )


UNIDIRECTIONAL = (
    "DeepSpeed's layouts never trim inside a block: a unidirectional one needs a causal mask from its caller. This "
    "model is causal, token by token."
)


def _blocks(sparsity: Sparsity, mode: Setting[str]) -> Blocks:
    if mode.value == SLIDING:
        return sliding(sparsity, sparsity.section.whole("num_sliding_window_blocks", 3, 0))
    if mode.value == "bigbird":
        return bigbird(sparsity, draws_unless_said=0)
    return CLASSES[mode.value](sparsity)


def _check_keys(section: Section, mode: str) -> None:
    """Unknown keys are errors; those of other modes are named once."""
    section.refuse_others(OPTIONS)
    known = (*_OF_ALL, *_OF_MODE[mode])
    idle = [entry for entry in section.entries.entries if entry.name in OPTIONS and entry.name not in known]
    if idle:
        names = ", ".join(f"`{entry.name}`" for entry in idle)
        section.findings.report("PA923", f"mode {mode} does not read {names}", idle[0].place)


def _say_of_reader(section: Section, mode: Setting[str], attention: Setting[str], causal: bool) -> None:
    """Where DeepSpeed's reader of this section and its classes differ."""
    kind = mode.value
    if kind == SLIDING:
        message = "DeepSpeed's own reader has no such mode; its class LocalSlidingWindowSparsityConfig is meant"
        section.findings.report("PA922", f"mode {SLIDING}: {message}", mode.place)
    if kind in ("bigbird", "bslongformer") and causal:
        message = (
            f"DeepSpeed's own reader skips `attention` in mode {kind} and makes a bidirectional layout; here the key "
            "counts, as for the class that is called with it"
        )
        section.findings.report("PA922", message, attention.place)
    if kind == "bigbird" and "num_random_blocks" not in section:
        message = "`num_random_blocks` is not given: DeepSpeed's reader takes 0, its class BigBirdSparsityConfig 1"
        section.findings.report("PA922", message, mode.place)
