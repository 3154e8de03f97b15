"""A target of our own inside Numba: it compiles generated code, beside what compiles the user's, without touching it.

Numba compiles a function in two contexts, one that knows the types of functions and one that knows their machine
code, and keeps both for all that `njit` compiles. Generated code has contexts of its own. They read Numba's tables,
and put before them what `lighter` supplies and the helpers that generated code calls; what is compiled on the way
stays in them. Numba's tables are never written to, so there is nothing to put back and nothing to lock.

Importing this imports Numba.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import weakref
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from numba.core import caching, codegen, cpu, dispatcher, registry, sigutils, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.runtime import rtsys
from numba.core.typing import context as typing_context
from numba.core.typing import templates

from srcad import runtime, vector_math
from srcad.backend.numba import light_overloads


class _Typing(typing_context.Context):
    """The types of functions, read from Numba's tables. A class that remembers what it has compiled is replaced, when
    it is first asked for, by one of our own."""

    def init(self) -> None:
        self._read: dict[Any, Any] = {}
        self._own: dict[Any, Any] = {}
        self._installing = False
        for function, template in _supplied():
            self.insert_global(function, types.Function(template))

    def install_registry(self, registry: Any) -> None:
        """Read what was added to one of Numba's tables since the last time."""
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
        if type(found) is not types.Function or self._installing:
            return found
        if found not in self._own:
            self._own[found] = types.Function([_own_template(template) for template in found.templates])
        return self._own[found]

    def resolve_value_type(self, val: Any) -> Any:
        # what Numba's own functions call may be compiled by `njit`: then there is one compiled by us
        if isinstance(val, registry.CPUDispatcher):
            return types.Dispatcher(_twin(val))
        return super().resolve_value_type(val)


class _Codegen(codegen.JITCPUCodegen):
    """To machine code, by LLVM. `ordered_sums`: loops with sums of floats are vectorised too."""

    ordered_sums = False

    class _library_class(codegen.JITCodeLibrary):
        def _optimize_final_module(self) -> None:
            with light_overloads.loops_for_llvm(self._codegen.ordered_sums):
                super()._optimize_final_module()


class _Context(cpu.CPUContext):
    """The machine code of functions."""

    def init(self) -> None:
        super().init()
        self._internal_codegen = _Codegen("srcad.exec")
        self.special_ops["arrayexpr"] = light_overloads.array_expression()

    def load_additional_registries(self) -> None:
        # Numba's runtime belongs to the context that asks first
        rtsys.initialize(registry.cpu_target.target_context)
        super().load_additional_registries()
        self.install_registry(light_overloads.machine_code)

    def insert_func_defn(self, defns: Iterable[Any]) -> None:
        super().insert_func_defn((light_overloads.lowering(form), function, sig) for form, function, sig in defns)

    @cached_property
    def nrt(self) -> Any:
        return light_overloads.Memory(self, self.enable_nrt)

    def compile_internal(self, builder: Any, impl: Any, sig: Any, args: Any, locals: Any = None) -> Any:
        result = super().compile_internal(builder, impl, sig, args, locals or {})
        if impl is light_overloads.allocator():
            self.nrt.allocated = result
        return result


class _Target(registry.CPUTarget):
    @cached_property
    def _toplevel_typing_context(self) -> Any:
        return _Typing()

    @cached_property
    def _toplevel_target_context(self) -> Any:
        return _Context(self.typing_context, self._target_name)


class _Inner(dispatcher.Dispatcher):
    """What generated code calls: helpers, and forms of Numba's functions."""

    targetdescr = _Target("cpu")


class Dispatcher(_Inner):
    """A compiled function that a user may call, from Python or from what `njit` compiles."""

    def compile(self, sig: Any) -> Any:
        with global_compiler_lock:
            generator = self.targetctx.codegen()
            before = generator.ordered_sums
            generator.ordered_sums = not set(vector_math.ORDERED).isdisjoint(self.py_func.__code__.co_names)
            try:
                return super().compile(sig)
            finally:
                generator.ordered_sums = before

    def get_overload(self, sig: Any) -> Any:
        """The entry point for a signature, that a caller which `njit` compiles finds in its own context."""
        entry = super().get_overload(sig)
        with global_compiler_lock:
            _lend(self, self.overloads[tuple(sigutils.normalize_signature(sig)[0])])
        return entry


# A process that is forked while another thread compiles has the lock without the thread that would release it: to fork
# waits for the end of the compilation.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


def _lend(lender: Dispatcher, result: Any) -> None:
    """Enter what is compiled with Numba's own context, as `njit` does with what it compiles, until its end."""
    context = registry.cpu_target.target_context
    if result.entry_point in context._defns:
        return
    context.insert_user_function(result.entry_point, result.fndesc, [result.library])
    weakref.finalize(lender, context._defns.pop, result.entry_point, None)
    # the constants of its errors are found by names, in each code generator for itself
    generator = context.codegen()
    for environment in result._find_referenced_environments():
        library = generator.create_library(environment.env_name)
        module = library.create_ir_module(environment.env_name)
        context.declare_env_global(module, environment.env_name)
        library.add_ir_module(module)
        library.finalize()
        generator.set_env(environment.env_name, environment)


class _Cache(caching.FunctionCache):
    """An index for each signature: that of all of them, which Numba has, is read, extended and written by each process
    for itself, and two that store two signatures at once may give one the machine code of the other."""

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


def compiled(function: Callable[..., Any], cache: bool, **options: Any) -> Dispatcher:
    """What `numba.njit(**options)` gives, with our contexts."""
    made: Any = Dispatcher(function, {}, {"nopython": True, **options})
    if cache:
        made._cache = _Cache(function)
    return made  # type: ignore[no-any-return]


def inner(**options: Any) -> Callable[[Any], _Inner]:
    """In place of `numba.jit(**options)`, for the forms that Numba chooses."""
    locals, cache = options.pop("locals", {}), options.pop("cache", False)
    options = {"boundscheck": None, **options, "nopython": True}

    def decorate(function: Any) -> _Inner:
        made = _Inner(function, locals, options)
        if cache:
            made.enable_caching()
        return made

    return decorate


_twins: dict[Any, _Inner] = {}


def _twin(other: Any) -> _Inner:
    if other not in _twins:
        _twins[other] = _Inner(other.py_func, other.locals, other.targetoptions)
    return _twins[other]


# ---- classes of Numba that remember what they have compiled ------------------------------------------

_derived: dict[Any, Any] = {}


def _own_template(template: Any) -> Any:
    """The class itself where it remembers nothing, else one that does so for us."""
    if template in _derived:
        return _derived[template]
    kinds = template.__mro__  # `issubclass` of an abstract class asks all its subclasses, of which there are thousands
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
    """In place of a class for attributes of a type: its instances write to our tables."""

    def __init__(self, template: Any) -> None:
        self._template = template
        self.metadata = getattr(template, "metadata", None)

    def __call__(self, context: Any) -> Any:
        made = self._template.__new__(self._template)
        if isinstance(made, templates._OverloadAttributeTemplate):
            made._get_target_registry = lambda reason: light_overloads.machine_code
            made._inline_overloads = {}
            # by which Numba tells the types of bound methods apart: those of its own contexts would do for ours
            made._overload_func = light_overloads.copied(self._template._overload_func)
        made.__init__(context)
        return made


# ---- what generated code calls ------------------------------------------------------------------------


def _supplied() -> Iterable[tuple[Any, Any]]:
    """Functions and the classes that give their types, ahead of what Numba says of them."""
    instructions = dict(_instructions())
    yield from instructions.items()
    for module in (runtime, vector_math):
        for name, helper in inspect.getmembers(module, inspect.isfunction):
            if helper.__module__ == module.__name__ and helper not in instructions:
                # a loop is vectorised only where there is no call left in it, however long the function
                vector = {"fastmath": False, "forceinline": True} if name in vector_math.ORDERED else {}
                yield helper, _overload(helper, lambda *args, _same=helper, **kwargs: _same, vector)
    for function, choose in light_overloads.forms():
        yield function, _overload(function, choose, {})


def _overload(function: Any, choose: Callable[..., Any], options: dict[str, Any]) -> Any:
    """`choose(types)` gives the form to compile, or None."""
    made: Any = templates.make_overload_template
    # the target: Numba takes the most specific first, and ours before its own
    return _own_template(made(function, choose, options, strict=False, inline="never", target="CPU"))


def _instructions() -> Iterable[tuple[Any, Any]]:
    """What is one instruction of LLVM: casts, whose `view` of a number Numba would compile anew in every function, and
    a sum with a flag that Numba gives to whole functions only."""
    from llvmlite import ir  # type: ignore[import-untyped]

    def cast(form: Any) -> Any:
        return lambda context, builder, signature, args: builder.bitcast(args[0], form)

    def add(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(*args, flags=("reassoc",))

    real, whole = types.float64, types.int64
    for function, give, take, lower in (
        (vector_math.bits_of, whole, (real,), cast(ir.IntType(64))),
        (vector_math.with_bits, real, (whole,), cast(ir.DoubleType())),
        (vector_math.plus, real, (real, real), add),
    ):
        light_overloads.machine_code.lower(function, *take)(lower)
        yield function, _concrete(function, give, take)
    light_overloads.machine_code.lower(light_overloads.select, types.Any, types.Any, types.Any)(
        light_overloads.lower_select
    )
    yield light_overloads.select, _typed(light_overloads.select, light_overloads.type_of_select)


def _concrete(function: Any, give: Any, take: tuple[Any, ...]) -> Any:
    def generic(self: Any, args: Any, kws: Any) -> Any:
        return templates.signature(give, *take) if tuple(args) == take and not kws else None

    return _typed(function, generic)


def _typed(function: Any, generic: Callable[..., Any]) -> Any:
    return type(function.__name__, (templates.AbstractTemplate,), {"key": function, "generic": generic})
