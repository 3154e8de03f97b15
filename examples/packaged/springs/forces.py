"""The forces of a chain of springs.

The gradient is imported here and not in `springs/__init__.py`: to write it, srcad imports `springs.model`.
"""

from springs.gradients.energy_grad import energy_grad


def forces(positions, stiffness, rest_length):
    return -energy_grad(positions, stiffness, rest_length)
