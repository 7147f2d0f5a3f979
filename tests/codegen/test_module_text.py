"""The text of kernels.py: what it may hold, that nothing in it is idle, and that nothing else gets into it."""

import ast
import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from patternc.codegen.names import LONGEST, is_kernel_name, kernel_name
from patternc.codegen.plan import (
    PLAN_SCHEMA,
    ChunkStart,
    Constant,
    HeadGroup,
    KernelSpec,
    Lattice,
    Launch,
    LayerPlan,
    ModulePlan,
    RowInterval,
    Shift,
)
from patternc.codegen.signature import merge_signature, row_signature, signature
from patternc.codegen.triton_module import ModuleHeader, emit_kernel, emit_module, emit_row_kernel
from patternc.codegen.triton_shares import merge_name

WINDOW = RowInterval((Shift(-255),), (Shift(1),))
ANY = RowInterval((ChunkStart(64, -64), Constant(3)), (Shift(90), ChunkStart(64, 64)))
HEADER = ModuleHeader("m", "model m { causal tokens 8 layers 1 { all: local(256) } }", "layer 0: 0 <= i - j <= 255")


def spec(role="forward", **changes):
    chosen = {
        "role": role, "name": f"{role}_local_256", "own": "contiguous", "own_tile": 128, "counterpart_tile": 64,
        "head_dim": 64, "full": True, "interval": WINDOW, "bits": False, "gathered": False, "accumulate": False,
        "sinks": False, "num_warps": 4, "num_stages": 3,
    }  # fmt: skip
    return KernelSpec(**(chosen | changes))


def specs():
    spans = itertools.product(
        ("forward", "dq", "dkv"), ("contiguous", "gathered"), (64, 80), (True, False), (None, WINDOW, ANY),
        (True, False), (True, False),
    )  # fmt: skip
    for role, own, head_dim, full, interval, bits, gathered in spans:
        yield spec(role, own=own, head_dim=head_dim, full=full, interval=interval, bits=bits, gathered=gathered)
    chains = itertools.product(
        ("forward", "dq", "dkv"), (None, Lattice(7, 128, 64), Lattice(7, 32, 64), Lattice(7, 128, 1)), (64, 80),
        (True, False), (True, False), (True, False),
    )  # fmt: skip
    for role, lattice, head_dim, accumulate, slots, gathered in chains:
        options = {"lattice": lattice, "head_dim": head_dim, "accumulate": accumulate, "slots": slots}
        yield spec(role, **options, gathered=gathered)
        yield spec(role, **options, full=False, interval=None, bits=not gathered, gathered=gathered)
    for role, accumulate in itertools.product(("forward", "dq", "dkv"), (True, False)):
        yield spec(role, own="gathered", accumulate=accumulate, slots=True)
    for role, lattice, accumulate, slots in itertools.product(
        ("forward", "dq", "dkv"), (None, Lattice(7, 32, 64)), (True, False), (True, False)
    ):
        yield spec(role, lattice=lattice, accumulate=accumulate, slots=slots, bits=True, gathered=True, soft_cap=True)
    yield spec(sinks=True)
    yield spec(sinks=True, slots=True)
    yield spec("forward", interval=RowInterval((), ()))
    yield spec("dq", interval=RowInterval((Constant(3),), (Constant(90),)))


def plan(*layers, forward=None):
    forward = forward or spec("forward")
    launches = [Launch(one, "t") for one in (forward, spec("dq"), spec("dkv"))]
    group = HeadGroup((0,), (launches[0],), (launches[1],), (launches[2],))
    layer = LayerPlan(PLAN_SCHEMA, "cuda:90", "bfloat16", 8, 1, 1, 64, "local(256)", (group,))
    return ModulePlan((layer,), layers or (0,))


def functions(text):
    return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def names_read(node):
    return {x.id for x in ast.walk(node) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Load)}


def names_written(node):
    stores = {x.id for x in ast.walk(node) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}
    return stores | {argument.arg for argument in node.args.args}


def test_nothing_in_a_kernel_is_idle_or_missing():
    """Every name that a kernel uses is there, and every name, parameter, constant and function there is used."""
    for one in specs():
        if not (one.full or one.interval or one.bits or one.gathered):
            continue  # what attends nothing keeps the frame of the others
        text = emit_kernel(one)
        tree = ast.parse(text)
        defined = functions(text)
        kernel = defined[one.name]
        assert [argument.arg for argument in kernel.args.args] == [p.name for p in signature(one)]
        assert (merge_name(one) in defined) == one.slots
        if one.slots:
            merge = defined[merge_name(one)]
            assert [argument.arg for argument in merge.args.args] == [p.name for p in merge_signature(one)]
        constants = {node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)}
        for function in defined.values():
            known = names_written(function) | constants | set(defined) | {"tl", "triton", "range", "float"}
            assert names_read(function) <= known, one
            idle = names_written(function) - names_read(function) - {"_"}
            assert not idle, f"{function.name} never reads {idle}: {one}"
        everything = set().union(*(names_read(function) for function in defined.values()))
        assert constants | set(defined) <= everything | {one.name, merge_name(one)}, one
        assert max(len(line) for line in text.splitlines()) <= 120, one
        assert not any(line != line.rstrip() for line in text.splitlines())


def test_a_kernel_has_a_loop_for_each_span_and_no_other():
    for one in specs():
        kernel = functions(emit_kernel(one))[one.name]
        loops = [node for node in ast.walk(kernel) if isinstance(node, ast.For)]
        assert len(loops) == one.full + (one.interval is not None) + one.bits + one.gathered
        assert len([node for node in ast.walk(kernel) if isinstance(node, ast.If)]) == one.slots


def test_parts_of_a_text_are_there_where_they_are_needed_only():
    for one in specs():
        text = emit_kernel(one)
        assert ("STEP" in text) == (one.lattice is not None)
        assert ("_left_ptr" in text) == one.accumulate
        assert ("_shares_ptr" in text) == one.slots
        assert ("cap" in text) == one.soft_cap
        own, counterpart = ("KEY", "QUERY") if one.role == "dkv" else ("QUERY", "KEY")
        lattice = one.lattice or Lattice(1, 128, 64)
        assert (f"{own}_RUN" in text) == (lattice.own_run < 128)
        tiles = one.full or one.bits or one.interval is not None
        assert (f"{counterpart}_RUN" in text) == (lattice.counterpart_run < 64 and tiles)


def test_it_imports_nothing_but_triton():
    tree = ast.parse(emit_module(plan(), HEADER))
    imported = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert imported == ["import triton", "import triton.language as tl"]


def test_equal_kernels_come_once_and_say_where_they_run():
    text = emit_module(plan(0, 0, 0), HEADER)
    defined = functions(text)
    assert list(defined)[-4:] == ["forward_local_256", "dq_local_256", "dkv_local_256", "delta_64"]
    assert ast.get_docstring(defined["forward_local_256"]).startswith("Layers 0-2: o and lse of 128 queries")
    assert {argument.arg for argument in defined["delta_64"].args.args} == {p.name for p in row_signature()}
    assert functions(emit_row_kernel(64)).keys() == {"delta_64"}


def test_many_layers_are_cut_short():
    every_other = ModulePlan(
        (*plan().distinct, *plan(forward=spec(own_tile=64, name="forward_b")).distinct), (0, 1) * 40
    )
    text = emit_module(every_other, HEADER)
    assert "Layers 0, 2, 4, 6, 8, 10, 12, 14, ...: o and lse" in text
    assert max(len(line) for line in text.splitlines()) <= 120


def test_the_header_is_quoted_whatever_it_holds():
    source = "model m {\n\n}  # \"\"\" \\ \t\x1b[31m ''' \u2028 é"
    text = emit_module(plan(), replace(HEADER, source=source, model='"""'))
    docstring = ast.get_docstring(ast.parse(text), clean=False)
    assert not any(line != line.rstrip() for line in text.splitlines())
    assert '}  # """ \\' in docstring
    assert "é" in docstring
    assert "\x1b" not in text
    assert functions(text).keys() == functions(emit_module(plan(), HEADER)).keys()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "forward_x(): pass\nimport os"}, "not the name of a kernel"),
        ({"name": "softmax_step"}, "not the name of a kernel"),
        ({"own_tile": 48}, "tiles of 48 x 64"),
        ({"bits": True, "counterpart_tile": 16}, "bits need a counterpart tile"),
        ({"head_dim": 257}, "head_dim 257"),
        ({"interval": RowInterval((Shift(2**31),), ())}, "does not fit 32 bit"),
        ({"lattice": Lattice(3, 24, 64)}, "runs of 24 in tiles of 128"),
        ({"lattice": Lattice(3, 128, 128)}, "runs of 128 in tiles of 64"),
        ({"lattice": Lattice(0, 128, 64)}, "128 positions of step 0"),
        ({"lattice": Lattice(2**24, 128, 64)}, "do not fit 32 bits"),
        ({"lattice": Lattice(3, 128, 64), "own": "gathered"}, "own rows are listed"),
        ({"accumulate": True, "sinks": True}, "sinks enter in the first forward launch"),
    ],
)
def test_a_plan_that_no_compiler_wrote_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        emit_module(plan(forward=replace(spec(), **changes)), HEADER)


def test_two_kernels_cannot_share_a_name():
    other = plan(forward=spec(own_tile=64))
    both = ModulePlan((*plan().distinct, *other.distinct), (0, 1))
    with pytest.raises(ValueError, match="two kernels have one name"):
        emit_module(both, HEADER)


def test_the_text_is_the_same_in_every_process():
    program = "from tests.codegen.test_module_text import *; print(emit_module(plan(0, 0), HEADER))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    assert "forward_local_256" in runs.pop()


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("local(256)", "forward_local_256"),
        ("local(128) | stride(128)", "forward_local_128_stride_128"),
        ("dense - stride(3)", "forward_dense_minus_stride_3"),
        ("past & keys([0, -1])", "forward_past_and_keys_0_m1"),
        ("", "forward_pattern"),
        ("(((", "forward_pattern"),
    ],
)
def test_names(pattern, name):
    assert kernel_name("forward", pattern, ()) == name


def test_names_are_unique_and_short():
    taken = []
    for _ in range(12):
        taken.append(kernel_name("dkv", "blocks(64, local(3) | global([0, -1]) | random(3)) | " * 4, taken))
    assert len(set(taken)) == 12
    assert all(is_kernel_name(name) and len(name) <= LONGEST + 3 for name in taken)
    assert is_kernel_name(kernel_name("dq", "x" * 500, ()))


@pytest.mark.parametrize("role", ["forward", "dq", "dkv"])
def test_the_text_of_capped_kernels(role, request):
    path = Path(__file__).parent / "capped" / f"{role}.txt"
    text = emit_kernel(spec(role, soft_cap=True))
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()
