"""Black and Scholes: the worth of a portfolio of calls, as a loop over the options and as array code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from tests.benchmarks.workload import Arguments, Thunk, Workload

compiled = numba.njit(error_model="numpy")
WRT = (0, 2, 3, 4)  # all but the strikes, which the contracts fix


# ---- a loop over the options -------------------------------------------------------------------


@numba.njit
def normal_cdf(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def black_scholes(spot, strike, rate, volatility, maturity):
    total = 0.0
    for i in range(len(spot)):
        spread = volatility[i] * math.sqrt(maturity[i])
        d1 = (math.log(spot[i] / strike[i]) + (rate + 0.5 * volatility[i] ** 2) * maturity[i]) / spread
        d2 = d1 - spread
        total += spot[i] * normal_cdf(d1) - strike[i] * math.exp(-rate * maturity[i]) * normal_cdf(d2)
    return total


@compiled
def black_scholes_greeks(spot, strike, rate, volatility, maturity):
    """The Greeks in closed form: what d1 and d2 contribute cancels, as spot φ(d1) = strike e^(-rate T) φ(d2)."""
    n = len(spot)
    delta, vega, theta = np.empty(n), np.empty(n), np.empty(n)
    rho = 0.0
    for i in range(n):
        root = math.sqrt(maturity[i])
        spread = volatility[i] * root
        d1 = (math.log(spot[i] / strike[i]) + (rate + 0.5 * volatility[i] ** 2) * maturity[i]) / spread
        paid = strike[i] * math.exp(-rate * maturity[i]) * 0.5 * math.erfc((spread - d1) * math.sqrt(0.5))
        density = spot[i] * math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
        delta[i] = 0.5 * math.erfc(-d1 * math.sqrt(0.5))
        vega[i] = density * root
        theta[i] = 0.5 * density * volatility[i] / root + rate * paid
        rho += maturity[i] * paid
    return delta, rho, vega, theta


# ---- array code --------------------------------------------------------------------------------


@numba.njit
def normal_cdf_array(x):
    """To three digits, without the error function, which NumPy has not."""
    return 0.5 * (1.0 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def black_scholes_array(spot, strike, rate, volatility, maturity):
    spread = volatility * np.sqrt(maturity)
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * maturity) / spread
    d2 = d1 - spread
    calls = spot * normal_cdf_array(d1) - strike * np.exp(-rate * maturity) * normal_cdf_array(d2)
    return np.sum(calls)


@compiled
def black_scholes_array_gradient(spot, strike, rate, volatility, maturity):
    """One loop, forward and reverse of an option together: nothing is kept but in registers."""
    n = len(spot)
    d_spot, d_volatility, d_maturity = np.empty(n), np.empty(n), np.empty(n)
    d_rate = 0.0
    for i in range(n):
        root = math.sqrt(maturity[i])
        spread = volatility[i] * root
        drift = rate + 0.5 * volatility[i] * volatility[i]
        d1 = (math.log(spot[i] / strike[i]) + drift * maturity[i]) / spread
        d2 = d1 - spread
        t1 = math.tanh(0.7978845608 * (d1 + 0.044715 * d1 * d1 * d1))
        t2 = math.tanh(0.7978845608 * (d2 + 0.044715 * d2 * d2 * d2))
        discounted = strike[i] * math.exp(-rate * maturity[i])
        paid = discounted * 0.5 * (1.0 + t2)
        g1 = spot[i] * 0.5 * (1.0 - t1 * t1) * 0.7978845608 * (1.0 + 3.0 * 0.044715 * d1 * d1)
        g2 = -discounted * 0.5 * (1.0 - t2 * t2) * 0.7978845608 * (1.0 + 3.0 * 0.044715 * d2 * d2)
        per_spread = (g1 + g2) / spread
        d_spread = -per_spread * d1 - g2
        d_spot[i] = 0.5 * (1.0 + t1) + per_spread / spot[i]
        d_volatility[i] = per_spread * volatility[i] * maturity[i] + d_spread * root
        d_maturity[i] = per_spread * drift + 0.5 * d_spread * volatility[i] / root + rate * paid
        d_rate += (per_spread + paid) * maturity[i]
    return d_spot, d_rate, d_volatility, d_maturity


# ---- the contestants ---------------------------------------------------------------------------


def arguments(quick: bool) -> Arguments:
    n = 5_000 if quick else 100_000
    rng = np.random.default_rng(0)
    spot, strike = rng.uniform(50.0, 150.0, (2, n))
    return spot, strike, 0.03, rng.uniform(0.1, 0.5, n), rng.uniform(0.2, 3.0, n)


Portfolio = Callable[..., Any]


def in_arrays(xp: Any, cdf: Callable[[Any], Any]) -> Portfolio:
    """The portfolio in the array functions of a library."""

    def portfolio(spot, strike, rate, volatility, maturity):
        spread = volatility * xp.sqrt(maturity)
        d1 = (xp.log(spot / strike) + (rate + 0.5 * volatility**2) * maturity) / spread
        d2 = d1 - spread
        return xp.sum(spot * cdf(d1) - strike * xp.exp(-rate * maturity) * cdf(d2))

    return portfolio


def by_tanh(xp: Any) -> Callable[[Any], Any]:
    return lambda x: 0.5 * (1.0 + xp.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def jax_gradient(exact: bool, arguments: Arguments) -> Thunk:
    import jax

    jax.config.update("jax_enable_x64", True)
    cdf = jax.scipy.stats.norm.cdf if exact else by_tanh(jax.numpy)
    gradient = jax.jit(jax.grad(in_arrays(jax.numpy, cdf), WRT))
    given = [jax.numpy.asarray(a) for a in arguments]
    return lambda: tuple(np.asarray(g) for g in gradient(*given))


def torch_gradient(exact: bool, arguments: Arguments) -> Thunk:
    import torch

    cdf = torch.special.ndtr if exact else by_tanh(torch)
    portfolio = in_arrays(torch, cdf)
    given = [torch.tensor(a, dtype=torch.float64, requires_grad=i in WRT) for i, a in enumerate(arguments)]
    wanted = [given[i] for i in WRT]
    return lambda: tuple(g.numpy() for g in torch.autograd.grad(portfolio(*given), wanted))


def autograd_gradient(exact: bool, arguments: Arguments) -> Thunk:
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.stats import norm

    gradient = autograd.grad(in_arrays(anp, norm.cdf if exact else by_tanh(anp)), WRT)
    return lambda: gradient(*arguments)


def tangent_gradient(arguments: Arguments) -> Thunk:
    """Of the very function; tangent compiles the calls in it too. It has no adjoint of the error function."""
    import tangent

    gradient = tangent.grad(black_scholes_array, wrt=WRT)
    return lambda: gradient(*arguments)


def peers(exact: bool) -> dict[str, Callable[[Arguments], Thunk]]:
    return {
        "jax": lambda args: jax_gradient(exact, args),
        "torch": lambda args: torch_gradient(exact, args),
        "autograd": lambda args: autograd_gradient(exact, args),
    }


WORKLOADS = (
    Workload(
        name="black_scholes",
        kind="loop",
        function=black_scholes,
        wrt=WRT,
        arguments=arguments,
        hand=lambda args: lambda: black_scholes_greeks(*args),
        hand_saved=lambda args: 0,
        peers=peers(exact=True),
    ),
    Workload(
        name="black_scholes_array",
        kind="array",
        function=black_scholes_array,
        wrt=WRT,
        arguments=arguments,
        hand=lambda args: lambda: black_scholes_array_gradient(*args),
        hand_saved=lambda args: 0,
        peers={**peers(exact=False), "tangent": tangent_gradient},
    ),
)
