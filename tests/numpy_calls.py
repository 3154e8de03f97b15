"""Calls of every function and operator srcad reads, with every option: each must give what NumPy, or Python, gives.

The letters stand for arguments, which `numpy_values` makes in many kinds:

    v w      vectors              m n   matrices                c d   arrays of three axes     f    of four axes
    r        a row of m           u     vector of three         x y   arrays of every rank     a    numbers, special
    too
    s        a regular matrix     p     a positive definite     S P   stacks of such           t l  numbers
    k        a small integer      i     positions               I     integers                 B    of x, true or
    false
    g        ascending

One line is one call, or several with one result; the same call may stand for several options.
"""

from __future__ import annotations

import math

_UNARY = """
    sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh exp exp2 expm1 log log2 log10 log1p sqrt
    cbrt sinc fabs deg2rad rad2deg radians degrees floor ceil trunc rint sign signbit isnan isinf isfinite logical_not
    spacing abs absolute negative positive square reciprocal fix real conj
"""
_BINARY = """
    arctan2 hypot logaddexp logaddexp2 fmod maximum minimum fmax fmin copysign add subtract multiply true_divide
    divide
    mod remainder power floor_divide less less_equal greater greater_equal equal not_equal logical_and logical_or
    logical_xor
    nextafter heaviside float_power
"""
_MATH_UNARY = """
    sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp expm1 log log2 log10 log1p sqrt erf erfc gamma
    lgamma
    fabs degrees radians floor ceil trunc isnan isinf isfinite exp2 cbrt
"""

EXACT = [
    *[f"np.{name}(a)" for name in _UNARY.split() if name not in ("square", "reciprocal")],
    *[f"np.{name}(a, a2)" for name in _BINARY.split()],
    "a + a2", "a - a2", "a * a2", "a / a2", "a % a2", "a // a2", "a ** a2", "-a", "+a", "abs(a)",
    "a < a2", "a <= a2", "a > a2", "a >= a2", "a == a2", "a != a2", "np.divmod(a, a2)", "divmod(a, a2)",
    "a ** 2", "a ** 3", "a ** -1", "np.abs(a) ** 0.5", "a ** 0", "2.0 ** a", "a % 3.0", "a // 3.0", "-7.5 % a",
    "-7.5 // a",
    "I & I2", "I | I2", "I ^ I2", "I << k", "I >> k", "~I", "I % 3", "I // 3", "-7 % (I2 + 1)", "-7 // (I2 + 1)",
    "I ** 2",
    "I // -2", "I % -2", "I * I2", "I - I2", "I / (I2 + 1)", "2 ** I", "np.left_shift(I, k)", "np.right_shift(I, k)",
    "np.bitwise_and(I, I2)", "np.bitwise_or(I, I2)", "np.bitwise_xor(I, I2)", "np.invert(I)", "np.square(I)",
    "np.abs(-I)",
    "I // I2", "I % I2", "np.sign(I - 1)", "np.floor(I)", "np.ceil(I)", "np.trunc(I)", "np.rint(I)", "np.fix(I)",
    "np.round(I)", "np.round(I, 1)", "np.round(I, -1)", "np.reciprocal(I + 1)", "np.maximum(I, I2)",
    "np.maximum(I, 1.5)",
    "B & B2", "B | B2", "B ^ B2", "~B", "np.logical_not(B)", "np.invert(B)", "not t", "t and l", "t or l", "B == B2",
    "B < B2",
    "B[:1] + B2", "B[:1] * B2", "B - 1", "B / 2", "-x * B", "np.maximum(B, B2)", "np.sign(I)",
    "np.square(a)", "np.reciprocal(a)", "np.clip(a, -0.5, 1.0)", "np.clip(a, None, 0.5)",
    "np.clip(a, a_min=0.5, a_max=None)",
    "np.clip(a, min=-1.0)", "np.clip(a, max=1.0)", "np.clip(x, y, 1.0)", "np.clip(x, 1.0, -1.0)", "np.clip(I, 1, 2)",
    "np.clip(I, 0.5, 2)", "x.clip(-0.5, 0.5)", "np.round(a)", "np.around(a)", "np.round(x, 2)",
    "np.round(a, decimals=1)",
    "np.round(100.0 * x, -1)", "np.round(I, -1)", "x.round(1)", "x.round()",
    "np.nan_to_num(a)", "np.nan_to_num(a, nan=1.0, posinf=2.0, neginf=-3.0)", "np.nan_to_num(a, copy=True)",
    "np.nan_to_num(I)",
    "np.where(B, x, y)", "np.where(B, 1.0, x)", "np.where(B, x, 2)", "np.where(B, I, x)", "np.where(B, 1, 2)",
    "np.where(B)",
    "np.where(t > 0.0, t, l)", "np.where(t > 0.0, x, 0.0)",
    "np.select([x > 0.5, x > 0.0], [x, -y], 5.0)", "np.select([B, B2], [x, y])", "np.select([B], [I], default=2.5)",
    "np.isclose(a, a2)", "np.isclose(x, y, rtol=0.5)", "np.isclose(x, y, atol=0.5)", "np.allclose(x, x)",
    "np.allclose(a, a)",
    "np.allclose(x, y, rtol=9.0, atol=9.0)", "np.modf(a)", "np.ldexp(a, k)", "np.ldexp(x, I)",
    "x.conj()", "x.conjugate()", "x.astype(np.float32)", "x.astype(float)", "x.astype(int)", "x.astype(bool)",
    "I.astype(float)",
    "x.astype(np.float64, copy=True)", "np.float64(t)", "np.float32(t)", "np.int64(t)", "np.int32(t)", "np.bool_(t)",
    "float(k)",
    "float(t)", "int(t)", "bool(t)", "int(-t)", "float(t > 0)", "np.float64()", "np.float32()", "np.int64()",
    "np.int32()",
    "np.bool_()", "float()", "np.float32(x)", "np.int64(x)",
    "pow(t, 2)", "pow(t, l)", "abs(t)", "abs(k)", "round(t)", "round(k)", "round(10.0 * t)", "round(x[0])",
    "max(t, l)", "min(t, l)", "max(t, l, 0.5)", "max(k, t)", "max(v)", "min(v)", "max((t, l))",
    "min((), default=2.0)",
    "sum(v)", "sum((t, l))", "sum(v, start=1.0)", "any((t > 0, l > 0))", "all((t > 0, l > 0))", "any(B)", "all(B)",
    "len(x)",
    "round(2.5)", "round(-0.5)", "t // l", "t % l", "-t // l", "-t % l", "t % -l", "k // -2", "k % -2", "-k // 2",
    "divmod(-t, l)",
    "divmod(-k, 2)", "k / 2", "k ** 2", "2 ** k", "k ** -1", "t ** -2", "-k ** 2", "k << 1", "k >> 1", "~k", "k & 3",
    "k | 4", "k ^ 1",
]  # fmt: skip
"""Equal to the last bit but for the rounding of transcendental functions, signs of zeros included."""

ELEMENTWISE_MATH = [
    *[f"math.{name}(t)" for name in _MATH_UNARY.split() if hasattr(math, name)],
    "math.atan2(t, l)", "math.atan2(-t, -l)", "math.atan2(0.0, -t)", "math.atan2(-0.0, -t)", "math.pow(t, l)",
    "math.fmod(t, l)",
    "math.fmod(-t, l)", "math.copysign(t, -l)", "math.copysign(t, -0.0)", "math.hypot(t, l)", "math.hypot(t)",
    "math.hypot()",
    "math.hypot(t, l, 3.0)", "math.hypot(1e200, 1e200)", "math.log(t, l)", "math.log(8, 2)", "math.log(t, base)",
    "math.dist(v, w)", "math.dist((t, l), (1.0, 2.0))", "math.dist((1e200, t), (0.0, 0.0))", "math.fsum(v)",
    "math.fsum((t, l))", "math.fsum([1e100, t, -1e100])", "math.fsum([0.1] * 10)", "math.prod(v)",
    "math.prod((t, l), start=2.0)",
    "math.prod([k, 2])", "math.remainder(t, l)", "math.remainder(-t, l)", "math.remainder(5.0, 2.0)",
    "math.remainder(3.0, 2.0)",
    "math.modf(t)", "math.modf(-t)", "math.ldexp(t, k)", "math.ldexp(t, -k)", "math.factorial(k)", "math.comb(5, k)",
    "math.comb(k, 5)", "math.gcd(12, k)", "math.gcd(-12, 18, 6)", "math.gcd()", "math.isclose(t, l)",
    "math.isclose(t, l, rel_tol=0.9)", "math.isclose(t, l, abs_tol=9.0)", "math.floor(-t)", "math.ceil(-t)",
    "math.trunc(-t)",
    "math.log1p(1e-12 * t)", "math.expm1(1e-12 * t)", "math.gamma(-t)", "math.lgamma(-t)",
    *(["math.sumprod(v, w)"] if hasattr(math, "sumprod") else []),
]  # fmt: skip

_AXES = {
    "v": ("None", "0", "-1"),
    "m": ("None", "0", "1", "(0, 1)", "()"),
    "c": ("None", "0", "1", "-1", "(0, 2)", "(1, -3)"),
}


def _reductions() -> list[str]:
    calls = []
    for name in "sum mean prod max min ptp any all var std amax amin".split():
        for x, axes in _AXES.items():
            calls += [f"np.{name}({x}, axis={axis})" for axis in axes]
            calls += [f"np.{name}({x}, axis={axis}, keepdims=True)" for axis in axes[1:3]]
        calls += [f"np.{name}(x)", f"np.{name}(x, keepdims=True)"]
        calls += [f"np.{name}(I)", f"np.{name}(B)", f"np.{name}(I, axis=0)", f"np.{name}(B, axis=-1)"]
        if name not in ("ptp", "amax", "amin"):
            calls += [f"x.{name}()", f"m.{name}(1)", f"c.{name}(axis=(0, 1))", f"m.{name}(axis=0, keepdims=True)"]
    for name in ("argmax", "argmin"):
        calls += [f"np.{name}({x}, axis={a})" for x in "vm" for a in ("None", "0", "-1")] + [f"np.{name}(c, axis=1)"]
        calls += [
            f"np.{name}(m, axis=0, keepdims=True)",
            f"np.{name}(m, keepdims=True)",
            f"np.{name}(B)",
            f"np.{name}(I, axis=0)",
        ]
        calls += [
            f"x.{name}()",
            f"m.{name}(axis=1)",
            f"np.{name}(x)",
            f"np.{name}(v.round())",
            f"np.{name}(m.round(), axis=0)",
        ]
    for name in ("var", "std"):
        calls += [
            f"np.{name}(v, ddof=1)",
            f"np.{name}(m, axis=0, ddof=1)",
            f"np.{name}(m, ddof=2)",
            f"m.{name}(axis=1, ddof=1)",
        ]
        calls += [f"np.{name}(v, ddof=9)", f"np.{name}(v, dtype=np.float32)", f"np.{name}(I, dtype=float)"]
    for name in ("cumsum", "cumprod"):
        calls += [f"np.{name}({x})" for x in "xvmcIB"] + [f"np.{name}(m, axis={a})" for a in (0, 1, -1)]
        calls += [
            f"np.{name}(v, dtype=np.float32)",
            f"np.{name}(c, axis=1)",
            f"m.{name}(axis=0)",
            f"m.{name}()",
            f"np.{name}(I, axis=0)",
        ]
    for name in ("sum", "mean", "prod"):
        calls += [f"np.{name}(m, dtype=np.float32)", f"np.{name}(I, dtype=float)", f"np.{name}(m, axis=0, dtype=float)"]
    return calls


_REDUCED = ("add", "multiply", "maximum", "minimum")

REDUCTIONS = [
    *_reductions(),
    "np.add.reduce(m)", "np.add.reduce(m, axis=1)", "np.add.reduce(m, axis=None)", "np.multiply.reduce(m)",
    "np.maximum.reduce(m)",
    "np.minimum.reduce(m, axis=1)", "np.multiply.reduce(v)", "np.add.reduce(v)", "np.maximum.reduce(v)",
    "np.minimum.reduce(v)",
    *[f"np.{name}.reduce({x}, axis={axis}, keepdims=True)" for name in _REDUCED for x, axis in (("m", 1), ("c",
    "(0, 2)"))],
    *[f"np.{name}.reduce(I, dtype=float)" for name in _REDUCED], "np.around(m, decimals=2)",
    "np.asanyarray(m, dtype=int)",
    "np.count_nonzero(x)", "np.count_nonzero(I)", "np.count_nonzero(m, axis=0)",
    "np.count_nonzero(I, axis=0, keepdims=True)",
    "np.count_nonzero(B)", "np.average(x)", "np.average(m, axis=1)", "np.average(v, weights=w)",
    "np.average(m, axis=0, weights=n)",
    "np.average(m, axis=1, weights=r)", "np.average(m, weights=n)", "np.average(m, axis=1, keepdims=True)",
    "np.average(m, axis=1, weights=r, keepdims=True)", "np.average(I)", "np.average(m, 1, r)",
    "np.average(c, axis=(0, 1), weights=None)",
    "np.diff(v)", "np.diff(m)", "np.diff(m, axis=0)", "np.diff(c, n=2, axis=1)", "np.diff(v, 0)", "np.diff(I)",
    "np.diff(B)",
    "np.diff(v, n=9)", "np.ediff1d(m)", "np.ediff1d(v)", "np.ediff1d(I)",
    *[f"np.linalg.norm(v, ord={p})" for p in ("None", "1", "2", "3", "0", "np.inf", "-np.inf", "0.5", "-1", "-2")],
    *[f"np.linalg.norm(m, ord={p})" for p in ("None", "'fro'", "1", "-1", "np.inf", "-np.inf", "2", "'nuc'")],
    *[f"np.linalg.norm(m, {p}, {a})" for p in ("None", "1", "2", "np.inf", "0") for a in (0, -1)],
    "np.linalg.norm(m, axis=1, keepdims=True)", "np.linalg.norm(m, 'fro', keepdims=True)",
    "np.linalg.norm(m, 1, keepdims=True)",
    "np.linalg.norm(x)", "np.linalg.norm(c)", "np.linalg.norm(c, axis=(0, 2))", "np.linalg.norm(c, axis=1)",
    "np.linalg.norm(I)",
    "np.linalg.norm(c, ord=1, axis=(0, 1))", "np.linalg.norm(v, keepdims=True)", "np.linalg.norm(t)",
]  # fmt: skip

PRODUCTS = [
    "v @ w", "m @ r", "u @ m", "m @ n.T", "m.T @ n", "c @ r", "c @ n.T", "n @ c.transpose(0, 2, 1)",
    "c @ d.transpose(0, 2, 1)",
    "v.dot(w)", "m.dot(r)", "m.dot(n.T)", "np.dot(v, w)", "np.dot(t, v)", "np.dot(m, t)", "np.dot(m, r)",
    "np.dot(c, r)", "np.dot(c, n.T)",
    "np.dot(m, n.T)", "np.dot(t, l)", "np.matmul(m, n.T)", "np.matmul(v, w)", "np.matmul(c, r)",
    "f @ f.transpose(0, 1, 3, 2)",
    "f @ f[0].transpose(0, 2, 1)", "f @ f[0, 0].T", "I @ I2.T", "I @ i[:4]", "B @ B2.T", "np.dot(I, I2.T)", "I @ n.T",
    "m @ I.T",
    "np.vdot(m, n)", "np.vdot(v, w)", "np.vdot(t, l)", "np.inner(v, w)", "np.inner(m, n)", "np.inner(m, r)",
    "np.inner(c, n)", "np.inner(t, v)",
    "np.outer(v, w)", "np.outer(m, r)", "np.outer(t, v)", "np.outer(I, i)", "np.multiply.outer(v, w)",
    "np.multiply.outer(m, r)",
    "np.tensordot(m, n.T, 1)", "np.tensordot(c, d, 3)", "np.tensordot(c, n, axes=([1, 2], [0, 1]))",
    "np.tensordot(c, n, axes=(2, 1))",
    "np.tensordot(v, w, axes=0)", "np.tensordot(c, n, axes=((2, 1), (1, 0)))", "np.tensordot(m, n)",
    "np.tensordot(m, n, axes=([-1], [-1]))",
    "np.kron(v, w)", "np.kron(m, n)", "np.kron(I, I2)", "np.kron(v, m)", "np.trace(m)", "np.trace(m, 1)",
    "np.trace(m, offset=-1)", "np.trace(I)",
    "m.trace()", "np.trace(c)", "np.trace(m, 9)", "np.cross(u, u2)", "np.cross(v[:2], w[:2])",
    "np.cross(m[:, :3], n[:, :3])", "np.cross(u, I[0, :3])",
    "np.linalg.multi_dot([m, n.T, m])", "np.linalg.multi_dot((v, np.outer(w, v), w))", "np.linalg.matrix_power(s, 3)",
    "np.linalg.matrix_power(s, 0)",
    "np.linalg.matrix_power(s, k)", "np.linalg.matrix_power(s, -2)", "np.linalg.matrix_power(S, 2)",
    *[f"np.einsum('{e}', {args})" for e, args in [
        ("ij,jk->ik", "m, n.T"), ("ij,jk", "m, n.T"), ("i,i", "v, w"), ("i,i->i", "v, w"), ("ij->ji", "m"), ("ba",
        "m"), ("ii", "s"), ("ii->i", "s"),
        ("ij->", "m"), ("ij->j", "m"), ("i,j->ij", "v, w"), ("i,j->ji", "v, w"), ("ij,j->i", "m, r"), ("j,ij->i",
        "r, m"),
        ("bij,bkj->bik", "c, d"), ("bij,jk->bik", "c, n.T"), ("ij,ij->", "m, n"), ("ij,ij->i", "m, n"), ("ij,ij->ji",
        "m, n"), ("ij,ji->", "m, n.T"),
        ("i,ij,j->", "u, m, r"), ("i,ij,j->ij", "u, m, r"), ("ij,kj,kl->il", "m, n, m"), ("ijk,k->ji", "c, r"),
        ("ijk->ki", "c"), ("ij,kl->jl", "m, n"),
        ("ij , jk -> ki", "m, n.T"), ("ij,->ij", "m, t"), (",", "t, l"), ("...ij,...jk->...ik",
        "c, d.transpose(0, 2, 1)"), ("iij->j", "S.T"),
        ("ij,jk->ik", "I, I2.T"), ("i,i,i", "v, w, v"), ("i,i,i,i->", "v, w, v, w"),
        ("bij->b", "c"), ("ij,k->ikj", "m, v"),
        ("Ab,bA->A", "m, n.T"), ("bA,A", "m, r"), ("ij,kij->k", "m, c"), ("ijk,ijk->k", "c, d"), ("ij->ij", "I"),
        ("i->", "I[0]"),
    ]],
    "np.einsum('ij,jk->ik', m, n.T, optimize=True)", "np.einsum(m, [0, 1], n.T, [1, 2])",
]  # fmt: skip

LINALG = [
    "np.linalg.solve(s, u)", "np.linalg.solve(s, s2)", "np.linalg.solve(s, m)", "np.linalg.solve(S, m)",
    "np.linalg.solve(S, S2)", "np.linalg.solve(s, S2)",
    "np.linalg.solve(S, u)", "np.linalg.inv(s)", "np.linalg.inv(S)", "np.linalg.det(s)", "np.linalg.det(S)",
    "np.linalg.slogdet(s)", "np.linalg.slogdet(S)",
    "np.linalg.slogdet(-s)", "np.linalg.slogdet(s).sign", "np.linalg.slogdet(s).logabsdet", "np.linalg.cholesky(p)",
    "np.linalg.cholesky(P)",
    "np.linalg.cholesky(p, upper=True)", "np.linalg.cholesky(s + 9.0 * np.eye(3))", "np.linalg.eigvalsh(s)",
    "np.linalg.eigvalsh(s, 'U')",
    "np.linalg.eigvalsh(s, UPLO='u')", "np.linalg.eigh(s)", "np.linalg.eigh(s, UPLO='L')", "np.linalg.eigh(s, 'U')",
    "np.linalg.eigh(p)", "np.linalg.eigh(s).eigenvectors",
    "np.linalg.eigh(s)[1][0]", "np.linalg.eigvalsh(S)", "np.linalg.eigh(S)", "np.linalg.eigh(v[:1, None])",
    "np.linalg.eigh(I[:3, :3])", "np.linalg.inv(I[:3, :3] + 9 * np.eye(3, dtype=int))",
    "np.linalg.det(I[:3, :3])", "np.linalg.det(s[:0, :0])", "np.linalg.qr(s)", "np.linalg.svd(s)",
    "np.linalg.eig(s + s.T)", "np.linalg.pinv(s)", "np.linalg.lstsq(m.T, r)",
    "np.linalg.cholesky(-p)", "np.linalg.inv(0.0 * s)",
]  # fmt: skip

SHAPES = [
    "np.reshape(m, 12)", "np.reshape(m, -1)", "np.reshape(m, (4, 3))", "np.reshape(m, (2, -1))",
    "np.reshape(c, (6, -1))", "np.reshape(t, (1, 1))", "np.reshape(v[:1], ())",
    "np.reshape(m, (4, 3), order='F')", "np.reshape(m, (4, 3), order='C')", "m.reshape(4, 3)", "m.reshape((4, 3))",
    "m.reshape(-1)", "c.reshape(2, -1, order='C')", "m.reshape((4, 3), order='F')",
    "np.ravel(x)", "np.ravel(m, order='C')", "np.ravel(m, 'F')", "x.ravel()", "x.flatten()", "m.flatten('F')",
    "m.view(float)", "v.view()",
    "m.ravel('C')", "np.transpose(x)", "np.transpose(c, (1, 0, 2))", "np.transpose(c, axes=(2, -2, 0))",
    "x.T", "c.transpose()", "c.transpose(1, 2, 0)", "c.transpose((1, 2, 0))", "np.swapaxes(c, 0, 2)",
    "np.swapaxes(c, -1, 1)", "c.swapaxes(0, 1)", "np.moveaxis(c, 0, -1)", "np.moveaxis(c, (0, 1), (2, 0))",
    "np.moveaxis(c, source=2, destination=0)", "np.moveaxis(c, 3, 0)", "np.moveaxis(c, [0, 0], [1, 2])",
    "np.swapaxes(c, 0, 3)", "np.rollaxis(c, 2)", "np.rollaxis(c, 0, 3)", "np.rollaxis(c, 1, start=-1)",
    "np.rollaxis(c, 2, 4)",
    "np.squeeze(v[:1])", "np.squeeze(c[:1])", "np.squeeze(c[:, :1], axis=1)", "np.squeeze(c[:1, :, :1], (0, -1))",
    "np.squeeze(m)", "np.squeeze(m, 0)", "c[:1].squeeze()", "c[:1].squeeze(0)", "np.squeeze(t)",
    "np.expand_dims(m, 0)", "np.expand_dims(m, -1)", "np.expand_dims(m, (0, -1))", "np.expand_dims(t, 0)",
    "np.expand_dims(m, axis=3)", "np.expand_dims(m, (1, 1))", "np.atleast_1d(x)", "np.atleast_2d(x)",
    "np.atleast_3d(x)",
    "np.atleast_1d(t)", "np.atleast_2d(k)", "np.broadcast_to(r, (3, 4))", "np.broadcast_to(t, 4)",
    "np.broadcast_to(m[:, :1], (2, 3, 4))", "np.broadcast_to(t, ())", "np.broadcast_to(m, (4, 3))",
    "np.broadcast_arrays(m, r)", "np.broadcast_arrays(v, t)", "np.broadcast_arrays(I, x)", "np.repeat(m, 2)",
    "np.repeat(m, 3, axis=0)", "np.repeat(c, 2, axis=-1)", "np.repeat(v, np.array([0, 2, 1, 0, 3]))",
    "np.repeat(m, [1, 0, 2], axis=0)", "np.repeat(t, 3)", "np.repeat(v, [2])", "np.repeat(v, [1, 2])",
    "np.repeat(m, 0)", "m.repeat(2)", "m.repeat(2, axis=1)", "np.repeat(v, k)", "np.repeat(I, 2, 0)", "np.tile(v, 3)",
    "np.tile(v, (2, 2))",
    "np.tile(m, (2, 1, 3))", "np.tile(c, 2)", "np.tile(t, 3)", "np.tile(m, 0)", "np.tile(v, ())", "np.ndim(x)",
    "np.shape(x)", "np.size(x)", "x.size", "x.ndim", "x.shape", "len(m)", "np.size(m, 0)", "np.isscalar(t)",
]  # fmt: skip

JOINING = [
    *[f"np.concatenate((m, n), axis={a})" for a in ("0", "1", "-1", "None")], "np.concatenate((v, w))",
    "np.concatenate([v, I[0]])", "np.concatenate((m, n[:1]))", "np.concatenate((v, m))", "np.concatenate((c, d), 1)",
    *[f"np.stack((m, n), axis={a})" for a in ("0", "1", "2", "-1")], "np.stack((t, l))", "np.stack([v, w])",
    "np.stack((v, I[0]))", "np.stack((v, m))", "np.vstack((m, n))", "np.vstack((v, w))", "np.vstack((t, l))",
    "np.vstack((m, r))",
    "np.hstack((m, n))", "np.hstack((v, w))", "np.hstack((t, v))", "np.hstack((c, d))", "np.dstack((m, n))",
    "np.dstack((v, w))", "np.dstack((c, d))", "np.dstack((t, l))", "np.column_stack((v, w))",
    "np.column_stack((m, u))",
    "np.append(v, t)", "np.append(m, n)", "np.append(m, n, axis=0)", "np.append(v, I[0])", "np.append(I, t)",
    "np.pad(v, 2)", "np.pad(m, (1, 2))", "np.pad(m, ((1, 0), (0, 2)))", "np.pad(m, 1, constant_values=1.5)",
    "np.pad(I, 1, constant_values=1.5)",
    "np.pad(v, (1,))", "np.pad(m, ((1, 2),))", "np.pad(v, 1, mode='edge')", "np.pad(v, 1, mode='constant')",
    "np.pad(c, ((0, 1), (1, 0), (2, 2)))", "np.pad(v, 0)", "np.pad(m, 1, 'constant', constant_values=(1.0, 2.0))",
    "np.unstack(m)[1]", "np.unstack(m, axis=-1)[0]",
    "np.split(v, 5)", "np.split(v, 2)", "np.split(m, [1, 3], axis=1)", "np.split(m, 2, 1)", "np.split(m, [2, 1])",
    "np.split(v, [-1])", "np.split(v, [9])", "np.array_split(v, 2)", "np.array_split(v, 7)",
    "np.array_split(m, 3, axis=1)", "np.vsplit(m, 3)", "np.vsplit(m, [1])",
    "np.hsplit(m, 2)", "np.hsplit(v, [2])", "np.hsplit(m, 3)", "np.vsplit(v, 1)", "np.roll(v, 2)", "np.roll(v, -7)",
    "np.roll(m, 1)", "np.roll(m, 1, axis=0)", "np.roll(c, (1, -1), axis=(0, 2))", "np.roll(c, 1, axis=(0, 2))",
    "np.roll(m, (1, 2))", "np.roll(v, k)", "np.roll(x, 1)",
    "np.roll(m, (1, 1), axis=0)", "np.roll(m, 1, 2)", "np.flip(x)", "np.flip(c, 1)", "np.flip(c, axis=(0, -1))",
    "np.flip(c, ())", "np.fliplr(m)", "np.flipud(m)", "np.flipud(v)", "np.fliplr(v)",
    *[f"np.rot90(m, {j})" for j in (0, 1, 2, 3, -1, 5)], "np.rot90(m)", "np.rot90(c)",
    *[f"np.{name}(m, {j})" for name in ("tril", "triu", "diag", "diagonal") for j in (0, 1, -1, 9, -9)], "np.tril(m)",
    "np.tril(v)", "np.triu(c)", "np.tril(I, k=1)", "np.diag(v)", "np.diag(v, k=-2)", "np.diag(I)",
    "np.diagonal(m, offset=1)", "m.diagonal()", "m.diagonal(-1)", "np.diagonal(c)",
    "np.diagflat(m)", "np.diagflat(v, 1)", "np.diagflat(t)", "np.diag(I[0])",
]  # fmt: skip

CREATION = [
    *[f"np.{f}({s})" for f in ("zeros", "ones") for s in ("3", "(2, 3)", "()", "k", "[2, 3]", "(k, 2)", "3, int",
    "(2, 2), dtype=np.float32", "2, dtype=bool", "np.shape(x)", "0")], "np.empty(3).shape",
    "np.empty((2, k), dtype=int).dtype == int", "np.empty_like(m).shape",
    "np.empty_like(I).dtype == float", "np.empty_like(m, dtype=int).dtype == int",
    "np.empty_like(m, shape=(2,)).shape", "np.full(3, t)", "np.full((2, 2), k)", "np.full(2, 1, dtype=np.float32)",
    "np.full((2, 5), v)", "np.full(3, fill_value=True)", "np.full((), t)", "np.full(2, 2.7, dtype=int)",
    *[f"np.{f}({s})" for f in ("zeros_like", "ones_like") for s in ("x", "I", "t", "k", "m, dtype=int",
    "m, shape=(2, 2)", "B", "m, np.float32")], "np.full_like(I, 2.7)", "np.full_like(x, 1)", "np.full_like(m, t)",
    "np.full_like(m, 2.5, dtype=int)", "np.full_like(m, 2, shape=(2,))", "np.full_like(m, r)", "np.full_like(B, 2)",
    "np.arange(5)", "np.arange(2, 7)", "np.arange(5.0, 1.0, -1.5)", "np.arange(0.0, 1.0, 0.25)", "np.arange(k)",
    "np.arange(t)", "np.arange(3, dtype=float)", "np.arange(0, 5, 2)", "np.arange(5, 0)",
    "np.arange(0.5, 4.0, dtype=int)", "np.arange(0, 2, 0.5, dtype=int)", "np.arange(1.0, step=0.3)",
    "np.arange(-2, 5, 3)", "np.arange(5, stop=7)",
    "np.arange(5, 1, -2)", "np.arange(0, k * 1.0, 0.1)", "np.linspace(0.0, 1.0, 5)", "np.linspace(t, l)",
    "np.linspace(2, 1, 4, endpoint=False)", "np.linspace(t, l, 1)", "np.linspace(t, l, 0)",
    "np.linspace(t, l, num=k)", "np.linspace(-1.0, 1.0, 4, dtype=int)", "np.linspace(-2, 3, 8, dtype=np.float32)",
    "np.linspace(0, 1, 3, retstep=True)", "np.linspace(v, w, 3)", "np.linspace(0, t, 3)",
    "np.linspace(t, l, 1, endpoint=False)", "np.linspace(0.0, t, 50)[-1] == t", "np.logspace(0.0, 2.0, 5)",
    "np.logspace(t, l, 4, base=2.0)", "np.logspace(0.0, t, 4, endpoint=False)", "np.geomspace(1.0, 8.0, 4)",
    "np.geomspace(t + 1.0, 1000.0, 5)", "np.geomspace(-1.0, -1000.0, 4)", "np.geomspace(1.0, 256.0, 9)[-1] == 256.0",
    "np.geomspace(1, 1000, 4)", "np.geomspace(t + 1, l + 1, 1)",
    "np.eye(3)", "np.eye(2, 3, 1)", "np.eye(k, k=-1)", "np.eye(2, dtype=int)", "np.eye(2, M=3)", "np.eye(3, k=9)",
    "np.identity(2)", "np.identity(3, dtype=np.float32)", "np.tri(3)", "np.tri(3, 4, -1)",
    "np.tri(3, k=1, dtype=int)", "np.tri(2, M=3)", "np.meshgrid(v, r)", "np.meshgrid(v, r, indexing='ij')",
    "np.meshgrid(v, r, indexing='xy')", "np.meshgrid(v, t)", "np.meshgrid(v, w, r)",
    "np.meshgrid(v)", "np.array([t, l])", "np.array([1, 2])", "np.array([1, t])", "np.array([True, 2])",
    "np.array([[t, 2], [3, l]])", "np.array([v, w])", "np.array([v, I[0, :]])", "np.array(m, dtype=np.float32)",
    "np.array([t, 2.7], dtype=int)", "np.array([])", "np.array([[[t], [l]], [[1.0], [2.0]]])",
    "np.array(m, copy=True)", "np.array(x)", "np.array((t, k))", "np.array([[1, 2], [3, 4]])",
    "np.array([v, [t, t, t, t, t]])",
    "np.array(t)", "np.array([True, False])", "np.asarray(x)", "np.asarray([1, 2], dtype=float)", "np.asanyarray(x)",
    "np.asarray(x, dtype=int)", "np.ascontiguousarray(x)", "np.ascontiguousarray(x.T)", "np.ascontiguousarray(t)",
    "np.ascontiguousarray(m, dtype=np.float32)", "np.copy(x)", "np.copy(m, order='C')", "x.copy()", "np.copy(m.T)",
    "np.array([t, None])", "np.array([np.float32(t), 1.0])", "np.array([np.float32(t), np.float32(l)])",
]  # fmt: skip

ORDER = [
    *[f"np.sort({x})" for x in ("x", "v", "m", "c", "I", "B", "v.round()", "a")], "np.sort(m, axis=0)",
    "np.sort(m, axis=None)", "np.sort(c, 1)", "np.sort(v, kind='stable')", "np.sort(v, kind='quicksort')",
    "np.sort(v)[::-1]", "-np.sort(-v)",
    *[f"np.argsort({x}, kind='stable')" for x in ("v", "m", "c", "I", "v.round()", "a", "m.round()")],
    "np.argsort(v)", "np.argsort(m, axis=0)", "np.argsort(m, axis=None, kind='stable')", "v.argsort()",
    "m.argsort(axis=0)", "np.argsort(-v)", "np.argsort(v)[::-1]", "v.argsort(kind='stable')",
    *[f"np.median({x})" for x in ("v", "m", "c", "I", "a", "x", "v[:4]", "v.round()")], "np.median(m, axis=0)",
    "np.median(m, axis=1, keepdims=True)", "np.median(m, keepdims=True)", "np.median(m, overwrite_input=False)",
    "np.median(c, axis=(0, 1))", "np.median(a, axis=0)",
    *[f"np.quantile(v, {q})" for q in ("0.0", "0.3", "1.0", "0.5", "1.5", "-0.1", "[0.1, 0.9]", "1.0", "0.25",
    "0.7500001")], "np.quantile(m, 0.3, axis=0)", "np.quantile(m, 0.3, axis=1, keepdims=True)",
    "np.quantile(m, 0.3, keepdims=True)", "np.quantile(v, 0.3, method='lower')", "np.quantile(I, 0.4)",
    "np.quantile(a, 0.25)", "np.quantile(v, abs(np.cos(t)))", *[f"np.percentile(v, {q})" for q in ("0", "37.0", "100",
    "50", "110.0", "[10, 90]")], "np.percentile(m, 37.0, axis=0)", "np.percentile(m, 25, axis=1, keepdims=True)",
    "np.percentile(a, 50)", "np.percentile(I, 20)",
    "np.searchsorted(g, t)", "np.searchsorted(g, v)", "np.searchsorted(g, v, side='right')", "np.searchsorted(g, g)",
    "np.searchsorted(g, g, 'right')", "g.searchsorted(t)", "g.searchsorted(g[1], side='right')",
    "np.searchsorted(g, m)", "np.searchsorted(g, np.nan)", "np.searchsorted(g, v, sorter=i)",
    "np.searchsorted(I[0], 1)", "np.searchsorted(np.arange(4), 1.5)", "np.searchsorted(g, k)",
    "np.nonzero(x)", "np.nonzero(I)", "np.nonzero(B)", "I.nonzero()", "np.flatnonzero(I)", "np.flatnonzero(x > 0.0)",
    "np.unique(v)", "np.histogram(v)", "np.digitize(v, g)",
]  # fmt: skip

PICKING = [
    "v[i]", "v[i % 2 == 0]", "m[i[:3] % 3]", "m[:, i[:3]]", "m[i[:3] % 3, i[:3]]", "m[B]", "m[B[:, 0]]", "m[:, B[0]]",
    "c[..., i[:2]]", "c[0, i[:2] % 3]", "c[i[:2] % 2, :, i[:2]]", "v[[0, -1]]", "m[[0, 1], [1, 0]]",
    "m[i[:2][:, None] % 3, i[:2]]", "v[i[:0]]", "v[-i - 1]",
    "v[::2]", "v[::-1]", "v[4:1:-2]", "v[-3:-1]", "v[1:99]", "v[9:]", "v[-9:2]", "m[1, ::-2]", "m[..., 0]",
    "m[None, 1:, None]", "v[k]", "v[-k]", "m[k - 1, -k]", "c[:, -1, ::2]", "c[1]", "m[-1][1:]", "v[k:]", "v[:-k]",
    "v[k::-1]", "v[slice(1, None)]", "m[()]", "v[...]",
    "np.take(v, i)", "np.take(v, [0, -1])", "np.take(m, i[:2], axis=1)", "np.take(m, 2, axis=1)", "np.take(m, i)",
    "np.take(m, [[0, 1], [1, 2]], axis=0)", "v.take(i)", "m.take([0, 1], 1)", "np.take(v, k)",
    "np.take(m, [3, 5], axis=None)", "np.take(m, [4], axis=0)", "np.take(v, [7])", "np.take(v, [7], mode='wrap')",
    "np.compress(i[:3] > 0, m, axis=0)", "np.compress(i > 0, v)", "np.compress([True, False], m, axis=1)",
    "np.compress(B[0], v)", "np.compress([False, True], m)", "np.extract(B, m)", "np.extract(v > 0.0, v)",
    "np.take_along_axis(m, np.argsort(m, axis=1), 1)",
    "np.take_along_axis(m, np.argsort(m, axis=0), axis=0)", "np.take_along_axis(v, np.argsort(v), 0)",
    "np.take_along_axis(m, np.argmax(m, axis=1, keepdims=True), axis=1)",
    "np.take_along_axis(c, np.argsort(c, axis=1), 1)", "np.take_along_axis(m, np.argsort(m, axis=1), axis=-1)",
    "np.take_along_axis(m, I[:, :1] % 3, axis=1)",
    "np.bincount(i)", "np.bincount(i, weights=v)", "np.bincount(i, minlength=9)", "np.bincount(i, v, 9)",
    "np.bincount(i[:0])", "np.bincount(i, weights=v[:1])", "np.bincount(i, weights=w * 2)",
    "v.item(1)", "m.item(1, 2)", "m.item(5)", "v[:1].item()", "v.item(-1)", "np.float64(t).item()",
    "np.interp(v, g, w)", "np.interp(t, g, w)", "np.interp(m, g, w)", "np.interp(g, g, w)",
    "np.interp(v, g, w, left=-9.0, right=9.0)", "np.interp(v, g, w, left=t)", "np.interp(a, g, w)",
    "np.interp(v, g, w, period=3.0)", "np.interp(v, g[:1], w[:1])", "np.interp(I, g, w)", "np.interp(v, g, I[0])",
    *[f"np.{f}({x}, {y}, {mode})" for f in ("convolve", "correlate") for x, y in (("v", "u"), ("u", "v"), ("v", "w"),
    ("v", "r"), ("r", "v")) for mode in ("'full'", "mode='same'", "mode='valid'")], "np.convolve(v, w)",
    "np.correlate(v, w)", "np.convolve(i, u)", "np.convolve(v, v[:0])", "np.convolve(i, i)", "np.convolve(v, t)",
    "np.trapezoid(v)", "np.trapezoid(m, dx=0.5)", "np.trapezoid(m, x=r)", "np.trapezoid(m, axis=0)",
    "np.trapezoid(m, x=n)", "np.trapezoid(m, n, axis=0)", "np.trapezoid(m, u, axis=0)", "np.trapezoid(I)",
    "np.trapezoid(v[:1])", "np.trapezoid(v, w, 2.0)", "np.trapezoid(c, r)", "np.trapezoid(c, u, axis=1)",
]  # fmt: skip

IN_PLACE = [
    "v.sort(); v", "m.sort(axis=0); m", "m.sort(); m", "v.sort(kind='stable'); v", "x.fill(t); x", "I.fill(2.7); I",
    "np.fill_diagonal(m, t); m",
    "np.fill_diagonal(s, u); s", "np.fill_diagonal(I, 7); I", "np.copyto(x, y); x", "np.copyto(m, r); m",
    "np.copyto(m, t); m",
    "np.add.at(v, i, w); v", "np.add.at(v, i, 1.0); v", "np.add.at(m, i[:3] % 3, n); m",
    "np.add.at(v, i == 1, 1.0); v",
    "v[i] = w; v", "v[i] = t; v", "m[i[:3] % 3] = n; m", "m[:, i[:2]] = t; m", "m[B] = t; m", "m[B] *= 2.0; m",
    "v[i] += w; v", "v[i] -= 1.0; v",
    "m[1] = r; m", "m[:, 0] = u; m", "m[...] = r; m", "v[::-1] = w; v", "v[1:3] *= t; v", "m[k - 1, 0] = t; m",
    "v[-1] /= t; v", "I[0, 0] = 2.7; I",
    "I += 1; I", "x += y; x", "x -= 1.0; x", "x *= y; x", "x /= 2.0; x", "x **= 2; x", "x //= 2.0; x", "x %= 2.0; x",
    "I //= 2; I", "I %= 3; I",
    "I <<= 1; I", "I &= 1; I", "B |= B2; B", "m += r; m", "np.put_along_axis(m, I[:, :1] % 4, t, 1); m",
    "np.putmask(v, v > 0.0, t); v",
]  # fmt: skip
"""The last is the result, the statements before it write into an argument."""

RAISES = frozenset(
    {
        *[f"np.linalg.norm(v, ord={p})" for p in ("np.inf",)],
        "np.linalg.norm(m, ord=np.inf)",
        "np.linalg.norm(m, np.inf, 0)",
        *[call for call in ORDER if call.startswith("np.median")],
        "np.cross(v[:2], w[:2])",
        "np.squeeze(v[:1])",
    }
)
"""Where NumPy has a value for nothing (0, NaN, an empty array), or for vectors in a plane, and we raise."""
