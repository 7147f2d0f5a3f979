"""Declarations: everything a file and the files it uses declare, each name once.

For: loading `use "file"` and `use std.name`, finding names declared twice and words of the language redeclared. Not
for: what the declarations say (`check_*.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from patternc.diagnostics import Diagnostic, Fix, Label, PatternError
from patternc.grammar import signatures, tree
from patternc.grammar.parse import Parsed, parse
from patternc.grammar.reading import library_names, library_path, near_notes, read_library
from patternc.grammar.scope import closest
from patternc.source import Source

MAX_FILES = 64
"""How many files one program may use."""

Reader = Callable[[Path, str], Source]


@dataclass(slots=True)
class Declarations:
    """What a program declares; each declaration with the index of its file in `files`."""

    files: list[Parsed] = field(default_factory=list[Parsed])
    params: dict[str, tuple[int, tree.Param]] = field(default_factory=dict[str, tuple[int, tree.Param]])
    patterns: dict[str, tuple[int, tree.Pattern]] = field(default_factory=dict[str, tuple[int, tree.Pattern]])
    model: tree.Model | None = None
    other_models: list[tree.Model] = field(default_factory=list[tree.Model])
    expectations: list[tree.Expect] = field(default_factory=list[tree.Expect])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])
    damaged: frozenset[str] = frozenset()
    incomplete: bool = False
    """A file could not be used, so that any unknown name may have been declared there."""


def declare(parsed: Parsed, read: Reader) -> Declarations:
    """The declarations of a parsed file and, by `read`, of all files it uses."""
    declarations = Declarations()
    _file(declarations, parsed, read, (), {})
    declarations.damaged = frozenset(name for each in declarations.files for name in each.damaged)
    return declarations


def _file(
    declarations: Declarations,
    parsed: Parsed,
    read: Reader,
    path: tuple[tuple[Path, Label], ...],
    seen: dict[Path, int],
) -> None:
    """Add one file; `path` are the files whose `use` led here, with the place of that `use`."""
    index = len(declarations.files)
    declarations.files.append(parsed)
    if parsed.source.path is not None:
        seen[parsed.source.path.resolve()] = index
    for statement in parsed.tree.statements:
        match statement:
            case tree.Use():
                _use(declarations, parsed, statement, read, path, seen)
            case tree.Param(name):
                if _new(declarations, parsed.source, name):
                    declarations.params[name.text] = (index, statement)
            case tree.Pattern(name):
                if _new(declarations, parsed.source, name):
                    declarations.patterns[name.text] = (index, statement)
            case tree.Model():
                if index == 0:
                    _model(declarations, parsed.source, statement)
            case tree.Expect():
                if index == 0:
                    declarations.expectations.append(statement)


def _new(declarations: Declarations, source: Source, name: tree.Word) -> bool:
    """Whether a name can be declared; reports why not."""
    if name.text == tree.ABSENT:
        return False
    if name.text in signatures.WORDS:
        declarations.diagnostics.append(
            Diagnostic(
                "PA203",
                f"`{name.text}` is a word of the language and cannot be declared",
                (Label(source, name.span, "choose another name"),),
            )
        )
        return False
    first = declarations.params.get(name.text) or declarations.patterns.get(name.text)
    if first is None:
        return True
    index, statement = first
    declarations.diagnostics.append(
        Diagnostic(
            "PA202",
            f"`{name.text}` is declared twice",
            (
                Label(source, name.span, "declared again here"),
                Label(declarations.files[index].source, statement.name.span, "first declared here", primary=False),
            ),
        )
    )
    return False


def _model(declarations: Declarations, source: Source, model: tree.Model) -> None:
    if declarations.model is None:
        declarations.model = model
        return
    declarations.other_models.append(model)
    declarations.diagnostics.append(
        Diagnostic(
            "PA207",
            "a file has one model, but this is the second",
            (
                Label(source, model.name.span, "second model"),
                Label(source, declarations.model.name.span, "first model", primary=False),
            ),
            ("a file per model can share patterns and parameters by `use`",),
        )
    )


def _use(
    declarations: Declarations,
    parsed: Parsed,
    use: tree.Use,
    read: Reader,
    path: tuple[tuple[Path, Label], ...],
    seen: dict[Path, int],
) -> None:
    source = parsed.source
    label = Label(source, use.target.span, "used here")
    here = source.path
    if use.library:
        if not _in_library(declarations, source, use.target):
            declarations.incomplete = True
            return
        target, name = library_path(use.target.text), f"std.{use.target.text}"
    else:
        target = Path(use.target.text) if here is None else here.parent / use.target.text
        name = use.target.text if here is None else str(Path(source.name).parent / use.target.text)
    try:
        resolved = target.resolve()
    except (OSError, ValueError, RuntimeError):  # a null byte, a loop of links
        resolved = target
    before = path if here is None else (*path, (here.resolve(), label))
    for position, (earlier, _) in enumerate(before):
        if earlier == resolved:
            chain = [replace(each, text="which uses this one", primary=False) for _, each in before[position:-1]]
            declarations.diagnostics.append(
                Diagnostic("PA006", f"`{name}` uses itself", (replace(label, text="this closes the circle"), *chain))
            )
            return
    if resolved in seen:
        return
    if len(declarations.files) >= MAX_FILES:
        message = f"a program can use at most {MAX_FILES - 1} other files"
        declarations.diagnostics.append(Diagnostic("PA007", message, (replace(label, text="one too many"),)))
        return
    try:
        other = read_library(use.target.text) if use.library else read(target, name)
    except PatternError as error:
        users = {earlier for earlier, _ in before}  # none of them could be used here
        declarations.diagnostics += [
            replace(each, labels=(label,), notes=near_notes(target, users) if each.code == "PA001" else each.notes)
            for each in error.diagnostics
        ]
        seen[resolved] = -1
        declarations.incomplete = True
        return
    _file(declarations, parse(other), read, before, seen)


def _in_library(declarations: Declarations, source: Source, name: tree.Word) -> bool:
    """Whether the library has a file of this name; reports where it has not."""
    names = library_names()
    if name.text in names:
        return True
    if name.text != tree.ABSENT:
        near = closest(name.text, names)
        declarations.diagnostics.append(
            Diagnostic(
                "PA008",
                f"the library has no `std.{name.text}`",
                (Label(source, name.span, "not in the library"),),
                () if near else (f"it has {', '.join(f'`std.{each}`' for each in names)}",),
                Fix(f"did you mean `std.{near}`?", source, name.span, near) if near else None,
            )
        )
    return False
