"""Wording that docstrings of plans and mixers share, each part written once."""

from __future__ import annotations

import re
from typing import Any, TypeVar

T = TypeVar("T")

PARTS = {
    "labels": """labels : array_like, int of shape (B,) or real of shape (B, K)
    Class indices (with `num_classes`), or one-hot, soft or multi-label rows.""",
    "num_classes": """num_classes : int, optional
    Number K of classes; needed for class indices.""",
    "mixed_labels": """array of shape (B, K)
    float32 for integer labels, otherwise of the dtype of `labels`.""",
    "summary": """summary : Summary
    The data that `needs` describes.""",
    "key": """key : Key
    Key of the random numbers of the call.""",
    "planned": "    The plan, with the key of its random numbers.",
    "partner": """partner : array_like of int, shape (B,)
    Index of the other input of every output.""",
    "share": """share : array_like of float, shape (B,)
    Fraction of output j that input j fills, in 0..1.""",
    "spatial": """spatial : tuple of int
    Spatial shape of the images that the plan was made for.""",
    "plan_key": """key : Key, optional
    Key of the random numbers of the plan.""",
}

_LINE = re.compile(r"^([ ]*)%\((\w+)\)s$", re.MULTILINE)


def documented(thing: T) -> T:
    """Put shared wording into the docstring of a function or class, for lines ``%(name)s``."""

    def wording(match: re.Match[str]) -> str:
        indent, name = match.groups()
        return "\n".join(indent + line for line in PARTS[name].split("\n"))

    owner: Any = thing
    if owner.__doc__ is not None:  # python -OO
        owner.__doc__ = _LINE.sub(wording, owner.__doc__)
    return thing
