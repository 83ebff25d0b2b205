"""Lazy evaluation: finds the largest score with few evaluations, because scores only fall.

By diminishing returns, a score that was computed earlier is an upper bound of the current one. So
only elements at the front of the queue are evaluated again, several in one call of a compiled
kernel.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np

from subopt._base.types import Array

FIRST, LARGEST = 8, 1024
"""How many elements are evaluated at once: the first time of a step, and at most."""

Entry = tuple[float, int]  # minus the score, and the element: a heap has the best in front


class LazyQueue:
    """Elements by upper bounds of their scores; ties by number.

    Parameters
    ----------
    elements : ndarray of intp, shape (k,)
        In ascending order.
    scores : ndarray of float64, shape (k,)
        Upper bounds.
    """

    def __init__(self, elements: Array, scores: Array) -> None:
        order = np.argsort(-scores, kind="stable")
        # a million elements are sorted at once; only those that are evaluated again go into a heap
        self._elements, self._keys, self._next = elements[order], -scores[order], 0
        self._heap: list[Entry] = []

    def pick(
        self,
        evaluate: Callable[[Array], Array],
        fits: Callable[[int], bool],
        enough: Callable[[], bool],
    ) -> Entry | None:
        """Remove the element of the largest score that fits and return it; None if none fits.

        Elements that do not fit are removed: they never will. If `enough` says so, the largest
        upper bound is taken for the score.
        """
        fresh: list[Entry] = []
        count = FIRST
        while (front := self._front()) is not None:
            if fresh and fresh[0] < front:
                break
            if enough():
                entry = self._pop()
                if fits(entry[1]):
                    heapq.heappush(fresh, entry)
                    break
                continue
            batch: list[int] = []
            while len(batch) < count and (front := self._front()) is not None:
                if fresh and fresh[0] < front:
                    break
                if fits(i := self._pop()[1]):
                    batch.append(i)
            if batch:
                scores = evaluate(np.array(batch, dtype=np.intp))
                for score, i in zip(scores.tolist(), batch, strict=True):
                    heapq.heappush(fresh, (-score, i))
            count = min(2 * count, LARGEST)
        if not fresh:
            return None
        best = heapq.heappop(fresh)
        for entry in fresh:
            heapq.heappush(self._heap, entry)
        return best

    def bounds(self) -> tuple[Array, Array]:
        """Return the elements that are left and the upper bounds of their scores."""
        elements = [i for _, i in self._heap]
        keys = [key for key, _ in self._heap]
        rest = slice(self._next, None)
        return (
            np.concatenate([np.array(elements, dtype=np.intp), self._elements[rest]]),
            -np.concatenate([np.array(keys), self._keys[rest]]),
        )

    def _front(self) -> Entry | None:
        waiting = self._next < len(self._elements)
        if not waiting:
            return self._heap[0] if self._heap else None
        sorted_front = (float(self._keys[self._next]), int(self._elements[self._next]))
        return min(self._heap[0], sorted_front) if self._heap else sorted_front

    def _pop(self) -> Entry:
        front = self._front()
        assert front is not None
        if self._heap and self._heap[0] == front:
            return heapq.heappop(self._heap)
        self._next += 1
        return front
