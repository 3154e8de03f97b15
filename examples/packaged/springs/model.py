"""A chain of springs along a line, between neighbouring points."""

import numpy as np


def stretch(left, right, rest_length):
    return right - left - rest_length


def energy(positions, stiffness, rest_length):
    total = 0.0
    for i in range(len(stiffness)):
        total += 0.5 * stiffness[i] * stretch(positions[i], positions[i + 1], rest_length) ** 2
    return total


def example():
    return np.arange(5.0), np.ones(4), 0.5
