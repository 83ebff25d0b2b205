"""Processes or a cluster for `comixup mix`."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from comixup._base.optional import require
from comixup.cli.dataset import UsageError


class WorkersLost(Exception):
    """The processes or the cluster did not finish the work; what was finished is kept."""


@contextmanager
def of(jobs: int | None, address: str | None) -> Iterator[Any]:
    """Return an executor with a number of processes, or on the cluster at an address, or None.

    Raises
    ------
    WorkersLost
        If the cluster does not accept work.
    UsageError
        If `address` is not the address of a scheduler.
    """
    if jobs is None and address is None:
        yield None
        return
    executor: Any
    if address is not None:
        executor = _client(address)
    else:
        context = multiprocessing.get_context("spawn")
        executor = ProcessPoolExecutor(jobs, mp_context=context, initializer=_follow_parent)
        with _held_interrupts():
            executor.submit(os.getpid)  # starts the workers
    try:
        yield executor
    except RuntimeError as error:
        raise WorkersLost(f"{error}. Run the same command again to continue.") from error
    finally:
        if address is not None:
            executor.close()
        else:
            executor.shutdown(cancel_futures=True)


def _client(address: str) -> Any:
    distributed = require("distributed", "comixup mix --dask", "distributed")
    try:
        return distributed.Client(address, set_as_default=False)
    except ValueError as error:
        refused = str(error)
    # A client that did not start takes a lock when it is collected. While the next one starts and
    # holds that lock, this would wait for ever.
    gc.collect()
    raise UsageError(
        f"--dask needs the address of a scheduler, such as tcp://127.0.0.1:8786: {refused}"
    )


@contextmanager
def _held_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back for a moment; processes that are started meanwhile never get it.

    Without this, workers that are still loading modules would end with a traceback each.
    """
    if os.name == "nt":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow_parent() -> None:
    """Leave Ctrl-C to the process that hands out the work, and end when that process ends.

    Workers of a process that was killed would wait for work for ever, and before that write into
    a folder that the next run has taken over.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
