"""Long compiled calls that Ctrl-C and time limits end without delay.

Compiled code cannot be interrupted: Python handles Ctrl-C in the main thread, between two
instructions of Python. A long kernel therefore runs in a separate thread, without the GIL, and
reads a flag from time to time. The caller waits, and sets the flag when the time is over or an
exception is raised. Kernels leave their workspace in a consistent state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from subopt._base.options import Deadline
from subopt._base.types import Array

# Compiled code goes through so many numbers within some milliseconds. Fewer are not worth a thread,
# and a deadline that comes meanwhile is met well enough without looking at it.
SHORT = 2**20
# Seconds after a deadline that a proof may still take: answers are within 0.2 s of the time limit.
LATE = 0.1


def is_short(numbers: int) -> bool:
    """Return whether compiled code is done with so many numbers in some milliseconds.

    Where a number takes longer than a sum, because it is read in no order or more than once,
    callers count it as several.
    """
    return numbers < SHORT


def flag() -> Array:
    """Return a flag for a kernel: ``stop[0]`` is 0 until the kernel has to stop."""
    return np.zeros(1, dtype=np.int8)


def interruptible(
    kernel: Callable[..., Any],
    *args: Any,
    stop: Array,
    deadline: Deadline | None = None,
    short: bool = False,
) -> Any:
    """Call a kernel so that Ctrl-C and a deadline end it, unless it is known to be short.

    Parameters
    ----------
    kernel : callable
        Called with `args`. It ends soon after ``stop[0]`` is set.
    *args : Any
        Arguments; `stop` is usually one of them, or in one of them.
    stop : ndarray of int8, shape (1,)
        From `flag`. It is set when the kernel has to stop, and stays set.
    deadline : Deadline, optional
    short : bool, default False
        Whether the kernel ends soon anyway, see `is_short`. Then it runs in this thread, to its
        end.

    Returns
    -------
    Any
        The result of the kernel, which may have been stopped at the deadline.
    """
    if short:
        return kernel(*args)
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(kernel(*args))
        except BaseException as error:  # raised again below, in the caller's thread
            failure.append(error)

    left = None if deadline is None else min(deadline.left(), threading.TIMEOUT_MAX)
    stop[0] |= left == 0.0
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        thread.join(left)
        if thread.is_alive():
            stop[0] = 1
            thread.join()
    except BaseException:
        stop[0] = 1
        thread.join()
        raise
    if failure:
        raise failure[0]
    return outcome[0]
