"""Times of networkx's flow and connectivity functions with `backend="subopt"`, next to others.

    python benchmarks/networkx_backend.py [--edges 100 1000 ... 1000000] [--budget 5]
        [--peers networkx igraph scipy] [--functions maximum_flow_value ...] [--tiny] [--record]

Random graphs with 5 edges per node and capacities 1 to 100; Markdown tables of milliseconds, and
for each peer how many times as long it takes. "first" is a call that converts the graph, "again"
one on the converted graph that networkx keeps. igraph and scipy get graphs of their own, built
beforehand.
A peer is left out where it would take longer than the budget, judged by the size before. Values are
compared. `--tiny` prints where networkx is faster, which is what `should_run` goes by. `--record`
keeps the table for the documentation: `python benchmarks/tables.py` writes it.
"""

import argparse
import importlib.util
import statistics
import time
import warnings

import networkx as nx
import numpy as np
import tables

from subopt._base import jit
from subopt.compat.networkx import backend
from subopt.compat.networkx.graph import convert_from_nx


def random_graph(edges, seed=0, nodes=None):
    rng = np.random.default_rng(seed)
    n = max(edges // 5, 4) if nodes is None else nodes
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((v, v + 1) for v in range(n - 1))
    while graph.number_of_edges() < edges:
        pairs = rng.integers(0, n, (edges - graph.number_of_edges(), 2)).tolist()
        graph.add_edges_from((v, u) for v, u in pairs if v != u)
    for (_, _, data), amount in zip(
        graph.edges(data=True), rng.integers(1, 101, graph.number_of_edges()).tolist(), strict=True
    ):
        data["capacity"] = data["weight"] = amount
    return graph


def ends(graph):
    return 0, len(graph) // 2


FUNCTIONS = {
    "maximum_flow_value": lambda library, G, s, t: library.maximum_flow_value(G, s, t),
    "minimum_cut": lambda library, G, s, t: library.minimum_cut(G, s, t)[0],
    "maximum_flow": lambda library, G, s, t: library.maximum_flow(G, s, t)[0],
    "edge_connectivity": lambda library, G, s, t: library.edge_connectivity(G),
    "node_connectivity": lambda library, G, s, t: library.node_connectivity(G),
    "edge_disjoint_paths": lambda library, G, s, t: len(list(library.edge_disjoint_paths(G, s, t))),
    "stoer_wagner": lambda library, G, s, t: library.stoer_wagner(G)[0],
    "average_node_connectivity": lambda library, G, s, t: library.average_node_connectivity(G),
    "gomory_hu_tree": lambda library, G, s, t: min(
        w for _, _, w in library.gomory_hu_tree(G).edges(data="weight")
    ),
}
ATTRIBUTES = {"stoer_wagner": {"weight": 1}}  # and `capacity` elsewhere


def igraph_functions(graph):
    import igraph

    edges = list(graph.edges(data="capacity"))
    G = igraph.Graph(n=len(graph), edges=[(v, u) for v, u, _ in edges])
    amounts = [c for _, _, c in edges]
    s, t = ends(graph)
    return {
        "maximum_flow_value": lambda: int(G.maxflow_value(s, t, capacity=amounts)),
        "minimum_cut": lambda: int(G.mincut(s, t, capacity=amounts).value),
        "maximum_flow": lambda: int(G.maxflow(s, t, capacity=amounts).value),
        "edge_connectivity": lambda: G.edge_connectivity(),
        "node_connectivity": lambda: G.vertex_connectivity(),
        "edge_disjoint_paths": lambda: G.edge_connectivity(s, t),  # their number only
        "stoer_wagner": lambda: int(G.mincut(capacity=amounts).value),
        "gomory_hu_tree": lambda: int(min(G.gomory_hu_tree(capacity=amounts).es["flow"])),
    }


def scipy_functions(graph):
    import scipy.sparse
    from scipy.sparse.csgraph import maximum_flow

    edges = np.array(list(graph.edges(data="capacity")))
    v, u, c = np.concatenate([edges, edges[:, [1, 0, 2]]]).T
    n = len(graph)
    matrix = scipy.sparse.coo_array((c.astype(np.int32), (v, u)), shape=(n, n)).tocsr()
    return {"maximum_flow_value": lambda: int(maximum_flow(matrix, *ends(graph)).flow_value)}


def milliseconds(call, budget):
    times = []
    while len(times) < 5 and sum(times) < budget:
        begin = time.perf_counter()
        value = call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e3, value


def ours(name, graph, budget):
    attributes = ATTRIBUTES.get(name, {"capacity": np.inf})
    call, (s, t) = FUNCTIONS[name], ends(graph)

    def first():
        return call(backend, convert_from_nx(graph, edge_attrs=attributes), s, t)

    G = convert_from_nx(graph, edge_attrs=attributes)
    call(backend, G, s, t)  # compiles, and builds what is kept on the graph
    return milliseconds(first, budget), milliseconds(lambda: call(backend, G, s, t), budget)


def table(name, sizes, peers, budget):
    """Print the table of a function, and return its rows."""
    rows = []
    print(f"\n{name}\n")
    print("| edges | first | again | " + " | ".join(f"{p} (ratio)" for p in peers) + " |")
    print("|" + "---|" * (3 + len(peers)))
    last = dict.fromkeys(["ours", *peers], (0.0, 1))
    for size in sizes:
        grows = {
            who: time * (size / before) ** (1.5 if who == "networkx" else 1.2)
            for who, (time, before) in last.items()
        }
        if grows["ours"] > 4e3 * budget:
            break
        graph = random_graph(size)
        (first, value), (again, _) = ours(name, graph, budget)
        last["ours"] = first, size
        row = [f"{size:,}", f"{first:.3g}", f"{again:.3g}"]
        for peer in peers:
            if grows[peer] > 1e3 * budget:
                row.append("")
                continue
            if peer == "networkx":
                calls = {name: lambda g=graph: FUNCTIONS[name](nx, g, *ends(g))}
            else:
                calls = (igraph_functions if peer == "igraph" else scipy_functions)(graph)
            if name not in calls:
                row.append("")
                continue
            time_, other = milliseconds(calls[name], budget / 2)
            assert other == value or abs(other - value) < 1e-9 * value, (name, peer, value, other)
            last[peer] = time_, size
            row.append(f"{time_:.3g} ({time_ / first:.2g}, {time_ / again:.2g})")
        print("| " + " | ".join(row) + " |", flush=True)
        rows.append([f"`{name}`" if not rows else "", *row])
    return rows


def tiny(functions):
    """Nodes from which on a first call is faster than networkx's."""
    print("| function | " + " | ".join(f"{n} nodes" for n in (4, 8, 12, 16, 24, 48)) + " |")
    print("|" + "---|" * 7)
    for name in functions:
        row = []
        for n in (4, 8, 12, 16, 24, 48):
            graph = random_graph(min(2 * n, n * (n - 1) // 2 - 1), nodes=n)
            (first, _), _ = ours(name, graph, 0.05)
            theirs, _ = milliseconds(lambda f=FUNCTIONS[name], g=graph: f(nx, g, *ends(g)), 0.1)
            row.append(f"{theirs / first:.2g}")
        print(f"| {name} | " + " | ".join(row) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    sizes = [100, 1000, 10_000, 100_000, 1_000_000]
    parser.add_argument("--edges", nargs="+", type=int, default=sizes)
    parser.add_argument("--budget", type=float, default=5.0, help="seconds per measurement")
    peers = [p for p in ("networkx", "igraph", "scipy") if importlib.util.find_spec(p)]
    parser.add_argument(
        "--peers", nargs="*", default=peers, choices=("networkx", "igraph", "scipy")
    )
    parser.add_argument("--functions", nargs="+", default=list(FUNCTIONS), choices=list(FUNCTIONS))
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--record", action="store_true", help="for the documentation")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    jit.interpret_small = False  # compiled kernels are measured, also on small graphs
    if options.tiny:
        tiny(options.functions)
        return
    rows = []
    for name in options.functions:
        rows += table(name, options.edges, options.peers, options.budget)
    if options.record:
        columns = ["function", "edges", "first", "again", *options.peers]
        command = f"python benchmarks/networkx_backend.py --budget {options.budget:g}"
        tables.record("networkx_times", command, columns, rows)


if __name__ == "__main__":
    main()
