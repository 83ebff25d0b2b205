"""The error for an unknown option of a constructor, which names the options that exist."""

from __future__ import annotations

import functools
import inspect
from typing import Any, TypeVar

T = TypeVar("T", bound=type)

PUBLISHED = {  # options of the published program
    "m_part": "group_size",
    "m_block_num": "grid",
    "m_beta": "smoothness",
    "m_gamma": "coupling",
    "m_thres": "threshold",
    "m_thres_type": "threshold_kind",
    "m_eta": "prior_weight",
    "m_omega": "distance_weight",
    "mixup_alpha": "prior_concentration",
    "m_niter": "effort",
    "num_thread": "threads",
}


def names_options(cls: T) -> T:
    """Class decorator: what the constructor does not take raises a TypeError with its options."""
    init: Any = cls.__init__  # type: ignore[misc]
    parameters = list(inspect.signature(init).parameters.values())[1:]
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return cls  # the constructor passes options on, and what gets them says which there are
    known = tuple(parameter.name for parameter in parameters)
    most = sum(parameter.kind is not parameter.KEYWORD_ONLY for parameter in parameters)

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **options: Any) -> None:
        if len(args) > most:
            named = f", e.g. {known[most]}=..." if most < len(known) else ""
            raise TypeError(
                f"{cls.__name__} takes its options by name{named}, got "
                f"{args[most]!r} by position. It has {', '.join(known)}."
            )
        for name in options:
            if name not in known:
                raise TypeError(_no_option(cls.__name__, name, known))
        init(self, *args, **options)

    cls.__init__ = checked  # type: ignore[misc]
    return cls


def _no_option(of: str, name: str, known: tuple[str, ...]) -> str:
    """Say that there is no option of a name, and which one may be meant."""
    import difflib

    likely = [PUBLISHED.get(name), *name.split("_"), *difflib.get_close_matches(name, known, 1)]
    meant = next((other for other in likely if other in known), None)
    hint = f" Did you mean {meant!r}?" if meant else ""
    return f"{of} has no option {name!r}.{hint} It has {', '.join(known)}."
