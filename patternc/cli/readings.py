"""Readings: what each number of the report says to a practitioner, in a line, and the paper it comes from.

For: `patternc explain report` and the HTML page. Not for: how a number is had: `docs/analysis.md` is the long form.
Imports nothing.
"""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """One number: `says` is a sentence, `paper` a name in PAPERS, "" for what needs no source."""

    name: str
    says: str
    paper: str = ""


READINGS = (
    Reading("pairs", "The work of attention: query-key pairs over all heads and layers, exactly.", "Child 2019"),
    Reading("of dense", "What is left of the pairs of dense attention: the most that can be saved."),
    Reading("tiles", "What a GPU really computes: blocks of queries by keys, or by gathered keys."),
    Reading("computed / useful", "Pairs computed for each pair that counts: 1 is perfect, 10 throws nine tenths away."),
    Reading("busiest rows", "Everything may wait for these queries: 2 is causal dense attention, a hub has far more."),
    Reading("closed form", "Pairs as a function of n and the parameters: what happens at another length."),
    Reading("growth", "The order of all pairs in n: Sparse Transformers have n^(3/2), windows n.", "Child 2019"),
    Reading(
        "connected after",
        "Layers until every query can have heard of every key: a pattern of p factorised heads should need p + 1.",
        "Yun 2020",
    ),
    Reading(
        "first missing pair", "A query that never hears of this key, whatever is trained: a fact about every input."
    ),
    Reading("for every length", "What is proved, not sampled: whether the next longer model still works."),
    Reading("keys in sight", "Receptive fields by layer: L layers of a window of w have about L w.", "Beltagy 2020"),
    Reading("average", "Layers that a pair takes on average: near 1 is nearly dense, near 2 leans on two hops."),
    Reading(
        "bottleneck",
        "Vectors through which all that the last query learns of the first token must go: small ones over-squash.",
        "Barbero 2024",
    ),
    Reading("hubs", "Keys that every query attends: sinks, or global tokens; they are read by all.", "Xiao 2023"),
    Reading("exposure", "Connections that would be lost without these hubs: what hangs on a few tokens."),
    Reading(
        "spectral gap",
        "How fast a walk over the pattern forgets where it began: random keys raise it, a window alone has little.",
        "Zaheer 2020",
    ),
    Reading(
        "rollout",
        "Where what arrives at the last query comes from, if all keys were attended evenly.",
        "Abnar 2020",
    ),
    Reading(
        "nominal reach", "The farthest token on any path: far more than what rollout says is used.", "Beltagy 2020"
    ),
    Reading(
        "first token's share",
        "In causal models even attention leans to the beginning, more with each layer: no sign of a long memory.",
        "Wu 2025",
    ),
    Reading("cache", "Keys that decoding must keep: a key is kept while some later query attends it."),
    Reading("crop-stable", "Whether a shorter length has the corner of this mask: then one cache serves all lengths."),
)

PAPERS = {
    "Abnar 2020": "Quantifying Attention Flow in Transformers, arXiv:2005.00928",
    "Barbero 2024": "Transformers need glasses! Information over-squashing in language tasks, arXiv:2406.04267",
    "Beltagy 2020": "Longformer: The Long-Document Transformer, arXiv:2004.05150",
    "Child 2019": "Generating Long Sequences with Sparse Transformers, arXiv:1904.10509",
    "Wu 2025": "On the Emergence of Position Bias in Transformers, arXiv:2502.01951",
    "Xiao 2023": "Efficient Streaming Language Models with Attention Sinks, arXiv:2309.17453",
    "Yun 2020": "O(n) Connections are Expressive Enough: Universal Approximability of Sparse Transformers, "
    "arXiv:2006.04862",
    "Zaheer 2020": "Big Bird: Transformers for Longer Sequences, arXiv:2007.14062",
}
