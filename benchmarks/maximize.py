"""`maximize` next to apricot and submodlib: facility location and coverage, k = 100.

    pip install apricot-select submodlib-py        # each is left out where it is not installed
    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/maximize.py [--runs 3] [NAME ...]

Seconds of CPU from a matrix in memory to a set, the building of the function included; the median
of `--runs`. All programs get the same matrix, and all values are computed by `subopt`. `fast` is
``effort="fast"``, whose bound takes two sets; `default` also tries exchanges and tightens the
bound. `proven` is value / upper bound, `ratio` the time of the fastest other program over ours.
"""

import argparse
import contextlib
import importlib.util
import io
import statistics
import time

import numpy as np
import scipy.sparse as sp

from subopt import Coverage, FacilityLocation, maximize

K = 100


def points(rng, n):
    """Points around 50 centers in 8 dimensions."""
    return rng.normal(size=(50, 8))[rng.integers(0, 50, n)] + 0.5 * rng.normal(size=(n, 8))


def dense(n):
    X = points(np.random.default_rng(0), n)
    square = (X**2).sum(axis=1)
    distance = np.maximum(square[:, None] + square - 2 * X @ X.T, 0)
    similarity = np.exp(-(distance + distance.T) / 16)
    return similarity, FacilityLocation


def sparse(n, neighbors=64):
    from scipy.spatial import KDTree

    X = points(np.random.default_rng(0), n)
    distance, near = KDTree(X).query(X, neighbors)
    rows = np.arange(n + 1) * neighbors
    similarity = sp.csr_matrix((np.exp(-(distance.ravel() ** 2) / 2), near.ravel(), rows))
    return similarity, FacilityLocation


def coverage(n, items=20_000):
    """Sets of heavy-tailed sizes over items of unequal popularity."""
    rng = np.random.default_rng(0)
    sizes = np.minimum((rng.pareto(1.5, n) * 5 + 1).astype(int), 2000)
    columns = (items * rng.random(sizes.sum()) ** 2).astype(int)
    rows = np.repeat(np.arange(n), sizes)
    members = sp.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, items)).tocsr()
    members.data[:] = 1.0
    return members, Coverage


INSTANCES = {
    "dense5000": (dense, 5_000),
    "sparse50000": (sparse, 50_000),
    "coverage1e5": (coverage, 100_000),
}


def ours(matrix, family, effort):
    F = family(matrix)
    return maximize(F, K, effort=effort)


def apricot(matrix, family):
    import apricot as peer

    if family is FacilityLocation:
        model = peer.FacilityLocationSelection(K, metric="precomputed", optimizer="lazy")
        matrix = matrix.T.tocsr() if sp.issparse(matrix) else matrix  # its elements are rows
    else:
        model = peer.MaxCoverageSelection(K, optimizer="lazy")
    return model.fit(matrix).ranking


def submodlib(matrix, family):
    n = matrix.shape[0]
    with contextlib.redirect_stdout(io.StringIO()):
        if family is Coverage:
            from submodlib.functions.setCover import SetCoverFunction

            sets = [set(row.tolist()) for row in np.split(matrix.indices, matrix.indptr[1:-1])]
            f = SetCoverFunction(n=n, cover_set=sets, num_concepts=matrix.shape[1])
        else:
            from submodlib.functions.facilityLocation import FacilityLocationFunction as Peer

            if sp.issparse(matrix):
                f = Peer(n=n, mode="sparse", sijs=matrix, num_neighbors=64)
            else:
                f = Peer(n=n, mode="dense", sijs=matrix, separate_rep=False)
        found = f.maximize(budget=K, optimizer="LazyGreedy", show_progress=False)
    return [i for i, _ in found]


PEERS = {"apricot": apricot, "submodlib": submodlib}


def seconds(solve, *arguments):
    begin = time.process_time()
    answer = solve(*arguments)
    return time.process_time() - begin, answer


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=list(INSTANCES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", nargs="*", default=list(PEERS))
    options = parser.parse_args()
    peers = [name for name in options.peers if importlib.util.find_spec(name)]
    for name in options.names:
        make, n = INSTANCES[name]
        small, family = make(400)
        for effort in ("fast", "default"):  # compiles
            ours(small, family, effort)
        matrix, family = make(n)
        F, best = family(matrix), np.inf
        for peer in peers:
            try:
                PEERS[peer](small, family)
                taken, chosen = seconds(PEERS[peer], matrix, family)
            except Exception as error:
                print(f"{name:>12} {peer:>10} does not run: {type(error).__name__}: {error}")
                continue
            best = min(best, taken)
            print(f"{name:>12} {peer:>10} {taken:8.3f} s  value {F(chosen):.6f}", flush=True)
        for effort in ("fast", "default"):
            runs = [seconds(ours, matrix, family, effort) for _ in range(options.runs)]
            taken, result = statistics.median(run[0] for run in runs), runs[0][1]
            assert result.check(F) <= result.gap + 1e-6 * result.value
            print(
                f"{name:>12} {effort:>10} {taken:8.3f} s  value {result.value:.6f}  proven "
                f"{result.ratio:.4f}  ratio {best / taken:.1f}  {result.method}",
                flush=True,
            )


if __name__ == "__main__":
    main()
