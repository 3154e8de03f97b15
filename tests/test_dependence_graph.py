"""The dependence graph: where a derivative passes in it is where one passes, and nothing lies on top of another."""

from __future__ import annotations

import random
import stat
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.inspection.graph.dependence_graph import DependenceGraph
from srcad.inspection.graph.dependences import Dependences
from srcad.inspection.graph.drawing import drawing
from srcad.inspection.graph.layers import layered
from tests import test_calls
from tests.programs.registry import Case
from tests.test_looking import programs, recurrence

pytestmark = pytest.mark.one_in(10, least=3)


def reached(graph: Dependences, start: int, kind: str) -> set[int]:
    after = defaultdict(set)
    for edge in graph.edges:
        if edge.kind == kind:
            after[edge.source].add(edge.target)
    found, pending = {start}, [start]
    while pending:
        new = after[pending.pop()] - found
        found |= new
        pending += new
    return found


@pytest.mark.parametrize("case", programs(), ids=lambda case: case.name)
def test_a_derivative_passes_from_a_parameter_where_it_is_active(case: Case) -> None:
    """Two analyses: that of `explain` goes through the statements, and this through what was joined from them."""
    derivative = srcad.value_and_grad(case.function, case.wrt, target="python")
    said = derivative.explain(*case.args)
    graph = derivative.graph(*case.args).dependences
    (result,) = (n for n, one in enumerate(graph.variables) if one.kind == "result") if graph.edges else (None,)
    for path, role in zip(said.paths, said.parameters, strict=True):
        (start,) = (n for n, one in enumerate(graph.variables) if one.kind == "parameter" and one.label == path)
        assert (result in reached(graph, start, "derivative")) == (role.role == "active"), path
        assert graph.variables[start].active == (role.role == "active"), path


def sums(x: Any, limit: float, n: int) -> Any:
    total = 0.0
    for i in range(n):
        y = np.sin(x[i])
        if y > limit:
            y = y * y
        total += y
    return total


def edges(graph: Dependences) -> set[tuple[str, str, str]]:
    called = [one.label for one in graph.variables]
    return {(called[one.source], called[one.target], one.kind) for one in graph.edges}


def test_what_depends_on_what() -> None:
    graph = srcad.grad(sums).graph(np.ones(4), 0.5, 4)
    assert edges(graph.dependences) == {
        ("x", "y", "derivative"),
        ("y", "y", "derivative"),
        ("limit", "y", "control"),
        ("y", "total", "derivative"),
        ("total", "total", "derivative"),
        ("n", "total", "control"),
        ("n", "i", "value"),
        ("i", "y", "value"),
        ("total", "return", "derivative"),
    }
    assert not [one for one in graph.dependences.variables if one.saved]  # a turn is reversed when it is done


def test_a_call_is_an_edge_from_what_a_derivative_passes_through() -> None:
    graph = srcad.grad(test_calls.two_sides, ("x", "scale")).graph(0.5, 2.0, np.ones(3)).dependences
    assert edges(graph) == {("x", "return", "value"), ("scale", "return", "derivative"), ("shape", "return", "value")}
    graph = srcad.grad(test_calls.both).graph(0.8).dependences  # several results, recursion
    assert edges(graph) == {
        ("x", "a", "derivative"),
        ("x", "b", "derivative"),
        ("a", "return", "derivative"),
        ("b", "return", "derivative"),
    }


def test_what_is_saved_is_marked() -> None:
    graph = srcad.grad(recurrence).graph(np.ones(3), np.ones(3), 2)
    assert [one.label for one in graph.dependences.variables if one.saved] == ["h"]
    assert graph.dot.count("peripheries=2") == 1 and drawing(graph.dependences).count("node variable active saved") == 1


def test_a_store_into_a_view_reaches_the_whole() -> None:
    def f(x: Any) -> Any:
        a = np.zeros((2, 3))
        row = a[1]
        row[:] = x * x
        return np.sum(a)

    assert ("x", "row", "derivative") in (found := edges(srcad.grad(f).graph(np.ones(3)).dependences))
    assert ("row", "a", "derivative") in found and ("a", "return", "derivative") in found


def test_without_arguments_it_is_that_of_the_newest_text() -> None:
    gradient = srcad.grad(sums)
    with pytest.raises(srcad.SrcadError, match="S316"):
        gradient.graph()
    given = gradient.graph(np.ones(4), 0.5, 4)
    assert gradient.graph() == given and str(given) == given.dot
    assert srcad.jit(sums).graph(np.ones(4), 0.5, 4).dot.count("firebrick") == 0  # nothing is differentiated


def test_names_are_quoted() -> None:
    def f(params: Any) -> Any:
        return params['a"<\\'] * 2.0

    graph = srcad.grad(f).graph({'a"<\\': 1.0})
    assert r'label="params[\'a\"<\\\\\']"' in graph.dot.replace("'", r"\'")
    svg = ElementTree.fromstring(drawing(graph.dependences))
    texts = [one.text for one in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["params['a\"<\\\\']", "return"]


def program(folder: Path, text: str) -> str:
    path = folder / "dot"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_svg_is_what_graphviz_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = srcad.grad(sums).graph(np.ones(4), 0.5, 4)
    program(tmp_path, 'echo "$@"; cat')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert graph.svg() == f"-Tsvg\n{graph.dot}"
    with pytest.raises(srcad.SrcadError, match=r"S319.*\n+.*no such thing") as caught:
        graph.svg(program(tmp_path, "echo no such thing >&2; exit 3"))
    assert "`srcad view`" in str(caught.value)
    with pytest.raises(srcad.SrcadError, match="S319"):
        graph.svg(str(tmp_path / "nothing"))


def test_in_a_notebook_it_is_drawn() -> None:
    shown = srcad.grad(sums).graph(np.ones(4), 0.5, 4)._repr_html_()
    assert isinstance(shown, str) and shown.count("<svg") == 1 and "prefers-color-scheme: dark" in shown


def test_an_empty_graph_is_drawn() -> None:
    assert drawing(Dependences("f", (), ())).startswith("<svg")
    assert DependenceGraph(Dependences("f", (), ())).dot.startswith("digraph f {")


@pytest.mark.parametrize("seed", range(40))
def test_nodes_lie_apart_and_edges_end_at_them(seed: int) -> None:
    rng = random.Random(seed)
    count = rng.randrange(1, 14)
    widths = [rng.uniform(20.0, 120.0) for _ in range(count)]
    given = [(rng.randrange(count), rng.randrange(count)) for _ in range(rng.randrange(3 * count))]
    drawn = layered(widths, given)
    for a in range(count):
        (x, y), wide = drawn.nodes[a], widths[a] / 2
        assert -1e-6 <= x - wide and x + wide <= drawn.width + 1e-6 and 0.0 < y < drawn.height
        for b in range(a):
            other, there = drawn.nodes[b]
            assert y != there or abs(x - other) >= wide + widths[b] / 2 + 10.0
    assert set(drawn.edges) == {(a, b) for a, b in given if a != b}
    for (a, b), way in drawn.edges.items():
        assert way[0][1] == drawn.nodes[a][1] and way[-1][1] == drawn.nodes[b][1] and way[0][1] != way[-1][1]
        assert abs(way[0][0] - drawn.nodes[a][0]) < 8.0 and abs(way[-1][0] - drawn.nodes[b][0]) < 8.0
        heights = [y for _, y in way]
        assert heights in (sorted(heights), sorted(heights, reverse=True)), "an edge goes one way"
