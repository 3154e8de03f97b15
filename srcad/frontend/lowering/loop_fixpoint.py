"""Fixpoint iteration of abstract interpretation over a loop: types of loop-carried values are joined until stable.

`LoopFixpoint` knows no loop statement; loops.py builds `For` and `While` with it.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, n):
...     total = 0
...     for i in range(n):
...         total = total + x
...     return total
>>> print(text(normal_form(f, 1.0, 3)))
f(x: float64, n: int64):
    total.0 = 0
    total.3 = float(total.0)
    total.4 = for i.0 in range(0, n, 1) carrying total.1 = total.3:
        total.2 = total.1 + x
        yield total.2
    return total.4
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
    GeneratorValue,
    HeapObject,
    Leaf,
    LoopSite,
    Seq,
    TypeConflict,
)
from srcad.frontend.values.buffered_lists import reserve
from srcad.frontend.values.cells import Cell, owner_of_nonlocal
from srcad.frontend.values.context import Context, Room, State
from srcad.frontend.values.control_joins import Key, converted_if, describe_value, disagreement, fresh_of
from srcad.frontend.values.definedness import bound_flag, flags_of_partly_bound, name_of_flag
from srcad.frontend.values.growing_lists import GrowingLists
from srcad.frontend.values.iterables import arithmetic, is_iterator
from srcad.frontend.values.optional_values import optional_like
from srcad.frontend.values.structures import (
    Endless,
    Template,
    compose,
    copied_containers,
    decompose,
    references,
    visit_parts,
)
from srcad.ir.nodes import Atom, Carry, Expr, Stmt, Undef
from srcad.ir.types import Scalar, Symbol, Type, dim
from srcad.typing.join import UNNAMED, are_alike, forget_iteration_facts, join_types

_ATTEMPTS = 12
_LENGTH_CHANGED = TypeConflict(
    "S125",
    "this list or dict changes its length in a loop with a run-time number of turns",
    "Its length is needed when compiling.",
    "write into an array made before the loop: hs = np.empty((n, ...)), then hs[i] = h.",
)


class NeedsRoom(Exception):
    """Iterations whose number only a run knows append to lists: how many items each of them."""

    def __init__(self, wanted: dict[int, int]) -> None:
        super().__init__(wanted)
        self.wanted = wanted


def check_first_iteration(ctx: Context, node: Any, exists: Atom) -> None:
    """At run time: a loop whose first iteration changes the types of what it carries has that iteration.

    Without it, the values after the loop would have the types from before.
    """
    with ctx.at(node):
        ctx.builder.check(exists, "ValueError", "what this loop changes has another type where it has no iteration")


@dataclass
class LoopFixpoint:
    """The carried values of one loop. `names` are those the body assigns; `read_outside`, those read elsewhere."""

    ctx: Context
    names: Collection[str]
    read_outside: Collection[str]
    loop: LoopSite
    growth: GrowingLists | None = None
    count: Callable[[], Leaf] | None = None
    """The number of iterations; None where only a run knows it."""
    roomy: Collection[int] = ()
    """Lists that every iteration finds room in."""
    wanted: dict[int, int] = field(default_factory=dict)
    """How many items one iteration appends to lists of run-time length, as far as is known."""
    reserved: dict[int, int] = field(default_factory=dict)
    """What was reserved for that."""
    entry: State = field(init=False)
    templates: dict[Key, Template | TypeConflict] = field(default_factory=dict)
    by_contents: set[Key] = field(default_factory=set)
    origins: dict[Key, frozenset[int]] = field(default_factory=dict)
    """Of what is carried by its contents, and may have other names too: which lists and dicts from before it may be."""
    args: dict[Key, list[Leaf]] = field(default_factory=dict)
    likes: dict[Key, Abstract] = field(default_factory=dict)
    """Of what may be None: a value that has flags for all that may be."""
    carried: list[Carry] = field(default_factory=list)
    body: list[Stmt] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    hidden: list[str] = field(default_factory=list)
    """The bound flags among the names (`definedness`), and those of them that are true after every iteration."""
    always: frozenset[str] = frozenset()
    conflicts: list[TypeConflict] = field(default_factory=list)
    """Names bound before the loop that have no common structure before and after an iteration."""

    def run(self, write: Callable[[], Any]) -> Any:
        """Lower the body with `write` until the types are stable; the state is then that after the loop.

        Returns the result of the last `write`. Conversions of initial values are emitted before the loop.
        """
        ctx = self.ctx
        self.names = [name for name in self.names if owner_of_nonlocal(ctx.frame, name) is None]
        self.hidden = flags_of_partly_bound(ctx, self.names)
        self.names = [*self.names, *self.hidden]
        self.entry = ctx.snapshot()
        counters, created = dict(ctx.builder.counters), len(ctx.builder.created)
        for name in self.names:
            value = self.entry.names.get(name, UNBOUND)
            if value is not UNBOUND:
                self._carry(name, value, self.entry.heap)
        no_progress = False
        for _ in range(_ATTEMPTS):
            ctx.builder.counters = dict(counters)
            del ctx.builder.created[created:]
            ctx.restore(self.entry)
            if self.growth is not None and self.growth.planned.keys() != self.growth.allocated.keys():
                self.growth.allocate()
                self.entry = ctx.snapshot()
                counters, created = dict(ctx.builder.counters), len(ctx.builder.created)
            if self.wanted != self.reserved:
                self._reserve()
                self.entry = ctx.snapshot()
                counters, created = dict(ctx.builder.counters), len(ctx.builder.created)
            frames = ctx.frames
            self._bind_arguments()
            pending = set() if no_progress else {name for name in self.names if name not in self.templates}
            written, incomplete = self._attempt(write, pending)
            end = ctx.snapshot()
            defined_inside = frozenset(ctx.builder.created[created:])
            template_count = len(self.templates)
            always = frozenset(name for name in self.hidden if _is_true(end.names.get(name)))
            flags_stable = always == self.always or not any(
                name_of_flag(name) in self.read for name in always ^ self.always
            )
            self.always = always
            stable = flags_stable and self.wanted == self.reserved
            if not self._changed(end, defined_inside, frames, incomplete) and not incomplete and stable:
                self._refuse_iterators(end)
                self._bind_results(end, defined_inside, frames)
                return written
            # no progress: a name that is still unbound is an error in the next attempt
            no_progress = incomplete and len(self.templates) == template_count
        ctx.fail("S119", "the types of what this loop carries do not settle")

    def _refuse_iterators(self, end: State) -> None:
        """S113 where an iteration uses up an iterator from before the loop: it is empty in the next one."""
        for name, value in self.entry.names.items():
            if is_iterator(value) and name not in self.names:
                self.ctx.check(end.names[name])

    def bind_after_first(self, later: Atom | None) -> None:
        """In the body: a name that every iteration binds, unbound before the loop, is bound in all but the first
        iteration; `later` is false in the first."""
        for name in self.always if later is not None else ():
            assert later is not None
            if _is_false(self.entry.names.get(name)):
                self.ctx.frame.names[name] = self.ctx.leaf(later)

    def bind_after_loop(self, ran: Atom | None) -> None:
        """After the loop: a name that every iteration binds, unbound before, is bound if there was one (`ran`)."""
        for name in self.always if ran is not None else ():
            assert ran is not None
            if _is_false(self.entry.names.get(name)):
                self.ctx.frame.names[name] = self.ctx.leaf(ran)

    def _attempt(self, write: Callable[[], Any], pending: set[str]) -> tuple[Any, bool]:
        """Lower the body once; a statement that reads a name that is bound later in the iteration is left out."""
        ctx, frame = self.ctx, self.ctx.frame
        incomplete, ctx.incomplete = ctx.incomplete, False
        read, ctx.read_undefined = ctx.read_undefined, set()
        added, depth = pending - frame.pending, len(ctx.rooms)
        frame.pending |= added
        try:
            room = Room(frozenset(self.entry.heap))
            ctx.rooms.append(room)
            with ctx.builder.block() as body:
                written = write()
            self.body = body
            ctx.has_raised = False  # an iteration that raises is one that need not have been
            more = {ref: k for ref, k in room.wanted.items() if k > self.wanted.get(ref, 0) and ref not in self.roomy}
            self.wanted |= more
            return written, ctx.incomplete
        finally:
            del ctx.rooms[depth:]
            frame.pending -= added
            self.read = ctx.read_undefined
            ctx.incomplete = incomplete
            ctx.read_undefined = read | self.read

    def _reserve(self) -> None:
        """Make room before the loop for what its iterations append."""
        if self.count is None:
            raise NeedsRoom(self.wanted)
        for ref, items in self.wanted.items():
            if items > self.reserved.get(ref, 0):
                count = self.count()
                reserve(
                    self.ctx, ref, count if items == 1 else arithmetic(self.ctx, "*", count, self.ctx.constant(items))
                )
                # the array before the loop is another one
                if ref in self.templates:
                    self._carry(ref, Seq(self.ctx.heap[ref].items), self.ctx.heap)
        self.reserved = dict(self.wanted)

    def _carry(
        self, key: Key, value: Abstract, heap: dict[int, HeapObject], defined_inside: frozenset[str] = frozenset()
    ) -> None:
        if isinstance(value, TypeConflict):
            self.templates[key] = value
            return
        by_identity = () if key in self.by_contents else self.entry.heap
        base = self._base(key)
        structure, leaves, bases = decompose(self._with_flags(key, value), heap, by_identity, base)
        kinds = tuple(_as_varying(forget_iteration_facts(self._kind(leaf), defined_inside)) for leaf in leaves)
        self.templates[key] = Template(structure, kinds, tuple(bases))

    def _with_flags(self, key: Key, value: Abstract) -> Abstract:
        return optional_like(value, self.likes[key]) if key in self.likes else value

    def _kind(self, leaf: Leaf) -> Type:
        """The type of a leaf, also where there is none (`optional_values`)."""
        return leaf.type if isinstance(leaf.atom, Undef) else self.ctx.builder.typeof(leaf.atom)

    def _base(self, key: Key) -> str:
        """The base of the names of what is carried."""
        if isinstance(key, str):
            return self.ctx.base(key)
        return "%count" if self.entry.heap[key].buffered else "%item"

    def _bind_arguments(self) -> None:
        """Bind every carried name to the argument of its carry."""
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
            if self._is_unbound(key, self.entry):
                ctx.undefined.update(arg.atom.name for arg in args)  # type: ignore[union-attr]
            self.args[key] = args
            self._set(key, compose(ctx, template.structure, args, self.origins.get(key)))

    def _set(self, key: Key, value: Abstract) -> None:
        if isinstance(key, str):
            self.ctx.frame.names[key] = value
        elif isinstance(value, Seq):
            before = self.entry.heap[key]
            # entries that do not agree are one conflict
            keys = ("",) if before.keys is not None and len(value.items) != len(before.keys) else before.keys
            self.ctx.heap[key] = replace(before, items=value.items, keys=keys)
        else:
            before = self.entry.heap[key]
            self.ctx.heap[key] = HeapObject((value,), () if before.keys is None else ("",), cls=before.cls)

    def _get(self, key: Key, state: State) -> Abstract:
        return state.names.get(key, UNBOUND) if isinstance(key, str) else Seq(state.heap[key].items)

    def _is_unbound(self, key: Key, state: State) -> bool:
        """Whether a variable, which may be in a cell, has no value."""
        if isinstance(key, str):
            return state.names.get(key, UNBOUND) is UNBOUND
        return state.heap[key].cls is Cell and state.heap[key].items[0] is UNBOUND

    def _changed(self, end: State, defined_inside: frozenset[str], frames: int, incomplete: bool) -> bool:
        """Join the values at the end of the iteration into the carried types; whether that changes anything."""
        changed = False
        for ref, cells in self.entry.heap.items():
            if ref in self.templates or end.heap[ref] is cells:
                continue
            after = end.heap[ref]
            if cells.cls is Cell and cells.items[0] is UNBOUND:
                if after.items[0] is not UNBOUND:
                    self._carry(ref, Seq(after.items), end.heap, defined_inside)
                    changed = True
                continue
            if self.growth is not None and ref in self.growth.allocated and after.grown:
                continue
            changed = True
            lost = next((item for item in after.items if isinstance(item, TypeConflict)), None)
            if lost is not None:  # two paths of the iteration have left different contents
                self._conflict(ref, lost)
                continue
            if self.growth is not None and self.growth.plan(ref, cells, after, defined_inside):
                continue
            if after.keys != cells.keys or len(after.items) != len(cells.items):
                self._conflict(ref, replace(_LENGTH_CHANGED, lists=self.ctx.sites_of(ref)))
            else:
                self._carry(ref, Seq(cells.items), self.entry.heap)
        for key, template in list(self.templates.items()):
            if isinstance(template, Template) and key in self.args:
                changed |= self._joined(key, template, end, defined_inside)
        changed |= self._find_origins(end)
        for name in self.names:
            value = end.names.get(name, UNBOUND)
            if name in self.templates or value is UNBOUND:
                continue
            if incomplete or self._is_needed(name, value, end.heap):
                self._carry(name, self._without_closure(value, name, frames), end.heap, defined_inside)
                changed = True
        return changed

    def _find_origins(self, end: State) -> bool:
        """Find out what may have other names; whether there is more of it than was known."""
        copied: dict[Key, list[int]] = {}
        for key, template in self.templates.items():
            if isinstance(template, Template) and _has_contents(template.structure):
                copied[key] = self._copied(key, end)
        if not copied:
            return False
        before, after = (references(self.ctx, state) for state in (self.entry, end))
        found: dict[Key, frozenset[int]] = {}
        for key, refs in copied.items():
            cells = [end.heap.get(ref) or self.entry.heap[ref] for ref in refs]
            is_own = all(before[ref] <= 1 and after[ref] <= 1 and ref > self.ctx.frame.first_ref for ref in refs)
            if not is_own or any(one.shared for one in cells):
                found[key] = frozenset({*refs, *(ref for one in cells for ref in one.of)} & self.entry.heap.keys())
        changed = any(self.origins.get(key) != of for key, of in found.items())
        self.origins |= found
        return changed

    def _copied(self, key: Key, end: State) -> list[int]:
        by_identity = () if key in self.by_contents else self.entry.heap
        states = (self.entry, end)
        try:
            return [ref for s in states for ref in copied_containers(self._get(key, s), s.heap, by_identity)]
        except Endless:
            why = "What a loop carries has as many parts in each iteration."
            self.ctx.fail("S125", "an object that leads back to itself, in a run-time loop", why)

    def _joined(self, key: Key, template: Template, end: State, defined_inside: frozenset[str]) -> bool:
        value = self._get(key, end)
        by_identity = () if key in self.by_contents else self.entry.heap
        base = self._base(key)
        before = self.likes.get(key, self._get(key, self.entry))
        like = optional_like(before, value)
        if like != before:
            self.likes[key] = like
            self._carry(key, optional_like(value, like), end.heap, defined_inside)
            return True
        value = self._with_flags(key, value)
        structure, leaves, _ = decompose(value, end.heap, by_identity, base)
        if self._is_unbound(key, end):
            return False  # every path to the end of the iteration raises, or it is deleted
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
            common = join_types(kind, forget_iteration_facts(self._kind(leaf), defined_inside))
            if isinstance(common, str):
                text = common.replace("on one path", "before the loop").replace("on the other", "after a turn")
                return self._conflict(key, disagreement(base, text))
            kinds.append(common)
        if all(map(are_alike, kinds, template.kinds)):
            return False
        self.templates[key] = Template(structure, tuple(kinds), template.bases)
        return True

    def _conflict(self, key: Key, conflict: TypeConflict) -> bool:
        if conflict.code == "S119":
            conflict = replace(conflict, loop=self.loop)
        self.templates[key] = conflict
        self.conflicts.append(conflict)
        return True

    def _is_needed(self, name: str, value: Abstract, heap: dict[int, HeapObject]) -> bool:
        """Whether a name first bound in the body may be read with the value of an earlier iteration."""
        if name in self.read:  # perhaps before the iteration itself binds it
            return True
        _, leaves, _ = decompose(
            value, heap, self.entry.heap, ""
        )  # a list created in the iteration goes by its contents
        return any(map(self.ctx.is_undefined, leaves)) and name in self.read_outside

    def _without_closure(self, value: Abstract, name: str, frames: int) -> Abstract:
        """The value, unless it is a closure defined in the loop, over values of the iteration: then a conflict."""
        is_local = False

        def visit(part: Abstract) -> None:
            nonlocal is_local
            is_local |= isinstance(part, Closure | GeneratorValue) and part.frame.serial > frames

        visit_parts(value, visit)
        return (
            disagreement(name, "it is a function or generator made anew in each turn of a loop") if is_local else value
        )

    def _bind_results(self, end: State, defined_inside: frozenset[str], frames: int) -> None:
        ctx = self.ctx
        for name in self.names:
            value = end.names.get(name, UNBOUND)
            if name not in self.templates and value is not UNBOUND:
                self._carry(name, self._without_closure(value, name, frames), end.heap, defined_inside)
        self._find_origins(end)
        ctx.restore(State(self.entry.names, self.entry.heap))
        for key, template in self.templates.items():
            if isinstance(template, TypeConflict):
                self._set(key, template)
                continue
            results = self._carried(key, template, end)
            self._set(key, compose(ctx, template.structure, results, self.origins.get(key)))
        if self.growth is not None:
            self.growth.end()

    def _carried(self, key: Key, template: Template, end: State) -> list[Leaf]:
        """Emit a `Carry` for each leaf; the results."""
        ctx, builder = self.ctx, self.ctx.builder
        entry, last = (self._with_flags(key, self._get(key, state)) for state in (self.entry, end))
        by_identity = () if key in self.by_contents else self.entry.heap
        starts = decompose(entry, self.entry.heap, by_identity, "")[1]
        ends = decompose(last, end.heap, by_identity, "")[1]
        results = []
        for at, (kind, base) in enumerate(zip(template.kinds, template.bases, strict=True)):
            arg = self.args[key][at].atom if key in self.args else fresh_of(builder, base, kind)
            bound_before, bound_after = (
                bound_flag(state.names, key) if isinstance(key, str) else None for state in (self.entry, end)
            )
            init = self._converted(starts[at], kind, bound_before) if starts else Undef()
            following: Expr = Undef()
            if ends:
                with builder.block() as conversion:
                    following = self._converted(ends[at], kind, bound_after)
                self.body += conversion
            result = fresh_of(builder, base, kind)
            if not starts or ctx.is_undefined(starts[at]):
                ctx.undefined.add(result.name)
            self.carried.append(Carry(arg.name, init, following, result.name))  # type: ignore[union-attr]
            results.append(ctx.leaf(result))
        return results

    def _converted(self, leaf: Leaf, kind: Type, bound: Abstract | None) -> Expr:
        if isinstance(leaf.atom, Undef):
            return Undef()
        return converted_if(self.ctx.builder, leaf, kind, bound)


def _is_true(bound_after: Abstract | None) -> bool:
    return isinstance(bound_after, Leaf) and bound_after.static is True


def _is_false(bound_after: Abstract | None) -> bool:
    return isinstance(bound_after, Leaf) and bound_after.static is False


def _as_varying(kind: Type) -> Type:
    """An integer is assumed to change in each iteration from the start: that saves one attempt."""
    match kind:
        case Scalar("int64"):
            return replace(kind, dim=dim(Symbol(UNNAMED, None)))
        case _:
            return kind


def _has_contents(structure: Abstract) -> bool:
    found = False

    def visit(part: Abstract) -> None:
        nonlocal found
        found |= isinstance(part, CopiedContainer)

    visit_parts(structure, visit)
    return found
