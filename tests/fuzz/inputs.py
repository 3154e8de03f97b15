"""The arguments of a program, as text: numbers, arrays of every layout, dicts, lists, tuples, dataclasses."""

from __future__ import annotations

import random
from dataclasses import dataclass

NAMES = ("x", "y", "A", "B", "w", "n", "m", "s", "p", "d_x", "x_saved", "T", "q", "u", "params", "data", "a", "b")


@dataclass(frozen=True)
class Inputs:
    names: tuple[str, ...]
    texts: tuple[str, ...]
    differentiable: tuple[int, ...]
    plain: bool
    """Numbers and arrays only."""


def number(random: random.Random) -> float:
    return round(random.uniform(-1.0, 1.0), 2) or 0.5


def inputs(random: random.Random, plain: bool = False) -> Inputs:
    """Two to five arguments, of few different lengths, so that they fit together."""
    lengths = [random.choice((1, 2, 3, 3, 4, 4, 5)) for _ in range(random.choice((1, 2, 2)))]
    if random.random() < 0.03:
        lengths[-1] = 0
    single = random.random() < 0.08
    names: list[str] = []
    texts: list[str] = []
    wrt: list[int] = []
    count = random.randint(2, 5)
    for at in range(count):
        kinds = ["vector", "vector", "vector", "matrix", "matrix", "float", "tensor", "int", "structure", "ints"]
        kind = "vector" if at == 0 and random.random() < 0.5 else random.choice(kinds)
        if plain and kind == "structure":
            kind = "matrix"
        text, active = one(kind, lengths, random, single)
        name = random.choice([n for n in NAMES if n not in names])
        if kind == "int" and random.random() < 0.7 and "n" not in names:
            name = "n"
        names.append(name)
        texts.append(text)
        if active:
            wrt.append(at)
    if not wrt:
        names.append("x" if "x" not in names else "x0")
        texts.append(array((lengths[0],), random, single))
        wrt.append(len(names) - 1)
    return Inputs(tuple(names), tuple(texts), tuple(wrt), plain)


def one(kind: str, lengths: list[int], random: random.Random, single: bool) -> tuple[str, bool]:
    def length() -> int:
        return random.choice(lengths)

    match kind:
        case "vector":
            return array((length(),), random, single), True
        case "matrix":
            shape = random.choice(((length(), length()), (length(), length()), (1, length()), (length(), 1)))
            return array(shape, random, single), True
        case "tensor":
            return array((length(), random.choice((1, 2)), length()), random, single), True
        case "float":
            return (f"np.float32({number(random)})" if single else str(number(random))), True
        case "int":
            return str(random.choice((*lengths, 2, 3))), False
        case "ints":
            size = length()
            return f"np.array({[random.randrange(max(size, 1)) for _ in range(size)]}, dtype=int)", False
        case _:
            parts = [array((length(),), random, single), array((length(), length()), random, single)]
            parts = [*parts[: random.choice((1, 2))], str(number(random))][:2]
            first, second = parts if len(parts) == 2 else (parts[0], parts[0])
            return random.choice(
                (
                    f'{{"w": {first}, "b": {second}}}',
                    f"({first}, {second})",
                    f"[{first}, {second}]",
                    f"Pair({first}, {second})",
                    f'{{"w": {first}, "more": [{second}]}}',
                )
            ), True


def array(shape: tuple[int, ...], random: random.Random, single: bool = False) -> str:
    """An array in one of the layouts that arrays come in."""
    kind = random.random()
    if 0 in shape:
        return f"np.zeros({shape}{', np.float32' if single else ''})"
    if kind < 0.1:
        return f"{literal(shape, random, single)}{'[::-1]' if len(shape) == 1 else '[:, ::-1]'}"
    if kind < 0.2 and len(shape) == 1:
        return f"{literal((2 * shape[0],), random, single)}[::2]"
    if kind < 0.2:
        return f"np.asfortranarray({literal(shape, random, single)})"
    if kind < 0.27 and len(shape) == 2:
        return f"{literal(shape[::-1], random, single)}.T"
    if kind < 0.32 and len(shape) == 1:
        return f"{literal((shape[0], 2), random, single)}[:, 1]"
    return literal(shape, random, single)


def literal(shape: tuple[int, ...], random: random.Random, single: bool) -> str:
    def nested(shape: tuple[int, ...]) -> str:
        if not shape:
            return str(number(random))
        return f"[{', '.join(nested(shape[1:]) for _ in range(shape[0]))}]"

    return f"np.array({nested(shape)}{', np.float32' if single else ''})"
