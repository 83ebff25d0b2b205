"""Groups (partition matroids): at most some elements of each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.types import Array, ArrayLike


class Groups:
    """Sets with at most ``limits[g]`` elements of each group g.

    Parameters
    ----------
    labels : sequence of length n
        The group of each element: numbers, strings, or other names.
    limits : int, mapping or sequence of int
        The largest number of elements of each group, at least 0: one number for all groups; a
        mapping from each label to its number, with None for groups without a limit; or, for labels
        0, ..., m - 1, a sequence of m numbers.

    Raises
    ------
    TypeError, ValueError
        If a label has no limit, or a limit is negative or not an integer.

    See Also
    --------
    Budget : a limit on the sum of the costs of elements.
    minimize : takes constraints.

    Examples
    --------
    >>> Groups(["red", "red", "blue"], {"red": 1, "blue": None}).limits
    {'red': 1, 'blue': None}
    """

    def __init__(
        self,
        labels: Sequence[Any] | ArrayLike,
        limits: int | Mapping[Any, int | None] | Sequence[int] | Array,
    ) -> None:
        self._names, self._codes = _coded(labels)
        self._most = np.array(
            [
                min(_limit(limits, name, self._codes, k), len(self._codes))
                for k, name in enumerate(self._names)
            ],
            dtype=np.int64,
        )
        self._codes.setflags(write=False)
        self._most.setflags(write=False)

    @property
    def labels(self) -> list[Any]:
        """The group of each element."""
        return [self._names[k] for k in self._codes]

    @property
    def limits(self) -> dict[Any, int | None]:
        """The largest number of elements of each group; None if there is no limit."""
        pairs = zip(self._names, self._most.tolist(), strict=True)
        return {name: None if most < 0 else most for name, most in pairs}

    def __repr__(self) -> str:
        return f"Groups(n={len(self._codes)}, {len(self._names)} groups)"

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Groups):
            return NotImplemented
        return self.labels == other.labels and self.limits == other.limits

    __hash__ = None  # type: ignore[assignment]


def _coded(labels: Any) -> tuple[list[Any], Array]:
    """Return the different labels, and for each element the number of its label."""
    ordered = hasattr(labels, "__len__") and not isinstance(labels, str | Set | Mapping)
    if not ordered:
        raise TypeError(f"labels needs a sequence with one label per element, got {labels!r}")
    if isinstance(labels, np.ndarray):
        if labels.ndim != 1:
            raise ValueError(
                f"labels needs one label per element, shape (n,), got shape {labels.shape}"
            )
        if labels.dtype.kind in "biuUS":
            names, codes = np.unique(labels, return_inverse=True)
            return names.tolist(), codes.astype(np.intp)
    number: dict[Any, int] = {}
    try:
        codes = np.array([number.setdefault(label, len(number)) for label in labels], dtype=np.intp)
    except TypeError as error:
        raise TypeError(f"labels needs names that can be keys of a dict: {error}") from error
    for label, k in number.items():
        if isinstance(label, float | np.floating) and label != label:
            raise ValueError(
                f"labels needs names, but label {int(np.argmax(codes == k))} is nan. For elements "
                "without a group use a label of their own, such as None, with no limit."
            )
    return list(number), codes


def _limit(limits: Any, name: Any, codes: Array, k: int) -> int:
    """Return the limit of one group; -1 if there is none."""
    shown = f"limits[{name!r}]"
    if type(limits) is not bool and isinstance(limits, int | np.integer):
        return validate.natural("limits", limits)
    if isinstance(limits, Mapping):
        if name not in limits:
            raise ValueError(
                f"limits needs an entry for every label, but {name!r}, the label of element "
                f"{int(np.argmax(codes == k))}, has none. None stands for no limit."
            )
        value = limits[name]
        return -1 if value is None else validate.natural(shown, value)
    flat = isinstance(limits, str) or getattr(limits, "ndim", 1) == 0
    if isinstance(limits, Sequence | np.ndarray) and not flat:
        if not isinstance(name, int | np.integer) or not 0 <= name < len(limits):
            raise ValueError(
                f"A sequence of {len(limits)} limits needs labels from 0 to {len(limits) - 1}, but "
                f"label {int(np.argmax(codes == k))} is {name!r}. For other labels, use a mapping."
            )
        return validate.natural(shown, limits[int(name)])
    raise TypeError(f"limits needs an integer, a mapping or a sequence of integers, got {limits!r}")
