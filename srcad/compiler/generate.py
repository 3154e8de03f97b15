"""From a function and the types of one call to the generated text.

>>> from srcad.frontend.values.abstract_values import Leaf
>>> from srcad.ir.nodes import Var
>>> from srcad.ir.printer import text
>>> from srcad.options import Options
>>> __name__ = "user_module"
>>> def square(x):
...     return x * x
>>> arguments = {"x": Leaf(Var("x"), Scalar("float64"))}
>>> made = generate(square, arguments, ("x",), Request("grad", ("x",), True, False, Options()))
>>> print(text(made.compiled))
square_grad(x: float64, d_result: float64):
    d_x = (2.0 * x) * d_result
    return d_x
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import gast
import numpy as np

from srcad.analysis.cache import remembered_analyses
from srcad.analysis.values.parameter_roles import ParameterRole
from srcad.analysis.values.step_functions import StepInput
from srcad.backend.cuda.device_program import DeviceProgram
from srcad.backend.python.argument_checks import TypedParameter, argument_check, of_any_length
from srcad.backend.python.module_text import module_text
from srcad.backend.python.name_clashes import rename_clashes, with_distinct_names
from srcad.canonicalize.insertions import first_insertion
from srcad.compiler.call_compilation import prepare_called
from srcad.compiler.called_functions import BetterInlined, NeedsTape
from srcad.compiler.inactive_function import ACTIVE, InactiveFunctions, inactive_functions
from srcad.compiler.manager import Order, is_verifying, run, settings
from srcad.compiler.module_docstring import ModuleDocstring, fixed_values, summary_of
from srcad.compiler.nested_derivative import NestedDerivatives
from srcad.compiler.passes import COMPILED, DEPENDENCES, DEVICE, INLINED, KERNEL, OFFLOADED, READABLE, THREADED
from srcad.compiler.sweep_pairs import SweepPair
from srcad.compiler.unit import Asked, Unit
from srcad.compiler.verification import verifier
from srcad.errors import InternalError, SrcadError, during, fail
from srcad.frontend.lowering.lower import Lowered
from srcad.frontend.source.read import Source, read
from srcad.frontend.values.abstract_values import Abstract
from srcad.ir.calls import callees, recursive
from srcad.ir.nodes import Function, Recovery, Span
from srcad.ir.types import Array, Scalar, Type
from srcad.optimize.inlining import inline_calls
from srcad.request import Request
from srcad.reverse.adjoint.tape_calls import NotTaped
from srcad.reverse.storage.tape_report import TapeEntry, docstring_lines, tape_of_called
from srcad.reverse.storage.tape_sizes import TapeSizes, tape_sizes

_CALLED = {
    "primal": "Compiled form of",
    "adjoint": "Adjoint of",
    "jacobian": "Jacobian of",
    "jvp": "Value and tangent of",
    "vjp": "Forward and reverse sweep of",
    "tangent": "Tangent of",
}
_SUFFIX = {"primal": "", "adjoint": "_adjoint", "jacobian": "_jacobian", "vjp": "_vjp"}


@dataclass(frozen=True, eq=False)
class Generated:
    """One generated function: its text, and what a call needs to know besides."""

    name: str
    function: Function
    lowered: Lowered
    header: ModuleDocstring
    defaults: tuple[str, ...]
    """Of its last parameters, as text."""
    beside: tuple[Function, ...]
    """The functions that it calls, each after those that it calls itself."""
    written: frozenset[str]
    """Flat parameters whose memory the primal writes to."""
    kept: tuple[TapeEntry, ...]
    """What the forward sweep saves for the reverse sweep, that of functions that it calls included."""
    steps: tuple[StepInput, ...]
    """What is differentiated with respect to, and enters through comparisons and the like alone."""
    roles: tuple[ParameterRole, ...]
    """Whether a gradient passes from each parameter of the primal, and if not, why."""
    active: frozenset[str]
    """The names of the primal through which a derivative passes."""
    called: tuple[tuple[Function, frozenset[str]], ...]
    """The functions of the source that the primal calls, in normal form, each with its active names."""
    _asked: Asked
    _verify: bool
    pair: SweepPair | None = None
    """Where the sweeps are two functions, the two; then `function` is the forward one."""

    @property
    def source(self) -> Source:
        """Where the primal was read."""
        assert self._asked.source is not None
        return self._asked.source

    @property
    def result(self) -> Abstract:
        """What the primal returns."""
        return self.lowered.result

    @property
    def _functions(self) -> tuple[Function, ...]:
        """The functions that the text is of: one, or the two of a pair."""
        return (self.function,) if self.pair is None else (self.function, self.pair.reverse)

    @cached_property
    def printed(self) -> tuple[Function, ...]:
        """The functions as they are called in the text, this one last; of a pair the two."""
        own = self._functions
        return tuple(with_distinct_names((*self.beside, *own), len(own)))

    @property
    def kept_by_recursion(self) -> tuple[TapeEntry, ...]:
        """What the levels of a recursion keep: how much that is in all is known to no one before the call."""
        return tape_of_called(self.printed[: len(self.beside)])

    @property
    def adjoints(self) -> dict[str, str]:
        """The names of adjoints in all functions, each with the variable whose adjoint it is."""
        return {name: of for f in map(rename_clashes, self.printed) for name, of in f.adjoints.items()}

    @property
    def recoveries(self) -> tuple[Recovery, ...]:
        """How the reverse sweeps come by what they read, of all functions."""
        found = (one for f in (*self._functions, *self.beside) for one in f.recoveries)
        return tuple(dict.fromkeys(found))  # a line that reads an element twice has it twice

    @property
    def inserted(self) -> Span | None:
        """Where a block of the user's is put into the reverse sweep: then it may differ from the derivative."""
        return first_insertion(self.lowered.function)

    @property
    def takes(self) -> list[TypedParameter]:
        """Its parameters and the types it was made for: those of the primal, buffers, the adjoint of the result."""
        primal, params, types = self.lowered.function, self.function.params, self.function.types
        names = {given.name: p.name for p, given in zip(params, primal.params, strict=False)}
        found = [TypedParameter(name, primal.types[given]) for given, name in names.items()]
        like = iter([name for name in self.header.wrt if isinstance(primal.types[name], Array)])
        for more in params[len(found) :]:
            buffer = isinstance(types[more.name], Array)
            found.append(TypedParameter(more.name, types[more.name], names[next(like)] if buffer else None))
        return found

    @property
    def reverse_takes(self) -> list[TypedParameter]:
        """The parameters of the reverse function of a pair, as `takes`."""
        assert self.pair is not None
        reverse, primal = self.pair.reverse, self.lowered.function
        known = dict(zip((self.function.params[at].name for at in self.pair.reads), self.pair.reads, strict=True))
        types = {name: primal.types[primal.params[at].name] for name, at in known.items()}
        found = [TypedParameter(p.name, types.get(p.name) or reverse.types[p.name]) for p in reverse.params]
        return [one if one.name in types else of_any_length(one) for one in found]

    def text(self, asks: bool = False, **choices: Any) -> str:
        """What a person reads. Where it `asks`, the function refuses arguments of types it was not made for.

        Of a function that Python computes a part of, it is the function that is given what that has computed.
        """
        return self._module(False, asks, **choices)

    @property
    def entry(self) -> str:
        """The name of the function that a file is for: with the part that Python computes, if there is one."""
        return self.function.name if self.source.python is None else self.function.name.removesuffix(ACTIVE)

    def whole_text(self) -> str:
        """What a person reads, with the part that Python computes."""
        part = self.inactive(imports=False)
        if part is None:
            return self.text()
        return self.text(more_imports=part.imports_with_helpers(), after=part.text)

    def inactive(self, imports: bool) -> InactiveFunctions | None:
        """The functions for the part that Python computes, if there is one.

        Where it `imports`, S363 is raised for what a file cannot have.
        """
        if self.source.python is None:
            return None
        arguments, takes = self._asked.arguments, [one.name for one in self.takes]
        made_of = (self.source.python, self.lowered, arguments, takes, self.defaults)
        return inactive_functions(self.function.name, *made_of, imports)

    def text_of(self, reverse: bool) -> str:
        """What a person reads of one of the functions of a pair, and of those that it calls."""
        own = self._functions[reverse]
        called = _with_theirs({*callees(own)}, self.beside)
        beside = [one for one in self.beside if one.name in called]
        return module_text(own, f"{self.header.what}: {own.name}, generated by srcad.", beside=beside)

    def sizes(self) -> TapeSizes:
        """How big what is kept is, as a function of the same parameters."""
        primal = self.lowered.function
        # the parameters of the primal come first, under the names of the text
        named = {own.name: p.name for own, p in zip(primal.params, self.function.params, strict=False)}
        types = {new: primal.types[old] for old, new in named.items()}
        with during("sizes"):
            f = inline_calls(self.function, self._inlined)
            kernel = self._asked.request.kernel
            # the elements of arrays are on the device
            written = set(types) if kernel else {named[name] for name in self.written}
            return tape_sizes(f, self.kept, types, written, every_branch=kernel)

    @property
    def _inlined(self) -> dict[str, Function]:
        """The functions whose calls are inlined in what is compiled."""
        called = recursive(self.beside)
        return {one.name: one for one in self.beside if one.name not in called}

    @cached_property
    def compiled(self) -> Function:
        """The function that `target="cpu"` compiles: the same values, spelled for the machine."""
        return self._for_machine(self.function)

    @cached_property
    def compiled_functions(self) -> tuple[Function, ...]:
        """It, or the two of a pair."""
        return (self.compiled, *map(self._for_machine, self._functions[1:]))

    @cached_property
    def compiled_beside(self) -> tuple[Function, ...]:
        """The functions that it calls: those that call themselves, and those whose calls may not be evaluated."""
        called = {name for f in self.compiled_functions for name in callees(f)}
        made: list[Function] = []
        for one in reversed(self.beside):
            if one.name in called:
                made.insert(0, self._for_machine(one))
                called |= {*callees(made[0])}
        return tuple(made)

    @property
    def layouts(self) -> dict[str, tuple[str, ...]]:
        """Of the functions beside it in what is compiled, the layouts of arrays and the dtypes of numbers they take."""
        own = self.compiled_functions
        named = with_distinct_names((*self.compiled_beside, *own), len(own))
        return {f.name: tuple(_layout(f.types[p.name]) for p in f.params) for f in named[: -len(own)]}

    @cached_property
    def device_program(self) -> DeviceProgram:
        """The function as kernels and a host function; S527 for what neither can do."""
        from srcad.optimize.offload.offload import offload  # no call on the host needs it

        if self.beside and recursive(self.beside):
            what = "a call of a function that calls itself is not possible on the device"
            fail("S527", what, self.function.span, None, "write it as a loop; or run it on the host.")
        return offload(self._for_machine(self.function, OFFLOADED), self._asked.request.options.deterministic)

    def program_text(self) -> str:
        """The text of the program for the device."""
        from srcad.backend.cuda.program_text import program_text  # no call on the host needs it

        return program_text(self.device_program, self.header.text(list(map(of_any_length, self.takes))), self.defaults)

    def _for_machine(self, f: Function, order: Order | None = None) -> Function:
        inlined = self._inlined
        with settings(verify=self._verify), remembered_analyses():
            if not inlined.keys().isdisjoint(callees(f)):
                f = run(INLINED, Unit(self._asked, inline_calls(f, inlined)), verifier).function
            return run(order or self._machine_order, Unit(self._asked, f), verifier).function

    @property
    def _machine_order(self) -> Order:
        options = self._asked.request.options
        if self._asked.request.kernel:
            return KERNEL
        return DEVICE if options.target == "cuda" else THREADED if options.parallel else COMPILED

    def machine_text(self, asks: bool = False, **choices: Any) -> str:
        """The text that is compiled."""
        choices = {"special_from": "srcad.backend.numba.special_functions", **choices}
        return self._module(True, asks, formats=False, compiles=True, **choices)

    def code(self) -> str:
        """The function of what a person reads, without its docstring."""
        return module_text(self._functions, "", self.defaults, beside=self.beside)

    def machine_code(self) -> str:
        """The function that is compiled, without its docstring."""
        own, beside = self.compiled_functions, self.compiled_beside
        return module_text(own, "", self.defaults, formats=False, compiles=True, beside=beside)

    def dependence_code(self) -> str:
        """In forward mode, the function whose last parameter is added to each array that tangents are written into."""
        with settings(verify=self._verify), remembered_analyses():
            unit, beside = _made(replace(self._asked, calls=False), DEPENDENCES)
        if beside:
            why = "Which inputs its outputs depend on is found by inlining what is called."
            what = f"{beside[0].name} calls itself, and the sparsity of a Jacobian is asked for"
            fail("S115", what, beside[0].span, why, "write it as a loop; or use srcad.jacobian, srcad.hessian.")
        return module_text(unit.function, "")

    def _module(self, compiled: bool, asks: bool, **choices: Any) -> str:
        takes = self.takes if asks else list(map(of_any_length, self.takes))
        asked = [argument_check(self.function.name, takes)] if asks else []
        if asks and self.pair is not None:
            asked.append(argument_check(self.pair.reverse.name, self.reverse_takes))
        own, beside = (self.compiled_functions, self.compiled_beside) if compiled else (self._functions, self.beside)
        return module_text(own, self.header.text(takes), self.defaults, asked=asked, beside=beside, **choices)


@remembered_analyses()
def generate(
    function: Callable[..., Any],
    arguments: Dictionary[str, Abstract],
    wrt: tuple[str, ...],
    request: Request,
    fixed: bool = False,
    zero_d: frozenset[str] = frozenset(),
    free_sums: frozenset[str] = frozenset(),
    source: Source | None = None,
    shapes: Dictionary[str, tuple[int, ...]] = MappingProxyType({}),
    integers: Dictionary[str, int] = MappingProxyType({}),
    apart: bool = False,
    elements: Dictionary[str, np.ndarray] = MappingProxyType({}),
) -> Generated:
    """Run the compiler. `wrt` are the flat parameters to differentiate with respect to; `zero_d` are 0-d arrays.

    `free_sums` are statements of the function, as text, that add to a sum whose order does not matter.

    Where `fixed`, integers and bools that the function reads from outside are constants of the text. `source` is what
    is read in place of the function's own source. `shapes` and `integers` are those of the call that it is generated
    for. Where `apart`, loops over arrays may be unrolled for these shapes, and `elements` of arrays be known.
    """
    source = source or read(function)
    of_call = Asked(source, arguments, wrt, request, fixed, zero_d, free_sums, shapes=shapes, integers=integers)
    asked = replace(of_call, apart=apart, elements=elements)
    mode = "grad" if request.mode == "value_and_grad" else request.mode
    if request.kernel:
        asked = replace(asked, calls=False)
    if mode == "vjp":  # a tape would be popped by the first call of a pullback
        asked = replace(asked, taped=None)
    verify = is_verifying() or request.options.debug
    with settings(verify=verify):
        unit, beside = _made(asked, READABLE[mode])
    called = () if unit.called is None else unit.called.normal_forms()
    made, lowered, pair = unit.function, unit.lowered, unit.pair
    assert lowered is not None
    header = ModuleDocstring(
        f"{_CALLED.get(mode, 'Gradient of')} {source.name}",
        f"{os.path.basename(source.file)}:{source.tree.lineno}",
        summary_of(source.tree),
        fixed_values(_read_by_rest(source, arguments), lowered.guards),
        () if mode == "primal" else wrt,
        tuple(docstring_lines((*unit.tape, *tape_of_called(beside)))),
        () if source.python is None else tuple(one.said for one in source.python.values),
    )
    name = made.name if request.is_forward else source.name + _SUFFIX.get(mode, "_grad")
    if source.python is not None:
        made = replace(made, name=f"{made.name}{ACTIVE}")
        pair = None if pair is None else replace(pair, forward=made)
    facts = (beside, unit.written, unit.tape, unit.steps, unit.roles, unit.active, called)
    return Generated(name, made, lowered, header, _defaults(made), *facts, asked, verify, pair)


def _read_by_rest(source: Source, arguments: Dictionary[str, Abstract]) -> Dictionary[str, Abstract]:
    """The arguments of which the text knows more than the type: not those that only Python reads."""
    if source.python is None:
        return arguments
    read_names = {
        n.id for n in gast.walk(source.python.rest) if isinstance(n, gast.Name) and isinstance(n.ctx, gast.Load)
    }
    return {name: one for name, one in arguments.items() if name in read_names}


def _made(asked: Asked, order: Order) -> tuple[Unit, tuple[Function, ...]]:
    """The function, and those that it calls. Calls are inlined where they have to be, or where that is better."""
    assert asked.source is not None
    differentiate = NestedDerivatives(asked.request.options)
    while True:
        start = Unit(asked, Function(asked.source.name, (), (), (), {}), differentiate=differentiate)
        try:
            unit = _readable(order, replace(start, prepare_called=prepare_called))
            if unit.called is None:
                return unit, ()
            if unit.pair is not None:
                *beside, made, reverse = unit.called.beside(unit.function, unit.pair.reverse)
                pair = replace(unit.pair, forward=made, reverse=reverse)
                return replace(unit, function=made, pair=pair), tuple(beside)
            *beside, made = unit.called.beside(unit.function)
            return replace(unit, function=made), tuple(beside)
        except BetterInlined as found:
            asked = replace(asked, inlined=asked.inlined | {found.tree})
        except NeedsTape as found:
            assert asked.taped is not None
            asked = replace(asked, taped=asked.taped | found.trees)
        except NotTaped:
            asked = replace(asked, taped=None)
        except SrcadError as error:
            if not asked.calls or isinstance(error, InternalError):
                raise
            asked = replace(asked, calls=False)


def _readable(order: Order, start: Unit) -> Unit:
    """What the order makes of a unit: where it is refused with loops over tables, with these loops unrolled."""
    lowered = run(order[:1], start, verifier)
    try:
        return run(order[1:], lowered, verifier)
    except SrcadError:
        if lowered.lowered is None or not lowered.lowered.has_tables:
            raise
    return run(order, replace(start, asked=replace(start.asked, tables=False)), verifier)


def _with_theirs(called: set[str], functions: Sequence[Function]) -> set[str]:
    """The names of functions and of those that they call; each stands after those that it calls."""
    for one in reversed(functions):
        called = called | {*callees(one)} if one.name in called else called
    return called


def _layout(taken: Type) -> str:
    return taken.layout if isinstance(taken, Array) else str(getattr(taken, "dtype", ""))


def _defaults(made: Function) -> tuple[str, ...]:
    """Of the cotangent of the result, which the caller may give."""
    if not made.params or not made.params[-1].seed:
        return ()
    known = made.types[made.params[-1].name]
    assert isinstance(known, Scalar)
    return ("1.0" if known.dtype == "float64" else f"np.{known.dtype}(1.0)",)
