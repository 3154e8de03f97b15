"""Statements that no differentiated argument reaches: draws, tables, sets, effects. Python runs them once, in order."""

VALUES = (
    "rng.normal()",
    "rng.standard_normal(3)",
    "rng.uniform(-0.5, 0.5, 2)",
    "rng.normal(0.1, 0.2, (2, 3))",
    "rng.integers(0, 3)",
    "rng.permutation(3)",
    "rng.choice([0.1, 0.5, -0.3])",
    "rng.choice(4, 2, replace=False)",
    "legacy.normal(0.2, 0.1)",
    "legacy.rand(2)",
    "np.histogram([0.1, 0.5, 0.4, 0.9], 3)[0]",
    "np.unique([2, 1, 2, 0], return_counts=True)[1]",
    "sorted({3, 1, 2})[0]",
    "collections.Counter('abcab')['a']",
    "len({1, 2, 3})",
    "int('12') % 5",
    "float('0.25')",
    "[float(word) for word in '0.5 0.25 -0.3'.split()]",
    "np.array([float(word) for word in '0.5,0.25'.split(',')])",
    "noted(0.3)",
    "noted(rng.normal())",
    "bisect.bisect([0.1, 0.3, 0.9], 0.4)",
    "{'low': 0.2, 'high': 0.9}['low']",
    "json.loads('[0.1, 0.4]')",
)

STATEMENTS = (
    "note('here')",
    "note({c})",
    "print('at', {c})",
    "rng.shuffle(order)",
    "heapq.heappush(heap, ({c}, 1))",
    "seen.add({c})",
    "table[{c}] = 0.1",
    "np.random.seed(3)",
)
"""`{c}`: an inactive number. What they name is bound before, as `STARTED` says."""

STARTED = {
    "rng": "rng = np.random.default_rng(7)",
    "order": "order = [0, 1, 2]",
    "heap": "heap = [(0, 2)]",
    "seen": "seen = set()",
    "table": "table = {0: 0.5}",
    "legacy": "legacy = np.random.RandomState(3)",
}

READ = ("len(seen)", "len(table)", "heap[0][0]", "order[0]", "sum(table.values())", "len(heap)")

COMPOUND = (
    ("try:", "    {z} = float('x')", "except ValueError:", "    {z} = 0.3"),
    ("{z} = rng.normal({f}, 0.2)",),
    ("{z} = rng.normal({f}, abs({f}) + 0.1)",),
    ("{z} = rng.uniform({f} - 1.0, {f} + 1.0) * 0.5",),
    ("{z} = np.sum(rng.normal({v}, 0.1))",),
    ("{z} = np.sum(rng.laplace({f}, 0.3, 3))",),
    ("{z} = legacy.exponential(abs({f}) + 0.1) + legacy.gumbel({f}, 0.2)",),
    ("{z} = sampled(rng, {f}) * 0.5",),
    ("{z} = 0.1", "for t_ in range({k}):", "    {z} = 0.5 * {z} + rng.normal({f} * {z}, 0.1)"),
    ("{z} = 0.2", "for t_ in range({k}):", "    {z} += 0.2 * sampled(rng, {z})"),
    ("with np.errstate(all='ignore'):", "    {z} = {f} * 0.5"),
    ("for word in ('p', 'q'):", "    note(word)"),
    ("while len(heap) > 1:", "    {z} = heapq.heappop(heap)[0] * 0.1"),
    ("for e_ in rng.normal(size=2):", "    {z} = {f} * e_"),
    ("if rng.random() > 0.5:", "    {z} = {f}", "else:", "    {z} = 0.5 * {f}"),
    ("{z} = 0.0", "for t_ in range({k}):", "    {z} = {z} * 0.5 + {f} * rng.normal()"),
    (
        "{z} = 0.0",
        "for t_ in range({k}):",
        "    noise = rng.standard_normal(2)",
        "    {z} += {f} * noise[0] * noise[1]",
    ),
)

PREAMBLE = """
LOG = []


def note(what):
    LOG.append(str(what))


def sampled(rng, mean):
    z = rng.normal(mean, 0.2)
    return np.tanh(z) + 0.1 * mean


def noted(value):
    LOG.append(repr(value))
    return value * 0.5
"""
