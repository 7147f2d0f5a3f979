"""The page as a document: dark, narrow, printed, accessible, sealed; and what people wrote is text in it."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner

from patternc.analysis.drawing import Area, Drawing, Rectangle
from patternc.cli.html_masks import mask_svg
from patternc.cli.html_text import element, formula, joined, table
from patternc.cli.main import main
from patternc.cli.options import inline_model
from patternc.compiler import compile
from patternc.grammar.reading import text_source

FAILING = "model short { causal tokens 4096 layers 3 { all: local(64) | keys(0) } } expect connected"
PAGES = ["sparse_transformer", "bigbird", "dilated_heads", FAILING]
LUMINANCE = """element => {
  const [r, g, b] = getComputedStyle(element).backgroundColor.match(/[0-9.]+/g).map(Number);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("source", ["sparse_transformer", "bigbird", FAILING])
def test_axe_finds_nothing(open_page, reported, source, scheme):
    html, _, _ = reported(source)
    page = open_page(html, color_scheme=scheme)
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["impact"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []


def test_dark_is_dark_and_light_is_light(open_page, reported):
    html, _, _ = reported("sparse_transformer")
    assert open_page(html, color_scheme="light").eval_on_selector("body", LUMINANCE) > 250
    page = open_page(html, color_scheme="dark")
    assert page.eval_on_selector("body", LUMINANCE) < 30
    assert page.eval_on_selector(".figures div", LUMINANCE) < 40
    corner = page.eval_on_selector("#mask", "c => [...c.getContext('2d').getImageData(2, c.height - 3, 1, 1).data]")
    assert max(corner[:3]) < 40
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(100)
    corner = page.eval_on_selector("#mask", "c => [...c.getContext('2d').getImageData(2, c.height - 3, 1, 1).data]")
    assert min(corner[:3]) > 240
    page.emulate_media(color_scheme="dark", media="print")
    assert page.eval_on_selector("body", LUMINANCE) > 250
    assert not page.is_visible("#explorer")


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("source", PAGES)
def test_narrow_pages_do_not_scroll_sideways(open_page, reported, source, javascript):
    html, _, _ = reported(source)
    for width in (320, 360, 700):
        page = open_page(html, viewport={"width": width, "height": 740}, java_script_enabled=javascript)
        right = page.locator("body").bounding_box()
        assert right["x"] + right["width"] <= width
        wide = page.evaluate("document.documentElement.scrollWidth") if javascript else width
        assert wide <= width


def test_nothing_but_the_pages_own_script_and_style_runs(open_page, reported):
    html, _, _ = reported("strided")
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', html).group(1)
    assert policy.startswith("default-src &#x27;none&#x27;; style-src &#x27;sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"""(?:src|href)="(?!#)|url\(|@import|https?://(?!www\.w3\.org/2000/svg)""", html)
    forged = html.replace("</main>", "<img id=forged src=x onerror=\"document.title='forged'\"></main>", 1)
    forged = forged.replace("</main>", "<script>document.title = 'forged'</script></main>", 1)
    page = open_page(html)
    page.close()
    blocked = []
    context = page.context.browser.new_context()
    other = context.new_page()
    other.on("console", lambda message: blocked.append(message.text))
    other.set_content(forged)
    assert "forged" not in other.title()
    assert sum("Content Security Policy" in each for each in blocked) >= 2
    context.close()


def test_the_page_is_the_same_each_time(reported):
    _, _, program = reported("bigbird")
    assert program.report_html() == program.report_html()


# -- text is text ------------------------------------------------------------------------------------------------------

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&amp;"


def test_what_people_wrote_is_text(open_page, reported, tmp_path):
    import numpy as np

    from patternc.compiler import analyse

    name = "a&<b>'$(x)`.npy"
    np.save(tmp_path / name, np.tri(16, dtype=bool))
    path = tmp_path / "<img src=x onerror=alert(1)>.attn"
    path.write_text(f'# {HOSTILE}\nmodel m {{ causal tokens 16 layers 1 {{ all: layout("{name}") | local(4) }} }}\n')
    program, failures = analyse(path)
    page = open_page(program.report_html(failures=failures))
    assert HOSTILE in page.inner_text("#program")
    assert "<b>" in page.inner_text("#cost")
    assert "<img src=x onerror=alert(1)>.attn" in page.inner_text("#warnings")
    assert page.locator("img, main script:not([type='application/json'])").count() == 0
    assert page.inner_text("#pattern") == program.pattern().text


@pytest.mark.parametrize("text", [HOSTILE, "\x00\x1b\ud800", "a\u2028b", "]]>", "<!--", "{{x}}"])
def test_no_text_becomes_markup(text):
    drawing = Drawing(2, 1, False, text, (text, text), (1, 0), 0, 1, (Area(0, 3, (Rectangle(0, 0, 1, 1),)),))
    for html in (
        element("p", text, title=text),
        joined([text, element("b", text)], text),
        table(text, (text,), [(text,)], wide=True),
        formula(text),
        mask_svg(drawing, "m", text),
    ):
        html.markup.encode()
        inside = re.sub(r"<[^<>]*>", "", html.markup)
        assert not set(inside) & set("<>\x00\x1b")
        assert "<script" not in html.markup
        assert "<img" not in html.markup


# -- the command -------------------------------------------------------------------------------------------------------

INLINE = ["analyse", "-e", "local(8) | stride(8)", "--causal", "--layers", "2", "--tokens", "256"]


def test_the_command_writes_the_page_and_replaces_its_own_only(tmp_path):
    file, other = tmp_path / "report.html", tmp_path / "other.html"
    other.write_text("<!doctype html><p>mine</p>")
    for _ in range(2):
        done = CliRunner().invoke(main, [*INLINE, "--html", str(file)])
        assert done.exit_code == 0
        assert done.stdout == f"{file}: the report of inline, {file.stat().st_size:,} bytes\n"
    assert file.read_text() == analyse_inline().report_html()
    done = CliRunner().invoke(main, [*INLINE, "--html", str(other)])
    assert done.exit_code == 1
    assert "holds something else" in done.stderr
    assert other.read_text() == "<!doctype html><p>mine</p>"
    done = CliRunner().invoke(main, [*INLINE, "--html", str(tmp_path / "report.txt")])
    assert done.exit_code == 1
    assert "--html writes HTML" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.html", "report.html"]


def test_json_beside_it_stays_json(tmp_path):
    done = CliRunner().invoke(main, [*INLINE, "--html", str(tmp_path / "report.html"), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["tokens"] == 256
    assert "the report of inline" in done.stderr
    failing = [*INLINE[:2], "local(1)", "--causal", "--tokens", "256", "--path", "0", "999"]
    assert CliRunner().invoke(main, [*failing, "--html", str(tmp_path / "no.html")]).exit_code == 1
    assert not (tmp_path / "no.html").exists()


def analyse_inline():
    text = inline_model("local(8) | stride(8)", causal=True, layers=2, heads=1, tokens=256)
    return compile(text_source(text, "-e"))
