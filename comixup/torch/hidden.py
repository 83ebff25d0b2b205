"""Hidden layers mixed by a plan, for Manifold Mixup and for other plans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from comixup.plans.base import Mixture
from comixup.torch.gather import apply


@contextmanager
def mixed_at(module: nn.Module, plan: Mixture, keyword: str | None = None) -> Iterator[None]:
    """Context manager: while it is active, the input of `module` is mixed by a plan.

    Parameters
    ----------
    module : Module
        A layer of a network, or the network itself to mix images.
    plan : MixPlan, BlendPlan or BoxPlan
        The plan, e.g. from `comixup.ManifoldMixup`.
    keyword : str, optional
        Name of the input that is mixed, if the module takes it by name. By default the first
        positional input, or else the only tensor with one entry per output of the plan.

    Yields
    ------
    None
        While the context is active.

    Raises
    ------
    ValueError, TypeError
        Raised by the forward pass, if `apply` does not accept the input of the module, or if there
        are several candidates.

    Examples
    --------
    >>> from comixup import ManifoldMixup
    >>> layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> layer, plan = ManifoldMixup(n_layers=3, seed=0).plan(6)
    >>> with mixed_at(layers[layer], plan):
    ...     logits = layers(torch.rand(6, 4))
    """

    def mix(
        _: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if keyword is None and inputs:
            return (apply(plan, inputs[0]), *inputs[1:]), named
        name = _name_of_input(named, len(plan)) if keyword is None else keyword
        if name not in named:
            raise ValueError(
                f"{type(module).__name__} got no input named {name!r}; it got "
                f"{', '.join(map(repr, named)) or 'none by name'}"
            )
        return inputs, {**named, name: apply(plan, named[name])}

    handle = module.register_forward_pre_hook(mix, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _name_of_input(named: dict[str, Any], n: int) -> str:
    found = [k for k, v in named.items() if isinstance(v, Tensor) and v.ndim and len(v) == n]
    if len(found) != 1:
        raise ValueError(
            f"the module gets {len(found)} tensors of {n} entries by name "
            f"({', '.join(map(repr, found)) or 'none'}): say which one is mixed, keyword=..."
        )
    return found[0]
