"""Complex arrays and numbers inside a function of real ones, and transforms of Fourier, as templates.

In `{}` stand the slots of `tests.fuzz.slots`; `{o}` is something complex, `{u}` another of its shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.fuzz.scalars import is_float
from tests.fuzz.slots import Slots
from tests.fuzz.writer import Writer

MADE = (
    "{a} + 1j * {s}",
    "np.exp(1j * {a})",
    "np.fft.fft({v})",
    "np.fft.rfft({v})",
    "np.fft.ifft({v}, 4)",
    "np.fft.fft({a}, axis={x}, norm='ortho')",
    "np.fft.rfft2({m})",
    "np.fft.ihfft({v})",
    "np.fft.fftn({a})",
    "np.array([complex({f}, {f}), 1j * {f}])",
    "np.zeros({v}.shape, complex)",
    "complex({f}, {f})",
    "{f} + 0.5j * {f}",
    "np.exp(1j * {f})",
    "{v} * (0.3 + 0.2j)",
    "{m} @ ({m}.T * 1j)",
)

CHANGED = (
    "{o} = {o} * {u}",
    "{o} = {o} / (abs({u}) ** 2 + 1.0)",
    "{o} = np.conj({o}) + {f}",
    "{o} = {o} * 1j + {u}.real",
    "{o} = np.sin({o})",
    "{o} = {o} ** 2",
    "{o} = np.where(abs({o}) > 0.5, {o}, 0.5 * {u})",
    "{o} *= {f}",
    "{o} += 1j * {f}",
    "{o} = np.exp(0.3 * {o})",
    "{o} = np.sqrt({o} + 2.5)",
)
CHANGED_ARRAYS = (
    "{o}[0] = {f}",
    "{o}[0] *= 1j",
    "{o}[-1] += complex({f}, {f})",
    "{o}.real[0] = {f}",
    "{o}.imag[...] = {f}",
    "{o}[::-1] = {u}",
    "{o}[1:] = {u}[:-1]",
    "{o} = {o}[::-1].conj()",
    "{o} = np.fft.fft({o})",
    "{o} = np.fft.ifft({o})",
    "{o} = np.fft.fftshift({o})",
    "{o} = np.cumsum({o})",
    "{o} = {o}.copy()",
    "{o} = np.roll({o}, 1)",
    "for k_ in range(len({o})): {o}[k_] = {o}[k_] * {u}[k_ - 1]",
    "for c_ in {o}: {o}[0] += 0.1 * c_",
)

READ = ("np.sum(({o} * np.conj({u})).real)", "np.sum({o}.imag)", "np.sum(abs({o}) ** 2)", "np.abs(np.sum({o}))")
READ_ARRAYS = (
    "{o}.real",
    "{o}.imag",
    "np.abs({o}) ** 2",
    "np.real({o} * {u})",
    "np.fft.ifft({o}).real",
    "np.fft.irfft({o}, 5)",
    "np.fft.hfft({o})",
    "np.real(np.fft.fftshift({o}))",
)


def is_complex(value: Any) -> bool:
    return isinstance(value, complex) or (isinstance(value, np.ndarray) and value.dtype.kind == "c")


class ComplexNumbers(Slots, Writer):
    def use_complex(self) -> None:
        taken = [(n, v) for n, v in self.env.items() if is_complex(v) and n not in self.kept]
        if not taken or self.chance(0.25):
            self.emit(f"{self.fresh()} = {self.of(self.pick(MADE))}")
            return
        name, value = self.pick(taken)
        alike = [n for n, v in taken if np.shape(v) == np.shape(value)]
        other, is_array = self.pick(alike), np.ndim(value) > 0
        kind = self.random.random()
        if kind < 0.55:
            options = CHANGED + CHANGED_ARRAYS * 2 if is_array else CHANGED
            self.emit(self.of(self.pick(options), o=name, u=other))
        elif kind < 0.8 or not is_array:
            self.emit(f"{self.target(is_float)} = {self.of(self.pick(READ), o=name, u=other)}")
        else:
            self.emit(f"{self.fresh()} = {self.of(self.pick(READ_ARRAYS), o=name, u=other)}")
