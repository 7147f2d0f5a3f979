"""The explorer: what it shows at any size is what the pattern is, by keyboard, pointer and sliders."""

import numpy as np
import pytest

from patternc.algebra.evaluate import evaluate
from patternc.cli import html_explorer
from patternc.compiler import analyse

CELLS = """canvas => {
  const [cell, i, j, side] = canvas.dataset.view.split(" ").map(Number);
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const style = getComputedStyle(document.documentElement);
  const [paper, never] = ["--paper", "--never"].map(name => {
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = style.getPropertyValue(name).trim();
    return probe.fillStyle.slice(1).match(/../g).map(part => parseInt(part, 16));
  });
  const edge = at => Math.round(at * canvas.width / side);
  const shown = [];
  for (let row = 0; row < side; row++) for (let column = 0; column < side; column++) {
    const x = (edge(column) + edge(column + 1)) >> 1, y = (edge(row) + edge(row + 1)) >> 1;
    const at = 4 * (y * canvas.width + x);
    const colour = [pixels[at], pixels[at + 1], pixels[at + 2]].join();
    shown.push(colour === paper.join() ? 0 : colour === never.join() ? 2 : 1);
  }
  return { cell, i, j, side, shown };
}"""


def look(page):
    """(view, what its cells are: 0 nothing, 1 pairs, 2 ahead of a causal model); waits until it is all painted."""
    page.wait_for_selector('#mask[data-view]:not([data-view=""])')
    seen = page.eval_on_selector("#mask", CELLS)
    shown = np.array(seen.pop("shown")).reshape(seen["side"], seen["side"])
    return seen, shown


def press(page, *keys):
    page.eval_on_selector("#mask", "canvas => { canvas.dataset.view = ''; }")
    for key in keys:
        page.keyboard.press(key)


def hold_against(page, program, layer=0, head=0):
    """The cells that the canvas shows are those of the pattern, but for those around the cursor."""
    seen, shown = look(page)
    n, cell, side = program.schedule.tokens, seen["cell"], seen["side"]
    rows = np.arange(seen["i"] * cell, min((seen["i"] + side) * cell, n))
    columns = np.arange(seen["j"] * cell, min((seen["j"] + side) * cell, n))
    mask = evaluate(program.pattern(layer, head).relation, rows[:, None], columns[None, :], n)
    starts = np.arange(0, rows.size, cell), np.arange(0, columns.size, cell)
    expected = np.logical_or.reduceat(np.logical_or.reduceat(mask, starts[0], axis=0), starts[1], axis=1)
    i, j = (int(number) // cell for number in page.get_attribute("#mask", "data-cursor").split())
    around = np.zeros_like(expected)
    around[max(i - seen["i"] - 3, 0) : i - seen["i"] + 4, max(j - seen["j"] - 3, 0) : j - seen["j"] + 4] = True
    assert ((shown == 1) == expected)[~around].all()
    return seen


@pytest.mark.parametrize(
    "source", ["strided", "bigbird", "longformer", "gemma3", "axial_image", "log_sparse", "longnet"]
)
def test_every_size_shows_the_cells_that_have_pairs(open_page, reported, source):
    html, _, program = reported(source, 4096)
    page = open_page(html, viewport={"width": 1200, "height": 900})
    page.focus("#mask")
    seen = hold_against(page, program)
    sizes = [seen["cell"]]
    for _ in range(9):
        press(page, "+", "ArrowRight", "Shift+ArrowDown")
        sizes.append(hold_against(page, program)["cell"])
    assert sizes[:6] == [32, 16, 8, 4, 2, 1]
    assert look(page)[0]["side"] == 8
    press(page, "0")
    assert look(page)[0] == seen


def test_a_million_tokens_down_to_single_pairs(open_page, reported):
    text = "model m { causal tokens 1048576 layers 1 { all: local(256) | stride(1024) } }"
    html, _, program = reported(text)
    assert len(html.encode()) < 200_000
    page = open_page(html)
    page.focus("#mask")
    assert look(page)[0] == {"cell": 8192, "i": 0, "j": 0, "side": 128}
    press(page, *["+"] * 13)
    seen = look(page)[0]
    assert seen["cell"] == 1
    hold_against(page, program)
    press(page, "ArrowLeft")
    look(page)
    i, j = (int(number) for number in page.get_attribute("#mask", "data-cursor").split())
    assert (i, j) == (524_288, 524_287)
    assert page.inner_text("#readout") == "Query 524,288 attends key 524,287: local(256)"


def test_the_readout_names_the_terms(open_page, reported):
    html, _, _ = reported("model m { causal tokens 64 layers 1 { all: local(4) | stride(8) } }")
    page = open_page(html)
    page.focus("#mask")
    assert page.inner_text("#readout") == "Query 32 attends key 32: local(4), stride(8)"
    press(page, *["ArrowLeft"] * 8)
    assert page.inner_text("#readout") == "Query 32 attends key 24: stride(8)"
    press(page, "ArrowLeft")
    assert page.inner_text("#readout") == "Query 32 does not attend key 23."
    press(page, *["ArrowRight"] * 10)
    assert page.inner_text("#readout") == "Query 32 does not attend key 33."


def test_pairs_that_count_twice_are_said(open_page, reported):
    html, _, _ = reported("model m { causal tokens 64 layers 1 { all: local(4) + stride(8) } }")
    page = open_page(html)
    assert page.inner_text("#readout") == "Query 32 attends key 32, which counts 2 times: local(4), stride(8)"
    assert "counts more than once" in page.inner_text("#legend")


def test_sliders_go_through_layers_and_heads_by_keyboard(open_page, reported):
    text = (
        "model m { causal tokens 512 heads 2 layers 3 "
        "{ 0: heads { 0: local(8)  1: stride(16) }  rest: columns(32) | self } }"
    )
    html, _, program = reported(text)
    page = open_page(html)
    page.focus("#head")
    page.eval_on_selector("#mask", "canvas => { canvas.dataset.view = ''; }")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#head-at") == "1 of 2"
    assert page.inner_text("#pattern") == "stride(16)"
    hold_against(page, program, 0, 1)
    page.focus("#layer")
    page.eval_on_selector("#mask", "canvas => { canvas.dataset.view = ''; }")
    page.keyboard.press("End")
    assert page.inner_text("#layer-at") == "2 of 3"
    assert page.inner_text("#pattern") == "columns(32) | self"
    assert page.inner_text("#legend").split() == ["columns(32)", "self"]
    hold_against(page, program, 2, 1)


def test_tab_goes_from_links_through_sliders_and_mask_to_buttons(open_page, reported):
    html, _, _ = reported("sparse_transformer")
    page = open_page(html)
    order = []
    for _ in range(20):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate("document.activeElement.id || document.activeElement.getAttribute('href') || 'region'")
        )
    assert order[:2] == ["#masks", "#masks"]
    wanted = ["layer", "head", "mask", "zoom-in", "zoom-out", "zoom-whole"]
    assert [name for name in order if name in wanted] == wanted
    page.focus("#zoom-in")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert "a block of 32 × 32 pairs" in page.inner_text("#shown")
    page.focus("#zoom-whole")
    page.keyboard.press("Space")
    assert "a block of 128 × 128 pairs" in page.inner_text("#shown")


def test_pointer_and_wheel(open_page, reported):
    html, _, program = reported("strided", 4096)
    page = open_page(html, viewport={"width": 1200, "height": 900})
    page.locator("#mask").scroll_into_view_if_needed()
    box = page.locator("#mask").bounding_box()
    middle = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.wheel(0, -100)
    assert "a block of 32 × 32" in page.inner_text("#shown")  # not focused: the page scrolls
    page.locator("#mask").scroll_into_view_if_needed()
    box = page.locator("#mask").bounding_box()
    middle = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
    page.mouse.click(*middle)
    assert page.inner_text("#readout").startswith("Queries 2,048..2,080, keys 1,024..1,056: some pairs")
    for _ in range(5):
        page.mouse.wheel(0, -100)
    page.wait_for_selector("#shown:text('a cell is a pair.')")
    before = look(page)[0]
    page.eval_on_selector("#mask", "canvas => { canvas.dataset.view = ''; }")
    page.mouse.down()
    page.mouse.move(middle[0] + 50, middle[1] - 30, steps=5)
    page.mouse.up()
    after = hold_against(page, program)
    assert after["j"] < before["j"]
    assert after["i"] > before["i"]


def test_what_is_out_of_reach_is_said_and_never_shown_as_either(open_page, reported):
    text = "model m { causal tokens 32768 layers 1 { all: local(4) | random(2, avoid = local(4)) } }"
    html, _, program = reported(text)
    page = open_page(html)
    page.focus("#mask")
    assert "some pairs" in page.inner_text("#readout")
    press(page, *["+"] * 9)
    press(page, *["ArrowLeft"] * 5)
    assert "not worked out in a page" in page.inner_text("#readout")
    seen, shown = look(page)
    assert (shown == 1).any()
    tokens = np.arange(seen["i"], seen["i"] + seen["side"])
    certain = evaluate(
        program.pattern().terms[0].relation,
        tokens[:, None],
        np.arange(seen["j"], seen["j"] + seen["side"])[None],
        32768,
    )
    assert (shown[certain] == 1).mean() > 0.9


def test_many_heads_fit_and_those_without_room_say_so(open_page, monkeypatch):
    monkeypatch.setattr(html_explorer, "ROOM", 2_000)
    program, _ = analyse("model m { causal tokens 128 heads 40 layers 2 { all: heads { 0..40: local(8 + head) } } }")
    page = open_page(program.report_html())
    assert "16 more patterns" in page.inner_text("#masks")
    page.focus("#head")
    page.keyboard.press("End")
    assert page.inner_text("#pattern") == "local(8 + head)"
    assert page.inner_text("#readout") == "The page has no room for this pattern; patternc show draws it."
    page.keyboard.press("Home")
    assert page.inner_text("#readout") == "Queries 64..68, keys 64..68: some pairs, of local(8 + head)"
