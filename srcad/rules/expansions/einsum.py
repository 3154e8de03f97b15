"""`np.einsum` of any subscripts that are constant: two operands at a time, as sums, matrix products and permutations.

More than two are contracted along the path that is best where all letters stand for long axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.products import scaled
from srcad.rules.expansions.shapes import reshaped, stored
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import compile_time, dtype_name, expands, known_one, unsupported

cast = PRIMITIVES["astype"]

# ---- subscripts ---------------------------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@compile_time
def as_text(subscripts: tuple[Any, ...], result: Any) -> str:
    """Lists of numbers and Ellipsis, as the string that says the same.

    >>> as_text(([0, 1], [1, 2]), None), as_text(([Ellipsis, 3],), [Ellipsis])
    ('ab,bc', '...d->...')
    """

    def text(items: Any) -> str:
        return "".join("..." if item is Ellipsis else LETTERS[item] for item in items)

    return ",".join(map(text, subscripts)) + ("" if result is None else "->" + text(result))


@compile_time
def subscripts_of(text: str, ranks: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """The subscripts of the operands and of the result, with letters for the axes of an ellipsis.

    >>> subscripts_of("ij,jk", (2, 2)), subscripts_of("...j,j->...", (3, 1))
    ((('ij', 'jk'), 'ik'), (('abj', 'j'), 'ab'))
    """
    given, arrow, result = text.replace(" ", "").partition("->")
    inputs = given.split(",")
    if len(inputs) != len(ranks):
        raise ValueError(f"einsum names {len(inputs)} operands and gets {len(ranks)}")
    free = [letter for letter in LETTERS if letter not in text]
    extra = [rank - len(one.replace("...", "")) for one, rank in zip(inputs, ranks, strict=True)]
    for one, more in zip(inputs, extra, strict=True):
        if more < 0 or (more > 0 and "..." not in one):
            raise ValueError(f"einsum with the subscripts {one} for an operand of another number of axes")
    spread = "".join(free[: max(extra)])
    named = [one.replace("...", spread[len(spread) - more :]) for one, more in zip(inputs, extra, strict=True)]
    letters = "".join(one.replace("...", "") for one in inputs)
    if not arrow:
        result = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    elif spread and "..." not in result:
        raise ValueError("einsum with an ellipsis that the result does not have")
    made = result.replace("...", spread)
    if len(set(made)) != len(made) or not set(made) <= {*letters, *spread}:
        raise ValueError(f"einsum with the subscripts {result} of the result")
    return tuple(named), made


@compile_time
def contractions(inputs: tuple[str, ...], result: str, path: Any) -> tuple[tuple[int, int, str, str, str], ...]:
    """Which two operands become one, again and again: their positions, their subscripts, and those of their product.

    What is made is the last of the operands from then on. `path` is one that NumPy's `optimize` takes.

    >>> contractions(("ij", "jk", "k"), "i", None)
    ((1, 2, 'jk', 'k', 'j'), (0, 1, 'ij', 'j', 'i'))
    """
    if not isinstance(path, list | tuple):
        text = ",".join(inputs) + "->" + result
        how = "optimal" if len(inputs) < 6 else "greedy"
        path = np.einsum_path(text, *[np.broadcast_to(0.0, (50,) * len(one)) for one in inputs], optimize=how)[0]
    left = list(inputs)
    steps = []
    for chosen in [step for step in path if not isinstance(step, str)]:
        places = sorted(chosen)
        while len(places) > 1:
            i, j = places[0], places[1]
            of_a, of_b = left[i], left[j]
            rest = [left[k] for k in range(len(left)) if k not in (i, j)]
            kept = "".join(c for c in dict.fromkeys(of_a + of_b) if any(c in other for other in (*rest, result)))
            made = kept if rest else result
            steps.append((i, j, of_a, of_b, made))
            left = [*rest, made]
            places = [k - 2 for k in places[2:]] + [len(left) - 1]
    return tuple(steps)


@compile_time
def axes_among(subscripts: str, letters: str) -> tuple[int, ...]:
    """The positions of the letters in the subscripts, in the order of the letters."""
    return tuple(subscripts.index(c) for c in letters)


@compile_time
def letters_not_in(subscripts: str, *others: str) -> str:
    """The letters that none of the others has."""
    return "".join(c for c in subscripts if not any(c in other for other in others))


@compile_time
def letters_in_both(subscripts: str, other: str) -> str:
    """The letters that the other has too."""
    return "".join(c for c in subscripts if c in other)


@compile_time
def letters_without(subscripts: str, letters: str) -> str:
    """The subscripts with some letters taken out."""
    return "".join(c for c in subscripts if c not in letters)


@compile_time
def letters_not_twice(subscripts: str) -> str:
    """Each letter once, in the order of its first appearance."""
    return "".join(dict.fromkeys(subscripts))


@compile_time
def repeated(subscripts: str) -> str:
    """The first letter that stands twice, or nothing."""
    return next((c for c in subscripts if subscripts.count(c) > 1), "")


# ---- the call -----------------------------------------------------------------------------------


@expands(np.einsum)
def einsum(subscripts: Any, *operands: Any, out: Any = None, dtype: Any = None, optimize: Any = False) -> Any:
    if not isinstance(subscripts, str):
        given = (subscripts,) + operands  # noqa: RUF005
        count = len(given) // 2
        result = given[2 * count] if len(given) % 2 == 1 else None
        text = as_text(tuple([tuple(given[2 * k + 1]) for k in range(count)]), result)
        return einsum(text, *[given[2 * k] for k in range(count)], out=out, dtype=dtype, optimize=optimize)
    arrays = [np.asarray(x) for x in operands]
    if dtype is not None:
        arrays = [cast(x, dtype=dtype_name(dtype)) for x in arrays]
    inputs, result = subscripts_of(subscripts, tuple([np.ndim(x) for x in arrays]))
    long = long_letters(arrays, inputs)
    arrays = [squeezed(x, of, long) for x, of in zip(arrays, inputs, strict=True)]
    inputs = tuple([kept_letters(x, of, long) for x, of in zip(operands, inputs, strict=True)])
    if len(arrays) == 1:
        return stored(einsum_one(arrays[0], inputs[0], result), out)
    for i, j, of_a, of_b, made in contractions(inputs, result, optimize):
        product = einsum_two(arrays[i], arrays[j], of_a, of_b, made)
        arrays = [arrays[k] for k in range(len(arrays)) if k != i and k != j] + [product]
    return stored(arrays[0], out)


def long_letters(arrays: Any, inputs: Any) -> Any:
    """The letters of axes that are not known to have length 1."""
    long = ""
    for x, of in zip(arrays, inputs, strict=True):
        for k, c in enumerate(of):
            if not known_one(x, k):
                long = long + c
    return long


def squeezed(x: Any, of: Any, long: Any) -> Any:
    """Without the axes of length 1 that stand for a longer one elsewhere."""
    short = [known_one(x, k) and c in long for k, c in enumerate(of)]
    return x[tuple([0 if one else slice(None) for one in short])] if True in short else x


def kept_letters(x: Any, of: Any, long: Any) -> Any:
    kept = ""
    for k, c in enumerate(of):
        if not (known_one(x, k) and c in long):
            kept = kept + c
    return kept


# ---- one operand, and two -----------------------------------------------------------------------


def reduced(x: Any, subscripts: Any, lone: Any) -> Any:
    """`x` summed over the letters that nothing else has."""
    if len(lone) == 0:
        return x
    return np.sum(x, axis=axes_among(subscripts, lone))


def diagonal_of(x: Any, subscripts: Any) -> Any:
    """The diagonal of the axes that one letter stands for, as a last axis."""
    letter = repeated(subscripts)
    first, second = [k for k, c in enumerate(subscripts) if c == letter][:2]
    if x.shape[first] != x.shape[second]:
        raise ValueError(f"axes of lengths {x.shape[first]} and {x.shape[second]} for one letter")
    return np.diagonal(x, 0, first, second)


@compile_time
def after_diagonal(subscripts: str) -> str:
    """The subscripts of `diagonal_of`.

    >>> after_diagonal("iji"), after_diagonal("iii")
    ('ji', 'ii')
    """
    letter = repeated(subscripts)
    places = [k for k, c in enumerate(subscripts) if c == letter][:2]
    return "".join(c for k, c in enumerate(subscripts) if k not in places) + letter


def with_diagonals(x: Any, subscripts: Any) -> Any:
    """`x` with one axis for each letter, in the order of `letters_with_diagonals`."""
    if repeated(subscripts) == "":
        return x
    return with_diagonals(diagonal_of(x, subscripts), after_diagonal(subscripts))


@compile_time
def letters_with_diagonals(subscripts: str) -> str:
    while repeated(subscripts):
        subscripts = after_diagonal(subscripts)
    return subscripts


def lengths(x: Any, subscripts: Any, letters: Any) -> Any:
    return tuple([x.shape[k] for k in axes_among(subscripts, letters)])


def product_of(dims: Any) -> Any:
    n = 1
    for d in dims:
        n = n * d
    return n


def einsum_one(x: Any, subscripts: Any, result: Any) -> Any:
    y = with_diagonals(x, subscripts)
    letters = letters_with_diagonals(subscripts)
    y = reduced(y, letters, letters_not_in(letters, result))
    left = letters_in_both(letters, result)
    return y if left == result else np.transpose(y, axes_among(left, result))


def einsum_two(a: Any, b: Any, of_a: Any, of_b: Any, result: Any) -> Any:
    for c in letters_in_both(letters_not_twice(of_a), of_b):
        n = lengths(a, of_a, c)[0]
        m = lengths(b, of_b, c)[0]
        if n != m:
            raise ValueError(f"axes of lengths {n} and {m} do not fit")
    x = with_diagonals(a, of_a)
    y = with_diagonals(b, of_b)
    in_a = letters_with_diagonals(of_a)
    in_b = letters_with_diagonals(of_b)
    x = reduced(x, in_a, letters_not_in(in_a, in_b, result))
    y = reduced(y, in_b, letters_not_in(in_b, in_a, result))
    in_a = letters_without(in_a, letters_not_in(in_a, in_b, result))
    in_b = letters_without(in_b, letters_not_in(in_b, in_a, result))
    shared = letters_in_both(in_a, in_b)
    batch = letters_in_both(shared, result)
    inner = letters_not_in(shared, result)
    rows = letters_not_in(in_a, in_b)
    columns = letters_not_in(in_b, in_a)
    if len(in_a) == 0 or len(in_b) == 0:
        z = scaled(x, y)
        made = in_a + in_b
    elif len(inner) == 0 and len(rows) == 0 and len(columns) == 0:
        z = x * np.transpose(y, axes_among(in_b, in_a))
        made = in_a
    else:
        z = contracted(x, y, in_a, in_b, batch, rows, inner, columns)
        made = batch + rows + columns
    return z if made == result else np.transpose(z, axes_among(made, result))


def contracted(x: Any, y: Any, in_a: Any, in_b: Any, batch: Any, rows: Any, inner: Any, columns: Any) -> Any:
    """The product as one of matrices, or of a stack of matrices; axes come out as batch, rows, columns."""
    for c in batch + inner:
        if known_one(x, axes_among(in_a, c)[0]) != known_one(y, axes_among(in_b, c)[0]):
            unsupported("einsum that repeats an axis of length 1")
    left = np.transpose(x, axes_among(in_a, batch + rows + inner))
    right = np.transpose(y, axes_among(in_b, batch + inner + columns))
    n = product_of(lengths(x, in_a, batch))
    r = product_of(lengths(x, in_a, rows))
    m = product_of(lengths(x, in_a, inner))
    c = product_of(lengths(y, in_b, columns))
    shape = lengths(x, in_a, batch) + lengths(x, in_a, rows) + lengths(y, in_b, columns)
    if len(batch) == 0:
        return reshaped(reshaped(left, (r, m)) @ reshaped(right, (m, c)), shape)
    return reshaped(reshaped(left, (n, r, m)) @ reshaped(right, (n, m, c)), shape)
