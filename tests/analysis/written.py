"""Random patterns as text, the programs they make, and what these attend at any length."""

import numpy as np
from hypothesis import strategies as st

from patternc.algebra.elaborate import bind_parameters, elaborate
from patternc.algebra.evaluate import evaluate
from patternc.compiler import check

small = st.integers(1, 7)


@st.composite
def leaves(draw, sizes=small):
    number, size = draw(st.integers(0, 9)), draw(sizes)
    return draw(
        st.sampled_from(
            (
                f"local({draw(sizes)})",
                f"local(back = {number}, ahead = {draw(st.integers(0, 3))})",
                f"local({draw(small)}, dilation = {draw(st.integers(1, 3))})",
                f"local({draw(small)}, bidirectional)",
                f"stride({size})",
                f"stride({size}, at = [0, {-draw(st.integers(1, 3)) if size == 'k' else 0}])",
                f"columns({size})",
                f"columns({size}, last = {draw(st.integers(1, size)) if isinstance(size, int) else 1})",
                f"rows({size}, last = {draw(st.integers(1, size)) if isinstance(size, int) else 1})",
                f"rows({size}, at = 0)",
                f"chunk({size})",
                "chunks([3, 1, 5])" if isinstance(size, int) else "chunk(k)",
                f"keys(0..{number})",
                f"keys([{draw(st.integers(-3, 3))}, {number}])",
                f"queries(-{draw(small)}..n)" if isinstance(size, int) else "queries([-1, -2])",
                f"global([0, -{draw(small)}])",
                f"diagonals([0, {draw(st.integers(-4, 9))}, 2..{2 + number}])",
                f"neighborhood({draw(small)})",
                f"neighborhood({draw(small)}, dilation = {draw(st.integers(1, 3))}, causal)",
                "neighborhood(5, dilation = 2, group = 3)",
                "neighborhood(4, group = 3, causal)",
                "self",
                "past",
                "dense",
                "empty",
            )
        )
    )


@st.composite
def patterns(draw, leaf, depth=2):
    if depth == 0:
        return draw(leaf)
    inner = patterns(leaf, depth - 1)
    case = draw(st.integers(0, 7))
    if case < 3:
        sign = "|&-"[case]
        return f"({draw(inner)}) {sign} ({draw(inner)})"
    if case == 3:
        return f"blocks({draw(small)}, {draw(patterns(leaves(), depth - 1))})"
    if case == 4:
        return f"within({draw(small)}, {draw(patterns(leaves(), depth - 1))})"
    if case == 5:
        return f"slice({draw(st.integers(0, 4))}..n, {draw(patterns(leaves(), depth - 1))})"
    return draw(inner)


def checked(pattern, causal, tokens, head="", layers=1):
    """The checked program, where the pattern is legal at `tokens`; None where it is not."""
    direction = "causal" if causal else "bidirectional"
    text = f"{head}\nmodel m {{ {direction} tokens {tokens} allow empty layers {layers} {{ all: {pattern} }} }}"
    found = check(text)
    assert found.elaborated is not None
    return None if found.elaborated.schedule is None else found


def masks(found, length, params=None):
    """[layer, n, n]: what each layer attends at another length, or None where the program is wrong there."""
    bound = bind_parameters(found.program, {**dict(found.elaborated.parameters), **(params or {})})
    schedule = elaborate(bound, length, {}, clip_ids=True).schedule
    if schedule is None:
        return None
    every = np.arange(length)
    return [
        evaluate(schedule.pattern(layer, 0).relation, every[:, None], every[None, :], length)
        for layer in range(schedule.layers)
    ]
