"""The functions that a function calls, each made once: in normal form, as sequential text, and its adjoint.

An adjoint takes what it reads of the function's arguments, then an array to add to for each array argument that is
differentiated, and the cotangents of the results. It returns the contributions to scalars. It computes again what it
needs of the primal, without its checks: the primal has made them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from srcad.analysis.memory.alias_classes import alias_classes
from srcad.analysis.values.activity import active_names
from srcad.analysis.values.call_activity import with_constant_arguments
from srcad.canonicalize.prune import prune
from srcad.compiler.recursion_tape import on_tape, with_lists
from srcad.compiler.split_sweeps import is_light, split_sweeps
from srcad.errors import Restart, fail
from srcad.forward.call_tangents import TangentCall
from srcad.frontend.values.kept_functions import KeptFunction
from srcad.ir.called import Called, callee_of, in_terms_of, type_of_call, type_of_result
from srcad.ir.calls import callees, recursive, with_callees
from srcad.ir.names import fresh_name, unused_name
from srcad.ir.nodes import Assign, Block, Effect, Expr, For, Function, Op, Return, Var, While
from srcad.ir.traversal import blocks, ops, own_exprs, section_start, stmt_reads, walk, with_blocks
from srcad.ir.types import Array, Scalar
from srcad.request import Request
from srcad.reverse.adjoint.call_adjoints import AdjointCall, Wanted
from srcad.reverse.adjoint.tape_calls import NotTaped

Make = Callable[[Function], Function]
PrepareCalled = Callable[
    [Function, Sequence[KeptFunction], Request, frozenset[int] | None], tuple[Function, "CalledFunctions"]
]


class NeedsTape(Restart):
    """A function that calls itself would compute again what its deeper levels have computed."""

    def __init__(self, trees: frozenset[int]) -> None:
        super().__init__(trees)
        self.trees = trees


class BetterInlined(Restart):
    """The adjoint of a function would do work again that its caller can save."""

    def __init__(self, tree: int) -> None:
        super().__init__(tree)
        self.tree = tree


@dataclass(eq=False)
class CalledFunctions:
    """What is made of each function that is called, by name."""

    primals: Mapping[str, Function]
    """In normal form."""
    called: Mapping[str, Called]
    trees: Mapping[str, int]
    """The ids of their trees."""
    names: dict[str, str]
    """What each function is called in the text, but for a number."""
    recursive: frozenset[str]
    taped: frozenset[str] | None
    """Those that save on a tape which they are given: recursive ones, and those that call such. None: there is none."""
    sequential: Make
    """From normal form to what is printed."""
    reverse: Callable[[Function, Wanted, CalledFunctions, str], Function]
    """The adjoint of a function in normal form, as it is printed: with one of the modes of `compiler/steps.SWEEPS` it
    returns the results of the primal too."""
    forward: Callable[[Function, Wanted, CalledFunctions], Function]
    """The function in normal form with its tangents, as it is printed."""
    tidy: Make
    """What a person would make of it."""
    printed: dict[str, Function] = field(default_factory=dict)
    """By name: primals and adjoints."""
    _adjoints: dict[tuple[str, Wanted], AdjointCall] = field(default_factory=dict)
    tangents: dict[tuple[str, Wanted], TangentCall] = field(default_factory=dict)
    """Those that have been made (`called_tangents`)."""

    def adjoint(self, name: str, wanted: Wanted) -> AdjointCall | None:
        """The adjoint of the function of this name, as it is called; None where no derivative passes through it.

        One that is with respect to more serves as well, unless the caller would have to keep something for it alone.
        """
        primal = self.primals[name]
        results = [primal.results[at] for at in wanted.results]
        reaching = active_names(primal, [primal.params[at].name for at in wanted.wrt], results)
        wanted = replace(wanted, wrt=tuple(at for at in wanted.wrt if primal.params[at].name in reaching))
        if not wanted.wrt:
            return None
        if (name, wanted) in self._adjoints:
            return self._adjoints[name, wanted]
        for (other, known), call in self._adjoints.items():
            same = other == name and (known.results, known.masked) == (wanted.results, wanted.masked)
            if same and set(wanted.wrt) <= set(known.wrt):
                own = self._made(name, wanted) if call.saved else call
                self._adjoints[name, wanted] = found = call if own.saved else own
                return found
        return self._made(name, wanted)

    def _made(self, name: str, wanted: Wanted) -> AdjointCall:
        primal = unchecked(self.primals[name])
        own = self.fresh_name(f"{self.names[name]}_adjoint")
        if self.taped is not None and name in self.taped:
            return self._on_tape(own, name, wanted)
        reads: frozenset[int] = frozenset()
        while True:
            # a function that calls itself reads what it passes on to its adjoint
            before = dict(self._adjoints)
            self._adjoints[name, wanted] = self._called(own, name, wanted, tuple(sorted(reads)))
            made = self.reverse(primal, wanted, self, "called adjoint")
            read = {name for stmt in made.body for name in stmt_reads(stmt)}
            found = frozenset(at for at, param in enumerate(made.params[: len(primal.params)]) if param.name in read)
            if found <= reads:
                break
            reads |= found
            self._adjoints = before
        repeats = repeats_work(made, self._is_light)
        if repeats and name in self.recursive and self.taped is not None:
            raise NeedsTape(frozenset({self.trees[name]}))
        if repeats and name not in self.recursive:
            self._adjoints[name, wanted] = self._split(own, name, wanted)
        else:
            params = tuple(p for at, p in enumerate(made.params) if at in reads or at >= len(primal.params))
            self.printed[own] = self.tidy(replace(made, name=own, params=params))
        return self._adjoints[name, wanted]

    def _is_light(self, name: str) -> bool:
        """Whether a call of the function is light work: it calls nothing, and does nothing but sums and products."""
        return name in self.primals and not _weighs(unchecked(self.primals[name]).body, lambda op: not is_light(op))

    def _split(self, own: str, name: str, wanted: Wanted) -> AdjointCall:
        """The adjoint that takes what the forward sweep saves, and that forward sweep."""
        primal = self.primals[name]
        known = self.called[name]
        split = split_sweeps(
            self.reverse(primal, wanted, self, "called sweeps"), len(primal.params), len(primal.results)
        )
        if split is None:
            raise BetterInlined(self.trees[name])
        params = {name for name, _ in known.params}
        types = [split.forward.types[n] for n in split.saved]
        saved = tuple(in_terms_of(t, params) for t in types if isinstance(t, Scalar | Array))
        forward = self._forward(name, split.forward, saved) if split.saved else None
        self.printed[own] = self.tidy(replace(split.reverse, name=own))
        more = [known.results[at] for at in split.results]
        found = self._called(own, name, wanted, split.reads, (*more, *saved))
        return replace(found, results=split.results, forward=forward, keeps=split.saved)

    def _forward(self, name: str, made: Function, saved: Sequence[Scalar | Array]) -> Called:
        """The forward sweep of a function as it is called: one that another adjoint has too is not made again."""
        for (other, _), call in self._adjoints.items():
            if other == name and call.forward is not None:
                known = self.printed[call.forward.name]
                if (known.params, known.body) == (made.params, made.body):
                    return call.forward
        called = self.called[name]
        forward = replace(
            called, name=self.fresh_name(f"{self.names[name]}_forward"), results=(*called.results, *saved)
        )
        self.printed[forward.name] = replace(made, name=forward.name)
        return forward

    def _on_tape(self, own: str, name: str, wanted: Wanted) -> AdjointCall:
        """The adjoint that takes from the tape what the forward sweep saves there, and that forward sweep."""
        primal = self.primals[name]
        known = self.called[name]
        forward = replace(known, name=self.fresh_name(f"{self.names[name]}_forward"), pure=False, taped=True)
        reads: frozenset[int] = frozenset()
        results: frozenset[int] = frozenset()
        while True:
            # what an adjoint takes decides what its caller has to save, which may be the function itself
            before = dict(self._adjoints)
            taken = tuple(sorted(results))
            found = self._called(own, name, wanted, tuple(sorted(reads)), [known.results[at] for at in taken])
            called = replace(found.called, pure=False, taped=True)
            found = replace(found, called=called, results=taken, forward=forward)
            self._adjoints[name, wanted] = found
            made = self.reverse(primal, wanted, self, "taped sweeps")
            split = split_sweeps(made, len(primal.params), len(primal.results), taped=True)
            if split is None:
                raise NotTaped
            if reads.issuperset(split.reads) and results.issuperset(split.results):
                break
            reads |= set(split.reads)
            results |= set(split.results)
            self._adjoints = before
        ahead, back = on_tape(split, self.tidy(split.reverse))
        self.printed[forward.name] = replace(ahead, name=forward.name)
        given = [p for at, p in enumerate(made.params[: len(primal.params)]) if at in reads]
        rest = back.params[len(split.reads) :]
        self.printed[own] = replace(back, name=own, params=(*given, *rest))
        return found

    def _called(
        self, own: str, name: str, wanted: Wanted, reads: tuple[int, ...], more: Sequence[Scalar | Array] = ()
    ) -> AdjointCall:
        known, results = self.called[name].params, self.called[name].results
        arrays = [at for at in wanted.wrt if isinstance(known[at][1], Array)]
        taken = [*(known[at] for at in reads), *(("", t) for t in more)]
        buffers = [(f"d_{known[at][0]}", known[at][1]) for at in arrays]
        cotangents = [("", results[at]) for at in wanted.results]
        scalars = [known[at][1] for at in wanted.wrt if at not in arrays]
        returned = tuple(Scalar(t.dtype) for t in scalars if isinstance(t, Scalar))
        changes = tuple(range(len(taken), len(taken) + len(buffers)))
        called = Called(own, (*taken, *buffers, *cotangents), returned, True, changes)
        return AdjointCall(called, wanted, reads)

    def normal_forms(self) -> tuple[tuple[Function, frozenset[str]], ...]:
        """The functions that are differentiated, each with the names through which a derivative passes."""
        active: dict[str, frozenset[str]] = {}
        for name, wanted in (*self._adjoints, *self.tangents):
            f = self.primals[name]
            own = active_names(f, [f.params[at].name for at in wanted.wrt], [f.results[at] for at in wanted.results])
            active[name] = active.get(name, frozenset()) | own
        return tuple((f, active.get(name, frozenset())) for name, f in self.primals.items())

    def fresh_name(self, name: str) -> str:
        """A name that no other function has; `beside` makes it as short as it can be."""
        made = f"{name} {len(self.names)}"
        self.names[made] = name
        return made

    def _reached(self, *functions: Function) -> dict[str, Function]:
        """The functions that these call, directly or not, as they are printed, each after those that it calls."""
        found: dict[str, Function] = {}
        visited: set[str] = set()

        def visit(name: str) -> None:
            if name in visited:
                return
            visited.add(name)
            if name not in self.printed:
                self.printed[name] = self.sequential(self.primals[name])
            for inner in callees(self.printed[name]):
                visit(inner)
            found[name] = self.printed[name]

        for name in dict.fromkeys(name for f in functions for name in callees(f)):
            visit(name)
        return found

    def beside(self, *functions: Function) -> tuple[Function, ...]:
        """Printed functions, and before them those that they call, directly or not, each after those that it calls."""
        found = self._reached(*functions)
        forwards = {
            name: call.forward for (name, _), call in self._adjoints.items() if call.forward and not call.forward.taped
        }
        # a second text of what a forward sweep computes would have to be edited alike
        both = {name: one for name, one in forwards.items() if name in found and one.name in found}
        if both:
            self.printed |= {
                name: _first_results(self.printed[name], self.printed[one.name], one) for name, one in both.items()
            }
            found = self._reached(*functions)
        outer = {f"{f.name} itself": f for f in functions}  # a function that calls itself has the name of one of them
        found = with_lists({**found, **outer})
        own = [found.pop(name) for name in outer]
        count: dict[str, int] = {}
        short: dict[str, str] = {}
        for name in found:
            called = self.names[name]
            at = count[called] = count.get(called, -1) + 1
            short[name] = f"{called}_{at}" if at else called
        named = [replace(one, name=short[name]) for name, one in found.items()]
        return tuple(
            with_callees(one, lambda called: replace(called, name=short[called.name])) for one in (*named, *own)
        )


def _first_results(f: Function, made: Function, forward: Called) -> Function:
    """A function as a call of its forward sweep, whose first results are its own."""
    call = Op("call", tuple(Var(p.name) for p in made.params), (("callee", forward),))
    types = {p.name: made.types[p.name] for p in made.params}
    body: Block
    if len(f.results) == 1:
        values: tuple[Expr, ...] = (Op("result", (call,), (("at", 0),)),)
        body = (Return(values),)
    else:
        given = list(types.values())
        every = fresh_name("results", type_of_call(forward, given, "results"), types)
        names: list[str] = []
        for at, value in enumerate(made.results[: len(f.results)]):
            names.append(unused_name(value.name if isinstance(value, Var) else "result", types, "_"))
            types[names[-1]] = type_of_result(types[every], at, every, names[-1])
        items = [Assign(name, Op("result", (Var(every),), (("at", at),))) for at, name in enumerate(names)]
        values = tuple(map(Var, names))
        body = (Assign(every, call), *items, Return(values))
    return replace(f, params=made.params, body=body, results=values, types=types, adjoints={}, tape={})


def repeats_work(adjoint: Function, may_repeat: Callable[[str], bool] = lambda name: False) -> bool:
    """Whether the forward sweep of an adjoint does anything of weight: a loop, a transcendental function, a call.

    Calls of the functions that it `may_repeat` weigh nothing.

    >>> from srcad.ir.notation import parse
    >>> from srcad.reverse.source_comments import REVERSE
    >>> [repeats_work(Function("f", (), (*parse(text), REVERSE), (), {})) for text in ("y = x * x", "y = np.exp(x)")]
    [False, True]
    """

    def weighs(op: Op) -> bool:
        if op.prim == "call":
            return not may_repeat(callee_of(op).name)
        return op.prim != "result" and not is_light(op)

    return _weighs(adjoint.body[: section_start(adjoint.body, "reverse")], weighs)


def _weighs(block: Block, op_weighs: Callable[[Op], bool]) -> bool:
    loops = any(isinstance(s, For | While) for s in walk(block))
    return loops or any(op_weighs(op) for s in walk(block) for e in own_exprs(s) for op in ops(e))


def unchecked(f: Function) -> Function:
    """The function without what it raises and prints, and so are the functions that it calls."""

    def block(b: Block) -> Block:
        return tuple(with_blocks(s, map(block, blocks(s))) for s in b if not isinstance(s, Effect))

    return prune(with_purity(replace(f, body=block(f.body)), lambda _: True))


def with_purity(f: Function, is_pure: Callable[[str], bool]) -> Function:
    """The function, whose calls say whether they may raise."""
    return with_callees(f, lambda one: replace(one, pure=is_pure(one.name)))


def check_calls(f: Function, kept: Sequence[KeptFunction], reversed_: bool) -> None:
    """`BetterInlined`, or S115, where a call would not do what Python does.

    A function that prints, or draws random numbers, must not run again where it is `reversed_`. A result that may be an
    argument in Python is a copy of it: neither may be written to.
    """
    called = {one.called.name: one for one in kept}
    own = recursive([one.function for one in kept]) | {one.called.name for one in kept if one.recurs}

    def refuse(one: KeptFunction, why: str) -> None:
        if one.called.name not in own:
            raise BetterInlined(id(one.tree))
        fail("S115", f"{one.tree.name} calls itself", one.function.span, why, "write it as a loop.")

    for one in kept if reversed_ else ():
        for stmt in walk(one.function.body):
            effects = {op.prim for e in own_exprs(stmt) for op in ops(e)}
            if "print" in effects:
                refuse(one, "It prints, and the reverse sweep runs it again.")
            if "insert_gradient" in effects:
                refuse(one, "A block is inserted into its reverse sweep.")
            if any(prim.startswith(("np.random.", "random.")) for prim in effects):
                refuse(one, "It draws random numbers, and the reverse sweep runs it again.")
    for g in (f, *(one.function for one in kept)):
        written = alias_classes(g).written
        items = {s.target: s.value for s in walk(g.body) if isinstance(s, Assign)}
        for target, value in items.items():
            if not isinstance(value, Op) or value.prim != "call":
                continue
            one = called[callee_of(value).name]
            results = [target, *(t for t, v in items.items() if v == Op("result", (Var(target),), _static(v)))]
            shared = [a.name for _, at in one.shares if isinstance(a := value.args[at], Var)]
            if one.shares and not written.isdisjoint([*results, *shared]):
                refuse(one, "It may return an array that it is given, and that is written to.")


def _static(value: Expr) -> tuple[tuple[str, object], ...]:
    return value.static if isinstance(value, Op) else ()


def normalised(
    f: Function, kept: Sequence[KeptFunction], normalise: Make
) -> tuple[Function, dict[str, Function], Callable[[str], bool]]:
    """The function and those that it calls, in normal form, and which of them may not raise, which their calls say."""
    made = {one.called.name: normalise(one.function) for one in kept}
    effects = {name for name, g in made.items() if any(isinstance(s, Effect) for s in walk(g.body))}
    while more := {n for n, g in made.items() if n not in effects and not effects.isdisjoint(callees(g))}:
        effects |= more

    def is_pure(name: str) -> bool:
        return name not in effects

    made = {name: prune(with_purity(g, is_pure)) for name, g in made.items()}
    told = with_constant_arguments(made)
    made = {name: with_callees(g, told) for name, g in made.items()}
    return with_callees(with_purity(f, is_pure), told), made, is_pure
