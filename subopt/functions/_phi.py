"""Concave functions of one number, given by name or as a callable.

They are the phi of `Concave` and `ConcaveOfModular`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from subopt._base import validate
from subopt._base.jit import inner
from subopt._base.types import Array

PhiSpec: TypeAlias = "str | tuple[str, float] | Callable[[Any], Any]"

SQRT, LOG1P, POWER, MIN, CALLABLE = range(5)


class Phi:
    """A concave function on [0, largest] with phi(0) = 0, evaluated on arrays.

    Attributes
    ----------
    code : int
        SQRT, LOG1P, POWER, MIN or CALLABLE. Kernels evaluate all but CALLABLE, by `phi`.
    parameter : float
        The exponent of POWER, the cap of MIN, else 0.
    increasing : bool
        Whether phi is nondecreasing on [0, largest].
    """

    def __init__(self, spec: PhiSpec, largest: float) -> None:
        self.spec, self.parameter, self.increasing = spec, 0.0, True
        if callable(spec):
            self.code = CALLABLE
            self._check_callable(largest)
            return
        name, *rest = spec if isinstance(spec, tuple) and spec else (spec,)
        names = {"sqrt": SQRT, "log1p": LOG1P, "power": POWER, "min": MIN}
        if (
            not isinstance(name, str)
            or name not in names
            or len(rest) != (name in ("power", "min"))
        ):
            raise ValueError(
                'phi needs to be "sqrt", "log1p", ("power", exponent), ("min", cap) or a concave '
                f"callable, got {spec!r}"
            )
        self.code = names[name]
        if rest:
            self.parameter = validate.nonnegative(f"the parameter of {name!r}", rest[0])
        if name == "power" and not 0 < self.parameter <= 1:
            raise ValueError(f"power needs an exponent in (0, 1] to be concave, got {rest[0]}")

    def __call__(self, t: Array) -> Array:
        """Evaluate phi at an array of numbers; negative ones are rounding errors and count as 0."""
        t = np.maximum(t, 0.0)
        if self.code == SQRT:
            return np.sqrt(t)
        if self.code == LOG1P:
            return np.log1p(t)
        if self.code == POWER:
            return t**self.parameter
        if self.code == MIN:
            return np.minimum(t, self.parameter)
        return self._vectorized(t)

    def _vectorized(self, t: Array) -> Array:
        assert callable(self.spec)
        try:
            result = np.asarray(self.spec(t), dtype=np.float64)
        except (TypeError, ValueError):
            result = np.zeros(0)  # phi does not accept arrays
        if result.shape != t.shape:
            numbers = [float(self.spec(float(s))) for s in t.ravel()]
            result = np.array(numbers, dtype=np.float64).reshape(t.shape)
        return result

    def _check_callable(self, largest: float) -> None:
        t = np.linspace(0.0, max(largest, 1e-9), 65)
        try:
            v = self._vectorized(t)
        except TypeError as error:
            raise TypeError(
                f"phi needs to map numbers to numbers, but phi(t) raised {error}"
            ) from error
        if not np.isfinite(v).all():
            k = int(np.argmin(np.isfinite(v)))
            raise ValueError(f"phi needs finite values, but phi({t[k]:g}) is {v[k]}")
        if v[0] != 0:
            raise ValueError(
                f"phi(0) needs to be 0, got {v[0]:g}. Subtract it: lambda t: phi(t) - phi(0)."
            )
        bends = v[2:] - 2 * v[1:-1] + v[:-2]
        if bends.max() > 1e-9 * np.abs(v).max():
            k = int(bends.argmax()) + 1
            raise ValueError(
                f"phi needs to be concave, but phi({t[k]:g}) = {v[k]:g} lies below the mean of "
                f"phi({t[k - 1]:g}) = {v[k - 1]:g} and phi({t[k + 1]:g}) = {v[k + 1]:g}"
            )
        self.increasing = bool((np.diff(v) >= 0).all())


@inner
def phi(code, parameter, t):
    """Evaluate a named phi at one number, in kernels."""
    if code == SQRT:
        return np.sqrt(t)
    if code == LOG1P:
        return np.log1p(t)
    if code == POWER:
        return t**parameter
    return min(t, parameter)
