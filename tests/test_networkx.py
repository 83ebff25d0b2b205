"""Graphs go to and fro between networkx and the families that are about graphs."""

import itertools

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt import Cut, HypergraphCut, MatroidRank
from subopt.functions.diminishing_returns import all_masks
from subopt.testing import FAMILIES, all_values

nx = pytest.importorskip("networkx")


@given(rng=numbers(), n=st.integers(1, 6), directed=st.booleans())
def test_a_cut_survives_the_journey(rng, n, directed):
    F = FAMILIES["directed cut" if directed else "cut"](rng, n)
    names = [f"node {k}" for k in rng.permutation(n)]
    graph = F.to_networkx(names)
    assert list(graph) == names
    np.testing.assert_allclose(all_values(Cut.from_networkx(graph)), all_values(F), atol=1e-12)
    np.testing.assert_array_equal(
        all_values(Cut.from_networkx(F.to_networkx())), all_values(Cut.from_networkx(graph))
    )
    S = rng.random(n) < 0.5
    inside = {names[i] for i in np.flatnonzero(S)}
    if not graph.is_directed() and 0 < len(inside) < n:
        assert nx.cut_size(graph, inside, weight="weight") == pytest.approx(F.value(S))


def test_isolated_nodes_loops_and_parallel_edges():
    graph = nx.MultiGraph([("a", "b"), ("a", "b"), ("c", "c")])
    graph.add_node("d")
    back = Cut.from_networkx(graph).to_networkx(list(graph))
    assert list(back) == ["a", "b", "c", "d"]
    assert list(back.edges(data="weight")) == [("a", "b", 2.0)]


@pytest.mark.parametrize("family", ["hypergraph cut", "star hypergraph", "clique hypergraph"])
@given(rng=numbers(), n=st.integers(1, 6))
def test_a_hypergraph_survives_the_journey(family, rng, n):
    F = FAMILIES[family](rng, n)
    splitting = {"hypergraph cut": "all-or-nothing"}.get(family, family.split()[0])
    graph = F.to_networkx([f"node {k}" for k in range(n)])
    edges = [node for node, side in graph.nodes(data="bipartite") if side == 1]
    assert nx.is_bipartite(graph)
    G = HypergraphCut.from_networkx(graph, edges, splitting=splitting)
    np.testing.assert_allclose(all_values(G), all_values(F), atol=1e-12)
    counted = HypergraphCut.from_networkx(graph, edges, None)
    assert counted._data.weights.tolist() == [1.0] * len(edges)


@given(edges=st.sets(st.sampled_from(list(itertools.combinations(range(5), 2)))))
def test_graphic_rank_is_the_size_of_a_spanning_forest(edges):
    graph = nx.Graph(sorted(edges))
    graph.add_nodes_from(range(5))
    F = MatroidRank.from_networkx(nx.relabel_nodes(graph, dict(enumerate("abcde"))))
    edges = list(graph.edges)
    for mask in all_masks(F.n):
        sub = nx.Graph([edges[i] for i in np.flatnonzero(mask)])
        expected = len(sub) - nx.number_connected_components(sub) if len(sub) else 0
        assert F.value(mask) == expected


def test_errors_name_what_is_wrong():
    F = Cut.from_edges([(0, 1)])
    with pytest.raises(ValueError, match="each of the 2 elements, got 1"):
        F.to_networkx(["a"])
    with pytest.raises(ValueError, match="'a' is there twice"):
        F.to_networkx(["a", "a"])
    graph = nx.Graph([("x", "e"), ("y", "e"), ("x", "y")])
    with pytest.raises(ValueError, match="'x' and 'y' are joined"):
        HypergraphCut.from_networkx(graph, ["e"])
    with pytest.raises(ValueError, match="hyperedges 'e' and 'x' are joined"):
        HypergraphCut.from_networkx(graph, ["e", "x"])
    with pytest.raises(ValueError, match="'z' is not one"):
        HypergraphCut.from_networkx(graph, ["z"])
    graph.add_edge("x", "e", length=2.0)
    with pytest.raises(ValueError, match=r"weight='size' .* edge \('x', 'e'\) has 'length'"):
        Cut.from_networkx(graph, "size")
    graph = nx.Graph([("x", "e"), ("y", "e")])
    with pytest.raises(ValueError, match=r"hyperedge 'e' has no attributes\. .* weight 1"):
        HypergraphCut.from_networkx(graph, ["e"], "size")
    assert Cut.from_networkx(nx.empty_graph(2), "size").n == 2
