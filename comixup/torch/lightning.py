"""`MixCallback`: a Lightning callback that mixes every training batch.

It is imported explicitly: ``from comixup.torch.lightning import MixCallback``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch import Callback

from comixup._base.options import names_options
from comixup.torch.carry import Parts
from comixup.torch.saliency import Loss, input_saliency
from comixup.torch.tensor_mixer import TensorMixer

__all__ = ["MixCallback"]


@names_options
class MixCallback(Callback):
    """Mix the batch before `training_step` sees it.

    The labels are then rows (B, K), which `torch.nn.functional.cross_entropy` accepts as well as
    class indices.

    Parameters
    ----------
    mix : TensorMixer
        The mixer.
    loss : callable, optional
        ``loss(logits, labels)`` for saliency from the module, see `input_saliency`.
    network_saliency : bool, default True
        For mixers that use saliency: whether it is computed from the module, by an additional pass,
        or from the images only.
    images, labels, carry
        Where images and labels are in a batch, and how its other parts are mixed, as in
        `MixCollate`.
    """

    def __init__(
        self,
        mix: TensorMixer,
        loss: Loss | None = None,
        *,
        network_saliency: bool = True,
        images: int | str = 0,
        labels: int | str | Sequence[int | str] | None = 1,
        carry: Mapping[int | str, str] | None = None,
    ) -> None:
        self.mix = mix
        self.loss = loss
        self.network_saliency = network_saliency
        self.parts = Parts(images, labels, carry)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the mixer, which Lightning saves in checkpoints.

        Returns
        -------
        dict
            As from the mixer.
        """
        return self.mix.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of the mixer from a checkpoint.

        Parameters
        ----------
        state_dict : dict
            As from `state_dict`.

        Raises
        ------
        ValueError
            If an entry is missing, or not known.
        """
        self.mix.load_state_dict(state_dict)

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Replace images, labels and the other mixed parts of the batch, in place.

        Parameters
        ----------
        trainer : lightning.pytorch.Trainer
            Its step, epoch and rank are those of the mixer.
        pl_module : lightning.pytorch.LightningModule
            The model, for saliency from its gradient.
        batch : list or dict
            As the data loader returns it.
        batch_idx : int
            Not used.

        Raises
        ------
        ValueError, TypeError
            If the batch is neither a list nor a dict, lacks a part, or has a part without a rule;
            and as in `TensorMixer.mix`.
        """
        if not isinstance(batch, list | dict):
            raise TypeError(
                "MixCallback needs batches that are lists [images, labels, ...], as the collate "
                f"function of PyTorch makes them of tuples, or dicts, got {type(batch).__name__}. "
                "For others call the mixer in training_step."
            )
        step, epoch = trainer.fit_loop.total_batch_idx, trainer.current_epoch
        images, labels = self.parts.read(self.mix, batch)
        key = self.mix.key(step=step, rank=trainer.global_rank)
        member = self.mix.active(key, epoch)
        saliency = None
        if member is not None and member.uses_saliency and self.network_saliency:
            with input_saliency(pl_module, images, labels, self.loss) as saliency:
                pass
        plan = self.mix.planning(key, images, saliency, epoch=epoch)()
        mixed = self.parts.write(self.mix, batch, self.mix.finish(plan, images, labels))
        for place in batch if isinstance(batch, dict) else range(len(batch)):
            batch[place] = mixed[place]
