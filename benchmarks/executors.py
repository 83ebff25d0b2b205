"""What `executor=` costs per task, and what it gains.

    python benchmarks/executors.py [--workers 2] [--dask]

The cost of a task is the time of many chunks that do nothing, per chunk and with a given size of
inputs. Then `minimize_many` of functions in Python, with threads, processes and, with `--dask`, a
cluster of processes on this machine.
"""

import argparse
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import numpy as np

from subopt import Function, minimize_many
from subopt._base import executors
from subopt.executors import in_chunks


def nothing(shared, chunk):
    return None


class Tilted:
    """A function of sets in Python."""

    def __init__(self, seed, n=12):
        self.weights = np.random.default_rng(seed).normal(size=n)

    def __call__(self, mask):
        return float(np.sqrt(mask.sum()) + self.weights[mask].sum())


@contextmanager
def dask_cluster(workers):
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    )
    with cluster, Client(cluster) as client:
        yield client


def per_task(executor, size, tasks=200):
    """Milliseconds per chunk that does nothing and has so many bytes."""
    chunk = bytes(size)
    before = executors.GROWTH
    executors.GROWTH = 1  # one item per chunk
    try:
        list(in_chunks(executor, nothing, 8, lambda begin, end: chunk))
        begin = time.perf_counter()
        list(in_chunks(executor, nothing, tasks, lambda begin, end: chunk))
        return (time.perf_counter() - begin) / tasks * 1e3
    finally:
        executors.GROWTH = before


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dask", action="store_true")
    parser.add_argument("--problems", type=int, default=200)
    options = parser.parse_args()

    def processes(workers):
        return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))

    kinds = {"processes": processes}
    if options.dask:
        kinds["dask"] = dask_cluster
    problems = [Function(12, Tilted(seed)) for seed in range(options.problems)]
    minimize_many(problems[:2])
    begin = time.perf_counter()
    expected = [answer.value for answer in minimize_many(problems, threads=1)]
    alone = time.perf_counter() - begin
    begin = time.perf_counter()
    minimize_many(problems, threads=options.workers)
    print(f"one thread {alone:.2f} s, threads {time.perf_counter() - begin:.2f} s")
    for name, opened in kinds.items():
        with opened(options.workers) as executor:
            costs = ", ".join(
                f"{size:,} bytes {per_task(executor, size):.2f} ms" for size in (0, 10**5, 10**6)
            )
            minimize_many(problems[: 4 * options.workers], executor=executor)  # kernels are loaded
            begin = time.perf_counter()
            answers = minimize_many(problems, executor=executor)
            took = time.perf_counter() - begin
            assert [answer.value for answer in answers] == expected
            print(f"{name}: {took:.2f} s; per task {costs}")


if __name__ == "__main__":
    main()
