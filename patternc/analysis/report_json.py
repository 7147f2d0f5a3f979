"""The report as JSON: schema `patternc.report/1`, described by `report.schema.json` beside this file.

For: `analyse --json`, report.json of a compiled module, and whatever is made from them. Not for: text for people. Keys
are always present; what is not known is null, and the `method` beside it says why. Numbers are exact integers, or
floats rounded from exact fractions.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from patternc.algebra.relation import Spans
from patternc.analysis.expectations import Verdict
from patternc.analysis.expression import Formula, write
from patternc.analysis.graph import Quotient
from patternc.analysis.growth import Growth
from patternc.analysis.order import theta, with_constant
from patternc.analysis.proof import NoProof, Proof, Statement
from patternc.analysis.quality_json import balance_json, quality_json
from patternc.analysis.reach import Pair, Prospect
from patternc.analysis.report import COUNT_METHOD, MEASURE_METHOD, Connectivity, HeadReport, LayerReport, Report
from patternc.analysis.tile_counts import Tiles
from patternc.analysis.witness import Witness

SCHEMA = "patternc.report/1"

Json = dict[str, Any]


def to_json(report: Report) -> Json:
    """The report as plain values, in a fixed order of keys."""
    return {
        "schema": SCHEMA,
        "model": report.model,
        "tokens": report.tokens,
        "causal": report.causal,
        "heads": report.heads,
        "kv_heads": report.kv_heads,
        "params": dict(report.params),
        "layers": [_layer(layer) for layer in report.layers],
        "pairs": {
            "total": report.pairs,
            "distinct": report.distinct,
            "density": float(report.density),
            **_formula(report.formula),
            "order": None if report.leading is None else theta(report.leading),
            "leading": None if report.leading is None else with_constant(report.leading),
            "method": COUNT_METHOD,
            "exact": True,
        },
        "connectivity": _connectivity(report.connectivity, report.tokens),
        "decode": {
            "cache_keys": None if report.cache is None else report.cache.most,
            "cache_total": None if report.cache is None else report.cache.total,
            "crop_stable": report.cropped.stable,
            "crop_method": report.cropped.method,
            "method": report.cache_method,
            "exact": report.cache is not None,
        },
        "measures": {
            "average_depth": _number(report.connectivity.average_depth),
            "hubs": {
                "layer": report.hubs.layer,
                "head": report.hubs.head,
                "key": report.hubs.key,
                "pairs": report.hubs.pairs,
                "mean": float(report.hubs.mean),
                "everywhere": _spans(report.hubs.keys),
            },
            **quality_json(report.quality),
            "graph": {
                "alike": [list(layers) for layers in report.structure.alike],
                "follows": [list(edge) for edge in report.structure.follows],
                "repeats": report.structure.repeats,
                "quotient": _quotient(report.structure.quotient),
            },
            "method": MEASURE_METHOD,
            "exact": report.connectivity.reach.exact,
        },
        "expectations": [_verdict(verdict) for verdict in report.expectations],
        "warnings": [
            {"code": warning.code, "message": warning.message, "notes": list(warning.notes)}
            for warning in report.warnings
        ],
        "advice": [
            {
                "kind": each.kind,
                "text": each.text,
                "line": None if each.label is None else each.label.source.position(each.label.span.start)[0],
                "change": None if each.change is None else {each.change[0]: each.change[1]},
            }
            for each in report.advice
        ],
    }


def _quotient(quotient: Quotient | None) -> Json | None:
    if quotient is None:
        return None
    return {"blocks": quotient.blocks, "block": quotient.block, "least_depth": quotient.least_depth}


def _layer(layer: LayerReport) -> Json:
    return {
        "layer": layer.layer,
        "pairs": layer.pairs,
        "distinct": layer.distinct,
        "density": float(layer.density),
        "heads": [_heads(heads) for heads in layer.heads],
    }


def _heads(heads: HeadReport) -> Json:
    return {
        "heads": list(heads.heads),
        "pattern": heads.pattern,
        "pairs": heads.pairs,
        "distinct": heads.distinct,
        "density": float(heads.density),
        **_formula(heads.formula),
        "tiles": {**_tiles(heads.tiles), **_formula(heads.tile_form)},
        "balance": balance_json(heads.balance),
    }


def _formula(formula: Formula | None) -> Json:
    """The formula as text; its conditions and how many exact counts it was held against beside it."""
    if formula is None:
        return {"formula": None, "formula_where": [], "formula_valid": [], "formula_checks": 0}
    written = write(formula)
    return {
        "formula": written.text,
        "formula_where": list(written.where),
        "formula_valid": list(written.valid),
        "formula_checks": formula.checks,
    }


def _tiles(tiles: Tiles) -> Json:
    return {
        "size": [tiles.rows, tiles.columns],
        "full": tiles.full,
        "partial": tiles.partial,
        "gathered": tiles.gathered,
        "computed_over_useful": _number(tiles.computed_over_useful),
    }


def _connectivity(found: Connectivity, tokens: int) -> Json:
    reach = found.reach
    return {
        "complete": reach.complete,
        "depth": reach.depth,
        **_proof(found.proof),
        "missing": None if reach.missing is None else {**_pair(reach.missing), "reason": _prospect(found.prospect)},
        "witness": _witness(found),
        "method": reach.method,
        "exact": reach.exact,
        "growth": [_growth(growth, tokens) for growth in reach.growth],
    }


def _proof(proof: Proof | NoProof | None) -> Json:
    if not isinstance(proof, Proof):
        reason = None if proof is None else proof.reason
        return {"for_all_n": None, "condition": None, "proof": None, "no_proof": reason}
    statements = [proof.here] if proof.general is None else [proof.here, proof.general]
    return {
        "for_all_n": proof.here.depth is not None,
        "condition": proof.here.incomplete,
        "proof": {"undrawn": proof.undrawn, "statements": [_statement(each) for each in statements]},
        "no_proof": None,
    }


def _statement(statement: Statement) -> Json:
    missing = [{"query": each.query, "key": each.key, "where": each.where} for each in statement.missing]
    return {
        "symbols": list(statement.symbols),
        "distance": statement.distance,
        "assumes": statement.assumes,
        "depth": statement.depth,
        "incomplete": statement.incomplete,
        "missing": missing,
        "never": statement.never,
    }


def _pair(pair: Pair) -> Json:
    return {"query": pair[0], "key": pair[1]}


def _prospect(prospect: Prospect | None) -> Json | None:
    if prospect is None:
        return None
    return {"never": prospect.never, "would_take": prospect.depth, "closed": _spans(prospect.closed)}


def _growth(growth: Growth, tokens: int) -> Json:
    return {
        "layer": growth.layer,
        "min": growth.least,
        "p10": growth.low,
        "p50": growth.median,
        "p90": growth.high,
        "mean": growth.total / tokens,
        "max": growth.most,
    }


def _witness(found: Connectivity) -> Json | None:
    if found.pair is None:
        return None
    path: Witness | None = found.path
    hops = (
        None
        if path is None
        else [
            {"layer": hop.layer, "query": hop.query, "key": hop.key, "head": hop.head, "term": hop.term}
            for hop in path.hops
        ]
    )
    return {**_pair(found.pair), "hops": hops, "method": found.path_method}


def _verdict(verdict: Verdict) -> Json:
    place = verdict.place
    return {
        "text": verdict.text,
        "holds": verdict.holds,
        "detail": verdict.detail,
        "place": None
        if place is None
        else {
            "first": place.first,
            "layer": place.layer,
            "head": place.head,
            "kv_head": place.kv_head,
            "query": place.query,
            "key": place.key,
            "tokens": place.tokens,
        },
    }


def _spans(spans: Spans) -> list[list[int]]:
    return [[start, stop] for start, stop in spans]


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
