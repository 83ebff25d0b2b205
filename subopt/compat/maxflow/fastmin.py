"""Expansion and swap moves on grids: each move is one minimum cut.

A grid has pairs of neighbors along its axes. Programs with other graphs, or that want a bound on
the energy, use `subopt.alpha_expansion` and `subopt.alpha_beta_swap`.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Iterable
from itertools import combinations, count
from typing import Any, NamedTuple

import numpy as np

from subopt._base.types import Array
from subopt.compat import _table_moves
from subopt.compat.maxflow._arcs import Lattice
from subopt.compat.maxflow._graph import GraphFloat, GraphInt
from subopt.compat.maxflow._numbers import whole
from subopt.labeling._grid_edges import neighbors

__all__ = [
    "abswap_grid",
    "abswap_grid_step",
    "aexpansion_grid",
    "aexpansion_grid_step",
    "energy_of_grid_labeling",
]

_EXACT = 2.0**52  # ints below are exact as floats
_FEW = 1 << 15  # nodes and pairs: a swap of so many is one compiled call, which Ctrl-C waits for

logger = logging.getLogger(__name__)


def energy_of_grid_labeling(unary: Array, binary: Array, labels: Array) -> Any:
    """Return the energy of a labeling of a grid.

    Parameters
    ----------
    unary : ndarray, shape (S1, ..., SN, L)
        Cost of each label at each node.
    binary : ndarray, shape (L, L)
        Cost of each pair of labels at neighbors: at ``[g, f]`` for g after f along an axis.
    labels : ndarray of int, shape (S1, ..., SN)
        The labeling.

    Returns
    -------
    int or float

    Raises
    ------
    ValueError
        If labels have another shape than the nodes.
    IndexError
        If there is no such label.
    """
    unary, binary, labels = np.asarray(unary), np.asarray(binary), np.asarray(labels, dtype=np.intp)
    if unary.ndim == 0 or labels.shape != unary.shape[:-1]:
        raise ValueError(
            f"labels needs the shape of the nodes of unary, {unary.shape[:-1]}, got {labels.shape}"
        )
    k = unary.shape[-1]
    if labels.size and not -k <= labels.min() <= labels.max() < k:
        raise IndexError(f"There are {k} labels, got {labels.min()} to {labels.max()}")
    return _energy(unary, binary, labels % k)


def _energy(unary: Array, binary: Array, labels: Array) -> Any:
    """Return the energy of labels that are in the range."""
    labels = labels.astype(np.intp, copy=False)
    energy = _at_labels(unary, labels).sum()
    for axis in range(labels.ndim):
        tail, head = _neighbors(labels, axis)
        energy = energy + np.take(binary, head * len(binary) + tail).sum()
    return energy


def aexpansion_grid(
    unary: Array, binary: Array, max_cycles: int | None = None, labels: Array | None = None
) -> Array:
    """Minimize an energy by expansion moves until none helps.

    Parameters
    ----------
    unary : ndarray of int64 or float64, shape (S1, ..., SN, L)
        Cost of each label at each node.
    binary : ndarray, of the same dtype, shape (L, L)
        Cost of each pair of labels at neighbors: a metric. An infinite cost forbids a pair.
    max_cycles : int, optional
        Largest number of cycles over all labels.
    labels : ndarray of int, shape (S1, ..., SN), optional
        The first labeling, which is overwritten. By default the labels of least unary cost.

    Returns
    -------
    ndarray of int, shape (S1, ..., SN)

    Raises
    ------
    ValueError, RuntimeError
        If an argument is not as described, or the type of the labels has no room for a label.

    Examples
    --------
    >>> unary = np.array([[0, 5, 9], [4, 3, 9], [5, 0, 9], [9, 9, 0]])
    >>> aexpansion_grid(unary, 2 * (1 - np.eye(3, dtype=int)))
    array([0, 1, 1, 2], dtype=int8)
    """
    unary, binary, labels = _problem(unary, binary, labels)
    binary = _finite(unary, binary, labels)
    best = None
    for cycle in _cycles(max_cycles):
        improved = False
        for alpha in range(unary.shape[-1]):
            energy, _ = _expand(alpha, unary, binary, labels)
            if best is None or energy < best:
                best, improved = energy, True
        logger.info("Expansions, cycle %d: energy %s", cycle, best)
        if not improved:
            break
    return labels


def abswap_grid(
    unary: Array, binary: Array, max_cycles: int | None = None, labels: Array | None = None
) -> Array:
    """Minimize an energy by swap moves until none helps.

    Parameters
    ----------
    unary : ndarray of int64 or float64, shape (S1, ..., SN, L)
        Cost of each label at each node.
    binary : ndarray, of the same dtype, shape (L, L)
        Cost of each pair of labels at neighbors: symmetric, >= 0, and 0 for equal labels. An
        infinite cost forbids a pair.
    max_cycles : int, optional
        Largest number of cycles over all pairs of labels.
    labels : ndarray of int, shape (S1, ..., SN), optional
        The first labeling, which is overwritten, but not always by the answer. By default the
        labels of least unary cost.

    Returns
    -------
    ndarray of int, shape (S1, ..., SN)

    Raises
    ------
    ValueError, RuntimeError
        If an argument is not as described, or the type of the labels has no room for a label.

    Examples
    --------
    >>> unary = np.array([[0, 5, 9], [4, 3, 9], [5, 0, 9], [9, 9, 0]])
    >>> abswap_grid(unary, 2 * (1 - np.eye(3, dtype=int)))
    array([0, 1, 1, 2], dtype=int8)
    """
    unary, binary, labels = _problem(unary, binary, labels)
    binary = _finite(unary, binary, labels)
    compiled = _compiled(unary, binary)
    best, now = None, labels
    for cycle in _cycles(max_cycles):
        improved = False
        for alpha, beta in combinations(range(unary.shape[-1]), 2):
            if compiled is None:
                _swap(alpha, beta, unary, binary, now)
            else:
                flat = now.ravel().astype(np.int32)
                _table_moves.swap(*compiled, np.int64(beta), np.int64(alpha), flat)
                _write(now, ..., flat.reshape(now.shape))
            energy = _energy(unary, binary, now)
            if best is None or energy < best:
                best, improved, least = energy, True, now.copy()
            else:
                now = least  # and no copy: of several ties only the first is undone
        logger.info("Swaps, cycle %d: energy %s", cycle, best)
        if not improved:
            break
    return now


def aexpansion_grid_step(alpha: int, D: Array, V: Array, labels: Array) -> tuple[Any, Any]:
    """Let every node keep its label or take a given one, at least cost.

    Parameters
    ----------
    alpha : int
        The label.
    D, V, labels
        As `unary`, `binary` and `labels` of `aexpansion_grid`. Labels are overwritten.

    Returns
    -------
    energy : int or float
        Energy of the new labeling, if V is a metric.
    graph : GraphInt or GraphFloat
        The graph that was cut: one node per node of the grid, and edges between neighbors.

    Raises
    ------
    ValueError, RuntimeError
        If an argument is not as described, or the type of the labels has no room for a label.
    """
    (alpha,) = _check(D, V, labels, alpha)
    finite = _finite(D, V, labels)
    energy, graph = _expand(alpha, D, finite, labels)
    if finite is not V:
        energy = energy_of_grid_labeling(D, V, labels).item()
    return energy, graph


def _expand(alpha: int, D: Array, V: Array, labels: Array) -> tuple[Any, Any]:
    """Make an expansion of a checked problem with finite costs of pairs."""
    own = labels.astype(np.intp)
    take, keep = D[..., alpha], _at_labels(D, own)
    take = take.copy()
    table, constant, parts = _expansion_terms(V, alpha), 0, []
    for axis in range(own.ndim):
        tail, head = _neighbors(own, axis)
        pair = tail * len(V) + head
        tail_cost, head_cost = _neighbors(take, axis)
        tail_cost += np.take(table.tail, pair)
        head_cost += np.take(table.head, pair)
        constant += np.take(table.both_keep, pair).sum().item()
        parts.append((axis, np.take(table.forward, pair), np.take(table.backward, pair)))
    energy, graph, moved = _cut(take, keep, parts)
    _write(labels, moved, np.full(np.count_nonzero(moved), alpha))
    return energy + constant, graph


def abswap_grid_step(alpha: int, beta: int, D: Array, V: Array, labels: Array) -> tuple[Any, Any]:
    """Let every node with one of two labels choose between them, at least cost.

    Parameters
    ----------
    alpha, beta : int
        The labels.
    D, V, labels
        As `unary`, `binary` and `labels` of `abswap_grid`. Labels are overwritten.

    Returns
    -------
    energy : int or float
        What these nodes cost, with all their neighbors.
    graph : GraphInt or GraphFloat
        The graph that was cut: one node per node of the grid, and edges between neighbors that both
        have one of the labels.

    Raises
    ------
    ValueError, RuntimeError
        If an argument is not as described, or the type of the labels has no room for a label.
    """
    alpha, beta = _check(D, V, labels, alpha, beta)
    return _swap(alpha, beta, D, _finite(D, V, labels), labels)


def _swap(alpha: int, beta: int, D: Array, V: Array, labels: Array) -> tuple[Any, Any]:
    """Make a swap of a checked problem with finite costs of pairs."""
    own = labels.astype(np.intp)
    active = (own == alpha) | (own == beta)
    parts, costs = [], []
    for label in (alpha, beta):
        # what neighbors with other labels cost, all of whose places are fixed
        beside = V[label].copy()
        beside[[alpha, beta]] = 0
        near, cost = np.take(beside, own), D[..., label].copy()
        for axis in range(own.ndim):
            for cost_here, near_there in zip(
                _neighbors(cost, axis), reversed(_neighbors(near, axis)), strict=True
            ):
                cost_here += near_there
        costs.append(np.where(active, cost, 0))
    for axis in range(own.ndim):
        inside = np.logical_and(*_neighbors(active, axis))
        weight = np.where(inside, V[alpha, beta], 0)
        parts.append((axis, weight, weight))
    energy, graph, moved = _cut(costs[0], costs[1], parts)
    _write(labels, active, np.where(moved[active], alpha, beta))
    return energy, graph


def _write(labels: Array, places: Any, new: Array) -> None:
    """Set labels in place, or raise if their type has no room for them."""
    most = np.iinfo(labels.dtype).max
    if new.max(initial=0) > most:
        raise ValueError(
            f"labels of type {labels.dtype} have no room for label {new.max()}, which a node "
            "takes. Pass labels of a larger type, such as labels.astype(int)."
        )
    labels[places] = new


def _compiled(D: Array, V: Array) -> tuple[Any, Any] | None:
    """Return what compiled swaps need, or None where they would not be exact or not be swaps."""
    shape, k = D.shape[:-1], D.shape[-1]
    swaps = (V == V.T).all() and (V >= 0).all() and not V.diagonal().any()
    if not swaps or D.size * D.ndim >= _FEW * k or not np.isfinite(D).all():
        return None
    tails, heads = neighbors(shape)
    if not len(tails):
        return None
    if D.dtype.kind == "i":
        most = 2.0 * float(np.abs(D.astype(np.float64)).max()) + 4.0 * D.ndim * float(V.max())
        if most * D.size >= _EXACT:
            return None
    problem = _table_moves.Problem(
        D.reshape(-1, k).astype(np.float64),
        tails.astype(np.int32),
        heads.astype(np.int32),
        np.ones(len(tails)),
        V.astype(np.float64),
    )
    return problem, _table_moves.room(problem)


class _Terms(NamedTuple):
    """Costs of neighbors with labels f, g in an expansion, at f * L + g.

    What is cut is `both_keep`, plus `tail` if the first node moves, `head` if the second does,
    `forward` if only the second does, and `backward` if only the first does.
    """

    both_keep: Array
    tail: Array
    head: Array
    forward: Array
    backward: Array


def _expansion_terms(V: Array, alpha: int) -> _Terms:
    labels = np.arange(len(V))
    f, g = labels[:, None], labels[None, :]
    # A third node between different labels: three edges, of which the cheapest ones are cut. For a
    # metric these minima are V itself.
    left, right, between = V[f, alpha] + 0 * V, V[g, alpha] + 0 * V, np.where(f == g, 0, V)
    keep = np.where(f == g, 0, np.minimum(between, left + right))
    second = np.where(f == g, left, np.minimum(left, right + between))
    first = np.where(f == g, left, np.minimum(right, left + between))
    # a node that has the label is free to move: it costs the same
    second, first = np.where(f == alpha, 0, second), np.where(g == alpha, 0, first)
    keep = np.where(f == alpha, first, np.where(g == alpha, second, keep))
    # no metric: as far as a cut can express it
    total = np.maximum(second + first - keep, 0)
    along = second >= keep
    backward = np.where(along, np.minimum(first, total), total)
    forward = total - backward
    tail = np.where(along, -keep, -second)
    head = np.where(along, 0, second - keep)
    return _Terms(*(part.ravel() for part in (keep, tail, head, forward, backward)))


def _cut(sink: Array, source: Array, parts: list[tuple[int, Array, Array]]) -> Any:
    """Return the value of a cut, its graph, and the nodes on the sink's side.

    `sink` and `source` are what nodes cost on these sides. Parts are an axis and the capacities
    along it, forward and backward.
    """
    graph = (GraphInt if sink.dtype.kind == "i" else GraphFloat)()
    nodes = graph.add_grid_nodes(sink.shape)
    graph.add_grid_tedges(nodes, sink, source)
    for axis, forward, backward in parts:
        if forward.size:
            offset = tuple(int(a == axis) for a in range(sink.ndim))
            open_ends = (False,) * sink.ndim
            graph.add_lattice(Lattice(0, sink.shape, offset, open_ends, forward, backward))
    energy = graph.maxflow()
    return energy, graph, graph.get_grid_segments(nodes)


def _at_labels(unary: Array, labels: Array) -> Array:
    """Return what the label of each node costs."""
    k = unary.shape[-1]
    places = np.arange(0, labels.size * k, k).reshape(labels.shape)
    costs: Array = np.take(np.ascontiguousarray(unary), places + labels)
    return costs


def _neighbors(array: Array, axis: int) -> tuple[Array, Array]:
    """Return the first and the second ones of all pairs along an axis, as views."""
    before = (slice(None),) * axis
    return array[(*before, slice(None, -1))], array[(*before, slice(1, None))]


def _cycles(most: int | None) -> Iterable[int]:
    return count() if most is None else range(operator.index(most))


def _problem(unary: Array, binary: Array, labels: Array | None) -> tuple[Array, Array, Array]:
    """Check what both methods take, and choose first labels."""
    unary, binary = np.asarray(unary), np.asarray(binary)
    k = unary.shape[-1] if unary.ndim else 0
    if binary.shape != (k, k):
        raise ValueError(
            f"binary needs the shape ({k}, {k}), as unary has {k} labels, got {binary.shape}"
        )
    if labels is None:
        labels = np.argmin(unary, axis=-1).astype(np.int8 if k <= 127 else np.int64)
    labels = np.asarray(labels)
    if labels.size and labels.min() < 0:
        raise ValueError(f"labels needs numbers >= 0, but one is {labels.min()}")
    if labels.size and labels.max() >= k:
        raise ValueError(f"labels needs numbers below {k}, but one is {labels.max()}")
    _check(unary, binary, labels)
    return unary, binary, labels


def _check(D: Array, V: Array, labels: Array, *chosen: Any) -> tuple[int, ...]:
    """Check the arguments of a move, and return its labels as ints."""
    chosen = tuple(map(whole, chosen))
    if not all(isinstance(array, np.ndarray) for array in (D, V, labels)):
        raise TypeError("D, V and labels need to be numpy arrays")
    if D.dtype not in (np.int64, np.float64):
        raise RuntimeError(f"The unary costs need dtype int64 or float64, got {D.dtype}")
    if V.dtype != D.dtype:
        raise RuntimeError(
            f"The binary costs need the dtype of the unary costs, {D.dtype}, got {V.dtype}"
        )
    if labels.dtype.kind != "i":
        raise RuntimeError(f"labels needs a signed integer type, got {labels.dtype}")
    if labels.shape != D.shape[:-1]:
        raise RuntimeError(
            f"labels needs the shape of the grid of the unary costs, {D.shape[:-1]}, got "
            f"{labels.shape}"
        )
    for name, part in (("unary", D), ("binary", V)):
        if part.dtype.kind == "f" and not (part > -np.inf).all():
            wrong = part[~(part > -np.inf)].flat[0]
            raise ValueError(f"The {name} costs need numbers above -inf, but one is {wrong}")
    for label in chosen:
        if not 0 <= label < D.shape[-1]:
            raise ValueError(f"There are labels 0..{D.shape[-1] - 1}, got {label}")
    return chosen


def _finite(D: Array, V: Array, labels: Array) -> Array:
    """Return the binary costs with a large number where they are infinite.

    Costs of a pair of labels that is forbidden would cancel in the capacities of a move.
    """
    forbidden = np.isinf(V)
    if not forbidden.any():
        return V
    costs = np.where(np.isinf(D), 0, np.abs(D)).max(axis=-1).sum()
    largest = np.abs(V[~forbidden]).max(initial=0)
    pairs = labels.ndim * labels.size
    # a power of two leaves the digits of the other costs
    return np.where(forbidden, np.exp2(np.ceil(np.log2(2 * (costs + pairs * largest) + 1))), V)
