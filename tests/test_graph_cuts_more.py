"""Gomory-Hu trees, all minimum cuts, multiway cuts, disjoint paths: laws and slow twins."""

import itertools

import numpy as np
import pytest
from flow_graphs import EIGHTHS, graphs, minimum_cuts
from hypothesis import given
from hypothesis import strategies as st

from subopt import CertificateError, GomoryHuTree, gomory_hu_tree, max_flow, multiway_cut
from subopt.graph._gomory_hu import undirected
from subopt.graph._input import graph as checked
from subopt.graph.contraction import smallest_cut
from subopt.graph.minimum_cuts import MinimumCuts
from subopt.graph.unit_paths import count_paths, fewest_paths, find_paths, split_nodes, unit_network

KINDS = {
    "ints": st.integers(0, 5),
    "floats": st.integers(0, 50).map(lambda k: k / 10),
    "huge and tiny": st.builds(lambda k, e: k * 10.0**e, st.integers(0, 5), st.integers(-12, 12)),
    "beyond float64": st.builds(lambda k, j: k * 2**54 + j, st.integers(0, 5), st.integers(0, 2)),
}


@st.composite
def undirected_graphs(draw, most, *, least=1):
    """Edges with parallel ones, loops and zeros, and the number of nodes."""
    n = draw(st.integers(least, most))
    kind = draw(st.sampled_from(list(KINDS)))
    node = st.integers(0, n - 1)
    edges = draw(st.lists(st.tuples(node, node, KINDS[kind]), max_size=3 * n))
    tails, heads, capacity = zip(*edges, strict=True) if edges else [()] * 3
    dtype = int if kind in ("ints", "beyond float64") else float
    return (*np.array([tails, heads], int), np.array(capacity, dtype)), n


def weight(tails, heads, capacity, labels):
    """Weight of the edges between parts, one by one, as exact as the capacities."""
    return sum(
        c for v, u, c in zip(tails, heads, capacity.tolist(), strict=True) if labels[v] != labels[u]
    )


def close(a, b):
    return a == b if isinstance(a, int) else a == pytest.approx(b, rel=1e-12, abs=0)


def sides(n):
    return [np.array(side) for side in itertools.product([False, True], repeat=n)]


@given(problem=undirected_graphs(7))
def test_a_gomory_hu_tree_has_all_minimum_cuts(problem):
    graph, n = problem
    tree = gomory_hu_tree(*graph, n=n)
    values = tree.all_values()
    cuts = [(side, weight(*graph, side)) for side in sides(n)]
    for u, v in itertools.combinations(range(n), 2):
        least = min(w for side, w in cuts if side[u] and not side[v])
        side = tree.source_side(u, v)
        assert side[u]
        assert not side[v]
        assert close(tree.value(u, v), least)
        assert close(weight(*graph, side), least)
        assert values[u, v] == values[v, u] == tree.value(u, v)
    assert tree.check(*graph) <= 1e-12 * max(tree.values, default=0)


def test_a_wrong_tree_is_refused():
    graph = [0, 1, 2], [1, 2, 0], [5, 1, 2]
    tree = gomory_hu_tree(*graph)
    wrong = GomoryHuTree(tree.parents, np.array([0, 6, 4]))
    with pytest.raises(CertificateError, match=r"values\[2\] is 4"):
        wrong.check(*graph)
    with pytest.raises(CertificateError, match="tree of 3 nodes"):
        GomoryHuTree(np.array([-1, 2, 1]), tree.values).check(*graph)
    # all cuts of a star are what they claim, but node 2 is not cut off from node 0 most cheaply
    path = GomoryHuTree(np.array([-1, 0, 0, 0]), np.array([0, 6, 6, 1]))
    assert path.check([0, 1, 2, 2], [1, 2, 0, 3], [3, 3, 2, 1]) > 0
    with pytest.raises(ValueError, match="two different nodes"):
        tree.value(1, 1)
    with pytest.raises(ValueError, match=r"v needs to be a node in 0\.\.2"):
        tree.value(1, 3)


def test_infinite_edges_keep_nodes_together():
    tree = gomory_hu_tree([0, 1], [1, 2], [np.inf, 3])
    assert tree.values.tolist() == [0, np.inf, 3]
    assert tree.check([0, 1], [1, 2], [np.inf, 3]) == 0


@given(problem=undirected_graphs(7, least=2))
def test_the_smallest_cut_of_all(problem):
    graph, n = problem
    value, side = smallest_cut(undirected(*graph, n))
    assert 0 < side.sum() < n
    assert close(value, min(weight(*graph, s) for s in sides(n)[1:-1]))
    assert close(value, weight(*graph, side))


@pytest.mark.parametrize("seed", range(3))
def test_the_smallest_cut_of_larger_graphs(seed):
    rng = np.random.default_rng(seed)
    n, m = 60, 400
    tails, heads = rng.integers(0, n, (2, m))
    capacity = rng.integers(1, 9, m) if seed else np.ones(m, dtype=int)
    value, _ = smallest_cut(undirected(tails, heads, capacity, n))
    assert value == gomory_hu_tree(tails, heads, capacity, n=n).values[1:].min()


@given(problem=graphs(6) | graphs(6, EIGHTHS))
def test_all_minimum_cuts_are_found_once(problem):
    graph, terminals = problem
    whole = graph[2].dtype.kind == "i"
    flow = max_flow(*graph, **terminals)
    cuts = flow.minimum_cuts(*graph, **terminals)
    found = [tuple(side.tolist()) for side in cuts]
    assert len(set(found)) == len(found) == cuts.count() == cuts.count(len(found))
    _, expected = minimum_cuts(graph, terminals)
    if whole:
        assert set(found) == {tuple(side.tolist()) for side in expected}
        np.testing.assert_array_equal(cuts.smallest, flow.source_side)
    else:
        assert set(found) <= {tuple(side.tolist()) for side in expected}
        assert tuple(flow.source_side.tolist()) in found
    assert found[0] == tuple(cuts.smallest.tolist())
    assert found[-1] == tuple(cuts.largest.tolist())
    largest = max_flow(*graph, **terminals, maximal=True).source_side
    np.testing.assert_array_equal(cuts.largest | largest, cuts.largest if whole else largest)
    if len(found) > 1:
        assert cuts.count(len(found) - 1) == len(found) - 1


@given(
    blocks=st.integers(0, 8).flatmap(lambda n: st.permutations(range(n))),
    pairs=st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12),
)
def test_counting_is_enumerating(blocks, pairs):
    n = len(blocks)
    inside = np.array(sorted((a, b) for a, b in pairs if b < a < n), dtype=int)
    cuts = MinimumCuts(np.array(blocks, dtype=int), inside.reshape(-1, 2))
    assert cuts.count() == len(list(cuts))
    assert cuts.count(5) == min(len(list(cuts)), 5)


def test_many_independent_blocks_are_counted_by_products():
    n = 300
    # nodes on paths of two edges: each can be on either side
    tails = np.concatenate([np.zeros(n, int), 2 + np.arange(n)])
    heads = np.concatenate([2 + np.arange(n), np.ones(n, int)])
    graph = {"tails": tails, "heads": heads, "capacity": np.ones(2 * n, int), "n": n + 2}
    graph |= {"source_capacity": {0: np.inf}, "sink_capacity": {1: np.inf}}
    cuts = max_flow(**graph).minimum_cuts(graph)
    assert cuts.count(2**400) == 2**n
    assert len(list(itertools.islice(cuts, 50))) == 50
    chain = np.stack([np.arange(1, 1000), np.arange(999)], axis=1)  # too long for bits
    assert MinimumCuts(np.arange(1000), chain).count() == 1001


def test_a_flow_that_is_not_maximum_is_refused():
    graph = {"tails": [0], "heads": [1], "capacity": [2], "n": 2}
    graph |= {"source_capacity": {0: np.inf}, "sink_capacity": {1: np.inf}}
    from subopt.graph.minimum_cuts import minimum_cuts as lattice

    g = checked(**graph, reverse_capacity=None)
    with pytest.raises(ValueError, match="need a maximum flow"):
        lattice(g, np.array([1]))


@given(problem=undirected_graphs(6, least=2), k=st.integers(2, 4), order=st.permutations(range(6)))
def test_multiway_cuts_are_within_their_bounds(problem, k, order):
    graph, n = problem
    k = min(k, n)
    terminals = [v for v in order if v < n][:k]
    cut = multiway_cut(*graph, terminals=terminals, n=n)
    best = min(
        weight(*graph, labels)
        for labels in itertools.product(range(k), repeat=n)
        if all(labels[v] == j for j, v in enumerate(terminals))
    )
    assert cut.labels[terminals].tolist() == list(range(k))
    assert close(cut.value, weight(*graph, cut.labels))
    rounding = 0 if isinstance(best, int) else 1e-12 * best
    assert cut.lower_bound <= best + rounding
    assert best - rounding <= cut.value
    assert cut.value * k <= best * (2 * k - 2) + 2 * k * rounding
    if k == 2:
        assert cut.status.name == "OPTIMAL"
    assert cut.check(graph) <= cut.gap + 2 * rounding


def test_what_multiway_cut_refuses():
    with pytest.raises(ValueError, match="at least two terminals, got 1"):
        multiway_cut([0], [1], [1], terminals=[0])
    with pytest.raises(ValueError, match="0 is there twice"):
        multiway_cut([0], [1], [1], terminals=[0, 1, 0])
    with pytest.raises(ValueError, match="finite cut"):
        multiway_cut([0, 1], [1, 2], [np.inf, 1], terminals=[0, 1, 2])
    cut = multiway_cut([0, 0, 0], [1, 2, 3], [3, 1, 2], terminals=[1, 2, 3])
    with pytest.raises(CertificateError, match="label k at terminal k"):
        cut.certificate.check(([0, 0, 0], [1, 2, 3], [3, 1, 2]), np.zeros(4, int))


def twin_of_count_paths(n, arcs, s, t):
    """Augment one path after the other, in a dict of capacities."""
    left = {}
    for v, u in arcs:
        left[v, u] = left.get((v, u), 0) + 1
        left.setdefault((u, v), 0)
    count = 0
    while True:
        parent, stack = {s: None}, [s]
        while stack and t not in parent:
            v = stack.pop()
            for (a, b), c in left.items():
                if a == v and c > 0 and b not in parent:
                    parent[b] = v
                    stack.append(b)
        if t not in parent:
            return count
        v = t
        while v != s:
            left[parent[v], v] -= 1
            left[v, parent[v]] += 1
            v = parent[v]
        count += 1


@given(problem=undirected_graphs(6, least=2), directed=st.booleans())
def test_disjoint_paths_are_counted(problem, directed):
    (tails, heads, _), n = problem
    keep = tails != heads
    tails, heads = tails[keep], heads[keep]
    arcs = list(zip(tails.tolist(), heads.tolist(), strict=True))
    arcs += [] if directed else [(u, v) for v, u in arcs]
    s, t = np.array(list(itertools.permutations(range(n), 2))).T
    plain = unit_network(n, tails, heads, not directed)
    split = split_nodes(n, tails, heads, not directed)
    in_two = [(v, n + v) for v in range(n)] + [(n + v, u) for v, u in arcs]
    for unit, first, edges_ in ((plain, s, arcs), (split, n + s, in_two)):
        counts = count_paths(unit, first, t)
        expected = [
            twin_of_count_paths(n, edges_, a, b)
            for a, b in zip(first.tolist(), t.tolist(), strict=True)
        ]
        assert counts.tolist() == expected
        assert (
            count_paths(unit, first, t, np.full(len(t), 1)).tolist()
            == np.minimum(expected, 1).tolist()
        )
        least, pair = fewest_paths(unit, first, t, 3)
        assert least == min([3, *expected])
        assert (pair is None) == (least == 3)
        if pair is not None:
            assert expected[pair] == least
        flow, reached = find_paths(unit, int(first[0]), int(t[0]))
        heads_, twin = unit.network.heads, unit.network.twin
        out = np.bincount(heads_[twin[flow]], minlength=len(reached))
        out = out - np.bincount(heads_[flow], minlength=len(reached))
        ends = np.zeros(len(reached), dtype=int)
        ends[first[0]], ends[t[0]] = expected[0], -expected[0]
        np.testing.assert_array_equal(out, ends)
        assert not reached[t[0]]
        crossing = reached[heads_[twin]] & ~reached[heads_]
        assert unit.capacity[crossing].sum() == expected[0]
