"""The abstract values of the interpreter: run-time scalars and arrays (leaves), and compile-time structures of them.

Lowering runs the function on abstract values. Structures (tuples, lists, dicts, records, functions) exist only at
compile time; what remains at run time are the leaves.

>>> from srcad.ir.nodes import Var
>>> from srcad.ir.types import Scalar
>>> x = Leaf(Var("x"), Scalar("float64"))
>>> [leaf.atom for leaf in leaves(Seq((x, Mapping((("W", x),)), Constant("relu"))))]
[Var(name='x'), Var(name='x')]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Union

from srcad.ir.nodes import Atom, Span
from srcad.ir.types import Type

if TYPE_CHECKING:
    from srcad.frontend.values.context import Frame


Site = tuple[str, int, int]
"""Where a list is made: the function, the line and the column."""


class Unknown:
    """The static value of a leaf that is only known at run time."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Leaf:
    """A scalar or array. `static` is its value where that is known at compile time."""

    atom: Atom
    type: Type
    static: object = UNKNOWN

    @property
    def known(self) -> bool:
        return self.static is not UNKNOWN


@dataclass(frozen=True)
class Seq:
    """A tuple; in arguments and results also a list. `kind` is `tuple`, `list` or `iterator`, which a loop uses up."""

    items: tuple[Abstract, ...]
    kind: str = "tuple"


@dataclass(frozen=True)
class Table:
    """A tuple or list of numbers from outside, or of rows of them, which is only looped over and indexed: an array."""

    array: Leaf
    lengths: tuple[int, ...]
    """How many items it has, which a check at the entry says; and where they are rows, how many numbers are in each."""
    cls: type
    """`tuple` or `list`."""


@dataclass(frozen=True)
class Mapping:
    """A dict in arguments and results, in the order of its keys."""

    items: tuple[tuple[object, Abstract], ...]


@dataclass(frozen=True)
class Record:
    """A namedtuple or a frozen dataclass; in arguments and results an object of any class."""

    cls: type
    fields: tuple[tuple[str, Abstract], ...]

    def get(self, name: str) -> Abstract | None:
        return dict(self.fields).get(name)


@dataclass(frozen=True)
class Constant:
    """A Python object used as it is at compile time: None, a string, a function, a module, a dtype."""

    value: Any


@dataclass(frozen=True)
class Maybe:
    """A value that may be None, which only a run knows (`optional_values`)."""

    value: Abstract
    is_none: Leaf


@dataclass(frozen=True)
class HeapRef:
    """A reference to a mutable list, dict or object inside a function: its contents are `Context.heap[id]`.

    `kind` is `list`, `dict` or `object`.
    """

    id: int
    kind: str
    cls: type | None = None
    """Of an object."""


@dataclass(frozen=True)
class HeapObject:
    """The contents of a list (`keys` is None) or dict. A `shared` one is a copy of the contents of one of several lists
    or dicts (`of`), of which only a run knows which: it must not be modified, and is lost where one of them is.

    Of a list that has `grown` in a run-time loop, the two items are an array and how many of its rows belong to the
    list; all of them if it is `full`. Of a list that the IR has, too (`run_time_lists`), the one item is that list.
    The `keys` of an object of class `cls` are its attributes.
    """

    items: tuple[Abstract, ...]
    keys: tuple[object, ...] | None = None
    shared: bool = False
    grown: bool = False
    full: bool = False
    of: frozenset[int] = frozenset()
    cls: type | None = None
    buffered: bool = False
    """It is a list as an array with room for more items, and their number (`buffered_lists`)."""

    def with_items(self, items: tuple[Abstract, ...]) -> HeapObject:
        """The list with other items."""
        return replace(self, items=items)

    def with_entries(self, entries: dict[Any, Abstract]) -> HeapObject:
        """The dict or object with other entries."""
        return replace(self, items=tuple(entries.values()), keys=tuple(entries))

    @property
    def entries(self) -> dict[Any, Abstract]:
        """Of a dict or object."""
        return dict(zip(self.keys or (), self.items, strict=True))

    @property
    def at_run_time(self) -> bool:
        """Whether it is a list of the IR."""
        return self.grown and len(self.items) == 1


@dataclass(frozen=True)
class Closure:
    """A function defined inside the function being lowered, with the frame it was defined in."""

    tree: Any
    frame: Frame
    defaults: tuple[tuple[str, Abstract], ...] = ()


@dataclass(frozen=True)
class Partial:
    """A function with some arguments given: `functools.partial`, or a method with its receiver."""

    function: Abstract
    args: tuple[Abstract, ...]
    keywords: tuple[tuple[str, Abstract], ...] = ()


@dataclass(frozen=True)
class Method:
    """A bound method of an array, a scalar, a list or a dict."""

    receiver: Abstract
    name: str


@dataclass(frozen=True)
class Super:
    """`super()` in a method: the receiver, of whose class those behind `after` are looked at."""

    receiver: Abstract
    cls: type
    after: type


@dataclass(frozen=True)
class SliceValue:
    """`lower:upper:step`; a part left out is None."""

    lower: Leaf | None
    upper: Leaf | None
    step: Leaf | None


@dataclass(frozen=True)
class RangeValue:
    start: Leaf
    stop: Leaf
    step: Leaf
    directions: bool = False
    """The directions of a Jacobian (`For.directions`)."""
    unordered: bool = False
    """In any order (`For.unordered`)."""


@dataclass(frozen=True)
class WindowValue:
    """`srcad.window(...)`, of which a loop cuts the gradient."""

    inner: Abstract
    every: Leaf | None
    depth: Leaf | None
    """How many blocks of `every` iterations a window has; None where it is its own block."""
    cut: dict[str, Abstract | None]
    """The variables that are cut, with the masks of more cuts."""


@dataclass(frozen=True)
class GridValue:
    """The indices of an array of these lengths, by rows: `np.ndindex(...)`."""

    lengths: tuple[Leaf, ...]


@dataclass(frozen=True)
class FlatValue:
    """The elements of an array, by rows: `x.flat`, which may be written to."""

    array: Leaf


@dataclass(frozen=True)
class PartValue:
    """The items from one number to before another."""

    inner: Abstract
    start: Leaf
    stop: Leaf


@dataclass(frozen=True)
class EnumerateValue:
    inner: Abstract
    start: Leaf


@dataclass(frozen=True)
class ZipValue:
    inners: tuple[Abstract, ...]


@dataclass(frozen=True)
class MapValue:
    """`map(function, ...)`: the function is called where an item is asked for."""

    function: Abstract
    inners: tuple[Abstract, ...]


@dataclass(frozen=True)
class ProductValue:
    """`itertools.product`: the last of them changes fastest."""

    inners: tuple[Abstract, ...]


@dataclass(frozen=True)
class WatchedItems:
    """Items that are read at another time than in Python: see `iteration_order`."""

    inner: Abstract
    watch: int
    """Which of `Context.watches`."""


@dataclass(frozen=True)
class ReversedValue:
    inner: Abstract


@dataclass(frozen=True)
class GeneratorValue:
    """A call of a generator function, which runs where a loop asks for its items: its frame has the arguments."""

    frame: Frame
    state: HeapRef
    """A cell that says whether a loop has asked for them; before that, of one whose items are those of an iterable, how
    many `next` has taken."""
    is_manager: bool = False
    """It is what a function with the decorator `contextlib.contextmanager` returns."""


@dataclass(frozen=True)
class DictView:
    """`d.items()`, `d.keys()` or `d.values()`, which show the dict as it is when they are looked at."""

    ref: HeapRef
    kind: str


@dataclass
class ZeroD:
    """How a function uses 0-d arrays, which are treated as scalars (zero_dim_arrays.py)."""

    made: bool = False
    views: bool = False
    """Some are views of arrays, or arrays are views of some."""
    updated: bool = False
    """A scalar that may be a 0-d array is updated in place."""


LoopSite = tuple[int, ...]
"""A loop: the id of the tree of its function, line and column; then those of the call, if it is a library function."""


@dataclass(frozen=True)
class TypeConflict:
    """The value of a name whose types on two paths have no join; reading it is an error."""

    code: str
    message: str
    why: str | None = None
    advice: str | None = None
    span: Span | None = field(default=None, compare=False)
    lists: frozenset[Site] = field(default=frozenset(), compare=False)
    """Where the lists are made that have no common length."""
    loop: LoopSite | None = field(default=None, compare=False)
    """The loop before and in which the types differ: they may be the same after its first iteration."""


@dataclass(frozen=True)
class Unbound:
    """The value of a name that is not bound on this path."""


UNBOUND = Unbound()


@dataclass(frozen=True)
class LeafSlot:
    """The position of a leaf in a decomposed structure."""

    index: int


@dataclass(frozen=True)
class CopiedContainer:
    """A list or dict in a decomposed structure that is compared by its contents, not by its identity."""

    items: tuple[Abstract, ...]
    keys: tuple[object, ...] | None
    grown: bool = False
    full: bool = False
    cls: type | None = None
    buffered: bool = False


Abstract = Union[
    Leaf,
    Table,
    Seq,
    Mapping,
    Record,
    Constant,
    Maybe,
    HeapRef,
    Closure,
    Partial,
    Method,
    Super,
    SliceValue,
    RangeValue,
    WindowValue,
    GridValue,
    FlatValue,
    PartValue,
    EnumerateValue,
    ZipValue,
    MapValue,
    ProductValue,
    WatchedItems,
    ReversedValue,
    DictView,
    GeneratorValue,
    TypeConflict,
    Unbound,
    LeafSlot,
    CopiedContainer,
]


def leaves(value: Abstract) -> Iterator[Leaf]:
    """The leaves of an argument or a result, in order (a structure without `HeapRef`)."""
    match value:
        case Leaf():
            yield value
        case Seq(items):
            for item in items:
                yield from leaves(item)
        case Mapping(pairs) | Record(_, pairs):
            for _, item in pairs:
                yield from leaves(item)
        case _:
            return


def map_structure(value: Abstract, change: Callable[[Abstract], Abstract]) -> Abstract:
    """The value with `change` applied to its direct parts that may contain leaves."""

    def each(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple((k, change(v)) for k, v in items)

    match value:
        case Seq(items, kind):
            return Seq(tuple(change(item) for item in items), kind)
        case Mapping(pairs):
            return Mapping(each(pairs))
        case Record(cls, pairs):
            return Record(cls, each(pairs))
        case CopiedContainer(items):
            return replace(value, items=tuple(change(item) for item in items))
        case Maybe(inner, flag):
            return Maybe(change(inner), change(flag))  # type: ignore[arg-type]
        case Partial(function, args, keywords):
            return Partial(change(function), tuple(change(a) for a in args), each(keywords))
        case Closure(tree, frame, defaults):
            return Closure(tree, frame, each(defaults)) if defaults else value
        case Method(receiver, name):
            return Method(change(receiver), name)
        case DictView(ref):
            return replace(value, ref=change(ref))  # type: ignore[arg-type]
        case Super(receiver):
            return replace(value, receiver=change(receiver))
        case SliceValue(lower, upper, step):
            parts = [None if p is None else change(p) for p in (lower, upper, step)]
            return SliceValue(*parts)  # type: ignore[arg-type]
        case RangeValue(start, stop, step):
            return replace(value, start=change(start), stop=change(stop), step=change(step))  # type: ignore[arg-type]
        case EnumerateValue(inner, start):
            return EnumerateValue(change(inner), change(start))  # type: ignore[arg-type]
        case ZipValue(inners):
            return ZipValue(tuple(change(i) for i in inners))
        case MapValue(function, inners):
            return MapValue(change(function), tuple(change(i) for i in inners))
        case ProductValue(inners):
            return ProductValue(tuple(change(i) for i in inners))
        case PartValue(inner, start, stop):
            return PartValue(change(inner), change(start), change(stop))  # type: ignore[arg-type]
        case FlatValue(array):
            return FlatValue(change(array))  # type: ignore[arg-type]
        case GridValue(lengths):
            return GridValue(tuple(change(n) for n in lengths))  # type: ignore[misc]
        case ReversedValue(inner):
            return ReversedValue(change(inner))
        case WatchedItems(inner, watch):
            return WatchedItems(change(inner), watch)
        case _:
            return value
