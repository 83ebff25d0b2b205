"""Nested minimum cuts of a grid in two dimensions, for all values of a parameter.

The same division in rounds as in `_nested_cuts`, by cuts of the whole grid: arcs between blocks
have the capacity 0, and so do those within blocks that are done. Cuts of grids are several times
faster than those of graphs in general. When few cells are left, `nested_cuts` takes over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.deadline import Deadline
from subopt._base.types import Array
from subopt.functions._sparse import row_of, sums
from subopt.functions.algebra import SetFunction, terms_of
from subopt.functions.cut import Cut
from subopt.functions.cut_form import CutForm
from subopt.functions.modular import Modular
from subopt.graph.grid.cut import grid_cut
from subopt.submodular._nested_cuts import halves, negative, nested_cuts

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
    unary = np.zeros(F.n)
    for a, term in terms_of(F):
        if isinstance(term, Modular):
            unary += a * term.weights
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


def nested_grid_cuts(grid: Grid, slope: Array, deadline: Deadline) -> Array | None:
    """Return the value of α at which each cell leaves the minimum cut; None at the deadline.

    Cells have the unary costs ``unary + α slope``.
    """
    n = grid.unary.size
    unary, slope = grid.unary.ravel().copy(), slope.ravel()
    number = np.arange(n).reshape(grid.shape)
    tails = np.concatenate([number[:-1].ravel(), number[:, :-1].ravel()])
    heads = np.concatenate([number[1:].ravel(), number[:, 1:].ravel()])
    ahead = np.concatenate([grid.down[0].ravel(), grid.right[0].ravel()])
    back = np.concatenate([grid.down[1].ravel(), grid.right[1].ravel()])
    size = np.abs(unary)  # of the numbers that unary costs are sums of
    leaves, block = np.zeros(n), np.zeros(n, dtype=np.int64)
    low, high = np.array([-np.inf]), np.array([np.inf])
    cut_at = grid.down[0].size
    open_cells = np.ones(n, dtype=np.bool_)
    rounds = 0
    while open_cells.any():
        if rounds and deadline.passed():
            return None
        rounds += 1
        cells = np.flatnonzero(open_cells)
        if len(cells) < FEW * n:
            inner = open_cells[tails] & (ahead + back > 0)
            name = np.cumsum(open_cells) - 1
            form = CutForm(
                len(cells), 0, name[tails[inner]], name[heads[inner]], ahead[inner], back[inner],
                unary[cells],
            )  # fmt: skip
            start = block[cells], low, high
            rest = nested_cuts(form, slope[cells], deadline, start)
            leaves[cells] = rest.leaves
            return leaves if rest.finished else None
        count = len(low)
        own = block[cells]
        rate = sums(own, slope[cells], count)
        whole = (0.0 - sums(own, unary[cells], count)) / rate
        alpha = np.clip(whole, low, high)
        at = np.zeros(n)
        at[cells] = unary[cells] + alpha[own] * slope[cells]
        axes = (slice(cut_at), grid.down), (slice(cut_at, None), grid.right)
        weights = [
            (ahead[k].reshape(part[0].shape), back[k].reshape(part[0].shape)) for k, part in axes
        ]
        supply, demand = (np.maximum(x, 0.0).reshape(grid.shape) for x in (-at, at))
        inside = grid_cut(supply, demand, weights).source_side.ravel() & open_cells
        leaving = inside[tails] & ~inside[heads] & (ahead > 0)
        entering = inside[heads] & ~inside[tails] & (back > 0)
        taken = cells[inside[cells]]
        apart = sums(block[tails[leaving]], ahead[leaving], count)
        apart += sums(block[heads[entering]], back[entering], count)
        sizes = size[cells] + np.abs(alpha[own] * slope[cells])
        rest = (alpha - whole) * rate
        pays = negative(own, inside[cells], at[cells], sizes, slope[cells], apart, rest)
        some = np.bincount(block[taken], minlength=count)
        members = np.bincount(own, minlength=count)
        done = (some == 0) | (some == members) | ~pays
        ended = cells[done[own]]
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
