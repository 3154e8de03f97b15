"""Models people fit: networks, mixtures, options, cameras, filters, alignments."""

import math

import numpy as np

from tests.programs.registry import case, positive, real, spd


@case(real(8), real(3))
def convolution(x, w):
    n = len(x) - len(w) + 1
    y = np.zeros(n)
    for i in range(n):
        for k in range(len(w)):
            y[i] += x[i + k] * w[k]
    return np.sum(np.tanh(y))


@case(real(5, 3), real(2), real(2, 2), real(2, 3), real(2), compiled=True)
def recurrent_network(xs, h, W, U, b):
    for t in range(len(xs)):
        h = np.tanh(W @ h + U @ xs[t] + b)
    return np.sum(h * h)


@case(real(5, 3), real(2), real(2, 2), real(2, 3), real(2))
def recurrent_network_collecting(xs, h, W, U, b):
    hs = []
    for x in xs:
        h = np.tanh(W @ h + U @ x + b)
        hs.append(h)
    return np.sum(hs[-1] * hs[-1])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_cell(p, h, c, x):
    z = p["W"] @ np.concatenate((h, x)) + p["b"]
    n = len(h)
    i, f, o, g = sigmoid(z[:n]), sigmoid(z[n : 2 * n]), sigmoid(z[2 * n : 3 * n]), np.tanh(z[3 * n :])
    c = f * c + i * g
    return o * np.tanh(c), c


@case({"W": real(8, 5), "b": real(8)}, real(4, 3), compiled=True)
def lstm(p, xs):
    h = np.zeros(2)
    c = np.zeros(2)
    for t in range(len(xs)):
        h, c = lstm_cell(p, h, c, xs[t])
    return np.sum(h * c)


@case(real(3, 2), real(2), real(2, 3), real(3))
def gru_step_by_hand(W, h, U, x):
    for _ in range(3):
        z = sigmoid(W[0] * h + U @ x)
        r = sigmoid(W[1] * h + U @ x)
        n = np.tanh(W[2] * (r * h) + U @ x)
        h = (1 - z) * n + z * h
    return np.sum(h**2)


@case([real(4, 3), real(2, 4)], [real(4), real(2)], real(5, 3), np.array([0, 1, 1, 0, 1]), wrt=(0, 1), compiled=True)
def classifier(weights, biases, xs, labels):
    loss = 0.0
    for k in range(len(xs)):
        h = xs[k]
        for W, b in zip(weights, biases):
            h = np.tanh(W @ h + b)
        loss -= h[labels[k]] - np.log(np.sum(np.exp(h)))
    return loss / len(xs)


@case(real(5, 4), real(4, 3), np.array([0, 1, 2, 0, 1]), wrt=1)
def softmax_cross_entropy(X, W, labels):
    z = X @ W
    z = z - np.max(z, axis=1, keepdims=True)
    logp = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(len(labels)), labels])


@case(real(4, 3), real(4, 3, seed=1), real(4, 3, seed=2))
def attention(q, k, v):
    s = q @ k.T / math.sqrt(3)
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return np.sum((e / e.sum(axis=-1, keepdims=True)) @ v * q)


@case(real(6, 2), real(3), real(3, 2), real(3), compiled=True)
def gaussian_mixture(xs, alphas, means, log_scales):
    total = 0.0
    for i in range(len(xs)):
        terms = np.zeros(len(alphas))
        for k in range(len(alphas)):
            d = (xs[i] - means[k]) * np.exp(-log_scales[k])
            terms[k] = alphas[k] - 2 * log_scales[k] - 0.5 * (d @ d)
        m = np.max(terms)
        total += m + np.log(np.sum(np.exp(terms - m)))
    return total - len(xs) * np.log(np.sum(np.exp(alphas)))


def normal_cdf(x):
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


@case(100.0, 95.0, 0.5, 0.02, 0.3, True, wrt=(0, 1, 2, 3, 4), compiled=True)
@case(100.0, 95.0, 0.5, 0.02, 0.3, False, wrt=(0, 1, 2, 3, 4))
def black_scholes(s, k, t, r, sigma, call):
    d1 = (math.log(s / k) + (r + sigma**2 / 2) * t) / (sigma * math.sqrt(t))
    d2 = d1 - sigma * math.sqrt(t)
    price = s * normal_cdf(d1) - k * math.exp(-r * t) * normal_cdf(d2)
    if not call:
        price = price - s + k * math.exp(-r * t)
    return price


@case(1.0, 0.3, 5)
def binomial_option(s, sigma, n):
    u = math.exp(sigma / math.sqrt(n))
    p = (1.01 - 1 / u) / (u - 1 / u)
    v = np.zeros(n + 1)
    for j in range(n + 1):
        v[j] = max(s * u ** (2 * j - n) - 0.9, 0.0)
    for i in range(n, 0, -1):
        for j in range(i):
            v[j] = (p * v[j + 1] + (1 - p) * v[j]) / 1.01
    return v[0]


@case(real(7, 2), real(3, 2, seed=3), compiled=True)
def nearest_centres(points, centres):
    total = 0.0
    for i in range(len(points)):
        best = 1e30
        for c in centres:
            d = np.sum((points[i] - c) ** 2)
            if d < best:
                best = d
        total += best
    return total


@case(real(7, 2), real(3, 2, seed=3))
def nearest_centres_by_argmin(points, centres):
    d = np.sum((points[:, None] - centres[None]) ** 2, axis=-1)
    which = np.argmin(d, axis=1)
    return np.sum((points - centres[which]) ** 2 * points)


def rodrigues(r, x):
    theta2 = r @ r
    if theta2 < 1e-12:
        return x + np.cross(r, x)
    theta = math.sqrt(theta2)
    axis = r / theta
    c, s = math.cos(theta), math.sin(theta)
    return x * c + np.cross(axis, x) * s + axis * (axis @ x) * (1 - c)


@case(real(11), np.array([0.2, -0.3, 3.0]), real(2))
def bundle_adjustment(camera, x, observed):
    p = rodrigues(camera[:3], x - camera[3:6])
    u = p[:2] / p[2]
    r2 = u @ u
    projected = u * (1 + camera[9] * r2 + camera[10] * r2 * r2) * camera[6] + camera[7:9]
    e = projected - observed
    return e @ e


@case(real(6), 0.3, 0.5, compiled=True)
def kalman_scalar(zs, q, r):
    x = 0.0
    p = 1.0
    cost = 0.0
    for z in zs:
        p = p + q
        k = p / (p + r)
        e = z - x
        cost += e * e / (p + r) + math.log(p + r)
        x = x + k * e
        p = (1 - k) * p
    return cost


@case(real(4, 2), np.eye(2) * 0.9, spd(2), spd(2))
def kalman_matrix(zs, F, Q, R):
    x = np.zeros(2)
    P = np.eye(2)
    cost = 0.0
    for z in zs:
        x = F @ x
        P = F @ P @ F.T + Q
        S = P + R
        K = P @ np.linalg.inv(S)
        e = z - x
        cost += e @ np.linalg.solve(S, e)
        x = x + K @ e
        P = (np.eye(2) - K) @ P
    return cost


@case(real(3), real(3, 3), real(3, 4), np.array([0, 2, 1, 3, 2]), compiled=True)
def hidden_markov_forward(start, transition, emission, observed):
    p = np.exp(start) / np.sum(np.exp(start))
    T = np.exp(transition)
    T = T / np.sum(T, axis=1, keepdims=True)
    E = np.exp(emission)
    log_likelihood = 0.0
    for o in observed:
        p = (p @ T) * E[:, o]
        c = np.sum(p)
        log_likelihood += np.log(c)
        p = p / c
    return log_likelihood


@case(real(5), 0.7, compiled=True)
@case(np.zeros(0), 0.7, zero=True)
def horner(c, x):
    y = 0.0
    for k in reversed(range(len(c))):
        y = y * x + c[k]
    return y


@case(real(4), real(4, seed=1), 0.3)
def lagrange_interpolation(xs, ys, x):
    total = 0.0
    for i in range(len(xs)):
        w = ys[i]
        for j in range(len(xs)):
            if j == i:
                continue
            w *= (x - xs[j]) / (xs[i] - xs[j])
        total += w
    return total


@case(real(6))
def bubble_sort(x):
    y = x.copy()
    n = len(y)
    for i in range(n):
        for j in range(n - 1 - i):
            if y[j] > y[j + 1]:
                y[j], y[j + 1] = y[j + 1], y[j]
    s = 0.0
    for i in range(n):
        s += y[i] * y[i] * (i + 1)
    return s


@case(real(5), compiled=True)
def insertion_sort(x):
    y = x.copy()
    for i in range(1, len(y)):
        key = y[i]
        j = i - 1
        while j >= 0 and y[j] > key:
            y[j + 1] = y[j]
            j -= 1
        y[j + 1] = key
    return np.sum(y * y * np.arange(5))


@case(positive(5))
def cumulative_products(x):
    y = np.ones(len(x) + 1)
    for i in range(len(x)):
        y[i + 1] = y[i] * x[i]
    return np.sum(y) + y[-1] * y[2]


@case(positive(4), 30)
def fixed_point(x, limit):
    y = x.copy()
    for k in range(limit):
        new = np.sqrt(y * x + 1)
        if np.max(np.abs(new - y)) < 1e-3:
            break
        y = new
    return np.sum(y)


@case(0.3, 1.2)
def trapezoid(a, b):
    n = 12
    h = (b - a) / n
    s = 0.5 * (math.sin(a * a) + math.sin(b * b))
    for i in range(1, n):
        s += math.sin((a + i * h) ** 2)
    return s * h


@case(real(3, 3), 3)
def matrix_exponential_series(a, n):
    term = np.eye(3)
    total = np.eye(3)
    for k in range(1, n + 1):
        term = term @ a / k
        total = total + term
    return np.sum(total * total)


@case(real(5), real(5, seed=1))
def dynamic_time_warping(x, y):
    n = len(x)
    d = np.full((n + 1, n + 1), 1e3)
    d[0, 0] = 0.0
    for i in range(n):
        for j in range(n):
            cost = (x[i] - y[j]) ** 2
            d[i + 1, j + 1] = cost + min(d[i, j], d[i, j + 1], d[i + 1, j])
    return d[n, n]


@case(real(4, 2))
def pairwise_energy(x):
    e = 0.0
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            d = x[i] - x[j]
            r2 = d @ d + 0.3
            e += 1 / r2**3 - 1 / r2
    return e


@case(real(4, 3), real(3), 0.1, 5)
def gradient_descent_unrolled(A, x, rate, steps):
    for _ in range(steps):
        x = x - rate * (A.T @ (A @ x - 1))
    return np.sum((A @ x - 1) ** 2)


@case(positive(3), 0.4)
def adam_like_update(p, g):
    m = np.zeros_like(p)
    v = np.zeros_like(p)
    for t in range(1, 4):
        grad = p * p * g
        m = 0.9 * m + 0.1 * grad
        v = 0.99 * v + 0.01 * grad**2
        p = p - 0.1 * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-3)
    return np.sum(p * p)


@case(real(6), 0.4, 3)
def spike_and_reset(current, leak, n):
    v = 0.0
    spikes = 0
    trace = np.zeros(len(current))
    for t in range(len(current)):
        v = leak * v + current[t]
        if v > 0.9:
            v = v - 0.9
            spikes += 1
        trace[t] = v * v
    return np.sum(trace) + spikes * v
