"""Where classes are public, and not in which file they stand, is what pickles and messages say."""

from __future__ import annotations

import typing
from collections.abc import Iterable


def publish(module: str, values: Iterable[object]) -> None:
    """Let the classes among `values` say that they are of `module`."""
    for value in values:
        if isinstance(value, type):
            # annotations are resolved while the module that has their names is still known
            hints = typing.get_type_hints(value)
            value.__annotations__ = {k: hints[k] for k in vars(value).get("__annotations__", ())}
            value.__module__ = module
