"""Which names in the source of a primal a derivative passes through."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from srcad.analysis.values.activity import flows_of
from srcad.compiler.generate import Generated
from srcad.inspection.page.excerpts import Excerpt, Place
from srcad.ir.names import base, is_temporary
from srcad.ir.nodes import Assign, Function, Span, Store
from srcad.ir.result_memory import root
from srcad.ir.traversal import walk

Primal = tuple[Function, frozenset[str]]
"""A function of the source in normal form, and its active names."""


def active_places(primals: Iterable[Primal], sources: Sequence[Excerpt]) -> frozenset[Place]:
    """The statements of the source that a derivative passes through, from what they read to what they assign.

    Not where an array is made that active values are stored into later.
    """
    found: set[Place] = set()
    for primal, active in primals:
        for stmt in walk(primal.body):
            if isinstance(stmt, Assign | Store) and stmt.span is not None:
                passes = any({a, b} <= active for a, b in flows_of(primal, stmt))
                place = place_of(stmt.span, sources) if passes else None
                found |= set() if place is None else {place}
    return frozenset(found)


def place_of(span: Span, sources: Sequence[Excerpt]) -> Place | None:
    """The statement of the source that a span is in."""
    return next((one.place(span.line) for one in sources if one.has(span)), None)


def active_variables(made: Generated, primals: Sequence[Primal], sources: Sequence[Excerpt]) -> dict[Excerpt, set[str]]:
    """For each function of the source, its variables with a value that a derivative passes through.

    What names a value without computing one (`y = x`, `W, b = params`, the parameters of a function that is called)
    has no statement of the primal. It is active if what it is bound to has an active name in it.

    >>> import srcad
    >>> from srcad.canonicalize.prune import prune
    >>> from srcad.inspection.page.excerpts import excerpts
    >>> __name__ = "user_module"
    >>> def f(x, n):
    ...     y = x
    ...     k = n + 1
    ...     return y * k
    >>> made = srcad.grad(f, target="python").specialisation(1.0, 2).generated
    >>> found = excerpts(made.source, [])
    >>> sorted(active_variables(made, [(prune(made.lowered.function), made.active)], found)[found[0]])
    ['x', 'y']
    """
    found: dict[Excerpt, set[str]] = {one: set() for one in sources}
    computed: set[Place] = set()
    for primal, active in primals:
        for name, span in _defined(primal):
            one = next((one for one in sources if one.has(span)), None)
            if one is not None and (place := one.place(span.line)) is not None:
                computed.add(place)
                if name in active and not is_temporary(name):
                    found[one].add(base(name))
    for param in made.lowered.function.params:
        start = re.match(r"\w+", param.path)
        if param.name in made.active and start is not None:
            found[sources[0]].add(start.group())
    bindings = [binding for one in sources for binding in _bindings(one, computed, sources[1:])]
    changed = True
    while changed:
        changed = False
        for reader, value, owner, names in bindings:
            if _names(value) & found[reader] and not names <= found[owner]:
                found[owner] |= names
                changed = True
    return found


def _defined(primal: Function) -> Iterator[tuple[str, Span]]:
    """The names that statements give a value to, or whose memory they write to, with their places."""
    for stmt in walk(primal.body):
        if isinstance(stmt, Assign) and stmt.span is not None:
            yield stmt.target, stmt.span
        elif isinstance(stmt, Store) and stmt.span is not None and (name := root(stmt.base)) is not None:
            yield name, stmt.span


def _bindings(
    one: Excerpt, computed: set[Place], others: Sequence[Excerpt]
) -> Iterator[tuple[Excerpt, ast.expr, Excerpt, set[str]]]:
    """What binds names to values that are there: the function and the value, and where which names."""
    for node in ast.walk(one.definition) if one.definition is not None else ():
        match node:
            case ast.Assign(targets=targets, value=value) if (one.file, node.lineno) not in computed:
                yield one, value, one, set().union(*map(_names, targets))
            case ast.For(target=target, iter=value) if not _is_range(value):
                yield one, value, one, _names(target)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
                for called in others:
                    if called.function == name and called.definition is not None:
                        names = [arg.arg for arg in called.definition.args.posonlyargs + called.definition.args.args]
                        yield from ((one, arg, called, {name}) for name, arg in zip(names, args, strict=False))
                        yield from ((one, k.value, called, {k.arg}) for k in keywords if k.arg is not None)


def _is_range(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "range"


def _names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def printed_as(names: Iterable[str]) -> re.Pattern[str]:
    """What the variables of these names are called in a generated text: with a number where one name has two values.

    >>> bool(printed_as({"s", "h"}).fullmatch("s_1")), bool(printed_as({"s"}).fullmatch("sum"))
    (True, False)
    """
    return re.compile(f"(?:{'|'.join(sorted(map(re.escape, names))) or '(?!)'})(?:_?\\d+|\\.\\d+)?")
