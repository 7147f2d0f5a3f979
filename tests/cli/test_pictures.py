"""`patternc show --svg` and `--png`: what is in the files, and what they never replace."""

import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from patternc.analysis.drawing import Area, Drawing, Rectangle, draw
from patternc.cli.figure import Stroke
from patternc.cli.figure_growth import growth_figure
from patternc.cli.figure_layers import layers_figure
from patternc.cli.main import main
from patternc.cli.svg import MARK, svg
from patternc.compiler import compile

INLINE = ("-e", "local(6) | stride(6)", "--causal", "--tokens", 24)
SVG = "{http://www.w3.org/2000/svg}"
STEP = re.compile(r"M(\d+) (\d+)h(\d+)v(\d+)h-(\d+)z")


def area(path):
    """The area of a path that is made of rectangles."""
    steps = STEP.findall(path.get("d"))
    assert "".join("M{} {}h{}v{}h-{}z".format(*each) for each in steps) == path.get("d")
    assert all(width == back for _, _, width, _, back in steps)
    return sum(int(width) * int(height) for _, _, width, height, _ in steps)


def areas(text):
    """From the class of a colour to its area in cells."""
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    found = {}
    for path in root.iter(f"{SVG}path"):
        kind = path.get("class")
        if kind.startswith("t"):
            found[kind] = found.get(kind, 0) + area(path)
    return found


def words(text):
    return [each.text for each in ElementTree.fromstring(text).iter(f"{SVG}text")]


def test_each_colour_covers_the_pairs_of_its_term(patternc, tmp_path):
    done = patternc("show", *INLINE, "--svg", "m.svg")
    assert done.code == 0
    assert done.out == "m.svg: 24 × 24 cells, 165 pairs\n"
    text = (tmp_path / "m.svg").read_text()
    pairs = [(i, j) for i in range(24) for j in range(i + 1)]
    window = sum(i - j < 6 for i, j in pairs)
    stride = sum(i - j >= 6 and (i - j) % 6 == 0 for i, j in pairs)
    assert areas(text) == {"t0": window, "t1": stride}
    assert window + stride == 165
    assert words(text)[:2] == ["local(6) | stride(6)", "24 tokens, causal"]
    assert words(text)[-2:] == ["local(6)", "stride(6)"]
    assert {"key j →", "query i ↓", "0", "20"} <= set(words(text))
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.find(f"{SVG}title").text == "local(6) | stride(6), 24 tokens, causal"
    assert f"orange: stride(6), {stride} pairs" in root.find(f"{SVG}desc").text


def test_what_is_never_attended_is_hinted_in_causal_models_only():
    def never(direction):
        program = compile(f"model m {{ {direction} tokens 16 layers 1 {{ all: local(3) }} }}")
        return [
            path for path in ElementTree.fromstring(program.to_svg()).iter(f"{SVG}path") if path.get("class") == "n"
        ]

    assert len(never("causal")) == 1
    assert not never("bidirectional")


@pytest.mark.parametrize(("tokens", "cells"), [(1, 1), (2, 2), (128, 128), (129, 65), (5000, 79)])
def test_any_length(tokens, cells):
    program = compile(f"model m {{ causal tokens {tokens} layers 1 {{ all: local(40) | stride(64) }} }}")
    drawing = draw(program.pattern(), tokens, causal=True)
    assert drawing.cells == cells
    query, key = np.nonzero(program.mask())
    occupied = set(zip(query // drawing.cell, key // drawing.cell, strict=True))
    assert sum(areas(svg(drawing)).values()) == len(occupied)


def test_pairs_that_count_twice_have_a_colour_of_their_own():
    program = compile("model m { causal tokens 24 layers 1 { all: local(4) + stride(4) } }")
    text = program.to_svg()
    assert areas(text) == {"t0": 3 * 24 - 6, "t1": sum(range(4, 24, 4)), "t6": 24}
    assert words(text)[0] == "local(4) + stride(4)"
    assert words(text)[-3:] == ["local(4)", "stride(4)", "counts more than once"]
    assert "red: counts more than once, 24 pairs." in text


def test_users_text_is_escaped():
    hostile = 'layout("<script>&amp;\x00\udcff.npy")'
    areas = (Area(0, 3, (Rectangle(0, 0, 1, 1),)),)
    drawing = Drawing(2, 1, False, f"{hostile} | </title>", (hostile, "</title>"), (1, 0), 0, 1, areas)
    text = svg(drawing, 'a"b<c>')
    text.encode("utf-8")
    root = ElementTree.fromstring(text)
    assert words(text)[0] == 'layout("<script>&amp;\ufffd\ufffd.npy") | </title>'
    assert not list(root.iter(f"{SVG}script"))
    assert root.get("aria-label").endswith('</title>, a"b<c>, 2 tokens, bidirectional')


def test_long_patterns_are_cut_in_the_picture_and_whole_in_its_title():
    pattern = " | ".join(f"local({k}) & chunk({k})" for k in range(2, 30))
    program = compile(f"model m {{ causal tokens 64 layers 1 {{ all: {pattern} }} }}")
    text = program.to_svg()
    assert ElementTree.fromstring(text).get("aria-label").startswith(pattern)
    assert len(words(text)[0]) <= 42
    assert words(text)[2].endswith("…")
    assert words(text)[-1] == "23 more terms"


def test_the_same_bytes_each_time(patternc, tmp_path):
    for seed in ("1", "2"):
        done = patternc(
            "show", *INLINE, "--svg", f"{seed}.svg", "--png", f"{seed}.png", variables={"PYTHONHASHSEED": seed}
        )
        assert done.code == 0, done.err
    for kind in ("svg", "png"):
        assert (tmp_path / f"1.{kind}").read_bytes() == (tmp_path / f"2.{kind}").read_bytes()


def test_layer_and_head_are_in_the_picture(patternc, tmp_path):
    (tmp_path / "m.attn").write_text(
        "model tower { causal tokens 16 heads 2 layers 2 { all: heads { 0: local(3)  1: stride(layer + 2) } } }\n"
    )
    assert patternc("show", "m.attn", "--layer", 1, "--head", 1, "--svg", "m.svg").code == 0
    assert words((tmp_path / "m.svg").read_text())[:2] == [
        "stride(layer + 2)",
        "tower, layer 1, head 1, 16 tokens, causal",
    ]
    done = patternc("show", "m.attn", "--layer", 2, "--svg", "n.svg")
    assert done.code == 1
    assert "there is no layer 2" in done.message
    assert not (tmp_path / "n.svg").exists()


def test_a_png_shows_the_same(patternc, tmp_path):
    assert patternc("show", *INLINE, "--png", "m.png").code == 0
    with Image.open(tmp_path / "m.png") as image:
        pixels = image.convert("RGB")
        assert image.text["Software"] == "patternc show"
    colours = {colour: count for count, colour in pixels.getcolors(1 << 20)}
    blue, orange = colours[0x00, 0x72, 0xB2], colours[0xE6, 0x9F, 0x00]
    assert blue / orange == pytest.approx(129 / 36, rel=0.06)  # lines between cells and the legend take a little


def test_pictures_replace_pictures_only(patternc, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    Image.new("RGB", (2, 2)).save(tmp_path / "photo.png")
    (tmp_path / "link.svg").symlink_to("notes.svg")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for option, name, says in (
        ("--svg", "notes.svg", "holds something else"),
        ("--svg", "link.svg", "is a link"),
        ("--svg", "folder", "is a directory"),
        ("--png", "photo.png", "holds something else"),
        ("--svg", "photo.png", "--svg writes SVG, which is not what .png stands for"),
        ("--png", "notes.svg", "--png writes PNG, which is not what .svg stands for"),
        ("--svg", "new.png", "--svg writes SVG"),
        ("--png", "new.SVG", "--png writes PNG"),
    ):
        done = patternc("show", *INLINE, option, name)
        assert (done.code, done.out) == (1, "")
        assert says in done.message
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    for option, name in (("--svg", "ours.svg"), ("--png", "ours.png")):
        assert patternc("show", *INLINE, option, name).code == 0
        assert patternc("show", *INLINE, option, name).code == 0
    assert (tmp_path / "ours.svg").read_text().startswith(MARK)
    for option, name in (("--svg", "OTHER.SVG"), ("--svg", "plain")):
        assert patternc("show", *INLINE, option, name).code == 0


def test_png_without_matplotlib_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as where it is not installed
    picture = tmp_path / "m.png"
    result = CliRunner().invoke(main, ["show", *map(str, INLINE), "--png", str(picture)])
    assert result.exit_code == 1
    assert "pip install 'patternc[viz]'" in result.output
    assert not picture.exists()


@pytest.mark.parametrize("what", ["growth", "layers"])
def test_growth_and_layers_are_pictures_too(patternc, tmp_path, what):
    model = "model m { causal tokens 64 layers 6 { even: local(4)  odd: stride(4) } }"
    (tmp_path / "m.attn").write_text(model)
    for _ in range(2):  # the second time it replaces its own
        done = patternc("show", "m.attn", "--what", what, "--svg", "f.svg", "--png", "f.png")
        assert (done.code, done.err) == (0, "")
    root = ElementTree.fromstring((tmp_path / "f.svg").read_text())
    said = [each.text for each in root.iter(f"{SVG}text")]
    expected = {"growth": {"keys in sight", "64", "complete after 2 layers"}, "layers": {"A", "B", "× 3", "× 2"}}[what]
    assert expected <= set(said)
    with Image.open(tmp_path / "f.png") as image:
        assert image.text["Software"] == "patternc show"
        assert image.width > 3 * 390
    report = compile(model).report()
    assert root.find(f"{SVG}desc").text == (
        growth_figure(report).sentence if what == "growth" else layers_figure(report).sentence
    )


def test_growth_and_layers_in_the_terminal(patternc):
    options = ("-e", "local(4) | stride(4)", "--causal", "--layers", 3, "--tokens", 64)
    done = patternc("show", *options, "--what", "growth")
    assert done.code == 0
    assert re.search(r"^  1\.\.3 +1 +7 +32 +58 +64 +32\.5  █{24}$", done.out, re.MULTILINE), done.out
    done = patternc("show", *options, "--what", "layers")
    assert "A     0..3    local(4) | stride(4)  A (2)" in done.out
    done = patternc("show", *options, "--what", "growth", "--layer", 1)
    assert done.code == 2
    assert "--layer goes with --what mask" in done.message


def test_the_curve_of_growth_goes_through_the_means():
    report = compile("model m { causal tokens 100 layers 4 { all: local(20) } }").report()
    figure = growth_figure(report)
    (mean,) = [shape for shape in figure.shapes if isinstance(shape, Stroke) and shape.width == 2.0]
    base = mean.points[0][1]
    assert len(mean.points) == 5
    assert mean.points[-1][1] < base
    heights = [base - y for _, y in mean.points[1:]]
    means = [each.total / 100 for each in report.connectivity.reach.growth]
    assert heights == pytest.approx([(value - 1) * heights[-1] / (means[-1] - 1) for value in means])
