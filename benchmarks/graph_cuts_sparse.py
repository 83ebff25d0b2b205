"""Times of `max_flow` on sparse random graphs of degree 8, next to other programs.

    OMP_NUM_THREADS=1 python benchmarks/graph_cuts_sparse.py [--runs 5] [--nodes 10000 100000]
        [--peers scipy igraph ortools networkx] [--dynamic] [--many]

Milliseconds of CPU of one thread to build and solve from the same arrays, medians of interleaved
runs; ratios are to PyMaxflow's, above 1 is faster. Every answer is compared with PyMaxflow's value,
and ours with its own certificate. Capacities are random ints up to 100 both ways, terminals as
`TERMINALS` says.
"""

import argparse
import importlib.util
import statistics
import time

import numpy as np

from subopt import DynamicMaxFlow, max_flow, max_flow_many


def everywhere(rng, n):
    return rng.integers(0, 501, n), rng.integers(0, 501, n)


def weak(rng, n):
    return rng.integers(0, 101, n), rng.integers(0, 101, n)


def tenth(rng, n):
    u = rng.random(n)
    return np.where(u < 0.05, 1000, 0), np.where(u > 0.95, 1000, 0)


def hundredth(rng, n):
    u = rng.random(n)
    return np.where(u < 0.01, 10000, 0), np.where(u > 0.99, 10000, 0)


TERMINALS = {"everywhere": everywhere, "weak": weak, "tenth": tenth, "hundredth": hundredth}


def random_graph(n: int, seed: int, terminals: str, degree: int = 8):
    rng = np.random.default_rng(seed)
    m = n * degree // 2
    tails, heads = rng.integers(0, n, m), rng.integers(0, n, m)
    forward, backward = rng.integers(1, 101, m), rng.integers(1, 101, m)
    return tails, heads, forward, backward, *TERMINALS[terminals](rng, n)


def ours(method):
    def solve(tails, heads, forward, backward, source, sink):
        terminals = {"source_capacity": source, "sink_capacity": sink}
        return max_flow(tails, heads, forward, backward, **terminals, method=method)

    return solve


def pymaxflow(tails, heads, forward, backward, source, sink):
    import maxflow

    graph = maxflow.GraphInt(len(source), len(tails))
    nodes = graph.add_nodes(len(source))
    graph.add_edges(tails, heads, forward, backward)
    graph.add_grid_tedges(nodes, source, sink)
    value = graph.maxflow()
    graph.get_grid_segments(nodes)
    return value


def with_terminals(tails, heads, forward, backward, source, sink):
    """Arcs of one graph in which source and sink are the last two nodes."""
    n = len(source)
    nodes = np.arange(n)
    s, t = np.full(n, n), np.full(n, n + 1)
    parts = (tails, heads, forward), (heads, tails, backward), (s, nodes, source), (nodes, t, sink)
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def scipy(*graph):
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import maximum_flow

    v, u, c = with_terminals(*graph)
    n = len(graph[4])
    matrix = coo_array((c.astype(np.int32), (v, u)), shape=(n + 2, n + 2)).tocsr()
    return int(maximum_flow(matrix, n, n + 1).flow_value)


def igraph(*graph):
    import igraph

    v, u, c = with_terminals(*graph)
    n = len(graph[4])
    network = igraph.Graph(n=n + 2, edges=np.stack([v, u], axis=1), directed=True)
    return int(network.maxflow(n, n + 1, capacity=c.tolist()).value)


def ortools(*graph):
    from ortools.graph.python.max_flow import SimpleMaxFlow

    n = len(graph[4])
    network = SimpleMaxFlow()
    network.add_arcs_with_capacity(*with_terminals(*graph))
    network.solve(n, n + 1)
    return network.optimal_flow()


def networkx(*graph):
    import networkx

    v, u, c = with_terminals(*graph)
    n = len(graph[4])
    network = networkx.DiGraph()
    for tail, head, amount in zip(v.tolist(), u.tolist(), c.tolist(), strict=True):
        before = network.get_edge_data(tail, head, {"capacity": 0})["capacity"]
        network.add_edge(tail, head, capacity=before + amount)
    return networkx.maximum_flow_value(network, n, n + 1)


PEERS = {"scipy": scipy, "igraph": igraph, "ortools": ortools, "networkx": networkx}


def seconds(solve, graph):
    before = time.process_time()
    answer = solve(*graph)
    return time.process_time() - before, answer


def sparse(options) -> None:
    solvers = {"PyMaxflow": pymaxflow}
    solvers |= {name: ours(name) for name in ("boykov_kolmogorov", "push_relabel", "auto")}
    for name in options.peers:
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed: skipped")
        else:
            solvers[name] = PEERS[name]
    for solve in solvers.values():
        solve(*random_graph(20, 0, "weak"))  # compiles
    print(
        f"{'n':>7} {'terminals':>10} seed " + " ".join(f"{name:>17}" for name in solvers), " auto"
    )
    for n in options.nodes:
        for terminals in TERMINALS:
            for seed in range(options.seeds):
                graph = random_graph(n, seed, terminals)
                times, answers = {name: [] for name in solvers}, {}
                for _ in range(options.runs):
                    for name, solve in solvers.items():
                        if name == "networkx" and n > 1000:
                            times[name].append(float("nan"))
                            continue
                        spent, answers[name] = seconds(solve, graph)
                        times[name].append(spent)
                flow = answers["auto"]
                ends = {"source_capacity": graph[4], "sink_capacity": graph[5]}
                assert flow.check(*graph[:4], **ends) == 0
                values = {getattr(answer, "value", answer) for answer in answers.values()}
                assert len(values) == 1, values
                median = {name: statistics.median(times[name]) for name in solvers}
                cells = [
                    f"{1e3 * spent:9.1f} ({median['PyMaxflow'] / spent:5.2f})"
                    if spent == spent
                    else f"{'-':>17}"
                    for spent in median.values()
                ]
                print(
                    f"{n:7d} {terminals:>10} {seed:4d} " + " ".join(cells), flow.method, flush=True
                )


def dynamic(options) -> None:
    print("changes of 1 % of the terminals: ms to solve again, and from scratch")
    for n in options.nodes:
        *arcs, source, sink = random_graph(n, 0, "weak")
        rng = np.random.default_rng(0)
        network = DynamicMaxFlow(*arcs, source_capacity=source, sink_capacity=sink)
        network.solve()
        times = []
        for _ in range(options.runs):
            nodes = rng.choice(n, n // 100, replace=False)
            source[nodes] = amounts = rng.integers(0, 101, len(nodes))

            def again(network=network, nodes=nodes, amounts=amounts):
                network.change(nodes, source_capacity=amounts)
                return network.solve()

            spent, flow = seconds(again, ())
            fresh, other = seconds(ours("auto"), (*arcs, source, sink))
            assert flow.value == other.value
            times.append((spent, fresh))
        again_, fresh_ = np.median(times, axis=0)
        print(f"{n:7d} {1e3 * again_:9.2f} {1e3 * fresh_:9.2f} ({fresh_ / again_:.1f})")


def many(options) -> None:
    print("10,000 graphs in one call: ms on one thread, ratio to a loop over PyMaxflow")
    for n in (16, 64):
        tails, heads, *_ = random_graph(n, 0, "weak")
        rng = np.random.default_rng(0)
        capacity = rng.integers(1, 101, (10000, len(tails)))
        terminals = rng.integers(0, 101, (2, 10000, n))

        def together(capacity=capacity, terminals=terminals, tails=tails, heads=heads):
            ends = {"source_capacity": terminals[0], "sink_capacity": terminals[1]}
            return max_flow_many(tails, heads, capacity, capacity, **ends, threads=1).values

        def one_by_one(capacity=capacity, terminals=terminals, tails=tails, heads=heads):
            problems = zip(capacity, *terminals, strict=True)
            return [pymaxflow(tails, heads, c, c, s, t) for c, s, t in problems]

        together()
        times = []
        for _ in range(options.runs):
            (mine, values), (loop, others) = seconds(together, ()), seconds(one_by_one, ())
            assert (values == others).all()
            times.append((mine, loop))
        mine, loop = np.median(times, axis=0)
        print(f"{n:4d} nodes {1e3 * mine:9.1f} ({loop / mine:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--nodes", type=int, nargs="*", default=[10**4, 10**5])
    parser.add_argument("--peers", nargs="*", default=[], choices=list(PEERS))
    parser.add_argument("--dynamic", action="store_true")
    parser.add_argument("--many", action="store_true")
    options = parser.parse_args()
    if importlib.util.find_spec("maxflow") is None:
        parser.error("PyMaxflow, which times are compared with, is not installed")
    sparse(options)
    if options.dynamic:
        dynamic(options)
    if options.many:
        many(options)


if __name__ == "__main__":
    main()
