"""All minimizers of a submodular function, as a lattice that is counted and enumerated.

Unions and intersections of minimizers are minimizers. So for every element i of a minimizer there
is a smallest minimizer that contains i, and the minimizers are the unions of these sets and of the
smallest minimizer [1]_. Element i requires all other elements of its set; elements that require
each other are a block. For the cut function of a graph, blocks and requirements are read off one
maximum flow. For other functions, they take one minimization per element that is in some minimizers
but not in all.

References
----------
.. [1] S. Fujishige, "Submodular Functions and Optimization", 2nd edition, Elsevier, 2005, sections
   3.2 and 14.2.
"""

from __future__ import annotations

import numpy as np

from subopt._base.options import Deadline, documented, silent
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.graph.closed_sets import ClosedSets
from subopt.submodular.max_flow import minimizer_blocks
from subopt.submodular.result import Result
from subopt.submodular.select import can_solve, minimize_submodular


class Minimizers(ClosedSets):
    """All minimizers of a set function: an iterable of masks, the smallest first.

    Made by `all_minimizers`. Sets are computed during iteration, so that the memory does not depend
    on their number. ``S in minimizers`` tests a set, given as a mask or by its elements.

    Parameters
    ----------
    blocks : ndarray of int, shape (n,)
        Block of each element. Elements of a block are in the same minimizers; -1 stands for
        elements that are in all of them, -2 for those that are in none.
    requirements : ndarray of int, shape (requirements, 2)
        Pairs (a, b) of blocks: a minimizer that contains a contains b as well.
    value : float
        The minimum.

    Examples
    --------
    >>> found = all_minimizers(Cut.from_edges([(0, 1), (1, 2)]) + Modular([1, 0, -1]))
    >>> found.count(), [np.flatnonzero(mask).tolist() for mask in found]
    (4, [[], [2], [1, 2], [0, 1, 2]])
    """

    def __init__(self, blocks: Array, requirements: Array, value: float) -> None:
        super().__init__(blocks, requirements)
        self.value = value


@documented
def all_minimizers(F: SetFunction, *, time_limit: float | None = None) -> Minimizers:
    """Find all minimizers of a submodular function.

    Parameters
    ----------
    %(F)s
    %(time_limit_raises)s

    Returns
    -------
    Minimizers
        The minimizers, as a lattice: an iterable of masks, whose number can be counted. Sets whose
        values agree with the minimum up to the rounding of `minimize` with ``minimizer="minimal"``
        or ``"maximal"`` count as minimizers.

    Raises
    ------
    TypeError
        If F is not a `SetFunction`.
    ValueError
        If F is found not to be submodular.
    RuntimeError
        If `time_limit` seconds were not enough.

    Notes
    -----
    The work is one maximum flow if F is the cut function of a graph. Otherwise it is two
    minimizations of F and one per element of the largest minimizer that is not in the smallest one,
    of F on these elements.

    Examples
    --------
    >>> found = all_minimizers(MatroidRank.partition([0, 0, 1], [1, 1]) - Modular([1, 0, 1]))
    >>> found.count(), found.smallest, found.largest
    (6, array([False, False, False]), array([ True,  True,  True]))
    >>> [0] in found, [1] in found
    (True, False)
    """
    require_set_function(F)
    deadline = Deadline(time_limit)
    late = f"time_limit = {time_limit} seconds were not enough to find all minimizers"
    if can_solve(F, "max_flow") is None:
        found = minimizer_blocks(F, deadline)
        if found is None:
            raise RuntimeError(late)
        blocks, requirements = found
        mask = blocks == -1
        return Minimizers(blocks, requirements, F.value(mask))

    def extreme(G: SetFunction, kind: str) -> Result:
        left = None if time_limit is None else deadline.left()
        with silent():  # one of many
            result = minimize_submodular(G, minimizer=kind, time_limit=left)
        if deadline.passed():
            raise RuntimeError(late)
        return result

    smallest, largest = (extreme(F, kind) for kind in ("minimal", "maximal"))
    between = np.flatnonzero(largest.mask & ~smallest.mask)
    G = F._minor(np.flatnonzero(smallest.mask), between)
    m = len(between)
    requires = np.eye(m, dtype=np.bool_)
    for i in range(m):
        others = np.flatnonzero(np.arange(m) != i)
        if len(others):
            requires[i, others] = extreme(G._minor(np.array([i]), others), "minimal").mask
    name, requirements = _blocks(requires)
    blocks = np.where(smallest.mask, -1, -2)
    blocks[between] = name
    return Minimizers(blocks, requirements, smallest.value)


def _blocks(requires: Array) -> tuple[Array, Array]:
    """Return the block of each element, and the requirements between blocks."""
    import scipy.sparse

    graph = scipy.sparse.csr_array(requires)
    _, name = scipy.sparse.csgraph.connected_components(graph, connection="strong")
    a, b = name[np.stack(requires.nonzero())]
    return name, np.unique(np.stack([a, b], axis=1)[a != b], axis=0)
