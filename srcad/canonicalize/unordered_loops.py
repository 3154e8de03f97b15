"""Loops whose iterations the user lets run in any order (`numba.prange`): those that surely depend on each other are
refused.

Only what is certain counts: an index that is read from an array may or may not repeat. A sum is no dependence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from srcad.errors import fail
from srcad.ir.length_exprs import linear_expression
from srcad.ir.names import stem
from srcad.ir.nodes import Assign, Block, Carry, Const, Expr, For, Function, If, Op, Span, Stmt, Store, Var, While
from srcad.ir.printer import expr_text
from srcad.ir.traversal import defined, names, ops, own_exprs, walk
from srcad.ir.types import Dim, Type
from srcad.rules.traits import COMPARISONS
from srcad.typing.typeof import linear_value

_COMBINES = frozenset({"+", "-", "*", "/", "max", "min", "np.maximum", "np.minimum", "and", "or"})
"""What a variable is combined with the values of iterations by, in any order."""
_WHY = "The iterations of prange run in any order, several at once: compiled by Numba, the function has other results."
_ADVICE = "write range: which loops may run on threads, `parallel=True` finds out."


def refuse_dependent_iterations(f: Function) -> Function:
    """The function as it is; S132 where iterations of a loop in any order surely depend on each other.

    >>> from dataclasses import replace
    >>> from srcad.compiler.stages import normal_form
    >>> import numpy as np
    >>> def shifted(x, y):
    ...     for i in range(1, len(x)):
    ...         y[i] = y[i - 1] + x[i]
    >>> f = normal_form(shifted, np.ones(9), np.ones(9))
    >>> body = tuple(replace(s, unordered=True) if isinstance(s, For) else s for s in f.body)
    >>> refuse_dependent_iterations(replace(f, body=body))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    srcad.errors.UnsupportedError: srcad error S132: an iteration of prange reads y[i - 1], another one writes y[i]
    ...
    """
    for stmt in walk(f.body):
        if isinstance(stmt, For) and stmt.unordered:
            _refuse_carried(stmt)
            _refuse_elements(stmt, f.types)
    return f


# ---- variables ---------------------------------------------------------------------------------


def _refuse_carried(loop: For) -> None:
    """A variable that an iteration has from the one before, and does more with than to add to it."""
    for carry in loop.carried:
        if carry.next == Var(carry.arg):
            continue
        reader = _reader(carry, loop.body)
        if reader is not None:
            what = f"an iteration of prange reads {stem(carry.arg)}, which another one assigns to"
            fail("S132", what, getattr(reader, "span", None) or loop.span, _WHY, _ADVICE)


def _reader(carry: Carry, body: Block) -> Stmt | None:
    """The first statement that reads the variable other than to combine it with a value."""
    values = {carry.arg}
    for stmt in walk(body):
        match stmt:
            case Assign(target, Op(prim, args)) if prim in _COMBINES and len(values.intersection(_names(args))) == 1:
                first = {n for n in values if args and Var(n) == args[0]}
                if prim in ("-", "/") and not first:
                    return stmt
                values.add(target)
                continue
            case Assign(_, Op(prim)) if prim in COMPARISONS:
                continue  # as in `max`, and where the largest value is found by hand
            case Assign(target, Var(name)) if name in values:
                values.add(target)
                continue
            case If(cond, joins=joins) if values.isdisjoint(names(cond)):
                values |= {j.target for j in joins if values & (names(j.then) | names(j.orelse))}
                continue
            case For(carried=carried, start=start, stop=stop) if values.isdisjoint(names(start) | names(stop)):
                values |= {n for c in carried if values & names(c.init) for n in (c.arg, c.result)}
                continue
        if any(values & names(e) for e in own_exprs(stmt)):
            return stmt
    return None


def _names(exprs: Sequence[Expr]) -> list[str]:
    return [name for e in exprs for name in names(e)]


# ---- elements of arrays ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Access:
    """An element that each iteration accesses."""

    array: str
    items: tuple[Dim, ...]
    writes: bool
    adds: bool
    """It is added to, which is no dependence on others that add."""
    constant: bool
    """The same value is written in each iteration."""
    span: Span | None

    @property
    def text(self) -> str:
        items = (
            expr_text(linear_expression(item, lambda symbol: Var(stem(symbol.name.lstrip("?"))))) for item in self.items
        )
        return f"{stem(self.array)}[{', '.join(_bare(item) for item in items)}]"


def _bare(text: str) -> str:
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


def _refuse_elements(loop: For, types: Mapping[str, Type]) -> None:
    accesses = list(_accesses(loop.body, loop, types, frozenset({loop.index})))
    for write in accesses:
        for other in accesses:
            if write.writes and write.array == other.array and _conflict(write, other, loop, types):
                does = "writes" if other.writes else "reads"
                what = f"an iteration of prange {does} {other.text}, another one writes {write.text}"
                line = f" Line {write.span.line} writes." if write.span is not None else ""
                fail("S132", what, other.span or loop.span, _WHY + line, _ADVICE)


def _accesses(block: Block, loop: For, types: Mapping[str, Type], counters: frozenset[str]) -> Iterator[_Access]:
    """The accesses that each iteration makes, for what is surely the same values of the inner counters."""
    changing = defined(loop.body) | {loop.index}
    for stmt in block:
        if isinstance(stmt, If | While):
            continue
        match stmt:
            case Assign(_, value, span):
                for part in ops(value):
                    match part:
                        case Op("index", (Var(array), *items)):
                            yield from _access(array, items, False, False, False, span, types, changing - counters)
            case Store(Var(array), index, value, sign, span):
                constant = isinstance(value, Const) or names(value).isdisjoint(changing)
                yield from _access(array, index, True, sign in ("+", "-"), constant, span, types, changing - counters)
            case For(index, start, stop) if _is_fixed(start, types, changing) and _is_fixed(stop, types, changing):
                yield from _accesses(stmt.body, loop, types, counters | {index})


def _is_fixed(bound: Expr, types: Mapping[str, Type], changing: frozenset[str]) -> bool:
    value = linear_value(bound, types)
    return value is not None and changing.isdisjoint(_of(symbol.name) for symbol, _ in value.terms)


def _access(
    array: str,
    items: Sequence[Expr],
    writes: bool,
    adds: bool,
    constant: bool,
    span: Span | None,
    types: Mapping[str, Type],
    changing: frozenset[str],
) -> Iterator[_Access]:
    found = [linear_value(item, types) for item in items]
    known = [item for item in found if item is not None]
    if array in changing or len(known) < len(found):
        return
    if all(changing.isdisjoint(_of(symbol.name) for symbol, _ in item.terms) for item in known):
        yield _Access(array, tuple(known), writes, adds, constant, span)


def _conflict(write: _Access, other: _Access, loop: For, types: Mapping[str, Type]) -> bool:
    """Whether the element that one iteration writes is accessed by another one."""
    if (write.adds and other.adds) or len(write.items) != len(other.items):
        return False
    distance: int | None = None
    for a, b in zip(write.items, other.items, strict=True):
        steps = [{c for symbol, c in item.terms if _of(symbol.name) == loop.index} for item in (a, b)]
        difference = a - b
        if steps[0] != steps[1] or difference.terms:
            return False
        if not steps[0]:
            if difference.const:
                return False
            continue
        (step,) = steps[0]
        if difference.const % step or distance not in (None, difference.const // step):
            return False
        distance = difference.const // step
    if distance is None:  # all iterations access this element
        return not (write is other or other.writes) or not write.constant
    return distance != 0 and _are_apart(loop, distance, types)


def _are_apart(loop: For, distance: int, types: Mapping[str, Type]) -> bool:
    """Whether two iterations have indices of this difference. A loop of unknown length is taken to be long."""
    start, stop = linear_value(loop.start, types), linear_value(loop.stop, types)
    if not isinstance(loop.step, Const) or not isinstance(loop.step.value, int) or distance % loop.step.value:
        return False
    length = None if start is None or stop is None else stop - start
    return length is None or bool(length.terms) or abs(distance) < abs(length.const)


def _of(symbol: str) -> str:
    """The name of the integer that a symbol of a type stands for."""
    return symbol.lstrip("?")
