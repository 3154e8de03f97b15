"""Windows: a loop over `srcad.window(...)` as plain loops whose gradient is the truncated one.

Chunks are cut at their beginning. Any other window runs the iterations that it looks back on again, from a state that
was kept as a constant; of them it leaves out all that is no state.

>>> import srcad
>>> __name__ = "__main__"  # a user's function
>>> def f(w, xs):
...     h, total = 0.0, 0.0
...     for t in srcad.window(range(len(xs)), back=2, cut="h"):
...         h = w * h + xs[t]
...         total += h
...     return total
>>> import numpy as np
>>> srcad.grad(f, target="python")(0.5, np.ones(3))  # of 1, w + 1, and w h + 1 with h = w 1 + 1
3.0
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any, NoReturn

import gast

from srcad.analysis.memory.may_alias import may_alias
from srcad.frontend.source.scopes import assigned, loads
from srcad.frontend.values.abstract_values import UNKNOWN, Abstract, Constant, Leaf, RangeValue, WindowValue
from srcad.frontend.values.cells import is_cell
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.iterables import arithmetic, count_of, from_zero
from srcad.ir.names import base, is_temporary
from srcad.ir.nodes import Block, Const, Expr, For, Var
from srcad.ir.traversal import block_reads, block_stores, defined, names
from srcad.ir.types import Array, Scalar
from srcad.rules.expansions.windows import cut, keep, own, part, room

_AGAIN = "_again"
_WHY = "The iterations that a window looks back on run again: of what they change, only the state may count."
_ADVICE = "name it in cut=, or compute it in a loop of its own."
_written: dict[str, tuple[Any, _Rewritten]] = {}
"""By the ids of the loops, which are held here, and what their windows are: each is lowered several times."""


def lower_window(ctx: Context, node: gast.For, over: WindowValue) -> None:
    """Lower the statements that stand for a loop over a window; S131 for one that cannot be cut."""
    with ctx.at(node.iter):
        _check_states(ctx, node, over)
        if any(is_cell(ctx.frame.names.get(name)) for name in over.cut):
            what = "a window inside with, or in a loop over a generator"
            ctx.fail("S131", what, None, "write the loop in a function of its own, and call that.")
        kind = over.every is None, over.depth is None, [(name, mask is None) for name, mask in over.cut.items()]
        key = repr((id(node), _counts(over.inner), kind))
        cached = _written.get(key)
        if cached is None or cached[0] is not node:
            cached = _written[key] = (node, _Rewritten(ctx, node, over))
        rewritten = cached[1]
        rewritten.bind(ctx, over)
        entry = {name: ctx.frame.names[name] for name in over.cut}
    with ctx.builder.block() as written:
        ctx.statements(rewritten.statements)
    with ctx.at(node.iter):
        _check_memory(ctx, entry, tuple(written), rewritten)
    for statement in written:
        ctx.builder.emit(statement)


def _check_states(ctx: Context, node: gast.For, over: WindowValue) -> None:
    for name in over.cut:
        state = ctx.frame.names.get(name)
        if state is None or not (name in assigned(node.body) or any(loads(one)[name] for one in node.body)):
            why = "What is cut is set before the loop, and in it from what it was."
            _refuse(ctx, f"{name} is not carried by this loop", why, "name the variables that hold its state.")
        if not isinstance(state, Leaf) or not isinstance(state.type, Array | Scalar):
            what = f"{name} is {describe_value(state)}, not a number or an array"
            _refuse(ctx, what, "A state is cut as a whole.", "give its parts names of their own, and cut these.")
    for number, word in ((over.every, "every"), (over.depth, "back")):
        if number is not None and number.static is UNKNOWN:
            positive = ctx.builder.op(">", number.atom, Const(0))
            ctx.builder.check(positive, "ValueError", f"{word} of a window must be at least 1, got ", number.atom)


def _check_memory(ctx: Context, entry: Mapping[str, Abstract], written: Block, rewritten: _Rewritten) -> None:
    """Refuse a state that is changed in place and has another name, and what is changed and read by iterations that
    run again: S131."""
    shared = may_alias((*ctx.builder.before, *written), ctx.builder.types)
    stored = {shared.class_of(name) for name in block_stores(written)}
    hidden = {*entry, *rewritten.states, _UNUSED}
    for name, state in entry.items():
        own = {n for n in defined(written) if base(n) == name}
        if isinstance(state, Leaf) and isinstance(state.atom, Var):
            own.add(state.atom.name)
        if stored.isdisjoint(map(shared.class_of, own)):
            continue
        for other in sorted(frozenset().union(*map(shared.aliases, own))):
            is_given = "." not in other and not is_temporary(other)
            if is_given or (not is_temporary(other) and base(other) not in hidden):
                of = "an argument" if is_given else base(other)
                what = f"{name} is changed in place, and its memory may be that of {of}"
                _refuse(
                    ctx, what, "A state that is cut is a copy.", f"give it memory of its own: {name} = {name}.copy()."
                )
    for name in sorted(rewritten.read_again - rewritten.defined_again):
        if shared.class_of(name) in stored and not any(base(n) in hidden for n in shared.aliases(name)):
            _refuse(ctx, f"{base(name)} is changed and read in the loop, and is not cut", _WHY, _ADVICE)


def check_again(ctx: Context, loop: For, rewritten: _Rewritten) -> None:
    """Refuse iterations that run again and do more than to compute the state: S131."""
    read = block_reads(loop.body)
    for carry in loop.carried:
        name = base(carry.arg)
        if name not in rewritten.cut and not is_temporary(name) and carry.arg in read:
            what = f"{name.removesuffix(_AGAIN)} is carried from one iteration to the next, and is not cut"
            _refuse(ctx, what, _WHY, _ADVICE)
    carried: list[Expr] = [e for c in loop.carried for e in (Var(c.arg), Var(c.result), c.init)]
    inside = defined(loop.body).union(*map(names, carried))
    shared = may_alias((loop,), ctx.builder.types)
    for name in sorted(block_stores(loop.body)):
        if any(one not in inside and base(one) not in rewritten.cut for one in shared.aliases(name)):
            what = f"{base(name).removesuffix(_AGAIN)} is memory from outside of the loop, and is written to"
            _refuse(ctx, what, _WHY, _ADVICE)
    rewritten.defined_again = inside
    rewritten.read_again = frozenset(name for name in read if shared.has_memory(name))


def _refuse(ctx: Context, what: str, why: str, advice: str) -> NoReturn:
    ctx.fail("S131", what, why, advice)


class _Rewritten:
    """The statements, in which hidden names stand for the items, the numbers and the functions that they read."""

    def __init__(self, ctx: Context, node: gast.For, over: WindowValue) -> None:
        self._used = {*loads(ctx.frame.tree), *assigned([*ctx.frame.tree.body, node])}
        self.cut = tuple(over.cut)
        self.states: set[str] = set()
        """The names of copies of the states."""
        self.read_again: frozenset[str] = frozenset()
        """The names with memory that iterations read that run again, of the newest lowering."""
        self.defined_again: frozenset[str] = frozenset()
        self._items, self._every, self._depth = map(self._fresh, ("items", "every", "depth"))
        self._blocks, self._turns = map(self._fresh, ("blocks", "turns"))
        self._functions = {f: self._fresh(f.__name__) for f in (cut, keep, own, part, room)}
        self._masks = {name: self._fresh(f"{name}_begins") for name, mask in over.cut.items() if mask is not None}
        self._named = isinstance(node.target, gast.Name) and _counts(over.inner)
        self._index = node.target.id if self._named else self._fresh("turn")
        lines = self._chunked(over) if over.depth is None else self._looking_back(over)
        again = _state_only(ctx, node, self.cut) if over.depth is not None else []
        self.statements: list[Any] = gast.parse("\n".join(lines)).body
        _fill(self.statements, node, again, self)

    def bind(self, ctx: Context, over: WindowValue) -> None:
        values: dict[str, Abstract] = {self._items: over.inner}
        values |= {name: Constant(function) for function, name in self._functions.items()}
        values |= {self._masks[name]: mask for name, mask in over.cut.items() if mask is not None}
        if over.every is not None:
            values[self._every] = over.every
        if over.depth is not None:
            turns = count_of(ctx, from_zero(ctx, over.inner))
            values |= {self._depth: over.depth, self._turns: turns, self._blocks: _blocks(ctx, turns, over.every)}
        ctx.frame.names |= values
        ctx.frame.locals |= values.keys()

    def _fresh(self, name: str) -> str:
        found = next(one for k in count() if (one := name + "_" * k) not in self._used)
        self._used.add(found)
        return found

    def _loop(self, start: str = "", stop: str = "", suffix: str = "") -> list[str]:
        """The head of a loop over all items, or those from one to before another, and the cuts by masks."""
        items = f"{self._functions[part]}({self._items}, {start}, {stop})" if stop else self._items
        index = self._index + suffix
        if self._named:
            head = f"for {index} in {items}:"
        else:
            head = f"for {index}, TARGET in enumerate({items}, {start or 0}):"
        of = self._functions[cut]
        return [head, *(f"    {name} = {of}({name}, {mask}[{index}])" for name, mask in self._masks.items())]

    def _chunked(self, over: WindowValue) -> list[str]:
        lines = self._loop()
        if over.every is not None:
            begins = f"{self._index} % {self._every} == 0 and {self._index} > 0"
            lines += [f"    {name} = {self._functions[cut]}({name}, {begins})" for name in self.cut]
        return [*lines, f"    {_BODY}"]

    def _looking_back(self, over: WindowValue) -> list[str]:
        before, kept = ({name: self._fresh(f"{name}_{what}") for name in self.cut} for what in ("before", "kept"))
        self.states |= {*before.values(), *kept.values()}
        first = self._fresh("first")
        block, by = (self._index, "") if over.every is None else (self._fresh("block"), f" * {self._every}")
        copy_of = self._functions[own]
        start = [f"{self._functions[keep]}({kept[name]}, {block}, {name})" for name in self.cut]
        start += [f"{first} = {block} + 1 - {self._depth}", f"if {first} > 0:"]
        start += [f"    {name} = {copy_of}({kept[name]}[{first}])" for name in self.cut]
        start += ["else:", *(f"    {name} = {copy_of}({before[name]})" for name in self.cut)]
        start += [*self._loop(f"max({first}, 0){by}", f"{block}{by}", _AGAIN), f"    {_BODY}{_AGAIN}"]
        lines = [f"{before[name]} = {name}" for name in self.cut]
        lines += [f"{kept[name]} = {self._functions[room]}({name}, {self._blocks})" for name in self.cut]
        if over.every is None:
            head, *rows = self._loop()
            return [*lines, head, *_indented(start), *rows, f"    {_BODY}"]
        start += [*self._loop(f"{block}{by}", f"min(({block} + 1){by}, {self._turns})"), f"    {_BODY}"]
        return [*lines, f"for {block} in range({self._blocks}):", *_indented(start)]


_BODY = "BODY"
"""Stands for the body of the loop in the text, as TARGET for its target."""


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _counts(items: Abstract) -> bool:
    """Whether the items are the numbers of the iterations."""
    return isinstance(items, RangeValue) and (items.start.static, items.step.static) == (0, 1)


def _blocks(ctx: Context, turns: Leaf, every: Leaf | None) -> Leaf:
    if every is None:
        return turns
    rounded = arithmetic(ctx, "+", turns, arithmetic(ctx, "-", every, ctx.constant(1)))
    return arithmetic(ctx, "//", rounded, every)


def _fill(statements: list[Any], node: gast.For, again: list[Any], of: _Rewritten) -> None:
    """Put the user's target and body where the text names them, and give all else the place of the loop."""
    loops = []
    for inner in (inner for one in statements for inner in gast.walk(one)):
        gast.copy_location(inner, node)
        if isinstance(inner, gast.For) and isinstance(inner.body[-1], gast.Expr):
            loops.append((inner, inner.body[-1].value.id == _BODY))
    for loop, is_own in loops:
        loop.body[-1:] = node.body if is_own else again
        if is_own:
            loop.exit_flag = getattr(node, "exit_flag", None)
        else:
            loop.again_of = of
        if isinstance(loop.target, gast.Tuple):
            loop.target.elts[1] = (
                node.target if is_own else _renamed(copy.deepcopy(node.target), {*assigned([node])}.difference(of.cut))
            )


# ---- iterations that run again -------------------------------------------------------------------------------------


def _state_only(ctx: Context, node: gast.For, cut: Collection[str]) -> list[Any]:
    """The body without what adds to results, with names of its own for all that is no state."""
    if getattr(node, "exit_flag", None) is not None:
        _refuse(ctx, "a loop over a window is left by break or return", _WHY, "use every= alone, or a plain loop.")
    own = {name for name in assigned(node.body) if name not in ctx.frame.names or _is_set_first(name, node.body)}
    results = _Results(own.union(cut))
    body = results.without(copy.deepcopy(node.body))
    for name in sorted(results.names):
        if any(loads(one)[name] for one in results.counted(body)):
            _refuse(ctx, f"{name} is changed and read in the loop, and is not cut", _WHY, _ADVICE)
    return [_renamed(one, {*assigned([node])} - {*cut} - results.names) for one in body]


def _is_set_first(name: str, body: list[Any]) -> bool:
    """Whether an iteration does not read what the name was before it."""
    for one in body:
        match one:
            case gast.Assign(targets=[gast.Name(id=target)], value=value) if target == name and not loads(value)[name]:
                return True
        if loads(one)[name] or name in assigned([one]):
            return False
    return False


_UNUSED = f"unused{_AGAIN}"


class _Results:
    """What a loop adds to results, which iterations that run again leave out."""

    def __init__(self, own: Collection[str]) -> None:
        self._own = own
        """The names of the loop itself."""
        self.names: set[str] = set()
        """Of results."""

    def without(self, body: list[Any]) -> list[Any]:
        """The statements; of those that set results what they compute is left, for its effects on the state."""
        return [new for one in body for new in self._statement(one)]

    def counted(self, body: list[Any]) -> list[Any]:
        """The expressions and statements whose values count."""
        found: list[Any] = []
        for one in body:
            match one:
                case gast.Assign(targets=[gast.Name(id=name)]) if name == _UNUSED:
                    continue
                case gast.If(test=head) | gast.While(test=head) | gast.For(iter=head):
                    found += [head, *self.counted([*one.body, *one.orelse])]
                case _:
                    found.append(one)
        return found

    def _statement(self, one: Any) -> list[Any]:
        match one:
            case gast.If() | gast.For() | gast.While():
                one.body = self.without(one.body) or [gast.copy_location(gast.Pass(), one)]
                one.orelse = self.without(one.orelse)
            case gast.Expr(value=gast.Call(func=gast.Attribute(value=holder), args=args)):
                name = _root(holder)
                if name is not None and name not in self._own:
                    self.names.add(name)
                    return [_unused(arg, one) for arg in args]
            case gast.Expr(value=gast.Call(func=gast.Name(id="print"), args=args)):
                return [_unused(arg, one) for arg in args]
            case gast.Assign(targets=[gast.Tuple(elts=parts)]):
                for part in parts:
                    if isinstance(part, gast.Name) and part.id not in self._own:
                        self.names.add(part.id)
                        part.id = _UNUSED
            case gast.Assign(targets=[target], value=value) | gast.AugAssign(target=target, value=value):
                name = _root(target)
                is_sum = isinstance(one, gast.AugAssign) or loads(value)[name or ""]
                if name is not None and name not in self._own and (is_sum or not isinstance(target, gast.Name)):
                    self.names.add(name)
                    return [_unused(value, one)]
        return [one]


def _unused(value: Any, of: Any) -> Any:
    target = gast.Name(_UNUSED, gast.Store(), None, None)
    return gast.copy_location(gast.Assign([gast.copy_location(target, of)], value, None), of)


def _root(node: Any) -> str | None:
    """The name that is written to."""
    while isinstance(node, gast.Subscript | gast.Attribute | gast.Starred):
        node = node.value
    return node.id if isinstance(node, gast.Name) else None


def _renamed(node: Any, names: Collection[str]) -> Any:
    for inner in gast.walk(node):
        if isinstance(inner, gast.Name) and inner.id in names:
            inner.id += _AGAIN
        elif getattr(inner, "exit_flag", None) in names:
            inner.exit_flag += _AGAIN
    return node
