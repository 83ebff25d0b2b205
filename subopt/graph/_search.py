"""Maximum flow in slices of bounded work, so that Ctrl-C and time limits take effect quickly.

Compiled code cannot be interrupted. Python callers therefore run the kernels of
`boykov_kolmogorov` and `push_relabel` in slices that mostly take less than 0.05 s. Between two
slices, residual capacities and excesses are consistent, and a later search can continue from them.
In large networks, where passes over all arcs take longer, kernels also read a flag.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from subopt._base.interruptible import interruptible, is_short
from subopt._base.jit import small_first_uncounted as njit
from subopt._base.options import Deadline
from subopt._base.types import Array
from subopt.graph.augment import ONE, PATIENCE, reach, settle, spreads
from subopt.graph.boykov_kolmogorov import grow, plant
from subopt.graph.network import Workspace
from subopt.graph.push_relabel import finish, push_relabel

SLICE = 1 << 20  # number of arcs examined in one compiled call
ASK = -1  # patience that depends on how the graph spreads


@njit
def begin(n, indptr, residual, excess, work, patience):
    """Begin a search; return whether there is more to do, and whether search trees should do it."""
    trees = patience > 0 or (patience < 0 and not spreads(n, indptr, work))
    left = settle(n, indptr, residual, excess, work)
    if not left:
        for v in range(n):
            work.side[v] = False
    elif trees:
        plant(n, excess, work)
    return left, trees


@njit
def push(n, indptr, residual, excess, work, looks):
    """Continue by `push_relabel`; when it is done, set `work.side`, and return True."""
    done = push_relabel(n, indptr, residual, excess, work, looks)
    if done:
        reach(n, indptr, excess, work, ONE)
    return done


class Search:
    """A search for a maximum flow that can be stopped between slices.

    Parameters
    ----------
    n, indptr, residual, excess, work
        The network, as for `subopt.graph.augment.augment`, with open arcs set in ``work.ends``.
    deadline : Deadline
        When to stop. The attribute `stopped` is True if it ended the search. The attribute
        `planted` is True if search trees have found the flow and are still there.
    """

    def __init__(
        self,
        n: int,
        indptr: Array,
        residual: Array,
        excess: Array,
        work: Workspace,
        deadline: Deadline,
    ) -> None:
        self._n, self._indptr, self._work = n, indptr, work
        self._residual, self._excess = residual, excess
        self._deadline = deadline
        self._stop = work.state["stop"]
        self._stop[0] = 0
        self.stopped = self.planted = False

    def run(self, patience: int = ASK) -> str:
        """Find a maximum flow and return the name of the method that ran.

        `patience` is how often search trees examine an arc, on average, before push-relabel
        continues; by default 0 if the graph spreads like a random one, else `PATIENCE`. Afterwards
        ``work.side`` is the smallest source side, unless the search was stopped.
        """
        n, work, residual = self._n, self._work, self._residual
        of_graph = n, self._indptr, residual, self._excess, work
        left, trees = self._called(begin, *of_graph, np.int64(patience))
        self.stopped = bool(self._stop[0])
        left = left and not self.stopped
        if left and trees:
            patience = PATIENCE if patience == ASK else patience
            if not self.grow(patience * (n + len(residual))):
                self.push()
                return "boykov_kolmogorov, then push_relabel"
        elif left:
            self.push()
        return "boykov_kolmogorov" if trees else "push_relabel"

    def grow(self, limit: int) -> bool:
        """Grow search trees until no path is left; return False after examining `limit` arcs."""
        n, work = self._n, self._work
        while limit > 0:
            some = np.int64(min(limit, SLICE))
            if grow(self._indptr, self._residual, self._excess, work, some):
                np.greater(work.label[:n], 0, out=work.side[:n])
                self.planted = True
                return True
            limit -= int(some)
            if self._is_over():
                break
        return False

    def push(self) -> None:
        """Finish the flow by push-relabel, after which the search trees are no longer valid."""
        if self.stopped:
            return
        n, indptr, excess, work = self._n, self._indptr, self._excess, self._work
        some, done = np.int64(SLICE), False
        try:  # Ctrl-C may come between two slices
            while not done and not self.stopped:
                done = self._called(push, n, indptr, self._residual, excess, work, some)
                if not done:
                    self._is_over()
        finally:
            if not done:
                finish(n, excess, work)

    def sides(self) -> tuple[Array, Array]:
        """Return two source sides of small cuts, after the search was stopped.

        They are the nodes that supply can reach, and the nodes that cannot reach demand.
        """
        n, work = self._n, self._work
        reach(n, self._indptr, self._excess, work, ONE)
        near = work.side.copy()
        reach(n, self._indptr, self._excess, work, -ONE)
        return near, ~work.side

    def _called(self, kernel: Callable[..., Any], *args: Any) -> Any:
        """Call a kernel; in a large network, so that Ctrl-C and the deadline end it."""
        short = is_short(len(self._residual))
        return interruptible(kernel, *args, stop=self._stop, deadline=self._deadline, short=short)

    def _is_over(self) -> bool:
        self.stopped = self.stopped or self._deadline.passed()
        return self.stopped
