"""`patternc design` as a user calls it."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from importlib.resources import files
from xml.etree import ElementTree

import jsonschema
import pytest

SCHEMA = json.loads(files("patternc.analysis").joinpath("design.schema.json").read_text())
MODEL = """param k = 16..256
model sparse { causal tokens 4096 layers 4 { all: local(k) | stride(k) } }
expect connected within 2 layers
"""
INLINE = ("--causal", "--layers", 2, "--tokens", 1024)


@pytest.fixture
def model(tmp_path):
    (tmp_path / "m.attn").write_text(MODEL)
    return tmp_path / "m.attn"


def test_what_it_prints_can_be_followed(patternc, model, golden, request):
    done = patternc("design", "m.attn")
    assert (done.code, done.err) == (0, "")
    golden(request.path.parent / "design.txt", done.out)
    command = done.out.splitlines()[-1].split()
    assert command == ["patternc", "analyse", "m.attn", "--param", "k=46"]
    assert patternc(*command[1:]).code == 0
    assert "still to be chosen" in patternc("analyse", "m.attn").err


def test_json_has_everything(patternc, model):
    done = patternc(
        "design", "m.attn", "--minimise", "time", "--minimise", "cache", "--json", "--param", "k=16..256 step 16"
    )
    data = json.loads(done.out)
    jsonschema.validate(data, SCHEMA)
    assert data["minimise"] == ["time", "cache"]
    assert data["best"] == data["frontier"][0]
    assert len(data["tried"]) == data["choices"] == 15
    caches = [each["cache_keys"] for each in data["frontier"]]
    assert caches == sorted(caches, reverse=True)
    assert (
        done.out
        == patternc(
            "design", "m.attn", "--minimise", "time", "--minimise", "cache", "--json", "--param", "k=16..256 step 16"
        ).out
    )


def test_inline_and_standard_input(patternc, model, tmp_path):
    inline = ("-e", "local(k) | stride(k)", *INLINE, "--param", "k=8..64", "--expect", "connected within 2 layers")
    done = patternc("design", *inline)
    assert done.code == 0
    command = shlex.split(done.out.splitlines()[-1])
    assert command[1:] == [
        "analyse",
        "-e",
        "local(k) | stride(k)",
        *map(str, INLINE[:3]),
        "--heads",
        "1",
        *map(str, INLINE[3:]),
        "--param",
        "k=23",
    ]
    assert patternc(*command[1:]).code == 0
    piped = subprocess.run(
        [sys.executable, "-m", "patternc", "design", "-", "--tokens", "512"],
        input=MODEL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Best: k = 16" in piped.stdout


def test_nothing_feasible_is_exit_1_with_the_reason(patternc, model):
    done = patternc("design", "m.attn", "--param", "k=[2000, 3000]", "--tokens", "1000000")
    assert done.code == 0  # these do connect; what follows does not
    (model.parent / "w.attn").write_text(MODEL.replace("local(k) | stride(k)", "local(k)"))
    for flags in ((), ("--json",)):
        done = patternc("design", "w.attn", *flags)
        assert done.code == 1
        assert "none of the 240 choices is legal" in done.message
        assert "rules out 240" in done.message
    data = json.loads(done.out)
    jsonschema.validate(data, SCHEMA)
    assert (data["best"], data["excluded"][0]["count"]) == (None, 240)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("m.attn", "--param", "k=5"), 1, "PA416"),
        (("m.attn", "--param", "k=5..5"), 1, "PA416"),
        (
            ("m.attn", "--param", "k=1..9999"),
            1,
            "narrow the lists, with a step for instance: --param 'k=1..9999 step 3'",
        ),
        (("m.attn", "--param", "j=1..9"), 1, "PA411"),
        (("m.attn", "--param", "k=1.."), 1, "PA1"),
        (("m.attn", "--minimise", "speed"), 2, "'speed' is not one of"),
        (("m.attn", "--minimise", "time", "--target", "cpu"), 2, "no predictions of time for cpu"),
        (("m.attn", "--minimise", "time", "--minimise", "time"), 2, "two different ones"),
        (("m.attn", "--expect", "connected"), 2, "--expect goes with -e"),
        (("-e", "local(k)", *INLINE, "--param", "k=1..9 model m {}"), 2, "more than one value"),
        (
            ("-e", "local(k)", *INLINE, "--param", "k=1..9", "--expect", "connected expect crop_stable"),
            2,
            "more than one",
        ),
        (("-e", "local(k)", *INLINE, "--param", "k=1..9", "--expect", "conected"), 1, "PA"),
        (("m.attn", "--svg", "x.png"), 1, "--svg writes SVG"),
        (("none.attn",), 1, "PA001"),
    ],
)
def test_one_clear_error(patternc, model, arguments, code, says):
    done = patternc("design", *arguments)
    assert done.code == code, done.err
    assert says in done.message
    assert done.out == ""
    assert len(re.findall(r"^error|^Error", done.err, re.MULTILINE)) == 1, done.err


def test_the_plots_as_a_file(patternc, model, tmp_path):
    arguments = ("design", "m.attn", "--minimise", "time", "--minimise", "cache", "--svg", "plots.svg")
    assert patternc(*arguments, "--param", "k=16..256 step 16").code == 0
    text = (tmp_path / "plots.svg").read_text()
    root = ElementTree.fromstring(text)
    circles = [each for each in root.iter("{http://www.w3.org/2000/svg}circle") if each.get("class") == "m"]
    data = json.loads(patternc(*arguments[:-2], "--param", "k=16..256 step 16", "--json").out)
    assert len(circles) == 2 * len(data["frontier"])
    assert patternc(*arguments, "--param", "k=16..256 step 16").code == 0  # a picture of ours is replaced
    assert (tmp_path / "plots.svg").read_text() == text
    (tmp_path / "plots.svg").write_text("mine")
    assert patternc(*arguments, "--param", "k=16..256 step 16").code == 1
    assert (tmp_path / "plots.svg").read_text() == "mine"


def test_ctrl_c_ends_it_with_130_and_no_traceback(tmp_path):
    """A search that would take long, interrupted at once or while it measures."""
    (tmp_path / "m.attn").write_text(MODEL.replace("4096", "1000000").replace("causal", "bidirectional"))
    running = subprocess.Popen(
        [sys.executable, "-m", "patternc", "design", "m.attn", "--minimise", "cache"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(8)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "Traceback" not in err
    assert "nterrupted" in err + out
