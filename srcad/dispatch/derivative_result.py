"""The conversion of what a generated function returns to the result of the derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from srcad.compiler.generate import Generated
from srcad.dispatch.argument_types import AbstractArguments
from srcad.dispatch.leaf_conversion import gradient_conversion, jacobian_conversion
from srcad.dispatch.pytree import flatten, is_leaf, unflatten
from srcad.dispatch.result_structure import Rebuild, result_builder
from srcad.dispatch.signature import Argument, Parameters
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Seq, map_structure
from srcad.frontend.values.abstract_values import leaves as output_leaves
from srcad.ir.types import Array, Scalar, is_float
from srcad.request import Request


def derivative_result(
    generated: Generated,
    arguments: AbstractArguments,
    leaves: list[Any],
    values: Sequence[Any],
    parameters: Parameters,
    request: Request,
) -> Callable[[Any], Any]:
    """The conversion of the return value of the generated function to that of the derivative."""
    count = len(generated.lowered.function.results)
    rebuild = result_builder(generated.result)
    if request.mode == "primal":
        if count == 0:
            return lambda flat: rebuild(())
        return (lambda flat: rebuild((flat,))) if count == 1 else rebuild
    if request.is_forward:
        return _with_tangents(generated.result, count, request)
    if request.mode == "adjoint":
        return _scalar_gradients(arguments, leaves, [parameters.argument(name, values) for name in request.wrt])
    outputs = list(output_leaves(generated.result))
    many = request.mode == "jacobian" and isinstance(outputs[0].type, Array)
    back = jacobian_conversion if many else gradient_conversion
    gradients = gradient_builder(arguments, leaves, values, parameters, request, back)
    if request.mode == "jacobian":
        return _jacobian_rows(gradients, result_builder(generated.result, lambda _: None), len(outputs))
    value_count = count if request.keep_value else 0
    total = value_count + sum(leaf.differentiated for leaf in arguments.leaves)

    def finish(flat: Any) -> Any:
        if total == 1:
            flat = (flat,)
        gradient = gradients(flat[value_count:])
        if not value_count:
            return gradient
        value = rebuild(flat[:value_count])
        if request.mode == "grad":
            return gradient, value[1]
        return value, gradient

    return finish


def _with_tangents(result: Abstract, count: int, request: Request) -> Callable[[Any], Any]:
    """The outputs, and their tangents in the same structure: None in the place of what is no float."""
    has_aux = request.has_aux
    moving = result.items[0] if has_aux and isinstance(result, Seq) else result
    rebuild, of_tangents = result_builder(result), result_builder(_floats_alone(moving))
    count = count if request.mode == "jvp" else 0
    total = count + sum(is_float(leaf.type) for leaf in output_leaves(moving))

    def finish(flat: Any) -> Any:
        flat = (flat,) if total == 1 else () if total == 0 else flat
        if request.mode == "tangent":
            return of_tangents(flat)
        value, tangent = rebuild(flat[:count]), of_tangents(flat[count:])
        return (value[0], tangent, value[1]) if has_aux else (value, tangent)

    return finish


def _floats_alone(value: Abstract) -> Abstract:
    """The structure with None in the place of what is no float."""
    if isinstance(value, Leaf):
        return value if is_float(value.type) else Constant(None)
    return Constant(None) if isinstance(value, Constant) else map_structure(value, _floats_alone)


def _jacobian_rows(gradients: Callable[[Any], Any], rebuild: Rebuild, count: int) -> Callable[[Any], Any]:
    """The structure of outputs with the gradient of each; the flat values are ordered by output."""

    def finish(flat: Any) -> Any:
        flat = flat if isinstance(flat, tuple) else (flat,)
        each = len(flat) // count
        return rebuild([gradients(flat[at * each : (at + 1) * each]) for at in range(count)])

    return finish


def _scalar_gradients(
    arguments: AbstractArguments, leaves: list[Any], chosen: Sequence[Argument]
) -> Callable[[Any], Any]:
    """In procedure style only the gradients of scalars are returned: None, one, or a tuple."""
    active = [leaf for one in chosen for leaf in arguments.leaves if leaf.position in one.positions]
    scalars = [leaf for leaf in active if isinstance(leaf.type, Scalar)]
    converts = [gradient_conversion(leaves[leaf.position]) for leaf in scalars]
    if not converts:
        return lambda flat: None
    if len(converts) == 1:
        return lambda flat: converts[0](flat)
    return lambda flat: tuple(convert(one) for convert, one in zip(converts, flat, strict=True))


def gradient_builder(
    arguments: AbstractArguments,
    leaves: list[Any],
    values: Sequence[Any],
    parameters: Parameters,
    request: Request,
    back: Callable[[Any], Callable[[Any], Any]],
) -> Callable[[Sequence[Any]], Any]:
    converts = {leaf.position: back(leaves[leaf.position]) for leaf in arguments.leaves if leaf.differentiated}
    chosen = [parameters.argument(name, values) for name in request.wrt]
    if request.single and is_leaf(chosen[0].value):
        (only,) = converts.values()
        return lambda flat: only(flat[0])
    if not request.single and all(is_leaf(one.value) for one in chosen):
        each = [converts[position] for one in chosen for position in one.positions if position in converts]
        if len(each) == len(chosen):
            return lambda flat: tuple([change(one) for change, one in zip(each, flat, strict=True)])
    # flat gradients are in the order of `wrt`, leaf by leaf
    order = [(flatten(one.value)[1], [converts.get(position) for position in one.positions]) for one in chosen]

    def build(flat: Sequence[Any]) -> Any:
        gradients = iter(flat)
        rebuilt = []
        for spec, changes in order:
            rebuilt.append(unflatten(spec, [None if change is None else change(next(gradients)) for change in changes]))
        return rebuilt[0] if request.single else tuple(rebuilt)

    return build
