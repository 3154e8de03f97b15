"""Random draws whose parameters are differentiated, as draws of the standard distribution and ordinary code.

`rng.normal(mu, s, 3)` becomes `mu + s * rng.standard_normal(size=3)`, whose draw nothing differentiated reaches: Python
makes it before the call, from the same stream as NumPy, and the rest is differentiated.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import CellType
from typing import Any, NoReturn

import gast
import numpy as np

from srcad.dispatch.function_effects import FunctionEffects
from srcad.dispatch.inactive_effects import Effects
from srcad.dispatch.outside_state import NUMBERS
from srcad.errors import fail
from srcad.frontend.source.read import Source, span
from srcad.frontend.syntax.activity import Activity, bases
from srcad.frontend.syntax.distributions import BY_CHOLESKY, DISCRETE, DISTRIBUTIONS, Distribution
from srcad.frontend.syntax.static_ranks import StaticRanks
from srcad.frontend.syntax.tree_copies import copied
from srcad.ir.names import unused_name

_REDUCTIONS = (np.sum, np.mean, np.prod, np.max, np.min, np.std, np.var, np.median, np.linalg.norm)
"""Functions that make one number of an array."""
_OUTSIDE = "draw the numbers outside, and pass them in."
_NAMED = "give the parameters names in statements before."


def reparametrised(source: Source, values: Mapping[str, Any], wrt: Sequence[str]) -> Source:
    """The function with standard draws in place of those whose parameters depend on what is differentiated.

    `values` are the arguments of the call by name. Raises S203 for draws that do not change smoothly with their
    parameters, or of which the shape is not known before the call.
    """
    effects = FunctionEffects(source, values)
    calls = [node for node in gast.walk(source.tree) if effects.is_named_draw(node)]
    if not calls:
        return source
    activity = Activity(
        source.tree,
        wrt,
        lambda call: effects.is_named_draw(call) or effects.is_pure(call),
        lambda node: effects.is_named_draw(node) or effects.is_fresh(node),
        effects.has_state,
        effects.is_container,
    )
    active = [call for call in calls if any(map(activity.is_active, _arguments(call)))]
    return _Rewriting(source, values, effects, activity).rewritten(active) if active else source


def _arguments(call: Any) -> list[Any]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


class _Rewriting:
    def __init__(self, source: Source, values: Mapping[str, Any], effects: Effects, activity: Activity) -> None:
        self._source, self._effects, self._activity = source, effects, activity
        self._values = values
        stored = [node for node in gast.walk(source.tree) if isinstance(node, gast.Subscript | gast.Attribute)]
        changed = {name for node in stored if not isinstance(node.ctx, gast.Load) for name in bases(node)}
        self._changed = {other for name in changed for other in activity.sharing(name)}
        self._ranks = StaticRanks(source.tree, self._given_rank, self._kind_of_call)
        names = {node.id for node in gast.walk(source.tree) if isinstance(node, gast.Name)}
        outside = {name for name, value in source.globals.items() if value is np and name not in activity.local}
        self._numpy = min(outside - source.closure.keys(), default=None) or unused_name("np", names | set(values))
        """What NumPy is called in the function."""

    def rewritten(self, calls: Sequence[Any]) -> Source:
        tree, origins = copied(self._source.tree)
        whole = {key: node for key, node in origins.items() if any(node is call for call in calls)}
        _Replaced(self, whole).visit(tree)
        closure: dict[str, Any] = dict(self._source.closure)
        if self._numpy not in self._source.globals:
            closure[self._numpy] = CellType(np)
        return replace(self._source, tree=tree, closure=closure)

    # ---- one draw ----------------------------------------------------------------------------------

    def replaced(self, call: Any) -> tuple[Any, list[Any]]:
        """What stands for a draw, and the statements before it that check its parameters."""
        distribution = self._distribution(call)
        given, options, size = self._parameters(call, distribution)
        if any(not self._is_simple(one) for one in given.values()):
            self._fail(call, "A call in its parameters may do more than compute.", _NAMED)
        for name in distribution.fixed:
            if self._activity.is_active(given[name]):
                self._fail(call, f"It has one by the others, but none is known by its {name}.", _OUTSIDE)
        defaults = {name: _parsed(text).value for name, text in distribution.parameters.items() if text is not None}
        nodes = {**defaults, **given, "np": gast.Name(self._numpy, gast.Load(), None, None)}
        drawn = _filled(f"draw({distribution.arguments})", {**nodes, "draw": call.func})
        drawn.func = gast.copy_location(gast.Attribute(call.func.value, distribution.standard, gast.Load()), call.func)
        if distribution.arguments:
            drawn.keywords += options
        spelled = self._spelled_size(call, distribution, given, size)
        drawn.keywords += _parsed(f"draw({spelled})").value.keywords
        nodes["draw"] = _locate(drawn, call)
        value = _locate(_filled(distribution.value, nodes), call, shorter=1)
        check = self._check(call, distribution, given, nodes)
        return value, [] if check is None else [_locate(check, call, shorter=2)]

    def _distribution(self, call: Any) -> Distribution:
        distribution = DISTRIBUTIONS.get(call.func.attr)
        if distribution is None:
            self._refuse(call)
        if call.func.attr == "multivariate_normal":
            given, options, _ = self._parameters(call, distribution)
            if self._activity.is_active(given["cov"]):
                match options:
                    case [gast.keyword(arg="method", value=gast.Constant(value="cholesky"))]:
                        return BY_CHOLESKY
                self._fail(
                    call,
                    "By its covariance it has one where that is taken apart by Cholesky's method alone.",
                    'say method="cholesky", and nothing else by keyword.',
                )
        return distribution

    def _parameters(self, call: Any, distribution: Distribution) -> tuple[dict[str, Any], list[Any], Any]:
        """The parameters that are given, the options, and the size."""
        names = [*distribution.parameters, "size"]
        options = [keyword for keyword in call.keywords if keyword.arg in distribution.options]
        keywords = [keyword for keyword in call.keywords if keyword.arg not in distribution.options]
        given = dict(zip(names, call.args, strict=False)) | {keyword.arg: keyword.value for keyword in keywords}
        needed = {name for name, text in distribution.parameters.items() if text is None}
        starred = any(isinstance(arg, gast.Starred) for arg in call.args)
        if starred or len(call.args) > len(names) or not needed <= given.keys() <= set(names):
            self._fail(call, "Its arguments are not written one by one.", _NAMED)
        size = given.pop("size", None)
        return given, options, None if isinstance(size, gast.Constant) and size.value is None else size

    def _is_simple(self, node: Any) -> bool:
        """Whether an expression may be written twice."""
        kinds = (gast.Name, gast.Constant, gast.BinOp, gast.UnaryOp, gast.Subscript, gast.Attribute, gast.Slice)
        kinds += (gast.Tuple, gast.List, gast.operator, gast.unaryop, gast.expr_context)  # type: ignore[assignment]
        return all(
            isinstance(one, kinds)
            or (isinstance(one, gast.Call) and self._effects.is_pure(one) and not self._effects.is_named_draw(one))
            for one in gast.walk(node)
        )

    def _check(self, call: Any, distribution: Distribution, given: Mapping[str, Any], nodes: Mapping[str, Any]) -> Any:
        """The statement that raises what NumPy raises of the parameters; None where it never does."""
        asked = {node.id for node in gast.walk(gast.parse(distribution.raises)) if isinstance(node, gast.Name)}
        is_legacy = self._effects.generator_class(call.func.value) is np.random.RandomState
        if asked.isdisjoint(given) or (distribution.is_modern and is_legacy):
            return None
        match [given[name] for name in asked & given.keys()]:
            case [gast.Constant(value=int() | float() as number)] if number > 0:
                return None
            case [gast.Call(func=gast.Name(id="abs") | gast.Attribute(attr="exp" | "abs" | "sqrt"))] if (
                "<=" not in distribution.raises
            ):
                return None
        condition = distribution.raises
        if any(self._ranks.rank(given[name]) != 0 for name in asked & given.keys()):
            condition = f"np.any({condition})"
        made = _parsed(f"if holds:\n    raise ValueError({distribution.raises!r})")
        made.test = _filled(condition, nodes)
        return made

    # ---- shapes ------------------------------------------------------------------------------------

    def _spelled_size(self, call: Any, distribution: Distribution, given: Mapping[str, Any], size: Any) -> str:
        if distribution is BY_CHOLESKY:
            return f"size={self._vector_size(call, given['mean'], size)}"
        if distribution.is_of_vectors:
            return "" if size is None else f"size={gast.unparse(size).strip()}"
        if size is not None:
            return f"size={gast.unparse(size).strip()}"
        ranks = {name: self._ranks.rank(node) for name, node in given.items()}
        if None in ranks.values():
            self._no_shape(call)
        shapes = [self._shape(node) for name, node in given.items() if ranks[name]]
        if None in shapes:
            self._no_shape(call)
        distinct = [shape for shape in dict.fromkeys(shapes) if shape is not None]
        if len(distinct) > 1:
            return f"size={self._numpy}.broadcast_shapes({', '.join(distinct)})"
        return f"size={distinct[0]}" if distinct else ""

    def _vector_size(self, call: Any, mean: Any, size: Any) -> str:
        """The shape of draws that are vectors of the length of their mean."""
        shape = self._shape(mean)
        match size:
            case _ if shape is None:
                self._no_shape(call)
            case None:
                return shape
            case gast.Constant(value=int()):
                return f"({size.value}, *{shape})"
            case gast.Tuple():
                return f"(*{gast.unparse(size).strip()}, *{shape})"
        self._fail(call, "How many vectors it draws is not written as a number.", "write the number.")

    def _shape(self, node: Any) -> str | None:
        """The shape of an array, as an expression of what is known before the call."""
        if not self._activity.is_active(node):
            return f"{self._numpy}.shape({gast.unparse(node).strip()})"
        match node:
            case gast.Name(id=name) if self._activity.keeps_shape(node):
                return f"{name}.shape"
            case gast.Name(id=name):
                value = self._ranks.only_value(name)
                return None if value is None else self._shape(value)
            case gast.UnaryOp(operand=operand):
                return self._shape(operand)
            case gast.BinOp(left=left, op=gast.MatMult(), right=right) if self._ranks.rank(right) == 1:
                rows = self._shape(left)
                return None if rows is None else f"{rows}[:-1]"
            case gast.BinOp(op=op) if not isinstance(op, gast.MatMult):
                return self._joined([node.left, node.right])
            case gast.Call(args=args) if self._kind_of_call(node) == "elementwise":
                return self._joined(args)
            case gast.Subscript(value=value, slice=index) if self._ranks.rank(index) == 0:
                whole = self._shape(value)
                return None if whole is None else f"{whole}[1:]"
        return None

    def _joined(self, nodes: Sequence[Any]) -> str | None:
        shapes = [self._shape(node) for node in nodes if self._ranks.rank(node)]
        if None in shapes:
            return None
        distinct = [shape for shape in dict.fromkeys(shapes) if shape is not None]
        return distinct[0] if len(distinct) == 1 else f"{self._numpy}.broadcast_shapes({', '.join(distinct)})"

    def _value(self, node: Any) -> Any:
        """The value of an argument, or of a part of one, which is not changed."""
        match node:
            case gast.Name(id=name) if self._activity.keeps_shape(node):
                return self._values.get(name)
            case gast.Subscript(value=value, slice=gast.Constant(value=key)):
                whole = self._value(value)
                of_structure = isinstance(whole, dict | list | tuple) and self._changed.isdisjoint(bases(node))
                with suppress(LookupError, TypeError):
                    return whole[key] if of_structure else None
            case gast.Attribute(value=value, attr=name):
                whole = self._value(value)
                return (
                    vars(whole).get(name)
                    if hasattr(whole, "__dict__") and self._changed.isdisjoint(bases(node))
                    else None
                )
        return None

    def _given_rank(self, node: Any) -> int | None:
        value = self._value(node)
        if isinstance(value, np.ndarray):
            return value.ndim
        return 0 if isinstance(value, NUMBERS) else None

    def _kind_of_call(self, call: Any) -> str | None:
        if self._effects.is_named_draw(call):
            distribution = DISTRIBUTIONS.get(call.func.attr)
            named = [keyword.arg for keyword in call.keywords]
            has_size = distribution is None or len(call.args) > len(distribution.parameters) or "size" in named
            return None if has_size else "elementwise"
        function = self._effects.outside(call.func)
        is_plain = isinstance(function, np.ufunc) or function is np.array or function is np.asarray
        if (is_plain and not call.keywords) or function is abs:
            return "elementwise"
        if any(function is one for one in _REDUCTIONS) and len(call.args) == 1 and not call.keywords:
            return "scalar"
        module = str(getattr(function, "__module__", ""))
        return "scalar" if module == "math" or function in (float, int, len) else None

    # ---- refusals ----------------------------------------------------------------------------------

    def _refuse(self, call: Any) -> NoReturn:
        if call.func.attr in DISCRETE:
            self._fail(
                call,
                "Its values jump where they depend on its parameters: the draw has no derivative by them.",
                "draw with parameters that are not differentiated; or weight what is drawn by its probability.",
            )
        self._fail(
            call,
            "Its values are no known function of its parameters and of a draw that does not depend on them.",
            f"use one of {', '.join(DISTRIBUTIONS)}; or draw outside.",
        )

    def _no_shape(self, call: Any) -> NoReturn:
        self._fail(call, "How many numbers it draws is known only when its parameters are.", "give it size=.")

    def _fail(self, call: Any, why: str, advice: str) -> NoReturn:
        name = f"{gast.unparse(call.func).strip()} with parameters that are differentiated"
        fail("S203", f"no derivative rule for {name}", span(self._source, call), why, advice)


class _Replaced(gast.NodeTransformer):  # type: ignore[misc]
    """Puts what stands for draws in their places, and the checks before their statements."""

    def __init__(self, rewriting: _Rewriting, calls: Mapping[int, Any]) -> None:
        self._rewriting, self._calls = rewriting, calls
        self._checks: list[Any] = []

    def visit(self, node: Any) -> Any:
        if isinstance(node, gast.stmt):
            outer, self._checks = self._checks, []
            made = super().visit(node)
            checks, self._checks = self._checks, outer
            return [*checks, made] if checks else made
        if isinstance(node, gast.Call):
            call = self._calls.get(id(node))
            if call is not None:
                value, checks = self._rewriting.replaced(call)
                self._checks += checks
                return value
        return super().visit(node)


def _parsed(text: str) -> Any:
    """The statement of a text, without places in a file."""
    made = gast.parse(text).body[0]
    for node in gast.walk(made):
        for name in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            node.__dict__.pop(name, None)
    return made


def _filled(template: str, nodes: Mapping[str, Any]) -> Any:
    """The expression of a template, whose names stand for other expressions."""

    class Filled(gast.NodeTransformer):  # type: ignore[misc]
        def visit_Name(self, node: Any) -> Any:
            return copy.deepcopy(nodes[node.id])

    return Filled().visit(_parsed(template).value)


def _locate(made: Any, call: Any, shorter: int = 0) -> Any:
    """Give the nodes that are new the place of the call: all of it, or all but its last characters."""
    for node in gast.walk(made):
        if isinstance(node, gast.expr | gast.stmt) and not hasattr(node, "lineno"):
            gast.copy_location(node, call)
            node.end_col_offset -= shorter
    return made
