"""`PlanAhead`: plans the next batch on a separate thread while the device works on the current one.

This needs saliency that is known one step ahead: from the model of the previous step, or without a
model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

from torch import Tensor

from comixup._base.options import names_options
from comixup._base.types import RNG
from comixup.mixers.batch import MixedBatch
from comixup.plans.base import Mixture
from comixup.torch.carry import Parts
from comixup.torch.tensor_mixer import TensorMixer


@names_options
class PlanAhead:
    """Plan batches one step early.

    Parameters
    ----------
    mix : TensorMixer
        The mixer.
    images, labels, carry
        Where images and labels are in a batch, and how its other parts are mixed, as in
        `MixCollate`. For `batches` only.

    Examples
    --------
    >>> batches = [(torch.rand(8, 1, 16, 16), torch.arange(8)) for _ in range(3)]
    >>> def saliency(images, labels):               # called when the batch before is handed out
    ...     return images.square().sum(dim=1)
    >>> with PlanAhead(CoMixup(num_classes=8, seed=0)) as ahead:
    ...     for images, labels in ahead.batches(batches, saliency):
    ...         pass                                # train: the next plan is being made meanwhile
    >>> images.shape, labels.shape
    (torch.Size([8, 1, 16, 16]), torch.Size([8, 8]))
    """

    def __init__(
        self,
        mix: TensorMixer,
        *,
        images: int | str = 0,
        labels: int | str | Sequence[int | str] | None = 1,
        carry: Mapping[int | str, str] | None = None,
    ) -> None:
        self.mix = mix
        self.parts = Parts(images, labels, carry)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="comixup-plan")

    def __repr__(self) -> str:
        return f"PlanAhead({self.mix!r}, {self.parts!r})"

    def submit(
        self,
        images: Tensor,
        saliency: Any = None,
        *,
        rng: RNG = None,
        step: int | None = None,
        epoch: int = 0,
        rank: int | None = None,
    ) -> Callable[[Tensor | None], MixedBatch]:
        """Begin to plan a batch; return a function of its labels that waits and mixes.

        Parameters
        ----------
        images, saliency, rng, step, epoch, rank
            As in `TensorMixer.mix`.

        Returns
        -------
        callable
            Takes the labels, or ``None``, and returns a `MixedBatch`.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described. Errors that only planning finds, such as saliency
            that is zero, are raised by the returned function.
        """
        key = self.mix.key(rng, step, rank)
        planning = self.mix.planning(key, images, saliency, epoch=epoch)
        plan: Future[Mixture] = self._thread.submit(planning)
        return lambda labels: self.mix.finish(plan.result(), images, labels)

    def batches(
        self,
        batches: Iterable[Any],
        saliency: Callable[[Tensor, Tensor], Tensor] | None = None,
        *,
        epoch: int = 0,
    ) -> Iterator[Any]:
        """Yield the mixed batches, each while the next one is being planned.

        Parameters
        ----------
        batches : iterable of (images, labels), or of batches with more parts
            The batches, e.g. a `DataLoader`.
        saliency : callable, optional
            ``saliency(images, labels)`` returns the maps of a batch. It is called before the
            previous batch is yielded, so that a model used in it is one step behind. By default
            maps are computed from the images.
        epoch : int, default 0
            As in `TensorMixer.mix`.

        Yields
        ------
        MixedBatch
            The mixed batch of a pair (images, labels). Batches with more parts keep their type.

        Raises
        ------
        ValueError, TypeError
            As in `TensorMixer.mix`, and for a part without a rule. Errors that planning finds are
            raised when the batch would be yielded, others when it is read.
        """
        waiting: tuple[int, Callable[[Any], MixedBatch], Any, Any] | None = None
        try:
            for batch in batches:
                images, labels = self.parts.read(self.mix, batch)
                maps = None if saliency is None else saliency(images, labels)
                step = self.mix.step
                mixing = self.submit(images, maps, epoch=epoch)
                self.mix.planned.add(step)  # until the batch is yielded: see `state_dict`
                before, waiting = waiting, (step, mixing, labels, batch)
                if before is not None:
                    yield self._finished(*before)
            if waiting is not None:
                last, waiting = waiting, None
                yield self._finished(*last)
        finally:
            if waiting is not None:
                self.mix.planned.discard(waiting[0])

    def _finished(
        self, step: int, mixing: Callable[[Any], MixedBatch], labels: Any, batch: Any
    ) -> Any:
        self.mix.planned.discard(step)
        mixed = mixing(labels)
        pair = not isinstance(batch, Mapping) and len(batch) == 2 and self.parts.labels == 1
        return mixed if pair else self.parts.write(self.mix, batch, mixed)

    def close(self) -> None:
        """End the thread after finishing the plans that were begun."""
        self._thread.shutdown()

    def __enter__(self) -> PlanAhead:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
