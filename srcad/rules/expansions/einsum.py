"""`np.einsum` with a constant subscript string: one or two operands, as sums, a matrix product and permutations."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.products import scaled
from srcad.rules.expansions.shapes import reshaped
from srcad.rules.registry import compile_time, expands, known_one, unsupported


@compile_time
def subscripts_of(text: str, operands: int) -> tuple[tuple[str, ...], str]:
    """`ij,jk` or `ij,jk->ik` as the subscripts of the operands and of the result."""
    given, arrow, result = text.replace(" ", "").partition("->")
    inputs = tuple(given.split(","))
    letters = "".join(inputs)
    if not arrow:
        result = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if len(inputs) != operands:
        raise ValueError(f"einsum names {len(inputs)} operands and gets {operands}")
    return inputs, result


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
def repeated(subscripts: str) -> bool:
    """Whether a letter stands twice."""
    return len(set(subscripts)) != len(subscripts)


def product_of(dims: Any) -> Any:
    n = 1
    for d in dims:
        n = n * d
    return n


def reduced(x: Any, subscripts: Any, lone: Any) -> Any:
    """`x` summed over the letters that nothing else has."""
    if len(lone) == 0:
        return x
    return np.sum(x, axis=axes_among(subscripts, lone))


def diagonal_first(x: Any, subscripts: Any) -> Any:
    if np.ndim(x) != len(subscripts):
        unsupported("einsum with another number of subscripts than axes")
    if repeated(subscripts):
        if len(subscripts) != 2:
            unsupported("einsum with a repeated letter in one operand of more than two axes")
        if x.shape[0] != x.shape[1]:
            raise ValueError(f"a shape of ({x.shape[0]}, {x.shape[1]}) is not square")
        return np.diagonal(x)
    return x


def lengths(x: Any, subscripts: Any, letters: Any) -> Any:
    return tuple([x.shape[k] for k in axes_among(subscripts, letters)])


@expands(np.einsum)
def einsum(subscripts: Any, *operands: Any, optimize: Any = False) -> Any:
    if not isinstance(subscripts, str):
        unsupported("einsum whose first argument is not a string")
    if "." in subscripts:
        unsupported("einsum with an ellipsis")
    inputs, result = subscripts_of(subscripts, len(operands))
    if len(operands) == 1:
        return einsum_one(operands[0], inputs[0], result)
    if len(operands) == 2:
        return einsum_two(operands[0], operands[1], inputs[0], inputs[1], result)
    if len(operands) == 3:
        between = letters_in_both(letters_not_twice(inputs[0] + inputs[1]), inputs[2] + result)
        first = einsum_two(operands[0], operands[1], inputs[0], inputs[1], between)
        return einsum_two(first, operands[2], between, inputs[2], result)
    return unsupported("einsum of more than three operands")


@compile_time
def letters_not_twice(subscripts: str) -> str:
    """Each letter once, in the order of its first appearance."""
    return "".join(dict.fromkeys(subscripts))


def einsum_one(x: Any, subscripts: Any, result: Any) -> Any:
    y = diagonal_first(x, subscripts)
    letters = letters_not_twice(subscripts)
    y = reduced(y, letters, letters_not_in(letters, result))
    left = letters_in_both(letters, result)
    return y if left == result else np.transpose(y, axes_among(left, result))


def einsum_two(a: Any, b: Any, of_a: Any, of_b: Any, result: Any) -> Any:
    for c in letters_in_both(letters_not_twice(of_a), of_b):
        n = lengths(a, of_a, c)[0]
        m = lengths(b, of_b, c)[0]
        if n != m:
            raise ValueError(f"axes of lengths {n} and {m} do not fit")
    x = diagonal_first(a, of_a)
    y = diagonal_first(b, of_b)
    in_a = letters_not_twice(of_a)
    in_b = letters_not_twice(of_b)
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
