"""How the gradient of a recurrent network adds up through time: by hand, and as the generated gradient does it.

    python examples/accumulation.py

A character model of one layer. By hand: the reverse loop that A. Karpathy wrote for his minimal model, with the sum
dWhh after each step. Beside it, the trace of the generated gradient: the same array after the same steps.
"""

import numpy as np

import srcad


def loss(Wxh, Whh, Why, h, inputs, targets):
    total = 0.0
    for t in range(len(inputs)):
        h = np.tanh(Wxh[:, inputs[t]] + Whh @ h)
        scores = Why @ h
        total += np.log(np.sum(np.exp(scores))) - scores[targets[t]]
    return total


def by_hand(Wxh, Whh, Why, h, inputs, targets):
    """dWhh after each step of the reverse loop, the last step of the sequence first."""
    hs, ps = {-1: h}, {}
    for t in range(len(inputs)):
        hs[t] = np.tanh(Wxh[:, inputs[t]] + Whh @ hs[t - 1])
        exp = np.exp(Why @ hs[t])
        ps[t] = exp / np.sum(exp)
    dWhh, dhnext, found = np.zeros_like(Whh), np.zeros_like(h), []
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dh = np.dot(Why.T, dy) + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dWhh += np.outer(dhraw, hs[t - 1])
        dhnext = np.dot(Whh.T, dhraw)
        found.append(dWhh.copy())
    return found


def main():
    rng = np.random.default_rng(0)
    text = "the quick brown fox jumps over the lazy dog"
    letters = sorted(set(text))
    codes = np.array([letters.index(one) for one in text])
    hidden = 5
    Wxh, Why = 0.5 * rng.standard_normal((hidden, len(letters))), 0.5 * rng.standard_normal((len(letters), hidden))
    Whh = 0.5 * rng.standard_normal((hidden, hidden))
    arguments = Wxh, Whh, Why, np.zeros(hidden), codes[:-1], codes[1:]

    gradient = srcad.grad(loss, "Whh")
    trace = gradient.trace(*arguments)
    steps = [one.value for one in trace["Whh"]]
    wanted = by_hand(*arguments)
    print(f"{len(wanted)} steps; the norm of dWhh after each, by hand and generated")
    for t, (one, other) in enumerate(zip(wanted, steps[-len(wanted) :], strict=True)):
        print(f"{len(wanted) - 1 - t:3d}  {np.linalg.norm(one):10.6f}  {np.linalg.norm(other):10.6f}")
        assert np.allclose(one, other, rtol=1e-12)
    print("equal at each step")


if __name__ == "__main__":
    main()
