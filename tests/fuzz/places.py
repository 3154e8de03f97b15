"""Indices, slices and the places of arrays they lead to, to read and to write."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.fuzz.state import State


class Places(State):
    def whole(self, low: int, high: int) -> str | None:
        """An integer that lies in low..high at every turn of the loops around."""
        found = []
        for name, turns in self.counters.items():
            if name not in self.env or not len(turns):
                continue
            least, most = min(turns), max(turns)
            for shift in (0, 0, 0, 1, -1, 2):
                if low <= least + shift and most + shift <= high:
                    found.append(name if not shift else f"{name} {'+' if shift > 0 else '-'} {abs(shift)}")
            for top in range(low + most, high + least + 1):
                found.append(f"{top} - {name}")
        for at, value in self.ints():
            if at in self.counters:
                continue
            for shift in (0, 0, -1, 1):
                if low <= value + shift <= high:
                    found.append(at if not shift else f"{at} {'+' if shift > 0 else '-'} {abs(shift)}")
        for at, array in self.arrays("fib")[:6]:
            for axis, length in enumerate(array.shape[:2]):
                spelled = self.pick((f"{at}.shape[{axis}]", f"len({at})" if axis == 0 else f"{at}.shape[{axis}]"))
                for shift in (0, -1):
                    if low <= length + shift <= high:
                        found.append(spelled if not shift else f"{spelled} - 1")
        return self.pick(found) if found else None

    def index(self, length: int) -> str | None:
        """One index of an axis."""
        if length == 0:
            return None
        kind = self.random.random()
        if kind < 0.5:
            made = self.whole(0, length - 1) or self.whole(-length, length - 1)
            if made is not None:
                return made
        if kind < 0.6 and self.floats():
            at = self.pick(self.floats())
            return self.pick((f"int(abs({at}) * 3) % {length}", f"int({at} > 0.1) % {length}"))
        if kind < 0.66 and self.ints():
            return f"{self.pick(self.ints())[0]} % {length}"
        return str(self.random.randrange(-length, length))

    def cut(self, length: int, wanted: int | None = None) -> str | None:
        """A slice of an axis, of a wanted length."""
        if wanted == length and self.chance(0.5):
            return ":"
        fits = []
        for step in (1, 1, 1, -1, 2, -2, 3):
            for start in (None, *range(-length, length)):
                for stop in (None, *range(-length - 1, length + 1)):
                    size = len(range(*slice(start, stop, step).indices(length)))
                    if (size == wanted) if wanted is not None else (size > 0 or self.chance(0.02)):
                        fits.append((start, stop, step))
        if not fits:
            return None
        start, stop, step = self.pick(fits)
        text = f"{self.bound(start)}:{self.bound(stop)}"
        return text if step == 1 else f"{text}:{step}"

    def bound(self, value: int | None) -> str:
        if value is None:
            return ""
        if self.chance(0.3):
            fixed = [at for at, have in self.ints() if have == value and at not in self.counters]
            if fixed:
                return self.pick(fixed)
        return str(value)

    def selected(self, array: Any, wanted: tuple[int, ...]) -> str | None:
        """A subscript of integers and slices that makes a part of a wanted shape."""
        spare = array.ndim - len(wanted)
        if spare < 0:
            if spare == -1 and 1 in wanted:  # a new axis
                at = wanted.index(1)
                rest = self.selected_parts(array.shape, wanted[:at] + wanted[at + 1 :])
                return None if rest is None else ", ".join((*rest[:at], "None", *rest[at:]))
            return None
        parts = self.selected_parts(array.shape, wanted)
        if parts is None:
            return None
        while len(parts) > 1 and parts[-1] == ":" and self.chance(0.6):
            parts = parts[:-1]
        if spare == 0 and self.chance(0.05):
            return ", ".join(("...", *parts)) if len(parts) == array.ndim else None
        return ", ".join(parts)

    def selected_parts(self, shape: tuple[int, ...], wanted: tuple[int, ...]) -> list[str] | None:
        dropped = set(self.random.sample(range(len(shape)), len(shape) - len(wanted)))
        left = iter(wanted)
        parts = []
        for axis, length in enumerate(shape):
            part = self.index(length) if axis in dropped else self.cut(length, next(left))
            if part is None:
                return None
            parts.append(part)
        return parts

    def element(self, kind: str = "f") -> str | None:
        """One number of an array."""
        found = [(at, a) for at, a in self.arrays(kind) if a.ndim and a.size]
        if not found:
            return None
        at, array = self.pick(found)
        parts = [self.index(length) for length in array.shape]
        if None in parts:
            return None
        if array.ndim == 2 and self.chance(0.2):
            return f"{at}[{parts[0]}][{parts[1]}]"
        return f"{at}[{', '.join(str(part) for part in parts)}]"

    def place(self, at: str, array: Any) -> tuple[str, tuple[int, ...]] | None:
        """Where one may store, and the shape of what fits there."""
        kind = self.random.random()
        rank = array.ndim
        if rank == 0 or not array.size:
            return None
        if kind < 0.35:
            parts = [self.index(length) for length in array.shape]
            if None in parts:
                return None
            if rank == 2 and self.chance(0.15):
                return f"{at}[{parts[0]}][{parts[1]}]", ()
            return f"{at}[{', '.join(str(p) for p in parts)}]", ()
        if kind < 0.75:
            shown = list(array.shape)
            keep = [self.random.randint(1, length) if self.chance(0.6) else length for length in shown]
            wanted = tuple(k for k in keep if rank == 1 or self.chance(0.75)) if rank > 1 else tuple(keep)
            subscript = self.selected(array, wanted) if wanted else None
            if subscript is None:
                subscript = self.pick((":", "...", "::-1"))
            return self.shaped(at, subscript)
        if kind < 0.87:  # fancy
            length = array.shape[0]
            picks = [self.random.randrange(-length, length) for _ in range(self.random.randint(1, 3))]
            stored = [
                a for a, v in self.arrays("i") if v.ndim == 1 and v.size and -length <= v.min() and v.max() < length
            ]
            rows = self.pick((str(picks), f"np.array({picks})", *stored, *stored))
            if rank == 2 and self.chance(0.5):
                other = self.pick((":", str([self.random.randrange(array.shape[1]) for _ in picks]), "0"))
                return self.shaped(at, f"{rows}, {other}")
            return self.shaped(at, rows)
        masks = [a for a, v in self.arrays("b") if v.shape == array.shape]
        mask = self.pick((f"{at} > {self.pick(('0.2', '0.0', '-0.3'))}", *masks))
        if rank == 2 and self.chance(0.3):
            return self.shaped(at, f"{at}[:, 0] > 0.1, {self.pick((':', '0'))}")
        return self.shaped(at, mask)

    def shaped(self, at: str, subscript: str) -> tuple[str, tuple[int, ...]] | None:
        """A subscript with the shape of what it selects, which running it tells."""
        text = f"{at}[{subscript}]"
        try:
            value = eval(text, self.globals, dict(self.env))
        except Exception:
            return None
        return text, np.shape(value)
