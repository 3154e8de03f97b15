"""Dynamic programming along sequences: the likelihood of a hidden Markov model, and soft dynamic time warping."""

from __future__ import annotations

import math

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Workload

compiled = numba.njit(error_model="numpy")


# ---- a hidden Markov model ---------------------------------------------------------------------


def hidden_markov(initial, transition, emission, observed):
    """The log-likelihood of the sequence, by the forward algorithm with scaled probabilities."""
    alpha = initial * emission[:, observed[0]]
    total = np.sum(alpha)
    alpha = alpha / total
    loglikelihood = np.log(total)
    for t in range(1, len(observed)):
        alpha = (alpha @ transition) * emission[:, observed[t]]
        total = np.sum(alpha)
        alpha = alpha / total
        loglikelihood += np.log(total)
    return loglikelihood


@compiled
def hidden_markov_gradient(initial, transition, emission, observed):
    """By all three: the backward algorithm of Baum and Welch, on the kept forward probabilities.

    The sum of the products of both is one; the expected transitions of all steps are one product of matrices.
    """
    steps, states = len(observed), len(initial)
    alphas = np.empty((steps, states))
    totals = np.empty(steps)
    by_symbol = emission.T.copy()
    moved = initial
    for t in range(steps):
        if t > 0:
            moved = np.dot(alphas[t - 1], transition)
        seen, alpha = by_symbol[observed[t]], alphas[t]
        total = 0.0
        for i in range(states):
            alpha[i] = moved[i] * seen[i]
            total += alpha[i]
        totals[t] = total
        for i in range(states):
            alpha[i] /= total
    betas = np.empty((steps, states))
    d_by_symbol = np.zeros_like(by_symbol)
    ahead = np.ones(states)
    for t in range(steps - 1, -1, -1):
        seen, beta, d_seen, alpha = by_symbol[observed[t]], betas[t], d_by_symbol[observed[t]], alphas[t]
        for i in range(states):
            d_seen[i] += alpha[i] * ahead[i] / seen[i]
            beta[i] = seen[i] * ahead[i] / totals[t]
        if t > 0:
            ahead = np.dot(transition, beta)
    d_transition = np.dot(alphas[:-1].T, betas[1:])
    return betas[0].copy(), d_transition, d_by_symbol.T.copy()


def hidden_markov_arguments(quick: bool) -> Arguments:
    states, symbols, steps = (8, 5, 60) if quick else (32, 12, 800)
    rng = np.random.default_rng(0)
    initial, transition, emission = [
        rng.uniform(0.1, 1.0, shape) for shape in ((states,), (states, states), (states, symbols))
    ]
    transition /= transition.sum(1, keepdims=True)
    emission /= emission.sum(1, keepdims=True)
    return initial / initial.sum(), transition, emission, rng.integers(0, symbols, steps)


# ---- soft dynamic time warping -----------------------------------------------------------------


def soft_dtw(x, y, gamma):
    """The soft minimum over all alignments of two series of vectors of the sum of squared distances."""
    n, m = len(x), len(y)
    R = np.full((n + 1, m + 1), 1e10)
    R[0, 0] = 0.0
    for i in range(n):
        for j in range(m):
            distance = 0.0
            for k in range(x.shape[1]):
                distance += (x[i, k] - y[j, k]) ** 2
            a = -R[i, j] / gamma
            b = -R[i, j + 1] / gamma
            c = -R[i + 1, j] / gamma
            most = max(a, b, c)
            total = math.exp(a - most) + math.exp(b - most) + math.exp(c - most)
            R[i + 1, j + 1] = distance - gamma * (math.log(total) + most)
    return R[n, m]


@compiled
def soft_dtw_gradient(x, y, gamma):
    """By x. Keeps what each cell takes from the three before it, so that no exponential is computed twice."""
    n, m = len(x), len(y)
    before, now = np.full(m + 1, 1e10), np.empty(m + 1)
    before[0] = 0.0
    weights = np.empty((n, m, 3))
    for i in range(n):
        now[0] = 1e10
        for j in range(m):
            distance = 0.0
            for k in range(x.shape[1]):
                distance += (x[i, k] - y[j, k]) ** 2
            least = min(before[j], before[j + 1], now[j])
            a = math.exp((least - before[j]) / gamma)
            b = math.exp((least - before[j + 1]) / gamma)
            c = math.exp((least - now[j]) / gamma)
            total = a + b + c
            weights[i, j, 0], weights[i, j, 1], weights[i, j, 2] = a / total, b / total, c / total
            now[j + 1] = distance + least - gamma * math.log(total)
        before, now = now, before
    d_x = np.zeros_like(x)
    above, here = np.zeros(m + 1), np.zeros(m + 1)
    above[m] = 1.0
    for i in range(n - 1, -1, -1):
        here[:] = 0.0
        for j in range(m - 1, -1, -1):
            share = above[j + 1]
            here[j] += share * weights[i, j, 0]
            here[j + 1] += share * weights[i, j, 1]
            above[j] += share * weights[i, j, 2]
            for k in range(x.shape[1]):
                d_x[i, k] += 2.0 * share * (x[i, k] - y[j, k])
        above, here = here, above
    return d_x


def soft_dtw_arguments(quick: bool) -> Arguments:
    n = 40 if quick else 160
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 3)), rng.normal(size=(n + 10, 3)), 0.5


WORKLOADS = (
    Workload(
        name="hidden_markov",
        kind="array",
        function=hidden_markov,
        wrt=(0, 1, 2),
        arguments=hidden_markov_arguments,
        hand=lambda args: lambda: hidden_markov_gradient(*args),
        hand_saved=lambda args: 8 * len(args[3]) * (len(args[0]) + 1),
    ),
    Workload(
        name="soft_dtw",
        kind="loop",
        function=soft_dtw,
        wrt=0,
        arguments=soft_dtw_arguments,
        hand=lambda args: lambda: soft_dtw_gradient(*args),
        hand_saved=lambda args: 24 * len(args[0]) * len(args[1]),
    ),
)
