"""All that is known of `scipy.optimize`, by what is searched for."""

from srcad.rules.scipy import scalar_searches, squares_searches, vector_searches

__all__ = ["scalar_searches", "squares_searches", "vector_searches"]
