"""Type aliases of public signatures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[Any]
RNG: TypeAlias = "np.random.Generator | int | None"
Subset: TypeAlias = "Array | Iterable[int]"

__all__ = ["RNG", "Array", "ArrayLike", "Subset"]
