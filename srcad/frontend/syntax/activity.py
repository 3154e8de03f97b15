"""Which values of a function may depend on what is differentiated, as far as its syntax tree says.

The answer errs on one side: what is inactive here depends on nothing that is differentiated, neither by its values nor
by the branches that lead to it. A name is active everywhere or nowhere, with all names that may share memory with it.

>>> tree = gast.parse('''def f(x, n):
...     rng = make(n)
...     z = rng.normal(size=x.shape)
...     for i in range(n):
...         y = x[i] * z[i]
...         if y > 0.0:
...             k = 3
... ''').body[0]
>>> sorted(Activity(tree, {"x"}).active)
['k', 'x', 'y']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gast

from srcad.frontend.source.scopes import assigned
from srcad.frontend.syntax.control_exits import as_try, raises_only

_OF_SHAPE = frozenset({"shape", "ndim", "dtype", "size"})
_FRESH = (gast.BinOp, gast.UnaryOp, gast.Compare, gast.Constant, gast.JoinedStr)
_EXITS = (gast.Break, gast.Continue, gast.Return)
_SCOPES = (gast.FunctionDef, gast.Lambda, gast.ClassDef)


class Activity:
    """`active` are the names whose values may depend on those of the parameters `wrt`.

    `has_state` says of a name from outside that its value may be changed; `is_pure` of a call that it writes
    into nothing; `is_fresh` of an expression that its value shares no memory with anything. `is_container`
    of one that it has other objects in it, which a sum with it has, too. `immutable` are names of values that nothing
    can be written into.
    """

    def __init__(
        self,
        tree: Any,
        wrt: Iterable[str],
        is_pure: Callable[[Any], bool] = lambda call: False,
        is_fresh: Callable[[Any], bool] = lambda node: False,
        has_state: Callable[[str], bool] = lambda name: False,
        is_container: Callable[[Any], bool] = lambda node: False,
        immutable: frozenset[str] = frozenset(),
    ) -> None:
        self._immutable = immutable
        self._is_container = is_container
        self._is_pure = is_pure
        self._is_fresh = is_fresh
        self.params = {one.id for one in gast.walk(tree.args) if isinstance(one, gast.Name)}
        rebound = set(assigned(tree.body))
        self.local = self.params | rebound
        self.active: set[str] = set()
        names = {node.id for node in gast.walk(tree) if isinstance(node, gast.Name)}
        inner = {n.id for n in gast.walk(tree) if isinstance(n, gast.Name) and not isinstance(n.ctx, gast.Load)}
        self.outside = {name for name in names - self.local if has_state(name)}
        """The objects from outside that may be changed."""
        self._aliases: dict[str, set[str]] = {name: {name} for name in self.local | inner | self.outside}
        self._same_shape = self.params - rebound
        """Parameters that have at each place the shape that they are given with."""
        self._under: set[int] = set()
        for node in gast.walk(tree):
            self._note_aliases(node)
        self._unite([self.outside])
        self._same_shape -= {other for name in self._grown(tree) for other in self.sharing(name)}
        self._mark(wrt)
        known = (-1, -1)
        while known != (known := (len(self.active), len(self._under))):
            self._block(tree.body, False)

    def is_active(self, node: Any) -> bool:
        """Whether the value of an expression may depend on what is differentiated."""
        return not self.active.isdisjoint(self._read(node))

    def is_under_active(self, stmt: Any) -> bool:
        """Whether active values decide if the statement is executed, and how often."""
        return id(stmt) in self._under

    def sharing(self, name: str) -> set[str]:
        """The names that may share memory with one, itself included."""
        return self._aliases.get(name, set())

    def keeps_shape(self, node: Any) -> bool:
        return isinstance(node, gast.Name) and node.id in self._same_shape

    def _read(self, node: Any) -> Iterator[str]:
        """The names whose values an expression depends on."""
        match node:
            case gast.Attribute(value=value, attr=attr) if attr in _OF_SHAPE and self.keeps_shape(value):
                return
            case gast.Call(func=gast.Name(id="len" | "isinstance"), args=[value, *_]) if self.keeps_shape(value):
                return
            case gast.Name(id=name):
                yield name
            case _:
                for child in gast.iter_child_nodes(node):
                    yield from self._read(child)

    def _grown(self, tree: Any) -> Iterator[str]:
        """The names of what may get another length, or shape: by a method, a call that writes, or a store."""
        for node in gast.walk(tree):
            match node:
                case gast.Expr(value=gast.Call(func=gast.Attribute(value=value))):
                    yield from bases(value)
                case gast.Call(func=gast.Attribute(value=value)) if not self._is_pure(node):
                    yield from bases(value)
                case gast.Call() if not self._is_pure(node):
                    yield from (one.id for one in gast.walk(node) if isinstance(one, gast.Name))
                case gast.AugAssign(target=gast.Name(id=name)):
                    yield name
                case gast.Subscript(slice=gast.Slice(), ctx=gast.Store()) | gast.Attribute(ctx=gast.Store()):
                    yield from bases(node)

    def _mark(self, names: Iterable[str]) -> None:
        for name in names:
            self.active |= self._aliases.get(name, set())

    def _note_aliases(self, node: Any) -> None:
        """What may share memory from here on: the names of a value, and of what it is bound to, or put into."""
        match node:
            case gast.Assign(targets=targets, value=value):
                for target, part in bindings(targets, value):
                    self._unite([bases(target), self.shared_with(part)])
            case gast.AnnAssign(target=target, value=value) | gast.NamedExpr(target=target, value=value) if (
                value is not None and not self._has_own_memory(value)
            ):
                self._unite([bases(target), self._read(value)])
            case gast.AugAssign(target=target, value=value) if self._is_container(value):
                self._unite([bases(target), self._read(value)])
            case gast.For(target=target, iter=iterable):
                for part, of in iterated(target, iterable):
                    self._unite([bases(part), self._read(of)])
            case gast.withitem(context_expr=value, optional_vars=target) if target is not None:
                self._unite([bases(target), self._read(value)])
            case gast.comprehension(target=target, iter=iterable):
                for part, of in iterated(target, iterable):
                    self._unite([bases(part), self._read(of)])
            case gast.Call(func=func, args=args, keywords=keywords) if not (
                self._is_pure(node) or self._is_fresh(node)
            ):
                given = [*args, *(one.value for one in keywords)]
                self._unite([self._read(func), *map(self.shared_with, given)])
            case gast.FunctionDef(name=name) if name in self.local:
                self._unite([[name], self._read(node)])

    def shared_with(self, node: Any) -> set[str]:
        """The names of what may share memory with a value: of a tuple with its items, of an item with the whole."""
        if isinstance(node, gast.Tuple | gast.List):
            return set().union(*map(self.shared_with, node.elts))
        if isinstance(node, gast.Subscript):
            return self.shared_with(node.value)
        return set() if self._has_own_memory(node) else set(self._read(node))

    def _has_own_memory(self, node: Any) -> bool:
        if isinstance(node, gast.BinOp):
            return self._is_new_sum(node)
        return isinstance(node, _FRESH) or self._is_fresh(node)

    def _is_new_sum(self, node: Any) -> bool:
        """Whether a sum, or another operation, has none of the objects of its operands."""
        if isinstance(node, gast.BinOp):
            return self._is_new_sum(node.left) and self._is_new_sum(node.right)
        return not self._is_container(node)

    def _unite(self, groups: Iterable[Iterable[str]]) -> None:
        names = {name for group in groups for name in group} & self._aliases.keys() - self._immutable
        whole = set().union(*(self._aliases[name] for name in names)) if names else set()
        for name in whole:
            self._aliases[name] = whole

    def _block(self, body: Iterable[Any], under: bool) -> bool:
        """Whether what follows the statements is executed where active values say so."""
        exits = False
        for stmt in body:
            if under or exits:
                self._under.add(id(stmt))
            exits |= self._statement(stmt, under or exits)
        return exits

    def _statement(self, stmt: Any, under: bool) -> bool:
        self._calls(stmt, under)
        match stmt:
            case gast.Assign(targets=targets, value=value):
                pairs = list(bindings(targets, value))
                for target, part in pairs:
                    if under or self.is_active(part):
                        self._mark(bases(target))
                if len(pairs) == 1 or len(targets) > 1:  # it is executed as a whole
                    bound = {name for target, _ in pairs for name in bases(target)}
                    self._mark(bound if bound & self.active else ())
                for target in targets:
                    self._index(target)
            case gast.AugAssign(target=target, value=value) | gast.AnnAssign(target=target, value=value):
                if under or (value is not None and self.is_active(value)):
                    self._mark(bases(target))
                self._index(target)
            case gast.For(target=target, iter=iterable):
                if self.is_active(iterable):
                    for part, of in iterated(target, iterable):
                        if self.is_active(of):
                            self._mark(bases(part))
                if under:
                    self._mark(bases(target))
                counted = all(map(self.keeps_shape, self._active_parts(iterable)))
                return self._loop(stmt, under or not counted)
            case gast.While(test=test):
                if self.is_active(test):
                    self._under.add(id(stmt))
                return self._loop(stmt, under or self.is_active(test))
            case gast.If(test=test, body=body, orelse=orelse):
                decided = under or self.is_active(test)
                exits = self._block(body, decided) | self._block(orelse, decided)
                return exits or (decided and contains(stmt, _EXITS))
            case gast.With() if (suppressing := as_try(stmt)) is not None:
                return self._statement(suppressing, under)
            case gast.With(items=items, body=body):
                entered = under or any(map(self.is_active, items))  # what was given x may say when the body is executed
                for item in items:
                    self._mark(bases(item.optional_vars) if entered and item.optional_vars is not None else ())
                return self._block(body, entered)
            case gast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final) if raises_only(stmt):
                for handler in handlers:
                    self._block(handler.body, True)
                exits = self._block([*body, *orelse], under)
                return self._block(final, under) | exits
            case gast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                raises = under or any(self.is_active(part) for part in body)
                found = self._block(body, raises)
                for block in (*(handler.body for handler in handlers), orelse, final):
                    found |= self._block(block, raises)
                return found or (raises and contains(stmt, _EXITS))
            case gast.FunctionDef(name=name):
                if under or self.is_active(stmt):
                    self._mark([name])
            case gast.Return() | gast.Expr() | gast.Pass():
                pass
            case _:
                if under:
                    self._mark(assigned([stmt]))
        return False

    def _loop(self, stmt: Any, under: bool) -> bool:
        exits = self._block(stmt.body, under)
        if isinstance(stmt, gast.While):
            exits |= any(isinstance(one, gast.Raise) and self.is_under_active(one) for one in gast.walk(stmt))
        if exits and not under:  # an iteration is executed where none before has left the loop
            self._block(stmt.body, True)
            self._under.add(id(stmt))
            self._calls(stmt, True)
        if isinstance(stmt, gast.For) and (under or exits):  # which items were taken is decided so, too
            self._mark(bases(stmt.target))
            self._mark(name for _, of in iterated(stmt.target, stmt.iter) for name in self._read(of))
        self._block(stmt.orelse, under or exits)
        return (under or exits) and any(contains(one, gast.Return) for one in stmt.body)

    def _index(self, target: Any) -> None:
        """An active index makes what is stored into active."""
        for node in gast.walk(target):
            if isinstance(node, gast.Subscript) and self.is_active(node.slice):
                self._mark(bases(target))

    def _calls(self, stmt: Any, under: bool) -> None:
        """What a call has besides an active argument, or where active values lead to it, may be written to."""
        for node in own_expressions(stmt):
            for part in gast.walk(node):
                match part:
                    case gast.Call() if under or self.is_active(part):
                        if isinstance(stmt, gast.Expr) or not self._is_pure(part):
                            self._mark(set(self._read(part)))
                    case gast.comprehension(target=target, iter=iterable):
                        for item, of in iterated(target, iterable):
                            self._mark(bases(item) if under or self.is_active(of) else ())

    def _active_parts(self, iterable: Any) -> list[Any]:
        """What is iterated over, as far as it is active."""
        match iterable:
            case gast.Call(func=gast.Name(id="enumerate" | "zip" | "reversed"), args=args):
                return [part for arg in args for part in self._active_parts(arg)]
        return [iterable] if self.is_active(iterable) else []


def bases(target: Any) -> Iterator[str]:
    """The variables that a target binds or stores into.

    >>> list(bases(gast.parse("a[i].b, (c, *d) = v").body[0].targets[0]))
    ['a', 'c', 'd']
    """
    match target:
        case gast.Name(id=name):
            yield name
        case gast.Subscript(value=value) | gast.Attribute(value=value) | gast.Starred(value=value):
            yield from bases(value)
        case gast.Tuple(elts=items) | gast.List(elts=items):
            for item in items:
                yield from bases(item)
        case _:  # what a call, or a choice, gives may be part of any of these
            yield from (node.id for node in gast.walk(target) if isinstance(node, gast.Name))


def bindings(targets: Iterable[Any], value: Any) -> Iterator[tuple[Any, Any]]:
    """What is bound to what: the parts of tuples one by one."""
    for target in targets:
        match target, value:
            case gast.Tuple(elts=parts), gast.Tuple(elts=values) if len(parts) == len(values) and not any(
                isinstance(one, gast.Starred) for one in (*parts, *values)
            ):
                for part, of in zip(parts, values, strict=True):
                    yield from bindings([part], of)
            case _:
                yield target, value


def own_expressions(stmt: Any) -> Iterator[Any]:
    """The expressions of a statement, but not those of the statements in it."""
    for child in gast.iter_child_nodes(stmt):
        if isinstance(child, gast.expr):
            yield child
        elif isinstance(child, gast.withitem):
            yield child.context_expr


def contains(node: Any, kinds: Any) -> bool:
    """Whether a node is, or has in it, one of these kinds, outside of functions that are defined in it."""
    if isinstance(node, kinds):
        return True
    return not isinstance(node, _SCOPES) and any(contains(child, kinds) for child in gast.iter_child_nodes(node))


def iterated(target: Any, iterable: Any) -> Iterator[tuple[Any, Any]]:
    """The parts of a target of a loop, each with what its values are the items of; not those that are counts."""
    match target, iterable:
        case _, gast.Call(func=gast.Name(id="range")):
            return
        case gast.Tuple(elts=[_, item]), gast.Call(func=gast.Name(id="enumerate"), args=[arg, *_]):
            yield from iterated(item, arg)
        case gast.Tuple(elts=items), gast.Call(func=gast.Name(id="zip"), args=args) if len(items) == len(args):
            for item, arg in zip(items, args, strict=True):
                yield from iterated(item, arg)
        case _:
            yield target, iterable
