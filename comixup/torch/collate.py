"""MixCollate: mix in the workers of a DataLoader, the same whatever their number.

A worker does not know how many batches came before. So the random numbers of a batch are keyed by
what is in it: the same samples in the same order are mixed in the same way, by any worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate

from comixup.torch.gather import apply
from comixup.torch.mixers import TensorMixer


class MixCollate:
    """A `collate_fn` that collates and mixes.

    Parameters
    ----------
    mix : TensorMixer
        Maps are computed from the images ("spectral") for mixers that use saliency.
    saliency : {"spectral", "contrast"}, default "spectral"
        How.
    images, labels : int or str, default 0 and 1
        Where they are in a collated batch: positions in a tuple, or keys of a dict.
    carry : mapping, optional
        What else of a batch is mixed by the same plan, and how: ``{2: "first"}`` for masks of
        class indices in the third place, "mean" for what has a mean. The rest stays as it is.
    rank : int, default 0
        Number of the process, where several share a seed. Workers cannot find out.
    collate : callable, optional
        Makes batches of samples; `torch.utils.data.default_collate` by default.

    Attributes
    ----------
    mixup_enabled : bool
        Whether to mix at all. Workers have a copy from when they were started.

    Notes
    -----
    A loader that gives the very same batches in every epoch, neither shuffled nor augmented, gets
    them mixed in the same way too.

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
        labels: int | str = 1,
        carry: Mapping[int | str, str] | None = None,
        rank: int = 0,
        collate: Callable[[Sequence[Any]], Any] | None = None,
    ) -> None:
        self.mix = mix
        self.saliency = saliency
        self.images, self.labels = images, labels
        self.carry = dict(carry or {})
        self.rank = rank
        self.collate = default_collate if collate is None else collate

    @property
    def mixup_enabled(self) -> bool:
        """Whether to mix at all."""
        return self.mix.mixup_enabled

    @mixup_enabled.setter
    def mixup_enabled(self, value: bool) -> None:
        self.mix.mixup_enabled = value

    def __call__(self, samples: Sequence[Any]) -> Any:
        """Collate samples and mix the batch."""
        batch = self.collate(samples)
        parts: Any = dict(batch) if isinstance(batch, Mapping) else list(batch)
        images, labels = parts[self.images], parts[self.labels]
        step = content_key(images, labels)
        mixed = self.mix.mix(images, labels, self.saliency, step=step, rank=self.rank)
        for place, blend in self.carry.items():
            parts[place] = apply(mixed.plan, parts[place], blend=blend)
        parts[self.images], parts[self.labels] = mixed.images, mixed.labels
        return parts if isinstance(parts, dict) else type(batch)(parts)


def content_key(*tensors: Tensor) -> int:
    """Return a number below 2**63 that depends on all that is in the tensors."""
    digest = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(flat.view(torch.uint8).numpy())
    return int.from_bytes(digest.digest(), "little") >> 1
