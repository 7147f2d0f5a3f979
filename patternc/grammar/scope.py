"""Scope: which names are legal at a place, and the diagnostics that one check collects.

For: the functions of `check_*.py`, which share one `Context` and get a `Scope` for the place they look at. Not for:
collecting declarations (`declarations.py`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from patternc.diagnostics import Diagnostic, Fix, Label
from patternc.grammar import signatures, tree
from patternc.grammar.layout_file import LayoutFileError
from patternc.grammar.typed import Kind, StoredLayout
from patternc.source import Source, Span


@dataclass(frozen=True, slots=True)
class Declared:
    """Where a name was declared, and what it is; a kind of None is unknown because a mistake hides it."""

    name: tree.Word
    source: Source
    file: int
    kind: Kind | None
    parameters: tuple[tuple[tree.Word, Kind | None], ...] = ()

    @property
    def label(self) -> Label:
        """Points at the declaration."""
        return Label(self.source, self.name.span, f"`{self.name.text}` is declared here", primary=False)


@dataclass(frozen=True, slots=True)
class Use:
    """A pattern's own parameter in its body, and the kind that is needed there."""

    name: str
    wanted: Kind
    span: Span


@dataclass(slots=True)
class Context:
    """What one check knows and finds: declarations, names whose statement is damaged, what is used, mistakes."""

    params: Mapping[str, Declared]
    patterns: Mapping[str, Declared]
    damaged: frozenset[str]
    incomplete: bool
    """Some declarations could not be read at all: a name that is unknown may be one of them."""
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])
    used: set[str] = field(default_factory=set[str])
    uses: list[Use] = field(default_factory=list[Use])
    """Every use of a parameter of the pattern at hand."""
    layouts: dict[Path, StoredLayout | LayoutFileError] = field(
        default_factory=dict[Path, "StoredLayout | LayoutFileError"]
    )
    """Every layout file that was named, read once, and what is wrong with it where it was refused."""
    numbers: dict[str, Label] = field(default_factory=dict[str, Label])
    """Parameters that are written as lists and needed as numbers, each with the first place that needs one."""
    compared: int = 0
    """How many times a known name was compared with an unknown one."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A place: its file, the own parameters of the pattern it is in, and whether layer, head and facts are at hand."""

    source: Source
    own: Mapping[str, Kind | None] = field(default_factory=dict[str, "Kind | None"])
    own_spans: Mapping[str, Span] = field(default_factory=dict[str, Span])
    places: tuple[str, ...] = ()
    """The quantities among layer, head, kv_head that are known here."""
    facts: bool = False
    title: str = ""
    """What this place is, for messages about names that are unknown only here: "a named pattern"."""
    declaring: str = ""
    """The name that is being declared here; it cannot be used in its own declaration."""

    def label(self, span: Span, text: str = "", primary: bool = True) -> Label:
        """A label in this place's file."""
        return Label(self.source, span, text, primary)

    def fix(self, text: str, span: Span, replacement: str) -> Fix:
        """An edit in this place's file."""
        return Fix(text, self.source, span, replacement)

    def written(self, span: Span) -> str:
        """The text at a span, for a message; shortened when it is long or runs over lines."""
        text = " ".join(self.source.text[span.start : span.stop].split())
        return text if len(text) <= 40 else text[:37] + "..."


def closest(word: str, names: Iterable[str]) -> str | None:
    """The legal name that was probably meant: near in spelling, or the same but for case."""
    candidates = list(dict.fromkeys(names))
    folded = {name.lower(): name for name in candidates}
    if word.lower() in folded:
        return folded[word.lower()]
    near = difflib.get_close_matches(word, candidates, n=1, cutoff=0.65)
    return near[0] if near else None


def number_names(context: Context, scope: Scope) -> list[str]:
    """The names that may stand for a number at a place."""
    own = [name for name, kind in scope.own.items() if kind in ("number", None)]
    params = [name for name, param in context.params.items() if param.kind in ("number", None)]
    facts = ("pairs", "density") if scope.facts else ()
    return [*own, *params, *signatures.COUNTS, *scope.places, *signatures.FUNCTIONS, *facts]


def ids_names(context: Context, scope: Scope) -> list[str]:
    """The names that may stand for a list of ids at a place: numbers can, too."""
    own = [name for name, kind in scope.own.items() if kind == "ids"]
    params = [name for name, param in context.params.items() if param.kind == "ids"]
    return [*own, *params, *signatures.LIST_FUNCTIONS, *number_names(context, scope)]


def pattern_names(context: Context, scope: Scope) -> list[str]:
    """The names that may stand for a pattern at a place."""
    own = [name for name, kind in scope.own.items() if kind in ("pattern", None)]
    return [*own, *context.patterns, *signatures.PATTERN_WORDS]


def legal_names(context: Context, scope: Scope, kind: Kind) -> list[str]:
    """The names that may stand for a value of a kind at a place."""
    listing = {"number": number_names, "ids": ids_names, "pattern": pattern_names}[kind]
    return [name for name in listing(context, scope) if name != scope.declaring or name in scope.own]


def kind_of_name(context: Context, scope: Scope, name: str) -> Kind | None:
    """The kind a name has at a place; None when it is not known there, or its kind is not."""
    if name in scope.own:
        return scope.own[name]
    if name in context.params:
        return context.params[name].kind
    if name in context.patterns or name in signatures.PATTERN_WORDS:
        return "pattern"
    if name in signatures.COUNTS or name in scope.places or name in signatures.FUNCTIONS:
        return "number"
    if name in signatures.LIST_FUNCTIONS:
        return "ids"
    return "number" if scope.facts and name in signatures.FACTS else None


MAX_COMPARED = 40_000
"""How many times a known name is compared with an unknown one in one program; later ones get no proposal."""


def _suggestion(context: Context, scope: Scope, name: str, kind: Kind) -> str | None:
    """The legal name that was probably meant."""
    if context.compared >= MAX_COMPARED:
        return None
    names = legal_names(context, scope, kind)
    context.compared += len(names)
    return closest(name, names)


def is_unknown(context: Context, scope: Scope, name: str) -> bool:
    """Whether a name stands for nothing at all at a place."""
    known = name in scope.own or name in context.params or name in context.patterns or name in context.damaged
    return not known and name not in signatures.WORDS and not context.incomplete


NOUNS: dict[Kind, str] = {"number": "a number", "ids": "a list of ids", "pattern": "a pattern"}


def unknown_name(context: Context, scope: Scope, word: tree.Word, kind: Kind, called: bool = False) -> None:
    """Report a name that stands for nothing here; silent where it or its declaration is damaged.

    `called`: it stands before brackets, as a function or a pattern does.
    """
    name = word.text
    if name == tree.ABSENT or name in context.damaged:
        return
    if name in signatures.PLACES:
        title = scope.title or "this place"
        note = (
            f"a pattern gets it as an argument: declare a parameter, and use the pattern as name(..., {name})"
            if title == "a named pattern"
            else f"`{name}` has a value only in the patterns of a model"
        )
        context.diagnostics.append(
            Diagnostic(
                "PA206",
                f"`{name}` is not known in {title}",
                (scope.label(word.span, f"which {name.replace('_', ' ')} is not decided here"),),
                (note,),
            )
        )
        return
    if name in signatures.FACTS:
        context.diagnostics.append(
            Diagnostic(
                "PA206",
                f"`{name}` can only be asked for in an expectation",
                (scope.label(word.span, "not in an `expect`"),),
            )
        )
        return
    if context.incomplete:
        return
    suggestion = _suggestion(context, scope, name, kind)
    labels = [scope.label(word.span, "not declared")]
    fix = None
    if suggestion is not None:
        fix = scope.fix(f"did you mean `{suggestion}`?", word.span, suggestion)
        declared = context.params.get(suggestion) or context.patterns.get(suggestion)
        if declared is not None and suggestion not in scope.own:
            labels.append(declared.label)
    what = {"number": "number", "ids": "list or number", "pattern": "pattern"}[kind]
    if called and kind != "pattern":
        what = "function"
    context.diagnostics.append(Diagnostic("PA201", f"there is no {what} called `{name}`", tuple(labels), fix=fix))
