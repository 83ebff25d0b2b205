"""Measures the time of compilation, calls a function when it begins, and makes it shorter."""

from __future__ import annotations

import contextlib
import functools
import gc
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


@functools.cache
def pause_collector() -> Any:
    """Let Python's garbage collector rest while kernels of this distribution are compiled.

    numba makes millions of objects, few of which are garbage before the kernel is done. To look
    through them again and again takes a tenth of the time of compiling. Returned is what numba
    calls.
    """
    from numba.core import event

    class Listener(event.Listener):
        # numba compiles under a lock: a kernel, and within it what that calls
        depth, first, enabled = 0, 0, False

        def on_start(self, event: Any) -> None:
            self.depth += 1
            if self.first == 0 and _is_ours(event):
                self.first, self.enabled = self.depth, gc.isenabled()
                gc.disable()

        def on_end(self, event: Any) -> None:
            if self.depth == 0:  # it began before this was registered
                return
            if self.depth == self.first:
                self.first = 0
                if self.enabled:
                    gc.enable()
            self.depth -= 1

    listener = Listener()
    event.register("numba:compile", listener)
    return listener


def _is_ours(event: Any) -> bool:
    module = event.data["dispatcher"].py_func.__module__ or ""
    return module.partition(".")[0] in ("subopt", "comixup")
