"""The parts import downwards only, and each heavy library is imported in one place (ARCHITECTURE: the parts)."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "patternc"

ORDER = (
    "version source diagnostics catalogue",
    "grammar",
    "library",
    "algebra",
    "analysis",
    "codegen",
    "runtime",
    "integrations",
    "arguments",
    "program",
    "compiler",
    "designer",
    "cli __main__",
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names.split()}
DOOR = {
    "__init__",
    "compiler",
    "designer",
    "notebook",
    "program",
}  # patternc/__init__.py re-exports the door; all may name every stage

ONLY_IN = {
    "lark": {"grammar"},
    "sympy": {"analysis"},
    "networkx": {"analysis"},
    "islpy": {"analysis"},
    "torch": {"runtime", "integrations"},
    "click": {"cli"},
    "rich": {"cli"},
    "yaml": {"integrations"},
    "matplotlib": {"cli"},
    "IPython": {"notebook"},
}
STDLIB_ONLY = {"algebra/relation.py", "algebra/schedule.py", "algebra/elaborate.py", "algebra/expectation.py"}


def imports(path, at_run_time=False):
    """(module, line) of every import statement anywhere in a file; `at_run_time`: but for `if TYPE_CHECKING` blocks."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if at_run_time and isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module, node.lineno


def files():
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path):
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def test_every_part_has_a_rank():
    assert {part_of(path) for path in files()} - DOOR <= set(RANK)


def test_imports_point_down():
    wrong = []
    for path in files():
        part = part_of(path)
        if part in DOOR:
            continue
        for module, line in imports(path):
            if module == "patternc" or not module.startswith("patternc."):
                if module == "patternc":
                    wrong.append(f"{path.relative_to(ROOT)}:{line} imports the door")
                continue
            other = module.split(".")[1]
            if RANK[other] > RANK[part]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} ({part}) imports {module}")
    assert not wrong, "\n".join(wrong)


def test_heavy_libraries_have_one_home():
    wrong = []
    for path in files():
        part = part_of(path)
        for module, line in imports(path, at_run_time=True):
            top = module.split(".")[0]
            if top == "triton" and path.relative_to(PACKAGE).as_posix() != "runtime/cuda.py":
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports triton")
            if top in ONLY_IN and part not in ONLY_IN[top]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {top}")
            if path.relative_to(PACKAGE).as_posix() in STDLIB_ONLY and top in {"numpy", "lark"}:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {top}; this file is standard library only")
    assert not wrong, "\n".join(wrong)


def test_the_oracle_is_not_imported():
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in files()
        for module, line in imports(path)
        if module == "patternc.algebra.holds"
    ]
    assert not wrong, f"optimised code must not import the oracle it is tested against: {wrong}"


def test_the_links_at_the_top_resolve():
    for name in ("grammar", "codegen", "runtime"):
        link = ROOT / name
        assert link.is_symlink(), f"{name} at the top should be a link"
        assert link.resolve() == (PACKAGE / name).resolve()
