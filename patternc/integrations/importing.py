"""Configurations of other systems -> the text of a pattern file.

For: telling whose configuration a file is, reading it within limits, and writing down what it asks for; what to know
about it stands in the file's comments and among the diagnostics. Nothing of a configuration is executed. Not for: what
its keys mean (`deepspeed`, `gpt_neox`, `huggingface`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from patternc.diagnostics import Diagnostic, PatternError
from patternc.grammar.reading import read_source
from patternc.integrations import deepspeed, gpt_neox, huggingface
from patternc.integrations.deepspeed import Asked
from patternc.integrations.drafts import Draft, written
from patternc.integrations.json_text import read_json
from patternc.integrations.settings import Entries, Entry, Findings, Section
from patternc.integrations.yaml_text import read_yaml
from patternc.source import Source

System = Literal["deepspeed", "gpt-neox", "hf"]
SYSTEMS: tuple[System, ...] = get_args(System)
MOST_BYTES = 4 << 20
"""The largest configuration that is read: some list the labels of a classifier, up to a megabyte of them."""

_SIGNS: dict[System, tuple[str, ...]] = {
    "deepspeed": (deepspeed.SECTION,),
    "gpt-neox": ("attention_config", "sparsity_config", "pipe_parallel_size", "model_parallel_size", "rotary_pct"),
    "hf": ("model_type", "architectures", "transformers_version"),
}
"""Keys that only that system has; the first ones are what is read."""
_READERS: dict[System, Callable[[Section, Asked], Draft]] = {
    "deepspeed": deepspeed.read_deepspeed,
    "gpt-neox": gpt_neox.read_gpt_neox,
    "hf": huggingface.read_huggingface,
}
_NAMES: dict[System, str] = {"deepspeed": deepspeed.SYSTEM, "gpt-neox": gpt_neox.SYSTEM, "hf": huggingface.SYSTEM}


@dataclass(frozen=True, slots=True)
class Imported:
    """A pattern file, whose configuration it was, and what to know about it (warnings)."""

    text: str
    system: System
    warnings: tuple[Diagnostic, ...]


def import_files(paths: Sequence[Path], system: System | None, asked: Asked) -> Imported:
    """The pattern file for a configuration; several files are one configuration, as gpt-neox has them.

    Raises PatternError with all that is wrong with it.
    """
    sources = [read_source(path, most=MOST_BYTES, what="a configuration") for path in paths]
    return import_sources(sources, system, asked)


def import_sources(sources: Sequence[Source], system: System | None, asked: Asked) -> Imported:
    """The same for texts that are read already; the name of the first names the model."""
    parts = [_entries(source) for source in sources]
    findings = Findings()
    if system is None:
        system = _recognised(parts, findings)
    entries = _merged(parts, system, findings)
    findings.stop_at_errors()
    draft = _READERS[system](Section(_NAMES[system], entries, findings), asked)
    findings.stop_at_errors()
    warnings = tuple(findings.diagnostics)
    name = Path(sources[0].name)
    notes = [_sentence(each.message) for each in warnings]
    title = f"{draft.title.rstrip('.')}: {', '.join(Path(source.name).name for source in sources)}."
    stem = name.stem if name.stem != "config" else name.resolve().parent.name
    return Imported(written(replace(draft, title=title), stem, notes), system, warnings)


def _sentence(message: str) -> str:
    """A message as a sentence; names of options keep their letters."""
    word = message.split(maxsplit=1)[0]
    return f"{word.capitalize() if word.isalpha() and word.islower() else word}{message[len(word) :]}."


def _entries(source: Source) -> Entries:
    """A file's mapping, by the end of its name."""
    reader = read_yaml if Path(source.name).suffix.lower() in (".yml", ".yaml") else read_json
    node = reader(source)
    if not isinstance(node, Entries):
        message = f"`{source.name}` is no configuration: it has no keys"
        raise PatternError([Diagnostic("PA821", message, (), ("a configuration is a mapping, `{ ... }`",))])
    return node


def _recognised(parts: Sequence[Entries], findings: Findings) -> System:
    """Whose configuration it is, by its keys."""
    names = {entry.name.replace("-", "_") for part in parts for entry in part.entries}
    found: list[System] = [system for system in SYSTEMS if names.intersection(_SIGNS[system])]
    # Size keys say nothing new about a file that has a sign, but a plain one with both is a gpt-neox model.
    if not found and {"num_layers", "num_attention_heads"} <= names:
        found = ["gpt-neox"]
    if len(found) == 1:
        return found[0]
    if found:
        signs = [f"`{min(names.intersection(_SIGNS[each]))}` is {_NAMES[each]}'s" for each in found]
        message = f"the configuration could be of more than one system: {', '.join(signs)}"
        findings.report("PA822", message, None, f"say whose it is with --from {'|'.join(found)}")
    elif not _report_misspelt(parts, findings):
        message = "the configuration is not DeepSpeed's, gpt-neox's or Hugging Face's: it has none of their keys"
        signs = [f"{_NAMES[each]}: `{'`, `'.join(_SIGNS[each][:2])}`" for each in SYSTEMS]
        findings.report("PA822", message, None, *signs, "or say whose it is with --from deepspeed|gpt-neox|hf")
    findings.stop_at_errors()
    raise AssertionError


def _report_misspelt(parts: Sequence[Entries], findings: Findings) -> bool:
    """Report keys that are nearly those that tell a configuration's origin; whether there are any."""
    for system, signs in _SIGNS.items():
        for part in parts:
            Section(_NAMES[system], part, findings).refuse_misspelt((), signs[:2])
    return findings.has_errors()


def _merged(parts: Sequence[Entries], system: System, findings: Findings) -> Entries:
    """One mapping of several files; gpt-neox reads `-` in a key as `_`."""
    if len(parts) > 1 and system != "gpt-neox":
        message = f"a {_NAMES[system]} configuration is one file; {len(parts)} are given"
        findings.report("PA822", message, parts[1].place)
    merged: dict[str, Entry] = {}
    for part in parts:
        for entry in part.entries:
            name = entry.name.replace("-", "_") if system == "gpt-neox" else entry.name
            if name in merged:
                findings.report("PA825", f"`{name}` is given twice", entry.place)
            merged[name] = Entry(name, entry.place, entry.value)
    return Entries(parts[0].place, tuple(merged.values()))
