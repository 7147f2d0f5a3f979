"""Diagnostics in the formats made for machines: JSON, SARIF 2.1.0, and GitHub's workflow commands.

For: `--format json|sarif|github`. Each is a pure function from diagnostics to text that ends with a line end. Not for:
people (`patternc.diagnostics.render`). Lines and columns count from 1, columns in characters; ends are exclusive.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from urllib.parse import quote

from patternc.catalogue import CATALOGUE
from patternc.diagnostics import Diagnostic, Fix, Label
from patternc.source import Source, Span

SCHEMA = "patternc.diagnostics/1"

_SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def to_json(diagnostics: Sequence[Diagnostic]) -> str:
    """An object with `schema` and `diagnostics`; offsets count characters from the beginning of the file."""
    return _dumped({"schema": SCHEMA, "diagnostics": [_diagnostic(each) for each in diagnostics]})


def _dumped(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"


def _diagnostic(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "labels": [
            {**_place(label.source, label.span), "text": label.text, "primary": label.primary}
            for label in diagnostic.labels
        ],
        "notes": list(diagnostic.notes),
        "fix": None if diagnostic.fix is None else _fix(diagnostic.fix),
    }


def _fix(fix: Fix) -> dict[str, object]:
    return {**_place(fix.source, fix.span), "text": fix.text, "replacement": fix.replacement}


def _place(source: Source, span: Span) -> dict[str, object]:
    return {"file": source.name, "start": _point(source, span.start), "end": _point(source, span.stop)}


def _point(source: Source, offset: int) -> dict[str, int]:
    line, column = source.position(offset)
    return {"offset": offset, "line": line, "column": column}


# -- SARIF ------------------------------------------------------------------------------------------------------------


def to_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """One run with a rule for each code that occurs, its results with related places and fixes."""
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    run: dict[str, object] = {
        "tool": {"driver": {"name": "patternc", "rules": [_rule(code) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, codes) for diagnostic in diagnostics],
    }
    return _dumped({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(code: str) -> dict[str, object]:
    entry = CATALOGUE[code]
    return {
        "id": code,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.explanation},
        "defaultConfiguration": {"level": Diagnostic(code, "").severity},
    }


def _result(diagnostic: Diagnostic, codes: Sequence[str]) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": diagnostic.code,
        "ruleIndex": codes.index(diagnostic.code),
        "level": diagnostic.severity,
        "message": {"text": "\n".join((diagnostic.message, *diagnostic.notes))},
    }
    primary = diagnostic.primary
    if primary is not None:
        result["locations"] = [_location(primary)]
    related = [label for label in diagnostic.labels if label is not primary]
    if related:
        result["relatedLocations"] = [{"id": number, **_location(label)} for number, label in enumerate(related)]
    if diagnostic.fix is not None:
        result["fixes"] = [_sarif_fix(diagnostic.fix)]
    return result


def _location(label: Label) -> dict[str, object]:
    location: dict[str, object] = {
        "physicalLocation": {
            "artifactLocation": _artifact(label.source),
            "region": _region(label.source, label.span),
        }
    }
    return {**location, "message": {"text": label.text}} if label.text else location


def _artifact(source: Source) -> dict[str, str]:
    return {"uri": quote(source.name.replace("\\", "/"))}


def _region(source: Source, span: Span) -> dict[str, int]:
    (line, column), (end_line, end_column) = source.position(span.start), source.position(span.stop)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _sarif_fix(fix: Fix) -> dict[str, object]:
    replacement = {
        "deletedRegion": _region(fix.source, fix.span),
        "insertedContent": {"text": fix.replacement},
    }
    change = {"artifactLocation": _artifact(fix.source), "replacements": [replacement]}
    return {"description": {"text": fix.text}, "artifactChanges": [change]}


# -- GitHub -----------------------------------------------------------------------------------------------------------


def to_github(diagnostics: Sequence[Diagnostic]) -> str:
    """One workflow command a line, shown beside the changed lines of a pull request."""
    return "".join(f"{_command(diagnostic)}\n" for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    properties = {"title": diagnostic.code}
    label = diagnostic.primary
    if label is not None:
        (line, column), (end_line, end_column) = map(label.source.position, (label.span.start, label.span.stop))
        properties = {
            "file": label.source.name,
            "line": str(line),
            "endLine": str(end_line),
            "col": str(column),
            "endColumn": str(end_column),
            **properties,
        }
    text = [diagnostic.message, *diagnostic.notes]
    if diagnostic.fix is not None:
        text.append(diagnostic.fix.text)
    listed = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    return f"::{diagnostic.severity} {listed}::{_escaped(chr(10).join(text))}"


def _escaped(text: str, more: str = "") -> str:
    """GitHub's escapes: percent and line ends everywhere, colon and comma in properties, too."""
    return "".join(f"%{ord(each):02X}" if each in "%\r\n" + more else each for each in text)


FORMATS: dict[str, Callable[[Sequence[Diagnostic]], str]] = {
    "json": to_json,
    "sarif": to_sarif,
    "github": to_github,
}
"""The formats by the names `--format` knows them by."""
