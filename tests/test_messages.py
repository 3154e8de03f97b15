"""What an error says is what is wrong, in the words of the user's program, with a way out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad

A, x = np.arange(6.0).reshape(2, 3), np.array([0.3, -0.7, 0.25, 0.9])
MESSAGES: list[tuple[Callable[..., Any], tuple[Any, ...], tuple[str, ...]]] = []


def says(*lines: str, args: tuple[Any, ...] = (x,)) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        MESSAGES.append((function, args, lines))
        return function

    return register


# ---- an integer that serves as axis or index, and something else that is wrong: the latter is told ----


@says("S201: the output is an array of 1 axes, not a number", args=(A, 0))
def axis_and_no_number(a, axis):
    return np.sum(a, axis=axis)


@says("S120: the name missing is not defined", args=((A, A), 0))
def index_and_missing_name(items, k):
    return items[k].sum() * missing  # noqa: F821


@says("S123: the index of a list or tuple must be known when compiling", args=((A, A), x))
def index_by_what_is_computed(items, y):
    return items[int(y[0])].sum()


# ---- calls: by their public names, at the user's line ----


@says("S128: out=a tuple of 2 of numpy.arctan", "np.arctan(y, y, y)")
def too_many_for_a_ufunc(y):
    return np.sum(np.arctan(y, y, y))


@says("S127: np.broadcast_to does not take a number (float64), a number (float64)", "a length is an integer")
def float_as_a_length(y):
    return np.sum(np.broadcast_to(y[0], (y[1],)))


@says("S124: math.sin: too many positional arguments")
def too_many_for_math(y):
    import_free = y[0]
    return math_sin(import_free, 1.0)


from math import sin as math_sin  # noqa: E402


@says("S117: numpy.ndarray of memory, offset or strides", "You can: use np.empty, or index the array.")
def ndarray_by_its_class(y):
    return np.sum(np.ndarray((2, 2), buffer=y))


# ---- values that are no arrays ----


@says("S127: a list times a number (float64)", "make one of it here: np.array(it)", args=([1.0, 2.0],))
def list_times_a_number(v):
    return np.sum(v * 2.0)


@says("S122: a list has no attribute sum", "make one of it here: np.array(it).sum", args=([1.0, 2.0],))
def method_of_a_list(v):
    return v.sum()


class Table:
    """Like a series of pandas."""

    def to_numpy(self) -> Any:
        return x


@says("S302: v is of type Table, which srcad cannot take apart", "You can: pass v.to_numpy().", args=(Table(),))
def table(v):
    return np.sum(v)


@says("S117: a dict where a number or an array is needed")
def reduced_dict(x):
    return np.argmax({"a": x[0], "b": x[1]}) * x[0]


@says("S117: a string where a number or an array is needed", args=(np.ones(2), "a"))
def remainder_by_a_string(x, m):
    return np.sum(np.fmod(x, m))


@says("S117: a string where a number or an array is needed", args=(np.ones(2), {"q": 1.0}))
def remainder_by_a_dict(x, m):
    return np.sum(np.fmod(x, m))


@says(
    "S301: n is an integer, and you differentiate with respect to it",
    "for k in range(n):",
    "What is differentiated is a number (float64): a range needs integers",
    "You can: name other arguments in argnums.",
    args=(3,),
)
def integer_that_counts(n):
    total = 1.0
    for k in range(n):
        total = total * 0.5
    return total


@says("S126: a number (float64) as an index", args=(2, x))
def integer_that_is_no_cause(n, y):
    return y[y[0]] * n


@says("S207: v is None: there is nothing to differentiate with respect to", args=(None,))
def nothing_given(v):
    return np.sum(v)


@says("S201: the function returns nothing", "You can: return the number to differentiate.")
def nothing_returned(y):
    y * 2


@says("S119: which of two texts it is, only a run knows", "It is 'up' on one path and 'down' on the other.")
def text_that_values_decide(y):
    key = "up" if y[0] > 0 else "down"
    return {"up": y[1], "down": y[2]}[key]


@says("S118: Counter.count, an attribute of a class, is assigned to", "in an attribute of an object")
def class_inside_that_counts(y):
    class Counter:
        count = 0

    Counter.count = 2
    return y[0] * Counter.count


@pytest.mark.parametrize(("function", "args", "lines"), MESSAGES, ids=lambda v: getattr(v, "__name__", ""))
def test_message(function: Callable[..., Any], args: tuple[Any, ...], lines: tuple[str, ...]) -> None:
    with pytest.raises(srcad.SrcadError) as caught:
        srcad.grad(function, target="python")(*args)
    for line in lines:
        assert line in str(caught.value), str(caught.value)


def test_a_ufunc_that_is_given_where_to_write() -> None:
    def f(y):
        z = np.zeros(4)
        np.sin(y, z)
        return np.sum(z * z)

    assert np.allclose(srcad.grad(f, target="python")(x), np.sin(2.0 * x))


def test_print_of_an_f_string(capsys: pytest.CaptureFixture[str]) -> None:
    def f(y):
        print(f"first {y[0]} of {len(y)} items", y[1])
        return y[0]

    srcad.grad(f, target="python")(x)
    assert capsys.readouterr().out == "first 0.3 of 4 items -0.7\n"


@pytest.mark.parametrize("wrong", ["srcad.grad(f)(1.0)", "srcad.grad(print)(1.0)", "srcad.grad(f, target='fpga')"])
def test_nothing_is_said_of_what_led_to_an_error(wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(f"import srcad\ndef f(x, y): return x * y\n{wrong}\n")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120)
    assert done.stderr.count("Traceback") == 1 and "srcad error S" in done.stderr
    assert "During handling" not in done.stderr and "direct cause" not in done.stderr
