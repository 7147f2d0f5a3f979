"""docs/library.md: every pattern of the library with its source, parameters, defaults and a picture.

For: the text of the page, from the files and the table of pictures. Not for: prose; the files have it.
"""

from __future__ import annotations

from patternc.grammar.reading import library_names
from tests.docs.test_doc_pictures import pictures
from tests.library.files import Entry, entries, heading

OPENING = """\
# The library: published patterns

`use std.NAME` brings in the patterns of a file that ships with patternc:

    use std.longformer

    model my_encoder {
        bidirectional
        tokens 4096
        layers 12 { all: longformer(512, [0]) }
    }

Patterns have no optional parameters: all are given, the published defaults stand beside each. The
[cases of other systems](conformance.md) hold them to what those systems do. Whole models are in `examples/`.
"""


def page() -> str:
    return OPENING + "".join(_file(file) for file in library_names())


def _file(file: str) -> str:
    public = [entry for entry in entries(file) if entry.defaults is not None]
    shown = pictures.LIBRARY[file]
    parts = [
        _pattern(entry, f"std-{file}-{number}", each)
        for number, (entry, each) in enumerate(zip(public, shown, strict=True), 1)
    ]
    return f"\n## std.{file}\n\n{heading(file)}\n{''.join(parts)}"


def _pattern(entry: Entry, name: str, shown) -> str:
    assert entry.defaults is not None
    assert entry.name in shown.pattern
    defaults = ", ".join(f"`{parameter} = {value}`" for parameter, value in entry.defaults.items())
    said = f"\n\nDefaults: {defaults}" if defaults else ""
    caption = f"{shown.pattern}, {shown.direction}, {shown.tokens} tokens"
    return f"\n### `{entry.call}`\n\n{entry.comment}{said}\n\n![{caption}](pictures/{name}.svg)\n*{caption}*\n"
