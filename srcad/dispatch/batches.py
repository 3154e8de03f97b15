"""A function of one sample as a function of many: a loop over samples, compiled, whose parts run on threads.

The text is written for the structure of the arguments, and compiled as a function of the user's would be. Samples do
not depend on each other, so that Python's threads share them out, and no analysis is asked: compiled code leaves the
interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from srcad.backend.cuda.device_arrays import is_device_array, new_like, on_host, stand_in
from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import imported
from srcad.backend.numba.compilation import number_of_threads
from srcad.dispatch.device_calls import has_device_arrays
from srcad.dispatch.leaf_conversion import leaf_type_key
from srcad.dispatch.pytree import flatten, is_leaf, places_of, unflatten, with_copied_arrays
from srcad.errors import SrcadError, fail, not_left_to_python
from srcad.ir.names import unused_name

if TYPE_CHECKING:
    from srcad.dispatch.specialisation import Specialisation

Axes = Any
"""Of an argument: the axis of the samples, None where all have the same, or these for its parts."""
_PARTS = 4
"""Of the samples, for each thread: where some samples take longer, the threads finish at about the same time."""


@dataclass(frozen=True)
class _Results:
    """What one sample gives: the structure, and the dtype and the shape of each leaf."""

    spec: Any
    leaves: tuple[tuple[np.dtype[Any], tuple[int, ...]], ...]

    @property
    def key(self) -> tuple[object, ...]:
        """What the text depends on."""
        return (self.spec, *((dtype, len(shape)) for dtype, shape in self.leaves))

    @property
    def shapes(self) -> str:
        return ", ".join(str(shape) for _, shape in self.leaves)


@dataclass(repr=False)
class Batched:
    """What `df.batched` gives: called with stacks of samples, it returns stacks of results, along a new first axis.

    What a result looks like, the first sample says when arguments of these shapes are met first.
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
    _known: dict[object, _Results] = field(default_factory=dict)

    def __call__(self, *args: Any) -> Any:
        """The results of all samples. Raises S360 where the samples, or their results, do not fit."""
        axes = self._axes(args)
        count = _number_of_samples(args, axes, self.names)
        given, structure = flatten(args)
        key = (structure, *((_type_key(leaf), np.shape(leaf)) for leaf in given))
        known = self._known.get(key)
        results = known or self._of_first_sample(args, axes)
        stacks = _stacks(results, count, given)
        loop = self._loop(args, axes, results)
        try:
            one: Specialisation = loop.specialisation(*args, *_all(given, count), *stacks)
        except SrcadError as error:
            reason = "the loop over samples has no part for it: call the derivative of each sample"
            raise not_left_to_python(error, reason if getattr(self.first, "has_python_part", False) else None) from None
        shared = {at for at, axis in enumerate(_axis_of_each_leaf(args, axes)) if axis is None}
        if has_device_arrays(given):  # a kernel, in which each thread has samples of its own
            loop(*args, *stacks)
            odd = None
        else:
            odd = _run(one, given, stacks, count, in_order=not shared.isdisjoint(one.writes))
        if not one.writes & set(range(len(given))):
            self._known[key] = results
        if odd is None:
            return unflatten(results.spec, stacks)
        self._known.pop(key, None)
        if known is not None:  # another number in the arguments may have changed the shape of all
            return self(*args)
        why = f"The first is {results.shapes}, that of number {odd} is not."
        fail("S360", "the results of the samples differ in shape", why=why, advice="pad them to the longest.")

    def source_for(self, *args: Any) -> str:
        """The text of the loop for these arguments."""
        axes = self._axes(args)
        count = _number_of_samples(args, axes, self.names)
        results = self._of_first_sample(args, axes)
        given = flatten(args)[0]
        more = (*_all(given, count), *_stacks(results, count, given))
        text: str = self._loop(args, axes, results).source_for(*args, *more)
        return text

    def _of_first_sample(self, args: Sequence[Any], axes: Sequence[Axes]) -> _Results:
        """What the result for the first sample looks like. It is computed from copies: the function may write."""
        leaves, spec = flatten(self.first(*map(_sample, args, axes)))
        return _Results(spec, tuple((np.asarray(leaf).dtype, np.shape(leaf)) for leaf in leaves))

    def _loop(self, args: Sequence[Any], axes: Sequence[Axes], results: _Results) -> Any:
        """The compiled loop, made once for each structure of arguments and results."""
        given, structure = flatten(args)
        key = (structure, results.key, *map(_type_key, given))
        if key not in self._loops:
            self._loops[key] = self.compile(self._function(args, axes, results))
        return self._loops[key]

    def _axes(self, args: Sequence[Any]) -> tuple[Axes, ...]:
        if not isinstance(self.in_axes, tuple):
            return (self.in_axes,) * len(args)
        if len(self.in_axes) != len(args):
            fail("S360", f"in_axes is for {len(self.in_axes)} arguments, and {len(args)} are given")
        return self.in_axes

    def _function(self, args: Sequence[Any], axes: Sequence[Axes], results: _Results) -> Callable[..., Any]:
        """A function that writes the results of the samples from `first` to before `last`.

        It returns the number of the first sample whose result has another shape, or -1. On a device it writes those of
        all samples, and no loop ends early: whether a result fits is asked by the assignment.
        """
        on_device = has_device_arrays(args)
        takes = self.names[: len(args)]
        taken = set(takes)
        numbered = (f"results_{k}" for k in range(len(results.leaves)))
        one, i, result, first, last, *into = (
            unused_name(name, taken) for name in ("one", "i", "result", "first", "last", *numbered)
        )
        items = [_item(name, arg, axis, i) for name, arg, axis in zip(takes, args, axes, strict=True)]
        part, within, known = [first, last], f"{first}, {last}", []
        if on_device:  # all are equal; that the index is below each of them is seen from the minimum
            lengths = (_lengths(arg, axis, name) for name, arg, axis in zip(takes, args, axes, strict=True))
            every = [place for found in lengths for place, _ in found] + [f"{name}.shape[0]" for name in into]
            part, within, known = [], last, [f"    {last} = min({', '.join(every)})"]
        lines = ["import numpy as np", "", "", f"def {self.name}_batched({', '.join([*takes, *part, *into])}):"]
        lines += [*known, f"    for {i} in range({within}):", f"        {result} = {one}({', '.join(items)})"]
        places = places_of(results.spec, result)
        for name, place, (_, shape) in zip(into, places, results.leaves, strict=True):
            for axis in range(0 if on_device else len(shape)):
                lines += [f"        if {place}.shape[{axis}] != {name}.shape[{axis + 1}]:", f"            return {i}"]
            lines.append(f"        {name}[{i}] = {place}")
        path = cache_files.store("batched", "\n".join([*lines, "    return -1", ""]), keep=False)
        module = imported(path, f"made_by_srcad.{path.stem}")
        setattr(module, one, self.function)
        made: Callable[..., Any] = getattr(module, f"{self.name}_batched")
        return made


def _all(given: Sequence[Any], count: int) -> tuple[int, ...]:
    """The range of all samples; on a device the loop finds it."""
    return () if has_device_arrays(given) else (0, count)


def _type_key(leaf: Any) -> object:
    return (True, leaf_type_key(stand_in(leaf))) if is_device_array(leaf) else leaf_type_key(leaf)


def _stacks(results: _Results, count: int, given: Sequence[Any]) -> list[Any]:
    """New arrays for the results of all samples, where those that are given are."""
    like = next(filter(is_device_array, given), None)
    shapes = [((count, *shape), dtype) for dtype, shape in results.leaves]
    return [np.empty(*one) if like is None else new_like(like, *one) for one in shapes]


def _run(one: Specialisation, given: list[Any], stacks: list[Any], count: int, in_order: bool) -> int | None:
    """Let the loop write the results into the stacks; the number of the first sample whose result does not fit."""

    def part(first: int) -> int:
        found: int = one.run([*given, first, min(first + size, count), *stacks])
        return found

    threads = 1 if in_order or not one.is_compiled else min(number_of_threads(), count)
    size = count if threads < 2 else -(-count // (_PARTS * threads))
    if threads < 2:
        found = [part(0)]
    else:
        with ThreadPoolExecutor(threads, "srcad_samples") as pool:  # an error is that of the first sample with one
            found = list(pool.map(part, range(0, count, size)))
    return next((number for number in found if number >= 0), None)


def _number_of_samples(args: Sequence[Any], axes: Sequence[Axes], names: Sequence[str]) -> int:
    """How many samples there are. S360 where their numbers differ, or nothing has any."""
    each = (_lengths(arg, axis, name) for arg, axis, name in zip(args, axes, names, strict=False))
    lengths = dict(found for one in each for found in one)
    if not lengths:
        advice = "say by in_axes which axis they are along: df.batched(in_axes=(None, 0))."
        fail("S360", "no argument has samples", advice=advice)
    if len(set(lengths.values())) > 1:
        fail("S360", "the numbers of samples differ: " + ", ".join(f"{place} is {n}" for place, n in lengths.items()))
    return next(iter(lengths.values()))


def _axis_of_each_leaf(args: Sequence[Any], axes: Sequence[Axes]) -> list[int | None]:
    """Along which axis the samples are in each leaf of the arguments."""

    def of(value: Any, axes: Axes) -> list[int | None]:
        if is_leaf(value):
            return [axes]
        if axes is None:
            return [None] * len(flatten(value)[0])
        return [found for _, part, own in _parts(value, axes) for found in of(part, own)]

    return [found for arg, own in zip(args, axes, strict=True) for found in of(arg, own)]


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
    """A copy of the first sample; of none, zeros."""
    if axes is None:
        whole, spec = flatten(value)
        if any(map(is_device_array, whole)):
            return unflatten(spec, [on_host(leaf) if is_device_array(leaf) else leaf for leaf in whole])
        return with_copied_arrays(value)
    if is_leaf(value):
        axis = _checked(value, axes)
        array: Any = on_host(value) if is_device_array(value) else np.asarray(value)
        if not array.shape[axis]:
            return np.zeros(array.shape[:axis] + array.shape[axis + 1 :], array.dtype)[()]
        return np.take(array, 0, axis)[()]
    parts = [(key, _sample(part, own)) for key, part, own in _parts(value, axes)]
    return dict(parts) if isinstance(value, dict) else type(value)(part for _, part in parts)
