"""The published update rule for Co-Mixup: block coordinate descent with alpha-beta swaps.

This method is for comparison; it does not reach low energies. It starts from random labels, solves
one output after the other with approximate prices, does not check that the energy decreases, and
returns the last labeling. docs/comixup.md lists every deviation from the published description.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status, ended_by
from subopt._base.jit import njit
from subopt._base.options import Deadline, documented
from subopt._base.types import RNG, Array
from subopt.coupled.problem import CoupledLabelingProblem, shares_from_sources
from subopt.coupled.result import Callback, LabelingResult
from subopt.labeling._adjacency import adjacency
from subopt.labeling._grid_edges import neighbors
from subopt.labeling.moves.expand import CYCLES, descend, swaps
from subopt.labeling.moves.workspace import Problem, move_workspace, piece_workspace

SWEEPS = 4
CHANGE = 1e-6  # relative change of the stopping objective
BONUS = 5e-4  # what a half/half label costs less than the mean of its two inputs
EXTRA = 3  # half/half labels of an output at most


@documented
def published(
    problem: CoupledLabelingProblem,
    *,
    max_iter: int = SWEEPS,
    time_limit: float | None = None,
    rng: RNG = None,
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
    the r-th of them pays gamma / N more for the r-th input of the set (cyclically). It stops early
    if a sweep changes E with tau = 0 and A = I, relatively, by at most 1e-6.

    Parameters
    ----------
    problem : CoupledLabelingProblem
        With ``levels`` 1 or 2.
    %(max_iter)s
        Each is a sweep over all outputs; this is their number unless a limit or the callback ends
        the run. The publication has 3 for ImageNet.
    %(time_limit)s
        It is checked between sweeps.
    %(rng)s
        The first labels are drawn from it.
    %(callback)s

    Returns
    -------
    LabelingResult
        The labeling after the last sweep, which need not be the best: ``energies`` may rise.
        ``status`` is CONVERGED, ITERATION_LIMIT, TIME_LIMIT or INTERRUPTED.

    Raises
    ------
    ValueError, TypeError
        If ``levels`` is above 2, or an option is not as described.

    References
    ----------
    .. [1] J. Kim, W. Choo, H. Jeong, H. O. Song, "Co-Mixup: Saliency guided joint mixup with
       supermodular diversity", ICLR 2021, algorithm 1.
    """
    if problem.levels > 2:
        raise ValueError(
            "method='published' knows whole inputs and halves, so it needs levels 1 or 2, got "
            f"levels={problem.levels}. method='search' takes any number."
        )
    sweeps = validate.positive_int("max_iter", max_iter)
    deadline = Deadline(time_limit)
    run = _Run(problem, validate.generator(rng))
    for sweep in range(sweeps):
        last = sweep == sweeps - 1
        run.sweep(halves=problem.levels == 2 and sweep > 0, apart=last)
        if run.converged():
            run.status = Status.CONVERGED
        elif not last and deadline.passed():
            run.status = Status.TIME_LIMIT
        if callback is not None and ended_by(callback, run.result()):
            run.status = Status.INTERRUPTED
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
            costs=np.empty((N, labels)),
            tables=tables,
            labels=np.empty(N, dtype=np.int64),
            pairs=np.empty((EXTRA, 2), dtype=np.int64),
            moves=swaps(labels),
        )
        tails, heads = neighbors(problem.grid)
        self.graph = adjacency(N, tails, heads, np.ones(len(tails)))
        self.space = move_workspace(N, len(tails), labels, pairs=True, kept=True)
        self.cut = piece_workspace(N, len(tails))
        self.energies: list[float] = []
        self.plain_energies = [self.plain.energy(self.shares())]
        self.n_cuts = 0
        self.status = Status.ITERATION_LIMIT

    def sweep(self, *, halves: bool, apart: bool) -> None:
        """Solve every output once and record the energies."""
        problem = self.problem
        N = problem.n_patches
        use = self.state.use
        rule = _Rule(
            scale=2 * problem.coupling / N,
            free=problem.gate,
            soft=problem.threshold_kind == "soft",
            smoothness=problem.smoothness / N,
            halves=halves,
        )
        self.n_cuts += _sweep(
            self.unary,
            self.compatibility,
            _apart(use, problem.coupling / N) if apart else np.zeros_like(use),
            rule,
            self.state,
            self.graph,
            self.space,
            self.cut,
        )
        # as the search evaluates it: one labeling has one value, to the last bit
        self.energies.append(problem._energy_of_sources(self.sources()))
        self.plain_energies.append(self.plain.energy(self.shares()))

    def converged(self) -> bool:
        """Whether the last sweep hardly changed the stopping objective."""
        before, now = self.plain_energies[-2:]
        return abs(now - before) <= CHANGE * abs(before)

    def shares(self) -> Array:
        """Return shares, whatever `levels`: a whole patch is two halves of one input."""
        p = self.problem
        sources = self.state.sources.reshape(p.n_outputs, *p.grid, 2)
        return shares_from_sources(sources, p.n_inputs)

    def sources(self) -> Array:
        """Return the inputs of all patches, as results have them."""
        p = self.problem
        sources = self.state.sources[:, :, : p.levels].reshape(p.n_outputs, *p.grid, p.levels)
        return np.sort(sources, axis=-1).astype(np.intp)

    def result(self) -> LabelingResult:
        """Return the labeling as it stands."""
        p = self.problem
        return LabelingResult(
            sources=self.sources(),
            value=self.energies[-1],
            energies=np.array(self.energies),
            status=self.status,
            method="published update rule: block coordinate descent by alpha-beta swaps",
            n_inputs=p.n_inputs,
            n_iter=len(self.energies),
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


class _Rule(NamedTuple):
    """What a sweep does."""

    scale: float  # 2 gamma / N
    free: float  # use by others up to which an input is free of charge
    soft: bool  # whether larger use is charged from `free`, not from zero
    smoothness: float  # beta / N
    halves: bool  # whether there are half/half labels


class _State(NamedTuple):
    """The labeling, and what a sweep writes to."""

    sources: Array  # (J, N, 2) int64, the inputs of a patch, equal for a whole one
    use: Array  # (J, m) patches that an output fills with an input
    price: Array  # (m,)
    costs: Array  # (N, m + EXTRA) unary costs and prices; half/half labels come last
    tables: Array  # (2, m + EXTRA, m + EXTRA) smoothness of neighbors, twice
    labels: Array  # (N,) int64
    pairs: Array  # (EXTRA, 2) int64, the inputs of half/half labels
    moves: Array  # (moves, 2) int64, from `swaps`


@njit
def _sweep(unary, A, push, rule, state, graph, space, cut):
    """Solve every output at the prices of the others in turn; return the number of cuts.

    Parameters
    ----------
    unary : (N, m) float64
    A : (m, m) float64
        Compatibility.
    push : (J, m) float64
        Extra costs of inputs.
    rule : _Rule
    state : _State
    graph
        From `adjacency`.
    space : MoveWorkspace
    cut : PieceWorkspace
    """
    m = A.shape[0]
    cuts = 0
    for j in range(state.sources.shape[0]):
        _set_prices(A, rule, state, push[j], j)
        n_extra = _extra_labels(state.use[j], rule.halves, state.pairs)
        _set_costs(unary, state, j, n_extra)
        _set_tables(rule, state, m, n_extra)
        count = m + n_extra
        offered = state.moves[: max(count * (count - 1), 1)]
        energy = Problem(state.costs[:, :count], state.tables, graph, 0.0)
        descend(energy, offered, state.labels, CYCLES, space, cut)
        cuts += space.cuts[0]
        _record(state, j, m)
    return cuts


@njit(inline="always")
def _set_prices(A, rule, state, push, j):
    """Set the prices of all inputs for output j; A (inputs, inputs), push (inputs,)."""
    use, price = state.use, state.price
    for r in range(price.shape[0]):
        price[r] = 0.0
    for i in range(price.shape[0]):
        p = -use[j, i]
        for other in range(use.shape[0]):
            p += use[other, i]
        if rule.soft or p > rule.free:
            for r in range(price.shape[0]):
                price[r] += A[r, i] * p
    for r in range(price.shape[0]):
        if rule.soft:
            price[r] = max(price[r] - rule.free, 0.0)
        price[r] = rule.scale * price[r] + push[r]


@njit(inline="always")
def _set_costs(unary, state, j, n_extra):
    """Set the priced costs of all labels, and the labels that output j has; unary (N, inputs)."""
    costs, sources, labels, pairs = state.costs, state.sources, state.labels, state.pairs
    m = unary.shape[1]
    for k in range(unary.shape[0]):
        for i in range(m):
            costs[k, i] = unary[k, i] + state.price[i]
        a, b = sources[j, k, 0], sources[j, k, 1]
        labels[k] = a if costs[k, a] <= costs[k, b] else b
        for e in range(n_extra):
            c, d = pairs[e, 0], pairs[e, 1]
            costs[k, m + e] = 0.5 * (costs[k, c] + costs[k, d]) - BONUS
            if a == c and b == d:
                labels[k] = m + e


@njit(inline="always")
def _set_tables(rule, state, m, n_extra):
    """Set beta / N * |z - z'|^2 / 2 for half/half labels: two inputs have 1, a half 1/4 or 3/4."""
    tables, pairs = state.tables, state.pairs
    for e in range(n_extra):
        for i in range(m + n_extra):
            near = i >= m or i == pairs[e, 0] or i == pairs[e, 1]
            apart = 0.0 if i == m + e else rule.smoothness * (0.25 if near else 0.75)
            for side in range(2):
                tables[side, m + e, i] = apart
                tables[side, i, m + e] = apart


@njit(inline="always")
def _record(state, j, m):
    """Set the sources and the use of output j to its labels."""
    for i in range(m):
        state.use[j, i] = 0.0
    for k in range(state.labels.shape[0]):
        a = b = state.labels[k]
        if a >= m:
            a, b = state.pairs[a - m, 0], state.pairs[a - m, 1]
        state.sources[j, k, 0], state.sources[j, k, 1] = a, b
        state.use[j, a] += 0.5
        state.use[j, b] += 0.5


@njit
def _extra_labels(use, halves, pairs):
    """List the pairs of the three inputs of which there is most, lower inputs first; count them."""
    if not halves:
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
