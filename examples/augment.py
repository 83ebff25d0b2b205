"""Crops and flips of a whole batch on its device, with random numbers that are handed in."""

import torch
from torch.nn import functional


def augment(images, rng, *, crop=(0, 0), flip=False):
    r"""Return images (B, C, \*spatial), each shifted by up to `crop` pixels and flipped or not.

    What moves in from outside is zero. `rng` is a numpy Generator, so the device makes no
    difference.
    """
    d = images.ndim - 2
    if any(crop):
        padding = [p for size in reversed(crop) for p in (size, size)]
        padded = functional.pad(images, padding)
        for axis, size in enumerate(crop, start=2):
            starts = torch.from_numpy(rng.integers(0, 2 * size + 1, len(images)))
            places = (starts[:, None] + torch.arange(images.shape[axis])).to(images.device)
            shape = [len(images), 1, *(1,) * d]
            shape[axis] = -1
            wanted = list(padded.shape)
            wanted[axis] = images.shape[axis]
            padded = padded.gather(axis, places.reshape(shape).expand(wanted))
        images = padded
    if flip:
        turned = torch.from_numpy(rng.random(len(images)) < 0.5).to(images.device)
        images = torch.where(turned.reshape(-1, *(1,) * (d + 1)), images.flip(-1), images)
    return images
