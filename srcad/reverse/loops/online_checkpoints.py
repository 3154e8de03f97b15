"""The first run of a checkpointed loop whose trip count nobody knows: states are saved at even distances, which grow.

Each of the places takes a state, at every segment. Where all are taken, every second state stays, its distance to the
next is doubled, and the loop runs on; so of n segments, the first run saves the states of more than half as many as
there are places. When it has run, the reverse sweep begins from these states as from any.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def halve(h):
...     while h > 0.1:
...         h = np.sin(0.5 * h)
...     return h
>>> source = srcad.grad(halve, checkpoint="while", snapshots=4, target="python").source_for(1.0)
>>> print(source[source.index("    held = ") : source.index("    # ---- reverse")].rstrip())
    held = 0
    spacing = length
    turns = 0
    while h > 0.1:
        if turns == held * spacing and held == 4:
            for place in range(1, 2):
                h_checkpoints[place] = h_checkpoints[2 * place]
            held = 2
            spacing = 2 * spacing
        if turns == held * spacing:
            h_checkpoints[held] = h
            held += 1
        h = np.sin(0.5 * h)
        turns += 1
    stretches = -(-turns // length)
    starts = np.arange(held + 1) * (spacing // length)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from srcad.canonicalize.checkpoint_segments import Segment, refuse
from srcad.ir.length_exprs import plus
from srcad.ir.names import base, stem
from srcad.ir.nodes import Assign, Block, Const, Expr, For, If, Op, Stmt, Var, While
from srcad.ir.traversal import defined, map_expr, rename, replace_names, rewrite
from srcad.ir.types import Scalar
from srcad.reverse.storage.tape_slot import TapeSlot
from srcad.typing.builder import Builder


def online_loop(
    builder: Builder,
    ranged: For,
    segment: Segment,
    slots: Mapping[str, TapeSlot],
    saved: Callable[[str, str, TapeSlot], Block],
) -> Block:
    """The first run of the loop, what is then known of it, and the segments whose start states are saved.

    `slots` are those of the state, by the names of carries and arrays; `saved` saves the value of a name.
    """
    snapshots, uncounted = segment.snapshots, segment.uncounted
    assert snapshots is not None and uncounted is not None
    for name, slot in slots.items():
        if slot.by_reference:
            advice = "make arrays that change places in it equally long: u and np.zeros_like(u)."
            refuse(uncounted.loop, f"The length of {stem(name)}, which is part of its state, may change in it.", advice)
    first_run = uncounted.first_run(replace(ranged, body=within_row_0(ranged.body, ranged.index, segment.first.name)))
    after = {carry.result for carry in ranged.carried}
    own = {name: renewed(builder, name) for name in sorted(defined((first_run,)) - after)}
    (loop,) = rename((first_run,), own)
    assert isinstance(loop, For | While)
    held, spacing = builder.fresh("held", Scalar("int64")), builder.fresh("spacing", Scalar("int64"))
    count = loop.carried[0]
    at, place = snapshots.place.name, builder.fresh("place", Scalar("int64"))
    saves: list[Stmt] = []
    moves: list[Stmt] = []
    for name, slot in slots.items():
        saves += saved(name, own.get(name, name), slot)
        moves += rename(slot.push(replace_names(slot.read, {at: Op("*", (Const(2), place))})), {at: place.name})
    half = (snapshots.count + 1) // 2
    thinned: Block = (Assign(held.name, Const(half)), Assign(spacing.name, Op("*", (Const(2), spacing))))
    if half > 1:
        thinned = (For(place.name, Const(1), Const(half), Const(1), tuple(moves)), *thinned)
    is_due = Op("==", (Var(count.arg), Op("*", (held, spacing))))
    is_full = Op("==", (held, Const(snapshots.count)))
    begun = (
        If(Op("and", (is_due, is_full)), thinned, ()),
        If(is_due, (*rename(tuple(saves), {at: held.name}), Assign(held.name, plus(held, 1))), ()),
    )
    ended: Block = ()
    if segment.start == Const(0) and segment.step == Const(1):
        loop = replace(loop, carried=(replace(count, result=uncounted.end.name), *loop.carried[1:]))
    else:
        by = Op("*", (Var(count.result), segment.step))
        ended = (Assign(uncounted.end.name, Op("+", (segment.start, by))),)
    numbers = Op("np.arange", (Const(0), plus(held, 1), Const(1)))
    return (
        Assign(held.name, Const(0)),
        Assign(spacing.name, segment.length),
        replace(loop, body=(*begun, *loop.body)),
        *ended,
        *uncounted.behind,
        Assign(snapshots.starts.name, Op("*", (numbers, Op("//", (spacing, segment.length))))),
    )


def renewed(builder: Builder, name: str) -> str:
    """A name for what stands under another one elsewhere."""
    fresh = builder.fresh(base(name), builder.types[name]).name
    if name in builder.tape:
        builder.tape[fresh] = builder.tape[name]
    return fresh


def within_row_0(body: Block, index: str, first: str) -> Block:
    """The body of a loop each of whose iterations takes itself for the first of a segment.

    Expanded arrays have as many rows as a segment has iterations.
    """
    numbers = [Op("-", (Var(a), Var(b))) for a, b in ((index, first), (first, index))]

    def part(e: Expr) -> Expr:
        return Const(0) if e in numbers else e

    return tuple(rewrite(stmt, lambda e: map_expr(e, part)) for stmt in body)
