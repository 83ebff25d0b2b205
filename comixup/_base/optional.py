"""Optional packages for pictures and the command line, imported on use, with a clear error."""

from __future__ import annotations

import importlib
from types import ModuleType


def require(module: str, purpose: str, extra: str = "demo") -> ModuleType:
    """Import `module`; the error states what it is needed for and how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise ImportError(
            f"{purpose} needs {name}, which is not installed. It is part of the extra `{extra}`: "
            f'in a clone of the repository, python -m pip install ".[{extra}]"'
        ) from error
