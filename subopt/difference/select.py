"""Several methods for f - g side by side, and the best of them: what "auto" does.

First the members run, each from its own start. Their sets go down to local minima by flips and
swaps. If n is small, a few intervals of branch and bound may prove that nothing is better than the
best of them. Else sets near it and random ones go down as well. Every task has a fixed amount of
work and its own random numbers, and results are compared in the order of the tasks: so threads
change nothing but the time. Only `time_limit` can.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.answer import Status
from subopt._base.threads import in_order, thread_count
from subopt._base.types import RNG, Array
from subopt.difference._accelerated_dca import accelerated_dca
from subopt.difference._complete_dca import complete_dca
from subopt.difference._dca import dca
from subopt.difference._dca_rounded import dca_rounded
from subopt.difference._descent import Descent, Limits, require_difference
from subopt.difference._double_greedy import double_greedy
from subopt.difference._forward_greedy import forward_greedy
from subopt.difference._local_search import local_search, reach, search
from subopt.difference._modmod import modmod
from subopt.difference._projected_subgradient import projected_subgradient
from subopt.difference._subsup import subsup
from subopt.difference._supsub import supsub
from subopt.difference.exact._branch_and_bound import branch_and_bound
from subopt.difference.exact._milp import milp
from subopt.functions._decompose import Decomposition
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.diminishing_returns import require_submodular
from subopt.functions.modular import Modular
from subopt.submodular.brute_force import brute_force
from subopt.submodular.modular import modular_weights
from subopt.submodular.result import Result
from subopt.submodular.select import exact_method, minimize_submodular

METHODS: dict[str, Callable[..., Result]] = {
    "subsup": subsup,
    "supsub": supsub,
    "modmod": modmod,
    "dca": dca,
    "dca_rounded": dca_rounded,
    "accelerated_dca": accelerated_dca,
    "complete_dca": complete_dca,
    "projected_subgradient": projected_subgradient,
    "forward_greedy": forward_greedy,
    "double_greedy": double_greedy,
    "local_search": local_search,
    "branch_and_bound": branch_and_bound,
    "milp": milp,
    "brute_force": brute_force,
}

Task = Callable[[float | None], Result]
ROUNDS = 4
PROVABLE, SMALL = 32, 16
"""Up to which n a proof is tried; up to which n it is worth more than a few intervals."""


def minimize_difference(
    h: DifferenceOfSubmodular,
    *,
    method: str = "auto",
    starts: int | None = None,
    rng: RNG = None,
    threads: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize h by `method`; "auto" runs several and local search. See `minimize`."""
    require_difference(h)
    validate.choice("method", method, ("auto", *METHODS))
    if method == "auto":
        return portfolio(
            h, starts=starts, rng=rng, threads=threads, time_limit=time_limit, callback=callback
        )
    for name, option in (("starts", starts), ("threads", threads)):
        if option is not None:
            raise ValueError(f"{name} is for method='auto'; {method} is one run from one start")
    one_pass = ("double_greedy", "brute_force")
    if method in one_pass and time_limit is not None:
        raise ValueError(f"time_limit is for methods that iterate; {method} is one pass")
    if method == "branch_and_bound":
        _require_submodular(h)
    if rng is not None:
        validate.generator(rng)
    random = ("subsup", "modmod", "branch_and_bound")
    options: dict[str, Any] = {"rng": rng} if method in random else {}
    if method in (*one_pass, "milp"):
        limit = {} if method in one_pass else {"time_limit": time_limit}
        result = METHODS[method](h, **limit)
        if callback is not None:
            callback(result)
        return result
    return METHODS[method](h, time_limit=time_limit, callback=callback, **options)


def portfolio(
    h: DifferenceOfSubmodular,
    *,
    starts: int | None = None,
    rng: RNG = None,
    threads: int | None = None,
    time_limit: float | None = None,
    callback: Callable[[Result], object] | None = None,
) -> Result:
    """Minimize f - g by several methods and local search."""
    run = _Run(h, starts, validate.generator(rng), threads, time_limit, callback)
    if (weights := modular_weights(h.g)) is not None:
        return _submodular(h.f + Modular(-weights), time_limit, callback)
    _require_submodular(h)
    whole = np.ones(h.n, dtype=np.bool_)
    run.tasks(
        [
            lambda left: forward_greedy(h, patience=4, time_limit=left),
            lambda left: subsup(h, inner_iter=40, max_iter=10, time_limit=left),
            lambda left: projected_subgradient(h, max_iter=300, patience=30, time_limit=left),
            lambda left: modmod(h, whole, max_iter=5, time_limit=left),
        ]
    )
    run.polish(run.found)
    if h.n <= PROVABLE and not (isinstance(h, Decomposition) and h.estimated):
        run.prove()
        if run.best().status is Status.OPTIMAL:
            return run.result()
    for k in range(ROUNDS):
        S = run.best().mask
        streams = run.rng.spawn(run.starts * (k + 1) // ROUNDS - run.starts * k // ROUNDS)
        run.polish([_restart(h, restarted(S, stream)) for stream in streams])
    return run.result()


def restarted(S: Array, rng: np.random.Generator) -> Array:
    """Return a set near S, or for a quarter of the time one at random of about its size."""
    n, size = len(S), int(S.sum())
    if rng.integers(4) == 0:
        return rng.random(n) < (size + 1) / (n + 2)
    mask = S.copy()
    for side, least in ((np.flatnonzero(S), 1), (np.flatnonzero(~S), 0)):
        count = min(len(side), int(rng.integers(least, 4)))
        flipped = rng.choice(side, count, replace=False)
        mask[flipped] = ~mask[flipped]
    return mask


def _restart(h: DifferenceOfSubmodular, mask: Array) -> Result:
    return Result(
        mask=mask,
        value=math.inf,
        lower_bound=-math.inf,
        status=Status.EFFORT_LIMIT,
        certificate=None,
        method="a random start",
        n_iter=0,
        n_evals=0,
    )


def _require_submodular(h: DifferenceOfSubmodular) -> None:
    """Look at f and g, which a proof would rest on; `decompose` looked for itself."""
    if not isinstance(h, Decomposition):
        require_submodular("f of f - g", h.f)
        require_submodular("g of f - g", h.g)


def _submodular(
    F: SetFunction,
    time_limit: float | None,
    callback: Callable[[Result], object] | None,
) -> Result:
    # bases are certificates of h as well, flows and summands are not
    method = exact_method(F)
    method = "min_norm_point" if method in ("max_flow", "decomposed") else method
    result = minimize_submodular(F, method=method, time_limit=time_limit, callback=callback)
    return replace(result, method=f"{result.method}, because g is modular")


class _Run:
    """The tasks of one call, what they found, and the time."""

    def __init__(
        self,
        h: DifferenceOfSubmodular,
        starts: int | None,
        rng: np.random.Generator,
        threads: int | None,
        time_limit: float | None,
        callback: Callable[[Result], object] | None,
    ) -> None:
        self.h, self.rng, self.callback = h, rng, callback
        default = max(8, min(32, 4096 // max(1, h.n)))
        self.starts = default if starts is None else validate.natural("starts", starts)
        self.threads = thread_count(threads)
        self.deadline = math.inf
        if time_limit is not None:
            self.deadline = time.monotonic() + validate.nonnegative("time_limit", time_limit)
        self.reach = reach(h)
        self.found: list[Result] = []
        self.n_iter = self.n_evals = 0

    def left(self) -> float | None:
        """Return the seconds that are left."""
        return None if self.deadline == math.inf else max(0.0, self.deadline - time.monotonic())

    def tasks(self, tasks: Sequence[Task]) -> None:
        """Run tasks on several threads; results come in the order of the tasks."""
        if not tasks or (self.left() == 0.0 and self.found):
            return
        results = in_order(lambda task: task(self.left()), tasks, self.threads)
        self.n_iter += sum(result.n_iter for result in results)
        self.n_evals += sum(result.n_evals for result in results)
        self.found += results
        if self.callback is not None:
            self.callback(self.best())

    def polish(self, results: list[Result]) -> None:
        """Take the sets of some results, each only once, down to local minima."""
        seen: dict[bytes, Result] = {}
        for result in results:
            seen.setdefault(result.mask.tobytes(), result)

        def polished(result: Result, left: float | None) -> Result:
            limits = Limits.of(100_000, left)
            descent = Descent(self.h, result.mask, "local_search", limits, None)
            local = search(descent, ("flip", "swap"), self.reach)
            better = local.value < result.value
            name = f"{result.method} and local_search" if better else result.method
            return replace(local, method=name)

        self.tasks([partial(polished, result) for result in seen.values()])

    def prove(self) -> None:
        """Look for a proof that the best set is a minimum, or for a better one."""
        best, stream = self.best(), self.rng.spawn(1)[0]
        limit = 128 if self.h.n <= SMALL else 16

        def proof(left: float | None) -> Result:
            result = branch_and_bound(
                self.h, start=best.mask, node_limit=limit, time_limit=left, rng=stream
            )
            if result.value < best.value:
                return result
            return replace(result, method=f"{best.method}, proven by {result.method}")

        self.tasks([proof])

    def best(self) -> Result:
        """Return the first of the best results; if there are proven ones, of those."""
        lowest = min(result.value for result in self.found)
        rank = [
            (result.value > lowest, result.status is not Status.OPTIMAL, not self.local(result))
            for result in self.found
        ]
        return self.found[rank.index(min(rank))]

    def local(self, result: Result) -> bool:
        """Whether nothing near a set is better, as far as is known."""
        return result.status in (Status.OPTIMAL, Status.LOCAL_MINIMUM)

    def result(self) -> Result:
        """Return the best result, about the whole run."""
        best = self.best()
        if not self.local(best) and self.left() != 0.0:
            self.polish([best])  # it was found after the last time that sets were polished
            best = self.best()
        done = self.local(best) and (best.status is Status.OPTIMAL or self.left() != 0.0)
        return replace(
            best,
            mask=best.mask.copy(),
            status=best.status if done else Status.TIME_LIMIT,
            method=f"{best.method}, the best of a portfolio",
            n_iter=self.n_iter,
            n_evals=self.n_evals,
        )
