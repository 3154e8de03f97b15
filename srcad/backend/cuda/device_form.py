"""A function in sequential form as one that CUDA's device code can run: arrays in local memory, functions of `math`.

Device code has no allocation at run time: an array is `cuda.local.array`, of constant size. It raises no errors that
anybody sees. What it cannot do is refused here, with the line of the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import NoReturn

import numpy as np

from srcad.backend.cuda.scalar_functions import scalar_op
from srcad.backend.python.module_text import LOCAL_ARRAY
from srcad.errors import fail
from srcad.ir.calls import callees
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Return,
    Slice,
    Span,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.runtime_checks import check_of
from srcad.ir.traversal import blocks, map_expr, names, own_exprs, rewrite, walk, with_blocks
from srcad.ir.types import Array, Type
from srcad.rules.traits import ALLOCATIONS
from srcad.typing.typeof import typeof

_MOST_BYTES = 512 * 1024
"""Of local memory, for one thread: the limit of all compute capabilities."""
_VIEWS = frozenset({"index", "np.transpose"})
_LENGTHS = frozenset({"shape", "size", "len"})
_NO_HEAP = "A device function has arrays of constant size only: a thread cannot allocate memory."
_CONSTANT = (
    "read the length from a variable outside of the function, as an integer;\n"
    "or pass the array in as an argument, and take srcad.adjoint."
)


def device_form(f: Function, what: str = "a device function") -> Function:
    """The same function, for device code; S520 to S522 where there is none. Messages say `what` it is.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar, dim
    >>> body = parse('''
    ... kept = np.zeros(3)
    ... for i in range(3):
    ...     kept[i] = np.exp(x)
    ... ''')
    >>> types = {"kept": Array("float64", (dim(3),)), "x": Scalar("float64"), "i": Scalar("int64")}
    >>> print(show(device_form(Function("f", (), body, (Var("x"),), types)).body))
    kept = cuda.local.array(3, dtype='float64')
    kept[...] = 0.0
    for i in range(3):
        kept[i] = math.exp(x)
    """
    work = _DeviceForm(f, what)
    if callees(f):
        work.refuse("a call of a function that calls itself", None)
    for result in f.results:
        work.refuse_array_result(result, None)
    body = work.block(f.body, in_loop=False)
    if work.bytes > _MOST_BYTES:
        what = f"{f.name} needs {work.bytes:,} bytes of local memory"
        fail("S521", what, f.span, f"A thread has {_MOST_BYTES:,} at most.", "save less: shorten the loop.")
    made = tuple(Assign(name, op) for name, op in work.before_loops.items())
    spelled = tuple(rewrite(stmt, _spelled) for stmt in (*made, *body))
    return replace(f, body=spelled, results=tuple(map(_spelled, f.results)))


class _DeviceForm:
    def __init__(self, f: Function, what: str) -> None:
        self._place = f.span
        self._what = what
        self._types: Mapping[str, Type] = f.types
        self.bytes = 0
        self.before_loops: dict[str, Op] = {}
        """Arrays that are made in loops, where no iteration has that of another under a second name."""
        assigned = (s for s in walk(f.body) if isinstance(s, Assign))
        arrays = (s.value for s in assigned if isinstance(self._types.get(s.target), Array))
        self._aliased = frozenset(name for value in arrays if _refers(value) for name in names(value))

    def block(self, block: Block, in_loop: bool) -> Block:
        return tuple(new for stmt in block for new in self._statement(stmt, in_loop))

    def _statement(self, stmt: Stmt, in_loop: bool) -> Block:
        match stmt:
            case Assign(_, Op("cuda.shared.array")) | Effect(Op("cuda.syncthreads")):
                return (stmt,)
            case Assign(target, Op(prim) as made, span) if prim in ALLOCATIONS or prim in ("array", "np.full"):
                filled = self._content(target, made, span)
                local = self._local_array(target, made, span)
                if not in_loop:
                    return (Assign(target, local, span), *filled)
                # the memory of `cuda.local.array` is the same in all iterations: it is made before them
                if target in self._aliased or self.before_loops.setdefault(target, local) != local:
                    self._refuse_memory(f"{target} is a new array in each iteration of a loop", span)
                return filled
            case Effect(Op("cuda.atomic.add" | "cuda.atomic.max", (_, *operands)), span):
                for operand in operands:
                    self._refuse_unknown(operand, span)
                return (stmt,)
            case Effect(call, span):
                self._refuse_effect(stmt, call, span)
            case AugAssign(target, _, _, span) if isinstance(self._types.get(target), Array):
                self.refuse("an operation on whole arrays", span)
            case Store(base, index, value, op, span):
                place = typeof(Op("index", (base, *index)), self._types) if index else typeof(base, self._types)
                if isinstance(typeof(value, self._types), Array) or (op is not None and isinstance(place, Array)):
                    self.refuse("an operation on whole arrays", span)
            case Return(values, span):
                for value in values:
                    self.refuse_array_result(value, span)
        for expr in own_exprs(stmt):
            self._refuse_unknown(expr, getattr(stmt, "span", None))
        if isinstance(stmt, If | For | While):
            stmt = with_blocks(stmt, [self.block(b, in_loop or not isinstance(stmt, If)) for b in blocks(stmt)])
        return (stmt,)

    def _local_array(self, target: str, made: Op, span: Span | None) -> Op:
        known = typeof(made, self._types)
        assert isinstance(known, Array)
        if any(length.terms for length in known.dims):
            self._refuse_memory(f"the length of {target} is known at run time only", span)
        lengths = [length.const for length in known.dims]
        self.bytes += prod(lengths) * np.dtype(known.dtype).itemsize
        return Op(LOCAL_ARRAY, tuple(map(Const, lengths)), (("dtype", known.dtype),))

    def _content(self, target: str, made: Op, span: Span | None) -> Block:
        """The statements that write what the new array holds."""
        known = typeof(made, self._types)
        assert isinstance(known, Array)
        of_dtype = np.dtype(known.dtype).type
        match made.prim:
            case "array":
                if len(known.dims) > 1:
                    self.refuse("an array of arrays", span)
                for item in made.args:
                    self._refuse_unknown(item, span)
                return tuple(Store(Var(target), (Const(at),), item, None, span) for at, item in enumerate(made.args))
            case "np.full":
                self._refuse_unknown(made.args[0], span)
                return (Store(Var(target), (), made.args[0], None, span),)
            case "np.zeros" | "np.zeros_like":
                return (Store(Var(target), (), Const(of_dtype(0).item()), None, span),)
            case "np.ones" | "np.ones_like":
                return (Store(Var(target), (), Const(of_dtype(1).item()), None, span),)
        return ()

    # ---- what is refused -----------------------------------------------------------------------

    def refuse(self, what: str, span: Span | None) -> NoReturn:
        advice = "write it with numbers and loops over elements; or run it on the host."
        fail("S520", f"{what} is not possible in {self._what}", span or self._place, None, advice)

    def refuse_array_result(self, result: Expr, span: Span | None) -> None:
        if isinstance(typeof(result, self._types), Array):
            why = "The memory of a device function's arrays is gone when it returns."
            advice = "take srcad.adjoint: it adds to an array of yours, which you pass."
            fail("S520", "a device function cannot return an array", span or self._place, why, advice)

    def _refuse_memory(self, what: str, span: Span | None) -> NoReturn:
        fail("S521", what, span or self._place, _NO_HEAP, _CONSTANT)

    def _refuse_effect(self, stmt: Stmt, call: Op, span: Span | None) -> NoReturn:
        found = check_of(stmt)
        if found is None:
            self.refuse(_described(call.prim), span)
        name = found.error.rpartition(".")[2]
        why = f"It may raise {name} here, and nobody sees an error that is raised on the device."
        advice = {
            (True, "IndexError"): "write the loop so that its indices are within bounds (range(len(x)));\n"
            "or promise it, by boundscheck=False: out of bounds, it reads and writes other memory.",
            (True, "ValueError"): "write it with loops over elements, which need no shapes that fit.",
        }.get((found.derived, name), "return a value that says so, such as NaN.")
        fail("S522", f"{self._what} cannot raise {name}", span, why, advice)

    def _refuse_unknown(self, expr: Expr, span: Span | None) -> None:
        match expr:
            case Slice(lower, upper, step):
                for end in (lower, upper, step):
                    if end is not None:
                        self._refuse_unknown(end, span)
            case Op("len", (Op("range", bounds),)):
                for bound in bounds:
                    self._refuse_unknown(bound, span)
            case Op(prim, args):
                if isinstance(typeof(expr, self._types), Array) and prim not in _VIEWS:
                    what = f"{prim} of arrays" if prim.startswith("np.") else "an operation on whole arrays"
                    self.refuse(what, span)
                if prim not in _VIEWS | _LENGTHS and scalar_op(expr) is None:
                    self.refuse(_described(prim), span)
                for part in args:
                    self._refuse_unknown(part, span)


def _refers(value: Expr) -> bool:
    """Whether an array that this is refers to another one."""
    return not isinstance(value, Op) or value.prim in _VIEWS


def _described(prim: str) -> str:
    match prim.partition("."):
        case "list" | "append" | "delete", _, _:
            return "a list"
        case "print", _, _:
            return "print"
    return f"a call of {prim.removeprefix('runtime.').removeprefix('external.')}"


def _spelled(expr: Expr) -> Expr:
    return map_expr(expr, lambda e: (scalar_op(e) or e) if isinstance(e, Op) else e)
