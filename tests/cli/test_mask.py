"""`patternc mask`: the file is the mask, what it may replace, and what it refuses."""

import os

import numpy as np
import pytest

from patternc.algebra.holds import holds
from patternc.compiler import compile
from tests.cli.arguments import INLINE


def test_mask_is_exact(patternc, tmp_path):
    done = patternc("mask", *INLINE, "--layer", 1, "-o", "m.npy")
    assert done.code == 0
    mask = np.load(tmp_path / "m.npy", allow_pickle=False)
    relation = (
        compile("model m { causal tokens 96 layers 2 { all: local(16) | stride(16) } }").schedule.pattern(1, 0).relation
    )
    assert mask.dtype == np.bool_
    assert mask.tolist() == [[holds(relation, i, j, 96) for j in range(96)] for i in range(96)]
    assert f"{int(mask.sum()):,} pairs" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["m.npy"]


def test_mask_counts_a_sum(patternc, tmp_path):
    sum_of_windows = ("-e", "local(3) + local(5)", "--causal", "--tokens", 32)
    done = patternc("mask", *sum_of_windows, "--counts", "-o", "m.npy")
    assert done.code == 0
    counts = np.load(tmp_path / "m.npy", allow_pickle=False)
    distance = np.arange(32)[:, None] - np.arange(32)
    assert counts.dtype == np.int32
    assert (counts == ((distance >= 0) & (distance < 3)) * 1 + ((distance >= 0) & (distance < 5))).all()
    assert f"int32 [32, 32], {counts.sum()} pairs" in done.out


def test_mask_refuses_what_would_fill_the_memory(patternc, tmp_path):
    done = patternc("mask", "-e", "dense", "--causal", "--tokens", 65536, "-o", "m.npy")
    assert done.code == 1
    assert "--force" in done.message
    assert not list(tmp_path.iterdir())


def test_mask_replaces_masks_only(patternc, tmp_path):
    def mask(path):
        done = patternc("mask", *INLINE, "-o", path)
        assert str(path) in done.message or done.code == 0
        return done

    pattern = tmp_path / "m.attn"
    pattern.write_text("model m { causal tokens 8 layers 1 { all: self } }\n")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.npy").symlink_to("m.npy")
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "m.npy").write_bytes(b"notes")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for name, says in (
        ("m.attn", "holds something else"),
        ("empty", "holds something else"),
        ("m.npy", "holds something else"),
        ("folder", "is a directory"),
        ("link.npy", "is a link"),
        ("pipe.npy", "is no regular file"),
        ("m.attn/m.npy", "cannot be written"),
    ):
        done = mask(name)
        assert (done.code, done.out) == (1, "")
        assert says in done.message, name
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert not list((tmp_path / "folder").iterdir())
    assert patternc("mask", "m.attn", "-o", "m.attn").code == 1
    assert patternc("mask", *INLINE, "-o", "-").code == 2
    assert mask("new/one.npy").code == 0
    assert patternc("mask", "m.attn", "-o", "new/one.npy").code == 0
    assert np.load(tmp_path / "new" / "one.npy", allow_pickle=False).shape == (8, 8)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["one.npy"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_mask_respects_the_umask(patternc, tmp_path, umask):
    before = os.umask(umask)
    try:
        assert patternc("mask", *INLINE, "-o", "m.npy").code == 0
    finally:
        os.umask(before)
    assert (tmp_path / "m.npy").stat().st_mode & 0o777 == 0o666 & ~umask


def test_mask_of_a_layer_that_does_not_exist(patternc):
    done = patternc("mask", *INLINE, "--layer", 7, "-o", "m.npy")
    assert done.code == 1
    assert "there is no layer 7: the model has 2" in done.message
