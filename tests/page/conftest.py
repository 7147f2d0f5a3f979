"""Pages of reports in a real Chromium: headless, without network, each in a context of its own."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from patternc.compiler import analyse

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WITHOUT = "no Chromium on this machine: the page is looked at where there is one (apt-get install chromium)"

OUR_OWN = "Canvas2D: Multiple readback operations"
"""What Chromium says of tests that read a canvas."""


@pytest.fixture(scope="session")
def browser():
    """A running Chromium; where there is none the test is skipped, or fails with PATTERNC_REQUIRE_BROWSER=1."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("PATTERNC_REQUIRE_BROWSER") == "1":
            pytest.fail(WITHOUT)
        pytest.skip(WITHOUT)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """open_page(html, ...): the page, opened from a file; what it logs and asks the network for must be nothing."""
    contexts, complaints, requests = [], [], []

    def open_it(html, name="report.html", **options):
        path = tmp_path / name
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        assert requests.pop(0) == path.as_uri()
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert [each for each in complaints if not each.startswith(OUR_OWN)] == []
    assert requests == []


@pytest.fixture(scope="session")
def reported():
    """reported(name or text, ...): (page, JSON, program) of an example's or a text's report; each is made once."""
    made = {}

    def report(source, tokens=None):
        if (source, tokens) not in made:
            given = EXAMPLES / f"{source}.attn" if source.isidentifier() else source
            program, failures = analyse(given, tokens=tokens)
            made[source, tokens] = program.report_html(failures=failures), program.report_json(), program
        return made[source, tokens]

    return report
