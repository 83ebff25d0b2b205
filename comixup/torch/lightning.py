"""MixCallback: a callback for Lightning that mixes every training batch.

Imported on demand: ``from comixup.torch.lightning import MixCallback``.
"""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback

from comixup.torch.mixers import TensorMixer
from comixup.torch.saliency import Loss, input_saliency


class MixCallback(Callback):
    """Mix the batch before `training_step` sees it.

    Labels come as rows (B, K) then, which `torch.nn.functional.cross_entropy` takes as it takes
    class indices.

    Parameters
    ----------
    mix : TensorMixer
    loss : callable, optional
        ``loss(logits, labels)`` for saliency from the module, see `input_saliency`.
    network_saliency : bool, default True
        For mixers that use saliency: whether it comes from the module, by one more pass, or from
        the images alone.
    """

    def __init__(
        self, mix: TensorMixer, loss: Loss | None = None, *, network_saliency: bool = True
    ) -> None:
        self.mix = mix
        self.loss = loss
        self.network_saliency = network_saliency

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Replace images and labels of the batch, a list of the two or more.

        Raises
        ------
        ValueError, TypeError
            If the batch is no such list, or as `TensorMixer.mix`.
        """
        if not isinstance(batch, list) or len(batch) < 2:
            raise TypeError(
                "MixCallback needs batches that are lists [images, labels, ...], as the collate "
                f"function of PyTorch makes them of tuples, got {type(batch).__name__}. For others "
                "call the mixer in training_step."
            )
        step, epoch = trainer.fit_loop.total_batch_idx, trainer.current_epoch
        images, labels = batch[:2]
        key = self.mix.key(step=step, rank=trainer.global_rank)
        member = self.mix.active(key, epoch)
        saliency = None
        if member is not None and member.uses_saliency and self.network_saliency:
            with input_saliency(pl_module, images, labels, self.loss) as saliency:
                pass
        plan = self.mix.planning(key, images, saliency, epoch=epoch)()
        batch[0], batch[1] = self.mix.finish(plan, images, labels)
