"""Flows of least cost: against another solver, at all scales, and what is refused."""

import dataclasses
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subopt import CertificateError, Status
from subopt.graph import PriceCertificate, max_flow, min_cost_flow

INF = np.inf


@st.composite
def problems(draw):
    """Arguments that a flow exists for, all ints, and what that flow carries."""
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 10))
    node = st.integers(0, n - 1)
    scale = st.sampled_from([1, 1, 1, 10**6, 10**13])
    cost_of = st.tuples(st.integers(-3, 9), scale)
    arcs = draw(st.lists(st.tuples(node, node, cost_of, scale), min_size=m, max_size=m))
    found = {"tails": [], "heads": [], "capacity": [], "cost": [], "lower": []}
    supply = [0] * n
    for tail, head, (cost, unit), size in arcs:
        low, flow, high = sorted(draw(st.tuples(*[st.integers(0, 9)] * 3)))
        low = low * size if draw(st.booleans()) else 0
        for name, x in zip(found, (tail, head, high * size, cost * unit, low), strict=True):
            found[name].append(x)
        supply[tail] += flow * size
        supply[head] -= flow * size
    return {**found, "supply": supply}


def by_networkx(problem):
    """The least cost, or None if no flow has the supplies."""
    graph, base = nx.MultiDiGraph(), 0
    left = list(problem["supply"])
    for v, u, high, cost, low in zip(*(list(problem.values())[:5]), strict=True):
        graph.add_edge(v, u, capacity=high - low, weight=cost)
        left[v] -= low
        left[u] += low
        base += low * cost
    for v, c in enumerate(left):
        graph.add_node(v, demand=-c)
    try:
        return nx.network_simplex(graph)[0] + base
    except nx.NetworkXUnfeasible:
        return None


@given(problem=problems())
def test_ints_are_exact_at_every_scale(problem):
    found = min_cost_flow(**problem)
    assert found.value == found.lower_bound == by_networkx(problem)
    assert found.status is Status.OPTIMAL
    assert found.flow.dtype == np.int64
    assert found.check(problem) == 0


@given(problem=problems(), factor=st.sampled_from([1 / 3, 0.1, 1e-12]))
def test_floats_are_optimal_up_to_rounding(problem, factor):
    exact = min_cost_flow(**problem).value
    floats = {
        name: np.array(x, dtype=float) * factor if name in ("capacity", "lower", "supply") else x
        for name, x in problem.items()
    }
    floats["cost"] = np.array(problem["cost"]) * 0.1
    found = min_cost_flow(**floats)
    size = float(np.abs(floats["cost"]).sum() * np.abs(floats["capacity"]).sum())
    assert found.status is Status.OPTIMAL
    assert abs(found.value - exact * factor * 0.1) <= 1e-11 * max(size, 1e-300)
    assert found.check(floats) <= 1e-11 * max(size, 1e-300)


@given(problem=problems(), more=st.integers(1, 40))
def test_supplies_that_no_flow_has_are_refused(problem, more):
    problem["supply"] = [*problem["supply"], 0]
    problem["supply"][0] += more
    problem["supply"][-1] -= more  # a node without arcs
    with pytest.raises(ValueError, match="No flow has these supplies"):
        min_cost_flow(**problem)


@given(problem=problems())
def test_as_much_as_possible(problem):
    graph = {name: problem[name] for name in ("tails", "heads", "capacity", "cost")}
    n = max(len(problem["supply"]), 2)
    found = min_cost_flow(**graph, source=0, sink=n - 1, n=n)
    total = sum(problem["capacity"]) + 1
    most = max_flow(
        *list(graph.values())[:3], source_capacity={0: total}, sink_capacity={n - 1: total}, n=n
    )
    assert found.amount == most.value
    assert found.check({**graph, "source": 0, "sink": n - 1, "n": n}) == 0
    again = min_cost_flow(**graph, source=0, sink=n - 1, n=n, amount=found.amount)
    assert again.value == found.value


def test_as_much_as_possible_above_lower_bounds():
    # 2 units have to pass the second arc, which the first alone would not send there
    arcs = [0, 0, 1, 2], [1, 2, 3, 3], [4, 9, 5, 3], [2, 5, 1, 1]
    found = min_cost_flow(*arcs, source=0, sink=3, lower=[0, 2, 0, 0])
    assert found.amount == 7
    assert found.flow.tolist() == [4, 3, 4, 3]


def test_infinite_capacities():
    found = min_cost_flow([0, 1, 0], [1, 2, 2], [INF, INF, 2], [1, 1, 1], supply=[7, 0, -7])
    assert found.value == 12
    assert found.flow.tolist() == [5, 5, 2]
    assert found.flow.dtype == np.int64
    cycle = [0, 1, 2], [1, 2, 0], [INF, INF, INF], [1, -3, 1]
    with pytest.raises(ValueError, match="a cycle of arcs of infinite capacity through node"):
        min_cost_flow(*cycle, supply=[0, 0, 0])
    limited = min_cost_flow(*cycle[:2], [INF, 4, INF], cycle[3], supply=[0, 0, 0])
    assert limited.value == -4
    with pytest.raises(ValueError, match="no largest flow"):
        min_cost_flow([0], [1], [INF], [1], source=0, sink=1)


@given(problem=problems(), change=st.integers(-2, 2), k=st.integers(0, 5))
def test_wrong_evidence_proves_less(problem, change, k):
    found = min_cost_flow(**problem)
    prices = np.array(found.certificate.prices)
    prices[k % len(prices)] += change
    assert PriceCertificate(prices).check(problem, found) >= 0
    flow, e = np.array(found.flow), k % len(found.flow)
    flow[e] += 1
    if problem["tails"][e] != problem["heads"][e] or problem["cost"][e] != 0:
        with pytest.raises(CertificateError):
            found.certificate.check(problem, dataclasses.replace(found, flow=flow))
    with pytest.raises(CertificateError, match="value is"):
        found.certificate.check(problem, dataclasses.replace(found, value=found.value - 1))


def test_a_flow_that_is_not_cheapest_has_its_gap():
    graph = {
        "tails": [0, 0],
        "heads": [1, 1],
        "capacity": [3, 3],
        "cost": [1, 5],
        "supply": [3, -3],
    }
    found = min_cost_flow(**graph)
    assert found.certificate.check(graph, np.array([0, 3])) == 12
    most = {**graph, "supply": None, "source": 0, "sink": 1}
    with pytest.raises(CertificateError, match="more than 3 can flow"):
        found.certificate.check(most, np.array([3, 0]))


def test_a_time_limit_leaves_a_flow_and_a_bound():
    rng = np.random.default_rng(0)
    n, m = 30, 200
    tails, heads = rng.integers(0, n, (2, m))
    arguments = {"tails": tails, "heads": heads, "capacity": rng.integers(1, 9, m)}
    arguments |= {"cost": rng.integers(-5, 9, m), "source": 0, "sink": 1, "n": n}
    found = min_cost_flow(**arguments, time_limit=0)
    best = min_cost_flow(**arguments)
    assert found.status is Status.TIME_LIMIT
    assert found.lower_bound <= best.value <= found.value
    assert found.check(arguments) == found.gap


ERRORS = {
    "a supply is missing": ({"supply": None}, "either supply, or source and sink"),
    "both": ({"source": 0, "sink": 1}, "either supply, or source and sink"),
    "a sum": ({"supply": [1, 0]}, "supply needs to add up to 0, .* it adds up to 1"),
    "a negative capacity": ({"capacity": [-1]}, r"capacity\[0\] is -1"),
    "a NaN": ({"cost": [np.nan]}, r"cost\[0\] is nan"),
    "an infinite cost": ({"cost": [INF]}, r"cost\[0\] is inf"),
    "a masked cost": ({"cost": np.ma.array([1.0], mask=[True])}, r"cost\[0\] is masked"),
    "bounds": ({"lower": [3]}, r"lower\[0\] is 3 and capacity\[0\] is 2"),
    "an infinite bound": ({"lower": [INF], "capacity": [INF]}, r"lower\[0\] is inf"),
    "a node": ({"heads": [5]}, r"heads\[0\] is 5"),
    "a shape": ({"cost": [1, 2]}, r"cost needs the shape \(1,\), got \(2,\)"),
    "large ints": ({"cost": [2**60]}, "below 2\\*\\*60"),
    "a dict without n": ({"supply": {0: 1, 1: -1}}, "number of nodes n"),
    "an amount": ({"amount": 3}, "amount is what flows"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    change, message = ERRORS[name]
    graph = {"tails": [0], "heads": [1], "capacity": [2], "cost": [1], "supply": [1, -1]}
    with pytest.raises(ValueError, match=message):
        min_cost_flow(**(graph | change))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">i4", np.float32, ">f8", np.uint64, object])
def test_dtypes(dtype):
    arrays = (np.array(x).astype(dtype) for x in ([4, 2, 5], [2, 5, 1]))
    if dtype is object:
        with pytest.raises(TypeError, match="real numbers"):
            min_cost_flow([0, 0, 1], [1, 2, 2], *arrays, supply=[5, 0, -5])
        return
    found = min_cost_flow([0, 0, 1], [1, 2, 2], *arrays, supply={0: 5, 2: -5}, n=3)
    assert found.value == 17


def test_nothing_at_all():
    assert min_cost_flow([], [], [], [], supply=[]).value == 0
    assert min_cost_flow([], [], [], [], supply=[0, 0]).check([], [], [], [], supply=[0, 0]) == 0
    with pytest.raises(ValueError, match="No flow has these supplies"):
        min_cost_flow([], [], [], [], supply=[1, -1])


def test_the_gap_is_computed_exactly():
    graph = {"tails": [0], "heads": [1], "capacity": [1e15], "cost": [0.1], "supply": [1e15, -1e15]}
    gap = PriceCertificate(np.array([0.0, 0.1 + 1e-17])).check(graph, np.array([1e15]))
    assert gap == 0.0
    prices = np.array([0.0, np.nextafter(0.1, 0)])
    expected = (Fraction(0.1) - Fraction(float(prices[1]))) * 10**15
    assert Fraction(PriceCertificate(prices).check(graph, np.array([1e15]))) == expected
