"""What of a function is left to Python, because nothing differentiated reaches it: so far, and what may be.

An expression is taken: Python computes it, and the rest of the function reads its values. A statement is left: only
Python executes it. `inactive_parts` makes the two functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gast

from srcad.frontend.source.scopes import assigned
from srcad.frontend.syntax.activity import Activity, bases, contains
from srcad.frontend.syntax.control_exits import may_go_on
from srcad.ir.names import unused_name

GIVEN = "_given"
"""The function that the Python part calls with each value: its name, and the value, which is returned."""
_READ_ANY = frozenset({"eval", "exec", "locals", "globals", "vars", "super", "breakpoint"})
"""Functions that may read any variable."""
_EXITS = (gast.Break, gast.Continue, gast.Return)
_LOOPS = (gast.For, gast.While)
COMPOUND = (*_LOOPS, gast.If, gast.With, gast.Try)
VALUES = (
    *(gast.Call, gast.Attribute, gast.Subscript, gast.BinOp, gast.UnaryOp, gast.Compare, gast.BoolOp, gast.Name),
    *(gast.ListComp, gast.SetComp, gast.DictComp, gast.GeneratorExp, gast.Set, gast.Dict, gast.List, gast.Tuple),
    *(gast.IfExp, gast.JoinedStr),
)
_INNER = (gast.ListComp, gast.SetComp, gast.DictComp, gast.GeneratorExp, gast.Lambda, gast.FunctionDef)
_KNOWN = (
    *(gast.Assign, gast.AugAssign, gast.AnnAssign, gast.Expr, gast.Return, gast.Pass, gast.Break, gast.Continue),
    *(gast.If, gast.For, gast.While, gast.With, gast.Try, gast.Raise, gast.Assert, gast.FunctionDef),
    *(gast.Import, gast.ImportFrom),
)


@dataclass(frozen=True, eq=False)
class Taken:
    """An expression that the Python part computes."""

    node: Any
    stmt: Any
    """The statement that it is in."""
    name: str
    """What the rest calls its value."""
    in_loop: bool

    @property
    def values(self) -> str:
        """The variable that the rest reads, which is from outside of it."""
        return f"{self.name}_values" if self.in_loop else self.name

    @property
    def count(self) -> str:
        return f"{self.name}_count"

    def __str__(self) -> str:
        each = f", each time (L{self.node.lineno})" if self.in_loop else ""
        return f"{self.values} = {gast.unparse(self.node).strip()}{each}"


@dataclass
class InactiveCode:
    """What is taken from a tree, and left to Python, so far. `taken_names` are not to be used."""

    tree: Any
    activity: Activity
    taken_names: frozenset[str]
    only_python_reads: frozenset[str] = frozenset()
    """Parameters that the rest cannot read: generators of random numbers."""
    taken: dict[int, Taken] = field(default_factory=dict)
    left: dict[int, Any] = field(default_factory=dict)
    """Statements that are the Python part's alone, by their ids."""
    unwrapped: set[int] = field(default_factory=set)
    """The ids of `with` statements that only the Python part enters; the body is in both."""
    of_python: set[str] = field(default_factory=set)
    """Variables that only the Python part has."""
    immutable: frozenset[str] = frozenset()
    """Variables whose values nothing can be written into."""
    written_in: Callable[[Any], set[str]] = lambda node: set()
    """The variables whose values the calls in a node may write into, with those that share memory with them."""

    def __post_init__(self) -> None:
        self._parents = {id(child): node for node in gast.walk(self.tree) for child in gast.iter_child_nodes(node)}
        names = {node.id for node in gast.walk(self.tree) if isinstance(node, gast.Name)}
        self._names = names | self.activity.local | self.taken_names | {GIVEN}

    @property
    def is_known(self) -> bool:
        """Whether it is understood here in which order all is executed, and which variables it reads."""
        nodes = list(gast.walk(self.tree))
        reads_any = any(isinstance(node, gast.Name) and (node.id in _READ_ANY or GIVEN in node.id) for node in nodes)
        binds = any(isinstance(node, gast.NamedExpr | gast.Await | gast.Yield | gast.YieldFrom) for node in nodes)
        known = all(isinstance(node, _KNOWN) for node in nodes if isinstance(node, gast.stmt))
        return known and not reads_any and not binds and not any(map(self._stores_outside, nodes))

    def _stores_outside(self, node: Any) -> bool:
        """Whether a statement stores into what may be an object from outside, or what a function from there gives."""
        targets = [node.target] if isinstance(node, gast.AugAssign | gast.AnnAssign) else getattr(node, "targets", [])
        stored = [t for target in targets for t in gast.walk(target) if isinstance(t, gast.Subscript | gast.Attribute)]
        stored += [node.target] if isinstance(node, gast.AugAssign) else []
        names = {name for one in stored if isinstance(one.ctx, gast.Store) for name in bases(one)}
        return not all(self.activity.outside.isdisjoint(self.activity.sharing(name)) for name in names)

    def statement_of(self, node: Any) -> Any:
        """The innermost statement that has the node, or is it."""
        while not isinstance(node, gast.stmt):
            node = self._parents[id(node)]
        return node

    def whole_of(self, node: Any) -> Any:
        """The outermost `try` around a node that goes on after errors, which is not divided; else the node."""
        around = [one for one in self.around(node) if may_go_on(one)]
        return around[-1] if around else node

    def is_inactive(self, stmt: Any) -> bool:
        """Whether nothing of a statement, or of what is in it, depends on what is differentiated."""
        return not (self.activity.is_under_active(stmt) or self.activity.is_active(stmt))

    def candidates(self, node: Any) -> list[Any]:
        """The inactive expressions around a node, the largest first, that are evaluated whenever their statement is."""
        found: list[Any] = []
        while not isinstance(node, gast.stmt):
            parent = self._parents[id(node)]
            if isinstance(node, VALUES) and isinstance(getattr(node, "ctx", gast.Load()), gast.Load):
                callee = isinstance(parent, gast.Call) and parent.func is node
                if not callee and not _has_slices(node) and not self.activity.is_active(node):
                    found.append(node)
            if any(node is target for target in (*getattr(parent, "targets", ()), getattr(parent, "target", None))):
                return []  # Python evaluates a target after the value
            if _is_inside(parent, node) or _is_conditional(parent, node):
                found.clear()
            node = parent
        return [] if self.activity.is_under_active(node) or self._is_inner(node) else found[::-1]

    def _is_inner(self, node: Any) -> bool:
        """Whether a statement is in a function that is defined in this one."""
        while (node := self._parents.get(id(node))) is not None and node is not self.tree:
            if isinstance(node, gast.FunctionDef):
                return True
        return False

    def is_in_generator(self, node: Any) -> bool:
        """Whether a node is in a generator expression, which is evaluated where a loop goes over it."""
        while node is not None and not isinstance(node, gast.stmt):
            if isinstance(node, gast.GeneratorExp):
                return True
            node = self._parents.get(id(node))
        return False

    def take(self, node: Any) -> Taken:
        """Let the Python part compute an expression, and what it writes into is that part's alone.

        Parts of it that were taken before are no longer.
        """
        for inner in gast.walk(node):
            self.taken.pop(id(inner), None)
        stmt = self.statement_of(node)
        name = self._only_name(stmt, node) or self._unused(_noun(node))
        self._names = self._names | {name, f"{name}_values", f"{name}_count"}
        in_loop = any(isinstance(one, _LOOPS) for one in self.around(stmt)) or isinstance(stmt, gast.While)
        self.taken[id(node)] = made = Taken(node, stmt, name, in_loop)
        self.of_python |= self.written_in(node) & self.activity.local
        self._leave_others()
        return made

    def _unused(self, noun: str) -> str:
        names = set(self._names)
        name = unused_name(noun, names)
        while not self._names.isdisjoint({name, f"{name}_values", f"{name}_count"}):
            names.add(name)
            name = unused_name(noun, names)
        return name

    def deciding_tests(self) -> Iterator[Any]:
        """The inactive conditions, not taken yet, that decide whether, or how often, what is taken is computed."""
        taken = {id(one.node) for one in self.taken.values()}
        loops = [
            around for one in self.taken.values() for around in self.around(one.node) if isinstance(around, _LOOPS)
        ]
        for stmt in gast.walk(self.tree):
            if not isinstance(stmt, gast.If | gast.While) or id(stmt.test) in taken or id(stmt) in self.left:
                continue
            if self.activity.is_under_active(stmt) or self.activity.is_active(stmt.test):
                continue
            leads = any(id(node) in taken for part in (*stmt.body, *stmt.orelse) for node in gast.walk(part))
            inside = any(stmt is loop or loop in self.around(stmt) for loop in loops)
            if leads or (inside and contains(stmt, _EXITS)):
                yield stmt.test

    def _only_name(self, stmt: Any, node: Any) -> str | None:
        """The variable that the value of an expression is bound to, if it never has another one."""
        match stmt:
            case gast.Assign(targets=[gast.Name(id=name)], value=value) if value is node and stmt in self.tree.body:
                bound = [one for one in self._simple_statements() if name in _bound(one)]
                if len(bound) == 1 and name not in self.activity.params:
                    return str(name)
        return None

    def _simple_statements(self) -> list[Any]:
        """All statements that bind names themselves."""
        return [
            one
            for one in gast.walk(self.tree)
            if isinstance(one, gast.stmt)
            and one is not self.tree
            and not isinstance(one, gast.If | gast.While | gast.Try)
        ]

    def leave(self, stmt: Any) -> None:
        """Leave a statement to the Python part, and with it the variables that it binds, or may write into."""
        self._leave(stmt)
        self._leave_others()

    def _leave(self, stmt: Any) -> None:
        for inner in gast.walk(stmt):
            self.taken.pop(id(inner), None)
        self.left[id(stmt)] = stmt
        written = self.with_shared(_stored_into(stmt)) | self.written_in(stmt)
        self.of_python |= (_bound(stmt) | written) & self.activity.local

    def with_shared(self, names: Iterable[str]) -> set[str]:
        """These variables, without those that nothing can be written into, and those that share memory with them.

        Not the items of a loop: these are handed over one by one.
        """
        mutable = set(names) - self.immutable
        shared = {name for one in mutable for name in self.activity.sharing(one)} - self.immutable
        loops = [one for one in gast.walk(self.tree) if isinstance(one, gast.For)]
        items = {name for loop in loops for name in bases(loop.target)}
        bound = {name for one in self._simple_statements() if not isinstance(one, gast.For) for name in _bound(one)}
        return mutable | (shared - (items - bound))

    def _leave_others(self) -> None:
        """Leave whatever else binds or changes a variable that is Python's alone."""
        found = True
        while found:
            found = False
            for stmt in gast.walk(self.tree):
                if not isinstance(stmt, gast.stmt) or isinstance(stmt, COMPOUND) or stmt is self.tree:
                    continue
                changed = _bound(stmt) | (self.written_in(stmt) if isinstance(stmt, gast.Expr) else set())
                if not (self._is_inner(stmt) or self.is_of_python(stmt) or self.of_python.isdisjoint(changed)):
                    self._leave(stmt)
                    found = True

    def unwrap(self, stmt: gast.With) -> None:
        """Let only the Python part enter a `with` statement, whose body is in both."""
        self.unwrapped.add(id(stmt))
        for item in stmt.items:
            self.of_python |= set(bases(item.optional_vars)) if item.optional_vars is not None else set()

    @property
    def is_possible(self) -> bool:
        """Whether what is left to Python is inactive, and is no argument, and the rest knows where it goes on."""
        params = self.activity.params - self.only_python_reads
        if not (self.of_python.isdisjoint(params) and all(map(self.is_inactive, self.left.values()))):
            return False
        python_only = {id(inner) for stmt in self.left.values() for inner in gast.walk(stmt)} | self.unwrapped
        both = [one for one in gast.walk(self.tree) if isinstance(one, COMPOUND) and id(one) not in python_only]
        bound = {name for one in both for name in _bound_itself(one)}
        if any(isinstance(one, gast.While) and one.orelse and id(one.test) in self.taken for one in both):
            return False
        return bound.isdisjoint(self.of_python) and not any(map(_is_left_early, self.left.values()))

    def is_of_python(self, node: Any) -> bool:
        """Whether only the Python part has an expression or a statement."""
        while node is not None and node is not self.tree:
            if id(node) in self.left or id(node) in self.taken:
                return True
            parent = self._parents.get(id(node))
            if isinstance(node, gast.withitem) and id(parent) in self.unwrapped:
                return True
            node = parent
        return False

    def around(self, stmt: Any) -> Iterator[Any]:
        """The statements around one, the innermost first."""
        node = stmt
        while (node := self._parents.get(id(node))) is not None and node is not self.tree:
            yield node


def _is_left_early(stmt: Any) -> bool:
    """Whether a statement has in it what continues elsewhere than behind it."""
    if isinstance(stmt, gast.FunctionDef):
        return False
    if isinstance(stmt, gast.Return | gast.Break | gast.Continue):
        return True
    if isinstance(stmt, _LOOPS):
        return contains(stmt, gast.Return) or any(map(_is_left_early, stmt.orelse))
    return any(_is_left_early(child) for child in gast.iter_child_nodes(stmt) if not isinstance(child, gast.expr))


def _has_slices(node: Any) -> bool:
    return isinstance(node, gast.Tuple) and any(isinstance(item, gast.Slice | gast.Starred) for item in node.elts)


def _is_inside(parent: Any, node: Any) -> bool:
    """Whether a node is evaluated in a scope of its own, once for each item, or at a call."""
    if isinstance(node, gast.comprehension):
        return node is not parent.generators[0]
    return isinstance(parent, (*_INNER, gast.Dict)) or (
        isinstance(parent, gast.comprehension) and node is not parent.iter
    )


def _is_conditional(parent: Any, node: Any) -> bool:
    """Whether a part of an expression is evaluated only where another has some value."""
    match parent:
        case gast.BoolOp(values=[first, *_]) | gast.IfExp(test=first) | gast.Assert(test=first):
            return node is not first
        case gast.Compare(comparators=[first, _, *_], left=left):
            return node is not first and node is not left
    return False


def _bound(stmt: Any) -> set[str]:
    """The variables that a statement binds, or stores into."""
    match stmt:
        case gast.Assign(targets=targets):
            found = {name for target in targets for name in bases(target)}
        case gast.AugAssign(target=target) | gast.AnnAssign(target=target):
            found = set(bases(target))
        case gast.FunctionDef(name=name):
            return {name}
        case gast.Import() | gast.ImportFrom():
            return set(assigned([stmt]))
        case _:
            found = _bound_itself(stmt)
    inside = [child for name in ("body", "orelse", "finalbody", "handlers") for child in getattr(stmt, name, [])]
    return found.union(*map(_bound, inside))


def _stored_into(stmt: Any) -> Iterator[str]:
    """The variables whose values a statement, and what is in it, stores into: not those that it gives other values."""
    for node in gast.walk(stmt):
        if isinstance(node, gast.AugAssign):
            yield from bases(node.target)
        elif isinstance(node, gast.Subscript | gast.Attribute) and not isinstance(node.ctx, gast.Load):
            yield from bases(node)


def _bound_itself(stmt: Any) -> set[str]:
    """The variables that a compound statement binds, without what is in it."""
    match stmt:
        case gast.For(target=target):
            return set(bases(target))
        case gast.With(items=items):
            return {name for item in items if item.optional_vars is not None for name in bases(item.optional_vars)}
    return set()


def _noun(node: Any) -> str:
    """What the value of an expression is called."""
    match node:
        case (
            gast.Name(id=name)
            | gast.Attribute(attr=name)
            | gast.Call(func=gast.Name(id=name) | gast.Attribute(attr=name))
        ):
            return str(name).strip("_").lower() or "value"
        case gast.Subscript(value=value):
            return "item" if isinstance(value, gast.Name) else _noun(value)
        case gast.Compare() | gast.BoolOp():
            return "holds"
    return "value"
