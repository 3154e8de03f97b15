"""A scalar loop with an if inside and a loop-carried variable."""


def leaky_integrator(x, decay, limit):
    acc = 0.0
    for i in range(len(x)):
        acc = decay * acc + x[i]
        if acc > limit:
            acc = limit + 0.1 * (acc - limit)
    return acc * acc
