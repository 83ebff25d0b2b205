"""Maximum flows in a loaded workspace: bits for small grids; waves, then trees, for larger ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from subopt._base.types import Array
from subopt.graph.grid._capacities import Terms, load, weigh
from subopt.graph.grid._dinic_bits import OPEN, cut_bits
from subopt.graph.grid._layout import Bits, Layout, Network, Trees, Workspace, labels
from subopt.graph.grid._push_relabel import narrow_end, push
from subopt.graph.grid._search_trees import (
    LENGTH,
    PATHS,
    SINK,
    SOURCE,
    TAIL,
    TREE,
    grow,
    settle,
)
from subopt.graph.grid._stacks import cut_stacks
from subopt.graph.grid._waves import LAYERS, waves

_PATIENCE = 0.5  # paths of trees for each cell, before waves
_LOOKS = 3  # of trees at each arc, before push-relabel
_LONG = 20  # arcs of the first path of trees, before push-relabel takes over at once
_SLICE = 1 << 22  # looks at arcs in one compiled call
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

    Return whether supply or demand is not where it came from: then only `send_back` leaves a flow
    in ``work.residual``. Without checks: it costs few compiled calls.
    """
    if isinstance(work.search, Bits):
        kinds, first, side = (plan.degree, plan.words), np.uint64(plan.first), _rows(plan, sides)
        with np.errstate(over="ignore"):
            cut_bits(*kinds, first, plan.shift, *work, np.bool_(maximal), side)
        return False
    moved = _run(plan, work)
    tree = plan.nodes(work.search.state) & TREE
    sides[...] = tree != SINK if maximal else tree == SOURCE
    return moved


def send_back(parts: Terms, start: int, plan: Layout, work: Workspace) -> None:
    """Make a flow of what `solve` left: return supply and demand to where they came from.

    A node takes back up to what it gave. Supply that got stuck lies on the source's side of the
    cut and demand on the sink's, so they do not meet.
    """
    before, after = np.zeros_like(work.excess), work.excess.copy()
    load(parts._replace(table=parts.table[:1]), start, plan, before, before[:0])  # terminals only
    for sign in (1, -1):
        np.subtract(np.maximum(sign * after, 0), np.maximum(sign * before, 0), out=work.excess)
        if (work.excess > 0).any():
            work.excess[...] *= sign
            _run(plan, work)


def _rows(plan: Layout, sides: Array) -> Array:
    return sides.reshape(len(sides), math.prod(plan.shape))


def _run(plan: Layout, work: Workspace) -> bool:
    """Find a maximum flow and leave the trees that prove it; return what `solve` does."""
    network, trees = Network(plan.shift, plan.wrap, work.residual, work.excess), work.search
    looks = _LOOKS * len(work.residual)
    # photographs need few paths; where trees need many short ones, waves are faster
    paths = int(_PATIENCE * plan.cells) if plan.wrap is None else _ENOUGH
    done, moved = _plant(plan, network, trees, paths, looks), False
    if done is None:
        _send_waves(plan, work, trees)
        moved = True
        done = _plant(plan, network, trees, _ENOUGH, looks)
    if not done:
        _push(plan, network, trees)
        moved = True
        _plant(plan, network, trees, _ENOUGH, _ENOUGH)
    return moved


def _plant(plan: Layout, network: Network, trees: Trees, paths: int, looks: int) -> bool | None:
    """Grow trees until there is no path left; return False after `looks` at arcs.

    Return False at once if already the first path is long, and None after so many paths.
    """
    progress = np.zeros(4, dtype=np.int64)
    with np.errstate(over="ignore"):
        progress[TAIL] = settle(plan.degree, np.uint64(plan.first), network, trees)
        if grow(plan.degree, network, trees, progress, min(paths, 1), looks):
            return True
        if progress[LENGTH] > _LONG and looks < _ENOUGH:
            return False
        while looks > 0:
            some = min(looks, _SLICE)
            if grow(plan.degree, network, trees, progress, paths, some):
                return True
            if progress[PATHS] >= paths:
                return None
            looks -= some
    return False


def _push(plan: Layout, network: Network, trees: Trees) -> None:
    """Push excess as near to demand as it gets."""
    progress = np.array([0, 0, _ENOUGH, 0])
    with np.errstate(over="ignore"):
        against = narrow_end(plan.degree, network)
    if against:
        np.negative(network.excess, out=network.excess)
    labels_, most = labels(trees, bool(against)), _most(network.excess)
    with np.errstate(over="ignore"):
        while not push(plan.degree, network, labels_, progress, most, against, _SLICE):
            pass
    if against:
        np.negative(network.excess, out=network.excess)


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
