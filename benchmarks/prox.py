"""Total variation denoising: `prox` of cut functions against prox_tv (BSD, from PyPI).

    OMP_NUM_THREADS=1 python benchmarks/prox.py [--repeat 3] [--sides 128 256 512] [--record]

Milliseconds of CPU time, medians, one thread. `build` is the time to make the function F, `prox`
that of the call. Columns of prox_tv are left out where it is not installed (it needs a compiler and
LAPACK). In one dimension both are exact. In two, prox_tv iterates to its own tolerance; `error` is
the largest difference between its answer and ours, and `above` how far its objective is above ours,
relative to it.
"""

import argparse
import statistics
import time

import numpy as np
from tables import record

from subopt import Cut, prox

try:
    import prox_tv
except ImportError:
    prox_tv = None


def steps(n, rng):
    """Return a signal of n / 50 steps of random heights, with noise as large as a step."""
    return np.repeat(rng.normal(size=-(-n // 50)), 50)[:n] + rng.normal(size=n)


def disks(side, rng):
    """Return a picture of side / 8 disks on each other, with noise."""
    picture = np.zeros((side, side))
    rows, columns = np.mgrid[:side, :side]
    for _ in range(side // 8):
        r, c, radius = rng.random(3) * (side, side, side / 6)
        picture[np.hypot(rows - r, columns - c) < radius] = rng.random()
    return picture + rng.normal(scale=0.2, size=picture.shape)


def timed(function, repeat):
    """Return the median of milliseconds, and the last result."""
    times = []
    for _ in range(repeat):
        begin = time.process_time()
        result = function()
        times.append(1e3 * (time.process_time() - begin))
    return statistics.median(times), result


def compare(name, weights, y, peer, repeat):
    """Print a line, and return our times, that of a peer, and how far its answer is above ours."""
    build, F = timed(lambda: Cut.grid(y.shape, weights), repeat)
    y = y.ravel()
    prox(F, y)  # may compile what other signals did not need
    ours, w = timed(lambda: prox(F, y), repeat)
    line, found = f"{name:40} {build:9.1f} {ours:9.1f}", [build, ours]
    if prox_tv is not None:
        theirs, x = timed(lambda: np.asarray(peer()).ravel(), repeat)
        at_w, at_x = (F.lovasz(v) + ((v - y) ** 2).sum() / 2 for v in (w, x))
        above = (at_x - at_w) / at_w
        line += f" {theirs:9.1f} {theirs / ours:7.2f} {np.abs(x - w).max():9.1e} {above:9.1e}"
        found += [theirs, above]
    print(line, flush=True)
    return found


def row(name, measured):
    """Return a line of the table in docs: the range of each number over several weights."""
    cells = [name]
    for k, numbers in enumerate(zip(*measured, strict=True)):
        low, high = min(numbers), max(numbers)
        if k == 3:
            shown = [f"{x:.0e}".replace("e-0", "e-") if x > 1e-12 else "0" for x in (low, high)]
            unit = ""
        else:
            unit = "s" if high >= 99.5 else "ms"
            shown = [f"{x / (1000 if unit == 's' else 1):.2g}" for x in (low, high)]
        text = shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"
        cells.append(f"{text} {unit}".strip())
    return cells


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--sides", type=int, nargs="*", default=[128, 256, 512])
    parser.add_argument("--record", action="store_true", help="keep the table of docs")
    options = parser.parse_args()
    prox(Cut.grid(100), np.arange(100.0))  # compiles
    rng = np.random.default_rng(0)
    prox(Cut.grid((128, 128), 0.1), disks(128, rng).ravel())
    prox(Cut.grid((8, 8)), np.arange(64.0))
    print(f"{'':40} {'build':>9} {'prox':>9} {'prox_tv':>9} {'ratio':>7} {'error':>9} {'above':>9}")
    rows = []
    for n in options.sizes:
        y, measured = steps(n, rng), []
        for scale in (0.1, 1, 10):
            name = f"path, n = {n:,}, weight {scale}"
            measured.append(compare(name, float(scale), y,
                            lambda y=y, s=scale: prox_tv.tv1_1d(y, s), options.repeat))  # fmt: skip
        rows.append(row(f"path, n = {n:,}, weights 0.1 to 10", measured))
        weights = rng.random(n - 1)
        compare(f"path, n = {n:,}, own weights", [weights], y,
                lambda y=y, w=weights: prox_tv.tv1w_1d(y, w), options.repeat)  # fmt: skip
    for side in options.sides:
        y = disks(side, rng)
        repeat = options.repeat if side < 512 else 1
        for more, limits in (("", {}), (", 300 iterations", {"max_iters": 300})):
            measured = [
                compare(f"{side} x {side}{more}, weight {scale}", scale, y,
                        lambda y=y, s=scale, o=limits: prox_tv.tv1_2d(y, s, **o), repeat)
                for scale in (0.1, 0.5)
            ]  # fmt: skip
            rows.append(row(f"{side} x {side}{more}", measured))
    if options.record:
        columns = ["signal", "`Cut.grid`", "`prox`", "prox_tv", "above the minimum"]
        record("prox", "python benchmarks/prox.py", columns, rows)


if __name__ == "__main__":
    main()
