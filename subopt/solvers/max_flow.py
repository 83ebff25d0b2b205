"""Cut functions: one minimum cut.

What `F.as_cut()` returns is minimized over elements and auxiliary nodes at once: a negative unary
term is a capacity from the source, a positive one to the sink.
"""

from __future__ import annotations

import numpy as np

from subopt._types import Array
from subopt.function import SetFunction
from subopt.graph.max_flow import max_flow


def max_flow_minimize(F: SetFunction, *, maximal: bool = False) -> tuple[Array, float]:
    """Minimize a set function that is the cut function of a graph, by maximum flow.

    Parameters
    ----------
    F : SetFunction
        With ``F.as_cut()``: `Modular`, `Cut`, `HypergraphCut`, `Coverage`, `Cardinality`, and their
        nonnegative sums, restrictions, contractions and complements.
    maximal : bool, default False
        Return the largest minimizer instead of the smallest.

    Returns
    -------
    mask : ndarray of bool, shape (n,)
        A minimizer, exact up to rounding of the flow.
    value : float
        ``F.value(mask)``.

    Examples
    --------
    >>> F = Cut(np.array([[0, 1.0], [1.0, 0]])) + Modular([-3.0, 0.5])
    >>> max_flow_minimize(F)
    (array([ True,  True]), -2.5)
    """
    form = F.as_cut()
    cut = max_flow(
        form.tails,
        form.heads,
        np.asarray(form.capacities, dtype=np.float64),
        source_capacity=np.maximum(-form.unary, 0.0),
        sink_capacity=np.maximum(form.unary, 0.0),
        maximal=maximal,
    )
    mask = cut.source_side[: F.n].copy()
    return mask, F.value(mask.copy())
