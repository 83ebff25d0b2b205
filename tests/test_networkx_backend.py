"""networkx with `backend="subopt"`: its own tests, and its own answers on random graphs."""

import inspect
import itertools
import json
import os
import pathlib
import subprocess
import sys
from importlib.metadata import entry_points

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

nx = pytest.importorskip("networkx", minversion="3.4", reason="backends as they are from 3.4 on")

from networkx.algorithms import connectivity as nx_connectivity  # noqa: E402
from networkx.algorithms import flow as nx_flow  # noqa: E402

from subopt.compat.networkx import backend, flow_func  # noqa: E402
from subopt.compat.networkx.graph import BackendGraph, convert_from_nx, convert_to_nx  # noqa: E402
from subopt.compat.networkx.info import FUNCTIONS, info  # noqa: E402

ROOT = pathlib.Path(__file__).parents[1]
# Modules of networkx's tests that call functions of the backend; those marked slow are left out.
MODULES = [
    "flow.tests.test_maxflow",
    "flow.tests.test_gomory_hu",
    "connectivity.tests.test_connectivity",
    "connectivity.tests.test_cuts",
    "connectivity.tests.test_disjoint_paths",
    "connectivity.tests.test_stoer_wagner",
    "connectivity.tests.test_edge_augmentation",
    "connectivity.tests.test_edge_kcomponents",
    "connectivity.tests.test_kcomponents",
    "connectivity.tests.test_kcutsets",
]
# Tests of these modules that take networkx itself many seconds.
LONG = ("test_configuration", "test_shell", "test_articulation_points", "test_random_gnp")
# Calls in these tests that are left to networkx.
LEFT = (
    "auxiliary and residual are graphs of networkx's algorithms",
    "options of networkx's algorithms",
    "graphs with parallel edges are networkx's",
    "networkx's smallest node cut of a directed graph depends on the order of its nodes",
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Variables of a process in which networkx finds the backend, installed or not."""
    folder = tmp_path_factory.mktemp("entry points")
    entry = folder / "subopt_here-0.dist-info"
    entry.mkdir()
    (entry / "METADATA").write_text("Metadata-Version: 2.1\nName: subopt-here\nVersion: 0\n")
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 and later")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
        if not any(point.name == "subopt" for point in entry_points(group=group))
    ]
    (entry / "entry_points.txt").write_text("\n".join(lines))
    path = os.pathsep.join([str(folder), str(ROOT), str(ROOT / "tests")])
    return {**os.environ, "PYTHONPATH": path}


def run(environment, *command, **variables):
    return subprocess.run(
        [sys.executable, *command],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=pathlib.Path(nx.__file__).parents[1],
    )


def test_networkx_own_tests_pass(environment):
    done = run(
        environment,
        *("-m", "pytest", "-q", "-p", "networkx_calls", "-p", "no:cacheprovider", "--pyargs"),
        *(f"networkx.algorithms.{name}" for name in MODULES),
        *("-k", " and ".join(f"not {name}" for name in LONG)),
        NETWORKX_TEST_BACKEND="subopt",
        NETWORKX_FALLBACK_TO_NX="1",
        NUMBA_DISABLE_JIT="1",  # the graphs are tiny
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith(("CALLS ", "REFUSALS "))]
    calls, refusals = (json.loads(line.partition(" ")[2]) for line in sorted(lines))
    assert set(calls) == set(FUNCTIONS)
    assert {refusal.partition(": ")[0] for refusal in refusals} <= set(FUNCTIONS)
    reasons = {refusal.partition(": ")[2] for refusal in refusals}
    assert {reason for reason in reasons if not reason.endswith(LEFT)} == set()
    assert " failed" not in done.stdout
    assert " xfailed" not in done.stdout


DISPATCH = """
import warnings
import networkx as nx
import sys
assert "numba" not in sys.modules  # the backend is loaded when it is used
G = nx.gnm_random_graph(40, 200, seed=1)
nx.set_edge_attributes(G, 3, "capacity")
expected = nx.maximum_flow_value(G, 0, 5)
assert nx.maximum_flow_value(G, 0, 5, backend="subopt") == expected
[graph] = G.__networkx_cache__["backends"]["subopt"].values()
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    assert nx.minimum_cut_value(G, 0, 5, backend="subopt") == expected
assert "cache" in str(seen[0].message)  # converted once
assert list(G.__networkx_cache__["backends"]["subopt"].values()) == [graph]
assert nx.maximum_flow_value(graph, 0, 5) == expected  # no conversion
G.add_edge(0, 5, capacity=1)
assert nx.maximum_flow_value(G, 0, 5, backend="subopt") == nx.maximum_flow_value(G, 0, 5)
nx.config.warnings_to_ignore.add("cache")
from subopt.compat.networkx import backend
import functools
calls = []
solve = backend.maximum_flow_value
@functools.wraps(solve)
def counted(*args, **kwargs):
    calls.append(1)
    return solve(*args, **kwargs)
backend.maximum_flow_value = counted
with nx.config(backend_priority=["subopt"]):
    nx.maximum_flow_value(G, 0, 5)
    small = nx.path_graph(4)
    nx.set_edge_attributes(small, 2, "capacity")
    nx.maximum_flow_value(small, 0, 3)  # networkx's
    own = lambda *args, **kwargs: nx.algorithms.flow.dinitz(*args, **kwargs)
    nx.maximum_flow_value(G, 0, 5, flow_func=own)  # left to networkx as well
assert calls == [1], calls
try:
    nx.maximum_flow_value(nx.MultiGraph([(0, 1)]), 0, 1, backend="subopt")
except NotImplementedError as error:
    assert "for the given arguments" in str(error)
else:
    raise AssertionError
assert "Compiled maximum flows" in nx.maximum_flow.__doc__
print("done")
"""


def test_networkx_dispatches(environment):
    done = run(environment, "-c", DISPATCH)
    assert done.stdout.strip() == "done", done.stderr[-3000:]


def test_the_priority_can_be_set_outside(environment):
    code = (
        "import networkx as nx; G = nx.gnm_random_graph(30, 90, seed=2); "
        "print(nx.edge_connectivity(G), list(G.__networkx_cache__['backends']))"
    )
    done = run(environment, "-c", code, NETWORKX_BACKEND_PRIORITY="subopt")
    assert done.stdout.split()[1:] == ["['subopt']"], done.stderr[-3000:]


def test_the_backend_has_no_other_functions_of_networkx():
    known = set(nx.utils.backends._registered_algorithms)
    assert {name for name in dir(backend) if name in known} == set(FUNCTIONS)


def test_every_function_has_the_parameters_of_networkx():
    homes = (nx, nx_connectivity)
    assert set(info()["functions"]) == set(FUNCTIONS)
    for name in FUNCTIONS:
        theirs = next(getattr(home, name) for home in homes if hasattr(home, name))
        expected = list(inspect.signature(theirs).parameters)
        ours = list(inspect.signature(getattr(backend, name)).parameters)
        assert ours == [p for p in expected if p not in ("backend", "backend_kwargs")], name


def random_graph(rng, n, directed, kind="ints"):
    """Loops, edges without the attribute, zeros, negative numbers; nodes with odd names."""
    graph = (nx.DiGraph if directed else nx.Graph)()
    names = [f"v{k}" if k % 2 else k for k in rng.permutation(n).tolist()]
    graph.add_nodes_from(names)
    for _ in range(int(rng.integers(0, 3 * n + 1)) if n else 0):
        v, u = (names[k] for k in rng.integers(0, n, 2))
        amount = int(rng.integers(-1, 7))
        if kind == "floats":
            amount = amount * float(rng.random())
        graph.add_edge(v, u, capacity=amount)
    if kind == "unlimited":
        for _, _, data in graph.edges(data=True):
            if rng.random() < 0.1:
                del data["capacity"]
    return graph, names


def outcome(function, *args, **kwargs):
    """What a call returns, or the kind of its error."""
    try:
        result = function(*args, **kwargs)
        return list(result) if inspect.isgenerator(result) else result
    except nx.NetworkXException as error:
        return type(error)


kinds = st.sampled_from(["ints", "floats", "unlimited"])


@given(rng=numbers(), n=st.integers(2, 8), directed=st.booleans(), kind=kinds)
def test_flows_and_cuts_are_those_of_networkx(rng, n, directed, kind):
    graph, names = random_graph(rng, n, directed, kind)
    G = convert_from_nx(graph, edge_attrs={"capacity": np.inf})
    s, t = names[:2]
    expected = outcome(nx.maximum_flow_value, graph, s, t)
    for name in ("maximum_flow_value", "minimum_cut_value"):
        value = outcome(getattr(backend, name), G, s, t)
        assert value == (expected if isinstance(expected, type) else pytest.approx(expected))
    if isinstance(expected, type):
        return
    assert type(value) is (float if kind == "floats" and G.tails.size else int) or value == 0
    cut, sides = backend.minimum_cut(G, s, t)
    assert cut == value
    if kind != "floats":
        assert sides == nx.minimum_cut(graph, s, t)[1]
    assert s in sides[0]
    assert t in sides[1]
    flow_value, flow = backend.maximum_flow(G, s, t)
    assert flow_value == value
    assert {v: list(out) for v, out in flow.items()} == {v: list(flow[v]) for v in graph}
    assert {v: set(out) for v, out in flow.items()} == {v: set(graph[v]) for v in graph}
    excess = dict.fromkeys(graph, 0)
    for v, out in flow.items():
        for u, amount in out.items():
            assert 0 <= amount <= max(graph[v][u].get("capacity", np.inf), 0)
            excess[v] -= amount
            excess[u] += amount
    assert excess[s] == pytest.approx(-value)
    assert [excess[v] for v in names[2:]] == pytest.approx([0] * (n - 2), abs=1e-12)
    cutoff = int(value // 2)
    options = {"flow_func": nx_flow.dinitz, "cutoff": cutoff}
    assert backend.maximum_flow_value(G, s, t, **options) == min(cutoff, value)


@given(rng=numbers(), n=st.integers(2, 7), directed=st.booleans(), kind=kinds)
def test_the_flow_function_keeps_the_contract(rng, n, directed, kind):
    graph, names = random_graph(rng, n, directed, kind)
    s, t = names[:2]
    for name in ("maximum_flow_value", "minimum_cut"):
        ours = outcome(getattr(nx, name), graph, s, t, flow_func=flow_func)
        theirs = outcome(getattr(nx, name), graph, s, t, flow_func=nx_flow.edmonds_karp)
        if isinstance(theirs, tuple):
            assert ours[0] == pytest.approx(theirs[0])
            assert kind == "floats" or ours[1] == theirs[1]
        else:
            assert ours == (theirs if isinstance(theirs, type) else pytest.approx(theirs))
    if isinstance(ours, type):
        return
    R = flow_func(graph, s, t)
    for v, u, data in R.edges(data=True):
        assert data["flow"] <= data["capacity"]
        assert data["flow"] == -R[v][u]["flow"] if v == u else data["flow"] == -R[u][v]["flow"]
    assert R.graph["flow_value"] == pytest.approx(sum(d["flow"] for d in R[s].values()))
    assert flow_func(graph, s, t, residual=R, cutoff=1).graph["flow_value"] <= 1
    if not directed and kind == "ints":
        k = nx.edge_connectivity(graph, flow_func=flow_func)
        assert k == nx.edge_connectivity(graph)


@given(rng=numbers(), n=st.integers(1, 8), directed=st.booleans(), density=st.floats(0, 1))
def test_connectivity_is_that_of_networkx(rng, n, directed, density):
    graph = nx.from_numpy_array(
        (rng.random((n, n)) < density) & ~np.eye(n, dtype=bool),
        create_using=nx.DiGraph if directed else nx.Graph,
    )
    G = convert_from_nx(graph)
    assert backend.all_pairs_node_connectivity(G) == nx.all_pairs_node_connectivity(graph)
    some = list(graph)[: n // 2]
    assert backend.all_pairs_node_connectivity(G, some) == nx.all_pairs_node_connectivity(
        graph, some
    )
    assert backend.average_node_connectivity(G) == nx.average_node_connectivity(graph)
    assert backend.node_connectivity(G) == nx.node_connectivity(graph)
    if n > 1:
        assert backend.edge_connectivity(G) == nx.edge_connectivity(graph)
        assert backend.edge_connectivity(G, cutoff=2) == nx.edge_connectivity(graph, cutoff=2)
        cut = outcome(backend.minimum_edge_cut, G)
        if isinstance(cut, set):
            assert len(cut) == nx.edge_connectivity(graph)
            rest = graph.copy()
            rest.remove_edges_from(cut)
            connected = nx.is_strongly_connected if directed else nx.is_connected
            assert not connected(rest)
        else:
            assert cut == outcome(nx.minimum_edge_cut, graph)
    if not directed:
        cut = outcome(backend.minimum_node_cut, G)
        if isinstance(cut, set):
            assert len(cut) == nx.node_connectivity(graph)
            rest = graph.copy()
            rest.remove_nodes_from(cut)
            assert len(rest) <= 1 or not nx.is_connected(rest)
        else:
            assert cut == outcome(nx.minimum_node_cut, graph)
    for s, t in itertools.permutations(list(graph)[:4], 2):
        compare_one_pair(graph, G, s, t)


def compare_one_pair(graph, G, s, t):
    edges = backend.edge_connectivity(G, s, t)
    nodes = backend.node_connectivity(G, s, t)
    assert edges == backend.local_edge_connectivity(G, s, t) == nx.edge_connectivity(graph, s, t)
    assert nodes == backend.local_node_connectivity(G, s, t) == nx.node_connectivity(graph, s, t)
    assert backend.local_node_connectivity(G, s, t, cutoff=1) == min(nodes, 1)
    cut = backend.minimum_edge_cut(G, s, t)
    assert len(cut) == edges
    rest = graph.copy()
    rest.remove_edges_from(cut)
    assert not nx.has_path(rest, s, t)
    cut = backend.minimum_node_cut(G, s, t)
    if graph.has_edge(s, t) or graph.has_edge(t, s):
        assert cut == set()
    else:
        assert len(cut) == nodes
        rest = graph.copy()
        rest.remove_nodes_from(cut)
        assert not nx.has_path(rest, s, t)
    for name, count in (("edge_disjoint_paths", edges), ("node_disjoint_paths", nodes)):
        for cutoff in (None, 1):
            paths = outcome(getattr(backend, name), G, s, t, cutoff=cutoff)
            if count == 0:
                assert paths == outcome(getattr(nx, name), graph, s, t) == nx.NetworkXNoPath
                continue
            assert len(paths) == (count if cutoff is None else 1)
            assert all(nx.is_simple_path(graph, path) for path in paths)
            assert all((path[0], path[-1]) == (s, t) for path in paths)
            steps = [step for path in paths for step in itertools.pairwise(path)]
            assert len(set(steps)) == len(steps)
            if name == "node_disjoint_paths":
                inner = [v for path in paths for v in path[1:-1]]
                assert len(set(inner)) == len(inner)
    assert backend.minimum_st_edge_cut(G, s, t) == backend.minimum_edge_cut(G, s, t)
    assert backend.minimum_st_node_cut(G, s, t) == backend.minimum_node_cut(G, s, t)


@given(rng=numbers(), n=st.integers(0, 8), kind=kinds)
def test_trees_and_smallest_cuts_are_those_of_networkx(rng, n, kind):
    graph, _ = random_graph(rng, n, False, kind)
    G = convert_from_nx(graph, edge_attrs={"capacity": np.inf})
    ours, theirs = outcome(backend.gomory_hu_tree, G), outcome(nx.gomory_hu_tree, graph)
    if isinstance(theirs, type):
        assert ours == theirs
    else:
        assert set(ours) == set(theirs)
        weights = [sorted(d for _, _, d in tree.edges(data="weight")) for tree in (ours, theirs)]
        assert weights[0] == pytest.approx(weights[1])
        assert kind == "floats" or ours._adj == theirs._adj
    G = convert_from_nx(graph, edge_attrs={"capacity": 1})
    ours = outcome(backend.stoer_wagner, G, "capacity")
    theirs = outcome(nx.stoer_wagner, graph, "capacity")
    if isinstance(theirs, type):
        assert ours == theirs
    else:
        assert ours[0] == pytest.approx(theirs[0])
        first, second = ours[1]
        assert sorted(map(str, first + second)) == sorted(map(str, graph))
        assert first
        assert second
        assert nx.cut_size(graph, first, second, weight="capacity") == pytest.approx(ours[0])


WHOLE = ("edge_connectivity", "node_connectivity", "minimum_edge_cut", "minimum_node_cut")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_networkx_keeps_what_it_answers_faster(name):
    def says(graph, *ends):
        return backend.should_run(name, (graph, *ends), {})

    assert "fewer than 16 nodes" in says(nx.complete_graph(15))
    assert "or 40 edges" in says(nx.path_graph(40))
    assert "or 40 edges" in says(nx.empty_graph(200))
    assert says(nx.path_graph(41)) is says(nx.path_graph(2000)) is True
    for directed in (False, True):
        graph = nx.gnm_random_graph(40, 200, seed=0, directed=directed)
        refused = directed and name in ("gomory_hu_tree", "stoer_wagner")
        assert (says(graph) == "networkx refuses directed graphs") == refused
        graph.add_node("alone")
        whole = name in WHOLE or (name == "stoer_wagner" and not directed)
        assert (
            says(graph) == "networkx answers at once for a graph that is not connected"
        ) == whole
        if not refused and name != "stoer_wagner":
            assert says(graph, 0, 1) is True
        graph.__networkx_cache__["backends"] = {"subopt": {}}
        assert says(graph) is True  # converted already
    assert says(convert_from_nx(nx.path_graph(3))) is True


def test_what_arrays_cannot_hold_is_left_to_networkx():
    from fractions import Fraction

    for amount in (Fraction(1, 3), 2**62, 2**59 + 2**59):
        graph = nx.DiGraph()
        graph.add_edge(0, 1, capacity=amount)
        G = convert_from_nx(graph, edge_attrs={"capacity": np.inf})
        with pytest.raises(NotImplementedError, match="subopt"):
            backend.maximum_flow_value(G, 0, 1)
    graph = nx.Graph([(0, 1, {"capacity": 2**55 + 1}), (0, 2), (2, 1, {"capacity": 2})])
    G = convert_from_nx(graph, edge_attrs={"capacity": np.inf})
    assert backend.maximum_flow_value(G, 0, 1) == 2**55 + 3
    with pytest.raises(NotImplementedError, match="parallel"):
        convert_from_nx(nx.MultiGraph())
    graph[0][1]["capacity"] = np.nan
    G = convert_from_nx(graph, edge_attrs={"capacity": np.inf})
    with pytest.raises(ValueError, match="nan"):
        backend.maximum_flow_value(G, 0, 1)


@given(rng=numbers(), n=st.integers(0, 6), directed=st.booleans())
def test_graphs_survive_the_journey(rng, n, directed):
    graph, _ = random_graph(rng, n, directed)
    graph.graph["name"] = "G"
    nx.set_node_attributes(graph, {v: str(v) for v in graph}, "label")
    G = convert_from_nx(
        graph, preserve_edge_attrs=True, preserve_node_attrs=True, preserve_graph_attrs=True
    )
    back = convert_to_nx(G)
    assert nx.utils.graphs_equal(back, graph)
    assert (len(G), list(G), G.is_directed()) == (len(graph), list(graph), graph.is_directed())
    assert (G.number_of_nodes(), G.number_of_edges()) == (len(graph), graph.number_of_edges())
    assert all(v in G for v in graph)
    assert ["no node"] not in G
    assert isinstance(G, BackendGraph)
    some = convert_from_nx(graph, edge_attrs={"capacity": 9, "more": 7}, node_attrs={"label": "?"})
    for v, u, data in convert_to_nx(some).edges(data=True):
        assert data == {"capacity": graph[v][u]["capacity"], "more": 7}
    assert repr(G).startswith("BackendGraph(")
    assert convert_from_nx(G) is G
    part = graph.subgraph(list(graph)[:3])
    back = convert_to_nx(convert_from_nx(part, preserve_edge_attrs=True))
    assert back._adj == (nx.DiGraph if directed else nx.Graph)(part)._adj
