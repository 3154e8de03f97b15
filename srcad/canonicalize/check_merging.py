"""Merging of the checks of constant indices of one axis: that of the largest one stands for all.

>>> import numpy as np
>>> from srcad.canonicalize.index_checks import insert_index_checks
>>> from srcad.canonicalize.prune import prune
>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "user_module"
>>> def product(x):
...     return x[0] * x[1]
>>> print(text(prune(merge_index_checks(insert_index_checks(normal_form(product, np.ones(2)))))))
product(x: float64[x.0]):
    %n.0 = shape(x, axis=0)
    %test.0 = %n.0 > 1
    check(%test.0, %n.0, derived=True, error='IndexError', texts=('L2: x[1]: index 1 is out of bounds for length ', ''))
    %item.0 = x[0]
    %item.1 = x[1]
    %product.0 = %item.0 * %item.1
    return %product.0
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, Block, Const, Effect, Function, Op, Stmt, Var
from srcad.ir.runtime_checks import check_of
from srcad.ir.traversal import blocks, ops, with_blocks
from srcad.rules.primitives import PRIMITIVES


@dataclass
class _Asked:
    """The check of an axis that later ones may be merged into: where its test and the check stand, and the index."""

    test: int
    check: int
    index: int


def merge_index_checks(f: Function) -> Function:
    """Let the first check of an axis ask for the largest of the constant indices that follow.

    Nothing but computing lies between, so that the program raises the same class of error where it did, a few
    expressions earlier. The message names the largest index.
    """
    body = _block(f.body)
    return f if body == f.body else replace(f, body=body)


def _block(block: Block) -> Block:
    out: list[Stmt] = []
    lengths: dict[str, tuple[str, object]] = {}
    tests: dict[str, tuple[int, str, int]] = {}
    asked: dict[tuple[str, object], _Asked] = {}
    for stmt in block:
        match stmt:
            case Assign(name, Op("shape", (Var(array),), ((_, axis),))):
                lengths[name] = array, axis
            case Assign(name, Op(">", (Var(length), Const(int(index))))) if length in lengths:
                tests[name] = len(out), length, index
            case Effect(Op("check", (Var(test), *_))) if test in tests and _is_of_index(stmt):
                at, length, index = tests[test]
                first = asked.get(lengths[length])
                if first is None:
                    asked[lengths[length]] = _Asked(at, len(out), index)
                else:
                    if index > first.index:
                        _ask_for(out, first, index, stmt)
                    continue
            case Assign(_, value) if is_pure(value) and not any(map(_may_raise, ops(value))):
                pass
            case _:
                asked.clear()
                stmt = with_blocks(stmt, [_block(b) for b in blocks(stmt)])
        out.append(stmt)
    return tuple(out)


def _is_of_index(stmt: Effect) -> bool:
    found = check_of(stmt)
    return found is not None and found.derived and found.error == "IndexError"


def _ask_for(out: list[Stmt], first: _Asked, index: int, later: Effect) -> None:
    """The check asks for this index, in the words of the later one."""
    test, check = out[first.test], out[first.check]
    assert isinstance(test, Assign) and isinstance(test.value, Op) and isinstance(check, Effect)
    length = test.value.args[0]
    out[first.test] = replace(test, value=Op(">", (length, Const(index))))
    out[first.check] = Effect(Op("check", check.call.args, later.call.static), later.span)
    first.index = index


def _may_raise(op: Op) -> bool:
    """Whether an operation may raise an error itself: a division of integers, or one on matrices."""
    return op.prim in ("//", "%", "divmod", "call") or PRIMITIVES[op.prim].kind not in ("elementwise", "view", "query")
