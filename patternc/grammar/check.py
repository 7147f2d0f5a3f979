"""check: from a parsed file to a typed program, with every mistake that needs no numbers.

For: the order in which declarations are checked, cycles, the kinds of pattern parameters, and what is never used.
Not for: expressions (`check_values.py`, `check_patterns.py`) and models (`check_models.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from patternc.diagnostics import Diagnostic, Fix, Label, has_errors, ordered
from patternc.grammar import signatures, tree, typed
from patternc.grammar.check_models import check_expectation, check_model
from patternc.grammar.check_patterns import check_pattern
from patternc.grammar.check_values import check_ids, check_number
from patternc.grammar.declarations import Declarations, Reader, declare
from patternc.grammar.dependencies import in_order, names_in
from patternc.grammar.parse import Parsed
from patternc.grammar.reading import read_source
from patternc.grammar.scope import MAX_COMPARED, Context, Declared, Scope, Use
from patternc.grammar.sums import report_sums
from patternc.grammar.typed import Kind
from patternc.source import Source, Span


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked program with all diagnostics up to here, those of parsing included.

    With errors among them the program has holes: it serves to look for further mistakes, not to be compiled.
    """

    program: typed.Program
    diagnostics: tuple[Diagnostic, ...]
    other_models: tuple[typed.Model, ...] = ()
    """Models that should not be there: one file has one. They are looked at for further mistakes only."""


def check(parsed: Parsed, read: Reader = read_source) -> Checked:
    """Resolve all names of a parsed file and the files it uses (read by `read`), and check all kinds. Never raises."""
    declarations = declare(parsed, read)
    checked, needed = _check(parsed, declarations, {})
    if not needed:
        return checked
    # Lists that are needed as numbers are numbers to be chosen. No expression is read in another way for it that says
    # which parameters these are, so that a second look finds them all.
    return _check(parsed, declarations, _choices(declarations, needed))[0]


def _check(
    parsed: Parsed, declarations: Declarations, choices: Mapping[str, Label]
) -> tuple[Checked, Mapping[str, Label]]:
    """The program with `choices` as numbers to be chosen, and what is written as a list and needed as a number."""
    context = Context({}, {}, declarations.damaged, declarations.incomplete, list(declarations.diagnostics))
    for file in declarations.files:
        context.diagnostics += file.diagnostics
    cyclic = _cycles(context, declarations)
    context.params = _param_kinds(declarations, cyclic, choices)
    context.patterns, uses = _pattern_kinds(context, declarations, cyclic)
    params = tuple(_param(context, declarations, name, choices) for name in declarations.params if name not in cyclic)
    patterns = tuple(_pattern(context, declarations, name, uses[name]) for name in uses)
    _inside_circles(context, declarations, cyclic)
    model = None
    if declarations.model is not None:
        model = check_model(context, parsed, declarations.model)
    others = tuple(check_model(context, parsed, each) for each in declarations.other_models)
    expectations = [check_expectation(context, parsed.source, expect) for expect in declarations.expectations]
    program = typed.Program(
        tuple(file.source for file in declarations.files),
        params,
        patterns,
        model,
        tuple(each for each in expectations if each is not None),
        _layouts(context),
    )
    context.diagnostics += report_sums(program, others)
    if declarations.model is not None and not has_errors(context.diagnostics):
        _unused(context, declarations)
    return Checked(program, ordered(context.diagnostics), others), context.numbers


def _layouts(context: Context) -> tuple[typed.StoredLayout, ...]:
    """The layouts that were read, each content once."""
    by_digest = {each.digest: each for each in context.layouts.values() if isinstance(each, typed.StoredLayout)}
    return tuple(by_digest[digest] for digest in sorted(by_digest))


# -- cycles -----------------------------------------------------------------------------------------------------------

_COUNT_OF = {"tokens": "n", "layers": "layers", "heads": "heads", "kv_heads": "kv_heads"}


def _cycles(context: Context, declarations: Declarations) -> frozenset[str]:
    """Report parameters and patterns that need themselves; the names of all on a cycle."""
    graph: dict[str, list[str]] = {
        name: list(names_in(param.value)) for name, (_, param) in declarations.params.items()
    }
    labels = {
        name: Label(declarations.files[file].source, param.name.span)
        for name, (file, param) in declarations.params.items()
    }
    model = declarations.model
    for setting in model.settings if model else ():
        match setting:
            case tree.Setting(name, value) if name in _COUNT_OF:
                graph.setdefault(_COUNT_OF[name], list(names_in(value)))
                labels[_COUNT_OF[name]] = Label(declarations.files[0].source, value.span)
            case tree.Layers(count):
                graph.setdefault("layers", list(names_in(count)))
                labels["layers"] = Label(declarations.files[0].source, count.span)
            case _:
                pass
    cyclic: set[str] = set()
    for cycle in in_order(graph)[1]:
        cyclic.update(cycle)
        context.diagnostics.append(_cycle("PA204", "is defined by itself", cycle, labels))
    calls: dict[str, list[str]] = {}
    for name, (file, pattern) in declarations.patterns.items():
        own = {word.text for word in pattern.parameters}
        calls[name] = [each for each in names_in(pattern.body) if each not in own]
        labels[name] = Label(declarations.files[file].source, pattern.name.span)
    for cycle in in_order(calls)[1]:
        cyclic.update(cycle)
        context.diagnostics.append(_cycle("PA205", "uses itself", cycle, labels))
    return frozenset(cyclic)


def _cycle(code: str, verb: str, cycle: list[str], labels: Mapping[str, Label]) -> Diagnostic:
    start = cycle.index(min(cycle, key=lambda name: (labels[name].source.name, labels[name].span)))
    first, *others = cycle[start:] + cycle[:start]
    through = f", through {_listed(others)}" if others else ""
    return Diagnostic(
        code,
        f"`{first}` {verb}{through}",
        (
            replace(labels[first], text="goes round in a circle" if others else "needs itself"),
            *(
                Label(labels[name].source, labels[name].span, "part of the circle", primary=False)
                for name in others[:4]
            ),
        ),
    )


def _listed(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    if len(quoted) > 4:
        quoted = [*quoted[:3], f"{len(quoted) - 3} others"]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]


# -- kinds ------------------------------------------------------------------------------------------------------------


def _choices(declarations: Declarations, needed: Mapping[str, Label]) -> dict[str, Label]:
    """The parameters behind those needed as numbers: of another name for a list, the list."""
    choices: dict[str, Label] = {}
    for name, label in needed.items():
        behind = name
        while isinstance(value := declarations.params[behind][1].value, tree.Name):
            behind = value.text
        choices.setdefault(behind, label)
    return choices


def _param_kinds(
    declarations: Declarations, cyclic: frozenset[str], choices: Mapping[str, Label]
) -> dict[str, Declared]:
    """Every parameter with its kind: a list when it is written as one, or is another name of one, and no choice."""
    kinds: dict[str, Kind | None] = dict.fromkeys(cyclic, None)
    for start in declarations.params:
        path: list[str] = []
        name = start
        while name not in kinds:
            path.append(name)
            match declarations.params[name][1].value:
                case _ if name in choices:
                    kinds[name] = "number"
                case tree.Range() | tree.List():
                    kinds[name] = "ids"
                case tree.Call(tree.Word(function)) if function in signatures.LIST_FUNCTIONS:
                    kinds[name] = "ids"
                case tree.Missing():
                    kinds[name] = None
                case tree.Name(other) if other in declarations.params:
                    name = other
                case _:
                    kinds[name] = "number"
        kinds.update(dict.fromkeys(path, kinds[name]))
    return {
        name: Declared(param.name, declarations.files[file].source, file, kinds[name])
        for name, (file, param) in declarations.params.items()
    }


def _pattern_kinds(
    context: Context, declarations: Declarations, cyclic: frozenset[str]
) -> tuple[dict[str, Declared], dict[str, list[Use]]]:
    """Every pattern with the kinds of its parameters, and the uses they follow from (of those on no cycle)."""
    known: dict[str, Declared] = {}
    graph: dict[str, list[str]] = {}
    for name, (file, pattern) in declarations.patterns.items():
        unknown: tuple[tuple[tree.Word, Kind | None], ...] = tuple((word, None) for word in pattern.parameters)
        kind = None if name in cyclic else "pattern"
        known[name] = Declared(pattern.name, declarations.files[file].source, file, kind, unknown)
        if name not in cyclic:
            own_names = {word.text for word in pattern.parameters}
            graph[name] = [each for each in names_in(pattern.body) if each not in own_names]
    uses: dict[str, list[Use]] = {name: [] for name in graph}
    for name in in_order(graph)[0]:  # those it needs come first
        file, pattern = declarations.patterns[name]
        trial = Context(context.params, known, context.damaged, context.incomplete, compared=MAX_COMPARED)
        trial.layouts = context.layouts
        own: dict[str, Kind | None] = {word.text: None for word in pattern.parameters}
        check_pattern(trial, Scope(declarations.files[file].source, own), pattern.body)
        uses[name] = trial.uses
        parameters = tuple((word, _settled(word.text, trial.uses)) for word in pattern.parameters)
        known[name] = replace(known[name], parameters=parameters)
    return known, uses


def _settled(name: str, uses: list[Use]) -> Kind | None:
    """The kind that serves all uses of a parameter, or the first where none does; a number serves as ids, too."""
    wanted: list[Kind] = [use.wanted for use in uses if use.name == name]
    if not wanted:
        return None
    return "number" if set(wanted) == {"ids", "number"} else wanted[0]


# -- declarations -----------------------------------------------------------------------------------------------------


def _param(context: Context, declarations: Declarations, name: str, choices: Mapping[str, Label]) -> typed.Param:
    file, param = declarations.params[name]
    scope = Scope(declarations.files[file].source, title="a parameter", declaring=name)
    if name in choices:
        needed = choices[name]
        sources = [each.source for each in declarations.files]
        numbers = check_ids(context, scope, param.value)
        return typed.Param(
            name, typed.Choice(numbers, sources.index(needed.source), needed.span), file, param.name.span
        )
    kind = context.params[name].kind
    value = check_ids(context, scope, param.value) if kind == "ids" else check_number(context, scope, param.value)
    return typed.Param(name, value, file, param.name.span)


def _pattern(context: Context, declarations: Declarations, name: str, uses: list[Use]) -> typed.PatternDeclaration:
    file, pattern = declarations.patterns[name]
    parsed = declarations.files[file]
    source = parsed.source
    seen: dict[str, tree.Word] = {}
    for word in pattern.parameters:
        _own_parameter(context, source, word, seen)
    parameters = context.patterns[name].parameters
    own: dict[str, Kind | None] = {word.text: kind for word, kind in parameters}
    before = len(context.diagnostics)
    context.uses = uses
    body = check_pattern(context, Scope(source, own, title="a named pattern", declaring=name), pattern.body)
    context.uses = []
    if file == 0 and len(context.diagnostics) == before and not parsed.lost_in(pattern.span):
        used = set(names_in(pattern.body))
        context.diagnostics += [
            Diagnostic(
                "PA903",
                f"the parameter `{word.text}` of `{name}` is never used",
                (Label(source, word.span, "never used"),),
            )
            for word, _ in parameters
            if word.text not in used
        ]
    return typed.PatternDeclaration(
        name, tuple((word.text, kind) for word, kind in parameters), body, file, pattern.name.span
    )


def _inside_circles(context: Context, declarations: Declarations, cyclic: frozenset[str]) -> None:
    """Look for further mistakes in what is defined by itself."""
    for name, (file, param) in declarations.params.items():
        if name in cyclic:
            check_number(context, Scope(declarations.files[file].source, title="a parameter"), param.value)
    for name, (file, pattern) in declarations.patterns.items():
        if name in cyclic:
            own: dict[str, Kind | None] = {word.text: None for word in pattern.parameters}
            check_pattern(context, Scope(declarations.files[file].source, own, title="a named pattern"), pattern.body)


def _own_parameter(context: Context, source: Source, word: tree.Word, seen: dict[str, tree.Word]) -> None:
    if word.text in signatures.WORDS:
        context.diagnostics.append(
            Diagnostic(
                "PA203",
                f"`{word.text}` is a word of the language and cannot be declared",
                (Label(source, word.span, "choose another name"),),
            )
        )
    elif word.text in seen:
        context.diagnostics.append(
            Diagnostic(
                "PA202",
                f"`{word.text}` is declared twice",
                (
                    Label(source, word.span, "declared again here"),
                    Label(source, seen[word.text].span, "first declared here", primary=False),
                ),
            )
        )
    seen.setdefault(word.text, word)


def _unused(context: Context, declarations: Declarations) -> None:
    """Warn of parameters and patterns of the compiled file that nothing uses.

    Only without errors: a name that is misspelt where it is used is not unused.
    """
    tables: Iterable[tuple[str, str, Mapping[str, tuple[int, tree.Param | tree.Pattern]]]] = (
        ("PA901", "parameter", declarations.params),
        ("PA902", "pattern", declarations.patterns),
    )
    for code, noun, table in tables:
        for name, (file, statement) in table.items():
            if file == 0 and name not in context.used:
                label = Label(declarations.files[0].source, statement.name.span, "never used")
                deletion = _deletion(declarations.files[0].source, statement.span)
                fix = Fix("delete it", declarations.files[0].source, deletion, "")
                context.diagnostics.append(Diagnostic(code, f"the {noun} `{name}` is never used", (label,), fix=fix))


def _deletion(source: Source, span: Span) -> Span:
    """A statement, with its line where nothing else stands on it."""
    start = source.text.rfind("\n", 0, span.start) + 1
    stop = source.text.find("\n", span.stop)
    stop = len(source.text) if stop < 0 else stop + 1
    before, behind = source.text[start : span.start].strip(), source.text[span.stop : stop].strip()
    return span if before or (behind and not behind.startswith("#")) else Span(start, stop)
