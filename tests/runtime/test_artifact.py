"""The module directory: the same bytes every time, written whole or not at all, and read without trusting it."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
import torch

import patternc
from patternc.runtime import artifact
from patternc.runtime.artifact import LIMITS, MANIFEST, module_files, write_module
from patternc.runtime.errors import ModuleError
from patternc.runtime.load import load
from tests.runtime.directories import edit_manifest, forge
from tests.runtime.programs import attention_of, content_of, program

TARGETS = ("cpu", "cuda:90")


# -- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_loads_and_runs(tmp_path, target):
    attention = load(write_module(tmp_path / "module", content_of(program(target=target))))
    q, k, v = torch.randn(1, 4, 160, 16), torch.randn(1, 2, 160, 16), torch.randn(1, 2, 160, 16)
    for layer in range(5):
        torch.testing.assert_close(attention(q, k, v, layer), attention_of(program())(q, k, v, layer))
    assert attention.shape.target == target


def test_the_files_are_those_of_the_design(directory):
    assert sorted(entry.name for entry in directory.iterdir()) == sorted(LIMITS)
    assert [entry for entry in directory.parent.iterdir() if entry != directory] == []
    manifest = json.loads((directory / MANIFEST).read_text())
    assert manifest["schema"] == "patternc.module/1"
    assert manifest["shapes"] == {
        "tokens": 160,
        "layers": 5,
        "heads": 4,
        "kv_heads": 2,
        "head_dim": 16,
        "dtype": "float32",
        "target": "cuda:90",
    }
    for name, entry in manifest["files"].items():
        data = (directory / name).read_bytes()
        assert entry == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert str(directory.parent).encode() not in b"".join((directory / name).read_bytes() for name in LIMITS)


def test_the_same_bytes_in_another_process():
    script = (
        "import hashlib\n"
        "from patternc.runtime.artifact import module_files\n"
        "from tests.runtime.programs import content_of, program\n"
        "files = module_files(content_of(program(target='cuda:90')))\n"
        "print({name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())})\n"
    )
    here = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in sorted(module_files(content_of(program(target="cuda:90"))).items())
    }
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()}
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
        )
        assert done.stdout.strip() == str(here)


def test_writing_needs_neither_torch_nor_triton():
    script = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'triton'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "import pathlib, tempfile\n"
        "from patternc.compiler import compile\n"
        "import patternc.runtime.artifact as artifact\n"
        "from patternc.runtime.remake import Shape, kernels_of\n"
        "p = compile('model m { causal tokens 64 heads 2 head_dim 16 layers 1 { all: local(8) } }')\n"
        "shape = Shape(64, 16, p.dtype, p.target)\n"
        "kernels = kernels_of(p.bound, p.schedule, p.lowered)\n"
        "content = artifact.Content(p.bound, shape, p.lowered.plan, p.lowered.tables, kernels, '', '{}')\n"
        "artifact.write_module(pathlib.Path(tempfile.mkdtemp()) / 'm', content)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_older_module_is_replaced(directory):
    (directory / "__pycache__").mkdir()
    (directory / ".DS_Store").write_bytes(b"\0")
    write_module(directory, content_of(program()))
    assert load(directory).shape.target == "cpu"
    assert [entry for entry in directory.parent.iterdir() if entry != directory] == []


def test_an_empty_directory_is_taken(tmp_path):
    load(write_module(tmp_path, content_of(program())))


@pytest.mark.parametrize("kind", ["file", "other directory", "link", "no manifest", "hidden"])
def test_what_is_not_a_module_is_not_overwritten(tmp_path, kind):
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("mine")
    elif kind == "hidden":
        write_module(place, content_of(program()))
        (place / ".git").mkdir()
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        place.symlink_to(tmp_path / "elsewhere")
    else:
        place.mkdir()
        (place / ("thesis.tex" if kind == "other directory" else "kernels.py")).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModuleError) as caught:
        write_module(place, content_of(program()))
    assert str(place) in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failed_write_leaves_nothing(tmp_path, directory, monkeypatch):
    older = {name: (directory / name).read_bytes() for name in LIMITS}
    from pathlib import Path

    real, calls = Path.write_bytes, []

    def full_disk(path, data):
        calls.append(path)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(ModuleError, match="No space left on device"):
        write_module(directory, content_of(program()))
    monkeypatch.undo()
    assert {name: (directory / name).read_bytes() for name in LIMITS} == older
    assert list(tmp_path.iterdir()) == [directory]


def test_a_failed_rename_puts_the_older_module_back(tmp_path, directory, monkeypatch):
    from pathlib import Path

    real = Path.rename

    def refuse_fresh(path, target):
        if path.name == "module" and path.parent != tmp_path:
            raise OSError(13, "Permission denied")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", refuse_fresh)
    with pytest.raises(ModuleError, match="Permission denied"):
        write_module(directory, content_of(program()))
    monkeypatch.undo()
    load(directory)
    assert list(tmp_path.iterdir()) == [directory]


def test_too_large_to_write(tmp_path, monkeypatch):
    monkeypatch.setitem(artifact.LIMITS, "plan.json", 100)
    with pytest.raises(ModuleError, match=r"plan.json: would have .* more than the 100"):
        write_module(tmp_path / "module", content_of(program()))
    assert list(tmp_path.iterdir()) == []


# -- other versions ---------------------------------------------------------------------------------------------------


def test_another_version_is_made_anew(directory):
    """Whatever the other version wrote as plan, kernels and tables: this one's are used, with one notice."""
    edit_manifest(directory, lambda m: m["versions"].__setitem__("patternc", "0.0.9"))
    forge(directory, "plan.json", b"another plan")
    forge(directory, "tables.safetensors", b"other tables")
    with pytest.warns(UserWarning, match=r"written by patternc 0\.0\.9; .* made anew") as caught:
        attention = load(directory)
    assert len(caught) == 1
    q, k, v = torch.randn(1, 4, 160, 16), torch.randn(1, 2, 160, 16), torch.randn(1, 2, 160, 16)
    torch.testing.assert_close(attention(q, k, v, 3), attention_of(program())(q, k, v, 3))


def test_trusted_plans_of_another_version_run(directory):
    edit_manifest(directory, lambda m: m["versions"].__setitem__("patternc", "0.0.9"))
    text = (directory / "plan.json").read_text().replace('"num_stages":2', '"num_stages":3')
    forge(directory, "plan.json", text.encode())
    attention = load(directory, trust_code=True)
    stages = {launch.kernel.num_stages for layer in attention.lowered.plan.distinct for launch in launches(layer)}
    assert 3 in stages


def launches(layer):
    return [launch for group in layer.groups for launch in group.launches]


def test_the_face_of_the_directory(directory):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import module\n"
        "print(type(module.load(strict=True)).__name__, 'kernels' in dir(module))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(directory.parent)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "Attention False", done.stderr
    load(directory)


def test_errors_are_exported():
    assert patternc.ModuleError is ModuleError
    assert issubclass(ModuleError, ValueError)
