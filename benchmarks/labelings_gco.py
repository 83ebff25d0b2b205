"""Expansion moves next to GCO where labels are many, graphs are random, or labels cost something.

    OMP_NUM_THREADS=1 python benchmarks/labelings_gco.py [--runs 3] [--only Potts ...] [--large]
    OMP_NUM_THREADS=1 python benchmarks/labelings_gco.py --record  # keeps the table of the docs

Needs gco-wrapper, which has no call for label costs: where labels cost something, the C++ library
in it is called, and its time is without building the graph. CPU seconds, building included, medians
of runs that take turns; `ratio` is how often ours fits into theirs, above 1 is faster. All costs
are integers, so that both minimize the same energy; `energy` is that of the labels, ours and
theirs. With --large, 1024 x 1024 pixels with 32 and 33 labels as well, and a frame that starts from
the labels of the one before.
"""

import argparse
import ctypes
import pathlib
import statistics
import time

import gco
import numpy as np
import tables

from subopt import LabelingEnergy, alpha_expansion

LIBRARY = ctypes.CDLL(str(next(pathlib.Path(gco.__file__).parent.glob("libcgco*"))))


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
    yield "random graph, 20000 nodes, 8 labels, Potts", sparse(20_000, 8, rng(0))
    for n_labels, size, all_costs in (
        (32, 128, (100, 2000, 20_000)),
        (256, 96, (100, 2000, 20_000)),
        (1000, 64, (100,)),
    ):
        same = restoration(size, n_labels, 20 * (1 - np.eye(n_labels)), rng(1))
        name = f"{n_labels} labels, Potts, {size}x{size}"
        yield name, same
        for cost in all_costs:
            yield f"{name}, label costs {cost}", (*same[:3], np.full(n_labels, float(cost)))
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


def in_gco(name, result, *types):
    """Return a function of the C++ library in gco-wrapper, by its name in the Itanium ABI."""
    call = getattr(LIBRARY, name)
    call.restype, call.argtypes = result, types
    return call


def with_label_costs(unary, edges, table, label_costs):
    """Return the seconds and labels of GCO on a grid whose labels all cost the same."""
    n_labels, n = unary.shape[-1], unary[..., 0].size
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    graph = ctypes.create_string_buffer(2**16)  # more than the object takes
    this = ctypes.addressof(graph)
    in_gco("_ZN26GCoptimizationGeneralGraphC1Eii", None, pointer, integer, integer)(
        this, n, n_labels
    )
    add = in_gco("_ZN26GCoptimizationGeneralGraph12setNeighborsEiii", None, pointer, *3 * [integer])
    node = np.arange(n).reshape(unary.shape[:-1])
    for p, q in ((node[:-1], node[1:]), (node[:, :-1], node[:, 1:])):
        for i, j in zip(p.ravel().tolist(), q.ravel().tolist(), strict=True):
            add(this, i, j, 1)
    costs = np.ascontiguousarray(unary.reshape(n, n_labels), np.int32)
    smooth, x = np.ascontiguousarray(table, np.int32), np.empty(n, np.int32)
    start = time.process_time()
    for name, array in (("11setDataCost", costs), ("13setSmoothCost", smooth)):
        in_gco(f"_ZN14GCoptimization{name}EPi", None, pointer, pointer)(this, array.ctypes.data)
    in_gco("_ZN14GCoptimization12setLabelCostEi", None, pointer, integer)(this, int(label_costs[0]))
    in_gco("_ZN14GCoptimization9expansionEi", ctypes.c_longlong, pointer, integer)(this, -1)
    seconds = time.process_time() - start
    in_gco("_ZN14GCoptimization9whatLabelEiiPi", None, pointer, integer, integer, pointer)(
        this, 0, n, x.ctypes.data
    )
    in_gco("_ZN26GCoptimizationGeneralGraphD1Ev", None, pointer)(this)
    return seconds, x.reshape(unary.shape[:-1])


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
        for i, solve in enumerate((ours, theirs)):
            if i == 1 and problem[3] is not None:
                seconds, x = with_label_costs(*problem)
            else:
                seconds, x = timed(solve, *problem)
            times[i].append(seconds)
            values[i] = energy.value(x)
    mine, other = map(statistics.median, times)
    row = [name, f"{other / mine:.1f}", *(f"{value:.0f}" for value in values)]
    print(
        f"{name:44} {mine:7.2f} s, gco {other:7.2f} s  ratio {other / mine:5.2f}  "
        f"energy {row[2]}, gco {row[3]}",
        flush=True,
    )
    return row


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
    parser.add_argument("--record", action="store_true", help="write the table into docs")
    options = parser.parse_args()
    alpha_expansion(LabelingEnergy(np.zeros((4, 4, 3)), label_costs=[1, 1, 1]))
    alpha_expansion(LabelingEnergy(np.random.default_rng(0).random((4, 4, 3))))
    rows = [
        compare(name, problem, options.runs)
        for name, problem in instances(options.large)
        if all(word in name for word in options.only)
    ]
    if options.record:
        columns = ["problem", "times as fast as GCO", "our energy", "energy of GCO"]
        tables.record("labelings_gco", "python benchmarks/labelings_gco.py", columns, rows)
    if options.large:
        next_frame(options.runs)
