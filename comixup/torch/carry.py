"""Other parts of a batch, such as masks, that have to be mixed along with its images.

`MixCollate`, `MixCallback` and `PlanAhead` receive whole batches. Parts with one entry per image
are mixed by a rule, or an error names them: an unchanged mask would not fit the mixed image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, TypeAlias

from torch import Tensor

from comixup._base import validate
from comixup._base.layout import Layout
from comixup.mixers.batch import MixedBatch
from comixup.plans.base import Mixture
from comixup.torch.gather import apply, apply_values
from comixup.torch.inputs import require_tensor
from comixup.torch.tensor_mixer import TensorMixer

Place: TypeAlias = "int | str"
RULES = ("mean", "first", "labels", "values", "boxes", "points", "keep")
LISTS = ("boxes", "points")  # rules for parts with any number of entries per image
PLAN = "plan"  # key of the plan in batches that are dicts


class Parts:
    """Positions of images and labels in a batch, and rules for its other parts.

    Parameters
    ----------
    images : int or str
        Position in a tuple or list, or key of a dict.
    labels : int, str, sequence of such, or None
        The same for labels; several places for several heads, whose mixer may have a dict of
        `num_classes` by place. ``None`` if there are no labels.
    carry : mapping, optional
        Rules of the other parts that have one entry per image, by place; see `MixCollate`.
    plan : bool
        Whether the plan is added to batches, as their last part or under the key "plan".
    """

    def __init__(
        self,
        images: Place,
        labels: Place | Sequence[Place] | None,
        carry: Mapping[Place, str] | None,
        plan: bool = False,
    ) -> None:
        self.images, self.labels, self.plan = images, labels, plan
        _require_place("images", images)
        if labels is not None and not isinstance(labels, Sequence):
            _require_place("labels", labels)
        for head in self._heads():
            _require_place("labels", head)
        if carry is not None and not isinstance(carry, Mapping):
            raise TypeError(
                "carry needs a dict from places in the batch to rules, such as {2: 'first'} or "
                f"{{'mask': 'first'}}, got {carry!r}"
            )
        self.carry = dict(carry or {})
        for place, rule in self.carry.items():
            validate.choice(f"carry[{place!r}]", rule, RULES)
            if place == images or place in self._heads():
                raise ValueError(f"carry[{place!r}] is images or labels, which are mixed anyway")

    def __repr__(self) -> str:
        return f"images={self.images!r}, labels={self.labels!r}, carry={self.carry}"

    def read(self, mix: TensorMixer, batch: Any) -> tuple[Any, Any]:
        """Return images and labels of a batch; raise if a part is missing or has no rule."""
        parts = _parts(batch)
        known = parts if isinstance(parts, dict) else range(len(parts))
        for place in (self.images, *self._heads(), *self.carry):
            if place not in known:
                raise ValueError(self._missing(place, known))
        images = require_tensor(parts[self.images])
        layout = mix.mixer.layout_of(tuple(images.shape))
        for place in known:
            if place not in (self.images, *self._heads(), *self.carry):
                _require_rule(place, parts[place], images, layout)
        heads = self._heads()
        if self.labels is None:
            return images, None
        if isinstance(self.labels, int | str):
            return images, parts[self.labels]
        return images, {place: parts[place] for place in heads}

    def write(self, mix: TensorMixer, batch: Any, mixed: MixedBatch) -> Any:
        """Return the batch with its parts mixed, as the same type of container."""
        parts = _parts(batch)
        images, plan = parts[self.images], mixed.plan
        layout = mix.mixer.layout_of(tuple(images.shape))
        for place in parts if isinstance(parts, dict) else range(len(parts)):
            if place not in (self.images, *self._heads()):
                rule = self.carry.get(place) or _unsaid(parts[place], images, layout)
                if rule in ("mean", "first"):
                    part = require_along(place, parts[place], images, layout)
                    parts[place] = _mixed_along(plan, part, layout, rule)
                else:
                    parts[place] = _carried(mix, plan, place, parts[place], rule)
        parts[self.images] = mixed.images
        for place in self._heads():
            one = isinstance(self.labels, int | str)
            parts[place] = mixed.labels if one else mixed.labels[place]
        if isinstance(parts, dict):
            return {**parts, PLAN: plan} if self.plan else parts
        if isinstance(batch, Tensor):
            return (parts[0], plan) if self.plan else parts[0]
        if self.plan:
            return (*parts, plan) if isinstance(batch, tuple) else [*parts, plan]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)

    def _missing(self, place: Place, known: Any) -> str:
        kind = "keys of the dict" if isinstance(known, dict) else "positions, from 0"
        said = "images" if place == self.images else "labels"
        way = f"carry={{{place!r}: ...}}" if place in self.carry else f"{said}={place!r}"
        return (
            f"the batch has no part {place!r}, which {way} names; it has "
            f"{', '.join(map(repr, known))} ({kind}). Say where images and labels are by "
            "images=... and labels=..., and name other parts in carry={...} in the same way."
        )

    def _heads(self) -> tuple[Place, ...]:
        if self.labels is None:
            return ()
        if isinstance(self.labels, Sequence) and not isinstance(self.labels, str):
            return tuple(self.labels)
        return (self.labels,)


def _require_place(name: str, place: Any) -> None:
    if isinstance(place, bool) or not isinstance(place, Integral | str):
        heads = ", or a sequence of such for several heads" if name == "labels" else ""
        raise TypeError(
            f"{name} needs a position in a batch that is a tuple, or a key of one that is a "
            f"dict{heads}, got {place!r} of type {type(place).__name__}"
        )


def _require_rule(place: Place, part: Any, images: Tensor, layout: Layout) -> None:
    if not _lies_along(part, len(images)) or _unsaid(part, images, layout) == "mean":
        return
    shown = f"an array {tuple(part.shape)}" if hasattr(part, "shape") else "a sequence"
    if isinstance(part, Mapping) or (isinstance(part, list | tuple) and len(part) != len(images)):
        raise ValueError(
            f"part {place!r} of the batch holds parts of its own that lie along the "
            f"{len(images)} images, which are not looked into. Boxes or keypoints of each image "
            f"are said by carry={{{place!r}: 'boxes'}} or 'points'. Make others parts of the batch "
            f"(in a collate of yours), or say carry={{{place!r}: 'keep'}} to leave them as they "
            "are."
        )
    raise ValueError(
        f"part {place!r} of the batch is {shown} that lies along the {len(images)} images, and "
        f"nothing says what becomes of it: carry={{{place!r}: ...}} with 'first' for masks of "
        "class indices, 'mean', 'labels', 'values', 'boxes', 'points', or 'keep' to leave it as "
        "it is."
    )


def _parts(batch: Any) -> Any:
    """Return a new dict or list of the parts of a batch."""
    if isinstance(batch, Mapping):
        return dict(batch)
    if isinstance(batch, Tensor):
        return [batch]
    if isinstance(batch, tuple | list):
        return list(batch)
    raise TypeError(
        "batches need to be tensors of images, or tuples, lists or dicts with them, got "
        f"{type(batch).__name__}"
    )


def _lies_along(part: Any, n: int) -> bool:
    if hasattr(part, "shape"):
        return len(part.shape) > 0 and part.shape[0] == n
    if isinstance(part, Mapping):
        return any(_lies_along(inner, n) for inner in part.values())
    if not isinstance(part, list | tuple):
        return False
    return len(part) == n or any(_lies_along(inner, n) for inner in part)


def _unsaid(part: Any, images: Tensor, layout: Layout) -> str:
    """Return the rule of a part that has none of its own."""
    if isinstance(part, Tensor) and part.is_floating_point() and _lies_along(part, len(images)):
        spatial = layout.spatial(tuple(images.shape))
        if spatial and _spatial(part, layout) == spatial:
            return "mean"
    return "keep"


def _in_layout(part: Tensor, layout: Layout) -> bool:
    """Say whether a part has the axes of the images, not just the spatial ones at its end."""
    return part.ndim == len(layout.axes)


def _spatial(part: Tensor, layout: Layout) -> tuple[int, ...]:
    shape = tuple(part.shape)
    return layout.spatial(shape) if _in_layout(part, layout) else shape[1:][-layout.n_spatial :]


def require_along(place: Place, part: Any, images: Tensor, layout: Layout) -> Tensor:
    """Return a part that is mixed like the images; raise if its shape does not fit theirs."""
    if not isinstance(part, Tensor):
        raise TypeError(
            f"part {place!r} of the batch needs a tensor to be mixed as the images, got "
            f"{type(part).__name__}"
        )
    here, there = _spatial(part, layout), layout.spatial(tuple(images.shape))
    scales = [a / b for a, b in zip(here, there, strict=False)]
    if len(here) != len(there) or (scales and max(scales) > 2 * min(scales)):
        raise ValueError(
            f"part {place!r} of the batch has the shape {tuple(part.shape)}, which is no picture "
            f"of the images of {there} pixels. It needs their order of axes ({layout.axes}), or "
            "the spatial axes at its end. Rows or numbers of each image are said by "
            f"carry={{{place!r}: 'labels'}} or 'values'."
        )
    return part


def _mixed_along(plan: Mixture, part: Tensor, layout: Layout, blend: str) -> Tensor:
    if not _in_layout(part, layout):
        return apply(plan, part, blend=blend)
    mixed = apply(plan, layout.arrange(part, first=True), blend=blend)
    return layout.restore(mixed, first=True)


def _carried(mix: TensorMixer, plan: Mixture, place: Place, part: Any, rule: str) -> Any:
    if rule == "keep":
        return part
    try:
        if rule == "boxes":
            return plan.apply_boxes(part)
        if rule == "points":
            return plan.apply_points(part)
        return mix.labels(plan, part) if rule == "labels" else apply_values(plan, part)
    except (ValueError, TypeError) as error:
        said = f"part {place!r} of the batch, carry={{{place!r}: {rule!r}}}"
        raise type(error)(f"{said}: {error}") from error
