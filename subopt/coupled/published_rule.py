"""The published update rule for Co-Mixup: block coordinate descent with alpha-beta swaps.

A yardstick, not the way to low energies: it starts from random labels, solves one output after the
other under prices that it never checks against the energy, and returns where it ends. Every
deviation from the published description is listed in docs/comixup.md.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.jit import njit
from subopt._base.types import RNG, Array
from subopt.coupled.problem import CoupledLabelingProblem, shares_from_sources
from subopt.coupled.result import Callback, LabelingResult
from subopt.labeling._grid_edges import neighbours
from subopt.labeling.energy import adjacency
from subopt.labeling.moves.expand import CYCLES, descend, swaps
from subopt.labeling.moves.workspace import CUTS, room

SWEEPS = 4
CHANGE = 1e-6  # relative change of the stopping objective
BONUS = 5e-4  # what a half/half label costs less than the mean of its two inputs
EXTRA = 3  # half/half labels of an output at most


def published(
    problem: CoupledLabelingProblem,
    *,
    rng: RNG = None,
    max_sweeps: int | None = None,
    time_limit: float | None = None,
    callback: Callback | None = None,
) -> LabelingResult:
    r"""Run the published update rule.

    Start from uniformly random inputs in all patches. In a sweep, for each output j in turn:

    1. Price the inputs with p = p[-j], the use by the other outputs now, by
       ``2 gamma / N * A (p [p > tau N])`` (hard: the gate is on p, the columns of A) or
       ``2 gamma / N * max(A p - tau N, 0)`` (soft), and add the prices to the unary costs.
    2. From the second sweep, if ``levels = 2``: if output j uses two inputs, add the label "half of
       each"; if more, three labels for the pairs of the three inputs that fill the most of it (the
       lower index on ties). They cost the mean of the two less 5e-4. A half that is not among the
       labels becomes the cheaper of its two inputs.
    3. Swap pairs of labels until none lowers the priced costs plus the smoothness of E, starting
       from the labels that output j has.

    Before the last sweep, outputs that use the same set of two or more inputs are pushed apart:
    the r-th of them pays gamma / N more for the r-th input of the set, in a circle. It stops early
    if a sweep changes E with tau = 0 and A = I, relatively, by at most 1e-6.

    Parameters
    ----------
    problem : CoupledLabelingProblem
        With ``levels`` 1 or 2.
    rng : numpy.random.Generator, int or None
        What the first labels are drawn from.
    max_sweeps : int, optional
        Number of sweeps, 4 by default (the publication has 3 for ImageNet).
    time_limit : float, optional
        Seconds; checked between sweeps.
    callback : callable, optional
        Called with a `LabelingResult` after every sweep.

    Returns
    -------
    LabelingResult
        The labeling after the last sweep, which need not be the best: ``energies`` may rise.
        ``status`` is CONVERGED, TIME_LIMIT, ITERATION_LIMIT (the argument) or ITERATION_LIMIT.

    References
    ----------
    .. [1] J. Kim, W. Choo, H. Jeong, H. O. Song, "Co-Mixup: Saliency guided joint mixup with
       supermodular diversity", ICLR 2021, algorithm 1.
    """
    if problem.levels > 2:
        raise ValueError(
            "mode='published' knows whole inputs and halves, so it needs levels 1 or 2, got "
            f"levels={problem.levels}. mode='search' takes any number."
        )
    sweeps = SWEEPS if max_sweeps is None else validate.positive_int("max_sweeps", max_sweeps)
    deadline = np.inf
    if time_limit is not None:
        deadline = time.perf_counter() + validate.nonnegative("time_limit", time_limit)
    run = _Run(problem, validate.generator(rng))
    for sweep in range(sweeps):
        last = sweep == sweeps - 1
        run.sweep(halves=problem.levels == 2 and sweep > 0, apart=last)
        if run.converged():
            run.status = Status.CONVERGED
        elif last:
            run.status = Status.ITERATION_LIMIT
        elif time.perf_counter() >= deadline:
            run.status = Status.TIME_LIMIT
        if callback is not None:
            callback(run.result())
        if run.status is not Status.ITERATION_LIMIT:
            break
    return run.result()


class _Run:
    """One run: the labeling as it stands, and what has been recorded."""

    def __init__(self, problem: CoupledLabelingProblem, rng: np.random.Generator) -> None:
        J, N, m = problem.n_outputs, problem.n_patches, problem.n_inputs
        self.problem = problem
        # what decides when to stop: E without the threshold and without A
        self.plain = CoupledLabelingProblem(
            problem.unary,
            n_outputs=J,
            smoothness=problem.smoothness,
            coupling=problem.coupling,
            threshold=0.0,
        )
        # copies: for read-only arrays numba would compile everything anew
        self.unary = np.array(problem.unary.reshape(m, N).T, order="C")
        self.compatibility = np.array(problem.compatibility)
        labels = m + EXTRA
        tables = np.zeros((2, labels, labels))
        tables[:, :m, :m] = problem.smoothness / N * (1.0 - np.eye(m))
        first = rng.integers(0, m, size=(J, N), dtype=np.int64)
        self.state = _State(
            sources=np.repeat(first[:, :, None], 2, axis=-1),
            use=np.array([np.bincount(row, minlength=m) for row in first], dtype=np.float64),
            price=np.empty(m),
            costs=np.empty((labels, N)),
            tables=tables,
            labels=np.empty(N, dtype=np.int64),
            pairs=np.empty((EXTRA, 2), dtype=np.int64),
        )
        tails, heads = neighbours(problem.grid)
        self.graph = adjacency(N, tails, heads, np.ones(len(tails)))
        self.moves = swaps(labels)
        self.room = room(N, len(tails), labels, pairs=True, kept=True)
        self.energies: list[float] = []
        self.plain_energies = [self.plain.energy(self.shares())]
        self.n_cuts = 0
        self.status = Status.ITERATION_LIMIT

    def sweep(self, *, halves: bool, apart: bool) -> None:
        """Solve every output once and record the energies."""
        problem = self.problem
        N = problem.n_patches
        use = self.state.use
        push = _apart(use, problem.coupling / N) if apart else np.zeros_like(use)
        unit = float(np.ptp(self.unary, axis=1).mean()) + problem.smoothness / N
        par = np.array(
            [
                2 * problem.coupling / N,
                problem.gate,
                problem.threshold_kind == "soft",
                problem.smoothness / N,
                1e-12 * unit,
                halves,
            ],
            dtype=np.float64,
        )
        self.n_cuts += _sweep(
            self.unary,
            self.compatibility,
            push,
            par,
            self.graph,
            self.moves,
            self.state,
            self.room,
        )
        shares = self.shares()
        self.energies.append(problem.energy(shares))
        self.plain_energies.append(self.plain.energy(shares))

    def converged(self) -> bool:
        """Whether the last sweep hardly changed the stopping objective."""
        before, now = self.plain_energies[-2:]
        return abs(now - before) <= CHANGE * abs(before)

    def shares(self) -> Array:
        """Return shares, whatever `levels`: a whole patch is two halves of one input."""
        p = self.problem
        sources = self.state.sources.reshape(p.n_outputs, *p.grid, 2)
        return shares_from_sources(sources, p.n_inputs)

    def result(self) -> LabelingResult:
        """Return the labeling as it stands."""
        p = self.problem
        sources = self.state.sources[:, :, : p.levels].reshape(p.n_outputs, *p.grid, p.levels)
        return LabelingResult(
            sources=np.sort(sources, axis=-1).astype(np.intp),
            value=self.energies[-1],
            energies=np.array(self.energies),
            status=self.status,
            method="published update rule: block coordinate descent by alpha-beta swaps",
            n_inputs=p.n_inputs,
            n_sweeps=len(self.energies),
            n_cuts=self.n_cuts,
        )


def _apart(use: Array, amount: float) -> Array:
    """Return extra costs (J, m) that set outputs with the same inputs apart."""
    push = np.zeros_like(use)
    outputs: dict[bytes, int] = {}
    for j, used in enumerate(use > 0):
        inputs = np.flatnonzero(used)
        if len(inputs) > 1:
            r = outputs.get(used.tobytes(), 0)
            outputs[used.tobytes()] = r + 1
            push[j, inputs[r % len(inputs)]] = amount
    for j, used in enumerate(use > 0):
        if outputs.get(used.tobytes(), 0) < 2:
            push[j] = 0.0
    return push


class _State(NamedTuple):
    """The labeling, and what a sweep writes to."""

    sources: Array  # (J, N, 2) the inputs of a patch, equal for a whole one
    use: Array  # (J, m) patches that an output fills with an input
    price: Array  # (m,)
    costs: Array  # (m + EXTRA, N)
    tables: Array  # (2, m + EXTRA, m + EXTRA) smoothness of neighbours, twice
    labels: Array  # (N,)
    pairs: Array  # (EXTRA, 2) the inputs of half/half labels


@njit
def _sweep(unary, A, push, par, graph, moves, state, room):
    """Solve every output for the prices of the others in turn; return the number of cuts."""
    sources, use, price, costs, tables, labels, pairs = state
    _, _, _, _, tolerance, halves = par
    N, m = unary.shape
    cuts = 0
    for j in range(sources.shape[0]):
        _price(A, par, use, push[j], j, price)
        n_extra = _extra_labels(use[j], halves, pairs)
        for k in range(N):
            for i in range(m):
                costs[i, k] = unary[k, i] + price[i]
            a, b = sources[j, k, 0], sources[j, k, 1]
            labels[k] = a if costs[a, k] <= costs[b, k] else b
            for e in range(n_extra):
                c, d = pairs[e, 0], pairs[e, 1]
                costs[m + e, k] = 0.5 * (costs[c, k] + costs[d, k]) - BONUS
                if a == c and b == d:
                    labels[k] = m + e
        # beta / N * |z - z'|^2 / 2 between labels: 1 for two inputs, 1/4 or 3/4 for a half
        for e in range(n_extra):
            for i in range(m + n_extra):
                near = i >= m or i == pairs[e, 0] or i == pairs[e, 1]
                apart = 0.0 if i == m + e else par[3] * (0.25 if near else 0.75)
                tables[0, m + e, i] = tables[0, i, m + e] = apart
                tables[1, m + e, i] = tables[1, i, m + e] = apart
        count = m + n_extra
        offered = moves[: max(count * (count - 1), 1)]
        descend(costs[:count], tables, graph, offered, labels, tolerance, CYCLES, room)
        cuts += room.clock[CUTS]
        for i in range(m):
            use[j, i] = 0.0
        for k in range(N):
            a = b = labels[k]
            if a >= m:
                a, b = pairs[a - m, 0], pairs[a - m, 1]
            sources[j, k, 0], sources[j, k, 1] = a, b
            use[j, a] += 0.5
            use[j, b] += 0.5
    return cuts


@njit
def _price(A, par, use, push, j, price):
    """Set the prices of all inputs for output j."""
    scale, free, soft = par[0], par[1], par[2]
    for r in range(price.shape[0]):
        price[r] = 0.0
    for i in range(price.shape[0]):
        p = -use[j, i]
        for other in range(use.shape[0]):
            p += use[other, i]
        if soft > 0 or p > free:
            for r in range(price.shape[0]):
                price[r] += A[r, i] * p
    for r in range(price.shape[0]):
        if soft > 0:
            price[r] = max(price[r] - free, 0.0)
        price[r] = scale * price[r] + push[r]


@njit
def _extra_labels(use, halves, pairs):
    """List the pairs of the three inputs of which there is most, lower inputs first; count them."""
    if halves == 0:
        return 0
    first, second, third = -1, -1, -1
    for i in range(use.shape[0]):
        if use[i] > 0 and (third < 0 or use[i] > use[third]):
            third = i
            if second < 0 or use[third] > use[second]:
                second, third = third, second
            if first < 0 or use[second] > use[first]:
                first, second = second, first
    if second < 0:
        return 0
    pairs[0, 0], pairs[0, 1] = min(first, second), max(first, second)
    if third < 0:
        return 1
    pairs[1, 0], pairs[1, 1] = min(first, third), max(first, third)
    pairs[2, 0], pairs[2, 1] = min(second, third), max(second, third)
    return 3
