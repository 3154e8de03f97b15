"""Inlining of calls, in sequential form: for what is compiled, where a caller's loop and a callee's are one.

>>> from srcad.ir.called import Called
>>> from srcad.ir.nodes import Param
>>> from srcad.ir.notation import parse, show
>>> x = Scalar("float64")
>>> half = Function("half", (Param("x", "x"),), parse("y = 0.5 * x"), (Var("y"),), {"x": x, "y": x})
>>> call = Op("call", (Op("+", (Var("y"), Const(1.0))),), (("callee", Called("half", (("x", x),), (x,))),))
>>> f = Function("f", (Param("y", "y"),), (Assign("z", call),), (Var("z"),), {"y": x, "z": x})
>>> print(show(inline_calls(f, {"half": half}).body))
x = y + 1.0
y_1 = 0.5 * x
z = y_1
>>> print(show(without_copies(inline_calls(f, {"half": half})).body))
x = y + 1.0
z = 0.5 * x
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from srcad.ir.called import callee_of
from srcad.ir.calls import callees
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
    Span,
    Stmt,
    Store,
    Var,
)
from srcad.ir.traversal import (
    blocks,
    children,
    defined,
    map_expr,
    names,
    own_exprs,
    own_writes,
    rename,
    replace_names,
    rewrite_own,
    substitute,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Dim, Scalar, Symbol, Tuple, Type, dim, unknown
from srcad.rules.traits import LAZY
from srcad.typing.kinds import kind
from srcad.typing.typeof import typeof


def inline_calls(f: Function, functions: Mapping[str, Function]) -> Function:
    """The function with the calls of these functions replaced by their bodies, and so on in those.

    A call in an operand that is not always evaluated stays one.
    """
    if functions.keys().isdisjoint(callees(f)):
        return f
    return _Inlining(f, functions).made()


class _Inlining:
    def __init__(self, f: Function, functions: Mapping[str, Function]) -> None:
        self.f, self.functions = f, functions
        self.types = dict(f.types)
        self.adjoints, self.tape = dict(f.adjoints), dict(f.tape)
        self.taken = {p.name for p in f.params} | set(f.types) | defined(f.body)
        self.results: dict[str, tuple[str, ...]] = {}
        """Of a name that has several results, those of each of them."""

    def made(self) -> Function:
        body = self._block(self.f.body)
        return replace(self.f, body=body, types=self.types, adjoints=self.adjoints, tape=self.tape)

    def _block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self._stmt(stmt))

    def _stmt(self, stmt: Stmt) -> Iterator[Stmt]:
        match stmt:
            case Assign(target, Op("call") as call) if self._is_inlined(call):
                before, arguments = self._operands(call.args)
                yield from before
                yield from self._body(replace_args(call, arguments), target, stmt)
                return
            case Effect(Op("call") as call) if self._is_inlined(call):
                before, arguments = self._operands(call.args)
                yield from before
                yield from self._body(replace_args(call, arguments), None, stmt)
                return
        if self.results:
            stmt = rewrite_own(stmt, lambda e: map_expr(e, self._own_result), blocks(stmt))
        stmt = with_blocks(stmt, [self._block(b) for b in blocks(stmt)])
        match stmt:
            case Assign() | AugAssign() | Store() | Return() | Effect() | If() | For():
                found: list[Stmt] = []
                changed = {id(e): self._without_calls(e, found, stmt) for e in own_exprs(stmt)}
                if found:
                    yield from found
                    stmt = _with_own(stmt, changed)
        yield stmt

    def _own_result(self, e: Expr) -> Expr:
        """The name of one of several results."""
        match e:
            case Op("result", (Var(of),), ((_, int(at)),)) if of in self.results:
                return Var(self.results[of][at])
        return e

    def _is_inlined(self, call: Op) -> bool:
        return callee_of(call).name in self.functions

    def _operands(self, args: tuple[Expr, ...]) -> tuple[list[Stmt], tuple[Expr, ...]]:
        found: list[Stmt] = []
        return found, tuple(self._without_calls(arg, found, None) for arg in args)

    def _without_calls(self, e: Expr, found: list[Stmt], stmt: Stmt | None) -> Expr:
        """The expression with names for the calls in it, which are evaluated before."""
        if not any(isinstance(part, Op) and part.prim == "call" and self._is_inlined(part) for part in _parts(e)):
            return e
        match e:
            case Op("call") if self._is_inlined(e):
                args = tuple(self._without_calls(arg, found, stmt) for arg in e.args)
                results = callee_of(e).results
                # a number is of the same dtype whatever the arguments, of which a dtype may not be known
                only = results[0] if len(results) == 1 and isinstance(results[0], Scalar) else None
                known = only or typeof(e, self.types)
                assert known is not None
                name = self._fresh("value", known)
                found += self._body(replace_args(e, args), name, stmt)
                return Var(name)
            case Op(prim, args, static):
                first = self._without_calls(args[0], found, stmt)
                rest = args[1:] if prim in LAZY else [self._without_calls(arg, found, stmt) for arg in args[1:]]
                return self._own_result(Op(prim, (first, *rest), static))
            case Slice(lower, upper, step):
                parts = [p if p is None else self._without_calls(p, found, stmt) for p in (lower, upper, step)]
                return Slice(*parts)
        return e

    def _fresh(self, name: str, known: Type) -> str:
        candidate, count = name, 0
        while candidate in self.taken:
            count += 1
            candidate = f"{name}_{count}"
        self.taken.add(candidate)
        self.types[candidate] = known
        return candidate

    def _body(self, call: Op, target: str | None, at: Stmt | None) -> list[Stmt]:
        """The statements of the function that is called; `target` gets what it returns."""
        g = inline_calls(self.functions[callee_of(call).name], self.functions)
        span = getattr(at, "span", None)
        written = defined(g.body)
        reassigned = {n for n in written if not isinstance(g.types.get(n), Array)} | {
            s.target for s in walk(g.body) if isinstance(s, Assign)
        }
        lengths: dict[Symbol, Dim] = {}
        given: dict[str, Expr] = {}
        named: dict[str, str] = {}
        copies: list[tuple[str, Expr]] = []
        for param, arg in zip(g.params, call.args, strict=True):
            own, taken = typeof(arg, self.types), g.types[param.name]
            if isinstance(own, Array) and isinstance(taken, Array):
                pairs = zip(taken.dims, own.dims, strict=True)
                lengths |= {d.terms[0][0]: n for d, n in pairs if len(d.terms) == 1 and d == dim(d.terms[0][0])}
            elif isinstance(taken, Scalar) and isinstance(taken.dim, Dim) and len(taken.dim.terms) == 1:
                # an integer of this call: that of another one differs
                value = own.dim if isinstance(own, Scalar) and own.dim is not None else dim(Symbol(unknown(), None))
                lengths.setdefault(taken.dim.terms[0][0], value)
            if param.name not in reassigned and isinstance(arg, Var):
                named[param.name] = arg.name
            elif param.name not in reassigned and isinstance(arg, Const):
                given[param.name] = arg
            else:
                copies.append((param.name, arg))
        for name in sorted(written | {name for name, _ in copies}):
            if name not in named:
                named[name] = self._fresh(name, g.types[name])

        def in_caller(d: Dim) -> Dim:
            return d.replaced(lambda s: lengths.get(s) or dim(replace(s, name=named.get(s.name, s.name))))

        for old, new in named.items():
            known = g.types[old]
            if old in written or any(old == name for name, _ in copies):
                if isinstance(known, Array):
                    known = replace(known, dims=tuple(map(in_caller, known.dims)))
                elif isinstance(known, Scalar) and known.dim is not None:
                    known = replace(known, dim=in_caller(known.dim))
                self.types[new] = known
            if old in g.adjoints:
                self.adjoints.setdefault(new, g.adjoints[old])
            if old in g.tape:
                self.tape.setdefault(new, g.tape[old])
        before: list[Stmt] = [Assign(named[name], arg, span) for name, arg in copies]
        body = substitute(rename(tuple(s for s in g.body if not isinstance(s, Comment)), named), given)
        values: tuple[Expr, ...] = g.results
        if body and isinstance(body[-1], Return):
            values, body = body[-1].values, body[:-1]
        else:
            values = tuple(replace_names(e, {o: Var(n) for o, n in named.items()} | given) for e in values)
        return [*before, *body, *self._results(target, values, span)]

    def _results(self, target: str | None, values: tuple[Expr, ...], span: Span | None) -> Iterator[Stmt]:
        if target is None:
            return
        if len(values) == 1:
            yield Assign(target, values[0], span)
            return
        if target not in self.results:
            known = self.types.pop(target)
            assert isinstance(known, Tuple)
            self.results[target] = tuple(self._fresh(f"{target}_{at}", item) for at, item in enumerate(known.items))
        for name, value in zip(self.results[target], values, strict=True):
            yield Assign(name, value, span)


def replace_args(call: Op, args: tuple[Expr, ...]) -> Op:
    return Op(call.prim, args, call.static)


def _parts(e: Expr) -> Iterator[Expr]:
    yield e
    for child in children(e):
        yield from _parts(child)


def _with_own(stmt: Stmt, changed: Mapping[int, Expr]) -> Stmt:
    """The statement with its own expressions replaced; those of nested blocks stay."""
    return rewrite_own(stmt, lambda e: changed.get(id(e), e), blocks(stmt))


def without_copies(f: Function) -> Function:
    """Remove copies `a = b` after which nothing knows b, and before which nothing knows a: b is a from the start."""
    fixed = frozenset(p.name for p in f.params)
    body = _without_copies(f.body, fixed, f.types)
    return f if body == f.body else replace(f, body=body)


def _without_copies(body: Block, fixed: frozenset[str], types: Mapping[str, Type]) -> Block:
    while True:
        order = list(walk(body))
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        writes: dict[str, int] = {}
        for at, stmt in enumerate(order):
            for name in own_writes(stmt):
                writes[name] = writes.get(name, 0) + 1
            for name in (*own_writes(stmt), *(n for e in own_exprs(stmt) for n in names(e))):
                first.setdefault(name, at)
                last[name] = at
        for at, stmt in enumerate(order):
            match stmt:
                case Assign(a, Var(b)) if a != b and b not in fixed and first[a] == at == last[b]:
                    single = writes.get(a) == writes.get(b) == 1 and kind(Var(a), types) == kind(Var(b), types)
                    if single and _same_block(body, b, stmt):
                        body = _dropped(rename(body, {b: a}), a)
                        break
        else:
            return body


def _same_block(block: Block, name: str, copy: Stmt) -> bool:
    """Whether the name is assigned in the block of the copy: then it has a value of its own each time."""
    if any(stmt is copy for stmt in block):
        return any(isinstance(stmt, Assign) and stmt.target == name for stmt in block)
    return any(_same_block(inner, name, copy) for stmt in block for inner in blocks(stmt))


def _dropped(block: Block, name: str) -> Block:
    kept = [s for s in block if not (isinstance(s, Assign) and s.value == Var(name) and s.target == name)]
    return tuple(with_blocks(s, [_dropped(b, name) for b in blocks(s)]) for s in kept)
