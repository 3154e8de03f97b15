"""What a call promises: structures, kinds, errors, files. Most run as plain Python, which is fast."""

import linecache
import math
import os
import pickle
import subprocess
import sys
import time
import timeit
from collections import namedtuple
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError, CompileError, DerivativeError, SrcadError

Pair = namedtuple("Pair", "x y")
plain = {"target": "python"}
scale = 2.0
table = [1.0, np.array([2.0, 3.0])]
mode = "square"


@dataclass(frozen=True)
class Model:
    w: object
    b: object


def square(x):
    return x * x


def weighted(x, w, n=2):
    return np.sum(w * x) * n


def nested(p):
    return np.sum(p["m"].w * p["m"].b) + p["pair"].x * p["pair"].y + p["list"][0] * 3.0


def with_aux(x, y):
    return np.sum(x * y), {"twice": x * 2.0, "name": "aux", "sum": np.sum(x)}


def overwrites(x, y):
    x[0] = y[1] * x[0]
    return np.sum(x * y)


def uses_globals(x):
    if mode == "square":
        return scale * x * x + table[0] * np.sum(table[1])
    return scale * x


def annotated(x: "float64[::1]", k: float, n: int) -> float:  # noqa: F821
    total = 0.0
    for i in range(n):
        total += k * x[i]
    return total


# ---- what comes back ---------------------------------------------------------------------------


def test_kinds_of_scalars():
    df = srcad.grad(square, **plain)
    for x in (3.0, 3, np.float64(3.0), np.float32(3.0), np.array(3.0), np.array(3.0, np.float32)):
        got = df(x)
        assert got == 6.0
        assert type(got) is (float if isinstance(x, int) else type(x))


def test_argnums_by_position_name_and_tuple():
    x, w = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(srcad.grad(weighted, **plain)(x, w), 2 * w)
    np.testing.assert_array_equal(srcad.grad(weighted, "w", **plain)(x, w), 2 * x)
    np.testing.assert_array_equal(srcad.grad(weighted, 1, **plain)(x, w=w, n=3), 3 * x)
    d_w, d_x = srcad.grad(weighted, ("w", 0), **plain)(x, w)
    np.testing.assert_array_equal(d_w, 2 * x)
    np.testing.assert_array_equal(d_x, 2 * w)
    (only,) = srcad.grad(weighted, (1,), **plain)(x, w)
    np.testing.assert_array_equal(only, 2 * x)
    assert srcad.grad(weighted, "n", **plain)(x, w, 2) == 11.0


def test_the_gradient_has_the_structure_of_the_argument():
    p = {
        "m": Model(np.array([1.0, 2.0], np.float32), np.array([3.0, 4.0])),
        "pair": Pair(5.0, np.array(6.0)),
        "list": [7, np.ones(2)],
    }
    value, g = srcad.value_and_grad(nested, **plain)(p)
    assert value == 1 * 3 + 2 * 4 + 30 + 21
    assert list(g) == ["m", "pair", "list"]
    assert isinstance(g["m"], Model) and g["m"].w.dtype == np.float32 and g["m"].b.dtype == np.float64
    np.testing.assert_array_equal(g["m"].w, [3.0, 4.0])
    assert g["pair"].x == 6.0 and isinstance(g["pair"].y, np.ndarray) and g["pair"].y == 5.0
    assert g["list"][0] == 3.0
    np.testing.assert_array_equal(g["list"][1], np.zeros(2))  # independent


def test_aux():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    (value, aux), g = srcad.value_and_grad(with_aux, has_aux=True, **plain)(x, y)
    assert value == 11.0 and aux["name"] == "aux" and aux["sum"] == 3.0
    np.testing.assert_array_equal(aux["twice"], [2.0, 4.0])
    np.testing.assert_array_equal(g, y)
    g, aux = srcad.grad(with_aux, has_aux=True, **plain)(x, y)
    np.testing.assert_array_equal(g, y)
    assert list(aux) == ["twice", "name", "sum"]


def test_arguments_are_never_modified_and_overlap_is_an_error():
    df = srcad.grad(overwrites, (0, 1), **plain)
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    first, second = df(x, y)
    np.testing.assert_array_equal(x, [1.0, 2.0])
    np.testing.assert_array_equal(first, [12.0, 4.0])
    np.testing.assert_array_equal(second, [4.0, 2.0 + 3.0])
    with pytest.raises(ArgumentError, match="srcad error S308: x and y overlap"):
        df(x, x)
    both = np.arange(4.0)
    with pytest.raises(ArgumentError, match="S308"):
        df(both[:2], both[1:3])
    df(both[:2], both[2:])  # side by side is no overlap


def written_to(x):
    x[0] = 2.0 * x[1]
    return np.sum(x)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_a_read_only_argument_that_is_written_to_is_an_error(target):
    x = np.ones(2)
    x.setflags(write=False)
    with pytest.raises(ArgumentError, match="srcad error S317: x is read-only"):
        srcad.jit(written_to, target=target)(x)
    with pytest.raises(ArgumentError, match="S317"):
        srcad.adjoint(written_to, target=target)(x, np.ones(2))
    # a gradient is of values, and works on a copy
    assert srcad.grad(written_to, target=target)(x).tolist() == [0.0, 3.0]


def test_an_argument_that_overlaps_itself_is_an_error_where_it_is_written_to():
    def scaled(m):
        m[0] *= 2.0
        return np.sum(m) * m[1, 0]

    gradient = srcad.grad(scaled, target="python")
    with pytest.raises(ArgumentError, match="S308: m may overlap itself"):
        gradient(np.lib.stride_tricks.as_strided(np.arange(4.0), (3, 2), (8, 8)))
    m = np.arange(24.0).reshape(4, 6)[::2, ::-2]
    np.testing.assert_allclose(gradient(m), gradient(m.copy()))
    assert gradient(m.T).shape == (3, 2)


def test_an_argument_used_twice_is_no_overlap_where_nothing_is_written():
    x = np.array([1.0, 2.0])
    d_x, d_w = srcad.grad(weighted, (0, 1), **plain)(x, x)
    np.testing.assert_array_equal(d_x, d_w)


def test_globals_are_read_at_each_call(monkeypatch):
    df = srcad.grad(uses_globals, **plain)
    here = sys.modules[__name__]
    assert df(3.0) == 12.0
    monkeypatch.setattr(here, "scale", 5.0)
    assert df(3.0) == 30.0
    monkeypatch.setattr(here, "scale", np.float32(5.0))  # another type: another specialisation
    assert df(3.0) == 30.0
    monkeypatch.setattr(here, "mode", "linear")
    assert df(3.0) == 5.0
    monkeypatch.setattr(here, "mode", "square")
    assert df(3.0) == 30.0


def test_closures_are_read_at_each_call():
    factor = 2.0

    def f(x):
        return factor * x

    df = srcad.grad(f, **plain)
    assert df(1.0) == 2.0
    factor = 7.0
    assert df(1.0) == 7.0


def test_partial_lambda_and_methods():
    x, w = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(srcad.grad(partial(weighted, x), **plain)(w), 2 * x)
    np.testing.assert_array_equal(srcad.grad(partial(weighted, n=3), **plain)(x, w), 3 * w)
    assert srcad.grad(lambda t: t**3, **plain)(2.0) == 12.0


# ---- what is refused ---------------------------------------------------------------------------


def vector(x):
    return 2.0 * x


def counted(x):
    return int(x)


def test_outputs_that_have_no_gradient():
    with pytest.raises(DerivativeError, match="S201"):
        srcad.grad(vector, **plain)(np.ones(3))
    with pytest.raises(DerivativeError, match="S202"):
        srcad.grad(counted, **plain)(1.0)
    with pytest.raises(DerivativeError, match="S201"):
        srcad.grad(with_aux, **plain)(np.ones(2), np.ones(2))


def test_arguments_that_are_refused():
    with pytest.raises(ArgumentError, match="S301: x is an array of int64"):
        srcad.grad(weighted, **plain)(np.arange(2), np.ones(2))
    with pytest.raises(ArgumentError, match="S306"):
        srcad.grad(square, **plain)()
    with pytest.raises(ArgumentError, match="S307"):
        srcad.grad(square, 1)
    with pytest.raises(ArgumentError, match="S307"):
        srcad.grad(square, "z")
    with pytest.raises(ArgumentError, match="S310: there is no option 'fast'"):
        srcad.grad(square, fast=True)
    with pytest.raises(ArgumentError, match="S310"):
        srcad.grad(square, target="gpu")
    for second in (0, 1):
        with pytest.raises(ArgumentError, match="S310: has_aux is True or False"):
            srcad.grad(weighted, 0, second)
    with pytest.raises(SrcadError, match="S101"):
        srcad.grad(math.sin)(1.0)


# ---- the text ----------------------------------------------------------------------------------


def test_source_before_any_call_is_of_the_annotated_types():
    df = srcad.grad(annotated, ("x", "k"))
    assert "def annotated_grad(x, k, n, d_result=1.0):" in df.source
    assert "np.zeros_like(x)" in df.source
    with pytest.raises(ArgumentError, match="S316: nobody has said of what type x of square is"):
        _ = srcad.grad(square).source


def test_names_of_leaves_in_the_text():
    text = srcad.grad(lambda params, x: np.sum(params["W"][0] * x), **plain).source_for({"W": [np.ones(2)]}, np.ones(2))
    assert "(params_W_0, x, d_result=1.0):" in text
    assert "wrt     params_W_0" in text


def test_the_text_is_in_a_real_file_of_a_private_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path / "cache"))
    df = srcad.grad(lambda x: x * x * x, **plain)
    df(2.0)
    (file,) = (tmp_path / "cache").glob("*.py")
    assert file.read_text() == df.source
    assert oct((tmp_path / "cache").stat().st_mode)[-3:] == "700"
    assert linecache.getline(str(file), 1).startswith('"""Gradient of')
    # the same text, but for a question
    assert os.path.dirname(df.compiled.__code__.co_filename) == str(file.parent)
    assert not [name for name in os.listdir(tmp_path / "cache") if name.startswith(".draft")]


def test_saved_files_need_no_srcad(tmp_path):
    df = srcad.grad(annotated, ("x", "k"))
    path = df.save(tmp_path / "annotated_grad.py")
    code = (
        "import sys, numpy as np; sys.modules['srcad'] = None; sys.path.insert(0, '.')\n"
        "from annotated_grad import annotated_grad as g\n"
        "d_x, d_k = g.py_func(np.ones(3), 2.0, 3); assert list(d_x) == [2.0] * 3 and d_k == 3.0"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=path.parent)


def test_repr_html_and_pickle():
    df = srcad.grad(weighted, ("x", "w"), **plain)
    assert repr(df) == "<srcad: gradient of weighted with respect to x, w>"
    assert "&lt;srcad" in df._repr_html_() and "<pre>" in df._repr_html_()
    again = pickle.loads(pickle.dumps(df))
    assert again(np.ones(2), np.ones(2))[0].tolist() == [2.0, 2.0]


# ---- compiled ----------------------------------------------------------------------------------


def test_compiled_gradient_and_its_dispatcher():
    import numba

    df = srcad.grad(weighted, ("x", "w"))
    x, w = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    d_x, d_w = df(x, w)
    np.testing.assert_array_equal(d_x, 2 * w)
    inner = df.compiled
    assert isinstance(inner, numba.core.dispatcher.Dispatcher)

    @numba.njit
    def outer(x, w):
        return inner(x, w, 2)[1]

    np.testing.assert_array_equal(outer(x, w), 2 * x)
    arguments = x, w
    df(*arguments)
    ours = min(timeit.repeat(lambda: df(*arguments), number=2000, repeat=5)) / 2000
    bare = min(timeit.repeat(lambda: inner(x, w, 2), number=2000, repeat=5)) / 2000
    assert ours - bare < 40e-6  # about 5 on an idle machine


def test_jit_is_the_function_itself():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    value, aux = srcad.jit(with_aux)(x, y)
    assert value == 11.0 and aux["name"] == "aux"
    np.testing.assert_array_equal(aux["twice"], [2.0, 4.0])


def test_a_failure_of_numba_shows_the_generated_line(tmp_path):
    from srcad.backend.modules.import_module import load
    from srcad.backend.numba import compilation
    from srcad.options import Options

    file = tmp_path / "wrong.py"
    file.write_text("def f(x):\n    y = x + 1\n    return y.no_such_thing\n")
    with pytest.raises(CompileError, match=r"S501: (?s:.*)3 \|     return y\.no_such_thing"):
        compilation.prepare(compilation.compiled(load(file).f, Options(cache=False)), (1.0,))


# ---- check_grad --------------------------------------------------------------------------------


def test_check_grad():
    x, w = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    found = srcad.check_grad(weighted, x, w, argnums=("x", "w"), **plain)
    assert found.entries == 4 and found.error < 1e-9
    assert "4 entries compared; they differ most at" in str(found)


def test_check_grad_finds_what_is_wrong():
    def stopped(x):
        return np.sum(x * srcad.stop_gradient(x))

    with pytest.raises(ArgumentError, match=r"S312(?s:.*)differ most at x\[1\]: reverse 2, differences 4"):
        srcad.check_grad(stopped, np.array([1e-9, 2.0]), **plain)


def test_import_is_cheap():
    code = "import sys, srcad; assert not {'numba', 'typer', 'rich'} & set(sys.modules)"
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    assert time.perf_counter() - begin < 5.0


# ---- procedure style ---------------------------------------------------------------------------


def scaled(x, k, y):
    for i in range(x.size):
        y[i] = k * x[i] * x[i]
        x[i] = 0.5 * x[i]


def test_adjoint_of_a_kernel():
    run = srcad.adjoint(scaled, ("x", "k", "y"), **plain)
    x, y, d_x, d_y = np.array([1.0, 2.0]), np.zeros(2), np.array([10.0, 20.0]), np.array([1.0, 3.0])
    assert run(x, 3.0, y, d_x, d_y) == 1.0 * 1 + 3.0 * 4
    np.testing.assert_array_equal(x, [0.5, 1.0])  # as the function leaves them
    np.testing.assert_array_equal(y, [3.0, 12.0])
    np.testing.assert_array_equal(d_x, [5.0 + 6.0, 10.0 + 36.0])
    np.testing.assert_array_equal(d_y, [0.0, 0.0])
    assert "def scaled_adjoint(x, k, y, d_x, d_y):" in run.source


def test_adjoint_buffers_are_checked():
    run = srcad.adjoint(scaled, ("x", "y"), **plain)
    x, y = np.ones(2), np.ones(2)
    for buffers, code in (
        ((np.ones(2),), "S309: the adjoint buffer d_y is missing"),
        ((np.ones(3), np.ones(2)), "S309"),
        ((np.ones(2), np.ones(2, np.float32)), "S309"),
        ((x, np.ones(2)), "S308"),
        ((np.ones(2), np.ones(2), 1.0, 2.0), "S306"),
    ):
        with pytest.raises(ArgumentError, match=code):
            run(x, 1.0, y, *buffers)


def test_an_array_may_be_long_in_one_call_and_short_in_the_next() -> None:
    """Of a long array it is known that x[1:-1] does not broadcast; of one of three items it is not so."""

    def f(x, y):
        return np.sum(x[1:-1] * y)

    df = srcad.grad(f, (0, 1))
    for n, m in ((12, 10), (3, 10), (3, 1), (12, 1), (9, 7), (8, 6)):
        x, y = np.arange(1.0, n + 1), np.arange(2.0, m + 2)
        d_x, d_y = df(x, y)
        inner = np.broadcast_to(y, np.broadcast_shapes((n - 2,), (m,)))
        want = np.zeros(n)
        want[1:-1] = inner if inner.shape == (n - 2,) else inner.sum()
        np.testing.assert_allclose(d_x, want)
        np.testing.assert_allclose(d_y, np.broadcast_to(x[1:-1], inner.shape) if m > 1 else [x[1:-1].sum()])
    with pytest.raises(ValueError, match=r"x\[1:-1\] \* y: lengths 10 and 9 do not fit"):
        df(np.ones(12), np.ones(9))
