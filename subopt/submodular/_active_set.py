"""The point of smallest norm in the convex hull of vertices: the inner loop of Wolfe's algorithm.

With vertices v_j = center + d_j and weights w of sum 1, ||x||² = ||center||² + 2 wᵀ D center +
wᵀ D Dᵀ w. Its minimum over the affine hull takes two triangular solves with the Cholesky factor of
D Dᵀ + scale · 1 1ᵀ. Adding a vertex appends a column to the factor; removing one is followed by
Givens rotations. The center is chosen close to x, so that the factor holds the differences of the
vertices only, without cancellation of what they have in common.
"""

from __future__ import annotations

import numpy as np

from subopt._base.jit import small_first as njit
from subopt._base.types import Array

_CAPACITY = 32


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
        self._tilts = np.zeros(capacity)  # row @ center
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
        products = self._rows[: self._top] @ row
        if not _append(self._factor, self._slots, self._size, products, self._scale):
            return False
        self._orders[slot] = order
        self._weights[slot] = weight
        self._tilts[slot] = row @ self._center
        self._size += 1
        return True

    def _settle(self) -> None:
        self._size = _settle(self._factor, self._slots, self._weights, self._tilts, self._size)
        self.x = self._center + self._weights[: self._top] @ self._rows[: self._top]

    def _grow(self) -> None:
        n = len(self._slots)
        self._orders = np.concatenate([self._orders, np.empty_like(self._orders)])
        self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._weights, self._tilts = (np.pad(a, (0, n)) for a in (self._weights, self._tilts))
        self._factor = np.pad(self._factor, ((0, n), (0, n)))
        self._slots = np.concatenate([self._slots, np.arange(n, 2 * n)])


@njit
def _append(U, slots, k, products, scale):
    """Append a column to the factor by forward substitution; return False if it is dependent.

    U : (capacity, capacity) float64
        The factor: upper triangular, of k columns; column k is written.
    slots : (capacity,) int64
        The slots of the vertices in the order of the columns; ``slots[k]`` is that of the new one.
    products : (used slots,) float64
        Inner products of the rows of all slots with that of the new vertex.
    scale : float
        Added to all inner products.

    It is dependent if its pivot is a rounding error.
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
    if not pivot > 1e-13 * size:
        return False
    for j in range(k):
        U[j, k] = z[j]
    U[k, k] = np.sqrt(pivot)
    return True


@njit
def _settle(U, slots, w, tilts, k):
    """Move to the point of smallest norm in the hull; return the number of vertices that are left.

    These are minor cycles: move to the affine minimum, or towards it until a weight is 0, and
    remove that vertex.

    w, tilts : (capacity,) float64
        By slots: the convex weights, which are updated, and the products of rows with the center.

    `U` and `slots`, with k columns, are those of `_append`.
    """
    a, b = np.empty(k), np.empty(k)
    while k > 1:
        _affine_minimum(U, slots, tilts, k, a, b)
        step, leaving = 1.0, -1
        for j in range(k):
            if a[j] <= 1e-12:
                here = w[slots[j]]
                ratio = here / (here - a[j]) if here > a[j] else 0.0
                if leaving < 0 or ratio < step:
                    step, leaving = min(ratio, 1.0), j
        for j in range(k):
            w[slots[j]] += step * (a[j] - w[slots[j]])
        if leaving < 0:
            break
        w[slots[leaving]] = 0.0
        for j in range(k - 1, -1, -1):  # remove ties together
            if w[slots[j]] <= 1e-12 and k > 1:
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
def _affine_minimum(U, slots, tilts, k, a, b):
    """Set a (k,) to the weights of the point of smallest norm in the affine hull, with sum 1.

    b (k,) is workspace; the other arguments are those of `_settle`.
    """
    for j in range(k):
        a[j], b[j] = 1.0, tilts[slots[j]]
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
    level = (1.0 + total_b) / total_a
    for j in range(k):
        a[j] = level * a[j] - b[j]


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
