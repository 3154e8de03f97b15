"""Recordings that resemble each other: which may share a gradient, and which may not."""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad import Module, Tape, Tensor, nn, no_grad
from srcad.errors import SrcadError
from srcad.tape.program import PROGRAMS

A, B = np.array([0.5, -1.5, 2.0]), np.array([1.25, 0.75, -0.5])
X = np.array([0.25, 1.5, -2.0])


def tape(**options: Any) -> Tape:
    return Tape(**{"target": "python", **options})


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def gradients(f: Callable[..., Any], *values: Any) -> list[Any]:
    leaves = [Tensor(value, True) for value in values]
    with tape():
        loss = np.sum(f(*leaves))
    assert np.array_equal(loss.value, np.sum(f(*values)))
    loss.backward()
    return [leaf.grad for leaf in leaves]


def differences(f: Callable[..., Any], *values: Any) -> list[Any]:
    """By central differences, for polynomials of degree two exact but for rounding."""
    found = []
    for at, value in enumerate(values):
        gradient = np.zeros_like(value)
        for k in range(value.size):
            step = np.zeros_like(value)
            step[k] = 1e-6
            more, less = list(values), list(values)
            more[at], less[at] = value + step, value - step
            gradient[k] = (np.sum(f(*more)) - np.sum(f(*less))) / 2e-6
        found.append(gradient)
    return found


# ---- the same operations on other operands --------------------------------------------------------

ALIKE: list[tuple[Callable[..., Any], ...]] = [
    (lambda a, b: (a * b) - a, lambda a, b: (a * b) - b, lambda a, b: (a * a) - b, lambda a, b: (b * a) - a),
    (lambda a, b: a * (b - a), lambda a, b: (b - a) * a, lambda a, b: b * (b - a)),
    (lambda a, b: a - X, lambda a, b: X - a, lambda a, b: b - X, lambda a, b: X - b),
    (lambda a, b: a / X * b, lambda a, b: X / a * b, lambda a, b: X * (a / b)),
    (lambda a, b: a * 2.0 - 3.0, lambda a, b: 3.0 - a * 2.0, lambda a, b: b * 3.0 - 2.0),
    (lambda a, b: a**2, lambda a, b: a**3, lambda a, b: a ** (-2), lambda a, b: a**2.0, lambda a, b: (a * a) ** 1),
    (lambda a, b: a * 1, lambda a, b: a * True, lambda a, b: a * 1.0, lambda a, b: a * np.float64(3.0)),
    (lambda a, b: a * 2, lambda a, b: a * -2, lambda a, b: a * 3, lambda a, b: 2 * a, lambda a, b: a * np.int64(5)),
    (lambda a, b: a[0] * b, lambda a, b: a[1] * b, lambda a, b: a[-1] * b, lambda a, b: b[0] * a),
    (lambda a, b: a[1:] * b[:-1], lambda a, b: a[:-1] * b[1:], lambda a, b: a[::2] * b[1:], lambda a, b: a[None] * b),
    (lambda a, b: np.outer(a, b)[0], lambda a, b: np.outer(b, a)[0], lambda a, b: np.outer(a, X)[0] * b),
    (lambda a, b: np.dot(a, X) * b, lambda a, b: np.dot(X, a) * b[0], lambda a, b: np.dot(a, b) * a),
    (
        lambda a, b: np.concatenate([a, b])[1:4] * a,
        lambda a, b: np.concatenate([b, a])[1:4] * a,
        lambda a, b: np.concatenate([a, X])[1:4] * b,
    ),
    (
        lambda a, b: np.sum(np.outer(a, b), axis=0) * a,
        lambda a, b: np.sum(np.outer(a, b), axis=1) * a,
        lambda a, b: np.outer(a, b).sum(axis=0) * b,
        lambda a, b: np.outer(a, b).sum() * b,
    ),
    (
        lambda a, b: np.where(a > b, a, 2.0 * b),
        lambda a, b: np.where(b > a, a, 2.0 * b),
        lambda a, b: np.where(a < b, 2.0 * b, a),
    ),
    (lambda a, b: np.maximum(a, b) * X, lambda a, b: np.maximum(a, X) * b, lambda a, b: np.minimum(a, b) * X),
    (lambda a, b: np.add(a, b) * a, lambda a, b: (a + b) * b, lambda a, b: np.subtract(a, b) * a),
    (lambda a, b: np.reshape(a, (3, 1)) * b, lambda a, b: np.reshape(a, (1, 3)) * b, lambda a, b: a.reshape(3, 1) * b),
]


@pytest.mark.parametrize("group", ALIKE, ids=range(len(ALIKE)))
def test_recordings_that_are_alike_have_gradients_of_their_own(group: tuple[Callable[..., Any], ...]) -> None:
    for f in (*group, *reversed(group)):
        leaves = [Tensor(value, True) for value in (A, B)]
        with tape():
            loss = np.sum(f(*leaves))
        assert np.array_equal(loss.value, np.sum(f(A, B)))
        loss.backward()
        for leaf, expected in zip(leaves, differences(f, A, B), strict=True):
            found = np.zeros(3) if leaf.grad is None else leaf.grad
            np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)


def test_an_operator_and_its_ufunc_are_one_structure() -> None:
    by_operators = gradients(lambda a, b: (a + b) * a, A, B)
    made = PROGRAMS.made
    by_ufuncs = gradients(lambda a, b: np.multiply(np.add(a, b), a), A, B)
    assert PROGRAMS.made == made
    same(by_operators, [2.0 * A + B, A])
    same(by_ufuncs, by_operators)


def test_one_structure_has_a_gradient_for_each_dtype_and_rank() -> None:
    made = PROGRAMS.made
    for value in (A, A.astype(np.float32), np.outer(A, B), np.float64(0.75), A[:2], A.astype(np.float32)[:1]):
        w = Tensor(value, True)
        with tape():
            loss = np.sum(w * w * w - w)
        loss.backward()
        assert np.asarray(w.grad).dtype == np.asarray(value).dtype
        np.testing.assert_allclose(w.grad, 3 * value * value - 1, rtol=1e-6 if w.dtype == np.float32 else 1e-12)
    assert PROGRAMS.made == made + 1


def test_an_operand_may_be_an_array_or_a_number() -> None:
    for x in (
        X,
        2.0,
        np.float64(3.0),
        np.float32(0.5),
        np.array(4.0),
        np.array([2, 3, 4]),
        np.int64(7),
        [1.0, 2.0, 3.0],
    ):
        w = Tensor(A, True)
        with tape():
            loss = np.sum(w * x)
        loss.backward()
        same(w.grad, np.asarray(x) * np.ones(3))


class Power(enum.IntEnum):
    SQUARE = 2
    REVERSED = -2


def test_members_of_an_enumeration_are_integers() -> None:
    same(gradients(lambda a: a**Power.SQUARE * Power.REVERSED, A)[0], -4.0 * A)


# ---- arrays that change -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 2000])
def test_every_bit_of_an_array_that_is_used_again_counts(size: int) -> None:
    """0.0 and -0.0 are equal, and give other signs."""
    w, x = Tensor(np.ones(size), True), np.zeros(size)
    with tape() as recorded:
        loss = np.sum(np.copysign(w, x))
        loss = loss + np.sum(np.copysign(w, x))
        assert len(recorded._recording.inputs) == 2
        x[...] = -0.0
        loss = loss + 3.0 * np.sum(np.copysign(w, x))
    loss.backward()
    same(w.grad, np.full(size, 2.0 - 3.0))


@pytest.mark.parametrize("size", [3, 2000])
def test_nan_is_itself(size: int) -> None:
    w, x = Tensor(np.ones(size), True), np.full(size, np.nan)
    with tape():
        loss = np.sum(w * x) + np.sum(w * x)
    assert len(loss._recording.inputs) == 2


def test_an_array_that_gets_another_shape() -> None:
    w, x = Tensor(np.arange(1.0, 7.0).reshape(2, 3), True), np.arange(6.0).reshape(2, 3).copy()
    with tape():
        loss = np.sum(w * x)
        x.resize((3, 2), refcheck=False)
        loss = loss + np.sum(w.T * x)
        loss = loss + np.sum(w.T * np.asfortranarray(x))
    loss.backward()
    same(w.grad, np.arange(6.0).reshape(2, 3) + 2.0 * np.arange(6.0).reshape(3, 2).T)


@pytest.mark.parametrize(("dtype", "code"), [(np.longdouble, "S305"), (np.complex128, "S202"), (object, "S303")])
@pytest.mark.parametrize("size", [3, 2000])
def test_arrays_of_other_dtypes_are_refused_by_the_compiler(dtype: Any, code: str, size: int) -> None:
    w, x = Tensor(np.ones(size), True), np.ones(size).astype(dtype)
    with tape():
        loss = np.sum(w * x) + np.sum(w * x)
    with pytest.raises(SrcadError) as error:
        loss.backward()
    assert error.value.problems[0].code == code


def test_two_arrays_and_one_array_twice() -> None:
    for x, y in ((X, X), (X, X.copy()), (X, 2.0 * X)):
        w = Tensor(A, True)
        with tape():
            loss = np.sum(w * x) + np.sum(w * w * y)
        loss.backward()
        same(w.grad, x + 2.0 * A * y)


def test_a_recorded_array_that_was_changed_keeps_what_was_made_from_it() -> None:
    def f(w: Any) -> Any:
        h = w * w
        before = h * 2.0
        h += w
        after = h * 2.0
        h[0] = 0.0
        return np.sum(before * w) + np.sum(after * after) + np.sum(h)

    same(gradients(f, A)[0], srcad.grad(f, target="python")(A))


# ---- several tapes ----------------------------------------------------------------------------------


def test_a_tensor_on_tapes_inside_of_each_other() -> None:
    w = Tensor(A, True)
    with tape():
        outer = w * w
        with tape():
            inner = np.sum(w * 3.0)
        loss = np.sum(outer * w)
    inner.backward()
    same(w.grad, np.full(3, 3.0))
    loss.backward()
    same(w.grad, 3.0 + 3.0 * A**2)


def test_what_happens_between_operations_is_no_part_of_the_structure() -> None:
    made = PROGRAMS.made
    w = Tensor(A, True)
    for between in (
        lambda h: None,
        lambda h: h.detach() * 2.0,
        lambda h: float(h.detach()[0]),
        lambda h: h.value + 1.0,
    ):
        w.zero_grad()
        with tape():
            h = w * w
            between(h)
            with no_grad():
                h * w
            loss = np.sum(h * h)
        loss.backward()
        same(w.grad, 4.0 * A**3)
    assert PROGRAMS.made == made + 1


def test_an_operation_that_fails_leaves_nothing() -> None:
    made = PROGRAMS.made
    for fails in (False, True, False):
        w = Tensor(A, True)
        with tape():
            h = w * 2.0
            if fails:
                with pytest.raises(ValueError):
                    h + np.ones(2)
                with pytest.raises(ValueError):
                    np.concatenate([h, np.ones((2, 2))])
            loss = np.sum(h * h)
        loss.backward()
        same(w.grad, 8.0 * A)
    assert PROGRAMS.made == made + 1


def test_hooks_and_kept_gradients_are_structure() -> None:
    for scale in (None, 2.0, 3.0, None, 2.0):
        for keeps in (False, True):
            w = Tensor(A, True)
            with tape():
                h = w * w
                if scale is not None:
                    h.register_hook(lambda g, scale=scale: g * scale)
                if keeps:
                    h.retain_grad()
                loss = np.sum(h * h)
            loss.backward()
            same(w.grad, 4.0 * A**3 * (scale or 1.0))
            assert (h.grad is not None) == keeps
            if keeps:
                same(h.grad, 2.0 * A**2 * (scale or 1.0))


def tripled(g: Any) -> Any:
    return 3.0 * g


def test_the_value_that_a_hook_is_of_is_structure() -> None:
    for hooked in ((), (0,), (1,), (0, 1), (1, 1), (0,)):
        w = Tensor(A, True)
        with tape():
            values = w * w, np.sin(w)
            for at in hooked:
                values[at].register_hook(tripled)
            loss = np.sum(values[0] + values[1])
        loss.backward()
        same(w.grad, 2.0 * A * 3.0 ** hooked.count(0) + np.cos(A) * 3.0 ** hooked.count(1))


def test_an_index_is_written_as_the_user_writes_it() -> None:
    w = Tensor(A, True)
    with tape() as recorded:
        w[-1] * w[0] * w[np.int64(1)] + np.sum(w[-2:])
    assert "[-1]" in recorded.primal_source and "[0]" in recorded.primal_source and "[-2:]" in recorded.primal_source


def test_threads_that_record_several_structures() -> None:
    fs: list[Callable[[Any], Any]] = [
        lambda w: np.sum(w * X),
        lambda w: np.sum(w * w),
        lambda w: np.sum(np.tanh(w) * X),
        lambda w: np.sum((w * X)[1:]),
    ]
    expected = [srcad.grad(f, target="python")(A) for f in fs]
    wrong: list[Any] = []

    def work(first: int) -> None:
        for k in range(40):
            at = (first + k) % len(fs)
            found = gradients(fs[at], A)[0]
            if not np.allclose(found, expected[at], rtol=1e-12):
                wrong.append((at, found))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- results ------------------------------------------------------------------------------------------


def test_arrays_that_are_made_like_a_tensor_are_plain() -> None:
    w = Tensor(A, True)
    with tape():
        for made in (
            np.ones(3, like=w),
            np.arange(1, 3, like=w),
            np.full((3,), 2.0, like=w),
            np.asarray([1.0], like=w),
        ):
            assert type(made) is np.ndarray
        loss = np.sum(w * np.arange(3, like=w))
    loss.backward()
    same(w.grad, np.arange(3))


class Named(Tensor):
    """A tensor of a user's class."""


def test_results_are_of_the_class_of_the_tensor() -> None:
    w = Named(A, True)
    with tape():
        for y in (w * 2.0, 2.0 * w, np.sin(w), np.sum(w), w[0], w[1:], w.sum(), w.sum(axis=0), np.stack([w, w]), w.T):
            assert type(y) is Named
    assert type(w * 2.0) is Named


def maybe(x: Any, is_given: bool) -> Any:
    if is_given:
        return x * x
    x[0] = 5.0
    return None


def test_a_call_with_a_result_and_one_that_changes_its_argument() -> None:
    for is_given in (True, False, True, False):
        w = Tensor(A, True)
        with tape() as recorded:
            h = w * 1.0
            y = recorded.call(maybe, h, is_given)
            loss = np.sum(h * h if y is None else y)
        loss.backward()
        same(w.grad, 2.0 * A if is_given else 2.0 * A * [0.0, 1.0, 1.0])


def test_a_list_that_contains_itself() -> None:
    endless: list[Any] = [Tensor(A, True)]
    endless.append(endless)
    with tape() as recorded:
        for ask in (lambda: recorded.call(len, endless), lambda: np.stack(endless)):
            with pytest.raises(SrcadError) as error:
                ask()
            assert error.value.problems[0].code == "S302"


# ---- the line of an error is that of its own recording ----------------------------------------------


class Halved(Module):
    def forward(self, x: Any) -> Any:
        return nn.relu(x)  # where it calls into srcad


PLACES: list[tuple[Callable[..., Any], str]] = [
    (lambda w: np.sum(w * 2.0), "w * 2.0"),
    (lambda w: np.sum(2.0 * w), "2.0 * w"),
    (lambda w: np.sum(X * w), "X * w"),
    (lambda w: np.sum(-w), "-w"),
    (lambda w: np.sum(np.sin(w)), "np.sin(w)"),
    (lambda w: np.sum(np.add(w, 1.0)), "np.add(w, 1.0)"),
    (lambda w: np.sum(w), "np.sum(w)"),
    (lambda w: np.sum(w, axis=0), "np.sum(w, axis=0)"),
    (lambda w: np.dot(w, X), "np.dot(w, X)"),
    (lambda w: w.sum(), "w.sum()"),
    (lambda w: w.sum(axis=0), "w.sum(axis=0)"),
    (lambda w: w[0], "w[0]"),
    (lambda w: np.sum(w[1:]), "w[1:]"),
    (lambda w: np.sum(w.T), "w.T"),
    (lambda w: np.sum(np.stack([w, w])), "np.stack([w, w])"),
    (lambda w: np.sum(Halved()(w)), "nn.relu(x)"),
]


@pytest.mark.parametrize(("f", "expression"), PLACES, ids=[expression for _, expression in PLACES])
def test_the_place_of_an_operation_is_the_expression_of_the_user(f: Callable[..., Any], expression: str) -> None:
    for _ in range(2):
        w = Tensor(A, True)
        with tape():
            loss = f(w)
        with no_grad():
            w += 1.0
        with pytest.raises(SrcadError) as error:
            loss.backward()
        span = error.value.problems[0].span
        assert span is not None and span.file == __file__
        assert span.text[span.column : span.end_column] == expression
