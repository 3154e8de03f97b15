"""What srcad knows of Python, math and NumPy: primitives, derivative rules, and expansions into primitives.

A function that srcad cannot read is taught to it in a few lines, in the terms of functions that it knows. The
expansion is differentiated like code of your own:

    from scipy.special import tandg
    from srcad.rules import expands

    @expands(tandg)
    def tangent_of_degrees(x):
        return np.tan(np.deg2rad(x))

Where the derivative is to be another than that of the expansion, `partials` (elementwise) and `vjp` (of whole arrays)
register derivatives for the primitives themselves: `help(srcad.rules.partials)`, `help(srcad.rules.vjp)`.
"""

from srcad.rules import derivatives, expansions, kernels
from srcad.rules.external import external
from srcad.rules.registry import expands, jvp, linear, partials, vjp, vjp_into

__all__ = [
    "derivatives",
    "expands",
    "expansions",
    "external",
    "jvp",
    "kernels",
    "linear",
    "partials",
    "vjp",
    "vjp_into",
]
