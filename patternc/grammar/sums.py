"""Sums: where `+` may stand, names expanded: at the top of what a head attends, never inside a lift or an operator.

For: `check.py`, which reports what this finds, and `verify.py`, which refuses programs that have it. Not for: what a
sum means (`patternc.algebra.terms`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from patternc.diagnostics import Diagnostic, Fix, Label
from patternc.grammar import typed
from patternc.grammar.dependencies import in_order
from patternc.source import Span

_WORDS: dict[type, str] = {typed.Union: "|", typed.Intersection: "&", typed.Difference: "-"}
_NOTES = {
    "blocks": "lift each branch: `blocks(b, A) + blocks(b, B)`",
    "within": "lift each branch: `within(w, A) + within(w, B)`",
    "slice": "lift each branch: `slice(a..b, A) + slice(a..b, B)`",
    "|": "`|` binds tighter: `A | C + B` is (A | C) + B; keys that should count once are joined by `|` alone",
    "&": "cut each branch: `A & C + B & C`",
    "-": "take it from each branch: `A - C + B - C`; what is taken away is a set, joined by `|`",
    "avoid": "what is avoided is a set: join its parts by `|`",
}


@dataclass(frozen=True, slots=True)
class _Holder:
    """What takes a set of pairs and no sum, and where it is written."""

    word: str
    file: int
    span: Span


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands: in which file, in what, and inside which outermost lift if it stands in lifts alone."""

    file: int
    holder: _Holder | None = None
    lifts: Span | None = None

    def inside(self, word: str, span: Span) -> _Place:
        """The place of an operand of what stands here."""
        outermost = span if self.holder is None else self.lifts
        lifts = outermost if word in ("blocks", "within", "slice") else None
        return _Place(self.file, _Holder(word, self.file, span), lifts)


@dataclass(frozen=True, slots=True)
class MisplacedSum:
    """A sum with its `parts`, or a name that stands for one written at `origin`, inside something that takes a set."""

    span: Span
    place: _Place
    parts: tuple[Span, ...] = ()
    origin: tuple[int, Span] | None = None

    @property
    def word(self) -> str:
        """What it stands in."""
        assert self.place.holder is not None
        return self.place.holder.word


@dataclass(slots=True)
class _Facts:
    """Of a named pattern: where it is a sum, which parameters stand at its top, and what holds its others."""

    sum: tuple[int, Span] | None = None
    top: set[str] = field(default_factory=set[str])
    held: dict[str, _Holder] = field(default_factory=dict[str, _Holder])


def misplaced_sums(program: typed.Program, others: Sequence[typed.Model] = ()) -> Iterator[MisplacedSum]:
    """The sums that stand where a set is needed, in the patterns and the model of a program, and in `others`.

    No pattern of the program may need itself.
    """
    declared = {each.name: each for each in program.patterns}
    calls = {name: [call.name for call in _calls(each.body)] for name, each in declared.items()}
    facts: dict[str, _Facts] = {}
    for name in in_order(calls)[0]:  # those it needs come first
        found = facts[name] = _Facts()
        yield from _look(declared, facts, found, declared[name].body, _Place(declared[name].file))
    for model in (*((program.model,) if program.model else ()), *others):
        for pattern in _assigned(model):
            yield from _look(declared, facts, _Facts(), pattern, _Place(model.file))


def _assigned(model: typed.Model) -> Iterator[typed.Pattern]:
    """The patterns that layers and heads get."""
    layers = model.layers
    for entry in layers.entries if isinstance(layers, typed.Layers) else layers.rounds:
        if isinstance(entry.pattern, typed.Heads):
            yield from (head.pattern for head in entry.pattern.entries)
        else:
            yield entry.pattern


def _operands(pattern: typed.Pattern, place: _Place) -> Sequence[tuple[typed.Pattern, _Place]]:
    """The patterns written inside one, each with its place; arguments of named patterns left out."""
    match pattern:
        case typed.Sum(parts):
            return [(part, place) for part in parts]
        case typed.Union(parts, span) | typed.Intersection(parts, span) | typed.Difference(parts, span):
            inside = place.inside(_WORDS[type(pattern)], span)
            return [(part, inside) for part in parts]
        case typed.Lift(by, _, inner, span):
            return [(inner, place.inside(by, span))]
        case typed.Slice(_, inner, span):
            return [(inner, place.inside("slice", span))]
        case typed.Random(avoid=avoid, span=span) if avoid is not None:
            return [(avoid, place.inside("avoid", span))]
        case _:
            return []


def _calls(pattern: typed.Pattern) -> Iterator[typed.NamedPattern]:
    """The named patterns that one uses, also in arguments."""
    waiting: list[object] = [pattern]
    while waiting:
        node = waiting.pop()
        if isinstance(node, typed.NamedPattern):
            yield node
            waiting += node.arguments
        elif isinstance(node, typed.Pattern):
            waiting += [operand for operand, _ in _operands(node, _Place(0))]


def _look(
    declared: Mapping[str, typed.PatternDeclaration],
    facts: Mapping[str, _Facts],
    found: _Facts,
    root: typed.Pattern,
    place: _Place,
) -> Iterator[MisplacedSum]:
    """The misplaced sums of one expression; what it says about the pattern whose body it is goes to `found`."""
    waiting: list[tuple[typed.Pattern, _Place]] = [(root, place)]
    while waiting:
        node, place = waiting.pop()
        waiting += _operands(node, place)
        match node:
            case typed.Sum(parts, span):
                if place.holder is None:
                    found.sum = found.sum or (place.file, span)
                else:
                    yield MisplacedSum(span, place, tuple(part.span for part in parts))
            case typed.PatternArgument(name):
                if place.holder is None:
                    found.top.add(name)
                else:
                    found.held.setdefault(name, place.holder)
            case typed.NamedPattern(name, arguments, span):
                called = facts[name]
                if place.holder is None:
                    found.sum = found.sum or called.sum
                elif called.sum is not None:
                    yield MisplacedSum(span, place, origin=called.sum)
                for (parameter, _), argument in zip(declared[name].parameters, arguments, strict=True):
                    if isinstance(argument, typed.Pattern) and parameter in called.held:
                        waiting.append((argument, _Place(place.file, called.held[parameter])))
                    elif isinstance(argument, typed.Pattern) and parameter in called.top:
                        waiting.append((argument, place))
            case _:
                pass


def report_sums(program: typed.Program, others: Sequence[typed.Model]) -> Iterator[Diagnostic]:
    """A diagnostic for each sum that stands where a set is needed."""
    for one in misplaced_sums(program, others):
        source, holder = program.files[one.place.file], one.place.holder
        assert holder is not None
        labels = [Label(source, one.span, f"a sum, and `{one.word}` takes a set of keys")]
        if one.origin is not None:
            file, span = one.origin
            labels.append(Label(program.files[file], span, "the sum is written here", primary=False))
        elif holder.file != one.place.file or not holder.span.start <= one.span.start < holder.span.stop:
            labels.append(Label(program.files[holder.file], holder.span, "and is used in here", primary=False))
        fix = None
        if one.place.lifts is not None and one.parts:
            outer, text = one.place.lifts, source.text
            before, after = text[outer.start : one.span.start], text[one.span.stop : outer.stop]
            branches = " + ".join(f"{before}{text[part.start : part.stop]}{after}" for part in one.parts)
            fix = Fix("add up what was lifted", source, outer, branches)
        message = f"a sum of patterns cannot stand inside `{one.word}`: it counts keys, where a set of them is needed"
        yield Diagnostic("PA311", message, tuple(labels), (_NOTES[one.word],), fix)
