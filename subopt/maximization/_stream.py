"""Streams: elements arrive in chunks, are evaluated once, and most of them are not kept.

The algorithm runs one sieve for each threshold t of a geometric grid. A sieve keeps a set of at
most k elements, and takes an element that adds at least t to its set. One of the thresholds is
close to OPT / 2k, for which the set of the sieve has about half of the maximum. The elements that a
sieve did not take bound the maximum: by diminishing returns, the gain of an element when it was
refused is an upper bound of its gain at the last set of the sieve.

Chunks are for speed; decisions do not depend on them. An element whose own value exceeds those of
all earlier elements adds sieves with larger thresholds, which process the stream from this element
on, and removes the sieves whose thresholds have become too low.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Array
from subopt.constraints.build import constraints_of
from subopt.functions.algebra import SetFunction, require_set_function
from subopt.maximization._run import Run
from subopt.maximization.certificate import MarginalCertificate
from subopt.maximization.result import MaximizationResult


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class StreamResult(MaximizationResult):
    """The result of one pass over a stream.

    Attributes
    ----------
    mask : ndarray of bool, shape (elements of the stream,)
        Which elements were chosen, by their position in the stream.
    items : sequence
        The chosen elements themselves, in the order in which they came.
    value : float
        F of the chosen elements.
    upper_bound : float
        No set of at most `size` elements of the stream has a larger value.
    status : Status
        OPTIMAL if the bound meets the value, else EFFORT_LIMIT.
    method : str
        "sieve".
    certificate : Certificate or None
        Evidence for `upper_bound`, to be checked with the function of all elements.
    n_iter : int
        Number of elements of the stream.
    n_evals : int
        Marginal gains that were computed.
    """

    items: Any = ()


@dataclass
class _Sieve:
    """The set of one threshold."""

    threshold: float
    kept: list[int] = field(default_factory=list)  # places among all that are kept
    value: float = 0.0
    refused: list[float] = field(default_factory=list)  # a heap: the k largest gains turned away


BATCH = 8
"""So many gains are computed at once after a sieve has taken an element; then twice as many."""


class _Sieves:
    """All sieves, and what has been kept of the stream for them."""

    def __init__(
        self,
        size: int,
        epsilon: float,
        build: Callable[[Any], SetFunction],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.size, self.build, self.stopped = size, build, stopped
        self.base = 1 + epsilon
        self.items: Any = None
        self.places: list[int] = []  # in the stream
        self.sieves: dict[int, _Sieve] = {}  # by the power of `base` that is the threshold
        self.ended: list[_Sieve] = []  # the best of those whose thresholds became too low
        self.singles: list[float] = []  # a heap: the k largest values of single elements
        self.largest = 0.0
        self.count = self.n_evals = 0

    def feed(self, chunk: Any) -> None:
        """Look at the next elements."""
        new = len(chunk)
        if not new:
            return
        old = len(self.places)
        pool = chunk if self.items is None else _joined(self.items, chunk)
        F = self.build(pool)
        require_set_function(F)
        if F.n != old + new:
            raise ValueError(
                f"build needs to return a function of the {old + new} elements that it is given, "
                f"got one with n = {F.n}"
            )
        if not F.monotone:
            raise ValueError(
                "maximize_stream needs functions that are known to be monotone, but build "
                f"returned {F!r}, whose attribute `monotone` is False. Set it if F never falls "
                "while a set grows: the bound holds for such functions only."
            )
        arrivals = np.arange(old, old + new)
        none = np.zeros(F.n, dtype=np.bool_)
        alone = self._gains(F, F._state(none), none, arrivals)
        for k, (first, end) in self._seen(alone).items():
            if self.stopped():  # the others miss this chunk: only the sets are good from here on
                break
            self._sift(F, self.sieves[k], arrivals[first:end], alone[first:end])
            if end < new:
                self.ended = [max([*self.ended, self.sieves.pop(k)], key=lambda s: s.value)]
        for gain in alone.tolist():
            _keep_largest(self.singles, gain, self.size)
        sieves = [*self.ended, *self.sieves.values()]
        left = sorted({place for sieve in sieves for place in sieve.kept})
        number = {place: k for k, place in enumerate(left)}
        for sieve in sieves:
            sieve.kept = [number[place] for place in sieve.kept]
        everywhere = [*self.places, *range(self.count, self.count + new)]
        self.places = [everywhere[place] for place in left]
        self.items = _some(pool, left)
        self.count += new

    def best(self) -> _Sieve:
        """Return the sieve with the best set."""
        sieves = [*self.ended, *self.sieves.values()]
        return max(sieves, key=lambda s: s.value, default=_Sieve(0.0))

    def bound(self) -> tuple[float, _Sieve]:
        """Return an upper bound of the maximum, and the sieve that it comes from."""
        bounds = [(s.value + math.fsum(s.refused), k) for k, s in self.sieves.items()]
        alone = _Sieve(0.0, refused=self.singles)
        if not bounds:
            return math.fsum(self.singles), alone
        value, k = min(bounds)
        if math.fsum(self.singles) <= value:
            return math.fsum(self.singles), alone
        return value, self.sieves[k]

    def _seen(self, alone: Array) -> dict[int, tuple[int, int]]:
        """Make new sieves, and return for all of them which elements of a chunk they see.

        The thresholds at an element are the powers of `base` from about m / (2 size) to m, where m
        is the largest value so far.
        """
        largest = np.maximum.accumulate(np.maximum(alone, self.largest))
        self.largest = float(largest[-1])
        start = int(np.searchsorted(largest, 0.0, side="right"))
        if start == len(alone):
            return {}
        steps, step = np.unique(largest[start:], return_inverse=True)
        powers = [math.log(m) / math.log(self.base) for m in steps.tolist()]
        down = math.log(2 * self.size) / math.log(self.base)
        high = np.array([math.ceil(power) for power in powers])[step]
        low = np.array([math.floor(power - down) for power in powers])[step]
        seen = {}
        for k in range(min(self.sieves, default=int(low[0])), int(high[-1]) + 1):
            first = 0 if k in self.sieves else start + int(np.searchsorted(high, k))
            end = start + int(np.searchsorted(low, k, side="right"))
            if k not in self.sieves:
                if first >= end:
                    continue
                before = [*self.singles, *(x for x in alone[:first].tolist() if x > 0)]
                refused = sorted(heapq.nlargest(self.size, before))  # is a heap
                with np.errstate(over="ignore"):  # at infinity nothing is taken
                    threshold = float(np.float64(self.base) ** k)
                self.sieves[k] = _Sieve(threshold, refused=refused)
            seen[k] = (first, end)
        return seen

    def _sift(self, F: SetFunction, sieve: _Sieve, arrivals: Array, alone: Array) -> None:
        """Offer some arrivals to a sieve."""
        mask = np.zeros(F.n, dtype=np.bool_)
        mask[sieve.kept] = True
        state, gains = F._state(mask), alone.copy()
        taken = np.zeros(len(arrivals), dtype=np.bool_)
        full = len(sieve.kept) >= self.size
        if full:  # gains that are not among the largest do not change the bound
            least = sieve.refused[0] if len(sieve.refused) == self.size else 0.0
            rest = np.flatnonzero(alone > least)
            gains[rest] = self._gains(F, state, mask, arrivals[rest])
        else:
            rest = np.flatnonzero(alone >= sieve.threshold)
        known = 0 if sieve.kept else len(rest)  # the gains of so many of them are up to date
        width = len(rest)
        while len(rest) and len(sieve.kept) < self.size:
            if not known:
                known = min(width, len(rest))
                width = 2 * known
                gains[rest[:known]] = self._gains(F, state, mask, arrivals[rest[:known]])
            passes = gains[rest[:known]] >= sieve.threshold
            first = int(passes.argmax())
            if passes[first]:
                k = rest[first]
                i = int(arrivals[k])
                F._flip(state, mask, i, float(gains[k]))
                mask[i] = taken[k] = True
                sieve.kept.append(i)
                sieve.value += float(gains[k])
                width = BATCH
                passes[first] = False
                # others that are below the threshold stay below it
                rest = np.concatenate([rest[:known][passes], rest[known:]])
            else:
                rest = rest[known:]
            known = 0
        for gain in np.sort(gains[~taken])[::-1][: self.size].tolist():
            _keep_largest(sieve.refused, gain, self.size)

    def _gains(self, F: SetFunction, state: Any, mask: Array, elements: Array) -> Array:
        self.n_evals += len(elements)
        gains: Array = validate.finite(F, F._gains(state, mask, elements))
        return gains


def _keep_largest(heap: list[float], number: float, size: int) -> None:
    if not number > 0:
        return
    if len(heap) < size:
        heapq.heappush(heap, number)
    else:
        heapq.heappushpop(heap, number)


def _joined(first: Any, second: Any) -> Any:
    if isinstance(second, np.ndarray):
        return np.concatenate([first, second])
    return [*first, *second]


def _some(items: Any, places: list[int]) -> Any:
    if isinstance(items, np.ndarray):
        return items[places]
    return [items[k] for k in places]


def maximize_stream(
    chunks: Iterable[Sequence[Any] | Array],
    build: Callable[[Any], SetFunction],
    size: int,
    *,
    epsilon: float = 0.1,
) -> StreamResult:
    """Choose at most `size` elements of a stream in one pass, for a monotone function.

    Parameters
    ----------
    chunks : iterable of arrays or lists
        The elements, some at a time: arrays with one row per element, or lists. A chunk is used
        once, and only elements that may be chosen are kept: ``O(size log(size) / epsilon)``. How
        the stream is cut into chunks does not change what is chosen, only the time: chunks of some
        thousands are fast.
    build : callable
        ``build(items)`` returns the function on some elements, as a `SetFunction` with
        ``n = len(items)``, submodular and known to be monotone (``F.monotone`` is True). It is
        called with what is kept and a chunk, in this order. The value of a set must depend on its
        elements only, such as the coverage of a fixed list of items or the similarity to fixed
        clients.
    size : int
        Largest number of elements, at least 1.
    epsilon : float, default 0.1
        The ratio of consecutive thresholds minus 1. With a smaller value, more elements are kept
        and the guarantee is better.

    Returns
    -------
    StreamResult
        At least ``1/2 - epsilon`` of the maximum. ``result.items`` are the chosen elements, and
        ``result.S`` their positions in the stream. ``result.check(F)`` needs the function of all
        elements of the stream. `upper_bound` may be slightly higher with larger chunks, as gains
        are computed for many elements at once.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or a function is not known to be monotone.

    References
    ----------
    .. [1] A. Badanidiyuru et al., "Streaming submodular maximization: massive data summarization on
       the fly", KDD 2014.
    .. [2] E. Kazemi et al., "Submodular streaming in all its glory: tight approximation, minimum
       memory and low adaptive complexity", ICML 2019.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> clients = rng.random((50, 2))
    >>> def nearness(points):
    ...     distance = np.linalg.norm(clients[:, None] - points, axis=2)
    ...     return FacilityLocation(np.exp(-5 * distance))
    >>> result = maximize_stream((rng.random((100, 2)) for _ in range(20)), nearness, size=8)
    >>> len(result.mask), result.items.shape, result.ratio > 0.7
    (2000, (8, 2), True)
    """
    size = validate.positive_int("size", size)
    if not callable(build):
        raise TypeError(f"build needs to be callable with elements, got {build!r}")
    sieves = _Sieves(size, _epsilon(epsilon), build)
    if not hasattr(chunks, "__iter__") or getattr(chunks, "ndim", 1) == 0:
        raise TypeError(
            f"chunks needs to be an iterable of arrays or lists of elements, got {chunks!r}"
        )
    for chunk in chunks:
        sized = hasattr(chunk, "__len__") and getattr(chunk, "ndim", 1) > 0
        if not sized or hasattr(chunk, "tocoo"):
            raise TypeError(
                f"chunks needs arrays or lists of elements, got {type(chunk).__name__}. For single "
                "elements write ([x] for x in stream)."
            )
        sieves.feed(chunk)
    best = sieves.best()
    mask = np.zeros(sieves.count, dtype=np.bool_)
    order = sorted(best.kept)
    mask[[sieves.places[k] for k in order]] = True
    items = [] if sieves.items is None else _some(sieves.items, order)
    value = best.value
    if order:
        value = float(build(items).value(np.ones(len(order), dtype=np.bool_)))
    bound, source = sieves.bound()
    bound = max(bound, value)
    return StreamResult(
        mask=mask,
        items=items,
        value=value,
        upper_bound=bound,
        status=Status.OPTIMAL if bound == value else Status.EFFORT_LIMIT,
        method="sieve",
        n_iter=sieves.count,
        n_evals=sieves.n_evals,
        certificate=_evidence(sieves, bound, source),
    )


def _evidence(sieves: _Sieves, bound: float, source: _Sieve) -> MarginalCertificate:
    of = constraints_of(sieves.count, size=(0, min(sieves.size, sieves.count)))
    refused = sorted(source.refused)
    price = refused[0] if len(refused) == sieves.size else 0.0
    S = np.sort(np.array([sieves.places[k] for k in source.kept], dtype=np.intp))
    return MarginalCertificate(
        upper_bound=bound,
        constraints=of,
        prices=np.array([0.0, price]),
        sets=(S,),
        shares=np.ones(1),
    )


def _epsilon(epsilon: Any) -> float:
    epsilon = validate.nonnegative("epsilon", epsilon)
    if not 1e-9 <= epsilon <= 1:
        raise ValueError(f"epsilon needs a number from 1e-9 to 1, got {epsilon:g}")
    return epsilon


def sieve(run: Run, epsilon: float, chunk: int) -> None:
    """Offer the set that one pass over the elements in chunks finds."""
    of = run.of
    if of.include.any() or of.layers or of.purses:
        raise ValueError(
            "sieve has no include, budgets or groups: it keeps sets by their size only. Use "
            "method='greedy', or F.contract(include)."
        )
    if not run.F.monotone:
        raise ValueError(
            "sieve needs a function that is known to be monotone (F.monotone), for its guarantee "
            "holds for such functions only. Use method='auto'."
        )
    chunk = validate.positive_int("chunk", chunk)
    run.offer(_filled(run, []))
    if of.high == 0:
        return
    sieves = _Sieves(of.high, _epsilon(epsilon), run.F.restrict, run.stopped)
    for first in range(0, len(run.free), chunk):
        if run.stopped():
            break
        sieves.feed(run.free[first : first + chunk])
        run.offer(_filled(run, [sieves.items[k] for k in sieves.best().kept]))
        run.tell(run.mask, run.value)
    run.n_evals += sieves.n_evals
    run.n_iter = sieves.count


def _filled(run: Run, chosen: list[int]) -> Array:
    """Return a set, with as many of the first other elements as the size needs."""
    mask = np.zeros(run.F.n, dtype=np.bool_)
    mask[chosen] = True
    if (short := run.of.low - len(chosen)) > 0:
        mask[run.free[~mask[run.free]][:short]] = True
    return mask
