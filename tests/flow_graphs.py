"""Random graphs with terminals, the cuts by definition, and a slow maximum flow."""

import itertools

import numpy as np

INF = np.inf


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


def all_kernels():
    """Run every compiled path on small graphs; with NUMBA_BOUNDSCHECK=1, see `test_max_flow`."""
    import subopt
    from subopt.graph.max_flow import METHODS

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


if __name__ == "__main__":
    all_kernels()
