"""A text is made for types: where they come from before a call, and what it does with arguments of others.

The kind: a file, or `.compiled`, called with arguments it was not made for either refuses them or is right for them.
"""

import dataclasses
import typing
from typing import Annotated, NamedTuple, TypeVar

import numba
import numpy as np
import pytest
from numpy.typing import NDArray
from typing_extensions import TypeAliasType

import srcad
from srcad.errors import ArgumentError

plain = {"target": "python"}
T = TypeVar("T", bound=np.generic)
OF = TypeAliasType("OF", np.ndarray[tuple[int], np.dtype[T]], type_params=(T,))


def module_of(df, folder, name="made"):
    path = df.save(folder / f"{name}.py")
    scope = {"__name__": name}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    return scope


def saved(df, folder):
    scope = module_of(df, folder)
    ending = ("_grad", "_adjoint", "_jacobian")
    return next(value for name, value in scope.items() if name.endswith(ending) and not name.startswith("_"))


# ---- refused, or right ---------------------------------------------------------------------------

factor = np.array([2.0, 3.0, 5.0])


def total(x):
    return np.sum(x) ** 2


def scaled(s, x):
    return np.sum(s * x) ** 2


def rows(x):
    found = 0.0
    for row in x:
        found += np.sum(row) ** 2
    return found


def product(x, y):
    return np.sum((x * y + x) ** 2)


def stencil(x, y):
    return np.sum(x[1:-1] * y[1:-1])


def flattened(x):
    return np.sum(x.reshape(x.size)[1:4] ** 2) * x.size


def transposed(x):
    return np.sum(x.T.ravel()[:2] ** 2)


def along(x, axis):
    return np.sum(np.sum(x, axis=axis) ** 2)


def power(x, n):
    return x**n * (n // 2)


def chosen(x, flag):
    return x * x if flag else 3.0 * x


def layers(params, x):
    return np.sum(params["w"] * x + params["b"][0]) ** 2


def outside(x):
    return np.sum(factor * x) ** 2


MADE_FOR = [
    (total, (np.array([1.0, 2.0, 3.0]),)),
    (scaled, (2.0, np.array([1.0, 2.0, 3.0]))),
    (scaled, (np.array([1.0, 2.0, 3.0]), 2.0)),
    (rows, (np.arange(6.0).reshape(2, 3),)),
    (product, (np.arange(3.0), np.ones(3))),
    (product, (np.arange(3.0), np.ones(1))),
    (product, (np.arange(12.0), np.ones(12))),
    (stencil, (np.arange(12.0), np.ones(12))),
    (flattened, (np.arange(6.0).reshape(2, 3),)),
    (flattened, (np.asfortranarray(np.arange(6.0).reshape(2, 3)),)),
    (transposed, (np.arange(6.0).reshape(2, 3),)),
    (along, (np.arange(6.0).reshape(2, 3), 1)),
    (power, (1.5, 3)),
    (chosen, (1.5, True)),
    (layers, ({"w": np.arange(3.0), "b": (1.0,)}, np.ones(3))),
    (outside, (np.arange(3.0),)),
]


def others(value):
    """Arguments of other types than `value`, as like it as they come."""
    if isinstance(value, np.ndarray):
        yield from (value.astype(np.float32), value.astype(np.int64), value[None], value[0], 2.0, 2, None, [1.0, 2.0])
        yield from (np.asfortranarray(value), np.repeat(value, 2, axis=-1)[..., ::2], value[:1], value[:0])
        yield from (np.concatenate([value] * 12), np.array(2.0), value > 1.0, value.astype(complex))
    elif isinstance(value, bool):
        yield from (1, 0, np.bool_(False), not value, 2.5, np.ones(2), None)
    elif isinstance(value, int):
        yield from (value + 1, np.int64(value), np.int32(value), float(value), value > 0, np.array([value]), None)
    else:
        yield from (3, np.float32(1.5), np.float64(1.5), np.array([1.5, 2.5]), True, np.array(1.5), None, 1.5j)


def flat(result):
    result = result if isinstance(result, tuple) else (result,)
    return [leaf for one in result for leaf in srcad.dispatch.pytree.flatten(one)[0]]


@pytest.mark.parametrize("mode", ["grad", "value_and_grad"])
@pytest.mark.parametrize(("f", "args"), MADE_FOR, ids=lambda v: getattr(v, "__name__", ""))
def test_a_file_refuses_what_it_was_not_made_for_or_is_right_for_it(f, args, mode, tmp_path):
    df = getattr(srcad, mode)(f, **plain)
    right = flat(df(*args))
    function = saved(df, tmp_path)
    more = [factor] if f is outside else []
    given = [
        leaf for leaf in srcad.dispatch.pytree.flatten(args)[0] if f is not along or isinstance(leaf, np.ndarray)
    ] + more
    for have, want in zip(flat(function(*given)), right, strict=True):
        np.testing.assert_array_equal(have, want)
    refused = 0
    for at, value in enumerate(given):
        for other in others(value):
            changed = [*given[:at], other, *given[at + 1 :]]
            try:
                have = flat(function(*changed))
            except TypeError as error:
                assert str(error).startswith(f"{function.__name__} takes ")
                refused += 1
                continue
            except (ValueError, IndexError):  # lengths that do not fit, as the primal says
                continue
            if f in (layers, along, outside):  # another structure than that of a call
                assert type(other) is not list and np.ndim(other) == np.ndim(value)
                continue
            fresh = getattr(srcad, mode)(f, **plain)
            with np.errstate(all="ignore"):
                wanted = flat(fresh(*changed))
            for one, want in zip(have, wanted, strict=True):
                np.testing.assert_allclose(one, want, rtol=1e-12)
    assert refused >= 5 * len(given)


class Table:
    """What libraries of tables and tensors have: an array of one axis, which takes indices to mean labels."""

    ndim, dtype, shape = 1, np.dtype(np.float64), (3,)

    def __array__(self, dtype=None, copy=None):
        return np.arange(3.0)

    def __getitem__(self, at):
        return 0.0


def test_what_is_like_an_array_is_none(tmp_path):
    df = srcad.grad(total, **plain)
    df(np.ones(3))
    with pytest.raises(TypeError, match=r"total_grad takes x: float64\[:\]"):
        saved(df, tmp_path)(Table())


def test_what_does_not_matter_is_not_asked_for(tmp_path):
    def walked(x, y):
        found = 0.0
        for i in range(len(x)):
            found += x[i] * y
        return found

    df = srcad.grad(walked, **plain)
    df(np.arange(30.0), 2.0)
    function = saved(df, tmp_path)
    for x in (np.arange(3.0), np.arange(1.0), np.arange(0.0), np.arange(40.0)[::2]):
        np.testing.assert_array_equal(function(x, 2.0), np.full(len(x), 2.0))
    assert "takes   x         float64[:]\n        y         float64\n" in (tmp_path / "made.py").read_text()


def test_what_matters_is_said_and_asked_for(tmp_path):
    for f, args, said in (
        (stencil, (np.arange(12.0), np.ones(12)), "x         float64[:] where len(x) >= 9"),
        (product, (np.arange(3.0), np.ones(1)), "y         float64[:] where len(y) == 1"),
        (flattened, (np.arange(6.0).reshape(2, 3),), "x         float64[:, ::1]"),
        (along, (np.arange(6.0).reshape(2, 3), 1), "fixed   axis = 1"),
    ):
        df = srcad.grad(f, **plain)
        df(*args)
        assert said in df.save(tmp_path / "said.py").read_text()


def test_a_seed_and_buffers_are_asked_for_too(tmp_path):
    def double(x, y):
        for i in range(len(x)):
            y[i] = 2.0 * x[i]

    df = srcad.adjoint(double, ("x", "y"), **plain)
    x, y, d_x, d_y = np.ones(3), np.zeros(3), np.zeros(3), np.ones(3)
    df(x, y, d_x, d_y)
    function = saved(df, tmp_path)
    function(x, y, d_x, d_y)
    for wrong in (np.zeros(2), np.zeros((3, 1)), np.zeros(3, np.float32), 1.0):
        with pytest.raises(TypeError, match=r"double_adjoint takes (?s:.*)d_x: .* where d_x.shape == x.shape"):
            function(x, y, wrong, d_y)
    df = srcad.grad(total, **plain)
    df(np.ones(3))
    with pytest.raises(TypeError, match="total_grad takes"):
        saved(df, tmp_path)(np.ones(3), np.ones(3))


def test_a_buffer_lies_in_memory_as_its_array_does():
    def first_four(x, y):
        y[0] = np.sum(x.reshape(-1)[:4] ** 2)

    x, y, d_y = np.arange(6.0).reshape(2, 3), np.zeros(1), np.ones(1)
    with pytest.raises(ArgumentError, match="S309: the adjoint buffer d_x lies in memory in another order than x"):
        srcad.adjoint(first_four, ("x", "y"), **plain)(x, y, np.zeros((3, 2)).T, d_y)
    d_x = np.zeros((2, 3))
    srcad.adjoint(first_four, ("x", "y"), **plain)(x, y, d_x, np.ones(1))
    np.testing.assert_array_equal(d_x, [[0.0, 2.0, 4.0], [6.0, 0.0, 0.0]])


# ---- compiled --------------------------------------------------------------------------------------


def mixed(x, s):
    y = x
    for _ in range(2):
        y = y @ np.ones((2, 2)) + s
    return np.sum(y)


def test_compiled_code_asks_while_it_is_compiled(tmp_path):
    df = srcad.grad(mixed)
    x = np.arange(2.0)
    right = df(x, 0.5)
    file = saved(df, tmp_path)
    for inner in (file, df.compiled):

        @numba.njit
        def outer(x, s):
            return inner(x, s)  # noqa: B023

        np.testing.assert_array_equal(inner(x, 0.5), right)
        np.testing.assert_array_equal(outer(x, 0.5), right)
        wrong = ((2.0, 0.5), (x[None], 0.5), (x.astype(np.float32), 0.5), (x, 1))
        for args in wrong if inner is file else wrong[1:3]:
            for called in (inner, inner.py_func, outer)[: 3 if args is wrong[1] else 2]:
                with pytest.raises(TypeError, match=r"^mixed_grad takes x: float64\[:"):
                    called(*args)


def bound_in_a_branch(x, y):
    if x * y > 0.0:
        a = np.exp(x * y)
        w = a * np.sin(a) * x
    else:
        w = y
    return w * w


def test_names_that_one_branch_binds_are_compiled_behind_the_question(tmp_path):
    """Numba cannot evaluate a question while it compiles where such a name stands beside it."""
    df = srcad.grad(bound_in_a_branch, (0, 1))
    for args in ((0.5, 0.7), (-0.5, 0.7)):
        assert df(*args) == saved(df, tmp_path)(*args) == df.compiled(*args)


def test_the_gradient_of_what_was_made_is_right():
    def f(x):
        return np.sum(np.exp(x) * x)

    df = srcad.grad(f)
    x = np.array([0.1, 0.5, 2.0])
    df(x)
    again = srcad.jacobian(df.compiled, **plain)(x, 1.0)
    np.testing.assert_allclose(again, np.diag(np.exp(x) * (x + 2.0)), rtol=1e-12)


# ---- before any call -------------------------------------------------------------------------------


class Point(NamedTuple):
    x: float
    y: float


@dataclasses.dataclass
class Layer:
    w: "float64[:, :]"  # noqa: F722, F821
    b: float


class Named(typing.TypedDict):
    w: Annotated[np.ndarray, np.zeros((2, 3))]


def text_of(annotation, default=dataclasses.MISSING):
    def f(x, k):
        return k * 2.0

    f.__annotations__ = {"x": annotation, "k": float}
    if default is not dataclasses.MISSING:
        f.__defaults__ = (default, 1.0)
    if annotation is None:
        del f.__annotations__["x"]
    return srcad.grad(f, "k", **plain).source


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (float, "x         float64\n"),
        ("float", "x         float64\n"),
        (int, "x         int64\n"),
        (bool, "x         bool\n"),
        (np.float32, "x         float32\n"),
        ("np.int32", "x         int32\n"),
        ("float64[:, :]", "x         float64[:, :]\n"),
        ("float64[:, ::1]", "x         float64[:, ::1]\n"),
        ("float32[::1, :]", "x         float32[::1, :]\n"),
        (numba.int64[:], "x         int64[:]\n"),
        (Annotated[np.ndarray, "float64[:, ::1]"], "x         float64[:, ::1]\n"),
        ("Annotated[np.ndarray, 'float64[::1]']", "x         float64[::1]\n"),
        (Annotated[NDArray[np.float64], "the input", numba.float64[:, :, :]], "x         float64[:, :, :]\n"),
        (Annotated[NDArray[np.float64], np.zeros((3, 4))], "x         float64[:, ::1]\n"),
        (np.ndarray[tuple[int, int], np.dtype[np.float32]], "x         float32[:, :]\n"),
        (TypeAliasType("Row", np.ndarray[tuple[int], np.dtype[np.float64]]), "x         float64[:]\n"),
        (OF[np.float32], "x         float32[:]\n"),
        (tuple[float, int], "x_0       float64\n        x_1       int64\n"),
        (Point, "x_x       float64\n        x_y       float64\n"),
        (Layer, "x_w       float64[:, :]\n        x_b       float64\n"),
        (Named, "x_w       float64[:, ::1]\n"),
    ],
)
def test_annotations_that_say_the_type(annotation, said):
    assert said in text_of(annotation)


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (None, "x has no annotation."),
        (np.ndarray, "x: np.ndarray says neither dtype nor rank."),
        ("np.ndarray", "x: np.ndarray says neither dtype nor rank."),
        (NDArray[np.float64], "x: an NDArray has no rank."),
        ("NDArray[np.float64]", "x: an NDArray has no rank."),
        (np.ndarray[tuple[int, int], np.dtype[np.floating]], "x: floating is several types."),
        (list[float], "x: list does not say it."),
        (tuple[float, ...], "x: tuple does not say it."),
        (dict, "x: dict does not say it."),
        (object, "x: object does not say it."),
        (float | None, "does not say it."),
        ("a b c", "x: a b c is no type that Numba reads."),
        ("Vector", "x: Vector is no type that Numba reads."),
        (Annotated[np.ndarray, "the input"], "x: np.ndarray says neither dtype nor rank."),
    ],
)
def test_annotations_that_do_not_are_asked_about(annotation, said):
    with pytest.raises(ArgumentError, match="S316: nobody has said of what type x of f is") as caught:
        text_of(annotation)
    assert said in str(caught.value)
    for way in ('x: "float64[:, :]"', "source_for(*args)", "a signature"):
        assert way in str(caught.value)


def test_a_default_says_its_type():
    assert "x         float64[:, ::1]\n" in text_of(None, np.zeros((2, 2)))
    assert "x         float64[:, ::1]\n" in text_of(np.ndarray, np.zeros((2, 2)))
    assert "x         int64[:]\n" in text_of("int64[:]", None)


def test_a_generated_text_says_its_types(tmp_path):
    def f(x, n, w):
        return np.sum(x[0] * n) * w[0, 0]

    args = np.ones((2, 1)), 3, np.ones((2, 3), dtype=np.float32)
    text = srcad.grad(f, **plain).source_for(*args)
    path = tmp_path / "f_grad.py"
    df = srcad.grad(f, **plain)
    df.source_for(*args)
    df.save(path)
    for again in (srcad.jit(text, **plain), srcad.load(path, **plain)):
        assert "takes   x         float64[:, :" in again.source
        assert "\n        n         int64\n        w         float32[:, :" in again.source
    with pytest.raises(ArgumentError, match="S316"):
        srcad.jit(text.replace("generated by srcad", "written by hand"), **plain).source  # noqa: B018


def test_everything_that_needs_types_asks_for_them(tmp_path):
    def f(x, y, z: float):
        return np.sum(x * y) * z

    df = srcad.grad(f, **plain)
    for ask in (lambda: df.source, lambda: df.compiled, lambda: df.save(tmp_path / "f.py")):
        with pytest.raises(ArgumentError, match="S316: nobody has said of what type x and y of f are"):
            ask()
    assert not (tmp_path / "f.py").exists()
    assert "S316" in df._repr_html_() and repr(df) == "<srcad: gradient of f with respect to x>"
    df.source_for(np.ones(2), np.ones(2), 1.0)
    assert "x         float64[::1]" in df.source and df.save(tmp_path / "f.py").exists()
    assert "S316" not in df._repr_html_()


def test_the_value_of_what_decides_the_text_is_asked_for():
    def f(x: "float64[:, :]", axis: int, k: int = 1):  # noqa: F821
        return np.sum(np.sum(x, axis=axis) ** 2) * k

    with pytest.raises(ArgumentError, match="S316: nobody has said what axis of f is, on which the text depends"):
        _ = srcad.grad(f, **plain).source
    f.__defaults__ = (0, 1)
    assert "fixed   axis = 0\n" in srcad.grad(f, **plain).source


def test_repr_html_never_raises():
    class Odd:
        def __repr__(self):
            raise RuntimeError

    def refused(x: float):
        try:
            return x
        except ValueError:
            return 0.0

    for f in (refused, eval("lambda x: x", {}), lambda x: x["a"], Odd().__init__):
        try:
            df = srcad.grad(f)
        except srcad.SrcadError:
            continue
        assert df._repr_html_().startswith("<p>")


def test_every_pair_of_layouts_is_made_or_refused(tmp_path):
    """What was made for one layout, called with each other."""
    x = np.arange(12.0).reshape(3, 4)
    forms = [x, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x[::-1], x.T.copy().T]
    df = srcad.grad(flattened, **plain)
    right = [df(form) for form in forms]
    for made in forms:
        one = srcad.grad(flattened, **plain)
        one(made)
        function = saved(one, tmp_path)
        for given, want in zip(forms, right, strict=True):
            try:
                np.testing.assert_array_equal(function(given), want)
            except TypeError:
                assert given is not made
