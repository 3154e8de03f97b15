"""What the compiled text is spelled like: the same numbers, and no index cast that could be negative."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.ir.nodes import Assign, AugAssign, Block, Const, Effect, Expr, For, Function, If, Op, Stmt, Var, While
from srcad.ir.notation import parse, show
from srcad.ir.traversal import blocks, ops, own_exprs, walk, with_blocks
from srcad.ir.types import Array, ListOf, Scalar, Type, dim
from srcad.optimize.vectorize import nonnegative_indices as tune_counters
from srcad.optimize.vectorize.nonnegative_indices import UNSIGNED_CAST, mark_nonnegative_indices
from tests.sequential import Execution

INT = Scalar("int64")
MATRIX = Array("float64", (dim(9), dim(9)))
VECTOR = Array("float64", (dim(9),))
NAMES: dict[str, Type] = {
    "x": VECTOR,
    "y": VECTOR,
    "A": MATRIX,
    "idx": Array("int64", (dim(9),)),
    "small": Array("int32", (dim(9),)),
    "tape": ListOf(VECTOR),
    "s": Scalar("float64"),
    "flag": Scalar("bool"),
    "h": Scalar("int32"),
    **dict.fromkeys(("i", "j", "k", "m", "n", "p", "q", "lo", "hi"), INT),
}


def looped(block: Block, innermost: bool = False) -> Block:
    """What is in no innermost loop, where alone something is cast, in a loop of one turn."""
    out: list[Stmt] = []
    for stmt in block:
        inner = isinstance(stmt, For | While) and not any(
            isinstance(s, For | While) for b in blocks(stmt) for s in walk(b)
        )
        stmt = with_blocks(stmt, [looped(b, inner or innermost) for b in blocks(stmt)])
        alone = isinstance(stmt, Assign | AugAssign) and NAMES[stmt.target] != INT
        out.append(For("turn", Const(0), Const(1), Const(1), (stmt,)) if alone and not innermost else stmt)
    return tuple(out)


@pytest.fixture
def all_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let indices that no innermost loop changes be cast too: what is proved of them is the same."""
    monkeypatch.setattr(tune_counters._IndexMarker, "_varies", lambda self, item: bool(self._varying))


def cast(source: str) -> list[str]:
    """The indices that are cast, as text, in order."""
    made = mark_nonnegative_indices(Function("f", (), looped(parse(source)), (), NAMES))
    found = [op for stmt in walk(made.body) for expr in own_exprs(stmt) for op in ops(expr) if op.prim == UNSIGNED_CAST]
    return [show((Assign("it", op.args[0]),)).removeprefix("it = ") for op in found]


@pytest.mark.parametrize(
    "source",
    [
        # Python counts from the end, and means it
        "s = x[-1]",
        "for i in range(n):\n    s += x[i - 1]",
        "for i in range(n):\n    s += x[i - 2]",
        "for i in range(1, n):\n    s += x[i - 2]",
        "for i in range(n):\n    s += x[m - 1 - i]",
        "for i in range(n):\n    s += x[-i]",
        "for i in range(k, n):\n    s += x[i]",
        "for i in range(n, k, -1):\n    s += x[i]",
        "for i in range(n, -2, -1):\n    s += x[i]",
        "for i in range(0, n, k):\n    s += x[i]",
        "for i in range(n - 1, -1, k):\n    s += x[i]",
        "s = x[k]",
        "s = x[n - 1]",
        # from memory, or of another type
        "for i in range(0, n):\n    s += x[idx[i]]",
        "for i in range(0, n):\n    s += x[idx[i] + 1]",
        "k = idx[0]\ns = x[k]",
        "if h > 0:\n    s = x[h - 1]",
        "h = len(x)\ns = x[h]",
        # numbers that change
        "k = 3\nfor i in range(n):\n    s += x[k]\n    k -= 1",
        "k = 0\nfor i in range(n):\n    if s > 0.5:\n        k -= 1\n    s += x[k]",
        "k = 0\nfor i in range(n):\n    s += x[k]\n    k = idx[i]",
        "k = 0\nfor i in range(n):\n    for j in range(m):\n        s += x[k]\n    k = k - 1",
        "k = 0\nfor i in range(n):\n    s += x[k]\n    k = p",
        "k = 0\np = 0\nfor i in range(n):\n    s += x[k]\n    k = p\n    p = p - 1",
        "k = 0\nwhile s > 0.5:\n    k -= 1\ns = x[k]",
        "k = 4\nwhile k > -1:\n    k -= 1\ns = x[k]",
        "k = 0\nif s > 0.5:\n    k = -1\ns = x[k]",
        "k = 0\nif s > 0.5:\n    k = m\ns = x[k]",
        "k = 0\nif s > 0.5:\n    s = 1.0\nelse:\n    k = -1\ns = x[k]",
        "if k > 0:\n    s = 1.0\ns = x[k]",
        "if k > 0:\n    k = k - 2\n    s = x[k]",
        "if k > 0:\n    s = 1.0\nelse:\n    s = x[k]",
        "if k != 0:\n    s = x[k]",
        "if k > 0 or flag:\n    s = x[k]",
        "if not k < 0 or flag:\n    s = x[k]",
        # what a loop says of its bounds holds inside it
        "for i in range(k, n):\n    s += 1.0\ns = x[n - k]",
        "for i in range(0, n):\n    s += 1.0\ns = x[n - 1]",
        "i = -1\nfor i in range(0, n):\n    s += 1.0\ns = x[i]",
        "for i in range(0, n):\n    i = i - 1\n    s += x[i]",
        "for i in range(0, n):\n    n = n - 5\n    s += x[n]",
        "for i in range(0, n):\n    s += x[n - 2 - i]",
        "if k < m:\n    s = x[m - k - 2]",
        "if m > k:\n    s = x[m - k - 2]",
        # the bound was another number then
        "for i in range(0, len(x)):\n    s += x[len(x) - 1 - i]\n    x = y",
        "m = len(x)\nfor i in range(0, m):\n    m = m - 2\n    s += x[m - 1 - i]",
        "n = len(x)\nx = y\nfor i in range(0, n):\n    s += x[len(x) - 1 - i]",
        "for i in range(0, n):\n    k = i\n    for j in range(0, k):\n        k = k - 1\n        s += x[k - j - 1]",
        # a remainder has the sign of what divides
        "s = x[k % n]",
        "s = x[k % -3]",
        "s = x[k // 2]",
        "for i in range(0, n):\n    s += x[i // k]",
        "for i in range(0, n):\n    s += x[i * k]",
        "s = x[min(k, 3)]",
        "s = x[min(len(x), k)]",
        "s = x[max(k, -1)]",
        "s = x[3 if k > 3 else k]",
        "s = x[k] if k > -2 else 0.0",
        # never an item: a list, a slice, a value beyond int64
        "for i in range(n - 1, -1, -1):\n    y = tape[i]",
        "for i in range(n - 1, -1, -1):\n    y = x[i:]",
        "k = 1\nk = k / 2\ns = x[k]",
    ],
)
@pytest.mark.usefixtures("all_gain")
def test_not_proved(source: str) -> None:
    assert cast(source) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for i in range(n, k, -1):\n    s += x[i - k]", ["i - k"]),
        ("for i in range(n - 1, -1, -1):\n    s += x[i] + x[i + 1]", ["i", "i + 1"]),
        ("for i in range(n - 1, 0, -1):\n    s += x[i - 1] + x[i - 2]", ["i - 1"]),
        ("for i in range(1, n):\n    s += x[i] * x[i - 1] * x[i + 1]", ["i - 1", "i + 1"]),
        ("for i in range(0, n):\n    for j in range(i + 1, n):\n        A[i, j] += A[j, i]", ["j", "j"]),
        ("for i in range(0, n):\n    for j in range(0, i):\n        s += x[i - j - 1]", ["(i - j) - 1"]),
        ("for i in range(n - 1, -1, -1):\n    for j in range(i - 1, -1, -1):\n        s += x[i - j - 1]",
         ["(i - j) - 1"]),
        ("for i in range(0, n):\n    for j in range(n - 1, i, -1):\n        s += x[j - i]", ["j - i"]),
        ("n = len(x)\nfor i in range(0, n):\n    s += x[n - 1 - i]", ["(n - 1) - i"]),
        ("for i in range(0, len(x)):\n    s += x[len(x) - 1 - i]", ["(len(x) - 1) - i"]),
        ("for i in range(0, n):\n    s += x[n - 1]", ["n - 1"]),
        ("for i in range(0, n):\n    s += x[2 * i + 1] + x[i * i] + x[i // 2] + x[i % 3]",
         ["(2 * i) + 1", "i * i", "i // 2", "i % 3"]),
        ("p = len(x)\nfor i in range(0, n):\n    for j in range(i + 1, n):\n        s += x[p]\n        p += 1", ["p"]),
        ("k = 0\nfor i in range(0, n):\n    if s > 0.5:\n        s += x[k]\n        k += 1", ["k"]),
        ("k = 0\nwhile s > 0.5:\n    s -= x[k]\n    k = k + 2", ["k"]),
        ("k = 0\np = 0\nfor i in range(0, n):\n    s += x[k]\n    k = p\n    p = p + 1", ["k"]),
        ("lo = 0\nhi = len(x)\nwhile lo < hi:\n    m = (lo + hi) // 2\n    if x[m] > s:\n        hi = m\n    else:\n"
         "        lo = m + 1", ["m"]),
        ("while k > 0:\n    k -= 1\n    s += x[k]", ["k"]),
        ("if k > 0:\n    s = x[k - 1] + x[k - 2]", ["k - 1"]),
        ("if not k < 1 and s > 0.5:\n    s = x[k - 1]", ["k - 1"]),
        ("if k < 0 or flag:\n    s = 1.0\nelse:\n    s = x[k]", ["k"]),
        ("if k < 0:\n    k = 0\ns = x[k]", ["k"]),
        ("if m > k:\n    s = x[m - k - 1]", ["(m - k) - 1"]),
        ("s = x[k] if k >= 0 else 0.0", ["k"]),
        ("flag = k > 0 and x[k - 1] > 0.5", ["k - 1"]),
        ("flag = k < 0 or x[k] > 0.5", ["k"]),
        ("for i in range(n, 2, -1):\n    k = i - 3\n    s += x[k]", ["k"]),
        ("s = x[max(k, 0)] + x[abs(k)] + x[min(len(x), 3)]", ["max(k, 0)", "abs(k)", "min(len(x), 3)"]),
        ("k = np.argmax(x)\ns = x[k] + x[k + 1]", ["k", "k + 1"]),
        ("s = x[np.argmin(x)]", ["np.argmin(x)"]),
        ("for i in range(n - 1, -1, -1):\n    s += x[idx[i]]", ["i"]),
        ("for i in range(n - 1, -1, -1):\n    A[i][i] = x[i]", ["i", "i", "i"]),
        # the counter of a loop with another step: LLVM does better without
        ("for i in range(0, n, 2):\n    s += x[i] + x[i + 1]", []),
        ("for i in range(0, n, 2):\n    for j in range(i, n):\n        s += x[j]", ["j"]),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("all_gain")
def test_proved(source: str, expected: list[str]) -> None:
    assert cast(source) == expected


def test_an_index_that_the_loop_leaves_is_left() -> None:
    assert cast("for i in range(n - 1, -1, -1):\n    for j in range(i, n):\n        A[i, j] += A[0, j] * x[i]") == [
        "j",
        "j",
    ]


# ---- random programs ---------------------------------------------------------------------------


class Traced(Execution):
    """Notes every index instead of reading there; a cast of a negative number is an error."""

    def __init__(self, env: dict[str, Any]) -> None:
        super().__init__(env)
        self.seen: list[int] = []
        self.casts = 0

    def value(self, expr: Expr) -> Any:
        match expr:
            case Op("index", (_, item)):
                self.seen.append(self.value(item))
                return self.seen[-1] % 7 - 3
            case Op(prim, (item,)) if prim == UNSIGNED_CAST:
                value = self.value(item)
                assert value >= 0
                self.casts += 1
                return value
            case Op("min" | "max" as prim, (a, b)):
                return {"min": min, "max": max}[prim](self.value(a), self.value(b))
            case Op("len"):
                return 9
        return super().value(expr)


class Writer:
    """A random program on integers."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.fuel = 0

    def expr(self, depth: int = 2) -> Expr:
        some = self.random
        if depth == 0 or some.random() < 0.35:
            return Var(some.choice("ijkmpq")) if some.random() < 0.7 else Const(some.randint(-1, 3))
        match some.choice("++---*/%mMsl"):
            case "*":
                return Op("*", (self.expr(0), Const(some.randint(-1, 2))))
            case "/":
                return Op("//", (self.expr(depth - 1), Const(some.choice((2, 3, -2)))))
            case "%":
                return Op("%", (self.expr(depth - 1), Const(some.choice((2, 3, -2)))))
            case "m":
                return Op("min", (self.expr(depth - 1), self.expr(0)))
            case "M":
                return Op("max", (self.expr(depth - 1), self.expr(0)))
            case "s":
                return Op("select", (self.cond(), self.expr(depth - 1), self.expr(0)))
            case "l":
                return Op("len", (Var("x"),))
            case op:
                return Op(op, (self.expr(depth - 1), self.expr(0)))

    def cond(self) -> Expr:
        simple = Op(self.random.choice(("<", "<=", ">", ">=", "==", "!=")), (self.expr(1), self.expr(0)))
        match self.random.choice("...!&|"):
            case "!":
                return Op("not", (simple,))
            case "&":
                return Op("and", (simple, Op(">", (self.read(), Const(0)))))
            case "|":
                return Op("or", (simple, Op(">", (self.read(), Const(0)))))
        return simple

    def read(self) -> Expr:
        some = self.random
        near = Op(some.choice("+-"), (Var(some.choice("iijjkmpq")), some.choice((Const(1), Const(2), Var("i")))))
        return Op("index", (Var("x"), some.choice((near, self.expr()))))

    def block(self, depth: int) -> Block:
        return tuple(self.stmt(depth) for _ in range(self.random.randint(1, 4)))

    def stmt(self, depth: int) -> Stmt:
        some = self.random
        name = some.choice("ijkmpq")
        match some.choice("aArrr" if depth == 0 else "aArrrriffffw"):
            case "a":
                return Assign(name, self.expr())
            case "A":
                return AugAssign(name, some.choice("+-"), self.expr(1))
            case "r":
                read = Effect(Op("print", (self.read(),)))
                return For("turn", Const(0), Const(1), Const(1), (read,)) if some.random() < 0.7 else read
            case "i":
                orelse = self.block(depth - 1) if some.random() < 0.5 else ()
                return If(self.cond(), self.block(depth - 1), orelse)
            case "w":
                self.fuel += 1
                fuel = f"fuel{self.fuel}"
                less = AugAssign(fuel, "-", Const(1.0))
                cond = Op("and", (Op(">", (Var(fuel), Const(0.0))), self.cond()))
                test = self.block(0) if some.random() < 0.5 else ()
                return While(test, cond, (less, *self.block(depth - 1)))
        step = Const(some.choice((1, 1, 1, -1, -1, -1, 2, -2)))
        up = step.value > 0  # type: ignore[operator]
        start = some.choice((Const(0), Const(1), self.expr(1))) if up else some.choice((Const(3), self.expr(1)))
        stop = self.expr(1) if up else some.choice((Const(-1), Const(0), self.expr(1)))
        leave = self.cond() if some.random() < 0.1 else None
        few = Const(5)  # turns at most, so that runs end
        stop = Op("min", (stop, Op("+", (start, few)))) if up else Op("max", (stop, Op("-", (start, few))))
        return For(some.choice("ij"), start, stop, step, self.block(depth - 1), exit=leave)


@pytest.mark.usefixtures("all_gain")
def test_random_programs_cast_nothing_negative() -> None:
    """Every index is what it was; whatever is cast is not negative in any run."""
    casts = reads = 0
    for seed in range(100):
        writer = Writer(seed)
        body = writer.block(3)
        types: dict[str, Type] = {n: Scalar("int64") for n in "ijkmpq"} | {"x": VECTOR}
        made = mark_nonnegative_indices(Function("f", (), body, (), types)).body
        for trial in range(3):
            some = random.Random(seed * 3 + trial)
            env: dict[str, Any] = {n: some.randint(-2, 4) for n in "ijkmpq"}
            env |= {f"fuel{k + 1}": 3.0 for k in range(writer.fuel)}
            runs = Traced(dict(env)), Traced(dict(env))
            runs[0].run(body)
            runs[1].run(made)
            assert runs[0].seen == runs[1].seen
            casts, reads = casts + runs[1].casts, reads + len(runs[1].seen)
    assert casts > reads // 10


# ---- compiled ----------------------------------------------------------------------------------


def wraps(x):
    """Neighbours on a ring: index -1 is the last item."""
    n = x.shape[0]
    s = 0.0
    k = 2
    for i in range(n):
        s += x[i] * x[i - 1] * x[i - 2] + x[n - 1 - i] ** 2 * x[-i]
        s += x[k]
        k -= 1
    return s


def triangular(x):
    n = x.shape[0]
    s = 0.0
    p = 0
    for i in range(n):
        for j in range(i + 1, n):
            s += x[j] * x[j - i - 1] * x[p % n]
            p += 1
        for j in range(i):
            s += x[i - j - 1] ** 3 * x[j - n]
    return s


def stencil(x):
    u = x.copy()
    for t in range(3):
        for i in range(1, u.shape[0] - 1):
            u[i] = u[i - 1] * u[i] + u[i + 1]
    return u.sum()


@pytest.mark.parametrize("function", [wraps, triangular, stencil])
def test_compiled_and_plain_agree(function: Any) -> None:
    x = np.random.default_rng(1).random(5)
    compiled = srcad.value_and_grad(function)
    plain = srcad.value_and_grad(function, target="python")
    for got, wanted in zip(compiled(x), plain(x), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-14)
    assert UNSIGNED_CAST not in compiled.source
