"""The value of each call of `numpy_calls` through `srcad.jit`, compared with NumPy's: on arguments of many kinds.

    python -m tests.numpy_values                    all calls, all kinds of arguments, run as plain Python
    python -m tests.numpy_values --compiled         the same, compiled, a dozen calls at a time: an hour or more
    python -m tests.numpy_values --kinds plain,special
    python -m tests.numpy_values --only linalg      those whose text contains a word
    python -m tests.numpy_values --seed 7           other random numbers

A call may be refused by an error of srcad's. Where NumPy raises, nothing may come back.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import math
import sys
import tempfile
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import srcad
from tests import numpy_calls

GROUPS = {
    "exact": numpy_calls.EXACT,
    "math": numpy_calls.ELEMENTWISE_MATH,
    "reductions": numpy_calls.REDUCTIONS,
    "products": numpy_calls.PRODUCTS,
    "linalg": numpy_calls.LINALG,
    "shapes": numpy_calls.SHAPES,
    "joining": numpy_calls.JOINING,
    "creation": numpy_calls.CREATION,
    "order": numpy_calls.ORDER,
    "picking": numpy_calls.PICKING,
    "in place": numpy_calls.IN_PLACE,
}
CALLS = {call: group for group, calls in GROUPS.items() for call in calls}
MODULES = {"np": np, "math": math, "base": 3.0}

# ---- arguments -----------------------------------------------------------------------------------

SHAPES = {
    "v": (5,), "w": (5,), "m": (3, 4), "n": (3, 4), "c": (2, 3, 4), "d": (2, 3, 4), "f": (2, 2, 2, 2), "r": (4,),
    "u": (3,), "u2": (3,), "g": (5,),
}  # fmt: skip
RANKS = {0: (), 1: (4,), 2: (3, 4), 3: (2, 3, 4), 4: (2, 1, 3, 2)}
SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e300, -1e300, 1e-310, np.inf, -np.inf, np.nan, 3.7, 7.0, -7.0]
)


def arguments(kind: str, rng: np.random.Generator) -> dict[str, Any]:
    """A value for each letter, of one kind: `plain`, `rank 3`, `float32`, `integer`, `fortran`, `reversed`, ..."""
    shape = RANKS[int(kind[5:])] if kind.startswith("rank") else RANKS[2]
    shape = {"ones": (1, 4), "empty": (0, 4)}.get(kind, shape)
    dims = SHAPES | {"x": shape, "y": shape}
    if kind in ("ones", "empty"):
        short = int(kind == "ones")
        dims |= dict.fromkeys(("v", "w", "u", "u2"), (short,)) | dict.fromkeys(("m", "n"), (short, 4))
        dims |= dict.fromkeys(("c", "d"), (2, short, 4))
    values: dict[str, Any] = {name: rng.normal(size=size) for name, size in dims.items()}
    values["g"] = np.sort(values["g"])
    square = {"s": (3, 3), "s2": (3, 3), "S": (2, 3, 3), "S2": (2, 3, 3)}
    values |= {name: rng.normal(size=size) + 2.0 * np.eye(3) for name, size in square.items()}
    values |= {new: values[s] @ np.swapaxes(values[s], -1, -2) for new, s in (("p", "s"), ("P", "S"))}
    pairs = np.array([(a, b) for a in SPECIAL for b in SPECIAL])
    drawn = rng.permutation(len(pairs))[:24]
    values |= {"a": pairs[drawn, 0], "a2": pairs[drawn, 1]}
    if kind == "integer":
        values = {name: np.round(3.0 * x).astype(np.int64) for name, x in values.items() if name not in ("a", "a2")}
        values["a"], values["a2"] = rng.integers(-4, 5, 24), rng.integers(-4, 5, 24)
    if kind == "float32":
        with np.errstate(all="ignore"):
            values = {name: x.astype(np.float32) for name, x in values.items()}
    if kind == "special":
        for name in ("x", "y", "v", "m", "c", "w"):
            places = rng.random(values[name].shape) < 0.3
            moderate = SPECIAL[np.abs(SPECIAL) != 1e300]  # with these a sum depends on its order
            values[name] = np.where(places, rng.choice(moderate, values[name].shape), values[name])
    values |= {"B": rng.random(shape) < 0.5, "B2": rng.random(shape) < 0.5}
    values |= {"I": rng.integers(0, 4, shape), "I2": rng.integers(0, 4, shape), "i": rng.integers(0, 4, 5)}
    values = {name: laid_out(x, kind) if isinstance(x, np.ndarray) else x for name, x in values.items()}
    return values | {"t": float(rng.uniform(0.1, 0.9)), "l": float(rng.uniform(1.1, 3.0)), "k": int(rng.integers(1, 4))}


def laid_out(x: Any, kind: str) -> Any:
    """The same numbers, otherwise laid out in memory."""
    if kind == "fortran":
        return np.asfortranarray(x)
    if kind == "reversed":
        return np.ascontiguousarray(x[(slice(None, None, -1),) * x.ndim])[(slice(None, None, -1),) * x.ndim]
    if kind == "strided" and x.ndim:
        wide = np.empty((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    return x


ALL_KINDS = [
    "plain", "rank 0", "rank 1", "rank 3", "rank 4", "float32", "integer", "fortran", "reversed", "strided", "ones",
    "empty", "special",
]  # fmt: skip
_ANY_RANK = {"x", "y", "B", "B2", "I", "I2"}
_UNLIKE = {"t", "l", "k"}


def letters(call: str) -> list[str]:
    """The arguments of a call, in the order of the alphabet."""
    found = {node.id for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Name)}
    return sorted(found & {*SHAPES, *_ANY_RANK, *_UNLIKE, "a", "a2", "s", "s2", "S", "S2", "p", "P", "i"})


def kinds_of(call: str) -> list[str]:
    """The kinds of arguments that differ for this call."""
    names = set(letters(call))
    if not names:
        return ["plain"]
    kinds = [k for k in ALL_KINDS if not k.startswith("rank") or names & _ANY_RANK]
    if "argsort" in call and "stable" not in call:
        kinds = [k for k in kinds if k != "integer"]  # the order of equal ones is nobody's
    if "[B" in call:
        kinds = [k for k in kinds if not k.startswith("rank")]  # a mask of another shape
    if names <= _UNLIKE:
        return ["plain"]
    if "einsum" in call or "@" in call or "dot" in call:
        kinds = [k for k in kinds if k != "special"]  # where sums overflow depends on their order
    if "np.average" in call or "dtype=np.float32" in call:
        kinds = [k for k in kinds if k not in ("empty", "ones")]
    if names <= {"s", "s2", "S", "S2", "p", "P", *_UNLIKE}:
        return [k for k in kinds if k not in ("ones", "empty", "special")]
    return kinds


# ---- one call ------------------------------------------------------------------------------------


def functions(calls: list[str], folder: Path, name: str) -> list[Callable[..., Any]]:
    """The calls as functions of a module in a file: srcad reads source."""
    parts = []
    for at, call in enumerate(calls):
        *before, last = call.split("; ")
        body = "".join(f"    {line}\n" for line in before)
        parts.append(f"def call_{at}({', '.join(letters(call))}):\n{body}    return {last}\n")
    path = folder / f"{name}.py"
    path.write_text("\n\n".join(parts), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module).update(MODULES)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return [getattr(module, f"call_{at}") for at in range(len(calls))]


@dataclass(frozen=True)
class Outcome:
    """`what` is "equal", "refused", "raises" (as NumPy does), or what is wrong."""

    call: str
    kind: str
    what: str
    more: str = ""

    @property
    def wrong(self) -> bool:
        return self.what not in ("equal", "refused", "raises")


def outcome(call: str, f: Callable[..., Any], compiled: Any, kind: str, seed: int = 0) -> Outcome:
    """Run one call both ways on arguments of one kind."""
    rng = np.random.default_rng([seed, len(call), ALL_KINDS.index(kind)])
    values = arguments(kind, rng)
    given = [values[name] for name in letters(call)]
    want, have, error = None, None, None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            want = f(*map(copied, given))
        except Exception as fault:
            error = fault
        try:
            have = compiled(*map(copied, given))
        except srcad.InternalError as fault:
            return Outcome(call, kind, "internal error", str(fault)[:300])
        except srcad.SrcadError as fault:
            return Outcome(call, kind, "refused", fault.problems[0].message)
        except Exception as fault:
            known = error is not None or call in numpy_calls.RAISES
            what = "raises" if known else "raises, unlike NumPy"
            return Outcome(call, kind, what, f"{type(fault).__name__}: {fault}"[:200])
    if error is not None:
        more = f"{type(error).__name__}: {error} | {have!r}"[:300]
        return Outcome(call, kind, "a value where NumPy raises", more)
    found = differ(have, want, CALLS.get(call) in ("exact", "math"))
    return Outcome(call, kind, found or "equal", f"have {have!r} want {want!r}" if found else "")


def copied(x: Any) -> Any:
    """The same numbers in other memory, laid out alike."""
    if not isinstance(x, np.ndarray):
        return x
    if x.flags.c_contiguous or x.flags.f_contiguous:
        return x.copy(order="K")
    return laid_out(np.array(x), "reversed" if x.strides[-1] < 0 else "strided")


def differ(have: Any, want: Any, exact: bool, loose: bool = False) -> str | None:
    """In what the two are unlike, or None. Where `loose`, the dtypes of numbers do not count: they are Python's."""
    if isinstance(want, tuple | list):
        if not isinstance(have, tuple | list) or len(have) != len(want):
            return "another structure"
        return next((found for h, w in zip(have, want, strict=True) if (found := differ(h, w, exact, loose))), None)
    h, w = np.asarray(have), np.asarray(want)
    if h.shape != w.shape:
        return f"shape {h.shape}, not {w.shape}"
    if loose and not w.shape:
        h = h.astype(w.dtype)
    if type(want) in (int, bool) and h.dtype.kind == "f":
        w = w.astype(h.dtype)  # an integer of Python's: a variable of ours has one type on all paths
    if h.dtype != w.dtype:
        return f"dtype {h.dtype}, not {w.dtype}"
    single = w.dtype in (np.float32, np.complex64)
    with np.errstate(all="ignore"):
        size = float(np.max(np.abs(w[np.isfinite(w)]), initial=0.0)) if w.dtype.kind in "fc" and not exact else 0.0
        relative = 1e-5 if single else 1e-12
        close = np.isclose(h, w, rtol=relative, atol=relative * size, equal_nan=True)
    if not np.all(close):
        return "another value"
    zeros = (h == 0) & (w == 0) if exact and w.dtype.kind == "f" else np.zeros(w.shape, bool)
    if loose or h.dtype.kind == "c":
        return None
    return "another sign of zero" if np.any(zeros & (np.signbit(h) != np.signbit(w))) else None


# ---- all of them ---------------------------------------------------------------------------------


def outcomes(runs: list[tuple[str, str]], folder: Path, seed: int) -> Iterator[Outcome]:
    """What becomes of calls on kinds of arguments, run as plain Python."""
    calls = list(dict.fromkeys(call for call, _ in runs))
    made = dict(zip(calls, functions(calls, folder, f"numpy_calls_{seed}"), strict=True))
    compiled = {call: srcad.jit(f, target="python") for call, f in made.items()}
    for call, kind in runs:
        yield outcome(call, made[call], compiled[call], kind, seed)


def compiled_outcomes(runs: list[tuple[str, str]], folder: Path, seed: int) -> Iterator[Outcome]:
    """The same compiled, a dozen calls with one kind of arguments at a time; those that are right as plain Python."""
    right: dict[str, list[str]] = {}
    for one in outcomes([(c, k) for c, k in runs if ";" not in c], folder, seed):
        if one.what == "equal":
            right.setdefault(one.kind, []).append(one.call)
        else:
            yield one
    for kind, calls in right.items():
        for k in range(0, len(calls), _CHUNK):
            yield from of_chunk(calls[k : k + _CHUNK], kind, folder, seed)


_CHUNK = 12


def of_chunk(calls: list[str], kind: str, folder: Path, seed: int) -> Iterator[Outcome]:
    """Calls compiled together, as one function."""
    together = f"({', '.join(calls)},)"
    (f,) = functions([together], folder, f"numpy_chunk_{zlib.crc32(together.encode())}_{kind.replace(' ', '_')}_{seed}")
    values = arguments(kind, np.random.default_rng([seed, len(together), ALL_KINDS.index(kind)]))
    given = [values[name] for name in letters(together)]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = f(*map(copied, given))
        try:
            have = srcad.jit(f)(*map(copied, given))
        except Exception as fault:
            yield Outcome(together, kind, "raises, unlike NumPy", f"{type(fault).__name__}: {fault}"[:2000])
            return
    for one, h, w in zip(calls, have, want, strict=True):
        found = differ(h, w, CALLS.get(one) in ("exact", "math"), loose=True)
        yield Outcome(one, kind, found or "equal", f"have {h!r} want {w!r}" if found else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--kinds", default=",".join(ALL_KINDS))
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--refused", action="store_true", help="list what is refused, too")
    given = parser.parse_args()
    from rich.progress import track

    calls = [call for call, group in CALLS.items() if given.only in call or given.only == group]
    runs = [(call, kind) for call in calls for kind in kinds_of(call) if kind in given.kinds.split(",")]
    tally: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        found = (compiled_outcomes if given.compiled else outcomes)(runs, Path(folder), given.seed)
        for one in track(found, "calls", len(runs)):
            tally[one.what if not one.wrong else "wrong"] += 1
            if one.wrong or (given.refused and one.what == "refused"):
                print(f"{one.call}  [{one.kind}]  {one.what}: {one.more}", flush=True)
    print(dict(tally))
    raise SystemExit(tally["wrong"] > 0)


if __name__ == "__main__":
    main()
