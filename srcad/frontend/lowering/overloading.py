"""Operators of users' classes: the methods that Python calls for `a + b`, `a < b`, `a[i]`, `len(a)` and the like.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> from typing import NamedTuple
>>> __name__ = "__main__"  # a user's classes
>>> class Dual(NamedTuple):
...     re: float
...     eps: float
...     def __mul__(self, other):
...         return Dual(self.re * other.re, self.re * other.eps + self.eps * other.re)
>>> def f(x):
...     return (Dual(x, 1.0) * Dual(x, 1.0)).eps
>>> print(text(normal_form(f, 3.0)))
f(x: float64):
    %product.1 = x * 1.0
    %product.2 = 1.0 * x
    %sum.0 = %product.1 + %product.2
    return %sum.0
"""

from __future__ import annotations

from collections.abc import Sequence

from srcad.frontend.values.abstract_values import Abstract, Constant, GeneratorValue, HeapRef, Leaf, Record
from srcad.frontend.values.context import Context
from srcad.frontend.values.definitions import rely_on_class
from srcad.frontend.values.iterator_places import is_plain, remaining, use_up
from srcad.frontend.values.user_classes import is_object, special_method
from srcad.ir.types import Scalar

_NAMES = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow", "@": "matmul",
    "&": "and", "|": "or", "^": "xor", "<<": "lshift", ">>": "rshift",
}  # fmt: skip
_COMPARED = {
    "<": ("__lt__", "__gt__"), "<=": ("__le__", "__ge__"), ">": ("__gt__", "__lt__"), ">=": ("__ge__", "__le__"),
    "==": ("__eq__", "__eq__"), "!=": ("__ne__", "__ne__"),
}  # fmt: skip
_NOT_IMPLEMENTED = Constant(NotImplemented)


def class_with_methods(value: Abstract) -> type | None:
    """The user's class of a value; None where it has none."""
    match value:
        case HeapRef(cls=type() as cls) | Record(cls):
            return cls
        case Constant(thing) if is_object(thing):
            return type(thing)
    return None


def special(ctx: Context, value: Abstract, name: str, *args: Abstract) -> Abstract | None:
    """What the special method of a user's class returns; None where the class has none with a text."""
    cls = class_with_methods(value)
    if cls is not None:
        rely_on_class(ctx, cls)
    method = special_method(cls, name) if cls is not None else None
    return None if method is None else ctx.call(Constant(method), value, *args)


def overloaded(ctx: Context, prim: str, a: Abstract, b: Abstract) -> Abstract | None:
    """`a prim b` by the methods of users' classes; None where none of the two has one for it."""
    name = _NAMES[prim]
    return _first_implemented(ctx, a, b, f"__{name}__", f"__r{name}__", False)


def in_place(ctx: Context, prim: str, current: Abstract, value: Abstract) -> Abstract | None:
    """What `current prim= value` binds, by the method of a user's class; None where it has none for it."""
    found = special(ctx, current, f"__i{_NAMES[prim]}__", value)
    return None if found == _NOT_IMPLEMENTED else found


def compared_by_methods(ctx: Context, prim: str, a: Abstract, b: Abstract) -> Abstract | None:
    """A comparison by the methods of users' classes; `!=` is the opposite of `==` where there is no method for it."""
    found = _first_implemented(ctx, a, b, *_COMPARED[prim], True)
    if found is None and prim == "!=":
        equal = compared_by_methods(ctx, "==", a, b)
        if equal is not None:
            truth = ctx.truth(equal)
            return ctx.constant(not truth) if isinstance(truth, bool) else ctx.leaf(ctx.builder.op("not", truth))
    return found


def _first_implemented(
    ctx: Context, a: Abstract, b: Abstract, name: str, reflected: str, of_same: bool
) -> Abstract | None:
    """The method of the left operand, then the reflected one of the right; of one class that only if `of_same`."""
    first, second = class_with_methods(a), class_with_methods(b)
    attempts = [(a, name, b), (b, reflected, a)]
    if first is not None and second is not None and first is not second and issubclass(second, first):
        attempts.reverse()  # the subclass may know better
    elif first is second and not of_same:
        attempts.pop()
    if second is not None and _would_take_apart(a, second):
        kind = "a number or an array of NumPy"
        ctx.fail("S127", f"{kind} and a {second.__name__}", "NumPy would make an array of it.", _OBJECT_FIRST)
    for own, method, other in attempts:
        found = special(ctx, own, method, other)
        if found is not None and found != _NOT_IMPLEMENTED:
            return found
    return None


_OBJECT_FIRST = "write the object on the left; or use a number of Python: float(x)."


def _would_take_apart(value: Abstract, cls: type) -> bool:
    """Whether NumPy, which the left operand belongs to, makes an array of the items of the right one."""
    if not isinstance(value, Leaf) or (isinstance(value.type, Scalar) and value.type.weak is not False):
        return False
    is_sequence = any(special_method(cls, name) for name in ("__len__", "__getitem__", "__array__"))
    return getattr(cls, "__array_ufunc__", ...) is not None and (is_sequence or not isinstance(value.type, Scalar))


def iterated(ctx: Context, value: Abstract) -> Abstract:
    """What a loop goes over: of an object of a user's class what its `__iter__` gives, of `iter(xs)` what is left."""
    found = special(ctx, value, "__iter__")
    over = value if found is None else ctx.check(found)
    if isinstance(over, GeneratorValue) and is_plain(over):
        rest = remaining(ctx, over)
        use_up(ctx, over)
        return rest
    return over


def all_iterated(ctx: Context, values: Sequence[Abstract]) -> list[Abstract]:
    return [iterated(ctx, ctx.check(value)) for value in values]
