"""Graphs of a schedule, with networkx: which layers are alike and follow each other, and how blocks of tokens connect.

For: the layer graph, and the quotient of the sequence into at most MOST_BLOCKS blocks: two blocks are joined when some
layer joins any of their tokens. That says too much about tokens, so its distances bound from below how many layers are
needed, and what is not joined in it never is. Not for: token-level graphs, which networkx is too slow for (`reach.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import networkx  # pyright: ignore[reportMissingTypeStubs]  # it ships none
import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.relation import Relation
from patternc.algebra.schedule import Schedule
from patternc.analysis.occupied import occupied_tiles
from patternc.analysis.reach import layer_relations

graphs: Any = networkx
"""networkx has no types of its own; every graph is `Any` here."""
Graph = Any

MOST_BLOCKS = 64
MOST_TILES = 512
"""Tiles along the sequence: a fine tile has few kinds of content where a coarse one has many."""


@dataclass(frozen=True, slots=True)
class Quotient:
    """The sequence as `blocks` blocks of `block` tokens.

    `least_depth`: layers that connecting the model takes at least, None where its blocks never connect.
    """

    blocks: int
    block: int
    least_depth: int | None


@dataclass(frozen=True, slots=True)
class Structure:
    """What the graphs say.

    `alike`: the layers in classes with equal heads, in order of first use. `follows`: how often a layer of one class
    comes right after one of another (class, class, times). `repeats`: after how many layers the schedule starts over
    (the last round may be cut short), None where it does not. `quotient`: None where it would need too many tiles.
    """

    alike: tuple[tuple[int, ...], ...]
    follows: tuple[tuple[int, int, int], ...]
    repeats: int | None
    quotient: Quotient | None


def structure(schedule: Schedule) -> Structure:
    """The graphs of a schedule, as figures."""
    layers = layer_graph(schedule)
    alike = tuple(layers.nodes[node]["layers"] for node in layers)
    follows = tuple(sorted((a, b, data["times"]) for a, b, data in layers.edges(data=True)))
    try:
        blocks, size = block_graph(schedule)
    except TileBudgetError:
        return Structure(alike, follows, _repeats(schedule), None)
    quotient = Quotient(blocks.number_of_nodes(), size, least_depth(blocks, schedule.causal))
    return Structure(alike, follows, _repeats(schedule), quotient)


def layer_graph(schedule: Schedule) -> Graph:
    """A networkx.DiGraph: a node for each distinct layer, in order of first use, an edge to what comes after it.

    Nodes carry `layers` and `patterns` (one index a head), edges `times`.
    """
    classes = list(dict.fromkeys(schedule.table))
    order = [classes.index(row) for row in schedule.table]
    graph = graphs.DiGraph()
    for node, row in enumerate(classes):
        graph.add_node(node, layers=tuple(layer for layer, of in enumerate(order) if of == node), patterns=row)
    for (a, b), times in Counter(pairwise(order)).items():
        graph.add_edge(a, b, times=times)
    return graph


def _repeats(schedule: Schedule) -> int | None:
    table = schedule.table
    return next(
        (step for step in range(1, len(table)) if all(row == table[at % step] for at, row in enumerate(table))), None
    )


def block_graph(schedule: Schedule) -> tuple[Graph, int]:
    """A networkx.DiGraph over blocks of tokens, and their size: an edge from a block of keys to one of queries.

    Raises:
        TileBudgetError: a pattern has more tiles than the budget of tile maps allows.
    """
    tokens = schedule.tokens
    tile = 1
    while tile * MOST_TILES < tokens:
        tile *= 2
    group = -(-tokens // (tile * MOST_BLOCKS))
    blocks = -(-tokens // (tile * group))
    joined = np.zeros((blocks, blocks), dtype=np.bool_)
    for relation in dict.fromkeys(layer_relations(schedule)):
        joined |= _joined(relation, tokens, tile, group, blocks)
    return graphs.from_numpy_array(joined.T, create_using=graphs.DiGraph), tile * group


def _joined(relation: Relation, tokens: int, tile: int, group: int, blocks: int) -> NDArray[np.bool_]:
    tiles = occupied_tiles(relation, tokens, tile, tile)
    joined = np.zeros((blocks, blocks), dtype=np.bool_)
    joined[tiles.query_tile // group, tiles.key_tile // group] = True
    return joined


def least_depth(quotient: Graph, causal: bool) -> int | None:
    """The longest of the shortest paths between blocks that ought to connect; None where one does not."""
    blocks = quotient.number_of_nodes()
    longest = 1
    for key, distances in graphs.all_pairs_shortest_path_length(quotient):
        for query in range(key if causal else 0, blocks):
            if query not in distances:
                return None
            longest = max(longest, distances[query])
    return longest
