"""Round a loop: its body is lowered again until the types of what it carries no longer change.

`LoopFixpoint` knows no loop statement; loops.py writes `For` and `While` with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

from srcad.frontend.values.abstract_values import (
    UNBOUND,
    Abstract,
    Closure,
    CopiedContainer,
    HeapObject,
    Leaf,
    Seq,
    TypeConflict,
)
from srcad.frontend.values.context import Context, State
from srcad.frontend.values.control_joins import Key, converted_if, describe_value, disagreement, fresh_of, kind_of
from srcad.frontend.values.definedness import bound_flag, flags_of_partly_bound, name_of_flag
from srcad.frontend.values.growing_lists import GrowingLists
from srcad.frontend.values.structures import Template, compose, decompose, visit_parts
from srcad.ir.nodes import Atom, Carry, Expr, Stmt, Undef
from srcad.ir.types import Scalar, Symbol, dim
from srcad.typing.join import UNNAMED, WeakType, forget_iteration_facts, join_types

_ATTEMPTS = 12
_GROWN = TypeConflict(
    "S125",
    "this list or dict changes its length in a loop with a run-time number of turns",
    "Its length is needed when compiling.",
    "write into an array made before the loop: hs = np.empty((n, ...)), then hs[i] = h.",
)


@dataclass
class LoopFixpoint:
    """What is carried round one loop. `names` are those the body assigns; `read_outside`, those read elsewhere."""

    ctx: Context
    names: Collection[str]
    read_outside: Collection[str]
    growth: GrowingLists | None = None
    entry: State = field(init=False)
    templates: dict[Key, Template | TypeConflict] = field(default_factory=dict)
    by_contents: set[Key] = field(default_factory=set)
    args: dict[Key, list[Leaf]] = field(default_factory=dict)
    carried: list[Carry] = field(default_factory=list)
    body: list[Stmt] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    hidden: list[str] = field(default_factory=list)
    """Those names that say whether others have a value (`unbound`), and of them those that a turn makes true."""
    always: frozenset[str] = frozenset()
    conflicts: list[TypeConflict] = field(default_factory=list)
    """What was bound before and has no common structure round the loop."""

    def run(self, write: Callable[[], Any]) -> Any:
        """Lower the body with `write` until it is stable; the state is then that after the loop.

        Gives what the last `write` gave. Conversions of initial values are written before the loop.
        """
        ctx = self.ctx
        self.hidden = flags_of_partly_bound(ctx, self.names)
        self.names = [*self.names, *self.hidden]
        self.entry = ctx.snapshot()
        counters, created = dict(ctx.builder.counters), len(ctx.builder.created)
        for name in self.names:
            value = self.entry.names.get(name, UNBOUND)
            if value is not UNBOUND:
                self._carry(name, value, self.entry.heap)
        hopeless = False
        for _ in range(_ATTEMPTS):
            ctx.builder.counters = dict(counters)
            del ctx.builder.created[created:]
            ctx.restore(self.entry)
            if self.growth is not None and self.growth.planned.keys() != self.growth.allocated.keys():
                self.growth.allocate()
                self.entry = ctx.snapshot()
                counters, created = dict(ctx.builder.counters), len(ctx.builder.created)
            frames = ctx.frames
            self._enter()
            pending = set() if hopeless else {name for name in self.names if name not in self.templates}
            written, skipped = self._attempt(write, pending)
            end = ctx.snapshot()
            inner = frozenset(ctx.builder.created[created:])
            known = len(self.templates)
            always = frozenset(name for name in self.hidden if _is_true(end.names.get(name)))
            settled = always == self.always or not any(name_of_flag(name) in self.read for name in always ^ self.always)
            self.always = always
            if not self._changed(end, inner, frames, skipped) and not skipped and settled:
                self._leave(end, inner, frames)
                return written
            # a name that no attempt gives a value is an error in the next
            hopeless = skipped and len(self.templates) == known
        ctx.fail("S119", "the types of what this loop carries do not settle")

    def after_first(self, later: Atom | None) -> None:
        """In a turn: what all turns bind, where it had no value before, has one in every turn but the first; `later`
        says whether it is one."""
        for name in self.always if later is not None else ():
            assert later is not None
            if _is_false(self.entry.names.get(name)):
                self.ctx.frame.names[name] = self.ctx.leaf(later)

    def bound_by_turns(self, ran: Atom | None) -> None:
        """After the loop: what all turns bind, where it had no value before, has one if there was a turn."""
        for name in self.always if ran is not None else ():
            assert ran is not None
            if _is_false(self.entry.names.get(name)):
                self.ctx.frame.names[name] = self.ctx.leaf(ran)

    def _attempt(self, write: Callable[[], Any], pending: set[str]) -> tuple[Any, bool]:
        """Lower the body once; a statement that reads a name which gets its value later in the turn is left out."""
        ctx, frame = self.ctx, self.ctx.frame
        skipped, ctx.incomplete = ctx.incomplete, False
        read, ctx.read_undefined = ctx.read_undefined, set()
        own = pending - frame.pending
        frame.pending |= own
        try:
            with ctx.builder.block() as body:
                written = write()
            self.body = body
            return written, ctx.incomplete
        finally:
            frame.pending -= own
            self.read = ctx.read_undefined
            ctx.incomplete = skipped
            ctx.read_undefined = read | self.read

    def _carry(
        self, key: Key, value: Abstract, heap: dict[int, HeapObject], inner: frozenset[str] = frozenset()
    ) -> None:
        if isinstance(value, TypeConflict):
            self.templates[key] = value
            return
        kept = () if key in self.by_contents else self.entry.heap
        base = self.ctx.base(key) if isinstance(key, str) else "%item"
        structure, leaves, bases = decompose(value, heap, kept, base)
        kinds = tuple(_counted(forget_iteration_facts(kind_of(self.ctx.builder, leaf), inner)) for leaf in leaves)
        self.templates[key] = Template(structure, kinds, tuple(bases))

    def _enter(self) -> None:
        """Give every carried name its arg."""
        ctx = self.ctx
        self.args = {}
        for key, template in self.templates.items():
            if isinstance(template, TypeConflict):
                self._set(key, template)
                continue
            args = [
                ctx.leaf(fresh_of(ctx.builder, base, kind))
                for base, kind in zip(template.bases, template.kinds, strict=True)
            ]
            if isinstance(key, str) and self.entry.names.get(key, UNBOUND) is UNBOUND:
                ctx.undefined.update(arg.atom.name for arg in args)  # type: ignore[union-attr]
            self.args[key] = args
            self._set(key, compose(ctx, template.structure, args))

    def _set(self, key: Key, value: Abstract) -> None:
        if isinstance(key, str):
            self.ctx.frame.names[key] = value
        elif isinstance(value, Seq):
            self.ctx.heap[key] = replace(self.entry.heap[key], items=value.items)
        else:
            self.ctx.heap[key] = HeapObject((value,), ())

    def _get(self, key: Key, state: State) -> Abstract:
        return state.names.get(key, UNBOUND) if isinstance(key, str) else Seq(state.heap[key].items)

    def _changed(self, end: State, inner: frozenset[str], frames: int, skipped: bool) -> bool:
        """Take the values at the end of the turn into what is carried; whether that changes anything."""
        changed = False
        for ref, cells in self.entry.heap.items():
            if ref in self.templates or end.heap[ref] is cells:
                continue
            after = end.heap[ref]
            if self.growth is not None and ref in self.growth.allocated and after.grown:
                continue
            changed = True
            if self.growth is not None and self.growth.plan(ref, cells, after, inner):
                continue
            if after.keys != cells.keys or len(after.items) != len(cells.items):
                self.templates[ref] = _GROWN
                self.conflicts.append(_GROWN)
            else:
                self._carry(ref, Seq(cells.items), self.entry.heap)
        for key, template in list(self.templates.items()):
            if isinstance(template, Template) and key in self.args:
                changed |= self._compared(key, template, end, inner)
        for name in self.names:
            value = end.names.get(name, UNBOUND)
            if name in self.templates or value is UNBOUND:
                continue
            if skipped or self._is_needed(name, value, end.heap):
                self._carry(name, self._settled(value, name, frames), end.heap, inner)
                changed = True
        return changed

    def _compared(self, key: Key, template: Template, end: State, inner: frozenset[str]) -> bool:
        value = self._get(key, end)
        kept = () if key in self.by_contents else self.entry.heap
        base = self.ctx.base(key) if isinstance(key, str) else "%item"
        structure, leaves, _ = decompose(value, end.heap, kept, base)
        if value is UNBOUND:
            return False  # every path to the end of the turn stops with an error
        if structure != template.structure:
            if key not in self.by_contents and _has_contents(structure):
                self.by_contents.add(key)
                self._carry(key, self._get(key, self.entry), self.entry.heap)
                return True
            before = self._get(key, self.entry)
            reason = f"it is {describe_value(before)} before the loop and {describe_value(value)} after a turn"
            return self._conflict(key, disagreement(base, reason))
        kinds = []
        for kind, leaf in zip(template.kinds, leaves, strict=True):
            common = join_types(kind, forget_iteration_facts(kind_of(self.ctx.builder, leaf), inner))
            if isinstance(common, str):
                text = common.replace("on one path", "before the loop").replace("on the other", "after a turn")
                return self._conflict(key, disagreement(base, text))
            kinds.append(common)
        if tuple(kinds) == template.kinds:
            return False
        self.templates[key] = Template(structure, tuple(kinds), template.bases)
        return True

    def _conflict(self, key: Key, conflict: TypeConflict) -> bool:
        self.templates[key] = conflict
        self.conflicts.append(conflict)
        return True

    def _is_needed(self, name: str, value: Abstract, heap: dict[int, HeapObject]) -> bool:
        """Whether a name first bound in the body may be read with the value of an earlier turn."""
        if name in self.read:  # before the turn itself gives it one, perhaps
            return True
        _, leaves, _ = decompose(value, heap, self.entry.heap, "")  # of a list that the turn makes, its contents
        return any(map(self.ctx.is_undefined, leaves)) and name in self.read_outside

    def _settled(self, value: Abstract, name: str, frames: int) -> Abstract:
        """The value, unless it is a function that was made inside the loop and knows values made there."""
        made = False

        def look(part: Abstract) -> None:
            nonlocal made
            made |= isinstance(part, Closure) and part.frame.serial > frames

        visit_parts(value, look)
        return disagreement(name, "it is a function made anew in each turn of a loop") if made else value

    def _leave(self, end: State, inner: frozenset[str], frames: int) -> None:
        ctx = self.ctx
        for name in self.names:
            value = end.names.get(name, UNBOUND)
            if name not in self.templates and value is not UNBOUND:
                self._carry(name, self._settled(value, name, frames), end.heap, inner)
        ctx.restore(State(self.entry.names, self.entry.heap))
        for key, template in self.templates.items():
            if isinstance(template, TypeConflict):
                self._set(key, template)
                continue
            results = self._carried(key, template, end)
            self._set(key, compose(ctx, template.structure, results, shared=False))
        if self.growth is not None:
            self.growth.end()

    def _carried(self, key: Key, template: Template, end: State) -> list[Leaf]:
        """A `Carry` for each leaf."""
        ctx, builder = self.ctx, self.ctx.builder
        entry, last = self._get(key, self.entry), self._get(key, end)
        kept = () if key in self.by_contents else self.entry.heap
        starts = decompose(entry, self.entry.heap, kept, "")[1]
        ends = decompose(last, end.heap, kept, "")[1]
        results = []
        for at, (kind, base) in enumerate(zip(template.kinds, template.bases, strict=True)):
            arg = self.args[key][at].atom if key in self.args else fresh_of(builder, base, kind)
            had, has = (bound_flag(state.names, key) if isinstance(key, str) else None for state in (self.entry, end))
            init = converted_if(builder, starts[at], kind, had) if starts else Undef()
            following: Expr = Undef()
            if ends:
                with builder.block() as conversion:
                    following = converted_if(builder, ends[at], kind, has)
                self.body += conversion
            result = fresh_of(builder, base, kind)
            if not starts or ctx.is_undefined(starts[at]):
                ctx.undefined.add(result.name)
            self.carried.append(Carry(arg.name, init, following, result.name))  # type: ignore[union-attr]
            results.append(ctx.leaf(result))
        return results


def _is_true(has: Abstract | None) -> bool:
    return isinstance(has, Leaf) and has.static is True


def _is_false(has: Abstract | None) -> bool:
    return isinstance(has, Leaf) and has.static is False


def _counted(kind: WeakType) -> WeakType:
    """An integer counts as another in each turn from the outset: that saves a round."""
    match kind.type:
        case Scalar("int64"):
            return WeakType(Scalar("int64", dim(Symbol(UNNAMED, None))), kind.weak)
        case _:
            return kind


def _has_contents(structure: Abstract) -> bool:
    found = False

    def look(part: Abstract) -> None:
        nonlocal found
        found |= isinstance(part, CopiedContainer)

    visit_parts(structure, look)
    return found
