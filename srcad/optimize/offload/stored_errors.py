"""Checks in kernels: a thread cannot raise an error, so it stores which check has failed, and the host raises it."""

from __future__ import annotations

from dataclasses import dataclass

from srcad.backend.cuda.device_program import LEAVE, NO_ERROR, TO_HOST
from srcad.ir.loop_nest import element
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, Block, Const, Effect, Expr, If, Op, Stmt, Store, Var
from srcad.ir.runtime_checks import Check, check, check_of, negated
from srcad.ir.traversal import blocks, walk, with_blocks
from srcad.ir.types import Array, Type, dim


@dataclass(frozen=True)
class StoredErrors:
    """The array `name` of a kernel: the number of a check that has failed, or 0, then the values of its message."""

    name: str
    checks: tuple[Check, ...]

    @property
    def allocated(self) -> Stmt:
        """The array is made, with no error."""
        return Assign(self.name, Op(NO_ERROR, (Const(_length(self.checks)),)))

    def raised(self, types: dict[str, Type], again: Stmt | None = None) -> Block:
        """What raises the error of Python.

        That is the first one: `again` launches one thread, which finds it in the order of the iterations. The kernel of
        one thread has found the first already.
        """
        found = fresh_name("found", types[self.name], types)
        copied = Assign(found, Op(TO_HOST, (Var(self.name),)))
        raised: list[Stmt] = []
        for number, one in enumerate(self.checks, 1):
            places = iter(range(1, 1 + len(_values(one))))
            message = [p if isinstance(p, str) else element(found, (Const(next(places)),)) for p in one.message]
            fails = check(Const(False), one.error, message)
            raised.append(If(Op("==", (element(found, (Const(0),)), Const(number))), (fails,), ()))
        inside = (*(() if again is None else (again, copied)), *raised)
        return copied, If(Op("!=", (element(found, (Const(0),)), Const(0))), inside, ())


def with_stored_errors(block: Block, types: dict[str, Type]) -> tuple[Block, StoredErrors | None]:
    """The block in which a check that fails stores its number and its values, and ends the thread.

    None where there is no check. `types` gets the type of the array.
    """
    checks = tuple(found for stmt in walk(block) if (found := check_of(stmt)) is not None)
    if not checks:
        return block, None
    name = fresh_name("error", Array("int64", (dim(_length(checks)),)), types)
    number = iter(range(1, len(checks) + 1))

    def changed(stmt: Stmt) -> Stmt:
        found = check_of(stmt)
        if found is None:
            return with_blocks(stmt, [tuple(map(changed, b)) for b in blocks(stmt)])
        told = (Const(next(number)), *_values(found))
        stores = tuple(Store(Var(name), (Const(at),), value) for at, value in enumerate(told))
        return If(negated(found.condition), (*stores, Effect(Op(LEAVE))), ())

    return tuple(map(changed, block)), StoredErrors(name, checks)


def _length(checks: tuple[Check, ...]) -> int:
    return 1 + max(len(_values(one)) for one in checks)


def _values(one: Check) -> tuple[Expr, ...]:
    return tuple(part for part in one.message if not isinstance(part, str))
