"""A run in which every array is asked whose memory it has, and what the analyses say of that is held against it.

`python -m tests.memory_oracle` runs the corpus, and with `--random N` random programs. Of the normal form
`alias_classes` is asked, of the derivative before, while and after it is simplified, and as it is compiled, `may_alias`
and `aliases_at_copies`: who is said not to share must not, what is said to be new must be, what is said to be a view
must be one.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import srcad
from srcad.analysis.memory.alias_classes import alias_classes, is_writable_view
from srcad.analysis.memory.flow_sensitive_aliases import CALLER, aliases_at_copies
from srcad.analysis.memory.may_alias import may_alias
from srcad.canonicalize.prune import prune
from srcad.compiler.passes import COMPILED
from srcad.compiler.stages import applied, recorded
from srcad.errors import SrcadError
from srcad.ir.nodes import Assign, Block, Effect, Expr, For, Function, If, Op, Stmt, Var, While
from srcad.ir.result_memory import is_view, root, roots
from srcad.ir.traversal import blocks, walk, with_blocks
from srcad.ir.types import Type
from tests.instead import run_instead
from tests.interpreter import _run
from tests.sequential import Execution


class Disproved(AssertionError):
    """What an analysis said of memory is not so."""


def shares(a: Any, b: Any) -> bool:
    """Whether two values, arrays or lists of arrays, have an element in common."""
    if isinstance(a, list | tuple):
        return any(shares(item, b) for item in a)
    if isinstance(b, list | tuple):
        return any(shares(a, item) for item in b)
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return False
    return np.may_share_memory(a, b) and np.shares_memory(a, b)


# ---- normal form -----------------------------------------------------------------------------------------


class _Grouped(dict[str, Any]):
    """The values of the names of a function in normal form; each new one is compared with all others."""

    def __init__(self, f: Function, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.found = alias_classes(f)
        self.types = f.types
        self.definitions = {s.target: s.value for s in walk(f.body) if isinstance(s, Assign)}
        self.asked = 0

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        if not isinstance(value, np.ndarray) or value.ndim == 0:
            return
        self.asked += 1
        made = self.definitions.get(name)
        for other, held in self.items():
            if other != name and shares(value, held) and isinstance(held, np.ndarray):
                if self.found.class_of[other] != self.found.class_of[name]:
                    raise Disproved(f"aliases: {name} shares memory with {other}")
                if isinstance(made, Op) and not roots(made):
                    raise Disproved(f"{made.prim} is said to be new: {name} shares memory with {other}")
        if isinstance(made, Op) and is_writable_view(made, name, self.types, self.found.written):
            base = made.args[0]
            if isinstance(base, Var) and value.size and not shares(value, self[base.name]):
                raise Disproved(f"is_place: {name} is no view of {base.name}")

    def update(self, values: Mapping[str, Any]) -> None:  # type: ignore[override]
        for name, value in values.items():
            self[name] = value


def ask_normal_form(f: Function, arguments: Sequence[Any]) -> int:
    """Run a function in normal form; the number of arrays that were asked."""
    env = _Grouped(f, dict(zip((p.name for p in f.params), arguments, strict=True)))
    with np.errstate(all="ignore"):
        _run(f.body, env)
    return env.asked


# ---- sequential form -------------------------------------------------------------------------------------


class _Asked(Execution):
    def __init__(self, body: Block, types: Mapping[str, Type], values: Mapping[str, Any]) -> None:
        super().__init__(dict(values))
        self.given = frozenset(values)
        self.shared = may_alias(body, types)
        self.held = aliases_at_copies(body, types, values)
        self.paths = dict(_paths(body, ()))
        self.asked = 0

    def step(self, stmt: Stmt) -> None:
        match stmt:
            case Assign(target, Var(name)) if name not in self.env:
                self.env.pop(target, None)  # what no path has given a value is copied before such copies go
            case Assign(target, value):
                # a list may lose the very item
                held = [self.env[name] for name in roots(value) if name in self.env]
                sources = [list(source) if isinstance(source, list) else source for source in held]
                new = self.value(value)
                if isinstance(new, np.ndarray | list):
                    self.assigned(stmt, new, sources)
                self.env[target] = new
            case Effect(Op("append" | "list.append", (Var(items), value))):
                new = self.value(value)
                self.env[items].append(new)
                self.same_class(items, new)
            case Effect(Op("check" | "assert" | "print")):
                pass
            case _:
                super().step(stmt)

    def value(self, expr: Expr) -> Any:
        if isinstance(expr, Op) and expr.prim == "range":
            return range(*map(self.value, expr.args))
        return super().value(expr)

    def assigned(self, stmt: Assign, new: Any, sources: Sequence[Any]) -> None:
        """Ask of `target = value` before the name is given the new value."""
        self.asked += 1
        target, value = stmt.target, stmt.value
        self.same_class(target, new)
        for other, held in self.env.items():
            if other != target and shares(new, held) and not any(shares(held, source) for source in sources):
                said = f"memory of {', '.join(sorted(roots(value)))}" if sources else "new"
                raise Disproved(f"{target} is said to be {said}, and is memory of {other}")
        base = root(value)
        if isinstance(value, Op) and is_view(value.prim) and base is not None and isinstance(new, np.ndarray):
            whole = all(is_view(op.prim) for op in _path(value))
            if whole and new.ndim and new.size and not shares(new, self.env[base]):
                raise Disproved(f"{target} is no view of {base}")
        if isinstance(value, Op) and value.prim == "copy":
            said = self.held.get(self.paths[id(stmt)])
            copied = self.value(value.args[0])
            for other, held in self.env.items():
                known = said is None or other in said or (other in self.given and CALLER in said)
                if other != target and shares(copied, held) and not known:
                    raise Disproved(f"holders: {other} holds what {target} is a copy of")

    def same_class(self, name: str, new: Any) -> None:
        for other, held in self.env.items():
            if other != name and shares(new, held) and self.shared.class_of(other) != self.shared.class_of(name):
                raise Disproved(f"sharing: {name} shares memory with {other}")


def _path(value: Op) -> Iterator[Op]:
    inner: Any = value
    while isinstance(inner, Op):
        yield inner
        inner = inner.args[0]


def _paths(block: Block, path: tuple[int | str, ...]) -> Iterator[tuple[int, tuple[int | str, ...]]]:
    for i, stmt in enumerate(block):
        here = (*path, i)
        yield id(stmt), here
        match stmt:
            case If(then=then, orelse=orelse):
                yield from _paths(then, (*here, "then"))
                yield from _paths(orelse, (*here, "orelse"))
            case For(body=body):
                yield from _paths(body, (*here, "body"))
            case While(test=test, body=body):
                yield from _paths(test, (*here, "test"))
                yield from _paths(body, (*here, "body"))


@dataclass(frozen=True)
class Stage:
    """A derivative in sequential form, at some point on its way."""

    name: str
    body: Block
    types: Mapping[str, Type]
    params: tuple[str, ...]

    def ask(self, arguments: Sequence[Any]) -> int:
        """Run it; the number of arrays that were asked."""
        body = _apart(self.body)
        run = _Asked(body, self.types, dict(zip(self.params, arguments, strict=True)))
        with np.errstate(all="ignore"):
            try:
                run.run(body)
            except Disproved as fault:
                raise Disproved(f"{self.name}: {fault}") from None
        return run.asked


def _apart(block: Block) -> Block:
    """The same with each statement an object of its own, which says where it stands."""
    return tuple(replace(with_blocks(s, [_apart(b) for b in blocks(s)])) for s in block)


# ---- a program -------------------------------------------------------------------------------------------


def ask(derivative: Any, args: Sequence[Any], more: Sequence[Any] = ()) -> int:
    """Hold all that is said of a program against runs of it; the number of arrays that were asked.

    `more` are the buffers of an `adjoint`.
    """
    with recorded() as passes:
        one = derivative.specialisation(*args)
    made = one.generated
    # what copy elision is given, in the first and in the last round
    given = [p.unit.function for p in passes if p.of.name == "remove_dead_code"]
    rounds = [_stage(f"round {k}", f) for k, f in enumerate(given)]
    stages = [_stage("text", made.function), _stage("compiled", applied(COMPILED, made.function))]
    usual, asked = one.compiled(), 0

    def asking(*flat: Any) -> Any:
        nonlocal asked
        primal = prune(made.lowered.function)
        asked += ask_normal_form(primal, _copies(flat)[: len(primal.params)])
        for stage in (*rounds[:1], *rounds[1:][-1:], *stages):
            asked += stage.ask((*_copies(flat), *([1.0] * (len(stage.params) - len(flat)))))
        return usual(*flat)

    run_instead(one, asking)
    derivative(*args, *more)
    return asked


def _stage(name: str, f: Function) -> Stage:
    return Stage(name, f.body, f.types, tuple(p.name for p in f.params))


def _copies(flat: Sequence[Any]) -> list[Any]:
    return [a.copy(order="K") if isinstance(a, np.ndarray) else a for a in flat]


def outcome(derivative: Callable[[], Any], args: Sequence[Any], more: Sequence[Any] = ()) -> str:
    """How often memory was asked, or what is wrong with what was said of it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return f"right: {ask(derivative(), args, more)}"
        except Disproved as fault:
            return f"DISPROVED {fault}"
        except SrcadError as error:
            return f"refused {error.problems[0].code}"
        except Exception as error:
            return f"cannot be run: {type(error).__name__}: {error}"


def main() -> None:
    from rich.progress import track

    from tests.fuzz.program import loaded
    from tests.fuzz.writer import written
    from tests.numeric import copied
    from tests.programs.registry import cases_without_calls

    parser = argparse.ArgumentParser(prog="python -m tests.memory_oracle", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--random", type=int, default=0, metavar="N", help="random programs, in place of the corpus")
    parser.add_argument("--seed", type=int, default=0, help="of the first")
    options = parser.parse_args()
    tally: Counter[str] = Counter()
    arrays = 0

    def note(name: str, found: str) -> None:
        nonlocal arrays
        kind, _, rest = found.partition(":" if found.startswith(("right", "cannot")) else " ")
        tally[kind] += 1
        if kind == "right":
            arrays += int(rest)
        elif kind != "refused":
            print(name, found)

    if options.random:
        with tempfile.TemporaryDirectory() as folder:
            for seed in track(range(options.seed, options.seed + options.random), "programs"):
                program = written(seed, "values")
                if program is None or program.mode == "primal":
                    continue
                module = loaded(program, Path(folder))
                made = getattr(srcad, program.mode)
                args = list(module.arguments())
                more = [np.ones_like(args[at]) for at in program.wrt if isinstance(args[at], np.ndarray)]
                more = more if program.mode == "adjoint" else []
                found = outcome(partial(made, module.program, program.wrt, target="python"), args, more)
                note(f"seed {seed}", found)
    else:
        for case in track(cases_without_calls(), "programs"):
            found = outcome(partial(srcad.value_and_grad, case.function, case.wrt, target="python"), copied(case.args))
            note(case.name, found)
    print(f"{arrays} arrays were asked:", ", ".join(f"{count} {kind}" for kind, count in tally.most_common()))


if __name__ == "__main__":
    main()
