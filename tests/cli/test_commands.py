"""What each command does, and how it ends when something is wrong."""

import json

import pytest

from patternc.catalogue import CATALOGUE
from patternc.cli.readings import READINGS
from tests.cli.arguments import EXAMPLES, INLINE


def test_check_all_examples(patternc):
    done = patternc("check", *EXAMPLES)
    assert (done.code, done.err) == (0, "")
    assert f"{len(EXAMPLES)} files" in done.out


def test_check_reports_all_mistakes_of_all_files(patternc, tmp_path):
    for name, pattern in (("a", "lcal(3)"), ("b", "local(0) | stride(-1)")):
        (tmp_path / f"{name}.attn").write_text(f"model m {{ causal tokens 8 layers 1 {{ all: {pattern} }} }}\n")
    done = patternc("check", "a.attn", "b.attn")
    assert done.code == 1
    assert done.err.count("error[") == 3
    assert "3 errors" in done.message
    as_json = patternc("check", "a.attn", "b.attn", "--format", "json")
    assert as_json.code == 1
    assert len(json.loads(as_json.out)["diagnostics"]) == 3


def test_check_takes_a_file_without_a_model(patternc, tmp_path):
    (tmp_path / "parts.attn").write_text("pattern window(w) = local(w) | self\n")
    assert patternc("check", "parts.attn").code == 0


def test_check_deep_finds_an_empty_row(patternc):
    shallow = patternc("check", "-e", "local(4) - self", "--causal", "--tokens", 8)
    deep = patternc("check", "-e", "local(4) - self", "--causal", "--tokens", 8, "--deep")
    assert shallow.code == 0
    assert deep.code == 1
    assert "query 0 attends nothing" in deep.message


@pytest.mark.parametrize(
    "command", [("check", "--causal", "--tokens", 64), ("show", "--causal", "--tokens", 8), ("fmt",)]
)
def test_what_is_typed_is_a_pattern_by_itself(patternc, command):
    done = patternc(*command, "-e", "local(8) } heads 2 tokens 9 #")
    assert done.code == 1
    assert done.err.startswith("error[PA101]: `}` cannot stand here\n --> -e:1:10\n")
    assert done.err.count("error[") == 1


@pytest.mark.parametrize("command", ["check", "fmt"])
def test_nothing_to_check(patternc, command):
    done = patternc(command)
    assert done.code == 2
    assert "Give pattern files, or a pattern with -e." in done.message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "pattern file, or a pattern with -e."),
        (("-e", "dense"), "--causal or --bidirectional"),
        (("-e", "dense", "--causal"), "--tokens"),
        (("-e", "dense", "--causal", "--bidirectional", "--tokens", 8), "--causal and --bidirectional exclude each"),
        (("x.attn", "-e", "dense"), "not both"),
        (("-e", "dense expect connected", "--causal", "--tokens", 8), "-e holds more than a pattern"),
        (("-e", "dense param =", "--causal", "--tokens", 8), "-e holds more than a pattern"),
        (("x.attn", "--causal"), "--causal goes with -e"),
        (("-e", "dense", "--causal", "--tokens", 8, "--param", "l"), "NAME=VALUE"),
        (("-e", "dense", "--causal", "--tokens", 8, "--param", "l=1", "--param", "l=2"), "twice"),
        (("-e", "dense", "--causal", "--tokens", 0), "--tokens"),
    ],
)
def test_wrong_usage_exits_2(patternc, arguments, message):
    done = patternc("analyse", *arguments)
    assert done.code == 2
    assert message in done.message
    assert done.out == ""


def test_a_mistyped_command_gets_a_suggestion(patternc):
    done = patternc("anlyse", "x.attn")
    assert done.code == 2
    assert "'analyse'" in done.message


def test_explain_every_code(patternc):
    listed = patternc("explain").out
    for code in CATALOGUE:
        assert code in listed
    done = patternc("explain", "pa801")
    assert done.code == 0
    assert "Wrong:" in done.out
    assert "Right:" in done.out
    assert patternc("explain", "PA000").code == 2


def test_explain_the_numbers_of_a_report(patternc):
    done = patternc("explain", "report")
    assert done.code == 0
    for each in READINGS:
        assert f"{each.name}: {each.says}" in " ".join(done.out.split())
    assert "patternc explain report" in patternc("analyse", *INLINE).out


def test_analyse_json_and_text_agree(patternc):
    report = json.loads(patternc("analyse", *INLINE, "--json").out)
    text = patternc("analyze", *INLINE).out
    assert report["schema"] == "patternc.report/1"
    assert f"{report['pairs']['total']:,}" in text
    assert report["connectivity"]["depth"] == 2


def test_analyse_path_names_layer_and_term(patternc):
    done = patternc("analyse", *INLINE, "--path", 0, 90, "--json")
    hops = json.loads(done.out)["connectivity"]["witness"]["hops"]
    assert len(hops) == 2
    done = patternc("analyse", *INLINE, "--path", 0, 96)
    assert done.code == 1
    assert "0..95" in done.message


def test_no_path_to_a_later_key(patternc):
    done = patternc("analyse", *INLINE, "--path", 5, 3)
    assert done.code == 0
    assert "the model is causal, and no query sees a later key" in " ".join(done.out.split())
    done = patternc("analyse", "-e", "local(4)", "--bidirectional", "--tokens", 8, "--path", 5, 3)
    assert "causal" not in done.out


def test_a_failed_expectation_is_in_the_report_and_exits_1(patternc, tmp_path):
    (tmp_path / "m.attn").write_text(
        "model m { causal tokens 64 layers 2 { all: local(8) } }\nexpect connected\nexpect pairs(0) <= n * 8\n"
    )
    done = patternc("analyse", "m.attn", "--json")
    assert done.code == 1
    assert [each["holds"] for each in json.loads(done.out)["expectations"]] == [False, True]
    assert "PA601" in done.message
    assert patternc("compile", "m.attn").code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["m.attn"]


def test_show_draws_the_mask(patternc):
    done = patternc("show", *INLINE)
    assert done.code == 0
    assert "local(16) | stride(16)" in done.out
    assert len(done.out.splitlines()) > 10


def test_parameters_from_the_command_line(patternc, tmp_path):
    (tmp_path / "m.attn").write_text(
        "param w = 4\nparam ids = [0]\nmodel m { causal tokens 64 layers 1 { all: local(w) | keys(ids) } }\n"
    )

    def pairs(*arguments):
        return json.loads(patternc("analyse", "m.attn", "--json", *arguments).out)["pairs"]["total"]

    assert pairs("--param", "w=2 * 4") == pairs("--param", "w=8") > pairs()
    assert pairs("--param", "ids=0..4") > pairs()
    for wrong, message in (
        ("w=0..4", "is a number"),
        ("ids=3", "is a list"),
        ("v=3", "no parameter `v`"),
        ("w=", "NAME="),
    ):
        done = patternc("analyse", "m.attn", "--param", wrong)
        assert done.code in (1, 2), wrong
        assert message in done.message


def test_compile_then_verify(patternc, tmp_path):
    done = patternc("compile", *INLINE, "--head-dim", 16, "--dtype", "float32", "-o", "m.attnc")
    assert done.code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.attnc"]
    done = patternc("verify", "m.attnc")
    assert done.code == 0, done.out + done.err
    assert " 0 failed" in done.out
    (tmp_path / "m.attnc" / "plan.json").write_text("{}")
    done = patternc("verify", "m.attnc")
    assert done.code == 1
    assert "plan.json" in done.message


def test_compile_never_replaces_what_is_no_module(patternc, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    done = patternc("compile", *INLINE, "--head-dim", 16, "-o", "precious")
    assert done.code == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["precious", "thesis.txt"]


def test_wide_heads(patternc, tmp_path):
    done = patternc("compile", *INLINE, "--head-dim", 512, "-o", "m")
    assert (done.code, done.out) == (1, "")
    assert "error[PA803]" in done.message
    assert not list(tmp_path.iterdir())
    assert patternc("compile", *INLINE, "--head-dim", 512, "--target", "cpu", "-o", "m").code == 0
    assert patternc("mask", *INLINE, "-o", "m.npy").code == 0


@pytest.mark.parametrize("arguments", [("compile", "--head-dim", 64), ("analyse", "--json")])
def test_beyond_the_budget_is_a_diagnostic(patternc, tmp_path, arguments):
    done = patternc(*arguments, "-e", "dense", "--causal", "--tokens", 1 << 20)
    assert (done.code, done.out) == (1, "")
    assert done.err.count("error[PA705]") == 1
    assert "| ^^^^^ this pattern" in done.err
    assert not list(tmp_path.iterdir())


def test_compile_without_a_head_dim_says_what_would_do(patternc, tmp_path):
    done = patternc("compile", *INLINE)
    assert done.code == 1
    assert "--head-dim 64" in done.message
    assert not list(tmp_path.iterdir())
