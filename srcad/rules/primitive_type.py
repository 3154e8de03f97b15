"""What is said of a primitive: its meaning on NumPy values, and the traits that passes ask for."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.ir.result_memory import ResultMemory

EVERY = (-1,)
"""All arguments, however many there are."""

Operator = type[ast.operator] | type[ast.unaryop] | type[ast.cmpop] | type[ast.boolop]


@dataclass(frozen=True)
class Primitive:
    """One operation. Arguments come in the order of `Op.args`, static parameters as keywords."""

    name: str
    evaluate: Callable[..., Any]
    kind: str
    """elementwise, reduce, linalg, view, shape, create, query, random, effect, tuple, list or call."""

    external: bool = False
    """It is a function of the user, of which nothing is known but what it is given and returns."""

    differences: bool = False
    """Of such a function: where it has no rule, its derivative is a quotient of differences."""

    # ---- derivatives
    differentiable: bool = True
    """False: the derivative is zero wherever it exists."""
    steps: tuple[int, ...] = ()
    """Arguments on which the result depends in steps: it has no derivative by them, whatever it has by the others."""
    unknown: tuple[int, ...] = ()
    """Arguments by which it has a derivative that nobody has a formula for here: an error, where one is needed."""
    poles: bool = False
    """It may be infinite for finite arguments, and its derivative with it: a logarithm at 0."""
    infinite_slopes: bool = False
    """Its derivative may be infinite where its value is finite: a square root at 0."""
    linear: tuple[int, ...] = ()
    """The result is linear in these arguments together, the others fixed: its tangent is that of their tangents."""
    bilinear: tuple[int, ...] = ()
    """The result is linear in each of these two arguments, the other arguments fixed."""
    choice: str = ""
    """The result is one of the operands, or says which: by a `condition` (the first), the `maximum`, the `minimum`."""

    # ---- result: dtype, shape, memory
    dtype: str = ""
    """That of the result. `joined`: what NumPy promotes the operands to; `float`: that, but float64 for integers;
    `bits`: joined, of no floats; `power`: joined, of no negative integer powers; else `bool`, `int64` or `float64`,
    always."""
    weak_literals: bool = False
    """A literal operand takes the dtype of the others. Numba types it float64: see `backend/python/literal_types`."""
    float_operands: bool = False
    """Compiled code gives it floats alone: of other operands Numba's result has another dtype, or there is none."""
    nonnegative: bool = False
    """The result counts something, or is an index from the front."""
    dims: tuple[str, ...] = ()
    """The axes of the result by those of the arguments, one signature for each choice of ranks: `ij,j->j`
    is for ranks (2, 1). What one letter stands for must be equally long. A letter that only the result has is a length
    not known; `...` is any further axes."""
    axis: int | None = None
    """The axis that a reduction takes; None: all of them, or that of its static parameter."""
    shape_operands: tuple[int, ...] = ()
    """Operands of which only the shape and the dtype are read, never an element."""
    lengths_from: int | None = None
    """From this operand on, the operands are the lengths of the result."""
    memory: ResultMemory | None = None
    """Whose memory the result is; None: its own."""
    layout: str = ""
    """How the result lies in memory, `C`: by rows; `first`: by rows if the first operand does; `any`: Numba decides."""
    elements: str = ""
    """`same`: the result has the elements of the first operand, each in its place; `some`: some, in any order."""
    contents: str = ""
    """What a new array holds: `zeros`, `ones`, one `value`, or what is `uninitialised`."""
    neutral: float | bool | None = None
    """What a loop for a reduction begins with."""

    # ---- cost
    cheap: bool = False
    """On scalars: doing it again beats having saved it."""
    cost: int | None = None
    """About how many cycles it takes on scalars, where passes should duplicate it or must not; None: many."""

    # ---- evaluation and spelling
    lazy: bool = False
    """Only the first operand is surely evaluated."""
    algebra: str = ""
    """`ring`: + - * and the negative, of integers exact and defined for all; `field`: the quotient of floats."""
    operator: Operator | None = None
    """Python's operator."""
    negation: str = ""
    """Of a comparison: the one that holds where this does not. (Of floats, NaN aside.)"""
    element: str = ""
    """The primitive by which compiled text computes one element of an elementwise operation, as NumPy does for bool,
    int64, float32 and float64. Empty: the operation stays one on whole arrays."""
    vector: str = ""
    """In a loop that LLVM may vectorise. `instructions`: it does; `call`: it calls a function for one scalar after the
    other, and vectorises what is around; else the name of a form for float64 that it vectorises. Empty: the loop stays
    scalar."""
    vector_single: str = ""
    """The name of a form for float32 that LLVM vectorises. Empty: in float32 the function is that of the C library."""
    interpreted: bool = False
    """Compiled code asks the interpreter for it: not on threads that wait for the one that holds its lock."""
    noun: str = ""
    """What a result is called in the text."""

    def __call__(self, *args: Any, **static: Any) -> Any:
        with np.errstate(all="ignore"):
            return self.evaluate(*args, **static)

    def linear_arguments(self, count: int) -> tuple[int, ...]:
        """Of as many arguments, those in which the result is linear together."""
        return tuple(range(count)) if self.linear == EVERY else self.linear

    @property
    def is_blank(self) -> bool:
        """Whether it is a new array that depends on no value given, only on lengths."""
        return self.kind == "create" and not self.differentiable

    @property
    def reads_shape_only(self) -> bool:
        """Whether its result depends on the shape and the dtype of its operand alone."""
        return self.shape_operands == (0,) and (self.kind == "query" or self.is_blank)
