"""The dependence graph as SVG, without any other program."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from itertools import pairwise

from srcad.inspection.graph.dependences import Dependences, Variable
from srcad.inspection.graph.layers import Point, layered

_CHARACTER, _HALF = 7.3, 13.0  # of the font; half the height of a node


def drawing(given: Dependences, attributes: Callable[[Variable], str] = lambda variable: "") -> str:
    """The graph as an `svg` element; `attributes` are those of the element of a variable.

    >>> from srcad.inspection.graph.dependences import Dependence
    >>> x, y = Variable("x", "parameter", True, False), Variable("y", "result", True, False)
    >>> text = drawing(Dependences("f", (x, y), (Dependence(0, 1, "derivative"),)))
    >>> text[:4], text.count("<rect"), text.count("<path")
    ('<svg', 2, 2)
    """
    widths = [max(28.0, _CHARACTER * len(one.label) + 18.0) for one in given.variables]
    drawn = layered(widths, [(edge.source, edge.target) for edge in given.edges])
    width, height = drawn.width + 44.0, drawn.height + 8.0
    shapes = []
    for edge in given.edges:
        way = _loop(drawn.nodes[edge.source], widths[edge.source])
        if edge.source != edge.target:
            way = _curve(drawn.edges[edge.source, edge.target])
        names = f"{given.variables[edge.source].label} → {given.variables[edge.target].label}"
        shapes.append(
            f'<path class="edge {edge.kind}" d="{way}" marker-end="url(#srcad-{edge.kind})">'
            f"<title>{html.escape(names)}: {_SAID[edge.kind]}</title></path>"
        )
    for one, (x, y), wide in zip(given.variables, drawn.nodes, widths, strict=True):
        classes = " ".join(
            ["node", one.kind, *(["active"] if one.active else []), *(["saved"] if one.saved else [])],
        )
        shapes.append(
            f'<g class="{classes}" {attributes(one)}><title>{html.escape(described(one))}</title>'
            f'<rect x="{x - wide / 2:.0f}" y="{y - _HALF:.0f}" width="{wide:.0f}" height="{2 * _HALF:.0f}" '
            f'rx="{13 if one.kind == "parameter" else 4}"/>'
            f'<text x="{x:.0f}" y="{y + 4:.0f}">{html.escape(one.label)}</text></g>'
        )
    heads = "".join(
        f'<marker id="srcad-{kind}" class="head {kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker>'
        for kind in {edge.kind: None for edge in given.edges}
    )
    title = html.escape(f"what the variables of {given.function} depend on", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" class="srcad-graph" '
        f'style="width: {width:.0f}px; min-width: {0.7 * width:.0f}px" viewBox="-6 -4 {width:.0f} {height:.0f}">'
        f"<defs>{heads}</defs>{''.join(shapes)}</svg>"
    )


_SAID = {
    "derivative": "a derivative passes",
    "value": "the value is read, no derivative passes",
    "control": "decides whether it is computed, or how often",
}


def described(one: Variable) -> str:
    """A variable in words."""
    parts = ["what is returned" if one.kind == "result" else f"{one.label}, a {one.kind}"]
    parts.append("active" if one.active else "no derivative passes")
    if one.saved:
        parts.append("saved for the reverse sweep")
    if one.spans:
        parts.append(", ".join(dict.fromkeys(f"L{span.line}" for span in one.spans)))
    return "; ".join(parts)


def _curve(points: Sequence[Point]) -> str:
    """A path from the lower edge of the first node to the upper edge of the last, or upward."""
    down = points[-1][1] >= points[0][1]
    step = _HALF if down else -_HALF
    ends = [(points[0][0], points[0][1] + step), *points[1:-1], (points[-1][0], points[-1][1] - step)]
    parts = [f"M{ends[0][0]:.0f} {ends[0][1]:.0f}"]
    for (x, y), (to_x, to_y) in pairwise(ends):
        middle = (y + to_y) / 2
        parts.append(f"C{x:.0f} {middle:.0f} {to_x:.0f} {middle:.0f} {to_x:.0f} {to_y:.0f}")
    return "".join(parts)


def _loop(centre: Point, width: float) -> str:
    x, y = centre[0] + width / 2, centre[1]
    return f"M{x:.0f} {y - 6:.0f}C{x + 24:.0f} {y - 16:.0f} {x + 24:.0f} {y + 16:.0f} {x:.0f} {y + 6:.0f}"
