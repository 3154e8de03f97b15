"""The adjoint of a stencil, a loop for each neighbour, becomes one loop that adds up what they all give.

A loop for each shift (`simplify/shifts`) writes every element as often as it has neighbours; a gather writes it once.
Of a nest of loops over a box the additions `d_u[i + c, j + d] += v[i, j]` are taken out, numbered by the element they
go to, and those to one array are done together (`transposed`); what remains of the nest comes after them.

What remains is often `d_v[i, j] = 0.0`, as the sweep overwrites `v`. The next gather into that very box then assigns
instead of adding. Where it comes in the next turn of a loop around both, the zero waits for it; the first turn adds,
and after the last one the zero is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

from srcad.analyses.dataflow import Liveness, Path, liveness
from srcad.analyses.independent import memory_read
from srcad.analyses.purity import pure
from srcad.ir.nodes import Block, Comment, Const, For, Function, If, Op, Stmt, Var
from srcad.ir.walk import defined, names, stmt_reads, stmt_stores, walk, with_blocks
from srcad.simplify.holders import Pairs, held_in_loops
from srcad.tune.boxes import box, fills, joined, parted, without_numbers
from srcad.tune.contract import inner_blocks
from srcad.tune.transposed import Fill, Gather

_Item = Stmt | Gather | Fill


def gather(f: Function) -> Function:
    """The function with gathers for the shifts.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Array, Dim, Scalar
    >>> types = dict.fromkeys(("d_u", "d_v"), Array("float64", (Dim((), 99),)))
    >>> types |= dict.fromkeys("nti", Scalar("int64"))
    >>> body = parse('''
    ... for i in range(1, n):
    ...     d_u[i - 1] += d_v[i]
    ... for i in range(1, n):
    ...     d_u[i] += d_v[i]
    ...     d_v[i] = 0.0
    ... ''')
    >>> params = tuple(Param(name, name) for name in ("d_u", "d_v", "n"))
    >>> print(show(gather(Function("f", params, body, (), types)).body))
    if 1 < (n - 1):
        d_u[0] += d_v[1]
        for i in range(1, n - 1, 1):
            d_u[i] += d_v[i + 1] + d_v[i]
        d_u[n - 1] += d_v[n - 1]
    else:
        for i in range(n - 1):
            d_u[i] += d_v[i + 1]
        for i in range(1, n, 1):
            d_u[i] += d_v[i]
    for i in range(1, n, 1):
        d_v[i] = 0.0
    """
    work = _Gathers(f)
    body = work.block(f.body, ())
    return f if body == f.body else replace(f, body=body)


class _Gathers:
    def __init__(self, f: Function) -> None:
        self.f = f
        self.params = frozenset(p.name for p in f.params)

    @cached_property
    def held(self) -> dict[Path, Pairs]:
        return dict(held_in_loops(self.f.body, self.f.types, self.params))

    @cached_property
    def live(self) -> Liveness:
        kept = frozenset(n for e in self.f.results for n in names(e))
        return liveness(self.f.body, self.f.types, kept, self.params, all_stays=True)

    def block(self, block: Block, path: Path) -> Block:
        return tuple(s for item in self.items(block, path) for s in _written(item))

    def items(self, block: Block, path: Path) -> list[_Item]:
        """The statements of a block, those that are gathered as what they are before they are loops again."""
        found: list[_Item] = []
        at = 0
        while at < len(block):
            end, new = self._box(block, path, at)
            for item in new or self._stmt(block[at], (*path, at)):
                found.append(self._filled(item, found) if isinstance(item, Gather) else item)
            at = end
        return found

    def _box(self, block: Block, path: Path, at: int) -> tuple[int, list[_Item]]:
        """What the nests from `at` on become, and where it goes on; nothing, where there is nothing to gather."""
        if self._parted(block, at, lambda k: frozenset())[1]:
            end, gathers, rest = self._parted(block, at, lambda k: self.held.get((*path, k), frozenset()))
            later = self.live.live_after((*path, end - 1, "head"))
            if gathers and not later & {level.index for level in gathers[0].levels}:
                comments = [s for s in walk(block[at:end]) if isinstance(s, Comment)]
                rest = without_numbers(rest, later)
                return end, [*comments, *gathers, *(fills(rest, self.f.types) or rest)]
        return at + 1, []

    def _parted(self, block: Block, at: int, pairs: Callable[[int], Pairs]) -> tuple[int, list[Gather], Block]:
        found, end = box(block[at], self.f.types), at + 1
        if found is None:
            return end, [], ()
        together = pairs(at)

        def meet(a: str, b: str) -> bool:
            return a == b or (a, b) in together or (b, a) in together

        for k in range(end, len(block)):
            if isinstance(block[k], Comment):
                continue
            other = box(block[k], self.f.types)
            if other is None:
                break
            together |= pairs(k)
            both = joined(found, other, self.f.types, meet)
            if both is None:
                break
            found, end = both, k + 1
        gathers, rest = parted(found, self.f.types, meet)
        return end, gathers, rest

    def _stmt(self, stmt: Stmt, path: Path) -> list[_Item]:
        if isinstance(stmt, For):
            items = self.items(stmt.body, (*path, "body"))
            after = self._waiting(stmt, items) if self._is_counted(stmt) else []
            body = tuple(s for item in items for s in _written(item))
            return [stmt if body == stmt.body else replace(stmt, body=body), *after]
        return [with_blocks(stmt, [self.block(b, (*path, name)) for name, b in inner_blocks(stmt)])]

    # ---- zeros ---------------------------------------------------------------------------------

    def _filled(self, gather: Gather, found: list[_Item]) -> Gather:
        """The gather with what is filled in before it, which is taken out of `found`."""
        for k in range(len(found) - 1, -1, -1):
            fill = found[k]
            if isinstance(fill, Fill) and fill.is_before(gather):
                del found[k]
                return replace(gather, fill=fill)
            if self._touches(fill, gather.array) or self._changes(fill, gather):
                break
        return gather

    def _is_counted(self, loop: For) -> bool:
        """Whether the first turn of a loop can be told from the others."""
        bounds = (loop.start, loop.stop)
        fixed = all(pure(e) and not memory_read(e, self.f.types) for e in bounds)
        changed = defined(loop.body)
        plain = loop.exit is None and not loop.carried and isinstance(loop.step, Const) and bool(loop.step.value)
        return plain and fixed and not changed & {loop.index, *names(loop.start), *names(loop.stop)}

    def _waiting(self, loop: For, items: list[_Item]) -> list[_Item]:
        """Let the fills of a turn wait for a gather of the next; what fills in after the last turn."""
        after: list[_Item] = []
        for k in range(len(items) - 1, -1, -1):
            fill = items[k]
            if not isinstance(fill, Fill):
                continue
            met = [i for i, item in enumerate(items) if self._touches(item, fill.array)]
            gather = items[met[0]]
            if met[-1] > k or not isinstance(gather, Gather) or gather.fill or not fill.is_before(gather):
                continue
            if self._changes(loop, gather):
                continue
            items[met[0]] = replace(gather, fill=replace(fill, unless=Op("==", (Var(loop.index), loop.start))))
            del items[k]
            assert isinstance(loop.step, Const) and isinstance(loop.step.value, int)
            ran = (loop.start, loop.stop) if loop.step.value > 0 else (loop.stop, loop.start)
            after.append(If(Op("<", ran), fill.block(), ()))
        return after

    def _touches(self, item: _Item, array: str) -> bool:
        """Whether an item has to do with the memory of an array."""
        shared = self.live.shared
        if isinstance(item, Gather | Fill):
            touched = item.names()
        else:
            touched = stmt_reads(item) | stmt_stores(item) | defined((item,))
        return any(shared.of(n) == shared.of(array) for n in touched)

    def _changes(self, item: _Item, gather: Gather) -> bool:
        """Whether the box of a gather, or which element is meant, is another one before the item."""
        if isinstance(item, Gather | Fill):
            return False
        return bool(defined((item,)) & gather.fixed())


def _written(item: _Item) -> Block:
    return item.block() if isinstance(item, Gather | Fill) else (item,)
