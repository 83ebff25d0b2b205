"""Time limits of solvers."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event
from typing import Any

_ending: ContextVar[Event | None] = ContextVar("_ending", default=None)


@contextmanager
def ending_with(event: Event) -> Iterator[None]:
    """Let all deadlines that are made in this block pass when an event is set."""
    token = _ending.set(event)
    try:
        yield
    finally:
        _ending.reset(token)


class Deadline:
    """The moment at which a solver is to stop.

    Parameters
    ----------
    time_limit : float or None
        Seconds from now. None means no limit; 0 means that the first answer at hand is returned.
    """

    def __init__(self, time_limit: Any = None) -> None:
        self._event = _ending.get()
        if time_limit is None or (isinstance(time_limit, float) and time_limit == math.inf):
            self._end = math.inf
        else:
            from subopt._base import validate

            self._end = time.monotonic() + validate.nonnegative("time_limit", time_limit)

    def left(self) -> float:
        """Return the seconds that are left, at least 0; infinity without a limit."""
        return 0.0 if self._ended() else max(0.0, self._end - time.monotonic())

    def passed(self) -> bool:
        """Return whether the time is over."""
        return time.monotonic() >= self._end or self._ended()

    def _ended(self) -> bool:
        return self._event is not None and self._event.is_set()

    def end(self) -> None:
        """Let the time be over now, for all who hold this deadline."""
        self._end = -math.inf

    def moved(self, seconds: float) -> Deadline:
        """Return the moment some seconds later, or earlier if they are negative."""
        other = Deadline()
        other._end, other._event = self._end + seconds, self._event
        return other
