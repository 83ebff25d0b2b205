"""Summaries of a batch of tensors: saliency and colors, pooled to patches on the device."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from comixup._base import patch_grid
from comixup._base.patch_grid import overlaps, patch_edges, patch_pixels, require_fit
from comixup._base.patch_saliency import centers_in_pixels, normalized, require_map_shape
from comixup.mixers.summary import (
    Needs,
    Summary,
    require_saliency,
    saliency_maps,
)
from comixup.torch.inputs import host_array


def summarize(images: Tensor, saliency: Any, needs: Needs) -> Callable[[], Summary]:
    """Pool the data that `needs` describes; return a function that waits for it on the host.

    Everything is put on the queue of the device before this returns, so the function may be called
    later, from another thread, and waits for nothing that comes after.
    """
    n, spatial = len(images), tuple(images.shape[2:])
    grid = needs.grid
    if grid is None:
        require_saliency(saliency, tuple(images.shape), spatial)
        return lambda: Summary(n, spatial)
    require_fit("images", spatial, grid)
    if saliency is None or isinstance(saliency, str):
        # without a network the maps are computed on the host, from gray images
        saliency = torch.as_tensor(_host_maps(images, saliency))
    try:
        maps = torch.as_tensor(saliency, device=images.device).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        if isinstance(saliency, Tensor):  # the device has no room for it
            raise
        raise TypeError(
            "saliency needs a tensor or an array of numbers (batch, *spatial), got "
            f"{type(saliency).__name__}: {error}"
        ) from error
    require_map_shape(tuple(maps.shape), tuple(images.shape), spatial)
    shape = tuple(maps.shape[1:])
    other = shape not in (spatial, grid)
    N, d = math.prod(grid), len(grid)
    with torch.no_grad():
        maps = maps.to(_precision(maps))
        sums = _sums(maps, grid, spatial if other else None)
        parts = [sums.reshape(n, N), *_peaks(maps), maps.reshape(n, -1).amin(1, True)]
        if needs.colors:
            parts.append(pool(images.to(maps.dtype), grid).reshape(n, -1))
        fetch = _to_host(torch.cat([p.to(sums.dtype) for p in parts], dim=1))

    def summary() -> Summary:
        numbers = fetch()
        sums = numbers[:, :N].reshape(n, *grid)
        least = numbers[:, N + d]
        if (least < 0).any():
            i = int(np.argmax(least < 0))
            raise ValueError(
                f"saliency needs numbers >= 0, but sample {i} has {least[i]}. Take its abs(), or "
                "comixup.torch.gradient_norm of a gradient."
            )
        peaks = numbers[:, N : N + d]
        if other:
            peaks = centers_in_pixels(peaks, shape, spatial)
        pooled = normalized(sums, peaks, spatial if other else shape, sums, needs.zero_saliency)
        colors = None
        if needs.colors:
            # images are not checked here: one that is not finite ends no run, and has no color
            numbers[:, N + d + 1 :][~np.isfinite(numbers[:, N + d + 1 :])] = 0
            colors = numbers[:, N + d + 1 :].reshape(n, -1, *grid) / patch_pixels(grid, spatial)
        return Summary(n, spatial, pooled.weights, pooled.peaks, colors, pooled.n_uniform)

    return summary


def _sums(maps: Tensor, grid: Sequence[int], spatial: Sequence[int] | None) -> Tensor:
    r"""Sum maps (B, \*resolution) over patches; `spatial` is that of images of another resolution.

    On a CPU the sums are those of arrays, bit by bit: after a difference in the last bit, the
    search of Co-Mixup may end elsewhere.
    """
    if maps.device.type != "cpu":
        return pool(maps, grid) if spatial is None else pool_cells(maps, grid, spatial)
    host = host_array(maps.contiguous())
    if spatial is None:
        return torch.from_numpy(patch_grid.pool(host, grid))
    return torch.from_numpy(patch_grid.pool_cells(host, grid, spatial))


def pool(maps: Tensor, grid: Sequence[int]) -> Tensor:
    r"""Sum (B, ..., \*spatial) over patches of any size, in a fixed order."""
    for axis, patches in zip(range(maps.ndim - len(grid), maps.ndim), grid, strict=True):
        edges = patch_edges(maps.shape[axis], patches)
        widest = int(np.diff(edges).max())
        if widest == 1:
            continue
        if widest * patches == maps.shape[axis]:  # the same sums, without copies
            maps = maps.contiguous().unflatten(axis, (patches, widest)).sum(dim=axis + 1)
            continue
        columns = edges[:-1, None] + np.arange(widest)
        real = torch.as_tensor(columns < edges[1:, None], device=maps.device)
        index = torch.as_tensor(np.minimum(columns, edges[-1] - 1).ravel(), device=maps.device)
        parts = maps.index_select(axis, index).unflatten(axis, (patches, widest))
        parts = parts.masked_fill(~real.reshape(real.shape + (1,) * (maps.ndim - 1 - axis)), 0)
        maps = parts.sum(dim=axis + 1)
    return maps


def pool_cells(maps: Tensor, grid: Sequence[int], spatial: Sequence[int]) -> Tensor:
    r"""Sum maps (B, \*cells) of another resolution than the image over its patches."""
    for axis, (size, patches) in enumerate(zip(spatial, grid, strict=True), start=1):
        weights = torch.as_tensor(overlaps(size, patches, maps.shape[axis]))
        weights = weights.to(maps.device, maps.dtype)
        maps = (maps.movedim(axis, -1) @ weights.T).movedim(-1, axis)
    return maps


def _peaks(maps: Tensor) -> list[Tensor]:
    flat = maps.reshape(len(maps), -1).argmax(dim=1, keepdim=True)
    places = []
    for size in reversed(maps.shape[1:]):
        places.append(flat % size)
        flat = flat // size
    return places[::-1]


def _precision(maps: Tensor) -> torch.dtype:
    return torch.float64 if maps.dtype == torch.float64 else torch.float32


@functools.cache
def _widest(device: str) -> torch.dtype:
    """Return float64, or float32 on devices that cannot compute with it, such as Apple's."""
    try:
        torch.ones(1, dtype=torch.float64, device=device).mean().item()
    except (RuntimeError, TypeError):
        return torch.float32
    return torch.float64


def _host_maps(images: Tensor, saliency: str | None) -> Any:
    plain = images.detach().contiguous()  # the order of sums is that of memory
    # rounded to float32, frequencies of small amplitude would have other phases than in numpy
    precision = _widest(images.device.type)
    gray = host_array(plain.mean(dim=1, keepdim=True, dtype=precision).cpu())
    return saliency_maps(gray, "first", saliency, gray.shape[2:])


def _to_host(numbers: Tensor) -> Callable[[], Any]:
    """Start the copy of a small tensor; the function that is returned waits for it."""
    if numbers.device.type != "cuda":
        host = numbers.cpu()
        return lambda: host_array(host).astype(np.float64)
    host = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
    host.copy_(numbers, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record(torch.cuda.current_stream(numbers.device))

    def fetch() -> Any:
        arrived.synchronize()
        return host.numpy().astype(np.float64)

    return fetch
