"""Answers about a body are remembered while a function is compiled, and only as long as they are right."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from srcad.analysis.cache import remembered_analyses
from srcad.analysis.memory import alias_classes, liveness, may_alias
from srcad.ir.nodes import Function
from srcad.ir.notation import parse
from srcad.ir.types import Array, Scalar, Type, dim

VECTOR = Array("float64", (dim(3),))
TEXT = """
v = x[1:]
s = v[0]
y = v
"""


def _types() -> dict[str, Type]:
    return {"x": VECTOR, "v": VECTOR, "y": VECTOR, "s": Scalar("float64")}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The analyses that have really run since it was asked last."""
    found: list[str] = []
    for module, name in ((may_alias, "_may_alias"), (liveness, "_liveness"), (alias_classes, "_classes")):
        compute = getattr(module, name)

        def counted(*args: object, name: str = name, compute: Callable[..., object] = compute) -> object:
            found.append(name)
            return compute(*args)

        monkeypatch.setattr(module, name, counted)

    def since() -> list[str]:
        last, found[:] = found[:], []
        return last

    return since


def test_only_within(runs: Callable[[], list[str]]) -> None:
    for _ in range(2):
        may_alias.may_alias(parse(TEXT), _types())
    assert runs() == ["_may_alias"] * 2
    with remembered_analyses():
        for _ in range(2):
            may_alias.may_alias(parse(TEXT), _types())
        with remembered_analyses():
            may_alias.may_alias(parse(TEXT), _types())
        may_alias.may_alias(parse(TEXT), _types())
        assert runs() == ["_may_alias"]
    with remembered_analyses():
        may_alias.may_alias(parse(TEXT), _types())
    assert runs() == ["_may_alias"]


@remembered_analyses()
def test_what_it_depends_on(runs: Callable[[], list[str]]) -> None:
    body, types = parse(TEXT), _types()
    first = liveness.liveness(body, types, {"y"}, {"x"})
    assert runs() == ["_liveness", "_may_alias"]
    types["new"] = VECTOR
    assert liveness.liveness(body, types, {"y"}, {"x"}) is first
    assert runs() == []
    liveness.liveness(body, types, {"y"}, {"x"}, all_stays=True)
    assert "&" + first.shared.class_of("x") in liveness.liveness(body, types, {"s"}, {"x"}).after(2)
    assert runs() == ["_liveness"] * 2
    liveness.liveness(body[:2], types, {"y"}, {"x"})
    assert runs() == ["_liveness", "_may_alias"]
    # a name whose type changes from an array's to a scalar's, or in its rank, asks for another answer
    assert may_alias.may_alias(body, types).class_of("y") == may_alias.may_alias(body, types).class_of("x")
    assert runs() == []
    types["y"] = Scalar("float64")
    assert may_alias.may_alias(body, types).class_of("y") == "y"
    assert runs() == ["_may_alias"]
    types["v"] = Array("float64", (dim(3), dim(3)))
    liveness.liveness(body, types, {"y"}, {"x"})
    assert runs() == ["_liveness", "_may_alias"]


@remembered_analyses()
def test_answers_know_the_types_they_were_asked_with() -> None:
    body, types = parse(TEXT), _types()
    may_alias.may_alias(body, types)
    other = {**types, "new": Scalar("int64")}
    assert not may_alias.may_alias(body, other).has_memory("new")
    assert may_alias.may_alias(body, types).has_memory("new")
    f = Function("f", (), body, (), types)
    assert "new" not in alias_classes.alias_classes(f).class_of
    assert alias_classes.alias_classes(replace(f, types={**types, "new": VECTOR})).class_of["new"] == "new"


@remembered_analyses()
def test_threads_have_their_own(runs: Callable[[], list[str]]) -> None:
    may_alias.may_alias(parse(TEXT), _types())
    runs()
    other = threading.Thread(target=lambda: may_alias.may_alias(parse(TEXT), _types()))
    other.start()
    other.join()
    assert runs() == ["_may_alias"]


@remembered_analyses()
def test_few_are_remembered(runs: Callable[[], list[str]]) -> None:
    bodies = [parse(f"v{k} = x[1:]") for k in range(10)]
    for body in (*bodies, bodies[0], bodies[-1]):
        may_alias.may_alias(body, _types())
    assert runs() == ["_may_alias"] * 11
