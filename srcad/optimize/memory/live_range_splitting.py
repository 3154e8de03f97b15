"""Live range splitting: each web of definitions and uses of an array name becomes a name of its own.

Names of the readable text are chosen for readers, who like to see `y` in both sweeps. Alias analysis is
flow-insensitive: it answers for a name at all points at once, so with one name for each web its answers are sharper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from srcad.ir.names import unused_name
from srcad.ir.nodes import Assign, Block, Expr, For, Function, If, Stmt, Var, While
from srcad.ir.traversal import blocks, defined, own_exprs, reads, rename, replace_names, walk, with_blocks
from srcad.ir.types import Array, Type

_Site = tuple[int | str, ...]
_State = dict[str, frozenset[_Site]]
"""The reaching definitions of each name."""


def split_live_ranges(f: Function) -> Function:
    """Give each web of an array name a name of its own.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> body = parse('''
    ... y = np.zeros(3)
    ... for t in range(n):
    ...     kept[t] = y
    ...     y = y + h
    ... for t in range(n):
    ...     y = kept[t]
    ...     total += y[0]
    ... ''')
    >>> types = dict.fromkeys(("y", "kept"), Array("float64", (dim(3),)))
    >>> print(show(split_live_ranges(Function("f", (), body, (), types)).body))
    y = np.zeros(3)
    for t in range(n):
        kept[t] = y
        y = y + h
    for t in range(n):
        y_1 = kept[t]
        total += y_1[0]

    A use that no definition may reach stays as it is.
    """
    counts: dict[str, int] = {}
    for stmt in walk(f.body):
        if isinstance(stmt, Assign) and isinstance(f.types.get(stmt.target), Array):
            counts[stmt.target] = counts.get(stmt.target, 0) + 1
    params = {p.name for p in f.params}
    redefined = {name for name, count in counts.items() if count + (name in params) > 1}
    # only assignments count: nothing else defines an array name
    if not redefined:
        return f
    work = _Webs(redefined)
    state: _State = {name: frozenset({("entry", name)}) for name in sorted(params & redefined)}
    work.block(f.body, (), state)
    for e in f.results:
        work.read(("results",), reads(e), state)
    work.choose(f, params)
    body = work.renamed(f.body, ())
    results = tuple(replace_names(e, work.at(("results",))) for e in f.results)
    return replace(f, body=body, results=results, types={**f.types, **work.types})


class _Webs:
    def __init__(self, redefined: set[str]) -> None:
        self._redefined = redefined
        self._parent: dict[_Site, _Site] = {}
        self._used: dict[_Site, dict[str, _Site]] = {}
        """By position, one of the reaching definitions of each name used there."""
        self._chosen: dict[_Site, str] = {}
        self.types: dict[str, Type] = {}

    # ---- webs of definitions ---------------------------------------------------------------

    def block(self, block: Block, path: _Site, state: _State) -> None:
        for k, stmt in enumerate(block):
            self._stmt(stmt, (*path, k), state)

    def _stmt(self, stmt: Stmt, path: _Site, state: _State) -> None:
        match stmt:
            case Assign(target, value):
                self.read(path, reads(value), state)
                if target in self._redefined:
                    site = (*path, "assigned")
                    self._find(site)
                    state[target] = frozenset({site})
            case If(cond, then, orelse):
                self.read(path, reads(cond), state)
                other = dict(state)
                self.block(then, (*path, 0), state)
                self.block(orelse, (*path, 1), other)
                _join(state, other)
            case For(body=body):
                self.read(path, [n for e in (stmt.start, stmt.stop, stmt.step) for n in reads(e)], state)
                while True:
                    iteration = dict(state)
                    self.block(body, (*path, 0), iteration)
                    self.read((*path, "exit"), () if stmt.exit is None else reads(stmt.exit), iteration)
                    if not _join(state, iteration):
                        break
            case While(test, cond, body):
                while True:
                    iteration = dict(state)
                    self.block(test, (*path, 0), iteration)
                    self.read((*path, "exit"), reads(cond), iteration)
                    after = dict(iteration)
                    self.block(body, (*path, 1), iteration)
                    if not _join(state, iteration):
                        break
                state.clear()
                state.update(after)
            case _:
                self.read(path, [n for e in own_exprs(stmt) for n in reads(e)], state)

    def read(self, path: _Site, names: Iterable[str], state: _State) -> None:
        """All definitions that reach one use are one web."""
        for name in names:
            if name not in self._redefined:
                continue
            sites = sorted(state.get(name, ()), key=str) or [("nowhere", name)]
            for site in sites[1:]:
                self._parent[self._find(site)] = self._find(sites[0])
            self._used.setdefault(path, {})[name] = sites[0]

    def _find(self, site: _Site) -> _Site:
        self._parent.setdefault(site, site)
        while self._parent[site] != site:
            self._parent[site] = self._parent[self._parent[site]]
            site = self._parent[site]
        return site

    # ---- names -------------------------------------------------------------------------------

    def choose(self, f: Function, params: set[str]) -> None:
        """A name for each web: the first one has the old name; that of a parameter must have it."""
        taken = {*f.types, *params, *defined(f.body)}
        taken |= {n for s in walk(f.body) for e in own_exprs(s) for n in reads(e)}
        old = {self._find(("entry", name)): name for name in sorted(params & self._redefined)}
        taken_by_web = set(old.values())
        self._chosen.update(old)
        for path, name in _assigned(f.body, (), self._redefined):
            web = self._find((*path, "assigned"))
            if web in self._chosen:
                continue
            new = name
            if name in taken_by_web:
                new = unused_name(name, taken, "_")
                taken.add(new)
                self.types[new] = f.types[name]
            taken_by_web.add(name)
            self._chosen[web] = new

    def at(self, path: _Site) -> Mapping[str, Expr]:
        """The new names of those used at a position."""
        return {n: Var(self._chosen.get(self._find(site), n)) for n, site in self._used.get(path, {}).items()}

    def renamed(self, block: Block, path: _Site) -> Block:
        return tuple(self._renamed(stmt, (*path, k)) for k, stmt in enumerate(block))

    def _renamed(self, stmt: Stmt, path: _Site) -> Stmt:
        def renamed_uses(expr: Expr) -> Expr:
            return replace_names(expr, self.at(path))

        match stmt:
            case Assign(target, value):
                new = self._chosen[self._find((*path, "assigned"))] if target in self._redefined else target
                return replace(stmt, target=new, value=renamed_uses(value))
            case If(cond):
                stmt = replace(stmt, cond=renamed_uses(cond))
            case For(_, start, stop, step):
                leave = None if stmt.exit is None else replace_names(stmt.exit, self.at((*path, "exit")))
                stmt = replace(
                    stmt, start=renamed_uses(start), stop=renamed_uses(stop), step=renamed_uses(step), exit=leave
                )
            case While(cond=cond):
                stmt = replace(stmt, cond=replace_names(cond, self.at((*path, "exit"))))
            case _:
                new_names = {n: e.name for n, e in self.at(path).items() if isinstance(e, Var)}
                return rename((stmt,), new_names)[0]
        return with_blocks(stmt, [self.renamed(b, (*path, k)) for k, b in enumerate(blocks(stmt))])


def _join(state: _State, other: _State) -> bool:
    """Join the reaching definitions of another path into the state; whether that adds any."""
    new = False
    for name, sites in other.items():
        joined = state.get(name, frozenset()) | sites
        new |= joined != state.get(name)
        state[name] = joined
    return new


def _assigned(block: Block, path: _Site, redefined: set[str]) -> Iterable[tuple[_Site, str]]:
    for k, stmt in enumerate(block):
        if isinstance(stmt, Assign) and stmt.target in redefined:
            yield (*path, k), stmt.target
        for at, inner in enumerate(blocks(stmt)):
            yield from _assigned(inner, (*path, k, at), redefined)
