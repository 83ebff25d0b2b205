"""Losses and accuracy for soft labels, in float32 for every precision of the forward pass."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from comixup._base import validate


def soft_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of - sum_k labels log softmax(logits), as published for ImageNet.

    Parameters
    ----------
    logits, labels : Tensor of shape (B, K)
        Output of the network, and rows of labels.

    Returns
    -------
    Tensor
        A scalar of dtype float32.

    Examples
    --------
    >>> soft_cross_entropy(torch.zeros(1, 4), torch.tensor([[0.5, 0.5, 0.0, 0.0]]))
    tensor(1.3863)
    """
    with torch.autocast(logits.device.type, enabled=False):
        return functional.cross_entropy(logits.float(), labels.float())


def softmax_binary_cross_entropy(
    logits: Tensor, labels: Tensor, labeled: Tensor | None = None
) -> Tensor:
    """Return the mean binary cross entropy of softmax(logits), as published for CIFAR.

    Parameters
    ----------
    logits, labels : Tensor of shape (B, K)
        Output of the network, and rows of labels; the mean is over B and K.
    labeled : Tensor of shape (B,), optional
        Fraction of every sample that has a label. Rows of `labels` sum to it, and only this
        fraction counts (see the option ``ignore_index`` of mixers). 1 by default.

    Returns
    -------
    Tensor
        A scalar of dtype float32.

    Examples
    --------
    >>> softmax_binary_cross_entropy(torch.zeros(1, 2), torch.tensor([[0.5, 0.5]]))
    tensor(0.6931)
    """
    with torch.autocast(logits.device.type, enabled=False):
        # float32 loses digits of 1 - p where p is near 1; Apple's devices have nothing wider
        wide = torch.float32 if logits.device.type == "mps" else torch.float64
        found, rows = logits.to(wide).softmax(dim=1), labels.to(wide)
        if labeled is None:
            return _binary_cross_entropy(found, rows).float()
        part = labeled.to(wide)[:, None]
        whole = torch.where(part > 0, rows / part, torch.zeros_like(rows)).clamp(max=1)
        return _binary_cross_entropy(found, whole, part.expand_as(found)).float()


def _binary_cross_entropy(found: Tensor, rows: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return NaN for NaN, as other losses do; that of PyTorch stops the run, on CUDA for good.

    A scaler of gradients skips such a step.
    """
    safe = found.nan_to_num(nan=0.5)
    nan_or_zero = (found - safe).sum() * 0
    return functional.binary_cross_entropy(safe, rows, weight=weight) + nan_or_zero


def soft_accuracy(logits: Tensor, labels: Tensor, *, reduction: str = "mean") -> Tensor:
    """Return the accuracy for mixed samples: the share of the predicted class in each label.

    Parameters
    ----------
    logits, labels : Tensor of shape (B, K)
        Output of the network, and rows of labels. For rows with a single class this is the usual
        accuracy.
    reduction : {"mean", "none"}, default "mean"
        One number, or one for each sample, e.g. for `torchmetrics.MeanMetric`.

    Returns
    -------
    Tensor
        A number, or of shape (B,), in float32.

    Raises
    ------
    ValueError
        If the shapes are not as described, or there is no such reduction.

    Examples
    --------
    >>> logits, labels = torch.eye(3)[:2], torch.tensor([[0.75, 0.25, 0.0], [0.5, 0.0, 0.5]])
    >>> soft_accuracy(logits, labels), soft_accuracy(logits, labels, reduction="none")
    (tensor(0.3750), tensor([0.7500, 0.0000]))
    """
    validate.choice("reduction", reduction, ("mean", "none"))
    if logits.ndim != 2 or logits.shape != labels.shape:
        raise ValueError(
            f"logits and labels need one shape (batch, classes), got {tuple(logits.shape)} and "
            f"{tuple(labels.shape)}. Class indices become rows by torch.nn.functional.one_hot."
        )
    hits = labels.float().gather(1, logits.argmax(dim=1, keepdim=True))[:, 0]
    return hits.mean() if reduction == "mean" else hits


LOSSES = {"bce": softmax_binary_cross_entropy, "ce": soft_cross_entropy}
