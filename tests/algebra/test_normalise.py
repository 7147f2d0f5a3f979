"""The normal form against the definition: every rule keeps the pairs, components are disjoint and complete."""

import numpy as np
import pytest
from hypothesis import given

from patternc.algebra import relation as r
from patternc.algebra import rules
from patternc.algebra.containment import contains
from patternc.algebra.normalise import RULES, normalise, simplify
from tests.lowering import list_everything
from tests.strategies import CASES_LENGTH, EVERY_CASE, causal_places, mask, places, strided_places

N = 40


def inside(relation, n):
    """The relation and everything inside it that sits at a place, with that place's length."""
    yield relation, n
    match relation:
        case r.Blocks(size, inner):
            yield from inside(inner, -(-n // size))
        case r.Within(size, inner):
            yield from inside(inner, size)
        case r.Slice(start, stop, inner) if start < stop:
            yield from inside(inner, stop - start)
        case r.Union(parts) | r.Intersection(parts):
            for part in parts:
                yield from inside(part, n)
        case r.Difference(left, right):
            yield from inside(left, n)
            yield from inside(right, n)


@given(places(max_tokens=36, depth=3) | causal_places(max_tokens=36, depth=3))
def test_every_rule_keeps_the_pairs(place):
    n, relation = place
    for part, length in inside(relation, n):
        for rule in RULES:
            changed = rule(part, length)
            if changed != part:
                assert (mask(changed, length) == mask(part, length)).all(), rule.__name__


@given(places(max_tokens=40, depth=3) | causal_places(max_tokens=40, depth=3))
def test_simplify_keeps_the_pairs(place):
    n, relation = place
    simple = simplify(relation, n)
    assert (mask(simple, n) == mask(relation, n)).all()
    assert simplify(simple, n) == simple


@given(places(max_tokens=60) | causal_places(max_tokens=60))
def test_contains_is_sound(place):
    n, relation = place
    parts = relation.parts if isinstance(relation, r.Union | r.Intersection) else (relation, r.PAST)
    for outer in parts:
        for inner in parts:
            if contains(outer, inner):
                assert not (mask(inner, n) & ~mask(outer, n)).any()


PAST, UNION = r.PAST, r.union
WINDOW = r.Band(0, 7)
SQUARE = (r.Queries(((8, 30),)), r.Keys(((8, 30),)))


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (rules.cut_band_to_length, r.Band(0, 39), PAST),
        (rules.cut_band_to_length, r.Band(-50, 3), r.Band(None, 3)),
        (rules.cut_band_to_length, r.Band(40, None), r.EMPTY),
        (rules.cut_band_to_length, r.Band(None, 80, 41), r.Band(0, 0)),
        (rules.cut_spans_to_length, r.Keys(((3, 5), (38, 45), (60, 70))), r.Keys(((3, 5), (38, 40)))),
        (rules.cut_spans_to_length, r.Queries(((0, 90),)), r.FULL),
        (rules.cut_spans_to_length, r.Keys(((40, 41),)), r.EMPTY),
        (
            rules.find_period,
            r.Keys(r.spans_of(range(3, 37, 2))),
            r.Intersection((r.Columns(2, (1,)), r.Keys(((2, 37),)))),
        ),
        (
            rules.find_period,
            r.Queries(r.spans_of(range(0, 40, 2))),
            r.Intersection((r.Rows(2, (0,)), r.Queries(((0, 40),)))),
        ),
        (rules.cut_period_to_length, r.Columns(2, (0, 1)), r.FULL),
        (rules.cut_period_to_length, r.Rows(64, (5, 6, 50)), r.Queries(((5, 7), (50, 51)))),
        (rules.cut_period_to_length, r.Residue(40, (3,)), r.Union((r.Band(3, 3), r.Band(-37, -37)))),
        (rules.cut_chunks_to_length, r.Chunk((10, 20, 10, 7)), r.Chunk((10, 20, 10))),
        (rules.cut_chunks_to_length, r.Chunk((50, 3)), r.FULL),
        (rules.cut_chunks_to_length, r.Chunk((1, 1)), r.Band(0, 0)),
        (rules.cut_chunks_to_length, r.Chunk((8, 8, 8)), r.Chunk((8,))),
        (rules.draw_nothing_or_all, r.Random(0, (1,), True), r.EMPTY),
        (rules.draw_nothing_or_all, r.Random(40, (1,), True, avoid=WINDOW), r.Difference(PAST, WINDOW)),
        (rules.unwrap_lift, r.Blocks(1, WINDOW), WINDOW),
        (rules.unwrap_lift, r.Blocks(64, r.Random(1, (1,), True)), r.FULL),
        (rules.unwrap_lift, r.Within(50, WINDOW), WINDOW),
        (rules.unwrap_lift, r.Within(1, r.Band(1, 3)), r.EMPTY),
        (rules.unwrap_lift, r.Slice(0, 40, WINDOW), WINDOW),
        (rules.unwrap_lift, r.Slice(5, 5, WINDOW), r.EMPTY),
        (
            rules.distribute_lift,
            r.Blocks(4, r.Union((r.Band(0, 2), r.Keys(((0, 1),))))),
            r.Union((r.Blocks(4, r.Band(0, 2)), r.Blocks(4, r.Keys(((0, 1),))))),
        ),
        (rules.lift_atom, r.Blocks(4, r.Keys(((0, 1),))), r.Keys(((0, 4),))),
        (rules.lift_atom, r.Blocks(4, r.Blocks(3, r.Band(0, 1))), r.Blocks(12, r.Band(0, 1))),
        (rules.lift_atom, r.Blocks(4, r.Chunk((2, 3))), r.Chunk((8, 12))),
        (rules.lift_atom, r.Blocks(4, r.Band(0, 0)), r.Chunk((4,))),
        (rules.lift_atom, r.Slice(8, 30, WINDOW), r.Intersection((WINDOW, *SQUARE))),
        (rules.lift_atom, r.Slice(8, 30, r.Columns(5, (1,))), r.Intersection((r.Columns(5, (4,)), *SQUARE))),
        (rules.lift_atom, r.Slice(8, 30, r.Chunk((6,))), r.Intersection((r.Chunk((8, 6)), *SQUARE))),
        (
            rules.distribute_intersection,
            r.Intersection((PAST, r.Union((r.Columns(8, (7,)), r.Keys(((0, 2),)))))),
            r.Union((r.Intersection((PAST, r.Columns(8, (7,)))), r.Intersection((PAST, r.Keys(((0, 2),)))))),
        ),
        (
            rules.distribute_intersection,
            r.Intersection((PAST, r.Difference(r.Band(-9, 9), r.Residue(3, (0,))))),
            r.Difference(r.Band(0, 9), r.Residue(3, (0,))),
        ),
        (
            rules.distribute_difference,
            r.Difference(r.Union((r.Keys(((0, 2),)), PAST)), r.Residue(3, (0,))),
            r.Union((r.Difference(r.Keys(((0, 2),)), r.Residue(3, (0,))), r.Difference(PAST, r.Residue(3, (0,))))),
        ),
        (
            rules.subtract_bands,
            r.Difference(r.Intersection((PAST, r.Columns(8, (7,)))), WINDOW),
            r.Intersection((r.Band(8, None), r.Columns(8, (7,)))),
        ),
        (rules.subtract_bands, r.Difference(r.Band(-20, 20), r.Band(-3, 3)), r.Union((r.Band(-20, -4), r.Band(4, 20)))),
        (
            rules.subtract_once,
            r.Difference(r.Band(8, None), r.Intersection((PAST, r.Keys(((0, 2),))))),
            r.Difference(r.Band(8, None), r.Keys(((0, 2),))),
        ),
        (
            rules.subtract_once,
            r.Difference(r.Band(8, None), r.Intersection((WINDOW, r.Columns(2, (0,))))),
            r.Band(8, None),
        ),
        (rules.intersect_spans, r.Intersection((r.Keys(((0, 9),)), r.Keys(((5, 20),)))), r.Keys(((5, 9),))),
        (rules.merge_terms, UNION(r.Keys(((0, 9),)), PAST, r.Keys(((5, 20),))), UNION(r.Keys(((0, 20),)), PAST)),
        (rules.merge_terms, UNION(WINDOW, r.Band(8, 9), r.Columns(3, (0,))), UNION(r.Band(0, 9), r.Columns(3, (0,)))),
        (rules.merge_terms, r.Union((r.Intersection((PAST, r.Columns(3, (0,)))), PAST)), PAST),
    ],
)  # fmt: skip
def test_rules_do_what_they_say(rule, before, after):
    assert rule(before, N) == after
    assert (mask(before, N) == mask(after, N)).all()


def test_every_rule_has_an_example():
    (marks,) = [mark for mark in test_rules_do_what_they_say.pytestmark if mark.name == "parametrize"]
    assert {case[0] for case in marks.args[1]} == set(RULES)


def component_masks(normal, of=mask):
    """The pairs of each component, `of` a relation and a length."""
    n = normal.n
    yield of(normal.tiled, n)
    for listed, axis in ((normal.queried, 0), (normal.keyed, 1)):
        if listed is not None:
            assert (np.diff(listed.positions) > 0).all()
            chosen = np.zeros((n, n), dtype=bool)
            np.moveaxis(chosen, axis, 0)[listed.positions] = True
            yield chosen & of(listed.relation, n)
    if normal.drawn is not None:
        yield of(normal.drawn.source, n) & of(normal.drawn.relation, n)
    every = np.arange(n)
    for part in normal.strided:
        yield ((every[:, None] - every) % part.step == 0) & of(part.relation, n)


def always(candidate):
    return True


def check(relation, n, takes=None):
    normal = normalise(relation, n, takes)
    assert takes is not None or not normal.strided
    assert len({part.step for part in normal.strided}) == len(normal.strided)
    total = sum(component.astype(int) for component in component_masks(normal))
    assert total.max(initial=0) <= 1
    assert (total.astype(bool) == mask(relation, n)).all()
    return normal


@given(places(max_tokens=60) | causal_places(max_tokens=60) | strided_places(max_tokens=60))
def test_components_are_disjoint_and_complete(place):
    n, relation = place
    check(relation, n)
    check(relation, n, always)


@given(places(max_tokens=60) | causal_places(max_tokens=60) | strided_places(max_tokens=60))
def test_components_with_everything_listed(place):
    n, relation = place
    with pytest.MonkeyPatch.context() as patch:
        list_everything(patch)
        check(relation, n)
        check(relation, n, always)


STRIDE = r.Residue(7, (0,))


@pytest.mark.parametrize(
    ("relation", "tiled", "strided"),
    [
        (STRIDE, r.EMPTY, [(7, r.FULL)]),
        (r.Intersection((r.PAST, STRIDE)), r.EMPTY, [(7, r.PAST)]),
        (r.Band(-12, 12, 4), r.EMPTY, [(4, r.Band(-12, 12))]),
        (r.Union((r.Band(0, 6), r.Band(0, None, 7))), r.Band(0, 6), [(7, r.Band(7, None))]),
        (r.Union((r.Band(0, None, 7), r.Band(0, 21, 3))), r.EMPTY, [(7, r.PAST), (3, None)]),
        (r.Union((r.Band(0, None, 7), r.Band(0, 21, 14))), r.EMPTY, [(7, r.PAST)]),
        (r.Union((r.Chunk((7,)), STRIDE)), r.Chunk((7,)), [(7, r.Union((r.Band(None, -1), r.Band(1, None))))]),
        (r.Difference(STRIDE, r.Random(2, (1,), causal=True)), None, []),
        (r.Residue(7, (3,)), None, []),
        (r.Residue(6, (0, 2)), r.EMPTY, [(2, r.Residue(6, (0, 2)))]),
        (r.Within(8, r.Band(0, 0)), r.EMPTY, [(8, r.FULL)]),
        (r.Intersection((r.Rows(5, (1,)), r.Columns(5, (1,)))), r.EMPTY, [(5, None)]),
        (r.Intersection((r.Rows(12, (1, 7)), r.Columns(6, (1,)))), r.EMPTY, [(6, None)]),
        (r.Intersection((r.Rows(16, (1,)), r.Columns(16, (1,)))), r.EMPTY, [(16, None)]),
        (r.Intersection((r.Rows(16, (1,)), r.Columns(16, (2,)))), None, []),
        (r.Slice(4, 30, STRIDE), r.EMPTY, [(7, r.Intersection((r.Queries(((4, 30),)), r.Keys(((4, 30),)))))]),
    ],
)  # fmt: skip
def test_strides_become_components(relation, tiled, strided):
    normal = check(relation, N, always)
    assert tiled is None or normal.tiled == tiled
    assert [part.step for part in normal.strided] == [step for step, _ in strided]
    for part, (_, expected) in zip(normal.strided, strided, strict=True):
        assert expected is None or part.relation == expected


def test_the_caller_chooses_the_steps():
    relation = r.Union((r.Band(0, None, 7), r.Band(0, 21, 3)))
    normal = check(relation, N, lambda candidate: candidate.strided.step == 3)
    assert [part.step for part in normal.strided] == [3]
    assert normal.tiled == r.Band(0, None, 7)


@pytest.mark.parametrize("relation", EVERY_CASE)
def test_every_case(relation, monkeypatch):
    n = CASES_LENGTH
    assert (mask(simplify(relation, n), n) == mask(relation, n)).all()
    for case in (relation, r.intersection(r.PAST, relation), r.union(r.Band(0, 3), relation)):
        check(case, n)
        check(case, n, always)
        check(r.union(r.intersection(case, r.Residue(4, (0,))), r.Band(-1, 1)), n, always)
    list_everything(monkeypatch)
    for case in (relation, r.intersection(r.PAST, relation), r.union(r.Band(0, 3), relation)):
        check(case, n)
