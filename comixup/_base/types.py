"""Type aliases of public signatures."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[Any]
RNG: TypeAlias = "np.random.Generator | int | None"

__all__ = ["RNG", "Array", "ArrayLike"]
