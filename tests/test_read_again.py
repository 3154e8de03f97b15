"""What srcad writes, srcad reads: every sixth program of the corpus (all of them: `python -m tests.read_again`)."""

import copy
import inspect

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError
from tests import read_again
from tests.programs.registry import all_cases

pytestmark = pytest.mark.one_in(10, least=3)

SAMPLE = all_cases()[::6]
SCALE = 1.5
WEIGHTS = np.array([0.3, 1.1, -0.4])
LIMIT = np.array([3])


@pytest.mark.parametrize("case", SAMPLE, ids=[case.name for case in SAMPLE])
def test_same_numbers(case) -> None:
    assert not read_again.difference(case)


def test_the_comparison_sees_a_difference() -> None:
    assert not read_again.same([1.0, np.ones(2)], [1.0, np.array([1.0, 1.0 + 1e-9])])
    assert not read_again.same([np.ones(2)], [np.ones(2, dtype="float32")])
    assert not read_again.same([1.0], ValueError)


def captured(x, k):
    total = 0.0
    for i in range(LIMIT[0]):
        total += k * np.sum(SCALE * WEIGHTS * x) ** i
    return total


@pytest.mark.parametrize("k", [2, np.int64(2), 2.0, np.float64(2.0), np.float32(2.0)], ids=repr)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_captured_values_and_numpy_scalars(k, dtype) -> None:
    x = np.array([0.5, 2.0, 0.25], dtype=dtype)
    wrt = "x" if isinstance(k, int | np.integer) else ("x", "k")
    df = srcad.value_and_grad(captured, wrt)
    called = read_again.numbers(srcad.value_and_grad(captured, wrt, target="python")(x, k))
    source = df.source_for(x, k)
    want = read_again.function_of(source)(x, k, LIMIT, SCALE, WEIGHTS)
    assert all(map(np.allclose, called, read_again.numbers(want)))  # what is called rounds to the dtype of k
    for text in (source, df.specialisation(x, k).shipment().text):
        got = srcad.jit(text, target="python")(x, k, LIMIT, SCALE, WEIGHTS)
        assert read_again.same(read_again.numbers(want), read_again.numbers(got)), text


def bounded(x, labels):
    total = 0.0
    for i in range(labels.shape[0]):
        total += x[labels[i, 0]] * x[labels[i, 1]] * x[labels[i, 0]]
    return total


def test_messages_survive() -> None:
    """The element that a message shows has been read just before, in the condition."""
    x, labels = np.arange(4.0), np.array([[0, 1], [3, 2], [1, 9]])
    with pytest.raises(IndexError) as first:
        srcad.grad(bounded, target="python")(x, labels)
    text = srcad.grad(bounded, target="python").source_for(x, labels)
    for target in ("python", "cpu"):
        with pytest.raises(IndexError) as again:
            srcad.jit(text, target=target)(x, labels)
        assert str(again.value) == str(first.value) != ""


def shown_unread(x, labels, k):
    for i in range(labels.shape[0]):
        if labels[i, 0] >= 3:
            raise ValueError(f"{labels[k, 1]} is too much")
    return np.sum(x)


def shown_overwritten(x, labels, k):
    for i in range(labels.shape[0]):
        most = labels[k, 1]
        labels[k, 1] = 7
        if most >= 3:
            raise ValueError(f"not {labels[k, 1]}")
    return np.sum(x)


@pytest.mark.parametrize(("function", "k"), [(shown_unread, 1), (shown_unread, 5), (shown_overwritten, 1)])
def test_a_message_that_reads_what_was_not_read(function, k) -> None:
    """It is that of the function itself, or none: what an element was before a store is never shown."""
    labels = np.array([[0, 1], [3, 5]])
    read = srcad.jit(function, target="python")
    with pytest.raises((ValueError, IndexError)) as wanted:
        function(np.ones(2), labels.copy(), k)
    with pytest.raises(type(wanted.value)) as caught:
        read(np.ones(2), labels, k)
    assert str(caught.value) in (str(wanted.value), "")


# ---- gradients of gradients, by way of the text ---------------------------------------------------


def of_all_outputs(case):
    """A sum of sines of all that the gradient of a program gives, as one text; its flat arguments and active names."""
    df = srcad.grad(case.function, case.wrt, target="python")
    one = df.specialisation(*case.args)
    flat = one.flat(read_again.flatten(df._parameters.values(case.args, {}))[0])
    function = one.generated.function
    names = [param.name for param in function.params][: len(flat)]
    given = read_again.numbers(read_again.function_of(one.text)(*copy.deepcopy(flat)))
    parts = ["given"] if len(given) == 1 else [f"given[{at}]" for at in range(len(given))]
    scales = [1.0 / (1.0 + float(np.max(np.abs(value), initial=0.0))) for value in given]
    terms = [
        f"np.sum(np.sin({part} * {scale} + {0.3 * at + 0.1:.1f}))"
        for at, (part, scale) in enumerate(zip(parts, scales, strict=True))
    ]
    call = f"given = {one.generated.name}({', '.join(names)})"
    text = f"{one.text}\n\ndef total({', '.join(names)}):\n    {call}\n    return {' + '.join(terms)}\n"
    return read_again.function_of(text, "total"), flat, [name for name in one.generated.header.wrt if name in names]


WITH_LISTS = {"models:lstm"}
"""What the reverse sweep pops from lists: these have no derivative yet."""
TWICE = [case for case in SAMPLE[::9] if not case.zero]


@pytest.mark.parametrize("case", TWICE, ids=[case.name for case in TWICE])
def test_second_derivatives(case) -> None:
    total, flat, wrt = of_all_outputs(case)
    names = list(inspect.signature(total).parameters)
    second = srcad.grad(total, tuple(wrt), target="python")
    if case.name in WITH_LISTS:
        with pytest.raises(SrcadError) as caught:
            second(*copy.deepcopy(flat))
        assert caught.value.problems[0].code == "S125"
        return
    got = second(*copy.deepcopy(flat))
    ways = [np.random.default_rng(0).standard_normal(np.shape(flat[names.index(name)])) for name in wrt]

    def moved(step):
        args = copy.deepcopy(flat)
        for name, way in zip(wrt, ways, strict=True):
            args[names.index(name)] = args[names.index(name)] + step * way
        return float(total(*args))

    slope = sum(float(np.sum(part * way)) for part, way in zip(got, ways, strict=True))
    differences = [(moved(step) - moved(-step)) / (2 * step) for step in (1e-4, 1e-5)]
    assert min(abs(slope - one) for one in differences) < 1e-5 * (1 + abs(slope)), differences


def one_value_for_many(x):
    y = x * 2.0
    y[x > 0.0] = x[:1] ** 2
    return np.sum(y**3)


@pytest.mark.parametrize("x", [[0.5, 1.0, -2.0, 3.0], [-0.5, -1.0, -2.0, -3.0]], ids=["three", "none"])
def test_the_adjoint_of_a_sum_over_a_broadcast_axis(x) -> None:
    """Of an adjoint with one item for any number of elements: it goes to as many, or to none."""
    x = np.array(x)
    text = srcad.grad(one_value_for_many, target="python").source_for(x)
    assert "unbroadcast" in text
    last = "def total(x):\n    return np.sum(np.sin(0.1 * one_value_for_many_grad(x)))\n"
    total = read_again.function_of(f"{text}\n\n{last}", "total")
    way = np.array([0.3, -0.7, 0.2, 0.9])
    difference = (total(x + 1e-5 * way) - total(x - 1e-5 * way)) / 2e-5
    assert np.isclose(srcad.grad(total, target="python")(x) @ way, difference, rtol=1e-6)
