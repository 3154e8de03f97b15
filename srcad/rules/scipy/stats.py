"""`scipy.stats`: distributions of real numbers, of whole numbers, and of vectors; statistics of samples."""

from srcad.rules.scipy import (
    kernel_density,
    stats_of_counts,
    stats_of_extremes,
    stats_of_gammas,
    stats_of_normals,
    stats_of_ranks,
    stats_of_samples,
    stats_of_vectors,
    stats_on_half_line,
    stats_on_intervals,
    stats_on_line,
)

__all__ = [
    "kernel_density",
    "stats_of_counts",
    "stats_of_extremes",
    "stats_of_gammas",
    "stats_of_normals",
    "stats_of_ranks",
    "stats_of_samples",
    "stats_of_vectors",
    "stats_on_half_line",
    "stats_on_intervals",
    "stats_on_line",
]
