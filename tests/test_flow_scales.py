"""Cuts whose capacities differ by orders of magnitude, against exact rational arithmetic."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subopt import DynamicMaxFlow, grid_cut, grid_cut_many, max_flow, max_flow_many

CAPACITIES = st.builds(lambda k, e: k * 10.0**e, st.integers(0, 9), st.integers(-12, 14))


def lists(n):
    return st.lists(CAPACITIES, min_size=n, max_size=n)


@st.composite
def ladders(draw):
    """A 2 x k grid: terminals (2, k), and weights down the rungs and along both rails."""
    k = draw(st.integers(1, 4))
    source, sink = (np.reshape(draw(lists(2 * k)), (2, k)) for _ in range(2))
    rungs, rails = draw(lists(k)), draw(lists(2 * k - 2))
    return source, sink, [np.reshape(rungs, (1, k)), np.reshape(rails, (2, k - 1))]


def as_graph(weights, k):
    nodes = np.arange(2 * k).reshape(2, k)
    tails = np.concatenate([nodes[:1].ravel(), nodes[:, :-1].ravel()])
    heads = np.concatenate([nodes[1:].ravel(), nodes[:, 1:].ravel()])
    return tails, heads, np.concatenate([part.ravel() for part in weights])


def by_graph(solve):
    def run(source, sink, weights):
        tails, heads, c = as_graph(weights, source.shape[1])
        ends = {"source_capacity": source.ravel(), "sink_capacity": sink.ravel()}
        answer = solve(tails, heads, c, ends)
        return answer, answer.check(tails, heads, c, c, **ends)

    return run


def one_grid(source, sink, weights):
    answer = grid_cut(source, sink, weights)
    return answer, answer.check(source, sink, weights)


def many_graphs(source, sink, weights):
    """The problem between two of ordinary size."""
    tails, heads, c = as_graph(weights, source.shape[1])
    ends = {
        "source_capacity": np.stack([np.ones(source.size), source.ravel(), np.ones(source.size)]),
        "sink_capacity": sink.ravel(),
    }
    answers = max_flow_many(tails, heads, c, c, **ends)
    return answers[1], answers.check(tails, heads, c, c, **ends)[1]


def many_grids(source, sink, weights):
    problem = np.stack([np.ones(source.shape), source]), np.stack([sink, sink]), weights
    answers = grid_cut_many(*problem, flow=True)
    return answers[1], answers.check(*problem)[1]


def dynamic(source, sink, weights):
    """The problem after others: every capacity is set to 1 and to the next one, then back."""
    tails, heads, c = as_graph(weights, source.shape[1])
    ends = {"source_capacity": source.ravel(), "sink_capacity": sink.ravel()}
    problem = DynamicMaxFlow(tails, heads, c, c, **ends)
    nodes, arcs = np.arange(source.size), np.arange(len(c))
    for arc, terminal in ((np.ones(len(c)), np.ones(source.size)), (np.roll(c, 1), sink.ravel())):
        problem.change(nodes, source_capacity=terminal)
        problem.change_arcs(arcs, capacity=arc)
        problem.solve()
    problem.change(nodes, source_capacity=source.ravel())
    problem.change_arcs(arcs, capacity=c)
    answer = problem.solve()
    return answer, answer.check(tails, heads, c, c, **ends)


SOLVERS = {
    "boykov_kolmogorov": by_graph(
        lambda t, h, c, ends: max_flow(t, h, c, c, **ends, method="boykov_kolmogorov")
    ),
    "push_relabel": by_graph(
        lambda t, h, c, ends: max_flow(t, h, c, c, **ends, method="push_relabel")
    ),
    "grid_cut": one_grid,
    "max_flow_many": many_graphs,
    "grid_cut_many": many_grids,
    "DynamicMaxFlow": dynamic,
}


@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
@given(problem=ladders())
def test_minimum_cuts_are_found_and_proven(solve, problem):
    """Flows prove what they claim: a huge arc next to ordinary ones costs them no digits."""
    source, sink, weights = problem
    arcs = [
        (tail, head, Fraction(w))
        for tail, head, w in zip(
            *map(np.ndarray.tolist, as_graph(weights, source.shape[1])), strict=True
        )
    ]
    terminals = [
        tuple(map(Fraction, pair)) for pair in zip(source.ravel(), sink.ravel(), strict=True)
    ]

    def weight(side):
        total = sum(pair[inside] for pair, inside in zip(terminals, side, strict=True))
        return total + sum(w for tail, head, w in arcs if side[tail] != side[head])

    best = min(map(weight, itertools.product([False, True], repeat=source.size)))
    answer, gap = solve(source, sink, weights)
    rounding = best * Fraction(2) ** -44
    assert weight(answer.source_side.ravel().tolist()) - best <= rounding
    assert abs(Fraction(answer.value) - best) <= rounding
    assert abs(gap) <= 1e-9 * float(best)
