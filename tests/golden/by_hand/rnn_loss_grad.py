"""Gradient of rnn_loss, as a careful person would have written it.

source  rnn_loss.py:6
wrt     h0, W_h, W_x, b
keeps   nothing extra: each hs[t + 1] is written once, so hs still holds
        every tanh that line 11 reads
"""

import numpy as np


def rnn_loss_grad(xs, h0, W_h, W_x, b, targets, d_result=1.0):
    # ---- forward sweep -----------------------------------------------------
    steps = xs.shape[0]
    hs = np.empty((steps + 1, h0.size))
    hs[0] = h0
    for t in range(steps):
        hs[t + 1] = np.tanh(W_h @ hs[t] + W_x @ xs[t] + b)
    err = hs[1:] - targets

    # ---- reverse sweep -----------------------------------------------------
    d_h0 = np.zeros_like(h0)
    d_W_h = np.zeros_like(W_h)
    d_W_x = np.zeros_like(W_x)
    d_b = np.zeros_like(b)
    d_hs = np.zeros_like(hs)

    # L13: return 0.5 * np.sum(err * err)
    d_err = d_result * err
    # L12: err = hs[1:] - targets
    d_hs[1:] += d_err
    for t in range(steps - 1, -1, -1):
        # L11: hs[t + 1] = np.tanh(W_h @ hs[t] + W_x @ xs[t] + b)
        d_tanh_in = d_hs[t + 1] * (1.0 - hs[t + 1] * hs[t + 1])
        d_W_h += np.outer(d_tanh_in, hs[t])
        d_hs[t] += W_h.T @ d_tanh_in
        d_W_x += np.outer(d_tanh_in, xs[t])
        d_b += d_tanh_in
    # L9: hs[0] = h0
    d_h0 += d_hs[0]

    return d_h0, d_W_h, d_W_x, d_b
