"""`scipy.stats`: distributions of real numbers, of whole numbers, and of vectors."""

from srcad.rules.scipy import stats_of_counts, stats_of_vectors, stats_on_half_line, stats_on_line

__all__ = ["stats_of_counts", "stats_of_vectors", "stats_on_half_line", "stats_on_line"]
