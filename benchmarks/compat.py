"""The stand-ins of `subopt.compat` next to the packages whose calls they have.

    SUBOPT_DATA=... OMP_NUM_THREADS=1 python benchmarks/compat.py [--quick] [--only maxflow|gco]
    OMP_NUM_THREADS=1 python benchmarks/compat.py --quick --record  # tables of the documentation

Every program is one function of a module, and runs with both: building, solving and reading off
the answer. Prints medians of runs that take turns, in ms of this thread's time, and how many times
as long the original takes (above 1 is faster). Values are asserted to be equal for PyMaxflow;
energies are printed for gco-wrapper. Peers: pip install PyMaxflow gco-wrapper
"""

from __future__ import annotations

import argparse
import os
import pathlib
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from tables import record

from subopt import warm_up

RNG = np.random.default_rng(0)


def noisy(shape: tuple[int, ...]) -> np.ndarray:
    """A bright blob on a dark background, with noise, in 0..255."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = sum(a**2 for a in axes) < 0.5
    return np.clip(255 * inside + RNG.normal(0, 90, shape), 0, 255)


# Programs of PyMaxflow's documentation, in our words -----------------------------------------


def two_nodes(m: Any) -> Any:
    g = m.Graph[int](2, 2)
    nodes = g.add_nodes(2)
    g.add_edge(nodes[0], nodes[1], 1, 2)
    g.add_tedge(nodes[0], 2, 5)
    g.add_tedge(nodes[1], 9, 4)
    return g.maxflow(), g.get_segment(nodes[0]), g.get_segment(nodes[1])


IMAGE, VOLUME = noisy((250, 250)), noisy((40, 40, 40))


def restoration(m: Any) -> Any:
    g = m.Graph[int]()
    nodes = g.add_grid_nodes(IMAGE.shape)
    g.add_grid_edges(nodes, 50)
    g.add_grid_tedges(nodes, IMAGE, 255 - IMAGE)
    return g.maxflow(), g.get_grid_segments(nodes).sum()


def layout(m: Any) -> Any:
    g = m.Graph[float]()
    nodes = g.add_grid_nodes((5, 5))
    g.add_grid_edges(nodes, structure=[[np.inf, 0, 0]] * 3)
    weights = np.arange(100, 150, 10)[:, None] + np.arange(0, 10, 2)
    g.add_grid_edges(nodes, weights, [[0, 0, 0], [0, 0, 1], [0, 0, 0]], symmetric=True)
    g.add_grid_edges(nodes, 30, [[0, 0, 0], [0, 0, 0], [0, 1, 0]], symmetric=True)
    g.add_grid_tedges(nodes[:, 0], np.inf, 0)
    g.add_grid_tedges(nodes[:, -1], 0, np.inf)
    return g.maxflow(), g.get_grid_segments(nodes).sum()


def moore_volume(m: Any) -> Any:
    g = m.Graph[float]()
    nodes = g.add_grid_nodes(VOLUME.shape)
    g.add_grid_edges(nodes, 15.0, m.vonNeumann_structure(3, True), symmetric=True)
    g.add_grid_edges(nodes, 1.0, np.ones((3, 3, 3)), symmetric=True)
    g.add_grid_tedges(nodes, VOLUME, 255 - VOLUME)
    return g.maxflow(), g.get_grid_segments(nodes).sum()


LEVELS = np.linspace(0, 255, 6)
UNARY = np.abs(noisy((100, 100))[..., None] - LEVELS)
BINARY = 0.2 * np.abs(LEVELS[:, None] - LEVELS)


def expansions(m: Any) -> Any:
    labels = m.fastmin.aexpansion_grid(UNARY, BINARY)
    return m.fastmin.energy_of_grid_labeling(UNARY, BINARY, labels), labels.sum()


def swaps(m: Any) -> Any:
    labels = m.fastmin.abswap_grid(UNARY, BINARY)
    return m.fastmin.energy_of_grid_labeling(UNARY, BINARY, labels), labels.sum()


# Families ------------------------------------------------------------------------------------


def random_grid(side: int, *, whole: bool = True) -> Callable[[Any], Any]:
    shape = (side, side)
    weights, source, sink = RNG.integers(0, 100, (3, *shape)) * (1 if whole else 0.5)

    def random_grid(m: Any) -> Any:
        g = m.Graph[int if whole else float]()
        nodes = g.add_grid_nodes(shape)
        g.add_grid_edges(nodes, weights)
        g.add_grid_tedges(nodes, source, sink)
        return g.maxflow(), g.get_grid_segments(nodes).sum()

    return random_grid


def small_grids(m: Any) -> Any:
    total = 0
    for source, sink in SMALL:
        g = m.GraphInt()
        nodes = g.add_grid_nodes((16, 16))
        g.add_grid_edges(nodes, 30, symmetric=True)
        g.add_grid_tedges(nodes, source, sink)
        total += g.maxflow() + g.get_grid_segments(nodes).sum()
    return (total,)


SMALL = RNG.integers(0, 100, (50, 2, 16, 16))


def edge_by_edge(m: Any) -> Any:
    side, source, sink = 60, *LOOP
    g = m.GraphInt(side * side, 2 * side * side)
    nodes = g.add_nodes(side * side).tolist()
    for v in nodes:
        g.add_tedge(v, source[v], sink[v])
        if v % side:
            g.add_edge(v - 1, v, 25, 25)
        if v >= side:
            g.add_edge(v - side, v, 25, 25)
    return g.maxflow(), sum(g.get_segment(v) for v in nodes)


LOOP = RNG.integers(0, 100, (2, 3600)).tolist()


def sparse_graph(n: int) -> Callable[[Any], Any]:
    ends = RNG.integers(0, n, (2, 4 * n))
    forward, backward = RNG.integers(0, 100, (2, 4 * n))
    source, sink = RNG.integers(0, 100, (2, n)) * (RNG.random((2, n)) < 0.1)

    def sparse_graph(m: Any) -> Any:
        g = m.GraphInt(n, 4 * n)
        nodes = g.add_nodes(n)
        g.add_edges(*ends, forward, backward)
        g.add_grid_tedges(nodes, source, sink)
        return g.maxflow(), g.get_grid_segments(nodes).sum()

    return sparse_graph


def changes(side: int, reuse: bool, *, grid: bool) -> Callable[[Any], Any]:
    """A flow, then 20 times a few terminals change and the flow goes on."""
    source, sink = RNG.integers(0, 100, (2, side, side))
    places = RNG.integers(0, side * side, (20, side * side // 100))
    amounts = RNG.integers(0, 50, (20, 2, side * side // 100))

    def changes(m: Any) -> Any:
        g = m.GraphInt()
        nodes = g.add_grid_nodes((side, side))
        g.add_grid_edges(nodes, 25, symmetric=True)
        if not grid:
            g.add_edge(0, side * side - 1, 1, 1)
        g.add_grid_tedges(nodes, source, sink)
        values = [g.maxflow()]
        for some, (more, less) in zip(places, amounts, strict=True):
            g.add_grid_tedges(some, more, less)
            if reuse:
                g.mark_grid_nodes(some)
            values.append(g.maxflow(reuse_trees=reuse))
        return (*values, g.get_grid_segments(nodes).sum())

    return changes


# gco-wrapper ---------------------------------------------------------------------------------


def chain(m: Any) -> Any:
    edges = np.array([(i, i + 1) for i in range(4)] + [(i, i + 5) for i in range(5)])
    unary = np.zeros((10, 2))
    unary[5:, 0] = unary[:5, 1] = 1
    labels = m.cut_general_graph(edges, np.ones(len(edges)), unary, 0.5 * (1 - np.eye(2)))
    return 0.0, labels.sum()


def squares(side: int, labels: int, connect: int, algorithm: str, *, whole: bool = False) -> Any:
    truth = np.add.outer(np.arange(side), np.arange(side)) * labels // (2 * side)
    unary = RNG.normal(0, 1, (side, side, labels)) + (truth[..., None] != np.arange(labels))
    pairwise = 0.5 * (1 - np.eye(labels))
    if whole:
        unary, pairwise = (100 * unary).astype(int), (100 * pairwise).astype(int)

    def squares(m: Any) -> Any:
        x = m.cut_grid_graph_simple(unary, pairwise, connect=connect, algorithm=algorithm)
        return grid_energy(unary, pairwise, x.reshape(side, side), connect), None

    return squares


def grid_energy(unary: Any, pairwise: Any, x: Any, connect: int) -> float:
    total = np.take_along_axis(unary, x[..., None], -1).sum()
    pairs = [(1, x[1:], x[:-1]), (1, x[:, 1:], x[:, :-1])]
    if connect == 8:
        diagonal = 2**0.5 if unary.dtype.kind == "f" else 1
        pairs += [(diagonal, x[1:, 1:], x[:-1, :-1]), (diagonal, x[1:, :-1], x[:-1, 1:])]
    return float(total + sum(weight * pairwise[p, q].sum() for weight, p, q in pairs))


def stereo(kind: str) -> Callable[[Any], Any]:
    from graph_cuts_labeling import stereo as costs_of

    costs = costs_of(pathlib.Path(os.environ["SUBOPT_DATA"]) / "stereo")
    height, width, k = costs.shape
    table = 20 * (1 - np.eye(k, dtype=np.int32))
    node = np.arange(height * width).reshape(height, width)
    p = np.concatenate([node[:-1].ravel(), node[:, :-1].ravel()])
    q = np.concatenate([node[1:].ravel(), node[:, 1:].ravel()])

    def stereo(m: Any) -> Any:
        graph = m.GCO()
        graph.create_general_graph(height * width, k, False)
        graph.set_data_cost(costs.reshape(-1, k).astype(np.int32))
        graph.set_all_neighbors(p, q, np.ones(len(p), dtype=int))
        graph.set_smooth_cost(table)
        energy = getattr(graph, kind)(-1)
        graph.destroy_graph()
        return float(energy), None

    return stereo


# Times ---------------------------------------------------------------------------------------


def compare(name: str, program: Callable[[Any], Any], modules: list[Any], runs: int) -> list[str]:
    """Print the times of a program, and return the row of a table."""
    times: list[list[float]] = [[], []]
    answers: list[Any] = [None, None]
    for module in modules:
        program(module)
    begin = time.perf_counter()
    repeat = 1
    while time.perf_counter() - begin < 0.01:
        program(modules[0])
        repeat += 1
    for _ in range(runs):
        for k, module in enumerate(modules):
            start = time.process_time()
            for _ in range(repeat):
                answers[k] = program(module)
            times[k].append((time.process_time() - start) / repeat)
    theirs, mine = map(statistics.median, times)
    if hasattr(modules[0], "Graph"):
        same = np.allclose(*(np.hstack(np.atleast_1d(a)) for a in answers), rtol=1e-9)
        note = "same" if same else f"DIFFERENT: {answers}"
    else:
        note = f"energy {answers[0][0]:.6g}, ours {answers[1][0]:.6g}"
    print(
        f"{name:44} {1e3 * theirs:9.3f} ms  ours {1e3 * mine:9.3f} ms  ratio {theirs / mine:6.2f}"
        f"  {note}",
        flush=True,
    )
    return [name, shown(theirs), shown(mine), f"{theirs / mine:.{2 if theirs < mine else 1}f}"]


def shown(seconds: float) -> str:
    """Return a time with two digits or more: 0.0061 ms, 0.12 ms, 3.9 ms, 236 ms."""
    ms = 1e3 * seconds
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.2g} ms"


def maxflow_programs(quick: bool) -> dict[str, Callable[[Any], Any]]:
    programs = {
        "its documentation: two nodes": two_nodes,
        "its documentation: restoration of an image, 250 x 250": restoration,
        "its documentation: layout of 5 x 5 nodes": layout,
        "its documentation: volume 40 x 40 x 40, 26 neighbors": moore_volume,
        "expansions, 100 x 100, 6 labels": expansions,
        "swaps, 100 x 100, 6 labels": swaps,
        "random grid 256 x 256, ints": random_grid(256),
        "random grid 256 x 256, floats": random_grid(256, whole=False),
        "50 grids 16 x 16, one by one": small_grids,
        "3600 nodes, edge by edge": edge_by_edge,
        "sparse graph of degree 8, 1e4 nodes, `add_edges`": sparse_graph(10_000),
        "grid 128 x 128 and 20 small changes": changes(128, False, grid=True),
        "the same with `reuse_trees=True`": changes(128, True, grid=True),
        "the same as a graph": changes(128, False, grid=False),
        "the same as a graph, with `reuse_trees=True`": changes(128, True, grid=False),
    }
    if not quick:
        programs["random grid 1024 x 1024, ints"] = random_grid(1024)
        programs["sparse graph, 1e5 nodes, add_edges"] = sparse_graph(100_000)
    return programs


def gco_programs(quick: bool) -> dict[str, Callable[[Any], Any]]:
    programs = {
        "its documentation: 10 nodes, 2 labels": chain,
        "its documentation: 10 x 10 pixels, 4 neighbors": squares(10, 3, 4, "expansion"),
        "its documentation: 10 x 10 pixels, 8 neighbors": squares(10, 3, 8, "expansion"),
        "100 x 100 pixels, 5 labels, expansion": squares(100, 5, 4, "expansion"),
        "100 x 100 pixels, 5 labels, swap": squares(100, 5, 4, "swap"),
        "200 x 200 pixels, 8 labels, 8 neighbors": squares(200, 8, 8, "expansion"),
    }
    if not quick and "SUBOPT_DATA" in os.environ:
        programs["Tsukuba, 16 labels, expansion"] = stereo("expansion")
        programs["Tsukuba, 16 labels, swap"] = stereo("swap")
    return programs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="without the large ones")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=("maxflow", "gco"))
    parser.add_argument("--name", default="", help="only programs whose name contains this")
    parser.add_argument("--record", action="store_true", help="for the documentation")
    options = parser.parse_args()
    if options.record and (options.only or options.name):
        parser.error("tables are recorded as a whole, without --only and --name")
    warm_up("compat", "max_flow", "grid_cut", jobs=1)  # small problems are not interpreted then
    for package in ("maxflow", "gco"):
        if options.only in (None, package):
            modules = [import_module(package), import_module(f"subopt.compat.{package}")]
            programs = (maxflow_programs if package == "maxflow" else gco_programs)(options.quick)
            rows = [
                compare(name, program, modules, options.runs)
                for name, program in programs.items()
                if options.name in name
            ]
            if options.record:
                head = {"maxflow": "PyMaxflow", "gco": "gco-wrapper"}[package]
                columns = [f"program for {head}", head, "subopt", "ratio"]
                record(f"compat_{package}", "python benchmarks/compat.py", columns, rows)


if __name__ == "__main__":
    main()
