"""Other parts of a batch, such as masks, that have to be mixed along with its images.

`MixCollate`, `MixCallback` and `PlanAhead` receive whole batches. Parts with one entry per image
are mixed by a rule, or an error names them: an unchanged mask would not fit the mixed image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from torch import Tensor

from comixup._base import validate
from comixup.mixers.batch import MixedBatch
from comixup.plans.base import Mixture
from comixup.torch.gather import apply, apply_values
from comixup.torch.tensor_mixer import TensorMixer

Place: TypeAlias = "int | str"
RULES = ("mean", "first", "labels", "values", "boxes", "keep")
PLAN = "plan"  # key of the plan in batches that are dicts


class Parts:
    """Where images and labels are in a batch, and what is done with the rest.

    Parameters
    ----------
    images : int or str
        Position in a tuple or list, or key of a dict.
    labels : int, str, sequence of such, or None
        Likewise; several for several heads, whose mixer may have a dict of `num_classes` by place.
        ``None`` if there are no labels.
    carry : mapping, optional
        Place and rule of every other part that lies along the images: "mean" for what has a mean;
        "first" for masks of class indices, which have none; "labels" and "values" for rows and
        numbers, one per image; "boxes" for sequences of corners; "keep" for what belongs to the
        image as it was, such as its index. Floats of the spatial shape of the images follow "mean"
        unsaid.
    plan : bool
        Whether batches get the plan, as their last part or under the key "plan".
    """

    def __init__(
        self,
        images: Place,
        labels: Place | Sequence[Place] | None,
        carry: Mapping[Place, str] | None,
        plan: bool = False,
    ) -> None:
        self.images, self.labels, self.plan = images, labels, plan
        self.carry = dict(carry or {})
        for place, rule in self.carry.items():
            validate.choice(f"carry[{place!r}]", rule, RULES)
            if place == images or place in self._heads():
                raise ValueError(f"carry[{place!r}] is images or labels, which are mixed anyway")

    def read(self, batch: Any) -> tuple[Any, Any]:
        """Return images and labels of a batch, or say which part is missing or has no rule."""
        parts = _parts(batch)
        known = parts if isinstance(parts, dict) else range(len(parts))
        for place in (self.images, *self._heads(), *self.carry):
            if place not in known:
                raise ValueError(
                    f"the batch has no part {place!r}; it has {', '.join(map(repr, known))}. Say "
                    "where images and labels are: images=..., labels=..."
                )
        images = parts[self.images]
        for place in known:
            if place not in (self.images, *self._heads(), *self.carry):
                self._require_rule(place, parts[place], images)
        heads = self._heads()
        if self.labels is None:
            return images, None
        if isinstance(self.labels, int | str):
            return images, parts[self.labels]
        return images, {place: parts[place] for place in heads}

    def write(self, mix: TensorMixer, batch: Any, mixed: MixedBatch) -> Any:
        """Return the batch with its parts mixed, of the kind that came."""
        parts = _parts(batch)
        images, plan = parts[self.images], mixed.plan
        for place in parts if isinstance(parts, dict) else range(len(parts)):
            if place not in (self.images, *self._heads()):
                rule = self.carry.get(place) or _unsaid(parts[place], images)
                parts[place] = _carried(mix, plan, parts[place], rule)
        parts[self.images] = mixed.images
        for place in self._heads():
            one = isinstance(self.labels, int | str)
            parts[place] = mixed.labels if one else mixed.labels[place]
        if isinstance(parts, dict):
            return {**parts, PLAN: plan} if self.plan else parts
        if self.plan:
            return (*parts, plan) if isinstance(batch, tuple) else [*parts, plan]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)

    def _heads(self) -> tuple[Place, ...]:
        if self.labels is None:
            return ()
        return (self.labels,) if isinstance(self.labels, int | str) else tuple(self.labels)

    def _require_rule(self, place: Place, part: Any, images: Any) -> None:
        if not _lies_along(part, len(images)) or _unsaid(part, images) == "mean":
            return
        shown = f"a tensor {tuple(part.shape)}" if isinstance(part, Tensor) else "a sequence"
        raise ValueError(
            f"part {place!r} of the batch is {shown} that lies along the {len(images)} images, and "
            f"nothing says what becomes of it: carry={{{place!r}: ...}} with 'first' for masks of "
            "class indices, 'mean', 'labels', 'values', 'boxes', or 'keep' to leave it as it is."
        )


def _parts(batch: Any) -> Any:
    """Return a new dict or list of the parts of a batch."""
    if isinstance(batch, Mapping):
        return dict(batch)
    if isinstance(batch, tuple | list):
        return list(batch)
    raise TypeError(
        f"batches need to be tuples, lists or dicts with images in them, got {type(batch).__name__}"
    )


def _lies_along(part: Any, n: int) -> bool:
    if isinstance(part, Tensor):
        return part.ndim > 0 and len(part) == n
    return isinstance(part, list | tuple) and len(part) == n


def _unsaid(part: Any, images: Any) -> str:
    """Return the rule of a part that has none of its own."""
    if isinstance(part, Tensor) and isinstance(images, Tensor) and part.is_floating_point():
        spatial = images.shape[2:]
        inner = part.shape[1:]
        if len(part) == len(images) and len(spatial) and inner[-len(spatial) :] == spatial:
            return "mean"
    return "keep"


def _carried(mix: TensorMixer, plan: Mixture, part: Any, rule: str) -> Any:
    if rule == "keep":
        return part
    if rule == "boxes":
        return plan.apply_boxes(part)
    if rule == "labels":
        return mix.labels(plan, part)
    if rule == "values":
        return apply_values(plan, part)
    return apply(plan, part, blend=rule)
