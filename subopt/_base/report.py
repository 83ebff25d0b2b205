"""The lines that a call with ``verbose=True`` logs: one per stage, through `logging`."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from subopt._base.answer import Answer
from subopt._base.compile_time import compile_time

LOGGER = logging.getLogger("subopt")
LONG = 100  # characters of a problem that are shown


class Report:
    """The lines of one call, each with the seconds since its begin."""

    def __init__(self) -> None:
        self._begin, self._compiling = time.perf_counter(), 0.0

    def say(self, text: str) -> None:
        """Log one line. Without any logging set up, write it to stderr: it was asked for."""
        line = f"{time.perf_counter() - self._begin:8.2f} s  {text}"
        if LOGGER.isEnabledFor(logging.INFO) and LOGGER.hasHandlers():
            LOGGER.info("%s", line)
        elif LOGGER.level == logging.NOTSET and not LOGGER.disabled:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    @contextmanager
    def compiling(self, text: str) -> Iterator[None]:
        """Log a line when the compiler starts within this block, and measure how long it takes."""
        with compile_time(lambda: self.say(text)) as spent:
            yield
        self._compiling = spent.seconds

    def begins(self, door: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Log which function was called, and its problem."""
        self.say(f"{door.__name__}{_shown(args)}")

    def ends(self, door: Callable[..., Any], answer: Any) -> None:
        """Log what a function returns."""
        spent = self._compiling
        compiling = f"; {spent:.2f} s of it to compile" if spent else ""
        self.say(f"{door.__name__}: {_told(answer)}{compiling}")


def _shown(args: tuple[Any, ...]) -> str:
    if not args or not type(args[0]).__module__.startswith("subopt"):
        return ""
    text = repr(args[0])
    return f" of {text}" if len(text) <= LONG else f" of {text[: LONG - 3]}..."


def _told(answer: Any) -> str:
    if not isinstance(answer, Answer):
        return repr(answer)
    bound = "no lower bound"
    if answer.lower_bound > -math.inf:
        bound = f"lower bound {answer.lower_bound:.9g}"
    elif (above := getattr(answer, "upper_bound", None)) is not None:  # a maximum
        bound = f"upper bound {above:.9g}"
    return f"{answer.status.name}, value {answer.value:.9g}, {bound}, by {answer.method}"
