"""The text of functions that stay functions: what their callers keep, where calls stand, and what is written once."""

import numpy as np
import pytest

import srcad
from srcad.backend.python.statement_grouping import StatementGroups
from srcad.cleanup.expressions.nested_calls import nest_calls
from srcad.ir.called import Called
from srcad.ir.nodes import Assign, AugAssign, Function, Op, Saved, Store, Var
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Scalar, Tuple, dim

pytestmark = pytest.mark.one_in(10, least=3)

X = Scalar("float64")
V = Array("float64", (dim(3),))


def called(name, *args, pure=True, changes=(), results=(X,)):
    params = tuple((f"p{at}", V) for at in range(len(args)))
    return Op("call", tuple(map(Var, args)), (("callee", Called(name, params, results, pure, changes)),))


# ---- where calls stand ----------------------------------------------------------------------------------------------


def nested(*block):
    return show(nest_calls(block, {"a": V, "d_x": V, "d_z": V, "x": X, "y": X, "%t.0": X, "%u.0": X}))


def test_a_call_stands_in_the_next_statement():
    call = called("f", "a", pure=False)
    assert nested(Assign("%t.0", call), *parse("y = x * %t.0")) == "y = x * f(a)"
    assert nested(Assign("%t.0", call), AugAssign("y", "+", Var("%t.0"))) == "y += f(a)"
    assert nested(Assign("%t.0", call), *parse("y = x * %t.0 + %t.0")).startswith("%t.0 = f(a)")


def test_what_may_raise_stays_in_its_order():
    first, second = Assign("%t.0", called("f", "a", pure=False)), Assign("%u.0", called("g", "a", pure=False))
    assert nested(first, second, *parse("y = %t.0 + %u.0")) == "y = f(a) + g(a)"
    assert nested(first, second, *parse("y = %u.0 + %t.0")) == "%t.0 = f(a)\ny = g(a) + %t.0"


def test_what_is_not_always_evaluated_stays_outside():
    call = Assign("%t.0", called("f", "a", pure=False))
    assert nested(call, *parse("y = %t.0 if x > 0.0 else x")).startswith("%t.0 = f(a)")
    assert nested(call, Assign("y", Op("and", (Var("x"), Var("%t.0"))))).startswith("%t.0 = f(a)")


def test_what_a_call_adds_to_is_read_after_it():
    call = Assign("%t.0", called("f_adjoint", "a", "d_x", pure=True, changes=(1,)))
    assert nested(call, *parse("y = d_x[0] + %t.0")).startswith("%t.0 = f_adjoint(a, d_x)")
    assert nested(call, *parse("y = d_z[0] + %t.0")) == "y = d_z[0] + f_adjoint(a, d_x)"
    view = parse("d_z = d_x[1:]")
    assert "\n%t.0 = f_adjoint(a, d_x)" in nested(*view, call, *parse("y = d_z[0] + %t.0"))
    added = Store(Var("d_x"), (Var("x"),), Var("%t.0"), "+")
    assert nested(call, added).startswith("%t.0 = f_adjoint(a, d_x)")


# ---- results and what saves them ------------------------------------------------------------------------------------


def grouped(*stmts):
    """The first statements of the groups, and how many are in each; `b` is a view of `k`."""
    results = Tuple((X, X))
    body = (*parse("b = k[1:]"), Assign("%r.0", called("f", "a", results=(X, X))), *stmts)
    types = {"a": V, "k": V, "b": V, "m": V, "x": X, "y": X, "i": Scalar("int64"), "%r.0": results}
    f = Function("f", (), body, (), types, tape={"k": Saved("k"), "m": Saved("m")})
    return [[show((one,)) for one in group] for group in StatementGroups(f).groups(body)][1:]


def result(at):
    return Op("result", (Var("%r.0"),), (("at", at),))


def test_what_saves_a_result_comes_after_all_of_them():
    value, save = Assign("x", result(0)), Store(Var("k"), (Var("i"),), Var("x"))
    assert [len(one) for one in grouped(value, save, Assign("y", result(1)))] == [3, 1]
    assert [len(one) for one in grouped(value, save, Store(Var("m"), (Var("i"),), result(1)))] == [3, 1]


@pytest.mark.parametrize(
    "later",
    [
        Assign("x", result(1)),  # what is saved
        Assign("i", result(1)),  # where
        Store(Var("b"), (Var("i"),), result(1)),  # what may be the same element
    ],
)
def test_what_saves_a_result_does_not_pass_what_changes_it(later):
    groups = grouped(Assign("x", result(0)), Store(Var("k"), (Var("i"),), Var("x")), later)
    assert all(len(one) == 1 for one in groups)


# ---- programs -------------------------------------------------------------------------------------------------------


def rate(y, p):
    a, b = y[0], y[1]
    growth = p[0] * a * b
    return np.array([growth - b, p[1] * b - growth])


def advance(y, p, h):
    first = rate(y, p)
    second = rate(y + 0.5 * h * first, p)
    third = rate(y + h * second, p)
    return y + h / 6.0 * (first + 4.0 * second + third)


def swing(y, p, h):
    first = np.sin(y) * p[0]
    second = np.sin(y + h * first) * p[1]
    return y + 0.5 * h * (first + second)


def with_events(step):
    def simulate(y, p, h, n):
        cost = 0.0
        for _ in range(n):
            new = step(y, p, h)
            if new[0] > 1.1:
                new = step(y, p, h * (1.1 - y[0]))
            y = new
            cost += y[0] * y[1]
        return cost

    return simulate


def light(y, p, h, n):
    return with_events(advance)(y, p, h, n)


def heavy(y, p, h, n):
    return with_events(swing)(y, p, h, n)


def density(x, w):
    a = np.exp(-x * w)
    b = a * x
    return b / (1.0 + b * b)


def density_and_test(x, w):
    total = 0.0
    for i in range(len(x)):
        total += density(x[i], w) * density(w, x[i])
    if density(total, 2.0) > 0.3:
        total = total * total
    return total


def both(x, w):
    a = np.exp(-x * w)
    b = np.sin(a) * x
    return a * x, b + a


def one_of_both(x, w):
    total = 0.0
    for i in range(len(x)):
        low, high = both(x[i], w)
        total += low * high
    return total if both(total, 2.0)[0] > 0.1 else 2.0 * total


def weights(x, table):
    kind = np.floor(table[0] * x)
    scale = np.exp(x * 0.5)
    return scale * x + kind


def tabled(x, table):
    total = 0.0
    for i in range(len(x)):
        total += weights(x[i], table) * weights(total, table)
    return total


STATE, SLOW = np.array([1.0, 0.5]), np.array([1.1, 0.9])
PROGRAMS = [
    # (function, arguments, differentiated, in the text, not in it)
    (
        light,
        (STATE, SLOW, 0.05, 6),
        (0, 1),
        ("def advance(", "    return d_h\n"),
        ("_forward", "first_saved", "unused"),
    ),
    (heavy, (STATE, SLOW, 0.05, 6), (0, 1), ("def swing_forward(", "def swing_adjoint("), ("_adjoint_1", "results[")),
    (
        density_and_test,
        (np.array([0.3, 0.7]), 0.6),
        (0, 1),
        ("def density(x, w):\n    return density_forward(x, w)[0]\n",),
        ("results",),
    ),
    (
        one_of_both,
        (np.array([0.3, 0.7]), 0.6),
        (0, 1),
        ("def both(x, w):\n    product, total, ", " = both_forward(x, w)\n    return product, total\n"),
        ("results",),
    ),
    (tabled, (np.array([0.3, 0.7]), np.array([2.5, 1.0])), (0, 1), ("def weights_forward(",), ("unused", "d_result_0")),
]


@pytest.mark.parametrize(("f", "args", "wrt", "there", "not_there"), PROGRAMS, ids=lambda v: getattr(v, "__name__", ""))
def test_text_and_numbers(f, args, wrt, there, not_there):
    df = srcad.grad(f, argnums=wrt, target="python")
    text = df.source_for(*args)
    assert [phrase for phrase in there if phrase not in text] == []
    assert [phrase for phrase in not_there if phrase in text] == []
    srcad.check_grad(f, *args, argnums=wrt, target="python")
    value = srcad.value_and_grad(f, argnums=wrt, target="python")(*args)[0]
    assert value == f(*args)
