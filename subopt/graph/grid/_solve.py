"""Maximum flows in a loaded workspace: bits for small grids; waves, then trees, for larger ones."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np

from subopt._base.types import Array
from subopt.graph.grid._capacities import Terms, load, weigh
from subopt.graph.grid._dinic_bits import OPEN, cut_bits
from subopt.graph.grid._layout import Bits, Layout, Trees, Workspace
from subopt.graph.grid._search_trees import SINK, SOURCE, TREE, grow, settle
from subopt.graph.grid._stacks import cut_stacks
from subopt.graph.grid._waves import LAYERS, waves

_PATIENCE = 0.5  # paths of trees for each cell, before waves
_ENOUGH = 2**62


def fill(
    parts: Terms,
    start: int,
    plan: Layout,
    work: Workspace,
    maximal: bool,
    sides: Array,
    values: Array,
) -> bool:
    """Cut the problems from `start` on, and write their source sides and values.

    There are as many as `sides` has rows: those of the layout, or of small grids any number.
    Return what `solve` does.
    """
    if isinstance(work.search, Bits):
        kinds, side = (plan.degree, plan.words), _rows(plan, sides)
        with np.errstate(over="ignore"):  # unsigned steps wrap; numpy says so without the JIT
            cut_stacks(
                parts,
                start,
                plan.stack,
                plan.place,
                *kinds,
                plan.shift,
                *work,
                np.bool_(maximal),
                side,
                values,
            )
        return False
    load(parts, start, plan, work.excess, work.residual)
    moved = solve(plan, work, maximal, sides)
    weigh(parts, start, _rows(plan, sides), values)
    return moved


def solve(plan: Layout, work: Workspace, maximal: bool, sides: Array) -> bool:
    """Solve the problems in a workspace, and write their source sides, (problems, shape).

    Return whether supply is not where it came from: then only `send_back` leaves a flow in
    ``work.residual``. Without checks: it costs few compiled calls.
    """
    if isinstance(work.search, Bits):
        kinds, first, side = (plan.degree, plan.words), np.uint64(plan.first), _rows(plan, sides)
        with np.errstate(over="ignore"):
            cut_bits(*kinds, first, plan.shift, *work, np.bool_(maximal), side)
        return False
    # photographs need few paths; where trees need many, waves are faster
    moved = not _plant(plan, work, int(_PATIENCE * plan.cells) if plan.wrap is None else _ENOUGH)
    if moved:
        _send_waves(plan, work, work.search)
        _plant(plan, work, _ENOUGH)
    tree = plan.nodes(work.search.state) & TREE
    sides[...] = tree != SINK if maximal else tree == SOURCE
    return moved


def surplus(parts: Terms, start: int, plan: Layout, excess: Array) -> None:
    """Make the excesses that `solve` left those that `send_back` needs."""
    before = np.zeros_like(excess)
    load(parts._replace(table=parts.table[:1]), start, plan, before, before[:0])  # terminals only
    np.maximum(excess, 0, out=excess)
    excess -= np.maximum(before, 0, out=before)


def send_back(plan: Layout, work: Workspace) -> None:
    """Move supply back to where it came from; excesses are as `surplus` leaves them."""
    _plant(plan, work, _ENOUGH)


def _rows(plan: Layout, sides: Array) -> Array:
    return sides.reshape(len(sides), math.prod(plan.shape))


def _plant(plan: Layout, work: Workspace, paths: int) -> bool:
    """Grow trees until there is no path left, or after so many; return whether none is left."""
    graph, search = (plan.shift, plan.wrap, work.residual, work.excess), cast(Trees, work.search)
    trees, rest = search[:3], search[3:]
    with np.errstate(over="ignore"):
        tail = settle(plan.degree, np.uint64(plan.first), *graph, *search[:-1])
        return bool(grow(plan.degree, graph, trees, *rest, np.uint64(tail), paths))


def _send_waves(plan: Layout, work: Workspace, search: Trees) -> None:
    words = -(-plan.cells // 64) + 2
    rows = min(LAYERS, plan.cells // words)  # at least one: few cells are for bits
    sets = np.empty((int(OPEN) + len(plan.shift), words), dtype=np.uint64)
    stamp = search.stamp[: rows * words]  # of trees, which are planted anew afterwards
    layer = stamp.view(np.uint64).reshape(rows, words)
    outward = search.outward
    with np.errstate(over="ignore"):
        flow = plan.shift, work.residual, work.excess
        waves(plan.degree, *flow, _most(work.excess), outward, sets, layer)


def _most(excess: Array) -> Any:
    """Return what one node may hold: up to there ints stay exact, and larger floats are not."""
    if excess.dtype.kind == "i":
        return excess.dtype.type(2**31 - 1)
    # with a limit that is small next to them, large ones would never be done
    return np.float64(2**53 if np.abs(excess).max() <= 2**53 else np.inf)
