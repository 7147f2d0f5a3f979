"""The text of capped scores: cap * tanh(score / cap) in the place of a score.

For: kernels with `soft_cap`. What their steps meet is the tanh alone, masked like raw products; the cap is in the scale
of the scores, so that the forward step is that of all kernels, and a backward step has one factor more. Not for:
kernels without a cap, whose text has no trace of it.
"""

from __future__ import annotations

from dataclasses import replace

from patternc.codegen.triton_loops import Walk

SOFT_CAP = '''@triton.jit
def soft_cap(scores, cap_scale):
    """tanh(scores * cap_scale). Near 0, where 1 - 1 would leave rounding alone, its series; far out exactly -1 or 1."""
    x = scores * cap_scale
    square = x * x
    near = x * (1.0 - square * (1.0 / 3.0))
    far = 1.0 - 2.0 / (tl.exp2(x * (2.0 * LOG2_E)) + 1.0)
    return tl.where(square < 0.0009, near, far)
'''

CAP_SLOPE = '''@triton.jit
def cap_slope(scores):
    """The derivative of a capped score, 1 - tanh^2; a masked pair is -inf and gets 0."""
    tanh = tl.maximum(scores, -1.0)
    return 1.0 - tanh * tanh
'''


def step_text(template: str, *, capped: bool) -> str:
    """A backward step with or without the factor.

    `template` has {capped} before its name, the {kind} of scores in its docstring, and {slope} after ds.
    """
    if capped:
        return template.format(capped="capped_", kind="capped", slope=" * cap_slope(scores)")
    return template.format(capped="", kind="raw", slope="")


def capped_walk(walk: Walk, step: str) -> Walk:
    """The walk with capped scores, which go into `step`."""
    return replace(walk, scores=f"soft_cap({walk.scores}, cap_scale)", step=step)
