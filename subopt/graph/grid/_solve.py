"""The choice of the maximum-flow kernel for a grid, and its run in slices of work.

Grids of up to 1024 nodes are solved by Dinic's algorithm on bit sets. On larger grids search trees
run first. If they find many paths, waves of push-relabel move flow along short paths. If the first
path is long, or the trees take long, push-relabel finishes the flow. Kernels run for some
milliseconds at a time, so that Ctrl-C and time limits take effect quickly. Modules of kernels other
than the trees are loaded when a grid needs them.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from subopt._base.options import Deadline
from subopt.graph.grid._layout import Layout, Network, Terms, empty_sets, load, weigh
from subopt.graph.grid._search_trees import (
    SINK,
    SOURCE,
    TREE,
    Progress,
    Trees,
    grow,
    settle,
    trees,
)

if TYPE_CHECKING:
    from subopt._base.types import Array
    from subopt.graph.grid._dinic_bits import Bits

_PATIENCE = 0.5  # number of paths of trees per cell after which waves run
_LOOKS = 3  # number of times that trees examine each arc, on average, before push-relabel
_LONG = 20  # length of the first path of trees above which push-relabel takes over at once
_SLICE = 1 << 22  # number of arcs examined in one compiled call
_ENOUGH = 2**62


class Workspace(NamedTuple):
    """What a maximum flow on grids reads and writes. Bytes per cell: see `docs/grid_cuts.md`.

    For a loop over problems of one layout, write all capacities through ``layout.arcs(residual)``
    and ``layout.nodes(excess)`` each time (arcs that leave the grid stay zero), and call
    `subopt.graph.grid._solve.solve`.
    """

    residual: Array  # (cells * arcs,) int32 or float64: of arc k of cell v at v * arcs + k
    excess: Array  # (cells,) same dtype: capacity from the source minus capacity to the sink
    search: Trees | Bits  # of small grids


def workspace(layout: Layout, dtype: Any) -> Workspace:
    """Return the workspace for flows on a layout; capacities and excesses are zero."""
    cells, arcs = layout.cells, len(layout.shift)
    residual, excess = np.zeros(cells * arcs, dtype=dtype), np.zeros(cells, dtype=dtype)
    if layout.small:
        from subopt.graph.grid._dinic_bits import bits

        return Workspace(residual, excess, bits(layout, dtype))
    return Workspace(residual, excess, trees(layout))


class Outcome(NamedTuple):
    """How a search has ended."""

    moved: bool = False  # supply or demand is not where it came from
    stopped: bool = False  # by the deadline
    method: str = "dinic"


def fill(
    parts: Terms,
    start: int,
    plan: Layout,
    work: Workspace,
    maximal: bool,
    sides: Array,
    values: Array,
    deadline: Deadline | None = None,
) -> Outcome:
    """Cut the problems from `start` on, and write their source sides and values.

    There are as many as `sides` has rows: those of the layout, or of small grids any number. Only
    the search for a single large grid takes a deadline.
    """
    if not isinstance(work.search, Trees):
        from subopt.graph.grid._dinic_bits import Answers, Kind, cut_stacks

        kind, network = Kind(plan.degree, plan.words), _network(plan, work)
        answers = Answers(_rows(plan, sides), values)
        with np.errstate(over="ignore"):  # unsigned steps wrap; numpy says so without the JIT
            cut_stacks(
                parts, start, plan.places, kind, network, work.search, np.bool_(maximal), answers
            )
        return Outcome()
    load(parts, start, plan, work.excess, work.residual)
    outcome = solve(plan, work, maximal, sides, deadline)
    weigh(parts, start, _rows(plan, sides), values)
    if outcome.stopped:
        for other in _other_sides(plan, work, work.search):
            value = np.zeros_like(values)
            weigh(parts, start, _rows(plan, other), value)
            if value[0] < values[0]:
                sides[...], values[...] = other, value
    return outcome


def solve(
    plan: Layout, work: Workspace, maximal: bool, sides: Array, deadline: Deadline | None = None
) -> Outcome:
    """Solve the problems in a workspace, and write their source sides, (problems, shape).

    If supply or demand has moved, only `send_back` leaves a flow in ``work.residual``. Without
    checks: it costs few compiled calls.
    """
    if not isinstance(work.search, Trees):
        from subopt.graph.grid._dinic_bits import cut_bits

        network, side = _network(plan, work), _rows(plan, sides)
        with np.errstate(over="ignore"):
            kinds = plan.degree, plan.words, np.uint64(plan.first)
            cut_bits(*kinds, network, work.search, np.bool_(maximal), side)
        return Outcome()
    outcome = _run(plan, work, work.search, Deadline() if deadline is None else deadline)
    if outcome.stopped:
        sides[...] = False
    else:
        tree = plan.nodes(work.search.state) & TREE
        sides[...] = tree != SINK if maximal else tree == SOURCE
    return outcome


def origin(parts: Terms, start: int, plan: Layout, dtype: Any) -> Array:
    """Return the excesses before a search, which `send_back` needs."""
    before = np.zeros(plan.cells, dtype=dtype)
    load(parts.terminals(), start, plan, before, before[:0])
    return before


def send_back(plan: Layout, work: Workspace, before: Array) -> None:
    """Make a flow of what `solve` left: return supply and demand to where they came from.

    A node takes back up to what it gave. Supply that got stuck lies on the source's side of the
    cut and demand on the sink's, so they do not meet.
    """
    after = work.excess.copy()
    for sign in (1, -1):
        np.subtract(np.maximum(sign * after, 0), np.maximum(sign * before, 0), out=work.excess)
        if (work.excess > 0).any():
            work.excess[...] *= sign
            _run(plan, work, cast(Trees, work.search), Deadline())


def _network(plan: Layout, work: Workspace) -> Network:
    return Network(plan.shift, plan.wrap, work.residual, work.excess)


def _rows(plan: Layout, sides: Array) -> Array:
    return sides.reshape(len(sides), math.prod(plan.shape))


def _run(plan: Layout, work: Workspace, trees: Trees, deadline: Deadline) -> Outcome:
    """Find a maximum flow and leave the trees that prove it."""
    network = _network(plan, work)
    looks = _LOOKS * len(work.residual)
    # photographs need few paths; where trees need many short ones, waves are faster
    paths = int(_PATIENCE * plan.cells) if plan.wrap is None else _ENOUGH
    ended, ran = _plant(plan, network, trees, paths, looks, deadline), ["boykov_kolmogorov"]
    if ended is _Ended.MANY_PATHS:
        ran.append("waves")
        if _send_waves(plan, network, trees, deadline):
            ended = _plant(plan, network, trees, _ENOUGH, looks, deadline)
        else:
            ended = _Ended.STOPPED
    if ended is _Ended.MANY_LOOKS:
        ran.append("push_relabel")
        if _push(plan, network, trees, deadline):
            ended = _plant(plan, network, trees, _ENOUGH, _ENOUGH, Deadline())
        else:
            ended = _Ended.STOPPED
    return Outcome(len(ran) > 1, ended is _Ended.STOPPED, ", then ".join(ran))


class _Ended(enum.Enum):
    NO_PATH = enum.auto()
    MANY_PATHS = enum.auto()
    MANY_LOOKS = enum.auto()
    STOPPED = enum.auto()


def _plant(
    plan: Layout, network: Network, trees: Trees, paths: int, looks: int, deadline: Deadline
) -> _Ended:
    """Grow trees until no path is left, up to some paths and looks at arcs.

    A first path that is long counts like many looks.
    """
    progress = Progress(*np.zeros((4, 1), dtype=np.int64))
    with np.errstate(over="ignore"):
        progress.tail[0] = settle(plan.degree, np.uint64(plan.first), network, trees)
        if grow(plan.degree, network, trees, progress, min(paths, 1), looks):
            return _Ended.NO_PATH
        if progress.length[0] > _LONG and looks < _ENOUGH:
            return _Ended.MANY_LOOKS
        while looks > 0:
            some = min(looks, _SLICE)
            if grow(plan.degree, network, trees, progress, paths, some):
                return _Ended.NO_PATH
            if progress.paths[0] >= paths:
                return _Ended.MANY_PATHS
            looks -= some
            if deadline.passed():
                return _Ended.STOPPED
    return _Ended.MANY_LOOKS


def _push(plan: Layout, network: Network, trees: Trees, deadline: Deadline) -> bool:
    """Push excess as near to demand as it gets; return whether the deadline allowed it."""
    from subopt.graph.grid._push_relabel import Pushes, labels, narrow_end, push

    progress, excess = Pushes(*np.zeros((4, 1), dtype=np.int64)), network.excess
    progress.effort[0] = _ENOUGH  # labels are set at once
    with np.errstate(over="ignore"):
        against = narrow_end(plan.degree, network)
        if against:
            np.negative(excess, out=excess)
        labels_, most = labels(trees, bool(against)), _most(excess)
        done = False
        while not done:
            done = push(plan.degree, network, labels_, progress, most, against, _SLICE)
            if not done and deadline.passed():
                break
        if against:
            np.negative(excess, out=excess)
    return bool(done)


def _other_sides(plan: Layout, work: Workspace, trees: Trees) -> Iterator[Array]:
    """Yield source sides that are near to minimum ones when a search was stopped.

    All nodes, those that supply reaches, and those that cannot reach demand.
    """
    from subopt.graph.grid._push_relabel import exact_labels, labels

    yield np.ones((1, *plan.shape), dtype=np.bool_)
    network = _network(plan, work)
    with np.errstate(over="ignore"):
        settle(plan.degree, np.uint64(plan.first), network, trees)  # says which arcs are open
        for against in (False, True):
            if against:
                np.negative(work.excess, out=work.excess)
            labels_ = labels(trees, against)
            exact_labels(plan.degree, network, labels_)
            far = plan.nodes(labels_.label) == plan.cells - 1
            yield ~far if against else far
        np.negative(work.excess, out=work.excess)


def _send_waves(plan: Layout, network: Network, search: Trees, deadline: Deadline) -> bool:
    """Send waves as long as they move much; return whether the deadline allowed it."""
    from subopt.graph.grid._push_relabel import LAYERS, fill_sets, wave

    words = -(-plan.cells // 64) + 2
    rows = min(LAYERS, plan.cells // words)  # at least one: few cells are for bits
    sets, excess = empty_sets(len(plan.shift), words), network.excess
    stamp = search.stamp[: rows * words]  # of trees, which are planted anew afterwards
    layer = stamp.view(np.uint64).reshape(rows, words)
    with np.errstate(over="ignore"):
        fill_sets(plan.degree, excess, search.outward, sets)
        while wave(plan.degree, network, _most(excess), sets, layer) >= words:
            if deadline.passed():
                return False
    return True


def _most(excess: Array) -> Any:
    """Return what one node may hold: up to there ints stay exact, and larger floats are not."""
    if excess.dtype.kind == "i":
        return excess.dtype.type(2**31 - 1)
    # with a limit that is small next to them, large ones would never be done
    return np.float64(2**53 if np.abs(excess).max() <= 2**53 else np.inf)
