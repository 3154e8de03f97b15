"""The intermediate representation: one small grammar for the primal and for its gradient.

The same node kinds serve two forms.

*Normal form* (SSA on structured control flow, which the front end writes and the analyses read): every name is
assigned once; the operands of an `Op` are atoms (`Var` or `Const`); where control flow joins, the `Join` of an `If` and
the `Carry` of a loop give the incoming values (as block arguments do in MLIR's scf dialect). Arrays are references: a
`Store` changes the memory an array name refers to, and defines no name.

*Sequential form* (which the reverse sweep is assembled into and the writer prints): names may be assigned again,
`AugAssign` accumulates, joins and carries have become assignments, expressions nest.

A name is `base.version` (`acc.2`): the base is what a reader should see, the version keeps names apart. A
compiler temporary's base starts with `%` (`%tanh.3`); it has no name of its own in the user's program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, TypeVar, Union

from srcad.ir.types import Type

Node = TypeVar("Node")
Answer = TypeVar("Answer")


def of_node(query: Callable[[Node], Answer]) -> Callable[[Node], Answer]:
    """A query of one node, whose answer the node remembers: it does not change, and passes hand most nodes on.

    The answer must not contain the node: garbage in cycles is collected late, and at a cost.
    """
    name = f"_known_{query.__name__}"

    @wraps(query)
    def remembered(node: Node) -> Answer:
        known: Any = getattr(node, name, None)
        if known is None:
            known = query(node)
            object.__setattr__(node, name, known)  # not through `__dict__`: that would slow all other attributes down
        return known  # type: ignore[no-any-return]

    return remembered


@dataclass(frozen=True)
class Span:
    """A source span in the user's program. Lines count from 1 within the file, columns from 0."""

    file: str
    function: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    """The full source line `line`, without its newline."""
    comments: tuple[str, ...] = field(default=(), compare=False)
    """Of a statement: the user's comments, a line each."""
    above: tuple[str, ...] | None = None
    """The user's comments on the lines above, of a statement that the user wrote for the reverse sweep."""


# ---- expressions -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Var:
    name: str


@dataclass(frozen=True)
class Const:
    """A literal: bool, int, float, complex, str or None (`None` inside an index is `np.newaxis`)."""

    value: bool | int | float | complex | str | None


@dataclass(frozen=True)
class Undef:
    """No value: the name is unbound on this path (as in Python, reading it would be an error)."""


@dataclass(frozen=True)
class Slice:
    """`lower:upper:step` inside an index; a part left out is None."""

    lower: Expr | None = None
    upper: Expr | None = None
    step: Expr | None = None


@dataclass(frozen=True)
class Op:
    """An application of a primitive (a name in `srcad.rules.primitives.PRIMITIVES`).

    `static` are the compile-time parameters by keyword (`axis=0`), sorted by name.
    """

    prim: str
    args: tuple[Expr, ...] = ()
    static: tuple[tuple[str, object], ...] = ()


Expr = Union[Var, Const, Undef, Slice, Op]
Atom = Union[Var, Const]

# ---- statements ------------------------------------------------------------------------------

Block = tuple["Stmt", ...]


@dataclass(frozen=True)
class Assign:
    target: str
    value: Expr
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class AugAssign:
    """`target op= value` (sequential form only): rebinds a scalar, changes an array in place.

    `free` says that it adds a contribution to an adjoint: that sum is reassociable, as no user wrote its order.
    """

    target: str
    op: str
    value: Expr
    span: Span | None = field(default=None, compare=False)
    free: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Store:
    """`base[index] op= value`; `op` is None for plain `=`.

    `base` is a Var, or a chain of views of one (`Op("index", ...)`, `Op("np.transpose", ...)` nested on a Var).
    The items of `index` are int atoms, `Slice`s and `Const(None)`: basic indexing only. Advanced indexing has
    been lowered to loops. An empty index tuple means the full array: `base[...] op= value`. `free` as in `AugAssign`.
    """

    base: Expr
    index: tuple[Expr, ...]
    value: Expr
    op: str | None = None
    span: Span | None = field(default=None, compare=False)
    free: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Join:
    """A phi: `target` is `then` after the first branch and `orelse` after the second."""

    target: str
    then: Expr
    orelse: Expr


@dataclass(frozen=True)
class If:
    cond: Expr
    then: Block
    orelse: Block
    joins: tuple[Join, ...] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Carry:
    """A loop-carried value.

    `arg` is its name in the body (the value at the start of an iteration; `init` in the first), `next` the value at the
    end of an iteration, `result` its name after the loop (the last `next`, or `init` after no iterations).
    """

    arg: str
    init: Expr
    next: Expr
    result: str


@dataclass(frozen=True)
class For:
    """`for index in range(start, stop, step): body`.

    Where `exit` is given, it is a boolean read at the end of each iteration: true leaves the loop.
    """

    index: str
    start: Expr
    stop: Expr
    step: Expr
    body: Block
    carried: tuple[Carry, ...] = ()
    exit: Expr | None = None
    span: Span | None = field(default=None, compare=False)
    counts: bool = field(default=False, compare=False)
    """The index is the number of the iteration that is reversed, and no variable of the user's."""
    directions: bool = field(default=False, compare=False)
    """The iterations are the directions of a Jacobian: what is the same in all may be computed though there is none."""
    unordered: bool = field(default=False, compare=False)
    """The user lets the iterations run in any order."""
    parallel: bool = False
    """The iterations run at once, on threads. What each writes, no other reads or writes."""


@dataclass(frozen=True)
class While:
    """`while True: test; if not cond: break; body`. `test` reads the carried args and defines `cond`."""

    test: Block
    cond: Expr
    body: Block
    carried: tuple[Carry, ...] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Effect:
    """A statement for its effect only: `Op("print", ...)`, `Op("append", (list, value))`, or a check
    (`ir/runtime_checks`). Never differentiated; stays in the forward sweep."""

    call: Op
    span: Span | None = field(default=None, compare=False)


Section = Literal["forward", "reverse", "value", "iteration", "iteration again", "iteration reversed"]
"""Parts of a derivative: its two sweeps, what the primal computes after both, and the two halves of an iteration of a
loop that is reversed iteration by iteration, of which the first may run for the second time."""


@dataclass(frozen=True)
class Comment:
    """Text lines above the next statement; an empty text is a blank line."""

    text: str
    section: Section | None = None
    """What begins here."""


@dataclass(frozen=True)
class Return:
    """The last statement of a function in sequential form."""

    values: tuple[Expr, ...]
    span: Span | None = field(default=None, compare=False)


Stmt = Union[Assign, AugAssign, Store, If, For, While, Effect, Comment, Return]


@dataclass(frozen=True)
class Param:
    """A parameter of the flat function: one leaf of an argument, or a captured value."""

    name: str
    path: str
    """How the user would write it: `params["W"][0]`."""
    seed: bool = False
    """It is the adjoint of the result, which the caller may give."""


@dataclass(frozen=True)
class Saved:
    """What is saved under a name of the tape."""

    of: str
    """The variable whose values they are, without a version."""
    one_per: Literal["turn", "stretch", "snapshot"] = "turn"
    """What saves one value there: an iteration, a segment between checkpoints, or some of these segments."""


How = Literal["saved", "recomputed", "reloaded", "handed on"]
"""Of a value that one iteration hands on to the next, the reversal of the next has recovered it."""


@dataclass(frozen=True)
class Recovery:
    """How the reverse sweep comes by a value of the forward sweep."""

    of: str
    """The variable, without a version."""
    how: How
    why: str
    span: Span | None
    """Where the variable gets the value; of memory, where it is overwritten."""


@dataclass(frozen=True)
class Function:
    """A function on flat arguments. `results` are atoms (normal form); `types` knows every name."""

    name: str
    params: tuple[Param, ...]
    body: Block
    results: tuple[Expr, ...]
    types: dict[str, Type] = field(compare=False)
    span: Span | None = field(default=None, compare=False)
    tape: Mapping[str, Saved] = field(default_factory=dict, compare=False)
    """The names under which the forward sweep saves values."""
    adjoints: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The names of adjoints, in forward mode of tangents, each with the variable whose it is, without a version."""
    recoveries: tuple[Recovery, ...] = field(default=(), compare=False)
    """How the reverse sweep comes by what it reads."""
    own_elements: frozenset[str] = field(default=frozenset(), compare=False)
    """Of a kernel, the arrays of which each thread accesses elements of its own alone."""
    again: bool = field(default=False, compare=False)
    """Its derivative is differentiated in turn: what is zero at a point, and set to zero for that, may have a slope."""
