"""The number of threads, and running tasks on threads with results in the order of the tasks."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from subopt._base import validate
from subopt._base.options import ending_with, silent

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")


def thread_count(threads: Any, name: str = "threads") -> int:
    """Return the number of threads that was asked for; for None one per available core."""
    if threads is None:
        return available_cores()
    return validate.positive_int(name, threads)


def available_cores() -> int:
    """Return how many cores this process may use.

    They are fewer than the machine has where the process is bound to some of them, or where its
    control group has a quota of time, as in containers.

    Returns
    -------
    int
        At least 1. A quota that is not a whole number of cores is rounded up.
    """
    if hasattr(os, "process_cpu_count"):
        allowed = os.process_cpu_count() or 1
    elif hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, cpu_quota())))


def cpu_quota(
    mount: Path = Path("/sys/fs/cgroup"), groups: Path = Path("/proc/self/cgroup")
) -> float:
    """Return the cores' worth of time that Linux control groups allow, infinity for no limit.

    Parameters
    ----------
    mount : Path
        Where the control groups are mounted. Version 2 has one tree, with ``cpu.max`` in every
        folder; version 1 a tree per controller, with ``cpu.cfs_quota_us``.
    groups : Path
        The groups of this process, one per line: ``number:controllers:path``.
    """
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.inf
    least = math.inf
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        tree = mount / "cpu" if controllers else mount
        group = tree / path.lstrip("/")
        # A container sees its own group at the root of the mount, whatever the path says. The quota
        # of every group above counts too.
        for folder in (group, *group.parents):
            if folder == tree or tree in folder.parents:
                least = min(least, _quota_of(folder))
    return least


def _quota_of(folder: Path) -> float:
    try:
        if (file := folder / "cpu.max").exists():
            quota, period = file.read_text(encoding="utf-8").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="utf-8").strip()
                for name in ("quota", "period")
            )
        return float(quota) / float(period) if quota not in ("max", "-1") else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def in_order(function: Callable[[Any], T], items: Sequence[Any], threads: int) -> list[T]:
    """Call a function of each item, on at most so many threads, none of them for one item.

    The calls log nothing, also where the caller is verbose. If one of them raises an error, or
    Ctrl-C ends the work, the time limits of the others are over, and those not begun do not begin.
    """
    if threads <= 1 or len(items) <= 1:
        with silent():
            return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor  # most programs do without threads

    over = Event()

    def call(item: Any) -> T:
        with ending_with(over):
            return function(item)

    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        try:
            return list(pool.map(call, items))
        except BaseException:
            over.set()
            raise


def stream_in_order(
    function: Callable[[Any], T], items: Sequence[Any], threads: int, stop: Callable[[], object]
) -> Generator[T]:
    """Like `in_order`, but yield each result as soon as it and all earlier ones are available.

    If the caller closes this generator, or an error or Ctrl-C ends the work, `stop` is called,
    which has to end the calls that are running; the others do not begin.
    """
    if threads <= 1 or len(items) <= 1:
        for item in items:
            with silent():
                result = function(item)
            yield result
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        futures: list[Future[T]] = []
        try:
            futures.extend(pool.submit(function, item) for item in items)
            for future in futures:
                yield future.result()
        except BaseException:
            stop()
            for future in futures:
                future.cancel()
            raise
