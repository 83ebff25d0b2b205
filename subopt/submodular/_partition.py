"""Partitions into k parts with a small sum of values, by greedy splitting.

Starting from V as a single part, each step splits one part into two, by the split that increases
the sum least [1]_ [2]_. The increase F(S) + F(W - S) - F(W) of a split of the part W is a symmetric
submodular function of S. Queyranne's algorithm therefore finds the best split, for every submodular
F.

References
----------
.. [1] M. Queyranne, "On optimum size-constrained set partitions", AUSSOIS 1999.
.. [2] L. Zhao, H. Nagamochi and T. Ibaraki, "Greedy splitting algorithms for approximating multiway
   partition problems", Mathematical Programming 102, 2005.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import (
    Answer,
    CertificateError,
    ReadOnly,
    Status,
    as_evidence,
    ended_by,
    number,
    told,
)
from subopt._base.options import Deadline, documented
from subopt._base.types import Array
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.functions.transforms import symmetrize
from subopt.submodular._queyranne import PendantCertificate, queyranne

ROUNDING = 1e-12
"""Relative difference of values that counts as rounding."""


class _Split(NamedTuple):
    """The best split of a part, and the evidence that it is."""

    part: Array  # elements, ascending
    side: Array  # (len(part),) bool
    certificate: PendantCertificate


@dataclass(frozen=True, eq=False)
class PartitionCertificate(ReadOnly):
    """Best splits of parts, which prove a bound for all partitions into as many parts.

    Attributes
    ----------
    lower_bound : float
        Lower bound on the sums of values of all partitions into k parts.
    splits : tuple
        For each part that was a candidate: its elements, one side of its best split, and a
        `PendantCertificate` of that split.
    """

    lower_bound: float
    splits: tuple[Any, ...]

    def check(self, F: SetFunction, answer: Partition | Any) -> float:
        """Recompute the gap of a partition, by repeating greedy splitting and all comparisons.

        Parameters
        ----------
        F : SetFunction
            The function, submodular. Its attributes `symmetric` and `monotone` are not checked.
        answer : Partition or array_like of int, shape (n,)
            The partition, or the number of the part of each element.

        Returns
        -------
        float
            The sum of values minus the lower bound, at least 0.

        Raises
        ------
        CertificateError
            If a split is missing or is not the best one, if the splits prove less than
            `lower_bound`, or if the answer is not a partition into nonempty parts.
        """
        require_set_function(F)
        labels = np.asarray(answer.labels if isinstance(answer, Partition) else answer)
        if labels.shape != (F.n,) or labels.dtype.kind not in "iu":
            raise CertificateError(f"The answer needs a part for each of {F.n} elements")
        k = int(labels.max(initial=-1)) + 1
        if k < 1 or (np.bincount(labels, minlength=k) == 0).any():
            raise CertificateError("Every part of the answer needs an element")
        value = sum(F.value(labels == j) for j in range(k))
        with as_evidence():
            splits = [_Split(*split) for split in self.splits]
            known = {tuple(np.asarray(split.part).tolist()): split for split in splits}

        def best_split(part: Array) -> _Split:
            split = known.get(tuple(part.tolist()))
            if split is None:
                raise CertificateError(f"The certificate has no split of the part {part.tolist()}")
            within = F.restrict(part)
            G = symmetrize(within)  # its numbers may be those that are left when larger ones cancel
            size = np.maximum(G._range().size, within._range().size)
            rounding = ROUNDING * float(size.sum())
            with as_evidence():
                distance = split.certificate.check(G, split.side)
            if not distance <= rounding:
                raise CertificateError(f"The split of the part {part.tolist()} is not the best one")
            return split

        total, first = _greedy_splitting(F, k, best_split, [np.arange(F.n)])
        proven = _bound(F, k, total, first)
        said = number("lower_bound", self.lower_bound)
        if not said <= proven + ROUNDING * abs(proven):
            raise CertificateError(f"The splits prove {proven:.12g}, not {said:.12g}")
        return max(0.0, float(value - proven))


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Partition(Answer):
    """A partition of the ground set into k parts, and a lower bound on the sum of values.

    Attributes
    ----------
    labels : ndarray of int, shape (n,)
        The number of the part of each element, from 0 to k - 1; read-only. Part 0 has element 0,
        and parts are numbered by their smallest elements.
    value : float
        The sum of ``F.value(labels == j)`` over the parts j.
    lower_bound : float
        A lower bound on the sum of all partitions into k parts; minus infinity if none is known.
    status : Status
        OPTIMAL if the bound meets the value, otherwise EFFORT_LIMIT, TIME_LIMIT or INTERRUPTED.
    certificate : PartitionCertificate or None
        Evidence for `lower_bound`.
    method : str
        The method that ran.
    """

    labels: Array

    @property
    def parts(self) -> list[Array]:
        """The elements of each part, in ascending order."""
        k = int(self.labels.max(initial=-1)) + 1
        return [np.flatnonzero(self.labels == j) for j in range(k)]

    def _contents(self) -> str:
        return f"parts of {[len(part) for part in self.parts]} elements"


@documented
def k_way_partition(
    F: SetFunction,
    k: int,
    *,
    time_limit: float | None = None,
    callback: Callable[[Partition], object] | None = None,
) -> Partition:
    """Divide V into k nonempty parts V_1, ..., V_k with a small sum of F(V_j).

    For the cut function of a graph, half the sum is the weight of the edges between parts: the
    problem is the minimum k-cut. It is NP-hard if k is part of the input. The result of greedy
    splitting is the minimum for k = 2, and at most 2 - 2/k times the minimum if F is symmetric or
    monotone [1]_.

    Parameters
    ----------
    F : SetFunction
        Submodular. The attributes `symmetric` and `monotone` give better bounds.
    k : int
        Number of parts, from 1 to n.
    %(time_limit)s
    %(callback)s
        An iteration is the best split of one part. Parts that are missing are single elements.

    Returns
    -------
    Partition
        The parts. The lower bound is the largest of: F(V), because F is subadditive; the sum
        divided by 2 - 2/k for a symmetric or monotone F; k times the value of the best nontrivial
        set for a symmetric F; the sum itself for k <= 2 and k = n. There is
        no bound if the status is TIME_LIMIT or INTERRUPTED.

    Raises
    ------
    TypeError
        If F is not a `SetFunction`, or k not an integer.
    ValueError
        If k < 1, k > n, or `time_limit` is negative.

    Notes
    -----
    The work is that of `queyranne` for at most 2 k - 3 parts: O(k n³) values of F, or O(k n³)
    operations for a `Cut`.

    References
    ----------
    .. [1] L. Zhao, H. Nagamochi and T. Ibaraki, "Greedy splitting algorithms for approximating
       multiway partition problems", Mathematical Programming 102, 2005.

    Examples
    --------
    >>> F = Cut.from_edges([(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 3), (5, 6)])
    >>> result = k_way_partition(F, 3)
    >>> [part.tolist() for part in result.parts], result.value, result.lower_bound
    ([[0, 1, 2], [3, 4, 5], [6]], 4.0, 3.0)
    """
    require_set_function(F)
    k = validate.positive_int("k", k)
    if k > F.n:
        raise ValueError(f"k nonempty parts need k <= n = {F.n}, got k = {k}")
    validate.callback(callback)
    deadline = Deadline(time_limit)
    splits: list[_Split] = []
    parts = [np.arange(F.n)]
    best: Partition | None = None

    def so_far(status: Status) -> Partition:
        nonlocal best
        now = list(parts)
        if splits and len(now) < k:  # the last split may not be taken yet
            part, side = splits[-1].part, splits[-1].side
            rest = [other for other in now if other is not part]
            now = now if len(rest) == len(now) else [*rest, part[side], part[~side]]
        found = _unfinished(F, k, now, status)
        if best is None or found.value < best.value:
            best = found
        return replace(best, status=status)

    def best_split(part: Array) -> _Split:
        if deadline.passed():
            raise _Ended(Status.TIME_LIMIT)
        left = None if time_limit is None else deadline.left()
        result = queyranne(symmetrize(F.restrict(part)), time_limit=left)
        if result.status is Status.TIME_LIMIT:
            raise _Ended(result.status)
        assert isinstance(result.certificate, PendantCertificate)
        splits.append(_Split(part, result.mask, result.certificate))
        found = so_far(Status.RUNNING)
        if callback is not None and ended_by(callback, found):
            raise _Ended(Status.INTERRUPTED)
        return splits[-1]

    try:
        total, first = _greedy_splitting(F, k, best_split, parts)
    except _Ended as ended:
        return told(callback, so_far(ended.status))
    labels, value = _labels(F.n, parts), total
    if best is not None and best.value < total:  # parts on the way may weigh less
        labels, value = best.labels, best.value
    bound = min(value, _bound(F, k, total, first))
    result = Partition(
        labels=labels,
        value=value,
        lower_bound=bound,
        status=Status.OPTIMAL if bound == value else Status.EFFORT_LIMIT,
        certificate=PartitionCertificate(bound, tuple(splits)),
        method="greedy_splitting",
    )
    return told(callback, result)


class _Ended(Exception):
    """Raised when a time limit or the callback ends the run."""

    def __init__(self, status: Status) -> None:
        self.status = status


def _unfinished(F: SetFunction, k: int, parts: list[Array], status: Status) -> Partition:
    """Return k parts without a bound: those that were found, and single elements of the largest."""
    parts = list(parts)
    while len(parts) < k:
        largest = max(range(len(parts)), key=lambda p: len(parts[p]))
        parts += [parts[largest][-1:]]
        parts[largest] = parts[largest][:-1]
    labels = _labels(F.n, parts)
    return Partition(
        labels=labels,
        value=float(sum(F.value(labels == j) for j in range(k))),
        status=status,
        method="greedy_splitting",
    )


def _labels(n: int, parts: list[Array]) -> Array:
    labels = np.empty(n, dtype=np.intp)
    for j, part in enumerate(sorted(parts, key=lambda part: int(part[0]))):
        labels[part] = j
    return labels


def _greedy_splitting(
    F: SetFunction, k: int, best_split: Any, parts: list[Array]
) -> tuple[float, float]:
    """Split parts until there are k; return the sum of values, and the increase of the first split.

    `parts` is V as a single part, and is changed.
    """
    first = 0.0
    known: dict[bytes, tuple[float, _Split]] = {}

    def value(part: Array) -> float:
        mask = np.zeros(F.n, dtype=np.bool_)
        mask[part] = True
        return F.value(mask)

    for _ in range(k - 1):
        best: tuple[float, int] = math.inf, -1
        for p, part in enumerate(parts):
            if len(part) < 2:
                continue
            if part.tobytes() not in known:
                split = best_split(part)
                sides = part[split.side], part[~split.side]
                known[part.tobytes()] = sum(map(value, sides)) - value(part), split
            best = min(best, (known[part.tobytes()][0], p))
        increase, p = best
        part = parts.pop(p)
        side = known[part.tobytes()][1].side
        parts += [part[side], part[~side]]
        if len(parts) == 2:
            first = increase
    return float(sum(map(value, parts))), first


def _bound(F: SetFunction, k: int, total: float, first: float) -> float:
    """Return a lower bound on the sum of k parts, given that of greedy splitting.

    `first` is the smallest F(S) + F(V - S) - F(V).
    """
    if k <= 2 or k == F.n:
        return total
    bounds = [F.value(np.ones(F.n, dtype=np.bool_))]
    if F.symmetric or F.monotone:
        bounds.append(total / (2 - 2 / k))
    if F.symmetric:
        bounds.append(k * first / 2)
    return float(max(bounds))
