"""Objects of users' classes: made inside and given as arguments, attributes read and written, two names for one."""

import copy
import math

import numpy as np

from tests.programs.registry import case, real


class Spring:
    def __init__(self, k, x0=0.0):
        self.k = k
        self.x0 = x0

    def energy(self, x):
        return 0.5 * self.k * (x - self.x0) ** 2

    @property
    def stiffness(self):
        return self.k * 2.0


class Damped(Spring):
    def __init__(self, k, c, x0=0.0):
        super().__init__(k, x0)
        self.c = c

    def energy(self, x):
        return super().energy(x) * math.exp(-self.c * x)


class Vec:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = (x, y)

    def __add__(self, o):
        return Vec(self.x + o.x, self.y + o.y)

    def __sub__(self, o):
        return Vec(self.x - o.x, self.y - o.y)

    def __mul__(self, s):
        return Vec(self.x * s, self.y * s)

    __rmul__ = __mul__

    def __neg__(self):
        return Vec(-self.x, -self.y)

    def dot(self, o):
        return self.x * o.x + self.y * o.y

    def __abs__(self):
        return math.sqrt(self.dot(self))


class Particle:
    def __init__(self, x, v, m=1.0):
        self.x = x
        self.v = v
        self.m = m

    def step(self, f, dt):
        self.v += f / self.m * dt
        self.x += self.v * dt


class Poly:
    def __init__(self, coeffs):
        self.coeffs = list(coeffs)

    def __call__(self, x):
        s = 0.0
        for c in reversed(self.coeffs):
            s = s * x + c
        return s

    def __getitem__(self, i):
        return self.coeffs[i]

    def __len__(self):
        return len(self.coeffs)

    def __iter__(self):
        return iter(self.coeffs)


class Layer:
    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.calls = 0
        self.name = "dense"

    def __call__(self, x):
        self.calls += 1
        return np.tanh(self.W @ x + self.b)


class Net:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for l in self.layers:
            x = l(x)
        return x


class Counter:
    total = 3.0

    def __init__(self):
        self.n = 0

    def tick(self):
        self.n += 1
        return self.n


@case(2.0, 0.3)
def object_made_inside(k, x):
    return Spring(k, 0.1).energy(x)


@case(2.0, 0.3, compiled=True)
def attribute_written(k, x):
    s = Spring(k)
    s.x0 = x * x
    s.k *= 2.0
    return s.energy(x)


@case(Spring(2.0, 0.4), 0.7)
def object_argument(s, x):
    return s.energy(x) + s.stiffness


@case(Damped(2.0, 0.3), 0.7, compiled=True)
def object_argument_inherits(s, x):
    return s.energy(x) * s.stiffness


@case(2.0, 0.3)
def inheritance(k, x):
    return Damped(k, 0.5 * x).energy(x)


@case(0.5, 0.2)
def operators(a, b):
    v = Vec(a, b) + Vec(b, 2.0) * a - Vec(a * b, 1.0)
    return v.dot(-v) + abs(2.0 * v)


@case(0.5, 0.2)
def particle_steps(x, v):
    p = Particle(x, v)
    for i in range(20):
        p.step(-math.sin(p.x), 0.1)
    return p.x * p.v


@case(0.5, 0.2, 12, compiled=True)
def particle_steps_n(x, v, n):
    p = Particle(x, v)
    for i in range(n):
        p.step(-math.sin(p.x), 0.1)
    return p.x * p.v


@case(real(3), 0.7)
def poly_object(c, x):
    p = Poly([c[0], c[1], c[2]])
    return p(x) + p[1] * len(p) + sum(a * a for a in p)


@case(real(3, 3), real(3, seed=1), real(3, seed=2))
def net_inside(W, b, x):
    net = Net([Layer(W, b), Layer(W.T, 2 * b)])
    y = net.forward(x)
    return np.sum(y * y) * net.layers[0].calls


@case(Net([Layer(real(3, 3), real(3)), Layer(real(2, 3), real(2))]), real(3, seed=4), compiled=True)
def net_argument(net, x):
    return np.sum(net.forward(x) ** 2)


@case(0.7)
def counter(x):
    c = Counter()
    while c.tick() < 4:
        x = x * c.n + Counter.total
    return x * c.total


@case([Particle(0.1, 0.2), Particle(0.4, -0.1, 2.0)], 0.1, compiled=True)
def list_of_objects(ps, dt):
    for _ in range(5):
        for i, p in enumerate(ps):
            q = ps[1 - i]
            p.step(q.x - p.x, dt)
    return sum(p.x * p.v for p in ps)


@case(0.5, 3)
def branch_writes_attribute(x, n):
    s = Spring(2.0)
    if n > 2:
        s.k = x * x
    else:
        s.x0 = x
    return s.energy(x)


@case(0.5, 7)
def loop_branch_attribute(x, n):
    s = Spring(x, 0.0)
    for i in range(n):
        if s.x0 > 0.22:
            s.x0 = s.x0 * 0.5
        else:
            s.x0 = s.x0 + 0.1 * x
    return s.energy(2.0)


@case(0.5)
def alias_objects(x):
    a = Spring(x)
    b = a
    b.k = x * x
    c = [a, Spring(1.0)]
    c[0].x0 = 3 * x
    return a.energy(1.0) + b.k


@case(0.5, 3)
def alias_conditional(x, n):
    a, b = (Spring(x), Spring(2 * x))
    c = a if n > 2 else b
    return c.energy(1.0) + a.k


class Quad:
    def __init__(self, a):
        self.a = a

    def grad_step(self, n):
        for i in range(n):
            self.a = self.a - 0.1 * self.a**3
        return self


@case(0.5, 3)
def chained_methods(x, n):
    return Quad(x).grad_step(n).grad_step(2).a


@case(0.5)
def getattr_setattr(x):
    s = Spring(x)
    setattr(s, "k", x * 3)
    t = 0.0
    for n in ("k", "x0"):
        t += getattr(s, n) * 2
    return t + getattr(s, "zz", 1.0) + (5.0 if hasattr(s, "k") else 0.0) + (1 if isinstance(s, Spring) else 2) * x


@case(0.5)
def copy_object(x):
    a = Spring(x)
    b = copy.copy(a)
    b.k = x**3
    c = copy.deepcopy(b)
    c.x0 = x
    return a.k + 2 * b.k + 3 * c.x0 + b.x0


@case(Spring(2.0, 0.4), 0.7)
def with_vars(s, x):
    return sum(v * v for v in vars(s).values()) * x + s.__dict__["k"]


class Sim:
    def __init__(self, n):
        self.u = np.zeros(n)
        self.n = n

    def set(self, x):
        self.u[:] = x
        self.u[0] = 0.0

    def step(self, dt):
        u = self.u
        self.u = u + dt * (np.roll(u, 1) - 2 * u + np.roll(u, -1))


@case(real(6), 4)
def simulation(x, n):
    s = Sim(len(x))
    s.set(x)
    for _ in range(n):
        s.step(0.1)
    return np.sum(s.u**3)
