"""The base of all wings. This module imports the names of packages when they are first used.

Importing `subopt` therefore takes no longer than importing numpy, and a program that cuts grids
loads no set functions. Type checkers and editors read the imports under ``TYPE_CHECKING`` of each
package; `tests/test_architecture.py` tests that both lists agree.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def exports(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    modules : mapping of str to sequence of str
        Names that each module of the package defines, by the name of the module in the package.
    """
    home = {name: f"{package}.{module}" for module, names in modules.items() for name in names}

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(home[name]), name)
        setattr(sys.modules[package], name, value)  # the next look-up finds it at once
        return value

    names = sorted(home)
    return names, get, lambda: names
