"""Each command imports only what it needs (by imported modules, not by time)."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "longformer.attn"
HEAVY = {
    "lark",
    "yaml",
    "numpy",
    "networkx",
    "sympy",
    "scipy",
    "torch",
    "triton",
    "rich",
    "safetensors",
    "platformdirs",
}

RUN = """
import sys
from patternc.cli.main import main
main(sys.argv[1:], standalone_mode=False)
print("MODULES", *sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def imported(*arguments):
    done = subprocess.run([sys.executable, "-c", RUN, *map(str, arguments)], capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("MODULES")]
    return set(line.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["explain", "PA801"], ["explain"]])
def test_help_and_explain_need_the_standard_library_and_click(arguments):
    assert not imported(*arguments) & HEAVY


def test_check_needs_lark_only():
    assert imported("check", EXAMPLE) & HEAVY == {"lark"}


@pytest.mark.parametrize("arguments", [("--check", EXAMPLE), ("-e", "local(3)|self")])
def test_fmt_needs_lark_only(arguments):
    assert imported("fmt", *arguments) & HEAVY == {"lark"}


def test_import_needs_lark_and_for_yaml_pyyaml(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mistral"}')
    (tmp_path / "model.yml").write_text("num_layers: 2\nnum_attention_heads: 4\nseq_length: 64\n")
    assert imported("import", tmp_path / "config.json") & HEAVY == {"lark"}
    assert imported("import", tmp_path / "model.yml") & HEAVY == {"lark", "yaml"}


def test_compile_and_analyse_need_neither_torch_nor_triton(tmp_path):
    for arguments in (
        ("compile", EXAMPLE, "-o", tmp_path / "out.attnc"),
        ("analyse", EXAMPLE, "--json"),
        ("analyse", EXAMPLE),
        ("show", EXAMPLE),
        ("diff", EXAMPLE, EXAMPLE),
        ("design", "-e", "local(k)", "--param", "k=4..9", "--causal", "--tokens", "64"),
        ("mask", EXAMPLE, "--tokens", "256", "-o", tmp_path / "mask.npy"),
    ):
        assert not imported(*arguments) & {"torch", "triton"}, arguments


def test_only_networks_need_scipy(tmp_path):
    """Longformer's bottleneck needs none: as many tokens as see the first are seen by the last."""
    for arguments in (
        ("show", EXAMPLE),
        ("mask", EXAMPLE, "-o", tmp_path / "mask.npy"),
        ("analyse", EXAMPLE, "--json"),
    ):
        assert "scipy" not in imported(*arguments), arguments


def test_import_patternc_is_light():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, patternc; print(*{name.split('.')[0] for name in sys.modules})"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(done.stdout.split()) & HEAVY


@pytest.mark.parametrize("package", ["codegen", "runtime"])
def test_runtime_and_codegen_need_no_front_end_library(package):
    """A machine with only torch, triton, numpy and safetensors runs compiled modules."""
    code = f"""
import importlib, pkgutil, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {{"lark", "islpy", "sympy", "networkx", "platformdirs", "click", "rich"}}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import patternc.{package} as package
for module in pkgutil.iter_modules(package.__path__):
    if module.name != "cuda":  # imports triton, which not every machine has
        importlib.import_module(f"patternc.{package}.{{module.name}}")
print("ok")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "ok", done.stderr
