"""A Numba target for generated code, with a typing context and a target context separate from those of `njit`.

Numba compiles functions in two contexts, one for the types of functions and one for their machine code, which all
functions compiled by `njit` share. Generated code has contexts of its own. They read Numba's registries, and put
before them the overloads of `light_overloads` and the helpers that generated code calls. Numba's registries are never
written to, so that nothing has to be restored or locked.

Importing this imports Numba.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import weakref
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import numpy as np
from numba.core import caching, cpu, dispatcher, errors, event, registry, sigutils, types
from numba.core.compiler import Compiler, CompilerBase, DefaultPassBuilder, Flags
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager
from numba.core.runtime import rtsys
from numba.core.typed_passes import NopythonRewrites
from numba.core.typing import context as typing_context
from numba.core.typing import templates

from srcad import runtime, vector_math
from srcad.backend.numba import code_libraries, extremes, light_overloads, linked_functions, strided_products


class _Typing(typing_context.Context):
    """The typing context: reads Numba's registries. A template class with a cache of compiled functions is replaced, at
    its first use, by a subclass with a cache of its own."""

    def init(self) -> None:
        self._read: dict[Any, Any] = {}
        self._own: dict[Any, Any] = {}
        self._installing = False
        for function, template in _precedent_templates():
            self.insert_global(function, types.Function(template))

    def install_registry(self, registry: Any) -> None:
        """Read the entries added to one of Numba's registries since the last time."""
        read = self._read.setdefault(registry, templates.Registry())
        read.functions += map(_own_template, registry.functions[len(read.functions) :])
        read.attributes += map(_Attribute, registry.attributes[len(read.attributes) :])
        read.globals += registry.globals[len(read.globals) :]
        self._installing = True
        try:
            super().install_registry(read)
        finally:
            self._installing = False

    def _lookup_global(self, gv: Any) -> Any:
        found = super()._lookup_global(gv)
        if found is None and (template := _special_template(gv)) is not None:
            self.insert_global(gv, types.Function(template))
            found = super()._lookup_global(gv)
        if type(found) is not types.Function or self._installing:
            return found
        if found not in self._own:
            self._own[found] = types.Function([_own_template(template) for template in found.templates])
        return self._own[found]

    def resolve_value_type(self, val: Any) -> Any:
        # Numba's own functions may call functions compiled by `njit`: replace those by ones of this target
        if isinstance(val, registry.CPUDispatcher):
            return types.Dispatcher(_of_this_target(val))
        return super().resolve_value_type(val)


_types: Any = types


class _Context(cpu.CPUContext):
    """The target context: machine code of functions."""

    def init(self) -> None:
        super().init()
        self._internal_codegen = code_libraries.Codegen("srcad.exec")
        self.linked = linked_functions.LinkedFunctions()
        self.special_ops["arrayexpr"] = light_overloads.array_expression()

    def load_additional_registries(self) -> None:
        # Numba's runtime belongs to the context that initialises it first: let it be Numba's own
        rtsys.initialize(registry.cpu_target.target_context)
        super().load_additional_registries()
        self.install_registry(light_overloads.machine_code)

    def insert_func_defn(self, defns: Iterable[Any]) -> None:
        super().insert_func_defn((light_overloads.lowering(form), function, sig) for form, function, sig in defns)

    @cached_property
    def nrt(self) -> Any:
        return light_overloads.Memory(self, self.enable_nrt)

    def get_executable(self, library: Any, fndesc: Any, env: Any) -> Any:
        made = super().get_executable(library, fndesc, env)
        library.set_environments()
        return made

    def mangler(self, name: Any, types: Any, *, abi_tags: Any = (), uid: Any = None) -> Any:
        tag = self.linked.tag(uid)
        if tag is None:
            return super().mangler(name, types, abi_tags=abi_tags, uid=uid)
        return super().mangler(name, types, abi_tags=(*abi_tags, tag))

    def _compile_subroutine_no_cache(
        self, builder: Any, impl: Any, sig: Any, locals: Any = None, flags: Any = None
    ) -> Any:
        def make() -> Any:
            return super(_Context, self)._compile_subroutine_no_cache(builder, impl, sig, locals or {}, flags)

        parts = ("subroutine", impl, sig.args, sig.return_type, repr(flags), sorted(locals or {}))
        return self.linked.compiled(self, parts, make)

    def compile_internal(self, builder: Any, impl: Any, sig: Any, args: Any, locals: Any = None) -> Any:
        result = super().compile_internal(builder, impl, sig, args, locals or {})
        if impl is light_overloads.allocator():
            self.nrt.allocated = (result, args[1])
        return result


class _Target(registry.CPUTarget):
    @cached_property
    def _toplevel_typing_context(self) -> Any:
        return _Typing()

    @cached_property
    def _toplevel_target_context(self) -> Any:
        return _Context(self.typing_context, self._target_name)


class _InnerDispatcher(dispatcher.Dispatcher):
    """The dispatcher of functions that only generated code calls: helpers and overloads. They are code to be linked
    into their callers, and have neither machine code of their own nor an entry for Python."""

    targetdescr = _Target("cpu")
    _compiler: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "objmode" not in self.py_func.__code__.co_names:  # a block for Python has an entry, with the same flags
            self._compiler._customize_flags = _only_linked

    def compile(self, sig: Any) -> Any:
        with global_compiler_lock, self._compiling_counter:
            args, return_type = sigutils.normalize_signature(sig)
            known = self.overloads.get(tuple(args))
            return known.entry_point if known is not None else self._compile(args, return_type)

    def _compile(self, args: Any, return_type: Any) -> object:
        def make() -> Any:
            return self._compiler.compile(args, return_type)

        details = {"dispatcher": self, "args": args, "return_type": return_type}
        with event.trigger_event("numba:compile", data=details):
            try:
                made = self.targetctx.linked.compiled(self.targetctx, self._parts(args, return_type), make)
            except errors.ForceLiteralArg as error:
                raise error.bind_fold_arguments(lambda *given: self._compiler.fold_argument_types(*given)[1]) from None
        made = made._replace(entry_point=object())
        self.targetctx.insert_user_function(made.entry_point, made.fndesc, [made.library])
        self.overloads[tuple(made.signature.args)] = made
        return made.entry_point

    def _parts(self, args: Any, return_type: Any) -> tuple[Any, ...]:
        """What the code depends on, for one signature."""
        flags = Flags()
        self.targetdescr.options.parse_as_flags(flags, self.targetoptions)
        return "dispatcher", self.py_func, args, return_type, repr(flags), sorted(self.locals)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.py_func(*args, **kwargs)


def _only_linked(flags: Any) -> Any:
    """The flags of a function that has no machine code of its own."""
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    return flags


class Dispatcher(dispatcher.Dispatcher):
    """The dispatcher of a generated function, callable from Python and from functions compiled by `njit`."""

    targetdescr = _InnerDispatcher.targetdescr

    def compile(self, sig: Any) -> Any:
        with global_compiler_lock:
            generator = self.targetctx.codegen()
            before = generator.ordered_sums
            generator.ordered_sums = not set(vector_math.ORDERED).isdisjoint(self.py_func.__code__.co_names)
            try:
                with self.targetctx.linked.kept_in(self.linked):
                    return super().compile(sig)
            finally:
                generator.ordered_sums = before

    linked: Path | None = None
    """The folder in which the functions that are linked into it are kept."""

    layouts: tuple[str, ...] = ()
    """Of a function that calls itself, the layouts of the arrays and the dtypes of the numbers that it takes: all calls
    are of one compiled function."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        return super().get_call_template(self._as_taken(args), kws)

    def fold_argument_types(self, args: Any, kws: Any) -> Any:
        return super().fold_argument_types(self._as_taken(args), kws)

    def _as_taken(self, args: Any) -> tuple[Any, ...]:
        if not self.layouts:
            return tuple(args)
        found = []
        for arg, layout in zip(map(_types.unliteral, args), self.layouts, strict=True):
            if isinstance(arg, types.Array) and arg.layout != layout:
                if layout != "A":
                    raise TypeError(f"{self.py_func.__name__} takes an array that is contiguous by {layout}")
                arg = _types.Array(arg.dtype, arg.ndim, layout, readonly=not arg.mutable, aligned=arg.aligned)
            elif isinstance(arg, types.Number | types.Boolean) and str(arg) != layout:
                arg = getattr(_types, layout)
            found.append(arg)
        return tuple(found)

    def get_overload(self, sig: Any) -> Any:
        """The entry point for a signature, also registered in Numba's own context for callers compiled by `njit`."""
        entry = super().get_overload(sig)
        with global_compiler_lock:
            _register_with_numba(self, self.overloads[tuple(sigutils.normalize_signature(sig)[0])])
        return entry


# a process that is forked while another thread compiles would have a locked lock that no thread releases: fork waits
# for the end of the compilation
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


def _register_with_numba(lender: Dispatcher, result: Any) -> None:
    """Register a compiled function in Numba's own context, as `njit` does, for the lifetime of its dispatcher."""
    context = registry.cpu_target.target_context
    if result.entry_point in context._defns:
        return
    context.insert_user_function(result.entry_point, result.fndesc, [result.library])
    weakref.finalize(lender, context._defns.pop, result.entry_point, None)
    # the constants of its exceptions are looked up by name in each code generator separately
    generator = context.codegen()
    for environment in result._find_referenced_environments():
        library = generator.create_library(environment.env_name)
        module = library.create_ir_module(environment.env_name)
        context.declare_env_global(module, environment.env_name)
        library.add_ir_module(module)
        library.finalize()
        generator.set_env(environment.env_name, environment)


class _CacheImpl(caching.CompileResultCacheImpl):
    def check_cachable(self, cres: Any) -> bool:
        # of functions that call one another, only the one that was called first is complete: no matter for a warning
        return not cres.library.has_dynamic_globals and bool(super().check_cachable(cres))


class _Cache(caching.FunctionCache):
    """A file cache with one index file per signature. Numba's single index is read, extended and written by
    each process without a lock: two that store two signatures at once may give one the machine code of the other."""

    _impl_class = _CacheImpl

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        self._choose(sig, target_context.codegen())
        return super().load_overload(sig, target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        self._choose(sig, data.codegen)
        super().save_overload(sig, data)

    def _choose(self, sig: Any, generator: Any) -> None:
        digest = hashlib.sha256(repr(self._index_key(sig, generator)).encode()).hexdigest()[:16]
        name = f"{self._impl.filename_base}-{digest}"
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = caching.IndexDataCacheFile(self._cache_path, name, stamp)


def compiled(
    function: Callable[..., Any],
    cache: bool,
    fastmath: bool = False,
    boundscheck: bool | None = None,
    kind: type[Dispatcher] = Dispatcher,
    layouts: tuple[str, ...] = (),
    linked: Path | None = None,
) -> Dispatcher:
    """Like `numba.njit` of a function that srcad wrote, with the contexts of this target. 1/0 is inf, as in NumPy.

    Iterations of `prange` run on threads, and nothing else does. A call leaves the lock of Python's
    interpreter, so that other threads run meanwhile.
    """
    _reuse_freed_memory()
    # reassociation is wanted; the flags nnan and ninf, which assume that no NaN or infinity occurs, are not
    fast: Any = {"reassoc", "contract", "nsz", "arcp", "afn"} if fastmath else False
    options = {"nopython": True, "nogil": True, "error_model": "numpy", "fastmath": fast, "boundscheck": boundscheck}
    pipeline: type[CompilerBase] = Compiler
    if "prange" in function.__code__.co_names:
        options["parallel"] = {kind: kind == "prange" for kind in _PARALLEL}
        pipeline = _ThreadsCompiler
    made: Any = kind(function, {}, options, pipeline)
    made.layouts, made.linked = layouts, linked
    if cache:
        made._cache = _Cache(function)
    return made  # type: ignore[no-any-return]


_PARALLEL = ("prange", "comprehension", "reduction", "inplace_binop", "setitem", "numpy", "stencil", "fusion")
"""What Numba may parallelise; an option is taken by all but those that say no."""


class _ThreadsCompiler(CompilerBase):
    """Numba's passes but one, which joins array operations: Numba cannot compile what it makes for threads."""

    def define_pipelines(self) -> list[PassManager]:
        whole = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes = PassManager(whole.pipeline_name)
        passes.passes += [one for one in whole.passes if one[0] is not NopythonRewrites]
        passes.finalize()
        return [passes]


class _Gone(MetaPathFinder):
    """Modules whose names begin like this are code of an earlier version of a function, if nothing else finds them."""

    def __init__(self, beginning: str) -> None:
        self.beginning = beginning

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if name.startswith(self.beginning):
            raise FileNotFoundError(f"{name} is generated code, which has been made anew since")


@cache
def compile_callers_of_gone(beginning: str) -> None:
    """Let functions that `njit` has in its cache be compiled again, where they call generated code that is made anew.

    Numba imports the modules of what a cached function calls, by their names. It takes an OSError for a cache that is
    incomplete, any other for a fault.
    """
    sys.meta_path.append(_Gone(beginning))


@cache
def _reuse_freed_memory() -> None:
    """Make the C library reuse freed arrays of up to 32 MB, instead of requesting fresh pages from the system.

    A gradient that saves 25 MB spends half its time on page faults otherwise. The GNU allocator adapts its threshold:
    it serves requests no larger than the largest block freed so far, up to 32 MB, from its heap, and retains twice as
    much (mallopt(3), M_MMAP_THRESHOLD). Allocating and freeing one array, never written to, sets the threshold at once.
    """
    np.empty(2**25 - 2**16, np.uint8)


def inner(**options: Any) -> Callable[[Any], _InnerDispatcher]:
    """Replacement of `numba.jit(**options)` for overloads."""
    locals = options.pop("locals", {})
    options.pop("cache", None)
    options = {"boundscheck": None, **options, "nopython": True}
    return lambda function: _InnerDispatcher(function, locals, options)


_dispatchers: dict[Any, _InnerDispatcher] = {}


def _of_this_target(other: Any) -> _InnerDispatcher:
    if other not in _dispatchers:
        _dispatchers[other] = _InnerDispatcher(other.py_func, other.locals, other.targetoptions)
    return _dispatchers[other]


# ---- Numba's template classes with caches --------------------------------------------------------------

_derived: dict[Any, Any] = {}


def _own_template(template: Any) -> Any:
    """The template class itself where it has no cache, else a subclass with a cache of its own."""
    if template in _derived:
        return _derived[template]
    kinds = template.__mro__  # `issubclass` of an abstract class tries all its subclasses, of which there are thousands
    own_tables = {"_get_target_registry": lambda self, reason: light_overloads.machine_code}
    changes: dict[str, Any] = {}
    if templates._OverloadFunctionTemplate in kinds:
        changes = {
            "_impl_cache": {},
            "_compiled_overloads": {},
            "_inline_overloads": {},
            "_get_jit_decorator": lambda self: inner,
            "_overload_func": staticmethod(light_overloads.without_aliasing(template._overload_func, inner)),
        }
    elif templates._IntrinsicTemplate in kinds:
        changes = {"_impl_cache": {}, "_overload_cache": {}, **own_tables}
    elif hasattr(template, "matmul_typer"):
        changes = {"matmul_typer": light_overloads.without_aliasing(template.matmul_typer, inner)}
    if not changes:
        return template
    own = type(template)(template.__name__, (template,), changes)
    _derived[template] = _derived[own] = own
    return own


class _Attribute:
    """Replacement of a template class for attributes of a type: its instances register in this target."""

    def __init__(self, template: Any) -> None:
        self._template = template
        self.metadata = getattr(template, "metadata", None)

    def __call__(self, context: Any) -> Any:
        made = self._template.__new__(self._template)
        if isinstance(made, templates._OverloadAttributeTemplate):
            made._get_target_registry = lambda reason: light_overloads.machine_code
            made._inline_overloads = {}
            # Numba identifies types of bound methods by this function: a copy makes them distinct from its own
            made._overload_func = light_overloads.copied(self._template._overload_func)
        made.__init__(context)
        return made


# ---- what generated code calls ------------------------------------------------------------------------


def _precedent_templates() -> Iterable[tuple[Any, Any]]:
    """Functions and the template classes that take precedence over Numba's."""
    instructions = dict(_intrinsics())
    yield from instructions.items()
    for module in (runtime, vector_math):
        for name, helper in inspect.getmembers(module, inspect.isfunction):
            if helper.__module__ == module.__name__ and helper not in instructions:
                # a loop is vectorised only where all calls in it are inlined, however long the function
                options = {"forceinline": True} if name in (*vector_math.ORDERED, *runtime.INLINED) else {}
                options |= {"fastmath": False} if name in vector_math.ORDERED else {}
                yield helper, _overload(helper, lambda *args, _same=helper, **kwargs: _same, options)
    for function, choose in light_overloads.forms():
        yield function, _overload(function, choose, {})


def _overload(function: Any, choose: Callable[..., Any], options: dict[str, Any]) -> Any:
    """A template that compiles the implementation returned by `choose(types)`, if not None."""
    made: Any = templates.make_overload_template
    # target CPU: Numba tries the most specific templates first, so these before its own
    return _own_template(made(function, choose, options, strict=False, inline="never", target="CPU"))


def _intrinsics() -> Iterable[tuple[Any, Any]]:
    """Intrinsics of one LLVM instruction: casts, whose `view` of a scalar Numba would compile anew in every function,
    and an addition with a flag that Numba supports for entire functions only."""
    from llvmlite import ir  # type: ignore[import-untyped]

    def cast(form: Any) -> Any:
        return lambda context, builder, signature, args: builder.bitcast(args[0], form)

    def add(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(*args, flags=("reassoc",))

    def single_bits(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.sext(builder.bitcast(args[0], ir.IntType(32)), ir.IntType(64))

    def with_single_bits(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(builder.trunc(args[0], ir.IntType(32)), ir.FloatType())

    real, single, whole = types.float64, types.float32, types.int64
    for function, give, take, lower in (
        (vector_math.bits_of, whole, (real,), cast(ir.IntType(64))),
        (vector_math.with_bits, real, (whole,), cast(ir.DoubleType())),
        (vector_math.single_bits_of, whole, (single,), single_bits),
        (vector_math.with_single_bits, single, (whole,), with_single_bits),
    ):
        light_overloads.machine_code.lower(function, *take)(lower)
        yield function, _concrete(function, give, take)
    light_overloads.machine_code.lower(light_overloads.select, types.Any, types.Any, types.Any)(
        light_overloads.lower_select
    )
    yield light_overloads.select, _typed(light_overloads.select, light_overloads.type_of_select)
    two_floats: tuple[tuple[Any, Callable[..., Any]], ...] = (
        (vector_math.plus, add),
        (extremes.larger, extremes.lower_extreme("llvm.maximum")),
        (extremes.smaller, extremes.lower_extreme("llvm.minimum")),
    )
    for function, lowering in two_floats:
        for kind in extremes.FLOATS:
            light_overloads.machine_code.lower(function, kind, kind)(lowering)
        yield function, _typed(function, extremes.type_of_two_floats)
    for function, count, lowering in strided_products.intrinsics():
        light_overloads.machine_code.lower(function, *[types.Any] * count)(lowering)
        yield function, _typed(function, strided_products.type_of_call)


def _concrete(function: Any, give: Any, take: tuple[Any, ...]) -> Any:
    def generic(self: Any, args: Any, kws: Any) -> Any:
        return templates.signature(give, *take) if tuple(args) == take and not kws else None

    return _typed(function, generic)


def _special_template(function: Any) -> Any:
    """The template of a function of `scipy.special`; None of another function.

    The module for these imports SciPy. Compiled texts import it, where they call one.
    """
    special_functions = sys.modules.get(f"{__package__}.special_functions")
    name = special_functions and special_functions.name_of(function)
    if not special_functions or not name:
        return None

    def generic(self: Any, args: Any, kws: Any) -> Any:
        return special_functions.type_of_call(name, args, kws)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        loops = light_overloads.array_loops()
        return special_functions.lower_call(name, loops, context, builder, signature, args)

    light_overloads.machine_code.lower(function, _types.VarArg(types.Any))(lower)
    return _typed(function, generic)


def _typed(function: Any, generic: Callable[..., Any]) -> Any:
    return type(function.__name__, (templates.AbstractTemplate,), {"key": function, "generic": generic})
