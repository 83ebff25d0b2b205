"""Random programs of calls: the stand-ins of `subopt.compat` against the packages themselves.

    python benchmarks/compat_fuzz.py [--maxflow 5000] [--gco 1000] [--seed 0]

Against PyMaxflow: values, segments, counts, and what is left of the capacities, after each flow of
a program, and the types of errors, for graphs of ints and of floats; and labelings by expansions
and swaps. Against gco-wrapper: labels and energies. Prints what differs, and exits with 1 if
anything does. Peers: pip install PyMaxflow gco-wrapper
"""

from __future__ import annotations

import argparse
import pathlib
import random
import sys
import time
from typing import Any

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests"))
import flow_programs

PIECE = 500


def maxflow_programs(seeds: range) -> int:
    import maxflow

    import subopt.compat.maxflow as ours
    from subopt.compat.maxflow import _small

    wrong = 0
    for seed in seeds:
        for kind, infinite in ((int, False), (float, False), (float, True)):
            pick = random.Random(seed).randint
            program = flow_programs.program(pick, infinite=infinite, errors=True)
            expected = flow_programs.run(maxflow, kind, program)
            # the same program also as a large graph, and with bit sets for all small grids
            for small, least in ((5000, 64), (0, 64), (5000, 0)):
                _small.SMALL, _small.SMALL_GRID, _small.LEAST = small, small // 2, least
                if flow_programs.run(ours, kind, program) != expected:
                    wrong += 1
                    how = f"SMALL {small}, LEAST {least}"
                    print(f"{seed}, graphs of {kind.__name__}, {how}: {program}")
    return wrong


def table_of(rng: np.random.Generator, labels: int) -> np.ndarray:
    x = np.arange(labels)
    distance = np.abs(x[:, None] - x)
    return (1 - np.eye(labels, dtype=int), np.minimum(2 * distance, 3), distance)[rng.integers(3)]


def grid_labelings(seeds: range) -> int:
    import maxflow

    import subopt.compat.maxflow as ours

    wrong = 0
    shapes = [(1,), (7,), (2, 3), (5, 4), (1, 4), (2, 3, 3), (2, 1, 2, 2)]
    for seed in seeds:
        rng = np.random.default_rng(seed)
        shape, k = shapes[rng.integers(len(shapes))], int(rng.integers(1, 6))
        kind = (int, float)[rng.integers(2)]
        unary, table = rng.integers(0, 9, (*shape, k)).astype(kind), table_of(rng, k).astype(kind)
        first = rng.integers(0, k, shape)
        for name in ("aexpansion_grid", "abswap_grid"):
            for start in (None, first):
                given = [None if start is None else start.copy() for _ in range(2)]
                answers = [
                    getattr(m, name)(unary, table, labels=labels)
                    for m, labels in zip((maxflow, ours), given, strict=True)
                ]
                same_input = start is None or (given[0] == given[1]).all()
                if (answers[0] != answers[1]).any() or not same_input:
                    wrong += 1
                    print(f"{name} {seed}: {answers}")
    return wrong


def gco_programs(seeds: range) -> int:
    import gco

    import subopt.compat.gco as ours

    wrong = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        n, k = int(rng.integers(2, 40)), int(rng.integers(2, 7))
        # gco-wrapper corrupts its memory if an edge is there twice
        ends = np.sort(rng.integers(0, n, (int(rng.integers(1, 3 * n)), 2)), axis=1)
        edges = np.unique(ends[ends[:, 0] < ends[:, 1]], axis=0)
        if not len(edges):
            continue
        weights, table = rng.integers(0, 6, len(edges)), table_of(rng, k)
        unary = rng.integers(0, (6, 30)[rng.integers(2)], (n, k))
        if rng.integers(2):
            unary, table = unary * 0.25, table * 0.25  # it rounds tables to hundredths
        first = rng.integers(0, k, n)
        cycles = int(rng.integers(-1, 4))
        for algorithm in ("expansion", "swap"):
            for start in (None, first):
                how = cycles, algorithm, start, 1
                theirs, mine = (
                    m.cut_general_graph(edges, weights, unary, table, *how) for m in (gco, ours)
                )
                if (theirs != mine).any():
                    wrong += 1
                    print(f"cut_general_graph {seed}, {how}: {theirs} {mine}")
        logs = [calls(m, edges, weights, unary, table, first, seed) for m in (gco, ours)]
        if logs[0] != logs[1]:
            wrong += 1
            print(f"calls {seed}: {logs}")
        wrong += gco_images(gco, ours, seed)
    return wrong


def gco_images(gco: Any, ours: Any, seed: int) -> int:
    """Label an image with random weights of all kinds of edges; return how often answers differ.

    These calls of gco-wrapper scale and round all costs, so that ties are broken in another way:
    labels may differ where energies are equal, and lead to other local minima. Energies that differ
    count if they also differ for costs without ties.
    """
    rng = np.random.default_rng(seed)
    height, width, k = rng.integers(2, 7, 3)
    unary, table = rng.integers(0, 9, (height, width, k)), table_of(rng, k)
    down, right, falling, rising = (
        rng.integers(0, 5, (height - a, width - b)) for a, b in ((1, 0), (0, 1), (1, 1), (1, 1))
    )
    if rng.integers(2):
        unary, table, down = unary * 0.5, table * 0.5, down * 0.5
    else:  # the same ints in both, see `cut_general_graph`
        unary, table = unary.astype(np.float64), table.astype(np.float32)
    how = {"n_iter": int(rng.integers(-1, 3)), "algorithm": ("expansion", "swap")[rng.integers(2)]}
    connect, wrong = (4, 8)[rng.integers(2)], 0
    diagonals = (falling, rising) if connect == 8 else ()
    all_weights = down, right, *diagonals
    for name, more in (
        ("cut_grid_graph", {"args": all_weights}),
        ("cut_grid_graph_simple", {"args": (), "connect": connect}),
    ):
        arguments = more.pop("args")
        lengths = 1.0, 1.0, 2**0.5, 2**0.5
        weights = arguments or [
            np.full(part.shape, length) for part, length in zip(all_weights, lengths, strict=False)
        ]
        apart = unary + 0.01 * rng.permutation(unary.size).reshape(unary.shape)
        for costs in (unary, apart):
            theirs, mine = (
                getattr(m, name)(costs, table, *arguments, **more, **how) for m in (gco, ours)
            )
            assert (theirs.dtype, theirs.shape) == (mine.dtype, mine.shape)
            energies = [image_energy(costs, table, weights, x) for x in (theirs, mine)]
            if abs(energies[0] - energies[1]) <= 0.01:
                break
        else:
            wrong += 1
            print(f"{name} {seed}, {how}: {energies} {theirs} {mine}")
    return wrong


def image_energy(unary: Any, table: Any, weights: Any, labels: Any) -> float:
    x = labels.reshape(unary.shape[:2])
    pairs = [(x[:-1], x[1:]), (x[:, :-1], x[:, 1:])]
    pairs += [(x[:-1, :-1], x[1:, 1:]), (x[:-1, 1:], x[1:, :-1])]
    total = np.take_along_axis(unary, x[..., None], -1).sum()
    return float(total + sum((w * table[p]).sum() for w, p in zip(weights, pairs, strict=False)))


def calls(m: Any, edges: Any, weights: Any, unary: Any, table: Any, first: Any, seed: int) -> Any:
    """Make some calls of a graph, the same for the same seed; return what they show."""
    n, k = unary.shape
    moves = np.random.default_rng(seed)
    whole = unary.dtype.kind != "f"
    graph = m.GCO()
    graph.create_general_graph(n, k, not whole)
    if moves.integers(3):
        graph.set_data_cost(unary)
    else:
        for site, label in np.ndindex(n, k):
            graph.set_site_data_cost(site, label, unary[site, label].item())
    if moves.integers(3):
        graph.set_all_neighbors(edges[:, 0], edges[:, 1], weights)
    else:
        for (i, j), weight in zip(edges.tolist(), weights.tolist(), strict=True):
            graph.set_neighbor_pair(i, j, weight)
    how = moves.integers(4)
    if how == 0:
        for a, b in np.ndindex(k, k):
            graph.set_pair_smooth_cost(a, b, table[a, b].item())
    elif how == 1:
        strength = np.random.default_rng(n).integers(1, 4, n)
        graph.set_smooth_cost_function(
            lambda i, j, a, b: (strength[min(i, j)] * table[a, b]).item()
        )
    else:
        graph.set_smooth_cost(table)
    for site, label in enumerate(first):
        graph.init_label_at_site(site, int(label))
    log: list[Any] = []
    for _ in range(6):
        kind = moves.integers(4)
        if kind == 0:
            log.append(graph.expansion_on_alpha(int(moves.integers(k))))
        elif kind == 1:
            graph.alpha_beta_swap(*map(int, moves.permutation(k)[:2]))
        elif kind == 2:
            log.append(graph.expansion(int(moves.integers(3))))
        else:
            log.append(graph.swap(int(moves.integers(3))))
        log += [graph.compute_data_energy(), graph.compute_smooth_energy(), graph.compute_energy()]
        log.append(graph.get_labels().tolist())
        site = int(moves.integers(n))
        log.append(int(graph.get_label_at_site(site)))
        if not moves.integers(4):
            graph.init_label_at_site(site, int(moves.integers(k)))
    graph.destroy_graph()
    return log


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--maxflow", type=int, default=5000)
    parser.add_argument("--gco", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong = 0
    for name, check, count in (
        ("programs of calls against PyMaxflow", maxflow_programs, options.maxflow),
        ("labelings of grids against PyMaxflow", grid_labelings, options.maxflow // 5),
        ("problems against gco-wrapper", gco_programs, options.gco),
    ):
        start, differ = time.perf_counter(), 0
        for first in range(0, count, PIECE):  # a run that is ended early has said what it found
            last = min(first + PIECE, count)
            differ += check(range(options.seed + first, options.seed + last))
            seconds = time.perf_counter() - start
            print(f"{last} {name}: {differ} differ ({seconds:.0f} s)", flush=True)
        wrong += differ
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
