"""`MixedBatch`, the result of every mixer."""

from __future__ import annotations

from typing import Any, NamedTuple

from comixup._base.public import public


class _Pair(NamedTuple):
    images: Any
    labels: Any


@public
class MixedBatch(_Pair):
    """A mixed batch; unpacks into two: ``images, labels = mixer(...)``.

    Calling any mixer of `comixup` or `comixup.torch` returns one, and so does its `mix`.

    Parameters
    ----------
    images : array or Tensor
        The mixed images, with the shape, dtype and library of the input.
    labels : array or Tensor of shape (B, K), a dict of such, or None
        Soft labels; ``None`` if no labels were given.
    plan : MixPlan, BlendPlan or BoxPlan
        The plan of the mixture. It is an attribute and not one of the two items. Copies that other
        packages make item by item, e.g. to pin memory, therefore have ``None`` instead.

    Examples
    --------
    >>> mixed = CutMix(num_classes=2)(np.zeros((4, 3, 8, 8)), [0, 1, 1, 0], rng=0)
    >>> images, labels = mixed
    >>> len(mixed), images is mixed.images, len(mixed.plan)
    (2, True, 4)
    """

    _plan: Any = None

    def __new__(cls, images: Any, labels: Any, plan: Any = None) -> MixedBatch:  # noqa: D102
        self = super().__new__(cls, images, labels)
        self._plan = plan
        return self

    @property
    def plan(self) -> Any:
        """How the batch was mixed."""
        return (
            self._plan() if callable(self._plan) else self._plan
        )  # a compiled function asks later

    def __repr__(self) -> str:
        return (
            f"MixedBatch(images={_described(self.images)}, labels={_described(self.labels)}, "
            f"plan={type(self.plan).__name__})"
        )


def _described(value: Any) -> str:
    """Return dtype and shape of an array: never its numbers."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_described(v)}" for k, v in value.items()) + "}"
    shape = getattr(value, "shape", None)
    if shape is None:
        return repr(value)
    return f"<{getattr(value, 'dtype', type(value).__name__)} {tuple(shape)}>"
