"""`np.fft`: each function with each option, against differences, and compiled."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.backend.modules.text_functions import function_of
from srcad.errors import SrcadError
from tests.complex_derivatives import check, complex_normal

Z, M, T = complex_normal(6), complex_normal(3, 4), complex_normal(2, 3, 4)
WEIGHTS = complex_normal(60)


def power(y: Any) -> Any:
    """A real number in which each entry of a spectrum has another weight."""
    w = np.ravel(y) * WEIGHTS[: y.size]
    return np.sum(np.abs(w) ** 2 + (w + np.ravel(y) ** 2).real)


COMPLEX = ("fft", "ifft", "hfft", "irfft")
REAL = ("fft", "ifft", "rfft", "ihfft", "irfft", "hfft")
ROWS: list[tuple[Any, Any]] = []
for _name in COMPLEX:
    _f = getattr(np.fft, _name)
    ROWS += [
        (lambda z, f=_f: power(f(z)), Z),
        (lambda z, f=_f: power(f(z, 4)), Z),
        (lambda z, f=_f: power(f(z, 9, norm="ortho")), Z),
        (lambda z, f=_f: power(f(z, norm="forward")), Z),
        (lambda z, f=_f: power(f(z, axis=0)), M),
        (lambda z, f=_f: power(f(z, 5, axis=1)), T),
    ]
for _name in REAL:
    _f = getattr(np.fft, _name)
    ROWS += [
        (lambda x, f=_f: power(f(x)), Z.real),
        (lambda x, f=_f: power(f(x)), Z.real[:5]),
        (lambda x, f=_f: power(f(x, 5)), Z.real),
        (lambda x, f=_f: power(f(x, 10, norm="ortho")), Z.real),
        (lambda x, f=_f: power(f(x, axis=0, norm="forward")), M.real),
        (lambda x, f=_f: power(f(x, n=2, axis=-2)), T.real),
    ]
for _name in ("fft2", "ifft2", "irfft2", "fftn", "ifftn", "irfftn"):
    _f = getattr(np.fft, _name)
    ROWS += [
        (lambda z, f=_f: power(f(z)), M),
        (lambda z, f=_f: power(f(z, s=(4, 3), axes=(0, 1), norm="ortho")), M),
        (lambda z, f=_f: power(f(z, axes=(0, 2))), T),
    ]
for _name in ("rfft2", "rfftn"):
    _f = getattr(np.fft, _name)
    ROWS += [
        (lambda x, f=_f: power(f(x)), M.real),
        (lambda x, f=_f: power(f(x, s=(2, 5), axes=(0, 1), norm="ortho")), M.real),
        (lambda x, f=_f: power(f(x)), T.real),
        (lambda x, f=_f: power(f(x, axes=(2, 0), norm="forward")), T.real),
    ]
ROWS += [
    (lambda z: power(np.fft.fftshift(z) * np.fft.ifftshift(z)), Z[:5]),
    (lambda z: power(np.fft.fftshift(z, axes=1) * np.fft.ifftshift(z)), M),
    (lambda x: power(np.fft.irfft(np.fft.rfft(x) * np.exp(-(np.fft.rfftfreq(len(x), 0.1) ** 2)), len(x))), Z.real[:5]),
    (lambda x: power(np.fft.ifft(np.fft.fft(x) * (2j * np.pi * np.fft.fftfreq(6, d=0.3))).real), Z.real),
    (lambda x: power(np.fft.irfft(np.fft.rfft(x, 12) * np.fft.rfft(x[::-1], 12), 12)), Z.real),
]


@pytest.mark.one_in(6, least=16)
@pytest.mark.parametrize(("function", "a"), ROWS, ids=range(len(ROWS)))
def test_function(function, a):
    check(function, a)


@pytest.mark.one_in(24, least=4)
@pytest.mark.parametrize(("function", "a"), ROWS, ids=range(len(ROWS)))
def test_compiled(function, a):
    found = srcad.grad(function)(a)
    np.testing.assert_allclose(found, srcad.grad(function, target="python")(a), rtol=1e-9, atol=1e-10)


def filtered(x):
    spectrum = np.fft.rfft(x)
    return np.sum(np.fft.irfft(spectrum * np.abs(spectrum), len(x)) ** 3)


def test_the_text_is_what_a_person_writes():
    text = srcad.grad(filtered, target="python").source_for(Z.real)
    for line in ("= np.fft.ihfft(", "d_spectrum[1:(length + 1) // 2] *= 0.5", "d_x = np.fft.hfft(d_spectrum, length)"):
        assert line in text
    text = srcad.grad(lambda z: np.sum(np.abs(np.fft.fft2(z)) ** 2), target="python").source_for(M)
    assert "d_z = np.fft.fftn(" in text


def test_single_precision():
    x = Z.real.astype(np.float32)
    for target in ("python", "cpu"):
        found = srcad.grad(filtered, target=target)(x)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, srcad.grad(filtered, target="python")(Z.real), rtol=1e-3, atol=1e-3)


def test_the_frequencies():
    for n in (1, 2, 5, 6):
        for name in ("fftfreq", "rfftfreq"):
            function = getattr(np.fft, name)
            found = srcad.jit(lambda n, f=function: f(n, 0.3), target="python")(n)
            np.testing.assert_allclose(found, function(n, 0.3), rtol=1e-15)


def test_a_loop_of_transforms_has_no_threads():
    def rows(x):
        total = 0.0
        for i in range(len(x)):
            total += np.sum(np.abs(np.fft.rfft(x[i])) ** 2)
        return total

    x = M.real
    expected = srcad.grad(rows, target="python")(x)
    np.testing.assert_allclose(srcad.grad(rows, parallel=True)(x), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (lambda x: np.sum(np.abs(np.fft.rfft(x + 1j))), "S116"),
        (lambda x: np.sum(np.fft.fft(x)), "S202"),
    ],
)
def test_refused(function, code):
    with pytest.raises(SrcadError) as error:
        srcad.grad(function, target="python")(Z.real)
    assert error.value.problems[0].code == code


def test_an_error_of_numpy_is_raised():
    for target in ("python", "cpu"):
        with pytest.raises(ValueError, match="data points"):
            srcad.grad(lambda x, n: np.sum(np.abs(np.fft.fft(x, n))), target=target)(Z.real, 0)


def test_another_process_has_it_from_the_cache(tmp_path):
    module = tmp_path / "spectra.py"
    module.write_text(
        textwrap.dedent("""
        import numpy as np, srcad
        def energy(x):
            return np.sum(np.abs(np.fft.rfft(x)) ** 2)
        print(srcad.grad(energy)(np.array([1.0, 2.0, 3.0])))
        """)
    )
    environment = {**os.environ, "SRCAD_CACHE_DIR": str(tmp_path / "cache")}
    outputs = [
        subprocess.run(
            [sys.executable, str(module)], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert outputs[0] == outputs[1] != ""


def of_a_spectrum(x: Any) -> Any:
    return np.sum(np.abs(np.fft.rfft(x)) ** 2)


def test_a_file_alone_runs_as_python(tmp_path: Any) -> None:
    derivative = srcad.grad(of_a_spectrum)
    derivative.source_for(np.arange(5.0))
    text = derivative.save(tmp_path / "of_a_spectrum_grad.py").read_text()
    assert "njit" not in text
    alone = function_of(text)
    np.testing.assert_allclose(
        alone(np.arange(5.0)), srcad.grad(of_a_spectrum, target="python")(np.arange(5.0)), rtol=1e-14
    )
    with pytest.raises(TypeError, match="of_a_spectrum_grad takes x"):
        alone(np.arange(5))
