"""Truncated forms (see `CapForm`) of the families that have one, one function per family."""

from __future__ import annotations

from functools import singledispatch
from itertools import pairwise

import numpy as np

from subopt._base.types import Array
from subopt.forms.truncated import CapForm, normal, nothing, total
from subopt.functions._phi import MIN, Phi
from subopt.functions._sparse import row_of, sums
from subopt.functions.algebra import SetFunction, Sum, View
from subopt.functions.cardinality import Cardinality
from subopt.functions.concave import Concave
from subopt.functions.concave_of_modular import ConcaveOfModular
from subopt.functions.coverage import Coverage
from subopt.functions.cut import Cut
from subopt.functions.cut_form import bends
from subopt.functions.facility_location import FacilityLocation
from subopt.functions.hypergraph_cut import HypergraphCut
from subopt.functions.matroid_rank import MatroidRank, _PartitionRank
from subopt.functions.modular import Modular

LARGEST = 10_000_000
"""Largest number of weights that a form may store. A concave function of counts needs up to n²."""


@singledispatch
def cap_form(F: SetFunction) -> CapForm:
    """Return F as a sum of truncated modular functions.

    Parameters
    ----------
    F : SetFunction
        `Modular`, `Cut`, `HypergraphCut`, `Coverage`, `FacilityLocation`, `Cardinality`,
        `MatroidRank.partition`, `ConcaveOfModular` and `Concave` of a modular or cardinality
        function with a piecewise linear phi (("min", cap), or any phi if the weights of each
        group are multiples of its smallest one), and their nonnegative sums, restrictions,
        contractions and complements.

    Returns
    -------
    CapForm
        The form of F.

    Raises
    ------
    TypeError
        If F has another type, or its form would have too many weights; the message names the part.

    Examples
    --------
    >>> form = cap_form(Coverage([[1, 1], [0, 1]]))
    >>> form.linear, form.caps, form.indices
    (array([1., 0.]), array([1.]), array([0, 1]))
    """
    raise TypeError(
        f"{type(F).__name__} is no sum of truncated modular functions. Modular, Cut, "
        "HypergraphCut, Coverage, FacilityLocation, Cardinality, MatroidRank.partition, "
        "ConcaveOfModular with a piecewise linear phi, and their nonnegative sums, restrictions, "
        "contractions and complements are."
    )


def is_liftable(F: SetFunction) -> bool:
    """Return whether `cap_form` accepts F."""
    try:
        cap_form(F)
    except TypeError:
        return False
    return True


@cap_form.register
def _(F: Modular) -> CapForm:
    form = nothing(F.n)
    return CapForm(F.weights, form.indptr, form.indices, form.weights, form.caps, form.scales)


@cap_form.register
def _(F: Sum) -> CapForm:
    return total(F.n, [nothing(F.n), *(cap_form(G).scaled(a) for a, G in F.terms)])


@cap_form.register
def _(F: View) -> CapForm:
    form = cap_form(F.parent).fix(F.before, F.kept)
    return form.flip() if F.flipped else form


@cap_form.register
def _(F: Cut) -> CapForm:
    # an arc from i to j costs x_i (1 - x_j) = min(1, x_i + x_j) - x_j
    d, tails = F._data, row_of(F._data.indptr)
    once = tails < d.indices
    i, j, to, back = tails[once], d.indices[once], d.forward[once], d.backward[once]
    linear = -sums(j, to, F.n) - sums(i, back, F.n)
    pairs = np.stack([i, j], axis=1).ravel()
    ones = np.ones(len(i))
    return normal(linear, 2 * np.arange(len(i) + 1), pairs, np.ones(len(pairs)), ones, to + back)


@cap_form.register
def _(F: Coverage) -> CapForm:
    d = F._data
    order = np.argsort(d.indices, kind="stable")
    sizes = np.bincount(d.indices, minlength=len(d.weights))
    return normal(
        np.zeros(F.n),
        np.concatenate([[0], np.cumsum(sizes)]),
        row_of(d.indptr)[order],
        np.ones(len(order)),
        np.ones(len(sizes)),
        d.weights,
    )


@cap_form.register
def _(F: FacilityLocation) -> CapForm:
    # with similarities s_1 >= s_2 >= ... of a client: the sum over k of (s_k - s_{k+1}) if one of
    # its k most similar elements is in S
    d = F._data
    elements, clients, s = F._entries()
    better = s > d.base[clients]
    clients, s, elements = clients[better], s[better], elements[better]
    order = np.lexsort((-s, clients))
    clients, s, elements = clients[order], s[order], elements[order]
    last = np.diff(clients, append=-1) != 0
    steps = s - np.where(last, d.base[clients], np.append(s[1:], 0.0))
    start = np.searchsorted(clients, clients)
    used = steps > 0
    stop = np.flatnonzero(used) + 1
    sizes = stop - start[used]
    _check_size(F, sizes.sum())
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    taken = np.repeat(start[used] - indptr[:-1], sizes) + np.arange(indptr[-1])
    ones = np.ones(len(sizes))
    return normal(np.zeros(F.n), indptr, elements[taken], np.ones(len(taken)), ones, steps[used])


@cap_form.register
def _(F: Cardinality) -> CapForm:
    return _of_counts(F, [(np.arange(F.n)[None], F.values, np.ones(1))])


@cap_form.register
def _(F: HypergraphCut) -> CapForm:
    return _of_counts(F, F._groups())


@cap_form.register
def _(F: MatroidRank) -> CapForm:
    if not isinstance(F, _PartitionRank):
        raise TypeError(
            f"{type(F).__name__.lstrip('_')} is no sum of truncated modular functions; of "
            "the matroids only MatroidRank.partition is."
        )
    order = np.argsort(F._labels, kind="stable")
    caps = F._capacities.astype(np.float64)
    sizes = np.bincount(F._labels, minlength=len(caps))
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    return normal(np.zeros(F.n), indptr, order, np.ones(F.n), caps, np.ones(len(caps)))


@cap_form.register
def _(F: ConcaveOfModular) -> CapForm:
    d = F._data
    order = np.argsort(d.indices, kind="stable")
    elements, weights = row_of(d.indptr)[order], d.weights[order]
    sizes = np.bincount(d.indices, minlength=len(d.base))
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    if F._phi.code == MIN:
        return normal(np.zeros(F.n), indptr, elements, weights, F._phi.parameter - d.base, d.scales)
    parts = [
        _of_levels(F, F._phi, elements[a:b], weights[a:b], float(d.base[g]), float(d.scales[g]))
        for g, (a, b) in enumerate(pairwise(indptr))
        if a < b
    ]
    return total(F.n, [nothing(F.n), *parts])


@cap_form.register
def _(F: Concave) -> CapForm:
    if isinstance(F.F, Cardinality):
        return cap_form(Cardinality(F._phi(F.F.values)))
    if isinstance(F.F, Modular):
        used = np.flatnonzero(F.F.weights)
        return _of_levels(F, F._phi, used, F.F.weights[used], 0.0, 1.0)
    raise TypeError(
        f"Concave of {F.F!r} is no sum of truncated modular functions; of Modular it may be."
    )


def _of_counts(F: SetFunction, groups: list[tuple[Array, Array, Array]]) -> CapForm:
    """Return sum_e w_e table(|S ∩ e|) for (members (edges, m), table (m + 1,), w (edges,))."""
    linear = np.zeros(F.n)
    sizes, indices, caps, scales = [], [], [], []
    for members, table, w in groups:
        edges, m = members.shape
        if m == 0:
            continue
        np.add.at(linear, members, (w * (table[m] - table[m - 1]))[:, None])
        where, drops = bends(table)
        _check_size(F, members.size * len(where))
        sizes.append(np.full(edges * len(where), m))
        indices.append(np.tile(members.ravel(), len(where)))
        caps.append(np.repeat(where.astype(float), edges))
        scales.append((drops[:, None] * w).ravel())
    none = [np.zeros(0, dtype=np.intp)]
    taken = np.concatenate(indices or none)
    return normal(
        linear,
        np.concatenate([[0], np.cumsum(np.concatenate(sizes or none))]),
        taken,
        np.ones(len(taken)),
        np.concatenate([np.zeros(0), *caps]),
        np.concatenate([np.zeros(0), *scales]),
    )


def _of_levels(
    F: SetFunction, phi: Phi, elements: Array, weights: Array, base: float, scale: float
) -> CapForm:
    """Return scale * (phi(base + w(S)) - phi(base)) for weights that are multiples of the smallest.

    phi is evaluated at multiples of the smallest weight only, and may be linear between them.
    """
    m = len(weights)
    if phi.code == MIN:
        cap, one = np.array([phi.parameter - base]), np.array([scale])
        return normal(np.zeros(F.n), np.array([0, m]), elements, weights, cap, one)
    unit = float(weights.min(initial=np.inf))
    times = np.rint(weights / unit) if m else weights
    if np.abs(times * unit - weights).max(initial=0.0) > 1e-12 * weights.max(initial=0.0):
        raise TypeError(
            f"{type(F).__name__} with phi = {phi.spec!r} is not piecewise linear in weights that "
            f"are not multiples of the smallest one, {unit:g}. Use phi=('min', cap), a sum of "
            "such functions, or weights that are equal within each group."
        )
    _check_size(F, m * float(times.sum()))
    levels = np.arange(int(times.sum()) + 1)
    table = scale * (phi(base + unit * levels) - phi(np.array([base])))
    if m == 0 or len(table) < 2:
        return nothing(F.n)
    linear = np.zeros(F.n)
    linear[elements] = times * (table[-1] - table[-2])
    where, drops = bends(table)
    return normal(
        linear,
        m * np.arange(len(where) + 1),
        np.tile(elements, len(where)),
        np.tile(times, len(where)),
        where.astype(float),
        drops,
    )


def _check_size(F: SetFunction, size: float) -> None:
    if size > LARGEST:
        raise TypeError(
            f"{F!r} is too large for a linear program: its truncated terms have {size:.3g} "
            f"weights, more than {LARGEST:g}"
        )
