"""Submodular regularizers in convex models: Lovász extensions as cvxpy expressions.

The only module that needs cvxpy, which is imported on use. It expresses a sum of truncated modular
functions (`CapForm`) by the atoms of cvxpy, in groups of terms:

* a cap at or below every weight is a maximum, ``cap * max(x)``; of two elements it is half of
  ``|x_i - x_j| + x_i + x_j``, so that a cut is its weighted total variation;
* a cap that the sum without any single element reaches gives ``w @ x - (w(V) - cap) * min(x)``;
* equal weights give a sum of largest entries;
* any other term is the support function of {0 <= y <= w, sum(y) = cap}.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base.types import Array
from subopt.forms.truncated import CapForm
from subopt.forms.truncated_families import cap_form
from subopt.functions._sparse import take_rows
from subopt.functions.algebra import SetFunction, require_set_function

__all__ = ["lovasz"]


def lovasz(F: SetFunction, x: Any) -> Any:
    """Return the Lovász extension of F at x as a convex cvxpy expression.

    Parameters
    ----------
    F : SetFunction
        Submodular, and a sum of truncated modular functions: `Modular`, `Cut` (its weighted total
        variation, positive parts of differences if directed), `HypergraphCut`, `Coverage` (weighted
        maxima), `FacilityLocation`, `Cardinality` (sums of largest entries),
        `MatroidRank.partition`, `ConcaveOfModular` with a piecewise linear phi, and their
        nonnegative sums, restrictions, contractions and complements. See
        `subopt.forms.truncated_families.cap_form`.
    x : cvxpy expression, shape (n,)
        A variable, or an affine expression.

    Returns
    -------
    cvxpy.Expression
        Scalar and convex, for any model that follows the rules of disciplined convex programming.
        Its size is that of the data of F.

    Raises
    ------
    TypeError
        If F is of another family, which the message names, or x is not a cvxpy expression.
    ValueError
        If the shape of x is not (n,).

    Examples
    --------
    >>> import cvxpy as cp
    >>> F = Cut.from_edges([(0, 1), (1, 2)], weights=[2.0, 1.0])
    >>> x = cp.Variable(3)
    >>> penalty = lovasz(F, x)
    >>> x.value = np.array([0.0, 1.0, 3.0])
    >>> penalty.curvature, float(penalty.value), F.lovasz(x.value)
    ('CONVEX', 4.0, 4.0)
    """
    import cvxpy as cp

    require_set_function(F)
    if not isinstance(x, cp.Expression):
        raise TypeError(
            f"lovasz needs a cvxpy expression x, got {type(x).__name__}. For numbers use "
            "F.lovasz(x)."
        )
    if x.shape != (F.n,):
        raise ValueError(
            f"x needs one entry per element, shape ({F.n},), got {x.shape}. cvxpy.vec flattens."
        )
    try:
        form = cap_form(F)
    except TypeError as error:
        raise TypeError(f"There is no cvxpy expression for {F!r}: {error}") from error
    linear, terms = _terms(form, x)
    linear[np.abs(linear) <= 1e-14 * np.abs(form.linear).max(initial=0.0)] = 0.0
    if linear.any() or not terms:
        terms.append(linear @ x)
    return cp.sum(terms) if len(terms) > 1 else terms[0]


def _terms(form: CapForm, x: Any) -> tuple[Array, list[Any]]:
    """Return the part that is linear in x, and the other ones."""
    linear, sizes = form.linear.copy(), np.diff(form.indptr)
    least, most = np.full(len(sizes), np.inf), np.zeros(len(sizes))
    np.minimum.at(least, form.rows, form.weights)
    np.maximum.at(most, form.rows, form.weights)
    missing = form.levels(np.ones(form.n)) - form.caps
    top = form.caps <= least
    bottom = ~top & (missing <= least)
    pair = (top | bottom) & (sizes == 2)
    counts = ~top & ~bottom & (most == least) & (np.rint(form.caps / most) * most == form.caps)
    terms = _pairs(form, np.flatnonzero(pair), missing, top, linear, x)
    scales = form.scales * np.where(top, form.caps, -missing)
    rows = form.rows
    at = (bottom & ~pair)[rows]
    np.add.at(linear, form.indices[at], (form.scales[rows] * form.weights)[at])
    for chosen, largest in ((top & ~pair, True), (bottom & ~pair, False)):
        for group in _alike(np.flatnonzero(chosen), np.ceil(np.log2(np.maximum(sizes, 1)))):
            terms.append(_extremes(form, group, scales[group], largest, x))
    key = sizes * (form.n + 1) + np.where(counts, np.rint(form.caps / most), 0)
    for group in _alike(np.flatnonzero(counts), key):
        terms.append(_largest(form, group, most[group], x))
    rest = np.flatnonzero(~(top | bottom | counts))
    if rest.size:
        terms.append(_support(form, rest, x))
    return linear, terms


def _alike(rows: Array, key: Array) -> list[Array]:
    """Return the rows in groups of equal keys."""
    return [rows[key[rows] == k] for k in np.unique(key[rows])]


def _pairs(
    form: CapForm, rows: Array, missing: Array, top: Array, linear: Array, x: Any
) -> list[Any]:
    """Return the weighted total variation of rows of two elements; what is linear is added."""
    import cvxpy as cp
    from scipy import sparse

    if not rows.size:
        return []
    ends = form.indices[form.indptr[rows][:, None] + np.arange(2)]
    weights = form.weights[form.indptr[rows][:, None] + np.arange(2)]
    # cap * max = cap/2 (|d| + sum), and - missing * min = missing/2 (|d| - sum)
    half = np.where(top[rows], form.caps[rows], missing[rows]) / 2
    shares = np.where(top[rows][:, None], half[:, None], weights - half[:, None])
    np.add.at(linear, ends, form.scales[rows][:, None] * shares)
    k = len(rows)
    signs = np.tile([1.0, -1.0], k)
    D = sparse.csr_array((signs, ends.ravel(), 2 * np.arange(k + 1)), shape=(k, form.n))
    return [(form.scales[rows] * half) @ cp.abs(D @ x)]


def _gathered(form: CapForm, rows: Array, width: int, x: Any) -> Any:
    """Return the entries of x in each row as a matrix, the last one repeated to fill it."""
    import cvxpy as cp
    from scipy import sparse

    sizes = np.diff(form.indptr)[rows]
    columns = np.minimum(np.arange(width), sizes[:, None] - 1)
    taken = form.indices[form.indptr[rows][:, None] + columns].ravel()
    k = len(taken)
    select = sparse.csr_array((np.ones(k), taken, np.arange(k + 1)), shape=(k, form.n))
    return cp.reshape(select @ x, (len(rows), width), order="C")


def _extremes(form: CapForm, rows: Array, scales: Array, largest: bool, x: Any) -> Any:
    import cvxpy as cp

    entries = _gathered(form, rows, int(np.diff(form.indptr)[rows].max()), x)
    return scales @ (cp.max if largest else cp.min)(entries, axis=1)


def _largest(form: CapForm, rows: Array, weights: Array, x: Any) -> Any:
    """Return sums of largest entries, for rows of one size and one number of entries."""
    import cvxpy as cp

    count = round(float(form.caps[rows[0]] / weights[0]))
    entries = _gathered(form, rows, int(np.diff(form.indptr)[rows[0]]), x)
    scales = form.scales[rows] * weights
    try:
        return scales @ cp.sum_largest(entries, count, axis=1)
    except TypeError:  # cvxpy < 1.8 knows no axis
        parts = [a * cp.sum_largest(entries[j], count) for j, a in enumerate(scales)]
        return cp.sum(parts)


def _support(form: CapForm, rows: Array, x: Any) -> Any:
    """Return the support function of the product of {0 <= y <= w, sum(y) = cap} over the rows."""
    import cvxpy as cp
    from cvxpy.transforms.suppfunc import SuppFunc
    from scipy import sparse

    indptr, taken = take_rows(form.indptr, rows)
    k = len(taken)
    y = cp.Variable(k)
    add = sparse.csr_array((np.ones(k), np.arange(k), indptr), shape=(len(rows), k))
    base = [y >= 0, y <= form.weights[taken], add @ y == form.caps[rows]]
    scales = np.repeat(form.scales[rows], np.diff(indptr))
    select = sparse.csr_array((scales, form.indices[taken], np.arange(k + 1)), shape=(k, form.n))
    return SuppFunc(y, base)(select @ x)
