"""Maximum flow in slices of bounded work, so that Ctrl-C and time limits take effect quickly.

Compiled code cannot be interrupted. Python callers therefore run the kernels of
`boykov_kolmogorov` and `push_relabel` for at most about 0.1 s at a time. Between two slices,
residual capacities and excesses are consistent, and a later search can continue from them.
"""

from __future__ import annotations

import numpy as np

from subopt._base.deadline import Deadline
from subopt._base.types import Array
from subopt.graph.augment import ONE, reach, settle
from subopt.graph.boykov_kolmogorov import grow, plant
from subopt.graph.network import Workspace
from subopt.graph.push_relabel import finish, push_relabel

SLICE = 1 << 22  # number of arcs examined in one compiled call: at most about 0.1 s


class Search:
    """A search for a maximum flow that can be stopped between slices.

    Parameters
    ----------
    n, indptr, residual, excess, work
        The network, as for `subopt.graph.augment.augment`, with open arcs set in ``work.ends``.
    deadline : Deadline
        When to stop. The attribute `stopped` is True if it ended the search.
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
        self.stopped = False

    def run(self, limit: int) -> str:
        """Find a maximum flow and return the name of the method that ran.

        `limit` is the number of arcs that search trees examine before push-relabel continues.
        Afterwards ``work.side`` is the smallest source side, unless the search was stopped.
        """
        n, work = self._n, self._work
        trees = limit > 0
        if not settle(n, self._indptr, self._residual, self._excess, work):
            work.side[:n] = False
        elif trees:
            plant(n, self._excess, work)
            if not self.grow(limit):
                self.push()
                return "boykov_kolmogorov, then push_relabel"
        else:
            self.push()
        return "boykov_kolmogorov" if trees else "push_relabel"

    def grow(self, limit: int) -> bool:
        """Grow search trees until no path is left; return False after examining `limit` arcs."""
        n, work = self._n, self._work
        while limit > 0:
            some = np.int64(min(limit, SLICE))
            if grow(self._indptr, self._residual, self._excess, work, some):
                np.greater(work.label[:n], 0, out=work.side[:n])
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
                done = push_relabel(n, indptr, self._residual, excess, work, some)
                if not done:
                    self._is_over()
        finally:
            if not done:
                finish(n, excess, work)
        if done:
            reach(n, indptr, excess, work, ONE)

    def sides(self) -> tuple[Array, Array]:
        """Return two source sides of small cuts, after the search was stopped.

        They are the nodes that supply can reach, and the nodes that cannot reach demand.
        """
        n, work = self._n, self._work
        reach(n, self._indptr, self._excess, work, ONE)
        near = work.side.copy()
        reach(n, self._indptr, self._excess, work, -ONE)
        return near, ~work.side

    def _is_over(self) -> bool:
        self.stopped = self.stopped or self._deadline.passed()
        return self.stopped
