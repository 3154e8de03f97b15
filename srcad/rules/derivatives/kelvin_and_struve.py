"""Partial derivatives of SciPy's Kelvin and Struve functions, and of those of degrees, by DLMF."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from srcad.rules import special
from srcad.rules.registry import partials
from srcad.rules.special import functions_of_scipy

_DEGREE = math.pi / 180.0

# ---- Kelvin functions: solutions of x**2 w'' + x w' - i x**2 w = 0, DLMF 10.61.3 ------------------


@partials(*functions_of_scipy("ber"))
def ber(y: Any, x: Any) -> Any:
    return special.berp(x)


@partials(*functions_of_scipy("bei"))
def bei(y: Any, x: Any) -> Any:
    return special.beip(x)


@partials(*functions_of_scipy("berp"))
def berp(y: Any, x: Any) -> Any:
    # at 0 it is zero of the third order
    return -special.bei(x) - y / np.where(x == 0.0, 1.0, x)


@partials(*functions_of_scipy("beip"))
def beip(y: Any, x: Any) -> Any:
    # near 0 it is x / 2
    return special.ber(x) - np.where(x == 0.0, 0.5, y / np.where(x == 0.0, 1.0, x))


@partials(*functions_of_scipy("ker", poles=True))
def ker(y: Any, x: Any) -> Any:
    return special.kerp(x)


@partials(*functions_of_scipy("kei", infinite_slopes=True))
def kei(y: Any, x: Any) -> Any:
    return special.keip(x)


@partials(*functions_of_scipy("kerp", poles=True))
def kerp(y: Any, x: Any) -> Any:
    return -special.kei(x) - y / x


@partials(*functions_of_scipy("keip", poles=True))
def keip(y: Any, x: Any) -> Any:
    return special.ker(x) - y / x


# ---- Struve functions: DLMF 11.4.25 and 11.4.27, 11.4.29 ------------------------------------------


@partials(*functions_of_scipy("struve", unknown=(0,), infinite_slopes=True))
def struve(y: Any, v: Any, x: Any) -> Any:
    first = (0.5 * x) ** v * special.rgamma(v + 1.5) / math.sqrt(math.pi)
    return None, 0.5 * (special.struve(v - 1.0, x) - special.struve(v + 1.0, x) + first)


@partials(*functions_of_scipy("modstruve", unknown=(0,), infinite_slopes=True))
def modstruve(y: Any, v: Any, x: Any) -> Any:
    first = (0.5 * x) ** v * special.rgamma(v + 1.5) / math.sqrt(math.pi)
    return None, 0.5 * (special.modstruve(v - 1.0, x) + special.modstruve(v + 1.0, x) + first)


@partials(*functions_of_scipy("itstruve0"))
def itstruve0(y: Any, x: Any) -> Any:
    return special.struve(0.0, x)


@partials(*functions_of_scipy("itmodstruve0"))
def itmodstruve0(y: Any, x: Any) -> Any:
    return special.modstruve(0.0, x)


# ---- Carlson's symmetric integral, which has the derivatives of the incomplete ones ----------------


@partials(*functions_of_scipy("elliprd", unknown=(0, 1, 2)))
def elliprd(y: Any, a: Any, b: Any, c: Any) -> Any:
    return None, None, None


# ---- angles in degrees --------------------------------------------------------------------------


@partials(*functions_of_scipy("sindg"))
def sindg(y: Any, x: Any) -> Any:
    return _DEGREE * special.cosdg(x)


@partials(*functions_of_scipy("cosdg"))
def cosdg(y: Any, x: Any) -> Any:
    return -_DEGREE * special.sindg(x)


@partials(*functions_of_scipy("tandg", poles=True))
def tandg(y: Any, x: Any) -> Any:
    return _DEGREE * (1.0 + y * y)


@partials(*functions_of_scipy("cotdg", poles=True))
def cotdg(y: Any, x: Any) -> Any:
    return -_DEGREE * (1.0 + y * y)
