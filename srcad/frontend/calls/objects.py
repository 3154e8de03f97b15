"""Objects of users' classes: how they are made, and their attributes read and written.

An object is a reference to its attributes on the heap, as a list is one to its items: two names for one object see the
same attributes. Methods are functions that are inlined with the object as their first argument.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's class
>>> class Spring:
...     def __init__(self, k):
...         self.k = k
...     def energy(self, x):
...         return 0.5 * self.k * x ** 2
>>> def f(x):
...     spring = Spring(x)
...     same = spring
...     same.k *= 3.0
...     return spring.energy(2.0)
>>> print(text(normal_form(f, 1.0)))
f(x: float64):
    spring_k.0 = x * 3.0
    %product.1 = 0.5 * spring_k.0
    %product.2 = %product.1 * 4.0
    return %product.2
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any, NoReturn

from srcad.frontend.values.abstract_values import (
    UNBOUND,
    Abstract,
    Constant,
    HeapObject,
    HeapRef,
    Leaf,
    Method,
    Partial,
    Record,
    Super,
)
from srcad.frontend.values.constants import to_abstract
from srcad.frontend.values.context import Context, Frame
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.definitions import rely_on_class
from srcad.frontend.values.inner_classes import is_inner_class
from srcad.frontend.values.raise_points import python_fails
from srcad.frontend.values.user_classes import (
    class_attribute,
    has_dict,
    is_user_class,
    is_written,
    owner_of,
    slots,
    special_method,
)
from srcad.frontend.values.variable_naming import adopt
from srcad.ir.types import Array
from srcad.rules.expansions.index_tricks import put_all

# ---- attributes that are read --------------------------------------------------------------------------------------


def object_attribute(ctx: Context, value: HeapRef | Record, name: str) -> Abstract:
    """`value.name`: a property, an attribute of the object itself, or one of its class, in this order."""
    cls = value.cls
    assert cls is not None
    rely_on_class(ctx, cls)
    if is_written(class_attribute(cls, "__getattribute__")):
        ctx.fail("S122", f"{cls.__name__} has a __getattribute__ of its own")
    raw = class_attribute(cls, name)
    if isinstance(raw, property):
        return ctx.call(Constant(raw.fget), value)
    if _descriptor_method(raw, "__set__") is not None:
        return _got(ctx, raw, value, cls)
    found = _own_attribute(ctx, value, name)
    if found is not None:
        return ctx.optional(found)
    if _descriptor_method(raw, "__get__") is not None:
        return _got(ctx, raw, value, cls)
    match value, name:
        case _, "__class__":
            return Constant(cls)
        case HeapRef(id=ref), "__dict__":
            return HeapRef(ref, "dict")
        case Record(), "_replace" | "_asdict":
            return Method(value, name)
    return _class_attribute(ctx, value, cls, name, raw)


def _descriptor_method(raw: object, name: str) -> Any:
    """The method of a descriptor of a user's class; None where it has none with a text."""
    return special_method(type(raw), name) if is_user_class(type(raw)) else None


def _got(ctx: Context, raw: object, value: Abstract, cls: type) -> Abstract:
    """What a descriptor gives for an object."""
    method = _descriptor_method(raw, "__get__")
    if method is None:
        ctx.fail("S122", f"a descriptor of class {type(raw).__name__} without __get__")
    return ctx.call(Constant(method), Constant(raw), value, Constant(cls))


def super_attribute(ctx: Context, value: Super, name: str) -> Abstract:
    """`super().name`."""
    rely_on_class(ctx, value.cls)
    raw = class_attribute(value.cls, name, value.after)
    if name == "__init__" and not is_written(raw):
        return Method(value, name)
    if isinstance(raw, property):
        return ctx.call(Constant(raw.fget), value.receiver)
    return _class_attribute(ctx, value.receiver, value.cls, name, raw, value.after)


def has_attribute(ctx: Context, value: HeapRef | Record, name: str) -> bool:
    return _own_attribute(ctx, value, name) is not None or hasattr(value.cls, name)


def _own_attribute(ctx: Context, value: HeapRef | Record, name: str) -> Abstract | None:
    if isinstance(value, Record):
        return value.get(name)
    entries = ctx.heap[value.id].entries
    if _LOST in entries:
        ctx.check(entries[_LOST])
    return entries.get(name)


_LOST = ""
"""The one entry of an object of which no attribute is known: why."""


def _class_attribute(
    ctx: Context, receiver: Abstract, cls: type, name: str, raw: Any, after: type | None = None
) -> Abstract:
    if isinstance(raw, functools.cached_property):
        found = ctx.call(Constant(raw.func), receiver)
        if isinstance(receiver, HeapRef) and not ctx.heap[receiver.id].shared:
            _write(ctx, receiver, name, found)
            found = ctx.heap[receiver.id].entries[name]  # a temporary is renamed after the attribute
        return found
    if isinstance(raw, staticmethod):
        return to_abstract(ctx, raw.__func__)
    if isinstance(raw, classmethod):
        return Partial(Constant(raw.__func__), (Constant(cls),))
    if isinstance(raw, FunctionType | functools._lru_cache_wrapper) or hasattr(raw, "py_func"):
        return Partial(Constant(raw), (receiver,))
    owner = owner_of(cls, name, after)
    if owner is None or (name in slots(cls) and not isinstance(receiver, Record)):
        fallback = special_method(cls, "__getattr__")
        if fallback is not None:
            return ctx.call(Constant(fallback), receiver, Constant(name))
        python_fails(ctx, AttributeError, "S122", f"{describe_value(receiver)} has no attribute {name}")
    if hasattr(type(raw), "__get__") and not isinstance(receiver, Record):
        ctx.fail("S122", f"{name} of {cls.__name__} is a descriptor, a {type(raw).__name__}")
    return ctx.attribute(Constant(owner), name)


# ---- attributes that are written -----------------------------------------------------------------------------------


def set_attribute(ctx: Context, value: Abstract, name: str, new: Abstract) -> None:
    """`value.name = new`."""
    value = ctx.check(value)
    match value:
        case HeapRef(cls=type() as cls):
            rely_on_class(ctx, cls)
            raw = class_attribute(cls, name)
            if isinstance(raw, property):
                if raw.fset is None:
                    ctx.fail("S118", f"the property {name} of {cls.__name__} has no setter")
                ctx.call(Constant(raw.fset), value, new)
                return
            if (setter := _descriptor_method(raw, "__set__")) is not None:
                ctx.call(Constant(setter), Constant(raw), value, new)
                return
            _refuse_protocols(ctx, cls, name, raw)
            _prepare_change(ctx, value)
            _write(ctx, value, name, new)
        case Record(cls):
            ctx.fail("S118", f"{cls.__name__} is frozen: its {name} is assigned to", None, _NEW_OBJECT)
        case Constant(type() as cls) if is_inner_class(cls):
            advice = "keep it in a variable (nonlocal), or in an attribute of an object."
            ctx.fail("S118", f"{cls.__name__}.{name}, an attribute of a class, is assigned to", None, advice)
        case Constant(thing) if not isinstance(thing, str | None):
            shown = getattr(thing, "__name__", type(thing).__name__)
            ctx.fail(
                "S108",
                f"{shown}.{name}, which is outside the function, is assigned to",
                "A gradient that changed it would not be a function of its arguments.",
                "pass the object in as an argument; or bind a variable.",
            )
        case Leaf(type=Array()) if name == "flat":
            ctx.call(Constant(put_all), value, new)
        case _:
            ctx.fail("S118", f"assignment to the attribute {name} of {describe_value(value)}", None, _NEW_OBJECT)


_NEW_OBJECT = "make a new object: dataclasses.replace, or _replace."


def set_unchecked(ctx: Context, value: Abstract, name: str, new: Abstract) -> None:
    """`object.__setattr__(value, name, new)`, by which a frozen dataclass sets its fields."""
    if not isinstance(value, HeapRef) or value.cls is None:
        ctx.fail("S118", f"object.__setattr__ of {describe_value(value)}")
    _prepare_change(ctx, value)
    _write(ctx, value, name, new)


def delete_attribute(ctx: Context, value: Abstract, name: str) -> None:
    """`del value.name`."""
    if not isinstance(value, HeapRef) or value.cls is None:
        ctx.fail("S118", f"del of an attribute of {describe_value(value)}")
    _refuse_protocols(ctx, value.cls, name, class_attribute(value.cls, name))
    if _own_attribute(ctx, value, name) is None:
        python_fails(ctx, AttributeError, "S122", f"{describe_value(value)} has no attribute {name}")
    _prepare_change(ctx, value)
    cells = ctx.heap[value.id]
    ctx.heap[value.id] = cells.with_entries({key: item for key, item in cells.entries.items() if key != name})


def _refuse_protocols(ctx: Context, cls: type, name: str, raw: Any) -> None:
    for protocol in ("__setattr__", "__delattr__"):
        if is_written(class_attribute(cls, protocol)):
            ctx.fail("S118", f"{cls.__name__} has a {protocol} of its own")
    params = getattr(cls, "__dataclass_params__", None)
    if params is not None and params.frozen:
        ctx.fail("S118", f"{cls.__name__} is frozen: its {name} is assigned to", None, _NEW_OBJECT)
    if hasattr(type(raw), "__set__") and name not in slots(cls):
        ctx.fail("S118", f"{name} of {cls.__name__} is a descriptor, a {type(raw).__name__}")
    if not has_dict(cls) and name not in slots(cls):
        ctx.fail("S122", f"{cls.__name__} has no attribute {name}, and takes none but those in its __slots__")


def _prepare_change(ctx: Context, value: HeapRef) -> None:
    ctx.changes(value)
    _own_attribute(ctx, value, _LOST)
    if ctx.heap[value.id].shared:
        ctx.fail(
            "S125",
            f"this {describe_value(value)[2:]} comes from two paths, and is changed here",
            "Which of the two is meant is known only at run time.",
            "make a new object instead of changing this one.",
        )


def _write(ctx: Context, value: HeapRef, name: str, new: Abstract) -> None:
    if new is UNBOUND:
        ctx.check(new)
    if isinstance(new, Leaf) and not ctx.frame.library:
        new = adopt(ctx, new, _named(ctx, value, name))
        ctx.just_named.discard(getattr(new.atom, "name", "")) if isinstance(new, Leaf) else None
    cells = ctx.heap[value.id]
    ctx.heap[value.id] = cells.with_entries(cells.entries | {name: new})


def _named(ctx: Context, value: HeapRef, name: str) -> str:
    """What the attribute is called in the text: after the user's variable that the object is first found under."""
    frame: Frame | None = ctx.frame
    owner = ""
    while frame is not None:
        owner = next((own for own, other in frame.names.items() if other == value and own != "self"), owner)
        frame = frame.caller
    return f"{owner}_{name}".lstrip("_") if owner.isidentifier() else name.lstrip("_") or name


# ---- new objects ---------------------------------------------------------------------------------------------------


def new_object(ctx: Context, cls: type, args: Sequence[Abstract], keywords: Mapping[str, Abstract]) -> HeapRef:
    """`cls(*args, **keywords)` for a user's class whose instances may change."""
    for name in ("__new__", "__del__"):
        if is_written(class_attribute(cls, name)):
            _refuse_class(ctx, cls, f"It has a {name} of its own.")
    if is_written(class_attribute(type(cls), "__call__")):
        _refuse_class(ctx, cls, f"Its metaclass {type(cls).__name__} says how it is called.")
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
        ctx.fail("S127", f"TypeError: {cls.__name__} is abstract: it does not define {missing}")
    made = ctx.new_ref(HeapObject((), (), cls=cls))
    initialise(ctx, made, cls, None, args, keywords)
    return made


def _refuse_class(ctx: Context, cls: type, why: str) -> NoReturn:
    ctx.fail("S117", f"an object of class {cls.__name__}", why, "use a class with __init__ alone, or a dataclass.")


def initialise(
    ctx: Context,
    made: HeapRef,
    cls: type,
    after: type | None,
    args: Sequence[Abstract],
    keywords: Mapping[str, Abstract],
) -> None:
    """Call `__init__` of the class, or of the bases after one: a written one, that of a dataclass, or none."""
    rely_on_class(ctx, cls)
    raw = class_attribute(cls, "__init__", after)
    if is_written(raw):
        ctx.parts.call(ctx, Constant(raw), [made, *args], keywords)
    elif isinstance(raw, FunctionType):
        owner = owner_of(cls, "__init__", after)
        assert owner is not None
        _set_fields(ctx, made, owner, raw, args, keywords)
    elif args or keywords:
        ctx.fail("S124", f"{cls.__name__} takes no arguments")


def _set_fields(
    ctx: Context,
    made: HeapRef,
    owner: Any,
    init: FunctionType,
    args: Sequence[Abstract],
    keywords: Mapping[str, Abstract],
) -> None:
    """What the `__init__` of a dataclass does."""
    signature = inspect.signature(init)
    try:
        given = dict(signature.bind(made, *args, **keywords).arguments)
    except TypeError as error:
        ctx.fail("S124", f"{owner.__name__}: {error}")
    fields = {field.name: field for field in dataclasses.fields(owner)}
    for name, field in owner.__dataclass_fields__.items():
        if name in given:
            value = given[name]
        elif field.default_factory is not dataclasses.MISSING:
            value = ctx.call(Constant(field.default_factory))
        elif field.init and field.default is not dataclasses.MISSING:
            value = to_abstract(ctx, field.default)
        else:
            continue
        given[name] = value
        if name in fields:
            _write(ctx, made, name, value)
    if hasattr(owner, "__post_init__"):
        others = [given[name] for name in signature.parameters if name in given and name not in fields]
        assert made.cls is not None
        ctx.call(Constant(class_attribute(made.cls, "__post_init__")), made, *others[1:])
