"""Links between pages lead somewhere, and the site has every page."""

import re
from urllib.parse import unquote

import pytest
import yaml

from tests.docs.pages import DOCS, PAGES, ROOT, anchors, prose

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    for link in LINK.findall(prose(page)):
        if re.match(r"https?://|mailto:", link):
            continue
        path, _, part = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert target.is_relative_to(DOCS) or page.parent == ROOT, f"{page.name}: {link} leads out of the site"
        if part:
            assert part in anchors(target), f"{page.name}: {link}; it has {sorted(anchors(target))}"


def test_the_site_has_every_page():
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = [path for entry in site["nav"] for path in _paths(entry)]
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def _paths(entry):
    if isinstance(entry, str):
        return [entry]
    (value,) = entry.values()
    return [value] if isinstance(value, str) else [path for each in value for path in _paths(each)]
