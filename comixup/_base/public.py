"""Public classes name the package that they are imported from, in pickles and messages."""

from __future__ import annotations

import typing
from typing import TypeVar

T = TypeVar("T", bound=type)


def public(cls: T) -> T:
    """Class decorator that sets ``__module__`` to "comixup"; goes above `dataclass`."""
    # annotations are resolved while the module that has their names is still known
    hints = typing.get_type_hints(cls)
    cls.__annotations__ = {k: hints[k] for k in vars(cls).get("__annotations__", ())}
    cls.__module__ = "comixup"
    return cls
