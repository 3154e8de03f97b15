"""Names of tape containers and of recovered values.

>>> item = Assign("%item.0", Op("index", (Var("x.1"), Var("i.0"))))
>>> tape_name("h.2", Scalar("float64")), tape_name("%item.0", Scalar("float64"), item)
('h_saved', 'x_saved')
>>> recovered_name("h.2", None, False), recovered_name("%item.0", item, False)
('h', '%x_i')
"""

from __future__ import annotations

from srcad.canonicalize.array_expansion import SAVED
from srcad.ir.nodes import Assign, Const, Expr, Op, Var
from srcad.ir.types import Scalar, Type


def recovered_name(name: str, node: object, recomputed: bool) -> str:
    """The name of a recovered value; of an element that its array no longer holds, one made of array and index."""
    base = name.rsplit(".", 1)[0]
    match node:
        case Assign(_, Op("index", (Var(array), *items))) if base.startswith("%") and not recomputed:
            words = [str(item.value) if isinstance(item, Const) else _index_text(item) for item in items]
            if all(words):
                return f"%{array.rsplit('.', 1)[0].lstrip('%').removesuffix(SAVED)}_{''.join(words)}"
    return base


def _index_text(e: Expr) -> str:
    """A short index as a part of a name."""
    base = e.name.rsplit(".", 1)[0] if isinstance(e, Var) else ""
    return base if len(base) == 1 else ""


def tape_name(name: str, t: Type, node: object = None) -> str:
    """The tape name of a saved value: a condition without a name is named by its role, an element by its array."""
    base = name.rsplit(".", 1)[0]
    match node:
        case Assign(_, Op("index", (Var(array), *_))) if base.startswith("%"):
            base = array.rsplit(".", 1)[0]
    if base.startswith("%") and isinstance(t, Scalar) and t.dtype == "bool":
        return "took_if"
    return base.lstrip("%").removesuffix(SAVED) + SAVED
