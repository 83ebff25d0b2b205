"""Minimum cuts of grids against PyMaxflow: build and solve, one thread each.

    pip install PyMaxflow scikit-image
    python benchmarks/graph_cuts_grid.py            # --quick for the small ones

Prints medians of runs that alternate, in ms of this thread's time, and how many times as long
PyMaxflow takes: through directed `add_grid_edges`, and through `add_edges` on index arrays, the
leanest way to build a grid with it. Values are asserted to be equal.

`--only families`: ten kinds of images, against the leanest way; with `--record` their medians
become the table of the documentation, see `tables.py`. `--only boxes`: cuts between
opposite faces, against `subopt.max_flow` on the same graph, in ms of the process.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import maxflow
import numba
import numpy as np
from tables import record

import subopt

Problem = tuple[np.ndarray, np.ndarray, list[Any]]


def pairs(weights: list[Any]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [w if isinstance(w, tuple) else (w, w) for w in weights]


def graph(source: np.ndarray, edges: int = 0) -> Any:
    kind = maxflow.GraphInt if source.dtype.kind == "i" else maxflow.GraphFloat
    return kind(source.size, edges)


def grid_calls(source: np.ndarray, sink: np.ndarray, weights: list[Any]) -> tuple[float, Any]:
    """One directed `add_grid_edges` for each axis and direction."""
    g = graph(source)
    nodes = g.add_grid_nodes(source.shape)
    d = source.ndim
    for axis, pair in enumerate(pairs(weights)):
        for w, place, pad in zip(pair, (2, 0), ((0, 1), (1, 0)), strict=True):
            structure = np.zeros((3,) * d, dtype=int)
            structure[tuple(place if i == axis else 1 for i in range(d))] = 1
            full = np.pad(w, [pad if i == axis else (0, 0) for i in range(d)])
            g.add_grid_edges(nodes, weights=full, structure=structure, symmetric=False)
    g.add_grid_tedges(nodes, source, sink)
    return g.maxflow(), ~g.get_grid_segments(nodes)


def edge_calls(source: np.ndarray, sink: np.ndarray, weights: list[Any]) -> tuple[float, Any]:
    """One `add_edges` for each axis, with both directions."""
    g = graph(source, source.ndim * source.size)
    nodes = g.add_grid_nodes(source.shape)
    for axis, (forward, backward) in enumerate(pairs(weights)):
        tails = nodes.take(range(nodes.shape[axis] - 1), axis)
        heads = nodes.take(range(1, nodes.shape[axis]), axis)
        g.add_edges(tails.ravel(), heads.ravel(), forward.ravel(), backward.ravel())
    g.add_grid_tedges(nodes, source, sink)
    return g.maxflow(), ~g.get_grid_segments(nodes)


def ours(source: np.ndarray, sink: np.ndarray, weights: list[Any]) -> tuple[float, Any]:
    result = subopt.grid_cut(source, sink, weights)
    return result.value, result.source_side


def random_grid(rng: np.random.Generator, shape: tuple[int, ...], *, whole: bool) -> Problem:
    def numbers(size: tuple[int, ...]) -> np.ndarray:
        return rng.integers(0, 100, size) if whole else rng.random(size)

    weights = []
    for axis in range(len(shape)):
        arcs = tuple(n - (i == axis) for i, n in enumerate(shape))
        pair = numbers(arcs), numbers(arcs)
        # three axes at full strength would make all nodes follow one terminal
        weights.append(pair if len(shape) == 2 else tuple(w // 2 if whole else w / 2 for w in pair))
    return numbers(shape), numbers(shape), weights


def photograph(name: str, smoothness: float) -> Problem:
    """Figure and ground by intensity; cutting between two pixels is cheap where they differ."""
    from skimage import data

    image = getattr(data, name)().astype(np.float64) / 255
    if image.ndim == 3:
        image = image.mean(axis=2)
    dark, light = np.percentile(image, [20, 80])
    steps = [np.diff(image, axis=axis) ** 2 for axis in (0, 1)]
    beta = 1 / (2 * np.concatenate([step.ravel() for step in steps]).mean())
    weights = [smoothness * np.exp(-beta * step) for step in steps]
    return 20 * (image - light) ** 2, 20 * (image - dark) ** 2, weights


def problems(quick: bool) -> Iterator[tuple[str, Problem]]:
    rng = np.random.default_rng(0)
    for n in (256,) if quick else (256, 512, 1024):
        for whole in (False, True):
            yield (
                f"random {n}^2 {'int' if whole else 'float'}",
                random_grid(rng, (n, n), whole=whole),
            )
    for name in ("camera", "astronaut", "coins"):
        for smoothness in (1.0, 5.0, 20.0):
            yield f"{name} smoothness {smoothness:g}", photograph(name, smoothness)
    for n in (32,) if quick else (32, 64):
        for whole in (False, True):
            yield (
                f"random {n}^3 {'int' if whole else 'float'}",
                random_grid(rng, (n, n, n), whole=whole),
            )


def medians(
    calls: list[Callable[[], Any]], runs: int, clock: Callable[[], float] = time.process_time
) -> list[float]:
    """Return the median time of each call in ms, over runs that take turns."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(runs):
        for call, row in zip(calls, times, strict=True):
            start = clock()
            call()
            row.append(1e3 * (clock() - start))
    return [statistics.median(row) for row in times]


def one_by_one(quick: bool, runs: int) -> None:
    print(f"{'':28}{'subopt':>9}{'grid calls':>12}{'lean':>9}   times as fast")
    for name, problem in problems(quick):
        value, _ = ours(*problem)
        for peer in (grid_calls, edge_calls):
            assert np.isclose(peer(*problem)[0], value, rtol=1e-9), name
        solvers = (ours, grid_calls, edge_calls)
        own, grid, lean = medians([partial(f, *problem) for f in solvers], runs)
        print(f"{name:28}{own:9.1f}{grid:12.1f}{lean:9.1f}   {grid / own:.2f}  {lean / own:.2f}")


def steps(shape: tuple[int, ...], number: Callable[[tuple[int, ...]], Any]) -> list[Any]:
    """Weights for each axis."""
    sizes = [tuple(n - (i == axis) for i, n in enumerate(shape)) for axis in range(len(shape))]
    return [number(size) for size in sizes]


def families(n: int) -> Iterator[tuple[str, Problem]]:
    """Ten kinds of images of n x n pixels; ints unless said otherwise."""
    from skimage import data, transform

    rng = np.random.default_rng(1)
    shape = (n, n)

    def ints(top: int) -> Callable[[tuple[int, ...]], Any]:
        return lambda size: rng.integers(0, top, size)

    def both(number: Callable[[tuple[int, ...]], Any]) -> Callable[[tuple[int, ...]], Any]:
        return lambda size: (number(size), number(size))

    pair = ints(100)(shape), ints(100)(shape)
    yield "random, directed", (*pair, steps(shape, both(ints(100))))
    floats = rng.random(shape), rng.random(shape), steps(shape, both(rng.random))
    yield "random, directed, floats", floats
    yield "weak edges (0..9, terminals 0..99)", (*pair, steps(shape, ints(10)))
    yield "strong edges (0..999, terminals 0..99)", (*pair, steps(shape, ints(1000)))

    image = transform.resize(data.camera() / 255, shape, anti_aliasing=n < 512)
    image = image + rng.normal(0, 0.01, shape)
    differences = [np.diff(image, axis=axis) ** 2 for axis in (0, 1)]
    beta = 1 / (2 * np.concatenate([part.ravel() for part in differences]).mean())
    contrast = [np.exp(-beta * part) for part in differences]
    dark, light = np.percentile(image, [20, 80])
    unary = 20 * (image - light) ** 2, 20 * (image - dark) ** 2

    def whole(array: np.ndarray) -> np.ndarray:
        return np.rint(100 * array).astype(np.int64)

    yield "photograph, floats", (*unary, [5 * part for part in contrast])
    terminals = whole(unary[0]), whole(unary[1])
    yield "photograph", (*terminals, [whole(5 * part) for part in contrast])
    seeds, ground = np.zeros((2, *shape), dtype=np.int64)
    seeds[n // 3 : n // 3 + n // 10, n // 4 : n // 4 + n // 50 + 1] = 10**5
    seeds[n // 2, n // 3 : n // 2] = 10**5
    ground[: n // 50 + 1, n // 10 : n // 2] = 10**5
    ground[-n // 8 :, -n // 50 - 1 :] = 10**5
    ground[n // 10 : n - n // 10, : n // 100 + 1] = 10**5
    yield "scribbles on a photograph", (seeds, ground, [whole(20 * part) + 1 for part in contrast])
    yield "left to right", box(shape)
    board = np.add.outer(np.arange(n) // (n // 8), np.arange(n) // (n // 8)) % 2
    noisy = (board == 1) ^ (rng.random(shape) < 0.2)
    equal = steps(shape, lambda size: np.full(size, 8))
    yield "noisy chessboard", (np.where(noisy, 10, 0), np.where(noisy, 0, 10), equal)
    few, kind = rng.random(shape) < 0.01, rng.random(shape) < 0.5
    terminals = np.where(few & kind, 1000, 0), np.where(few, 500, 0)
    yield "terminals at every hundredth pixel", (*terminals, steps(shape, ints(100)))


LARGE = (1500, 2000)


def large_photographs() -> Iterator[tuple[str, Problem]]:
    """The photographs and the scribbles of `families`, enlarged."""
    rows, columns = (np.arange(k) * 512 // k for k in LARGE)

    def enlarged(array: np.ndarray, axis: int | None = None) -> np.ndarray:
        picked = rows, columns
        if axis is not None:  # between two pixels of one, nothing was weighed: as at the next pair
            picked = tuple(
                np.minimum(p[: len(p) - (i == axis)], 511 - (i == axis))
                for i, p in enumerate(picked)
            )
        return array[np.ix_(*picked)]

    for name, (source, sink, weights) in families(512):
        if "photograph" in name:
            arcs = [enlarged(w, axis) for axis, w in enumerate(weights)]
            yield name, (enlarged(source), enlarged(sink), arcs)


def box(shape: tuple[int, ...]) -> Problem:
    """A cut between the faces at both ends of the last axis; weights 1..99 in both directions."""
    rng = np.random.default_rng(0)
    source, sink = np.zeros((2, *shape), dtype=np.int64)
    source[..., 0], sink[..., -1] = 600, 600
    weights = steps(shape, lambda size: tuple(rng.integers(1, 100, (2, *size))))
    return source, sink, weights


def corners(shape: tuple[int, ...], length: int) -> Problem:
    """A cut between blocks in opposite corners."""
    source, sink, weights = box(shape)
    source[...], sink[...] = 0, 0
    source[(slice(length),) * len(shape)] = 600
    sink[(slice(-length, None),) * len(shape)] = 600
    return source, sink, weights


def sparse(source: np.ndarray, sink: np.ndarray, weights: list[Any]) -> tuple[float, Any]:
    """The same by `max_flow`."""
    nodes = np.arange(source.size).reshape(source.shape)
    ends: list[list[np.ndarray]] = [[], [], [], []]
    for axis, (forward, backward) in enumerate(pairs(weights)):
        tails = nodes.take(range(nodes.shape[axis] - 1), axis)
        heads = nodes.take(range(1, nodes.shape[axis]), axis)
        for part, array in zip(ends, (tails, heads, forward, backward), strict=True):
            part.append(array.ravel())
    arcs = [np.concatenate(part) for part in ends]
    terminals = {"source_capacity": source.ravel(), "sink_capacity": sink.ravel()}
    flow = subopt.max_flow(*arcs, **terminals)
    return flow.value, flow.source_side


def kinds(quick: bool, runs: int, keep: bool) -> None:
    sizes = [(256, 256)] if quick else [(256, 256), (512, 512), LARGE]
    ratios: dict[str, dict[tuple[int, int], float]] = {}
    for size in sizes:
        print(f"\n{size!s:40}{'subopt':>9}{'PyMaxflow':>11}   times as fast")
        for name, problem in large_photographs() if size == LARGE else families(size[0]):
            value, _ = ours(*problem)
            assert np.isclose(edge_calls(*problem)[0], value, rtol=1e-9), name
            own, lean = medians([partial(f, *problem) for f in (ours, edge_calls)], runs)
            print(f"{name:40}{own:9.1f}{lean:11.1f}   {lean / own:.2f}", flush=True)
            ratios.setdefault(name, {})[size] = lean / own
    if keep:
        record(
            "grid_families",
            "python benchmarks/graph_cuts_grid.py --only families --record",
            ["kind of image", *(f"{h} x {w}" for h, w in sizes)],
            [
                [name, *(f"{row[s]:.1f}" if s in row else "" for s in sizes)]
                for name, row in ratios.items()
            ],
        )


def boxes(quick: bool, runs: int) -> None:
    shapes: list[tuple[int, ...]] = [(64, 64), (300, 300), (24, 24, 24), (8, 4000), (3, 3, 2000)]
    if not quick:
        shapes += [(40, 40, 80), (64, 64, 64), (80, 80, 30), (24, 24, 500), (8, 40000)]
        shapes += [(3, 3, 20000)]
    instances = [(" x ".join(map(str, shape)), box(shape)) for shape in shapes]
    instances += [("corners of 300 x 300", corners((300, 300), 60))]
    instances += [("corners of 40 x 40 x 40", corners((40, 40, 40), 8))]
    print(f"\n{'face to face':24}{'grid_cut':>10}{'max_flow':>10}   grid_cut / max_flow")
    for name, problem in instances:
        value, side = ours(*problem)
        other, same = sparse(*problem)
        assert value == other, name
        assert (side.ravel() == same).all(), name
        # of the process: `max_flow` works in a thread of its own where Ctrl-C has to end it
        calls = [partial(f, *problem) for f in (ours, sparse)]
        own, graph_ = medians(calls, runs, time.process_time)
        print(f"{name:24}{own:10.1f}{graph_:10.1f}   {own / graph_:.2f}", flush=True)


def loop(source: np.ndarray, sink: np.ndarray, weights: list[Any]) -> list[float]:
    """PyMaxflow grid after grid; the ends of the arcs are computed once."""
    nodes = np.arange(source[0].size).reshape(source[0].shape)
    ends = [
        (nodes.take(range(n - 1), axis).ravel(), nodes.take(range(1, n), axis).ravel())
        for axis, n in enumerate(nodes.shape)
    ]
    forward, backward = ([w[i].reshape(len(source), -1) for w in weights] for i in (0, 1))
    values = []
    for b in range(len(source)):
        g = maxflow.GraphFloat(nodes.size, 2 * nodes.size)
        g.add_nodes(nodes.size)
        for axis, (tails, heads) in enumerate(ends):
            g.add_edges(tails, heads, forward[axis][b], backward[axis][b])
        g.add_grid_tedges(nodes, source[b], sink[b])
        values.append(g.maxflow())
        g.get_grid_segments(nodes)
    return values


def spin(n: int) -> float:
    """Only compute: what more threads give at best, in the same minute."""
    x = 0.5
    for _ in range(n):
        x = 3.7 * x * (1 - x)
    return x


def spins(kernel: Callable[[int], float], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(kernel, [20_000_000 // threads] * threads))


def many(count: int, runs: int) -> None:
    print(f"\n{count} grids in one call, float: ms of CPU; two threads by the clock")
    print(f"{'':12}{'subopt':>9}{'loop':>9}   loop / subopt   one / two threads   only compute")
    rng = np.random.default_rng(1)
    kernel = numba.njit(nogil=True)(spin)
    spins(kernel, 1)
    for n in (4, 8, 16):
        source, sink = rng.random((2, count, n, n))
        down, right = (count, n - 1, n), (count, n, n - 1)
        weights = [(rng.random(size), rng.random(size)) for size in (down, right)]
        values = subopt.grid_cut_many(source, sink, weights, threads=1).values
        assert np.allclose(values, loop(source, sink, weights), rtol=1e-9)

        problem = source, sink, weights
        one, two = (partial(subopt.grid_cut_many, *problem, threads=k) for k in (1, 2))
        own, peer = medians([one, partial(loop, *problem)], runs)
        # what a second thread gives changes by the minute where cores are shared
        calls = [one, two, *(partial(spins, kernel, threads) for threads in (1, 2))]
        times = medians(calls, 3 * runs, time.perf_counter)
        gains = f"{times[0] / times[1]:20.2f}{times[2] / times[3]:15.2f}"
        print(f"{n}x{n:<10}{own:9.1f}{peer:9.1f}   {peer / own:13.2f}{gains}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the small problems only")
    parser.add_argument("--record", action="store_true", help="keep the table of families")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--only",
        choices=("one", "families", "boxes", "many"),
        help="one grid per call, ten kinds of images, opposite faces of boxes, or many grids",
    )
    options = parser.parse_args()
    parts = {
        "one": partial(one_by_one, options.quick, options.runs),
        "families": partial(kinds, options.quick, options.runs, options.record),
        "boxes": partial(boxes, options.quick, options.runs),
        "many": partial(many, 1000 if options.quick else 10_000, options.runs),
    }
    for name, part in parts.items():
        if options.only in (None, name):
            part()


if __name__ == "__main__":
    main()
