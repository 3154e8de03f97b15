"""Lowering by abstract interpretation: from a syntax tree and the types of one call to the normal form of the IR.

The function is run on abstract values (values/abstract_values): what is known at compile time is evaluated, the rest
becomes IR. Calls of other functions are inlined.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def square(v):
...     return v * v
>>> def f(x, twice=True):
...     y = square(x)
...     return 2.0 * y if twice else y
>>> print(text(normal_form(f, 1.0)))
f(x: float64):
    y.0 = x * x
    %product.1 = 2.0 * y.0
    return %product.1
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from types import MappingProxyType
from typing import Any

import gast
import numpy as np

from srcad.errors import SrcadError, fail
from srcad.frontend.calls import calls
from srcad.frontend.calls import implicit_roots as implicit_roots  # fills BUILTINS
from srcad.frontend.calls.inlined_frames import inline_source
from srcad.frontend.calls.methods import attribute
from srcad.frontend.lowering.comprehensions import comprehension
from srcad.frontend.lowering.expressions import expression, register
from srcad.frontend.lowering.generators import generator_expression, has_stopped
from srcad.frontend.lowering.indexing import index
from srcad.frontend.lowering.item_assignment import store
from srcad.frontend.lowering.patterns import pattern_binding, pattern_test
from srcad.frontend.lowering.statements import bind, statements
from srcad.frontend.lowering.truth_values import test, truth
from srcad.frontend.lowering.while_loops import HasRoom, has_room_for
from srcad.frontend.source import read
from srcad.frontend.source.read import Source
from srcad.frontend.syntax.generator_functions import HasStopped, is_generator
from srcad.frontend.syntax.language_subset import check_subset
from srcad.frontend.syntax.match_statements import PatternBinding, PatternTest
from srcad.frontend.values.abstract_values import Abstract, HeapRef, Leaf, LoopSite, Maybe, Seq, Site, ZeroD, leaves
from srcad.frontend.values.constants import to_callee, to_caller
from srcad.frontend.values.context import (
    Captured,
    Context,
    Differentiate,
    Frame,
    NotYetBound,
    RetryPeeled,
    RetryUnrolled,
    RetryWithCalls,
    RetryWithLists,
)
from srcad.frontend.values.definitions import rely_on_function
from srcad.frontend.values.describe import paths
from srcad.frontend.values.kept_functions import KeptFunction, KeptFunctions
from srcad.frontend.values.optional_values import narrowed, narrowed_state, present
from srcad.frontend.values.write_checks import check_writes
from srcad.ir.nodes import Atom, Const, Expr, Function, Param, Var
from srcad.ir.runtime_checks import check
from srcad.ir.types import Array, Dim, Scalar, Symbol
from srcad.typing.builder import Builder

register(gast.Call, calls.call_node)
register(HasRoom, has_room_for)
register(PatternTest, pattern_test)
register(PatternBinding, pattern_binding)
register(HasStopped, has_stopped)
for _kind in (gast.ListComp, gast.DictComp):
    register(_kind, comprehension)
register(gast.GeneratorExp, generator_expression)


class _Parts:
    """The parts of lowering, as `Context` calls them."""

    expression = staticmethod(expression)
    statements = staticmethod(statements)
    call = staticmethod(calls.call)
    attribute = staticmethod(attribute)
    test = staticmethod(test)
    truth = staticmethod(truth)
    bind = staticmethod(bind)
    index = staticmethod(index)
    store = staticmethod(store)
    narrowed = staticmethod(narrowed)
    narrowed_state = staticmethod(narrowed_state)
    present = staticmethod(present)


PARTS = _Parts()


@dataclass(frozen=True)
class Guard:
    """An outer variable used as a compile-time constant (a function, a string): `read() is value` must hold."""

    name: str
    value: object
    read: Callable[[], object]
    scope: int = 0
    """The id of the cell, or of the names of the module, that it is in."""


@dataclass(frozen=True)
class Lowered:
    """A function in normal form, with the structure of its flat results and its hidden parameters."""

    function: Function
    result: Abstract
    """The structure of the result; its leaves, in order, are `function.results`."""
    captures: tuple[Captured, ...]
    """Values from outside the function: their leaves follow the arguments among the parameters, in this order."""
    guards: tuple[Guard, ...]
    zero_d: ZeroD
    functions: tuple[KeptFunction, ...] = ()
    """The functions that it calls."""
    kept_apart: frozenset[str] = frozenset()
    """Parameters that may not overlap others: a function is differentiated that writes to a copy of them."""
    tells_apart: bool = False
    """It changes lists, dicts or objects that are given, or compares their identity: none may be given twice."""
    rewords: bool = False
    """It raises errors of other classes, or with other messages, than the function itself."""
    lengths: tuple[tuple[str, int, int], ...] = ()
    """Of arrays, given or from outside, that are taken apart: name, axis, and the length that the axis must have."""
    elements: tuple[tuple[str, np.ndarray], ...] = ()
    """Arrays of integers that must have these elements."""
    fitted: tuple[tuple[Symbol, Dim], ...] = ()
    """Lengths of arguments, and integers, that must have the values of these forms."""

    @property
    def beside(self) -> tuple[Function, ...]:
        return tuple(one.function for one in self.functions)

    @property
    def has_tables(self) -> bool:
        return any(captured.is_table for captured in self.captures)


def lower(
    source: Source,
    arguments: Mapping[str, Abstract],
    name: str | None = None,
    fixed: bool = False,
    differentiate: Differentiate | None = None,
    zero_d: bool = False,
    free_sums: frozenset[str] = frozenset(),
    lists: bool = True,
    tables: bool = True,
    calls: bool = True,
    inlined: frozenset[int] = frozenset(),
    windows: bool = True,
    shapes: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
    apart: bool = False,
    elements: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> Lowered:
    """Lower a function for arguments described by `values.describe`, by parameter name.

    A parameter with no entry takes its default; `*args` is given as a tuple, `**kwargs` as a mapping. Where `fixed`,
    integers and bools that the function reads from outside are compile-time constants, behind guards. `differentiate`
    makes the derivatives that the function itself needs: of residuals whose roots it finds. Where `zero_d`, 0-d arrays
    are marked, for `analysis/memory/zero_dim_conflicts`. `free_sums` are statements, as text, whose sums have no order,
    as those of adjoints. `lists` may grow and shrink at run time (`run_time_lists`), of which there is no derivative.
    `tables` from outside are arrays, if the function can be lowered so. `calls` of functions stay calls where they are
    longer than a line or two and called more than once, unless they are among those `inlined`, the ids of their trees.
    Loops over `windows` are plain loops where there is no derivative. `shapes` are those of arrays in the call that it
    is lowered for: an array that is taken apart has as many items as there, which the result says (`Lowered.lengths`).
    Where `apart`, so is an array that a loop goes over which cannot stay one, and integers of the arrays `elements` may
    be taken for known (`Lowered.elements`).
    Raises S1xx for what is outside the language.
    """
    check_subset(source)
    if is_generator(source.tree):
        fail(
            "S106",
            f"{source.name} is a generator function",
            read.span(source, source.tree),
            "It has no single result to differentiate.",
            "differentiate a function that loops over it.",
        )
    known: dict[Site, Scalar | Array | None] = {}
    as_arrays: SrcadError | None = None
    """What is against lists of the IR, which lists with room for more items replace (`buffered_lists`)."""
    peeled: frozenset[LoopSite] = frozenset()
    functions = KeptFunctions(inlined=set(inlined), may_change=lists, keep=calls)
    while True:
        builder = Builder()
        builder.function, builder.checks = source.name, True
        ctx = Context(builder, PARTS, fixed, differentiate, zero_d, free_sums, tables)
        ctx.list_items, ctx.makes_lists, ctx.cuts_windows = known, lists and as_arrays is None, windows
        ctx.functions = functions = functions.again()
        ctx.shapes, ctx.peeled, ctx.apart, ctx.elements = dict(shapes), peeled, apart, elements
        try:
            lowered = _lowered(ctx, source, arguments, name)
            if (lowered.has_tables or ctx.has_tables) and any(
                map(_computes_in_float32, (lowered.function, *lowered.beside))
            ):
                tables = False  # a Python number takes the dtype of the other operand, an element of an array does not
            elif not functions.keep_more():
                return lowered
        except RetryWithCalls:
            pass  # each attempt keeps one more function, or one for more general arguments
        except RetryPeeled as retry:
            peeled |= {retry.loop}
        except (RetryUnrolled, NotYetBound, RetryWithLists, SrcadError) as fault:
            if tables and (ctx.has_tables or any(one.is_table for one in ctx.captures.values())):
                tables = False
            elif isinstance(fault, SrcadError):
                if not lists or not known or as_arrays is not None:
                    raise as_arrays or fault from None
                as_arrays, known = fault, {}
            else:
                found = _lists_wanted(fault, known)
                # each retry makes one more list a list of the IR, or the type of its items more general
                if not found:
                    raise as_arrays or fault.error from None
                known |= found


def _lists_wanted(
    fault: RetryUnrolled | NotYetBound | RetryWithLists, known: Mapping[Site, Scalar | Array | None]
) -> Mapping[Site, Scalar | Array | None]:
    """The lists that must be lists of the IR, by where they are made, or whose items must be of other types."""
    if isinstance(fault, RetryWithLists):
        return {
            site: kind
            for site, kind in fault.items.items()
            if site not in known or (kind is not None and kind != known[site])
        }
    return dict.fromkeys(fault.lists - known.keys()) if isinstance(fault, RetryUnrolled) else {}


def _computes_in_float32(f: Function) -> bool:
    return any(getattr(type, "dtype", None) == "float32" for type in f.types.values())


def _lowered(ctx: Context, source: Source, arguments: Mapping[str, Abstract], name: str | None) -> Lowered:
    builder = ctx.builder
    builder.span = read.span(source, source.tree)
    root = Frame(source, source.tree, False, frozenset(), node=source.tree)
    ctx.frame = root
    rely_on_function(ctx, source.function)
    for value in arguments.values():
        ctx.declare(value)
        ctx.taken.update(_names(value))
    found: list[Expr] = []

    def collect(leaf: Leaf) -> Leaf:
        found.append(leaf.atom)
        return leaf

    outside = to_caller(ctx, _result(ctx, _body(ctx, source, arguments)), collect)
    params: list[Param] = []
    captures = tuple(ctx.captures.values())
    for path, value in [*arguments.items(), *((captured.name, captured.value) for captured in captures)]:
        paths(value, path, lambda leaf, where: params.append(Param(_name(leaf.atom), where)))
    with builder.block() as checks:
        for captured in captures:
            if captured.is_table and isinstance(captured.value, Leaf):
                _check_lengths(ctx, captured.name, captured.value)
    statements = (*checks, *builder.statements)
    check_writes(ctx, statements)
    guards = tuple(Guard(key[1], value, get, key[0]) for key, (value, get) in ctx.guards.items())
    function = Function(
        name or source.name,
        tuple(params),
        statements,
        tuple(found),
        _used_types(builder, params),
        read.span(source, source.tree),
    )
    called = tuple(ctx.functions.made.values()) if ctx.functions is not None else ()
    return Lowered(
        function,
        outside,
        captures,
        guards,
        ctx.zero_d_seen,
        called,
        frozenset(ctx.kept_apart),
        ctx.tells_apart,
        bool(ctx.rewords),
        tuple(sorted((name, axis, length) for (name, axis), length in ctx.lengths.items())),
        tuple((name, ctx.elements[name]) for name in sorted(ctx.elements_used)),
    )


def _check_lengths(ctx: Context, name: str, array: Leaf) -> None:
    """At the entry: a text that is used elsewhere may be given another table."""
    wanted, builder = ctx.table_lengths[name], ctx.builder
    have = [builder.op("shape", array.atom, axis=axis) for axis in range(len(wanted))]
    fits = reduce(lambda a, b: builder.op("and", a, b), map(partial(builder.op, "=="), have, map(Const, wanted)))
    shown = [part for length in have for part in (", ", length)][1:]
    message = (f"{name}: a shape of (", *shown, f"), and not ({', '.join(map(str, wanted))})")
    if len(wanted) == 1:
        message = (f"{name}: a length of ", *have, f", and not {wanted[0]}")
    builder.emit(check(fits, "ValueError", message, builder.span))


def _body(ctx: Context, source: Source, arguments: Mapping[str, Abstract]) -> Abstract:
    in_callee = {name: to_callee(ctx, value) for name, value in arguments.items()}
    ctx.last_argument = ctx.refs
    spec = source.tree.args
    args: list[Abstract] = []
    keywords: dict[str, Abstract] = {}
    for parameter in [*spec.posonlyargs, *spec.args]:
        if parameter.id in in_callee:
            keywords[parameter.id] = in_callee.pop(parameter.id)
    extra: Sequence[Abstract] = ()
    if spec.vararg is not None and spec.vararg.id in in_callee:
        rest = in_callee.pop(spec.vararg.id)
        assert isinstance(rest, Seq)
        extra = rest.items
    if spec.kwarg is not None and spec.kwarg.id in in_callee:
        ref = in_callee.pop(spec.kwarg.id)
        assert isinstance(ref, HeapRef)
        cells = ctx.heap[ref.id]
        keywords |= {str(k): v for k, v in zip(cells.keys or (), cells.items, strict=True)}
    for parameter in spec.posonlyargs:
        if parameter.id in keywords:
            args.append(keywords.pop(parameter.id))
    if extra:
        args += [keywords.pop(parameter.id) for parameter in spec.args if parameter.id in keywords]
        args += extra
    return inline_source(ctx, source, args, keywords | in_callee)


def _result(ctx: Context, value: Abstract) -> Abstract:
    """The result of the function; at run time an error where it is None."""
    value = ctx.narrowed(value)
    if not isinstance(value, Maybe):
        return value
    what = "the function returns None here, and a number or an array elsewhere: there is nothing to differentiate"
    ctx.builder.check(ctx.builder.op("not", value.is_none.atom), "TypeError", what)
    return value.value


def _name(atom: Atom) -> str:
    assert isinstance(atom, Var)
    return atom.name


def _names(value: Abstract) -> set[str]:
    return {_name(leaf.atom) for leaf in leaves(value)}


def _used_types(builder: Builder, params: Sequence[Param]) -> dict[str, Any]:
    """The types of the names that are still used: abandoned attempts have left others."""
    live = set(builder.created) | {param.name for param in params}
    return {name: type for name, type in builder.types.items() if name in live}
