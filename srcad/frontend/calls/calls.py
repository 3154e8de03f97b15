"""Dispatch of calls: to primitives, library expansions, builtins, classes, compile-time evaluation, and inlining."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

import gast
import numpy as np

from srcad.errors import SrcadError
from srcad.frontend.calls import class_builtins as class_builtins  # fills BUILTINS
from srcad.frontend.calls import collection_calls as collection_calls  # fills BUILTINS
from srcad.frontend.calls import iteration_calls as iteration_calls  # fills BUILTINS
from srcad.frontend.calls import iterator_calls as iterator_calls  # fills BUILTINS
from srcad.frontend.calls import selection_calls as selection_calls  # fills BUILTINS
from srcad.frontend.calls import sorting_calls as sorting_calls  # fills BUILTINS
from srcad.frontend.calls import type_queries  # fills BUILTINS
from srcad.frontend.calls import window_calls as window_calls  # fills BUILTINS
from srcad.frontend.calls.argument_binding import class_fields
from srcad.frontend.calls.builtin_calls import BUILTINS, LAZY
from srcad.frontend.calls.complex_operands import refuse_complex
from srcad.frontend.calls.context_managers import as_manager, made_by_contextmanager
from srcad.frontend.calls.inlined_frames import call_closure, inline
from srcad.frontend.calls.kernel_calls import KernelName, call_member
from srcad.frontend.calls.methods import call_method
from srcad.frontend.calls.nested_derivatives import call_derivative, make_derivative
from srcad.frontend.calls.object_builtins import special_first  # fills BUILTINS
from srcad.frontend.calls.objects import new_object
from srcad.frontend.calls.primitive_calls import call_primitive
from srcad.frontend.calls.ufunc_calls import call_with_options, ufunc_options
from srcad.frontend.calls.unknown_functions import dotted_name, unknown_function
from srcad.frontend.lowering.comprehensions import accumulated, comprehension, lazy_quantifier
from srcad.frontend.lowering.expressions import spread
from srcad.frontend.lowering.message_text import print_call
from srcad.frontend.lowering.operators import binary
from srcad.frontend.lowering.overloading import class_with_methods
from srcad.frontend.values import zero_dim_arrays
from srcad.frontend.values.abstract_values import (
    UNKNOWN,
    Abstract,
    Closure,
    Constant,
    HeapRef,
    Leaf,
    Method,
    Partial,
    Record,
    Seq,
    SliceValue,
)
from srcad.frontend.values.buffered_lists import array_copy
from srcad.frontend.values.constants import to_abstract, to_python
from srcad.frontend.values.context import Context, Frame, RetryUnrolled
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.definitions import rely_on_class
from srcad.frontend.values.iterables import as_array, in_any_order
from srcad.frontend.values.libraries import of_library
from srcad.frontend.values.user_classes import is_user_class, is_value_class, special_method
from srcad.ir.types import Array
from srcad.request import MODE_OF, Differentiation
from srcad.rules import libraries
from srcad.rules.complex_numbers import FUNCTIONS_OF_COMPLEX
from srcad.rules.copied_helpers import helper_like
from srcad.rules.external import is_external, key_of
from srcad.rules.primitive_type import Primitive
from srcad.rules.primitives import PRIMITIVE_OF
from srcad.rules.registry import EXPANSIONS, STATIC, UFUNC_METHODS
from srcad.typing.length_demands import Axis, Filled


def call_node(ctx: Context, node: Any) -> Abstract:
    """Lower a call expression."""
    function = ctx.check(ctx.expression(node.func))
    if isinstance(function, Constant) and function.value is print:
        print_call(ctx, node)
        return Constant(None)
    if isinstance(function, Constant) and function.value is sum and len(node.args) == 1 and not node.keywords:
        only = node.args[0]
        total = accumulated(ctx, only) if isinstance(only, gast.GeneratorExp | gast.ListComp) else None
        if total is not None:
            return total
    if isinstance(function, Constant) and (function.value is any or function.value is all) and len(node.args) == 1:
        (only,) = node.args
        found = lazy_quantifier(ctx, only, function.value is any) if isinstance(only, gast.GeneratorExp) else None
        if found is not None:
            return found
    args: list[Abstract] = []
    is_lazy = _asks_one_by_one(function)
    for arg in node.args:
        if isinstance(arg, gast.Starred):
            args.extend(spread(ctx, ctx.expression(arg.value)))
        elif isinstance(arg, gast.GeneratorExp) and not is_lazy:
            args.append(comprehension(ctx, arg))
        else:
            args.append(ctx.expression(arg))
    keywords: dict[str, Abstract] = {}
    for keyword in node.keywords:
        value = ctx.optional(ctx.expression(keyword.value))
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        elif isinstance(value, HeapRef) and value.kind == "dict":
            cells = ctx.heap[value.id]
            keywords.update({str(k): v for k, v in zip(cells.keys or (), cells.items, strict=True)})
        else:
            ctx.fail("S113", f"** on {describe_value(value)}")
    return call(ctx, function, args, keywords)


def _asks_one_by_one(function: Abstract) -> bool:
    """Whether a function may ask for the items of a generator one by one: a lazy builtin, or one of the user's."""
    match function:
        case Closure():
            return True
        case Method(receiver):
            return class_with_methods(receiver) is not None
        case Partial(inner):
            return _asks_one_by_one(inner)
        case Constant(FunctionType() | type() as given) if not of_library(given.__module__):
            return True
        case Constant(given):
            return any(given == one for one in LAZY - {sum, any, all})
    return False


def call(ctx: Context, function: Abstract, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    """`function(*args, **keywords)`.

    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "__main__"  # a user's function
    >>> def f(x):
    ...     return np.exp(x) + np.log1p(x).sum()
    >>> print(text(normal_form(f, np.ones(2))))
    f(x: float64[x.0]):
        %exp.0 = np.exp(x)
        %log1p.0 = np.log1p(x)
        %result.2 = np.sum(%log1p.0)
        %sum.1 = %exp.0 + %result.2
        return %sum.1
    """
    function = ctx.check(function)
    match function:
        case Closure():
            return call_closure(ctx, function, args, keywords)
        case Partial(inner, given, named):
            return call(ctx, inner, [*given, *args], dict(named) | dict(keywords))
        case Method(receiver, name):
            return call_method(ctx, receiver, name, args, keywords)
        case Constant(value):
            return _call_object(ctx, value, args, keywords)
        case HeapRef(cls=type() as cls) | Record(cls) if special_method(cls, "__call__") is not None:
            rely_on_class(ctx, cls)
            return call(ctx, Constant(special_method(cls, "__call__")), [function, *args], keywords)
        case _:
            ctx.fail("S117", f"{describe_value(function)} is called, and is not a function")


def _call_object(ctx: Context, value: Any, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    return zero_dim_arrays.mark_result(ctx, key_of(value), args, keywords, _call_unmarked(ctx, value, args, keywords))


def _call_unmarked(ctx: Context, value: Any, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    if isinstance(value, Primitive):
        return call_primitive(ctx, value.name, args, keywords)
    if isinstance(value, KernelName):
        return call_member(ctx, value, args, keywords)
    if isinstance(value, Differentiation):
        return call_derivative(ctx, value, args[0], args[1:], keywords)
    if isinstance(value, functools.partial):
        given = [to_abstract(ctx, arg) for arg in value.args]
        return _call_object(
            ctx,
            value.func,
            [*given, *args],
            {k: to_abstract(ctx, v) for k, v in value.keywords.items()} | dict(keywords),
        )
    if isinstance(value, type):
        value = _READ_AS.get((value.__module__, value.__name__), value)
    libraries.complete()
    key = key_of(value)
    if key is not value:
        if key in PRIMITIVE_OF:
            return call_primitive(ctx, PRIMITIVE_OF[key], args, keywords)
        ctx.fail("S121", f"an object of type {type(value).__name__} is called")
    is_method = isinstance(value, MethodType)  # a method has the attributes of its function
    if value in MODE_OF:
        return make_derivative(ctx, value, MODE_OF[value], args, keywords)
    if not is_method and (made := getattr(value, "__srcad_derivative__", None)) is not None:  # made outside
        return call_derivative(ctx, made[0], Constant(made[1]), args, keywords)
    if not is_method and hasattr(value, "__srcad_primal__"):  # made by srcad.jit
        return _call_object(ctx, value.__srcad_primal__, args, keywords)
    if value in (int, float) and args and isinstance(args[0], Constant) and isinstance(args[0].value, str):
        return _call_static(ctx, value, args, keywords)
    by_method = special_first(ctx, value, args)
    if by_method is not None:
        return by_method
    if value in BUILTINS:
        return BUILTINS[value](ctx, [as_array(ctx, arg) for arg in args], keywords)
    if (made := made_by_contextmanager(value)) is not None:
        return as_manager(ctx, [Constant(made), *args], keywords)
    if value in STATIC:
        return _call_static(ctx, value, args, keywords)
    if isinstance(value, np.ufunc) and value.signature is None:
        args, options = ufunc_options(ctx, value, args, keywords)
        if options:
            return call_with_options(ctx, value, args, options)
        keywords = {}
    if value in EXPANSIONS and not is_external(PRIMITIVE_OF.get(value, "")):  # a rule of the user's goes first
        if value in _TAKE_LISTS and args and as_array(ctx, args[0]) is not args[0]:
            return _call_on_grown_list(ctx, value, as_array(ctx, args[0]), *args[1:], **keywords)
        arrays = [as_array(ctx, array_copy(ctx, arg)) for arg in args]
        if value not in FUNCTIONS_OF_COMPLEX:
            refuse_complex(ctx, dotted_name(value), [*arrays, *keywords.values()])
        return inline(ctx, EXPANSIONS[value], arrays, keywords, dotted_name(value))
    if value in PRIMITIVE_OF:
        return call_primitive(ctx, PRIMITIVE_OF[value], *_operands(ctx, value, args, keywords))
    if isinstance(getattr(value, "__self__", None), np.ufunc) and value.__name__ in UFUNC_METHODS:
        given = [Constant(value.__self__), *[as_array(ctx, arg) for arg in args]]
        refuse_complex(ctx, dotted_name(value), [*given, *keywords.values()])
        return inline(ctx, UFUNC_METHODS[value.__name__], given, keywords, dotted_name(value))
    if isinstance(value, type):
        return _construct(ctx, value, args, keywords)
    if isinstance(value, MethodType):
        return _call_bound(ctx, value, args, keywords)
    own_name = str(getattr(value, "__name__", ""))
    if str(getattr(value, "__module__", "")) in _PUBLIC and own_name.isidentifier():
        ctx.fail(
            "S121",
            f"srcad.{own_name} inside a function that is compiled",
            None,
            "call it outside, and pass its result in.",
        )
    if isinstance(value, FunctionType) or hasattr(value, "py_func") or isinstance(value, functools._lru_cache_wrapper):
        if args and hasattr(value, "dispatch") and hasattr(value, "registry"):  # made by functools.singledispatch
            return call(ctx, Constant(value.dispatch(type_queries.class_of(ctx.check(args[0]), ctx))), args, keywords)
        module = str(getattr(value, "__module__", ""))
        if of_library(module) and module.partition(".")[0] != "srcad":
            return _from_library(ctx, value, args, keywords)
        own = key_of(getattr(value, "py_func", value))
        if own in PRIMITIVE_OF:  # a function with a rule, compiled
            return call_primitive(ctx, PRIMITIVE_OF[own], args, keywords)
        helper = helper_like(value)
        if helper in PRIMITIVE_OF:
            return call_primitive(ctx, PRIMITIVE_OF[helper], *_operands(ctx, helper, args, keywords))
        return inline(ctx, value, args, keywords)
    if _is_compile_time(value):
        return _call_static(ctx, value, args, keywords)
    method = inspect.getattr_static(type(value), "__call__", None)
    if isinstance(method, FunctionType) and not of_library(type(value).__module__):
        return inline(ctx, method, [Constant(value), *args], keywords)
    unknown_function(ctx, value)


def _call_bound(ctx: Context, method: Any, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    """A call of a method, whose function may be a derivative."""
    function, own = method.__func__, method.__self__
    if isinstance(own, str):
        return _call_static(ctx, method, args, keywords)
    if of_library((own if isinstance(own, type) else type(own)).__module__):
        unknown_function(ctx, method)
    given = [to_abstract(ctx, own), *args]
    if isinstance(function, FunctionType) and made_by_contextmanager(function) is None:
        return inline(ctx, function, given, keywords)
    return _call_object(ctx, function, given, keywords)


def _operands(
    ctx: Context, value: Any, args: Sequence[Abstract], keywords: Mapping[str, Abstract]
) -> tuple[Sequence[Abstract], Mapping[str, Abstract]]:
    """The operands of a primitive, which must be those of the function it stands for."""
    if ctx.frame.library or isinstance(value, np.ufunc):
        return args, keywords
    try:
        inspect.signature(value).bind(*args, **keywords)
    except TypeError as error:
        ctx.fail("S124", f"{dotted_name(value)}: {error}")
    except ValueError:  # a builtin without a signature
        pass
    return args, keywords


_PUBLIC = frozenset({"srcad.api", "srcad.gradient_check"})


def _from_library(ctx: Context, value: Any, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    """Inline a library function written in Python; errors inside its source are reported at the call."""
    user_files = set()
    frame: Frame | None = ctx.frame
    while frame is not None:
        user_files |= {frame.source.file} if not of_library(frame.source.function.__module__) else set()
        frame = frame.caller

    def reported_at_call(error: SrcadError) -> SrcadError:
        first = error.problems[0]
        if first.span is None or first.span.file in user_files:
            return error
        try:
            unknown_function(ctx, value, f"srcad reads its text, but: {first.message}.")
        except SrcadError as reported:
            return reported

    try:
        return inline(ctx, value, args, keywords)
    except RetryUnrolled as retry:
        raise RetryUnrolled(reported_at_call(retry.error), retry.lists) from None
    except SrcadError as error:
        raise reported_at_call(error) from None


_TAKE_LISTS = frozenset({np.stack, np.concatenate, np.vstack, np.hstack})


def _call_on_grown_list(ctx: Context, function: Any, rows: Abstract, axis: Abstract | None = None) -> Abstract:
    """`np.stack(hs)` and the like, of a grown list, which is already an array of its items."""
    first = axis is None or (isinstance(axis, Leaf) and axis.static == 0)
    rank = len(rows.type.dims) if isinstance(rows, Leaf) and isinstance(rows.type, Array) else 0
    if isinstance(rows, Leaf) and rank:
        assert isinstance(rows.type, Array)
        wanted = f"need at least one array to {'stack' if function is np.stack else 'concatenate'}"
        ctx.builder.demand([Filled((Axis(0, 0, rows.type.dims[0]),), wanted)], (rows.atom,))
    if function is np.stack or (function is np.vstack and rank == 2):
        array = ctx.call(Constant(np.copy), rows)
        return array if first else ctx.call(Constant(np.moveaxis), array, ctx.constant(0), axis or ctx.constant(0))
    if not first or rank < 2 or (function is np.hstack and rank > 2):
        ctx.fail("S125", f"np.{function.__name__} of a list that grew in a run-time loop", None, "use np.stack.")
    rest = ctx.index(ctx.attribute(rows, "shape"), SliceValue(ctx.constant(2), None, None))
    merged = ctx.call(Constant(np.reshape), rows, binary(ctx, "+", Seq((ctx.constant(-1),)), rest))
    return ctx.call(Constant(np.copy), merged)


def _is_compile_time(value: Any) -> bool:
    """Whether a function is called at compile time: those of strings, dtypes and the like."""
    if isinstance(getattr(value, "__self__", None), str | np.dtype | tuple):
        return True
    return value in _PURE


_PURE: frozenset[Any] = frozenset(
    {np.dtype, np.finfo, np.iinfo, np.result_type, np.promote_types, np.issubdtype, np.can_cast}
    | {str, repr, hash, format}
)


def _call_static(ctx: Context, value: Any, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    given = [to_python(ctx, ctx.check(arg)) for arg in args]
    named = {k: to_python(ctx, ctx.check(v)) for k, v in keywords.items()}
    name = getattr(value, "__name__", "this function")
    if any(v is UNKNOWN for v in [*given, *named.values()]):
        public = name.strip("_") if not ctx.frame.library else "an option or an axis"
        ctx.retry(
            "S123",
            f"{public}: its value must be known when compiling",
            None,
            "write it as a literal, or as a value that follows from shapes and types.",
        )
    try:
        return to_abstract(ctx, value(*given, **named))
    except Exception as error:
        ctx.fail("S127", f"{type(error).__name__}: {error}")


# ---- classes -----------------------------------------------------------------------------------


_UNSUPPORTED_CLASSES = frozenset({set, frozenset, bytes, bytearray, object, super, memoryview})
_READ_AS = {("numba.misc.special", "prange"): in_any_order}
"""Of libraries that are not imported here: what a class is read as. Which loops run on threads, an analysis says."""
_LOOPS = "loop over a range, or over several, one inside the other."


def _construct(ctx: Context, cls: type, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> Abstract:
    if is_user_class(cls) and not is_value_class(cls):
        return new_object(ctx, cls, args, keywords)
    fields = class_fields(cls)
    if fields is None:
        if cls in _UNSUPPORTED_CLASSES:
            ctx.fail("S117", f"{cls.__name__} is not in the language", None, "use a tuple, a list or an array.")
        if cls is np.vectorize:
            unknown_function(ctx, np.vectorize(abs))
        if cls in _PURE or (isinstance(cls, type) and cls.__module__ == "builtins" and args):
            return _call_static(ctx, cls, args, keywords)
        if cls is np.ndarray and len(args) <= 2 and keywords.keys() <= {"shape", "dtype"}:
            return call(ctx, Constant(np.empty), args, keywords)
        if cls is np.ndarray:
            ctx.fail("S117", "numpy.ndarray of memory, offset or strides", None, "use np.empty, or index the array.")
        if cls.__module__ in ("itertools", "numpy", "numpy.lib", "numpy.lib._index_tricks_impl"):
            ctx.fail("S129", f"{cls.__module__.partition('.')[0]}.{cls.__name__} is not in the language", None, _LOOPS)
        ctx.fail(
            "S117", f"an object of class {cls.__name__}", None, "use a namedtuple, a dataclass, a dict or a tuple."
        )
    given: dict[str, Abstract] = {}
    for name, value in zip(fields, args, strict=False):
        given[name] = value
    extra = [name for name in keywords if name not in fields or name in given]
    if len(args) > len(fields) or extra:
        ctx.fail("S124", f"{cls.__name__} does not take these arguments")
    given |= keywords
    for name, default in fields.items():
        if name not in given:
            if default is UNKNOWN:
                ctx.fail("S124", f"{cls.__name__} needs a value for {name}")
            given[name] = to_abstract(ctx, default)
    return Record(cls, tuple((name, given[name]) for name in fields))
