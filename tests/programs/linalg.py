"""Products of every rank, and the routines of numpy.linalg."""

import numpy as np

from tests.programs.registry import case, real, single, spd


@case(real(4), real(4, seed=1), compiled=True)
def vector_vector(x, y):
    return x @ y * (x @ x) + np.dot(x, y) + np.inner(x, y) + np.vdot(y, x)


@case(real(3, 4), real(4), compiled=True)
@case(real(1, 4), real(4))
@case(real(3, 1), real(1))
def matrix_vector(a, x):
    return np.sum((a @ x) ** 2) + np.sum(np.dot(a, x) ** 3)


@case(real(3), real(3, 4), compiled=True)
def vector_matrix(x, a):
    return np.sum((x @ a) ** 2) + np.sum(np.matmul(x, a) ** 3)


@case(real(3, 4), real(4, 2), compiled=True)
@case(real(1, 4), real(4, 1))
def matrix_matrix(a, b):
    return np.sum((a @ b) ** 2) + np.sum(a.dot(b) ** 3)


@case(real(2, 3, 4), real(2, 4, 2))
@case(real(2, 3, 4), real(1, 4, 2))
@case(real(2, 3, 4), real(4, 2))
@case(real(3, 4), real(2, 4, 2))
@case(real(2, 3, 4), real(4))
@case(real(3), real(2, 3, 4))
def batched(a, b):
    return np.sum((a @ b) ** 2)


@case(real(3, 4), real(3))
def transposed(a, x):
    return np.sum((a.T @ x) ** 2) + np.sum(a.T @ a) + np.sum((x @ a) * (x @ a))


@case(real(3, 3))
def matrix_used_twice(a):
    return np.sum(a @ a @ a.T) + np.trace(a @ a)


@case(real(3), real(4), compiled=True)
def outer(x, y):
    return np.sum(np.sin(np.outer(x, y))) + np.sum(np.outer(x, x) ** 2)


@case(spd(3), real(3), compiled=True)
def solve(a, b):
    x = np.linalg.solve(a, b)
    return x @ x + x[0]


@case(spd(3), real(3, 2))
def solve_matrix(a, b):
    x = np.linalg.solve(a, b)
    return np.sum(x * x * b)


@case(spd(3), compiled=True)
def inverse(a):
    return np.sum(np.linalg.inv(a) ** 2)


@case(spd(3))
@case(real(3, 3))
def determinant(a):
    return np.linalg.det(a) ** 2 + a[0, 0]


@case(spd(3))
def log_determinant(a):
    sign, value = np.linalg.slogdet(a)
    return value * value * sign


@case(real(3, 3), compiled=True)
def cholesky(a):
    m = a @ a.T + 3 * np.eye(3)
    c = np.linalg.cholesky(m)
    return np.sum(c * c * c)


@case(real(3, 3))
def symmetric_eigenvalues(a):
    w, v = np.linalg.eigh(a + a.T)
    return np.sum(w**3) + w[0] * w[1]


@case(real(3, 4), real(4), real(3))
def bilinear(a, x, y):
    return y @ a @ x + (y @ a) @ x * 2


@case(single(3, 4), single(4), tolerance=5e-5)
def single_precision(a, x):
    return np.sum((a @ x) ** 2)


@case(np.asfortranarray(real(3, 4)), real(4))
@case(real(6, 8)[::2, ::2], real(8)[::2])
def noncontiguous_product(a, x):
    return np.sum((a @ x) ** 2)


@case(real(2, 3, 4))
def product_of_slices(a):
    return np.sum(a[0] @ a[1].T) + np.sum(a[0, :, 1:3] @ a[1, 1:3])


@case(real(3, 3), real(3), 4)
@case(real(3, 3), real(3), 0)
def product_in_a_loop(a, x, n):
    for _ in range(n):
        x = np.tanh(a @ x)
    return x @ x


@case(real(3, 3), real(3), 3)
def in_place_product(a, x, n):
    y = x.copy()
    for _ in range(n):
        y[:] = a @ y
        y /= np.linalg.norm(y)
    return y[0] * y[2]


@case(real(3, 4), real(4))
def matmul_operator_augmented(a, x):
    b = np.eye(4)
    c = a
    c = c @ (b * x)
    c @= b + 1
    return np.sum(c * c)


@case(real(0, 4), real(4), zero=True)
@case(real(3, 0), real(0), zero=True)
def empty_product(a, x):
    return np.sum(a @ x) + 1.0


@case(real(2, 3), real(4, 3))
def einsum(a, b):
    return np.sum(np.einsum("ij,kj->ik", a, b) ** 2)


@case(real(3), real(3, seed=1))
def cross_product(x, y):
    c = np.cross(x, y)
    return c @ c + c[0]


@case(real(2, 2), real(2, 2, seed=1))
def kronecker(a, b):
    return np.sum(np.kron(a, b) ** 2)


@case(real(3, 4), real(4))
def matrix_power_and_triangles(a, x):
    s = a[:, :3]
    return np.sum(np.tril(s) ** 2) + np.sum(np.triu(s, 1) * s) + np.sum(np.linalg.matrix_power(s, 3))


@case(np.array([[1, 2], [3, 4], [0, 5]]), real(2), np.array([True, False, True]), compiled=True)
@case(np.array([[1, 2], [3, 4], [0, 5]], dtype=np.int32), real(2), np.array([1, 0, 2]))
def products_of_integers_and_floats(counts, x, mask):
    y = counts @ x
    return y @ mask * (y @ y) + np.sum(np.outer(mask, x) @ x) + np.einsum("ij,j->", counts, x * x)


@case(single(3, 3), real(3), compiled=True, tolerance=1e-3, step=1e-2, name="single_precision_beside_double")
def single_precision_beside_double(a, x):
    y = a @ x + x @ a
    square = np.linalg.matrix_power(a, 2)
    return np.sum(y * y) + np.sum(np.outer(a[0], x) ** 2) + np.sum(square @ x) + np.sum((a * x[:, None]) @ a)


@case(spd(3) + np.diag([0.0, 1.0, 3.0]), real(3), compiled=True)
@case(real(3, 3) + np.diag([0.0, 4.0, 9.0]), real(3))
def eigenvalues_and_vectors(a, x):
    w, v = np.linalg.eigh(a)
    y = v @ (np.exp(-0.3 * w) * (v.T @ x))
    return np.sum(y * y) + np.sum(np.linalg.eigvalsh(a) ** 3) + (v[:, 0] @ x) ** 2


@case(np.eye(3), gradient=np.eye(3))
def equal_eigenvalues(a):
    return np.sum(np.linalg.eigvalsh(a))


@case(real(2, 3, 3) + 3.0 * np.eye(3), real(2, 3, 2), compiled=True)
def stacks_of_matrices(a, b):
    x = np.linalg.solve(a, b)
    return np.sum(x * x) + np.sum(np.linalg.inv(a) ** 2) + np.sum(np.linalg.det(a) ** 2) + np.linalg.slogdet(a)[1][0]


@case(np.array([[2, 1], [1, 3]]), real(2), compiled=True)
def integer_matrices(a, x):
    return np.sum(np.linalg.solve(a, x) ** 2) * np.linalg.det(a) + np.sum(np.linalg.inv(a) @ x)
