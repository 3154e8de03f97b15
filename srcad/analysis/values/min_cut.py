"""Minimum cut: the cheapest set of values to save, so that every needed value can be recomputed from them.

As in Griewank and Walther, "Evaluating Derivatives" (2008), section 12, and the partitioners of later compilers: in the
data-flow graph of the needed values, the vertex cut of least weight between what cannot be recomputed and what is
needed, found by maximum flow (augmenting paths of least length, as in Edmonds and Karp).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

_INFINITE = 1 << 60


def min_cut(
    needed: Iterable[str], unrecoverable: Iterable[str], inputs: Mapping[str, Iterable[str]], weight: Mapping[str, int]
) -> frozenset[str]:
    """The names to save; of cuts of equal weight, the one nearest to what is needed.

    `unrecoverable` are the names that cannot be recomputed; every other name is recomputed from its `inputs`, a name
    without inputs from what is available anyway.

    >>> weight = dict(x=8, y=8, z=8, u=8, v=8, w=8)
    >>> sorted(min_cut("uvw", "xy", dict(u="xy", v="xy", w="xy"), weight))
    ['x', 'y']
    >>> sorted(min_cut("w", "xy", dict(z="xy", w="z"), weight))
    ['w']
    """
    graph: dict[object, dict[object, int]] = {}

    def edge(a: object, b: object, capacity: int) -> None:
        graph.setdefault(a, {})[b] = graph.setdefault(a, {}).get(b, 0) + capacity
        graph.setdefault(b, {}).setdefault(a, 0)

    graph["source"] = {}
    graph["sink"] = {}
    names = {*needed, *unrecoverable, *inputs, *(i for some in inputs.values() for i in some)}
    for name in sorted(names):
        edge((name, "in"), (name, "out"), weight[name])
    for name in needed:
        edge((name, "out"), "sink", _INFINITE)
    for name in unrecoverable:
        edge("source", (name, "in"), _INFINITE)
    for name, some in inputs.items():
        for i in some:
            edge((i, "out"), (name, "in"), _INFINITE)
    while (path := _path(graph)) is not None:
        flow = min(graph[a][b] for a, b in path)
        for a, b in path:
            graph[a][b] -= flow
            graph[b][a] += flow
    sink_side = _reaching(graph)
    return frozenset(n for n in names if (n, "out") in sink_side and (n, "in") not in sink_side)


def _path(graph: dict[object, dict[object, int]]) -> list[tuple[object, object]] | None:
    """A shortest path from source to sink with residual capacity on every edge; None where the flow is maximal."""
    predecessor: dict[object, object] = {"source": None}
    queue: deque[object] = deque(["source"])
    while queue:
        vertex = queue.popleft()
        for successor, residual in graph[vertex].items():
            if residual and successor not in predecessor:
                predecessor[successor] = vertex
                queue.append(successor)
    if "sink" not in predecessor:
        return None
    path: list[tuple[object, object]] = []
    vertex = "sink"
    while predecessor[vertex] is not None:
        path.append((predecessor[vertex], vertex))
        vertex = predecessor[vertex]
    return path


def _reaching(graph: dict[object, dict[object, int]]) -> set[object]:
    """The vertices from which the sink can be reached over edges with residual capacity."""
    predecessors: dict[object, list[object]] = {}
    for a, edges in graph.items():
        for b, residual in edges.items():
            if residual:
                predecessors.setdefault(b, []).append(a)
    reaching: set[object] = {"sink"}
    pending: list[object] = ["sink"]
    while pending:
        for a in predecessors.get(pending.pop(), ()):
            if a not in reaching:
                reaching.add(a)
                pending.append(a)
    return reaching
