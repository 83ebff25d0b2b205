"""Descent over feasible sets: local search, ModMod, SubSup."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.types import Array, Subset
from subopt.constrained.certificate import LocallyBest
from subopt.constrained.lagrangian import priced_minimum
from subopt.constraints.feasible import Constraints
from subopt.constraints.modular import complete, least
from subopt.difference._descent import Descent, inner_solver
from subopt.difference._fixing import unfixed
from subopt.difference.bounds import Supergradients, chain, submodular_upper
from subopt.difference.local_minimum import STAY, best_move
from subopt.functions.algebra import DifferenceOfSubmodular
from subopt.functions.watched import within_time
from subopt.submodular.result import Result

WIDE = 2048
"""Largest n for which all exchanges of two elements are tried without being asked for."""
PRICES = 12
"""Largest number of prices that a step of SubSup tries."""


class FeasibleDescent(Descent):
    """A run among feasible sets; it starts at the given set, made feasible.

    Parameters
    ----------
    certified : bool
        Whether results of other methods than local search say if they are local minima.
    """

    def __init__(
        self,
        h: DifferenceOfSubmodular,
        of: Constraints,
        start: Subset | None,
        method: str,
        *,
        max_iter: int | None = None,
        time_limit: float | None = None,
        callback: Callable[[Result], object] | None = None,
        certified: bool = True,
    ) -> None:
        self.of, self._certified = of, certified
        super().__init__(
            h,
            complete(of, validate.start(start, h.n)),
            method,
            max_iter=max_iter,
            time_limit=time_limit,
            callback=callback,
            fixed=unfixed,
        )

    def offer(self, mask: Array) -> bool:
        """Take a set if it is feasible and better, and return whether it is."""
        return self.of.feasible(mask) and super().offer(mask)

    def improve(self, *, swaps: bool = True) -> bool:
        """Take the best change of one element, or else of two, and return whether there is one."""
        gains = self.gains(self.mask)[0]
        move = best_move(self.h, self.mask, gains, self.of, self.noise, swaps=swaps)
        return move != STAY and self.offer(move.applied(self.mask))

    def result(self, status: Status) -> Result:
        """Return the best set so far, with a certificate if it is a local minimum.

        That takes a look at all exchanges of two elements, so it is left out for large n.
        """
        if not self._certified or self.h.n > WIDE:
            return self.end(status, None)
        gains = self.gains(self.mask)[0]
        move = best_move(self.h, self.mask, gains, self.of, self.noise)
        return self.end(status, LocallyBest() if move == STAY else None)  # type: ignore[arg-type]


@within_time
def local_search(
    h: DifferenceOfSubmodular,
    of: Constraints,
    *,
    start: Subset | None = None,
    max_iter: int = 100_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by adding, dropping and exchanging elements, to a local minimum."""
    run = FeasibleDescent(
        h, of, start, "local_search", max_iter=max_iter, time_limit=time_limit, callback=callback
    )
    while (status := run.stopped()) is None:
        run.n_iter += 1
        improved = run.improve()
        run.tell()
        if not improved:
            return run.end(Status.LOCAL_MINIMUM, LocallyBest())  # type: ignore[arg-type]
    return run.end(status, None)


def forward_greedy(h: DifferenceOfSubmodular, of: Constraints, limit: float) -> Result:
    """Add the element that helps most, while one fits; return the best feasible set on the way."""
    run = FeasibleDescent(h, of, (), "forward_greedy", time_limit=limit)
    S = of.include.copy()
    while run.stopped() is None:
        gains = run.gains(S)[0]
        gains[~of.additions(S)] = np.inf
        if not len(S) or gains.min() == np.inf:
            break
        run.n_iter += 1
        S[gains.argmin()] = True
        run.offer(S)
    return run.end(Status.EFFORT_LIMIT, None)


@within_time
def modmod(
    h: DifferenceOfSubmodular,
    of: Constraints,
    *,
    start: Subset | None = None,
    max_iter: int = 10_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by modular upper bounds, minimized over the feasible sets."""
    return modmod_from(
        FeasibleDescent(
            h, of, start, "modmod", max_iter=max_iter, time_limit=time_limit, callback=callback
        )
    )


def modmod_from(run: FeasibleDescent) -> Result:
    """Take steps of ModMod from the set of a run."""
    f, g = run.h.f, run.h.g
    bounds = Supergradients(f)

    def step(S: Array) -> Iterator[Array]:
        f_gains, g_gains = f.marginals(S.copy()), g.marginals(S.copy())
        lower = g.greedy(chain(S, g_gains - f_gains))
        run.n_evals += 3
        for upper in bounds.at(S, f_gains):
            yield least(run.of, upper - lower).mask

    return run.run(step)


@within_time
def subsup(
    h: DifferenceOfSubmodular,
    of: Constraints,
    *,
    start: Subset | None = None,
    max_iter: int = 100,
    inner_iter: int = 100_000,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by submodular upper bounds, minimized over the feasible sets by prices."""
    validate.positive_int("inner_iter", inner_iter)
    run = FeasibleDescent(
        h, of, start, "subsup", max_iter=max_iter, time_limit=time_limit, callback=callback
    )

    inner = inner_solver(run, inner_iter)

    def step(S: Array) -> Iterator[Array]:
        F = submodular_upper(run.h, S, tie_break=-run.h.marginals(S))
        found = priced_minimum(F, of, max_iter=PRICES, deadline=run.deadline, solve=inner)
        run.n_evals += found.n_evals
        yield found.mask

    return run.run(step)
