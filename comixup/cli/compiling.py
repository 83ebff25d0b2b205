"""A message on the command line while kernels are compiled, with the time it took."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from subopt.compiling import compile_time


@contextlib.contextmanager
def announced(tell: Callable[[str], object]) -> Iterator[None]:
    """Call `tell` with a line when numba begins to compile, and with another one at the end."""
    with compile_time(lambda: tell("compiling for this machine, once")) as spent:
        try:
            yield
        finally:
            if spent.seconds:
                tell(f"compiled in {spent.seconds:.1f} s; later runs load it from disk")
