"""A layered drawing of a directed graph: nodes in rows, edges downward, few crossings (Sugiyama's method).

Edges that close a cycle are laid out against their direction. Those that pass over rows run through a point of their
own in each, which takes part in the ordering as a node does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Point = tuple[float, float]
Edge = tuple[int, int]

_GAP, _ROW, _HEIGHT, _SWEEPS = 22.0, 64.0, 26.0, 8


@dataclass(frozen=True)
class Drawing:
    """Where everything is; nodes by their centres, edges by the points that they pass, in their own direction."""

    width: float
    height: float
    nodes: tuple[Point, ...]
    edges: Mapping[Edge, tuple[Point, ...]]


def layered(widths: Sequence[float], edges: Sequence[Edge]) -> Drawing:
    """The drawing of a graph of nodes with these widths. An edge from a node to itself is left to the caller.

    >>> drawn = layered([30.0, 30.0, 30.0], [(0, 1), (1, 2), (2, 1), (0, 2)])
    >>> [y for _, y in drawn.nodes], len(drawn.edges[0, 2]), drawn.edges[2, 1][0][1] > drawn.edges[2, 1][-1][1]
    ([13.0, 77.0, 141.0], 3, True)
    """
    plain = list(dict.fromkeys((a, b) for a, b in edges if a != b))
    turned = _closing(len(widths), plain)
    downward = list(dict.fromkeys((b, a) if (a, b) in turned else (a, b) for a, b in plain))
    graph = _Rows([*widths], downward)
    graph.order()
    x = graph.across()
    left = min((x[n] - graph.widths[n] / 2 for n in range(len(x))), default=0.0)
    right = max((x[n] + graph.widths[n] / 2 for n in range(len(x))), default=0.0)
    points = [(x[n] - left, _HEIGHT / 2 + _ROW * graph.row[n]) for n in range(len(x))]
    paths: dict[Edge, tuple[Point, ...]] = {}
    for a, b in plain:
        against = (a, b) in turned
        way = graph.ways[(b, a) if against else (a, b)]
        # beside the edge of the other direction
        shift = 7.0 if against and (b, a) in plain else 0.0
        path = [(points[n][0] + shift, points[n][1]) for n in way]
        paths[a, b] = tuple(path[::-1] if against else path)
    height = _HEIGHT + _ROW * max(graph.row, default=0)
    return Drawing(right - left, height, tuple(points[: len(widths)]), paths)


def _closing(count: int, edges: Sequence[Edge]) -> set[Edge]:
    """The edges that close a cycle, found depth first."""
    after: dict[int, list[int]] = {n: [] for n in range(count)}
    for a, b in edges:
        after[a].append(b)
    state = [0] * count  # 1 on the way, 2 done
    found: set[Edge] = set()
    for start in range(count):
        stack = [(start, iter(after[start]))] if state[start] == 0 else []
        state[start] = state[start] or 1
        while stack:
            node, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                state[node] = 2
                stack.pop()
            elif state[following] == 1:
                found.add((node, following))
            elif state[following] == 0:
                state[following] = 1
                stack.append((following, iter(after[following])))
    return found


@dataclass
class _Rows:
    """The nodes in their rows, with a node of no width for each row that an edge passes over."""

    widths: list[float]
    edges: list[Edge]
    row: list[int] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    ways: dict[Edge, list[int]] = field(default_factory=dict)
    above: list[list[int]] = field(default_factory=list)
    below: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.widths)
        self.row = _longest_ways(count, self.edges)
        for a, b in self.edges:
            passed = range(self.row[a] + 1, self.row[b])
            between = [*range(len(self.widths), len(self.widths) + len(passed))]
            self.widths += [4.0] * len(passed)
            self.row += passed
            self.ways[a, b] = [a, *between, b]
        self.rows = [[] for _ in range(max(self.row, default=-1) + 1)]
        for node, row in enumerate(self.row):
            self.rows[row].append(node)
        self.above, self.below = [[] for _ in self.widths], [[] for _ in self.widths]
        for way in self.ways.values():
            for a, b in pairwise(way):
                self.below[a].append(b)
                self.above[b].append(a)

    def order(self) -> None:
        """Sort each row by the middle of the neighbours, downward and upward in turn; the best of all is kept."""
        best, least = [list(row) for row in self.rows], self.crossings()
        for sweep in range(_SWEEPS):
            beside = self.above if sweep % 2 == 0 else self.below
            place = {node: float(at) for row in self.rows for at, node in enumerate(row)}
            for row in self.rows if sweep % 2 == 0 else reversed(self.rows):
                middle = {n: _mean([place[m] for m in beside[n]], place[n]) for n in row}
                row.sort(key=lambda n: middle[n])
                place.update((node, float(at)) for at, node in enumerate(row))
            if (found := self.crossings()) < least:
                best, least = [list(row) for row in self.rows], found
        self.rows = best

    def crossings(self) -> int:
        place = {node: at for row in self.rows for at, node in enumerate(row)}
        total = 0
        for row in self.rows:
            ends = [(place[a], place[b]) for a in row for b in self.below[a]]
            total += sum((a - c) * (b - d) < 0 for i, (a, b) in enumerate(ends) for c, d in ends[:i])
        return total

    def across(self) -> list[float]:
        """The horizontal place of each node: near its neighbours, in the order of its row, without overlap."""
        x = [0.0] * len(self.widths)
        for row in self.rows:
            at = 0.0
            for node in row:
                x[node] = at + self.widths[node] / 2
                at += self.widths[node] + _GAP
        for sweep in range(3 * _SWEEPS):
            for row in self.rows if sweep % 2 == 0 else reversed(self.rows):
                wanted = [_mean([x[m] for m in (*self.above[n], *self.below[n])], x[n]) for n in row]
                for node, new in zip(row, self.apart(row, wanted), strict=True):
                    x[node] = new
        return x

    def apart(self, row: Sequence[int], wanted: Sequence[float]) -> list[float]:
        """Places near those wanted, with a gap between neighbours: half-way between the two that push to one side."""
        between = [(self.widths[a] + self.widths[b]) / 2 + _GAP for a, b in pairwise(row)]
        right, left = list(wanted), list(wanted)
        for at, gap in enumerate(between):
            right[at + 1] = max(right[at + 1], right[at] + gap)
        for at, gap in reversed([*enumerate(between)]):
            left[at] = min(left[at], left[at + 1] - gap)
        return [(a + b) / 2 for a, b in zip(left, right, strict=True)]


def _longest_ways(count: int, edges: Sequence[Edge]) -> list[int]:
    """The row of each node of an acyclic graph: below all that lead to it, and one that nothing leads to just above."""
    row = [0] * count
    changed = True
    while changed:
        changed = False
        for a, b in edges:
            if row[b] <= row[a]:
                row[b], changed = row[a] + 1, True
    entered = {b for _, b in edges}
    for node in range(count):
        following = [row[b] for a, b in edges if a == node]
        if node not in entered and following:
            row[node] = min(following) - 1
    return row


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
