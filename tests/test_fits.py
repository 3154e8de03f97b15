"""Lengths and shapes that do not fit: where Python raises, the gradient raises, and says where and what."""

from __future__ import annotations

import re
import warnings
from functools import cache

import numpy as np
import pytest

import srcad
from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.dispatch.loaded_function import joined

pytestmark = pytest.mark.one_in(10, least=3)

RNG = np.random.default_rng(11)
PLACED = re.compile(r"^(\w+ )?L\d+: .+: ")


def real(*shape):
    return RNG.uniform(0.5, 1.5, shape)


def outcome(call, *args):
    """The error of a call; None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(*(a.copy() if isinstance(a, np.ndarray) else a for a in args))
    except Exception as error:
        return error
    return None


# Each row: a program of x and y, and pairs of shapes. Which of them fit, Python says.
VECTORS = [(3, 4), (5, 5), (0, 3), (12, 13), (1, 3)]
FEW = [(3, 4), (5, 5)]
PROGRAMS = {
    "dot": ("np.dot(x, y)", VECTORS),
    "at": ("x @ y", VECTORS),
    "vdot": ("np.vdot(x, y)", VECTORS),
    "inner": ("np.inner(x, y)", VECTORS),
    "tensordot": ("np.sum(np.tensordot(x, y, 1))", VECTORS),
    "einsum": ("np.einsum('i,i->', x, y)", FEW),
    "kron": ("np.sum(np.kron(x, y))", VECTORS),
    "outer": ("np.sum(np.outer(x, y))", VECTORS),
    "convolve": ("np.sum(np.convolve(x, y))", VECTORS),
    "add": ("np.sum(x + y)", VECTORS),
    "subtract": ("np.sum(3.0 * (x - y))", VECTORS),
    "multiply": ("np.mean(x * y)", VECTORS),
    "divide": ("np.sum(x / y)", VECTORS),
    "power": ("np.sum(x ** y)", VECTORS),
    "of exp": ("np.sum(np.exp(x) + y)", VECTORS),
    "maximum": ("np.sum(np.maximum(x, y))", VECTORS),
    "hypot": ("np.sum(np.hypot(x, y))", VECTORS),
    "clip": ("np.sum(np.clip(x, y, 2.0))", VECTORS),
    "where": ("np.sum(np.where(y > 1.0, x, 0.0))", VECTORS),
    "where of three": ("np.sum(np.where(y > 1.0, x, 2.0 * y))", VECTORS),
    "isclose": ("np.sum(x * np.isclose(x, y))", VECTORS),
    "select": ("np.sum(np.select([x > 1.0, y > 1.0], [x, 2.0 * x], 0.0))", VECTORS),
    "mask": ("np.sum(x[y > 0.0])", [(3, 4), (4, 3), (5, 5), (12, 13), (0, 3)]),
    "average": ("np.average(x, weights=y)", [(3, 4), (4, 3), (5, 5), (12, 13), (3, 1)]),
    "interp": ("np.interp(1.0, x, y)", [(3, 4), (4, 3), (5, 5), (12, 13), (0, 0)]),
    "trapezoid": ("np.trapezoid(x, y)" if hasattr(np, "trapezoid") else "np.trapz(x, y)", [(3, 4), (5, 5), (12, 14)]),
    "bincount": ("np.sum(np.bincount(np.arange(len(y)), x))", FEW),
    "stack": ("np.sum(np.stack([x, y]))", FEW),
    "vstack": ("np.sum(np.vstack((x, y)))", FEW),
    "column_stack": ("np.sum(np.column_stack((x, y)))", FEW),
    "array": ("np.sum(np.array([x, y]))", FEW),
    "concatenate": ("np.sum(np.concatenate((x, y)))", VECTORS),
    "append": ("np.sum(np.append(x, y))", VECTORS),
    "zip": ("sum(a * b for a, b in zip(x, y))", VECTORS),
    "cross": ("np.sum(np.cross(x, y))", [(3, 3), (3, 4), (4, 3), (3, 12)]),
    "shifted": ("np.sum(x[1:] * y[:-1])", VECTORS),
    "strided": ("np.sum(x[::2] * y)", VECTORS),
    "reversed": ("np.sum(x[::-1] - y)", VECTORS),
    "row and column": ("np.sum(x[:, None] * y)", VECTORS),
    "column and column": ("np.sum(x[:, None] * y[:, None])", VECTORS),
    "nested": ("np.sum(np.sin(x * 2.0) * np.cos(y)) + np.sum(x - y)", VECTORS),
    "broadcast_to": ("np.sum(np.broadcast_to(x, (2, len(y))))", VECTORS),
    "full": ("np.sum(np.full(len(y), x))", VECTORS),
    "repeat": ("np.sum(np.repeat(x, np.arange(len(y))))", FEW),
    "norm": ("np.linalg.norm(x - y)", VECTORS),
    "store": ("out = np.zeros(len(x))\n    out[:] = y\n    return np.sum(out * x)", VECTORS),
    "store of a part": ("out = np.zeros(len(x))\n    out[1:] = y\n    return np.sum(out * x)", VECTORS),
    "store nobody reads": ("out = np.zeros(len(x))\n    out[:] = y\n    return np.sum(x)", VECTORS),
    "in place": ("out = x.copy()\n    out += y\n    return np.sum(out * out)", VECTORS),
    "in place, a part": ("out = x.copy()\n    out[:-1] *= y\n    return np.sum(out * out)", VECTORS),
    "out=": ("out = np.zeros(len(x))\n    np.multiply(x, y, out=out)\n    return np.sum(out)", VECTORS),
    "fancy store": (
        "out = np.zeros(9)\n    out[np.arange(len(x))] = y\n    return np.sum(out)",
        [(3, 4), (5, 5), (4, 3)],
    ),
    "boolean store": ("out = x.copy()\n    out[y > 0.0] = 2.0\n    return np.sum(out * x)", FEW),
    "boolean store of values": (
        "out = x.copy()\n    out[x > 0.0] = y\n    return np.sum(out * x)",
        FEW,
    ),
    "rows": ("out = np.zeros((2, len(x)))\n    out[1] = y\n    return np.sum(out) + np.sum(x)", VECTORS),
    "list that grows": (
        "hs = []\n    for i in range(3):\n        hs.append(x if i < 2 else y)\n    return np.sum(np.array(hs))",
        FEW,
    ),
    "unpacked": ("a, b, c = x\n    return a * b * c + np.sum(y)", [(3, 4), (4, 4), (2, 3), (12, 3)]),
    "in a loop": ("s = 0.0\n    for i in range(3):\n        s += np.dot(x, y) * i\n    return s", VECTORS),
    "in a loop of no turn": (
        "s = np.sum(x)\n    for i in range(0):\n        s += np.dot(x, y) * i\n    return s",
        VECTORS,
    ),
    "in a loop of len": (
        "s = np.sum(x)\n    for i in range(len(x)):\n        s += np.sum(x + y)\n    return s",
        VECTORS,
    ),
    "in while": (
        "s = 0.0\n    while s < 1.0:\n        s += 1.0 + np.sum(x * y)\n    return s * x[0]",
        [(3, 4), (5, 5)],
    ),
    "in a branch": ("if x[0] > 0.0:\n        return np.sum(x * y)\n    return np.sum(x)", FEW),
    "in the branch not taken": (
        "if x[0] < 0.0:\n        return np.sum(x * y)\n    return np.sum(x)",
        FEW,
    ),
    "in a function": ("def g(a, b):\n        return np.sum(a * b)\n    return g(x, y) + g(y, x)", VECTORS),
    "max": ("np.max(x) + np.sum(y)", VECTORS),
    "min of y": ("np.sum(x) + np.min(y) * np.max(x)", VECTORS),
    "argmax": ("np.sum(x) * np.argmax(y)", VECTORS),
    "argmin": ("np.sum(x) * np.argmin(y + 1.0)", VECTORS),
    "reshape": ("np.sum(x.reshape(2, 3)) + np.sum(y)", [(6, 3), (7, 3), (12, 3), (5, 3)]),
    "reshape to y": ("np.sum(x.reshape(len(y)))", VECTORS),
    "reshape to rows": ("np.sum(x.reshape(-1, 3)) + np.sum(y)", [(6, 3), (7, 3), (12, 3), (13, 3)]),
    "split": ("np.sum(np.split(x, 3)[1]) + np.sum(y)", [(6, 3), (7, 3), (12, 3), (13, 3)]),
}
MATRICES = {
    "product": ("np.sum(x @ y)", [((3, 4), (4, 2)), ((3, 4), (3, 2)), ((12, 13), (13, 2)), ((12, 13), (12, 2))]),
    "matrix and vector": ("np.sum(x @ y)", [((3, 4), 4), ((3, 4), 3), ((12, 13), 13), ((12, 13), 12)]),
    "vector and matrix": ("np.sum(x @ y)", [(3, (3, 4)), (4, (3, 4)), (12, (12, 13)), (13, (12, 13))]),
    "dot": ("np.sum(np.dot(x, y))", [((3, 4), (4, 2)), ((3, 4), (3, 2))]),
    "matmul of stacks": (
        "np.sum(np.matmul(x, y))",
        [
            ((2, 3, 4), (2, 4, 5)),
            ((2, 3, 4), (3, 4, 5)),
            ((2, 3, 4), (2, 3, 5)),
            ((2, 3, 4), (4, 5)),
            ((2, 3, 4), (3, 5)),
        ],
    ),
    "matmul of stacks of stacks": (
        "np.sum(np.matmul(x, y))",
        [((2, 2, 3, 4), (2, 2, 4, 5)), ((2, 2, 3, 4), (3, 2, 4, 5)), ((2, 2, 3, 4), (2, 2, 3, 5))],
    ),
    "elementwise": (
        "np.sum(x * y)",
        [
            ((3, 4), (3, 4)),
            ((3, 4), (4, 3)),
            ((3, 4), (3, 1)),
            ((3, 4), (2, 1)),
            ((3, 4), 4),
            ((3, 4), 3),
            ((2, 3, 4), (3, 4)),
        ],
    ),
    "inner": ("np.sum(np.inner(x, y))", [((3, 4), (2, 4)), ((3, 4), (4, 2))]),
    "tensordot": ("np.sum(np.tensordot(x, y, ([1], [0])))", [((3, 4), (4, 2)), ((3, 4), (3, 2))]),
    "einsum": ("np.sum(np.einsum('ij,jk->ik', x, y))", [((3, 4), (4, 2)), ((3, 4), (3, 2))]),
    "einsum of three": ("np.einsum('ij,ij->', x, y)", [((3, 4), (3, 4)), ((3, 4), (3, 5))]),
    "einsum, diagonal": ("np.sum(np.einsum('ii->i', x)) + np.sum(y)", [((3, 3), 2), ((3, 4), 2)]),
    "trace": ("np.trace(x) + np.sum(y)", [((3, 3), 2), ((3, 4), 2)]),
    "solve": (
        "np.sum(np.linalg.solve(x, y))",
        [((3, 3), 3), ((3, 3), 4), ((3, 4), 3), ((3, 3), (3, 2)), ((3, 3), (2, 2))],
    ),
    "inv": ("np.sum(np.linalg.inv(x)) + np.sum(y)", [((3, 3), 3), ((3, 4), 3)]),
    "det": ("np.linalg.det(x) + np.sum(y)", [((3, 3), 3), ((3, 4), 3)]),
    "slogdet": ("np.linalg.slogdet(x)[1] + np.sum(y)", [((3, 3), 3), ((3, 4), 3)]),
    "cholesky": ("np.sum(np.linalg.cholesky(x @ x.T)) + np.sum(y)", [((3, 3), 3)]),
    "cholesky of any": ("np.sum(np.linalg.cholesky(x)) + np.sum(y)", [((3, 4), 3)]),
    "eigvalsh": ("np.sum(np.linalg.eigvalsh(x)) + np.sum(y)", [((3, 3), 3), ((3, 4), 3)]),
    "matrix_power": ("np.sum(np.linalg.matrix_power(x, 2)) + np.sum(y)", [((3, 3), 3), ((3, 4), 3)]),
    "row of a matrix": (
        "x = x.copy()\n    x[1] = y\n    return np.sum(x * x)",
        [((3, 4), 4), ((3, 4), 3), ((3, 4), 1)],
    ),
    "column of a matrix": ("x = x.copy()\n    x[:, 1] = y\n    return np.sum(x * x)", [((3, 4), 4), ((3, 4), 3)]),
    "block": (
        "x = x.copy()\n    x[1:, :2] = y\n    return np.sum(x * x)",
        [((3, 4), (2, 2)), ((3, 4), (3, 2)), ((3, 4), 2), ((3, 4), (1, 2))],
    ),
    "in place product": ("x = x.copy()\n    x @= y\n    return np.sum(x)", [((3, 3), (3, 3)), ((3, 4), (4, 3))]),
    "mask of rows": ("np.sum(x[y > 0.0])", [((3, 4), 3), ((3, 4), 4), ((3, 4), (3, 4)), ((3, 4), (4, 3))]),
    "mask of columns": ("np.sum(x[:, y > 0.0])", [((3, 4), 3), ((3, 4), 4)]),
    "hstack": ("np.sum(np.hstack((x, y)))", [((3, 4), (3, 2)), ((3, 4), (2, 4))]),
    "vstack": ("np.sum(np.vstack((x, y)))", [((3, 4), (3, 2)), ((3, 4), (2, 4)), ((3, 4), 4), ((3, 4), 3)]),
    "concatenate": ("np.sum(np.concatenate((x, y), axis=1))", [((3, 4), (3, 2)), ((3, 4), (2, 4))]),
    "average along": (
        "np.sum(np.average(x, axis=0, weights=y))",
        [((3, 4), 3), ((3, 4), 4), ((3, 4), (3, 4)), ((3, 4), (3, 5))],
    ),
    "max along": ("np.sum(np.max(x, axis=0)) + np.sum(y)", [((3, 4), 1), ((0, 4), 1), ((3, 0), 1), ((0, 0), 1)]),
    "max along the last": ("np.sum(np.max(x, axis=1)) + np.sum(y)", [((3, 4), 1), ((0, 4), 1), ((3, 0), 1)]),
    "max of all": ("np.max(x) + np.sum(y)", [((3, 4), 1), ((0, 4), 1), ((3, 0), 1)]),
    "argmax along": ("np.sum(x) * np.sum(np.argmax(x, axis=0)) + np.sum(y)", [((3, 4), 1), ((0, 4), 1), ((3, 0), 1)]),
    "broadcast_to": ("np.sum(np.broadcast_to(x, (2, 3, 4))) + np.sum(y)", [((3, 4), 1), ((3, 1), 1), ((4, 3), 1)]),
    "squeeze": ("np.sum(np.squeeze(x[:, 1:], 1)) + np.sum(y)", [((3, 2), 1), ((3, 3), 1)]),
    "rows in a loop": (
        "s = 0.0\n    for r in x:\n        s += np.dot(r, y)\n    return s",
        [((3, 4), 4), ((3, 4), 3), ((12, 13), 13), ((12, 13), 12)],
    ),
    "einsum batch": ("np.sum(np.einsum('bij,bjk->bik', x, y))", [((2, 3, 4), (2, 4, 5)), ((2, 3, 4), (3, 4, 5))]),
}
CASES = [
    pytest.param(text, np.empty(a).shape, np.empty(b).shape, id=f"{name}, {a} and {b}".replace(" ", "_"))
    for name, (text, shapes) in [*PROGRAMS.items(), *MATRICES.items()]
    for a, b in shapes
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The programs, in a file, so that they have a source."""
    folder = tmp_path_factory.mktemp("fits")
    texts = list(dict.fromkeys(text for text, _ in [*PROGRAMS.values(), *MATRICES.values()]))
    lines = ["import numpy as np", ""]
    for at, text in enumerate(texts):
        body = text if "\n" in text else f"return {text}"
        lines += [f"def f{at}(x, y):", f"    {body}", ""]
    path = folder / "programs_that_fit.py"
    path.write_text("\n".join(lines))
    space = {"__name__": "programs_that_fit", "__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return {text: space[f"f{at}"] for at, text in enumerate(texts)}


@cache
def derivative(function, target):
    return srcad.grad(function, argnums=(0, 1), target=target)


@cache
def machine_function(one):
    """What `target="cpu"` compiles, on flat arguments, left to Python."""
    made = one.generated
    return np.errstate(all="ignore")(
        getattr(load(cache_files.store(made.name, made.machine_text())), made.function.name)
    )


def machine_call(function):
    def call(x, y):
        one = derivative(function, "python").specialisation(x, y)
        try:
            return machine_function(one)(*one.flat([x, y]))
        except Exception as error:
            raise joined(error) from None

    return call


def check(function, call, x, y):
    expected, found = outcome(function, x, y), outcome(call, x, y)
    if expected is None:
        assert found is None, found
        return
    assert found is not None, f"Python raises {expected!r}"
    if isinstance(found, srcad.SrcadError):
        assert found.problems[0].code == "S127" and found.problems[0].span is not None, found
        return
    assert isinstance(expected, type(found)) or isinstance(found, type(expected)), (found, expected)
    assert PLACED.match(str(found)), found


@pytest.mark.parametrize(("text", "a", "b"), CASES)
def test_the_gradient_raises_where_python_raises(made, text, a, b):
    x, y = real(*a), real(*b)
    check(made[text], derivative(made[text], "python"), x, y)
    check(made[text], machine_call(made[text]), x, y)


def many(x, y, z, mask, out, rows, A, w):
    s = np.dot(x, y) + np.mean(x * z)
    s += np.sum(x[mask > 0.0])
    out = out.copy()
    out[:] = x
    for r in rows:
        s += np.dot(r, x)
    return s + np.sum(A @ w) + np.sum(out) + np.max(A)


WRONG = {
    1: (real(4), "np.dot(x, y): lengths 3 and 4 do not fit"),
    2: (real(4), "x * z: lengths 3 and 4 do not fit"),
    3: (real(4), "x[mask > 0.0]: a mask of 4 for an axis of 3"),
    4: (real(4), "out[:] = x: a length of 3 does not fit into 4"),
    5: (real(2, 4), "np.dot(r, x): lengths 4 and 3 do not fit"),
    6: (real(2, 4), "A @ w: shapes (2, 4) and (3,) do not fit"),
    7: (real(4), "A @ w: shapes (2, 3) and (4,) do not fit"),
}
FIT = (real(3), real(3), real(3), real(3), real(3), real(2, 3), real(2, 3), real(3))


def test_compiled_code_says_the_same():
    wrt = tuple(range(len(FIT)))
    compiled, plain = (srcad.grad(many, wrt, target=target) for target in ("cpu", "python"))
    assert outcome(compiled, *FIT) is None
    for at, (wrong, text) in WRONG.items():
        args = (*FIT[:at], wrong, *FIT[at + 1 :])
        found, expected = outcome(compiled, *args), outcome(many, *args)
        assert type(found) is type(expected)
        assert re.fullmatch(r"L\d+: " + re.escape(text), str(found)), found
        assert str(found) == str(outcome(plain, *args))
    # of no rows nothing is asked
    assert outcome(compiled, *FIT[:5], real(0, 4), *FIT[6:]) is None
    assert outcome(many, *FIT[:5], real(0, 4), *FIT[6:]) is None


# ---- where there is no check -------------------------------------------------------------------


def checks_in(function, *args):
    text = srcad.grad(function, target="python").source_for(*args)
    return re.findall(r"\bif (.+):\n +raise ", text)


def proved(x):
    y = np.exp(x) * x + x
    z = np.zeros(len(x))
    z[1:] = y[:-1] + x[1:]
    z[:] = y
    A = np.outer(x, y)
    return np.sum(A @ x) + np.dot(y, z) + np.sum(np.stack((x, y))) + np.sum(A * x) + np.sum(A.T.reshape(-1))


def test_what_types_prove_is_not_asked():
    assert checks_in(proved, real(12)) == []


def again(x, y):
    s = np.sum(x * y) + np.sum(x - y)
    if s > 0.0:
        s += np.dot(y, x)
    for _ in range(3):
        s += np.sum(x / y)
    return s + np.sum(np.sin(x) * np.cos(y))


def test_nothing_is_asked_twice():
    assert checks_in(again, real(12), real(12)) == ["x.shape[0] != y.shape[0]"]


def by_hand(x, y):
    if len(x) != len(y):
        raise ValueError("x and y are of one length")
    return np.dot(x, y)


def test_what_the_user_asks_is_not_asked_again():
    assert checks_in(by_hand, real(12), real(12)) == ["len(x) != len(y)"]


def looped(x, y, rows, n):
    s = 0.0
    for i in range(n):
        for r in rows:
            s += np.sum(r * x) * i
        if s < 0.0:
            s += np.dot(x, y)
        h = np.tanh(x) * i
        s += np.sum(h)
    return s


def test_a_check_stands_before_the_loops_where_it_can():
    text = srcad.grad(looped, target="python").source_for(real(12), real(12), real(12, 12), 3)
    hoisted = text.index("if n > 0 and rows.shape[1] != x.shape[0]:")
    assert hoisted < text.index("for i in range(n)") < text.index("if x.shape[0] != y.shape[0]:")


def ragged(x, n):
    y = x[:n] * 2.0
    return np.sum(y * x[1:]) + np.sum(x)


def test_lengths_that_only_a_call_knows():
    df = srcad.grad(ragged, target="python")
    for x, n in ((real(4), 3), (real(4), 2), (real(4), 1), (real(2), 7), (real(1), 0), (real(1), 1), (real(0), 0)):
        expected, found = outcome(ragged, x, n), outcome(df, x, n)
        assert (expected is None) == (found is None), (x, n, expected, found)


def short(x, n):
    y = x.copy()
    for _ in range(n):
        y = y + np.array([y[1], y[2], y[0]])
    return np.sum(y * y)


def test_what_a_loop_demands_holds_where_it_has_a_turn():
    """Of no turn, `x` may have any length, in the text that is compiled as well."""
    one = srcad.grad(short, target="python").specialisation(real(3), 2)
    x = real(4)
    np.testing.assert_allclose(machine_function(one)(x, 0), 2.0 * x)
    np.testing.assert_allclose(machine_function(one)(np.ones(3), 1), np.full(3, 8.0))
    assert isinstance(outcome(machine_function(one), x, 1), ValueError)


def asked_in_one_branch(x, y, n):
    s = 0.0
    if n > 0:
        s = np.sum(x * y)
    return s + np.sum(x * y * 2.0)


def asked_in_a_loop(x, y, n):
    s = 0.0
    for i in range(n):
        s += np.sum(x * y) * i
    return s + np.sum(x * y * 2.0)


@pytest.mark.parametrize("f", [asked_in_one_branch, asked_in_a_loop])
def test_what_only_some_paths_ask_is_asked_again(f):
    """Where neither the branch nor an iteration has asked, the compiled loop would leave out what `y` has more."""
    one = srcad.grad(f, target="python").specialisation(real(3), real(4), 0)
    for n in (0, 1):
        raised = outcome(machine_function(one), real(3), real(4), n)
        assert isinstance(raised, ValueError) and "do not fit" in str(raised)
