"""Random graphs with terminals, good and bad, the cuts by definition, and a slow maximum flow."""

import itertools
from functools import partial

import numpy as np
import pytest
from hypothesis import strategies as st

INF = np.inf

INTS = st.integers(0, 7)
EIGHTHS = st.integers(0, 56).map(lambda k: k / 8)  # floats whose sums are exact, so that ties stay
TENTHS = st.integers(0, 70).map(lambda k: k / 10)  # floats that round in every sum


@st.composite
def graphs(draw, most, numbers=INTS, *, least=1):
    """The arguments of `max_flow`, drawn one by one, so that failures shrink and can be pasted."""
    n = draw(st.integers(least, most))
    node = st.integers(0, n - 1)
    arcs = draw(st.lists(st.tuples(node, node, numbers, numbers), max_size=4 * n))
    source, sink = (draw(st.lists(numbers, min_size=n, max_size=n)) for _ in range(2))
    kind = np.array(source).dtype
    tails, heads, c, r = zip(*arcs, strict=True) if arcs else [()] * 4
    graph = *np.array([tails, heads], int), *np.array([c, r], kind)
    return graph, {"source_capacity": np.array(source), "sink_capacity": np.array(sink)}


def random_graph(seed, n, *, whole=True):
    """Parallel arcs, loops, unreachable nodes and nodes at both terminals."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(0, 4 * n + 1))
    numbers = [rng.integers(0, 8, size) * (rng.random(size) < 0.7) for size in (m, m, n, n)]
    if not whole:
        numbers = [x * rng.random(len(x)) for x in numbers]
    c, r, s, t = numbers
    ends = rng.integers(0, n, m), rng.integers(0, n, m)
    return (*ends, c, r), {"source_capacity": s, "sink_capacity": t}


def hard_graph(seed, n, *, scale=100):
    """Sparse, with long and many paths: search trees break all the time."""
    rng = np.random.default_rng(seed)
    tails, heads = rng.integers(0, n, 4 * n), rng.integers(0, n, 4 * n)
    c, r = rng.integers(0, scale + 1, (2, 4 * n))
    s, t = rng.integers(0, 4 * scale + 1, (2, n))
    return (tails, heads, c, r), {"source_capacity": s, "sink_capacity": t}


def cut(graph, terminals, side):
    """Capacity of a cut, arc by arc."""
    total = 0
    for tail, head, c, r in zip(*graph, strict=True):
        total += c * (side[tail] and not side[head]) + r * (side[head] and not side[tail])
    for v, inside in enumerate(side):
        total += terminals["sink_capacity" if inside else "source_capacity"][v]
    return total


def minimum_cuts(graph, terminals):
    """The smallest capacity of a cut, and all cuts that have it."""
    n = len(terminals["source_capacity"])
    sides = [np.array(side) for side in itertools.product([False, True], repeat=n)]
    values = [cut(graph, terminals, side) for side in sides]
    best = min(values)
    return best, [s for s, value in zip(sides, values, strict=True) if value <= best + 1e-12]


def is_a_flow(graph, terminals, flow, tol=1e-9):
    """Within the capacities of the arcs, and conserved within those of the terminals."""
    tails, heads, c, r = graph
    s, t = (np.asarray(terminals[f"{end}_capacity"]) for end in ("source", "sink"))
    out = np.bincount(tails, flow, len(s)) - np.bincount(heads, flow, len(s))
    arcs = (flow <= c + tol).all() and (flow >= -r - tol).all()
    return bool(arcs and (out <= s + tol).all() and (out >= -t - tol).all())


def twin_of_augment(n, tails, heads, c, r, supply):
    """Augment any path, one after the other."""
    residual = np.zeros((n, n))
    for tail, head, forward, backward in zip(tails, heads, c, r, strict=True):
        if tail != head:
            residual[tail, head] += forward
            residual[head, tail] += backward
    excess = supply.astype(float)
    value = 0.0
    while True:
        parent = {v: None for v in range(n) if excess[v] > 0}
        stack = list(parent)
        while stack:
            v = stack.pop()
            for u in np.flatnonzero(residual[v] > 0).tolist():
                if u not in parent:
                    parent[u] = v
                    stack.append(u)
        end = next((v for v in parent if excess[v] < 0), None)
        if end is None:
            return value, np.isin(np.arange(n), list(parent))
        path = [end]
        while parent[path[-1]] is not None:
            path.append(parent[path[-1]])
        arcs = list(zip(path[1:], path[:-1], strict=True))
        amount = min([excess[path[-1]], -excess[end]] + [residual[arc] for arc in arcs])
        excess[path[-1]] -= amount
        excess[end] += amount
        for v, u in arcs:
            residual[v, u] -= amount
            residual[u, v] += amount
        value += amount


def front_doors():
    """What takes a graph, by name: functions of its arrays and terminals that return answers."""
    import subopt
    from subopt.graph._max_flow import METHODS

    def dynamic(*graph, **terminals):
        return subopt.DynamicMaxFlow(*graph, **terminals).solve()

    def many(*graph, source_capacity, sink_capacity):
        return subopt.max_flow_many(
            *graph, source_capacity=np.asarray(source_capacity)[None], sink_capacity=sink_capacity
        )[0]

    doors = {method: partial(subopt.max_flow, method=method) for method in METHODS}
    return doors | {"dynamic": dynamic, "many": many}


def spoiled(rng, graph, terminals):
    """A graph with one entry that cannot be, and a pattern of how a message names it."""
    names = ("tails", "heads", "capacity", "reverse_capacity", *terminals)
    arrays = [np.array(values) for values in (*graph, *terminals.values())]
    k = int(rng.choice([k for k, values in enumerate(arrays) if len(values)]))
    e = int(rng.integers(len(arrays[k])))
    if k < 2:
        arrays[k][e] = rng.choice([-1, len(arrays[4]), 2**31, -(2**31) - 1, 2**62])
    else:
        arrays[k] = arrays[k].astype(float)
        arrays[k][e] = rng.choice([-1, -1e-300, np.nan, -INF, -(2.0**70)])
    return arrays[:4], dict(zip(terminals, arrays[4:], strict=True)), rf"{names[k]}\[(0, )?{e}\] is"


SHAPES = (
    lambda x: x[:-1],
    lambda x: np.append(x, 0),
    lambda x: x[None, :, None],
    lambda x: x.astype(complex),
    lambda x: x.astype(object),
    lambda x: x.astype(str),
    lambda x: x.astype(np.float32),
    lambda x: x.astype(np.uint8),
    lambda x: x * 2**59,
    lambda x: np.where(x > 0, 1e308, x),
    lambda x: np.where(x > 0, INF, x),
    lambda x: np.full(len(x), 2**64 - 1, np.uint64),
    lambda x: None,
    lambda x: 3,
)


def misshapen(rng, graph, terminals):
    """A graph with one or two arguments of odd shape, dtype or size; it may have an answer."""
    arrays = [*graph, *terminals.values()]
    for k in rng.choice(len(arrays), rng.integers(1, 3), replace=False):
        arrays[k] = SHAPES[rng.integers(len(SHAPES))](arrays[k])
    return arrays[:4], dict(zip(terminals, arrays[4:], strict=True))


def fuzz(rng, graph, terminals):
    """Give one graph with something wrong to every front door: an error or a right answer."""
    from subopt.graph._input import graph as checked

    for name, door in front_doors().items():
        bad, ends, pattern = spoiled(rng, graph, terminals)
        with pytest.raises(ValueError, match=pattern):
            door(*bad, **ends)
        bad, ends = misshapen(rng, graph, terminals)
        try:
            flow = door(*bad, **ends)
        except (ValueError, TypeError):
            continue
        amounts = np.concatenate(checked(*bad, **ends, n=None)[3:7])
        most = np.max(amounts, where=amounts < INF, initial=1.0)  # rounding is relative to it
        most *= 0 if isinstance(flow.value, int) else 1e-9
        assert flow.check(*bad, **ends) <= most, name


def all_kernels():
    """Run every compiled path on small graphs; with NUMBA_BOUNDSCHECK=1, see `test_max_flow`."""
    import subopt
    from subopt._base import jit
    from subopt.graph._max_flow import METHODS

    jit.interpret_small = False
    for seed in range(60):
        make = random_graph if seed % 3 else hard_graph
        (tails, heads, c, r), terminals = make(seed, 1 + seed)
        for method in METHODS:
            for scale in (1, 2**44):
                amounts = {name: scale * values for name, values in terminals.items()}
                subopt.max_flow(
                    tails, heads, scale * c, scale * r, **amounts, method=method, maximal=True
                )
        dynamic = subopt.DynamicMaxFlow(tails, heads, c, r, **terminals)
        rng = np.random.default_rng(seed)
        for _ in range(4):
            dynamic.solve()
            nodes = rng.integers(0, 1 + seed, 1 + seed // 4)
            dynamic.change(nodes, source_capacity=rng.integers(0, 300, len(nodes)))
        many = {name: np.stack([values] * 3) for name, values in terminals.items()}
        subopt.max_flow_many(tails, heads, c, r, **many, maximal=bool(seed % 2))
        fuzz(rng, *random_graph(seed, 1 + seed % 8))


if __name__ == "__main__":
    all_kernels()
