"""Lowering of calls of classes of `collections`: they are lists and dicts, with something more to them.

>>> from collections import Counter, defaultdict
>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x):
...     sums = defaultdict(float)
...     for key in "aab":
...         sums[key] += x
...     return sums["a"] * Counter("aab")["a"]
>>> print(text(normal_form(f, 1.0)))
f(x: float64):
    %sum.0 = 0.0 + x
    %sum.1 = %sum.0 + x
    %product.0 = %sum.1 * 2
    return %product.0
"""

from __future__ import annotations

import collections

from srcad.frontend.calls.builtin_calls import BUILTINS, Args, Keywords, builtin
from srcad.frontend.lowering.expressions import spread
from srcad.frontend.syntax.iteration_bodies import last_items
from srcad.frontend.values import run_time_lists
from srcad.frontend.values.abstract_values import Abstract, Constant, HeapObject, HeapRef, Leaf
from srcad.frontend.values.constants import key_of
from srcad.frontend.values.context import Context, is_integer


@builtin(collections.deque, least=0, most=2, keywords="maxlen", iterates=True)
def _deque(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    most = args[1] if len(args) == 2 else keywords.get("maxlen", Constant(None))
    given = args[:1] if most == Constant(None) or not args else [ctx.call(Constant(last_items), args[0], most)]
    items = BUILTINS[list](ctx, given, {})
    assert isinstance(items, HeapRef)
    if not ctx.heap[items.id].grown:
        items = run_time_lists.made(ctx, items, ctx.frame.node)
    if most != Constant(None) and not is_integer(most):
        ctx.fail("S124", "maxlen of a deque that is no integer")
    ctx.deques[items.id] = most if isinstance(most, Leaf) else None
    return items


@builtin(collections.defaultdict, least=0, most=2)
def _defaultdict(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    made = BUILTINS[dict](ctx, args[1:], {})
    assert isinstance(made, HeapRef)
    if args and args[0] != Constant(None):
        ctx.factories[made.id] = args[0]
    return made


@builtin(collections.Counter, least=0, iterates=True)
def _counter(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    counts: collections.Counter[object] = collections.Counter(
        key_of(ctx, item) for arg in args for item in spread(ctx, arg)
    )
    made = ctx.new_ref(HeapObject(tuple(map(ctx.constant, counts.values())), tuple(counts)))
    ctx.factories[made.id] = Constant(None)
    return made


BUILTINS[collections.OrderedDict] = BUILTINS[dict]
