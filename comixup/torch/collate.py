"""`MixCollate`: mixes in the workers of a DataLoader; results do not depend on their number.

A worker does not know the number of the batch. The random numbers of a batch are therefore keyed by
its content: the same samples in the same order are mixed in the same way by every worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate

from comixup._base.options import names_options
from comixup.plans.labels import NEEDED
from comixup.torch.carry import LISTS, Parts
from comixup.torch.eager import eager
from comixup.torch.inputs import require_labels
from comixup.torch.tensor_mixer import TensorMixer


@names_options
class MixCollate:
    """A `collate_fn` that collates and mixes.

    Parameters
    ----------
    mix : TensorMixer
        The mixer. If it uses saliency, maps are computed from the images.
    saliency : {"spectral", "contrast"}, default "spectral"
        How maps are computed.
    images : int or str, default 0
        Where images are in a collated batch: position in a tuple, or key of a dict.
    labels : int, str, sequence of such, or None, default 1
        Where labels are; several places for several heads, ``None`` for none.
    carry : mapping, optional
        Rules for the other parts that have one entry per image, by place: "mean" for images and
        maps, "first" for masks of class indices, "labels" or "values" for rows or numbers of each
        image, "boxes" for sequences of corners, which become `MixedBoxes`, "points" for sequences
        of positions, which become `MixedPoints`, and "keep" for parts that are not mixed, such as
        an index. The default for floats of the spatial shape of the images is "mean"; any other
        part without a rule raises an error.
    plan : bool, default False
        Whether the plan is added to batches, as their last part or under the key "plan".
    rank : int, default 0
        Number of the process, if several processes share a seed. Workers cannot determine it.
    collate : callable, optional
        Makes batches of samples. By default `torch.utils.data.default_collate`, except that boxes
        and points become lists with one entry per image.

    Attributes
    ----------
    mixup_enabled : bool
        Whether to mix at all. Workers use a copy that is made when they start.

    Raises
    ------
    ValueError
        If `carry` has an unknown rule. Calls raise it if a batch lacks a part, or has a part with
        one entry per image and no rule.

    Notes
    -----
    A loader that yields equal batches in every epoch, without shuffling or augmentation, mixes them
    in the same way in every epoch.

    Examples
    --------
    >>> data = [(torch.rand(3, 8, 8), i % 4) for i in range(12)]
    >>> collate = MixCollate(CutMix(num_classes=4, seed=0))
    >>> loader = torch.utils.data.DataLoader(data, batch_size=6, collate_fn=collate)
    >>> [(images.shape, labels.shape) for images, labels in loader][0]
    (torch.Size([6, 3, 8, 8]), torch.Size([6, 4]))
    """

    def __init__(
        self,
        mix: TensorMixer,
        *,
        saliency: str = "spectral",
        images: int | str = 0,
        labels: int | str | Sequence[int | str] | None = 1,
        carry: Mapping[int | str, str] | None = None,
        plan: bool = False,
        rank: int = 0,
        collate: Callable[[Sequence[Any]], Any] | None = None,
    ) -> None:
        self.mix = mix
        self.saliency = saliency
        self.parts = Parts(images, labels, carry, plan)
        self.rank = rank
        self.collate = self._collate if collate is None else collate

    @property
    def mixup_enabled(self) -> bool:
        """Whether to mix at all."""
        return self.mix.mixup_enabled

    @mixup_enabled.setter
    def mixup_enabled(self, value: bool) -> None:
        self.mix.mixup_enabled = value

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the mixer.

        Returns
        -------
        dict
            As from `TensorMixer.state_dict`.
        """
        return self.mix.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state of the mixer; workers that run already keep theirs.

        Parameters
        ----------
        state : mapping
            From `state_dict`.

        Raises
        ------
        ValueError
            If an entry is missing, or not known.
        """
        self.mix.load_state_dict(state)

    def __repr__(self) -> str:
        return f"MixCollate({self.mix!r}, saliency={self.saliency!r}, {self.parts!r})"

    @eager
    def __call__(self, samples: Sequence[Any]) -> Any:
        """Collate samples and mix the batch."""
        batch = self.collate(samples)
        images, labels = self.parts.read(self.mix, batch)
        heads = labels.values() if isinstance(labels, dict) else () if labels is None else (labels,)
        step = content_key(images, *(require_labels(head, NEEDED) for head in heads))
        mixed = self.mix.mix(images, labels, self.saliency, step=step, rank=self.rank)
        return self.parts.write(self.mix, batch, mixed)

    def _collate(self, samples: Sequence[Any]) -> Any:
        """Make a batch as PyTorch does; boxes and points stay one array per image."""
        listed = {place for place, rule in self.parts.carry.items() if rule in LISTS}
        first = samples[0]
        try:
            if isinstance(first, Mapping) and listed:
                columns = {place: [sample[place] for sample in samples] for place in first}
                return {k: v if k in listed else default_collate(v) for k, v in columns.items()}
            if listed:
                parts = enumerate(zip(*samples, strict=True))
                made = [list(v) if k in listed else default_collate(list(v)) for k, v in parts]
                return type(first)(*made) if hasattr(first, "_fields") else made
            return default_collate(samples)
        except (RuntimeError, TypeError) as error:
            named = self._uneven(samples, listed)
            if named is None:
                raise
            raise named from error

    def _uneven(self, samples: Sequence[Any], listed: set[Any]) -> Exception | None:
        """Return an error that names the part which does not make a batch, if one is found."""
        first = samples[0]
        if isinstance(first, Tensor):
            samples, first = [(sample,) for sample in samples], (first,)
        places: Iterable[Any]
        if all(isinstance(sample, Mapping) and sample.keys() == first.keys() for sample in samples):
            places = first
        elif all(isinstance(s, list | tuple) and len(s) == len(first) for s in samples):
            places = range(len(first))
        else:
            return None
        for place in places:
            column = [sample[place] for sample in samples]
            try:
                if place not in listed:
                    default_collate(column)
            except (RuntimeError, TypeError) as error:
                return _no_batch(place, column, place == self.parts.images, error)
        return None


def _no_batch(place: Any, column: list[Any], images: bool, error: Exception) -> Exception:
    """Return the error of a part that does not make a batch."""
    if isinstance(error, TypeError) and type(column[0]).__module__.startswith("PIL"):
        return TypeError(
            f"part {place!r} of the samples is a picture of Pillow. Make it a tensor in the data "
            "set, e.g. by torchvision's transforms, or pass collate=, a function that makes a "
            "batch of samples."
        )
    shapes = sorted({tuple(part.shape) for part in column if hasattr(part, "shape")})
    shown = ", ".join(map(str, shapes[:4])) + (", ..." if len(shapes) > 4 else "")
    if images and len(shapes) > 1:
        return ValueError(
            f"images of one batch need one size, got {shown}. Resize or crop them in the data "
            "set, or pass collate=, a function that makes a batch of samples."
        )
    got = f", got the shapes {shown}" if len(shapes) > 1 else ""
    return type(error)(
        f"part {place!r} of the samples does not make a batch{got} ({error}). Boxes or keypoints "
        f"of each image are said by carry={{{place!r}: 'boxes'}} or 'points'; for others pass "
        "collate=, a function that makes a batch of samples."
    )


def content_key(*tensors: Tensor) -> int:
    """Return a hash of the contents of tensors, an integer below 2**63."""
    digest = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(flat.view(torch.uint8).numpy())
    return int.from_bytes(digest.digest(), "little") >> 1
