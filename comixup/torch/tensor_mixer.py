"""`TensorMixer`: a mixer of `comixup` on tensors.

Summaries of the images are pooled on their device, the plan is computed on the host, and the mixed
images are gathered on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from comixup._base.options import names_options
from comixup._base.patch_saliency import warn_of_uniform
from comixup._base.streams import Key
from comixup._base.types import RNG
from comixup.mixers.base import Mixer
from comixup.mixers.batch import MixedBatch
from comixup.plans.base import Mixture
from comixup.plans.labels import counted, each_head, smoothed
from comixup.torch.eager import eager
from comixup.torch.gather import apply, apply_labels, apply_values, like_tensor
from comixup.torch.inputs import label_rows, require_tensor
from comixup.torch.pooling import summarize
from comixup.torch.recorded import mix_in_graph, numbered, recording


class TensorMixer:
    r"""A mixer of `comixup` on tensors: ``images, labels = mix(images, labels, saliency)``.

    Parameters
    ----------
    mixer : mixer of comixup
        The mixer that plans.

    Attributes
    ----------
    seed : int
        Seed of all random numbers. If the mixer has none, it is `torch.initial_seed`, which
        `torch.manual_seed` sets.
    step : int
        Number of the next call without `step`. It and `seed` are the whole state, with `planned`;
        see `state_dict`.
    planned : set of int
        Steps that were drawn for batches of `PlanAhead` that are not yielded yet. A checkpoint
        holds the first of them instead of `step`, so that a resumed run draws it again.
    mixup_enabled : bool
        Whether to mix at all; timm's training script sets it.
    n_uniform : int
        Number of samples without saliency so far, if ``zero_saliency="warn"``.
    number : int
        Number of the mixer in recorded graphs of this process, see the notes; copies have their
        own.

    Raises
    ------
    TypeError
        If `mixer` is not a mixer of `comixup`.

    Notes
    -----
    In the workers of a `DataLoader`, calls without a step also use the seed of the worker, so that
    workers and epochs differ. The results of `MixCollate` do not depend on the number of workers.
    In functions for `torch.compile`, `torch.export` or `torch.jit.trace`, a call is one operator of
    the graph, also with ``fullgraph=True``. It plans on the host in every run, with new draws.

    Examples
    --------
    >>> mix = CoMixup(num_classes=10, seed=0)
    >>> images, labels = torch.rand(20, 3, 32, 32), torch.arange(20) % 10
    >>> images, labels = mix(images, labels, saliency=torch.rand(20, 32, 32))
    >>> images.shape, labels.shape, mix.step
    (torch.Size([20, 3, 32, 32]), torch.Size([20, 10]), 1)
    """

    learns = False  # whether `training_step` trains the mixer along with the model

    def __init_subclass__(cls) -> None:
        if "__init__" in vars(cls):
            names_options(cls)

    def __init__(self, mixer: Mixer) -> None:
        if not isinstance(mixer, Mixer):
            raise TypeError(f"mixer needs a mixer of comixup, got {type(mixer).__name__}")
        self.mixer = mixer
        self.seed = torch.initial_seed() if mixer.seed is None else mixer.seed
        self.step = 0
        self.planned: set[int] = set()
        self.mixup_enabled = True
        self.n_uniform = 0
        self.number = numbered(self)

    def mix(
        self,
        images: Tensor,
        labels: Any = None,
        saliency: Any = None,
        *,
        rng: RNG = None,
        step: int | None = None,
        epoch: int = 0,
        rank: int | None = None,
    ) -> MixedBatch:
        r"""Mix a batch; calling the mixer does the same.

        Parameters
        ----------
        images : Tensor of float or uint8, shape (B, C, \*spatial), or as `layout` says
            The images, on any device; not modified, and not checked for NaN or infinity.
        labels : Tensor, int of shape (B,) or of shape (B, K), or a dict of such, optional
            Class indices (with `num_classes`), or one-hot, soft or multi-label rows. ``None`` for
            ``plan.interpolate_loss(loss, labels)``. A dict has one entry for each head of the
            network. With ``targets="values"``, real numbers of shape (B, ...).
        saliency : Tensor of shape (B, \*spatial) or (B, \*grid), or str, optional
            Nonnegative maps, e.g. from `input_saliency`; or "spectral" (default) or "contrast" to
            compute them from the images, on the host.
        rng : numpy.random.Generator, int or None
            As in `comixup.CoMixup.mix`.
        step : int, optional
            Number of the step; counted by default.
        epoch : int, default 0
            As in `comixup.CoMixup.mix`.
        rank : int, optional
            Number of this process; that of `torch.distributed` by default, 0 without it.

        Returns
        -------
        MixedBatch
            Unpacks into images and labels. Its attribute ``plan`` describes the mixture.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described, or the shape fits more than one layout; the message
            states what was passed and how to proceed.
        """
        if not self.learns and recording(images, labels, saliency, rng):
            return mix_in_graph(self, images, labels, saliency, rng, step, epoch, rank)
        return self.mix_now(images, labels, saliency, rng=rng, step=step, epoch=epoch, rank=rank)

    __call__ = mix

    @eager
    def mix_now(
        self,
        images: Tensor,
        labels: Any,
        saliency: Any,
        *,
        rng: RNG,
        step: int | None,
        epoch: int,
        rank: int | None,
    ) -> MixedBatch:
        """Mix a batch now, also while torch.compile or torch.export records a graph.

        Parameters
        ----------
        images, labels, saliency, rng, step, epoch, rank
            As in `mix`.

        Returns
        -------
        MixedBatch
            As from `mix`.

        Raises
        ------
        ValueError, TypeError
            As in `mix`.
        """
        key = self.key(rng, step, rank)
        return self.finish(self.planning(key, images, saliency, epoch=epoch)(), images, labels)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "number"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.number = numbered(self)

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a later run needs to continue this one.

        Returns
        -------
        dict
            ``seed``, ``step`` and ``mixup_enabled``.
        """
        step = min(self.planned, default=self.step)
        return {"seed": self.seed, "step": step, "mixup_enabled": self.mixup_enabled}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state of `state_dict`.

        Parameters
        ----------
        state : mapping
            From `state_dict`.

        Raises
        ------
        ValueError
            If an entry is missing, or not known.
        """
        needed = TensorMixer.state_dict(self)
        if set(state) != set(needed):
            raise ValueError(f"state needs the entries {', '.join(needed)}, got {', '.join(state)}")
        # checkpoints of other packages may hold tensors of one number
        state = {k: v.item() if isinstance(v, Tensor) else v for k, v in state.items()}
        # a checked key, so that a damaged state is found here and not in the next call
        key = Key.of_call(state["seed"], None, state["step"], 0)
        self.seed, self.step = key.seed, key.step
        self.planned.clear()
        self.mixup_enabled = bool(state["mixup_enabled"])

    @eager
    def key(self, rng: RNG = None, step: int | None = None, rank: int | None = None) -> Key:
        """Return the key of the random numbers of a call, and count the call.

        Parameters
        ----------
        rng, step, rank
            As in `mix`.

        Returns
        -------
        Key
            The key: seed, step and rank.
        """
        seed = self.seed
        if step is None:
            step = self.step
            self.step += 1
            worker = torch.utils.data.get_worker_info()
            if worker is not None:  # this is a copy, whose count begins again in every epoch
                seed = (seed << 64) | worker.seed
        rank = _rank() if rank is None else rank
        return Key.of_call(seed, rng, step, rank)

    def active(self, key: Key, epoch: int = 0) -> Mixer | None:
        """Return the mixer that mixes the batch of this key.

        Parameters
        ----------
        key : Key
            From `key`.
        epoch : int, default 0
            As in `mix`.

        Returns
        -------
        mixer of comixup or None
            ``None`` if the batch stays as it is.
        """
        member = self.mixer.member(key)
        return member if self.mixup_enabled and member.is_on(key, epoch) else None

    def arrange(self, images: Tensor) -> Tensor:
        r"""Return a view of images with their axes as (B, C, \*spatial).

        Parameters
        ----------
        images : Tensor
            In the layout of the mixer.

        Returns
        -------
        Tensor
            The same images, not copied.

        Raises
        ------
        ValueError
            If the shape fits more than one layout.
        """
        return self.mixer.layout_of(tuple(images.shape)).arrange(images, first=True)

    @eager
    def planning(
        self, key: Key, images: Tensor, saliency: Any = None, *, epoch: int = 0
    ) -> Callable[[], Mixture]:
        """Return a function that plans without using the device.

        Parameters
        ----------
        key : Key
            From `key`.
        images, saliency, epoch
            As in `mix`.

        Returns
        -------
        callable
            Takes no arguments and returns the plan.

        Raises
        ------
        ValueError, TypeError
            If the input is not as described.
        """
        arranged = self.arrange(require_tensor(images))
        n, spatial = len(arranged), tuple(arranged.shape[2:])
        member = self.active(key, epoch)
        if member is None:
            return lambda: self.mixer.identity(n, spatial)
        needs = member.wanted(key, spatial)
        summary = summarize(arranged, saliency, needs)

        def plan() -> Mixture:
            found = summary()
            if needs.zero_saliency == "warn":
                self._count_uniform(found.n_uniform, found.n)
            return member.plan_for(found, key)

        return plan

    @eager
    def finish(self, plan: Mixture, images: Tensor, labels: Any) -> MixedBatch:
        """Apply a plan to images and labels.

        Parameters
        ----------
        plan : MixPlan, BlendPlan or BoxPlan
            The plan to apply.
        images, labels
            As in `mix`.

        Returns
        -------
        MixedBatch
            The mixed images and labels, with the plan.

        Raises
        ------
        ValueError, TypeError
            If labels are not as described.
        """
        rows = None if labels is None else self.labels(plan, labels)
        layout = self.mixer.layout_of(tuple(images.shape))
        mixed = layout.restore(apply(plan, layout.arrange(images, first=True)), first=True)
        if images.is_contiguous():
            mixed = mixed.contiguous()
        return MixedBatch(like_tensor(mixed, images), rows, plan)

    @eager
    def labels(self, plan: Mixture, labels: Any, num_classes: int | None = None) -> Any:
        """Return the mixed and smoothed labels.

        Parameters
        ----------
        plan : MixPlan, BlendPlan or BoxPlan
            The plan that gives the shares.
        labels : Tensor or dict of Tensor
            As in `mix`.
        num_classes : int, optional
            Number of classes; that of the mixer by default.

        Returns
        -------
        Tensor of shape (B, K), or a dict of such
            The mixed labels; with ``targets="values"`` of the shape of `labels`.

        Raises
        ------
        ValueError, TypeError
            If labels are not as described.
        """

        def mixed(head: Any, K: int | None) -> Tensor:
            if self.mixer.targets == "values":
                return apply_values(plan, head)
            rows = label_rows(head, len(plan), K, self.mixer.ignore_index)
            which = counted(head, self.mixer.ignore_index)
            labeled = None if which is None else self.labeled(plan, which)
            mixed_rows = apply_labels(plan, rows, by=self.mixer.labels_by)
            return smoothed(mixed_rows, self.mixer.label_smoothing, labeled)

        K = self.mixer.num_classes if num_classes is None else num_classes
        return each_head(labels, K, mixed)

    def labeled(self, plan: Mixture, which: Tensor) -> Tensor:
        """Return the fraction of every output that comes from labeled images.

        Parameters
        ----------
        plan : MixPlan, BlendPlan or BoxPlan
            Whose shares count.
        which : Tensor of bool, shape (B,)
            Which of the inputs have a label.

        Returns
        -------
        Tensor of shape (B,)
            A number in 0..1 per output.
        """
        return apply_labels(plan, which[:, None].float(), by=self.mixer.labels_by)[:, 0]

    def _count_uniform(self, n_uniform: int, n: int) -> None:
        if n_uniform and not self.n_uniform:
            once = "This is said once; the attribute n_uniform of the mixer counts them. "
            warn_of_uniform(n_uniform, n, once)
        self.n_uniform += n_uniform

    def __repr__(self) -> str:
        shown, name = repr(self.mixer), type(self).__name__
        return shown if shown.startswith(f"{name}(") else f"{name}({shown})"


def _rank() -> int:
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank()
    return 0
