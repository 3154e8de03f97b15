"""Lists whose length only a run knows, in what may be asked of any list: right, or refused."""

from __future__ import annotations

import numpy as np
import pytest

import srcad
from tests.functions_from_text import function_of

MADE = {
    "comprehension": "l = [e for e in B]",
    "loop": "l = []\n    for e in B:\n        l.append(e * 2)",
    "while": "l = []\n    k = 0\n    while k < len(B):\n        l.append(B[k])\n        k += 1",
    "condition": "l = []\n    for e in B:\n        if e > 0.5:\n            l.append(e)",
    "list": "l = list(B)",
}

EXPRESSIONS = """
(l * 2)[2]
(2 * l)[-1]
len(l + [1.0]) * B[0]
(l + l)[2] + len(l + l)
([B[0]] + l)[1]
(l + [B[0]])[-1]
([B[0]] + l + [B[1]])[0]
min(l + [0.3])
max([B[1]] + l)
sum(l + l)
np.array(l + l)[1]
np.sum(np.array([l, l]))
np.sum(np.array(l) * 2)
(*l, 1.0)[-1]
sorted(l + l)[2]
(l[1:] + l[:1])[-1]
list(l)[1]
np.mean(l + [1.0])
sum(a * b for a, b in zip(l, l[1:] + l[:1]))
l.count(l[0])
""".strip().split("\n")

STATEMENTS = """
l += [B[0]]; s = l[-1] + len(l)
l.extend(l); s = l[-1] + len(l)
m = [B[0]]; m += l; s = m[-1] + len(m)
m = l; m.append(B[0]); s = l[-1] + len(l)
m = l + []; m.append(B[0]); s = l[-1] + len(l) + m[0]
m = l * 1; m[0] = 5.0; s = l[0] + m[0]
m = [1.0, 2.0, 3.0]; m[1:2] = l; s = m[1] + len(m)
m = l; l = l + [B[0]]; s = len(m) + l[-1]
m = l; l += [B[0]]; s = len(m) + l[-1]
l *= 2; s = l[2] + len(l)
""".strip().split("\n")

B = np.array([0.84, -0.48, 0.58, 0.9])


@pytest.mark.one_in(6, least=5)
@pytest.mark.parametrize("body", [f"s = {expression}" for expression in EXPRESSIONS] + STATEMENTS)
@pytest.mark.parametrize("made", MADE)
def test_a_list(made: str, body: str) -> None:
    lines = body.replace("; ", "\n    ")
    f = function_of(f"def f(B):\n    {MADE[made]}\n    {lines}\n    return s * B[0]\n", {})
    try:
        want = f(B.copy())
    except (IndexError, ValueError):
        return
    try:
        value, slopes = srcad.value_and_grad(f, target="python")(B.copy())
    except srcad.SrcadError as error:
        assert error.problems[0].code in ("S113", "S125", "S126", "S127")
        return
    assert value == pytest.approx(want, rel=1e-13)
    differences = [(f(B + 1e-6 * e) - f(B - 1e-6 * e)) / 2e-6 for e in np.eye(4)]
    np.testing.assert_allclose(slopes, differences, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("body", ["min(l + [0.3])", "(l * 2)[2]", "([B[0]] + l)[1]"])
def test_joined_and_repeated_lists_are_not_refused(body: str) -> None:
    f = function_of(f"def f(B):\n    l = [e for e in B]\n    return {body}\n", {})
    assert srcad.check_grad(f, B, target="python")


IN_PLACE = """
L = [B[0], B[1]]; M = L; M *= 2; s = len(L) * L[-1]
L = [B[0], B[1]]; M = [L, L]; M[0] *= 2; s = len(L) * M[1][-1]
L = [B[0], B[1]]; M = L; M *= 0; s = len(L) * B[0]
L = [B[0], B[1]]; M = L; M += [B[2]]; s = len(L) * L[-1]
L = [e for e in B]; M = L; M *= 2; s = len(L) * L[-1]
D = {"a": B[0]}; E = D; E |= {"a": B[1], "b": B[2]}; s = D["a"] * D["b"]
D = {"a": B[0]}; E = D; E = E | {"a": B[1]}; s = D["a"] * E["a"]
D = {"d": {"a": B[0]}}; E = D["d"]; D["d"] |= {"a": B[1]}; s = E["a"]
q = deque([B[0]], maxlen=2); p = q; p += [B[1], B[2]]; s = q[0] * len(q)
""".strip().split("\n")


@pytest.mark.parametrize("body", IN_PLACE)
def test_what_is_changed_in_place_has_changed_under_its_other_name(body: str) -> None:
    from collections import deque

    lines = body.replace("; ", "\n    ")
    f = function_of(f"def f(B):\n    {lines}\n    return s * B[3]\n", {"deque": deque})
    try:
        value, _ = srcad.value_and_grad(f, target="python")(B)
    except srcad.SrcadError as error:
        assert error.problems[0].code in ("S113", "S125") and "e for e in B" in body
        return
    assert value == pytest.approx(f(B), rel=1e-13)
    assert srcad.check_grad(f, B, target="python")


DEQUES = """
deque(B, 2).popleft()
deque(B, maxlen=3).popleft()
deque([B[0], B[1], B[2]], 2).popleft()
deque((v * 2 for v in B), 2)[0]
deque([v for v in B], 9)[0]
""".strip().split("\n")


@pytest.mark.parametrize("expression", DEQUES)
def test_a_deque_keeps_the_last_items(expression: str) -> None:
    from collections import deque

    f = function_of(f"def f(B):\n    return {expression}\n", {"deque": deque})
    assert srcad.value_and_grad(f, target="python")(B)[0] == f(B)
    assert srcad.check_grad(f, B, target="python")


OVERLAPPING = """
y[y > 0.0] = y[1:3]
y[np.array([False, True, True, False])] = y[::-1][:2]
np.put(y, [1, 2, 3], y[0:3])
np.putmask(y, np.array([False, True, True, True]), y[::-1])
np.place(y, np.array([False, True, True, False]), y[0:2])
y[[1, 2, 3]] = y[:3]
y.flat[1:] = y[:3]
np.copyto(y[1:], y[:3], where=[True, False, True])
""".strip().split("\n")


@pytest.mark.parametrize("statement", OVERLAPPING)
def test_values_that_are_a_view_of_what_is_written(statement: str) -> None:
    f = function_of(f"def f(B):\n    y = B.copy()\n    y[1] = 0.3\n    {statement}\n    return y @ B\n", {})
    g = function_of(
        f"def f(B):\n    y = B.copy()\n    y[1] = 0.3\n    y[3] = -y[3]\n    {statement}\n    return y @ B\n", {}
    )
    for one in (f, g):
        try:
            want = one(B)
        except ValueError:
            continue
        try:
            value, _ = srcad.value_and_grad(one, target="python")(B)
        except srcad.SrcadError as error:
            assert error.problems[0].code == "S401"
            continue
        assert value == pytest.approx(want, rel=1e-13)
        assert srcad.check_grad(one, B, target="python")


def test_a_list_made_in_each_iteration_of_loops_over_generators() -> None:
    from collections import deque

    lines = """
def f(B):
    s = 0.0
    for a in (2.0 * e for e in B if e < 0.7):
        for b in (3.0 * e for e in B if e < 0.7):
            for k in range(3):
                last = deque(B)
            s += a * b * last[0]
    return s
"""
    assert srcad.check_grad(function_of(lines, {"deque": deque}), B, target="python")


def test_a_view_through_a_mask_is_refused() -> None:
    f = function_of("def f(B):\n    y = B * 2.0\n    y[y > 1.0] = y[::-1][:3]\n    return y @ B\n", {})
    with pytest.raises(srcad.SrcadError, match="S401"):
        srcad.grad(f, target="python")(B)
