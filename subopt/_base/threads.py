"""Work on several threads: how many, and answers in the order of the questions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from subopt._base import validate

T = TypeVar("T")


def thread_count(threads: Any) -> int:
    """Return a number of threads that was asked for; one a core for None."""
    if threads is None:
        return os.cpu_count() or 1
    return validate.positive_int("threads", threads)


def in_order(function: Callable[[Any], T], items: Sequence[Any], threads: int) -> list[T]:
    """Call a function of each item, on at most so many threads, none of them for one item."""
    if threads <= 1 or len(items) <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        return list(pool.map(function, items))
