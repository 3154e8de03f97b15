"""The writer: text as a careful person would have typed it."""

import ast

import numpy as np
import pytest

from srcad.backend.python.line_wrapping import WIDTH, wrap
from srcad.backend.python.module_text import module_text
from srcad.backend.python.statements import to_ast
from srcad.backend.python.writer import write
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Comment,
    Const,
    Effect,
    For,
    Function,
    If,
    Op,
    Param,
    Return,
    Slice,
    Store,
    Undef,
    Var,
    While,
)
from srcad.ir.notation import parse
from srcad.ir.runtime_checks import check
from srcad.ir.types import Array, Scalar, Symbol, dim

V, C = Var, Const


@pytest.mark.parametrize(
    "text",
    [
        "a - (b - c)", "a * b + c", "-(a * b)", "-a * b", "-a ** 2", "(-a) ** 2", "2 ** -x", "a ** b ** c",
        "(a ** b) ** c", "(a if c else b) + 1", "not (a and b)", "a and b or c", "a and (b or c)", "(a < b) == c",
        "x.T @ y", "(x @ y).T", "-x.T", "(-x).T", "a / (b * c)", "a / b * c", "(a, b)", "f((a, b))", "x[a, 1:-1]",
        "x[a if c else b]", "f(a if c else b)", "--x", "1 - -2.0", "a if b else c if d else e",
        "(a if b else c) if d else e", "not a == b", "(not a) == b", "~a & b", "x[...]", "x[:, None]", "a < b < c",
        "f(x, k=1)", "(1).real", "1e-07 * x", "np.zeros((n, m))", "[a, b]", "x[i][j]", "(a,)",
    ],
)  # fmt: skip
def test_no_parenthesis_too_many_or_too_few(text):
    assert write(ast.parse(text)) == text


def test_numbers_are_read_back_to_the_last_bit():
    for value in (0.1, 1e300, 5e-324, -0.0, 1 / 3):
        assert eval(write(ast.Constant(value))) == value
    assert write(ast.Constant(float("inf"))) == "np.inf"
    assert write(ast.BinOp(ast.Constant(-2.0), ast.Pow(), ast.Name("x"))) == "(-2.0) ** x"


def statements(*body, types=None, params=("x",), results=()):
    function = Function("f", tuple(Param(p, p) for p in params), body, results, types or {})
    lines = write(to_ast(function)).splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines[1:])


def op(prim, *args, **static):
    return Op(prim, args, tuple(sorted(static.items())))


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (op("np.transpose", V("x"), axes=(1, 0)), "x.T"),
        (op("np.transpose", V("x"), axes=(0, 2, 1)), "np.transpose(x, (0, 2, 1))"),
        (op("shape", V("x"), axis=0), "x.shape[0]"),
        (op("index", V("x"), V("i"), Slice(C(1), C(-1))), "x[i, 1:-1]"),
        (op("index", op("index", V("x"), V("i")), V("j")), "x[i, j]"),
        (op("index", op("index", V("x"), Slice(C(1))), V("j")), "x[1:][j]"),
        (op("index", V("x"), Slice(), C(None)), "x[:, None]"),
        (op("np.zeros", V("n"), V("m"), dtype="float64"), "np.zeros((n, m))"),
        (op("np.empty", V("n"), dtype="bool"), "np.empty(n, dtype=np.bool_)"),
        (op("np.full", C(2.0), V("n"), V("m")), "np.full((n, m), 2.0)"),
        (op("np.broadcast_to", V("x"), V("n"), V("m")), "np.broadcast_to(x, (n, m))"),
        (op("reshape", V("x"), C(2), C(-1)), "x.reshape(2, -1)"),
        (op("copy", op("+", V("x"), V("y"))), "(x + y).copy()"),
        (op("astype", V("x"), dtype="float32"), "x.astype(np.float32)"),
        (op("select", op("<", V("a"), V("b")), V("a"), V("b")), "a if a < b else b"),
        (op("and", op("and", V("a"), V("b")), op("not", V("c"))), "a and b and not c"),
        (op("np.sum", V("x"), axis=0), "np.sum(x, axis=0)"),
        (op("np.sum", V("x")), "np.sum(x)"),
        (op("np.concatenate", V("x"), V("y"), axis=0), "np.concatenate((x, y))"),
        (op("np.concatenate", V("x"), V("y"), axis=1), "np.concatenate((x, y), axis=1)"),
        (op("array", V("a"), V("b")), "np.array([a, b])"),
        (op("np.arange", C(0), V("n"), C(1)), "np.arange(n)"),
        (op("np.linalg.solve", V("a"), V("b")), "np.linalg.solve(a, b)"),
        (op("runtime.digamma", V("a")), "digamma(a)"),
        (op("root", V("a")), "np.sqrt(a)"),
        (op("stop_gradient", V("a")), "a"),
        (op("neg", op("*", V("a"), V("b"))), "-(a * b)"),
        (op("@", op("np.transpose", V("x"), axes=(1, 0)), V("b")), "x.T @ b"),
        (Undef(), "None"),
    ],
)
def test_each_primitive_as_it_is_typed(expr, text):
    assert statements(Assign("y", expr)) == f"y = {text}"


@pytest.mark.parametrize(
    ("stmt", "text"),
    [
        (Store(V("x"), (V("i"),), V("v"), "+"), "x[i] += v"),
        (Store(V("x"), (), V("v")), "x[:] = v"),
        (Store(V("x"), (), V("v"), "+"), "x += v"),
        (Store(op("index", V("x"), V("i")), (), V("v")), "x[i] = v"),
        (Store(op("index", V("x"), V("i")), (), V("v"), "+"), "x[i] += v"),
        (Store(op("index", V("x"), V("i")), (Slice(), V("j")), V("v")), "x[i, :, j] = v"),
        (Store(op("np.transpose", V("x"), axes=(1, 0)), (V("i"),), V("v"), "-"), "x.T[i] -= v"),
        (AugAssign("d", "+", V("v")), "d += v"),
        (Effect(op("list.append", V("l"), V("v"))), "l.append(v)"),
        (check(V("c"), "AssertionError", ["no"]), 'assert c, "no"'),
        (Effect(op("print", C("a"), V("c"))), 'print("a", c)'),
        (Return((V("a"), V("b"))), "return a, b"),
        (Return((V("a"),)), "return a"),
    ],
)
def test_each_statement(stmt, text):
    assert statements(stmt) == text


def test_loops_and_branches():
    body = (Assign("y", V("i")),)
    assert statements(For("i", C(0), V("n"), C(1), body)) == "for i in range(n):\n    y = i"
    assert statements(For("i", C(1), V("n"), C(1), ())) == "for i in range(1, n):\n    pass"
    down = For("i", op("-", V("n"), C(1)), C(-1), C(-1), body, exit=V("stop"))
    assert statements(down) == "for i in range(n - 1, -1, -1):\n    y = i\n    if stop:\n        break"
    assert statements(While((), op("<", V("y"), C(3)), body)) == "while y < 3:\n    y = i"
    tested = While((Assign("go", V("y")),), V("go"), body)
    assert statements(tested) == "while True:\n    go = y\n    if not go:\n        break\n    y = i"
    assert statements(If(V("c"), (), body)) == "if not c:\n    y = i"
    chain = If(V("a"), body, (If(V("b"), body, body),))
    assert statements(chain) == "if a:\n    y = i\nelif b:\n    y = i\nelse:\n    y = i"
    assert statements(If(V("a"), (Comment("nothing"),), ())) == "if a:\n    # nothing\n    pass"


def assignments(text):
    numbers = dict.fromkeys(("a", "b", "t", "i", "j", "c"), Scalar("int64"))
    square = Array("float64", (dim(Symbol("m", 0)), dim(Symbol("m", 1))))
    types = {**numbers, "m": square, "v": Array("float64", square.dims[:1])}
    return write(to_ast(Function("f", (), parse(text), (V("c"),), types)))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = shape(m, axis=0)\nb = shape(m, axis=1)", "a, b = m.shape"),
        ("b = shape(m, axis=1)\na = shape(m, axis=0)", None),
        ("a = shape(v, axis=0)", "a = v.shape[0]"),
        ("t = a\na = b\nb = t", "a, b = b, a"),
        ("t = a % b\na = b\nb = t", "b, a = a % b, b"),
        ("t = a\na = b\nb = t\nc = t", None),
        ("t = c\na = b\nb = t", None),
        ("t = v[i]\nv[i] = v[j]\nv[j] = t", "v[i], v[j] = v[j], v[i]"),
        ("t = v[i]\nv[i] = v[j]\nv[c] = t", None),
    ],
)
def test_what_belongs_together_stands_on_one_line(text, line):
    written = assignments(text)
    assert line in written if line else len(written.splitlines()) == len(text.splitlines()) + 2


def test_a_check_is_printed_as_one_would_write_it():
    def written(formats, condition, *message, error="ValueError"):
        body = (check(condition, error, message),)
        types = dict.fromkeys(("n", "m"), Scalar("int64"))
        return write(to_ast(Function("f", (), body, (), types), formats=formats)).partition(":\n    ")[2]

    n, m = V("n"), V("m")
    either = op("or", op("==", n, m), op("==", n, C(1)))
    asked = "if n != m and n != 1:\n        raise ValueError("
    assert written(True, either, 'L5: p["{"]: ', n, " and ", op("+", m, C(1))) == (
        asked + """f'L5: p["{{"]: {n} and {m + 1}')"""
    )
    assert written(False, either, "L5: ", n, " and ", m) == asked + 'L5: ", n, " and ", m)'.join(['"', ""])
    long = "L5: " + "+".join("a" * 12) + ": "
    assert written(True, either, long, n, " and ", m, " are not what they have to be here, are they") == (
        f'''if n != m and n != 1:
        raise ValueError(
            "{long}"
            f"{{n}} and {{m}} are not what they have to be here, are they"
        )'''
    )
    assert written(True, op("<", n, m), "no") == 'if n >= m:\n        raise ValueError("no")'
    assert written(True, op("<", n, m), error="IndexError") == "if n >= m:\n        raise IndexError()"
    assert written(True, op("<", n, m), "no", error="AssertionError") == 'assert n < m, "no"'
    assert written(True, op("<", n, m), error="AssertionError") == "assert n < m"
    assert written(True, C(False), "no", error="np.linalg.LinAlgError") == 'raise np.linalg.LinAlgError("no")'


def test_comments_rulers_and_blank_lines():
    text = write(
        to_ast(
            Function(
                "f",
                (Param("x", "x"),),
                (Comment("---- forward sweep ----"), Assign("y", V("x")), Comment(""), Comment("L3: return y")),
                (V("y"),),
                {},
            )
        )
    ).splitlines()
    assert text[1] == "    # ---- forward sweep -----------------------------------------------------"
    assert text[2:] == ["    y = x", "", "    # L3: return y", "    return y"]


def test_a_quoted_line_that_is_too_long_is_cut_between_terms():
    quoted = "L13: lap[i, j] = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j]"
    stmt = For(
        "i", C(0), C(1), C(1), (For("j", C(0), C(1), C(1), (If(V("c"), (Comment(quoted), Assign("y", V("i"))), ()),)),)
    )
    line = next(line for line in statements(stmt).splitlines() if "# L13" in line)
    assert line.strip() == "# L13: lap[i, j] = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] ..."


@pytest.mark.parametrize(
    "line",
    [
        "    d_x[i, j] += " + " + ".join(f"u[i - {k}, j + {k}] * (alpha_{k} + beta)" for k in range(6)),
        "def f_grad(" + ", ".join(f"params_W_{k}" for k in range(12)) + ", d_result=1.0):",
        "    return " + ", ".join(f"d_params_W_{k}" for k in range(12)),
        "    out = np.concatenate((" + ", ".join(f"d_params_W_{k}[1:] * 2.0" for k in range(5)) + "), axis=1)",
        "        if " + " and ".join(f"alpha_{k} > limit_of_something_{k}" for k in range(6)) + ":",
        "    x = f(" + " + ".join(f"g(alpha_{k}, limit_of_something_{k})" for k in range(6)) + ") * 3",
        "    x = '" + "a, (b + " * 9 + "' if c else " + " * ".join(["something_long"] * 8),
    ],
)
def test_long_lines_are_broken_and_mean_the_same(line):
    def parsed(text):
        body = " pass" if text.endswith(":") else ""
        code = text + body if text.startswith("def") else "def f():\n    if 1:\n" + "        " + text.strip() + body
        return ast.dump(ast.parse(code))

    broken = wrap(line)
    assert len(broken) > 1
    assert all(len(part) <= WIDTH for part in broken)
    assert parsed(line) == parsed("\n".join(broken).strip() if not line.startswith("def") else "\n".join(broken))


def test_literals_among_float32_are_float32():
    n = (dim(Symbol("x", 0, True)),)
    types = {"x": Array("float32", n), "y": Array("float32", n), "s": Scalar("float64"), "z": Array("float64", n)}
    assert statements(Assign("y", op("*", C(2.0), V("x"))), types=types) == "y = np.float32(2.0) * x"
    assert statements(Assign("y", op("*", V("s"), V("x"))), types=types) == "y = np.float32(s) * x"
    assert statements(Assign("z", op("*", C(2.0), V("z"))), types=types) == "z = 2.0 * z"


def leaky_integrator_grad():
    """The golden sample of the same name, as the reverse sweep would hand it over."""
    i, last = V("i"), op("-", V("n"), C(1))
    over = op("+", V("limit"), op("*", C(0.1), op("-", V("acc"), V("limit"))))
    saved, took = op("index", V("acc_saved"), i), op("index", V("took_if"), i)
    forward = (
        Store(V("acc_saved"), (i,), V("acc")),
        Assign("acc", op("+", op("*", V("decay"), V("acc")), op("index", V("x"), i))),
        Store(V("took_if"), (i,), op(">", V("acc"), V("limit"))),
        If(took, (Assign("acc", over),), ()),
    )
    reverse = (
        If(
            took,
            (
                Comment("L9: acc = limit + 0.1 * (acc - limit)"),
                AugAssign("d_limit", "+", op("-", V("d_acc"), op("*", C(0.1), V("d_acc")))),
                Assign("d_acc", op("*", C(0.1), V("d_acc"))),
            ),
            (),
        ),
        Comment("L7: acc = decay * acc + x[i]"),
        AugAssign("d_decay", "+", op("*", saved, V("d_acc"))),
        Store(V("d_x"), (i,), V("d_acc"), "+"),
        Assign("d_acc", op("*", V("decay"), V("d_acc"))),
    )
    body = (
        Comment("---- forward sweep"),
        Assign("n", op("len", V("x"))),
        Assign("acc_saved", op("np.empty", V("n"), dtype="float64")),
        Assign("took_if", op("np.empty", V("n"), dtype="bool")),
        Comment(""),
        Assign("acc", C(0.0)),
        For("i", C(0), V("n"), C(1), forward),
        Comment(""),
        Comment("---- reverse sweep"),
        Assign("d_x", op("np.zeros_like", V("x"))),
        Assign("d_decay", C(0.0)),
        Assign("d_limit", C(0.0)),
        Comment(""),
        Comment("L10: return acc * acc"),
        Assign("d_acc", op("*", op("*", C(2.0), V("acc")), V("d_result"))),
        For("i", last, C(-1), C(-1), reverse),
        Comment(""),
        Return((V("d_x"), V("d_decay"), V("d_limit"))),
    )
    params = tuple(Param(p, p) for p in ("x", "decay", "limit", "d_result"))
    return Function("leaky_integrator_grad", params, body, (), {})


HEADER = """Gradient of leaky_integrator, generated by srcad.

source  leaky_integrator.py:4
wrt     x, decay, limit
keeps   acc_saved   len(x) floats   read by line 7
        took_if     len(x) bools    read by line 8
"""


EXPECTED = """import numpy as np


def leaky_integrator_grad(x, decay, limit, d_result=1.0):
    # ---- forward sweep -----------------------------------------------------
    n = len(x)
    acc_saved = np.empty(n)
    took_if = np.empty(n, dtype=np.bool_)

    acc = 0.0
    for i in range(n):
        acc_saved[i] = acc
        acc = decay * acc + x[i]
        took_if[i] = acc > limit
        if took_if[i]:
            acc = limit + 0.1 * (acc - limit)

    # ---- reverse sweep -----------------------------------------------------
    d_x = np.zeros_like(x)
    d_decay = 0.0
    d_limit = 0.0

    # L10: return acc * acc
    d_acc = 2.0 * acc * d_result
    for i in range(n - 1, -1, -1):
        if took_if[i]:
            # L9: acc = limit + 0.1 * (acc - limit)
            d_limit += d_acc - 0.1 * d_acc
            d_acc = 0.1 * d_acc
        # L7: acc = decay * acc + x[i]
        d_decay += acc_saved[i] * d_acc
        d_x[i] += d_acc
        d_acc = decay * d_acc

    return d_x, d_decay, d_limit
"""


def test_a_whole_module_and_that_it_runs():
    text = module_text(leaky_integrator_grad(), HEADER, ("1.0",))
    assert text == f'"""{HEADER}"""\n\n{EXPECTED}'
    space = {}
    exec(text, space)
    x = np.array([0.2, 0.5, -0.1])
    d_x, d_decay, d_limit = space["leaky_integrator_grad"](x, 0.9, 10.0)
    acc = 0.9 * (0.9 * 0.2 + 0.5) - 0.1
    np.testing.assert_allclose(d_x, 2 * acc * np.array([0.81, 0.9, 1.0]))
    np.testing.assert_allclose(d_decay, 2 * acc * (0.9 * 0.2 + 0.5 + 0.9 * 0.2))
    assert d_limit == 0.0


def test_helpers_and_math_are_imported_only_if_used():
    body = (Return((op("runtime.digamma", op("math.exp", V("x"))),)),)
    text = module_text(Function("f", (Param("x", "x"),), body, (), {}), "A.\n")
    assert "import math\n\nimport numpy as np\n\nfrom srcad.runtime import digamma\n\n\ndef f(x):\n" in text
    shipped = module_text(
        Function("f", (Param("x", "x"),), body, (), {}), "A.\n", helpers_from="._runtime", decorator="njit(cache=True)"
    )
    assert (
        "import math\n\nfrom numba import njit\n\nfrom ._runtime import digamma\n\n\n@njit(cache=True)\ndef f(x):\n"
        in shipped
    )


def test_sections_are_set_apart():
    body = (
        Comment("---- forward sweep"), Assign("y", V("x")),
        Comment("---- reverse sweep"), Assign("d_x", C(0.0)), Comment("L3: y"), Assign("d_y", C(1.0)),
        Comment("L4: z"), Assign("d_x", V("d_y")), Return((V("d_x"),)),
    )  # fmt: skip
    lines = [line if not line.startswith("# --") else line[:13] for line in statements(*body).splitlines()]
    assert lines == [
        "# ---- forwar", "y = x", "", "# ---- revers", "d_x = 0.0", "", "# L3: y", "d_y = 1.0", "# L4: z", "d_x = d_y",
        "", "return d_x",
    ]  # fmt: skip


def test_names_that_numba_would_confuse_are_kept_apart():
    n = Array("float64", (dim(Symbol("x", 0, True)),))
    types = dict.fromkeys(("x", "product", "product_1"), n)
    body = (
        Assign("product", op("*", V("x"), C(2.0))),
        Assign("product_1", op("*", V("x"), C(3.0))),
        Assign("product", op("+", V("product"), V("product_1"))),
        Return((V("product"),)),
    )
    text = module_text(Function("f", (Param("x", "x"),), body, (), types), "A.\n")
    assert "product = product + product1\n" in text and "product_1" not in text


def test_what_is_not_contiguous_is_made_so_before_it_is_reshaped():
    n = (dim(Symbol("x", 0, True)), dim(Symbol("x", 1, True)))
    types = {"x": Array("float64", n), "y": Array("float64", n, "F"), "z": Array("float64", n[:1])}
    turned = op("np.transpose", V("x"), axes=(1, 0))
    flat = op("reshape", V("y"), C(6))
    text = statements(Assign("y", turned), Assign("z", flat), types=types)
    assert text.endswith("z = np.ascontiguousarray(y).reshape(6)")
    assert statements(Assign("z", op("reshape", V("x"), C(6))), types=types) == "z = x.reshape(6)"
    # written through: the view itself
    written = statements(Assign("y", turned), Assign("z", flat), Store(V("z"), (C(0),), C(1.0)), types=types)
    assert "z = y.reshape(6)\n" in written
