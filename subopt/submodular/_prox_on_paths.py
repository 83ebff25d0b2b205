"""The proximal operator of total variation on disjoint paths: a taut string, in linear time.

A path is solved piece by piece while its pieces are short (`_string_pieces`). The rest, or the
whole path if rounding errors prevent this, is solved by `_taut_string`. Both prove their values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base.answer import freeze
from subopt._base.types import Array
from subopt.forms.decomposable import is_chain, is_sum_of_simple, summands
from subopt.functions.algebra import SetFunction, terms_of
from subopt.functions.cut import Cut
from subopt.functions.modular import Modular
from subopt.submodular._string_pieces import LONG, Rest, equal_pieces_on_path, pieces_on_path
from subopt.submodular._taut_string import NO_ROOM, PROVEN, Path, path_work, values_on_path

KNOTS = 1024
"""Room for the knots of a taut string at first; there are rarely as many at once."""


class Paths(NamedTuple):
    """A cut function plus a modular one, as disjoint paths."""

    unary: Array | None  # (n,), None for zeros
    indptr: Array  # (paths + 1,)
    elements: Array | None  # None if one path goes through all elements in order
    forward: Array  # capacities: `scale` times every entry at a multiple of `stride`
    backward: Array
    stride: int
    scale: float


def as_paths(F: SetFunction) -> Paths | None:
    """Return F as disjoint paths plus a modular function; None if it has another form."""
    cuts = [(a, term) for a, term in terms_of(F) if not isinstance(term, Modular)]
    if len(cuts) != 1 or not isinstance(cuts[0][1], Cut) or cuts[0][1].n_edges >= F.n:
        return None
    scale, cut = cuts[0]
    unary = None
    known = cut._path_weights()
    if known is not None or is_chain(cut._data.indptr, cut._data.indices):
        for a, term in terms_of(F):
            if isinstance(term, Modular):
                unary = a * term.weights + (0.0 if unary is None else unary)
        if known is None:
            forward, backward, stride = cut._data.forward, cut._data.backward, 2
        else:
            forward, backward, stride = known, known, int(len(known) > 1)
        return Paths(unary, np.array([0, F.n]), None, forward, backward, stride, float(scale))
    d = cut._data
    if np.diff(d.indptr).max(initial=0) > 2 or not is_sum_of_simple(F):
        return None
    parts = summands(F)
    if np.bincount(parts.elements, minlength=F.n).max() > 1:
        return None  # a cycle, or a path that was divided in two
    return Paths(parts.unary, parts.indptr, parts.elements, parts.first, parts.second, 1, 1.0)


def prox_on_paths(paths: Paths, y: Array, scales: Array | None) -> Array | None:
    """Return the values, or None where rounding errors do not let a taut string find them."""
    target = y if scales is None else scales * y
    if paths.unary is not None:
        target = target - paths.unary
    # the kernel is compiled once, for targets that are writeable and capacities that are not
    if not target.flags.writeable:
        target = target.copy()
    freeze(paths.forward, paths.backward)
    if paths.elements is None:
        weights = np.ones(1) if scales is None else scales
        return _string(Path(target, weights, *paths[3:]))
    weights = np.ones(len(y)) if scales is None else scales
    result = target / weights
    for first, last in zip(paths.indptr[:-1], paths.indptr[1:], strict=True):
        k = slice(first, last)
        members = paths.elements[k]
        capacities = paths.forward[k], paths.backward[k], paths.stride, paths.scale
        values = _string(Path(target[members], weights[members], *capacities))
        if values is None:
            return None
        result[members] = values
    return result


def _string(path: Path) -> Array | None:
    values = np.empty(len(path.target))
    rest = Rest(np.zeros(1, dtype=np.int64), np.zeros(1), np.array([-np.inf, np.inf]))
    equal = path.stride == 0 and len(path.weights) == 1 and path.weights[0] == 1
    found = (equal_pieces_on_path if equal else pieces_on_path)(path, values, rest)
    if found == PROVEN:
        return values
    if found == LONG:
        start, flow = int(rest.start[0]), float(rest.flow[0])
        if _whole(_from(path, start, flow), values[start:]):
            low, high = rest.bounds
            if low <= values[start] <= high:
                return values
    return values if _whole(path, values) else None


def _from(path: Path, start: int, flow: float) -> Path:
    """Return what is left of a path, given the flow on the edge to its first member."""
    target = path.target[start:].copy()
    target[0] += flow
    weights = path.weights[start:] if len(path.weights) > 1 else path.weights
    first = path.stride * start
    return Path(target, weights, path.forward[first:], path.backward[first:], *path[4:])


def _whole(path: Path, values: Array) -> bool:
    """Find the values of a path in linear time, and return whether they are proven."""
    room = KNOTS
    while True:
        found = values_on_path(path, values, path_work(len(values), room))
        if found != NO_ROOM:
            return bool(found == PROVEN)
        room *= 16
