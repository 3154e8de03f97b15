"""Names of what is saved, and of what is recovered.

>>> builder = Builder()
>>> item = Assign("%item.0", Op("index", (Var("x.1"), Var("i.0"))))
>>> builder.types |= {"h.2": Scalar("float64"), "%item.0": Scalar("float64"), "%greater.0": Scalar("bool")}
>>> [saved_as(builder, name, node) for name, node in (("h.2", None), ("%item.0", item), ("%greater.0", None))]
[('h', '_saved'), ('x', '_saved'), ('took_if', '')]
>>> recovered_name(builder, "h.2", None, False), recovered_name(builder, "%item.0", item, False)
('h', '%x_i')
"""

from __future__ import annotations

from srcad.canonicalize.array_expansion import SAVED
from srcad.ir.names import base, is_temporary, stem
from srcad.ir.nodes import Assign, Const, Expr, Op, Var
from srcad.ir.types import Scalar
from srcad.typing.builder import Builder


def recovered_name(builder: Builder, name: str, node: object, recomputed: bool) -> str:
    """The name of a recovered value; of an element that its array no longer holds, one made of array and index."""
    match node:
        case Assign(_, Op("index", (Var(array), *items))) if is_temporary(name) and not recomputed:
            words = [str(item.value) if isinstance(item, Const) else _index_text(item) for item in items]
            if all(words):
                return f"%{stem(builder.variable(array))}_{''.join(words)}"
    return base(name)


def _index_text(e: Expr) -> str:
    """A short index as a part of a name."""
    found = base(e.name) if isinstance(e, Var) else ""
    return found if len(found) == 1 else ""


def saved_as(builder: Builder, name: str, node: object = None) -> tuple[str, str]:
    """The variable that a saved value is named after, and the ending of the name: a condition without a name is named
    by its role, an element by its array."""
    known = builder.types[name]
    match node:
        case Assign(_, Op("index", (Var(array), *_))) if is_temporary(name):
            name = array
    if is_temporary(name) and isinstance(known, Scalar) and known.dtype == "bool":
        return "took_if", ""
    return stem(builder.variable(name)), SAVED
