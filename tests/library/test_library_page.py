"""The page of the library is made from its files."""

from tests.docs.pages import DOCS
from tests.library.page import page


def test_the_page_says_what_the_files_say(golden):
    golden(DOCS / "library.md", page())
