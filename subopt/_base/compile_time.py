"""Measures the time of compilation, and calls a function when compilation begins."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any


class CompileTime:
    """Seconds that numba has spent on compiling; kernels from its cache do not count."""

    seconds = 0.0


@contextlib.contextmanager
def compile_time(begin: Callable[[], object] = lambda: None) -> Iterator[CompileTime]:
    """Measure how long numba compiles within a block.

    Parameters
    ----------
    begin : callable
        Called once, before the first kernel is compiled.

    Yields
    ------
    CompileTime
        Its attribute ``seconds`` grows while the block runs.

    Examples
    --------
    >>> from subopt.compiling import compile_time
    >>> with compile_time() as spent:
    ...     pass
    >>> spent.seconds
    0.0
    """
    from numba.core import event

    spent = CompileTime()

    class Listener(event.Listener):
        depth, start = 0, 0.0  # kernels that others call are within the time of these

        def on_start(self, event: Any) -> None:
            if self.depth == 0:
                self.start = time.perf_counter()
                if spent.seconds == 0.0:
                    begin()
            self.depth += 1

        def on_end(self, event: Any) -> None:
            self.depth -= 1
            if self.depth == 0:
                spent.seconds += time.perf_counter() - self.start

    with event.install_listener("numba:compile", Listener()):
        yield spent
