"""Diagnostics for machines: JSON, SARIF, GitHub."""

import json
from pathlib import Path

import jsonschema
import pytest

from patternc.cli.formats import FORMATS, to_github, to_json, to_sarif
from patternc.diagnostics import Diagnostic, Fix, Label
from patternc.source import Source, Span
from tests.grammar.front import diagnosed

MISTAKES = sorted((Path(__file__).parents[1] / "mistakes").glob("*.attn"))
SOURCE = Source("my patterns/a,b:c.attn", "param a = 1 / 2\nparam \u00e9 = 1\n")

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
REGION = {
    "type": "object",
    "required": ["startLine", "startColumn", "endLine", "endColumn"],
    "additionalProperties": {"type": "integer", "minimum": 1},
}
ARTIFACT = {
    "type": "object",
    "required": ["uri"],
    "properties": {"uri": {"type": "string", "pattern": r"^[^\s<>\\]+$"}},
    "additionalProperties": False,
}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "message": TEXT,
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "properties": {"artifactLocation": ARTIFACT, "region": REGION},
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
FIX = {
    "type": "object",
    "required": ["artifactChanges", "description"],
    "properties": {
        "description": TEXT,
        "artifactChanges": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["artifactLocation", "replacements"],
                "properties": {
                    "artifactLocation": ARTIFACT,
                    "replacements": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["deletedRegion", "insertedContent"],
                            "properties": {
                                "deletedRegion": REGION,
                                "insertedContent": {
                                    "type": "object",
                                    "required": ["text"],
                                    "properties": {"text": {"type": "string"}},
                                },
                            },
                            "additionalProperties": False,
                        },
                    },
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "name": {"const": "patternc"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "properties": {
                                                "id": {"type": "string", "pattern": "^PA[0-9]{3}$"},
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "defaultConfiguration": {
                                                    "type": "object",
                                                    "properties": {"level": LEVEL},
                                                    "additionalProperties": False,
                                                },
                                            },
                                            "additionalProperties": False,
                                        },
                                    },
                                },
                                "additionalProperties": False,
                            }
                        },
                        "additionalProperties": False,
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "ruleIndex", "level", "message"],
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": LEVEL,
                                "message": TEXT,
                                "locations": {"type": "array", "items": LOCATION},
                                "relatedLocations": {"type": "array", "items": LOCATION},
                                "fixes": {"type": "array", "items": FIX},
                            },
                            "additionalProperties": False,
                        },
                    },
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
"""What SARIF 2.1.0 says of the part of it that is written here, property for property, and nothing beside it."""


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_every_mistake_in_every_format(path):
    diagnostics = diagnosed(Source(path.name, path.read_text(), path))
    data = json.loads(to_json(diagnostics))
    assert data["schema"] == "patternc.diagnostics/1"
    assert [each["code"] for each in data["diagnostics"]] == [each.code for each in diagnostics]
    sarif = json.loads(to_sarif(diagnostics))
    jsonschema.validate(sarif, SARIF)
    (run,) = sarif["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert len(run["results"]) == len(diagnostics)
    assert len(to_github(diagnostics).splitlines()) == len(diagnostics)


def test_json():
    start = SOURCE.text.index("/")
    diagnostic = Diagnostic(
        "PA308",
        "not whole",
        (Label(SOURCE, Span(start, start + 1), "here"), Label(SOURCE, Span(22, 23), "and here", False)),
        ("a note",),
        Fix("write `//`", SOURCE, Span(start, start + 1), "//"),
    )
    data = json.loads(to_json([diagnostic]))
    assert data["diagnostics"] == [
        {
            "code": "PA308",
            "severity": "error",
            "message": "not whole",
            "labels": [
                {
                    "file": SOURCE.name,
                    "start": {"offset": 12, "line": 1, "column": 13},
                    "end": {"offset": 13, "line": 1, "column": 14},
                    "text": "here",
                    "primary": True,
                },
                {
                    "file": SOURCE.name,
                    "start": {"offset": 22, "line": 2, "column": 7},
                    "end": {"offset": 23, "line": 2, "column": 8},
                    "text": "and here",
                    "primary": False,
                },
            ],
            "notes": ["a note"],
            "fix": {
                "file": SOURCE.name,
                "start": {"offset": 12, "line": 1, "column": 13},
                "end": {"offset": 13, "line": 1, "column": 14},
                "text": "write `//`",
                "replacement": "//",
            },
        }
    ]


def test_github():
    label = Label(SOURCE, Span(12, 13), "here")
    assert to_github([Diagnostic("PA308", "100% wrong", (label,), ("line one\nline two",))]) == (
        "::error file=my patterns/a%2Cb%3Ac.attn,line=1,endLine=1,col=13,endColumn=14,title=PA308"
        "::100%25 wrong%0Aline one%0Aline two\n"
    )
    assert to_github([Diagnostic("PA901", "unused")]) == "::warning title=PA901::unused\n"


def test_sarif_escapes_names():
    sarif = json.loads(to_sarif([Diagnostic("PA308", "wrong", (Label(SOURCE, Span(12, 13)),))]))
    location = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "my%20patterns/a%2Cb%3Ac.attn"


def test_nothing_to_say():
    assert json.loads(to_json([]))["diagnostics"] == []
    jsonschema.validate(json.loads(to_sarif([])), SARIF)
    assert to_github([]) == ""
    assert set(FORMATS) == {"json", "sarif", "github"}
