"""The page about the report names every number of it, and its claims about patterns are those of the analysis."""

import json
import re
from importlib.resources import files

import pytest

from patternc.cli.readings import PAPERS, READINGS
from patternc.compiler import analyse
from tests.docs.pages import DOCS, ROOT

PAGE = (DOCS / "analysis.md").read_text(encoding="utf-8")
SCHEMA = json.loads(files("patternc.analysis").joinpath("report.schema.json").read_text())
PLAIN = {"schema", "model", "tokens", "causal", "heads", "kv_heads", "params", "layers", "expectations", "warnings"}
"""What every reader knows, or what the page leaves to the reference of the language."""
INSIDE = {"plan", "expectations", "warnings", "proof"}
"""Named as a whole."""


def keys(schema):
    """The keys of all objects of a schema, where they are numbers or hold some."""
    for name, value in schema.get("properties", {}).items():
        yield name
        if name not in INSIDE:
            yield from keys(value)
    for part in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())):
        yield from keys(part)


def test_every_number_of_the_report_is_explained():
    named = set(re.findall(r"`(\w+)`", PAGE))
    told = {"method", "exact", "pattern", "head", "term", "connectivity", "decode", "measures"} | PLAIN
    assert set(keys(SCHEMA)) - told - named == set()


def measures(source, **options):
    return analyse(source, **options)[0].report_json()["measures"]


def test_what_it_says_about_examples():
    strided = measures("model m { causal tokens 16384 layers 2 { all: local(128) | stride(128) } }")
    assert strided["bottleneck"]["paths"] == 2
    longformer = measures(ROOT / "examples" / "longformer.attn")
    assert 0.75 < longformer["exposure"]["share"] < 0.85
    bigbird = measures(ROOT / "examples" / "bigbird.attn")
    assert (bigbird["exposure"]["lost"], bigbird["exposure"]["depth_without"]) == (0, 5)
    assert bigbird["bottleneck"]["paths"] == 4096
    sinks = measures("model m { causal tokens 4096 layers 4 { all: local(64) | keys(0..4) } }")
    assert sinks["exposure"]["lost"] == 0


@pytest.mark.parametrize("w", [17, 65])
def test_the_gap_of_a_window(w):
    n = 256
    gap = measures(f"model m {{ bidirectional tokens {n} layers 2 {{ all: local({w}) }} }}")["spectral_gap"]["gap"]
    assert gap == pytest.approx((w / n) ** 2 / 5, rel=0.25)


def test_what_explain_quotes_is_on_the_page():
    for name, paper in PAPERS.items():
        title, number = paper.rsplit(", ", 1)
        assert f"[{name}]" in PAGE
        assert number in PAGE
        assert title in PAGE.replace("\n  ", " ")
    assert {each.paper for each in READINGS} == {"", *PAPERS}
