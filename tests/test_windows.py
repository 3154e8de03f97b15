"""Windows: truncated gradients of loops, against their definition written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad import window

pytestmark = pytest.mark.one_in(10, least=3)

RNG = np.random.default_rng(5)
W, H0 = 0.4 * RNG.standard_normal((3, 3)), RNG.standard_normal(3)
XS = RNG.standard_normal((7, 3))


def step(W: Any, h: Any, x: Any) -> Any:
    return np.tanh(W @ h + x)


def loss(h: Any, x: Any) -> Any:
    return np.sum(h * h) + np.sum(h * x)


def defined(W: Any, h0: Any, xs: Any, every: int, back: int) -> tuple[Any, Any, Any]:
    """The gradient of all losses by its definition: of the losses of each block of `every` iterations, run from
    `back` iterations before its end, where the state is a constant if that is not the beginning."""
    count, total = len(xs), [np.zeros_like(W), np.zeros_like(h0), np.zeros_like(xs)]
    states = [h0]
    for x in xs:
        states.append(step(W, states[-1], x))
    for block in range((count + every - 1) // every):
        end = (block + 1) * every
        start = max(0, end - back)

        def of_block(W: Any, h: Any, xs: Any, start: int = start, first: int = block * every, end: int = end) -> Any:
            found = 0.0
            for t in range(start, min(end, len(xs))):
                h = step(W, h, xs[t])
                if t >= first:
                    found = found + loss(h, xs[t])
            return found

        d_W, d_h, d_xs = srcad.grad(of_block, (0, 1, 2), target="python")(W, states[start], xs)
        total[0] += d_W
        total[1] += d_h if start == 0 else 0.0
        total[2] += d_xs
    return total[0], total[1], total[2]


def recurrent(W: Any, h: Any, xs: Any, every: Any, back: Any) -> Any:
    total = 0.0
    for t in window(range(len(xs)), every, back, cut="h"):
        h = step(W, h, xs[t])
        total += loss(h, xs[t])
    return total


def over_rows(W: Any, h: Any, xs: Any, every: Any, back: Any) -> Any:
    total = 0.0
    for x in window(xs, every=every, back=back, cut=("h",)):
        h = step(W, h, x)
        total = total + loss(h, x)
    return total


def enumerated(W: Any, h: Any, xs: Any, every: Any, back: Any) -> Any:
    losses = np.zeros(len(xs))
    for t, x in window(enumerate(xs), every=every, back=back, cut=["h"]):
        y = W @ h
        y = y + x
        h = np.tanh(y)
        losses[t] = loss(h, x)
    return np.sum(losses)


def backwards(W: Any, h: Any, xs: Any, every: Any, back: Any) -> Any:
    total = 0.0
    for t in window(range(len(xs) - 1, -1, -1), every=every, back=back, cut="h"):
        h = step(W, h, xs[len(xs) - 1 - t])
        total += loss(h, xs[len(xs) - 1 - t])
    return total


def in_place(W: Any, h: Any, xs: Any, every: Any, back: Any) -> Any:
    h = h.copy()
    ys = np.zeros_like(xs)
    for t in window(range(len(xs)), every=every, back=back, cut="h"):
        h[:] = step(W, h, xs[t])
        ys[t] = h
    return np.sum(ys * ys) + np.sum(ys * xs)


def branches(W: Any, h: Any, xs: Any, every: Any, back: Any) -> Any:
    total = 0.0
    for t in window(range(len(xs)), every=every, back=back, cut="h"):
        if xs[t, 0] > 0.0:
            y = W @ h + xs[t]
            h = np.tanh(y)
        else:
            h = step(W, h, xs[t])
        if t < len(xs):
            total += loss(h, xs[t])
    return total


SIZES = [(1, 1), (1, 3), (2, 2), (3, 3), (2, 4), (3, 6), (1, 7), (7, 7), (10, 10), (1, 20), (2, 20)]


FEW = [(2, 2), (1, 3), (2, 4)]
OTHERS = (over_rows, enumerated, backwards, in_place, branches)


@pytest.mark.parametrize(
    ("f", "sizes"),
    [*((recurrent, one) for one in SIZES), *((f, one) for f in OTHERS for one in FEW)],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_the_definition(f: Callable[..., Any], sizes: tuple[int, int]) -> None:
    value, found = srcad.value_and_grad(f, (0, 1, 2), target="python")(W, H0, XS, *sizes)
    assert value == f(W, H0, XS, *sizes)
    for one, want in zip(found, defined(W, H0, XS, *sizes), strict=True):
        np.testing.assert_allclose(one, want, rtol=1e-12, atol=1e-13)


def test_a_window_of_all_is_the_gradient() -> None:
    def plain(W: Any, h: Any, xs: Any) -> Any:
        total = 0.0
        for t in range(len(xs)):
            h = step(W, h, xs[t])
            total += loss(h, xs[t])
        return total

    want = srcad.grad(plain, (0, 1, 2), target="python")(W, H0, XS)
    cut = srcad.grad(recurrent, (0, 1, 2), target="python")(W, H0, XS, 1, 3)
    assert not np.allclose(cut[0], want[0], rtol=1e-3)
    for every, back in ((7, 7), (1, 7), (7, None), (None, 7), (2, 8)):
        for one, other in zip(
            srcad.grad(recurrent, (0, 1, 2), target="python")(W, H0, XS, every, back), want, strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("sizes", FEW, ids=str)
def test_compiled(sizes: tuple[int, int]) -> None:
    found = srcad.grad(recurrent, (0, 1, 2))(W, H0, XS, *sizes)
    for one, want in zip(found, defined(W, H0, XS, *sizes), strict=True):
        np.testing.assert_allclose(one, want, rtol=1e-12)


@pytest.mark.parametrize("sizes", FEW, ids=str)
def test_numbers_and_float32(sizes: tuple[int, int]) -> None:
    def filtered(w: Any, h: Any, xs: Any, every: Any, back: Any) -> Any:
        total = 0.0 * h
        for t in window(range(len(xs)), every=every, back=back, cut="h"):
            h = np.sin(w * h) + xs[t]
            total += h * h
        return total

    def columns(w: Any, h: Any, xs: Any, every: Any, back: Any) -> Any:
        total = 0.0
        for t in window(range(len(xs)), every=every, back=back, cut="h"):
            h = np.sin(w * h) + xs[t]
            total += np.sum(h * h)
        return total

    df = srcad.grad(filtered, (0, 1), target="python")
    for a, b in zip(
        df(0.7, 0.2, XS[:, 0], *sizes),
        srcad.grad(columns, (0, 1), target="python")(0.7, np.array([0.2]), XS[:, :1], *sizes),
        strict=True,
    ):
        np.testing.assert_allclose(a, np.squeeze(b), rtol=1e-13)
    single = df(np.float32(0.7), np.float32(0.2), XS[:, 0].astype(np.float32), *sizes)
    np.testing.assert_allclose(single, df(0.7, 0.2, XS[:, 0], *sizes), rtol=1e-5)


def test_each_variable_by_itself() -> None:
    def f(W: Any, h: Any, c: Any, xs: Any) -> Any:
        total = 0.0
        for t in window(range(len(xs)), every=3, cut=("h",)):
            c = 0.5 * c + step(W, h, xs[t])
            h = np.tanh(c)
            total += np.sum(h * h)
        return total

    def by_hand(W: Any, h: Any, c: Any, xs: Any) -> Any:
        total = 0.0
        for t in range(len(xs)):
            if t in (3, 6):
                h = srcad.stop_gradient(h)
            c = 0.5 * c + step(W, h, xs[t])
            h = np.tanh(c)
            total += np.sum(h * h)
        return total

    args = (W, H0, -H0, XS)
    for one, want in zip(
        srcad.grad(f, (0, 1, 2, 3), target="python")(*args),
        srcad.grad(by_hand, (0, 1, 2, 3), target="python")(*args),
        strict=True,
    ):
        np.testing.assert_allclose(one, want, rtol=1e-13)


def masked(W: Any, h: Any, xs: Any, begins: Any, back: Any) -> Any:
    total = 0.0
    for t in window(range(len(xs)), back=back, cut={"h": begins}):
        h = np.tanh(h @ W + xs[t])
        total += np.sum(h * h)
    return total


@pytest.mark.parametrize("back", [None, 2])
def test_packed_sequences(back: int | None) -> None:
    """Rows that begin anew are cut: as if each of the sequences in a row were run alone, from a constant."""
    begins = np.zeros((7, 2), dtype=bool)
    begins[3, 0] = begins[5, 1] = begins[1, 1] = True
    h, xs = RNG.standard_normal((2, 3)), RNG.standard_normal((7, 2, 3))
    found = srcad.grad(masked, (0, 1, 2), target="python")(W, h, xs, begins, back)

    def one_row(W: Any, h: Any, xs: Any, firsts: Any, back: Any) -> Any:
        total = 0.0
        for s in range(len(xs)):
            first = 0 if back is None else max(0, s + 1 - back)
            state = h
            for t in range(s + 1):
                if firsts[t] or (t == first and first > 0):
                    state = srcad.stop_gradient(state)
                state = np.tanh(state @ W + xs[t])
            total += np.sum(state * state)
        return total

    want = [np.zeros_like(W), np.zeros_like(h), np.zeros_like(xs)]
    for row in range(2):
        firsts = [bool(one) for one in begins[:, row]]
        d_W, d_h, d_xs = srcad.grad(lambda W, h, xs, f=firsts: one_row(W, h, xs, f, back), (0, 1, 2), target="python")(
            W, h[row], xs[:, row].copy()
        )
        want[0] += d_W
        want[1][row] += d_h
        want[2][:, row] += d_xs
    for one, other in zip(found, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("sizes", FEW, ids=str)
def test_forward_mode_and_second_order_are_of_the_same_cuts(sizes: tuple[int, int]) -> None:
    v = RNG.standard_normal((3, 3))
    gradient = srcad.grad(recurrent, target="python")(W, H0, XS, *sizes)
    primals = (W, H0, XS, *sizes)
    _, tangent = srcad.jvp(recurrent, primals, (v, None, None, None, None), target="python")
    np.testing.assert_allclose(tangent, np.sum(v * gradient), rtol=1e-12)
    _, pullback = srcad.vjp(lambda W: recurrent(W, H0, XS, *sizes), W, target="python")
    np.testing.assert_allclose(pullback(1.0)[0], gradient, rtol=1e-12)

    def norm(W: Any) -> Any:
        return np.sum(srcad.grad(recurrent)(W, H0, XS, *sizes) ** 2)

    def norm_of_definition(W: Any) -> float:
        return float(np.sum(defined(W, H0, XS, *sizes)[0] ** 2))

    # the constants of a window are constants of the second derivative as well: that is no difference of first ones
    found = srcad.grad(norm, target="python")(W)
    assert np.all(np.isfinite(found)) and norm(W) == pytest.approx(norm_of_definition(W), rel=1e-12)


def test_break_in_chunks() -> None:
    def f(W: Any, h: Any, xs: Any) -> Any:
        total = 0.0
        for t in window(range(len(xs)), every=2, cut="h"):
            h = step(W, h, xs[t])
            total += np.sum(h * h)
            if t == 4:
                break
        return total

    def by_hand(W: Any, h: Any, xs: Any) -> Any:
        total = 0.0
        for t in range(5):
            if t in (2, 4):
                h = srcad.stop_gradient(h)
            h = step(W, h, xs[t])
            total += np.sum(h * h)
        return total

    np.testing.assert_allclose(
        srcad.grad(f, target="python")(W, H0, XS), srcad.grad(by_hand, target="python")(W, H0, XS), rtol=1e-13
    )


def test_the_state_after_the_loop() -> None:
    def f(W: Any, h: Any, xs: Any, every: Any, back: Any) -> Any:
        for t in window(range(len(xs)), every=every, back=back, cut="h"):
            h = step(W, h, xs[t])
        return np.sum(h)

    def last(W: Any, h: Any, xs: Any) -> Any:
        for t in range(len(xs)):
            h = step(W, h, xs[t])
        return np.sum(h)

    states = [H0]
    for x in XS:
        states.append(step(W, states[-1], x))
    for sizes, start in (((3, 3), 6), ((1, 3), 4), ((2, 4), 4)):
        want = srcad.grad(last, target="python")(W, states[start], XS[start:].copy())
        np.testing.assert_allclose(srcad.grad(f, target="python")(W, H0, XS, *sizes), want, rtol=1e-12)


def test_it_runs_as_the_plain_loop() -> None:
    source = srcad.jit(recurrent, target="python").source_for(W, H0, XS, 2, 4)
    assert "kept" not in source and source.count("for ") == 1
    assert list(window(range(3), every=2, cut="h")) == [0, 1, 2]
    for wrong in ({"every": 0}, {"back": -1}, {"every": 2, "back": 3}):
        with pytest.raises(ValueError, match="must be"):
            window(range(3), cut="h", **wrong)


def reads_a_sum(W: Any, h: Any, xs: Any) -> Any:
    total = 0.0
    for t in window(range(len(xs)), back=2, cut="h"):
        h = step(W, h, xs[t]) / (1.0 + total * total)
        total += np.sum(h)
    return total


def other_state(W: Any, h: Any, xs: Any) -> Any:
    total, c = 0.0, np.zeros(3)
    for t in window(range(len(xs)), back=2, cut="h"):
        c = 0.5 * c + h
        h = step(W, c, xs[t])
        total += np.sum(h)
    return total


def reads_an_array(W: Any, h: Any, xs: Any) -> Any:
    hs = np.zeros((len(xs) + 1, 3))
    for t in window(range(len(xs)), back=2, cut="h"):
        hs[t + 1] = step(W, hs[t] + h, xs[t])
        h = hs[t + 1]
    return np.sum(hs)


def through_a_view(W: Any, h: Any, xs: Any) -> Any:
    hs = np.zeros((len(xs), 3))
    for t in window(range(len(xs)), back=2, cut="h"):
        row = hs[t]
        h = step(W, h, xs[t])
        row[:] = h
    return np.sum(hs)


def breaks(W: Any, h: Any, xs: Any) -> Any:
    total = 0.0
    for t in window(range(len(xs)), back=2, cut="h"):
        h = step(W, h, xs[t])
        total += np.sum(h)
        if total > 5.0:
            break
    return total


def not_carried(W: Any, h: Any, xs: Any) -> Any:
    total = 0.0
    for t in window(range(len(xs)), back=2, cut="g"):
        g = step(W, h, xs[t])
        total += np.sum(g)
    return total


def counts(W: Any, h: Any, xs: Any) -> Any:
    total, k = 0.0, 0
    for _ in window(range(len(xs)), back=2, cut="h"):
        h = step(W, h, xs[k])
        total += np.sum(h)
        k += 1
    return total


def no_name(W: Any, h: Any, xs: Any) -> Any:
    for t in window(range(len(xs)), back=2):
        h = step(W, h, xs[t])
    return np.sum(h)


def nothing_to_cut(W: Any, h: Any, xs: Any) -> Any:
    for t in window(range(len(xs)), cut="h"):
        h = step(W, h, xs[t])
    return np.sum(h)


def no_multiple(W: Any, h: Any, xs: Any) -> Any:
    for t in window(range(len(xs)), every=2, back=3, cut="h"):
        h = step(W, h, xs[t])
    return np.sum(h)


def other_dtype(W: Any, h: Any, xs: Any) -> Any:
    k = 0
    for t in window(range(len(xs)), back=2, cut="k"):
        k = 0.5 * k + np.sum(step(W, h, xs[t]))
    return k


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (reads_a_sum, "total is changed and read in the loop"),
        (other_state, "c is changed and read in the loop, and is not cut"),
        (reads_an_array, "hs is changed and read in the loop"),
        (through_a_view, "memory from outside of the loop"),
        (breaks, "left by break"),
        (not_carried, "g is not carried"),
        (counts, "k is changed and read in the loop"),
        (no_name, "no variable to cut"),
        (nothing_to_cut, "nothing to cut"),
        (no_multiple, "no multiple"),
        (other_dtype, "int64"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_refused(f: Callable[..., Any], message: str) -> None:
    with pytest.raises(srcad.SrcadError, match=message):
        srcad.grad(f, target="python")(W, H0, XS)


SC = np.array([0.3, -0.2, 0.5, 0.1, 0.7, -0.4, 0.2])


def plain_number(w: Any) -> Any:
    h, total = 0.1, 0.0
    for t in window(range(7), back=2, cut="h"):
        h = np.sin(w * h + SC[t])
        total += h
    return total


def in_an_expression(w: Any) -> Any:
    h, total = 0.1, 0.0
    for t in window(range(7), back=2, cut="h"):
        total += (h := np.sin(w * h + SC[t]))
    return total


def in_a_list(w: Any) -> Any:
    h, found = 0.1, []
    for t in window(range(7), back=2, cut="h"):
        found.append(h := np.sin(w * h + SC[t]))
    return np.sum(np.array(found))


def inner_break(w: Any) -> Any:
    h, total = 0.1, 0.0
    for t in window(range(7), back=2, cut="h"):
        for i in range(3):
            if i == 1:
                break
            h = np.sin(w * h + SC[t])
        total += h
    return total


@pytest.mark.parametrize("f", [in_an_expression, in_a_list, inner_break], ids=lambda f: f.__name__)
def test_the_state_moves_on_wherever_it_is_set(f: Callable[..., Any]) -> None:
    value, slope = srcad.value_and_grad(f, target="python")(0.7)
    assert value == f(0.7)
    assert slope == pytest.approx(srcad.grad(plain_number, target="python")(0.7), rel=1e-13)


def advance(W: Any, h: Any, x: Any) -> Any:
    h[:] = step(W, h, x)
    return loss(h, x)


@pytest.mark.parametrize("sizes", FEW, ids=str)
def test_functions_that_change_the_state(sizes: tuple[int, int]) -> None:
    def f(W: Any, h: Any, xs: Any, every: Any, back: Any) -> Any:
        h = h.copy()
        total = 0.0
        for x in window(xs, every=every, back=back, cut="h"):
            total += advance(W, h, x)
        return total

    value, found = srcad.value_and_grad(f, (0, 1, 2), target="python")(W, H0, XS, *sizes)
    assert value == f(W, H0, XS, *sizes)
    for one, want in zip(found, defined(W, H0, XS, *sizes), strict=True):
        np.testing.assert_allclose(one, want, rtol=1e-12, atol=1e-13)


def other_name(W: Any, h: Any, xs: Any) -> Any:
    h = h.copy()
    part = h[:2]
    total = 0.0
    for x in window(xs, every=2, cut="h"):
        h[:] = step(W, h, x)
        total += np.sum(part * part)
    return total


def row_of_another(W: Any, h: Any, xs: Any) -> Any:
    states = np.zeros((2, 3))
    h = states[0]
    for x in window(xs, back=2, cut="h"):
        h[:] = step(W, h, x)
    return np.sum(states)


def run(W: Any, h: Any, xs: Any) -> None:
    for x in window(xs, every=2, cut="h"):
        h[:] = step(W, h, x)


def read_by_the_caller(W: Any, h: Any, xs: Any) -> Any:
    state = 1.0 * h
    run(W, state, xs)
    return np.sum(state)


def buffer_of_two_names(W: Any, h: Any, xs: Any) -> Any:
    buffer = np.zeros((2, 3))
    row, total = buffer[0], 0.0
    for x in window(xs, back=2, cut="h"):
        h = step(W, h, x) + 0.1 * buffer[0]
        row[:] = h
        total += np.sum(h)
    return total


def of_a_dict(W: Any, h: Any, xs: Any) -> Any:
    s, total = {"h": h}, 0.0
    for x in window(xs, back=3, cut="s"):
        s["h"] = step(W, s["h"], x)
        total += np.sum(s["h"])
    return total


def state_and_sum(W: Any, h: Any, xs: Any) -> Any:
    total = 0.0
    for x in window(xs, back=3, cut="h"):
        h, total = step(W, h, x), total + np.sum(h)
    return total


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (other_name, "h is changed in place, and its memory may be that of part"),
        (row_of_another, "h is changed in place, and its memory may be that of states"),
        (read_by_the_caller, "h is changed in place, and its memory may be that of state"),
        (buffer_of_two_names, "buffer is changed and read in the loop"),
        (of_a_dict, "s is a dict, not a number or an array"),
        (state_and_sum, "total is changed and read in the loop"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_other_names_of_memory_are_refused(f: Callable[..., Any], message: str) -> None:
    with pytest.raises(srcad.SrcadError, match=message):
        srcad.grad(f, target="python")(W, H0, XS)


def test_a_procedure_changes_what_it_is_given() -> None:
    with pytest.raises(srcad.SrcadError, match="that of an argument"):
        srcad.jvp(run, (W, H0.copy(), XS), (np.zeros_like(W), np.zeros(3), None), target="python")


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.uint8])
def test_cuts_are_bools(dtype: Any) -> None:
    def f(w: Any, begins: Any) -> Any:
        h, total = 0.1, 0.0
        for t in window(range(7), cut={"h": begins}):
            h = np.sin(w * h + SC[t])
            total += h
        return total

    begins = np.array([0, 0, 1, 0, 0, 1, 0])
    for make in (srcad.grad, srcad.jit):
        with pytest.raises(srcad.SrcadError, match="S131.*not of bools"):
            make(f, target="python")(0.5, begins.astype(dtype))
    assert srcad.grad(f, target="python")(0.5, begins == 1) != srcad.grad(f, target="python")(0.5, begins == 2)


@pytest.mark.parametrize("over", [enumerate, reversed, lambda w: zip(w, XS)])
def test_what_goes_around_a_window_is_refused(over: Any) -> None:
    def f(w: Any) -> Any:
        h, total = 0.1, 0.0
        for item in over(window(range(7), back=2, cut="h")):
            h = np.sin(w * h)
            total += h
        return total

    with pytest.raises(srcad.SrcadError, match="S129(.*\n)*.*around the range"):
        srcad.grad(f, target="python")(0.5)


def test_bools_and_numbers_that_only_a_run_knows() -> None:
    def f(w: Any, begins: Any) -> Any:
        h, total = np.ones(1), 0.0
        for t in window(range(7), cut={"h": begins}):
            h = np.sin(w * h + SC[t])
            total += np.sum(h)
        return total

    def g(w: Any, every: Any) -> Any:
        h, total = 0.1, 0.0
        for t in window(range(7), every=int(np.sum(every)), cut="h"):
            h = np.sin(w * h + SC[t])
            total += h
        return total

    df = srcad.grad(f, target="python")
    assert (
        df(0.7, np.zeros(7, bool))
        == df(0.7, np.zeros((7, 1), bool))
        == srcad.grad(f, target="python")(0.7, [False] * 7)
    )
    with pytest.raises(ValueError, match="as many bools"):
        df(0.7, np.zeros((7, 3), bool))
    with pytest.raises(ValueError, match="at least 1, got 0"):
        srcad.grad(g, target="python")(0.7, np.array([0]))
    assert np.isfinite(srcad.grad(g, target="python")(0.7, np.array([2])))
