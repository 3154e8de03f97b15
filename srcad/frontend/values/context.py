"""The state of the abstract interpreter: frames of names, the heap of lists and dicts, and source locations.

The parts of lowering call one another through `Context.parts`, so that none needs to import another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any, NoReturn, Protocol

import numpy as np

from srcad.errors import SrcadError, fail
from srcad.frontend.source import read
from srcad.frontend.source.read import Source
from srcad.frontend.values.abstract_values import (
    UNBOUND,
    UNKNOWN,
    Abstract,
    HeapObject,
    HeapRef,
    Leaf,
    LoopSite,
    Maybe,
    Site,
    TypeConflict,
    ZeroD,
    leaves,
)
from srcad.frontend.values.describe import flatten
from srcad.frontend.values.kept_functions import KeptFunction, KeptFunctions
from srcad.frontend.values.overlap_check import MaskedWrite
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Atom, Const, Expr, Function, Span, Store, Var
from srcad.ir.types import Array, Dim, Scalar
from srcad.request import Request
from srcad.typing.builder import Builder


class RetryUnrolled(Exception):
    """An error that unrolling the enclosing loop may avoid; `error` is raised if no loop can be unrolled.

    Where it is about lists of different lengths, `lists` are the sites that make them: see `RetryWithLists`.
    """

    def __init__(self, error: SrcadError, lists: frozenset[Site] = frozenset()) -> None:
        super().__init__(error)
        self.error, self.lists = error, lists


class RetryPeeled(Exception):
    """A value whose type the first iteration of a loop changes: lower again, with that iteration before the loop.
    `error` is raised if that is no help."""

    def __init__(self, error: SrcadError, loop: LoopSite) -> None:
        super().__init__(error)
        self.error, self.loop = error, loop


class RetryWithLists(Exception):
    """A list whose length only a run knows: lower again, with the lists made at these sites as lists of the IR, of
    these items (None where they are not known yet); `error` is raised if that is no help."""

    def __init__(self, error: SrcadError, items: Mapping[Site, Scalar | Array | None]) -> None:
        super().__init__(error)
        self.error, self.items = error, items


class RetryWithCalls(Exception):
    """More calls have to stay calls, or be of a function for more general arguments: lower again. `error` is raised if
    that is no help."""

    def __init__(self, error: SrcadError | None = None) -> None:
        super().__init__(error)
        self.error = error


class NotYetBound(Exception):
    """A name was read that is bound later in the iteration of a loop: its type is known in the next attempt."""

    def __init__(self, error: SrcadError) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True)
class Consumer:
    """A loop that asks a generator function for its items."""

    take: Callable[[Abstract], None]
    """What it does with an item."""
    has_stopped: Callable[[], Abstract] | None
    """Whether it asks for no more; None where it asks for all."""


@dataclass(eq=False)
class Frame:
    """One function being lowered: its names, and the frames around its definition."""

    source: Source
    tree: Any
    library: bool
    """A rule or a library function of srcad: errors are at the user's call of it, its names are temporaries."""
    locals: frozenset[str]
    parent: Frame | None = None
    """The frame the function was defined in."""
    caller: Frame | None = None
    names: dict[str, Abstract] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    node: Any = None
    """What is being lowered, for errors."""
    serial: int = 0
    """Frames are numbered in the order of their creation."""
    first_ref: int = 0
    """Lists and dicts with greater numbers are made in the function, or in what it calls."""
    origin: Any = None
    """The tree as it was read."""
    consumer: Consumer | None = None
    """Of a generator function: the loop that asks for its items."""


@dataclass
class Room:
    """What one loop appends to lists of run-time length from before it."""

    before: frozenset[int]
    """The lists that there are before the loop."""
    wanted: dict[int, int] = field(default_factory=dict)
    """How many items one iteration appends at most."""


@dataclass(frozen=True)
class State:
    """The part of the state that differs between two paths: the names of the frame, and the heap."""

    names: dict[str, Abstract]
    heap: dict[int, HeapObject]


@dataclass(frozen=True)
class Captured:
    """A global or closure variable the function reads at each call."""

    name: str
    value: Abstract
    read: Callable[[], object]
    fixed: bool = False
    """Its integers and bools are compile-time constants, not leaves."""
    is_table: bool = False
    """It is a parameter as an array."""
    scope: int = 0
    """The id of the cell, or of the names of the module, that it is in."""

    def leaves(self) -> list[object]:
        """What it is now, as the parameters have it."""
        now = self.read()
        return [np.array(now)] if self.is_table else flatten(now, self.fixed)

    @property
    def zero_d(self) -> tuple[str, ...]:
        """Its name in the IR, where the variable is a 0-d array."""
        value = self.read()
        if not isinstance(value, np.ndarray) or value.ndim or not isinstance(self.value, Leaf):
            return ()
        return (self.value.atom.name,) if isinstance(self.value.atom, Var) else ()


class LoweringHooks(Protocol):
    """The parts of lowering (lower.py supplies them)."""

    def expression(self, ctx: Context, node: Any) -> Abstract: ...
    def statements(self, ctx: Context, body: Sequence[Any]) -> None: ...
    def call(
        self, ctx: Context, function: Abstract, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
    ) -> Abstract: ...
    def attribute(self, ctx: Context, value: Abstract, name: str) -> Abstract: ...
    def test(self, ctx: Context, node: Any) -> bool | Atom: ...
    def truth(self, ctx: Context, value: Abstract) -> bool | Atom: ...
    def bind(self, ctx: Context, target: Any, value: Abstract) -> None: ...
    def index(self, ctx: Context, value: Abstract, items: Abstract) -> Abstract: ...
    def store(self, ctx: Context, value: Abstract, items: Abstract, stored: Abstract, op: str | None) -> None: ...
    def narrowed(self, ctx: Context, value: Abstract) -> Abstract: ...
    def narrowed_state(self, ctx: Context, state: State) -> State: ...
    def present(self, ctx: Context, value: Maybe, error: str) -> Abstract: ...


Differentiate = Callable[[Function, Abstract, Request, Sequence[KeptFunction]], Callable[..., Any]]
"""Makes a derivative of a function, whose results have a structure; a callback, since it lies above the front end."""


class Context:
    """The state of lowering one call."""

    def __init__(
        self,
        builder: Builder,
        parts: LoweringHooks,
        fixed: bool = False,
        differentiate: Differentiate | None = None,
        zero_d: bool = False,
        free_sums: frozenset[str] = frozenset(),
        tables: bool = True,
    ) -> None:
        self.builder = builder
        self.parts = parts
        self._differentiate = differentiate
        self.free_sums = free_sums
        """Statements, as text, that add to a sum whose order does not matter."""
        self.tables = tables
        """Tuples and lists of numbers from outside are arrays, as long as that suffices."""
        self.has_tables: list[bool] = []
        """Not empty where others are, since a loop goes over them and over arrays."""
        self.fixed = fixed
        """Integers and bools from outside the function are compile-time constants, behind a guard."""
        self.heap: dict[int, HeapObject] = {}
        self.last_argument = 0
        """The references to lists, dicts and objects in the arguments have numbers up to this one."""
        self.tells_apart = False
        """Whether one of these is changed, or compared with another one."""
        self.captured_heap: dict[int, HeapObject] = {}
        """Lists and dicts of captured values: defined on every path, wherever they were first read."""
        self.refs = 0
        self.frames = 0
        self.captures: dict[tuple[int, str], Captured] = {}
        self.captured_values: dict[tuple[int, str], Abstract] = {}
        """The captured values, as the function uses them."""
        self.table_lengths: dict[str, tuple[int, ...]] = {}
        """Of the arrays that stand for tables."""
        self.guards: dict[tuple[int, str], tuple[object, Callable[[], object]]] = {}
        self.taken: set[str] = set()
        self.read_undefined: set[str] = set()
        """Names of the user that were read where they may be undefined."""
        self.path_conditions: list[Expr] = []
        """The conditions under which the current point is reached."""
        self.unrollable_loops = 0
        """How many enclosing loops have bounds known at compile time, and could be unrolled."""
        self.shapes: dict[str, tuple[int, ...]] = {}
        """Of arrays, given or from outside, in the call that the function is lowered for."""
        self.lengths: dict[tuple[str, int], int] = {}
        """The lengths of their axes that the result relies on, by name and axis."""
        self.nonnegative_indices: set[str] = set()
        """Indices of loops that count up from 0 or more."""
        self.peeled: frozenset[LoopSite] = frozenset()
        """The loops whose first iteration is before them."""
        self.list_items: Mapping[Site, Scalar | Array | None] = {}
        """The sites that make lists of the IR, and the types of their items."""
        self.makes_lists = True
        """Whether they make them here: not in a function whose derivative is taken in reverse mode."""
        self.has_raised = False
        """An error has just been raised: the end of this path is never reached."""
        self.deques: dict[int, Leaf | None] = {}
        """The lists that are deques, and the greatest lengths of these."""
        self.factories: dict[int, Abstract] = {}
        """What makes the items that a dict does not have yet; None where these are 0, and it does not get them."""
        self.rewords: list[bool] = []
        """Not empty where compiled code raises an error of another class, or with another message, than Python."""
        self.statement_depth = 0
        """How many blocks were open where the statements around began."""
        self.attempts: list[Any] = []
        """Each `try` around (`raise_points`)."""
        self.handled: list[Any] = []
        """The errors that the handlers around may be there for."""
        self.rooms: list[Room] = []
        """What the loops around append to lists of run-time length."""
        self.appended_outside: dict[int, int] = {}
        """How many items are appended to such lists outside of loops."""
        self.sites: dict[int, Site] = {}
        """Where lists are made."""
        self.growing_lists: set[int] = set()
        """Lists that grow in an enclosing loop."""
        self.appended: list[tuple[Store, Leaf]] = []
        """The stores into their arrays, and the items stored."""
        self.masked_writes: list[MaskedWrite] = []
        """Arrays that are written into through a mask, and the values (`overlap_check`)."""
        self.watches: list[Any] = []
        """What is read at another time than in Python (`iteration_order`)."""
        self.incomplete = False
        """A statement was left out in this attempt, since it reads a name that is not yet bound."""
        self.returns_nothing_yet = False
        """Calls of the function itself are left out: what it returns otherwise says the types of these."""
        self.just_named: set[str] = set()
        """Values that have just been renamed to the variable they are assigned to."""
        self.pending_items: list[Sequence[Any]] = []
        """Items of unrolled loops that are not yet bound to a name."""
        self.zero_d = zero_d
        """0-d arrays are marked where they are created and updated (zero_dim_arrays.py)."""
        self.zero_d_seen = ZeroD()
        """Whether there are any, marked or not."""
        self.checks_indices = True
        """Bounds checks are emitted."""
        self.functions: KeptFunctions | None = None
        """The functions whose calls stay calls; None: all are inlined."""
        self.inner_classes: dict[int, list[tuple[Frame | None, dict[str, object], type]]] = {}
        """Classes defined inside functions: the frame that they read, what they were made of, and the class."""
        self.apart = False
        """Loops over arrays that cannot stay loops are unrolled, for as many items as there are in the call."""
        self.elements: Mapping[str, np.ndarray] = {}
        """Arrays of integers in the call that the function is lowered for, by name."""
        self.elements_used: set[str] = set()
        """Those whose elements were taken for known."""
        self.unrolled = 0
        """How many items of arrays have been unrolled so."""
        self.is_rule = False
        """It is the text of a rule, inlined where nothing can be captured: numbers from outside are constants."""
        self.nested = 0
        """How many derivatives are called, one inside the other, around what is lowered."""
        self.cuts_windows = True
        """Whether loops over windows are those of their derivative."""
        self.is_outermost = True
        """The parameters are those of a call, not those of a function that is called."""
        self.given: dict[str, str] = {}
        """The variables of functions that are lowered separately, each with the array that it is given."""
        self.kept_apart: set[str] = set()
        """Arrays among the parameters that may not overlap others."""
        self.frame: Frame = None  # type: ignore[assignment]
        builder.place = self.place

    def of_function(self, builder: Builder) -> Context:
        """The state of lowering a function that is called here."""
        own = Context(builder, self.parts, self.fixed, self._differentiate, self.zero_d, self.free_sums, self.tables)
        own.functions, own.list_items, own.checks_indices = self.functions, self.list_items, self.checks_indices
        own.zero_d_seen, own.nested, own.is_outermost = self.zero_d_seen, self.nested, False
        own.rewords, own.peeled = self.rewords, self.peeled
        own.makes_lists, own.cuts_windows, own.has_tables = self.makes_lists, self.cuts_windows, self.has_tables
        return own

    # ---- the parts -----------------------------------------------------------------------------

    def expression(self, node: Any) -> Abstract:
        return self.parts.expression(self, node)

    def statements(self, body: Sequence[Any]) -> None:
        self.parts.statements(self, body)

    def call(self, function: Abstract, *args: Abstract, **keywords: Abstract) -> Abstract:
        return self.parts.call(self, function, args, keywords)

    def attribute(self, value: Abstract, name: str) -> Abstract:
        return self.narrowed(self.parts.attribute(self, self.present(value, "AttributeError"), name))

    def narrowed(self, value: Abstract) -> Abstract:
        """A value that may be None as one of the two, where the path conditions say which it is."""
        return self.parts.narrowed(self, value) if isinstance(value, Maybe) else value

    def narrowed_state(self) -> State:
        """The state here, with all values narrowed."""
        return self.parts.narrowed_state(self, self.snapshot())

    def test(self, node: Any) -> bool | Atom:
        """The truth of an expression: known while compiling, or a boolean at run time."""
        return self.parts.test(self, node)

    def truth(self, value: Abstract) -> bool | Atom:
        return self.parts.truth(self, value)

    def bind(self, target: Any, value: Abstract) -> None:
        """Assign to a target."""
        self.parts.bind(self, target, value)

    def index(self, value: Abstract, items: Abstract) -> Abstract:
        return self.parts.index(self, value, items)

    def store(self, value: Abstract, items: Abstract, stored: Abstract, op: str | None = None) -> None:
        self.parts.store(self, value, items, stored, op)

    def base(self, name: str) -> str:
        """The base of the IR's names for a variable: variables of library functions are temporaries."""
        return "%" + name if self.frame.library and not is_temporary(name) else name

    def differentiate(
        self, f: Function, result: Abstract, request: Request, functions: Sequence[KeptFunction]
    ) -> Callable[..., Any]:
        """What is requested of `f`, as a function with a source, of the same parameters; its results are flat.

        `functions` are those that it calls.
        """
        if self._differentiate is None:
            self.fail("S121", "a derivative where none can be made")
        return self._differentiate(f, result, request, functions)

    def leave_out(self) -> None:
        """A statement is left out of this attempt. Another may have it, unless it needs what a function returns."""
        self.incomplete = not self.returns_nothing_yet

    # ---- places and errors ---------------------------------------------------------------------

    def place(self) -> Span | None:
        """The user's expression being lowered; in a library function, the call of it."""
        frame: Frame | None = self.frame
        while frame is not None and (frame.library or frame.node is None):
            frame = frame.caller
        if frame is None:
            return self.builder.span
        of = frame.source.globals.get(read.DERIVATIVE_OF)
        if isinstance(of, FunctionType):  # nobody has written the call
            source = read.read(of)
            return read.span(source, source.tree)
        return read.span(frame.source, frame.node)

    def fail(self, code: str, message: str, why: str | None = None, advice: str | None = None) -> NoReturn:
        fail(code, message, self.place(), why, advice)

    def retry(
        self,
        code: str,
        message: str,
        why: str | None = None,
        advice: str | None = None,
        lists: frozenset[Site] = frozenset(),
    ) -> NoReturn:
        """Fail, unless an enclosing loop can be unrolled, or these lists be lists of the IR."""
        try:
            self.fail(code, message, why, advice)
        except SrcadError as error:
            raise RetryUnrolled(error, lists) from None

    def _retry_peeled(self, conflict: TypeConflict, loop: LoopSite) -> NoReturn:
        try:
            self.fail(conflict.code, conflict.message, conflict.why, conflict.advice)
        except SrcadError as error:
            raise RetryPeeled(error, loop) from None

    def loop_site(self, node: Any) -> LoopSite:
        """The loop `node` of the function that is lowered; that of a library function belongs to the call."""
        at = self.place() if self.frame.library else None
        called = () if at is None else (at.line, at.column)
        return id(self.frame.tree), node.lineno, node.col_offset, *called

    @contextmanager
    def at(self, node: Any) -> Iterator[None]:
        """Errors inside point to `node`."""
        before, self.frame.node = self.frame.node, node
        frame = self.frame
        try:
            yield
        finally:
            frame.node = before

    @staticmethod
    def note_node(fault: SrcadError | RetryUnrolled | NotYetBound, frame: Frame, node: Any) -> None:
        """Note in an error the innermost node in which the function itself met it."""
        error = fault if isinstance(fault, SrcadError) else fault.error
        is_function = frame.caller is not None and frame.caller.caller is None and frame.parent is None
        if is_function and error.within is None:
            error.within = node

    @contextmanager
    def without_renaming(self, items: Sequence[Any]) -> Iterator[None]:
        """None of the items is renamed inside."""
        self.pending_items.append(items)
        depth = len(self.pending_items)
        try:
            yield
        finally:
            del self.pending_items[depth - 1 :]

    @contextmanager
    def assuming(self, cond: Expr) -> Iterator[None]:
        """The condition holds inside."""
        self.path_conditions.append(cond)
        depth = len(self.path_conditions)
        try:
            yield
        finally:
            del self.path_conditions[depth - 1 :]

    # ---- state ---------------------------------------------------------------------------------

    def snapshot(self) -> State:
        return State(dict(self.frame.names), dict(self.heap))

    def restore(self, state: State) -> None:
        self.frame.names = dict(state.names)
        self.heap = self.captured_heap | state.heap

    @contextmanager
    def inside(self, frame: Frame) -> Iterator[Frame]:
        """Lower in another frame."""
        before, self.frame = self.frame, frame
        try:
            yield frame
        finally:
            self.frame = before

    def changes(self, ref: HeapRef) -> None:
        """A list or dict is modified: S108 if it comes from outside the function.

        What may be the same list under another name no longer has contents that are known.
        """
        if ref.id in self.captured_heap:
            self.fail(
                "S108",
                f"a {ref.kind} from outside the function is changed",
                "A gradient that changed it would not be a function of its arguments.",
                f"pass the {ref.kind} in as an argument; or copy it first.",
            )
        self.tells_apart |= ref.id <= self.last_argument
        for other, cells in self.heap.items():
            if ref.id in cells.of:
                lost = TypeConflict(
                    "S125",
                    f"this {ref.kind} comes from two paths, and one of the two is changed in between",
                    "Whether it is the one that was changed is known only at run time.",
                    f"make a new {ref.kind} instead of changing that one.",
                )
                self.heap[other] = replace(cells, items=(lost,), keys=None if cells.keys is None else ("",))

    def new_ref(self, cells: HeapObject) -> HeapRef:
        self.refs += 1
        self.heap[self.refs] = cells
        kind = "object" if cells.cls is not None else "list" if cells.keys is None else "dict"
        return HeapRef(self.refs, kind, cells.cls)

    def sites_of(self, *refs: int) -> frozenset[Site]:
        """Where these lists are made, as far as lists made there can be lists of the IR."""
        return frozenset(self.sites[ref] for ref in refs if ref in self.sites)

    # ---- leaves --------------------------------------------------------------------------------

    def leaf(self, atom: Atom, static: object = UNKNOWN) -> Leaf:
        if isinstance(atom, Const):
            static = atom.value
        return Leaf(atom, self.builder.typeof(atom), static)

    def constant(self, value: bool | int | float | complex) -> Leaf:
        return self.leaf(Const(value))

    def length_in_call(self, length: Dim, relies: bool = True) -> int | None:
        """A length in the call that the function is lowered for; None if unknown. The result then `relies` on it."""
        total, used = length.const, {}
        for symbol, coefficient in length.terms:
            shape = self.shapes.get(symbol.name)
            if shape is None or symbol.axis is None:
                return None
            used[symbol.name, symbol.axis] = shape[symbol.axis]
            total += coefficient * shape[symbol.axis]
        self.lengths |= used if relies else {}
        return total

    def declare(self, value: Abstract) -> None:
        """Register the leaves of an argument or a captured value as names of the function."""
        for leaf in leaves(value):
            assert isinstance(leaf.atom, Var)
            known = leaf.type
            if isinstance(known, Scalar) and known.weak is None:
                known = replace(known, weak=True)  # the caller's scalars count as Python's
            self.builder.types[leaf.atom.name] = known

    @property
    def undefined(self) -> set[str]:
        """Names in the IR that are undefined on some path."""
        return self.builder.undefined

    def is_undefined(self, leaf: Leaf) -> bool:
        return isinstance(leaf.atom, Var) and leaf.atom.name in self.undefined

    def check(self, value: Abstract) -> Abstract:
        """The value; an error if it is unbound, has conflicting types, or may be None."""
        if isinstance(value, TypeConflict):
            if value.loop is not None and value.loop not in self.peeled and not self.unrollable_loops:
                self._retry_peeled(value, value.loop)
            self.retry(value.code, value.message, value.why, value.advice, value.lists)
        if isinstance(value, Maybe):
            value = self.narrowed(value)
        if isinstance(value, Maybe):
            why = "Whether it is None is known only at run time."
            advice = "ask first: if w is not None; a path without return returns None."
            self.fail("S119", "a value that may be None", why, advice)
        if value is UNBOUND:
            self.fail("S120", "this value is not set on every path that leads here")
        return value

    def optional(self, value: Abstract) -> Abstract:
        """The value, which may be None; an error if it is unbound or has conflicting types."""
        value = self.narrowed(value)
        return value if isinstance(value, Maybe) else self.check(value)

    def present(self, value: Abstract, error: str = "TypeError") -> Abstract:
        """The value of an operand: Python raises the error where it is None."""
        value = self.narrowed(value)
        return self.check(self.parts.present(self, value, error) if isinstance(value, Maybe) else value)


def is_integer(value: Abstract) -> bool:
    """Whether the value is an integer scalar (a bool is not)."""
    return isinstance(value, Leaf) and isinstance(value.type, Scalar) and value.type.dtype[:3] in ("int", "uin")
