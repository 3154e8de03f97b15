"""A call in a function, in a syntax tree, as the statements of the function that it calls.

What the called function leaves to Python can then be found as if it stood in the caller. Its variables get names that
the caller does not have; what it reads from outside is a variable from outside of the caller.

>>> caller = gast.parse("def f(x):\\n    return x * noisy(x, 2.0)").body[0]
>>> called = gast.parse("def noisy(y, scale):\\n    z = draw()\\n    return y * z * scale").body[0]
>>> call = caller.body[0].value.right
>>> print(gast.unparse(inlined(caller, call, Called(called, {}, {}))).strip())
def f(x):
    scale = 2.0
    z = draw()
    noisy_value = x * z * scale
    return x * noisy_value
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gast

from srcad.frontend.source.scopes import assigned, own_nodes
from srcad.frontend.syntax.structured_exits import structure_exits

_NOT_READ = (
    *(gast.Try, gast.Match, gast.Yield, gast.YieldFrom, gast.Nonlocal, gast.Global, gast.Await, gast.NamedExpr),
    *(gast.ClassDef, gast.Delete, gast.Import, gast.ImportFrom),
)
_HELD = (gast.Name, gast.Constant)
"""What has the same value before and after a call: a variable, whatever is written into its memory."""


@dataclass(frozen=True)
class Called:
    """The function that is called."""

    tree: Any
    defaults: Mapping[str, Any]
    """The expressions of its default values."""
    outside: Mapping[str, str]
    """What the names that it reads from outside are to be in the caller."""
    name: str = ""


def inlined(tree: Any, call: Any, called: Called, at_call: bool = False) -> Any:
    """The caller without this call; None where it cannot be. Nothing of the given trees is modified.

    Statements of another file are `at_call`, of which the caller's file has a line.
    """
    parents = {id(child): node for node in gast.walk(tree) for child in gast.iter_child_nodes(node)}
    if any(isinstance(node, _NOT_READ) for node in gast.walk(called.tree)):
        return None
    names = {n.id for n in gast.walk(tree) if isinstance(n, gast.Name)}
    own = {n.id for n in own_nodes(called.tree) if isinstance(n, gast.Name)}
    taken = names | set(called.outside.values()) | _defined(tree)
    bound = _bound(called, call)
    before = _evaluated_before(parents, call)
    if bound is None or before is None:
        return None
    given, spliced, spliced_keywords = bound
    structured = structure_exits(called.tree)
    body = structured.body
    locals_ = [*given, *(name for name in assigned(body) if name not in given)]
    renamed = dict(called.outside)
    starred: list[Any] = []
    for values in (*spliced.values(), *spliced_keywords.values()):
        for at, item in enumerate(values):
            value = item.value if isinstance(item, gast.keyword) else item
            if not isinstance(value, _HELD):
                named = gast.copy_location(gast.Name(_unused("part", taken), gast.Load(), None, None), value)
                starred.append(_assigned(named.id, value, call))
                values[at] = gast.keyword(item.arg, named) if isinstance(item, gast.keyword) else named
    is_late = any(isinstance(n, gast.Lambda | gast.GeneratorExp | gast.FunctionDef) for n in own_nodes(called.tree))
    for name in locals_:
        value = given.get(name)
        if isinstance(value, gast.Name) and name not in assigned(body) and not is_late:
            renamed[name] = given.pop(name).id  # nothing binds the variable before the function returns
        else:
            renamed[name] = _unused(name, taken)
    inner = {
        p.id
        for node in gast.walk(called.tree)
        if isinstance(node, gast.FunctionDef | gast.Lambda) and node is not called.tree
        for p in gast.walk(node.args)
        if isinstance(p, gast.Name)
    }
    if any(renamed.get(name, name) != name for name in inner) or own & {"locals", "super", "vars", "eval", "exec"}:
        return None
    made = _renamed(_plain(structured), renamed, spliced, spliced_keywords)
    for node in gast.walk(made) if at_call else ():
        if hasattr(node, "lineno"):
            gast.copy_location(node, call)
    *statements, last = made.body if isinstance(made.body[-1], gast.Return) else [*made.body, gast.Return(None)]
    statements = [_assigned(renamed[name], value, call) for name, value in given.items()] + starred + statements
    result: Any = gast.Constant(None, None)
    if last.value is not None and not (isinstance(last.value, gast.Constant) and last.value.value is None):
        result = gast.Name(_unused(f"{called.name or called.tree.name}_value", taken), gast.Load(), None, None)
        statements.append(_assigned(result.id, last.value, last if hasattr(last, "lineno") else call))
    held: dict[int, Any] = {}
    first: list[Any] = []
    for node in before:
        part = gast.Name(_unused("part", taken), gast.Load(), None, None)
        first.append(_assigned(part.id, node, call))
        held[id(node)] = gast.copy_location(part, node)
    statement = _statement_of(parents, call)
    replaced = {**held, id(call): gast.copy_location(result, call)}
    return _with_statements(tree, statement, [*first, *statements], replaced)


def _bound(called: Called, call: Any) -> tuple[dict[str, Any], dict[str, list[Any]], dict[str, list[Any]]] | None:
    """What each parameter is bound to, in the order of evaluation; those of `*args` and `**kwargs` one by one."""
    spec = called.tree.args
    if any(isinstance(arg, gast.Starred) for arg in call.args) or any(k.arg is None for k in call.keywords):
        return None
    values = list(call.args)
    positional = [p.id for p in (*spec.posonlyargs, *spec.args)]
    given = dict(zip(positional, values, strict=False))
    spliced: dict[str, list[Any]] = {}
    rest = values[len(positional) :]
    if rest and spec.vararg is None:
        return None
    if spec.vararg is not None:
        spliced[spec.vararg.id] = rest
    allowed = {*positional, *(p.id for p in spec.kwonlyargs)}
    extra: list[Any] = []
    for keyword in call.keywords:
        if keyword.arg in given:
            return None
        if keyword.arg in allowed:
            given[keyword.arg] = keyword.value
        elif spec.kwarg is not None:
            extra.append(keyword)
        else:
            return None
    for name in allowed - given.keys():
        if name not in called.defaults:
            return None
    given |= {
        name: called.defaults[name] for name in (*positional, *(p.id for p in spec.kwonlyargs)) if name not in given
    }
    keywords = {} if spec.kwarg is None else {spec.kwarg.id: extra}
    stars = {*spliced, *keywords}
    uses = [
        n for n in gast.walk(called.tree) if isinstance(n, gast.Name) and n.id in stars and isinstance(n.ctx, gast.Load)
    ]
    passed = [n for n in gast.walk(called.tree) if isinstance(n, gast.Call)]
    in_calls = sum(
        isinstance(a, gast.Starred) and isinstance(a.value, gast.Name) and a.value.id in stars
        for c in passed
        for a in c.args
    )
    in_calls += sum(
        k.arg is None and isinstance(k.value, gast.Name) and k.value.id in stars for c in passed for k in c.keywords
    )
    if len(uses) != in_calls or (in_calls > 2 and (rest or extra)):
        return None
    return given, spliced, keywords


def _evaluated_before(parents: Mapping[int, Any], call: Any) -> list[Any] | None:
    """What the statement evaluates before the call, but for variables; None where the call is not always evaluated."""
    found: list[Any] = []
    node = call
    while not isinstance(node, gast.stmt):
        parent = parents[id(node)]
        match parent:
            case gast.BinOp(left=left, right=right):
                earlier = [left] if node is right else []
            case gast.Compare(left=left, comparators=[only]):
                earlier = [left] if node is only else []
            case gast.Call(func=func, args=args):
                parts = [*([] if isinstance(func, gast.Name) else [func]), *args, *(k for k in parent.keywords)]
                earlier = parts[: parts.index(node)] if node in parts else []
                if any(isinstance(part, gast.Attribute | gast.Starred | gast.keyword) for part in earlier):
                    if isinstance(earlier[0], gast.Attribute) and isinstance(earlier[0].value, gast.Name):
                        earlier = earlier[1:]  # a method of a variable, or a function of a module
                    if any(isinstance(part, gast.Starred | gast.keyword) for part in earlier):
                        return None
            case gast.Tuple(elts=parts) | gast.List(elts=parts):
                earlier = parts[: parts.index(node)]
            case gast.UnaryOp() | gast.Attribute() | gast.keyword():
                earlier = []
            case gast.Subscript(value=value):
                earlier = [value] if node is not value else []
            case gast.Assign() | gast.AnnAssign() | gast.Return() | gast.Expr() | gast.For() | gast.If():
                in_value = node in (
                    getattr(parent, "value", None),
                    getattr(parent, "iter", None),
                    getattr(parent, "test", None),
                )
                if not in_value:
                    return None
                earlier = []
            case gast.AugAssign(target=gast.Name(), value=value) if node is value:
                earlier = []
            case _:
                return None
        if any(isinstance(part, gast.Starred) for part in earlier):
            return None
        found = [part for part in earlier if not isinstance(part, _HELD)] + found
        node = parent
    return found


def _statement_of(parents: Mapping[int, Any], node: Any) -> Any:
    while not isinstance(node, gast.stmt):
        node = parents[id(node)]
    return node


def _with_statements(node: Any, statement: Any, before: Sequence[Any], instead: Mapping[int, Any]) -> Any:
    """The tree with statements before one, in which other nodes stand in the place of some."""
    if id(node) in instead:
        return instead[id(node)]
    if isinstance(node, list):
        return [
            new
            for item in node
            for new in ([*before] if item is statement else []) + [_with_statements(item, statement, before, instead)]
        ]
    if not isinstance(node, gast.AST):
        return node
    made = copy.copy(node)
    for name in node._fields:
        setattr(made, name, _with_statements(getattr(node, name, None), statement, before, instead))
    return made


def _plain(tree: Any) -> Any:
    """The structured function without marks: a loop that a flag ends has a `break` at the end of its body."""
    made = copy.deepcopy(tree)
    for node in gast.walk(made):
        flag = getattr(node, "exit_flag", None)
        if isinstance(node, gast.For) and flag is not None:
            test = gast.copy_location(gast.Name(flag, gast.Load(), None, None), node)
            leave = gast.copy_location(gast.Break(), node)
            node.body = [*node.body, gast.copy_location(gast.If(test, [leave], []), node)]
            del node.exit_flag
    return made


def _renamed(
    tree: Any, names: Mapping[str, str], spliced: Mapping[str, list[Any]], keywords: Mapping[str, list[Any]]
) -> Any:
    for node in gast.walk(tree):
        if isinstance(node, gast.Call):
            node.args = [new for arg in node.args for new in _spliced(arg, spliced)]
            node.keywords = [new for k in node.keywords for new in _spliced(k, keywords)]
    kept = {id(n) for values in (*spliced.values(), *keywords.values()) for value in values for n in gast.walk(value)}
    for node in gast.walk(tree):
        if isinstance(node, gast.Name) and id(node) not in kept:
            node.id = names.get(node.id, node.id)
        elif isinstance(node, gast.FunctionDef) and node is not tree:
            node.name = names.get(node.name, node.name)
    return tree


def _spliced(arg: Any, values: Mapping[str, list[Any]]) -> list[Any]:
    inner = arg.value if isinstance(arg, gast.Starred) or (isinstance(arg, gast.keyword) and arg.arg is None) else None
    return values[inner.id] if isinstance(inner, gast.Name) and inner.id in values else [arg]


def _defined(tree: Any) -> set[str]:
    return {node.name for node in gast.walk(tree) if isinstance(node, gast.FunctionDef)}


def _unused(name: str, taken: set[str]) -> str:
    found, count = name, 0
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    taken.add(found)
    return found


def _assigned(name: str, value: Any, at: Any) -> Any:
    made = gast.Assign([gast.Name(name, gast.Store(), None, None)], value, None)
    for node in (made, made.targets[0]):
        gast.copy_location(node, at)
    return made
