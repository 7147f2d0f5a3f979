"""The module directory is read without trusting it: damage, forged manifests, forged content."""

import json
import os
import shutil

import numpy as np
import pytest
from safetensors.numpy import load as load_tables
from safetensors.numpy import save as save_tables

from patternc.runtime.artifact import LIMITS, MANIFEST
from patternc.runtime.load import load
from tests.runtime.directories import edit_manifest, forge, refused

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
