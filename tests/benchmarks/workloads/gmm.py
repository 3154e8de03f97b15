"""Fitting a mixture of Gaussians, as Microsoft's ADBench defines it: the logarithm of the posterior.

Each component has a weight, a mean and a square root of its inverse covariance: `icf[k]` holds the logarithms of the
diagonal, then the strictly lower triangle column by column. A Wishart prior (gamma, m) keeps covariances reasonable.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from tests.benchmarks.workload import Arguments, Thunk, Workload

fast = njit(error_model="numpy")


@fast
def logsumexp(x):
    top = x[0]
    for i in range(1, len(x)):
        if x[i] > top:
            top = x[i]
    total = 0.0
    for i in range(len(x)):
        total += math.exp(x[i] - top)
    return math.log(total) + top


@fast
def log_wishart_norm(d, gamma, m):
    """The part of the prior that no parameter changes."""
    dof = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(d):
        log_gamma += math.lgamma(0.5 * (dof - j))
    return dof * d * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma


def gmm(alphas, means, icf, x, gamma, m):
    n, d = x.shape
    K = len(alphas)
    Q_diagonal = np.empty((K, d))
    log_det = np.zeros(K)
    for k in range(K):
        for i in range(d):
            log_det[k] += icf[k, i]
            Q_diagonal[k, i] = math.exp(icf[k, i])
    centred = np.empty(d)
    scaled = np.empty(d)
    score = np.empty(K)
    likelihood = 0.0
    for point in range(n):
        for k in range(K):
            for i in range(d):
                centred[i] = x[point, i] - means[k, i]
                scaled[i] = Q_diagonal[k, i] * centred[i]
            at = d
            for i in range(d):
                for j in range(i + 1, d):
                    scaled[j] += icf[k, at] * centred[i]
                    at += 1
            square = 0.0
            for i in range(d):
                square += scaled[i] * scaled[i]
            score[k] = alphas[k] + log_det[k] - 0.5 * square
        likelihood += logsumexp(score)
    prior = 0.0
    for k in range(K):
        frobenius = 0.0
        for i in range(d):
            frobenius += Q_diagonal[k, i] * Q_diagonal[k, i]
        for i in range(d, icf.shape[1]):
            frobenius += icf[k, i] * icf[k, i]
        prior += 0.5 * gamma * gamma * frobenius - m * log_det[k]
    constant = -0.5 * n * d * math.log(2.0 * math.pi) - K * log_wishart_norm(d, gamma, m)
    return constant + likelihood - n * logsumexp(alphas) + prior


def arguments(n: int, d: int, K: int) -> Arguments:
    rng = np.random.default_rng(20)
    alphas = rng.standard_normal(K)
    means = rng.standard_normal((K, d))
    icf = 0.5 * rng.standard_normal((K, d * (d + 1) // 2))
    return alphas, means, icf, rng.standard_normal((n, d)), 1.0, 0


@fast
def gmm_by_hand(alphas, means, icf, x, gamma, m):
    """Points meet in a sum only, so each is taken forward and back before the next: the tape is one point long.

    Unsigned counters where an index is not the loop's own: Numba then knows that it is not negative, and vectorises.
    """
    n, d = x.shape
    K = len(alphas)
    one = np.uint64(1)
    Q_diagonal = np.exp(icf[:, :d])
    log_det = np.zeros(K)
    for k in range(K):
        for i in range(d):
            log_det[k] += icf[k, i]
    d_alphas, d_means, d_icf = np.zeros(K), np.zeros((K, d)), np.zeros_like(icf)
    d_Q_diagonal = np.zeros((K, d))
    centred, scaled, score = np.empty((K, d)), np.empty((K, d)), np.empty(K)
    d_scaled = np.empty(d)
    for point in range(n):
        for k in range(K):
            for i in range(d):
                centred[k, i] = x[point, i] - means[k, i]
                scaled[k, i] = Q_diagonal[k, i] * centred[k, i]
            at = np.uint64(d)
            for i in range(d):
                c = centred[k, i]
                for j in range(i + 1, d):
                    scaled[k, np.uint64(j)] += icf[k, at] * c
                    at += one
            square = 0.0
            for i in range(d):
                square += scaled[k, i] * scaled[k, i]
            score[k] = alphas[k] + log_det[k] - 0.5 * square
        top = np.max(score)
        total = 0.0
        for k in range(K):
            score[k] = math.exp(score[k] - top)
            total += score[k]
        for k in range(K):
            share = score[k] / total
            d_alphas[k] += share
            for i in range(d):
                d_scaled[i] = -share * scaled[k, i]
            at = np.uint64(d)
            for i in range(d):
                c = centred[k, i]
                d_centred = d_scaled[i] * Q_diagonal[k, i]
                d_Q_diagonal[k, i] += d_scaled[i] * c
                for j in range(i + 1, d):
                    row = np.uint64(j)
                    d_centred += icf[k, at] * d_scaled[row]
                    d_icf[k, at] += c * d_scaled[row]
                    at += one
                d_means[k, i] -= d_centred
    share = np.exp(alphas - np.max(alphas))
    share /= np.sum(share)
    for k in range(K):
        for i in range(d):
            by_diagonal = d_Q_diagonal[k, i] + gamma * gamma * Q_diagonal[k, i]
            d_icf[k, i] = d_alphas[k] - m + by_diagonal * Q_diagonal[k, i]
        for i in range(d, icf.shape[1]):
            d_icf[k, i] += gamma * gamma * icf[k, i]
        d_alphas[k] -= n * share[k]
    return d_alphas, d_means, d_icf


def hand(args: Arguments) -> Thunk:
    return lambda: gmm_by_hand(*args)


def hand_saved(args: Arguments) -> int:
    K, d = args[1].shape
    return 8 * (3 * K * d + K)  # centred, scaled and Q_diagonal; score


# ---- peers: the mixture as their users write it, over all points and components at once --------------------------


def vectorised(np: Any, logsumexp: Any, lower: Any, alphas: Any, means: Any, icf: Any, x: Any, gamma: Any, m: Any):
    """In any library with NumPy's names. `lower` puts each row of the strict triangles into a square matrix."""
    n, d = x.shape
    Q_diagonal = np.exp(icf[:, :d])
    log_det = np.sum(icf[:, :d], 1)
    centred = x[:, None, :] - means[None]
    scaled = Q_diagonal * centred + np.einsum("kij,nkj->nki", lower(icf[:, d:]), centred)
    likelihood = np.sum(logsumexp(alphas + log_det - 0.5 * np.sum(scaled * scaled, 2), 1))
    frobenius = np.sum(Q_diagonal * Q_diagonal) + np.sum(icf[:, d:] * icf[:, d:])
    prior = 0.5 * gamma * gamma * frobenius - m * np.sum(log_det)
    constant = -0.5 * n * d * math.log(2.0 * math.pi) - len(alphas) * log_wishart_norm(d, gamma, m)
    return constant + likelihood - n * logsumexp(alphas, 0) + prior


def by_jax(args: Arguments) -> Thunk:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    columns, rows = np.triu_indices(args[1].shape[1], 1)
    d = args[1].shape[1]

    def lower(entries):
        return jnp.zeros((len(entries), d, d)).at[:, rows, columns].set(entries)

    def objective(alphas, means, icf, x):
        return vectorised(jnp, jax.scipy.special.logsumexp, lower, alphas, means, icf, x, *args[4:])

    gradient = jax.jit(jax.grad(objective, argnums=(0, 1, 2)))
    given = tuple(map(jnp.asarray, args[:4]))
    return lambda: jax.block_until_ready(gradient(*given))


def by_torch(args: Arguments) -> Thunk:
    import torch

    columns, rows = (torch.from_numpy(index) for index in np.triu_indices(args[1].shape[1], 1))
    d = args[1].shape[1]
    *parameters, x = (torch.from_numpy(value) for value in args[:4])
    for parameter in parameters:
        parameter.requires_grad_()

    def lower(entries):
        matrices = torch.zeros((len(entries), d, d), dtype=entries.dtype)
        matrices[:, rows, columns] = entries
        return matrices

    return lambda: torch.autograd.grad(vectorised(torch, torch.logsumexp, lower, *parameters, x, *args[4:]), parameters)


def by_autograd(args: Arguments) -> Thunk:
    import autograd.numpy as anp
    from autograd import grad
    from autograd.scipy.special import logsumexp

    d = args[1].shape[1]
    place = placement(d)

    def lower(entries):
        return anp.reshape(anp.dot(entries, place), (-1, d, d))

    gradient = grad(lambda parameters: vectorised(anp, logsumexp, lower, *parameters, *args[3:]))
    return lambda: tuple(gradient(args[:3]))


def placement(d: int):
    """A matrix that puts rows of strict triangles into flat squares, for tools without assignment to places."""
    columns, rows = np.triu_indices(d, 1)
    place = np.zeros((len(rows), d * d))
    place[np.arange(len(rows)), rows * d + columns] = 1.0
    return place


def straight(alphas, means, icf, x, gamma, m, place, constant):
    """`vectorised` in what Tangent reads: no functions handed on, `axis` by name."""
    n, d = x.shape
    Q_diagonal = np.exp(icf[:, :d])
    log_det = np.sum(icf[:, :d], axis=1)
    centred = x[:, None, :] - means
    lower = np.reshape(np.dot(icf[:, d:], place), (-1, d, d))
    scaled = Q_diagonal * centred + np.einsum("kij,nkj->nki", lower, centred)
    score = alphas + log_det - 0.5 * np.sum(scaled * scaled, axis=2)
    top = np.max(score, axis=1)
    likelihood = np.sum(np.log(np.sum(np.exp(score - top[:, None]), axis=1)) + top)
    frobenius = np.sum(Q_diagonal * Q_diagonal) + np.sum(icf[:, d:] * icf[:, d:])
    prior = 0.5 * gamma * gamma * frobenius - m * np.sum(log_det)
    top_alpha = np.max(alphas)
    normaliser = np.log(np.sum(np.exp(alphas - top_alpha))) + top_alpha
    return constant + likelihood - n * normaliser + prior


def by_tangent(args: Arguments) -> Thunk:
    import tangent

    alphas, _, _, x, gamma, m = args
    n, d = x.shape
    constant = -0.5 * n * d * math.log(2.0 * math.pi) - len(alphas) * log_wishart_norm(d, gamma, m)
    gradient = tangent.grad(straight, wrt=(0, 1, 2))
    more = placement(d), constant
    return lambda: gradient(*args, *more)


PEERS = {"jax": by_jax, "torch": by_torch, "autograd": by_autograd, "tangent": by_tangent}


def workload(name: str, d: int) -> Workload:
    return Workload(
        name=name,
        kind="loop",
        function=gmm,
        wrt=(0, 1, 2),
        arguments=lambda quick: arguments(*((60, 5, 10) if quick else (1000, d, 50))),
        hand=hand,
        hand_saved=hand_saved,
        peers=PEERS,
    )


WORKLOADS = (workload("gmm", 10), workload("gmm_d20", 20))
