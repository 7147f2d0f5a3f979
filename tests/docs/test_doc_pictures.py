"""The pictures of the documentation are what the tool makes now, all of them are shown, and they are small."""

import importlib.util
import re

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT

SPEC = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
pictures = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(pictures)
FILES = {path.stem: path for path in (DOCS / "pictures").glob("*.svg")}
MOST_BYTES = 10_000


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_is_what_the_tool_makes(name, golden):
    text = pictures.PICTURES[name].svg()
    golden(DOCS / "pictures" / f"{name}.svg", text)
    assert len(text.encode()) <= MOST_BYTES


def test_each_picture_is_shown_and_each_shown_picture_is_there():
    pages = "".join(path.read_text(encoding="utf-8") for path in (*PAGES, ROOT / "README.md"))
    shown = set(re.findall(r"pictures/([\w-]+)\.svg\)", pages))
    assert shown == set(FILES) == set(pictures.PICTURES)
