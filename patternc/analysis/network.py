"""Networks: maximum flow where vertices have capacities, with scipy.

For: counting paths that share no vertex (`bottleneck.py`, `boxes.py`). Not for: which edges there are. scipy is
imported when a network is solved.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]


def through(capacities: Int64, sources: Int64, sinks: Int64, tails: Int64, heads: Int64, carried: Int64) -> int:
    """The maximum flow through vertices 0, 1, ... with `capacities`, in at `sources` and out at `sinks`.

    Edges lead from tails[t] to heads[t], each pair at most once, and carry up to carried[t].
    """
    from scipy import sparse  # pyright: ignore[reportMissingTypeStubs]  # it ships none
    from scipy.sparse import csgraph  # pyright: ignore[reportMissingTypeStubs]

    size = capacities.size
    every = np.arange(size, dtype=np.int64)
    # Each vertex is an edge from its way in, 2 v, to its way out, 2 v + 1; behind them the source and the sink.
    source, sink = 2 * size, 2 * size + 1
    tail = np.concatenate([2 * every, 2 * tails + 1, np.full(sources.size, source), 2 * sinks + 1])
    head = np.concatenate([2 * every + 1, 2 * heads, 2 * sources, np.full(sinks.size, sink)])
    most = np.concatenate([capacities, carried, capacities[sources], capacities[sinks]]).astype(np.int32)
    matrices: Any = sparse
    graphs: Any = csgraph
    edges = matrices.csr_array((most, (tail, head)), shape=(sink + 1, sink + 1))
    return int(graphs.maximum_flow(edges, source, sink).flow_value)
