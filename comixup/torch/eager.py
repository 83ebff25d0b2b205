"""Functions that `torch.compile` does not trace, because planning uses numpy and compiled kernels.

Importing Dynamo takes 3 seconds, so it is not imported before `torch.compile` is used.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


def eager(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` such that `torch.compile` does not trace it; its graph breaks there."""
    left_alone: list[Callable[P, R]] = []

    @functools.wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        if "torch._dynamo" not in sys.modules:
            return function(*args, **options)
        if not left_alone:
            left_alone.append(torch.compiler.disable(function))
        return left_alone[0](*args, **options)

    return call
