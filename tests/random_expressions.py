"""Random array programs without control flow: broadcasting, reductions, indexing, reshaping, products, writes.

Shapes are found by running each statement as it is written, so that what comes out fits together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

BASE = (2, 3, 4)


class Sheet:
    """One program under construction, with the values its names have at the point it is written for."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.values: dict[str, Any] = {}
        self.lines: list[str] = []
        self.count = 0

    def pick(self, options: list[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def argument(self, name: str, seed: int) -> None:
        rank = self.pick([0, 1, 1, 2, 2, 3])
        shape = tuple(self.pick([n, n, 1]) for n in BASE[3 - rank :])
        value = np.random.default_rng([seed, *shape]).uniform(-1.0, 1.0, shape)
        self.values[name] = float(value) if rank == 0 else value

    def name(self, rank: int | None = None) -> str | None:
        names = [n for n, v in self.values.items() if rank is None or np.ndim(v) == rank]
        return self.pick(names) if names else None

    def fitting(self, x: str) -> str:
        """A name that broadcasts with `x`."""
        names = []
        for n, v in self.values.items():
            try:
                np.broadcast_shapes(np.shape(v), np.shape(self.values[x]))
            except ValueError:
                continue
            names.append(n)
        return str(self.pick(names))

    def expression(self) -> str | None:
        x = self.name()
        assert x is not None
        shape = np.shape(self.values[x])
        rank = len(shape)
        kind = self.pick(
            ["binary"] * 4 + ["unary"] * 2 + ["reduce"] * 4 + ["shape"] * 3 + ["index"] * 3 + ["product"] * 2 + ["join"]
        )
        match kind:
            case "binary":
                y = self.fitting(x)
                forms = ["{x} + {y}", "{x} * {y}", "{x} - {y}", "{x} / (1.5 + {y} * {y})", "np.maximum({x}, {y})"]
                forms += [
                    "np.where({x} > {y}, {x}, 0.3 * {y})",
                    "(1.5 + {x} * {x}) ** {y}",
                    "np.arctan2({x}, 2 + {y} * {y})",
                ]
                return self.pick(forms).format(x=x, y=y)
            case "unary":
                forms = [
                    "np.sin({x})",
                    "np.tanh({x})",
                    "np.exp(-{x} * {x})",
                    "np.sqrt(1 + {x} ** 2)",
                    "-{x}",
                    "np.abs({x})",
                ]
                forms += ["np.clip({x}, -0.4, 0.5)", "0.7 * {x} + 0.1", "np.log(2 + {x} * {x})"]
                return self.pick(forms).format(x=x)
            case "reduce" if rank:
                f = self.pick(["sum", "mean", "max", "min", "prod", "var", "std"])
                axis = self.pick([None, *range(-rank, rank)] + ([(0, 1), (-1, 0)] if rank > 1 else []))
                if f == "std" and (
                    axis is None
                    and self.values[x].size == 1
                    or axis is not None
                    and np.size(np.std(self.values[x], axis=axis)) == self.values[x].size
                ):
                    f = "mean"
                keep = self.pick(["", ", keepdims=True"])
                spelled = "" if axis is None and not keep else f"axis={axis}{keep}"
                if self.pick([True, False]):
                    return f"{x}.{f}({spelled})"
                return f"np.{f}({x}{', ' if spelled else ''}{spelled})"
            case "shape" if rank:
                forms = [
                    "{x}.T",
                    "{x}.reshape(-1)",
                    "{x}[None]",
                    "np.expand_dims({x}, -1)",
                    "{x}[..., None]",
                    "{x}.copy()",
                    "np.squeeze({x})",
                ]
                forms += ["np.broadcast_to({x}, (2,) + {x}.shape)", "{x}.ravel()", "np.flip({x}, axis=0)"]
                if rank > 1:
                    forms += [
                        "np.swapaxes({x}, 0, 1)",
                        "{x}.reshape(({x}.shape[1], {x}.shape[0], -1))",
                        "np.moveaxis({x}, -1, 0)",
                    ]
                return self.pick(forms).format(x=x)
            case "index" if rank:
                forms = ["{x}[0]", "{x}[-1]", "{x}[::-1]", "{x}[1:]", "{x}[..., 0]", "{x}[..., 1:]", "{x}[[0, 0, -1]]"]
                forms += ["{x}[{x} > 0.1]", "{x}[..., ::2]"]
                if rank > 1:
                    forms += [
                        "{x}[:, 0]",
                        "{x}[0, 1:]",
                        "{x}[:, [0, -1, 0]]",
                        "{x}[[0, -1], [0, 0]]",
                        "{x}[:, None, 0]",
                    ]
                return self.pick(forms).format(x=x)
            case "product":
                y = self.name()
                return f"np.tanh({x} @ {y})"
            case "join" if rank:
                y = self.fitting(x)
                return self.pick(
                    [
                        f"np.concatenate(({x}, {x} * {y}))",
                        f"np.stack(({x}, 2 * {x}), axis=-1)",
                        f"np.concatenate(({x}, {x}), axis=-1)",
                    ]
                )
        return None

    def write(self) -> str | None:
        """An assignment into an array made here."""
        mine = [n for n, v in self.values.items() if n.startswith("t") and np.ndim(v) and v.flags.writeable]
        if not mine:
            return None
        x = self.pick(mine)
        target = self.pick(["", "[0]", "[..., 0]", "[1:]", "[::-1]", "[..., :1]", "[[0, -1]]"])
        operator = self.pick(["=", "+=", "*=", "-="]) if target else self.pick(["+=", "*="])
        y = self.name()
        return f"{x}{target} {operator} {self.pick(['np.cos({y})', '0.5', '0.5 * {y}']).format(y=y)}"

    def keep(self, statement: str) -> bool:
        """Run the statement; keep it if it ran, and gave numbers of a sensible size."""
        trial = {
            n: v.copy() if isinstance(v, np.ndarray) and n.startswith("t") and v.flags.writeable else v
            for n, v in self.values.items()
        }
        try:
            with np.errstate(all="raise"):
                exec(statement, {"np": np}, trial)
        except (ValueError, IndexError, FloatingPointError, TypeError):
            return False
        for v in trial.values():
            a = np.asarray(v)
            if a.dtype != np.float64 or a.ndim > 4 or a.size > 150 or not a.size or np.max(np.abs(a)) > 20:
                return False
        self.lines.append(statement)
        self.values = trial
        return True

    def program(self) -> tuple[str, tuple[Any, ...]]:
        for seed, name in enumerate("abc"):
            self.argument(name, seed)
        args = tuple(self.values.values())
        for _ in range(self.draw(st.integers(2, 9))):
            statement = self.write() if self.pick([True, False, False, False]) else None
            if statement is None:
                expression = self.expression()
                if expression is None:
                    continue
                self.count += 1
                statement = f"t{self.count} = {expression}"
            self.keep(statement)
        result = " + ".join(f"{0.5 + 0.1 * k:.1f} * np.sum(np.sin({n}))" for k, n in enumerate(self.values))
        body = "\n".join(f"    {line}" for line in [*self.lines, f"return {result}"])
        return f"import numpy as np\n\n\ndef program(a, b, c):\n{body}\n", args


@st.composite
def expressions(draw: Callable[[Any], Any]) -> tuple[str, tuple[Any, ...]]:
    return Sheet(draw).program()
