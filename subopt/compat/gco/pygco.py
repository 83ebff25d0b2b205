"""The module of gco-wrapper that its calls are in: the same names as `subopt.compat.gco`."""

from subopt.compat.gco import *  # noqa: F403
from subopt.compat.gco import __all__ as __all__
