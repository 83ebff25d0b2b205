"""Capacities that are far above a cut, lowered for a second run.

Doubles near 1e15 are 0.125 apart, so a residual capacity of 1e15 cannot represent a flow of 0.1. An
arc that no flow can fill may be lowered to twice the value of the cut: the same arcs are saturated
then, and the flow keeps full precision. All functions that compute floating-point flows solve such
problems twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from subopt._base.answer import HUGE

if TYPE_CHECKING:
    from subopt._base.types import Array


def dwarfed(values: Any, *parts: Array) -> Array:
    """Return which cuts are so small next to capacities that flows lose digits.

    `values` has the shape (problems,), and `parts` have the shape (problems, ...) each, or
    (1, ...) if their entries are the same for all problems.
    """
    values = np.asarray(values)
    top = np.zeros_like(values)
    for part in parts:
        if part.size:
            top = np.maximum(top, part.reshape(len(part), -1).max(axis=1))
    result: Array = (values > 0) & (values < top / HUGE)
    return result


def lowered(
    values: Any, source: Array, sink: Array, forward: list[Array], backward: list[Array]
) -> tuple[Array, Array, list[Array], list[Array]]:
    """Return the capacities, at most twice the value of each cut.

    Shapes are those of `dwarfed`. Flow from the source to the sink through a single node is left
    out. Where an array is in both lists, so is the new one.
    """

    def limit(part: Array) -> Array:
        return 2.0 * np.reshape(values, (-1,) + (1,) * (part.ndim - 1))

    excess = source - sink
    excess = np.clip(excess, -limit(excess), limit(excess))
    ahead = [np.minimum(arc, limit(arc)) for arc in forward]
    pairs = zip(forward, backward, ahead, strict=True)
    back = [new if b is f else np.minimum(b, limit(b)) for f, b, new in pairs]
    return np.maximum(excess, 0.0), np.maximum(-excess, 0.0), ahead, back
