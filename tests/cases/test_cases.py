"""One pattern through all stages, one folder a pattern: what each stage makes of it, as text that people read.

pattern.attn is the input; normal.txt the relations and their normal form, report.json the report, plan.json the plan,
kernels.py the generated module, tables.txt the tables. What is right is decided elsewhere, by the oracle.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from patternc.algebra.normalise import normalise_sum
from patternc.algebra.predicate import components, predicate
from patternc.analysis.report_json import to_json
from patternc.codegen.choice import choose
from patternc.codegen.lower import choose_shapes
from patternc.codegen.plan_json import plan_to_json
from patternc.compiler import compile

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/pattern.attn"))


@pytest.fixture(scope="module")
def programs():
    return {folder.name: compile(folder / "pattern.attn") for folder in FOLDERS}


def normal_text(program):
    lines = []
    schedule = program.schedule
    shape = choose_shapes(program.target, program.dtype, schedule.head_dim, schedule.tokens).forward
    for index, pattern in enumerate(schedule.patterns):
        lines += [f"pattern {index}: {pattern.text}", f"    {predicate(pattern.relation)}"]
        for place, normal in enumerate(normalise_sum(pattern.relations, schedule.tokens, choose(shape, []))):
            lines += [f"    {'+ ' * (place > 0)}{line}" for line in components(normal)]
    return "\n".join(lines) + "\n"


def tables_text(program):
    lines = []
    for table in program.lowered.tables.values():
        lines.append(f"{table.name}: own tiles of {table.own_tile}, counterpart tiles of {table.counterpart_tile}")
        for name in ("items", "tiles", "tile_bits", "gather", "gathered", "merges", "segments"):
            array = getattr(table, name)
            text = np.array2string(array, max_line_width=116, threshold=10**6)
            lines += [f"  {name} {list(array.shape)}", *(f"    {line}" for line in text.splitlines())]
        lines.append(f"  bits {list(table.bits.shape)}")
        for mask in table.bits:
            lines += [f"    {' '.join(f'{int(word) & 0xFFFFFFFF:08x}' for word in row)}" for row in mask] + [""]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", [folder.name for folder in FOLDERS])
def test_every_stage(name, programs, golden):
    program, folder = programs[name], Path(__file__).parent / name
    golden(folder / "normal.txt", normal_text(program))
    golden(folder / "report.json", json.dumps(to_json(program.report()), indent=1) + "\n")
    golden(folder / "plan.json", json.dumps(json.loads(plan_to_json(program.lowered.plan)), indent=1) + "\n")
    golden(folder / "kernels.py", program.kernels)
    golden(folder / "tables.txt", tables_text(program))


@pytest.mark.parametrize("name", [folder.name for folder in FOLDERS])
def test_golden_kernels_compile_as_python(name):
    path = Path(__file__).parent / name / "kernels.py"
    compile_python(path.read_text(), str(path))


def compile_python(text, name):
    import builtins

    return builtins.compile(text, name, "exec")
