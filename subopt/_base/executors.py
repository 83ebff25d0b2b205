"""Work on executors: processes of this machine, a cluster, or anything else that has `submit`.

Work is cut into chunks of consecutive items. A chunk is one task. Chunks grow until a task takes
`SECONDS`, so that the overhead of a task does not matter. Answers have the order of the items and
do not depend on the chunks, because every item is computed independently.

Read-only arrays stay read-only when they are sent to a worker or back, because kernels are compiled
separately for read-only arrays, and because the arrays of answers are read-only.
"""

from __future__ import annotations

import functools
import io
import pickle
import queue
import sys
import time
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import BrokenExecutor, CancelledError
from typing import Any

import numpy as np

from subopt._base.types import Array

SECONDS = 0.2
"""What a chunk takes at least, if there is enough work."""
RATE = 500
"""Chunks per second that one scheduler can hand out: with more workers chunks take longer."""
ATTEMPTS = 4
"""How often a chunk is submitted whose workers are lost."""
GROWTH = 4
"""A chunk is at most so many times as large as those before it."""
AHEAD = 2
"""Chunks per worker that are submitted at a time."""


def in_chunks(
    executor: Any,
    function: Callable[[Any, Any], Any],
    count: int,
    cut: Callable[[int, int], Any],
    *,
    shared: Any = None,
    unit: int = 1,
) -> Generator[Any]:
    """Yield ``function(shared, cut(begin, end))`` of chunks that cover ``range(count)``, in order.

    Parameters
    ----------
    executor : object with ``submit``
        Its futures need ``result``, ``cancel`` and ``add_done_callback``.
    function : callable
        Of a module, so that workers can import it.
    count : int
        Number of items.
    cut : callable of two ints
        Returns the data of a chunk; called in this process.
    shared : object
        Data that all chunks need. A `dask.distributed.Client` gets it once.
    unit : int, default 1
        Chunks begin at multiples of it.

    Yields
    ------
    object
        The answer of a chunk, as soon as it and all earlier ones are available. If the caller
        stops, or an error or Ctrl-C ends the work, waiting chunks are cancelled.

    Raises
    ------
    RuntimeError
        If the executor accepts no work, or a chunk lost its workers `ATTEMPTS` times.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:
    ...     chunks = in_chunks(pool, lambda power, xs: [x**power for x in xs], 5, range, shared=2)
    ...     [y for chunk in chunks for y in chunk]
    [0, 1, 4, 9, 16]
    """
    yield from _Run(executor, function, count, cut, shared, unit).answers()


def require_executor(executor: Any, threads: int | None) -> None:
    """Raise unless an executor has ``submit`` and is not combined with `threads`."""
    if threads is not None:
        raise ValueError(
            f"threads={threads} is about this process, but an executor does the work: give one of "
            "the two"
        )
    if not callable(getattr(executor, "submit", None)):
        raise TypeError(
            "executor needs a method submit, as those of concurrent.futures and "
            f"dask.distributed.Client have, got {type(executor).__name__}"
        )


class _Run:
    """One call of `in_chunks`."""

    def __init__(
        self,
        executor: Any,
        function: Callable[[Any, Any], Any],
        count: int,
        cut: Callable[[int, int], Any],
        shared: Any,
        unit: int,
    ) -> None:
        self._executor, self._function = executor, function
        self._count, self._cut, self._unit = count, cut, unit
        self._token, self._shared = uuid.uuid4().hex, dumps(shared)
        self._sent: Any = self._shared
        self._on_cluster = hasattr(executor, "scatter")
        self._workers = _worker_count(executor)
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._pending: dict[Any, tuple[int, int]] = {}
        self._attempts: dict[int, int] = {}
        self._answers: dict[int, tuple[int, Any]] = {}  # by begin, with the end
        self._chunks_done = 0
        self._size = unit

    def answers(self) -> Generator[Any]:
        begin = given = 0
        self._send()
        try:
            while begin < self._count or self._pending:
                while begin < self._count and len(self._pending) < AHEAD * self._workers:
                    end = min(self._count, begin + self._size)
                    self._submit(begin, end)
                    begin = end
                self._collect(self._done.get())
                while given in self._answers:
                    given, answer = self._answers.pop(given)
                    yield answer
        finally:  # nothing goes on behind the caller's back
            for future in self._pending:
                future.cancel()

    def _send(self) -> None:
        """Send what all chunks need, for clusters that keep it."""
        if self._on_cluster:
            self._sent = self._executor.scatter(self._shared, hash=False)

    def _submit(self, begin: int, end: int) -> None:
        self._attempts[begin] = self._attempts.get(begin, 0) + 1
        # dask takes equal calls for the same task unless it is told otherwise
        options = {"pure": False} if self._on_cluster else {}
        arguments = self._function, self._token, self._sent, dumps(self._cut(begin, end))
        try:
            future = self._executor.submit(_timed, *arguments, **options)
        except BrokenExecutor as error:
            raise RuntimeError(
                f"The executor has lost its workers and takes no more work: "
                f"{self._chunks_done} chunks were done, that of items {begin} to {end - 1} was not"
            ) from error
        self._pending[future] = begin, end
        future.add_done_callback(self._done.put)

    def _collect(self, future: Any) -> None:
        """Keep the answer of a chunk, or submit it again."""
        begin, end = self._pending.pop(future)
        try:
            seconds, answer = future.result()
            self._answers[begin] = end, pickle.loads(answer)
            self._chunks_done += 1
        except BaseException as error:
            if not _is_loss(error):
                raise
            if self._attempts[begin] >= ATTEMPTS:
                raise RuntimeError(
                    f"Workers were lost {ATTEMPTS} times on the chunk of items {begin} to {end - 1}"
                ) from error
            self._send()  # what a lost worker kept is gone
            self._submit(begin, end)
            return
        # as large as the time asks for, and small enough that all workers get some to the end
        target = max(SECONDS, self._workers / RATE)
        wanted = target * (end - begin) / max(seconds, 1e-9)
        fair = self._count / (4 * self._workers)
        units = min(wanted, fair, GROWTH * self._size) / self._unit
        self._size = max(self._size, self._unit * int(units))


def _timed(
    function: Callable[[Any, Any], Any], token: str, shared: bytes, chunk: bytes
) -> tuple[float, bytes]:
    """Compute a chunk on a worker; return how long that took, and the answer."""
    begin = time.perf_counter()
    answer = function(_unpacked(token, shared), pickle.loads(chunk))
    return time.perf_counter() - begin, dumps(answer)


_kept: tuple[str, Any] = ("", None)


def _unpacked(token: str, shared: bytes) -> Any:
    """Return what all chunks of a call need, unpacked once per worker."""
    global _kept
    kept = _kept  # another thread may replace it
    if kept[0] != token:
        kept = _kept = token, pickle.loads(shared)
    return kept[1]


def dumps(value: Any) -> bytes:
    """Pickle a value such that arrays that are read-only are so afterwards.

    If a program uses cloudpickle, as dask does, functions without a module can be sent as well.
    """
    buffer = io.BytesIO()
    _pickler("cloudpickle" in sys.modules)(buffer, protocol=5).dump(value)
    return buffer.getvalue()


@functools.cache
def _pickler(cloud: bool) -> Any:
    base: Any = sys.modules["cloudpickle"].Pickler if cloud else pickle.Pickler

    class Pickler(base):
        def reducer_override(self, value: Any) -> Any:
            if type(value) is np.ndarray and not value.flags.writeable:
                return _read_only, (value.copy(order="K"),)
            return super().reducer_override(value) if cloud else NotImplemented

    return Pickler


def _read_only(array: Array) -> Array:
    """Return an array that came from another process as it was there."""
    array.setflags(write=False)
    return array


def _worker_count(executor: Any) -> int:
    """Return how many workers an executor has, as far as it says so."""
    if hasattr(executor, "ncores"):  # dask.distributed.Client
        return max(1, sum(executor.ncores().values()))
    return max(1, int(getattr(executor, "_max_workers", 16)))


def _is_loss(error: BaseException) -> bool:
    """Return whether a chunk failed because its worker is gone."""
    names = {kind.__name__ for kind in type(error).__mro__}
    lost = {"KilledWorker", "FutureCancelledError", "CommClosedError"}  # of dask.distributed
    return isinstance(error, BrokenExecutor | CancelledError) or bool(names & lost)
