"""Which lengths a statement that has completed shows to be equal: otherwise NumPy would have raised an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from srcad.analysis.integers.residual_conditions import equalities
from srcad.ir.nodes import Assign, Const, Effect, Expr, Op, Stmt, Store
from srcad.ir.traversal import place
from srcad.ir.types import Array, Dim, Scalar, Type
from srcad.rules.primitives import PRIMITIVES


def implied_equalities(stmt: Stmt, typeof: Callable[[Expr], Type | None]) -> Iterator[tuple[Dim, Dim]]:
    """The pairs of lengths; of an expression of several operations, by the outermost.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import Symbol, dim
    >>> from srcad.typing.typeof import typeof
    >>> w, h = (dim(Symbol("w", 0)), dim(Symbol("w", 1))), (dim(Symbol("h", 0)),)
    >>> types = {"w": Array("float64", w), "h": Array("float64", h)}
    >>> (stmt,) = parse("h = w @ h")
    >>> list(implied_equalities(stmt, lambda e: typeof(e, types))) == [(w[1], h[0])]
    True
    """
    match stmt:
        case Assign(_, Op(prim, args)):
            lengths = [_lengths(typeof(a)) for a in args]
            if PRIMITIVES[prim].kind == "elementwise":
                yield from _broadcast(lengths)
            for signature in PRIMITIVES[prim].dims:
                yield from _signed(signature.partition("->")[0].split(","), lengths)
        case Store(_, _, value):
            # the value is broadcast, the target is not
            pairs = zip(reversed(_lengths(typeof(value))), reversed(_lengths(typeof(place(stmt)))), strict=False)
            yield from ((own, its) for own, its in pairs if own.is_not_one)
        case Effect(Op("check", (condition, *_))):
            for a, b in equalities(condition):
                if _is_never_negative(a) or _is_never_negative(b):
                    one, other = typeof(a), typeof(b)
                    if isinstance(one, Scalar) and isinstance(other, Scalar) and one.dim and other.dim:
                        yield one.dim, other.dim


def _is_never_negative(e: Expr) -> bool:
    """Certainly at least 0: integers that are equal to this one are equal as lengths."""
    match e:
        case Const(int(value)):
            return value >= 0
        case Op("shape" | "len"):
            return True
    return False


def _lengths(known: Type | None) -> tuple[Dim, ...]:
    return known.dims if isinstance(known, Array) else ()


def _broadcast(operands: Sequence[tuple[Dim, ...]]) -> Iterator[tuple[Dim, Dim]]:
    """The equalities by broadcasting, of lengths that are not 1.

    >>> from srcad.ir.types import dim
    >>> two, three = dim(2), dim(3)
    >>> list(_broadcast([(two, two), (three,), ()])) == [(two, three)]
    True
    """
    for axis in range(1, max(map(len, operands), default=0) + 1):
        longer = [lengths[-axis] for lengths in operands if axis <= len(lengths) and lengths[-axis].is_not_one]
        yield from pairwise(longer)


def _signed(letters: Sequence[str], operands: Sequence[tuple[Dim, ...]]) -> Iterator[tuple[Dim, Dim]]:
    """The equalities by a signature for operands of these ranks; none where it is for other ranks, or any (`...`).

    >>> from srcad.ir.types import dim
    >>> two, three, four = dim(2), dim(3), dim(4)
    >>> list(_signed(["ij", "jk"], [(two, three), (four, two)])) == [(three, four)]
    True
    """
    if any("..." in word for word in letters) or [len(word) for word in letters] != [
        len(lengths) for lengths in operands
    ]:
        return
    named: dict[str, Dim] = {}
    for word, lengths in zip(letters, operands, strict=True):
        for letter, length in zip(word, lengths, strict=True):
            if letter in named:
                yield named[letter], length
            named[letter] = length
