"""The pages of the documentation as tests read them: blocks of code, links, anchors."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))

BLOCK = re.compile(
    r"(?:^<!-- (?P<what>[a-z ]+)(?:: (?P<value>.*?))? -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
STATEMENTS = ("use", "param", "pattern", "model", "expect")


@dataclass(frozen=True)
class Block:
    """A fenced block; `what` and `value` are from a comment `<!-- what: value -->` on the line above it."""

    page: str
    line: int
    language: str
    text: str
    what: str | None
    value: str | None

    @property
    def files(self):
        """The names of the files that the block is, in `<!-- file: NAME ... -->`."""
        return [each for each in self.value.split() if "." in each] if self.what == "file" else []

    @property
    def codes(self):
        """The mistakes that the block shows: `<!-- mistake: CODE CODE -->`, `<!-- file: NAME CODE -->`."""
        return re.findall(r"PA\d+", self.value or "")

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks(path, language=None):
    """The fenced blocks of a page, or those of one language."""
    text = path.read_text(encoding="utf-8")
    found = [
        Block(
            path.name,
            text[: each.start("text")].count("\n"),
            each["language"],
            each["text"],
            each["what"],
            each["value"],
        )
        for each in BLOCK.finditer(text)
    ]
    assert 2 * len(found) == len(re.findall(r"^```", text, re.M)), f"{path.name} has a fence that is not understood"
    return [each for each in found if language in (None, each.language)]


def prose(path):
    """A page without its blocks of code and code spans."""
    return re.sub(r"`[^`\n]*`", "", BLOCK.sub("", path.read_text(encoding="utf-8")))


def anchor(heading):
    """The anchor of a heading: letters, digits, hyphens; as mkdocs and code forges make it."""
    plain = re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()
    return re.sub(r"\s+", "-", plain)


def anchors(path):
    """The anchors that a page has."""
    return {anchor(each) for each in re.findall(r"^#+ (.*)$", BLOCK.sub("", path.read_text(encoding="utf-8")), re.M)}
