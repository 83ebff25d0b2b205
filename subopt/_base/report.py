"""Progress messages of solvers: one line per stage, through `logging`.

A front door has the option ``verbose`` and the decorator `reported`. Whatever runs below it calls
`stage` or `iteration`, which take almost no time if ``verbose`` is off. Work on several threads is
silent (`in_order`); the caller reports its results, so that the lines do not depend on the number
of threads.
"""

from __future__ import annotations

import functools
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from subopt._base.answer import Answer
from subopt._base.options import options_named

F = TypeVar("F", bound=Callable[..., Any])

LOGGER = logging.getLogger("subopt")
LONG = 100  # characters of a problem that are shown
COMPILING = "compiling for this machine; later processes load the result"


class _Run:
    """A call of a door with ``verbose=True``."""

    def __init__(self) -> None:
        self.begin = time.perf_counter()

    def say(self, text: str) -> None:
        """Log one line. Without any logging set up, write it to stderr: it was asked for."""
        line = f"{time.perf_counter() - self.begin:8.2f} s  {text}"
        if LOGGER.isEnabledFor(logging.INFO) and LOGGER.hasHandlers():
            LOGGER.info("%s", line)
        elif LOGGER.level == logging.NOTSET and not LOGGER.disabled:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


_running: ContextVar[_Run | None] = ContextVar("_running", default=None)


def reported(door: F) -> F:
    """Make a front door report its stages where it is called with ``verbose=True``.

    The door has a keyword ``verbose``, which only this decorator reads. Unknown options are refused
    by a message that lists the known ones. A door that is called by
    another one adds its lines to those of the outer run, if that is verbose.
    """
    door = options_named(door)

    @functools.wraps(door)
    def call(*args: Any, **options: Any) -> Any:
        verbose = options.get("verbose", False)
        if not isinstance(verbose, bool):
            raise TypeError(f"verbose needs True or False, got {verbose!r}")
        if (outer := _running.get()) is not None:
            answer = door(*args, **options)
            outer.say(f"{door.__name__}: {_told(answer)}")
            return answer
        if not verbose:
            return door(*args, **options)
        from subopt._base.compile_time import compile_time

        run = _Run()
        token = _running.set(run)
        try:
            with compile_time(lambda: run.say(COMPILING)) as spent:
                run.say(f"{door.__name__}{_shown(args)}")
                answer = door(*args, **options)
            compiling = f"; {spent.seconds:.2f} s of it to compile" if spent.seconds else ""
            run.say(f"{door.__name__}: {_told(answer)}{compiling}")
        finally:
            _running.reset(token)
        return answer

    return call  # type: ignore[return-value]


def stage(text: str, *values: object) -> None:
    """Log a stage of the run, as ``text % values``, if the run is verbose."""
    if (run := _running.get()) is not None:
        run.say(text % values if values else text)


def iteration(k: int, what: str, text: str, *values: object) -> None:
    """Log the state after k steps, ``what`` in the plural, if k is a power of two."""
    if _running.get() is not None and k > 0 and k & (k - 1) == 0:
        stage(f"{k} {what if k > 1 else what.removesuffix('s')}: {text}", *values)


def is_verbose() -> bool:
    """Return whether lines would be logged, for what takes time to say."""
    return _running.get() is not None


@contextmanager
def silent() -> Iterator[None]:
    """Log nothing in this block."""
    token = _running.set(None)
    try:
        yield
    finally:
        _running.reset(token)


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
