"""View, copy or either: NumPy's functions on arrays of every layout, with a store to the array and one to the result.

`python -m tests.shared_memory` tries all of them, `--compiled` under Numba. A program with a store either gives what
Python gives, value and derivative, or is refused where it depends on the layout which of the two NumPy does.
"""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import srcad
from srcad.errors import SrcadError
from tests.functions_from_text import function_of

VECTOR = """
    np.ravel(x); x.ravel(); x.flatten(); np.reshape(x, (2, 3)); x.reshape(3, 2); x.reshape(-1); np.transpose(x); x.T
    np.squeeze(x); x.view(); x.view(float); np.expand_dims(x, 0); np.atleast_1d(x); np.atleast_2d(x); np.atleast_3d(x)
    np.broadcast_to(x, (2, 6)); np.broadcast_arrays(x, np.ones((2, 6)))[0]
    np.asarray(x); np.asanyarray(x); np.ascontiguousarray(x); np.array(x); np.array(x, copy=False)
    np.array(x, copy=None); x.astype(np.float64); x.astype(np.float64, copy=False); x.copy(); np.copy(x); np.float64(x)
    np.real(x); x.real; np.conj(x); x.conj(); x.conjugate(); +x; np.positive(x); x * 1; np.abs(x); np.nan_to_num(x)
    np.split(x, 2)[1]; np.array_split(x, 2)[0]; np.hsplit(x, 2)[0]; np.flip(x); np.flipud(x); np.roll(x, 1)
    np.diff(x, 0); np.diff(x, 1); np.cumsum(x); np.sort(x); np.clip(x, -9, 9); x.sum(axis=())
    x[:]; x[...]; x[::2]; x[::-1]; x[1:4]; x[[0, 2]]; x[np.array([0, 1])]; x[x > 0]; x[None, :]; x[:, None]
    np.repeat(x, 1); np.tile(x, 1); np.take(x, [0, 1]); np.compress(x > -9, x); np.extract(x > -9, x)
    np.concatenate((x,)); np.stack((x,))[0]; np.hstack((x,)); np.vstack((x,)); np.append(x, 1.0); np.pad(x, 0)
    np.where(x > -9, x, 0.0); np.select([x > -9], [x]); np.full(6, x); np.meshgrid(x, x)[0]; np.einsum('i->i', x)
    np.diag(x); np.diagflat(x); np.kron(x, np.ones(1)); np.dot(x, 1.0); np.ravel(x)[1:4]; np.copy(x).ravel()
    (x if len(x) > 2 else x * 2); [e for e in x][0] * np.ones(2)
"""
MATRIX = """
    np.ravel(x); x.ravel(); x.flatten(); np.reshape(x, 9); x.reshape(3, 3); x.reshape(1, 9); x[0].ravel(); x[1:].ravel()
    np.transpose(x); x.T; x.T.ravel(); x.T.reshape(9); np.swapaxes(x, 0, 1); x.swapaxes(0, 0); np.moveaxis(x, 0, 1)
    np.rollaxis(x, 1); np.diag(x); np.diag(x, 1); np.diag(x, -1); np.diagonal(x); x.diagonal(); np.diag(np.diag(x))
    np.einsum('ii->i', x); np.einsum('ij->ji', x); np.einsum('ij', x); np.einsum('ji', x); np.einsum('ij->i', x)
    x[0]; x[-1]; x[:, 0]; x[:, 0].ravel(); x[::2].reshape(-1); x[:, ::2].reshape(-1); x[:, 1:]; x[::2]; x[:, ::-1]
    x[[0, 1]]; x[:, [0, 1]]; np.flip(x); np.flip(x, 0); np.fliplr(x); np.rot90(x); np.rot90(x, 2); np.rot90(x, 4)
    np.tril(x, 5); np.triu(x, -5); np.linalg.matrix_power(x, 1); np.linalg.multi_dot([x, np.eye(3)]); x @ np.eye(3)
    np.ascontiguousarray(x); np.ascontiguousarray(x.T); np.ascontiguousarray(x)[0]; np.asarray(x.T); np.array(x)
    x.copy(); np.copy(x); np.copy(x).ravel(); (x * 2).ravel(); (x * 2).T.ravel(); x.astype(np.float64, copy=False)
    np.squeeze(x[:1], axis=0); np.expand_dims(x, 1); np.atleast_2d(x); np.atleast_3d(x); np.broadcast_to(x, (2, 3, 3))
    np.vsplit(x, 3)[1]; np.hsplit(x, 3)[1]; np.split(x, 3, axis=1)[0]; np.concatenate((x,)); np.vstack([r for r in x])
    [r for r in x][1]; np.repeat(x, 1, axis=0); np.tile(x, (1, 1)); np.take(x, [0, 1], axis=0); x.take([0], axis=0)
    np.roll(x, 0); np.diff(x, 0); np.cumsum(x, axis=0); np.sum(x, axis=0); x.sum(axis=()); np.stack([x[0], x[1]])
    np.array([x[0], x[1]])
"""
LAYOUTS = {1: ("C", "strided", "reversed"), 2: ("C", "F", "strided", "reversed")}

LINES = {
    "base": "x[...] = 2.0 * x + 1.0",
    "result": "v[...] = 2.0 * v + 1.0",
}
"""A store to the array, then one to the result."""


@dataclass(frozen=True)
class Program:
    expression: str
    rank: int
    layout: str
    store: str

    def __str__(self) -> str:
        return f"{self.expression} of {self.layout}, store to the {self.store}"


def programs() -> Iterator[Program]:
    for rank, text in ((1, VECTOR), (2, MATRIX)):
        for expression in text.replace("\n", ";").split(";"):
            if expression.strip():
                for layout, store in itertools.product(LAYOUTS[rank], LINES):
                    yield Program(expression.strip(), rank, layout, store)


def argument(rank: int, layout: str) -> np.ndarray:
    """Six numbers, or three rows of three."""
    shape = (6,) if rank == 1 else (3, 3)
    values = np.random.default_rng(rank).normal(size=shape)
    match layout:
        case "F":
            return np.asfortranarray(values)
        case "strided":
            wide = np.zeros(tuple(2 * n for n in shape))
            wide[(slice(None, None, 2),) * rank] = values
            return wide[(slice(None, None, 2),) * rank]
        case "reversed":
            back = (slice(None, None, -1),) * rank
            return np.array(values[back])[back]
    return values


def made(program: Program) -> Callable[[np.ndarray], float]:
    lines = (f"v = {program.expression}", LINES[program.store], "return np.sum(v * v) + 0.5 * np.sum(x * x)")
    text = "def f(x):\n" + "".join(f"    {line}\n" for line in lines)
    return function_of(text, {"srcad": srcad})


def outcome(program: Program, target: str = "python") -> str:
    """`right`, the code of a refusal, or what went wrong."""
    f = made(program)

    def at(step: float) -> float:
        x = argument(program.rank, program.layout)
        x += step * direction
        return f(x)

    x = argument(program.rank, program.layout)
    direction = np.cos(np.arange(x.size)).reshape(x.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            want, slope = at(0.0), (at(1e-6) - at(-1e-6)) / 2e-6
        except Exception as error:
            want, slope = type(error), 0.0
        try:
            value, gradient = srcad.value_and_grad(f, target=target)(x)
        except SrcadError as error:
            return error.problems[0].code
        except Exception as error:
            return "right" if type(error) is want else f"raises {error!r}"
    if isinstance(want, type):
        return f"gives a number where Python raises {want.__name__}"
    if not np.isclose(value, want):
        return "wrong value"
    return "right" if np.isclose(np.sum(gradient * direction), slope, rtol=1e-4, atol=1e-5) else "wrong derivative"


def main() -> None:
    from rich.progress import track

    target = "cpu" if "--compiled" in sys.argv else "python"
    tally: dict[str, list[Program]] = {}
    every = list(programs())
    for program in track(every, "stores"):
        tally.setdefault(outcome(program, target), []).append(program)
    for found, those in sorted(tally.items(), key=lambda item: -len(item[1])):
        print(f"{len(those):5d} {found}")
        if found != "right" and not found.startswith("S"):
            print(*(f"      {program}" for program in those), sep="\n")


if __name__ == "__main__":
    main()
