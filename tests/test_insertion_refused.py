"""Blocks of `srcad.insert_gradient_of` where nothing is to happen: in plain Python, refused, or changing nothing."""

import ast
import copy
import inspect
import linecache
import sys
import textwrap
from types import FunctionType

import numpy as np
import pytest

import srcad
from srcad import insert_gradient_of
from srcad.dispatch.pytree import flatten
from tests.programs.registry import all_cases
from tests.test_insertion import both, clipped, limited, scaled

pytestmark = pytest.mark.one_in(10, least=3)

# ---- plain Python ----------------------------------------------------------------------------------


def test_plain_python_skips_the_block():
    ran = []

    def f(y):
        with insert_gradient_of(y) as d_y:
            ran.append(d_y)
            y = 2.0  # noqa: E701, E702
        for _ in range(2):
            with insert_gradient_of(y) as d_y:
                ran.append(1 / 0)
        return y

    before = sys.gettrace()
    assert f(1.0) == 1.0 and ran == [] and sys.gettrace() is before


def test_a_tracer_goes_on_tracing():
    seen = []

    def tracer(frame, event, arg):
        if frame.f_code.co_name == "scaled":
            seen.append((event, frame.f_lineno - frame.f_code.co_firstlineno))
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        scaled(1.0, 2.0)
    finally:
        sys.settrace(before)
    assert ("line", 4) in seen and ("return", 4) in seen and ("line", 3) not in seen


# ---- what is refused -------------------------------------------------------------------------------

ABOUT = "The block runs in the reverse sweep, when the function has been run."
REFUSED = []


def refused(message, *more):
    def register(function):
        REFUSED.append((function, f"srcad error S130: {message}", more))
        return function

    return register


@refused("insert_gradient_of takes a number or an array; y is a list", "give a part of it a name first: w =")
def of_a_list(x):
    y = [x, 2.0]
    with insert_gradient_of(y) as d_y:
        d_y = d_y
    return np.sum(y[0])


@refused(
    "insert_gradient_of takes a variable, and names its adjoint",
    "write `with srcad.insert_gradient_of(x) as d_x:` with two names; name an element or a part first: row = A[0].",
)
def of_an_element(x):
    with insert_gradient_of(x[0]) as d_x:
        d_x *= 2.0
    return np.sum(x)


@refused("insert_gradient_of takes a variable, and names its adjoint")
def without_a_name(x):
    with insert_gradient_of(x):
        print("here")
    return np.sum(x)


@refused("G is no variable of this function", "give it a name of its own first.")
def of_a_global(x):
    with insert_gradient_of(G) as d:
        d *= 2.0
    return np.sum(x) * G


G = 3.0


@refused(
    "return in a block of insert_gradient_of",
    "The block runs in the reverse sweep: it can leave neither the function nor a loop around it.",
    "use if.",
)
def that_returns(x):
    y = x * x
    with insert_gradient_of(y) as d_y:
        return d_y
    return np.sum(y)


@refused("break in a block of insert_gradient_of")
def that_leaves_a_loop(x):
    y = x * x
    for i in range(3):
        with insert_gradient_of(y) as d_y:
            if d_y[0] > 1.0:
                break
    return np.sum(y)


@refused("with inside a block of insert_gradient_of")
def that_is_nested(x):
    y = x * x
    with insert_gradient_of(y) as d_y:
        with insert_gradient_of(x) as d_x:
            d_x *= 2.0
    return np.sum(y)


@refused("scale is a variable of the function, and assigned in a block of insert_gradient_of", ABOUT, "another name")
def that_assigns(x):
    y = x * x
    with insert_gradient_of(y) as d_y:
        scale = 2.0
        d_y *= scale
    scale = 1.0
    return np.sum(y) * scale


@refused("x is a variable of the function, and assigned in a block of insert_gradient_of")
def that_updates_an_argument(x):
    y = x * x
    with insert_gradient_of(y) as d_y:
        x += d_y
    return np.sum(y)


@refused("y is a variable of the function, and assigned in a block of insert_gradient_of")
def that_hides_its_variable(x):
    y = x * x
    with insert_gradient_of(y) as y:
        y *= 2.0
    return np.sum(y)


@refused("writes into log in a block of insert_gradient_of", ABOUT, "write into a copy.")
def that_writes_through_a_view(x):
    y, log = x * x, np.zeros(3)
    with insert_gradient_of(y) as d_y:
        part = log[1:]
        part[0] = d_y[0]
    return np.sum(y)


@refused("writes into x in a block of insert_gradient_of")
def that_makes_an_argument_its_adjoint(x):
    y = x * x
    with insert_gradient_of(y) as d_y:
        d_y = x
        d_y *= 2.0
    return np.sum(y)


@refused("a list or dict of the function is changed in a block of insert_gradient_of", ABOUT)
def that_appends(x):
    y, log = x * x, [x]
    with insert_gradient_of(y) as d_y:
        log.append(d_y)
    return np.sum(y) + np.sum(log[0])


@refused("d_y is an array at the end of its block, and the adjoint of a number", "sum it up: np.sum.")
def that_leaves_an_array(x):
    y = np.sum(x * x)
    with insert_gradient_of(y) as d_y:
        d_y = d_y * x
    return y


@refused("d_y is None at the end of its block", "leave a number or an array in it.")
def that_leaves_nothing(x):
    y = np.sum(x * x)
    with insert_gradient_of(y) as d_y:
        d_y = None
    return y


@pytest.mark.parametrize("function, message, more", REFUSED, ids=[one[0].__name__ for one in REFUSED])
def test_refused(function, message, more):
    with pytest.raises(srcad.UnsupportedError) as caught:
        srcad.grad(function, target="python")(np.ones(3))
    text = str(caught.value)
    assert text.startswith(message + "\n") and "^^" in text
    for one in more:
        assert one in text


def test_refused_in_a_jacobian():
    with pytest.raises(srcad.UnsupportedError, match="S130: an inserted gradient in limited, whose Jacobian is taken"):
        srcad.jacobian(limited, target="python")(np.ones(3), 1.0)


def residual(z, p):
    r = z * z - p
    with insert_gradient_of(r) as d_r:
        d_r = 2.0 * d_r
    return r


def root(p):
    return srcad.implicit_root(residual, 1.0, p)


def test_refused_in_a_residual():
    with pytest.raises(srcad.UnsupportedError, match="S130: an inserted gradient in residual"):
        srcad.grad(root, target="python")(4.0)


@both
def test_another_shape_is_an_error_of_the_call(target):
    def f(x):
        y = x * x
        with insert_gradient_of(y) as d_y:
            d_y = d_y[1:]
        return np.sum(y)

    with pytest.raises(ValueError, match=r"d_y = d_y\[1:\]: a length of 2 does not fit into 3"):
        srcad.grad(f, target=target)(np.ones(3))


def test_what_the_block_binds_is_unknown_afterwards():
    def f(x):
        with insert_gradient_of(x) as d_x:
            half = 0.5
            d_x *= half
        return np.sum(x) * half

    with pytest.raises(srcad.UnsupportedError, match="S120: the name half is not defined"):
        srcad.grad(f, target="python")(np.ones(3))


def test_another_with_is_refused_as_before():
    def f(x):
        with insert_gradient_of(x) as a, insert_gradient_of(x) as b:
            a *= 2.0
        return np.sum(x)

    with pytest.raises(srcad.UnsupportedError, match="S105"):
        srcad.grad(f, target="python")(np.ones(3))


# ---- checks of gradients ---------------------------------------------------------------------------


def test_check_grad_says_that_it_is_meant():
    with pytest.raises(srcad.ArgumentError) as caught:
        srcad.check_grad(clipped, np.array([1.0, 2.0]), 1.0, target="python")
    text = str(caught.value)
    assert "with srcad.insert_gradient_of(y) as g:" in text
    assert "The block that is inserted here changes an adjoint, so it may differ on purpose." in text
    assert srcad.check_grad(clipped, np.array([1.0, 2.0]), 100.0, target="python").error < 1e-8


# ---- the corpus ------------------------------------------------------------------------------------


class _Inserting(ast.NodeTransformer):
    """After each assignment of a variable, a block that multiplies its adjoint by one."""

    def visit_Lambda(self, node):
        return node

    def generic_visit(self, node):
        super().generic_visit(node)
        for part in ("body", "orelse"):
            if isinstance(getattr(node, part, None), list) and not isinstance(node, ast.With):
                setattr(node, part, [s for one in getattr(node, part) for s in (one, *self.after(one))])
        return node

    def after(self, statement):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        if isinstance(statement, ast.For):
            return []
        while isinstance(target, ast.Subscript):
            target = target.value
        if not isinstance(target, ast.Name):
            return []
        return ast.parse(f"with _srcad.insert_gradient_of({target.id}) as d_q_:\n    d_q_ *= 1.0").body


def _with_blocks(function):
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    tree.body[0].decorator_list = []
    text = ast.unparse(ast.fix_missing_locations(_Inserting().visit(tree)))
    name = f"<{function.__name__} with blocks>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    names = {**function.__globals__, "_srcad": srcad}
    exec(compile(text, name, "exec"), names)
    return names[function.__name__]


def _is_a_definition(function):
    return isinstance(function, FunctionType) and function.__name__ != "<lambda>" and not function.__closure__


PROGRAMS = [case for case in all_cases() if _is_a_definition(case.function)][::20]


@pytest.mark.parametrize("case", PROGRAMS, ids=lambda case: case.name)
def test_blocks_that_change_nothing(case):
    """At every place of every program the block sees a whole adjoint, and leaves it where it was."""
    args = case.args
    try:
        with_blocks = srcad.value_and_grad(_with_blocks(case.function), case.wrt, target="python")(*copy.deepcopy(args))
    except srcad.UnsupportedError as error:
        assert "insert_gradient_of takes a number or an array" in str(error)
        return  # it assigns a list or a function
    expected = srcad.value_and_grad(case.function, case.wrt, target="python")(*copy.deepcopy(args))
    for found, right in zip(flatten(with_blocks)[0], flatten(expected)[0], strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-10, atol=1e-12)
