"""Shape templates: an array of which only the shape is read is not computed for that.

`np.full_like(w * p, d)` needs what `np.full_like(w, d)` has, and `np.full_like(A @ x, d)` is `np.full(A.shape[0], d)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from srcad.ir.length_exprs import nonnegative_length, shape_query
from srcad.ir.names import base
from srcad.ir.nodes import Assign, Block, Expr, Function, Op, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import map_expr, own_exprs, own_writes, reads, rewrite, walk
from srcad.ir.types import Array, Scalar, Type
from srcad.rules.primitives import PRIMITIVES
from srcad.typing.typeof import typeof

_OF_LENGTHS = {"np.zeros_like": "np.zeros", "np.ones_like": "np.ones", "np.empty_like": "np.empty"}
"""What makes the same array of the lengths."""


def read_shapes_of_parameters(f: Function) -> Function:
    """Read the shape of a parameter where the shape of a computed array is read, and nothing else of that array.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Symbol, dim
    >>> n, m = (dim(Symbol("A", axis)) for axis in (0, 1))
    >>> types = {"A": Array("float64", (n, m)), "x": Array("float64", (m,)), "y": Array("float64", (n,))}
    >>> types.update(z=types["x"], d=Scalar("float64"), d_z=types["x"], d_y=types["y"])
    >>> print(show(read_shapes_of_parameters(Function("f", (Param("A", "A"), Param("x", "x")), parse('''
    ... z = 2.0 * x
    ... y = A @ z
    ... d_y = np.full_like(y, d)
    ... d_z = np.full_like(z, d)
    ... '''), (Var("d_z"), Var("d_y")), types)).body))
    z = 2.0 * x
    y = A @ z
    d_y = np.full(d, shape(A, axis=0))
    d_z = np.full_like(z, d)

    `y` is then dead code; without it, `z` is read for its shape alone, too.
    """
    # a name for what is there anyway stays
    computed = {s.target for s in walk(f.body) if isinstance(s, Assign) and isinstance(s.value, Op)}
    computed -= {s.target for s in walk(f.body) if isinstance(s, Assign) and isinstance(s.value, Var)}
    wanted = _of_shape_only(f.body) & computed - {p.name for p in f.params}
    # a parameter that lives on would keep the name from what the program rebinds it to
    rebound = {base(n) for s in walk(f.body) for n in own_writes(s) if n not in wanted}
    fixed = {p.name: t for p in f.params if base(p.name) not in rebound and (t := f.types.get(p.name)) is not None}
    templates: dict[Type, Var] = {}
    for name, t in fixed.items():
        if isinstance(t, Array):
            templates.setdefault(t, Var(name))

    # what checks at the start ask of a copied parameter, its type takes for granted
    copied = {
        s.target: s.value.args[0]
        for s in f.body
        if isinstance(s, Assign) and isinstance(s.value, Op) and s.value.prim == "copy"
        if isinstance(s.value.args[0], Var) and s.value.args[0].name in fixed
    }

    def template(array: Expr) -> Array | None:
        """The type of an array that is there for its shape alone."""
        is_wanted = array.name in wanted if isinstance(array, Var) else root(array) is None
        t = typeof(array, f.types) if is_wanted else None
        return t if isinstance(t, Array) else None

    def of_parameters(e: Expr) -> Expr:
        if not isinstance(e, Op):
            return e
        same: dict[int, Expr] = {}
        for at in _shape_operands(e):
            t = template(e.args[at])
            if isinstance(array := e.args[at], Var) and t is not None and array.name in copied:
                same[at] = copied[array.name]
            elif t in templates:
                same[at] = templates[t]
            elif t is not None and at == 0:
                return _of_lengths(e, t, fixed, f.types)
        return replace(e, args=tuple(same.get(at, arg) for at, arg in enumerate(e.args))) if same else e

    body = tuple(rewrite(s, lambda e: map_expr(e, of_parameters)) for s in f.body)
    return f if body == f.body else replace(f, body=body)


def _of_lengths(e: Op, t: Array, fixed: Mapping[str, Type], types: Mapping[str, Type]) -> Expr:
    """The operation on an array of type `t`, by its lengths in terms of parameters that stay; else as it is."""
    symbols = {symbol for d in t.dims for symbol, _ in d.terms}
    if t.layout != "C" or not all(s.name in fixed and isinstance(fixed[s.name], Array | Scalar) for s in symbols):
        return e
    lengths = tuple(nonnegative_length(d, shape_query) for d in t.dims)
    dtype = (("dtype", t.dtype),)
    match e:
        case Op("shape", (_,), (("axis", int(axis)),)):
            return lengths[axis]
        case Op("np.full_like", (_, value), ()):
            made = typeof(value, types)
            return Op("np.full", (value, *lengths), () if made == Scalar("float64") == Scalar(t.dtype) else dtype)
        case Op(prim, (_,), ()) if prim in _OF_LENGTHS:
            return Op(_OF_LENGTHS[prim], lengths, () if t.dtype == "float64" else dtype)
    return e


def _of_shape_only(block: Block) -> set[str]:
    """The names of which no element is read."""
    every = Counter(n for s in walk(block) for e in own_exprs(s) for n in reads(e))
    shapes: Counter[str] = Counter()

    def count(e: Expr) -> Expr:
        if isinstance(e, Op):
            shapes.update(arg.name for at in _shape_operands(e) if isinstance(arg := e.args[at], Var))
        return e

    for s in walk(block):
        for e in own_exprs(s):
            map_expr(e, count)
    return {name for name, times in shapes.items() if times == every[name]}


def _shape_operands(e: Op) -> list[int]:
    """The positions of the operands of which an operation reads the shape alone."""
    return [at for at in PRIMITIVES[e.prim].shape_operands if at < len(e.args)] if e.prim in PRIMITIVES else []
