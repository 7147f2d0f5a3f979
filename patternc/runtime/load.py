"""load: from a module directory to the torch module that runs it, trusting nothing that can be made again.

For: `patternc.load`. A module written by this version is compared, file by file, with what its program means; one
written by another version is made anew from its program. Not for: reading files (`artifact.py`), or running
(`module.py`). Hashes show damage, not who wrote a module; since nothing from it is executed, and tables are
range-checked before a launch, a forged one can at worst compute another pattern than its name says.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.schedule import Schedule
from patternc.codegen.check_tables import TableError, check_tables
from patternc.codegen.json_fields import PlanFormatError
from patternc.codegen.lower import Lowered, lower
from patternc.codegen.plan import LayerPlan, ModulePlan
from patternc.codegen.plan_json import plan_from_json, plan_to_json
from patternc.codegen.tables import TableSet
from patternc.grammar import typed
from patternc.grammar.typed_json import TypedJsonError, typed_from_json
from patternc.runtime.artifact import MANIFEST, ModuleFiles, manifest_of, read_module
from patternc.runtime.module import Attention
from patternc.runtime.remake import kernels_of, schedule_of
from patternc.runtime.table_file import TableFileError, tables_from_bytes, tables_to_bytes
from patternc.version import VERSION


def load(directory: str | Path, *, strict: bool = False, trust_code: bool = False) -> Attention:
    """Open a module that `patternc compile` or `Program.save` wrote.

    Args:
        directory: the module directory.
        strict: refuse calls at another length, head_dim, dtype or target than compiled, instead of planning anew.
        trust_code: use the plan and tables that the directory holds, even where this version would make others (after
            an edit, or from another version). Tables are range-checked all the same; kernels are always written
            by this version from the plan, and never read from the directory.

    Returns:
        The attention of all layers, ready for CPU and CUDA tensors.

    Raises:
        ModuleError: the directory is not a module, is damaged, or does not hold what its program means; the message
            names the file.
    """
    module = read_module(Path(directory))
    try:
        program = typed_from_json(module.text("ir.json"))
    except TypedJsonError as error:
        raise module.damage("ir.json", str(error)) from None
    schedule = _schedule(module, program)
    same_version = module.manifest.version == VERSION
    if trust_code:
        lowered = _shipped(module)
        if same_version and module.text("kernels.py") != kernels_of(program, schedule, lowered):
            raise module.damage("kernels.py", "not the kernels of plan.json; edited kernels are never run: restore it")
    else:
        lowered = _made_anew(module, schedule)
        if same_version:
            _compare(module, program, schedule, lowered)
        else:
            warnings.warn(
                f"{module.directory} was written by patternc {module.manifest.version}; this is {VERSION}: "
                "its plan, kernels and tables were made anew",
                stacklevel=2,
            )
    return Attention(program, lowered, module.manifest.shape, name=module.manifest.model, strict=strict)


def _schedule(module: ModuleFiles, program: typed.Program) -> Schedule:
    shape = module.manifest.shape
    try:
        return schedule_of(program, shape.tokens, shape.head_dim)
    except ValueError as error:
        raise module.damage("ir.json", str(error)) from None


def _made_anew(module: ModuleFiles, schedule: Schedule) -> Lowered:
    shape = module.manifest.shape
    try:
        return lower(schedule, target=shape.target, dtype=shape.dtype, head_dim=shape.head_dim)
    except (ValueError, TileBudgetError) as error:
        raise module.damage("ir.json", f"cannot be lowered for the manifest's shapes: {error}") from None


def _compare(module: ModuleFiles, program: typed.Program, schedule: Schedule, lowered: Lowered) -> None:
    """Raise ModuleError for the first file that is not what this version makes of the program."""
    remedy = "compile the pattern again, or say trust_code=True to use the plan and tables as they are"
    expected = {
        "plan.json": plan_to_json(lowered.plan).encode(),
        "tables.safetensors": tables_to_bytes(lowered.tables),
        "kernels.py": kernels_of(program, schedule, lowered).encode(),
    }
    files = {**module.files, **expected}
    expected[MANIFEST] = manifest_of(program, module.manifest.shape, lowered.plan, files)
    for name, data in expected.items():
        if module.files[name] != data:
            raise module.damage(name, f"not what patternc {VERSION} makes of ir.json; {remedy}")


def _shipped(module: ModuleFiles) -> Lowered:
    """The plan and tables of the directory, checked as far as running them safely needs."""
    try:
        plan = plan_from_json(module.text("plan.json"))
        _check_plan(plan, module)
    except PlanFormatError as error:
        raise module.damage("plan.json", str(error)) from None
    try:
        tables = tables_from_bytes(module.files["tables.safetensors"], plan)
        for layer in plan.distinct:
            _check_layer(layer, tables)
    except (TableFileError, TableError) as error:
        raise module.damage("tables.safetensors", str(error)) from None
    return Lowered(plan, tables)


def _check_layer(layer: LayerPlan, tables: dict[str, TableSet]) -> None:
    for group in layer.groups:
        for chain in (group.forward, group.dq):
            for launch in chain:
                # The last launch writes the results, of every row.
                every = True if launch in (chain[0], chain[-1]) else None
                check_tables(tables[launch.tables], launch.kernel, layer.tokens, every)
        for launch in group.dkv:
            check_tables(tables[launch.tables], launch.kernel, layer.tokens)


def _check_plan(plan: ModulePlan, module: ModuleFiles) -> None:
    """Raise PlanFormatError for a plan that does not fit its manifest, or whose heads are not each in one group."""
    shape = module.manifest.shape
    if not plan.distinct or not plan.layers:
        raise PlanFormatError("plan has no layer")
    for place, layer in enumerate(plan.distinct):
        where = f"plan.distinct[{place}]"
        if (layer.tokens, layer.head_dim, layer.dtype, layer.target) != (
            shape.tokens,
            shape.head_dim,
            shape.dtype,
            shape.target,
        ):
            raise PlanFormatError(f"{where} has other tokens, head_dim, dtype or target than the manifest")
        if layer.heads % layer.kv_heads:
            raise PlanFormatError(f"{where} has {layer.heads} heads, not a multiple of {layer.kv_heads} kv_heads")
        first = plan.distinct[0]
        if (layer.heads, layer.kv_heads) != (first.heads, first.kv_heads):
            raise PlanFormatError(f"{where} has another number of heads than the first layer")
        if sorted(head for group in layer.groups for head in group.heads) != list(range(layer.heads)):
            raise PlanFormatError(f"{where}: each of its {layer.heads} heads must be in exactly one group")
        for group in layer.groups:
            if list(group.heads) != sorted(group.heads):
                raise PlanFormatError(f"{where}: the heads of a group must ascend")
            for launch in group.launches:
                if launch.kernel.head_dim != layer.head_dim:
                    raise PlanFormatError(f"{where}: kernel {launch.kernel.name} has another head_dim than its layer")
