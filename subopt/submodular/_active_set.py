"""The point of smallest norm in the convex hull of vertices: the inner loop of Wolfe's algorithm.

With vertices v_j = center + d_j and weights w of sum 1, ||x||² = ||center||² + 2 wᵀ D center +
wᵀ D Dᵀ w. The change of w that leads to its minimum over the affine hull takes two triangular
solves with the Cholesky factor of D Dᵀ + scale · 1 1ᵀ. Adding a vertex appends a column to the
factor; removing one is followed by Givens rotations. The center is chosen close to x, so that the
factor holds the differences of the vertices only, without cancellation of what they have in common.
"""

from __future__ import annotations

import numpy as np

from subopt._base.jit import small_first as njit
from subopt._base.types import Array

_CAPACITY = 32
CANCELED = 1e-8
"""Largest pivot, relative to the squared size of a vertex, that is computed a second time."""
DEPENDENT = 1e-26
"""Largest pivot that is a rounding error."""
CORRECTIONS = 6
"""Largest number of times that a result of the factor is corrected."""
SETTLED = 0.999
"""A correction that leaves more than this fraction of the squared norm is the last one."""
ROUNDING = 2.0**-50
"""Rounding error of a point, relative to the size of the vertices."""
NEGLIGIBLE = 1e-15
"""Vertices with smaller weights are removed."""


class ActiveSet:
    """Greedy vertices, with the convex weights of the point of smallest norm in their hull.

    Parameters
    ----------
    orders : ndarray of intp, shape (k, n)
        The orders of the initial vertices.
    vertices : ndarray of float64, shape (k, n)
        The initial vertices; affinely dependent ones are left out.
    weights : ndarray of float64, shape (k,)
        Nonnegative weights with sum 1; their combination of the vertices is the center.
    scale : float
        A number of the magnitude of the squared distances between vertices.

    Attributes
    ----------
    x : ndarray of float64, shape (n,)
        The point of smallest norm.
    """

    def __init__(self, orders: Array, vertices: Array, weights: Array, scale: float) -> None:
        capacity, n = max(_CAPACITY, 2 * len(orders)), vertices.shape[1]
        self._center = weights @ vertices
        self._scale = max(scale, 1e-300)
        # each vertex has a slot, a row of these arrays; _slots[:_size] are the slots in use, in the
        # order of the columns of the factor
        self._orders = np.empty((capacity, n), dtype=np.intp)
        self._rows = np.zeros((capacity, n))
        self._weights = np.zeros(capacity)
        self._factor = np.zeros((capacity, capacity))  # upper triangular
        self._slots = np.arange(capacity)
        self._size = self._top = 0
        for j in np.argsort(-weights, kind="stable"):
            self._append(orders[j], vertices[j], weights[j])
        self._weights /= self._weights.sum()
        self._settle()

    def combination(self) -> tuple[Array, Array]:
        """Return the orders (k, n) and weights (k,) of the vertices whose combination is x."""
        used = self._slots[: self._size]
        return self._orders[used], self._weights[used]

    def add(self, order: Array, vertex: Array) -> bool:
        """Add a vertex and update x; return False if the vertex is affinely dependent."""
        added = self._append(order, vertex, 0.0)
        if added:
            self._settle()
        return added

    def _append(self, order: Array, vertex: Array, weight: float) -> bool:
        if self._size == len(self._slots):
            self._grow()
        slot = int(self._slots[self._size])
        row = np.subtract(vertex, self._center, out=self._rows[slot])
        self._top = max(self._top, slot + 1)
        rows = self._rows[: self._top]
        products = rows @ row
        if not _append(self._factor, self._slots, self._size, rows, products, self._scale):
            return False
        self._orders[slot] = order
        self._weights[slot] = weight
        self._size += 1
        return True

    def _settle(self) -> None:
        """Move to the point of smallest norm, by minor cycles until rounding errors are corrected.

        A cycle computes the change of the weights from the products of the vertices with x itself,
        so that an error of the factor is one of the change only, and gets smaller every time.
        """
        rows, weights = self._rows[: self._top], self._weights[: self._top]
        self.x = self._center + weights @ rows
        square, left = float(self.x @ self.x), CORRECTIONS
        while self._size > 1 and left:
            before, size = weights.copy(), self._size
            self._size = _cycle(self._factor, self._slots, weights, rows @ self.x, size)
            x = self._center + weights @ rows
            last, square = square, float(x @ x)
            if self._size == size:
                left -= 1
                # if it only seems to rise, the corrected weights are the better ones: the rounding
                # of x, of the size of the vertices, hides what a correction does to its square
                if square > last + ROUNDING * (self._scale * last) ** 0.5:
                    weights[:] = before
                    break
                if square > SETTLED * last:
                    left = 0
            self.x = x

    def _grow(self) -> None:
        n = len(self._slots)
        self._orders = np.concatenate([self._orders, np.empty_like(self._orders)])
        self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._weights = np.pad(self._weights, (0, n))
        self._factor = np.pad(self._factor, ((0, n), (0, n)))
        self._slots = np.concatenate([self._slots, np.arange(n, 2 * n)])


@njit
def _append(U, slots, k, rows, products, scale):
    """Append a column to the factor by forward substitution; return False if it is dependent.

    U : (capacity, capacity) float64
        The factor: upper triangular, of k columns; column k is written.
    slots : (capacity,) int64
        The slots of the vertices in the order of the columns; ``slots[k]`` is that of the new one.
    rows : (used slots, n) float64
        The vertices, by slots, less the center.
    products : (used slots,) float64
        Inner products of the rows of all slots with that of the new vertex.
    scale : float
        Added to all inner products.

    It is dependent if its pivot, the squared distance to what the others span, is a rounding error.
    """
    z = np.empty(k)
    for j in range(k):
        z[j] = products[slots[j]] + scale
    pivot = size = products[slots[k]] + scale
    for j in range(k):
        z[j] /= U[j, j]
        pivot -= z[j] * z[j]
        for i in range(j + 1, k):
            z[i] -= z[j] * U[j, i]
    if not pivot > CANCELED * size:
        pivot = _remaining(U, slots, k, rows, z, scale)
    if not pivot > DEPENDENT * size:
        return False
    for j in range(k):
        U[j, k] = z[j]
    U[k, k] = np.sqrt(pivot)
    return True


@njit
def _remaining(U, slots, k, rows, z, scale):
    """Return the squared distance of a new vertex to what the others span, without cancellation.

    z : (k,) float64
        Its column of the factor, which is corrected.

    What the other vertices leave of it is computed as a vector, and projected onto them again, as
    in the corrected seminormal equations (Björck 1987). The other arguments are those of `_append`.
    """
    n = rows.shape[1]
    rest, a, b = np.empty(n), np.zeros(k), z.copy()
    best = np.inf
    for _ in range(CORRECTIONS):
        for j in range(k - 1, -1, -1):  # the change of the combination of the others
            for i in range(j + 1, k):
                b[j] -= U[j, i] * b[i]
            b[j] /= U[j, j]
            a[j] += b[j]
        missing = 1.0
        for i in range(n):
            rest[i] = rows[slots[k], i]
        for j in range(k):
            missing -= a[j]
            for i in range(n):
                rest[i] -= a[j] * rows[slots[j], i]
        pivot = scale * missing * missing
        for i in range(n):
            pivot += rest[i] * rest[i]
        if not pivot < 0.5 * best:
            break
        best = pivot
        for j in range(k):
            b[j] = scale * missing
            for i in range(n):
                b[j] += rows[slots[j], i] * rest[i]
        for j in range(k):
            b[j] /= U[j, j]
            z[j] += b[j]
            for i in range(j + 1, k):
                b[i] -= b[j] * U[j, i]
    return min(best, pivot)


@njit
def _cycle(U, slots, w, products, k):
    """Move to the affine minimum, or towards it until a weight is 0, and remove that vertex.

    w : (used slots,) float64
        By slots: the convex weights, which are updated.
    products : (used slots,) float64
        Products of the rows with the point x of these weights.

    `U` and `slots`, with k columns, are those of `_append`. Return the number of vertices left.
    """
    change = _change(U, slots, products, k)
    step, leaving = 1.0, -1
    for j in range(k):
        here = w[slots[j]]
        if here + change[j] <= NEGLIGIBLE:
            ratio = -here / change[j] if change[j] < 0.0 else 0.0
            if leaving < 0 or ratio < step:
                step, leaving = min(ratio, 1.0), j
    for j in range(k):
        w[slots[j]] += step * change[j]
    if leaving >= 0:
        w[slots[leaving]] = 0.0
        for j in range(k - 1, -1, -1):  # remove ties together
            if w[slots[j]] <= NEGLIGIBLE and k > 1:
                w[slots[j]] = 0.0
                _drop(U, slots, k, j)
                k -= 1
    total = 0.0
    for j in range(k):
        total += w[slots[j]]
    for j in range(k):
        w[slots[j]] /= total
    return k


@njit
def _change(U, slots, products, k):
    """Return the change (k,) of the weights, of sum 0, that leads to the affine minimum.

    The arguments are those of `_cycle`.
    """
    a, b = np.ones(k), np.empty(k)
    for j in range(k):
        b[j] = products[slots[j]]
    for j in range(k):
        a[j] /= U[j, j]
        b[j] /= U[j, j]
        for i in range(j + 1, k):
            a[i] -= a[j] * U[j, i]
            b[i] -= b[j] * U[j, i]
    total_a, total_b = 0.0, 0.0
    for j in range(k - 1, -1, -1):
        s, t = a[j], b[j]
        for i in range(j + 1, k):
            s -= U[j, i] * a[i]
            t -= U[j, i] * b[i]
        a[j], b[j] = s / U[j, j], t / U[j, j]
        total_a += a[j]
        total_b += b[j]
    level = total_b / total_a
    for j in range(k):
        b[j] = level * a[j] - b[j]
    return b


@njit
def _drop(U, slots, k, p):
    """Remove column p of k from the factor, and move its slot behind the others.

    `U` then has one entry below each later diagonal entry; Givens rotations make them 0.
    """
    slot = slots[p]
    for j in range(p, k - 1):
        slots[j] = slots[j + 1]
    slots[k - 1] = slot
    for j in range(p + 1):
        for i in range(p, k - 1):
            U[j, i] = U[j, i + 1]
    for j in range(p, k - 1):
        for i in range(j, k - 1):
            U[j + 1, i] = U[j + 1, i + 1]
        length = np.hypot(U[j, j], U[j + 1, j])
        c, s = U[j, j] / length, U[j + 1, j] / length
        U[j, j] = length
        for i in range(j + 1, k - 1):
            upper, lower = U[j, i], U[j + 1, i]
            U[j, i] = c * upper + s * lower
            U[j + 1, i] = c * lower - s * upper
