"""Calls of each public function of NumPy, with the options that programs use; the letters are those of `numpy_calls`.

Statements before the last `;` run first. Functions that neither take nor give numbers (files, printing, dtypes, dates,
bits) are in `WITHOUT_NUMBERS`.
"""

from __future__ import annotations

_ELEMENTWISE = {
    "x": "absolute fabs negative positive sign square rint floor ceil trunc fix exp exp2 expm1 sin cos tan sinh cosh tanh "
    "arctan arcsinh asinh atan cbrt sinc deg2rad rad2deg radians degrees isnan isinf isfinite signbit spacing i0 real imag "
    "conj conjugate iscomplex isreal isposinf isneginf logical_not real_if_close abs",
    "np.abs(x) + 0.1": "log log2 log10 log1p sqrt reciprocal",
    "np.tanh(x)": "arcsin arccos arctanh asin acos atanh",
    "np.abs(x) + 1.5": "arccosh acosh",
    "x, y": "add subtract multiply divide true_divide maximum minimum fmax fmin hypot arctan2 atan2 logaddexp logaddexp2 "
    "copysign nextafter heaviside mod remainder fmod floor_divide less less_equal greater greater_equal equal not_equal "
    "logical_and logical_or logical_xor divmod",
    "np.abs(x) + 0.1, y": "power pow float_power",
    "I, I2": "bitwise_and bitwise_or bitwise_xor left_shift right_shift bitwise_left_shift bitwise_right_shift gcd lcm",
    "I": "invert bitwise_not bitwise_invert bitwise_count",
}
ELEMENTWISE = [f"np.{name}({given})" for given, names in _ELEMENTWISE.items() for name in names.split()] + [
    "np.angle(x)", "np.modf(x)", "np.frexp(x)", "np.ldexp(x, I)", "np.clip(x, -0.5, 0.5)", "np.clip(x, y, None)",
    "x.clip(0.1)", "np.round(x, 2)", "np.around(x)", "np.nan_to_num(x)", "np.unwrap(3.0 * v)",
    "np.unwrap(3.0 * m, axis=0)", "np.unwrap(v, discont=1.0, period=2.0)",
    "np.where(B, x, y)", "np.select([x > 0.5, x > 0.0], [x, -y], 5.0)",
    "np.piecewise(v, [v < 0.0, v >= 0.0], [lambda z: z * z, lambda z: 2.0 * z])",
    "np.piecewise(v, [v < 0.0], [-1.0, lambda z: z ** 3])", "np.piecewise(t, [t < 0.5, t >= 0.5], [np.sin, np.cos])",
    "np.choose(i % 3, [v, w, 2.0 * v])", "np.choose(I % 2, (m, n))", "np.choose(I, (m, n), mode='clip')",
    "np.isclose(x, y)", "np.allclose(x, y)", "np.array_equal(m, n)", "np.array_equiv(m, n)",
    "np.exp(x, out=np.zeros_like(x))", "np.add(x, y, np.zeros_like(x))", "np.log(x, where=x > 0.0, out=np.zeros_like(x))",
    "np.divide(x, y, out=np.ones_like(x), where=y > 0.0)", "np.exp(x, dtype=np.float32)", "np.maximum(x, y, out=None)",
    "np.clip(x, -0.5, 0.5, out=np.zeros_like(x))", "np.vectorize(lambda z: z * z)(x)",
    "np.vectorize(lambda a, b: a * b if a > b else b)(x, y)", "np.frompyfunc(abs, 1, 1)(v)",
]  # fmt: skip

REDUCTIONS = [
    *[f"np.{name}({given})" for name in "sum mean prod max min amax amin ptp var std".split()
      for given in ("x", "m, axis=0", "c, (0, 2)", "m, axis=1, keepdims=True")],
    *[f"np.{name}({given})" for name in "nansum nanmean nanprod nanmax nanmin nanvar nanstd nanmedian".split()
      for given in ("x", "m, axis=0", "m, axis=1, keepdims=True", "np.where(B, np.nan, m)",
                    "np.where(B, np.nan, m)[:, B.sum(0) < 3], axis=0")],
    *[f"np.{name}({given})" for name in "any all count_nonzero argmax argmin nanargmax nanargmin".split()
      for given in ("x", "m, axis=0")],
    *[f"np.{name}({given})" for name in "cumsum cumprod nancumsum nancumprod".split()
      for given in ("v", "m", "m, axis=0", "c, axis=-1")],
    "np.cumulative_sum(v)", "np.cumulative_sum(m, axis=1)", "np.cumulative_sum(v, include_initial=True)",
    "np.cumulative_prod(v)", "np.cumulative_prod(m, axis=0, include_initial=True)",
    "np.sum(m, where=B)", "np.sum(m, axis=0, where=B)", "np.sum(v, initial=3.0)", "np.sum(m, out=np.zeros(3), axis=1)",
    "np.mean(m, where=B)", "np.mean(m, axis=0, out=np.zeros(4))", "np.prod(m, where=B)", "np.prod(v, initial=2.0)",
    "np.max(m, where=B, initial=-9.0)", "np.max(v, initial=0.0)", "np.min(m, axis=1, initial=0.0)",
    "np.var(m, where=B)", "np.std(m, axis=0, ddof=1)", "np.var(m, correction=1)", "np.std(m, mean=np.mean(m))",
    "np.any(m > 0.0, where=B)", "np.all(m > 0.0, axis=0, where=B)", "np.cumsum(m, axis=1, out=np.zeros((3, 4)))",
    "m.sum(0)", "m.mean(axis=1)", "m.max(0)", "m.std()", "m.cumsum(1)", "m.prod()", "m.var(ddof=1)", "v.argmax()",
    "np.average(m)", "np.average(m, axis=1, weights=r)", "np.average(m, weights=n)",
    "np.average(m, axis=0, weights=u, returned=True)", "np.average(c, axis=(1, 2), weights=m)",
    "np.median(v)", "np.median(m, axis=0)", "np.median(c, axis=(0, 1))", "np.median(m, axis=1, keepdims=True)",
    *[f"np.quantile(v, 0.3, method='{method}')" for method in
      "linear lower higher nearest midpoint inverted_cdf averaged_inverted_cdf closest_observation "
      "interpolated_inverted_cdf hazen weibull median_unbiased normal_unbiased".split()],
    "np.quantile(m, [0.1, 0.5, 0.9])", "np.quantile(m, [0.1, 0.5], axis=0)", "np.quantile(c, 0.3, axis=(0, 2))",
    "np.quantile(m, [0.2, 0.7], axis=1, keepdims=True)", "np.percentile(v, 30)", "np.percentile(m, [10, 50, 90], axis=0)",
    "np.quantile(v, np.array([0.25, 0.75]))", "np.quantile(v, 0.3, weights=w * w, method='inverted_cdf')",
    "np.nanquantile(np.where(B, np.nan, m), 0.3)", "np.nanpercentile(np.where(B, np.nan, m), 40)",
    "np.nanquantile(m, [0.2, 0.4], axis=1)", "np.nanmedian(np.where(B, np.nan, m), axis=None)",
    "np.cov(m)", "np.cov(m, rowvar=False)", "np.cov(v, w)", "np.cov(m, bias=True)", "np.cov(m, ddof=0)",
    "np.cov(m, aweights=r * r)", "np.cov(m, fweights=np.array([1, 2, 1, 3]))", "np.cov(v)", "np.cov(m, n)",
    "np.corrcoef(m)", "np.corrcoef(v, w)", "np.corrcoef(m, rowvar=False)",
    "np.add.reduce(m)", "np.add.reduce(m, axis=None)", "np.multiply.reduce(m, axis=1)", "np.maximum.reduce(m)",
    "np.minimum.reduce(m, axis=1)", "np.logaddexp.reduce(m)", "np.logaddexp.reduce(v)", "np.subtract.reduce(v)",
    "np.divide.reduce(np.abs(v) + 1.0)", "np.hypot.reduce(m)", "np.logical_and.reduce(B)", "np.add.reduce([v, w, v])",
    "np.add.reduce(m, initial=1.0)", "np.add.reduce(m, where=B)", "np.bitwise_or.reduce(I)",
    "np.add.accumulate(v)", "np.add.accumulate(m, axis=1)", "np.multiply.accumulate(v)", "np.maximum.accumulate(v)",
    "np.minimum.accumulate(m, axis=1)", "np.logaddexp.accumulate(v)", "np.subtract.accumulate(v)",
    "np.add.outer(v, w)", "np.subtract.outer(v, w)", "np.multiply.outer(m, r)", "np.divide.outer(v, np.abs(w) + 1.0)",
    "np.maximum.outer(v, w)", "np.hypot.outer(v, m)", "np.power.outer(np.abs(v) + 0.5, u)", "np.less.outer(v, w)",
    "np.add.reduceat(v, [0, 2, 3])", "np.add.reduceat(m, [0, 2], axis=1)", "np.multiply.reduceat(v, [0, 3])",
    "np.maximum.reduceat(v, np.array([0, 2]))", "np.add.reduceat(v, [3, 1, 4])",
]  # fmt: skip

NUMERICAL = [
    "np.diff(v)", "np.diff(m, axis=0)", "np.diff(m, n=2)", "np.diff(v, prepend=0.0)", "np.diff(v, append=w)",
    "np.diff(m, prepend=m[:, :1], append=0.0)", "np.ediff1d(v)", "np.ediff1d(m, to_begin=0.0, to_end=w)",
    "np.gradient(v)", "np.gradient(v, 0.5)", "np.gradient(v, g)", "np.gradient(m)", "np.gradient(m, axis=0)",
    "np.gradient(m, 0.5, 2.0)", "np.gradient(v, edge_order=2)", "np.gradient(v, g, edge_order=2)",
    "np.gradient(c, 0.1, axis=2)", "np.gradient(c, axis=(0, 1))", "np.gradient(m, u, r)", "np.gradient(m, t)",
    "np.trapezoid(v)", "np.trapezoid(v, g)", "np.trapezoid(m, dx=0.5, axis=0)", "np.trapezoid(m, x=r)",
    "np.interp(v, g, w)", "np.interp(t, g, w)", "np.interp(v, g, w, left=0.0, right=t)", "np.interp(v, g, w, period=3.0)",
    *[f"np.{f}(v, u, '{mode}')" for f in ("convolve", "correlate") for mode in ("full", "same", "valid")],
    "np.convolve(v, w)", "np.correlate(v, w)",
    "np.polyval(u, v)", "np.polyval(u, t)", "np.polyval([1.0, t, 2.0], v)", "np.polyval(u, m)", "np.polyfit(g, w, 2)",
    "np.polyfit(g, w, 1, w=v * v + 0.5)", "np.polyfit(g, np.stack((v, w), 1), 2)", "np.polyadd(u, v)", "np.polysub(v, u)",
    "np.polymul(u, v)", "np.polyder(v)", "np.polyder(v, 2)", "np.polyint(v)", "np.polyint(v, 2, k=[1.0, t])",
    "np.polydiv(v, u)", "np.roots(np.array([1.0, -6.0, 11.0 + t, -6.0]))", "np.poly(u)",
    "np.vander(v)", "np.vander(v, 3)", "np.vander(v, 4, increasing=True)",
    "np.polynomial.polynomial.polyval(v, u)", "np.polynomial.chebyshev.chebval(v, u)", "np.poly1d(u)(v)",
    "np.histogram(v)", "np.histogram(v, bins=4, range=(-1.0, 1.0))", "np.histogram(v, bins=g)",
    "np.histogram(v, bins=g, weights=w)", "np.histogram(v, bins=g, density=True)", "np.histogram_bin_edges(v, 4)",
    "np.histogram2d(v, w, bins=3)", "np.histogramdd(m.T, bins=2)", "np.bincount(i)", "np.bincount(i, weights=v)",
    "np.bincount(i, v, minlength=9)", "np.digitize(v, g)", "np.digitize(v, g, right=True)", "np.digitize(v, g[::-1])",
    "np.searchsorted(g, v)", "np.searchsorted(g, v, side='right')", "np.searchsorted(v, w, sorter=np.argsort(v))",
    "np.bartlett(5)", "np.blackman(5)", "np.hamming(5)", "np.hanning(5)", "np.kaiser(5, 8.6)", "np.kaiser(5, t)",
    "np.trim_zeros(np.array([0.0, t, l, 0.0]))",
]  # fmt: skip

PRODUCTS = [
    "np.dot(v, w)", "np.dot(m, r)", "np.dot(m, n.T)", "np.dot(c, n.T)", "np.dot(m, c.transpose(0, 2, 1))", "m @ n.T",
    "c @ d.transpose(0, 2, 1)", "np.matmul(c, r)", "np.matmul(f, f[0])", "np.vdot(m, n)", "np.inner(v, w)",
    "np.inner(m, n)", "np.inner(m, c)", "np.outer(v, w)", "np.outer(m, r)", "np.vecdot(m, n)", "np.vecdot(m, r)",
    "np.vecdot(c, d, axis=0)", "np.matvec(m, r)", "np.matvec(c, n[:2])", "np.vecmat(u, m)", "np.linalg.vecdot(m, n)",
    "np.matmul(m, n.T, out=np.zeros((3, 3)))", "np.dot(m, n.T, out=np.zeros((3, 3)))",
    "np.tensordot(m, n)", "np.tensordot(m, n.T, 1)", "np.tensordot(c, n, axes=([1, 2], [0, 1]))",
    "np.tensordot(v, w, 0)", "np.linalg.tensordot(m, n, axes=2)", "np.kron(v, w)", "np.kron(m, n)", "np.kron(v, m)",
    "np.kron(c, m)", "np.cross(u, u2)", "np.cross(m[:, :3], n[:, :3])", "np.cross(m[:, :3], u)",
    "np.cross(m, n, axis=0)", "np.cross(c, d, axisa=1, axisb=1, axisc=0)", "np.linalg.cross(u, u2)", "np.trace(m)",
    "np.trace(m, 1)", "np.trace(c)", "np.trace(c, axis1=1, axis2=2)", "np.trace(c, 1, 0, 2)", "m.trace()",
    "np.linalg.trace(S)", "np.linalg.outer(v, w)", "np.linalg.matmul(m, n.T)", "np.linalg.multi_dot([m, n.T, m])",
    "np.linalg.multi_dot([u, m, n.T, u2])",
    *[f"np.einsum('{e}', {args})" for e, args in [
        ("ij,jk->ik", "m, n.T"), ("ij,jk", "m, n.T"), ("i,i", "v, w"), ("ii", "s"), ("ii->i", "s"), ("ij->j", "m"),
        ("iij->j", "S.T"), ("iij->ij", "S.T"), ("iii->i", "f[0]"), ("iijj->ij", "f"), ("iijj", "f"), ("ijij->", "f"),
        ("...j,...j->...", "c, d"), ("...ij,...jk->...ik", "c, d.transpose(0, 2, 1)"), ("...i->...", "c"),
        ("i...->...", "c"), ("i...,i...->...", "c, d"), ("...,...", "m, n"), ("...,...", "m, t"), ("...i,i", "c, r"),
        ("...ij,...j", "c, r"), ("a...b->b...a", "c"), ("...ii->...i", "S"), ("ij...,jk->ik...", "c, m @ n.T"),
        ("i,ij,j->", "u, m, r"), ("i,ij,j->ij", "u, m, r"), ("ij,kj,kl->il", "m, n, m"), ("ij,jk,kl->il", "m, n.T, m"),
        ("i,j,k->ijk", "v, w, u"), ("bi,bj,bij->b", "m[:2, :3], m[:2], c"), ("i,i,i,i->", "v, w, v, w"),
        ("i,i,i", "v, w, v"), ("ab,bc,cd,de->ae", "m, n.T, m, n.T"), ("ijk,ilm,njm,nlk->", "S, S, S, S"),
        ("bij,bkj->bik", "c, d"), ("ijk,k->ji", "c, r"), ("ij,->ij", "m, t"), (",", "t, l"), ("ij,ij->", "m, n"),
        ("ij,ij->i", "m, n"), ("ij,kl->ijkl", "m, n"), ("i,j->", "v, w"), ("ii,i->i", "s, u"),
        ("ij,j,j->ij", "m, r, m[0]"), ("...a,...b->...ab", "m, n"), ("xij,xjk,xkl->xil", "S, S2, S"),
    ]],
    "np.einsum(m, [0, 1], n.T, [1, 2])", "np.einsum(m, [0, 1], n.T, [1, 2], [2, 0])", "np.einsum(m, [0, 1], [1])",
    "np.einsum(c, [Ellipsis, 0], r, [0])", "np.einsum('ij,jk->ik', m, n.T, optimize=True)",
    "np.einsum('ij,jk,kl->il', m, n.T, m, optimize='greedy')", "np.einsum('ij,jk,kl->il', m, n.T, m, optimize=False)",
    "np.einsum('ij,jk->ik', m, n.T, out=np.zeros((3, 3)))",
    "np.einsum('ij,jk,kl->il', m, n.T, m, optimize=['einsum_path', (1, 2), (0, 1)])", "np.einsum('ij->', m, dtype=float)",
]  # fmt: skip

LINALG = [
    "np.linalg.solve(s, u)", "np.linalg.solve(s, s2)", "np.linalg.solve(S, S2)", "np.linalg.solve(S, u)",
    "np.linalg.solve(f + 3.0 * np.eye(2), f)", "np.linalg.inv(s)", "np.linalg.inv(S)", "np.linalg.inv(f + 3.0 * np.eye(2))",
    "np.linalg.det(s)", "np.linalg.det(S)", "np.linalg.det(f)", "np.linalg.slogdet(s)", "np.linalg.slogdet(S)",
    "np.linalg.slogdet(s).logabsdet", "np.linalg.cholesky(p)", "np.linalg.cholesky(P)", "np.linalg.cholesky(p, upper=True)",
    "np.linalg.eigh(p)", "np.linalg.eigh(P)", "np.linalg.eigh(p, 'U')", "np.linalg.eigvalsh(p)", "np.linalg.eigvalsh(P)",
    "np.linalg.eigvalsh(p, 'U')", "np.linalg.eig(p)", "np.linalg.eigvals(p)",
    "np.linalg.svd(s)", "np.linalg.svd(m, full_matrices=False)", "np.linalg.svd(m.T, full_matrices=False)",
    "np.linalg.svd(m, compute_uv=False)", "np.linalg.svd(S, full_matrices=False)", "np.linalg.svd(S, compute_uv=False)",
    "np.linalg.svdvals(m)", "np.linalg.svdvals(S)", "np.linalg.svd(m, full_matrices=False).S",
    "np.linalg.qr(s)", "np.linalg.qr(m.T)", "np.linalg.qr(m)", "np.linalg.qr(m.T, mode='r')", "np.linalg.qr(S)",
    "np.linalg.qr(m.T, 'reduced').Q", "np.linalg.pinv(s)", "np.linalg.pinv(m)", "np.linalg.pinv(m.T)", "np.linalg.pinv(S)",
    "np.linalg.pinv(m, rcond=1e-10)", "np.linalg.pinv(p, hermitian=True)", "np.linalg.lstsq(m.T, r)",
    "np.linalg.lstsq(m.T, r, rcond=None)[0]", "np.linalg.lstsq(m, u, rcond=None)[0]",
    "np.linalg.lstsq(m.T, c[0].T, rcond=None)[0]", "np.linalg.lstsq(m.T, r, rcond=None)[1]",
    *[f"np.linalg.cond(s{order})" for order in ("", ", 2", ", -2", ", 'fro'", ", 'nuc'", ", 1", ", -1", ", np.inf", ", -np.inf")],
    "np.linalg.cond(m)", "np.linalg.cond(S)", "np.linalg.matrix_rank(m)", "np.linalg.matrix_rank(S)",
    "np.linalg.matrix_rank(m, tol=0.1)", "np.linalg.matrix_rank(v)",
    *[f"np.linalg.norm(v, {order})" for order in ("None", "1", "2", "3", "0", "np.inf", "-np.inf", "0.5", "-1", "-2")],
    *[f"np.linalg.norm(m, {order})" for order in ("None", "'fro'", "'nuc'", "1", "-1", "2", "-2", "np.inf", "-np.inf")],
    "np.linalg.norm(m, axis=0)", "np.linalg.norm(m, axis=1, keepdims=True)", "np.linalg.norm(c, 1, axis=(0, 2))",
    "np.linalg.norm(c, axis=(1, 2))", "np.linalg.norm(c, 'nuc', axis=(1, 2))", "np.linalg.norm(c, 2, axis=(0, 1))",
    "np.linalg.norm(c, np.inf, (2, 0), keepdims=True)", "np.linalg.norm(c)", "np.linalg.norm(m, 2, keepdims=True)",
    "np.linalg.vector_norm(m)", "np.linalg.vector_norm(m, axis=1, ord=3)", "np.linalg.matrix_norm(c)",
    "np.linalg.matrix_norm(S, ord='nuc')", "np.linalg.matrix_norm(S, ord=2, keepdims=True)",
    "np.linalg.matrix_power(s, 3)", "np.linalg.matrix_power(s, -2)", "np.linalg.matrix_power(S, 2)",
    "np.linalg.matrix_power(S, 0)", "np.linalg.matrix_power(s, 0)", "np.linalg.matrix_transpose(c)",
    "np.linalg.diagonal(S)", "np.linalg.diagonal(S, offset=1)",
    "np.linalg.tensorsolve(c.reshape(2, 3, 4)[:, :, :3].reshape(2, 3, 3)[0].reshape(3, 3), u)",
    "np.linalg.tensorsolve(f + 3.0 * np.eye(4).reshape(2, 2, 2, 2), f[0, 0])",
    "np.linalg.tensorsolve(f + 3.0 * np.eye(4).reshape(2, 2, 2, 2), f[0], axes=(0,))",
    "np.linalg.tensorinv(f + 3.0 * np.eye(4).reshape(2, 2, 2, 2))", "np.linalg.tensorinv(s[:, None], ind=1)",
]  # fmt: skip

SHAPES = [
    "np.reshape(m, (4, 3))", "np.reshape(m, (2, -1), order='F')", "m.reshape(-1)", "m.reshape((4, 3), order='F')",
    "np.ravel(m)", "np.ravel(m, 'F')", "m.flatten()", "m.flatten('F')", "m.ravel('F')", "np.transpose(c)",
    "np.transpose(c, (1, 0, 2))", "np.permute_dims(c, (2, 0, 1))", "np.matrix_transpose(c)", "c.mT", "m.T",
    "np.swapaxes(c, 0, 2)", "np.moveaxis(c, 0, -1)", "np.rollaxis(c, 2)", "np.squeeze(c[:1], 0)", "np.expand_dims(m, 1)",
    "np.atleast_1d(t)", "np.atleast_2d(v)", "np.atleast_3d(m)", "np.atleast_1d(t, v)", "np.broadcast_to(r, (3, 4))",
    "np.broadcast_arrays(m, r)", "np.broadcast_shapes((3, 1), (4,))", "np.resize(v, (2, 4))", "np.resize(m, 7)",
    "np.concatenate((m, n))", "np.concatenate((m, n), axis=1)", "np.concat((v, w))", "np.concatenate(m)",
    "np.concatenate((m, n), axis=None)", "np.concatenate((v, w), dtype=np.float32)", "np.stack((m, n), axis=1)",
    "np.stack(c)", "np.vstack((m, r))", "np.row_stack((m, r))", "np.hstack((m, n))", "np.dstack((m, n))",
    "np.column_stack((m, u))", "np.block([v, w])", "np.block([[m, n], [n, m]])", "np.block([[s, s2], [m[:, :3], s]])",
    "np.block([[t, l], [l, t]])", "np.block([[np.eye(3), m], [np.zeros((4, 3)), np.eye(4)]])", "np.bmat([[m, n]])",
    "np.append(v, w)", "np.append(m, n, axis=1)", "np.insert(v, 1, t)", "np.insert(v, [1, 3], w[:2])",
    "np.insert(m, 1, r, axis=0)", "np.insert(m, 2, t, axis=1)", "np.insert(m, [0, 2], n[:, :2], axis=1)",
    "np.insert(v, slice(0, 2), t)", "np.delete(v, 1)", "np.delete(v, [0, 3])", "np.delete(m, 1, axis=0)",
    "np.delete(m, slice(0, 2), axis=1)", "np.delete(v, i > 1)", "np.delete(m, 3)", "np.delete(v, -1)",
    "np.split(v, 5)", "np.split(m, [1, 3], axis=1)", "np.array_split(v, 2)", "np.vsplit(m, 3)", "np.hsplit(m, 2)",
    "np.dsplit(c, 2)", "np.unstack(m)", "np.unstack(m, axis=1)", "np.tile(m, 2)", "np.tile(v, (2, 1))",
    "np.repeat(m, 2)", "np.repeat(m, 2, axis=0)", "np.repeat(v, [0, 2, 1, 0, 3])", "np.roll(v, 2)",
    "np.roll(m, (1, -1), axis=(0, 1))", "np.flip(m)", "np.flip(m, axis=1)", "np.fliplr(m)", "np.flipud(m)", "np.rot90(m)",
    "np.rot90(m, k)", "np.rot90(c, 1)", "np.rot90(c, 3, axes=(1, 2))",
    *[f"np.pad(v, 2, mode='{mode}')" for mode in
      "constant edge reflect symmetric wrap linear_ramp maximum minimum mean median empty".split() if mode != "empty"],
    *[f"np.pad(m, ((1, 2), (0, 1)), mode='{mode}')" for mode in "edge reflect symmetric wrap linear_ramp mean".split()],
    "np.pad(m, 1, constant_values=((1.0, 2.0), (3.0, t)))", "np.pad(v, (2, 3), 'constant', constant_values=(t, l))",
    "np.pad(v, 2, 'linear_ramp', end_values=t)", "np.pad(v, 3, 'mean', stat_length=2)", "np.pad(v, 2, 'maximum', stat_length=2)",
    "np.pad(v, 2, 'reflect', reflect_type='odd')", "np.pad(v, 2, 'symmetric', reflect_type='odd')", "np.pad(v, 7, 'reflect')",
    "np.pad(v, 12, 'wrap')", "np.pad(v, 6, 'symmetric')", "np.pad(v, 2, mode='empty')[2:-2]",
    "np.pad(m, {0: (1, 2), -1: 1})", "np.tril(m)", "np.triu(m, 1)", "np.tril(c)", "np.triu(c, -1)", "np.diag(v)",
    "np.diag(m)", "np.diag(v, 1)", "np.diagonal(m)", "np.diagonal(c)", "np.diagonal(c, 0, 1, 2)", "np.diagflat(v)",
    "np.meshgrid(v, r)", "np.meshgrid(v, w, u)", "np.meshgrid(v, r, indexing='ij')", "np.meshgrid(v, r, sparse=True)",
    "np.meshgrid(v)", "np.meshgrid(v, r, copy=False)", "np.r_[v, w]", "np.r_[v, t, 0.0]", "np.r_[0:5]", "np.r_[0:1:5j]",
    "np.c_[v, w]", "np.c_[m, u]", "np.r_['0,2', v, w]", "np.mgrid[0:3, 0:4]", "np.mgrid[0:1:3j]", "np.ogrid[0:3, 0:4]",
    "m[np.ix_([0, 2], [1, 3])]", "m[np.ix_(np.array([0, 1]), B[0])]", "np.indices((2, 3))", "np.indices((2, 3), sparse=True)",
    "np.fromfunction(lambda a, b: a * t + b, (3, 4))", "np.fromfunction(lambda a: np.sin(t * a), (5,), dtype=float)",
    "np.lib.stride_tricks.sliding_window_view(v, 3)", "np.lib.stride_tricks.sliding_window_view(m, (2, 2))",
    "np.lib.stride_tricks.sliding_window_view(m, 2, axis=1)",
    "np.lib.stride_tricks.as_strided(v, (3, 3), (8, 8))",
    "np.apply_along_axis(np.sum, 0, m)", "np.apply_along_axis(lambda z: z * z, 1, m)",
    "np.apply_along_axis(lambda z, a: z[0] * a, 1, c, t)", "np.apply_along_axis(np.sort, 0, m)",
    "np.apply_over_axes(np.sum, c, [0, 2])", "np.ascontiguousarray(m.T)", "np.asfortranarray(m)", "np.require(m)",
    "np.copy(m)", "m.copy()", "np.array(m)", "np.asarray(m)", "np.asarray_chkfinite(m)", "np.astype(m, np.float32)",
    "np.array([[v, w], [w, v]])", "np.array([[[t, l]], [[l, t]]])", "np.array([m, n])", "np.array(v, ndmin=2)",
    "np.array([t, l], dtype=np.float32)", "np.full((2, 3), t)", "np.full_like(m, t)", "np.linspace(t, l, 5)",
    "np.linspace(v, w, 3)", "np.linspace(v, w, 3, axis=1)", "np.linspace(t, l, 4, retstep=True)", "np.logspace(t, l, 4)",
    "np.geomspace(t, l, 4)", "np.zeros_like(m)", "np.ones((2, 2))", "np.eye(3)", "np.identity(2)", "np.tri(3)",
    "np.arange(0.0, 1.0, 0.25)", "np.atleast_2d(v, w)", "m.tolist()", "np.fromiter((z * z for z in v), float)",
]  # fmt: skip

ORDER = [
    "np.sort(v)", "np.sort(m)", "np.sort(m, axis=0)", "np.sort(m, axis=None)", "np.sort(f)", "np.sort(v, stable=True)",
    "np.argsort(v)", "np.argsort(f, axis=1)", "np.partition(v, 2)[2]", "np.sort(np.partition(v, 2)[:2])",
    "np.partition(m, 1, axis=0)[1]", "np.partition(v, [1, 3])[[1, 3]]", "np.partition(v, -1)[-1]", "v[np.argpartition(v, 2)][2]",
    "np.take_along_axis(m, np.argpartition(m, 1, axis=1), axis=1)[:, 1]", "np.lexsort((v, i))", "v[np.lexsort((v, i))]",
    "np.sort_complex(v)", "np.unique(v)", "np.unique(I)", "np.unique(v, return_index=True)", "np.unique(i, return_inverse=True)",
    "np.unique(i, return_counts=True)", "np.unique_values(v)", "np.unique_counts(i)", "np.unique_inverse(i)", "np.unique_all(v)",
    "np.unique(m, axis=0)", "np.union1d(v, w)", "np.intersect1d(i, np.arange(3))", "np.setdiff1d(v, w)", "np.setxor1d(v, w)",
    "np.isin(i, [0, 2])", "np.isin(i, [0, 2], invert=True)", "v[np.isin(i, [0, 1])]", "np.argwhere(x > 0.0)",
    "np.nonzero(x)", "np.flatnonzero(x > 0.0)", "np.take_along_axis(m, np.argsort(m, axis=1), 1)",
    "np.take_along_axis(c, np.argsort(c, axis=1), 1)", "np.take_along_axis(m, np.argsort(m, axis=None), axis=None)",
    "np.take(v, i)", "np.take(m, [0, 2], axis=1)", "np.take(v, [7, -9], mode='wrap')", "np.take(v, [7, -9], mode='clip')",
    "m.take([0, 1], 1)", "np.compress(i > 0, v)", "np.compress([True, False, True], m, axis=0)", "v.compress(i > 0)",
    "np.compress(B.ravel(), m)", "np.extract(B, m)", "m[B]", "v[i]", "m[i[:3] % 3, i[:3]]", "np.unravel_index(7, (3, 4))",
    "np.unravel_index(I.ravel(), (3, 4))", "np.ravel_multi_index((i % 3, i % 4), (3, 4))", "m[np.tril_indices(3)]",
    "m[np.triu_indices(3, 1)]", "s[np.diag_indices(3)]", "s[np.triu_indices_from(s, 1)]", "s[np.diag_indices_from(s)]",
    "s[np.tril_indices_from(s)]", "s[np.mask_indices(3, np.triu)]", "v.searchsorted(t)", "v.max()", "m.argsort(axis=0)",
]  # fmt: skip

IN_PLACE = [
    "y = x + 0.0; np.copyto(y, t); y", "y = m + 0.0; np.copyto(y, n, where=B); y", "y = m + 0.0; np.putmask(y, B, n); y",
    "y = v + 0.0; np.putmask(y, v > 0.0, w[:2]); y", "y = v + 0.0; np.put(y, [0, 2], w[:2]); y",
    "y = m + 0.0; np.put(y, [5, -1], t); y", "y = m + 0.0; y.put([1, 2], r[:2]); y", "y = m + 0.0; np.place(y, B, v); y",
    "y = v + 0.0; np.place(y, v > 0.0, [t, l]); y", "y = s + 0.0; np.fill_diagonal(y, u); y",
    "y = s + 0.0; np.fill_diagonal(y, t); y", "y = np.vstack((m, m)); np.fill_diagonal(y, t, wrap=True); y",
    "y = m + 0.0; np.put_along_axis(y, I[:, :1] % 4, n[:, :1], 1); y",
    "y = m + 0.0; np.put_along_axis(y, np.argmax(m, axis=0, keepdims=True), t, axis=0); y", "y = v + 0.0; np.add.at(y, i, w); y",
    "y = v + 0.0; np.subtract.at(y, i, w); y", "y = v + 0.0; np.multiply.at(y, i, w); y", "y = v + 0.0; np.maximum.at(y, i, w); y",
    "y = v + 0.0; np.divide.at(y, i, w); y", "y = m + 0.0; np.add.at(y, (i % 3, i % 4), v); y", "y = v + 0.0; np.negative.at(y, [0, 1]); y",
    "y = v + 0.0; np.exp.at(y, [0, 1]); y", "y = m + 0.0; np.add.at(y, I % 3, 1.0); y",
    "y = v + 0.0; y.sort(); y", "y = m + 0.0; y.sort(axis=0); y", "y = v + 0.0; y.fill(t); y", "y = m + 0.0; y.flat[3] = t; y",
    "y = m + 0.0; y.flat[::5] = t; y", "y = m + 0.0; y.flat = v[:4]; y", "y = v + 0.0; y.partition(2); y[2]",
    "y = v + 0.0; y.resize(2); y", "y = v + 0.0; y[np.isnan(y)] = 0.0; y", "y = v + 0.0; y.itemset(1, t); y",
    "y = m + 0.0; np.random.shuffle(y); np.sum(y)",
    "y = m * 0.0\nfor a, b in np.ndindex(m.shape): y[a, b] = m[a, b] ** 2\n; y",
    "y = m * 0.0\nfor ab in np.ndindex(3, 4): y[ab] = m[ab] ** 2\n; y",
    "y = m * 0.0\nfor at, z in np.ndenumerate(m): y[at] = z ** 2\n; y", "y = 0.0\nfor z in m.flat: y = y * 0.9 + z\n; y",
    "y = 0.0\nfor z in np.nditer(m): y = y * 0.9 + z\n; y", "y = 0.0\nfor a, b in np.nditer([m, n]): y = y + a * b\n; y",
    "m.flat[5]", "m.flat[2:6]", "np.array(m.flat)", "y = np.ndarray((2, 2)); y[...] = t; y", "np.sum(list(m.flat))",
]  # fmt: skip

GROUPS = {
    "elementwise": ELEMENTWISE, "reductions": REDUCTIONS, "numerical": NUMERICAL, "products": PRODUCTS, "linalg": LINALG,
    "shapes": SHAPES, "order": ORDER, "in place": IN_PLACE,
}  # fmt: skip

WITHOUT_NUMBERS = frozenset(
    """
    array2string array_repr array_str base_repr binary_repr busday_count busday_offset datetime_as_string datetime_data
    is_busday format_float_positional format_float_scientific from_dlpack frombuffer fromfile fromregex fromstring
    genfromtxt load loadtxt save savetxt savez savez_compressed get_include get_printoptions set_printoptions printoptions
    getbufsize setbufsize geterr seterr geterrcall seterrcall info isdtype issubdtype iscomplexobj isrealobj isfortran
    isscalar iterable may_share_memory shares_memory min_scalar_type mintypecode promote_types result_type can_cast
    common_type typename show_config show_runtime test nested_iters einsum_path packbits unpackbits asmatrix isnat ndim
    shape size empty empty_like
    """.split()
)
