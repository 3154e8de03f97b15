"""Every program of the corpus: the value, the gradient against differences, the arguments left as they were."""

from __future__ import annotations

import re
import signal
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.dispatch.pytree import flatten
from srcad.dispatch.specialisation import Specialisation
from srcad.errors import SrcadError
from tests.numeric import copied, leaves, map_leaves, numeric_gradient, paths, worst_error
from tests.poison import poisoned
from tests.programs.registry import Case, all_cases
from tests.spoiled import spoiled

ALL = all_cases()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        # by module: the tests of one case follow one another, in one process, and share what `derivative` keeps
        metafunc.parametrize("case", ALL, ids=lambda c: c.name, scope="module")
    if "compiled_case" in metafunc.fixturenames:
        every = metafunc.config.getoption("--compile-all")
        chosen = ALL if every else [c for c in ALL if c.compiled]
        metafunc.parametrize("compiled_case", chosen, ids=lambda c: c.name)


@cache
def derivative(function: Any, wrt: tuple[int, ...], target: str) -> Any:
    """One derivative for all cases of a function, as a user would keep it."""
    return srcad.value_and_grad(function, wrt, target=target)


def call(case: Case, target: str) -> tuple[Any, tuple[Any, ...]]:
    made = derivative(case.function, case.wrt, target)
    made.source_for(*case.args)
    with warnings.catch_warnings(), poisoned() if target == "python" else nullcontext():
        warnings.simplefilter("ignore")
        value, gradient = made(*case.args)
    assert isinstance(gradient, tuple) and len(gradient) == len(case.wrt)
    return value, gradient


@cache
def machine_function(one: Specialisation) -> Callable[..., Any]:
    """What `target="cpu"` compiles, on flat arguments, left to Python."""
    made = one.generated
    return np.errstate(all="ignore")(
        getattr(load(cache_files.store(made.name, made.machine_text())), made.function.name)
    )


def machine_call(case: Case) -> tuple[Any, tuple[Any, ...]]:
    """As `call`, by the text that is compiled: cases of equal types share it, and its making with `call`."""
    one = derivative(case.function, case.wrt, "python").specialisation(*case.args)
    run = machine_function(one)
    with warnings.catch_warnings(), poisoned():
        warnings.simplefilter("ignore")
        return one.finish(run(*one.flat(flatten(case.args)[0])))


def plain(case: Case) -> Any:
    args = list(copied(case.args))
    for i in case.wrt:
        args[i] = map_leaves(lambda leaf: float(leaf) if isinstance(leaf, int) else leaf, args[i])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return case.function(*args)


@cache
def expected(case_name: str) -> tuple[Any, ...]:
    case = next(c for c in ALL if c.name == case_name)
    if case.gradient is not None:
        return case.gradient
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(numeric_gradient(case.function, case.args, i, case.step) for i in case.wrt)


@pytest.mark.one_in(10)
def test_the_program_itself(case: Case) -> None:
    """The corpus is worth something only where the program runs and its derivative is finite and not zero."""
    value = plain(case)
    assert np.ndim(value) == 0 and np.isfinite(value)
    want = expected(case.name)
    flat = np.concatenate([np.ravel(np.asarray(leaf, dtype=float)) for leaf in leaves(want)] or [np.zeros(0)])
    assert np.all(np.isfinite(flat))
    if case.gradient is None:
        assert bool(np.any(np.abs(flat) > 1e-6)) != case.zero


def test_gradient(case: Case) -> None:
    before = copied(case.args)
    value, gradient = call(case, "python")
    for (where, have), was in zip(paths(case.args), leaves(before), strict=True):
        np.testing.assert_array_equal(have, was, err_msg=f"argument{where} was written to")
    np.testing.assert_allclose(value, plain(case), rtol=1e-5 if "single" in case.name else 1e-12, atol=1e-300)
    check_structure(case, gradient)
    error = worst_error(gradient, expected(case.name))
    assert error < case.tolerance, f"worst relative error {error:.1e}\nhave {gradient}\nwant {expected(case.name)}"
    again, same = call(case, "python")
    assert bits(value) == bits(again)
    assert [bits(leaf) for leaf in leaves(gradient)] == [bits(leaf) for leaf in leaves(same)], "two calls differ"


@pytest.mark.one_in(10, least=3)
def test_machine_text(case: Case) -> None:
    """The text that is compiled gives the same numbers when Python runs it, whose errors are louder than Numba's."""
    before = copied(case.args)
    value, gradient = machine_call(case)
    for have, was in zip(leaves(case.args), leaves(before), strict=True):
        np.testing.assert_array_equal(have, was)
    np.testing.assert_allclose(value, plain(case), rtol=1e-5 if "single" in case.name else 1e-12, atol=1e-300)
    check_structure(case, gradient)
    error = worst_error(gradient, expected(case.name))
    assert error < case.tolerance, f"worst relative error {error:.1e}\nhave {gradient}\nwant {expected(case.name)}"


@pytest.mark.one_in(10)
def test_indices_out_of_bounds(case: Case) -> None:
    """Where Python raises IndexError for other lengths and indices, both texts do, before NumPy would; nowhere else."""
    for what, args in spoiled(case.args):
        other = replace(case, args=args)
        want = raised(lambda other=other: ending(plain, other))
        if isinstance(want, _Endless):
            continue  # the program itself does not end on these
        if isinstance(want, IndexError) and re.search("boolean index|shape mismatch", str(want)):
            continue  # two lengths that differ
        for run in (lambda other=other: call(other, "python"), lambda other=other: machine_call(other)):
            have = raised(run)
            if isinstance(want, IndexError) and not isinstance(have, SrcadError):
                # where Python raises several errors, one of lengths may come first: it is asked before a loop
                lengths = isinstance(have, ValueError) and re.match(r"L\d+: .* do(es)? not fit", joined(have))
                assert isinstance(have, IndexError) or lengths, f"{what}: {want!r}, and we say {have!r}"
            if isinstance(have, IndexError):
                # where Python raises several errors, the first, before a loop it may be another
                assert want is not None, f"{what}: {have!r}, and Python says nothing"
            if isinstance(have, IndexError) and isinstance(want, IndexError):
                said = re.match(
                    r"(\w+ )?L\d+: .*: (index -?\d+|an index) is out of bounds for length \d+$", joined(have)
                )
                assert said, f"{what}: {have!r} instead of an error of ours for {want!r}"


class _Endless(Exception):
    """A program took more than a second of the processor."""


def ending(run: Callable[..., Any], *args: Any) -> Any:
    """`run(*args)`; wrong arguments may keep a `while` loop from ever ending."""

    def stop(*_: object) -> None:
        raise _Endless

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, 1.0)
    try:
        return run(*args)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def raised(call: Callable[[], Any]) -> Exception | None:
    try:
        call()
    except Exception as error:
        return error
    return None


def joined(error: Exception) -> str:
    return "".join(map(str, error.args))


@pytest.mark.one_in(16, least=3)
def test_compiled(compiled_case: Case) -> None:
    case = compiled_case
    before = copied(case.args)
    value, gradient = call(case, "cpu")
    for have, was in zip(leaves(case.args), leaves(before), strict=True):
        np.testing.assert_array_equal(have, was)
    plain_value, plain_gradient = call(case, "python")
    loose = 3e-5 if case.tolerance > 1e-6 else 1e-12
    np.testing.assert_allclose(value, plain_value, rtol=loose, atol=1e-300)
    check_structure(case, gradient)
    assert worst_error(gradient, plain_gradient) < loose
    assert worst_error(gradient, expected(case.name)) < case.tolerance


def check_structure(case: Case, gradient: tuple[Any, ...]) -> None:
    """The gradient has the containers, shapes and precision of its argument."""
    for i, have in zip(case.wrt, gradient, strict=True):
        want = case.args[i]
        assert type(have) is type(want) or not isinstance(want, dict | list | tuple)
        assert [where for where, _ in paths(have)] == [where for where, _ in paths(want)]
        for one, other in zip(leaves(have), leaves(want), strict=True):
            assert np.shape(one) == np.shape(other)
            if isinstance(other, np.ndarray):
                assert one.dtype == other.dtype
                assert not np.shares_memory(one, other)


def bits(x: Any) -> bytes:
    return np.asarray(x).tobytes()
