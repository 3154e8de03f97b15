"""Copy propagation, removal of trivial joins and carries, and dead code elimination, in normal form."""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.values.control_dependence import controlling_names, with_control_dependence
from srcad.analysis.values.effects import is_pure
from srcad.ir.names import is_temporary
from srcad.ir.nodes import (
    Assign,
    Block,
    Carry,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Join,
    Return,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.traversal import (
    blocks,
    names,
    own_exprs,
    own_stores,
    rename,
    replace_names,
    substitute,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Scalar, Type, is_alike


def prune(f: Function) -> Function:
    """Remove dead assignments, joins and carries; replace names that always equal another.

    >>> from srcad.ir.nodes import Op
    >>> from srcad.ir.printer import text
    >>> square = Assign("%product.0", Op("*", (Const(3.0), Const(3.0))))
    >>> print(text(prune(Function("f", (), (square, Assign("y.0", Var("%product.0"))), (Var("y.0"),), {}))))
    f():
        y.0 = 3.0 * 3.0
        return y.0

    A carry that feeds only itself is dead, as is an array that is only written to. `%t = e; x = %t` becomes
    `x = e`: the user's name is preferred.
    """
    while True:
        new = _remove_dead(_trivial(_copies(f)))
        if new.body == f.body and new.results == f.results:
            return new
        f = new


# ---- copies ------------------------------------------------------------------------------------


def _copies(f: Function) -> Function:
    """Remove `x = y`: x is replaced by y, or the temporary y is renamed to x."""
    params = {p.name for p in f.params}
    expressions: dict[str, Expr] = {}
    names_: dict[str, str] = {}
    renaming: set[tuple[str, str]] = set()
    for stmt in walk(f.body):
        if not isinstance(stmt, Assign):
            continue
        value = stmt.value
        if isinstance(value, Var):
            source = _follow(value.name, names_, expressions)
            if isinstance(source, Var) and not is_alike(f.types.get(stmt.target), f.types.get(source.name)):
                continue
            of_user = not is_temporary(stmt.target)
            if of_user and isinstance(source, Var) and is_temporary(source.name) and source.name not in params:
                names_[source.name] = stmt.target
                renaming.add((value.name, stmt.target))  # perhaps by way of another copy
                continue
            expressions[stmt.target] = source
        elif isinstance(value, Const) and is_temporary(stmt.target) and _has_type_of(value, f.types.get(stmt.target)):
            expressions[stmt.target] = value
    if not expressions and not names_:
        return f
    mapping = {n: _renamed(e, names_) for n, e in expressions.items()}
    body = _without(f.body, frozenset(mapping), frozenset(renaming))
    body = substitute(rename(body, names_), mapping)
    results = tuple(replace_names(replace_names(e, {k: Var(v) for k, v in names_.items()}), mapping) for e in f.results)
    return replace(f, body=body, results=results)


def _follow(name: str, names_: dict[str, str], expressions: dict[str, Expr]) -> Expr:
    name = names_.get(name, name)
    return expressions.get(name, Var(name))


def _renamed(e: Expr, names_: dict[str, str]) -> Expr:
    return Var(names_.get(e.name, e.name)) if isinstance(e, Var) else e


def _without(block: Block, copies: frozenset[str], renamed: frozenset[tuple[str, str]]) -> Block:
    remaining: list[Stmt] = []
    for stmt in block:
        if isinstance(stmt, Assign):
            if stmt.target in copies:
                continue
            if isinstance(stmt.value, Var) and (stmt.value.name, stmt.target) in renamed:
                continue
        remaining.append(with_blocks(stmt, [_without(b, copies, renamed) for b in blocks(stmt)]))
    return tuple(remaining)


def _has_type_of(value: Const, known: Type | None) -> bool:
    dtype = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}.get(type(value.value))
    return isinstance(known, Scalar) and known.dtype == dtype


# ---- trivial joins and carries -----------------------------------------------------------------


def _trivial(f: Function) -> Function:
    """Remove joins and carries that always are one value, or the same array as another."""
    mapping: dict[str, Expr] = {}

    def block(b: Block) -> Block:
        return tuple(map(one, b))

    def one(stmt: Stmt) -> Stmt:
        match stmt:
            case If(then=then, orelse=orelse, joins=joins):
                remaining: list[Join] = []
                for j in joins:
                    if j.then == j.orelse and isinstance(j.then, Var | Const):
                        mapping[j.target] = j.then
                    elif same := _same_array(f, j.target, [k.target for k in remaining if _values(k) == _values(j)]):
                        mapping[j.target] = Var(same)
                    else:
                        remaining.append(j)
                return replace(stmt, then=block(then), orelse=block(orelse), joins=tuple(remaining))
            case For(body=body, carried=carried):
                return replace(stmt, body=block(body), carried=carries(carried))
            case While(test=test, body=body, carried=carried):
                return replace(stmt, test=block(test), body=block(body), carried=carries(carried))
            case _:
                return stmt

    def carries(carried: tuple[Carry, ...]) -> tuple[Carry, ...]:
        remaining: list[Carry] = []
        for c in carried:
            # what is unbound before the loop may stay unbound: no iteration is known to bind it
            if isinstance(c.init, Var | Const) and c.next in (Var(c.arg), c.init):
                mapping[c.arg] = mapping[c.result] = c.init
            elif same := _same_array(f, c.arg, [k.arg for k in remaining if _values(k) == _values(c)]):
                mapping[c.arg], mapping[c.result] = Var(same), Var(next(k.result for k in remaining if k.arg == same))
            else:
                remaining.append(c)
        return tuple(remaining)

    body = block(f.body)
    if not mapping:
        return f
    while any(names(e) & mapping.keys() for e in mapping.values()):
        mapping.update({n: replace_names(e, mapping) for n, e in mapping.items()})
    results = tuple(replace_names(e, mapping) for e in f.results)
    return replace(f, body=substitute(body, mapping), results=results)


def _values(one: Join | Carry) -> tuple[Expr, Expr]:
    return (one.then, one.orelse) if isinstance(one, Join) else (one.init, one.next)


def _same_array(f: Function, name: str, others: list[str]) -> str | None:
    """Of names with the same sources as `name`, one that can replace it: an array has one name, not two."""
    known = f.types.get(name)
    return next((o for o in others if isinstance(known, Array) and is_alike(f.types.get(o), known)), None)


# ---- dead code ---------------------------------------------------------------------------------


class _Liveness:
    """Which names and memory are live."""

    def __init__(self, f: Function) -> None:
        self.shared: MayAlias = may_alias(f.body, f.types)
        self.defines: dict[str, list[frozenset[str]]] = {}
        """For each name (`&x` for memory): the names and memory that its definitions read."""
        self.needed: set[str] = set()
        self._worklist: list[str] = []
        for stmt, around in with_control_dependence(f.body):
            self._record(stmt, around)
        outside = {p.name for p in f.params} | {n for e in f.results for n in names(e)}
        self.need(outside | {self._memory(n) for n in outside})
        while self._worklist:
            for reads in self.defines.get(self._worklist.pop(), ()):
                self.need(reads)

    def _memory(self, name: str) -> str:
        return "&" + self.shared.class_of(name)

    def need(self, wanted: frozenset[str] | set[str]) -> None:
        new = wanted - self.needed
        self.needed |= new
        self._worklist += sorted(new)

    def _reads(self, *exprs: Expr) -> frozenset[str]:
        """The names in expressions, and their memory."""
        found = frozenset(n for e in exprs for n in names(e))
        return found | {"&" + n for e in exprs for n in self.shared.reads_contents(e)}

    def _define(self, target: str, reads: frozenset[str]) -> None:
        self.defines.setdefault(target, []).append(reads)

    def _record(self, stmt: Stmt, around: frozenset[str]) -> None:
        """`around`: the names that control whether the statement is reached."""
        match stmt:
            case Assign(target, value):
                # a live view makes only the name it is of live; its memory is live where it is read
                reads = frozenset(names(value)) | {"&" + n for n in self.shared.reads(value)} | around
                self._define(target, reads)
                for changed in own_stores(stmt):
                    self._define(self._memory(changed), reads | {target})
                if not is_pure(value):
                    self.need(reads)
            case Store(base, index, value):
                for changed in own_stores(stmt):
                    self._define(self._memory(changed), self._reads(*index, value) | names(base) | around)
            case If(joins=joins):
                for j in joins:
                    self._define(j.target, self._reads(j.then, j.orelse) | self._reads(stmt.cond) | around)
            case For(carried=carried) | While(carried=carried):
                inside = around | controlling_names(stmt)
                for c in carried:
                    self._define(c.arg, self._reads(c.init, c.next) | inside)
                    self._define(c.result, frozenset({c.arg}) | inside)
                if isinstance(stmt, For):
                    self._define(stmt.index, inside)
            case Effect(call):
                self.need(self._reads(call) | around)
                for changed in own_stores(stmt):
                    self._define(self._memory(changed), around)
            case Return(values):
                self.need(self._reads(*values))
            case _:
                pass


def _remove_dead(f: Function) -> Function:
    """Remove what is not live."""
    liveness = _Liveness(f)
    needed = liveness.needed

    def block(b: Block) -> Block:
        return tuple(new for stmt in b if (new := one(stmt)) is not None)

    def one(stmt: Stmt) -> Stmt | None:
        match stmt:
            case Assign(target, value):
                return stmt if target in needed or not is_pure(value) else None
            case Store():
                return stmt if any("&" + liveness.shared.class_of(n) in needed for n in own_stores(stmt)) else None
            case If(then=then, orelse=orelse, joins=joins):
                new = replace(
                    stmt,
                    then=block(then),
                    orelse=block(orelse),
                    joins=tuple(j for j in joins if j.target in needed),
                )
                return new if new.then or new.orelse or new.joins else None
            case For(body=body, carried=carried):
                loop = replace(stmt, body=block(body), carried=remaining(carried))
                read_after = stmt.index in needed and _read_outside(f, stmt)
                return loop if loop.body or loop.carried or read_after else None
            case While(test=test, body=body, carried=carried):
                pruned = replace(stmt, test=block(test), body=block(body), carried=remaining(carried))
                return pruned if pruned.body or pruned.carried else None
            case _:
                return stmt

    def remaining(carried: tuple[Carry, ...]) -> tuple[Carry, ...]:
        return tuple(c for c in carried if c.arg in needed or c.result in needed)

    return replace(f, body=block(f.body))


def _read_outside(f: Function, loop: For) -> bool:
    """Whether the index is read by something that is not in the loop."""
    inside = sum(loop.index in names(e) for s in walk(loop.body) for e in own_exprs(s))
    everywhere = sum(loop.index in names(e) for s in walk(f.body) for e in own_exprs(s))
    results = any(loop.index in names(e) for e in f.results)
    return results or everywhere > inside
