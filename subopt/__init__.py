"""Submodular and difference-of-submodular optimization with certificates.

Every public name can be imported from here, and from its subpackage:
`subopt.functions`, `subopt.constraints`, `subopt.submodular`, `subopt.difference`,
`subopt.constrained`, `subopt.maximization`, `subopt.graph`, `subopt.labeling`, `subopt.coupled`.
Names are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from subopt._base import exports

if TYPE_CHECKING:
    from subopt._base.answer import Answer as Answer
    from subopt._base.answer import Batch as Batch
    from subopt._base.answer import CertificateError as CertificateError
    from subopt._base.answer import Status as Status
    from subopt._minimize import minimize as minimize
    from subopt._minimize_many import minimize_many as minimize_many
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
        "_minimize": ["minimize"],
        "_minimize_many": ["minimize_many"],
        "compiling": ["warm_up"],
    },
)
_WINGS = (
    "functions",
    "constraints",
    "submodular",
    "difference",
    "constrained",
    "maximization",
    "graph",
    "labeling",
    "coupled",
)
_DOORS = ("compiling", "cvx", "executors", "interop", "testing")


def __getattr__(name: str) -> Any:
    if name in _WINGS or name in _DOORS:
        return _module(name)
    if name == "__all__":
        return sorted({*_OWN, *(n for wing in _WINGS for n in _module(wing).__all__)})
    if name not in _OWN and not name.startswith("_"):
        for wing in map(_module, _WINGS):
            if name in wing.__all__:
                globals()[name] = value = getattr(wing, name)  # found at once from now on
                return value
    return _own(name)


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return [*__getattr__("__all__"), *_DOORS, *_WINGS]
