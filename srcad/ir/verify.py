"""Whether a function is well-formed, in normal form or in sequential form: asked after each pass under test."""

from __future__ import annotations

from collections.abc import Container, Iterable

from typing_extensions import assert_never

from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Comment,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Return,
    Slice,
    Stmt,
    Store,
    Undef,
    Var,
    While,
)
from srcad.ir.traversal import defined, names, ops, own_exprs
from srcad.ir.types import ListOf, Scalar


class Malformed(Exception):
    """What is wrong with a function."""


def verify(function: Function, primitives: Container[str]) -> Function:
    """Raise `Malformed` unless every name is assigned once, is defined where it is read, and has a type.

    Operations are of these primitives, their operands are atoms. A call and its results are in one block. Gives the
    function back, so that calls can be chained.

    >>> from srcad.ir.nodes import Op
    >>> verify(Function("f", (), (Assign("y.0", Op("neg", (Var("x.0"),))),), (Var("y.0"),), {}), {"neg"})
    Traceback (most recent call last):
    srcad.ir.verify.Malformed: f: x.0 is read in neg, where it is not defined
    """
    check = _Check(function, primitives)
    for param in function.params:
        check.define(param.name)
    scope = check.block(function.body, frozenset(check.defined))
    for result in function.results:
        check.atom(result, scope, "the results")
    return function


class _Check:
    def __init__(self, function: Function, primitives: Container[str]) -> None:
        self.function = function
        self.primitives = primitives
        self.defined: set[str] = set()

    def fail(self, text: str, stmt: Stmt | None = None) -> None:
        line = getattr(getattr(stmt, "span", None), "line", None)
        where = f", line {line}" if line is not None else ""
        raise Malformed(f"{self.function.name}{where}: {text}")

    def primitive(self, op: Op, stmt: Stmt) -> None:
        if op.prim not in self.primitives:
            self.fail(f"{op.prim} is no primitive", stmt)

    def define(self, name: str, stmt: Stmt | None = None) -> None:
        if name in self.defined:
            self.fail(f"{name} is assigned twice", stmt)
        if name not in self.function.types:
            self.fail(f"{name} has no type", stmt)
        self.defined.add(name)

    def atom(self, expr: Expr, scope: frozenset[str], where: str, stmt: Stmt | None = None) -> None:
        if isinstance(expr, Var):
            if expr.name not in scope:
                self.fail(f"{expr.name} is read in {where}, where it is not defined", stmt)
        elif not isinstance(expr, Const):
            self.fail(f"{where} has {type(expr).__name__} where an atom is needed", stmt)

    def arrival(self, expr: Expr, scope: frozenset[str], where: str, stmt: Stmt) -> None:
        if not isinstance(expr, Undef):
            self.atom(expr, scope, where, stmt)

    def item(self, expr: Expr, scope: frozenset[str], where: str, stmt: Stmt) -> None:
        if isinstance(expr, Slice):
            for part in (expr.lower, expr.upper, expr.step):
                if part is not None:
                    self.atom(part, scope, where, stmt)
        else:
            self.atom(expr, scope, where, stmt)

    def items(self, exprs: Iterable[Expr], scope: frozenset[str], where: str, stmt: Stmt) -> None:
        for expr in exprs:
            self.item(expr, scope, where, stmt)

    def base(self, expr: Expr, scope: frozenset[str], stmt: Stmt) -> None:
        """The target of a store: a name, or views on one."""
        if isinstance(expr, Op) and expr.prim in ("index", "np.transpose", "reshape"):
            self.base(expr.args[0], scope, stmt)
            self.items(expr.args[1:], scope, "the path of a store", stmt)
        else:
            self.atom(expr, scope, "the target of a store", stmt)

    def scalar(self, expr: Expr, what: str, stmt: Stmt) -> None:
        if isinstance(expr, Var) and not isinstance(self.function.types[expr.name], Scalar):
            self.fail(f"{what} is not a scalar", stmt)

    def block(self, block: Block, scope: frozenset[str]) -> frozenset[str]:
        """Check a block; the names defined at its end."""
        for stmt in block:
            scope = self.stmt(stmt, scope)
        here = {stmt.target for stmt in block if isinstance(stmt, Assign)}
        for stmt in block:  # the adjoint of a call stands where its results are
            match stmt:
                case Assign(target, Op("result", (Var(of),))) if of not in here:
                    self.fail(f"{target} is a result of a call in another block", stmt)
        return scope

    def stmt(self, stmt: Stmt, scope: frozenset[str]) -> frozenset[str]:
        match stmt:
            case Assign(target, value):
                if isinstance(value, Op):
                    self.primitive(value, stmt)
                    self.items(value.args, scope, value.prim, stmt)
                else:
                    self.atom(value, scope, f"the assignment of {target}", stmt)
                self.define(target, stmt)
                return scope | {target}
            case Store(base, index, value):
                self.base(base, scope, stmt)
                self.items(index, scope, "the index of a store", stmt)
                self.atom(value, scope, "a store", stmt)
                return scope
            case If(cond, then, orelse, joins):
                self.atom(cond, scope, "the condition of an if", stmt)
                self.scalar(cond, "the condition of an if", stmt)
                after_then, after_else = self.block(then, scope), self.block(orelse, scope)
                for join in joins:
                    self.arrival(join.then, after_then, f"the join {join.target}", stmt)
                    self.arrival(join.orelse, after_else, f"the join {join.target}", stmt)
                    self.define(join.target, stmt)
                return scope | {join.target for join in joins}
            case For():
                return self.loop_for(stmt, scope)
            case While(test, cond, body, carried):
                for carry in carried:
                    self.arrival(carry.init, scope, f"the start of {carry.arg}", stmt)
                    self.define(carry.arg, stmt)
                inside = self.block(test, scope | {carry.arg for carry in carried})
                self.atom(cond, inside, "the condition of a while", stmt)
                end = self.block(body, inside)
                for carry in carried:
                    self.arrival(carry.next, end, f"the next {carry.arg}", stmt)
                    self.define(carry.result, stmt)
                return scope | {carry.result for carry in carried}
            case Effect(call):
                self.primitive(call, stmt)
                for arg in call.args:
                    is_list = isinstance(arg, Var) and isinstance(self.function.types.get(arg.name), ListOf)
                    if not is_list or arg.name not in scope:  # type: ignore[union-attr]
                        self.atom(arg, scope, call.prim, stmt)
                return scope
            case Comment():
                return scope
            case AugAssign() | Return():
                self.fail(f"{type(stmt).__name__} is no statement of normal form", stmt)
                return scope
            case _:
                assert_never(stmt)

    def loop_for(self, stmt: For, scope: frozenset[str]) -> frozenset[str]:
        for bound in (stmt.start, stmt.stop, stmt.step):
            self.atom(bound, scope, "the range of a for", stmt)
            self.scalar(bound, "a bound of a for", stmt)
        self.define(stmt.index, stmt)
        for carry in stmt.carried:
            self.arrival(carry.init, scope, f"the start of {carry.arg}", stmt)
            self.define(carry.arg, stmt)
        inside = scope | {stmt.index} | {carry.arg for carry in stmt.carried}
        end = self.block(stmt.body, inside)
        if stmt.exit is not None:
            self.atom(stmt.exit, end, "the exit of a for", stmt)
        for carry in stmt.carried:
            self.arrival(carry.next, end, f"the next {carry.arg}", stmt)
            self.define(carry.result, stmt)
        return scope | {carry.result for carry in stmt.carried}


# ---- sequential form -------------------------------------------------------------------------


def verify_sequential(function: Function, primitives: Container[str]) -> Function:
    """Raise `Malformed` unless every name that is read may have been assigned, and every assigned name has a type.

    Operations are of these primitives, nothing is joined or carried, and the function returns once, in the end. Gives
    the function back, so that calls can be chained.
    """
    check = _CheckSequential(function, primitives)
    known = check.block(function.body, frozenset(p.name for p in function.params))
    for result in function.results:
        check.read(result, known, None)
    return function


def verify_sweeps(function: Function, primitives: Container[str]) -> Function:
    """As `verify_sequential`, of a function with joins and carries, whose adjoints are updated in place."""
    check = _CheckSequential(function, primitives, ssa=True)
    known = check.block(function.body, frozenset(p.name for p in function.params))
    for result in function.results:
        check.read(result, known, None)
    return function


class _CheckSequential:
    def __init__(self, function: Function, primitives: Container[str], ssa: bool = False) -> None:
        self.function = function
        self.primitives = primitives
        self.ssa = ssa
        """Whether there are joins and carries."""

    def fail(self, text: str, stmt: Stmt | None) -> None:
        line = getattr(getattr(stmt, "span", None), "line", None)
        where = f", line {line}" if line is not None else ""
        raise Malformed(f"{self.function.name}{where}: {text}")

    def read(self, expr: Expr, known: frozenset[str], stmt: Stmt | None) -> None:
        for name in names(expr) - known:
            self.fail(f"{name} is read where nothing has given it a value", stmt)
        for op in ops(expr):
            if op.prim not in self.primitives:
                self.fail(f"{op.prim} is no primitive", stmt)

    def assigned(self, target: str, stmt: Stmt) -> None:
        if target not in self.function.types:
            self.fail(f"{target} has no type", stmt)

    def block(self, block: Block, known: frozenset[str]) -> frozenset[str]:
        for at, stmt in enumerate(block):
            if isinstance(stmt, Return) and (block is not self.function.body or at + 1 < len(block)):
                self.fail("a return that is not the last statement", stmt)
            known = self.statement(stmt, known)
        return known

    def statement(self, stmt: Stmt, known: frozenset[str]) -> frozenset[str]:
        match stmt:
            case Assign(target):
                self.expressions(stmt, known)
                self.assigned(target, stmt)
                return known | {target}
            case AugAssign(target):
                self.expressions(stmt, known)
                if target not in known:
                    self.fail(f"{target} is updated where nothing has given it a value", stmt)
                return known
            case Store() | Effect() | Return():
                self.expressions(stmt, known)
                return known
            case Comment():
                return known
            case If(cond, then, orelse, joins):
                self.read(cond, known, stmt)
                if joins and not self.ssa:
                    self.fail("a join", stmt)
                after_then, after_else = self.block(then, known), self.block(orelse, known)
                for join in joins:
                    self.read(join.then, after_then, stmt)
                    self.read(join.orelse, after_else, stmt)
                return (after_then | after_else).union(join.target for join in joins)
            case For(index, body=body, exit=leave):
                for bound in (stmt.start, stmt.stop, stmt.step):
                    self.read(bound, known, stmt)
                # an earlier iteration may have assigned it
                inside = known | {index} | defined(body) | self.begun(stmt, known)
                self.block(body, inside)
                if leave is not None:
                    self.read(leave, inside, stmt)
                return inside | self.ended(stmt, inside)
            case While(test, cond, body):
                inside = self.block(test, known | defined(test) | defined(body) | self.begun(stmt, known))
                self.read(cond, inside, stmt)
                self.block(body, inside)
                return inside | self.ended(stmt, inside)
            case _:
                assert_never(stmt)

    def begun(self, loop: For | While, known: frozenset[str]) -> frozenset[str]:
        """The names that the loop carries, in its body."""
        if loop.carried and not self.ssa:
            self.fail("a carry", loop)
        for carry in loop.carried:
            self.read(carry.init, known, loop)
        return frozenset(carry.arg for carry in loop.carried)

    def ended(self, loop: For | While, inside: frozenset[str]) -> frozenset[str]:
        """The names that the loop carries, behind it."""
        for carry in loop.carried:
            self.read(carry.next, inside, loop)
        return frozenset(carry.result for carry in loop.carried)

    def expressions(self, stmt: Stmt, known: frozenset[str]) -> None:
        for expr in own_exprs(stmt):
            self.read(expr, known, stmt)
