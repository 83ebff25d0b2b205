"""Plans applied to tensors on their device, with gradients."""

from __future__ import annotations

import math
import sys
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from comixup._base import validate
from comixup._base.patch_grid import patch_edges, require_fit
from comixup._base.types import Array
from comixup.plans.base import LABELS_BY, Mixture
from comixup.plans.blends import BlendPlan
from comixup.plans.gather import blend_of, patch_starts
from comixup.plans.pairs import PairPlan, weighted
from comixup.plans.pasted_boxes import BoxPlan
from comixup.plans.patches import MixPlan
from comixup.torch.eager import eager
from comixup.torch.inputs import label_rows, require_labels

HOST_DTYPES = (torch.float32, torch.float64, torch.uint8)


@eager
def apply(plan: Mixture, tensor: Tensor, *, blend: str | None = None) -> Tensor:
    r"""Mix a tensor with one entry per input: images, hidden layers, masks.

    Parameters
    ----------
    plan : MixPlan, BlendPlan or BoxPlan
        The plan to apply.
    tensor : Tensor of shape (B, ..., \*spatial)
        Any device and dtype. `plan.apply` does the same for numpy arrays.
    blend : {"mean", "first"}, optional
        As in `plan.apply`: needed for integers, which may be class indices.

    Returns
    -------
    Tensor
        Has the shape, dtype, device and memory format of `tensor`; differentiable.

    Raises
    ------
    ValueError, TypeError
        If `tensor` is not as described, or `blend` is needed and not given.

    Examples
    --------
    >>> plan = MixPlan.from_sources([[[1, 1], [0, 0]], [[0, 1], [0, 1]]], spatial=(4,))
    >>> apply(plan, torch.tensor([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]))
    tensor([[4., 5., 2., 3.],
            [2., 3., 4., 5.]])
    """
    _require_plan(plan)
    if not isinstance(tensor, Tensor):
        raise TypeError(f"tensor needs to be a tensor, got {type(tensor).__name__}")
    if tensor.ndim == 0 or len(tensor) != len(plan):
        raise ValueError(
            f"tensor needs one entry for each of the {len(plan)} inputs of the plan, got the shape "
            f"{tuple(tensor.shape)}"
        )
    mean = True
    if blend is not None or not isinstance(plan, BoxPlan):  # a box divides no pixel
        mean = blend_of(blend, _numpy_kind(tensor.dtype)) == "mean"
    d = 0 if isinstance(plan, BlendPlan) else len(plan.spatial)
    if tensor.ndim < 1 + d:
        raise ValueError(
            f"tensor needs the shape (batch, ..., *spatial) with {d} spatial axes, got "
            f"{tuple(tensor.shape)}"
        )
    if isinstance(plan, MixPlan):
        mixed = _patches(plan, tensor, mean)
    elif isinstance(plan, BoxPlan):
        mixed = _box(plan, tensor)
    else:
        assert isinstance(plan, BlendPlan)
        mixed = _blend(plan, tensor, mean)
    return like_tensor(_in_format_of(tensor, mixed), tensor)


@eager
def apply_labels(
    plan: Mixture, labels: Tensor, *, num_classes: int | None = None, by: Any = "area"
) -> Tensor:
    r"""Mix labels on their device, weighted by the shares of the inputs.

    Parameters
    ----------
    plan : MixPlan, BlendPlan or BoxPlan
        The plan that gives the shares.
    labels : Tensor, int of shape (B,) or of shape (B, K)
        Class indices (with `num_classes`), or one-hot, soft or multi-label rows.
    num_classes : int, optional
        Number K of classes; needed for class indices.
    by : {"area", "maximum", "saliency"} or Tensor of shape (B, \*spatial), default "area"
        As in `plan.apply_labels`. Maps may have any resolution, and are pooled on the host.

    Returns
    -------
    Tensor of shape (B, K)
        float32 for integer labels, otherwise of the dtype of `labels`.

    Raises
    ------
    ValueError, TypeError
        If labels are not as described, or `num_classes` is missing; the message names the index.

    Examples
    --------
    >>> plan = BlendPlan([1, 0], [0.75, 0.5], spatial=(2,))
    >>> apply_labels(plan, torch.tensor([[1.0, 0, 1], [0, 1, 1]]), by="maximum")
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    _require_plan(plan)
    rows = label_rows(labels, len(plan), num_classes)
    if not isinstance(by, str) or validate.choice("by", by, LABELS_BY) != "maximum":
        by = by.detach().to("cpu", torch.float64).numpy() if isinstance(by, Tensor) else by
        return _by_share(plan, rows, plan.slots_by(by))
    sources, weights = plan.slots
    unused = torch.tensor(weights == 0, device=rows.device)[..., None]
    each = rows[torch.tensor(sources, device=rows.device)]  # rows are >= 0
    return each.masked_fill(unused, 0).amax(dim=1)


@eager
def apply_values(plan: Mixture, values: Tensor) -> Tensor:
    """Mix real numbers, such as regression targets, on their device, weighted by shares.

    Parameters
    ----------
    plan : MixPlan, BlendPlan or BoxPlan
        The plan that gives the shares.
    values : Tensor of shape (B, ...)
        The numbers, of any sign.

    Returns
    -------
    Tensor of shape (B, ...)
        float32 for integers, otherwise of the dtype of `values`; differentiable.

    Raises
    ------
    ValueError, TypeError
        If `values` is not a tensor of numbers with one entry per input.

    Examples
    --------
    >>> apply_values(BlendPlan([1, 0], [0.75, 0.5], spatial=()), torch.tensor([-1.0, 3.0]))
    tensor([0., 1.])
    """
    _require_plan(plan)
    values = require_labels(values, "real numbers of shape (batch, ...)")
    if values.ndim == 0 or len(values) != len(plan) or values.is_complex():
        raise ValueError(
            f"labels needs real numbers, one for each of the {len(plan)} inputs, got "
            f"{values.dtype} of shape {tuple(values.shape)}"
        )
    return _by_share(plan, values if values.is_floating_point() else values.to(torch.float32))


def _require_plan(plan: Any) -> None:
    if not isinstance(plan, Mixture):
        raise TypeError(
            f"plan needs a plan of comixup, got {type(plan).__name__}"
            + (": pass its `plan`" if hasattr(plan, "plan") else "")
        )


def apply_transposed(plan: Mixture, grad: Tensor) -> Tensor:
    r"""Return the gradient of what `apply` gets from that of what it returns, (B, C, \*spatial)."""
    if isinstance(plan, MixPlan):
        return _patches_transposed(plan, grad)
    assert isinstance(plan, PairPlan)
    partner = torch.tensor(plan.partner, device=grad.device)
    if isinstance(plan, BoxPlan):
        mask = plan.inside(grad.shape, asarray=partial(torch.tensor, device=grad.device))
        return grad.masked_fill(mask, 0).index_add(0, partner, grad * mask)
    share = torch.tensor(plan.share, device=grad.device).to(grad.dtype)
    share = share.reshape((-1,) + (1,) * (grad.ndim - 1))
    return (share * grad).index_add(0, partner, (1 - share) * grad)


def like_tensor(mixed: Tensor, tensor: Tensor) -> Tensor:
    """Return `mixed` as a tv_tensor of torchvision if `tensor` is one; operations drop it."""
    if type(tensor) is Tensor or type(mixed) is type(tensor):
        return mixed
    module = sys.modules.get("torchvision.tv_tensors")
    if module is not None and isinstance(tensor, module.TVTensor):
        wrapped: Tensor = module.wrap(mixed, like=tensor)
        return wrapped
    return mixed


def _by_share(plan: Mixture, rows: Tensor, slots: tuple[Array, Array] | None = None) -> Tensor:
    """Return the mean of rows (B, ...) of every output, by the shares of its sources."""
    sources, weights = plan.slots if slots is None else slots
    index = torch.tensor(sources, device=rows.device)
    precision = torch.float64 if rows.dtype == torch.float64 else torch.float32
    share = torch.tensor(weights, dtype=precision, device=rows.device)
    share = share.reshape(*share.shape, *(1,) * (rows.ndim - 1))
    mixed = sum(share[:, s] * rows[index[:, s]] for s in range(index.shape[1]))
    assert isinstance(mixed, Tensor)
    return mixed.to(rows.dtype)


def _numpy_kind(dtype: torch.dtype) -> np.dtype[Any]:
    name = str(dtype).removeprefix("torch.")
    return np.dtype(np.float32 if dtype.is_floating_point else name)


def _in_format_of(tensor: Tensor, mixed: Tensor) -> Tensor:
    for ndim, layout in ((4, torch.channels_last), (5, torch.channels_last_3d)):
        if tensor.ndim != ndim or tensor.is_contiguous():
            continue
        if tensor.is_contiguous(memory_format=layout):
            return mixed.contiguous(memory_format=layout)
    return mixed.contiguous()


def _patches(plan: MixPlan, tensor: Tensor, mean: bool) -> Tensor:
    d = len(plan.grid)
    spatial = tuple(tensor.shape[-d:])
    require_fit("tensor", spatial, plan.grid)
    plan.require_movable(spatial)
    host = _values_on_host(tensor)
    if host is not None:
        return _patches_on_host(plan, host, mean)
    flat = tensor.reshape(len(plan), -1, math.prod(spatial))
    first = _level(plan, flat, spatial, 0)
    if not mean or plan.levels == 1:
        return first.reshape(tensor.shape)
    second = _level(plan, flat, spatial, 1)
    divided = _per_pixel(plan.halved.astype(np.uint8), spatial, tensor.device).bool()[:, None]
    return torch.where(divided, _mean(first, second), first).reshape(tensor.shape)


def _values_on_host(tensor: Tensor) -> Array | None:
    """Return an array if numpy can do the work with the same result: no device, no graph."""
    graph = tensor.requires_grad and torch.is_grad_enabled()
    if type(tensor) is not Tensor or not tensor.is_cpu or tensor.dtype not in HOST_DTYPES or graph:
        return None
    try:
        return tensor.detach().resolve_neg().numpy()
    except RuntimeError:  # within torch.func.vmap and the like
        return None


def _patches_on_host(plan: MixPlan, array: Array, mean: bool) -> Tensor:
    # one compiled pass over the pixels, about 15 times as fast as indexing and torch.where
    blend = "mean" if mean else "first"
    last = array.ndim == 2 + len(plan.grid) and not array.flags.c_contiguous
    array = np.moveaxis(array, 1, -1) if last else array
    mixed = plan.apply(array, channels="last" if last else "first", blend=blend)
    out = torch.from_numpy(mixed)
    return out.movedim(-1, 1) if last else out


def _level(plan: MixPlan, flat: Tensor, spatial: tuple[int, ...], level: int) -> Tensor:
    """Fill all patches from one level, of pixels (B, C, S)."""
    if plan.moves is None:
        source = _per_pixel(plan.sources[..., level], spatial, flat.device)
        return torch.gather(flat, 0, source[:, None].expand_as(flat))
    rows = flat.transpose(1, 2).reshape(-1, flat.shape[1])
    return rows[_shown(plan, spatial, level, flat.device)].transpose(1, 2)


def _shown(plan: MixPlan, spatial: tuple[int, ...], level: int, device: torch.device) -> Tensor:
    """Return which of the B * S pixels of the inputs is shown at every pixel (B, S) of a level."""
    S = math.prod(spatial)
    at = torch.arange(S, device=device)
    if plan.moves is not None:
        starts = patch_starts(spatial, plan.grid)
        shift = starts[plan.moves[..., level]] - starts.reshape(plan.grid)
        at = at + _per_pixel(shift, spatial, device)
    return _per_pixel(plan.sources[..., level], spatial, device) * S + at


def _patches_transposed(plan: MixPlan, grad: Tensor) -> Tensor:
    n, spatial = len(plan), tuple(grad.shape[2:])
    rows = grad.flatten(2).transpose(1, 2).flatten(0, 1)
    first, found = _per_pixel(np.where(plan.halved, 0.5, 1.0), spatial, grad.device), 0 * rows
    for level, share in enumerate((first, 1 - first)[: plan.levels]):
        pixel = _shown(plan, spatial, level, grad.device).ravel()
        found.index_add_(0, pixel, share.reshape(-1, 1).to(grad.dtype) * rows)
    return found.unflatten(0, (n, -1)).transpose(1, 2).reshape(grad.shape)


def _per_pixel(values: Array, spatial: tuple[int, ...], device: torch.device) -> Tensor:
    r"""Spread numbers (B, \*grid) over the pixels of their patches: (B, S). Small ones travel."""
    spread = torch.tensor(np.ascontiguousarray(values), device=device)
    for axis, s in enumerate(spatial, start=1):
        patches = np.arange(spread.shape[axis])
        of_pixel = np.repeat(patches, np.diff(patch_edges(s, len(patches))))
        spread = spread.index_select(axis, torch.as_tensor(of_pixel, device=device))
    return spread.reshape(len(spread), -1)


def _mean(a: Tensor, b: Tensor) -> Tensor:
    if a.is_floating_point():
        return 0.5 * a + 0.5 * b
    return (a >> 1) + (b >> 1) + ((a | b) & 1)  # halves up, never leaving the dtype


def _blend(plan: BlendPlan, tensor: Tensor, mean: bool) -> Tensor:
    if not mean:
        return tensor[torch.tensor(plan.larger, device=tensor.device)]
    wide = tensor.dtype == torch.float64 or not (tensor.is_floating_point() or tensor.itemsize == 1)
    precision = torch.float64 if wide else torch.float32
    share = torch.tensor(plan.share, dtype=precision, device=tensor.device)
    share = share.reshape((-1,) + (1,) * (tensor.ndim - 1))
    partner = tensor[torch.tensor(plan.partner, device=tensor.device)]
    mixed = weighted(tensor, partner, share)
    return (mixed if tensor.is_floating_point() else (mixed + 0.5).floor()).to(tensor.dtype)


def _box(plan: BoxPlan, tensor: Tensor) -> Tensor:
    on_device = partial(torch.tensor, device=tensor.device)
    mask = plan.inside(tensor.shape, asarray=on_device)
    partner = tensor[torch.tensor(plan.partner, device=tensor.device)]
    return torch.where(mask, partner, tensor)
