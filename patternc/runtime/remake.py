"""Everything of a module that follows from its program: schedule, plan, tables and kernels, made (again).

For: saving a module, comparing what a directory holds with what its program means, and other lengths, dtypes and
devices than the compiled ones. Needs neither torch nor triton. Not for: text, which `grammar` parses.
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.algebra.elaborate import elaborate
from patternc.algebra.normalise import normalise_sum
from patternc.algebra.predicate import components
from patternc.algebra.schedule import Schedule
from patternc.codegen.choice import choose
from patternc.codegen.lower import Lowered, choose_shapes, lower
from patternc.codegen.plan import Dtype, ModulePlan
from patternc.codegen.triton_module import MAX_HEAD_DIM, ModuleHeader, emit_module
from patternc.grammar import typed

_LAYERS_SHOWN = 8
_WITHOUT_KERNELS = '''"""Attention of {}, for the CPU: Triton kernels are made for heads of up to {}, these have {}."""
'''


@dataclass(frozen=True, slots=True)
class Shape:
    """What a module is compiled for, beside its program: `target` is "cpu" or "cuda:<sm>"."""

    tokens: int
    head_dim: int
    dtype: Dtype
    target: str


class UnservableError(ValueError):
    """The program says nothing that can run at this shape; the message is the first diagnostic."""


def schedule_of(program: typed.Program, tokens: int, head_dim: int) -> Schedule:
    """What a module's program (parameters bound) says at `tokens` positions. Raises UnservableError.

    Ids beyond the length are left out, as everywhere at another length than the compiled one.
    """
    elaborated = elaborate(program, tokens=tokens, head_dim=head_dim, clip_ids=True)
    if elaborated.schedule is None:
        first = elaborated.diagnostics[0]
        raise UnservableError(f"the pattern says nothing valid at {tokens} tokens: {first.message} [{first.code}]")
    return elaborated.schedule


def plan_of(program: typed.Program, shape: Shape) -> Lowered:
    """Plan and tables of all layers at a shape. Raises UnservableError, TileBudgetError, ValueError as `lower` does."""
    schedule = schedule_of(program, shape.tokens, shape.head_dim)
    return lower(schedule, target=shape.target, dtype=shape.dtype, head_dim=shape.head_dim)


def header_of(program: typed.Program, schedule: Schedule, plan: ModulePlan) -> ModuleHeader:
    """What the docstring of kernels.py says: the program's text, and each pattern with its normal form as planned."""
    layer = plan.distinct[0]
    shape = choose_shapes(layer.target, layer.dtype, layer.head_dim, schedule.tokens).forward
    lines: list[str] = []
    for index, pattern in enumerate(schedule.patterns):
        where = [str(layer) for layer, heads in enumerate(schedule.table) if index in heads]
        shown = ", ".join(where[:_LAYERS_SHOWN]) + (", ..." if len(where) > _LAYERS_SHOWN else "")
        lines.append(f"layer{'s' * (len(where) > 1)} {shown}: {pattern.text}")
        for place, normal in enumerate(normalise_sum(pattern.relations, schedule.tokens, choose(shape, []))):
            lines += [f"    {'+ ' * (place > 0)}{line}" for line in components(normal)]
    return ModuleHeader(schedule.name, program.files[0].text, "\n".join(lines))


def kernels_of(program: typed.Program, schedule: Schedule, lowered: Lowered) -> str:
    """The text of kernels.py; for heads wider than kernels can be, which only the CPU runs, it says so."""
    if lowered.plan.distinct[0].head_dim > MAX_HEAD_DIM:
        return _WITHOUT_KERNELS.format(schedule.name, MAX_HEAD_DIM, lowered.plan.distinct[0].head_dim)
    return emit_module(lowered.plan, header_of(program, schedule, lowered.plan))
