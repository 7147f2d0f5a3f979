"""The wheel built from the sdist installs in a fresh environment and compiles a pattern there."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(sdist, wheel made from the unpacked sdist)."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", out, ROOT)
    (sdist,) = out.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(out, filter="data")
    unpacked = out / sdist.name.removesuffix(".tar.gz")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, unpacked)
    (wheel,) = out.glob("*.whl")
    return sdist, wheel


def test_sdist_holds_what_it_should(built):
    sdist, _ = built
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "patternc/grammar/attn.lark"} <= names
    assert not [name for name in names if name.split("/")[0] in {"grammar", "codegen", "runtime", "tests", ".venv"}]


def test_wheel_holds_every_module_and_data_file(built):
    _, wheel = built
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "patternc").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= names, sorted(wanted - names)


def test_wheel_installs_and_compiles_a_pattern(built, tmp_path):
    _, wheel = built
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", venv)
    python = venv / "bin" / "python"
    # the libraries of this environment, but never its editable patternc: the wheel is unpacked into the new one
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    libraries = Path(
        run(sys.executable, "-c", "import lark, pathlib; print(pathlib.Path(lark.__file__).parents[1])").strip()
    )
    (site / "libraries.pth").write_text(f"{libraries}\n")
    place = run(python, "-c", "import patternc; print(patternc.__file__)", cwd=tmp_path).strip()
    assert place.startswith(str(site)), place
    pattern = tmp_path / "window.attn"
    pattern.write_text("model m { causal tokens 256 head_dim 64 layers 1 { all: local(32) | stride(16) } }\n")
    run(python, "-m", "patternc", "compile", pattern, "-o", tmp_path / "window.attnc", cwd=tmp_path)
    assert (tmp_path / "window.attnc" / "kernels.py").is_file()
    assert (tmp_path / "window.attnc" / "manifest.json").is_file()
