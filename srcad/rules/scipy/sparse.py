"""`scipy.sparse`: matrices as lists of entries, their products, and solutions of equations with them.

Derivatives are by the entries that a matrix has, and by what it is multiplied with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse.linalg as sparse_linalg
from scipy import sparse

from srcad.rules.expansions.linalg import floats
from srcad.rules.registry import STAND_INS, common_dtype, dtype_of, expands, unsupported
from srcad.rules.scipy.sparse_equations import conjugate_gradient_solution, ordered_solution

# ---- what a matrix is read as --------------------------------------------------------------------


@dataclass
class Sparse:
    """The entry `data[k]` in the row `rows[k]` and the column `columns[k]`; entries of one place are added.

    `kind` is `matrix` where `*` is the product of matrices, `array` where it is that of elements. In the form `csr` the
    entries come row by row, in `csc` column by column, and `indptr` says where each begins.
    """

    rows: Any
    columns: Any
    data: Any
    shape: Any
    kind: Any
    form: Any = "coo"
    indptr: Any = None
    __array_ufunc__ = None  # an array on the left of an operator leaves it to this class

    @property
    def T(self) -> Any:
        form = "csc" if self.form == "csr" else "csr" if self.form == "csc" else "coo"
        return Sparse(self.columns, self.rows, self.data, (self.shape[1], self.shape[0]), self.kind, form, self.indptr)

    @property
    def indices(self) -> Any:
        if self.form == "coo":
            unsupported("the indices of a sparse matrix that is neither csr nor csc here")
        return self.columns if self.form == "csr" else self.rows

    @property
    def row(self) -> Any:
        return self.rows

    @property
    def col(self) -> Any:
        return self.columns

    @property
    def nnz(self) -> Any:
        return len(self.data)

    def transpose(self) -> Any:
        return self.T

    def with_data(self, data: Any) -> Any:
        return Sparse(self.rows, self.columns, data, self.shape, self.kind, self.form, self.indptr)

    def tocsr(self) -> Any:
        return self

    def tocsc(self) -> Any:
        return self

    def tocoo(self) -> Any:
        return self

    def copy(self) -> Any:
        return self

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Sparse):
            return entries_of_product(self, other)
        return entries_times(self, floats(np.asarray(other)))

    def __rmatmul__(self, other: Any) -> Any:
        y = floats(np.asarray(other))
        return entries_times(self.T, y) if np.ndim(y) == 1 else entries_times(self.T, y.T).T

    def dot(self, other: Any) -> Any:
        return self @ other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Sparse):
            if self.kind == "array":
                unsupported("the product of the elements of two sparse arrays")
            return entries_of_product(self, other)
        if np.ndim(other) == 0:
            return self.with_data(self.data * other)
        if self.kind == "array":
            unsupported("the product of the elements of a sparse array and an array")
        return self @ other

    def __rmul__(self, other: Any) -> Any:
        if np.ndim(other) != 0:
            unsupported("the product of an array and a sparse matrix, written with *")
        return self * other

    def __truediv__(self, other: Any) -> Any:
        if np.ndim(other) != 0:
            unsupported("a sparse matrix divided by an array")
        return self * (1.0 / other)

    def __neg__(self) -> Any:
        return self.with_data(-self.data)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Sparse):
            unsupported("the sum of a sparse matrix and what is none")
        if self.shape != other.shape:
            raise ValueError("inconsistent shapes")
        return Sparse(
            np.concatenate((self.rows, other.rows)),
            np.concatenate((self.columns, other.columns)),
            np.concatenate((self.data, other.data)),
            self.shape,
            self.kind,
        )

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def toarray(self) -> Any:
        out = np.zeros(self.shape, dtype=dtype_of(self.data))
        for k in range(len(self.data)):
            out[self.rows[k], self.columns[k]] += self.data[k]
        return out

    def diagonal(self) -> Any:
        out = np.zeros(min(self.shape), dtype=dtype_of(self.data))
        for k in range(len(self.data)):
            if self.rows[k] == self.columns[k]:
                out[self.rows[k]] += self.data[k]
        return out

    def sum(self, axis: Any = None) -> Any:
        if axis is None:
            return np.sum(self.data)
        if self.kind != "array":
            unsupported("the sums of rows or columns of a sparse matrix (of a sparse array they are)")
        along = self.rows if axis == 1 or axis == -1 else self.columns
        out = np.zeros(self.shape[0] if axis == 1 or axis == -1 else self.shape[1], dtype=dtype_of(self.data))
        for k in range(len(self.data)):
            out[along[k]] += self.data[k]
        return out


def entries_times(a: Any, x: Any) -> Any:
    """The product of a sparse matrix and a vector, or a matrix."""
    if np.ndim(x) != 1 and np.ndim(x) != 2:
        unsupported("the product of a sparse matrix and other than a vector or a matrix")
    if a.shape[1] != x.shape[0]:
        raise ValueError("matmul: dimension mismatch")
    name = common_dtype(dtype_of(a.data), dtype_of(x))
    rows = a.rows
    columns = a.columns
    data = a.data
    if np.ndim(x) == 1:
        out = np.zeros(a.shape[0], dtype=name)
        for k in range(len(data)):
            out[rows[k]] += data[k] * x[columns[k]]
        return out
    table = np.zeros((a.shape[0], x.shape[1]), dtype=name)
    for k in range(len(data)):
        table[rows[k]] += data[k] * x[columns[k]]
    return table


def entries_of_product(a: Any, b: Any) -> Any:
    """The product of two sparse matrices: an entry for each pair of entries that meet."""
    if a.shape[1] != b.shape[0]:
        raise ValueError("matmul: dimension mismatch")
    starts = np.zeros(b.shape[0] + 1, dtype=np.int64)
    for k in range(len(b.rows)):
        starts[b.rows[k] + 1] += 1
    for i in range(b.shape[0]):
        starts[i + 1] += starts[i]
    by_row = np.argsort(b.rows, kind="stable")
    count = 0
    for k in range(len(a.columns)):
        count += starts[a.columns[k] + 1] - starts[a.columns[k]]
    left = np.zeros(count, dtype=np.int64)
    right = np.zeros(count, dtype=np.int64)
    at = 0
    for k in range(len(a.columns)):
        for other in range(starts[a.columns[k]], starts[a.columns[k] + 1]):
            left[at] = k
            right[at] = by_row[other]
            at += 1
    return Sparse(a.rows[left], b.columns[right], a.data[left] * b.data[right], (a.shape[0], b.shape[1]), a.kind)


def _as_sparse(one: Any) -> Any:
    """
    >>> _as_sparse(sparse.csr_array(np.array([[0.0, 2.0]]))).columns
    array([1])
    """
    if one.ndim != 2 or one.dtype.kind not in "fiu":
        return one
    entries = one.tocoo()
    kind = "matrix" if isinstance(one, sparse.spmatrix) else "array"
    rows, columns = (np.asarray(part, dtype=np.int64) for part in (entries.row, entries.col))
    data = entries.data if one.dtype.kind == "f" else entries.data.astype(np.float64)
    form = one.format if one.format in ("csr", "csc") else "coo"
    pointers = np.asarray(one.indptr, dtype=np.int64) if form != "coo" else None
    return Sparse(rows, columns, data, one.shape, kind, form, pointers)


for _name in "csr csc coo dia bsr lil dok".split():
    STAND_INS[getattr(sparse, f"{_name}_array")] = _as_sparse
    STAND_INS[getattr(sparse, f"{_name}_matrix")] = _as_sparse

# ---- matrices that are made ----------------------------------------------------------------------


def compressed(pointers: Any, count: Any) -> Any:
    """The row of each entry, by where the rows begin."""
    rows = np.zeros(count, dtype=np.int64)
    for i in range(len(pointers) - 1):
        rows[pointers[i] : pointers[i + 1]] = i
    return rows


def made(arg1: Any, shape: Any, by_rows: Any, kind: Any) -> Any:
    if isinstance(arg1, Sparse):
        return arg1
    if not isinstance(arg1, tuple):
        table = floats(np.asarray(arg1))
        n, m = table.shape
        rows = np.repeat(np.arange(n), m)
        return Sparse(rows, np.arange(n * m) % m, table.reshape(-1), (n, m), kind)
    if shape is None:
        unsupported("a sparse matrix of entries without its shape")
    data = floats(np.asarray(arg1[0]))
    if len(arg1) == 2:
        if not isinstance(arg1[1], (tuple, list)):
            unsupported("a sparse matrix of these arguments")
        rows, columns = arg1[1]
        return Sparse(np.asarray(rows), np.asarray(columns), data, shape, kind)
    indices = np.asarray(arg1[1])
    pointers = np.asarray(arg1[2])
    outer = compressed(pointers, len(data))
    if by_rows:
        return Sparse(outer, indices, data, shape, kind, "csr", pointers)
    return Sparse(indices, outer, data, shape, kind, "csc", pointers)


@expands(sparse.csr_matrix)
def csr_matrix(arg1: Any, shape: Any = None, dtype: Any = None, copy: Any = False) -> Any:
    return made(arg1, shape, True, "matrix")


@expands(sparse.csr_array)
def csr_array(arg1: Any, shape: Any = None, dtype: Any = None, copy: Any = False) -> Any:
    return made(arg1, shape, True, "array")


@expands(sparse.csc_matrix, sparse.coo_matrix)
def csc_matrix(arg1: Any, shape: Any = None, dtype: Any = None, copy: Any = False) -> Any:
    return made(arg1, shape, False, "matrix")


@expands(sparse.csc_array, sparse.coo_array)
def csc_array(arg1: Any, shape: Any = None, dtype: Any = None, copy: Any = False) -> Any:
    return made(arg1, shape, False, "array")


@expands(sparse.diags)
def diags(diagonals: Any, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = None) -> Any:
    return by_diagonals(diagonals, offsets, shape, "matrix")


@expands(sparse.diags_array)
def diags_array(diagonals: Any, *, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = None) -> Any:
    return by_diagonals(diagonals, offsets, shape, "array")


def by_diagonals(diagonals: Any, offsets: Any, shape: Any, kind: Any) -> Any:
    if isinstance(offsets, (tuple, list)):
        lines = [floats(np.asarray(one)) for one in diagonals]
        places = list(offsets)
    else:
        lines = [floats(np.asarray(diagonals if np.ndim(diagonals[0]) == 0 else diagonals[0]))]
        places = [offsets]
    if len(lines) != len(places):
        raise ValueError("number of diagonals does not match the number of offsets")
    n = len(lines[0]) + abs(places[0])
    n, m = (n, n) if shape is None else shape
    rows = []
    columns = []
    data = []
    for line, k in zip(lines, places, strict=True):
        count = min(n + min(k, 0), m - max(k, 0))
        if np.ndim(line) != 1 or len(line) != count:
            if np.ndim(line) > 0 and len(line) != 1:
                raise ValueError("a diagonal has another length than it has place for")
            line = np.ones(count) * (line if np.ndim(line) == 0 else line[0])
        rows.append(np.arange(count) - min(k, 0))
        columns.append(np.arange(count) + max(k, 0))
        data.append(line)
    return Sparse(np.concatenate(rows), np.concatenate(columns), np.concatenate(data), (n, m), kind)


@expands(sparse.eye, sparse.identity)
def eye(m: Any, n: Any = None, k: Any = 0, dtype: Any = None, format: Any = None) -> Any:
    if (n is not None and n != m) or k != 0:
        unsupported("scipy.sparse.eye that is not square, or beside the diagonal")
    return Sparse(np.arange(m), np.arange(m), np.ones(m), (m, m), "matrix")


@expands(sparse.eye_array)
def eye_array(m: Any, n: Any = None, *, k: Any = 0, dtype: Any = None, format: Any = None) -> Any:
    if (n is not None and n != m) or k != 0:
        unsupported("scipy.sparse.eye_array that is not square, or beside the diagonal")
    return Sparse(np.arange(m), np.arange(m), np.ones(m), (m, m), "array")


@expands(sparse.issparse)
def issparse(x: Any) -> Any:
    return isinstance(x, Sparse)


# ---- equations -----------------------------------------------------------------------------------


def as_sparse(a: Any) -> Any:
    x = a if isinstance(a, Sparse) else made(a, None, True, "array")
    if x.shape[0] != x.shape[1]:
        raise ValueError("the matrix is not square")
    return x


@expands(sparse_linalg.spsolve)
def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: Any = True) -> Any:
    a = as_sparse(A)
    if isinstance(b, Sparse):
        unsupported("scipy.sparse.linalg.spsolve with a sparse right side")
    y = floats(np.asarray(b))
    if np.ndim(y) == 1:
        return ordered_solution(a, y[:, None])[:, 0]
    return ordered_solution(a, y)


@dataclass
class Factors:
    """What `splu` gives: equations with one matrix."""

    a: Any

    def solve(self, rhs: Any, trans: Any = "N") -> Any:
        return spsolve(self.a if trans == "N" else self.a.T, rhs)

    def __call__(self, rhs: Any) -> Any:
        return spsolve(self.a, rhs)


@expands(sparse_linalg.splu, sparse_linalg.factorized)
def splu(A: Any) -> Any:
    return Factors(as_sparse(A))


@expands(sparse_linalg.cg)
def cg(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    rtol: Any = 1e-5,
    atol: Any = 0.0,
    maxiter: Any = None,
    M: Any = None,
    callback: Any = None,
) -> Any:
    """Of a matrix that is symmetric: only for such has the solution this derivative."""
    if x0 is not None or M is not None or callback is not None:
        unsupported("scipy.sparse.linalg.cg with x0, M or a callback")
    return conjugate_gradient_solution(as_sparse(A), floats(np.asarray(b)), rtol, atol, maxiter), 0
