"""`scipy.interpolate`: splines and lines of one variable, grids of several."""

from srcad.rules.scipy import grids, piecewise, splines

__all__ = ["grids", "piecewise", "splines"]
