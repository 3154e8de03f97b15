"""What is trained: logistic regression, a perceptron with two hidden layers, a recurrent network, a convolution."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Thunk, Workload

compiled = numba.njit(error_model="numpy")


# ---- logistic regression -----------------------------------------------------------------------


def logistic_regression(w, X, signs):
    """Mean of log(1 + exp(-margin)), where a label is 1 or -1."""
    margins = signs * (X @ w)
    return np.mean(np.log1p(np.exp(-margins)))


@compiled
def logistic_gradient(w, X, signs):
    """Two products and a loop; the loss itself is not needed."""
    residuals = X @ w
    n = len(signs)
    for i in range(n):
        residuals[i] = -signs[i] / (n * (1.0 + np.exp(signs[i] * residuals[i])))
    return residuals @ X


def logistic_saved(arguments: Arguments) -> int:
    return arguments[2].nbytes


def logistic_arguments(quick: bool) -> Arguments:
    n, d = (1_000, 20) if quick else (10_000, 50)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    return 0.1 * rng.normal(size=d), X, np.sign(X @ rng.normal(size=d) + rng.normal(size=n))


def logistic_loss(lib: Any, weights: Any, X: Any, signs: Any) -> Any:
    margins = signs * (X @ weights[0])
    return lib.np.mean(lib.np.log1p(lib.np.exp(-margins)))


# ---- a perceptron ------------------------------------------------------------------------------


def perceptron(W1, b1, W2, b2, W3, b3, X, labels):
    """Mean cross-entropy of a batch."""
    h1 = np.tanh(X @ W1 + b1)
    h2 = np.tanh(h1 @ W2 + b2)
    scores = h2 @ W3 + b3
    total = 0.0
    for i in range(len(labels)):
        row = scores[i]
        top = np.max(row)
        total += top + np.log(np.sum(np.exp(row - top))) - row[labels[i]]
    return total / len(labels)


@compiled
def tanh_of(x, bias):
    """x becomes tanh(x + bias)."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = np.tanh(x[i, j] + bias[j])


@compiled
def back_through_tanh(d_h, h, d_bias):
    """`d_h` becomes the cotangent of what tanh was taken of, and is summed up in `d_bias`."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            g = d_h[i, j] * (1.0 - h[i, j] * h[i, j])
            d_h[i, j] = g
            d_bias[j] += g


@compiled
def back_through_cross_entropy(scores, bias, labels, d_bias):
    """`scores`, as yet without the bias, become their cotangents: probabilities minus one-hot, of the mean."""
    n, classes = scores.shape
    for i in range(n):
        top = -np.inf
        for c in range(classes):
            scores[i, c] += bias[c]
            top = max(top, scores[i, c])
        total = 0.0
        for c in range(classes):
            scores[i, c] = np.exp(scores[i, c] - top)
            total += scores[i, c]
        for c in range(classes):
            scores[i, c] *= 1.0 / (n * total)
        scores[i, labels[i]] -= 1.0 / n
        for c in range(classes):
            d_bias[c] += scores[i, c]


@compiled
def perceptron_gradient(W1, b1, W2, b2, W3, b3, X, labels):
    """Products of matrices for everything that is one; the rest in place, in loops."""
    h1 = X @ W1
    tanh_of(h1, b1)
    h2 = h1 @ W2
    tanh_of(h2, b2)
    d_b1, d_b2, d_b3 = np.zeros_like(b1), np.zeros_like(b2), np.zeros_like(b3)
    d_scores = h2 @ W3
    back_through_cross_entropy(d_scores, b3, labels, d_b3)
    d_h2 = d_scores @ W3.T
    back_through_tanh(d_h2, h2, d_b2)
    d_h1 = d_h2 @ W2.T
    back_through_tanh(d_h1, h1, d_b1)
    return X.T @ d_h1, d_b1, h1.T @ d_h2, d_b2, h2.T @ d_scores, d_b3


def perceptron_saved(arguments: Arguments) -> int:
    _, b1, _, b2, _, b3, _, labels = arguments
    return 8 * len(labels) * (b1.size + b2.size + b3.size)


def perceptron_arguments(quick: bool) -> Arguments:
    n, sizes = (32, (196, 64, 32, 10)) if quick else (256, (784, 256, 128, 10))
    rng = np.random.default_rng(0)
    weights = []
    for before, after in zip(sizes[:-1], sizes[1:], strict=True):
        weights += [rng.normal(size=(before, after)) / np.sqrt(before), 0.1 * rng.normal(size=after)]
    return *weights, rng.normal(size=(n, sizes[0])), rng.integers(0, sizes[-1], n)


def perceptron_loss(lib: Any, weights: Any, X: Any, labels: Any) -> Any:
    W1, b1, W2, b2, W3, b3 = weights
    return lib.cross_entropy(lib.np.tanh(lib.np.tanh(X @ W1 + b1) @ W2 + b2) @ W3 + b3, labels)


# ---- a recurrent network -----------------------------------------------------------------------


def char_rnn(W_in, W_h, b_h, W_out, b_out, h_start, inputs, targets):
    """Mean cross-entropy of predicting each of `targets` from the characters up to it."""
    steps = len(inputs)
    hs = np.empty((steps + 1, b_h.size))
    hs[0] = h_start
    total = 0.0
    for t in range(steps):
        hs[t + 1] = np.tanh(W_in[inputs[t]] + W_h @ hs[t] + b_h)
        scores = W_out @ hs[t + 1] + b_out
        top = np.max(scores)
        total += top + np.log(np.sum(np.exp(scores - top))) - scores[targets[t]]
    return total / steps


@compiled
def char_rnn_gradient(W_in, W_h, b_h, W_out, b_out, h_start, inputs, targets):
    """What need not wait for the next state is one product for all steps: scores, and the gradients of the weights."""
    steps, hidden = len(inputs), b_h.size
    hs = np.empty((steps + 1, hidden))
    hs[0] = h_start
    for t in range(steps):
        z = W_h @ hs[t]
        for i in range(hidden):
            hs[t + 1, i] = np.tanh(W_in[inputs[t], i] + z[i] + b_h[i])

    d_b_h, d_b_out, d_W_in = np.zeros_like(b_h), np.zeros_like(b_out), np.zeros_like(W_in)
    d_scores = hs[1:] @ W_out.T
    back_through_cross_entropy(d_scores, b_out, targets, d_b_out)
    d_zs = d_scores @ W_out
    for t in range(steps - 1, -1, -1):
        d_z = d_zs[t]
        for i in range(hidden):
            g = d_z[i] * (1.0 - hs[t + 1, i] * hs[t + 1, i])
            d_z[i] = g
            d_b_h[i] += g
            d_W_in[inputs[t], i] += g
        if t > 0:
            d_zs[t - 1] += d_z @ W_h
    return d_W_in, d_zs.T @ hs[:-1], d_b_h, d_scores.T @ hs[1:], d_b_out


def char_rnn_saved(arguments: Arguments) -> int:
    _, _, b_h, _, b_out, _, _, targets = arguments
    return 8 * ((len(targets) + 1) * b_h.size + len(targets) * b_out.size)


def char_rnn_arguments(quick: bool) -> Arguments:
    steps, hidden, characters = (10, 32, 20) if quick else (25, 100, 60)
    rng = np.random.default_rng(0)
    shapes = (characters, hidden), (hidden, hidden), (hidden,), (characters, hidden), (characters,), (hidden,)
    weights = [rng.normal(size=shape) / np.sqrt(hidden) for shape in shapes]
    return *weights, rng.integers(0, characters, steps), rng.integers(0, characters, steps)


def char_rnn_loss(lib: Any, weights: Any, h_start: Any, inputs: Any, targets: Any) -> Any:
    W_in, W_h, b_h, W_out, b_out = weights
    hs = lib.scan(lambda h, x: lib.np.tanh(x + W_h @ h + b_h), h_start, W_in[inputs])
    return lib.cross_entropy(hs @ W_out.T + b_out, targets)


# ---- a convolution -----------------------------------------------------------------------------


def conv2d(images, weights, bias, labels):
    """Mean cross-entropy of the class of every pixel, whose scores are a convolution of the images."""
    count, height, width, channels = images.shape
    size = weights.shape[0]
    classes = len(bias)
    rows, cols = height - size + 1, width - size + 1
    scores = np.empty(classes)
    total = 0.0
    for n in range(count):
        for i in range(rows):
            for j in range(cols):
                for c in range(classes):
                    score = bias[c]
                    for a in range(size):
                        for b in range(size):
                            for k in range(channels):
                                score += images[n, i + a, j + b, k] * weights[a, b, k, c]
                    scores[c] = score
                top = scores[0]
                for c in range(1, classes):
                    top = max(top, scores[c])
                weight = 0.0
                for c in range(classes):
                    weight += np.exp(scores[c] - top)
                total += top + np.log(weight) - scores[labels[n, i, j]]
    return total / (count * rows * cols)


@compiled
def conv2d_gradient(images, weights, bias, labels):
    """Pixels are independent but for sums, so each goes forward and back at once, and nothing is kept.

    The innermost loops run over the classes, which lie side by side; the sum stands apart, for it does not vectorise.
    """
    count, height, width, channels = images.shape
    size, classes = weights.shape[0], len(bias)
    rows, cols = height - size + 1, width - size + 1
    scale = 1.0 / (count * rows * cols)
    d_images, d_weights, d_bias = np.zeros_like(images), np.zeros_like(weights), np.zeros_like(bias)
    g = np.empty(classes)
    for n in range(count):
        for i in range(rows):
            for j in range(cols):
                for c in range(classes):
                    g[c] = bias[c]
                for a in range(size):
                    for b in range(size):
                        for k in range(channels):
                            pixel = images[n, i + a, j + b, k]
                            for c in range(classes):
                                g[c] += pixel * weights[a, b, k, c]
                top = -np.inf
                for c in range(classes):
                    top = max(top, g[c])
                total = 0.0
                for c in range(classes):
                    g[c] = np.exp(g[c] - top)
                    total += g[c]
                for c in range(classes):
                    g[c] *= scale / total
                g[labels[n, i, j]] -= scale
                for c in range(classes):
                    d_bias[c] += g[c]
                for a in range(size):
                    for b in range(size):
                        for k in range(channels):
                            pixel = images[n, i + a, j + b, k]
                            d_pixel = 0.0
                            for c in range(classes):
                                d_weights[a, b, k, c] += pixel * g[c]
                            for c in range(classes):
                                d_pixel += weights[a, b, k, c] * g[c]
                            d_images[n, i + a, j + b, k] += d_pixel
    return d_images, d_weights, d_bias


def conv2d_arguments(quick: bool) -> Arguments:
    count, side, channels, classes = (2, 14, 3, 8) if quick else (8, 28, 3, 8)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 3, channels, classes)) / np.sqrt(9 * channels)
    labels = rng.integers(0, classes, (count, side - 2, side - 2))
    return rng.normal(size=(count, side, side, channels)), weights, 0.1 * rng.normal(size=classes), labels


def conv2d_loss(lib: Any, weights: Any, labels: Any) -> Any:
    images, kernel, bias = weights
    scores = lib.convolve(images, kernel) + bias
    return lib.cross_entropy(scores.reshape((-1, scores.shape[-1])), labels.reshape((-1,)))


# ---- the contestants ---------------------------------------------------------------------------

Loss = Callable[..., Any]
"""`loss(lib, weights, *others)`, where `lib` has a library's array functions as `lib.np`, and three more."""


def found(gradient: Any) -> Any:
    """As srcad gives it: by one weight alone, by several as a tuple."""
    arrays = tuple(np.asarray(g) for g in gradient)
    return arrays if len(arrays) > 1 else arrays[0]


def states(step: Callable[..., Any], state: Any, xs: Any) -> list[Any]:
    return list(accumulate(xs, step, initial=state))[1:]


def jax_gradient(loss: Loss, count: int, arguments: Arguments) -> Thunk:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def cross_entropy(scores, labels):
        return -jnp.mean(jax.nn.log_softmax(scores)[jnp.arange(len(labels)), labels])

    def scan(step, start, xs):
        return jax.lax.scan(lambda h, x: (step(h, x),) * 2, start, xs)[1]

    def convolve(images, kernel):
        order = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(images, kernel, (1, 1), "VALID", dimension_numbers=order)

    lib = SimpleNamespace(np=jnp, cross_entropy=cross_entropy, scan=scan, convolve=convolve)
    arrays = tuple(map(jnp.asarray, arguments))
    gradient = jax.jit(jax.grad(lambda weights, *others: loss(lib, weights, *others)))
    return lambda: found(gradient(arrays[:count], *arrays[count:]))


def torch_gradient(loss: Loss, count: int, arguments: Arguments) -> Thunk:
    import torch

    def scan(step, start, xs):
        return torch.stack(states(step, start, xs))

    def convolve(images, kernel):
        scores = torch.nn.functional.conv2d(images.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1))
        return scores.permute(0, 2, 3, 1)

    lib = SimpleNamespace(np=torch, cross_entropy=torch.nn.functional.cross_entropy, scan=scan, convolve=convolve)
    weights = tuple(torch.tensor(a, requires_grad=True) for a in arguments[:count])
    others = tuple(torch.tensor(a) for a in arguments[count:])
    return lambda: found(torch.autograd.grad(loss(lib, weights, *others), weights))


def autograd_gradient(loss: Loss, count: int, arguments: Arguments) -> Thunk:
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    def cross_entropy(scores, labels):
        return anp.mean(logsumexp(scores, axis=1) - scores[np.arange(len(labels)), labels])

    def scan(step, start, xs):
        return anp.stack(states(step, start, xs))

    def convolve(images, kernel):
        """A product for each place in the window: autograd's own convolution is many times slower."""
        size = len(kernel)
        rows, cols = images.shape[1] - size + 1, images.shape[2] - size + 1
        places = [(a, b) for a in range(size) for b in range(size)]
        return sum(images[:, a : a + rows, b : b + cols] @ kernel[a, b] for a, b in places)

    lib = SimpleNamespace(np=anp, cross_entropy=cross_entropy, scan=scan, convolve=convolve)
    gradient = autograd.grad(lambda weights, *others: loss(lib, weights, *others))
    return lambda: found(gradient(arguments[:count], *arguments[count:]))


def tangent_gradient(function: Callable[..., Any], count: int, arguments: Arguments) -> Thunk:
    """Of the very function. Not of char_rnn and conv2d: tangent refuses shapes and sizes that are read in them."""
    import tangent

    gradient = tangent.grad(function, wrt=tuple(range(count)))
    return lambda: gradient(*arguments) if count > 1 else found((gradient(*arguments),))


def workload(function, kind, count, arguments, hand, saved, loss) -> Workload:
    gradients = {"jax": jax_gradient, "torch": torch_gradient, "autograd": autograd_gradient}
    peers = {name: lambda args, of=of: of(loss, count, args) for name, of in gradients.items()}
    if function in (logistic_regression, perceptron):
        peers["tangent"] = lambda args: tangent_gradient(function, count, args)
    wrt = tuple(range(count)) if count > 1 else 0
    name = function.__name__
    return Workload(name, kind, function, wrt, arguments, lambda args: lambda: hand(*args), saved, peers)


WORKLOADS = (
    workload(logistic_regression, "array", 1, logistic_arguments, logistic_gradient, logistic_saved, logistic_loss),
    workload(perceptron, "blas", 6, perceptron_arguments, perceptron_gradient, perceptron_saved, perceptron_loss),
    workload(char_rnn, "blas", 5, char_rnn_arguments, char_rnn_gradient, char_rnn_saved, char_rnn_loss),
    workload(conv2d, "loop", 3, conv2d_arguments, conv2d_gradient, lambda args: 0, conv2d_loss),
)
