"""`patternc import` as a user calls it: where the text goes, what is not written over, how it ends."""

import json

import pytest

MISTRAL = {"model_type": "mistral", "num_hidden_layers": 2, "max_position_embeddings": 512, "sliding_window": 64}
DEEPSPEED = {"sparse_attention": {"mode": "fixed", "num_local_blocks": 4, "num_global_blocks": 1}}
NEOX = "attention_config: [[[local, global], all]]\nnum_layers: 4\nnum_attention_heads: 4\n"


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(MISTRAL))
    return path


def test_to_standard_output(patternc, config):
    done = patternc("import", config)
    assert (done.code, done.err) == (0, "")
    assert "all: local(sliding_window)" in done.out


def test_to_a_file_that_checks_and_compiles(patternc, config, tmp_path):
    out = tmp_path / "mistral.attn"
    done = patternc("import", config, "-o", out)
    assert (done.code, done.out) == (0, "")
    assert patternc("check", "--deep", out).code == 0
    assert patternc("compile", out, "-o", tmp_path / "mistral.attnc").code == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_file_that_is_there_is_kept(patternc, config, tmp_path):
    out = tmp_path / "mine.attn"
    out.write_text("# mine\n")
    done = patternc("import", config, "-o", out)
    assert done.code == 1
    assert "--force" in done.message
    assert out.read_text() == "# mine\n"
    assert patternc("import", config, "-o", out, "--force").code == 0
    assert "sliding_window" in out.read_text()
    # Nothing is written where there is nothing to write.
    config.write_text("{}")
    assert patternc("import", config, "-o", out, "--force").code == 1
    assert "sliding_window" in out.read_text()


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_links_and_folders_are_kept(patternc, config, tmp_path, force):
    link, folder = tmp_path / "link.attn", tmp_path / "folder"
    link.symlink_to(config)
    folder.mkdir()
    for out in (link, folder):
        done = patternc("import", config, "-o", out, *force)
        assert done.code == 1
        assert "no regular file" in done.message
    assert json.loads(config.read_text()) == MISTRAL


def test_sizes_that_deepspeed_does_not_say(patternc, tmp_path):
    path = tmp_path / "ds_config.json"
    path.write_text(json.dumps(DEEPSPEED))
    done = patternc("import", path, "--heads", 4)
    assert done.code == 1
    assert "--tokens N" in done.message
    assert "--layers N" in done.message
    assert "--heads N" not in done.message
    done = patternc("import", path, "--heads", 4, "--tokens", 1024, "--layers", 2, "--head-dim", 64)
    assert done.code == 0
    for line in ("tokens 1024", "heads 4", "head_dim 64", "layers 2"):
        assert line in done.out


def test_gpt_neox_in_several_files(patternc, tmp_path):
    (tmp_path / "model.yml").write_text(NEOX)
    (tmp_path / "sparse.yml").write_text('{"seq-length": 2048, # with comments\n "sparsity_config": {"block": 32}}')
    done = patternc("import", "model.yml", "sparse.yml")
    assert done.code == 0
    assert "param block = 32" in done.out
    assert "tokens 2048" in done.out
    (tmp_path / "again.yml").write_text("num-layers: 8\n")
    done = patternc("import", "model.yml", "sparse.yml", "again.yml")
    assert done.code == 1
    assert "`num_layers` is given twice" in done.message


def test_two_files_of_others_are_refused(patternc, config):
    done = patternc("import", config, config)
    assert done.code == 1
    assert "is one file" in done.message


def test_whose_it_is_can_be_said(patternc, config):
    config.write_text(json.dumps(MISTRAL | DEEPSPEED))
    assert patternc("import", config).code == 1
    assert patternc("import", config, "--from", "hf").code == 0
    done = patternc("import", config, "--from", "deepspeed", "--tokens", 512, "--layers", 1, "--heads", 2)
    assert done.code == 0
    assert "deepspeed_fixed" in done.out
    assert patternc("import", config, "--from", "megatron").code == 2


BAD = {
    "missing": (None, "there is no file"),
    "empty": (b"", "is empty"),
    "binary": (bytes(range(256)) * 16, "null bytes"),
    "latin-1": (b'{"model_type": "\xe9"}', "not UTF-8"),
    "truncated": (b'{"model_type": "mistral", "sliding', "not closed"),
    "no mapping": (b"[]", "no keys"),
    "5 MB": (b'{"a": "' + b"x" * 5_000_000 + b'"}', "larger than 4,096 KiB"),
    "nested": (b'{"a": ' + b"[" * 100_000, "nested more than 64 deep"),
    "digits": (b'{"model_type": "mistral", "sliding_window": ' + b"9" * 10_000 + b"}", "30 characters"),
    "huge": (b'{"model_type": "mistral", "sliding_window": 99999999999999}', "at most"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("suffix", ["json", "yml"])
def test_bad_input(patternc, tmp_path, name, suffix):
    data, message = BAD[name]
    path = tmp_path / f"config.{suffix}"
    if data is not None:
        path.write_bytes(data)
    done = patternc("import", path, "-o", "out.attn")
    assert done.code == 1
    assert done.out == ""
    assert message in done.message or (suffix == "yml" and "is not YAML" in done.message)
    assert done.err.count("error") == 1 + done.err.count("1 error")
    assert not (tmp_path / "out.attn").exists()


def test_a_folder(patternc, tmp_path):
    done = patternc("import", tmp_path)
    assert done.code == 1
    assert "is a directory, not a configuration" in done.message


def test_yaml_without_pyyaml(patternc, tmp_path):
    (tmp_path / "model.yml").write_text(NEOX)
    (tmp_path / "yaml.py").write_text("raise ModuleNotFoundError(name='yaml')\n")
    done = patternc("import", "model.yml", variables={"PYTHONPATH": str(tmp_path)})
    assert done.code == 1
    assert "pip install patternc[yaml]" in done.message
