"""Time limits of solvers."""

from __future__ import annotations

import math
import time
from typing import Any


class Deadline:
    """The moment at which a solver is to stop.

    Parameters
    ----------
    time_limit : float or None
        Seconds from now. None means no limit; 0 means that the first answer at hand is returned.
    """

    def __init__(self, time_limit: Any = None) -> None:
        if time_limit is None or (isinstance(time_limit, float) and time_limit == math.inf):
            self._end = math.inf
        else:
            from subopt._base import validate

            self._end = time.monotonic() + validate.nonnegative("time_limit", time_limit)

    def left(self) -> float:
        """Return the seconds that are left, at least 0; infinity without a limit."""
        return max(0.0, self._end - time.monotonic())

    def passed(self) -> bool:
        """Return whether the time is over."""
        return time.monotonic() >= self._end

    def end(self) -> None:
        """Let the time be over now, for all who hold this deadline."""
        self._end = -math.inf

    def moved(self, seconds: float) -> Deadline:
        """Return the moment some seconds later, or earlier if they are negative."""
        other = Deadline()
        other._end = self._end + seconds
        return other
