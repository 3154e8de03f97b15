"""Statements that hold no others: what is bound, stored, changed in place, called."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from tests.fuzz.arrays import Arrays
from tests.fuzz.scalars import is_float, is_int
from tests.fuzz.state import Refused

NAMES = (
    *("a", "b", "c", "y", "z", "w", "out", "acc", "total", "left", "right", "buf", "new", "old", "row", "tmp"),
    *("d_x", "d_y", "d_a", "x_saved", "y_stack", "i_stack", "took_if", "took_else", "turns", "n", "m", "np_", "result"),
    *(
        "d_result",
        "product",
        "value",
        "source",
        "like",
        "index",
        "start",
        "stop",
        "step",
        "n_1",
        "x_1",
        "t_x",
        "h_saved",
    ),
    *(
        "x_checkpoints",
        "length",
        "position",
        "seed",
        "first",
        "unbroadcast",
        "runtime",
        "machine",
        "d",
        "d0_x",
        "row_1",
    ),
    *("sum", "max", "abs", "state", "primal", "grow", "stack", "push", "size", "saved", "nonzero", "order", "mask"),
)
IN_PLACE = ("+=", "-=", "*=", "+=", "-=", "*=", "/=")


class Statements(Arrays):
    helpers: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Functions that may be called as statements, with the ranks of their parameters (0: a float)."""

    def fresh(self) -> str:
        free = [name for name in NAMES if name not in self.env]
        return self.pick(free) if free else f"v{self.random.randint(0, 99)}"

    def target(self, fits: Any) -> str:
        """A name for a value: one that has a value of the kind already, or a fresh one."""
        bound = self.bindable(fits)
        return self.pick(bound) if bound and self.chance(0.55) else self.fresh()

    def simple(self) -> None:
        """One statement of a random kind."""
        ways = [
            (3.0, self.bind_float),
            (3.0, self.bind_array),
            (6.0, self.store),
            (2.0, self.change),
            (0.5, self.bind_int),
            (0.5, self.bind_truth),
            (0.7, self.bind_ints),
            (1.5, self.bind_view),
            (0.8, self.bind_pair),
            (0.5, self.swap),
            (0.9, self.bind_structure),
            (0.5, self.put_in_structure),
            (1.6, self.call),
            (0.4, self.bind_function),
            (0.4, self.method),
            (0.3, self.alias),
            (0.3, self.bind_mask),
            (0.2, self.bind_selected),
            (0.15, self.check),
            (1.0, self.shifted),
            (0.5, self.swap_elements),
            (0.5, self.grown),
        ]
        write = self.random.choices([way for _, way in ways], [weight for weight, _ in ways])[0]
        write()

    def bind_float(self) -> None:
        name = self.target(is_float)
        if name in self.env and self.chance(0.5):
            self.emit(f"{name} {self.pick(('+=', '-=', '*=', '+='))} {self.float(2)}")
        else:
            self.emit(f"{name} = {self.float(3)}")

    def bind_array(self) -> None:
        shape = self.any_shape()
        name = self.target(lambda v: isinstance(v, np.ndarray) and v.shape == shape and v.dtype.kind == "f")
        self.emit(f"{name} = {self.array(shape, 3)}")

    def bind_int(self) -> None:
        self.emit(f"{self.target(is_int)} {self.pick(('=', '='))} {self.int(2)}")

    def bind_truth(self) -> None:
        self.emit(f"{self.target(lambda v: isinstance(v, bool | np.bool_))} = {self.truth(2)}")

    def bind_ints(self) -> None:
        length = self.pick([a.shape[0] for _, a in self.arrays() if a.ndim and a.shape[0]] or [2])
        vectors = [at for at, a in self.arrays() if a.shape == (length,)]
        options = [f"np.arange({length})", f"np.array({[self.random.randrange(length) for _ in range(length)]})"]
        options += [f"np.argsort({self.pick(vectors)})"] if vectors else []
        self.emit(f"{self.fresh()} = {self.pick(options)}")

    def bind_mask(self) -> None:
        self.emit(f"{self.fresh()} = {self.mask_of(self.any_shape(), 1)}")

    def bind_selected(self) -> None:
        found = [(at, a) for at, a in self.arrays() if a.ndim == 1 and a.size]
        if not found:
            raise Refused
        at, _ = self.pick(found)
        self.emit(f"{self.fresh()} = {at}[{at} {self.pick('<>')} {self.pick(('0.0', '-0.2', '0.3'))}]")

    def bind_view(self) -> None:
        found = [(at, a) for at, a in self.arrays() if a.ndim and a.size]
        if not found:
            raise Refused
        at, array = self.pick(found)
        wanted = tuple(self.random.randint(1, length) for length in array.shape)
        wanted = wanted[self.pick((0, 0, min(1, array.ndim - 1))) :]
        subscript = self.selected(array, wanted)
        views = [f"{at}[{subscript}]"] if subscript else []
        views += [f"{at}.T", f"np.transpose({at})", f"{at}.ravel()", f"{at}.reshape(-1)", f"{at}[...]", f"{at}[::-1]"]
        if array.ndim == 2:
            views += [f"np.diag({at})", f"np.diagonal({at})", f"{at}[:, {self.index(array.shape[1])}]", f"{at}[0]"]
            views += [f"np.einsum('ii->i', {at})", f"{at}.diagonal()", f"np.squeeze({at})", f"np.swapaxes({at}, 0, 1)"]
        if array.ndim == 1:
            views += [
                f"{at}[:, None]",
                f"np.atleast_2d({at})",
                f"np.expand_dims({at}, 0)",
                f"np.reshape({at}, (-1, 1))",
            ]
        views += [f"np.asarray({at})", f"{at}.astype({at}.dtype, copy=False)", f"np.ascontiguousarray({at})"]
        text = views[0] if subscript and self.chance(0.6) else self.pick(views)
        self.emit(f"{self.fresh()} = {text}")

    def alias(self) -> None:
        found = self.arrays()
        if not found:
            raise Refused
        at, array = self.pick(found)
        self.emit(f"{self.target(lambda v: isinstance(v, np.ndarray) and v.shape == array.shape)} = {at}")

    def bind_pair(self) -> None:
        if self.chance(0.5):
            self.emit(f"{self.target(is_float)}, {self.target(is_float)} = {self.float(2)}, {self.float(2)}")
            return
        found = [(at, a) for at, a in self.arrays() if a.ndim and 2 <= a.shape[0] <= 4]
        if not found:
            raise Refused
        at, array = self.pick(found)
        names: list[str] = []
        while len(names) < array.shape[0]:
            name = self.fresh()
            names += [] if name in names else [name]
        self.emit(f"{', '.join(names)} = {at}")

    def swap(self) -> None:
        for name, value in self.random.sample(list(self.env.items()), len(self.env)):
            fits = (
                (lambda v: isinstance(v, np.ndarray) and v.shape == value.shape and v.dtype == value.dtype)
                if (isinstance(value, np.ndarray))
                else (is_float if is_float(value) else None)
            )
            others = [other for other in self.bindable(fits) if other != name] if fits else []
            if others:
                other = self.pick(others)
                self.emit(f"{name}, {other} = {other}, {name}")
                return
        raise Refused

    # ---- stores -----------------------------------------------------------------------------------

    def store(self) -> None:
        found = [(at, a) for at, a in self.arrays() if a.ndim and a.size and a.flags.writeable]
        if not found:
            raise Refused
        at, array = self.pick(found)
        made = self.place(at, array)
        if made is None:
            raise Refused
        where, shape = made
        narrow = shape if self.chance(0.7) else self.narrower(shape) if shape else ()
        value = self.array(narrow, self.pick((1, 2, 2)))
        if self.chance(0.08):
            value = self.number()
        if shape and self.is_view(value, array) and not self.is_view(where, array):
            value = f"np.copy({value})"  # through a mask NumPy reads a strided array while it writes it
        self.emit(f"{where} {self.pick(('=', '=', '=', *IN_PLACE))} {self.bounded(value)}")

    def is_view(self, text: str, array: Any) -> bool:
        """Whether a name or a part of one looks into the array."""
        for node in ast.walk(ast.parse(text)):
            # what may change something is not tried; NumPy's functions give views, too
            if isinstance(node, ast.NamedExpr) or (
                isinstance(node, ast.Call) and not ast.unparse(node.func).startswith("np.")
            ):
                return False
        try:
            value = eval(text, {**self.globals, **self.env})
        except Exception:  # the program that is tried raises it
            return False
        return isinstance(value, np.ndarray) and np.may_share_memory(value, array)

    def bounded(self, value: str) -> str:
        return self.pick((value, value, f"0.5 * {self.atom(value)}"))

    def change(self) -> None:
        """A whole array in place."""
        found = [(at, a) for at, a in self.arrays() if a.ndim and a.flags.writeable]
        if not found:
            raise Refused
        at, array = self.pick(found)
        self.emit(f"{at} {self.pick(IN_PLACE)} {self.bounded(self.array(self.narrower(array.shape), 2))}")

    def method(self) -> None:
        found = [(at, a) for at, a in self.arrays() if a.ndim and a.flags.writeable]
        if not found:
            raise Refused
        at, array = self.pick(found)
        value = self.float(1)
        options = [
            f"{at}.fill({value})",
            f"{at}[:] = {self.array(array.shape, 1)}",
            f"{at}.sort()",
            f"np.add({at}, {self.array(array.shape, 1)}, out={at})",
            f"np.copyto({at}, {self.array(array.shape, 1)})",
        ]
        if array.ndim == 2:
            options += [f"np.fill_diagonal({at}, {value})"]
        if array.ndim == 1:
            picks = [self.random.randrange(array.shape[0]) for _ in range(2)] if array.size else []
            options += [f"np.add.at({at}, {picks}, {value})"]
        self.emit(self.pick(options))

    def check(self) -> None:
        self.emit(f"assert {self.truth(1)}")

    def shifted(self) -> None:
        """An array changed by other parts of itself."""
        found = [(at, a) for at, a in self.arrays() if a.ndim and a.shape[0] > 1 and a.flags.writeable]
        if not found:
            raise Refused
        at, array = self.pick(found)
        left, right = self.pick((("1:", ":-1"), (":-1", "1:"), (":", "::-1"), ("::-1", ":"), ("1:", "-2::-1")))
        if left == "1:" and right == "-2::-1" and array.shape[0] < 2:
            raise Refused
        read = f"{at}[{right}]"
        value = self.pick((read, f"0.5 * {read}", f"np.sin({read})", f"{read} * {read}", f"{at}[{left}] * {read}"))
        self.emit(f"{at}[{left}] {self.pick(('=', '+=', '-=', '*='))} {value}")

    def swap_elements(self) -> None:
        found = [(at, a) for at, a in self.arrays() if a.ndim and a.shape[0] and a.flags.writeable]
        if not found:
            raise Refused
        at, array = self.pick(found)
        i, j = self.index(array.shape[0]), self.index(array.shape[0])
        copied = ".copy()" if array.ndim > 1 and self.chance(0.7) else ""
        self.emit(f"{at}[{i}], {at}[{j}] = {at}[{j}]{copied}, {at}[{i}]{copied}")

    def grown(self) -> None:
        """A list that gets an item at each turn."""
        vectors = [at for at, a in self.arrays() if a.ndim == 1 and a.size]
        name, v = self.fresh(), self.pick(vectors) if vectors else ""
        if not vectors or self.depth > 2:
            raise Refused
        self.emit(f"{name} = []")
        self.emit(f"for i_ in range(len({v})):")
        self.emit(f"    {name}.append({self.pick((f'{v}[i_] * {v}[i_]', f'np.sin({v}[i_])', f'{v} * {v}[i_]'))})")
        self.emit(f"{self.fresh()} = np.{self.pick(('array', 'stack'))}({name})")

    # ---- structures and functions -----------------------------------------------------------------

    def bind_structure(self) -> None:
        parts = [self.pick((self.array(self.any_shape(), 1), self.float(1))) for _ in range(self.pick((2, 2, 3)))]
        if self.chance(0.3) and self.arrays():
            parts[0] = self.pick(self.arrays())[0]
        inner = ", ".join(parts)
        keyed = ", ".join(f"{key!r}: {part}" for key, part in zip(("w", "b", "d_w"), parts, strict=False))
        made = self.pick((f"({inner})", f"[{inner}]", f"{{{keyed}}}", f"Pair({parts[0]}, {parts[1]})"))
        self.emit(f"{self.fresh()} = {made}")

    def put_in_structure(self) -> None:
        """An item of a list or dict bound anew."""
        found = [(n, v) for n, v in self.env.items() if isinstance(v, dict | list) and v]
        if not found:
            raise Refused
        name, value = self.pick(found)
        key = self.pick(list(value)) if isinstance(value, dict) else self.random.randrange(len(value))
        old = value[key]
        if isinstance(old, np.ndarray) and old.dtype.kind == "f":
            self.emit(f"{name}[{key!r}] {self.pick(('=', '=', '+=', '*='))} {self.array(old.shape, 2)}")
        elif is_float(old):
            self.emit(f"{name}[{key!r}] {self.pick(('=', '=', '+=', '*='))} {self.float(2)}")
        else:
            raise Refused

    def given(self, rank: int) -> str:
        """An argument for a parameter of a helper."""
        if rank == 0:
            return self.float(1)
        found = [(at, a) for at, a in self.arrays() if a.ndim == rank]
        if not found:
            raise Refused
        at, array = self.pick(found)
        if self.chance(0.35) and array.size:
            subscript = self.selected(array, tuple(self.random.randint(1, length) for length in array.shape))
            return f"{at}[{subscript}]" if subscript else at
        return at

    def call_text(self) -> tuple[str, str]:
        name, ranks = self.pick(self.helpers)
        return name, f"{name}({', '.join(self.given(rank) for rank in ranks)})"

    def call(self) -> None:
        if not self.helpers:
            raise Refused
        _, text = self.call_text()
        try:
            value = eval(text, self.globals, dict(self.env))
        except Exception:
            raise Refused from None
        self.look()  # what was called may have written into the names
        if isinstance(value, tuple):
            names = [self.fresh() for _ in value]
            self.emit(f"{', '.join(names)} = {text}" if len(set(names)) == len(names) else f"{names[0]} = {text}")
        elif value is None or self.chance(0.15):
            self.emit(text)
        else:
            self.emit(f"{self.fresh()} = {text}")

    def called_float(self, depth: int) -> str | None:
        return self.called_shape((), depth)

    def called_array(self, shape: tuple[int, ...], depth: int) -> str | None:
        return self.called_shape(shape, depth)

    def called_shape(self, shape: tuple[int, ...], depth: int) -> str | None:
        local = [name for name, value in self.env.items() if callable(value) and hasattr(value, "__code__")]
        if local and self.chance(0.6):
            return f"{self.pick(local)}({self.array(shape, depth - 1)})"
        if not self.helpers:
            return None
        try:
            _, text = self.call_text()
            value = eval(text, self.globals, dict(self.env))
        except Exception:
            value = None
        finally:
            self.look()
        return text if value is not None and not isinstance(value, tuple) and np.shape(value) == shape else None

    def bind_function(self) -> None:
        if self.depth > 1:
            raise Refused
        scalar = self.pick(self.floats() or ["0.5"])
        name, u = self.pick(("g", "h", "phi", "d_g")), self.pick(("u", "q", "x", "d_u"))
        body = self.pick((f"np.sin({u}) * {scalar}", f"{u} * {u} + {scalar}", f"{scalar} - {u}", f"2.0 * {u}"))
        if self.chance(0.5):
            self.emit(f"{name} = lambda {u}: {body}")
        else:
            self.emit(f"def {name}({u}):")
            self.emit(f"    return {body}")
