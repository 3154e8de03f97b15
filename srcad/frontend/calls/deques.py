"""Methods of `collections.deque`, by those of lists: it is a list, of which `Context.deques` has the greatest length.

>>> from collections import deque
>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x):
...     last = deque([x], maxlen=2)
...     last.append(2.0 * x)
...     last.append(3.0 * x)
...     return last[0] * last[1]
>>> print(text(normal_form(f, 1.0)))
f(x: float64):
    %product.0 = 2.0 * x
    %product.1 = 3.0 * x
    %product.2 = %product.0 * %product.1
    return %product.2
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srcad.frontend.lowering.expressions import spread
from srcad.frontend.syntax.iteration_bodies import append_to_window, prepend_to_window
from srcad.frontend.values.abstract_values import Abstract, Constant, HeapRef
from srcad.frontend.values.context import Context

_AT_START = {"appendleft": "insert", "extendleft": "insert", "popleft": "pop"}
_ADDING = frozenset({"append", "appendleft", "extend", "extendleft"})
_AS_LISTS = frozenset({"pop", "popleft", "clear", "copy", "index", "count", "reverse"})
DEQUE_METHODS = _ADDING | _AS_LISTS

OfList = Callable[[Context, HeapRef, str, Sequence[Abstract]], Abstract]


def deque_method(ctx: Context, ref: HeapRef, name: str, args: Sequence[Abstract], of_list: OfList) -> Abstract:
    """A method of a deque; `of_list` is one of a list."""
    zero = [ctx.constant(0)] if name in _AT_START else []
    if name in _AS_LISTS or len(args) != 1:
        made = of_list(ctx, ref, _AT_START.get(name, name), [*zero, *args])
        if name == "copy" and isinstance(made, HeapRef):
            ctx.deques[made.id] = ctx.deques[ref.id]
        return made
    if name not in _ADDING:
        ctx.fail("S124", f"deque.{name}", None, "use append, appendleft, pop and popleft.")
    for item in spread(ctx, args[0]) if name.startswith("extend") else args:
        most = ctx.deques[ref.id]
        if most is None:
            of_list(ctx, ref, _AT_START.get(name, "append"), [*zero, item])
        else:
            ctx.call(Constant(prepend_to_window if zero else append_to_window), ref, item, most)
    return Constant(None)
