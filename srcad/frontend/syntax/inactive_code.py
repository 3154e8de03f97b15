"""A function in two: what Python runs first, on values that nothing differentiated reaches, and the rest.

An expression that is taken out is computed by the Python part, which hands its values over in the order of their
computation: one, or where it is in a loop, a list. The rest reads them. The Python part is a slice of the function: the
statements that lead to these expressions, and those that the rest leaves to it altogether. Both have the loops.

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

from collections.abc import Callable, Iterator, Mapping, Sequence
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

    def __post_init__(self) -> None:
        self._parents = {id(child): node for node in gast.walk(self.tree) for child in gast.iter_child_nodes(node)}
        names = {node.id for node in gast.walk(self.tree) if isinstance(node, gast.Name)}
        self._names = names | self.taken_names | {GIVEN}

    @property
    def is_known(self) -> bool:
        """Whether it is understood here in which order all is executed, and which variables it reads."""
        nodes = list(gast.walk(self.tree))
        reads_any = any(isinstance(node, gast.Name) and node.id in _READ_ANY for node in nodes)
        return not reads_any and all(isinstance(node, _KNOWN) for node in nodes if isinstance(node, gast.stmt))

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
        """Let the Python part compute an expression. Parts of it that were taken before are no longer."""
        for inner in gast.walk(node):
            self.taken.pop(id(inner), None)
        stmt = self.statement_of(node)
        name = self._only_name(stmt, node) or unused_name(_noun(node), self._names)
        self._names = self._names | {name, f"{name}_values", f"{name}_count"}
        in_loop = any(isinstance(one, _LOOPS) for one in self.around(stmt)) or isinstance(stmt, gast.While)
        self.taken[id(node)] = made = Taken(node, stmt, name, in_loop)
        return made

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

    def leave(self, stmt: Any, immutable: frozenset[str] = frozenset()) -> None:
        """Leave a statement to the Python part, and with it the variables that it binds, or may write into.

        `immutable` are variables whose values nothing can be written into.
        """
        for inner in gast.walk(stmt):
            self.taken.pop(id(inner), None)
        self.left[id(stmt)] = stmt
        self._give(stmt, immutable)
        while True:  # whatever else binds or changes these variables
            more = [
                other
                for other in gast.walk(self.tree)
                if isinstance(other, gast.stmt) and id(other) not in self.left
                if not isinstance(other, _COMPOUND) and other is not self.tree
                if not self.of_python.isdisjoint(_bound(other) | _written(other, immutable))
            ]
            for other in more:
                self.left[id(other)] = other
                self._give(other, immutable)
            if not more:
                return

    def _give(self, stmt: Any, immutable: frozenset[str]) -> None:
        """Make the variables of a statement Python's alone, with those that may share memory with them."""
        mutable = (_bound(stmt) | _written(stmt, immutable)) - immutable
        shared = {name for one in mutable for name in self.activity.sharing(one)} - immutable
        self.of_python |= (_bound(stmt) | mutable | shared) & self.activity.local

    def unwrap(self, stmt: gast.With) -> None:
        """Let only the Python part enter a `with` statement, whose body is in both."""
        self.unwrapped.add(id(stmt))
        for item in stmt.items:
            self.of_python |= set(bases(item.optional_vars)) if item.optional_vars is not None else set()

    @property
    def is_possible(self) -> bool:
        """Whether what is left to Python is inactive, and is no argument."""
        return self.of_python.isdisjoint(self.activity.params) and all(map(self.is_inactive, self.left.values()))

    def around(self, stmt: Any) -> Iterator[Any]:
        """The statements around one, the innermost first."""
        node = stmt
        while (node := self._parents.get(id(node))) is not None and node is not self.tree:
            yield node

    # ---- the Python part -----------------------------------------------------------------------

    def python_part(self) -> Any:
        """The function that hands over what is taken: the statements that lead to it, and those that are left to it."""
        kept, wrapped = self._slice(), {key: one.name for key, one in self.taken.items()}
        return _with_body(self.tree, self._python(self.tree.body, kept, wrapped))

    def whole_python_part(self) -> tuple[Any, dict[str, Any]]:
        """All that is inactive, each expression that may be taken being handed over; these by their names."""
        named = {
            f"{GIVEN}_{k}": node
            for k, node in enumerate(gast.walk(self.tree))
            if isinstance(node, _VALUES) and any(node is other for other in self.candidates(node))
        }
        kept = {id(node) for node in gast.walk(self.tree) if isinstance(node, gast.stmt)}
        wrapped = {id(node): name for name, node in named.items()}
        return _with_body(self.tree, self._python(self.tree.body, kept, wrapped)), named

    def _slice(self) -> set[int]:
        """The ids of the statements that decide on what is taken and left."""
        statements = [one for one in gast.walk(self.tree) if isinstance(one, gast.stmt) and one is not self.tree]
        kept: set[int] = set()
        needed = {name for one in self.taken.values() for name in _names(one.node)}
        needed |= {name for one in self.taken.values() for around in self.around(one.node) for name in _asked(around)}
        while True:
            new = [
                stmt
                for stmt in statements
                if id(stmt) not in kept
                and (
                    id(stmt) in self.left
                    or isinstance(stmt, _EXITS)
                    or not (isinstance(stmt, _COMPOUND) or needed.isdisjoint(_changed(stmt)))
                )
            ]
            if not new:
                return kept
            for stmt in new:
                kept.add(id(stmt))
                needed |= set() if isinstance(stmt, gast.Return) else _names(stmt)
                needed |= {name for around in self.around(stmt) for name in _asked(around)}

    def _python(self, body: Sequence[Any], kept: set[int], wrapped: Mapping[int, str]) -> list[Any]:
        return [made for stmt in body for made in self._statement_in_python(stmt, kept, wrapped)]

    def _statement_in_python(self, stmt: Any, kept: set[int], wrapped: Mapping[int, str]) -> list[Any]:
        if self.activity.is_under_active(stmt) or isinstance(stmt, gast.Raise | gast.Assert):
            return []
        if id(stmt) in self.left and self.left[id(stmt)] is stmt:
            return [stmt]
        if _is_print(stmt) or not self._stored(stmt) <= self.activity.local:
            return []  # it has an effect, which is that of the rest
        whole = {key: partial(_handed_over, name, wrapped, stmt) for key, name in wrapped.items()}
        blocks = {
            name: self._python(getattr(stmt, name), kept, wrapped)
            for name in ("body", "orelse", "finalbody")
            if isinstance(stmt, _COMPOUND) and getattr(stmt, name, None)
        }
        if isinstance(stmt, gast.Try):
            is_asked = any(id(inner) in kept or id(inner) in wrapped for inner in gast.walk(stmt))
            return [_copy(stmt, whole)] if is_asked and self.is_inactive(stmt) else []
        if isinstance(stmt, gast.With) and id(stmt) in self.unwrapped:
            return [_copy(stmt, whole, {"body": blocks["body"] or [gast.copy_location(gast.Pass(), stmt)]})]
        if isinstance(stmt, gast.For) and id(stmt.iter) in wrapped:  # it is the loop that asks for the items
            return [_copy(stmt, whole, blocks | {"body": blocks["body"] or [gast.copy_location(gast.Pass(), stmt)]})]
        if isinstance(stmt, gast.For | gast.While | gast.With) and _has_content(blocks.get("body", ())):
            asked = [stmt.iter] if isinstance(stmt, gast.For) else list(own_expressions(stmt))
            if not any(map(self.activity.is_active, asked)):
                return [_copy(stmt, whole, blocks)]
            if not isinstance(stmt, gast.For):
                return []
            parts = _outermost(stmt.iter, wrapped)
            before = [_assigned(name, _handed_over(name, wrapped, stmt, node), stmt) for name, node in parts]
            return [*before, _copy(stmt, {id(node): partial(_name, name) for name, node in parts}, blocks)]
        if isinstance(stmt, gast.If) and any(blocks.values()) and not self.activity.is_active(stmt.test):
            return [_copy(stmt, whole, {"body": [gast.Pass()], "orelse": []} | {k: v for k, v in blocks.items() if v})]
        simple = not isinstance(stmt, (*_COMPOUND, gast.Return))
        if simple and id(stmt) in kept and self.is_inactive(stmt):
            return [_copy(stmt, whole)]
        if simple and id(stmt) in kept and (part := self._inactive_bindings(stmt)) is not None:
            return [_copy(part, whole)]
        found = [part for own in own_expressions(stmt) for part in _outermost(own, wrapped)]
        handed = [_located(gast.Expr(_handed_over(name, wrapped, stmt, node)), stmt) for name, node in found]
        return [*handed, _located(gast.Return(None), stmt)] if isinstance(stmt, gast.Return) else handed

    # ---- the rest ------------------------------------------------------------------------------

    def _inactive_bindings(self, stmt: Any) -> Any:
        """Of `a, b = x, y` what is inactive."""
        match stmt:
            case gast.Assign(targets=[gast.Tuple() as target], value=gast.Tuple() as value):
                pairs = list(bindings([target], value))
                if len(pairs) > 1:
                    found = [(a, b) for a, b in pairs if not (self.activity.is_active(a) or self.activity.is_active(b))]
                    names = gast.Tuple([a for a, _ in found], gast.Store())
                    made = gast.Assign([names], gast.Tuple([b for _, b in found], gast.Load()), None)
                    return _located(made, stmt) if found else None
        return None

    def _stored(self, stmt: Any) -> set[str]:
        """What a simple statement binds or stores into."""
        return set() if isinstance(stmt, _COMPOUND) else _bound(stmt)

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


def _has_content(body: Sequence[Any]) -> bool:
    """Whether more is done in a block than that it is left."""
    return any(
        (isinstance(node, gast.stmt) and not isinstance(node, (*_EXITS, gast.Pass, gast.If)))
        or (isinstance(node, gast.Name) and node.id == GIVEN)
        for stmt in body
        for node in gast.walk(stmt)
    )


def _has_slices(node: Any) -> bool:
    return isinstance(node, gast.Tuple) and any(isinstance(item, gast.Slice | gast.Starred) for item in node.elts)


def _is_inside(parent: Any, node: Any) -> bool:
    """Whether a node is evaluated in a scope of its own, once for each item, or at a call."""
    if isinstance(node, gast.comprehension):
        return node is not parent.generators[0]
    return isinstance(parent, _INNER) or (isinstance(parent, gast.comprehension) and node is not parent.iter)


def _is_conditional(parent: Any, node: Any) -> bool:
    """Whether a part of an expression is evaluated only where another has some value."""
    match parent:
        case gast.BoolOp(values=[first, *_]) | gast.IfExp(test=first) | gast.Assert(test=first):
            return node is not first
        case gast.Compare(comparators=[first, _, *_], left=left):
            return node is not first and node is not left
    return False


def _is_print(stmt: Any) -> bool:
    match stmt:
        case gast.Expr(value=gast.Call(func=gast.Name(id="print"))):
            return True
    return False


def _names(node: Any) -> set[str]:
    return {one.id for one in gast.walk(node) if isinstance(one, gast.Name)}


def _asked(stmt: Any) -> set[str]:
    """The names that decide whether, and how often, the body of a statement is executed."""
    match stmt:
        case gast.If(test=asked) | gast.While(test=asked) | gast.For(iter=asked):
            return _names(asked)
        case gast.With(items=items):
            return {name for item in items for name in _names(item.context_expr)}
    return set()


def _changed(stmt: Any) -> set[str]:
    """The variables that a statement binds, stores into, or may write into."""
    return _bound(stmt) | _called_on(stmt)


def _called_on(stmt: Any) -> set[str]:
    """The variables in the calls of a statement that may write into what they are given, or are methods of."""
    calls = [one for own in own_expressions(stmt) for one in gast.walk(own) if isinstance(one, gast.Call)]
    inside = [child for name in ("body", "orelse", "finalbody", "handlers") for child in getattr(stmt, name, [])]
    found = {name for child in inside for name in _called_on(child)}
    if isinstance(stmt, gast.Expr):
        return found.union(*map(_names, calls))
    return found | {name for call in calls if isinstance(call.func, gast.Attribute) for name in bases(call.func.value)}


def _written(stmt: Any, immutable: frozenset[str]) -> set[str]:
    """The variables that a statement is executed for its effect on."""
    return _called_on(stmt) - immutable if isinstance(stmt, gast.Expr | gast.With | gast.Try | gast.For) else set()


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
        case gast.For(target=target):
            found = set(bases(target))
        case gast.With(items=items):
            found = {name for item in items if item.optional_vars is not None for name in bases(item.optional_vars)}
        case _:
            found = set()
    inside = [child for name in ("body", "orelse", "finalbody", "handlers") for child in getattr(stmt, name, [])]
    walrus = (one for own in own_expressions(stmt) for one in gast.walk(own) if isinstance(one, gast.NamedExpr))
    return found.union(*map(_bound, inside)) | {one.target.id for one in walrus}


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
