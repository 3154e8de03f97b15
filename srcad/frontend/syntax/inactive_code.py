"""A function in two: what Python runs first, on values that nothing differentiated reaches, and the rest.

An expression that is taken out is computed by the Python part, which hands its values over in the order of their
computation: one, or where it is in a loop, a list. The rest reads them. The Python part has every inactive statement of
the function, also those that the rest has, too. Both have the loops.

>>> tree = gast.parse('''def f(x):
...     rng = make(0)
...     t = 0.0
...     for i in range(len(x)):
...         t += x[i] * rng.normal()
...     return t''').body[0]
>>> code = InactiveCode(tree, Activity(tree, {"x"}), frozenset())
>>> first, _, loop, _ = tree.body
>>> code.leave(first)
>>> one = code.take(loop.body[0].value.right)
>>> print(gast.unparse(code.python_part()).strip())
def f(x):
    rng = make(0)
    for i in range(len(x)):
        _given('normal', rng.normal())
>>> print(gast.unparse(code.rest({"normal": "float"})).strip())
def f(x):
    normal_count = 0
    t = 0.0
    for i in range(len(x)):
        normal = float(normal_values[normal_count])
        normal_count += 1
        t += x[i] * normal
    return t
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gast

from srcad.frontend.syntax.activity import Activity, bases, bindings, contains, imported, own_expressions
from srcad.ir.names import unused_name

GIVEN = "_given"
"""The function that the Python part calls with each value: its name, and the value, which is returned."""
_READ_ANY = frozenset({"eval", "exec", "locals", "globals", "vars", "super", "breakpoint"})
"""Functions that may read any variable."""
_EXITS = (gast.Break, gast.Continue, gast.Return)
_LOOPS = (gast.For, gast.While)
_COUNTED = frozenset({"range", "len", "enumerate", "zip", "reversed"})
_COMPOUND = (*_LOOPS, gast.If, gast.With, gast.Try)
_VALUES = (
    *(gast.Call, gast.Attribute, gast.Subscript, gast.BinOp, gast.UnaryOp, gast.Compare, gast.BoolOp, gast.Name),
    *(gast.ListComp, gast.SetComp, gast.DictComp, gast.GeneratorExp, gast.Set, gast.Dict, gast.List, gast.Tuple),
    *(gast.IfExp, gast.JoinedStr),
)
_INNER = (gast.ListComp, gast.SetComp, gast.DictComp, gast.GeneratorExp, gast.Lambda, gast.FunctionDef)
_KNOWN = (
    *(gast.Assign, gast.AugAssign, gast.AnnAssign, gast.Expr, gast.Return, gast.Pass, gast.Break, gast.Continue),
    *(
        gast.If,
        gast.For,
        gast.While,
        gast.With,
        gast.Try,
        gast.Raise,
        gast.Assert,
        gast.FunctionDef,
        gast.Import,
        gast.ImportFrom,
    ),
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

    def is_inactive(self, stmt: Any) -> bool:
        """Whether nothing of a statement, or of what is in it, depends on what is differentiated."""
        return not (self.activity.is_under_active(stmt) or self.activity.is_active(stmt))

    def candidates(self, node: Any) -> list[Any]:
        """The inactive expressions around a node, the largest first, that are evaluated whenever their statement is."""
        found: list[Any] = []
        while not isinstance(node, gast.stmt):
            parent = self._parents[id(node)]
            if isinstance(node, _VALUES) and isinstance(getattr(node, "ctx", gast.Load()), gast.Load):
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
        written = self.with_shared(_bound(stmt)) | self.written_in(stmt)
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
                if not isinstance(stmt, gast.stmt) or isinstance(stmt, _COMPOUND) or stmt is self.tree:
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
        if not (self.of_python.isdisjoint(self.activity.params) and all(map(self.is_inactive, self.left.values()))):
            return False
        python_only = {id(inner) for stmt in self.left.values() for inner in gast.walk(stmt)} | self.unwrapped
        both = [one for one in gast.walk(self.tree) if isinstance(one, _COMPOUND) and id(one) not in python_only]
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

    # ---- the Python part -----------------------------------------------------------------------

    def python_part(self) -> Any:
        """The function that hands over what is taken: all that is inactive."""
        wrapped = {key: one.name for key, one in self.taken.items()}
        return self._with_locals(self._python(self.tree.body, wrapped))

    def whole_python_part(self) -> tuple[Any, dict[str, Any]]:
        """The Python part that hands over each expression that may be taken; these by their names."""
        named = {
            f"{GIVEN}_{k}": node
            for k, node in enumerate(gast.walk(self.tree))
            if isinstance(node, _VALUES) and any(node is other for other in self.candidates(node))
        }
        wrapped = {id(node): name for name, node in named.items()}
        return self._with_locals(self._python(self.tree.body, wrapped)), named

    def _with_locals(self, body: list[Any]) -> Any:
        """The function with this body, whose variables are its own also where nothing binds them any longer."""
        gone = sorted((self.activity.local & self.activity.active) - self.activity.params)
        unbound = [_parsed(f"if False:\n    {' = '.join(gone)} = None", self.tree)] if gone else []
        return _with_body(self.tree, [*unbound, *body])

    def _python(self, body: Sequence[Any], wrapped: Mapping[int, str]) -> list[Any]:
        return [made for stmt in body for made in self._statement_in_python(stmt, wrapped)]

    def _statement_in_python(self, stmt: Any, wrapped: Mapping[int, str]) -> list[Any]:
        if self.activity.is_under_active(stmt):
            return []
        if isinstance(stmt, gast.Raise) and self.activity.is_active(stmt):
            return [_located(gast.Return(None), stmt)]  # the rest raises it
        whole = {key: partial(_handed_over, name, wrapped, stmt) for key, name in wrapped.items()}
        if isinstance(stmt, _COMPOUND):
            return self._compound_in_python(stmt, whole, wrapped)
        if not isinstance(stmt, gast.Return) and self.is_inactive(stmt):
            return [_copy(stmt, whole)]
        if (part := self._inactive_bindings(stmt, wrapped)) is not None:
            return [_copy(part, whole)]
        handed = [_located(gast.Expr(one), stmt) for one in _all_handed_over(stmt, stmt, wrapped)]
        return [*handed, _located(gast.Return(None), stmt)] if isinstance(stmt, gast.Return) else handed

    def _compound_in_python(self, stmt: Any, whole: Mapping[int, Any], wrapped: Mapping[int, str]) -> list[Any]:
        if id(stmt) in self.left:
            return [_copy(stmt, whole)]
        if isinstance(stmt, gast.Try):
            return [_copy(stmt, whole)] if self.is_inactive(stmt) else []
        blocks = {
            name: self._python(getattr(stmt, name), wrapped) for name in ("body", "orelse") if getattr(stmt, name, None)
        }
        is_empty = not blocks["body"]
        blocks["body"] = blocks["body"] or [gast.copy_location(gast.Pass(), stmt)]
        asked = [stmt.iter] if isinstance(stmt, gast.For) else list(own_expressions(stmt))
        if not any(map(self.activity.is_active, asked)):
            is_idle = isinstance(stmt, gast.For) and is_empty and not blocks.get("orelse")
            return [] if is_idle and self._only_counts(stmt, wrapped) else [_copy(stmt, whole, blocks)]
        if not isinstance(stmt, gast.For):
            handed = [_located(gast.Expr(one), stmt) for one in _all_handed_over(stmt, stmt, wrapped)]
            return [*handed, *blocks["body"]] if isinstance(stmt, gast.With) else handed
        if is_empty and self._only_counts(stmt, wrapped):
            return []
        parts = _outermost(stmt.iter, wrapped)
        before = [_assigned(name, _handed_over(name, wrapped, stmt, node), stmt) for name, node in parts]
        return [*before, _copy(stmt, {id(node): partial(_name, name) for name, node in parts}, blocks)]

    def _only_counts(self, stmt: gast.For, wrapped: Mapping[int, str]) -> bool:
        """Whether nothing that is outside of the loop is changed by its turns, if its body is empty."""
        inside = {id(node) for node in gast.walk(stmt)}
        read = {n.id for n in gast.walk(self.tree) if isinstance(n, gast.Name) and id(n) not in inside}
        calls = [node for node in gast.walk(stmt.iter) if isinstance(node, gast.Call)]
        counted = all(isinstance(call.func, gast.Name) and call.func.id in _COUNTED for call in calls)
        names = self.immutable | self.activity.params if calls else self.activity.params
        known = {n.id for n in gast.walk(stmt.iter) if isinstance(n, gast.Name)} <= names | _COUNTED
        return counted and known and read.isdisjoint(bases(stmt.target)) and not _outermost(stmt.iter, wrapped)

    def _inactive_bindings(self, stmt: Any, wrapped: Mapping[int, str]) -> Any:
        """Of `a, b = x, y` what is inactive; of the others what is handed over, in its order."""
        match stmt:
            case gast.Assign(targets=[gast.Tuple() as target], value=gast.Tuple() as value):
                pairs = list(bindings([target], value))
                active = [self.activity.is_active(a) or self.activity.is_active(b) for a, b in pairs]
                if len(pairs) == 1 or all(active):
                    return None
                targets, values = [], []
                for (to, of), is_active in zip(pairs, active, strict=True):
                    targets.append(gast.Name(f"{GIVEN}_part", gast.Store(), None, None) if is_active else to)
                    handed = _all_handed_over(of, stmt, wrapped) if is_active else []
                    values.append(gast.Tuple(handed, gast.Load()) if is_active else of)
                names = gast.Tuple(targets, gast.Store())
                return _located(gast.Assign([names], gast.Tuple(values, gast.Load()), None), stmt)
        return None

    # ---- the rest ------------------------------------------------------------------------------

    def rest(self, conversions: Mapping[str, str]) -> Any:
        """The function without what is taken and left, whose values it reads: those in loops converted, by name."""
        counts = [_parsed(f"{one.count} = 0", self.tree) for one in self.taken.values() if one.in_loop]
        return _with_body(self.tree, [*counts, *self._rest(self.tree.body, conversions)])

    def _rest(self, body: Sequence[Any], conversions: Mapping[str, str]) -> list[Any]:
        return [made for stmt in body for made in self._statement_of_rest(stmt, conversions)]

    def _statement_of_rest(self, stmt: Any, conversions: Mapping[str, str]) -> list[Any]:
        if id(stmt) in self.left:
            return []
        if id(stmt) in self.unwrapped:
            return self._rest(stmt.body, conversions)
        if not any(id(n) in self.taken or id(n) in self.left or id(n) in self.unwrapped for n in gast.walk(stmt)):
            return [stmt]
        names = {id(one.node): partial(_name, one.name) for one in self.taken.values()}
        blocks = {
            name: self._rest(getattr(stmt, name), conversions) or [gast.copy_location(gast.Pass(), stmt)]
            for name in ("body", "orelse")
            if isinstance(stmt, _COMPOUND) and getattr(stmt, name, None)
        }
        reads: list[Any] = []
        for own in own_expressions(stmt):
            for one in (self.taken[id(node)] for _, node in _outermost(own, dict.fromkeys(self.taken, ""))):
                if one.in_loop:
                    item, convert = f"{one.values}[{one.count}]", conversions.get(one.name)
                    reads.append(_parsed(f"{one.name} = " + (f"{convert}({item})" if convert else item), stmt))
                    reads.append(_parsed(f"{one.count} += 1", stmt))
        if isinstance(stmt, gast.For) and id(stmt.iter) in self.taken and isinstance(stmt.target, gast.Name):
            convert = conversions.get(self.taken[id(stmt.iter)].name)
            if convert:
                blocks["body"] = [_parsed(f"{stmt.target.id} = {convert}({stmt.target.id})", stmt), *blocks["body"]]
        match stmt:
            case gast.Assign(targets=[gast.Name(id=name)], value=value) if (
                id(value) in self.taken and self.taken[id(value)].name == name and not self.taken[id(value)].in_loop
            ):
                return []
        if isinstance(stmt, gast.While) and reads:
            ends = _located(gast.If(gast.UnaryOp(gast.Not(), _copy(stmt.test, names)), [gast.Break()], []), stmt)
            blocks["body"] = [*reads, ends, *blocks["body"]]
            return [
                _copy(stmt, {id(stmt.test): lambda node: gast.copy_location(gast.Constant(True, None), node)}, blocks)
            ]
        return [*reads, _copy(stmt, names, blocks)]


def _copy(node: Any, instead: Mapping[int, Callable[[Any], Any]], fields: Mapping[str, Any] | None = None) -> Any:
    """The tree with other nodes in the place of some, and other fields."""
    if isinstance(node, list):
        return [_copy(item, instead) for item in node]
    if not isinstance(node, gast.AST):
        return node
    if id(node) in instead:
        return instead[id(node)](node)
    made = type(node)(
        *(
            fields[name] if fields and name in fields else _copy(getattr(node, name, None), instead)
            for name in node._fields
        )
    )
    return gast.copy_location(made, node) if hasattr(node, "lineno") else made


def _handed_over(name: str, wrapped: Mapping[int, str], stmt: Any, node: Any) -> Any:
    inner = {key: partial(_handed_over, other, wrapped, stmt) for key, other in wrapped.items() if key != id(node)}
    view = []
    if isinstance(stmt, gast.For) and node is stmt.iter:
        view = [_name("iter", node)]
    elif isinstance(stmt, gast.If | gast.While) and node is stmt.test:
        view = [_name("bool", node)]
    args = [gast.Constant(name, None), _copy(node, inner), *view]
    return _located(gast.Call(_name(GIVEN, node), args, []), node)


def _outermost(node: Any, wrapped: Mapping[int, str]) -> list[tuple[str, Any]]:
    """The outermost of the wrapped nodes in one, in their order, with their names."""
    if id(node) in wrapped:
        return [(wrapped[id(node)], node)]
    return [found for child in gast.iter_child_nodes(node) for found in _outermost(child, wrapped)]


def _all_handed_over(node: Any, stmt: Any, wrapped: Mapping[int, str]) -> list[Any]:
    owns = own_expressions(node) if isinstance(node, gast.stmt) else [node]
    return [_handed_over(name, wrapped, stmt, one) for own in owns for name, one in _outermost(own, wrapped)]


def _with_body(tree: Any, body: list[Any]) -> Any:
    return _copy(tree, {}, {"body": body or [gast.Pass()]})


def _name(name: str, node: Any) -> Any:
    return gast.copy_location(gast.Name(name, gast.Load(), None, None), node)


def _assigned(name: str, value: Any, stmt: Any) -> Any:
    return _located(gast.Assign([gast.Name(name, gast.Store(), None, None)], value, None), stmt)


def _parsed(text: str, at: Any) -> Any:
    return _located(gast.parse(text).body[0], at)


def _located(made: Any, at: Any) -> Any:
    """The node with the place of another one, and what is in it where it has none."""
    for inner in gast.walk(made):
        if isinstance(inner, gast.expr | gast.stmt) and (
            inner is made or not hasattr(inner, "lineno") or inner.lineno == 1
        ):
            gast.copy_location(inner, at)
    return made


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
            return set(imported(stmt))
        case _:
            found = _bound_itself(stmt)
    inside = [child for name in ("body", "orelse", "finalbody", "handlers") for child in getattr(stmt, name, [])]
    return found.union(*map(_bound, inside))


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
