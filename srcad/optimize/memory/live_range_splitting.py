"""An array name that is given several arrays, none of which outlives the next, becomes a name for each.

Names of the text are chosen for readers, who like to see `y` in both sweeps. A pass that asks what may share memory
is answered for a name at all times at once; with one name for each life it is told what it wants to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from srcad.ir.nodes import Assign, Block, Expr, For, Function, If, Stmt, Var, While
from srcad.ir.traversal import blocks, defined, own_exprs, reads, rename, replace_names, walk, with_blocks
from srcad.ir.types import Array, Type

_Site = tuple[int | str, ...]
_State = dict[str, frozenset[_Site]]
"""The assignments that may have given a name the value it has here."""


def split_live_ranges(f: Function) -> Function:
    """The function with a name for each life of an array.

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

    A name that is read where it may have no value yet keeps that reading.
    """
    times: dict[str, int] = {}
    for stmt in walk(f.body):
        if isinstance(stmt, Assign) and isinstance(f.types.get(stmt.target), Array):
            times[stmt.target] = times.get(stmt.target, 0) + 1
    params = {p.name for p in f.params}
    several = {name for name, count in times.items() if count + (name in params) > 1}
    # what is written in another way (the index of a loop is no array) is left alone
    if not several:
        return f
    work = _Lives(several)
    state: _State = {name: frozenset({("entry", name)}) for name in sorted(params & several)}
    work.block(f.body, (), state)
    for e in f.results:
        work.read(("results",), reads(e), state)
    work.choose(f, params)
    body = work.renamed(f.body, ())
    results = tuple(replace_names(e, work.at(("results",))) for e in f.results)
    return replace(f, body=body, results=results, types={**f.types, **work.types})


class _Lives:
    def __init__(self, several: set[str]) -> None:
        self._several = several
        self._parent: dict[_Site, _Site] = {}
        self._seen: dict[_Site, dict[str, _Site]] = {}
        """By place, one of the assignments that each name read there comes from."""
        self._chosen: dict[_Site, str] = {}
        self.types: dict[str, Type] = {}

    # ---- which assignments are one life ------------------------------------------------------

    def block(self, block: Block, path: _Site, state: _State) -> None:
        for k, stmt in enumerate(block):
            self._stmt(stmt, (*path, k), state)

    def _stmt(self, stmt: Stmt, path: _Site, state: _State) -> None:
        match stmt:
            case Assign(target, value):
                self.read(path, reads(value), state)
                if target in self._several:
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
                    turn = dict(state)
                    self.block(body, (*path, 0), turn)
                    self.read((*path, "exit"), () if stmt.exit is None else reads(stmt.exit), turn)
                    if not _join(state, turn):
                        break
            case While(test, cond, body):
                while True:
                    turn = dict(state)
                    self.block(test, (*path, 0), turn)
                    self.read((*path, "exit"), reads(cond), turn)
                    after = dict(turn)
                    self.block(body, (*path, 1), turn)
                    if not _join(state, turn):
                        break
                state.clear()
                state.update(after)
            case _:
                self.read(path, [n for e in own_exprs(stmt) for n in reads(e)], state)

    def read(self, path: _Site, names: Iterable[str], state: _State) -> None:
        """What meets at a place where it is read is one life."""
        for name in names:
            if name not in self._several:
                continue
            sites = sorted(state.get(name, ()), key=str) or [("nowhere", name)]
            for site in sites[1:]:
                self._parent[self._find(site)] = self._find(sites[0])
            self._seen.setdefault(path, {})[name] = sites[0]

    def _find(self, site: _Site) -> _Site:
        self._parent.setdefault(site, site)
        while self._parent[site] != site:
            self._parent[site] = self._parent[self._parent[site]]
            site = self._parent[site]
        return site

    # ---- names -------------------------------------------------------------------------------

    def choose(self, f: Function, params: set[str]) -> None:
        """A name for each life: the first keeps the one it has; that of an argument has to."""
        taken = {*f.types, *params, *defined(f.body)}
        taken |= {n for s in walk(f.body) for e in own_exprs(s) for n in reads(e)}
        old = {self._find(("entry", name)): name for name in sorted(params & self._several)}
        kept = set(old.values())
        self._chosen.update(old)
        for path, name in _assigned(f.body, (), self._several):
            life = self._find((*path, "assigned"))
            if life in self._chosen:
                continue
            new = name
            if name in kept:
                k = 1
                while f"{name}_{k}" in taken:
                    k += 1
                new = f"{name}_{k}"
                taken.add(new)
                self.types[new] = f.types[name]
            kept.add(name)
            self._chosen[life] = new

    def at(self, path: _Site) -> Mapping[str, Expr]:
        """What the names read at a place are called now."""
        return {n: Var(self._chosen.get(self._find(site), n)) for n, site in self._seen.get(path, {}).items()}

    def renamed(self, block: Block, path: _Site) -> Block:
        return tuple(self._renamed(stmt, (*path, k)) for k, stmt in enumerate(block))

    def _renamed(self, stmt: Stmt, path: _Site) -> Stmt:
        def here(expr: Expr) -> Expr:
            return replace_names(expr, self.at(path))

        match stmt:
            case Assign(target, value):
                new = self._chosen[self._find((*path, "assigned"))] if target in self._several else target
                return replace(stmt, target=new, value=here(value))
            case If(cond):
                stmt = replace(stmt, cond=here(cond))
            case For(_, start, stop, step):
                leave = None if stmt.exit is None else replace_names(stmt.exit, self.at((*path, "exit")))
                stmt = replace(stmt, start=here(start), stop=here(stop), step=here(step), exit=leave)
            case While(cond=cond):
                stmt = replace(stmt, cond=replace_names(cond, self.at((*path, "exit"))))
            case _:
                new_names = {n: e.name for n, e in self.at(path).items() if isinstance(e, Var)}
                return rename((stmt,), new_names)[0]
        return with_blocks(stmt, [self.renamed(b, (*path, k)) for k, b in enumerate(blocks(stmt))])


def _join(state: _State, other: _State) -> bool:
    """Add what the other way may bring; whether there is anything new in it."""
    new = False
    for name, sites in other.items():
        joined = state.get(name, frozenset()) | sites
        new |= joined != state.get(name)
        state[name] = joined
    return new


def _assigned(block: Block, path: _Site, several: set[str]) -> Iterable[tuple[_Site, str]]:
    for k, stmt in enumerate(block):
        if isinstance(stmt, Assign) and stmt.target in several:
            yield (*path, k), stmt.target
        for at, inner in enumerate(blocks(stmt)):
            yield from _assigned(inner, (*path, k, at), several)
