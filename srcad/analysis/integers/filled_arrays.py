"""Arrays of integers of which every element has the same value, since a loop has set them all to it.

A sweep that runs back reads where an integer of the forward sweep ended from such an array, if that is the same for all
rows.
"""

from __future__ import annotations

from srcad.analysis.integers.length_forms import LengthForms
from srcad.analysis.integers.value_ranges import Form, ValueRanges
from srcad.ir.nodes import Const, Expr, For, Op, Stmt, Store, Var
from srcad.ir.traversal import stmt_stores
from srcad.ir.types import Array, Type


class FilledArrays:
    """Those known at one point.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.nodes import Function
    >>> from srcad.ir.types import Scalar, dim
    >>> (loop,) = parse('''
    ...     for k in range(5):
    ...         ends[k] = n + 1
    ... ''')
    >>> types = {"ends": Array("int64", (dim(5),)), "k": Scalar("int64"), "n": Scalar("int64")}
    >>> lengths, now = LengthForms(Function("f", (), (loop,), (), types)), ValueRanges(types)
    >>> lengths.define("ends", None, now)
    >>> n, arrays = now.value(Var("n")), FilledArrays(types, lengths)
    >>> arrays.fill(loop, now.fresh(), now, now)
    >>> arrays.element(Op("index", (Var("ends"), Var("k"))), now) == n + 1
    True
    >>> arrays.forget(loop)
    >>> arrays.element(Op("index", (Var("ends"), Var("k"))), now) is None
    True
    """

    def __init__(self, types: dict[str, Type], lengths: LengthForms) -> None:
        self._types = types
        self._lengths = lengths
        self._values: dict[str, Form] = {}

    def element(self, value: Expr, now: ValueRanges) -> Form | None:
        """The value of an expression that reads an element."""
        match value:
            case Op("index", (Var(array), item)) if array in self._values and now.is_int64(item):
                now.recall(self._values[array])
                return self._values[array]
        return None

    def forget(self, stmt: Stmt) -> None:
        """The statement may store to some."""
        if self._values:
            for name in stmt_stores(stmt):
                self._values.pop(name, None)

    def define(self, name: str) -> None:
        self._values.pop(name, None)

    def fill(self, loop: For, first: int, before: ValueRanges, last: ValueRanges) -> None:
        """The loop has had its iterations, behind `before`; `last` is the end of one.

        Unknowns from `first` on may differ between them.
        """
        if loop.start != Const(0) or loop.step != Const(1) or loop.exit is not None:
            return
        stored = [stmt_stores(one) for one in loop.body]
        stop = before.value(loop.stop)
        for one in loop.body:
            match one:
                case Store(Var(array), (Var(index),), value, None) if index == loop.index and last.is_int64(value):
                    once = sum(array in names for names in stored) == 1 and self._lengths.is_alone(array)
                    form = last.in_full(last.value(value))
                    if once and self._is_whole(array, stop, before) and not self._lengths.depends(form, first, last):
                        self._values[array] = form

    def _is_whole(self, array: str, length: Form, now: ValueRanges) -> bool:
        """Whether it is an array of integers on one axis of this length."""
        match self._types[array]:
            case Array("int64", (_,)):
                return self._lengths.of(array, 0, now) == length
        return False
