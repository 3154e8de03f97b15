"""From a function and the types of one call to the generated text: every step in order, on one screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from typing import Any

from srcad.analysis.cache import remembered_analyses
from srcad.analysis.memory.alias_conflicts import copies_for_views, refuse_alias_conflicts
from srcad.analysis.memory.modified_parameters import written_parameters
from srcad.analysis.memory.zero_dim_conflicts import refuse_zero_dim_conflicts
from srcad.analysis.values.step_functions import StepInput, step_inputs
from srcad.backend.python.argument_checks import TypedParameter, argument_check, of_any_length
from srcad.backend.python.module_text import module_text
from srcad.canonicalize.check_hoisting import hoist_checks
from srcad.canonicalize.index_checks import insert_index_checks, remove_index_checks
from srcad.canonicalize.join_view_indices import join_view_indices
from srcad.canonicalize.prune import prune
from srcad.canonicalize.unreachable_code import remove_unreachable_code
from srcad.cleanup.driver import clean_up
from srcad.compiler.module_docstring import ModuleDocstring, fixed_values
from srcad.errors import during, fail
from srcad.frontend.lowering.lower import Lowered, lower
from srcad.frontend.source.read import read, span
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Mapping, Record, Seq, leaves
from srcad.frontend.values.zero_dim_arrays import asks_about_zero_d
from srcad.ir.nodes import Expr, Function, Span, Var
from srcad.ir.types import FLOATS, Array, Scalar, is_float
from srcad.optimize.driver import optimize
from srcad.request import Request
from srcad.reverse.driver import adjoint, gradient, jacobian
from srcad.reverse.nested_derivative import nested_derivative
from srcad.reverse.storage.tape_report import TapeEntry, docstring_lines
from srcad.reverse.storage.tape_sizes import TapeSizes, tape_sizes
from srcad.typing.builder import Builder


@dataclass(frozen=True, eq=False)
class Generated:
    """One generated function: its text, and what a call needs to know besides."""

    name: str
    function: Function
    lowered: Lowered
    result: Abstract
    header: ModuleDocstring
    defaults: tuple[str, ...]
    """Of its last parameters, as text."""
    written: frozenset[str]
    """Flat parameters whose memory the primal writes to."""
    kept: tuple[TapeEntry, ...] = ()
    """What is kept from the forward sweep for the reverse sweep."""
    steps: tuple[StepInput, ...] = ()
    """What is differentiated with respect to, and enters through comparisons and the like alone."""

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

    def text(self, asks: bool = False, **choices: Any) -> str:
        """What a person reads. Where it `asks`, the function refuses arguments of types it was not made for."""
        return self._module(self.function, asks, **choices)

    def sizes(self) -> TapeSizes:
        """How big what is kept is, as a function of the same parameters."""
        primal = self.lowered.function
        # the parameters of the primal come first, under the names of the text
        named = {own.name: p.name for own, p in zip(primal.params, self.function.params, strict=False)}
        types = {new: primal.types[old] for old, new in named.items()}
        with during("sizes"):
            return tape_sizes(self.function, self.kept, types, {named[name] for name in self.written})

    def machine_text(self, asks: bool = False) -> str:
        """The text that `target="cpu"` compiles: the same numbers, spelled for the machine."""
        with during("tune"):
            made = optimize(self.function)
        return self._module(made, asks, formats=False)

    def code(self) -> str:
        """The function of what a person reads, without its docstring."""
        return module_text(self.function, "", self.defaults)

    def machine_code(self) -> str:
        """The function that is compiled, without its docstring."""
        with during("tune"):
            made = optimize(self.function)
        return module_text(made, "", self.defaults, formats=False)

    def _module(self, function: Function, asks: bool, **choices: Any) -> str:
        takes = self.takes if asks else list(map(of_any_length, self.takes))
        asked = argument_check(function.name, takes) if asks else ""
        return module_text(function, self.header.text(takes), self.defaults, asked=asked, **choices)


@remembered_analyses()
def generate(
    function: Callable[..., Any],
    arguments: Dictionary[str, Abstract],
    wrt: tuple[str, ...],
    request: Request,
    fixed: bool = False,
    zero_d: frozenset[str] = frozenset(),
) -> Generated:
    """Run the compiler. `wrt` are the flat parameters to differentiate with respect to; `zero_d` are 0-d arrays.

    Where `fixed`, integers and bools that the function reads from outside are constants of the text.
    """
    source = read(function)
    with during("lower"):
        lowered = lower(source, arguments, fixed=fixed, differentiate=nested_derivative)
    with during("zero_d"):
        captured = {name for one in lowered.captures for name in one.zero_d}
        if asks_about_zero_d(lowered.function, lowered.zero_d, zero_d | captured):
            marked = lower(source, arguments, fixed=fixed, differentiate=nested_derivative, zero_d=True).function
            seen = zero_d.union(p.name for p in marked.params if isinstance(marked.types[p.name], Array))
            lasting = captured | seen if request.mode in ("primal", "adjoint") else captured
            refuse_zero_dim_conflicts(marked, zero_d | captured, lasting)

    def head(what: str, keeps: Sequence[str] = ()) -> ModuleDocstring:
        place = f"{os.path.basename(source.file)}:{source.tree.lineno}"
        return ModuleDocstring(
            f"{what} {source.name}", place, fixed_values(arguments, lowered.guards), wrt, tuple(keeps)
        )

    with during("prune"):
        # a question keeps what it is about: what only the answered ones needed goes once they are
        with_questions = hoist_checks(prune(lowered.function))
        primal = prune(
            remove_unreachable_code(
                (insert_index_checks if request.options.boundscheck else remove_index_checks)(with_questions)
            )
        )
        written = written_parameters(primal)
    if request.mode == "primal":
        with during("clashes"):
            joined = join_view_indices(primal, Builder.resume(primal))
            refuse_alias_conflicts(joined, written, copies_for_views(joined))
        with during("finish"):
            made = clean_up(primal)
        header = head("Compiled form of")
        return Generated(source.name, made, lowered, lowered.result, header, (), written)
    with during("steps"):
        zeros = step_inputs(primal, wrt, _differentiated(primal, wrt, written, request))
    if request.mode == "adjoint":
        with during("adjoint"):
            found = adjoint(primal, wrt, checkpoint=request.options.checkpoint)
        seed: tuple[str, ...] = ("1.0",) if found.function.params[-1].seed else ()
        header = head("Adjoint of", docstring_lines(found.kept))
        name = f"{source.name}_adjoint"
        return Generated(name, found.function, lowered, lowered.result, header, seed, written, found.kept, zeros)
    if request.mode == "jacobian":
        _check_outputs(lowered.result, span(source, source.tree))
        with during("jacobian"):
            found = jacobian(primal, wrt, checkpoint=request.options.checkpoint)
        header = head("Jacobian of", docstring_lines(found.kept))
        name = f"{source.name}_jacobian"
        return Generated(name, found.function, lowered, lowered.result, header, (), written, found.kept, zeros)
    dtype = _output_dtype(lowered.result, span(source, source.tree), request.has_aux)
    with during("gradient"):
        found = gradient(primal, wrt, keep_value=request.keep_value, checkpoint=request.options.checkpoint)
    header = head("Gradient of", docstring_lines(found.kept))
    seed = ("1.0" if dtype == "float64" else f"np.{dtype}(1.0)",)
    name = f"{source.name}_grad"
    return Generated(name, found.function, lowered, lowered.result, header, seed, written, found.kept, zeros)


def _differentiated(
    primal: Function, wrt: tuple[str, ...], written: frozenset[str], request: Request
) -> Dictionary[str, Expr]:
    """The outputs that have a derivative of their own in what is asked for."""
    if request.mode == "jacobian":
        names = [f"output {at} of {primal.name}" for at in range(len(primal.results))]
        return dict(zip(names if len(names) != 1 else [primal.name], primal.results, strict=True))
    if request.mode == "adjoint":
        arrays = {f"what {primal.name} leaves in {name}": Var(name) for name in wrt if name in written}
        first = [r for r in primal.results[:1] if isinstance(r, Var) and is_float(primal.types[r.name])]
        return dict(zip([primal.name], first, strict=False)) | arrays
    return dict(zip([primal.name], primal.results, strict=False))


def _output_dtype(result: Abstract, where: Span, has_aux: bool) -> str:
    """The dtype of what is differentiated. A gradient is of one real number: anything else is an error."""
    if has_aux:
        if not (isinstance(result, Seq) and len(result.items) == 2):
            fail("S201", "with has_aux, the function returns a pair: the value and the rest", where)
        result = result.items[0]
    if result == Constant(None):
        fail("S201", "the function returns nothing", where, None, "return the number to differentiate.")
    if not isinstance(result, Leaf):
        advice = "return one number; use has_aux=True where it returns (value, more), or srcad.jacobian for all of it."
        fail("S201", "the output is not one number but a structure", where, None, advice)
    if not isinstance(result.type, Scalar):
        advice = "sum it, differentiate one entry, or use srcad.jacobian for all of them."
        fail("S201", f"the output is an array of {len(result.type.dims)} axes, not a number", where, None, advice)  # type: ignore[union-attr]
    return _float(result, "the output", where)


def _float(output: Leaf, name: str, where: Span) -> str:
    """The dtype of an output that may be differentiated."""
    assert isinstance(output.type, Scalar | Array)
    if output.type.dtype not in FLOATS:
        why = "A derivative of whole numbers is zero or undefined."
        fail("S202", f"{name} is {output.type.dtype}, not a float", where, why)
    return output.type.dtype


def _check_outputs(result: Abstract, where: Span) -> None:
    """A Jacobian is of numbers, or of one array; anything else is an error."""
    outputs = list(leaves(result))
    if not outputs or _holds_more(result):
        advice = "return numbers, or one array, and nothing else."
        fail("S209", "the output is not made of numbers", where, None, advice)
    for at, output in enumerate(outputs):
        _float(output, "the output" if len(outputs) == 1 else f"output {at}", where)
    if len(outputs) > 1 and any(isinstance(output.type, Array) for output in outputs):
        why = "Numbers are differentiated side by side, the entries of an array one after another."
        advice = "join what you return into one array, or ask for a Jacobian of each."
        fail("S209", "the output has an array and more beside it", where, why, advice)


def _holds_more(value: Abstract) -> bool:
    """Whether there is anything but numbers and arrays in it: a string, None, a function."""
    match value:
        case Leaf():
            return False
        case Seq(items):
            return any(map(_holds_more, items))
        case Mapping(pairs) | Record(_, pairs):
            return any(_holds_more(item) for _, item in pairs)
        case _:
            return True
