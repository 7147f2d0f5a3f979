"""The module directory: the same bytes every time, written whole or not at all, and read without trusting it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import load as load_tables
from safetensors.numpy import save as save_tables

import patternc
from patternc.runtime import artifact
from patternc.runtime.artifact import LIMITS, MANIFEST, module_files, write_module
from patternc.runtime.errors import ModuleError
from patternc.runtime.load import load
from tests.runtime.programs import attention_of, content_of, program

TARGETS = ("cpu", "cuda:90")


@pytest.fixture
def directory(tmp_path):
    return write_module(tmp_path / "module", content_of(program(target="cuda:90")))


def refused(directory, *says, **options):
    """The message of the ModuleError that loading raises; it must hold all of `says`."""
    with pytest.raises(ModuleError) as caught:
        load(directory, **options)
    for part in says:
        assert str(part) in str(caught.value)
    return str(caught.value)


def forge(directory, name, data):
    """Replace a file, and make the manifest agree."""
    (directory / name).write_bytes(data)
    edit_manifest(
        directory,
        lambda manifest: manifest["files"].__setitem__(
            name, {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        ),
    )


def edit_manifest(directory, change):
    manifest = json.loads((directory / MANIFEST).read_text())
    change(manifest)
    (directory / MANIFEST).write_text(json.dumps(manifest))


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


# -- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LIMITS)
def test_a_flipped_byte(directory, name):
    """In the manifest, which nothing hashes, all over it: a wrong hash, not what this version writes, or, in the one
    number of the version, another version's module, of which nothing but the program is used.
    """
    data = (directory / name).read_bytes()
    places = range(0, len(data), 7) if name == MANIFEST else (0, len(data) // 2, len(data) - 1)
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1
        (directory / name).write_bytes(changed)
        if name == MANIFEST and place in version_digits(data):
            with pytest.warns(UserWarning, match="made anew"):
                load(directory)
        elif name == MANIFEST:
            refused(directory, directory)
        else:
            refused(directory, directory / name, "sha256")
            refused(directory, directory / name, "sha256", trust_code=True)
    (directory / name).write_bytes(data)
    load(directory)


def version_digits(manifest):
    first = manifest.index(b'"patternc": "') + len(b'"patternc": "')
    return range(first, manifest.index(b'"', first))


@pytest.mark.parametrize("name", LIMITS)
def test_a_missing_file(directory, name):
    (directory / name).unlink()
    refused(directory, directory / name, "missing")


@pytest.mark.parametrize("name", sorted(set(LIMITS) - {MANIFEST}))
def test_a_truncated_file(directory, name):
    data = (directory / name).read_bytes()
    (directory / name).write_bytes(data[:-1])
    refused(directory, directory / name, "truncated")


@pytest.mark.parametrize("name", LIMITS)
def test_an_oversized_file(directory, name):
    """A sparse file beyond the limit is refused by its size, before it is read."""
    os.truncate(directory / name, LIMITS[name] + 1)
    refused(directory, directory / name, "bytes; at most")


def test_a_file_larger_than_its_limit_in_the_manifest(directory):
    edit_manifest(directory, lambda m: m["files"]["plan.json"].__setitem__("bytes", LIMITS["plan.json"] + 1))
    refused(directory, MANIFEST, "says that plan.json has", "more than")


@pytest.mark.parametrize("name", ["extra.py", "model.pkl", "Thumbs.db", "kernels.pyc"])
def test_an_extra_file(directory, name):
    (directory / name).write_text("")
    refused(directory, directory / name, "not a file of a module")


def test_others_may_leave_what_nobody_reads(directory):
    (directory / "__pycache__").mkdir()
    (directory / ".DS_Store").write_bytes(b"\0")
    (directory / ".git").mkdir()
    os.mkfifo(directory / ".pipe")
    (directory / ".link").symlink_to("nowhere")
    load(directory)


@pytest.mark.parametrize("name", LIMITS)
def test_a_link(directory, tmp_path, name):
    shutil.move(directory / name, tmp_path / "moved")
    (directory / name).symlink_to(tmp_path / "moved")
    refused(directory, directory / name, "link")


@pytest.mark.parametrize("name", ["plan.json", MANIFEST])
def test_not_regular_files(directory, name):
    (directory / name).unlink()
    (directory / name).mkdir()
    refused(directory, directory / name)
    (directory / name).rmdir()
    os.mkfifo(directory / name)
    refused(directory, directory / name)


def test_not_a_module(tmp_path):
    refused(tmp_path / "nowhere", "nowhere: does not exist")
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file", "file: is not a directory")
    refused(tmp_path, MANIFEST, "missing")


# -- forged manifests -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "extra.py", "sub/plan.json", "", "x" * 5000])
def test_a_manifest_that_names_other_files(directory, name):
    edit_manifest(directory, lambda m: m["files"].__setitem__(name, m["files"]["plan.json"]))
    message = refused(directory, MANIFEST, "not a file of a module")
    assert len(message) < 400


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.__setitem__("schema", "patternc.module/2"), "reads 'patternc.module/1': update patternc"),
        (lambda m: m.__delitem__("schema"), "not the manifest of a module"),
        (lambda m: m.__setitem__("language", "2"), "is of language edition '2'"),
        (lambda m: m["limits"].__setitem__("tokens", 5), "not what patternc"),
        (lambda m: m["shapes"].__setitem__("heads", 5), "not what patternc"),
        (lambda m: m["files"].__delitem__("ir.json"), "does not name ir.json"),
        (lambda m: m["files"].__setitem__("ir.json", "x"), "no size and sha256 of ir.json"),
        (lambda m: m["files"]["ir.json"].__setitem__("bytes", True), "no size and sha256 of ir.json"),
        (lambda m: m["files"]["ir.json"].__setitem__("bytes", -1), "no size and sha256 of ir.json"),
        (lambda m: m["shapes"].__setitem__("tokens", 2**31), "says 2147483648 tokens"),
        (lambda m: m["shapes"].__setitem__("tokens", "160"), "says 160 tokens"),
        (lambda m: m["shapes"].__setitem__("head_dim", 0), "says head_dim 0"),
        (lambda m: m["shapes"].__setitem__("dtype", "int8"), "says dtype 'int8'"),
        (lambda m: m["shapes"].__setitem__("target", 5), "says no target"),
        (lambda m: m.__setitem__("shapes", []), "has no versions, shapes or files"),
        (lambda m: m.__setitem__("model", 5), "has no model or no version"),
        (lambda m: m["versions"].__setitem__("patternc", None), "has no model or no version"),
    ],
)
def test_a_manifest_that_is_none(directory, change, says):
    edit_manifest(directory, change)
    refused(directory, directory / MANIFEST, says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"[" * 60_000, "nested more than 64 deep"),
        (b"{}", "not the manifest"),
        (b"[]", "not the manifest"),
        (b"\xff\xfe", "is damaged: not UTF-8 text (byte 0)"),
        (b'{"schema": "patternc', "is damaged: not JSON from line 1, column 12 on"),
        (b'{"a": 1e999}', "is not an integer"),
        (b"", "not JSON"),
    ],
)
def test_a_manifest_that_is_not_even_json(directory, text, says):
    (directory / MANIFEST).write_bytes(text)
    refused(directory, directory / MANIFEST, says)


def test_a_manifest_with_another_shape(directory):
    """Plan and tables are those of the program at the manifest's shape, or nothing."""
    edit_manifest(directory, lambda m: m["shapes"].__setitem__("tokens", 161))
    refused(directory, directory / "plan.json", "not what patternc")
    refused(directory, directory / "plan.json", "other tokens", trust_code=True)


# -- forged content, with hashes that agree ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plan.json", "kernels.py", "tables.safetensors"])
def test_what_this_version_would_not_write(directory, name):
    data = (directory / name).read_bytes()
    if name == "plan.json":
        data = data.replace(b'"num_stages":', b'"num_stages":1', 1)
    elif name == "kernels.py":
        data = data.replace(b"import triton", b"import os, triton", 1)
    else:
        data = data[:-4] + b"\x01\x00\x00\x00"
    forge(directory, name, data)
    refused(directory, directory / name, "not what patternc", "trust_code=True")


def test_nothing_of_the_directory_is_executed(directory, tmp_path):
    trap = tmp_path / "sprung"
    code = f"open({str(trap)!r}, 'w')\n".encode()
    for name in ("__init__.py", "kernels.py"):
        forge(directory, name, code + (directory / name).read_bytes())
    refused(directory, directory / "kernels.py")
    refused(directory, directory / "kernels.py", "edited kernels are never run", trust_code=True)
    assert not trap.exists()


@pytest.mark.parametrize("schema", ["patternc.program/2", "other"])
def test_a_newer_program(directory, schema):
    data = (directory / "ir.json").read_bytes().replace(b"patternc.program/1", schema.encode())
    forge(directory, "ir.json", data)
    refused(directory, directory / "ir.json", "schema", schema)
    refused(directory, directory / "ir.json", "schema", schema, trust_code=True)


@pytest.mark.parametrize("name", ["ir.json", "plan.json"])
def test_deep_nesting(directory, name):
    for data in (b"[" * 200_000, b'{"a":' * 200_000):
        forge(directory, name, data)
        refused(directory, directory / name, "nested", trust_code=True)


def tables_of(directory):
    return {name: array.copy() for name, array in load_tables((directory / "tables.safetensors").read_bytes()).items()}


def first(tables, array):
    return tables[next(name for name in sorted(tables) if name.endswith(f"forward.{array}"))]


def set_item(column, value):
    return lambda tables: first(tables, "items").__setitem__((0, column), value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (set_item(0, 10_000), "row"),
        (set_item(0, -16), "row"),
        (set_item(1, 1_000), "items count"),
        (set_item(2, -1), "items full"),
        (set_item(5, 1 << 20), "items end"),
        (set_item(7, 1 << 20), "items gather end"),
        (set_item(8, 3), "items slot"),
        (lambda t: first(t, "tiles").__setitem__(0, 1 << 30), "tiles"),
        (lambda t: first(t, "tiles").__setitem__(0, -1), "tiles"),
        (lambda t: first(t, "tile_bits").__setitem__(0, 1 << 30), "tile_bits"),
        (lambda t: first(t, "gather").__setitem__((0, 0), 1 << 30), "gather"),
        (lambda t: first(t, "segments").__setitem__((0, 0), 64), "segments"),
    ],
)
def test_trusted_tables_are_range_checked(directory, change, says):
    tables = tables_of(directory)
    change(tables)
    forge(directory, "tables.safetensors", save_tables(tables))
    refused(directory, directory / "tables.safetensors", says, trust_code=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop(sorted(t)[0]), "lacks"),
        (lambda t: t.__setitem__("extra.items", np.zeros(1, np.int32)), "holds 'extra.items'"),
        (lambda t: t.__setitem__(sorted(t)[0], t[sorted(t)[0]].astype(np.int64)), "is int64; expected int32"),
        (lambda t: t.__setitem__(sorted(t)[0], t[sorted(t)[0]].reshape(-1)[:5]), "shape"),
    ],
)
def test_trusted_tables_are_those_of_the_plan(directory, change, says):
    tables = tables_of(directory)
    change(tables)
    forge(directory, "tables.safetensors", save_tables(tables))
    refused(directory, directory / "tables.safetensors", says, trust_code=True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "too short for a header"),
        ((1 << 62).to_bytes(8, "little") + b"{}", "its header claims"),
        ((1 << 25).to_bytes(8, "little") + b" " * 100, "its header claims"),
        ((200_000).to_bytes(8, "little") + b"[" * 200_000, "not a safetensors file"),
        ((2).to_bytes(8, "little") + b"{}", "lacks"),
        ((8).to_bytes(8, "little") + b'{"a":{}}', "not a safetensors file"),
    ],
)
def test_header_bombs(directory, data, says):
    forge(directory, "tables.safetensors", data)
    refused(directory, directory / "tables.safetensors", says, trust_code=True)


def test_a_header_that_lies_about_offsets(directory):
    data = (directory / "tables.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    name = sorted(header)[0]
    for offsets, shape in (([0, 1 << 40], [1 << 38]), ([0, 4], [1 << 60]), ([8, 4], [1])):
        header[name] = {"dtype": "I32", "shape": shape, "data_offsets": offsets}
        text = json.dumps(header).encode()
        forge(directory, "tables.safetensors", len(text).to_bytes(8, "little") + text + data[8 + size :])
        refused(directory, directory / "tables.safetensors", "not a safetensors file", trust_code=True)


def kernel_of(plan):
    return plan["distinct"][0]["groups"][0]["forward"][0]["kernel"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: p["distinct"][0]["groups"][0].__setitem__("heads", [0, 1, 2]), "in exactly one group"),
        (lambda p: p["distinct"][0].__setitem__("kv_heads", 3), "not a multiple of 3 kv_heads"),
        (lambda p: p["distinct"][1].__setitem__("heads", 8), "another number of heads"),
        (lambda p: p["distinct"][0].__setitem__("tokens", 100), "other tokens"),
        (
            lambda p: p["distinct"][0]["groups"][0]["forward"][0]["kernel"].__setitem__("head_dim", 64),
            "another head_dim",
        ),
        (lambda p: p.__setitem__("layers", []), "no layer"),
        (lambda p: p["distinct"][0].__setitem__("extra", 1), "unknown field 'extra'"),
    ],
)
def test_trusted_plans_fit_their_manifest(directory, change, says):
    plan = json.loads((directory / "plan.json").read_text())
    change(plan)
    forge(directory, "plan.json", json.dumps(plan).encode())
    refused(directory, directory / "plan.json", says, trust_code=True)


def test_trusted_kernels_have_the_tiles_of_their_tables(directory):
    text = (directory / "plan.json").read_text().replace('"own_tile":128', '"own_tile":64', 1)
    text = text if '"own_tile":64' in text else text.replace('"own_tile":64', '"own_tile":32', 1)
    forge(directory, "plan.json", text.replace('"own_tile":64', '"own_tile":32', 1).encode())
    refused(directory, directory / "tables.safetensors", trust_code=True)


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
