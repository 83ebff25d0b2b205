"""Hidden layers mixed by a plan, for Manifold Mixup and for plans of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from comixup.plans.base import Mixture
from comixup.torch.gather import apply


@contextmanager
def mixed_at(module: nn.Module, plan: Mixture) -> Iterator[None]:
    """Mix what `module` gets as its first input, for as long as the context lasts.

    Parameters
    ----------
    module : Module
        A layer of a network; the network itself to mix images.
    plan : MixPlan, BlendPlan or BoxPlan
        E.g. from `comixup.ManifoldMixup`.

    Raises
    ------
    ValueError, TypeError
        By the forward pass, if the first input of the module is not one that `apply` takes.

    Examples
    --------
    >>> from comixup import ManifoldMixup
    >>> layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> layer, plan = ManifoldMixup(n_layers=3, seed=0).plan(6)
    >>> with mixed_at(layers[layer], plan):
    ...     logits = layers(torch.rand(6, 4))
    """

    def mix(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (apply(plan, inputs[0]), *inputs[1:])

    handle = module.register_forward_pre_hook(mix)
    try:
        yield
    finally:
        handle.remove()
