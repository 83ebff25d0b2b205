"""Laws of all methods for f - g: one line a method."""

import itertools
import math
import threading

import numpy as np
import pytest
from differences import KINDS, pair, size_of
from drawn import numbers
from hypothesis import given, settings
from hypothesis import strategies as st

import subopt
from subopt import (
    Cardinality,
    Coverage,
    Cut,
    DifferenceOfSubmodular,
    Function,
    Modular,
    Status,
    minimize,
)
from subopt._base.answer import CertificateError
from subopt._base.options import Deadline
from subopt.difference import select
from subopt.difference._descent import Descent
from subopt.difference._double_greedy_pass import double_greedy_mask
from subopt.difference._local_search import reach
from subopt.difference.bounds import chain
from subopt.difference.local_minimum import STAY, LocalMinimumCertificate, flip, swap
from subopt.functions import watched
from subopt.functions.diminishing_returns import all_masks
from subopt.testing import all_values

# method: how to run it from a set
FROM_A_SET = {
    "subsup": lambda h, S, **o: subopt.subsup(h, S, **o),
    "subsup random": lambda h, S, **o: subopt.subsup(h, S, tie_break="random", rng=0, **o),
    "subsup few sweeps": lambda h, S, **o: subopt.subsup(h, S, inner_iter=1, **o),
    "supsub": lambda h, S, **o: subopt.supsub(h, S, **o),
    "modmod": lambda h, S, **o: subopt.modmod(h, S, **o),
    "modmod random": lambda h, S, **o: subopt.modmod(h, S, tie_break="random", rng=0, **o),
    "dca": lambda h, S, **o: subopt.dca(h, S, **o),
    "dca rho": lambda h, S, **o: subopt.dca(h, S, rho=_rho(h), max_iter=5, **o),
    "dca_rounded": lambda h, S, **o: subopt.dca_rounded(h, S, **o),
    "dca_rounded rho": lambda h, S, **o: subopt.dca_rounded(h, S, rho=_rho(h), max_iter=5, **o),
    "accelerated_dca": lambda h, S, **o: subopt.accelerated_dca(h, S, rho=_rho(h), max_iter=5, **o),
    "complete_dca": lambda h, S, **o: subopt.complete_dca(h, S, **o),
    "projected_subgradient": lambda h, S, **o: subopt.projected_subgradient(
        h, S, patience=9, max_iter=50, **o
    ),
    "forward_greedy": lambda h, S, **o: subopt.forward_greedy(h, S, **o),
    "forward_greedy patient": lambda h, S, **o: subopt.forward_greedy(h, S, patience=3, **o),
    "local_search": lambda h, S, **o: subopt.local_search(h, S, **o),
    "local_search drop": lambda h, S, **o: subopt.local_search(h, S, moves=("drop",), **o),
}
METHODS = FROM_A_SET | {
    "double_greedy": lambda h, S: subopt.double_greedy(h),
    "double_greedy random": lambda h, S: subopt.double_greedy(h, randomized=True, rng=0),
    "auto": lambda h, S, **o: minimize(h, rng=0, starts=4, threads=1, **o),
}
# where a set that is not left is a local minimum, as the theory says
LOCAL = ("subsup", "subsup random", "supsub", "modmod", "modmod random", "dca_rounded")

kinds = st.sampled_from(sorted(KINDS))
problems = {"rng": numbers(), "kind": kinds, "n": st.integers(1, 6)}


def _rho(h):
    return 0.1 * float(np.abs(h.g.greedy(np.arange(h.n))).sum()) / max(1, h.n)


def drawn(rng, kind, n):
    return KINDS[kind](rng, n), rng.random(n) < 0.5


@pytest.mark.parametrize("name", METHODS)
@given(**problems)
def test_results_are_what_they_say(name, rng, kind, n):
    h, S = drawn(rng, kind, n)
    before = S.copy()
    result = METHODS[name](h, S)
    slack = 1e-9 * size_of(h) + 1e-300
    assert (before == S).all()
    assert result.value == pytest.approx(h.value(result.mask), abs=slack)
    assert result.n_evals > 0
    assert result.value >= all_values(h).min() - slack
    if result.certificate is not None:
        gap = result.certificate.check(h, result.mask)
        assert gap == result.gap or abs(gap - result.gap) <= slack
    with pytest.raises(ValueError, match="read-only"):
        result.mask[:] = False


@pytest.mark.parametrize("name", FROM_A_SET)
@given(**problems)
def test_values_descend_from_the_start(name, rng, kind, n):
    h, S = drawn(rng, kind, n)
    values = []
    result = FROM_A_SET[name](h, S, callback=lambda r: values.append(r.value))
    values.append(result.value)
    slack = 1e-11 * size_of(h)
    assert all(b <= a + slack for a, b in itertools.pairwise(values))
    assert result.value <= h.value(S) + slack


@pytest.mark.parametrize("name", LOCAL)
@given(**problems)
def test_what_is_not_left_is_a_local_minimum(name, rng, kind, n):
    h, S = drawn(rng, kind, n)
    result = FROM_A_SET[name](h, S)
    assert result.status is Status.STATIONARY
    values, code = all_values(h), int(result.mask @ (1 << np.arange(n)))
    assert values[code ^ (1 << np.arange(n))].min() >= values[code] - 1e-8 * size_of(h)


@given(**problems)
def test_steps_of_dca_descend_in_the_lovasz_extension(rng, kind, n):
    h, _ = drawn(rng, kind, n)
    x = rng.random(n)
    # no level set of the start is better than where a descending sequence ends
    order = np.argsort(-x, kind="stable")
    reached = np.cumsum(h.greedy(order)[order]).min()
    for rho in (0.0, _rho(h)):
        result = subopt.dca(h, x, rho=rho, max_iter=5)
        assert result.value <= min(0.0, reached, h.lovasz(x)) + 1e-9 * size_of(h)


@given(**problems)
def test_auto_ends_where_no_flip_and_no_swap_is_better(rng, kind, n):
    h, _ = drawn(rng, kind, n)
    result = minimize(h, rng=7, starts=2, threads=1)
    values, i = all_values(h), 1 << np.arange(n)
    code = int(result.mask @ i)
    near = [code ^ a for a in i] + [
        code ^ a ^ b for a in i for b in i if bool(code & a) != bool(code & b)
    ]
    assert values[near].min() >= values[code] - 1e-8 * size_of(h)


@pytest.mark.parametrize("n", [5, 9])
def test_auto_finds_the_minimum_of_small_problems(n):
    for seed in range(8):
        h = pair(np.random.default_rng(seed), n)
        result = minimize(h, rng=7, threads=1)
        assert result.value == pytest.approx(all_values(h).min(), abs=1e-8 * size_of(h)), seed


@given(**problems)
def test_auto_proves_what_is_small(rng, kind, n):
    h, _ = drawn(rng, kind, n)
    result = minimize(h, rng=7, threads=1)
    assert result.status is Status.OPTIMAL  # 7 elements are one interval
    assert result.value <= all_values(h).min() + 1e-9 * size_of(h)
    assert result.certificate.check(h, result.mask) <= 1e-9 * size_of(h)


def test_auto_is_proven_or_a_local_minimum():
    proven = 0
    for seed in range(6):
        h = pair(np.random.default_rng(seed), 12 + 4 * (seed % 2))
        result = minimize(h, rng=7, threads=1)
        small = result.certificate.check(h, result.mask) < 1e-7 * (1 + abs(result.value))
        assert result.status is (Status.OPTIMAL if small else Status.LOCAL_MINIMUM)
        proven += result.status is Status.OPTIMAL
    assert proven >= 3


def test_auto_proves_nothing_from_an_estimate():
    F = subopt.Function(14, lambda mask: float(mask.sum() == 3) - 0.1 * mask.sum())
    h = subopt.decompose(F, n_samples=20)
    assert h.estimated
    assert minimize(h, rng=0, starts=2).lower_bound == -math.inf


def test_threads_are_used_where_sweeps_are_long(monkeypatch):
    monkeypatch.setattr(watched, "thread_count", lambda threads: 5 if threads is None else threads)
    h, no_limit = Coverage(np.eye(4)) - Cardinality(np.sqrt, 4), Deadline()
    assert watched.sweep_time(h) > 0
    assert watched.sweep_time(h.f) > 0
    long, short = 2 * watched.SHORT, watched.SHORT / 2
    for seconds, expected, sweeps in ([short], 1, 1), ([long, short], 1, 2), ([long, long], 5, 2):
        left = list(seconds)
        monkeypatch.setattr(watched, "sweep_time", lambda h, left=left: left.pop(0))
        assert watched.solver_threads(3, h, no_limit) == 3
        assert watched.solver_threads(None, h, Deadline(0)) == 1  # without a sweep
        assert watched.solver_threads(None, h, no_limit) == expected
        assert len(left) == len(seconds) - sweeps
    slow = Function(4, lambda mask: float(np.sqrt(mask.sum())))
    assert watched.solver_threads(None, slow, no_limit) == 1  # of users: never unless asked for


def test_functions_of_users_are_called_from_one_thread_unless_asked_for():
    callers = set()

    def value(mask):
        callers.add(threading.get_ident())
        return float(np.sqrt(mask.sum()))

    def problems():
        return [Function(3, value) - Cardinality(np.sqrt, 3) for _ in range(4)]

    subopt.minimize_many(problems(), rng=0)
    assert callers == {threading.get_ident()}
    subopt.minimize_many(problems(), rng=0, threads=2)
    assert len(callers) > 1


@pytest.mark.parametrize("n", [8, 33])  # with and without a proof
@settings(max_examples=max(2, settings().max_examples // 5))
@given(rng=numbers())
def test_threads_and_time_change_nothing(n, rng):
    h = pair(rng, n)
    runs = [minimize(h, rng=3, starts=6, threads=threads) for threads in (1, 3)]
    runs += subopt.minimize_many([h], rng=[3], starts=6)
    for other in runs[1:]:
        assert (other.mask == runs[0].mask).all()
        assert (other.value, other.method, other.n_iter, other.n_evals) == (
            (runs[0].value, runs[0].method, runs[0].n_iter, runs[0].n_evals)
        )


@pytest.mark.parametrize("name", ["subsup", "modmod", "local_search", "dca_rounded", "auto"])
@given(rng=numbers(), n=st.integers(1, 6), exponent=st.sampled_from([-30, 20]))
def test_units_do_not_matter(name, rng, n, exponent):
    h, S = drawn(rng, "pairs", n)
    one, other = METHODS[name](h, S), METHODS[name](2.0**exponent * h, S)
    assert other.value == pytest.approx(
        2.0**exponent * one.value, abs=2.0**exponent * 1e-8 * size_of(h)
    )


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("name", METHODS)
def test_the_smallest_ground_sets(name, n):
    h = DifferenceOfSubmodular(Modular(np.full(n, 1.0)), Cardinality(2.0 * np.arange(n + 1.0)))
    result = METHODS[name](h, np.zeros(n, dtype=bool))
    assert result.value == (-1.0 * n if "drop" not in name else 0.0)


@given(rng=numbers(), n=st.integers(1, 7))
def test_double_greedy_keeps_a_third(rng, n):
    g = Cut(np.triu(rng.integers(0, 4, (n, n)), 1), directed=True)
    h = DifferenceOfSubmodular(Modular(np.zeros(n)), g)
    lowest = all_values(h).min()
    assert subopt.double_greedy(h, rng.permutation(n)).value <= lowest / 3 + 1e-9
    runs = [subopt.double_greedy(h, randomized=True, rng=k).value for k in range(20)]
    assert np.mean(runs) <= 0.5 * lowest * (1 - 0.5) + 1e-9  # half on average; 20 runs, with room


def test_a_modular_g_is_solved_exactly():
    f = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]])
    h = DifferenceOfSubmodular(f, Modular([3.0, -1.0, -2.0]))
    result = minimize(h)
    assert (result.value, result.gap, result.status) == (-1.0, 0.0, Status.OPTIMAL)
    assert result.certificate.check(h, result.mask) == 0.0
    assert result.method.endswith("because g is modular")


# Neighborhoods and their certificate -----------------------------------------------------------


@given(**problems)
def test_best_flips_and_swaps_against_all_sets(rng, kind, n):
    h, S = drawn(rng, kind, n)
    values, i = all_values(h), 1 << np.arange(n)
    code, slack = int(S @ i), 1e-9 * size_of(h)
    gains = h.marginals(S)
    change = flip(S, gains).change
    assert change == pytest.approx(min(0, (values[code ^ i] - values[code]).min()), abs=slack)
    swaps = [values[code ^ a ^ b] for a in i for b in i if bool(code & a) != bool(code & b)]
    best = min([0.0, *(np.array(swaps) - values[code])])
    low, high = reach(h)
    left = np.where(S, h.g.marginals(S) - low, high - h.g.marginals(S)) + slack
    for move in (swap(h, S, gains), swap(h, S, gains, reach=left)):
        assert move.change == pytest.approx(best, abs=2 * slack)
        assert h.value(move.applied(S)) == pytest.approx(values[code] + move.change, abs=slack)
    ends = [LocalMinimumCertificate((kind,)) for kind in ("flip", "swap")]
    for certificate, found in zip(ends, (change, best), strict=True):
        if found < -1e-6 * size_of(h) and size_of(h) > 0:
            with pytest.raises(CertificateError, match=r"S is no local minimum: .* changes h by"):
                certificate.check(h, S)
        elif found == 0:
            assert certificate.check(h, S) == math.inf


@given(rng=numbers(), n=st.integers(1, 7))
def test_gains_order_puts_the_best_flips_next_to_the_set(rng, n):
    h, S = drawn(rng, "pairs", n)
    gains = h.marginals(S)
    order, size = chain(S, -gains), int(S.sum())
    if size:
        assert gains[order[size - 1]] == gains[S].max()  # removed best
    if size < n:
        assert gains[order[size]] == gains[~S].min()  # added best
    assert all_masks(n)[0].sum() == 0
    assert STAY.applied(S) is not S


def test_time_limits_are_kept():
    h = pair(np.random.default_rng(0), 6)
    for name in sorted(FROM_A_SET):
        result = FROM_A_SET[name](h, (np.arange(6) < 3).astype(bool), time_limit=0.0)
        assert result.value == h.value(result.mask), name
    result = minimize(h, time_limit=0.0)
    assert result.status is Status.TIME_LIMIT
    assert result.value <= 0


def test_a_step_that_time_cuts_short_is_not_said_to_be_stationary():
    run = Descent(pair(np.random.default_rng(0), 6), (), "supsub")
    h, order = run.h, np.arange(run.h.n)  # of the elements that are not decided at once

    def step(S):
        run.deadline = Deadline(0.0)
        yield double_greedy_mask(h, order, None, run.deadline.passed)

    assert run.run(step).status is Status.TIME_LIMIT
    assert not double_greedy_mask(h, order, None, lambda: True).any()


def test_supsub_ends_within_a_step_when_its_time_is_over(monkeypatch):
    deadlines, masks = [], []

    class Recorded(Deadline):
        def __init__(self, time_limit=None):
            super().__init__(time_limit)
            deadlines.append(self)

    def late(*args):
        deadlines[0].end()
        masks.append(double_greedy_mask(*args))
        return masks[-1]

    monkeypatch.setattr("subopt.difference._descent.Deadline", Recorded)
    monkeypatch.setattr("subopt.difference._supsub.double_greedy_mask", late)
    result = subopt.supsub(pair(np.random.default_rng(0), 6))
    assert result.status is Status.TIME_LIMIT
    assert len(masks) == 1
    assert not masks[0].any()


@pytest.mark.parametrize("method", sorted(set(select.METHODS) - {"auto"}))
def test_minimize_runs_one_method_by_name(method):
    h = Cut(np.ones((5, 5)) - np.eye(5)) - Cardinality(lambda k: 5 * k**0.5, 5)  # "milp" needs such
    assert minimize(h, method=method).method == method


def test_errors_say_what_is_needed():
    h = Cut(np.ones((3, 3)) - np.eye(3)) - Cardinality([0, 3, 4, 4])
    with pytest.raises(TypeError, match=r"DifferenceOfSubmodular is needed, got Cut. Write f - g"):
        subopt.subsup(h.f)
    with pytest.raises(ValueError, match="tie_break must be one of 'gains', 'random'; got 'best'"):
        subopt.subsup(h, tie_break="best")
    with pytest.raises(ValueError, match=r"in \[0, 1\], but start\[1\] is 2"):
        subopt.dca(h, [0, 2, 0])
    with pytest.raises(ValueError, match=r"shape \(3,\), got shape \(2,\)"):
        subopt.dca(h, [0, 1])
    large = Cut(1e160 * np.eye(3)[::-1]) - Cut(1e160 * np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"the default of rho, .* needs 0 or a number from 1e-150"):
        subopt.accelerated_dca(large)
    with pytest.raises(ValueError, match="rho needs a finite number >= 0, got -1"):
        subopt.dca(h, rho=-1)
    with pytest.raises(ValueError, match="step needs a number > 0, got 0"):
        subopt.projected_subgradient(h, step=0)
    with pytest.raises(ValueError, match="moves must be one of 'flip', 'swap', 'drop'; got 'hop'"):
        subopt.local_search(h, moves=("hop",))
    with pytest.raises(ValueError, match="patience needs an integer >= 0, got -1"):
        subopt.forward_greedy(h, patience=-1)
    for method, option in (
        ("subsup", "starts"),
        ("double_greedy", "time_limit"),
        ("brute_force", "time_limit"),
        ("milp", "callback"),
    ):
        with pytest.raises(TypeError, match=f"got {option}"):
            minimize(h, method=method, **{option: print if option == "callback" else 1})
    with pytest.raises(ValueError, match="rng draws the orders of tie_break='random'"):
        subopt.modmod(h, rng=0)
    with pytest.raises(ValueError, match="rng draws the decisions of randomized=True"):
        subopt.double_greedy(h, rng=0)
    with pytest.raises(ValueError, match="method must be one of 'auto', 'subsup'"):
        minimize(h, method="magic")
    with pytest.raises(TypeError, match=r"DifferenceOfSubmodular by 'auto' takes .*; got tol"):
        minimize(h, tol=1.0)
    with pytest.raises(CertificateError, match="neighborhoods may hold 'flip', 'swap', got 'hop'"):
        LocalMinimumCertificate(("hop",)).check(h, [])
    broken = subopt.Function(3, lambda mask: float("nan") if mask.all() else 0.0)
    with pytest.raises(ValueError, match="finite"):
        subopt.local_search(DifferenceOfSubmodular(h.f, broken), [0, 1, 2])


class NotANumber(subopt.SetFunction):
    """Square root of the size, but for one value in the middle."""

    n = 5

    def value(self, mask):
        return float("nan") if 2 <= mask.sum() <= 4 else float(mask.sum()) ** 0.5


@pytest.mark.parametrize("method", [*METHODS, "branch_and_bound"])
@pytest.mark.parametrize("sign", [1, -1])
def test_values_that_are_no_numbers_are_found_out(method, sign):
    whole = DifferenceOfSubmodular(Modular(np.full(5, 0.1)), NotANumber())
    h = whole if sign > 0 else -whole
    start = () if "double" in method or method == "auto" else np.arange(5) < 3
    run = METHODS.get(method, lambda h, S: subopt.branch_and_bound(h, rng=0))
    with pytest.raises(ValueError, match="finite"):
        run(h, start)


def test_a_local_minimum_proves_no_bound():
    h = DifferenceOfSubmodular(Modular([1.0, 2.0]), Modular([0.5, 0.5]))
    for bound in (0.0, math.nan):
        with pytest.raises(CertificateError, match="no lower bound"):
            LocalMinimumCertificate(("flip",), bound).check(h, [])
