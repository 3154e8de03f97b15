"""A function of one sample as a function of many: a loop over samples, compiled, on threads.

The text is written for the structure of the arguments, and compiled as a function of the user's would be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from srcad.backend.cuda.device_arrays import is_device_array, on_host, stand_in
from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import imported
from srcad.dispatch.leaf_conversion import leaf_type_key
from srcad.dispatch.pytree import flatten, is_leaf, places_of, unflatten
from srcad.errors import fail
from srcad.ir.names import unused_name

Axes = Any
"""Of an argument: the axis of the samples, None where all have the same, or these for its parts."""


@dataclass(repr=False)
class Batched:
    """What `df.batched` gives: called with stacks of samples, it returns stacks of results, along a new first axis.

    The first sample is computed twice: it says what the results look like.
    """

    function: Callable[..., Any]
    name: str
    names: tuple[str, ...]
    """Those of its arguments."""
    in_axes: Axes
    compile: Callable[[Callable[..., Any]], Any]
    first: Callable[..., Any]
    """The function, of one sample that is on the host."""
    _loops: dict[object, Any] = field(default_factory=dict)

    def __call__(self, *args: Any) -> Any:
        """The results of all samples. Raises S360 where the samples do not fit."""
        loop, given, spec = self._loop(args)
        found = loop(*given)
        return unflatten(spec, found if spec.num_leaves > 1 else [found])

    def source_for(self, *args: Any) -> str:
        """The text of the loop for these arguments."""
        loop, given, _ = self._loop(args)
        text: str = loop.source_for(*given)
        return text

    def _loop(self, args: Sequence[Any]) -> tuple[Any, tuple[Any, ...], Any]:
        """The compiled loop, made once for each structure of arguments and results; its arguments; the structure."""
        axes = self._axes(args)
        _check_lengths(args, axes, self.names)
        leaves, spec = flatten(self.first(*map(_sample, args, axes)))
        given, structure = flatten(args)
        given = [stand_in(leaf) if is_device_array(leaf) else leaf for leaf in given]
        results = tuple((np.asarray(leaf).dtype.name, np.ndim(leaf)) for leaf in leaves)
        key = (structure, spec, results, tuple(map(leaf_type_key, given)))
        if key not in self._loops:
            self._loops[key] = self.compile(self._function(args, axes, spec, results))
        return self._loops[key], (*args, tuple(map(np.shape, leaves))), spec

    def _axes(self, args: Sequence[Any]) -> tuple[Axes, ...]:
        if not isinstance(self.in_axes, tuple):
            return (self.in_axes,) * len(args)
        if len(self.in_axes) != len(args):
            fail("S360", f"in_axes is for {len(self.in_axes)} arguments, and {len(args)} are given")
        return self.in_axes

    def _function(
        self, args: Sequence[Any], axes: Sequence[Axes], spec: Any, results: Sequence[tuple[str, int]]
    ) -> Callable[..., Any]:
        takes = self.names[: len(args)]
        taken = set(takes)
        one, i, result, count, shapes, *into = (
            unused_name(name, taken)
            for name in ("one", "i", "result", "count", "shapes", *(f"result_{k}" for k in range(len(results))))
        )
        lines = ["import numpy as np", "", "", f"def {self.name}_batched({', '.join([*takes, shapes])}):"]
        lengths = [
            one for name, arg, axis in zip(takes, args, axes, strict=True) for one, _ in _lengths(arg, axis, name)
        ]
        # all are equal; that the index is below each of them is seen from the minimum
        lines.append(f"    {count} = " + (lengths[0] if len(lengths) == 1 else f"min({', '.join(lengths)})"))
        for k, (name, (dtype, axes_of)) in enumerate(zip(into, results, strict=True)):
            shape = "".join(f", {shapes}[{k}][{axis}]" for axis in range(axes_of))
            lines.append(f"    {name} = np.empty(({count}{shape},), np.{dtype})")
        items = [_item(name, arg, axis, i) for name, arg, axis in zip(takes, args, axes, strict=True)]
        lines += [f"    for {i} in range({count}):", f"        {result} = {one}({', '.join(items)})"]
        lines += [f"        {name}[{i}] = {place}" for name, place in zip(into, places_of(spec, result), strict=True)]
        path = cache_files.store("batched", "\n".join([*lines, f"    return {', '.join(into)}", ""]), keep=False)
        module = imported(path, f"made_by_srcad.{path.stem}")
        setattr(module, one, self.function)
        made: Callable[..., Any] = getattr(module, f"{self.name}_batched")
        return made


def _check_lengths(args: Sequence[Any], axes: Sequence[Axes], names: Sequence[str]) -> None:
    """S360 where the numbers of samples differ, or nothing has any."""
    each = (_lengths(arg, axis, name) for arg, axis, name in zip(args, axes, names, strict=False))
    lengths = dict(found for one in each for found in one)
    if not lengths:
        advice = "say by in_axes which axis they are along: df.batched(in_axes=(None, 0))."
        fail("S360", "no argument has samples", advice=advice)
    if len(set(lengths.values())) > 1:
        fail("S360", "the numbers of samples differ: " + ", ".join(f"{place} is {n}" for place, n in lengths.items()))


def _parts(value: Any, axes: Axes) -> list[tuple[Any, Any, Axes]]:
    """Of a dict, list or tuple: (key, part, its axes)."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if isinstance(axes, dict | list | tuple):
        known = list(axes) if isinstance(axes, dict) else list(range(len(axes)))
        if set(known) != set(keys):
            fail("S360", f"in_axes has the parts {known}, the argument {keys}")
        return [(key, value[key], axes[key]) for key in keys]
    return [(key, value[key], axes) for key in keys]


def _item(expr: str, value: Any, axes: Axes, number: str) -> str:
    """The sample of this number, as an expression.

    >>> _item("p", {"w": np.ones((3, 2)), "b": np.ones(3)}, {"w": 1, "b": None}, "i")
    "{'w': p['w'][:, i], 'b': p['b']}"
    """
    if axes is None:
        return expr
    if is_leaf(value):
        return f"{expr}[{':, ' * _checked(value, axes)}{number}]"
    if type(value) not in (dict, list, tuple):
        fail("S360", f"samples are parts of a {type(value).__name__}", advice="use dicts, lists and tuples of arrays.")
    parts = [(key, _item(f"{expr}[{key!r}]", part, own, number)) for key, part, own in _parts(value, axes)]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {part}" for key, part in parts) + "}"
    inside = ", ".join(part for _, part in parts)
    return f"[{inside}]" if isinstance(value, list) else f"({inside},)"


def _checked(leaf: Any, axis: Axes) -> int:
    rank = np.ndim(leaf)
    if not isinstance(axis, int) or isinstance(axis, bool) or not -rank <= axis < rank:
        fail("S360", f"the axis {axis!r} of samples, where an argument has {rank} axes")
    return axis % rank


def _lengths(value: Any, axes: Axes, place: str) -> list[tuple[str, int]]:
    """The number of samples in each array, with an expression for it."""
    if axes is None:
        return []
    if is_leaf(value):
        axis = _checked(value, axes)
        return [(f"{place}.shape[{axis}]", np.shape(value)[axis])]
    return [found for key, part, own in _parts(value, axes) for found in _lengths(part, own, f"{place}[{key!r}]")]


def _sample(value: Any, axes: Axes) -> Any:
    """The first sample; of none, zeros."""
    if axes is None:
        whole, spec = flatten(value)
        return unflatten(spec, [on_host(leaf) if is_device_array(leaf) else leaf for leaf in whole])
    if is_leaf(value):
        axis = _checked(value, axes)
        array: Any = on_host(value) if is_device_array(value) else np.asarray(value)
        if not array.shape[axis]:
            return np.zeros(array.shape[:axis] + array.shape[axis + 1 :], array.dtype)[()]
        return np.take(array, 0, axis)[()]
    parts = [(key, _sample(part, own)) for key, part, own in _parts(value, axes)]
    return dict(parts) if isinstance(value, dict) else type(value)(part for _, part in parts)
