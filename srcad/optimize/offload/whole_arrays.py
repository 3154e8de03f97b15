"""What fills or copies a whole array, as loops over its elements, which kernels can run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Set
from dataclasses import replace

import numpy as np

from srcad.ir.loop_nest import element
from srcad.ir.names import fresh_name, stem
from srcad.ir.nodes import Assign, Block, Const, Expr, For, Function, Op, Slice, Stmt, Store, Var
from srcad.ir.traversal import blocks, names, with_blocks
from srcad.ir.types import Array, Scalar, Type
from srcad.typing.typeof import typeof

_VALUES = {"np.zeros": 0, "np.zeros_like": 0, "np.ones": 1, "np.ones_like": 1}
_LIKE = frozenset({"np.zeros_like", "np.ones_like"})


def lower_whole_arrays(f: Function, zeros: Set[str] = frozenset()) -> Function:
    """Write fills and copies of whole arrays as loops over elements; of the `zeros`, only what allocates them.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Symbol, dim
    >>> types = dict.fromkeys("xy", Array("float64", (dim(Symbol("x", 0)),)))
    >>> print(show(lower_whole_arrays(Function("f", (), parse("y = np.zeros_like(x)\\nx[:] = y"), (), types)).body))
    y = np.empty(shape(x, axis=0))
    for k in range(shape(y, axis=0)):
        y[k] = 0.0
    for k1 in range(shape(x, axis=0)):
        x[k1] = y[k1]
    """
    types = dict(f.types)

    def block(b: Block) -> Block:
        return tuple(new for s in b for new in _stmt(with_blocks(s, map(block, blocks(s))), types, zeros))

    return replace(f, body=block(f.body), types=types)


def _stmt(stmt: Stmt, types: dict[str, Type], zeros: Set[str]) -> Block:
    match stmt:
        case Assign(target, Op(args=args)) if target in zeros and isinstance(kind := types.get(target), Array):
            lengths = _shape(args[0], kind) if isinstance(args[0], Var) and _is_array(args[0], types) else args
            return (Assign(target, replace(_empty(kind, lengths), prim="np.zeros")),)
        case Assign(target, Op(prim, args, _)) if isinstance(kind := types.get(target), Array):
            match prim:
                case "np.full":
                    return _filled(target, kind, args[1:], args[0], types)
                case "np.full_like" if isinstance(args[0], Var):
                    return _filled(target, kind, _shape(args[0], kind), args[1], types)
                case "np.arange" if _counts(args, types):
                    return _counted(target, kind, args[1], types)
                case "np.empty_like" if isinstance(args[0], Var):
                    return (Assign(target, _empty(kind, _shape(args[0], kind))),)
                case _ if prim in _VALUES and (prim not in _LIKE or isinstance(args[0], Var)):
                    lengths = _shape(args[0], kind) if prim in _LIKE else args
                    value = np.dtype(kind.dtype).type(_VALUES[prim]).item()
                    return _filled(target, kind, lengths, Const(value), types)
                case "copy" | "np.ascontiguousarray":
                    return _copied(target, kind, args[0], types)
        case Store(Var(name), index, value, None) if isinstance(kind := types.get(name), Array):
            if not all(item == Slice() for item in index):
                return (stmt,)
            if isinstance(typeof(value, types), Scalar):
                if any(isinstance(types.get(n), Array) for n in names(value)):
                    return (stmt,)
                return (_nest(name, kind, lambda _: value, types),)
            other = types.get(value.name) if isinstance(value, Var) else None
            if isinstance(value, Var) and isinstance(other, Array) and other.dims == kind.dims and value.name != name:
                return (_nest(name, kind, lambda at: element(value.name, at), types),)
    return (stmt,)


def _is_array(value: Var, types: Mapping[str, Type]) -> bool:
    return isinstance(types.get(value.name), Array)


def _copied(target: str, kind: Array, source: Expr, types: dict[str, Type]) -> Block:
    """A copy, also of what the target refers to itself."""
    viewed = typeof(source, types)
    assert isinstance(viewed, Array)
    of = fresh_name(f"{stem(target)}_view", viewed, types)
    filled = _nest(target, kind, lambda at: element(of, at), types)
    return Assign(of, source), Assign(target, _empty(kind, _shape(Var(of), kind))), filled


def _filled(target: str, kind: Array, lengths: tuple[Expr, ...], value: Expr, types: dict[str, Type]) -> Block:
    return Assign(target, _empty(kind, lengths)), _nest(target, kind, lambda _: value, types)


def _counts(args: tuple[Expr, ...], types: Mapping[str, Type]) -> bool:
    """Whether a range begins at 0, goes on by 1, and has a length that integers say."""
    first, stop, *step = args
    of_integers = isinstance(stop, Const) or typeof(stop, types) == Scalar("int64")
    return first == Const(0) and step in ([], [Const(1)]) and of_integers


def _counted(target: str, kind: Array, stop: Expr, types: dict[str, Type]) -> Block:
    """The numbers from 0 on."""
    length: Expr = Op("max", (stop, Const(0)))
    if isinstance(stop, Const) and isinstance(stop.value, int | float):
        length = Const(max(math.ceil(stop.value), 0))
    static = (("dtype", kind.dtype),)
    filled = _nest(target, kind, lambda at: at[0] if kind.dtype == "int64" else Op("astype", at, static), types)
    return Assign(target, _empty(kind, (length,))), filled


def _empty(kind: Array, lengths: tuple[Expr, ...]) -> Op:
    return Op("np.empty", lengths, () if kind.dtype == "float64" else (("dtype", kind.dtype),))


def _shape(array: Expr, kind: Array) -> tuple[Expr, ...]:
    return tuple(Op("shape", (array,), (("axis", axis),)) for axis in range(kind.rank))


def _nest(name: str, kind: Array, value: Callable[[tuple[Var, ...]], Expr], types: dict[str, Type]) -> For:
    counters = [fresh_name("k", Scalar("int64"), types) for _ in kind.dims]
    at = tuple(map(Var, counters))
    made: Stmt = Store(Var(name), at, value(at))
    for counter, length in reversed(list(zip(counters, _shape(Var(name), kind), strict=True))):
        made = For(counter, Const(0), length, Const(1), (made,))
    assert isinstance(made, For)
    return made
