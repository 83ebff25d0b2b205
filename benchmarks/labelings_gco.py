"""Expansion moves next to GCO where labels are many, graphs are random, or labels cost something.

    OMP_NUM_THREADS=1 python benchmarks/labelings_gco.py [--runs 3] [--only potts ...] [--large]

Needs gco-wrapper. CPU seconds, building included, medians of runs that take turns; `ratio` is how
often ours fits into theirs, above 1 is faster. All costs are integers, so that both minimize the
same energy; `energy` is that of the labels, ours and theirs. With --large, 1024 x 1024 pixels with
32 and 33 labels as well, and a frame that starts from the labels of the one before.
"""

import argparse
import statistics
import time

import gco
import numpy as np

from subopt import LabelingEnergy, alpha_expansion


def photograph(size, rng):
    """Smooth shapes and noise, 0 to 255."""
    y, x = np.mgrid[:size, :size] / size
    image = (
        90 + 60 * np.sin(7 * x + 3 * np.sin(5 * y)) + 70 * ((x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.06)
    )
    return np.clip(image + rng.normal(scale=12, size=image.shape), 0, 255)


def restoration(size, L, table, rng):
    """Unary |image - level| for L levels, on a grid."""
    levels = np.linspace(0, 255, L)
    unary = np.rint(np.abs(photograph(size, rng)[..., None] - levels))
    return unary, None, table, None


def apart(L):
    return np.abs(np.subtract.outer(np.arange(L), np.arange(L))).astype(float)


def sparse(n, L, rng):
    """Random edges and unary costs."""
    edges = rng.integers(0, n, (4 * n, 2))
    edges = edges[edges[:, 0] != edges[:, 1]]
    return rng.integers(0, 100, (n, L)).astype(float), edges, 10 * (1 - np.eye(L)), None


def instances(large):
    rng = np.random.default_rng
    yield (
        "256 labels, truncated linear, 96x96",
        restoration(96, 256, np.minimum(apart(256), 20), rng(0)),
    )
    yield "256 labels, linear, 96x96", restoration(96, 256, apart(256), rng(0))
    yield "1000 labels, Potts, 64x64", restoration(64, 1000, 20 * (1 - np.eye(1000)), rng(0))
    yield "random graph, 20000 nodes, 8 labels, Potts", sparse(20_000, 8, rng(0))
    costs = restoration(128, 32, 20 * (1 - np.eye(32)), rng(0))
    yield "32 labels, Potts, 128x128", costs
    yield "the same, with label costs of 2000", (*costs[:3], np.full(32, 2000.0))
    if large:
        for L in (32, 33):
            yield (
                f"{L} labels, Potts, 1024x1024",
                restoration(1024, L, 20 * (1 - np.eye(L)), rng(0)),
            )


def ours(unary, edges, table, label_costs):
    energy = LabelingEnergy(
        unary, edges=edges, metric=table, label_costs=label_costs, label_axis=-1
    )
    return alpha_expansion(energy).labels


def theirs(unary, edges, table, label_costs):
    L = unary.shape[-1]
    n = unary.size // L
    graph = gco.GCO()
    graph.create_general_graph(n, L, False)
    graph.set_data_cost(unary.reshape(n, L).astype(np.int32))
    if edges is None:
        node = np.arange(n).reshape(unary.shape[:-1])
        p = np.concatenate([node[:-1].ravel(), node[:, :-1].ravel()])
        q = np.concatenate([node[1:].ravel(), node[:, 1:].ravel()])
    else:
        p, q = edges.min(axis=1), edges.max(axis=1)
        pairs, count = np.unique(p * n + q, return_counts=True)
        p, q = pairs // n, pairs % n
    weights = np.ones(len(p), np.int32) if edges is None else count.astype(np.int32)
    graph.set_all_neighbors(p, q, weights)
    graph.set_smooth_cost(table.astype(np.int32))
    graph.expansion(-1)
    x = graph.get_labels().reshape(unary.shape[:-1])
    graph.destroy_graph()
    return x


def timed(solve, *arguments):
    start = time.process_time()
    answer = solve(*arguments)
    return time.process_time() - start, answer


def compare(name, problem, runs):
    energy = LabelingEnergy(
        problem[0], edges=problem[1], metric=problem[2], label_costs=problem[3], label_axis=-1
    )
    times, values = ([], []), [0.0, 0.0]
    for _ in range(runs):
        # the wrapper has no label costs: theirs is the time without
        for i, solve in enumerate((ours, theirs)):
            seconds, x = timed(solve, *problem)
            times[i].append(seconds)
            values[i] = energy.value(x)
    mine, other = map(statistics.median, times)
    print(
        f"{name:44} {mine:7.2f} s, gco {other:7.2f} s  ratio {other / mine:5.2f}  "
        f"energy {values[0]:.0f}, gco {values[1]:.0f}"
        + (" (without label costs)" if problem[3] is not None else ""),
        flush=True,
    )


def next_frame(runs):
    """How much less the next frame of a video takes from the labels of this one."""
    first, second = (
        LabelingEnergy(restoration(512, 16, None, np.random.default_rng(k))[0], weights=20.0)
        for k in (0, 1)
    )
    before = alpha_expansion(first).labels
    times, values = ([], []), [0.0, 0.0]
    for _ in range(runs):
        for i, start in enumerate((None, before)):
            seconds, result = timed(lambda start=start: alpha_expansion(second, start=start))
            times[i].append(seconds)
            values[i] = result.value
    alone, started = map(statistics.median, times)
    print(
        f"{'next frame, 16 labels, Potts, 512x512':44} {alone:7.2f} s, from the last frame "
        f"{started:7.2f} s  energy {values[0]:.0f}, {values[1]:.0f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="words in the names of instances")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    alpha_expansion(LabelingEnergy(np.zeros((4, 4, 3)), label_costs=[1, 1, 1]))
    alpha_expansion(LabelingEnergy(np.random.default_rng(0).random((4, 4, 3))))
    for name, problem in instances(options.large):
        if all(word in name for word in options.only):
            compare(name, problem, options.runs)
    if options.large:
        next_frame(options.runs)
