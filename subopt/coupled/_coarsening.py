"""Coarse versions of a coupled labeling problem: blocks of patches that share one label.

A labeling of a coarse level is a labeling of the problem itself, constant on blocks of 2^d patches,
with the same energy: unary costs and sizes add up over a block, smoothness over the patch pairs
that join two blocks. Block moves that single patches cannot make are cheap there.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from subopt._base.types import Array
from subopt.coupled._state import Level
from subopt.coupled.problem import CoupledLabelingProblem
from subopt.labeling._grid_edges import neighbors

COARSEST = 16  # patches; a grid this small is searched as it is
SLACK = 1.5e-4
"""Changes of prices below this share of a typical cost do not call for another visit."""


class Graph(NamedTuple):
    """A grid graph whose nodes are blocks of patches."""

    grid: tuple[int, ...]
    indptr: Array  # (n + 1,)
    indices: Array  # (2 E,)
    pairs: Array  # (2 E,) pairs of patches that an edge stands for
    degree: Array  # (n,) sum of pairs
    size: Array  # (n,) patches in a node
    parent: Array  # (n,) node of the next coarser graph


@lru_cache(maxsize=32)
def graphs(grid: tuple[int, ...]) -> tuple[Graph, ...]:
    """Return the graphs of all levels, finest first."""
    tails, heads = neighbors(grid)
    size: Array = np.ones(math.prod(grid))
    found = []
    while True:
        coarse = tuple(-(-length // 2) for length in grid)
        block = np.ravel_multi_index(tuple(axis // 2 for axis in np.indices(grid)), coarse).ravel()
        found.append(_graph(grid, tails, heads, size, block))
        if len(block) <= COARSEST:
            return tuple(found)
        tails, heads = block[tails], block[heads]
        tails, heads = tails[tails != heads], heads[tails != heads]
        size = np.bincount(block, weights=size)
        grid = coarse


def _graph(grid: tuple[int, ...], tails: Array, heads: Array, size: Array, parent: Array) -> Graph:
    n = len(size)
    keys, pairs = np.unique(
        np.concatenate([tails * n + heads, heads * n + tails]), return_counts=True
    )
    indptr = np.searchsorted(keys, np.arange(n + 1) * n)
    degree = np.bincount(keys // n, weights=pairs, minlength=n)
    return Graph(grid, indptr, keys % n, pairs.astype(np.float64), degree, size, parent)


def levels(problem: CoupledLabelingProblem) -> tuple[list[Level], float]:
    """Return the problem at all resolutions, finest first, and the cost that all labelings pay.

    Every patch of every output takes one input, so that the least cost of a patch is a constant. It
    is subtracted: numbers that all labelings pay must not decide how the others are rounded.
    """
    L, N, J = problem.levels, problem.n_patches, problem.n_outputs
    free = problem.gate
    A = problem.compatibility / L
    pull = problem.smoothness / (N * L**2)
    cost = problem.unary.reshape(len(problem.unary), -1).T
    lowest = cost.min(axis=1)
    cost = (cost - lowest[:, None]) / L
    # what differences of costs look like; forbidding with huge numbers does not change a median
    middle = cost.size // 2
    typical = float(np.partition(cost, middle, axis=None)[middle]) + problem.smoothness / (L * N)
    finest, *_ = hierarchy = graphs(problem.grid)
    grid = finest.grid
    found = []
    for graph in hierarchy:
        if graph is not finest:
            cost = cost.reshape(*grid, -1)
            for axis, length in enumerate(grid):
                cost = np.add.reduceat(cost, np.arange(0, length, 2), axis=axis)
        grid = graph.grid
        unit = N / len(graph.size)
        found.append(
            Level(
                cost=np.ascontiguousarray(cost.reshape(len(graph.size), -1)),
                indptr=graph.indptr,
                indices=graph.indices,
                pull=pull * graph.pairs,
                degree=pull * graph.degree,
                size=graph.size,
                A=A,
                gamma=problem.coupling / (N * L),
                free=free,
                offset=free if problem.threshold_kind == "soft" else 0.0,
                unit=unit,
                slack=SLACK * typical * unit,
                coupled=bool(np.count_nonzero(A) > np.count_nonzero(A.diagonal())),
            )
        )
    return found, J * math.fsum(lowest)
