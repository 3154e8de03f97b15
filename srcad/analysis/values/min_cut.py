"""The cheapest values to save, so that all that is needed can be computed from them (a minimum cut).

As in Griewank and Walther, "Evaluating Derivatives" (2008), section 12, and the partitioners of later compilers:
of the graph of the values that are needed and what they are computed from, the lightest set of values that every
way from something that cannot be computed again to something needed goes through.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

_ENDLESS = 1 << 60


def min_cut(
    needed: Iterable[str], dear: Iterable[str], inputs: Mapping[str, Iterable[str]], weight: Mapping[str, int]
) -> frozenset[str]:
    """The names to save; of cuts of equal weight, the one nearest to what is needed.

    `dear` are the names that can be had in no other way; every other name is computed from its `inputs`, those
    without any from what is at hand.

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
    names = {*needed, *dear, *inputs, *(i for some in inputs.values() for i in some)}
    for name in sorted(names):
        edge((name, "in"), (name, "out"), weight[name])
    for name in needed:
        edge((name, "out"), "sink", _ENDLESS)
    for name in dear:
        edge("source", (name, "in"), _ENDLESS)
    for name, some in inputs.items():
        for i in some:
            edge((i, "out"), (name, "in"), _ENDLESS)
    while (path := _path(graph)) is not None:
        room = min(graph[a][b] for a, b in path)
        for a, b in path:
            graph[a][b] -= room
            graph[b][a] += room
    behind = _reaching(graph)
    return frozenset(n for n in names if (n, "out") in behind and (n, "in") not in behind)


def _path(graph: dict[object, dict[object, int]]) -> list[tuple[object, object]] | None:
    """A way from source to sink with room left on every edge, one of the shortest."""
    came: dict[object, object] = {"source": None}
    queue: deque[object] = deque(["source"])
    while queue:
        here = queue.popleft()
        for there, room in graph[here].items():
            if room and there not in came:
                came[there] = here
                queue.append(there)
    if "sink" not in came:
        return None
    path: list[tuple[object, object]] = []
    step: object = "sink"
    while came[step] is not None:
        path.append((came[step], step))
        step = came[step]
    return path


def _reaching(graph: dict[object, dict[object, int]]) -> set[object]:
    """All from where the sink can be reached over edges with room left."""
    back: dict[object, list[object]] = {}
    for a, edges in graph.items():
        for b, room in edges.items():
            if room:
                back.setdefault(b, []).append(a)
    found: set[object] = {"sink"}
    pending: list[object] = ["sink"]
    while pending:
        for a in back.get(pending.pop(), ()):
            if a not in found:
                found.add(a)
                pending.append(a)
    return found
