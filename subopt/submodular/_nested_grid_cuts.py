"""Nested minimum cuts of a grid in two dimensions, for all values of a parameter.

The blocks are divided in rounds as in `_nested_cuts`, but by a minimum cut of the whole grid, in
which arcs between blocks, and arcs within blocks that are done, have capacity 0. Cuts of grids are
several times faster than cuts of general graphs. When few cells are left, `nested_cuts` takes over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.functions._sparse import row_of, sums
from subopt.functions.algebra import SetFunction, terms_of
from subopt.functions.cut import Cut
from subopt.functions.cut_form import CutForm
from subopt.functions.modular import Modular
from subopt.graph.grid.cut import grid_cut
from subopt.submodular._nested_cuts import candidates, done, halves, nested_cuts

LEAST = 4096
"""Smallest number of cells for which cuts of grids are used."""
FEW = 0.1
"""Fraction of cells below which the remaining graph is taken out of the grid."""


class Grid(NamedTuple):
    """A cut function plus a modular function on a grid in C order."""

    shape: tuple[int, int]
    unary: Array  # (rows, columns)
    down: tuple[Array, Array]  # (rows - 1, columns): capacities forth and back
    right: tuple[Array, Array]  # (rows, columns - 1)


def as_grid(F: SetFunction) -> Grid | None:
    """Return F as a large grid in two dimensions; None if it has another form."""
    cuts = [(scale, term) for scale, term in terms_of(F) if not isinstance(term, Modular)]
    if F.n < LEAST or len(cuts) != 1 or not isinstance(cuts[0][1], Cut):
        return None
    scale, cut = cuts[0]
    known = cut._grid
    if known is not None:
        if len(known.lengths) != 2 or min(known.lengths) < 2:
            return None
        unary = _unary(F).reshape(known.lengths)
        down, right = (np.asarray(scale * known.along(a)) for a in (0, 1))
        return Grid((known.lengths[0], known.lengths[1]), unary, (down, down), (right, right))
    d = cut._data
    first = row_of(d.indptr)
    steps = d.indices - first
    width = int(steps.max(initial=0))
    if width < 2 or F.n % width or F.n == width:
        return None
    ahead = steps > 0
    along = steps == 1
    if not (along | (steps == width))[ahead].all() or (first[along] % width == width - 1).any():
        return None
    unary = _unary(F)
    height = F.n // width
    parts = []
    for used in (steps == width, along):
        pair = np.zeros((2, F.n))
        pair[0, first[used]] = scale * d.forward[used]
        pair[1, first[used]] = scale * d.backward[used]
        parts.append(pair.reshape(2, height, width))
    (down, up), (right, left) = parts
    return Grid(
        (height, width),
        unary.reshape(height, width),
        (down[:-1].copy(), up[:-1].copy()),
        (right[:, :-1].copy(), left[:, :-1].copy()),
    )


def _unary(F: SetFunction) -> Array:
    unary = np.zeros(F.n)
    for a, term in terms_of(F):
        if isinstance(term, Modular):
            unary += a * term.weights
    return unary


def nested_grid_cuts(grid: Grid, slope: Array, deadline: Deadline) -> Array | None:
    """Return the value of α at which each cell leaves the minimum cut; None at the deadline.

    Cells have the unary costs ``unary + α slope``.
    """
    n = grid.unary.size
    unary, slope = grid.unary.ravel().copy(), slope.ravel()
    number = np.arange(n).reshape(grid.shape)
    tails = np.concatenate([number[:-1].ravel(), number[:, :-1].ravel()])
    heads = np.concatenate([number[1:].ravel(), number[:, 1:].ravel()])
    ahead, back = (np.concatenate([grid.down[k].ravel(), grid.right[k].ravel()]) for k in (0, 1))
    size = np.abs(unary)  # of the numbers that unary costs are sums of
    leaves, block = np.zeros(n), np.zeros(n, dtype=np.int64)
    low, high = np.array([-np.inf]), np.array([np.inf])
    open_cells = np.ones(n, dtype=np.bool_)
    rounds = 0
    while open_cells.any():
        if rounds and deadline.passed():
            return None
        rounds += 1
        cells = np.flatnonzero(open_cells)
        if len(cells) < FEW * n:
            form = _graph_of(open_cells, unary, tails, heads, ahead, back)
            rest = nested_cuts(form, slope[cells], deadline, (block[cells], low, high))
            leaves[cells] = rest.leaves
            return leaves if rest.finished else None
        own, count = block[cells], len(low)
        alpha, whole = candidates(own, unary[cells], slope[cells], low, high)
        at = np.zeros(n)
        at[cells] = unary[cells] + alpha[own] * slope[cells]
        inside = _side(grid.shape, at, ahead, back) & open_cells
        leaving = inside[tails] & ~inside[heads] & (ahead > 0)
        entering = inside[heads] & ~inside[tails] & (back > 0)
        apart = sums(block[tails[leaving]], ahead[leaving], count)
        apart += sums(block[heads[entering]], back[entering], count)
        sizes = size[cells] + np.abs(alpha[own] * slope[cells])
        finished = done(own, inside[cells], at[cells], apart, sizes, slope[cells], whole)
        ended = cells[finished[own]]
        leaves[ended] = alpha[block[ended]]
        open_cells[ended] = False
        # split the other blocks: arcs between the two halves are saturated
        for crossing, amounts, sign in ((leaving, ahead, 1.0), (entering, back, -1.0)):
            crossing &= open_cells[tails]
            moved = sign * amounts[crossing]
            unary += sums(tails[crossing], moved, n) - sums(heads[crossing], moved, n)
            moved = np.abs(moved)
            size += sums(tails[crossing], moved, n) + sums(heads[crossing], moved, n)
        gone = ~open_cells[tails] | ~open_cells[heads] | (inside[tails] != inside[heads])
        ahead[gone], back[gone] = 0.0, 0.0
        cells = np.flatnonzero(open_cells)
        block[cells], low, high = halves(block[cells], inside[cells], alpha, low, high)
    return leaves


def _side(shape: tuple[int, int], unary: Array, ahead: Array, back: Array) -> Array:
    """Return which cells a minimum cut takes, (n,)."""
    down, right = (shape[0] - 1, shape[1]), (shape[0], shape[1] - 1)
    k = down[0] * down[1]
    weights = [
        (ahead[:k].reshape(down), back[:k].reshape(down)),
        (ahead[k:].reshape(right), back[k:].reshape(right)),
    ]
    supply, demand = (np.maximum(x, 0.0).reshape(shape) for x in (-unary, unary))
    side: Array = grid_cut(supply, demand, weights).source_side.ravel()
    return side


def _graph_of(
    cells: Array, unary: Array, tails: Array, heads: Array, ahead: Array, back: Array
) -> CutForm:
    """Return the graph of some of the cells, given as a mask, without arcs of capacity 0."""
    inner = cells[tails] & (ahead + back > 0)
    name = np.cumsum(cells) - 1
    ends = name[tails[inner]], name[heads[inner]]
    return CutForm(int(name[-1]) + 1, 0, *ends, ahead[inner], back[inner], unary[cells])
