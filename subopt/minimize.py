"""The one front door: hand it a problem, get an answer that says what ran."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from subopt import _validate
from subopt._types import RNG
from subopt.labeling.bound import certified
from subopt.labeling.coupled import Callback, CoupledLabelingProblem, LabelingResult
from subopt.labeling.local_search import local_search
from subopt.labeling.published import published


def minimize(
    problem: CoupledLabelingProblem,
    *,
    mode: str = "search",
    rng: RNG = None,
    effort: str = "default",
    max_sweeps: int | None = None,
    time_limit: float | None = None,
    callback: Callback | None = None,
    lower_bound: bool = False,
) -> LabelingResult:
    """Minimize a coupled labeling energy.

    Parameters
    ----------
    problem : CoupledLabelingProblem
    mode : {"search", "published"}
        "search" looks for a low energy, see `subopt.labeling.local_search.local_search`.
        "published" runs the published update rule of Co-Mixup, to compare with, see
        `subopt.labeling.published.published`.
    rng : numpy.random.Generator, int or None
        Source of all randomness. An int gives the same answer every time, on any number of
        threads; None a fresh one.
    effort : {"fast", "default", "best"}
        How much work to do in mode "search"; mode "published" takes no effort.
    max_sweeps : int, optional
        Stop after so many sweeps.
    time_limit : float, optional
        Seconds to search, instead of the work of `effort`; the best answer so far is returned.
        In mode "published": seconds after which no further sweep starts.
    callback : callable, optional
        Called with the best `LabelingResult` so far after every sweep; in mode "published" with
        the current one. To stop from there, raise.
    lower_bound : bool, default False
        Whether to also compute a lower bound on the energy of every labeling, with a certificate
        that `LabelingCertificate.check` verifies. Takes 0.1 s for 20 inputs on 4x4 patches and
        seconds on 16x16, not counted in `time_limit`; weak for strong coupling: tens of percent
        below what is reachable.

    Returns
    -------
    LabelingResult
        ``value`` equals ``problem.energy(result.shares)``. ``energies`` never rises in mode
        "search"; in mode "published" it may, and `value` is the last of it.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> problem = CoupledLabelingProblem(-rng.random((8, 4, 4)))
    >>> result = minimize(problem, rng=0)
    >>> result.sources.shape, bool(abs(result.value - problem.energy(result.shares)) < 1e-9)
    ((8, 4, 4, 2), True)
    """
    if not isinstance(problem, CoupledLabelingProblem):
        raise TypeError(
            f"minimize needs a CoupledLabelingProblem, got {type(problem).__name__}. Build one "
            "from an array of costs: CoupledLabelingProblem(unary)."
        )
    limits: dict[str, Any] = {
        "rng": rng,
        "max_sweeps": max_sweeps,
        "time_limit": time_limit,
        "callback": callback,
    }
    if _validate.choice("mode", mode, ("search", "published")) == "search":
        result = local_search(problem, effort=effort, **limits)
    else:
        if effort != "default":
            raise ValueError(
                f"effort={effort!r} is for mode='search': the published rule has a fixed number "
                "of sweeps, which max_sweeps changes"
            )
        result = published(problem, **limits)
    return certified(problem, result) if lower_bound else result


def minimize_many(
    problems: Sequence[CoupledLabelingProblem],
    *,
    rng: RNG | Sequence[RNG] = None,
    threads: int | None = None,
    **options: Any,
) -> list[LabelingResult]:
    """Minimize many problems at once, on all cores.

    Parameters
    ----------
    problems : sequence of CoupledLabelingProblem
    rng : Generator, int, None, or a list of one of these for each problem
        One source is split into independent streams, one a problem, before any work starts.
    threads : int, optional
        Number of threads; one a core by default. Answers do not depend on it.
    **options
        As in `minimize`, for each problem; `time_limit` is seconds per problem.

    Returns
    -------
    list of LabelingResult
        In the order of `problems`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> problems = [CoupledLabelingProblem(-rng.random((4, 2, 2))) for _ in range(3)]
    >>> one, two = (minimize_many(problems, rng=0, threads=threads) for threads in (1, 2))
    >>> [a.value == b.value for a, b in zip(one, two)]
    [True, True, True]
    """
    if isinstance(problems, CoupledLabelingProblem):
        raise TypeError("minimize_many needs a sequence of problems; for one, call minimize")
    problems = list(problems)
    if isinstance(rng, Sequence):
        # seeds are drawn before the pool starts, since one generator may stand here several times
        rngs = [np.random.default_rng(_validate.generator(r).integers(2**63)) for r in rng]
        if len(rngs) != len(problems):
            raise ValueError(
                f"rng needs one entry for each of the {len(problems)} problems, got {len(rngs)}"
            )
    else:
        rngs = list(_validate.generator(rng).spawn(len(problems)))
    if threads is None:
        threads = os.cpu_count() or 1
    threads = min(_validate.positive_int("threads", threads), len(problems))
    jobs = list(zip(problems, rngs, strict=True))
    if threads <= 1:
        return [minimize(problem, rng=rng, **options) for problem, rng in jobs]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda job: minimize(job[0], rng=job[1], **options), jobs))
