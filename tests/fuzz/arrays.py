"""Expressions of arrays of a wanted shape."""

from __future__ import annotations

from typing import Any

from tests.fuzz.scalars import Scalars

Shape = tuple[int, ...]


class Arrays(Scalars):
    def array(self, shape: Shape, depth: int) -> str:
        """An expression of floats of this shape."""
        if shape == ():
            return self.float(depth)
        same = (4.0, lambda: self.array_name(shape))
        part = (2.0, lambda: self.part(shape))
        if depth <= 0:
            ways = [same, part, (0.3, lambda: self.made(shape))]
        else:
            ways = [
                same,
                part,
                (0.6, lambda: self.made(shape)),
                (4.0, lambda: self.arithmetic(shape, depth)),
                (2.0, lambda: self.function(shape, depth)),
                (1.0, lambda: self.chosen(shape, depth)),
                (1.2, lambda: self.moved(shape, depth)),
                (1.2, lambda: self.reduction(shape, depth)),
                (0.8, lambda: self.product(shape, depth)),
                (0.8, lambda: self.joined(shape, depth)),
                (0.8, lambda: self.taken(shape)),
                (0.4, lambda: self.listed(shape, depth)),
                (0.3, lambda: self.named(self.array(shape, depth - 1))),
                (0.4, lambda: self.scanned(shape, depth)),
                (0.8, lambda: self.called_array(shape, depth)),
            ]
        return self.first_that_works(ways) or self.filled(shape)

    def called_array(self, shape: Shape, depth: int) -> str | None:
        raise NotImplementedError

    def array_name(self, shape: Shape) -> str | None:
        found = [at for at, a in self.arrays() if a.shape == shape]
        return self.pick(found) if found else None

    def part(self, shape: Shape) -> str | None:
        found = [(at, a) for at, a in self.arrays() if a.ndim >= len(shape) - (1 in shape) and a.ndim and a.size]
        if not found:
            return None
        at, array = self.pick(found)
        subscript = self.selected(array, shape)
        return None if subscript is None else f"{at}[{subscript}]"

    def spelled(self, shape: Shape) -> str:
        """A shape as one writes it, with names for lengths where there are some."""
        parts = [str(length) for length in shape]
        for axis, length in enumerate(shape):
            if self.chance(0.5):
                named = [at for at, have in self.ints() if have == length and at not in self.counters]
                named += [
                    f"{at}.shape[{k}]" for at, a in self.arrays() for k, have in enumerate(a.shape) if have == length
                ]
                parts[axis] = self.pick(named) if named else parts[axis]
        return parts[0] if len(parts) == 1 and self.chance(0.7) else f"({', '.join(parts)}{',' * (len(parts) == 1)})"

    def filled(self, shape: Shape) -> str:
        return f"np.{self.pick(('zeros', 'ones'))}({self.spelled(shape)})"

    def made(self, shape: Shape) -> str:
        like = [at for at, a in self.arrays() if a.shape == shape]
        options = [self.filled(shape), f"np.full({self.spelled(shape)}, {self.float(0)})"]
        if like:
            options += [f"np.{self.pick(('zeros', 'ones'))}_like({self.pick(like)})", f"{self.pick(like)}.copy()"]
        if len(shape) == 1:
            if shape[0] > 1:
                options += [f"np.linspace(0.1, {self.pick(('0.9', '1.5'))}, {self.spelled(shape)})"]
            options += [
                f"np.arange({shape[0]}) * 0.2",
                f"np.array([{', '.join(self.float(0) for _ in range(shape[0]))}])",
            ]
        if len(shape) == 2:
            rows = (f"[{', '.join(self.float(0) for _ in range(shape[1]))}]" for _ in range(shape[0]))
            options += [f"np.array([{', '.join(rows)}])"] if min(shape) else []
            options += [f"np.eye({shape[0]})"] if shape[0] == shape[1] else []
        return self.pick(options)

    def narrower(self, shape: Shape) -> Shape:
        """A shape that broadcasts to this one."""
        kind = self.random.random()
        if kind < 0.5:
            return shape
        if kind < 0.7:
            return ()
        if kind < 0.85 or len(shape) == 1:
            return tuple(1 if self.chance(0.4) else length for length in shape)
        return shape[self.random.randint(1, len(shape) - 1) :]

    def arithmetic(self, shape: Shape, depth: int) -> str:
        a, b = self.array(shape, depth - 1), self.array(self.narrower(shape), depth - 1)
        if self.chance(0.4):
            a, b = b, a
        if (a, b) == (self.atom(a), self.atom(b)) and self.chance(0.5):
            return f"{a} {self.pick('+-*')} {b}"
        return self.pick(
            (
                f"{self.atom(a)} {self.pick('+-*')} {self.atom(b)}",
                f"{self.atom(a)} * {self.atom(b)}",
                f"{self.atom(a)} / (1.5 + {self.atom(b)} ** 2)",
                f"{self.number()} * {self.atom(a)} - {self.atom(b)}",
                f"np.{self.pick(('maximum', 'minimum', 'add', 'subtract', 'multiply', 'hypot', 'arctan2'))}({a}, {b})",
                f"np.where({self.mask_of(shape, depth)}, {a}, {b})",
            )
        )

    def mask_of(self, shape: Shape, depth: int) -> str:
        stored = [at for at, a in self.arrays("b") if a.shape == shape]
        if stored and self.chance(0.4):
            return self.pick(stored)
        a = self.atom(self.array(self.narrower(shape), 0))
        compared = f"{a} {self.pick(('<', '>', '<=', '>='))} {self.number()}"
        if self.chance(0.2):
            return f"({compared}) {self.pick('&|')} ({self.atom(self.array(shape, 0))} > 0.1)"
        return compared

    def function(self, shape: Shape, depth: int) -> str:
        inner = self.array(shape, depth - 1)
        if self.chance(0.6):
            name = self.pick(("sin", "cos", "tanh", "arctan", "square", "abs", "negative", "exp", "positive"))
            return f"np.{name}({inner})"
        return self.pick(
            (
                f"np.sqrt({self.atom(inner)} ** 2 + 0.3)",
                f"np.log1p({self.atom(inner)} ** 2)",
                f"np.clip({inner}, -0.5, 0.9)",
                f"{self.atom(inner)} ** {self.pick(('2', '3', '2.0'))}",
                f"-{self.atom(inner)}",
                f"{self.atom(inner)}.copy()",
                f"np.asarray({inner})",
                f"np.ascontiguousarray({inner})",
                f"{self.atom(inner)}.astype(np.float64)",
                f"np.sign({inner})",
                f"np.array({inner})",
                f"np.nan_to_num({inner})",
                f"np.sinh({inner})",
            )
        )

    def chosen(self, shape: Shape, depth: int) -> str:
        a, b = self.array(shape, depth - 1), self.array(shape, depth - 1)
        if self.chance(0.35):
            return f"({a} if {self.truth(1)} else {b})"
        return f"np.where({self.mask_of(shape, depth)}, {a}, {self.pick((b, self.number()))})"

    def moved(self, shape: Shape, depth: int) -> str | None:
        """The same elements elsewhere: turned, transposed, reshaped."""
        rank, size = len(shape), 1
        for length in shape:
            size *= length
        if rank == 1:
            split = [(a, size // a) for a in (1, 2, 3) if a and size % a == 0 and size]
            inner = self.atom(self.array(self.pick(split), depth - 1)) if split else None
            own = self.array(shape, depth - 1)
            options = [f"{self.atom(own)}[::-1]", f"np.flip({own})", f"np.roll({own}, {self.pick(('1', '-1', '2'))})"]
            if inner is not None:
                options += [f"{inner}.ravel()", f"{inner}.reshape(-1)", f"{inner}.flatten()", f"np.ravel({inner})"]
                options += [f"np.reshape({inner}, {size})", f"{inner}.T.ravel()"]
            return self.pick(options)
        if rank == 2:
            turned = self.atom(self.array(shape[::-1], depth - 1))
            flat = self.atom(self.array((size,), depth - 1))
            return self.pick(
                (
                    f"{turned}.T",
                    f"np.transpose({turned})",
                    f"np.swapaxes({turned}, 0, 1)",
                    f"{flat}.reshape({shape[0]}, {self.pick((shape[1], '-1')) if size else shape[1]})",
                    f"np.reshape({flat}, {self.spelled(shape)})",
                    f"np.flip({self.array(shape, depth - 1)}, axis={self.pick('01')})",
                    f"np.roll({self.array(shape, depth - 1)}, 1, axis={self.pick('01')})",
                    f"np.broadcast_to({self.array(shape[1:], depth - 1)}, {self.spelled(shape)})",
                    f"np.{self.pick(('triu', 'tril'))}({self.array(shape, depth - 1)})",
                    f"np.fliplr({self.array(shape, depth - 1)})",
                )
            )
        order = self.random.sample(range(rank), rank)
        source = tuple(shape[order.index(axis)] for axis in range(rank))
        return self.pick(
            (
                f"np.transpose({self.array(source, depth - 1)}, {tuple(order)})",
                f"{self.atom(self.array((shape[0] * shape[1], *shape[2:]), depth - 1))}.reshape({self.spelled(shape)})",
                f"np.moveaxis({self.array((*shape[1:], shape[0]), depth - 1)}, -1, 0)",
            )
        )

    def reduction(self, shape: Shape, depth: int) -> str | None:
        if len(shape) > 2:
            return None
        name = self.pick(("sum", "sum", "mean", "max", "min", "prod", "std", "var"))
        length = self.pick((2, 3, 4))
        if 1 in shape and self.chance(0.6):
            axis = shape.index(1)
            inner = self.array((*shape[:axis], length, *shape[axis + 1 :]), depth - 1)
            return f"np.{name}({inner}, axis={self.pick((axis, axis - len(shape)))}, keepdims=True)"
        axis = self.random.randint(0, len(shape))
        inner = self.array((*shape[:axis], length, *shape[axis:]), depth - 1)
        spelled = self.pick((axis, axis - len(shape) - 1))
        return self.pick((f"np.{name}({inner}, axis={spelled})", f"{self.atom(inner)}.{name}(axis={spelled})"))

    def product(self, shape: Shape, depth: int) -> str | None:
        k = self.pick((2, 3, 4))
        if len(shape) == 1:
            m, v = self.atom(self.array((shape[0], k), depth - 1)), self.atom(self.array((k,), depth - 1))
            t = self.atom(self.array((k, shape[0]), depth - 1))
            return self.pick((f"{m} @ {v}", f"{v} @ {t}", f"np.dot({m}, {v})", f"np.einsum('ij,j->i', {m}, {v})"))
        if len(shape) == 2:
            a, b = self.array((shape[0], k), depth - 1), self.array((k, shape[1]), depth - 1)
            u, v = self.array(shape[:1], depth - 1), self.array(shape[1:], depth - 1)
            return self.pick(
                (
                    f"{self.atom(a)} @ {self.atom(b)}",
                    f"np.dot({a}, {b})",
                    f"np.einsum('ik,kj->ij', {a}, {b})",
                    f"np.outer({u}, {v})",
                    f"{self.atom(u)}[:, None] * {self.atom(v)}",
                    f"np.einsum('i,j->ij', {u}, {v})",
                )
            )
        if len(shape) == 3:
            a, b = self.array((*shape[:2], k), depth - 1), self.array((k, shape[2]), depth - 1)
            return self.pick((f"{self.atom(a)} @ {self.atom(b)}", f"np.einsum('aik,kj->aij', {a}, {b})"))
        return None

    def joined(self, shape: Shape, depth: int) -> str | None:
        axis = self.random.randrange(len(shape))
        length = shape[axis]
        if length >= 2 and self.chance(0.7):
            first = self.random.randint(1, length - 1)
            parts = [
                self.array((*shape[:axis], part, *shape[axis + 1 :]), depth - 1) for part in (first, length - first)
            ]
            option = f", axis={axis}" if axis or self.chance(0.3) else ""
            inner = ", ".join(parts)
            if len(shape) == 1 and self.chance(0.2):
                return f"np.hstack(({inner}))"
            return f"np.concatenate([{inner}]{option})" if self.chance(0.5) else f"np.concatenate(({inner}){option})"
        if 1 <= length <= 3 and len(shape) > 1:
            rest = shape[:axis] + shape[axis + 1 :]
            parts = [self.array(rest, depth - 1) for _ in range(length)]
            return f"np.stack([{', '.join(parts)}], axis={axis})"
        if len(shape) == 1 and length % 2 == 0 and length:
            return f"np.{self.pick(('tile', 'repeat'))}({self.array((length // 2,), depth - 1)}, 2)"
        return None

    def taken(self, shape: Shape) -> str | None:
        found = [(at, a) for at, a in self.arrays() if a.ndim == len(shape) and a.shape[1:] == shape[1:] and a.shape[0]]
        if not found or not shape[0]:
            return None
        at, array = self.pick(found)
        length = array.shape[0]
        picks = str([self.random.randrange(-length, length) for _ in range(shape[0])])
        stored = [a for a, v in self.arrays("i") if v.shape == shape[:1] and -length <= v.min() and v.max() < length]
        index = self.pick((picks, f"np.array({picks})", *stored, *stored))
        return self.pick((f"{at}[{index}]", f"{at}[{index}]", f"np.take({at}, {index}, axis=0)"))

    def listed(self, shape: Shape, depth: int) -> str | None:
        if len(shape) != 1:
            rows = [at for at, a in self.arrays() if a.ndim == len(shape) and a.shape == shape]
            return f"np.array([{self.number()} * row_ for row_ in {self.pick(rows)}])" if rows and shape[0] else None
        vectors = [at for at, a in self.arrays() if a.shape == shape]
        if not vectors or not shape[0]:
            return None
        v, other = self.pick(vectors), self.pick(vectors)
        scalar = self.atom(self.float(0))
        return self.pick(
            (
                f"np.array([e_ * {scalar} for e_ in {v}])",
                f"np.array([{v}[k_] * {scalar} for k_ in range(len({v}))])",
                f"np.array([e_ * o_ for e_, o_ in zip({v}, {other})])",
                f"np.array([np.sin(e_) + 0.1 * k_ for k_, e_ in enumerate({v})])",
                f"np.array([e_ for e_ in reversed({v})])",
            )
        )

    def scanned(self, shape: Shape, depth: int) -> str | None:
        inner = self.array(shape, depth - 1)
        if len(shape) == 1:
            longer = self.array((shape[0] + 1,), depth - 1)
            return self.pick((f"np.cumsum({inner})", f"np.sort({inner})", f"np.diff({longer})", f"np.cumprod({inner})"))
        axis = self.random.randrange(len(shape))
        return self.pick((f"np.cumsum({inner}, axis={axis})", f"np.sort({inner}, axis={axis})"))

    def any_shape(self) -> Shape:
        """The shape of some array, or one near it."""
        found: list[Any] = [a.shape for _, a in self.arrays() if a.ndim]
        if found and self.chance(0.8):
            return tuple(self.pick(found))
        return tuple(self.random.randint(1, 4) for _ in range(self.pick((1, 1, 1, 2, 2, 3))))
