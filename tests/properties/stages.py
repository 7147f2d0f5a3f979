"""One program through every stage of the compiler, each held against what the program means.

For: `test_programs.py`. The chain of trust: `meaning.py` reads the tree by the language's page; `holds`, the
definition, must agree with it pair by pair (on every pair of a short sequence, on rows of a longer one); the vectorised
`evaluate` must agree on every pair; everything after is compared with those masks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from patternc.algebra.evaluate import evaluate
from patternc.algebra.holds import holds
from patternc.algebra.normalise import normalise
from patternc.analysis.count import count
from patternc.analysis.overlay import overlaid
from patternc.analysis.reach import layer_relations, reach
from patternc.analysis.rows import empty_rows
from patternc.analysis.tiles import tile_map
from patternc.codegen.check_tables import check_tables
from patternc.codegen.lower import lower
from patternc.codegen.plan_json import plan_from_json, plan_to_json
from patternc.compiler import analyse
from patternc.diagnostics import has_errors
from patternc.grammar import tree as t
from patternc.grammar.parse import parse
from patternc.grammar.typed_json import typed_from_json, typed_to_json
from patternc.program import Program
from patternc.runtime import reference
from patternc.runtime.load import load
from patternc.runtime.remake import schedule_of
from patternc.source import Source
from tests.algebra.test_normalise import always, component_masks
from tests.analysis.schedules import grown, grown_by_counting
from tests.properties.asked import Truth
from tests.properties.meaning import masks
from tests.properties.stored import save_layouts
from tests.reconstruction import reconstructed
from tests.runtime.layers import assert_agrees, inputs
from tests.tiles.test_tile_map import rebuilt

PAIRS_BY_DEFINITION = 1 << 12
"""Up to so many pairs of a relation are held against the definition, all of them or whole rows."""
EXACT = 1e-11
ON_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """A compiled program, and what it means: `branches` [layer][head] of the bool [n, n] of each branch of a sum."""

    compiled: Program
    branches: list
    expected: list

    @cached_property
    def counts(self):
        """[layer][head] of how often each pair counts: int64 [n, n]."""
        return [[np.sum(head, axis=0, dtype=np.int64) for head in row] for row in self.branches]

    @cached_property
    def wanted(self):
        """[layer][head] of bool [n, n]."""
        return [[counts > 0 for counts in row] for row in self.counts]

    def weighed(self, layer):
        """The mask of each head of a layer, or how often its pairs count where any counts twice."""
        counts = np.stack(self.counts[layer])
        return counts if counts.max(initial=0) > 1 else counts > 0

    @cached_property
    def relations(self):
        """Every distinct relation, those of branches included, with its mask by definition."""
        schedule, found = self.compiled.schedule, {}
        for layer, row in enumerate(schedule.table):
            for head in range(len(row)):
                pattern = schedule.pattern(layer, head)
                found.setdefault(pattern.relation, self.wanted[layer][head])
                for relation, mask in zip(pattern.relations, self.branches[layer][head], strict=True):
                    found.setdefault(relation, mask)
        return found

    @property
    def n(self):
        return self.compiled.schedule.tokens


def case_of(written, directory) -> Case:
    """The front end: what is printed parses to the same tree, without a mistake, and is the same program again.

    Layouts are written to `directory`.
    """
    file, text = written.file, written.text
    save_layouts(text, directory)
    source = Source("program.attn", text, directory / "program.attn")
    parsed = parse(source)
    assert parsed.diagnostics == ()
    assert parsed.tree == file
    compiled, failures = analyse(source, target="cpu", dtype="float64")
    assert not has_errors(compiled.warnings)
    assert [each.code for each in failures] == [code for code in map(code_of, compiled.verdicts) if code]
    kept = typed_to_json(compiled.checked)
    assert typed_from_json(kept) == replace(
        compiled.checked, files=tuple(Source(each.name, each.text) for each in compiled.checked.files)
    )
    assert typed_to_json(typed_from_json(kept)) == kept
    return Case(compiled, masks(file), [each.condition for each in file.statements if isinstance(each, t.Expect)])


def code_of(verdict):
    """The mistake that what was expected is."""
    if verdict.undefined:
        return verdict.undefined[0].code
    return {True: None, False: "PA601", None: "PA606"}[verdict.holds]


def check_expectations(case):
    """Verdicts, where this length decides them."""
    schedule = case.compiled.schedule
    truth = Truth(case.counts, schedule.causal, schedule.kv_heads)
    for condition, verdict in zip(case.expected, case.compiled.verdicts, strict=True):
        if isinstance(condition, t.Comparison | t.Connected):
            assert verdict.holds is truth.holds(condition), verdict
            assert code_of(verdict) == {True: None, False: "PA601", None: "PA404"}[verdict.holds]
        assert verdict.detail


def vectorised(relation, n):
    every = np.arange(n)
    return evaluate(relation, every[:, None], every[None, :], n)


def check_relations(case):
    """Elaboration: each head's relation is what its pattern means, by the definition and vectorised."""
    schedule, n = case.compiled.schedule, case.n
    for layer, row in enumerate(case.wanted):
        for head, wanted in enumerate(row):
            pattern = schedule.pattern(layer, head)
            assert (vectorised(pattern.relation, n) == wanted).all(), (layer, head)
            for relation, mask in zip(pattern.relations, case.branches[layer][head], strict=True):
                assert (vectorised(relation, n) == mask).all(), (layer, head)
            assert (case.compiled.mask(layer, head) == wanted).all()
            assert (case.compiled.mask(layer, head, counts=True) == case.counts[layer][head]).all()
    for relation, wanted in case.relations.items():
        cost = n * n if "Random" in repr(relation) else n  # a pair of a drawn row costs the row's draw
        rows = np.unique(np.linspace(0, n - 1, max(2, PAIRS_BY_DEFINITION // cost)).astype(int))
        by_definition = [[holds(relation, int(i), j, n) for j in range(n)] for i in rows]
        assert (np.array(by_definition) == wanted[rows]).all()


def check_components(case):
    """Normal forms: components are disjoint, and their union is the relation, with and without strides of their own."""
    for relation, wanted in case.relations.items():
        for takes in (None, always):
            total = sum(each.astype(int) for each in component_masks(normalise(relation, case.n, takes), vectorised))
            assert total.max(initial=0) <= 1
            assert (total.astype(bool) == wanted).all()


def check_tiles(case, tile, own):
    for relation, wanted in case.relations.items():
        tiles = tile_map(relation, case.n, *tile, own=own)
        assert (rebuilt(tiles) == wanted).all()
        assert tiles.pairs == wanted.sum()
    for pattern in case.compiled.schedule.patterns:
        tiles = overlaid([tile_map(each, case.n, *tile, own=own) for each in pattern.relations])
        assert tiles.pairs == sum(int(case.relations[each].sum()) for each in pattern.relations)


def check_tables_of(case, target, shapes):
    """The launches of every role visit each pair once, for every layer and group of heads; plans survive JSON."""
    schedule = case.compiled.schedule
    dtype = "float64" if target == "cpu" else "float32"
    lowered = lower(schedule, target=target, dtype=dtype, head_dim=16, shapes=shapes)
    assert plan_from_json(plan_to_json(lowered.plan)) == lowered.plan
    for layer, plan in zip(
        range(schedule.layers), (lowered.plan.distinct[at] for at in lowered.plan.layers), strict=True
    ):
        assert sorted(head for group in plan.groups for head in group.heads) == list(range(schedule.heads))
        if layer != lowered.plan.layers.index(lowered.plan.layers[layer]):
            continue  # an equal layer has been looked at
        written = set()
        for group in plan.groups:
            kv_heads = {head // (schedule.heads // schedule.kv_heads) for head in group.heads}
            for pairs in reconstructed(group, lowered.tables, case.n, bool(kv_heads & written)):
                for head in group.heads:
                    assert (pairs == case.counts[layer][head]).all(), (layer, head)
            written |= kv_heads
            for launch in group.launches:
                first_or_last = launch in (group.forward[0], group.forward[-1], group.dq[0], group.dq[-1], group.dkv[0])
                check_tables(lowered.tables[launch.tables], launch.kernel, case.n, first_or_last)


def check_counts(case):
    schedule = case.compiled.schedule
    counts = count(schedule)
    for counted, pattern in zip(counts.patterns, schedule.patterns, strict=True):
        wanted = case.relations[pattern.relation]
        assert (counted.per_query == wanted.sum(axis=1)).all()
        assert (counted.per_key == wanted.sum(axis=0)).all()
        assert counted.branches == tuple(int(case.relations[each].sum()) for each in pattern.relations)
        (empty,) = np.nonzero(~wanted.any(axis=1))
        assert empty_rows(pattern.relation, case.n) == (empty[0] if empty.size else None)
    assert counts.layers == tuple(sum(int(each.sum()) for each in row) for row in case.counts)
    assert counts.distinct == tuple(sum(int(mask.sum()) for mask in row) for row in case.wanted)


def check_reach(case):
    """Layers composed by multiplication of matrices, the residual included."""
    schedule, n = case.compiled.schedule, case.n
    target = "past" if schedule.causal else "all"
    found = reach(layer_relations(schedule), n, target)
    lacking = np.tril(np.ones((n, n), dtype=bool)) if schedule.causal else np.ones((n, n), dtype=bool)
    reached, depth = np.eye(n, dtype=np.float32), None
    for layer, row in enumerate(case.wanted):
        step = np.logical_or.reduce([np.eye(n, dtype=bool), *row]).astype(np.float32)
        reached = (step @ reached > 0).astype(np.float32)
        missing = np.argwhere(lacking & (reached == 0))
        depth = layer + 1 if depth is None and not len(missing) else depth
        assert grown(found.growth[layer]) == grown_by_counting(reached.astype(np.int64))
    assert found.exact
    assert (found.complete, found.depth) == (depth is not None, depth)
    assert found.missing == (tuple(missing[0]) if len(missing) else None)


@dataclass(frozen=True)
class Attended:
    """One layer of a module beside the dense reference: what `assert_agrees` compares."""

    attention: torch.nn.Module
    layer: int
    mask: torch.Tensor

    def attend(self, q, k, v, sinks=None, **options):
        return self.attention(q, k, v, self.layer, sinks=sinks, return_lse=True, **options)

    def expect(self, q, k, v, sinks=None, scale=None, soft_cap=0.0):
        return reference.attention(q, k, v, self.mask, sinks, scale, soft_cap)


def check_attention(case, sinks):
    """Values, log-sum-exp and every gradient of each distinct layer on the CPU, against dense float64."""
    attention, schedule = case.compiled.module(), case.compiled.schedule
    leaves = inputs(case.n, schedule.heads, schedule.kv_heads, schedule.head_dim, sinks=sinks)
    for layer in {schedule.table[layer]: layer for layer in range(schedule.layers)}.values():
        mask = torch.from_numpy(case.weighed(layer))
        assert_agrees(Attended(attention, layer, mask), leaves, EXACT)


def check_module(case, directory):
    """What was saved and loaded gives the same bits, with the tables of the directory and with those made again."""
    case.compiled.save(directory)
    schedule = case.compiled.schedule
    rows = inputs(case.n, schedule.heads, schedule.kv_heads, schedule.head_dim)
    here = case.compiled.module()
    for there in (load(directory), load(directory, trust_code=True)):
        for layer in range(schedule.layers):
            right, got = (each(*rows, layer, return_lse=True) for each in (here, there))
            assert all(torch.equal(one, other) for one, other in zip(right, got, strict=True))
    assert schedule_of(there.program, case.n, schedule.head_dim).patterns == schedule.patterns
