"""Names of a user's that look like ours: what a name stands for is said in fields, never read off its spelling.

The kind: a program with such names is the program with plain ones: same value, same gradient, same plan.
"""

import ast
import builtins
import inspect
import itertools
import linecache
import re

import numpy as np
import pytest

import srcad

pytestmark = pytest.mark.one_in(10, least=3)

plain = {"target": "python"}

PROGRAMS = {
    "loop": (
        """
def f(P, Q):
    A = 0.0
    B = np.zeros(4)
    for i in range(len(P)):
        C = np.sin(P[i] * Q)
        D = C > 0.2
        if D:
            A = A + C * C
        B[i % 4] = A
    return A + np.sum(B * B)
""",
        (np.array([0.3, 1.2, -0.4, 0.8, 0.5]), 0.7),
    ),
    "while": (
        """
def f(P, Q):
    A = P[0]
    C = 0
    while A * A < Q and C < 40:
        D = np.exp(0.1 * A)
        A = A * D + 0.01
        C = C + 1
    B = np.zeros(2)
    B[0] = A
    return B[0] * A + np.sum(P)
""",
        (np.array([0.3, 1.2]), 7.0),
    ),
    "places": (
        """
def f(P, Q):
    A = P.copy()
    C = np.empty((3, len(P)))
    for i in range(3):
        B = A * Q
        C[i] = B
        A = A * np.tanh(B)
        D = A
        A[0] = A[0] * A[1]
    return np.sum(A) + np.sum(C) * Q + D[1]
""",
        (np.array([0.3, 1.2, 0.4]), 0.7),
    ),
}

SETS = [
    ("h_saved", "x_stack", "x_checkpoints", "took_if"),
    ("took_if", "turns", "d_x", "d_A"),
    ("A_saved", "B_stack", "C_saved", "D_saved"),
    ("d_result", "result", "turn", "entry"),
    ("acc_top", "took_if_1", "h_saved_1", "tape"),
    ("d_P", "d_Q", "d_h_saved", "t_x"),
    ("P_saved", "Q_saved", "i_saved", "d_i"),
    ("stretch", "first", "last", "number"),
    ("np_", "math", "value", "total"),
    ("unbroadcast_1d", "inline_exp", "srcad", "njit"),
    ("jacobian_P", "P_final", "d0_P", "d1_Q"),
]
TOGETHER = [
    # one variable has the name that another gets where it is saved, or that of its adjoint
    (("h", "h_saved", "h_stack", "h_saved_1"), ("x", "d_x")),
    (("h", "d_h", "d_h_saved", "h_top"), ("h_saved", "h_stack")),
    (("C_saved", "C", "d_C", "took_if"), ("C_checkpoints", "C_stack")),
    (("x_saved", "x", "x_stack", "x_saved_saved"), ("d_x_saved", "d_x")),
    (("d_C", "d_D", "C", "D"), ("P_length_0", "d_P")),
    (("sin_saved", "product", "sin", "d_sin"), ("tanh_saved", "tanh")),
]
"""Names of variables, and of parameters."""
PARAMETERS = [
    ("P", "Q"),
    ("x_saved", "h_stack"),
    ("took_if", "turns"),
    ("result", "d_result"),
    ("d_result", "result"),
    ("range", "len"),
    ("min", "float"),
    ("isinstance", "hasattr"),
    ("max", "abs"),
    ("np", "int"),
    ("TypeError", "math"),
    ("d_Q", "d_P"),
]


def made(name, names, parameters):
    """The program with these names for its variables and parameters; None where Python has another meaning for one."""
    text, args = PROGRAMS[name]
    text = text.replace("len(P)", "P.size").replace("range(P.size)", "built_range(P.size)").replace("np.", "numpy.")
    text = text.replace("range(3)", "built_range(3)")
    new = dict(zip("ABCD", names)) | dict(zip("PQ", parameters))
    text = re.sub(r"\b([ABCDPQ])\b", lambda found: new[found[1]], text)
    file = f"<{name} {names} {parameters}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    scope = {"numpy": np, "built_range": range, "__name__": __name__}
    exec(compile(text, file, "exec"), scope)
    return scope["f"], args


def flat(result):
    return [np.asarray(leaf) for leaf in srcad.dispatch.pytree.flatten(result)[0]]


def saved(df, folder):
    scope = {}
    exec(compile(df.save(folder / "made.py").read_text(), "made", "exec"), scope)
    return next(value for key, value in scope.items() if re.search(r"^[^_].*_(grad|jacobian)$", key))


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("mode", ["grad", "value_and_grad", "jacobian", "checkpoint"])
def test_the_same_program_under_other_names(name, mode, tmp_path):
    options = {"checkpoint": "i"} if mode == "checkpoint" and name != "while" else {}
    make = getattr(srcad, "grad" if mode == "checkpoint" else mode)
    plainly, args = made(name, "ABCD", "PQ")
    one = make(plainly, (0, 1), **plain, **options)
    right, plan = flat(one(*args)), one.plan(*args)
    sizes = sorted((s.bytes or 0, s.grows, s.dtype) for s in plan.saved)
    limit = {"max_tape": plan.bytes} if plan.exact else {}
    pairs = [*((names, ("P", "Q")) for names in SETS), *(("ABCD", both) for both in PARAMETERS)]
    pairs += [(names, both) for names, both in itertools.islice(zip(SETS, PARAMETERS[1:]), 6) if not {*names} & {*both}]
    pairs += TOGETHER
    for names, both in pairs if mode == "grad" else [*pairs[1:-6:5], *pairs[-6:]]:
        f, args = made(name, names, both)
        df = make(f, (0, 1), **plain, **options, **limit)
        for have, want in zip(flat(df(*args)), right, strict=True):
            np.testing.assert_array_equal(have, want)
        now = df.plan(*args)
        assert sorted((s.bytes or 0, s.grows, s.dtype) for s in now.saved) == sizes, (names, both, str(now))
        if mode == "grad" and name == "loop":
            function = saved(df, tmp_path)
            for have, want in zip(flat(function(*args)), right, strict=True):
                np.testing.assert_array_equal(have, want)
            with pytest.raises(TypeError, match=f"{function.__name__} takes"):
                function(args[0], args[0])


TEXT = """
def f(x, y):
    A = x.copy()
    B = np.zeros((len(x), 3))
    total = 0.0
    for C in range(len(x) - 1, -1, -1):
        D = np.sin(x[C] * y)
        if D > 0.3:
            total += D * A[C]
        B[C, 0] = D * D
        B[C, 1] = B[C, 0] * y
        E = B[C].copy()
        total += E[0] * E[1]
        A[C] = total * D
    F = A.copy()
    F[0] = 1.0
    for G in range(len(x)):
        H = np.empty(2)
        H[0] = x[G] * total
        H[1] = H[0] * np.cos(H[0])
        total += H[0] * H[1]
    K = 1.0
    return total * K + np.sum(F * A)
"""
OURS = ["d_qqqqq", "q_saved", "q_stack", "turns", "turn", "took_if", "d0_qqqq", "stretch", "q_final", "q_old", "first"]


def texts(names):
    """What is read and what is compiled for this program, with its variables numbered in the order of the text."""
    text = re.sub(r"\b([A-HK])\b", lambda found: names[found[1]], TEXT)
    file = f"<{names}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    scope = {"np": np, "__name__": __name__}
    exec(compile(text, file, "exec"), scope)
    made = srcad.value_and_grad(scope["f"], (0, 1), **plain).specialisation(np.ones(5), 0.7).generated
    return numbered(made.text()), numbered(made.machine_text())


def numbered(text):
    tree, numbers = ast.parse(text), {}
    for node in ast.walk(tree.body[-1]):
        if isinstance(node, ast.Name) and node.id not in dir(builtins):
            node.id = f"v{numbers.setdefault(node.id, len(numbers))}"
        elif isinstance(node, ast.arg):
            node.arg = f"v{numbers.setdefault(node.arg, len(numbers))}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = "a message"
    return ast.unparse(tree.body[-1])


@pytest.mark.one_in(9, least=1)
@pytest.mark.parametrize("variable", "ABCDEFGHK")
def test_the_text_does_not_depend_on_the_name_of_a_variable(variable):
    others = {name: f"{name.lower()}_zzzzz" for name in "ABCDEFGHK"}
    right = {length: texts(others | {variable: "z" * length}) for length in {len(name) for name in OURS}}
    for name in OURS:
        assert texts(others | {variable: name}) == right[len(name)], name


@pytest.mark.parametrize("both", PARAMETERS)
def test_a_procedure_under_other_names(both, tmp_path):
    text = """
def f(P, Q):
    for i in built_range(P.size):
        Q[i] = P[i] * P[i] * Q[i]
"""
    new = dict(zip("PQ", both))
    text = re.sub(r"\b([PQ])\b", lambda found: new[found[1]], text)
    linecache.cache[f"<{both}>"] = (len(text), None, text.splitlines(keepends=True), f"<{both}>")
    scope = {"built_range": range}
    exec(compile(text, f"<{both}>", "exec"), scope)
    df = srcad.adjoint(scope["f"], (0, 1), **plain)
    p, q, d_p, d_q = np.array([2.0, 3.0]), np.array([5.0, 7.0]), np.zeros(2), np.ones(2)
    assert df(p, q, d_p, d_q) is None
    assert d_p.tolist() == [20.0, 42.0] and d_q.tolist() == [4.0, 9.0] and q.tolist() == [20.0, 63.0]
    path = df.save(tmp_path / "made.py")
    scope = {}
    exec(compile(path.read_text(), "made", "exec"), scope)
    parameters = inspect.signature(scope["f_adjoint"]).parameters.values()
    assert all(p.default is inspect.Parameter.empty for p in parameters) and len(parameters) == 4


def test_a_name_that_compiled_code_makes_is_no_function_that_it_calls():
    def f(x, y):
        h = y
        for prod in range(200):  # its first iteration of a segment would be called prod_first
            h = np.sin(h) * y + 0.1
            if h > 3.0:
                break
        return h + np.sum(np.prod(x.reshape(2, 2), axis=0))

    args = np.array([1.0, 2.0, 3.0, 4.0]), 0.5
    for have, want in zip(flat(srcad.grad(f, (0, 1))(*args)), flat(srcad.grad(f, (0, 1), **plain)(*args)), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-14)


def test_a_compiled_one():
    f, args = made("loop", SETS[0], PARAMETERS[1])
    g, _ = made("loop", "ABCD", "PQ")
    for have, want in zip(flat(srcad.grad(f, (0, 1))(*args)), flat(srcad.grad(g, (0, 1), **plain)(*args)), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-14)
