"""`scipy.optimize.minimize` with constraints: the functions of a list of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from srcad.rules.expansions.math_module import doubles
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import unsupported
from srcad.rules.scipy.active_sets import root_on_constraints
from srcad.rules.scipy.box_search import inward_jacobian
from srcad.rules.scipy.found_points import given_of
from srcad.rules.scipy.quadratic_programs import lowest_on_constraints
from srcad.rules.scipy.quasi_newton import EPS

stopped = PRIMITIVES["stop_gradient"]


def constrained_minimum(
    objective: Any, gradient: Any, limits: Any, start: Any, low: Any, high: Any, tol: Any, most: Any
) -> Any:
    for limit in limits:
        if not isinstance(limit, dict):
            unsupported("scipy.optimize.minimize with a constraint that is not a dict")
        if limit["type"] not in ("eq", "ineq"):
            raise ValueError("Unknown constraint type: it is 'eq' or 'ineq'")

    def value_of(limit: Any, x: Any) -> Any:
        given = given_of(limit["args"]) if "args" in limit else ()
        return doubles(np.atleast_1d(np.asarray(limit["fun"](x, *given))))

    def slopes_of(limit: Any, x: Any) -> Any:
        if "jac" in limit and limit["jac"] is not None:
            given = given_of(limit["args"]) if "args" in limit else ()
            return stopped(doubles(np.atleast_2d(np.asarray(limit["jac"](x, *given)))))
        slopes = inward_jacobian(lambda x: value_of(limit, x), EPS, stopped(low), stopped(high))
        return slopes(x, stopped(value_of(limit, x)))

    def of_type(type: Any, x: Any) -> Any:
        values = np.zeros(0)
        for limit in limits:
            if limit["type"] == type:
                values = np.append(values, value_of(limit, x))
        return values

    def normals(x: Any) -> Any:
        rows = np.zeros((0, len(x)))
        for type in ("eq", "ineq"):
            for limit in limits:
                if limit["type"] == type:
                    rows = np.concatenate((rows, slopes_of(limit, x)))
        return rows

    def equal(x: Any) -> Any:
        return of_type("eq", x)

    def least(x: Any) -> Any:
        return of_type("ineq", x)

    def together(x: Any) -> Any:
        return np.append(equal(x), least(x))

    def lagrangian(x: Any, forces: Any) -> Any:
        return objective(x) - np.sum(forces * together(x))

    equalities = len(equal(start))
    found, forces, success = lowest_on_constraints(
        objective, gradient, together, normals, equalities, start, stopped(low), stopped(high), tol, most
    )
    held = (np.arange(len(forces)) < equalities) | (forces > 0.0)
    rows = np.where(held[:, np.newaxis], stopped(normals(found)), 0.0)
    if len(rows) > 0 and np.linalg.matrix_rank(rows, 1e-6 * np.max(np.abs(rows))) < np.sum(held):
        raise ValueError("SLSQP: constraints that hold depend on each other, and so the minimum has no derivative")
    return root_on_constraints(lagrangian, equal, least, found, forces, low, high), success
