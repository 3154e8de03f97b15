"""One head of attention: queries, keys and values of a sequence, a softmax along the keys, one more projection."""

from __future__ import annotations

import math

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Workload

compiled = numba.njit(error_model="numpy")


def attention(x, queries, keys, values, output, target):
    """Half the squared distance to `target`."""
    q = x @ queries
    k = x @ keys
    v = x @ values
    scores = q @ k.T / np.sqrt(q.shape[1])
    weights = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    weights = weights / np.sum(weights, axis=1, keepdims=True)
    y = (weights @ v) @ output
    return 0.5 * np.sum((y - target) ** 2)


@compiled
def attention_gradient(x, queries, keys, values, output, target):
    """By the four matrices. Keeps q, k, v, the weights and the heads; the softmax and its adjoint go row by row."""
    q, k, v = np.dot(x, queries), np.dot(x, keys), np.dot(x, values)
    scale = 1.0 / math.sqrt(q.shape[1])
    weights = np.dot(q, k.T)
    n = len(x)
    for i in range(n):
        row = weights[i]
        most = row[0]
        for j in range(1, n):
            most = max(most, row[j])
        total = 0.0
        for j in range(n):
            row[j] = math.exp(scale * (row[j] - most))
            total += row[j]
        for j in range(n):
            row[j] /= total
    heads = np.dot(weights, v)
    d_y = np.dot(heads, output) - target
    d_output = np.dot(heads.T, d_y)
    d_heads = np.dot(d_y, output.T)
    d_v = np.dot(weights.T, d_heads)
    d_scores = np.dot(d_heads, v.T)
    for i in range(n):
        row, d_row = weights[i], d_scores[i]
        mean = 0.0
        for j in range(n):
            mean += row[j] * d_row[j]
        for j in range(n):
            d_row[j] = scale * row[j] * (d_row[j] - mean)
    d_q = np.dot(d_scores, k)
    d_k = np.dot(d_scores.T, q)
    return np.dot(x.T, d_q), np.dot(x.T, d_k), np.dot(x.T, d_v), d_output


def arguments(quick: bool) -> Arguments:
    length, width, inner = (24, 12, 8) if quick else (128, 64, 32)
    rng = np.random.default_rng(0)
    matrices = [rng.normal(size=(width, inner)) / math.sqrt(width) for _ in range(3)]
    output = rng.normal(size=(inner, width)) / math.sqrt(inner)
    return rng.normal(size=(length, width)), *matrices, output, rng.normal(size=(length, width))


def saved(arguments: Arguments) -> int:
    length, inner = len(arguments[0]), arguments[1].shape[1]
    return 8 * length * (4 * inner + length)


WORKLOADS = (
    Workload(
        name="attention",
        kind="blas",
        function=attention,
        wrt=(1, 2, 3, 4),
        arguments=arguments,
        hand=lambda args: lambda: attention_gradient(*args),
        hand_saved=saved,
        primal=lambda args: lambda: attention(*args),
    ),
)
