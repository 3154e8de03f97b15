"""The text that is read is that of the very function called, with the file's own lines and columns."""

import functools
import importlib.util
import math
import os
import sys

import gast
import numba
import numpy as np
import pytest

from srcad.errors import UnsupportedError
from srcad.frontend.source.read import read, span


def text_of(function):
    return gast.unparse(read(function).tree)


def returned(function):
    """The source text below the span of the first `return`'s value."""
    source = read(function)
    node = next(n for n in gast.walk(source.tree) if isinstance(n, gast.Return)).value
    place = span(source, node)
    assert place.line == place.end_line
    return place.text[place.column : place.end_column]


def plain(x, y=2.0, *, z=3.0):
    return x * y + z


def test_plain_function():
    source = read(plain)
    assert source.name == source.qualname == source.tree.name == "plain"
    assert source.defaults == {"y": 2.0, "z": 3.0}
    assert source.file == os.path.abspath(__file__)
    assert source.lines[source.tree.lineno - 1] == "def plain(x, y=2.0, *, z=3.0):"
    assert source.globals is globals()
    assert returned(plain) == "x * y + z"


def test_span_is_true_to_the_file():
    # fmt: off
    def indented(x):
        return (
            x
            + 1.0
        )
    # fmt: on

    source = read(indented)
    place = span(source, source.tree.body[0].value)
    assert place.text.strip() == "x"
    assert (place.line, place.column) == (indented.__code__.co_firstlineno + 2, 12)
    assert (place.end_line, place.end_column) == (place.line + 1, 17)


def test_columns_count_characters():
    def greek(β):
        return [β, β + 1.0][1]

    source = read(greek)
    node = source.tree.body[0].value.value.elts[1]
    place = span(source, node)
    assert place.text[place.column : place.end_column] == "β + 1.0"


def test_inner_function_and_closure():
    scale = 3.0

    def inner(x):
        return scale * x

    source = read(inner)
    assert source.closure["scale"].cell_contents == 3.0
    assert source.name == "inner"
    assert returned(inner) == "scale * x"


def test_lambdas_on_one_line():
    f, g, h = lambda x: x + 1.0, lambda x: x * 2.0, lambda x: (lambda y: x * y)(2.0)
    assert [returned(f), returned(g), returned(h)] == ["x + 1.0", "x * 2.0", "(lambda y: x * y)(2.0)"]
    pair = [lambda x: x, lambda x: x]  # alike: told apart by their columns
    if sys.version_info >= (3, 11):
        nodes = [read(f).tree for f in pair]
        assert nodes[0].col_offset < nodes[1].col_offset


def test_lambda_is_a_function_of_one_return():
    square = lambda x, k=2: x**k  # noqa: E731
    source = read(square)
    assert isinstance(source.tree, gast.FunctionDef)
    assert source.name == source.tree.name == "square"
    assert source.defaults == {"k": 2}
    assert read((lambda: lambda x: x)()).name == "lambda_"


def test_lambda_in_an_argument_over_several_lines():
    def apply(f, *more):
        return f, more

    f, (g,) = apply(lambda x: x + 1.0, lambda x: x + 2.0)
    assert text_of(g).endswith("return x + 2.0")
    assert text_of(f).endswith("return x + 1.0")


def test_const_decides_between_lookalikes():
    made = [lambda x: x + 1, lambda x: x + 1.0, lambda x: x + True]
    assert [returned(f) for f in made] == ["x + 1", "x + 1.0", "x + True"]


class Model:
    def __init__(self):
        self.w = 2.0

    def method(self, x):
        return self.w * x

    @staticmethod
    def static(x):
        return x + 1.0

    @classmethod
    def of_class(cls, x):
        return x - 1.0


def test_methods():
    assert returned(Model().method) == returned(Model.method) == "self.w * x"
    assert returned(Model.static) == returned(Model.__dict__["static"]) == "x + 1.0"
    assert returned(Model.of_class) == "x - 1.0"
    assert read(Model.method).qualname == "Model.method"


@numba.njit
def compiled(x):
    return x * x


def test_numba_dispatcher():
    assert returned(compiled) == "x * x"
    assert read(compiled).function is compiled.py_func
    assert read(compiled).tree.decorator_list == []


def test_a_wrapper_is_read_as_itself():
    def doubled(f):
        @functools.wraps(f)
        def wrapper(x):
            return 2.0 * f(x)

        return wrapper

    @doubled
    def cube(x):
        return x**3

    assert returned(cube) == "2.0 * f(x)"
    assert read(cube).name == "cube"
    assert read(cube).closure["f"].cell_contents(2.0) == 8.0


@functools.lru_cache
def cached(x):
    return x - 3.0


def test_lru_cache():
    assert returned(cached) == "x - 3.0"


def test_function_with_an_assert_under_pytest():
    def checked(x):
        assert x > 0.0
        return x

    assert "assert x > 0.0" in text_of(checked)


def test_default_and_decorator_lambdas():
    def noted(note):
        return lambda f: f

    @noted(lambda x: x + 5.0)
    def target(x, g=lambda x: x + 6.0):
        return g(x)

    assert returned(target) == "g(x)"
    assert returned(read(target).defaults["g"]) == "x + 6.0"


@pytest.mark.parametrize("function", [math.sin, np.tanh, len, [].append, float, functools.partial(plain, 1.0), 3.0])
def test_no_python_source(function):
    with pytest.raises(UnsupportedError) as caught:
        read(function)
    assert caught.value.problems[0].code == "S101"


def test_error_text_of_c_function():
    with pytest.raises(UnsupportedError) as caught:
        read(math.sin)
    assert str(caught.value) == (
        "srcad error S101: math.sin has no Python source\n"
        "\n"
        "  It is compiled code (C, Cython or a ufunc): there is no text to differentiate.\n"
        "\n"
        "  You can: write it in Python and NumPy, or write a rule for it (help(srcad.rules) says how)."
    )


def test_exec_without_text():
    space = {}
    exec("def made(x):\n    return x\n", space)
    with pytest.raises(UnsupportedError, match=r"srcad error S101: made has no source that can be read"):
        read(space["made"])


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def edit(path, text):
    path.write_text(text)
    os.utime(path, (1.0, path.stat().st_mtime + 10.0))  # a new time even where the clock is coarse


def test_file_changed(tmp_path):
    path = tmp_path / "changing.py"
    path.write_text("def f(x):\n    return 2.0 * x\n\n\ndef g(x):\n    return 4.0 * x\n")
    module = load(path)
    edit(path, "# a new first line\ndef f(x):\n    return 3.0 * x\n\n\ndef g(x):\n    return 4.0 * x\n")
    with pytest.raises(UnsupportedError, match="srcad error S102: f is no longer what its file says"):
        read(module.f)
    source = read(module.g)  # only moved: read at its new place
    assert source.lines[source.tree.lineno - 1] == "def g(x):"
    assert returned(module.g) == "4.0 * x"


def test_same_text_in_two_files(tmp_path):
    text = "def f(x):\n    return x\n"
    (tmp_path / "one.py").write_text(text)
    (tmp_path / "two.py").write_text(text)
    one, two = load(tmp_path / "one.py"), load(tmp_path / "two.py")
    assert read(one.f).file.endswith("one.py")
    assert read(two.f).file.endswith("two.py")


def test_syntax_error_in_the_edited_file(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def f(x):\n    return x\n")
    module = load(path)
    edit(path, "def f(x:\n    return x\n\n")
    with pytest.raises(UnsupportedError, match="S102"):
        read(module.f)


def test_one_line_functions(tmp_path):
    path = tmp_path / "short.py"
    path.write_text(
        "from __future__ import annotations\n"
        "def f(x): pass; return x\n"
        "def g(x: missing): return (lambda: x)()\n"
        "def h(): pass\n"
        "def k(x):\n    '''Doc.'''\n    if x: pass\n    else: pass\n    while x: break\n"
        "class C:\n    def f(self): return self\n    f2 = lambda self: self.__hidden\n"
    )
    module = load(path)
    for function in (module.f, module.g, module.h, module.k, module.C.f, module.C.f2):
        read(function)


def test_reading_twice_parses_once():
    assert read(plain).tree is read(plain).tree


def test_numpy_and_library_functions():
    assert read(np.linalg.norm.__wrapped__).name == "norm"
    assert read(functools.reduce if hasattr(functools.reduce, "__code__") else functools.wraps).tree.body


def given(*values):
    """A decorator that keeps what it was given."""

    def register(function):
        function.values = values
        return function

    return register


@given(lambda t: t * 3.0)
def decorated_by_a_lambda(t):
    return t + 1.0


def test_a_lambda_among_the_decorators_is_itself():
    (tripled,) = decorated_by_a_lambda.values
    assert returned(tripled) == "t * 3.0"
    assert returned(decorated_by_a_lambda) == "t + 1.0"
