"""A message on the command line while kernels are compiled, with the time it took."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from subopt.compiling import compile_time, is_kept


@contextlib.contextmanager
def announced(tell: Callable[[str], object]) -> Iterator[None]:
    """Call `tell` with a line when numba begins to compile, and with another one at the end."""

    def begin() -> None:
        tell("compiling for this machine, once" if is_kept() else "compiling")

    with compile_time(begin) as spent:
        try:
            yield
        finally:
            if spent.seconds:
                later = "; later runs load it from disk" if is_kept() else ""
                tell(f"compiled in {spent.seconds:.1f} s{later}")
