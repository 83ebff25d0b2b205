"""Functions that `torch.compile` does not trace, because planning uses numpy and compiled kernels.

Importing Dynamo takes 3 seconds, so it is not imported before `torch.compile` is used.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")

SAYS_WHY = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 8)
REASON = (
    "comixup plans with numpy and compiled kernels, outside of the graph. Leave out "
    "fullgraph=True, or compile the model and call this function from outside. The call of a mixer "
    "on tensors, mix(images, labels), can be part of a graph."
)


def eager(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` such that `torch.compile` does not trace it; its graph breaks there."""
    left_alone: list[Callable[P, R]] = []

    @functools.wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        if "torch._dynamo" not in sys.modules:
            return function(*args, **options)
        if not left_alone:
            if SAYS_WHY and torch.compiler.is_compiling():
                torch._dynamo.graph_break(msg=REASON)
            left_alone.append(_disabled(function))
        return left_alone[0](*args, **options)

    return call


def _disabled(function: Callable[P, R]) -> Callable[P, R]:
    disable: Any = torch.compiler.disable
    left_alone: Callable[P, R] = disable(function, **({"reason": REASON} if SAYS_WHY else {}))
    return left_alone
