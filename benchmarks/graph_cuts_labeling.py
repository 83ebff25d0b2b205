"""Times and energies of `alpha_expansion` and `alpha_beta_swap` next to GCO and PyMaxflow.

    SUBOPT_DATA=... OMP_NUM_THREADS=1 python benchmarks/graph_cuts_labeling.py [--runs 5] [--small]

Needs gco-wrapper and PyMaxflow. Seconds of CPU of one thread, building included, medians of runs
that take turns; `ratio` is how often ours fits into theirs, above 1 is faster. Stereo: the Tsukuba
pair with Birchfield-Tomasi costs over 16 disparities, truncated at 20, Potts 20. Small: 2000
problems of 4x4 nodes and 20 labels in one call. `step` counts PyMaxflow moves that still lower the
energy of our answers: 0 is right.
"""

import argparse
import os
import pathlib
import statistics
import time

import gco
import maxflow
import numpy as np

from subopt import (
    LabelingEnergy,
    alpha_beta_swap,
    alpha_beta_swap_many,
    alpha_expansion,
    alpha_expansion_many,
    dual_bound,
)

OURS = {"expansion": alpha_expansion, "swap": alpha_beta_swap}
MANY = {"expansion": alpha_expansion_many, "swap": alpha_beta_swap_many}
FEWER = 200  # of the 2000 problems are given to the others, one call each


def image(path: pathlib.Path) -> np.ndarray:
    raw = path.read_bytes()
    _, width, height = raw.split(maxsplit=3)[:3]
    w, h = int(width), int(height)
    return np.frombuffer(raw[-w * h * 3 :], np.uint8).reshape(h, w, 3).astype(np.int64)


def between(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest of a pixel and its two half samples along the row, in integers."""
    left = (x + np.concatenate([x[:, :1], x[:, :-1]], axis=1)) // 2
    right = (x + np.concatenate([x[:, 1:], x[:, -1:]], axis=1)) // 2
    return np.minimum(np.minimum(left, right), x), np.maximum(np.maximum(left, right), x)


def stereo(folder: pathlib.Path, labels: int = 16, most: int = 20) -> np.ndarray:
    left, right = (image(folder / f"scene1.row3.col{i}.ppm") for i in (1, 2))
    (l_low, l_high), (r_low, r_high) = between(left), between(right)
    costs = np.empty((*left.shape[:2], labels), dtype=np.int64)
    for d in range(labels):
        x = np.maximum(np.arange(left.shape[1]) - d, 0)
        there = np.maximum(0, np.maximum(left - r_high[:, x], r_low[:, x] - left))
        back = np.maximum(0, np.maximum(right[:, x] - l_high, l_low - right[:, x]))
        costs[:, :, d] = np.minimum(np.minimum(there, back).sum(axis=2) // 3, most)
    return costs


def ours(kind: str, costs: np.ndarray, weight: int) -> np.ndarray:
    return OURS[kind](LabelingEnergy(costs, weights=weight)).labels


def by_gco(kind: str, costs: np.ndarray, weight: int) -> np.ndarray:
    height, width, labels = costs.shape
    graph = gco.GCO()
    graph.create_general_graph(height * width, labels, False)
    graph.set_data_cost(costs.reshape(-1, labels).astype(np.int32))
    node = np.arange(height * width).reshape(height, width)
    p = np.concatenate([node[:-1].ravel(), node[:, :-1].ravel()])
    q = np.concatenate([node[1:].ravel(), node[:, 1:].ravel()])
    graph.set_all_neighbors(p, q, np.full(len(p), weight))
    graph.set_smooth_cost((1 - np.eye(labels)).astype(np.int32))
    (graph.expansion if kind == "expansion" else graph.swap)(-1)
    x = graph.get_labels().reshape(height, width)
    graph.destroy_graph()
    return x


def by_pymaxflow(kind: str, costs: np.ndarray, weight: int) -> np.ndarray:
    labels = costs.shape[-1]
    table = weight * (1.0 - np.eye(labels))
    first = np.zeros(costs.shape[:2], dtype=np.int64)
    solve = maxflow.fastmin.aexpansion_grid if kind == "expansion" else maxflow.fastmin.abswap_grid
    return solve(costs.astype(float), table, labels=first)


def steps_left(kind: str, energy: LabelingEnergy, costs: np.ndarray, weight: int, x: np.ndarray):
    """How many single moves of PyMaxflow lower the energy."""
    labels = costs.shape[-1]
    table, unary, value = weight * (1.0 - np.eye(labels)), costs.astype(float), energy.value(x)
    count = 0
    for a in range(labels):
        for b in range(a + 1, labels) if kind == "swap" else (None,):
            y = x.copy()
            if b is None:
                maxflow.fastmin.aexpansion_grid_step(a, unary, table, y)
            else:
                maxflow.fastmin.abswap_grid_step(a, b, unary, table, y)
            count += energy.value(y) < value - 1e-6
    return count


def timed(solve, *arguments):
    start = time.process_time()
    answer = solve(*arguments)
    return time.process_time() - start, answer


def one_large(runs: int) -> None:
    costs, weight = stereo(pathlib.Path(os.environ["SUBOPT_DATA"]) / "stereo"), 20
    energy = LabelingEnergy(costs, weights=weight)
    for kind in OURS:
        others = {"ours": ours, "gco": by_gco, "pymaxflow": by_pymaxflow}
        ours(kind, costs[:9, :9], weight)
        times: dict[str, list[float]] = {name: [] for name in others}
        values, answer = {}, None
        for _ in range(runs):
            for name, solve in others.items():
                seconds, x = timed(solve, kind, costs, weight)
                times[name].append(seconds)
                values[name] = energy.value(x)
                answer = x if name == "ours" else answer
        mine = statistics.median(times["ours"])
        for name in others:
            median = statistics.median(times[name])
            print(
                f"tsukuba {kind:9} {name:9} {median:7.2f} s  ratio {median / mine:5.2f}  "
                f"energy {values[name]:.0f}"
            )
        left = steps_left(kind, energy, costs, weight, np.array(answer))
        print(f"tsukuba {kind:9} steps of PyMaxflow that help: {left}")
    seconds, result = timed(dual_bound, energy)
    print(f"tsukuba dual bound {result.lower_bound:.0f} in {seconds:.1f} s, {result.method}")
    print(f"        its gap    {result.check(energy):.0f}")


def small_gco(kind: str, costs: np.ndarray, weight: int) -> list[np.ndarray]:
    return [by_gco(kind, c, weight) for c in costs]


def many_small(runs: int) -> None:
    costs = np.random.default_rng(0).integers(0, 100, (2000, 4, 4, 20))
    for weight in (20, 50):
        energy = LabelingEnergy(np.zeros((4, 4, 20)), weights=weight)
        for kind, solve in MANY.items():
            solve(energy, costs[:2], threads=1)
            times: list[list[float]] = [[], []]
            for _ in range(runs):
                start = time.process_time()  # with `threads=1`
                batch = solve(energy, costs, threads=1)
                times[0].append((time.process_time() - start) / len(costs))
                seconds, labels = timed(small_gco, kind, costs[:FEWER], weight)
                times[1].append(seconds / FEWER)
            theirs = np.mean(
                [LabelingEnergy(c, weights=weight).value(x) for c, x in zip(costs, labels)]  # noqa: B905
            )
            mine, other = map(statistics.median, times)
            energies = batch.values[:FEWER].mean()
            print(
                f"4x4 Potts {weight} {kind:9} {mine * 1e6:6.1f} us, gco {other * 1e6:6.1f} us  "
                f"ratio {other / mine:5.1f}  energy {energies:.2f}, gco {theirs:.2f}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="only the many small problems")
    options = parser.parse_args()
    many_small(options.runs)
    if not options.small:
        one_large(options.runs)
