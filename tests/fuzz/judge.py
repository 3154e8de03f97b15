"""Whether a derivative of a program is right: against the program itself, run by Python, and against differences."""

from __future__ import annotations

import io
import itertools
import re
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

import srcad
from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.errors import SrcadError
from tests.fuzz.differences import NotSmooth, Wrong, along
from tests.fuzz.forward import Both, check_forward
from tests.fuzz.program import Program, loaded
from tests.fuzz.second import check_second, second_derivative
from tests.instead import run_instead
from tests.numeric import leaves, map_leaves, paths
from tests.poison import poisoned

FAILURES = ("wrong", "raw error", "timeout", "died")
SECONDS = 30
COMPILING = ("frontend", "analyses", "normalize", "reverse", "simplify", "tune", "backend", "rules", "pipeline.py")
"""The parts of srcad that are not on the way when a finished function runs: an error that comes from one is ours."""
UNSAID = (ZeroDivisionError, OverflowError)
"""What Python raises of numbers, where NumPy and compiled code give inf or NaN."""

LIMITS_OF_A_RUN = {
    "einsum of a length of 1": r"L\d+: np\.einsum\(.*: axes of lengths (1 and \d+|\d+ and 1) do not fit",
    "no iteration": r"L\d+: .*: what this loop changes has another type where it has no iteration",
}
"""What is said of limits that only a run shows, and that are documented."""


@dataclass(frozen=True)
class Outcome:
    """`kind` is "right", "raised" (so does the program), "refused", "not smooth", "not finite" or a failure."""

    kind: str
    detail: str = ""
    target: str = ""
    said: str = ""
    """Of a refusal: the message."""

    @property
    def failed(self) -> bool:
        return self.kind in FAILURES

    @property
    def group(self) -> str:
        """What failures of one kind have in common, more or less."""
        first = self.detail.partition("\n")[0]
        if self.kind == "refused":
            return f"{self.detail}: {re.sub(r'[0-9]+', '#', self.said)[:90]}"
        raises = re.match(r"the program raises \w+", first)
        return raises[0] if raises else first[:60] if self.kind == "raw error" else first[:9]


class TooLong(BaseException):
    pass


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, stop)
    outer, _ = signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        left, _ = signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        if outer:  # of a limit around this one
            signal.setitimer(signal.ITIMER_PROF, max(outer - seconds + left, 0.01))


def judged(program: Program, folder: Path, targets: tuple[str, ...]) -> Outcome:
    """The first failure among the targets: "python", "machine" (the compiled text run by Python), "cpu".

    Of a program whose mode is "second": "forward", "reverse", as in `second`.
    """
    try:
        with limit(SECONDS), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            module = loaded(program, folder)
            wide = replace(program, text=program.text.replace("float32", "float64"))
            trial = Trial(program, module, module if wide == program else loaded(wide, folder))
            outcome = Outcome("right")
            for target in targets:
                outcome = trial.by(target)
                if outcome.kind != "right":
                    return outcome
            return outcome
    except TooLong:
        return Outcome("timeout")
    except SyntaxError as error:  # a `break` of which the loop was taken away to make the program small
        return Outcome("not written", str(error))


@dataclass
class Trial:
    program: Program
    module: ModuleType
    wide: ModuleType
    """The same in double precision, for differences."""

    def __post_init__(self) -> None:
        self.plain: Any = None
        self.known: tuple[list[Any], float] | None = None
        self.others = hasattr(self.module, "others")
        self.single = "float32" in self.program.text
        self.expected: Any = None
        self.raised: BaseException | None = None
        self.after: Any = None
        self.args = self.fresh()
        given = self.fresh()
        held = [leaf for leaf in leaves(given) if isinstance(leaf, np.ndarray)]
        self.has_effects = hasattr(self.module, "LOG")
        for at in self.program.wrt:
            given[at] = map_leaves(lambda leaf: float(leaf) if type(leaf) is int else leaf, given[at])
        try:
            with limit(SECONDS / 6), self.observed() as self.effects:
                self.expected = self.module.program(*given)
        except TooLong:
            raise
        except Exception as fault:
            self.raised = fault
        self.after = held

    @contextmanager
    def observed(self) -> Iterator[list[str]]:
        """What is noted and printed meanwhile, in its order."""
        seen: list[str] = getattr(self.module, "LOG", [])
        seen.clear()
        found: list[str] = []
        with redirect_stdout(io.StringIO()) as printed:
            yield found
        found += [*seen, printed.getvalue()]

    def fresh(self, wide: bool = False) -> list[Any]:
        """The arguments, made anew: a copy would lie in memory in another way."""
        module = self.wide if wide else self.module
        return list(module.others() if self.others else module.arguments())

    # ---- one target ----------------------------------------------------------------------------------

    def by(self, target: str) -> Outcome:
        if isinstance(self.raised, UNSAID) or "math domain" in str(self.raised):
            return Outcome("not finite")
        if self.raised is None and not finite((self.expected, self.after)):
            return Outcome("not finite")
        try:
            derivative = self.made(target)
            if self.others:
                self.call(derivative, target, list(self.module.arguments()))
            before = map_leaves(lambda leaf: leaf, args := self.fresh())
            have = self.call(derivative, target, args)
        except Wrong as wrong:
            return Outcome("wrong", str(wrong)[:1500], target)
        except Exception as fault:
            return self.of_fault(fault, target)
        if self.raised is not None:
            said = f"{type(self.raised).__name__}: {self.raised}"
            return Outcome("wrong", f"the program raises {said}, the derivative gives {have!r}"[:600], target)
        try:
            self.check(have, args, before, derivative, target)
        except NotSmooth as fault:
            return Outcome(str(fault) or "not smooth")
        except Wrong as wrong:
            return Outcome("wrong", str(wrong)[:1500], target)
        return Outcome("right")

    def made(self, target: str) -> Any:
        """The derivative; "python" and "machine", in this order, are two texts of one."""
        if self.program.mode == "second":
            return self.derivative(target)
        if target != "cpu" and self.plain is not None:
            return self.plain
        made = self.derivative(target)
        if target != "cpu":
            self.plain = made
        return made

    def derivative(self, target: str) -> Any:
        program = self.program
        if program.mode == "second":
            return second_derivative(self, target)
        options: dict[str, Any] = {"target": "python" if target == "machine" else target}
        if target == "cpu":
            options["cache"] = False
        if program.mode == "primal":
            return srcad.jit(self.module.program, **options)
        if program.checkpoint:
            options["checkpoint"] = program.checkpoint
        if program.mode == "forward":
            return Both(self, options)
        return getattr(srcad, program.mode)(self.module.program, program.wrt, **options)

    def call(self, derivative: Any, target: str, args: list[Any]) -> Any:
        """The result, and for `adjoint` the buffers, which begin as weights."""
        if self.program.mode == "second":
            with poisoned():
                return derivative(*args)
        buffers = self.buffers(args) if self.program.mode == "adjoint" else []
        if target == "machine":
            by_python(derivative.specialisation(*args))
        elif not self.has_effects:  # which the first call has once, as any other
            derivative.specialisation(*args)
        with poisoned() if target != "cpu" else nullcontext(), self.observed() as effects:
            result = derivative(*args, *buffers)
        if self.raised is None and self.effects != effects:
            raise Wrong(f"effects: {effects}, not {self.effects}")
        return (result, buffers) if self.program.mode == "adjoint" else result

    def buffers(self, args: list[Any]) -> list[Any]:
        random = np.random.default_rng(11)
        active = [args[at] for at in self.program.wrt if isinstance(args[at], np.ndarray)]
        return [random.uniform(-1.0, 1.0, one.shape).astype(one.dtype) for one in active]

    def of_fault(self, fault: Exception, target: str) -> Outcome:
        """What an error means."""
        if isinstance(fault, SrcadError):
            problem = fault.problems[0]
            if problem.code.startswith("S9") or problem.code == "S501":
                return Outcome("raw error", str(fault)[:1500], target)
            if problem.span is None and problem.code[1] in "124" and problem.code not in ("S207",):
                return Outcome("raw error", f"no line: {fault}"[:1500], target)
            kind = "refused" if self.raised is None else "raised"
            return Outcome(
                kind, problem.code, said=f"{problem.message} ({problem.why})" if problem.why else problem.message
            )
        limits = [limit for limit, said in LIMITS_OF_A_RUN.items() if re.fullmatch(said, str(fault), re.DOTALL)]
        if self.raised is None and isinstance(fault, ValueError) and limits:
            return Outcome("refused", limits[0])
        shown = "".join(traceback.format_exception(fault)[-4:])[-1500:]
        said = f"{type(fault).__name__}: {str(fault)[:200]}"
        if ours(fault) or self.raised is None:
            return Outcome("raw error", f"{said}\n{shown}", target)
        return Outcome("raised", type(fault).__name__)

    # ---- numbers -------------------------------------------------------------------------------------

    def check(self, have: Any, args: list[Any], before: list[Any], derivative: Any, target: str) -> None:
        mode = self.program.mode
        tolerance = 1e-3 if self.single else 1e-9
        held = [(where, leaf) for where, leaf in paths(before) if isinstance(leaf, np.ndarray)]
        if mode in ("adjoint", "primal"):
            for (where, one), other in zip(held, self.after, strict=True):
                near(one, other, tolerance, f"argument{where} afterwards")
        else:
            for (where, one), other in zip(paths(args), leaves(self.fresh()), strict=True):
                if not np.array_equal(one, other):
                    raise Wrong(f"argument{where} was written to: {one}, was {other}")
        again = self.call(derivative, target, self.fresh())
        if [bits(one) for one in leaves(have)] != [bits(one) for one in leaves(again)]:
            raise Wrong(f"two calls differ:\n{have}\n{again}")
        if mode == "second":
            check_second(self, have, args, target)
            return
        value = None
        match mode:
            case "primal":
                value, gradient = have, None
            case "value_and_grad":
                value, gradient = have
            case "forward":
                value, gradient = check_forward(self, have)
            case "adjoint":
                gradient = self.from_buffers(*have)
            case "jacobian":
                gradient = self.contracted(have)
            case _:
                gradient = have
        if value is not None:
            for one, other in zip(leaves(value), leaves(self.expected), strict=True):
                near(one, other, tolerance, "the value")
        if gradient is not None:
            self.check_gradient(gradient)

    def from_buffers(self, result: Any, buffers: list[Any]) -> list[Any]:
        numbers = iter(result if isinstance(result, tuple) else (result,))
        arrays = iter(buffers)
        return [next(arrays if isinstance(self.args[at], np.ndarray) else numbers) for at in self.program.wrt]

    def contracted(self, rows: Any) -> Any:
        """Of a Jacobian, the gradient of the weighted sum of outputs."""
        if isinstance(self.expected, tuple):
            parts = [
                map_leaves(lambda leaf, w=w: w * np.asarray(leaf), row) for w, row in zip(WEIGHTS, rows, strict=False)
            ]
        else:
            shape = np.shape(self.expected)
            weights = self.weights(shape)
            return map_leaves(lambda leaf: np.tensordot(weights, np.asarray(leaf, float), len(shape)), rows)
        total = [sum(np.asarray(part) for part in same) for same in zip(*(leaves(part) for part in parts), strict=True)]
        count = iter(total)
        return map_leaves(lambda _: next(count), parts[0])

    @staticmethod
    def weights(shape: tuple[int, ...]) -> Any:
        return np.random.default_rng(17).uniform(0.5, 1.5, shape)

    def loss(self, args: list[Any]) -> float:
        """The number whose gradient is asked for."""
        result = self.wide.program(*args)
        if self.program.mode == "adjoint":
            total = 0.0 if result is None else float(result)
            active = [args[at] for at in self.program.wrt if isinstance(args[at], np.ndarray)]
            return total + sum(float(np.sum(w * a)) for w, a in zip(self.buffers(self.args), active, strict=True))
        if self.program.mode == "jacobian":
            if isinstance(result, tuple):
                return float(sum(w * one for w, one in zip(WEIGHTS, result, strict=False)))
            return float(np.sum(self.weights(np.shape(result)) * result))
        return float(result)

    def check_gradient(self, gradient: Any) -> None:
        wrt = self.program.wrt
        moved = [leaf for at in wrt for leaf in leaves(self.args[at])]
        found = leaves(gradient)
        if len(found) != len(moved):
            raise Wrong(f"{len(found)} leaves in the gradient, {len(moved)} in the arguments")
        for one, other in zip(found, moved, strict=True):
            if np.shape(one) != np.shape(other):
                raise Wrong(f"a gradient of shape {np.shape(one)} for an argument of shape {np.shape(other)}")
        ways, slope = self.direction(moved)
        have = float(sum(np.sum(np.asarray(g, float) * v) for g, v in zip(found, ways, strict=True)))
        tolerance = (5e-3 if self.single else 2e-6) * max(1.0, abs(slope))
        if abs(have - slope) <= tolerance:
            return
        self.explain(moved, found, have, slope)

    def direction(self, moved: list[Any]) -> tuple[list[Any], float]:
        """A direction at random, and the derivative along it."""
        if self.known is None:
            random = np.random.default_rng(5)
            shapes = [np.shape(leaf) for leaf in moved]
            ways = [random.uniform(0.5, 1.0, shape) * random.choice((-1.0, 1.0), shape) for shape in shapes]
            self.known = ways, self.slope(ways)
        return self.known

    def slope(self, ways: list[Any]) -> float:
        """The derivative of the loss when the differentiated leaves move along `ways`."""

        def at(h: float) -> float:
            try:
                return self.loss(self.moved(h, ways))
            except Exception:
                raise NotSmooth from None

        return along(at)

    def moved(self, h: float, ways: list[Any]) -> list[Any]:
        """The arguments, in double precision, where the differentiated leaves have moved along `ways`."""
        count = iter(ways)
        args = self.fresh(wide=True)
        held = [leaf for leaf in leaves(args) if isinstance(leaf, np.ndarray)]
        overlap = any(np.may_share_memory(one, other) for one, other in itertools.combinations(held, 2))

        def move(leaf: Any) -> Any:
            if not isinstance(leaf, np.ndarray):
                return float(leaf + h * next(count))
            if overlap:
                leaf = leaf.copy()  # each argument has a derivative of its own; nothing writes to such arrays
            leaf += h * next(count)  # in place: how it lies in memory is part of the program
            return leaf

        for k in self.program.wrt:
            args[k] = map_leaves(move, args[k])
        return args

    def meets_infinite(self, function: Any = None) -> bool:
        """Whether an operation gives infinity or NaN, of which the result shows nothing, and no `np.where` guards.

        An operation of the program, or of a function of the same arguments.
        """
        if "np.where" in self.program.text:
            return False
        args = self.fresh(wide=True)
        try:
            with np.errstate(divide="raise", over="raise", invalid="raise"), mock.patch.object(np, "arctan2", _angle):
                (function or self.wide.program)(*args)
        except FloatingPointError:
            return True
        return False

    def explain(self, moved: list[Any], found: list[Any], have: float, slope: float) -> None:
        """Entry by entry: an error is one only where the function is smooth."""
        names = [f"{at}{where}" for at in self.program.wrt for where, _ in paths(self.args[at])]
        lines, unclear, numbers = [], 0, False
        for number, (leaf, mine) in enumerate(zip(moved, found, strict=True)):
            for place in np.ndindex(np.shape(leaf)):
                ways = [np.zeros(np.shape(one)) for one in moved]
                ways[number][place] = 1.0
                try:
                    want = self.slope(ways)
                except NotSmooth:
                    unclear += 1
                    continue
                mine_here = float(np.asarray(mine)[place])
                if not abs(mine_here - want) <= (1e-2 if self.single else 1e-5) * max(1.0, abs(want)):
                    numbers = numbers or not np.isnan(mine_here)
                    lines.append(f"argument {names[number]}{list(place) or ''}: have {mine_here:.8g}, want {want:.8g}")
        if not lines and (unclear or np.isfinite(have)):
            raise NotSmooth
        if lines and not numbers and self.meets_infinite():
            raise NotSmooth("not finite")  # a documented limit
        raise Wrong("\n".join(lines[:8]) or f"along a direction: have {have:.8g}, want {slope:.8g}")


def _angle(y: Any, x: Any, arctan2: Any = np.arctan2) -> Any:
    """`arctan2`, which has no derivative where both are 0 and gives a number there."""
    if np.any((np.asarray(y) == 0) & (np.asarray(x) == 0)):
        raise FloatingPointError
    return arctan2(y, x)


WEIGHTS = (0.7, -1.3, 0.9, 1.1, 0.4)


def by_python(one: Any) -> None:
    """Let a specialisation run the text that is compiled, by Python."""
    if getattr(one, "runs_machine_text", False):
        return
    made = one.generated
    function: Callable[..., Any] = getattr(load(cache_files.store(made.name, made.machine_text())), made.function.name)
    run_instead(one, function)
    one.runs_machine_text = True


def ours(fault: BaseException) -> bool:
    """Whether an error came out of the compiler, and not out of the function it made."""
    package = Path(srcad.__file__).parent
    names = [Path(frame.filename) for frame in traceback.extract_tb(fault.__traceback__)]
    return any(name.is_relative_to(package / part) for name in names for part in COMPILING)


def near(have: Any, want: Any, tolerance: float, what: str) -> None:
    if np.shape(have) != np.shape(want):
        raise Wrong(f"{what} has shape {np.shape(have)}, not {np.shape(want)}")
    if not np.allclose(have, want, rtol=tolerance, atol=tolerance):
        raise Wrong(f"{what} is {have!r}, not {want!r}")


def finite(tree: Any) -> bool:
    return all(bool(np.all(np.isfinite(one))) for one in leaves(tree) if np.asarray(one).dtype.kind in "fi")


def bits(x: Any) -> bytes:
    return np.asarray(x).tobytes()
