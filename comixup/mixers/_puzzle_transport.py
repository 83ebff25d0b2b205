"""Transport: the permutation of the patches of an image that shows its salient patches.

For a mask w, patches move to minimize

    sum_i cost * distance(i, o(i)) - saliency[o(i)] w[i]

over permutations o, where patch i shows patch o(i). This is an assignment problem, solved exactly
by shortest augmenting paths (Jonker and Volgenant, "A shortest augmenting path algorithm for dense
and sparse linear assignment problems", Computing 38, 1987). The dual variables start at the minima
of the columns, so that only patches that want the same position enter the search; most patches do
not move.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from comixup._base.types import Array
from subopt.compiling import njit


def distances(grid: tuple[int, ...], shapes: Array) -> Array:
    """Return L1 distances (N, N) in patches; infinite between patches of different shapes."""
    at = np.stack([a.reshape(-1) for a in np.indices(grid)], axis=1)
    distance = np.abs(at[:, None] - at[None]).sum(axis=2).astype(np.float64)
    return np.where(shapes[:, None] == shapes, distance, np.inf)


def best_moves(saliency: Array, shows: Array, distance: Array, cost: float) -> Array:
    """Return the permutations (P, N) of patches: the origin of the patch shown at each position.

    Parameters
    ----------
    saliency, shows : ndarray of shape (P, N)
    distance : ndarray of shape (N, N)
        Infinite where a move is not possible; zero on the diagonal.
    cost : float
        Cost per patch of distance.

    Examples
    --------
    >>> line = distances((4,), np.zeros(4, dtype=int))
    >>> best_moves(np.array([[0.0, 0.1, 0.0, 0.9]]), np.array([[1.0, 1.0, 0.0, 0.0]]), line, 0.1)
    array([[0, 3, 2, 1]])
    """
    saliency, shows = (np.ascontiguousarray(a, dtype=np.float64) for a in (saliency, shows))
    origins = np.empty(saliency.shape, dtype=np.int64)
    # Twice the largest gain forbids a move: none pays for it, and the sums stay finite.
    N = len(distance)
    possible = np.isfinite(distance)
    travel = cost * np.where(possible, distance, 0.0)
    forbidden = 2 * N * (1 + travel.max() + saliency.max() * shows.max())
    _assign_all(saliency, shows, np.where(possible, travel, forbidden), origins)
    return origins


class _Costs(NamedTuple):
    """Origin o at place i costs ``travel[i, o] - saliency[o] * shows[i]``."""

    saliency: Array  # (N,) float64
    shows: Array  # (N,) float64
    travel: Array  # (N, N) float64, from row to column


class _Moves(NamedTuple):
    """Which origin goes where, and workspace of the search."""

    origins: Array  # (N,) int64, of each place; -1 for none so far
    place_of: Array  # (N,) int64, of each origin
    price: Array  # (N,) float64, the dual variable of each origin
    least: Array  # (N,) float64, reduced cost of the way from the free place to each origin
    parent: Array  # (N,) int64, the place before on this way
    done: Array  # (N,) bool, whether that is final


@njit
def _assign_all(saliency, shows, travel, origins):
    """Solve P assignment problems of N patches; see `_Costs`.

    saliency, shows : (P, N) float64
    travel : (N, N) float64
        Costs of moves.
    origins : (P, N) int64
        Receives the origin of each place.
    """
    P, N = saliency.shape
    price, least = np.empty(N), np.empty(N)
    place_of, parent = np.empty(N, dtype=np.int64), np.empty(N, dtype=np.int64)
    done = np.empty(N, dtype=np.bool_)
    for p in range(P):
        costs = _Costs(saliency[p], shows[p], travel)
        moves = _Moves(origins[p], place_of, price, least, parent, done)
        _take_cheapest(costs, moves)
        for free in range(N):
            if moves.origins[free] == -1:
                _augment(free, costs, moves)


@njit
def _take_cheapest(costs, moves):
    """Column reduction: every origin wants its cheapest place, the first one there gets it."""
    saliency, shows, travel = costs.saliency, costs.shows, costs.travel
    origins, place_of, price = moves.origins, moves.place_of, moves.price
    N = len(saliency)
    origins[:] = -1
    place_of[:] = -1
    for o in range(N):
        best = o
        lowest = travel[o, o] - saliency[o] * shows[o]
        if saliency[o] > 0:
            for i in range(N):
                c = travel[i, o] - saliency[o] * shows[i]
                if c < lowest:
                    lowest = c
                    best = i
        price[o] = lowest
        if origins[best] == -1:
            origins[best] = o
            place_of[o] = best


@njit
def _augment(free, costs, moves):
    """Give a free place an origin, and move those that give way to it."""
    saliency, shows, travel = costs.saliency, costs.shows, costs.travel
    origins, place_of, price = moves.origins, moves.place_of, moves.price
    least, parent, done = moves.least, moves.parent, moves.done
    N = len(saliency)
    for o in range(N):
        least[o] = travel[free, o] - saliency[o] * shows[free] - price[o]
        parent[o] = free
        done[o] = False
    # Dijkstra over origins, by reduced costs, to the nearest one without a place
    while True:
        end = -1
        for o in range(N):
            if not done[o] and (end == -1 or least[o] < least[end]):
                end = o
        done[end] = True
        i = place_of[end]
        if i == -1:
            break
        base = least[end] - (travel[i, end] - saliency[end] * shows[i] - price[end])
        for o in range(N):
            if not done[o]:
                c = base + travel[i, o] - saliency[o] * shows[i] - price[o]
                if c < least[o]:
                    least[o] = c
                    parent[o] = i
    for o in range(N):
        if done[o] and o != end:
            price[o] += least[o] - least[end]
    o = end
    while True:
        i = parent[o]
        place_of[o] = i
        previous = origins[i]
        origins[i] = o
        if i == free:
            break
        o = previous
