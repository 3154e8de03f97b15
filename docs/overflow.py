"""The function that `how_it_works.md` follows through the compiler."""

import numpy as np


def overflow(x, decay, limit):
    level = 0.0
    for i in range(len(x)):
        level = decay * level + x[i]
        if level > limit:
            break
    return np.tanh(level)
