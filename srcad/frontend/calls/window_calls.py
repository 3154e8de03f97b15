"""Calls of `srcad.window`: what a loop over it cuts, and how far it looks back."""

from __future__ import annotations

from collections.abc import Iterable

from srcad.frontend.calls.builtin_calls import Args, Keywords, builtin
from srcad.frontend.lowering.expressions import spread
from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    HeapRef,
    Leaf,
    Mapping,
    PartValue,
    Seq,
    WindowValue,
)
from srcad.frontend.values.constants import to_python
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.iterables import check_range
from srcad.rules.expansions.windows import part, window


@builtin(part, least=3, most=3)
def _part(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    return PartValue(args[0], *(check_range(ctx, arg) for arg in args[1:]))


@builtin(window, most=4, keywords="every back cut")
def _window(ctx: Context, args: Args, keywords: Keywords) -> Abstract:
    given = dict(zip(("every", "back", "cut"), args[1:], strict=False)) | dict(keywords)
    every, back = (_positive(ctx, name, given.get(name)) for name in ("every", "back"))
    cut = _cut_names(ctx, ctx.check(given.get("cut", Seq(()))))
    if not cut or (every is None and back is None and not any(cut.values())):
        what = "nothing to cut" if cut else "no variable to cut"
        ctx.fail("S131", f"a window with {what}", None, 'write every=, back= or both, and cut="h" for the state h.')
    depth = back
    if every is not None and back is not None:
        if not isinstance(every.static, int) or not isinstance(back.static, int):
            ctx.retry("S123", "every and back of a window, both given, must be known when compiling")
        if back.static % every.static:
            what = f"back={back.static} is no multiple of every={every.static}"
            ctx.fail("S131", what, "A window begins where a block does.")
        depth = None if back.static == every.static else ctx.constant(back.static // every.static)
    elif back is not None and back.static == 1:
        every, depth = back, None
    return WindowValue(args[0], every, depth, cut)


def _positive(ctx: Context, name: str, value: Abstract | None) -> Leaf | None:
    if value is None or value == Constant(None):
        return None
    number = check_range(ctx, ctx.check(value))
    if isinstance(number.static, int) and number.static < 1:
        ctx.fail("S131", f"{name}={number.static} of a window", None, "write at least 1.")
    return number


def _cut_names(ctx: Context, value: Abstract) -> dict[str, Abstract | None]:
    pairs: Iterable[tuple[object, Abstract]]
    match value:
        case Constant(str() as name):
            pairs = ((name, Constant(None)),)
        case HeapRef(id=ref) if ctx.heap[ref].keys is not None:
            pairs = zip(ctx.heap[ref].keys or (), ctx.heap[ref].items, strict=True)
        case Mapping(items):
            pairs = items
        case _:
            pairs = ((to_python(ctx, one), Constant(None)) for one in spread(ctx, value))
    found: dict[str, Abstract | None] = {}
    for key, mask in pairs:
        if not isinstance(key, str):
            ctx.fail("S131", f"cut= has {describe_value(value)}", None, 'name the variables as text: cut=("h", "c").')
        if isinstance(mask, Leaf) and getattr(mask.type, "dtype", "bool") != "bool":
            what, advice = f"cut= of {key} is {describe_value(mask)}, not of bools", "write the condition: begins == 1."
            ctx.fail("S131", what, "It says where the gradient is cut.", advice)
        found[key] = None if mask == Constant(None) else mask
    return found
