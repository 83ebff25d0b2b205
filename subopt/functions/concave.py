"""Concave functions of a monotone submodular function."""

from __future__ import annotations

import numpy as np

from subopt._base import validate
from subopt._base.options import documented_like
from subopt._base.types import Array
from subopt.functions._phi import CALLABLE, MIN, Phi, PhiSpec
from subopt.functions.algebra import SetFunction
from subopt.functions.modular import Modular


@documented_like(SetFunction)
class Concave(SetFunction):
    """S -> phi(F(S)) for a monotone submodular F and a concave phi with phi(0) = 0.

    A sweep costs one sweep of F and n values of phi, `marginals` one `F.marginals`. For sums over
    many groups of elements, `ConcaveOfModular` is faster.

    Parameters
    ----------
    F : SetFunction
        A function with ``F.monotone`` set.
    phi : str, tuple or callable, default "sqrt"
        "sqrt", "log1p", ("power", a) with 0 < a <= 1, ("min", cap), or a concave callable with
        phi(0) = 0. A callable that accepts arrays is faster. Concavity of a callable is checked on
        a grid of 65 points. Unless F is `Modular`, phi must be nondecreasing on [0, F(V)].

    Raises
    ------
    TypeError
        If F is not a `SetFunction`.
    ValueError
        If F is not known to be monotone, or phi is not one of the above.

    Examples
    --------
    >>> F = Concave(Coverage([[1, 1, 1, 1], [0, 0, 1, 1]]), "sqrt")
    >>> F([0, 1]), F.greedy([1, 0]).round(3)
    (2.0, array([0.586, 1.414]))
    """

    def __init__(self, F: SetFunction, phi: PhiSpec = "sqrt") -> None:
        if not isinstance(F, SetFunction):
            raise TypeError(f"Concave needs a SetFunction, got {F!r}. Concave(F, phi), in order.")
        if not F.monotone:
            raise ValueError(
                f"Concave needs a monotone function to be submodular, and {F!r} does not say that "
                "it is. If you know it: F.monotone = True, or Function(n, value, monotone=True)."
            )
        largest = F.value(np.ones(F.n, dtype=np.bool_))
        self.n, self.F = F.n, F
        self._phi = Phi(phi, float(largest))
        self.monotone = self._phi.increasing
        capped = self._phi.code == MIN and self._phi.parameter.is_integer()
        self.integral = F.integral and capped
        if not self.monotone and not isinstance(F, Modular):
            raise ValueError(
                f"Concave needs a phi that does not decrease on [0, F(V)] = [0, {largest:g}], "
                "unless F is Modular; phi(F) would not be submodular."
            )

    def value(self, mask: Array) -> float:
        """Evaluate phi(F) at a set."""
        inner = self.F.value(validate.mask(mask, self.n).copy())
        return float(self._phi(np.array([inner]))[0])

    def marginals(self, mask: Array) -> Array:
        """Return the marginal gain of each element with respect to the others of a set."""
        mask = validate.mask(mask, self.n)
        here, inner = self.F.value(mask.copy()), self.F.marginals(mask)
        low = np.where(mask, here - inner, here)
        low[low < 1e-14 * here] = 0.0  # sqrt would amplify the rounding error of a true 0
        high = np.where(mask, here, here + inner)
        return self._phi(high) - self._phi(low)

    def _sweep(self, scale: float, order: Array, gains: Array) -> None:
        inner = np.zeros(self.n)
        self.F._sweep(1.0, order, inner)
        levels = np.concatenate([[0.0], np.cumsum(inner[order])])
        gains[order] += scale * np.diff(self._phi(levels))

    def _source(self) -> str | None:
        inner = self.F._source()
        if inner is None or self._phi.code == CALLABLE:
            return None
        return f"Concave({inner}, {self._phi.spec!r})"

    def _by_value(self) -> bool:
        return self.F._by_value()
