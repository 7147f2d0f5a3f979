"""elaborate: from a checked program to the schedule it says at one length.

For: the hand-over from the language to everything that works with relations, at the compiled length and, from the
program a module keeps, at any other. Needs neither lark nor numpy. Not for: what needs the pairs of a relation (empty
rows, expectations about pairs): that is analysis.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from patternc.algebra.assign import in_rounds, selected
from patternc.algebra.evaluation import Evaluation, Frame, Stop
from patternc.algebra.expectation import Expectation, elaborate_expectation
from patternc.algebra.positions import Domain
from patternc.algebra.primitives import Place
from patternc.algebra.schedule import Schedule
from patternc.algebra.table import Patterns, head_owners, row_of
from patternc.algebra.terms import ParamValue, constant, head_pattern
from patternc.algebra.values import MAX_TOKENS, count, number, param
from patternc.diagnostics import Diagnostic, Label, has_errors, ordered
from patternc.grammar import typed
from patternc.grammar.scope import closest
from patternc.source import Span


@dataclass(frozen=True, slots=True)
class Elaborated:
    """What a program says at one length. With an error among `diagnostics` there is no schedule."""

    schedule: Schedule | None
    parameters: tuple[tuple[str, ParamValue], ...]
    """Every `param` with its value, lists included, in the order declared; what `bind_parameters` takes."""
    expectations: tuple[Expectation, ...]
    diagnostics: tuple[Diagnostic, ...]
    places: tuple[Label, ...] = ()
    """Where each of the schedule's patterns was written (first, where several were)."""
    terms: tuple[tuple[Label, ...], ...] = ()
    """Where the terms of each of them were."""


def elaborate(
    program: typed.Program,
    tokens: int | None = None,
    params: Mapping[str, int | tuple[int, ...]] | None = None,
    head_dim: int | None = None,
    clip_ids: bool = False,
) -> Elaborated:
    """What `program` says for `tokens` positions (None: the model's own number), with `params` overriding its own.

    `head_dim` overrides the model's. `clip_ids`: ids beyond the length are left out instead of being errors, which is
    the rule for a length other than the compiled one; expectations and warnings are then left out, too. Never raises
    for a wrong program.
    """
    evaluation = Evaluation(program, params or {}, tokens, clip_ids)
    _check_overrides(evaluation)
    parameters = _parameters(evaluation)
    if program.model is None:
        label = Label(program.files[0], Span(0, 0), "no `model` in this file")
        missing = Diagnostic("PA208", "there is no model to compile", (label,))
        return Elaborated(None, parameters, (), ordered((*evaluation.diagnostics.values(), missing)))
    known = Patterns({}, [], [], [], {})
    schedule = _schedule(evaluation, program.model, head_dim, known)
    for place_of_term, warning in evaluation.idle.items():
        if place_of_term not in evaluation.useful:
            evaluation.report(warning)
    asked = () if clip_ids else program.expectations
    expectations = [elaborate_expectation(evaluation, each) for each in asked]
    diagnostics = ordered(evaluation.diagnostics.values())
    return Elaborated(
        None if has_errors(diagnostics) else schedule,
        parameters,
        tuple(each for each in expectations if each is not None),
        diagnostics,
        tuple(known.places),
        tuple(known.terms),
    )


def elaborate_parts(program: typed.Program) -> tuple[Diagnostic, ...]:
    """What is wrong with the parameters and patterns of a program without a model, whatever the length may be."""
    evaluation = Evaluation(program, {}, None, False)
    evaluation.length_known = False
    _parameters(evaluation)
    for pattern in program.patterns:
        frame = Frame(program.files[pattern.file])
        evaluation.begin(frame.label(pattern.span))
        with suppress(Stop):
            head_pattern(evaluation, frame, Place(MAX_TOKENS, True), pattern.body)
    evaluation.length_known = True
    if all(not line.strip() or line.lstrip().startswith("#") for line in program.files[0].text.splitlines()):
        label = Label(program.files[0], Span(0, 0), "neither a model nor a pattern or parameter")
        evaluation.report(Diagnostic("PA909", "the file declares nothing", (label,)))
    return ordered(evaluation.diagnostics.values())


def bind_parameters(program: typed.Program, values: Mapping[str, ParamValue]) -> typed.Program:
    """The program with its parameters fixed to `values` (`Elaborated.parameters`), whatever the length.

    Raises KeyError for a parameter without a value.
    """
    return replace(program, params=tuple(replace(each, value=constant(values[each.name])) for each in program.params))


def written_patterns(program: typed.Program, schedule: Schedule) -> tuple[tuple[typed.Pattern, ...], ...]:
    """[layer][head]: the pattern of each head in the checked program; `schedule` is what that was elaborated to."""
    model = program.model
    assert model is not None
    evaluation = Evaluation(program, dict(schedule.params), schedule.tokens, clip_ids=True)
    frame = Frame(program.files[model.file])
    entries = [each.pattern for each in _entries(model.layers)]
    rows: list[tuple[typed.Pattern, ...]] = []
    for layer, owner in enumerate(_owners(evaluation, frame, model.layers, schedule.layers)):
        assert owner is not None, "a program with a schedule has a pattern for every layer"
        entry = entries[owner]
        if isinstance(entry, typed.Heads):
            at_layer = replace(frame, layer=layer)
            owners = head_owners(evaluation, at_layer, entry, schedule.heads)
            rows.append(tuple(entry.entries[each].pattern for each in owners if each is not None))
        else:
            rows.append((entry,) * schedule.heads)
    return tuple(rows)


# -- parameters -------------------------------------------------------------------------------------------------------


def _check_overrides(evaluation: Evaluation) -> None:
    for name in evaluation.overrides:
        if name not in evaluation.declared:
            suggestion = closest(name, evaluation.declared)
            names = ", ".join(f"`{each}`" for each in evaluation.declared)
            hint = (
                f"did you mean `{suggestion}`?"
                if suggestion
                else f"the parameters are {names}"
                if names
                else "it has none"
            )
            evaluation.report(Diagnostic("PA411", f"the program has no parameter `{name}`", (), (hint,)))


def _parameters(evaluation: Evaluation) -> tuple[tuple[str, ParamValue], ...]:
    values: list[tuple[str, ParamValue]] = []
    for name, declared in evaluation.declared.items():
        evaluation.begin(Label(evaluation.program.files[declared.file], declared.span))
        try:
            value = param(evaluation, name)
        except Stop:
            continue
        if isinstance(value, tuple):
            values.append((name, tuple((run.start, run.stop, run.step) for run in value)))
        else:
            values.append((name, value))
    return tuple(values)


# -- the schedule -----------------------------------------------------------------------------------------------------


def _schedule(evaluation: Evaluation, model: typed.Model, head_dim: int | None, known: Patterns) -> Schedule | None:
    counts = [_maybe_count(evaluation, name) for name in ("tokens", "layers", "heads", "kv_heads")]
    dim = _head_dim(evaluation, model, head_dim)
    tokens, layers, heads, kv_heads = counts
    if heads and kv_heads:
        known.group = heads // kv_heads
    frame = Frame(evaluation.program.files[model.file])
    evaluation.length_known = tokens is not None
    place = Place(tokens or MAX_TOKENS, model.causal)
    entries = [each.pattern for each in _entries(model.layers)]
    owners = () if layers is None else _owners(evaluation, frame, model.layers, layers)
    table = [
        None
        if owner is None or heads is None
        else row_of(evaluation, frame, place, known, (owner, entries[owner]), layer, heads)
        for layer, owner in enumerate(owners)
    ]
    met = {(layer_entry, head_entry) for layer_entry, head_entry, *_ in known.evaluated}
    for position, entry in enumerate(entries):
        _look_for_mistakes(evaluation, frame, place, met, position, entry)
    evaluation.length_known = True
    rows = tuple(row for row in table if row is not None)
    if tokens is None or layers is None or heads is None or kv_heads is None or len(rows) < layers:
        return None
    params = ((name, evaluation.params[name]) for name in evaluation.declared)
    return Schedule(
        model.name,
        tokens,
        model.causal,
        layers,
        heads,
        kv_heads,
        dim,
        model.allow_empty,
        tuple((name, value) for name, value in params if isinstance(value, int)),
        tuple(known.patterns),
        rows,
    )


def _entries(layers: typed.Layers | typed.Repeat) -> Sequence[typed.LayerEntry | typed.Round]:
    return layers.entries if isinstance(layers, typed.Layers) else layers.rounds


def _owners(
    evaluation: Evaluation, frame: Frame, layers: typed.Layers | typed.Repeat, count: int
) -> Sequence[int | None]:
    """For each of `count` layers the entry it gets its pattern from; None where a mistake hides it."""
    word = Span(layers.span.start, layers.span.start + len("layers"))
    if isinstance(layers, typed.Layers):
        domain = Domain(count, "layer", f"a model of {count} layers")
        return selected(evaluation, frame, [entry.selector for entry in layers.entries], domain, word)
    try:
        if not layers.rounds:
            evaluation.stop("PA501", "there is nothing to repeat", frame.label(word, "no pattern for any layer"))
        return in_rounds(evaluation, frame, layers.rounds, count)
    except Stop:
        return [None] * count


def _look_for_mistakes(
    evaluation: Evaluation,
    frame: Frame,
    place: Place,
    met: Container[tuple[int, int]],
    position: int,
    entry: typed.Pattern | typed.Heads,
) -> None:
    """Evaluate the patterns that no layer or head got, those not in `met`, for the mistakes in them."""
    patterns = [each.pattern for each in entry.entries] if isinstance(entry, typed.Heads) else [entry]
    for head_position, pattern in enumerate(patterns):
        if (position, head_position) not in met:
            evaluation.begin(frame.label(pattern.span))
            with suppress(Stop):
                head_pattern(evaluation, frame, place, pattern)


def _maybe_count(evaluation: Evaluation, name: str) -> int | None:
    assert evaluation.program.model is not None
    model = evaluation.program.model
    evaluation.begin(Label(evaluation.program.files[model.file], model.span))
    try:
        return count(evaluation, name)
    except Stop:
        return None


def _head_dim(evaluation: Evaluation, model: typed.Model, given: int | None) -> int | None:
    if given is not None:
        if given < 1:
            evaluation.report(Diagnostic("PA507", f"`head_dim` must be at least 1: {given} was given"))
        return given
    if model.head_dim is None:
        return None
    frame = Frame(evaluation.program.files[model.file])
    try:
        value = number(evaluation, frame, None, model.head_dim)
    except Stop:
        return None
    if value < 1:
        label = frame.label(model.head_dim.span, f"is {value}")
        evaluation.report(Diagnostic("PA507", f"`head_dim` must be at least 1: it is {value}", (label,)))
    return value
