"""The linear program over cuts of the relaxation, by the simplex method, for few free elements.

In its dual, every cut is a column, and any feasible weights of the columns are evidence. A basis
therefore stays feasible when cuts are added, and the next solve starts from the last basis. The
accuracy of the method does not matter for proofs: the bound is computed from the weights.
"""

from __future__ import annotations

import numpy as np

from subopt._base.types import Array

PIVOTS = 20
"""Largest number of pivots per row of the program. It rarely takes more than 3."""
REFRESH = 50
"""Number of pivots after which the inverse of the basis is computed anew."""
SHIFT = 1e-9
"""By about this right-hand sides are shifted, so that every pivot makes progress."""
OPTIMAL, ZERO = 1e-11, 1e-9
"""The largest reduced cost that counts as zero, and the smallest pivot."""


class Columns:
    """The dual program: weights of cuts, prices of constraints, and a slack and a surplus per row.

    It minimizes ``shares @ constants + prices @ limits + slack.sum()`` subject to
    ``weights @ vertices - shares @ bounds + prices @ matrix + slack - surplus = 0``, where weights
    and shares sum to 1 each, and all variables are nonnegative. The dual values of the first m rows
    are the point x of the cube.

    Parameters
    ----------
    vertices : ndarray of shape (k, m)
        Greedy vertices of f, one at least.
    bounds : ndarray of shape (p, m)
        Weights of modular upper bounds of g, one at least.
    constants : ndarray of shape (p,)
        Their constants.
    matrix : ndarray of shape (r, m)
        Rows of the constraints: ``matrix @ x <= limits``.
    limits : ndarray of shape (r,)
    """

    def __init__(
        self, vertices: Array, bounds: Array, constants: Array, matrix: Array, limits: Array
    ) -> None:
        m, r = vertices.shape[1], len(limits)
        self.m, self.r = m, r
        self.scale = 1e-300  # the largest number in all cuts, which are divided by it
        self.rows = np.zeros((2 * m + r, m + 2))  # one per variable
        self.rows[:m, :m], self.rows[m : 2 * m, :m] = np.eye(m), -np.eye(m)
        self.rows[2 * m :, :m] = matrix
        self.cost = np.concatenate([np.ones(m), np.zeros(m), limits])
        self.kinds = np.zeros(2 * m + r, dtype=np.int8)  # 1 vertices, 2 bounds, 0 all others
        self.add(vertices, bounds, constants)
        first = np.array([np.argmax(self.kinds == 1), np.argmax(self.kinds == 2)])
        short = self.rows[first].sum(axis=0)[:m] < 0
        self.basis = np.append(np.where(short, 0, m) + np.arange(m), first)
        self.right = np.append(np.zeros(m), np.ones(2))
        self.shifted = self.right.copy()
        self.shifted[:m] = np.where(short, SHIFT, -SHIFT) * (1 + 0.618 * np.arange(m) % 1)

    def add(self, vertices: Array, bounds: Array, constants: Array) -> None:
        """Add cuts."""
        k, p = len(vertices), len(bounds)
        scale = max(np.abs(vertices).max(initial=0.0), np.abs(bounds).max(initial=0.0), self.scale)
        if scale > self.scale:
            cuts = self.kinds > 0
            self.rows[cuts, : self.m] *= self.scale / scale
            self.cost[cuts] *= self.scale / scale
            self.scale = scale
        rows = np.zeros((k + p, self.m + 2))
        rows[:k, : self.m], rows[:k, self.m] = vertices / self.scale, 1.0
        rows[k:, : self.m], rows[k:, self.m + 1] = -bounds / self.scale, 1.0
        self.rows = np.concatenate([self.rows, rows])
        self.cost = np.concatenate([self.cost, np.zeros(k), constants / self.scale])
        self.kinds = np.append(self.kinds, np.repeat(np.array([1, 2], dtype=np.int8), [k, p]))

    def solve(self) -> tuple[Array, Array, Array, Array] | None:
        """Return x, weights, shares and prices, or None if numbers are too different in size."""
        basis, since = self.basis, REFRESH
        for _ in range(PIVOTS * (self.m + 2)):
            if since == REFRESH:
                try:
                    inverse = np.linalg.inv(self.rows[basis].T)
                except np.linalg.LinAlgError:
                    return None
                amounts, since = inverse @ self.shifted, 0
            duals = self.cost[basis] @ inverse
            reduced = self.cost - self.rows @ duals
            enters = int(reduced.argmin())
            if reduced[enters] >= -OPTIMAL:
                break
            column = inverse @ self.rows[enters]
            pivots = np.flatnonzero(column > ZERO)
            if not len(pivots):
                return None
            ratios = np.maximum(amounts[pivots], 0.0) / column[pivots]
            leaves = pivots[ratios.argmin()]
            row = inverse[leaves] / column[leaves]
            amount = max(amounts[leaves], 0.0) / column[leaves]
            inverse -= np.outer(column, row)
            amounts -= amount * column
            inverse[leaves], amounts[leaves], basis[leaves] = row, amount, enters
            since += 1
        else:
            return None
        values = np.zeros(len(self.cost))
        values[basis] = np.maximum(inverse @ self.right, 0.0)
        prices = values[2 * self.m : 2 * self.m + self.r] * self.scale
        x = np.clip(duals[: self.m], 0.0, 1.0)
        return x, values[self.kinds == 1], values[self.kinds == 2], prices
