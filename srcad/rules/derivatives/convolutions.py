"""Adjoints and tangents of two-dimensional correlations and poolings.

A correlation and its adjoints are linear in each of two arrays. The adjoint and the tangent of a pooling are linear in
one array, and each the adjoint of the other; by the images they have no derivative, as places change in steps.
"""

from __future__ import annotations

from typing import Any

from srcad import runtime
from srcad.rules.registry import jvp, vjp


@vjp(runtime.correlate_2d)
def correlate_2d(d_y: Any, y: Any, x: Any, kernel: Any, step: Any) -> Any:
    d_x = runtime.correlate_2d_input_adjoint(x, kernel, d_y, step)
    return d_x, runtime.correlate_2d_kernel_adjoint(x, kernel, d_y, step), None


@vjp(runtime.correlate_2d_input_adjoint)
def correlate_2d_input_adjoint(d_z: Any, z: Any, x: Any, kernel: Any, d_y: Any, step: Any) -> Any:
    d_kernel = runtime.correlate_2d_kernel_adjoint(d_z, kernel, d_y, step)
    return None, d_kernel, runtime.correlate_2d(d_z, kernel, step), None


@vjp(runtime.correlate_2d_kernel_adjoint)
def correlate_2d_kernel_adjoint(d_z: Any, z: Any, x: Any, kernel: Any, d_y: Any, step: Any) -> Any:
    d_x = runtime.correlate_2d_input_adjoint(x, d_z, d_y, step)
    return d_x, None, runtime.correlate_2d(x, d_z, step), None


@vjp(runtime.max_pool_2d)
def max_pool_2d(d_y: Any, y: Any, x: Any, size: Any, step: Any) -> Any:
    return runtime.max_pool_2d_adjoint(x, d_y, size, step), None, None


@vjp(runtime.max_pool_2d_adjoint)
def max_pool_2d_adjoint(d_z: Any, z: Any, x: Any, d_y: Any, size: Any, step: Any) -> Any:
    return None, runtime.max_pool_2d_tangent(x, d_z, size, step), None, None


@vjp(runtime.max_pool_2d_tangent)
def max_pool_2d_tangent(d_z: Any, z: Any, x: Any, t_x: Any, size: Any, step: Any) -> Any:
    return None, runtime.max_pool_2d_adjoint(x, d_z, size, step), None, None


@jvp(runtime.max_pool_2d)
def tangent_of_pooling(y: Any, x: Any, size: Any, step: Any, t_x: Any, t_size: Any, t_step: Any) -> Any:
    return runtime.max_pool_2d_tangent(x, t_x, size, step)


@jvp(runtime.max_pool_2d_adjoint)
def tangent_of_adjoint(
    z: Any, x: Any, d_y: Any, size: Any, step: Any, t_x: Any, t_d_y: Any, t_size: Any, t_step: Any
) -> Any:
    return runtime.max_pool_2d_adjoint(x, t_d_y, size, step)


@jvp(runtime.max_pool_2d_tangent)
def tangent_of_tangent(
    z: Any, x: Any, t: Any, size: Any, step: Any, t_x: Any, t_t: Any, t_size: Any, t_step: Any
) -> Any:
    return runtime.max_pool_2d_tangent(x, t_t, size, step)
