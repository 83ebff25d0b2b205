"""`Constraints`: the feasible sets of one problem, and the queries of solvers.

All constraints are linear rows a(S) <= b with one coefficient per element: two for the size, one
per group and one per budget. Nonnegative prices of the rows give every element a weight, such that
``weights(S) <= constant`` for every feasible S (Lagrange). The minimum of ``F + weights -
constant`` over all sets is therefore a lower bound of F over the feasible ones; certificates need
nothing else.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from subopt._base.answer import freeze
from subopt._base.types import Array
from subopt.constraints.limits import Layer, Purse


class Constraints:
    """The feasible sets of one problem on V = {0, ..., n - 1}; see `constraints_of`.

    Attributes
    ----------
    n : int
        Number of elements.
    low, high : int
        The smallest and the largest size.
    include, exclude : ndarray of bool, shape (n,)
        Elements that are in every feasible set, and in none.
    layers : tuple of Layer
        One per `Groups`.
    purses : tuple of Purse
        One per `Budget`.
    """

    def __init__(
        self,
        n: int,
        low: int,
        high: int,
        include: Array,
        exclude: Array,
        layers: tuple[Layer, ...],
        purses: tuple[Purse, ...],
    ) -> None:
        self.n, self.low, self.high = n, low, high
        self.include, self.exclude = include, exclude
        self.layers, self.purses = layers, purses
        freeze(include, exclude, layers, purses)

    @property
    def trivial(self) -> bool:
        """Whether all sets are feasible."""
        return not (self.include.any() or self.exclude.any()) and self.only_fixed

    @property
    def only_fixed(self) -> bool:
        """Whether `include` and `exclude` are all that there is."""
        inside, outside = int(self.include.sum()), int(self.exclude.sum())
        bounded = self.low > inside or self.high < self.n - outside
        return not (bounded or self.layers or self.purses)

    @property
    def free(self) -> Array:
        """The elements that are neither included nor excluded, (k,)."""
        return np.flatnonzero(~(self.include | self.exclude))

    # Which sets are feasible --------------------------------------------------------------------

    def feasible(self, mask: Array) -> bool:
        """Return whether a set is feasible."""
        size = int(mask.sum())
        if not self.low <= size <= self.high:
            return False
        if (self.include & ~mask).any() or (self.exclude & mask).any():
            return False
        if any((layer.counts(mask) > layer.limits).any() for layer in self.layers):
            return False
        return not any(float(purse.costs[mask].sum()) > purse.most for purse in self.purses)

    def feasible_rows(self, masks: Array) -> Array:
        """Return which of the sets (k, n) are feasible, (k,)."""
        return np.array([self.feasible(mask) for mask in masks], dtype=np.bool_)

    def violations(self, mask: Array) -> list[str]:
        """Return a sentence for each constraint that a set violates, for certificates."""
        found, size = [], int(np.count_nonzero(mask))
        if not self.low <= size <= self.high:
            found.append(f"its size is {size}, not from {self.low} to {self.high}")
        for name, wrong in (
            ("does not have", self.include & ~mask),
            ("has", self.exclude & mask),
        ):
            if wrong.any():
                found.append(f"it {name} element {int(np.argmax(wrong))}")
        for layer in self.layers:
            for k, most in enumerate(layer.limits.tolist()):
                count = int(np.count_nonzero(mask & (layer.labels == k)))
                if count > most:
                    found.append(
                        f"it has {count} elements of group {layer.names[k]!r}, "
                        f"and {layer.source} allows {most}"
                    )
        found += [
            f"it costs {purse.price(mask):g}, and {purse.source} allows {purse.limit:g}"
            for purse in self.purses
            if math.fsum(purse.costs[mask].tolist()) > purse.most
        ]
        return found

    # Single changes -----------------------------------------------------------------------------

    def additions(self, mask: Array) -> Array:
        """Return which elements can be added without exceeding a limit, (n,)."""
        if int(mask.sum()) >= self.high:
            return np.zeros(self.n, dtype=np.bool_)
        return self._joining(mask)

    def removals(self, mask: Array) -> Array:
        """Return which elements can be removed, (n,)."""
        if int(mask.sum()) <= self.low:
            return np.zeros(self.n, dtype=np.bool_)
        return mask & ~self.include

    def joining(self, mask: Array, leaving: int) -> Array:
        """Return which elements can come in exchange for one that leaves, (n,)."""
        if self.include[leaving]:
            return np.zeros(self.n, dtype=np.bool_)
        rest = mask.copy()
        rest[leaving] = False
        result = self._joining(rest)
        result[leaving] = False
        return result

    def leaving(self, mask: Array, joining: int) -> Array:
        """Return which elements can leave in exchange for one that comes, (n,)."""
        if self.exclude[joining]:
            return np.zeros(self.n, dtype=np.bool_)
        result = mask & ~self.include
        for layer in self.layers:
            group = layer.labels[joining]
            if group >= 0 and layer.counts(mask)[group] >= layer.limits[group]:
                result &= layer.labels == group
        for purse in self.purses:
            over = float(purse.costs[mask].sum()) + purse.costs[joining] - purse.most
            result &= purse.costs >= over
        return result

    def _joining(self, mask: Array) -> Array:
        result = ~mask & ~self.exclude
        for layer in self.layers:
            full = np.append(layer.counts(mask) >= layer.limits, False)
            result &= ~full[layer.labels]
        for purse in self.purses:
            result &= float(purse.costs[mask].sum()) + purse.costs <= purse.most
        return result

    def usage(self, mask: Array) -> Usage:
        """Return what a set uses of the limits, for additions one by one."""
        return Usage(self, mask)

    # Parts --------------------------------------------------------------------------------------

    def minor(self, inside: Array, kept: Array) -> Constraints:
        """Return the constraints on T for sets ``inside ∪ kept[T]``, for index arrays.

        The order of the rows stays, so that prices keep their meaning. There may be no feasible T.
        """
        layers, purses = [], []
        for layer in self.layers:
            mask = np.zeros(self.n, dtype=np.bool_)
            mask[inside] = True
            limits = layer.limits - layer.counts(mask)
            layers.append(layer._replace(labels=layer.labels[kept], limits=limits))
        for purse in self.purses:
            most = purse.most - float(purse.costs[inside].sum())
            limit = purse.limit - purse.price(inside)
            costs, given = purse.costs[kept], purse.given[kept]
            purses.append(Purse(costs, most, purse.source, given, limit))
        count = len(inside)
        return Constraints(
            len(kept),
            max(0, self.low - count),
            self.high - count,
            self.include[kept],
            self.exclude[kept],
            tuple(layers),
            tuple(purses),
        )

    def reduced(self) -> Constraints:
        """Return the constraints on the free elements, given those that are included."""
        return self.minor(np.flatnonzero(self.include), self.free)

    def lift(self, mask: Array) -> Array:
        """Return the set of all elements that a set of free ones stands for."""
        result = self.include.copy()
        result[self.free] = mask
        return result

    # Intervals of sets --------------------------------------------------------------------------

    def decided(self) -> tuple[Array, Array]:
        """Return elements that are in every feasible set, and in none, as seen row by row."""
        out = self.exclude.copy()
        if self.high <= int(self.include.sum()):
            out |= ~self.include
        for layer in self.layers:
            out |= np.append(layer.limits <= 0, False)[layer.labels]
        for purse in self.purses:
            out |= purse.costs > purse.most
        into = self.include | ((self.n - int(out.sum()) <= self.low) & ~out)
        return into, out

    def loose(self) -> Array:
        """Return elements that no feasible set lacks the room for: no limit on them can bind."""
        if self.high < self.n:
            return np.zeros(self.n, dtype=np.bool_)
        result = np.ones(self.n, dtype=np.bool_)
        everything = np.ones(self.n, dtype=np.bool_)
        for layer in self.layers:
            result &= np.append(layer.counts(everything) <= layer.limits, True)[layer.labels]
        for purse in self.purses:
            if float(purse.costs.sum()) > purse.most:
                result &= purse.costs == 0
        return result

    def empty(self) -> bool:
        """Return whether no set is feasible, as seen row by row; False if that is not known."""
        into, out = self.decided()
        left = self.n - int(out.sum())
        if self.low > min(self.high, left) or (into & out).any() or int(into.sum()) > self.high:
            return True
        for layer in self.layers:
            if (layer.counts(into) > layer.limits).any():
                return True
            counts = layer.counts(~out)
            if self.low > left - int(np.maximum(counts - layer.limits, 0).sum()):
                return True
        for purse in self.purses:
            needed = max(0, self.low - int(into.sum()))
            cheapest = np.sort(purse.costs[~(into | out)])[:needed]
            if float(purse.costs[into].sum()) + float(cheapest.sum()) > purse.most:
                return True
        return False

    def prefixes(self, order: Array) -> tuple[int, int]:
        """Return the smallest and the largest length of the feasible prefixes of an order.

        The first is larger than the second if there is none. Elements that are included or
        excluded are not looked at.
        """
        most = min(self.high, len(order))
        if any((layer.limits < 0).any() for layer in self.layers):
            return 1, 0
        for layer in self.layers:
            own = layer.labels[order]
            by_group = np.argsort(own, kind="stable")
            rank = np.empty(len(order), dtype=np.intp)
            grouped = own[by_group]
            rank[by_group] = np.arange(len(order)) - np.searchsorted(grouped, grouped)
            over = rank >= np.append(layer.limits, len(order))[own]
            most = min(most, int(over.argmax()) if over.any() else most)
        for purse in self.purses:
            spent = np.concatenate([[0.0], np.cumsum(purse.costs[order])])
            over = spent > purse.most
            most = min(most, int(over.argmax()) - 1 if over.any() else most)
        return self.low, most

    # Rows and prices ----------------------------------------------------------------------------

    @property
    def n_rows(self) -> int:
        """Number of rows: two for the size, one per group and budget; fixed elements have none."""
        return 2 + sum(len(layer.limits) for layer in self.layers) + len(self.purses)

    def limits(self) -> Array:
        """Return the right-hand sides b of the rows a(S) <= b."""
        groups = [layer.limits.astype(np.float64) for layer in self.layers]
        most = [purse.most for purse in self.purses]
        return np.concatenate([[-float(self.low), float(self.high)], *groups, most])

    def matrix(self) -> Any:
        """Return the coefficients of the rows as a sparse array (rows, n)."""
        from scipy import sparse

        one, element = np.ones(self.n), np.arange(self.n)
        blocks = [sparse.csr_array(np.stack([-one, one]))]
        for layer in self.layers:
            some = layer.labels >= 0
            entries = (one[some], (layer.labels[some], element[some]))
            blocks.append(sparse.csr_array(entries, shape=(len(layer.limits), self.n)))
        blocks += [sparse.csr_array(purse.costs[None]) for purse in self.purses]
        return sparse.vstack(blocks, format="csr")

    def usages(self, mask: Array) -> Array:
        """Return a(S) of all rows."""
        size = float(mask.sum())
        groups = [layer.counts(mask).astype(np.float64) for layer in self.layers]
        spent = [float(purse.costs[mask].sum()) for purse in self.purses]
        return np.concatenate([[-size, size], *groups, spent])

    def priced(self, prices: Array) -> tuple[Array, float]:
        """Return weights and constant of prices: ``weights(S) <= constant`` for feasible S.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)
            At least 0.
        """
        weights = np.full(self.n, prices[1] - prices[0])
        k = 2
        for layer in self.layers:
            own = np.append(prices[k : k + len(layer.limits)], 0.0)  # label -1: no group
            weights += own[layer.labels]
            k += len(layer.limits)
        for purse in self.purses:
            weights += prices[k] * purse.costs
            k += 1
        return weights, float(prices @ self.limits())

    def __repr__(self) -> str:
        parts = []
        if self.low > 0 or self.high < self.n:
            parts.append(f"size {self.low} to {self.high}")
        for name, mask in (("include", self.include), ("exclude", self.exclude)):
            if mask.any():
                parts.append(f"{name} {int(mask.sum())} elements")
        parts += [layer.source for layer in self.layers]
        parts += [purse.source for purse in self.purses]
        return f"Constraints(n={self.n}{''.join(', ' + part for part in parts)})"


class Usage:
    """What a set uses of the limits, kept up to date while elements come and go.

    Attributes
    ----------
    mask : ndarray of bool, shape (n,)
        The set. Change it only by `add` and `remove`.
    size : int
        Its size.
    """

    def __init__(self, of: Constraints, mask: Array) -> None:
        self._of, self.mask, self.size = of, mask.copy(), int(mask.sum())
        self._counts = [layer.counts(mask) for layer in of.layers]
        self._spent = [float(purse.costs[mask].sum()) for purse in of.purses]

    def fits(self, i: int) -> bool:
        """Return whether an element can be added without exceeding a limit."""
        of = self._of
        if self.size >= of.high or self.mask[i] or of.exclude[i]:
            return False
        for layer, counts in zip(of.layers, self._counts, strict=True):
            group = layer.labels[i]
            if group >= 0 and counts[group] >= layer.limits[group]:
                return False
        pairs = zip(of.purses, self._spent, strict=True)
        return all(spent + purse.costs[i] <= purse.most for purse, spent in pairs)

    def add(self, i: int) -> None:
        """Add an element that is not in the set."""
        self._change(i, 1)

    def remove(self, i: int) -> None:
        """Remove an element of the set."""
        self._change(i, -1)

    def _change(self, i: int, sign: int) -> None:
        self.mask[i] = sign > 0
        self.size += sign
        for layer, counts in zip(self._of.layers, self._counts, strict=True):
            if layer.labels[i] >= 0:
                counts[layer.labels[i]] += sign
        for k, purse in enumerate(self._of.purses):
            self._spent[k] += sign * float(purse.costs[i])
