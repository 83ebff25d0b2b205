"""The minimum cut of what a program has built, as grids where it consists of grids."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.compat.maxflow._arcs import Arcs, Lattice, Parts, all_arcs
from subopt.compat.maxflow._kept import KeptNetwork, keep
from subopt.graph._max_flow import max_flow
from subopt.graph.grid._input import Grids, vector
from subopt.graph.grid._layout import tails
from subopt.graph.grid.cut import grid_cut, solve

_MOST_OFFSETS = 14  # of a grid cut
_EXACT = 2.0**50  # numbers below are exact on grids of ints
_WHOLE = 2.0**60  # sums of ints below are exact on graphs


class Cut(NamedTuple):
    """A minimum cut of least sink side, and what remains of the capacities."""

    value: Any
    sink_side: Array  # (n,) bool
    excess: Array  # (n,) of the problem, as for `minimum_cut`
    flows: list[Any]  # pairs of arcs and their flow, or of lattices and a `GridFlow`

    def residual(self) -> tuple[Array, list[Arcs | Lattice]]:
        """Return the excesses and arcs that the flow leaves, from which a search can go on."""
        excess, parts = self.excess.copy(), list[Arcs | Lattice]()
        for arcs, answer in self.flows:
            if isinstance(answer, np.ndarray):
                sent = answer.astype(excess.dtype, copy=False)
                np.subtract.at(excess, arcs.tails, sent)
                np.add.at(excess, arcs.heads, sent)
                parts.append(_after(arcs, sent))
                continue
            for lattice, flow in zip(arcs, answer.flow, strict=True):
                sent = flow.astype(excess.dtype, copy=False)
                opposite = [-o for o in lattice.offset]
                here, wraps = excess[lattice.nodes].reshape(lattice.shape), lattice.periodic
                here[tails(lattice.offset, lattice.shape, wraps)] -= sent
                here[tails(opposite, lattice.shape, wraps)] += lattice.at_heads(sent)
                parts.append(_after(lattice, sent))
        return excess, parts


def _after(arcs: Any, sent: Array) -> Any:
    # rounding must not leave a capacity below zero
    forward, backward = (
        np.maximum(part, 0)
        for part in (np.subtract(arcs.forward, sent), np.add(arcs.backward, sent))
    )
    return arcs._replace(forward=forward, backward=backward)


def minimum_cut(excess: Array, parts: Parts) -> tuple[Cut | KeptNetwork, Any]:
    """Find a minimum cut; return it and its value.

    Parameters
    ----------
    excess : ndarray, shape (n,)
        Capacity from the source less that to the sink: what a node on the sink's side costs if
        positive, and one on the source's side if negative. Int64 or float64.
    parts : list of Arcs and Lattice
        Capacities may be negative where those of both directions add up to at least 0.
    """
    constant = 0
    if any(part.size and not _plain(part) for part in parts):
        arcs = all_arcs(parts, excess.dtype)
        constant, excess, arcs = _nonnegative(excess, arcs)
        parts = [arcs]
    grids = _grids(excess, parts)
    if grids is None:
        of_graph = _general(excess, parts)
        return of_graph, of_graph.value + constant
    cut = Cut(0, excess < 0, excess, [])
    for lattices in grids:
        cut = _with_grid(cut, lattices)
    return cut, cut.value + constant


def _plain(part: Arcs | Lattice) -> bool:
    least = part.forward.min()
    if part.backward is not part.forward:
        least = min(least, part.backward.min())
    return bool(least >= 0)


def _nonnegative(excess: Array, arcs: Arcs) -> tuple[Any, Array, Arcs]:
    """Move negative capacities to the other direction and to the terminals: the same cuts.

    A capacity c from p to q is c for p on the source's side, -c for q there, and c from q to p.
    """
    wrong = arcs.forward + arcs.backward < 0
    if wrong.any():
        e = int(np.argmax(wrong))
        raise ValueError(
            "maxflow() needs edges whose capacities in both directions add up to at least 0, but "
            f"those between nodes {arcs.tails[e]} and {arcs.heads[e]} are {arcs.forward[e]} and "
            f"{arcs.backward[e]}"
        )
    ahead, back = np.minimum(arcs.forward, 0), np.minimum(arcs.backward, 0)
    cost = np.zeros_like(excess)  # of a node on the source's side
    np.add.at(cost, arcs.tails, ahead - back)
    np.subtract.at(cost, arcs.heads, ahead - back)
    changed = excess - cost
    finite = np.abs(excess) < np.inf
    constant = np.where(
        finite, np.maximum(excess * finite, 0) - np.maximum(changed * finite, 0), cost
    )
    constant = constant[excess > -np.inf].sum().item()
    forward, backward = np.maximum(arcs.forward, 0) + back, np.maximum(arcs.backward, 0) + ahead
    return constant, changed, arcs._replace(forward=forward, backward=backward)


def _general(excess: Array, parts: Parts) -> Cut | KeptNetwork:
    """Cut a graph."""
    kept = keep(excess, parts)
    if kept is not None and kept.solve():
        return kept
    arcs, whole = all_arcs(parts, excess.dtype), excess.dtype.kind == "i"
    total = float(np.abs(excess).sum(dtype=float))
    total += float(arcs.forward.sum(dtype=float) + arcs.backward.sum(dtype=float))
    source, sink = np.maximum(excess, 0), np.maximum(-excess, 0)
    forward, backward = arcs.forward, arcs.backward
    if whole and total >= _WHOLE:
        source, sink, forward, backward = _capped(source, sink, forward, backward)
    answer = max_flow(
        arcs.tails,
        arcs.heads,
        forward,
        backward,
        source_capacity=source,
        sink_capacity=sink,
        n=len(excess),
        maximal=True,
    )
    return Cut(answer.value, ~answer.source_side, excess, [(arcs, answer.flow)])


def _capped(*parts: Array) -> tuple[Array, ...]:
    """Return ints without what no flow can use: the same flows and minimum cuts.

    Huge numbers stand for infinity in programs with ints. No flow is larger than all supply, or all
    demand.
    """
    most = min(sum(part.tolist()) for part in parts[:2]) + 1
    return tuple(np.minimum(part, min(most, 2**62)) for part in parts)


def _grids(excess: Array, parts: Parts) -> list[list[Lattice]] | None:
    """Return the grids that the arcs form, each with one lattice per offset; None if not so."""
    if not parts or not all(isinstance(part, Lattice) for part in parts):
        return None
    found: dict[tuple[int, tuple[int, ...]], dict[Any, Lattice]] = {}
    for part in parts:
        assert isinstance(part, Lattice)
        lattice = part.squeezed()
        grid = found.setdefault((lattice.first, lattice.shape), {})
        opposite = tuple(-o for o in lattice.offset)
        if (opposite, lattice.periodic) in grid:
            lattice = lattice.turned()
        key = lattice.offset, lattice.periodic
        grid[key] = grid[key].plus(lattice) if key in grid else lattice
    spans = sorted((first, first + math.prod(shape)) for first, shape in found)
    if any(last > first for (_, last), (first, _) in pairwise(spans)):
        return None
    grids = [list(grid.values()) for grid in found.values()]
    return grids if all(_fits(excess, grid) for grid in grids) else None


def _fits(excess: Array, grid: list[Lattice]) -> bool:
    """Whether `grid_cut` takes a grid, and exactly."""
    if len(grid) > _MOST_OFFSETS or len(grid[0].shape) > 3:
        return False
    for axis in range(len(grid[0].shape)):
        if len({part.periodic[axis] for part in grid if part.offset[axis]}) > 1:
            return False
    return excess.dtype.kind == "f" or _total(excess, grid)[0] < _EXACT


def _total(excess: Array, grid: list[Lattice]) -> tuple[float, float]:
    """Return the largest sum of numbers in one place, and a bound of the sum of all numbers."""
    nodes = excess[grid[0].nodes]
    tops = [max(abs(float(nodes.max())), abs(float(nodes.min())))]
    tops += [float(part.forward.max()) + float(part.backward.max()) for part in grid]
    return max(tops), len(nodes) * sum(tops)


def _with_grid(cut: Cut, grid: list[Lattice]) -> Cut:
    """Add the cut of one grid to that of the others."""
    first, d = grid[0], len(grid[0].shape)
    excess = cut.excess[first.nodes].reshape(first.shape)
    source, sink = np.maximum(excess, 0), np.maximum(-excess, 0)
    offsets = [part.offset for part in grid]
    wraps = [any(column) for column in zip(*(part.periodic for part in grid), strict=True)]
    whole = excess.dtype.kind == "i"
    top, total = _total(cut.excess, grid)
    if not total < np.inf:
        pairs = [(part.forward, part.backward) for part in grid]
        answer = grid_cut(source, sink, pairs, offsets=offsets, periodic=wraps, maximal=True)
    else:
        lead = 3 - d
        forward = [_shaped(part.forward, lead) for part in grid]
        answer = solve(
            Grids(
                1,
                d,
                vector((1,) * lead + first.shape),
                tuple(vector((0,) * lead + offset) for offset in offsets),
                (*(False,) * lead, *wraps),  # type: ignore[arg-type]
                _shaped(source, lead),
                _shaped(sink, lead),
                forward,
                [
                    own if part.forward is part.backward else _shaped(part.backward, lead)
                    for own, part in zip(forward, grid, strict=True)
                ],
                whole,
                np.inf,
                np.int32 if whole and top < 2**31 else np.float64,
                float(top),
            ),
            maximal=True,
            deadline=Deadline(),
        )
    cut.sink_side[first.nodes] = ~answer.source_side.ravel()
    return cut._replace(value=cut.value + answer.value, flows=[*cut.flows, (grid, answer)])


def _shaped(part: Array, lead: int) -> Array:
    """Return an array with the axes of `Grids`."""
    shape = (1,) * lead + part.shape if part.ndim else (1, 1, 1)
    return np.ascontiguousarray(part).reshape(1, *shape)
