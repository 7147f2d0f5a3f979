"""A compiled pattern, and everything that can be done with it: masks, reports, kernels, modules, exports.

For: `Program`, what `patternc.compile` returns. Beside `compiler.py` and `cli` the only file that names every stage.
Not for: doing any stage's work. torch is imported only by the methods that return tensors or modules.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.elaborate import Elaborated, bind_parameters, elaborate
from patternc.algebra.expectation import CropStable
from patternc.algebra.relation import Relation
from patternc.algebra.schedule import HeadPattern, Schedule
from patternc.codegen.plan import Dtype
from patternc.diagnostics import Diagnostic, Label, PatternError, ordered, render
from patternc.grammar import typed
from patternc.grammar.resolved import resolved_text

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch.nn.attention.flex_attention import BlockMask

    from patternc.analysis.difference import Difference, Side
    from patternc.analysis.expectations import Verdict
    from patternc.analysis.facts import Facts
    from patternc.analysis.suggestion import Suggestion
    from patternc.analysis.tile_counts import TileCounter, Tiles
    from patternc.codegen.explain import PlanFigures
    from patternc.codegen.lower import Lowered
    from patternc.integrations.flex import ScoreMod
    from patternc.notebook import ProgramReport
    from patternc.runtime.module import Attention
    from patternc.runtime.remake import Shape

ASSUMED_HEAD_DIM = 64
"""What a report plans for where the model says no head_dim."""
MOST_TOKENS_OF_A_MASK = 32768
"""A boolean matrix of this side is 1 GiB."""
_MASK_ROWS = 1024


@dataclass(frozen=True)
class Program:
    """A compiled pattern: `mask` and `report` look at it; `save`, `module` and the exports use it.

    `remarks` are the warnings that its text alone shows; `warnings` are all of them.
    """

    checked: typed.Program
    elaborated: Elaborated
    schedule: Schedule
    dtype: Dtype
    target: str
    remarks: tuple[Diagnostic, ...]

    def __repr__(self) -> str:
        schedule = self.schedule
        head_dim = "no head_dim" if schedule.head_dim is None else f"head_dim {schedule.head_dim}"
        return (
            f"<patternc.Program {schedule.name}: {schedule.tokens:,} tokens, {schedule.layers} layers of "
            f"{schedule.heads} heads, {head_dim}, {self.dtype}, {self.target}>"
        )

    def _repr_html_(self) -> str:
        from patternc.cli.html_fragment import program_fragment

        with in_budget(self.elaborated):
            return program_fragment(self.schedule, self.facts.counts)

    @overload
    def mask(
        self, layer: int = 0, head: int = 0, *, force: bool = False, counts: Literal[False] = False
    ) -> NDArray[np.bool_]: ...

    @overload
    def mask(self, layer: int = 0, head: int = 0, *, force: bool = False, counts: bool) -> NDArray[np.generic]: ...

    def mask(
        self, layer: int = 0, head: int = 0, *, force: bool = False, counts: bool = False
    ) -> NDArray[np.bool_] | NDArray[np.generic]:
        """Which query attends which key: bool [N, N], (query, key).

        `counts`: how often a key counts instead, int32: more than once only where branches of a sum have it. Raises
        IndexError for a layer or head the model does not have, ValueError above 32,768 tokens (1 GiB, four for counts)
        without `force`.
        """
        import numpy as np

        from patternc.algebra.evaluate import evaluate, multiplicities

        n = self.schedule.tokens
        pattern = self.pattern(layer, head)
        if n > MOST_TOKENS_OF_A_MASK and not force:
            size = n * n * (4 if counts else 1) / 2**30
            raise ValueError(
                f"the mask of {n:,} tokens has {size:,.0f} GiB; force=True, or --force, writes it all the same"
            )
        keys = np.arange(n)
        mask = np.empty((n, n), np.int32 if counts else np.bool_)
        for start in range(0, n, _MASK_ROWS):
            rows = np.arange(start, min(start + _MASK_ROWS, n))[:, None], keys[None, :], n
            mask[start : start + _MASK_ROWS] = (
                multiplicities(pattern.relations, *rows) if counts else evaluate(pattern.relation, *rows)
            )
        return mask

    def pattern(self, layer: int = 0, head: int = 0) -> HeadPattern:
        """The pattern of one head. Raises IndexError where the model has no such layer or head; none counts back."""
        for what, value, count in (("layer", layer, self.schedule.layers), ("head", head, self.schedule.heads)):
            if not 0 <= value < count:
                raise IndexError(f"there is no {what} {value}: the model has {count}, counted from 0")
        return self.schedule.pattern(layer, head)

    def report(self, path: tuple[int, int] | None = None) -> ProgramReport:
        """What the program connects and costs; `path` (key, query) asks how that query comes to see that key."""
        from patternc.analysis.report import report
        from patternc.notebook import shown

        with in_budget(self.elaborated):
            return shown(report(self.facts, self.verdicts, self.warnings, path, self.advice), self.schedule)

    @cached_property
    def facts(self) -> Facts:
        """The figures of the program, each found when it is first asked for; tiles are those of the plan."""
        from patternc.analysis.facts import program_facts

        return program_facts(self.checked, self.elaborated, self._tiles)

    def _tiles(self, branches: tuple[Relation, ...], n: int, pairs: int) -> Tiles:
        return self._tile_counter(branches, n, pairs)

    @cached_property
    def _tile_counter(self) -> TileCounter:
        from patternc.codegen.tile_counter import tile_counter

        return tile_counter(self.figures, self.schedule)

    @cached_property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What does not keep it from running: in its text, and in its cost as planned. Raises what `lowered` raises."""
        from patternc.analysis.advice import Written, advise

        written = Written(self.elaborated.places, self.elaborated.terms)
        asked = any(isinstance(each, CropStable) for each in self.elaborated.expectations)
        with in_budget(self.elaborated):
            return ordered((*self.remarks, *advise(self.facts, written, asked_to_crop=asked)))

    @cached_property
    def advice(self) -> tuple[Suggestion, ...]:
        """What would make it cheaper or connect it sooner, tried, and from which length on it pays, predicted."""
        from patternc.analysis.suggest import suggest
        from patternc.codegen.crossing import pays

        with in_budget(self.elaborated):
            found = suggest(self.checked, self.elaborated, self.facts, self.verdicts)
            return (*found, *pays(self.schedule, self.figures, self._at))

    def _at(self, tokens: int) -> Schedule | None:
        """The same model at another length; its parameters keep their values, as for a compiled module."""
        return elaborate(self.bound, tokens, {}, self.schedule.head_dim, clip_ids=True).schedule

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Whether each expectation holds, and why."""
        if not self.elaborated.expectations:
            return ()
        from patternc.analysis.expectations import judge

        return judge(self.elaborated.expectations, self.facts)

    def report_json(self, path: tuple[int, int] | None = None) -> dict[str, object]:
        """The report and the figures of the plan as plain values: what `analyse --json` and report.json hold."""
        from patternc.analysis.report_json import to_json
        from patternc.codegen.explain_json import figures_to_json

        return {**to_json(self.report(path)), "plan": figures_to_json(self.figures)}

    def diff(self, other: Program) -> Difference:
        """Which pairs, cost and reach differ in another program: `equal`, and `groups` of layers and heads with counts.

        Raises PatternError where counting takes more than the documented budget.
        """
        from patternc.analysis.difference import compare

        side_a, side_b = self._side(), other._side()
        with in_budget(self.elaborated):
            return compare(self.schedule, other.schedule, side_a, side_b)

    def _side(self) -> Side:
        from patternc.analysis.difference import side
        from patternc.codegen.explain import predicted

        with in_budget(self.elaborated):
            return side(self.schedule, predicted(self.figures))

    @cached_property
    def figures(self) -> PlanFigures:
        """What the plan launches, computes and should take, and why; for heads of 64 where the model says none."""
        from patternc.codegen.explain import explain_plan
        from patternc.codegen.lower import lower
        from patternc.codegen.triton_module import MAX_HEAD_DIM

        head_dim = self.schedule.head_dim or ASSUMED_HEAD_DIM
        if head_dim == self.schedule.head_dim and (self.target == "cpu" or head_dim <= MAX_HEAD_DIM):
            return explain_plan(self.lowered)
        head_dim = min(head_dim, MAX_HEAD_DIM)  # wider heads have no kernels: figures are those of the widest that have
        with in_budget(self.elaborated):
            return explain_plan(lower(self.schedule, target=self.target, dtype=self.dtype, head_dim=head_dim))

    def report_text(self, path: tuple[int, int] | None = None, *, width: int = 100) -> str:
        """The report as `patternc analyse` prints it, `width` columns wide; `path` as for `report`."""
        from patternc.cli.render import render_report

        text = render_report(self.report(path), self.figures, self.schedule, width=width)
        return f"{text}\n{render(self.warnings, width=width)}" if self.warnings else text

    def report_html(self, path: tuple[int, int] | None = None, failures: Sequence[Diagnostic] = ()) -> str:
        """The report as one self-contained page, as `patternc analyse --html` writes it; `path` as for `report`.

        `failures` are mistakes that only the pairs show, for programs of `patternc.compiler.analyse`.
        """
        from patternc.cli.html_report import html_report

        report, text = self.report(path), resolved_text(self.checked)
        with in_budget(self.elaborated):
            return html_report(report, self.schedule, self.figures, text, failures)

    @cached_property
    def lowered(self) -> Lowered:
        """Plans and tables for the target. Raises PatternError where no head_dim is given, or one without kernels."""
        from patternc.codegen.lower import lower
        from patternc.codegen.triton_module import MAX_HEAD_DIM

        if self.schedule.head_dim is None:
            raise PatternError([_no_head_dim(self.checked)])
        if self.target != "cpu" and self.schedule.head_dim > MAX_HEAD_DIM:
            raise PatternError([_too_wide(self.checked, self.schedule.head_dim, MAX_HEAD_DIM, self.target)])
        with in_budget(self.elaborated):
            return lower(self.schedule, target=self.target, dtype=self.dtype, head_dim=self.schedule.head_dim)

    @cached_property
    def bound(self) -> typed.Program:
        """The checked program with its parameters fixed to their values here: what a module keeps."""
        return bind_parameters(self.checked, dict(self.elaborated.parameters))

    @cached_property
    def kernels(self) -> str:
        """The text of kernels.py: the generated Triton kernels of all layers."""
        from patternc.runtime.remake import kernels_of

        return kernels_of(self.bound, self.schedule, self.lowered)

    def save(self, directory: str | Path) -> Path:
        """Write the compiled module, whole or not at all; returns its directory. Needs neither torch nor triton.

        Raises PatternError where no head_dim is given, or a wider one than the target has kernels for, and ModuleError
        where `directory` holds something else.
        """
        from patternc.runtime.artifact import Content, write_module

        lowered = self.lowered
        content = Content(
            program=self.bound,
            shape=self.shape,
            plan=lowered.plan,
            tables=lowered.tables,
            kernels=self.kernels,
            pattern=resolved_text(self.checked),
            report=json.dumps(self.report_json(), indent=2, ensure_ascii=False) + "\n",
        )
        return write_module(Path(directory), content)

    @property
    def shape(self) -> Shape:
        """What the program is compiled for."""
        from patternc.runtime.remake import Shape

        assert self.schedule.head_dim is not None, "lowered checks it"
        return Shape(self.schedule.tokens, self.schedule.head_dim, self.dtype, self.target)

    def module(self, *, strict: bool = False) -> Attention:
        """The torch module that `patternc.load` would open after `save`; writes nothing."""
        from patternc.runtime.module import Attention

        lowered = self.lowered
        return Attention(self.bound, lowered, self.shape, name=self.schedule.name, strict=strict)

    def to_svg(self, layer: int = 0, head: int = 0) -> str:
        """The mask of one head as a picture, an SVG document. Raises as `pattern` does."""
        from patternc.analysis.drawing import draw
        from patternc.cli.svg import svg

        pattern = self.pattern(layer, head)
        with in_budget(self.elaborated):
            return svg(draw(pattern, self.schedule.tokens, self.schedule.causal))

    def to_sdpa_mask(self, layer: int = 0) -> torch.Tensor:
        """The mask of one layer for `scaled_dot_product_attention`: bool [N, N], or [H, N, N] where heads differ.

        Where a head has a sum, float32: the logarithm of how often a key counts, to be added to the scores.
        """
        from patternc.integrations.flex import to_sdpa_mask

        return to_sdpa_mask(self.schedule, layer)

    def to_flex(self, layer: int = 0, device: torch.device | str = "cpu", *, counted: bool = False) -> BlockMask:
        """The mask of one layer for FlexAttention, made from the tile map instead of n * n evaluations.

        Of a layer with a sum a BlockMask is only half of what there is to say: `counted=True` gives it, with
        `to_score_mod` as the other half. Raises ValueError for a sum without that, IndexError for a layer the model
        does not have, PatternError where the map goes beyond its budget.
        """
        from patternc.integrations.flex import to_flex

        with in_budget(self.elaborated):
            return to_flex(self.schedule, layer, device, counted=counted)

    def to_score_mod(self, layer: int = 0, device: torch.device | str = "cpu") -> ScoreMod:
        """The score_mod of one layer for FlexAttention: how often keys count. It goes with `to_flex(counted=True)`."""
        from patternc.integrations.flex import to_score_mod

        return to_score_mod(self.schedule, layer, device)


@contextmanager
def in_budget(elaborated: Elaborated) -> Generator[None]:
    """Work that goes beyond its budget is a mistake of the pattern it is done for."""
    try:
        yield
    except TileBudgetError as error:
        label = () if error.pattern is None else (replace(elaborated.places[error.pattern], text="this pattern"),)
        raise PatternError([Diagnostic("PA705", str(error), label)]) from error


# -- heads ----------------------------------------------------------------------------------------------------------


def _no_head_dim(program: typed.Program) -> Diagnostic:
    assert program.model is not None
    label = Label(program.files[program.model.file], program.model.span, "says no head_dim")
    note = "add `head_dim 64` to the model, or give it: --head-dim 64, head_dim=64"
    return Diagnostic("PA802", "the size of a head is not given, and kernels need it", (label,), (note,))


def _too_wide(program: typed.Program, head_dim: int, most: int, target: str) -> Diagnostic:
    assert program.model is not None
    source, written = program.files[program.model.file], program.model.head_dim
    # Where the number comes from outside, what the model says is not what is wrong.
    said = written is not None and source.text[written.span.start : written.span.stop] == str(head_dim)
    label = (Label(source, written.span, f"is more than {most}"),) if written is not None and said else ()
    note = "the CPU runs heads of any size: --target cpu, target='cpu'"
    return Diagnostic(
        "PA803", f"heads of {head_dim:,} are too wide: kernels for {target} have up to {most}", label, (note,)
    )
