"""`scipy.stats.gaussian_kde`: a density as a sum of normal ones around the data.

The bandwidth is that of D.W. Scott, Multivariate Density Estimation (1992), or of B.W. Silverman, Density Estimation
(1986), from the effective number of data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

from srcad.rules.expansions.math_module import doubles
from srcad.rules.registry import STAND_INS, expands, unsupported


@dataclass
class KernelDensity:
    """The density of `n` points of `d` numbers. `dataset` has shape (d, n)."""

    dataset: Any
    weights: Any
    covariance: Any
    factor: Any
    d: Any
    n: Any
    neff: Any

    def __call__(self, points: Any) -> Any:
        return np.exp(self.logpdf(points))

    def evaluate(self, points: Any) -> Any:
        return np.exp(self.logpdf(points))

    def pdf(self, x: Any) -> Any:
        return np.exp(self.logpdf(x))

    def logpdf(self, x: Any) -> Any:
        points = np.atleast_2d(doubles(np.asarray(x)))
        if points.shape[0] != self.d:
            if points.shape[0] != 1 or points.shape[1] != self.d:
                raise ValueError(f"points have dimension {points.shape[0]}, dataset has dimension {self.d}")
            points = np.reshape(points, (self.d, 1))
        factor = np.linalg.cholesky(self.covariance)
        data = np.linalg.solve(factor, self.dataset)
        places = np.linalg.solve(factor, points)
        squares = 0.0
        for k in range(self.d):
            apart = places[k][:, None] - data[k]
            squares = squares + apart * apart
        norm = np.sum(np.log(np.diag(factor))) + 0.5 * self.d * np.log(2.0 * np.pi)
        return special.logsumexp(np.log(self.weights) - 0.5 * squares, axis=1) - norm

    def integrate_box_1d(self, low: Any, high: Any) -> Any:
        if self.d != 1:
            raise ValueError("integrate_box_1d() only handles 1D pdfs")
        width = np.sqrt(self.covariance[0, 0])
        data = self.dataset[0]
        between = special.ndtr((high - data) / width) - special.ndtr((low - data) / width)
        return np.sum(self.weights * between)


@expands(stats.gaussian_kde)
def gaussian_kde(dataset: Any, bw_method: Any = None, weights: Any = None) -> Any:
    data = np.atleast_2d(doubles(np.asarray(dataset)))
    d = data.shape[0]
    n = data.shape[1]
    if n < 2:
        raise ValueError("`dataset` input should have multiple elements.")
    shares = np.ones(n) / n if weights is None else doubles(np.asarray(weights)) / np.sum(weights)
    neff = 1.0 / np.sum(shares * shares)
    if bw_method is None or bw_method == "scott":
        factor = neff ** (-1.0 / (d + 4))
    elif bw_method == "silverman":
        factor = (neff * (d + 2.0) / 4.0) ** (-1.0 / (d + 4))
    elif isinstance(bw_method, str) or callable(bw_method):
        unsupported("this bw_method of scipy.stats.gaussian_kde")
    else:
        factor = bw_method
    apart = data - np.sum(shares * data, axis=1)[:, None]
    covariance = (shares * apart) @ apart.T / (1.0 - np.sum(shares * shares)) * factor**2
    return KernelDensity(data, shares, covariance, factor, d, n, neff)


def _as_density(one: Any) -> Any:
    if type(one) is not stats.gaussian_kde:
        return one
    return KernelDensity(one.dataset, one.weights, one.covariance, float(one.factor), one.d, one.n, float(one.neff))


STAND_INS[stats.gaussian_kde] = _as_density
