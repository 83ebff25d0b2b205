"""A message on the command line while kernels are compiled, with the time it took."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from numba.core import event


class _Watch(event.Listener):
    """Adds up the seconds in which numba compiles; what its cache has counts as nothing."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self.tell = tell
        self.depth = 0  # kernels that are compiled for kernels are within their callers' time
        self.seconds = 0.0
        self.begin = 0.0

    def on_start(self, event: object) -> None:
        if self.depth == 0:
            self.begin = time.perf_counter()
            if self.seconds == 0:
                self.tell("compiling for this machine, once")
        self.depth += 1

    def on_end(self, event: object) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.seconds += time.perf_counter() - self.begin


@contextlib.contextmanager
def announced(tell: Callable[[str], object]) -> Iterator[None]:
    """Call `tell` with a line when numba begins to compile, and with one when all is done."""
    watch = _Watch(tell)
    event.register("numba:compile", watch)
    try:
        yield
    finally:
        event.unregister("numba:compile", watch)
        if watch.seconds:
            tell(f"compiled in {watch.seconds:.1f} s; later runs load it from disk")
