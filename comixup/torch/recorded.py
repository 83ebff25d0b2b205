"""Mixing as one operator of graphs, for `torch.compile`, `torch.export` and `torch.jit.trace`.

Planning uses numpy and compiled kernels, which cannot be part of such a graph. The operator calls
the mixer, so that every run of a graph draws new random numbers. The graph contains only an
identifier of the mixer.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from comixup._base.types import RNG
from comixup.mixers.base import Mixer
from comixup.mixers.batch import MixedBatch
from comixup.plans.base import Mixture
from comixup.plans.labels import NO_NUMBER
from comixup.torch.eager import eager
from comixup.torch.gather import apply_transposed

# operators of Python came with PyTorch 2.4, and their tags later
_custom_op = getattr(torch.library, "custom_op", None)
AVAILABLE = _custom_op is not None and "tags" in (_custom_op.__kwdefaults__ or {})
KEPT = 16  # plans that backward passes and `MixedBatch.plan` can still ask for; some are large


class Numbered(Protocol):
    """What graphs need of a `TensorMixer`."""

    mixer: Mixer
    number: int

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
        """Mix a batch."""


_mixers: WeakValueDictionary[int, Numbered] = WeakValueDictionary()
_plans: OrderedDict[int, Mixture] = OrderedDict()
_numbers = itertools.count()
_lock = threading.Lock()


def numbered(mix: Numbered) -> int:
    """Return the number by which graphs know a mixer."""
    number = next(_numbers)
    _mixers[number] = mix
    return number


def recording(images: Any, labels: Any, saliency: Any, rng: Any) -> bool:
    """Say whether a graph is being recorded that can hold the operator with such arguments."""
    if not (AVAILABLE and (torch.compiler.is_compiling() or torch.jit.is_tracing())):
        return False
    heads = list(labels.values()) if isinstance(labels, dict) else [labels]
    if labels is not None and not all(isinstance(head, Tensor) for head in heads):
        return False
    if any(getattr(head, "requires_grad", False) for head in heads):
        return False
    named = not isinstance(labels, dict) or all(isinstance(name, str) for name in labels)
    known = saliency is None or isinstance(saliency, Tensor | str)
    plain = isinstance(images, Tensor) and not type(images).__module__.startswith("torchvision")
    return named and known and plain and (rng is None or isinstance(rng, int))


def mix_in_graph(
    mix: Numbered,
    images: Tensor,
    labels: Any,
    saliency: Any,
    rng: RNG,
    step: int | None,
    epoch: int,
    rank: int | None,
) -> MixedBatch:
    """Do what `TensorMixer.mix` does by the operator."""
    by_name = isinstance(labels, dict)
    heads = list(labels.values()) if by_name else [] if labels is None else [labels]
    given = saliency if isinstance(saliency, Tensor) else None
    mixed, rows, ticket = torch.ops.comixup.mix(
        images,
        heads,
        given,
        saliency if given is None else None,
        list(labels) if by_name else None,
        mix.number,
        rng,
        step,
        epoch,
        rank,
    )
    plan = partial(plan_of, ticket)
    if by_name:
        return MixedBatch(mixed, dict(zip(labels, rows, strict=True)), plan)
    return MixedBatch(mixed, rows[0] if heads else None, plan)


@eager
def plan_of(ticket: Tensor) -> Mixture:
    """Return the plan of one run of the operator."""
    number = int(ticket)
    with _lock:
        if number in _plans:
            return _plans[number]
    raise RuntimeError(
        f"the plan of call {number} is no longer here: of calls within compiled functions the last "
        f"{KEPT} are kept, in the process that made them. Ask for it, or take gradients, earlier."
    )


def _mixer(number: int) -> Numbered:
    found = _mixers.get(number)
    if found is None:
        raise RuntimeError(
            f"the graph was recorded with mixer {number}, which is not in this process: mixers are "
            "not saved with graphs. Keep the mixer, or record the graph again."
        )
    return found


def _named(heads: list[Any], names: list[str] | None) -> Any:
    if names is not None:
        return dict(zip(names, heads, strict=True))
    return heads[0] if heads else None


def _mix(
    images: Tensor,
    labels: list[Tensor],
    saliency: Tensor | None,
    kind: str | None,
    heads: list[str] | None,
    mixer: int,
    rng: int | None,
    step: int | None,
    epoch: int,
    rank: int | None,
) -> tuple[Tensor, list[Tensor], Tensor]:
    found = _mixer(mixer).mix_now(
        images,
        _named(labels, heads),
        kind if saliency is None else saliency,
        rng=rng,
        step=step,
        epoch=epoch,
        rank=rank,
    )
    number = next(_numbers)
    with _lock:
        _plans[number] = found.plan
        while len(_plans) > KEPT:
            _plans.popitem(last=False)
    rows = _in_order(found.labels, heads)
    return _laid_out(found.images, images), rows, torch.tensor(number)


def _in_order(labels: Any, heads: list[str] | None) -> list[Tensor]:
    """Return the tensors of mixed labels in the order of the heads."""
    if labels is None:
        return []
    return [labels] if heads is None else [labels[name] for name in heads]


def _laid_out(mixed: Tensor, images: Tensor) -> Tensor:
    """Return images in the order in memory that `torch.empty_like` promises."""
    promised = torch.empty_like(images, device="meta")
    if mixed.stride() == promised.stride():
        return mixed
    return torch.empty_like(images).copy_(mixed)


def _fake_mix(
    images: Tensor,
    labels: list[Tensor],
    saliency: Tensor | None,
    kind: str | None,
    heads: list[str] | None,
    mixer: int,
    rng: int | None,
    step: int | None,
    epoch: int,
    rank: int | None,
) -> tuple[Tensor, list[Tensor], Tensor]:
    options = _mixer(mixer).mixer
    rows = []
    for i, label in enumerate(labels):
        dtype = label.dtype if label.is_floating_point() else torch.float32
        shape = list(label.shape)
        if options.targets == "classes" and label.ndim == 1:
            K = options.num_classes
            if isinstance(K, Mapping):
                K = K.get(heads[i]) if heads else None
            if K is None:
                raise ValueError(NO_NUMBER)
            shape, dtype = [*shape, K], torch.float32
        rows.append(label.new_empty(shape, dtype=dtype))
    return torch.empty_like(images), rows, torch.empty((), dtype=torch.int64)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
    ctx.save_for_backward(output[2])
    ctx.mixer, ctx.n_heads = inputs[5], len(inputs[1])


def _backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    (ticket,) = ctx.saved_tensors
    found = torch.ops.comixup.unmix(grad, ticket, ctx.mixer)
    return found, [None] * ctx.n_heads, *(None,) * 8


def _unmix(grad: Tensor, ticket: Tensor, mixer: int) -> Tensor:
    """Return the gradient with respect to images from that with respect to mixed images."""
    layout = _mixer(mixer).mixer.layout_of(tuple(grad.shape))
    found = apply_transposed(plan_of(ticket), layout.arrange(grad, first=True))
    return _laid_out(layout.restore(found, first=True), grad)


def _fake_unmix(grad: Tensor, ticket: Tensor, mixer: int) -> Tensor:
    return torch.empty_like(grad)


if AVAILABLE:
    # the tag keeps graphs from running two calls as one, or one call twice
    mix_op = torch.library.custom_op(
        "comixup::mix",
        _mix,
        mutates_args=(),
        schema="(Tensor images, Tensor[] labels, Tensor? saliency, str? kind, str[]? heads, "
        "int mixer, SymInt? rng, SymInt? step, SymInt epoch, SymInt? rank) "
        "-> (Tensor, Tensor[], Tensor)",
        tags=(torch.Tag.nondeterministic_seeded,),
    )
    mix_op.register_fake(_fake_mix)
    mix_op.register_autograd(_backward, setup_context=_keep)
    unmix_op = torch.library.custom_op(
        "comixup::unmix",
        _unmix,
        mutates_args=(),
        schema="(Tensor grad, Tensor ticket, int mixer) -> Tensor",
    )
    unmix_op.register_fake(_fake_unmix)
