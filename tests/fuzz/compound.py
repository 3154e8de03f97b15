"""`with`, `try`, loops over generators, errors that are raised."""

from __future__ import annotations

from tests.fuzz.slots import Slots
from tests.fuzz.state import INDENT, Refused
from tests.fuzz.writer import Writer

PREAMBLE = """
class ModelError(ValueError):
    pass


class Scope:
    def __init__(self, gain):
        self.gain = gain
        self.left = 0

    def __enter__(self):
        self.gain *= 0.5
        return self

    def __exit__(self, *_):
        self.left += 1
        self.gain *= 2.0


@contextlib.contextmanager
def halved(v):
    v *= 0.5
    try:
        yield v
    finally:
        v *= 2.0


@contextlib.contextmanager
def restored(v):
    old = v.copy()
    yield v[0]
    v[:] = 0.5 * v + old * old


@contextlib.contextmanager
def shared(s):
    total = [s]
    yield total
    total[0] *= 0.5


def decayed(s, n):
    for _ in range(n):
        yield s
        s = 0.5 * np.tanh(s) + 0.1


def neighbours(v):
    for k in range(1, len(v)):
        yield v[k - 1], v[k]


def positive(v):
    for e in v:
        if e > 0.0:
            yield e


def joined(v, s):
    yield s
    yield from v
    yield from decayed(s, 2)


def endless(s):
    while True:
        yield s
        s = np.cos(s)


def windows(v, n):
    for k in range(len(v) - n + 1):
        yield v[k : k + n]


def emptied(v):
    for k in range(len(v)):
        yield v[k]
        v[k] = 0.3 * v[k]
"""

OPENED = (
    "Scope({f}) as {z}",
    "halved({v}) as {z}",
    "halved({v})",
    "restored({v}) as {z}",
    "shared({f}) as {z}",
    "contextlib.nullcontext({f}) as {z}",
    "contextlib.suppress()",
    "np.errstate(all='ignore')",
    "Scope({f}) as {z}, halved({v})",
)

LOOPS = (
    "for {e} in decayed({f}, {k}):",
    "for {e}, {o} in neighbours({v}):",
    "for {i}, {e} in enumerate(positive({v})):",
    "for {e} in positive({v}):",
    "for {e} in joined({v}, {f}):",
    "for {e} in itertools.islice(endless({f}), {k}):",
    "for {e} in windows({v}, 2):",
    "for {e} in emptied({v}):",
    "for {e} in (2.0 * e_ for e_ in {v} if e_ < 0.7):",
    "for {e}, {o} in zip(decayed({f}, 3), {v}):",
    "for {e}, {o} in itertools.pairwise({v}):",
)

FLOATS = (
    "sum(decayed({f}, {k}))",
    "sum(joined({v}, {f}))",
    "next(endless({f}))",
    "sum(a_ * b_ for a_, b_ in neighbours({v}))",
    "max(positive({v}), default={f})",
    "sum(e_ * o_ for e_, o_ in zip(decayed({f}, 3), {v}))",
    "list(decayed({f}, 2))[-1]",
    "sum(np.sum(w_) * w_[0] for w_ in windows({v}, 2))",
    "np.array(list(decayed({f}, 3))) @ np.array([0.2, 0.5, -0.3])",
    "sum(emptied({v}))",
)


class Compound(Slots, Writer):
    def with_block(self) -> None:
        name = self.fresh()
        head = f"with {self.of(self.pick(OPENED), z=name)}:"
        self.around(head)

    def around(self, head: str) -> None:
        start = len(self.lines)
        self.emit(head)
        self.body()
        self.settle(start)

    def generator_loop(self) -> None:
        e, o = self.fresh(), self.fresh()
        i = self.pick([c for c in ("i", "j", "k", "t") if c not in self.env] or ["ii"])
        if e == o:
            raise Refused
        head = self.of(self.pick(LOOPS), e=e, o=o, i=i)
        self.run_loop(head, head, None)

    def try_block(self) -> None:
        """Handlers raise, since only that is in the language; what is in `else` and `finally` runs."""
        start = len(self.lines)
        self.emit("try:", "if True:")
        self.body()
        handled = self.chance(0.7)
        if handled:
            self.emit("except (ZeroDivisionError, IndexError):", "if False:")
            self.emit(f"{INDENT}raise ModelError('here')")
            if self.chance(0.3):
                self.emit("else:", "if True:")
                self.body()
        if not handled or self.chance(0.4):
            self.emit("finally:", "if True:")
            self.body()
        self.settle(start)

    def raised(self) -> None:
        """What does not raise here, since the condition is false."""
        cond = self.truth(1)
        f = self.atom(self.float(0))
        self.emit(f"if {cond}:")
        self.emit(
            INDENT
            + self.pick(
                (
                    f"raise ModelError(f'not {{{f}:.3f}}')",
                    "raise ValueError('not this')",
                    f"raise ModelError('not', {f})",
                    "raise ModelError",
                )
            )
        )

    def bind_generated(self) -> None:
        self.emit(f"{self.fresh()} = {self.of(self.pick(FLOATS))}")
