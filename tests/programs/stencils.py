"""Loops that read neighbours: the adjoint adds to neighbours, and that in any order only where nothing else sees it."""

import numpy as np

from tests.programs.registry import case, positive, real


@case(real(0), 3, zero=True)
@case(real(1), 3)
@case(real(2), 3)
@case(real(3), 3)
@case(real(4), 3)
@case(real(9), 0)
@case(real(9), 3, compiled=True)
def heat_1d(u, steps):
    v = u * 0.5
    a = u.copy()
    for t in range(steps):
        for i in range(1, len(a) - 1):
            v[i] = 0.3 * (a[i - 1] + a[i] + a[i + 1])
        for i in range(1, len(a) - 1):
            a[i] = 0.3 * (v[i - 1] + v[i] + v[i + 1])
    return np.sum(a * a) + np.sum(u)


@case(real(1, 5), 2)
@case(real(2, 2), 2)
@case(real(2, 5), 2)
@case(real(3, 3), 2)
@case(real(4, 3), 2)
@case(real(4, 6), 2, compiled=True)
def jacobi_2d(u, steps):
    a = u.copy()
    b = u * 0.5
    n, m = a.shape
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = 0.2 * (a[i, j] + a[i, j - 1] + a[i, j + 1] + a[i + 1, j] + a[i - 1, j])
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                a[i, j] = 0.2 * (b[i, j] + b[i, j - 1] + b[i, j + 1] + b[i + 1, j] + b[i - 1, j])
    return np.sum(a * a) + np.sum(b * u)


@case(real(3, 4, 3), 2)
@case(real(4, 4, 5), 1)
def heat_3d(u, steps):
    a = u.copy()
    b = u.copy()
    n, m, p = a.shape
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                for k in range(1, p - 1):
                    b[i, j, k] = (
                        0.1 * (a[i + 1, j, k] - 2.0 * a[i, j, k] + a[i - 1, j, k])
                        + 0.2 * (a[i, j + 1, k] - 2.0 * a[i, j, k] + a[i, j - 1, k])
                        + 0.3 * (a[i, j, k + 1] - 2.0 * a[i, j, k] + a[i, j, k - 1])
                        + a[i, j, k]
                    )
        a, b = b, a
    return np.sum(a * a)


@case(real(3, 4), real(3, 4, seed=1), real(3, 4, seed=2), real(2), compiled=True)
@case(real(1, 1), real(1, 1, seed=1), real(1, 1, seed=2), real(2))
@case(real(2, 1), real(2, 1, seed=1), real(2, 1, seed=2), real(2))
def fdtd_2d(ex, ey, hz, source):
    n, m = ex.shape
    for t in range(len(source)):
        for j in range(m):
            ey[0, j] = source[t]
        for i in range(1, n):
            for j in range(m):
                ey[i, j] = ey[i, j] - 0.5 * (hz[i, j] - hz[i - 1, j])
        for i in range(n):
            for j in range(1, m):
                ex[i, j] = ex[i, j] - 0.5 * (hz[i, j] - hz[i, j - 1])
        for i in range(n - 1):
            for j in range(m - 1):
                hz[i, j] = hz[i, j] - 0.7 * (ex[i, j + 1] - ex[i, j] + ey[i + 1, j] - ey[i, j])
    return np.sum(hz * hz) + np.sum(ex * ey)


@case(real(7), positive(7), 0.3)
@case(real(2), positive(2), 0.3, zero=True)
def variable_coefficients_and_a_step(u, c, h):
    v = np.zeros_like(u)
    for i in range(1, len(u) - 1):
        v[i] = c[i] * (u[i + 1] - 2 * u[i] + u[i - 1]) / h**2
    return np.sum(v * u)


@case(real(9), 3)
@case(real(9), 3, compiled=True)
def burgers(u, steps):
    u = u.copy()
    for t in range(steps):
        v = u.copy()
        for i in range(1, len(u) - 1):
            v[i] = u[i] - 0.1 * u[i] * (u[i + 1] - u[i - 1])
        u = v
    return np.sum(u * u)


@case(real(4, 5), 0.1, 0.2, 2)
def reaction_and_diffusion(u, D, r, steps):
    u = u.copy()
    n, m = u.shape
    for t in range(steps):
        new = u.copy()
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                lap = u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4.0 * u[i, j]
                new[i, j] = u[i, j] + D * lap + r * u[i, j] * (1.0 - u[i, j])
        u = new
    return np.sum(u * u)


@case(real(1))
@case(real(2))
@case(real(6), compiled=True)
def round_the_end(u):
    """`u[-1]` is the last element: both ends of the loop add to it."""
    v = np.zeros_like(u)
    for i in range(len(u)):
        v[i] = u[i] * u[i - 1] + 2.0 * u[i - 1]
    return np.sum(v * v)


@case(real(6))
def written_round_the_end(u):
    """The first turn and the last write to the same element: only the later adjoint is not zero."""
    v = np.zeros(len(u))
    for i in range(len(u) + 1):
        v[i - 1] = u[i - 1] * 0.5 + u[i - 2]
    return np.sum(v * v) + v[-1]


@case(real(7))
def every_second(u):
    v = np.zeros_like(u)
    for i in range(1, len(u) - 1, 2):
        v[i] = u[i - 1] + 3.0 * u[i + 1]
    return np.sum(v * v)


@case(real(8), 3, compiled=True)
def gauss_seidel(u, steps):
    a = u.copy()
    for t in range(steps):
        for i in range(1, len(a) - 1):
            a[i] = 0.3 * (a[i - 1] + a[i] + a[i + 1])
    return np.sum(a * a)


@case(real(8))
def shifted_in_place(u):
    a = u.copy()
    for i in range(len(a) - 2):
        a[i] = a[i + 1] + 2.0 * a[i + 2]
    return np.sum(a * a)


@case(real(8))
def written_twice(u):
    """What one turn writes, the next one overwrites."""
    v = np.zeros(len(u) + 1)
    for i in range(1, len(u) - 1):
        v[i] = u[i - 1] + u[i + 1]
        v[i + 1] = 2.0 * u[i]
    return np.sum(v * v)


@case(real(8))
def read_where_another_turn_wrote(u):
    v = np.zeros_like(u)
    w = np.zeros_like(u)
    for i in range(1, len(u) - 1):
        v[i] = u[i - 1] + u[i + 1]
        w[i] = v[i - 1] * u[i] + v[i]
    return np.sum(w * w)


@case(real(8))
def views_of_one_array(u):
    left, right = u[:-1], u[1:]
    v = np.zeros(len(u))
    for i in range(1, len(u) - 2):
        v[i] = left[i - 1] * right[i] + 2.0 * right[i + 1] + left[i]
    return np.sum(v * v)


@case(real(8))
def a_view_written_to(u):
    a = u.copy()
    inner = a[1:]
    for i in range(1, len(u) - 2):
        inner[i] = a[i - 1] + 2.0 * a[i + 1]
    return np.sum(a * a)


@case(real(8), 3)
def buffers_that_trade_places(u, steps):
    a, b = u.copy(), u * 0.5
    for t in range(steps):
        for i in range(1, len(u) - 1):
            b[i] = a[i - 1] - 2.0 * a[i] + a[i + 1]
        a, b = b, a
    return np.sum(a * a) + np.sum(b)


@case(real(8), np.array([1, 3, 3, 0, 2, 5, 7, 6]))
def places_looked_up(u, at):
    v = np.zeros_like(u)
    for i in range(1, len(u) - 1):
        v[i] = u[at[i]] * u[i - 1] + u[i + 1]
    return np.sum(v * v)


@case(real(8), real(3))
def convolution(x, w):
    y = np.zeros(len(x) - len(w) + 1)
    for i in range(len(y)):
        for k in range(len(w)):
            y[i] += w[k] * x[i + k]
    return np.sum(y * y)


@case(real(5, 5))
def along_the_diagonal_and_below(u):
    v = np.zeros_like(u)
    for i in range(1, len(u)):
        for j in range(1, i + 1):
            v[i, j] = u[j, j] + u[j - 1, j] * u[i, j - 1] + u[i - 1, j]
    return np.sum(v * v)


@case(real(8))
def a_running_sum_beside(u):
    s = 0.0
    v = np.zeros_like(u)
    for i in range(1, len(u) - 1):
        s = s * 0.5 + u[i - 1]
        v[i] = s * u[i + 1] + u[i - 1]
    return np.sum(v * v) + s


@case(real(8))
def index_read_after(u):
    v = np.zeros_like(u)
    for i in range(1, len(u) - 1):
        v[i] = u[i - 1] - u[i + 1]
    return np.sum(v * v) * i + v[i] * u[i]


@case(real(8))
def slow_values(u):
    v = np.zeros_like(u)
    for i in range(1, len(u) - 1):
        v[i] = np.sin(u[i - 1] + u[i] + u[i + 1])
    return np.sum(v * v)


@case(real(8))
def under_a_test(u):
    v = np.zeros_like(u)
    for i in range(1, len(u) - 1):
        if u[i] > 0.0:
            v[i] = u[i - 1] + u[i + 1]
    return np.sum(v * v)


@case(real(5, 6), compiled=True)
def along_the_first_axis(u):
    v = np.zeros_like(u)
    for j in range(u.shape[1]):
        for i in range(1, u.shape[0] - 1):
            v[i, j] = u[i - 1, j] + 2.0 * u[i + 1, j]
    return np.sum(v * v)


@case(real(1, 4), 3)
@case(real(3, 3), 3)
@case(real(4, 5), 3)
@case(real(5, 5), 0)
@case(real(6, 7), 1)
@case(real(6, 7), 4, compiled=True)
def nine_points_to_and_fro(u, steps):
    """The two buffers change places: the adjoint of what is overwritten is zero, by another name a step later."""
    n, m = u.shape
    a = u.copy()
    b = u * 0.5
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                edges = a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1]
                corners = a[i - 1, j - 1] + a[i - 1, j + 1] + a[i + 1, j - 1] + a[i + 1, j + 1]
                b[i, j] = 0.25 * a[i, j] + 0.125 * edges + 0.0625 * corners
        a, b = b, a
    return np.sum(a * a) + np.sum(b)


@case(real(3), positive(3), 2, zero=True)
@case(real(5), positive(5), 2)
@case(real(8), positive(8), 2)
@case(real(12), positive(12), 3, compiled=True)
def wave_of_fourth_order(u0, c, steps):
    n = len(u0)
    u = u0.copy()
    old = u0.copy()
    new = np.zeros(n)
    for t in range(steps):
        for i in range(2, n - 2):
            bend = (-u[i - 2] + 16.0 * u[i - 1] - 30.0 * u[i] + 16.0 * u[i + 1] - u[i + 2]) / 12.0
            new[i] = 2.0 * u[i] - old[i] + 0.01 * c[i] * c[i] * bend
        for i in range(n):
            old[i] = u[i]
            u[i] = new[i]
    return np.sum(u * u)


@case(real(3, 4), positive(3, 4), 2)
@case(real(4, 6), positive(4, 6), 2)
@case(real(6, 7), positive(6, 7), 3, compiled=True)
def heat_through_layers(u0, k, steps):
    """Flows between neighbours, each with a coefficient of its own: the adjoint of the coefficient is a stencil too."""
    n, m = u0.shape
    u = u0.copy()
    w = u0.copy()
    for t in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                down = k[i + 1, j] * (u[i + 1, j] - u[i, j]) - k[i, j] * (u[i, j] - u[i - 1, j])
                right = k[i, j + 1] * (u[i, j + 1] - u[i, j]) - k[i, j] * (u[i, j] - u[i, j - 1])
                w[i, j] = u[i, j] + 0.1 * (down + right)
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                u[i, j] = w[i, j]
    return np.sum(u * u)


@case(real(1), 2)
@case(real(2), 2)
@case(real(7), 3, compiled=True)
def round_a_ring(u0, steps):
    n = len(u0)
    u = u0.copy()
    v = np.zeros(n)
    for t in range(steps):
        for i in range(n):
            v[i] = u[i] + 0.1 * (u[(i + 1) % n] - 2.0 * u[i] + u[(i - 1) % n])
        for i in range(n):
            u[i] = v[i]
    return np.sum(u**2)


@case(real(2), 2)
@case(real(4), 2)
@case(real(9), 3, compiled=True)
def burgers_to_and_fro(u0, steps):
    n = len(u0)
    u = u0.copy()
    v = u0 * 2.0
    for t in range(steps):
        for i in range(1, n - 1):
            v[i] = u[i] - 0.1 * u[i] * (u[i + 1] - u[i - 1]) + 0.2 * (u[i + 1] - 2.0 * u[i] + u[i - 1])
        for i in range(1, n - 1):
            u[i] = v[i] - 0.1 * v[i] * (v[i + 1] - v[i - 1]) + 0.2 * (v[i + 1] - 2.0 * v[i] + v[i - 1])
    return np.sum(u**2)


@case(real(8, 8), 3, wrt=0, compiled=True)
@case(real(3, 4), 2, wrt=0, compiled=True)
def waves_of_a_speed(c, steps):
    """As in the inversion of a wave field: the coefficient of the stencil is a square."""
    rows, cols = c.shape
    before = np.zeros((rows, cols))
    now = np.ones((rows, cols)) * c
    misfit = 0.0
    for t in range(steps):
        after = np.zeros((rows, cols))
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                lap = now[i + 1, j] + now[i - 1, j] + now[i, j + 1] + now[i, j - 1] - 4.0 * now[i, j]
                after[i, j] = 2.0 * now[i, j] - before[i, j] + 0.1 * c[i, j] ** 2 * lap
        before = now
        now = after
        misfit += now[1, 2] ** 2
    return misfit


@case(real(12), real(12), 0.7, real(12), wrt=(0, 1, 2), compiled=True)
def shifts_of_a_number_with_two_uses(a, b, w, c):
    """What is added at j + 2 is the sum of both uses of v, not the first of them."""
    a = a * 1.0
    s = w
    for i in range(5, 11):
        for j in range(i - 1, 1, -1):
            v = 0.5 * b[j + 2] * w
            a[j - 1] = v
            s += v * c[j]
            s += 0.3 * w * b[j - 2] * c[j]
    return s + np.sum(a * b)


@case(real(1), real(1), 2, wrt=(0, 1))
@case(real(2), real(2), 2, wrt=(0, 1))
@case(real(3), real(3), 2, wrt=(0, 1))
@case(real(4), real(4), 3, wrt=(0, 1))
@case(real(11), real(11), 3, wrt=(0, 1), compiled=True)
def upwind_to_and_fro(u0, speed, steps):
    """A branch says which neighbour a point reads, so which one its adjoint adds to."""
    n = len(u0)
    u = u0.copy()
    new = np.zeros(n)
    for step in range(steps):
        for i in range(1, n - 1):
            if speed[i] > 0.0:
                slope = (u[i] - u[i - 1]) / 0.7
            else:
                slope = (u[i + 1] - u[i]) / 0.7
            new[i] = u[i] - 0.1 * speed[i] * slope
        new[0] = u[0]
        new[n - 1] = u[n - 1]
        u, new = new, u
    return np.sum(u * u)


@case(real(2, 5), real(2, 5), real(2, 5), 2, wrt=(0, 1, 2))
@case(real(3, 3), real(3, 3), real(3, 3), 2, wrt=(0, 1, 2))
@case(real(4, 3), real(4, 3), real(4, 3), 2, wrt=(0, 1, 2))
@case(real(6, 7), real(6, 7), real(6, 7), 3, wrt=(0, 1, 2), compiled=True)
def upwind_on_a_plane(u0, across, along, steps):
    rows, cols = u0.shape
    u = u0.copy()
    new = u0.copy()
    for step in range(steps):
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                if across[i, j] > 0.0:
                    dx = u[i, j] - u[i, j - 1]
                else:
                    dx = u[i, j + 1] - u[i, j]
                if along[i, j] > 0.0:
                    dy = u[i, j] - u[i - 1, j]
                else:
                    dy = u[i + 1, j] - u[i, j]
                new[i, j] = u[i, j] - 0.1 * (across[i, j] * dx + along[i, j] * dy) / 0.3
        u, new = new, u
    return np.sum(u * u)


@case(real(2), 2)
@case(real(3), 2)
@case(real(4), 3)
@case(real(5), 3)
@case(real(12), 4, compiled=True)
def burgers_in_two_buffers(u0, steps):
    """A state that is read beside the buffer that is written; which memory is which changes from step to step."""
    n = len(u0)
    u = u0.copy()
    new = u0.copy()
    for step in range(steps):
        for i in range(1, n - 1):
            flux = u[i] * (u[i + 1] - u[i - 1]) / (2.0 * 0.8)
            new[i] = u[i] + 0.1 * (0.2 * (u[i - 1] - 2.0 * u[i] + u[i + 1]) / 0.8**2 - flux)
        u, new = new, u
    return np.sum(u * u) + np.sum(new)


@case(real(12), 4, compiled=True)
@case(real(4), 3)
def limited_slopes(u0, steps):
    """Branches on the state itself, and copies of it."""
    n = len(u0)
    u = u0.copy()
    for step in range(steps):
        old = u.copy()
        for i in range(1, n - 1):
            left, right = old[i] - old[i - 1], old[i + 1] - old[i]
            if left * right > 0.0:
                slope = left if abs(left) < abs(right) else right
            else:
                slope = 0.0
            u[i] = old[i] + 0.2 * slope * old[i + 1] / (1.0 + old[i - 1] ** 2)
    return np.sum(u * u)
