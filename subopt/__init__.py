"""Submodular and difference-of-submodular optimization with certificates.

Every public name can be imported from here, and from the wing that it belongs to:
`subopt.functions`, `subopt.constraints`, `subopt.submodular`, `subopt.difference`,
`subopt.constrained`, `subopt.maximization`, `subopt.graph`, `subopt.labeling`, `subopt.coupled`.
Names are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from subopt import (
    constrained,
    constraints,
    coupled,
    difference,
    functions,
    graph,
    labeling,
    maximization,
    submodular,
)
from subopt._base.lazy import exports

if TYPE_CHECKING:
    from subopt._base.answer import Answer as Answer
    from subopt._base.answer import Batch as Batch
    from subopt._base.answer import CertificateError as CertificateError
    from subopt._base.answer import Status as Status
    from subopt._minimize import minimize as minimize
    from subopt._minimize import minimize_many as minimize_many
    from subopt.compiling import warm_up as warm_up
    from subopt.constrained import *
    from subopt.constraints import *
    from subopt.coupled import *
    from subopt.difference import *
    from subopt.functions import *
    from subopt.graph import *
    from subopt.labeling import *
    from subopt.maximization import *
    from subopt.submodular import *

__version__ = "0.1.0.dev0"  # the build, and comixup, read it from here

_OWN, _own, _ = exports(
    __name__,
    {
        "_base.answer": ["Answer", "Batch", "CertificateError", "Status"],
        "_minimize": ["minimize", "minimize_many"],
        "compiling": ["warm_up"],
    },
)
_WINGS = {
    name: wing
    for wing in (
        functions,
        constraints,
        submodular,
        difference,
        constrained,
        maximization,
        graph,
        labeling,
        coupled,
    )
    for name in wing.__all__
}
_DOORS = ("compiling", "cvx", "executors", "testing")
__all__ = sorted([*_OWN, *_WINGS])


def __getattr__(name: str) -> Any:
    if name in _DOORS:
        return import_module(f"{__name__}.{name}")
    return getattr(_WINGS[name], name) if name in _WINGS else _own(name)


def __dir__() -> list[str]:
    return [
        *__all__,
        *_DOORS,
        "constrained",
        "constraints",
        "coupled",
        "difference",
        "functions",
        "graph",
        "labeling",
        "maximization",
        "submodular",
    ]
