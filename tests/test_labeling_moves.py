"""Expansion, swap and iterated conditional modes: no move of theirs is left."""

import inspect
import itertools

import naive_energy as naive
import numba
import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt import (
    LabelingEnergy,
    Status,
    alpha_beta_swap,
    alpha_beta_swap_many,
    alpha_expansion,
    alpha_expansion_many,
    dual_bound,
    icm,
    minimize,
)
from subopt._base.options import Deadline
from subopt.labeling import _messages
from subopt.labeling.moves import candidates, driver, expand, label_costs, local_cut, warm_start
from subopt.labeling.moves.workspace import move_workspace, piece_workspace, problem_of

SHAPES = [(1,), (5,), (2, 3), (2, 2, 2)]
shapes = st.sampled_from(SHAPES)


def metric_table(rng, L):
    """Shortest ways between L points, one way or the other: a metric that need not be symmetric."""
    T = rng.integers(1, 9, (L, L)).astype(float)
    if rng.random() < 0.5:
        T = np.minimum(T, T.T)
    np.fill_diagonal(T, 0.0)
    for b in range(L):
        T = np.minimum(T, T[:, b, None] + T[b])
    return T


def random_energy(rng, shape, L, table, whole=True):
    unary = rng.integers(0, 20, (*shape, L)) if whole else rng.normal(size=(*shape, L))
    if rng.random() < 0.3:  # a graph instead of a grid
        n = int(np.prod(shape))
        pairs = list(itertools.combinations(range(n), 2))
        edges = (
            [pairs[i][:: rng.choice([-1, 1])] for i in rng.integers(0, len(pairs), n)]
            if pairs
            else []
        )
        weights = rng.integers(0, 5, len(edges))
        return LabelingEnergy(unary.reshape(n, L), edges=edges, weights=weights, metric=table)
    return LabelingEnergy(unary, weights=float(rng.integers(0, 5)), metric=table)


def with_label_costs(rng, shape, L):
    return LabelingEnergy(
        rng.integers(0, 9, (*shape, L)),
        weights=float(rng.integers(0, 4)),
        label_costs=rng.integers(0, 12, L),
    )


def whole_moves(energy):
    """Expansions of an energy with label costs, with workspaces of their own."""
    n, m = energy.n, len(energy.tails)
    space = move_workspace(n, m, energy.n_labels, pairs=False, kept=True)
    cut, arcs = piece_workspace(n, m), label_costs.label_arcs(n, m)
    return label_costs.WholeMoves(energy, problem_of(energy), space, cut, arcs)


@given(rng=numbers(), shape=shapes, L=st.integers(1, 3), whole=st.booleans())
def test_no_expansion_is_left(rng, shape, L, whole):
    energy = random_energy(rng, shape, L, metric_table(rng, L), whole)
    initial, started = rng.integers(0, L, energy.n), rng.integers(2)
    result = alpha_expansion(energy, start=initial if started else None)
    assert result.status is Status.LOCAL_MINIMUM
    assert result.value == energy.value(result.labels)
    assert not started or result.value <= energy.value(initial) + 1e-9
    for alpha in range(L):
        assert result.value <= naive.best_expansion(energy, result.labels.ravel(), alpha) + 1e-9


def start_from_nothing(*arguments):
    *_, flows, _ = arguments
    flows[:] = 0.0


def start_from_anything(*arguments):
    *_, flows, _ = arguments
    # in quarters, which sums do not round: or ties could be decided otherwise
    flows[:] = np.random.default_rng(len(flows)).integers(-40, 41, flows.shape) / 4


@pytest.mark.parametrize("solver", [alpha_expansion, alpha_beta_swap])
@given(rng=numbers(), shape=shapes, L=st.integers(1, 3))
def test_moves_do_not_depend_on_the_flows_they_start_from(solver, rng, shape, L):
    energy = random_energy(rng, shape, L, metric_table(rng, L))
    initial = rng.integers(0, L, energy.n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LabelingEnergy, "is_lower", lambda *labels: False)  # no other start
        expected = solver(energy, start=initial)
    for start in (start_from_nothing, start_from_anything):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(driver.warm_start, "prepare", start)
            np.testing.assert_array_equal(solver(energy, start=initial).labels, expected.labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "MEMORY", 0)  # too little to keep flows
        np.testing.assert_array_equal(solver(energy, start=initial).labels, expected.labels)
        assert solver(energy).status is Status.LOCAL_MINIMUM


@pytest.mark.parametrize("solver", [alpha_expansion, alpha_beta_swap])
@given(rng=numbers(), shape=shapes, L=st.integers(2, 4))
def test_bad_labels_to_start_from_are_dropped_and_good_ones_are_kept(solver, rng, shape, L):
    energy = LabelingEnergy(rng.random((*shape, L)) + 1e-3 * np.arange(L), weights=0.02)
    fresh = solver(energy)
    worst = energy.costs.argmax(axis=0)
    prepare, begun = driver.warm_start.prepare, []
    at = list(inspect.signature(prepare).parameters).index("labels")

    def watched(*args):
        prepare(*args)
        begun.append(args[at].copy())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver.warm_start, "prepare", watched)
        for labels, kept in ((worst, False), (fresh.labels.ravel(), True)):
            begun.clear()
            assert solver(energy, start=labels).value <= fresh.value + 1e-12
            assert np.array_equal(begun[0], labels) == kept
    assert solver(energy, start=fresh.labels).value == fresh.value
    least = minimize(energy, method="auto", lower_bound=True)
    if least.status is Status.OPTIMAL:
        assert solver(energy, start=least.labels).value == least.value


@given(rng=numbers(), shape=shapes, L=st.integers(2, 4), weight=st.sampled_from([0.02, 0.3, 2.0]))
def test_labels_that_are_dropped_cost_no_more_sweeps_than_none(rng, shape, L, weight):
    energy = LabelingEnergy(rng.random((*shape, L)) + 1e-3 * np.arange(L), weights=weight)
    sweep, made = driver.warm_start.sweep, []

    def watched(costs, tables, linear, graph, messages, *rest):
        bound = sweep(costs, tables, linear, graph, messages, *rest)
        made.append(messages.copy())
        return bound

    sweeps = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver.warm_start, "sweep", watched)
        patch.setattr(LabelingEnergy, "is_lower", lambda *labels: True)
        patch.setattr(driver, "refined", lambda energy, moves, labels, deadline: labels)
        for start in (None, energy.costs.argmax(axis=0)):
            made.clear()
            alpha_expansion(energy, start=start)
            sweeps.append(made[:])
    assert len(sweeps[0]) == len(sweeps[1])
    for fresh, dropped in zip(*sweeps, strict=True):
        np.testing.assert_array_equal(fresh, dropped)


@pytest.mark.parametrize("seed", range(6))
def test_local_expansions_find_what_whole_ones_do(seed):
    # large enough that late expansions look at a ball around the changes only
    rng = np.random.default_rng(seed)
    shape = (40, 40) if seed % 5 == 0 else (24, 24)
    blocks = rng.integers(0, 10, (shape[0] // 4, shape[1] // 4, 4)).repeat(4, 0).repeat(4, 1)
    energy = LabelingEnergy(blocks + rng.integers(0, 6, (*shape, 4)), weights=4.0)
    result = alpha_expansion(energy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver.warm_start, "prepare", start_from_nothing)
        again = alpha_expansion(energy, start=result.labels)
    assert result.value == energy.value(result.labels)
    np.testing.assert_array_equal(result.labels, again.labels)


@given(rng=numbers(), shape=shapes, L=st.integers(2, 3))
def test_expansions_are_within_the_bound_of_the_literature(rng, shape, L):
    table = metric_table(rng, L)
    energy = random_energy(rng, shape, L, table)
    result = alpha_expansion(energy)
    least, _ = naive.minimum(energy)
    ratio = table.max() / table[~np.eye(L, dtype=bool)].min()
    assert result.value <= 2 * ratio * least + 1e-9


@given(rng=numbers(), shape=shapes, L=st.integers(2, 3), whole=st.booleans())
def test_no_swap_is_left(rng, shape, L, whole):
    table = rng.integers(0, 9, (L, L)).astype(float)
    np.fill_diagonal(table, 0.0)
    energy = random_energy(rng, shape, L, table, whole)
    initial, started = rng.integers(0, L, energy.n), rng.integers(2)
    result = alpha_beta_swap(energy, start=initial if started else None)
    assert result.status is Status.LOCAL_MINIMUM
    assert result.value == energy.value(result.labels)
    assert not started or result.value <= energy.value(initial) + 1e-9
    for a, b in itertools.combinations(range(L), 2):
        assert result.value <= naive.best_swap(energy, result.labels.ravel(), a, b) + 1e-9


@pytest.mark.parametrize("solver", [alpha_expansion, alpha_beta_swap])
@given(rng=numbers(), n=st.integers(1, 9), L=st.integers(1, 4))
def test_paths_are_solved_exactly_by_the_messages(solver, rng, n, L):
    energy = LabelingEnergy(rng.integers(0, 20, (n, L)), weights=3.0, metric=metric_table(rng, L))
    assert solver(energy).value == pytest.approx(dual_bound(energy).lower_bound)


def test_costs_of_any_size_make_a_start():
    rng = np.random.default_rng(0)
    unary = rng.integers(0, 9, (5, 6, 3)).astype(float)
    unary[1, 2, 0] = 1e6
    expected = alpha_expansion(LabelingEnergy(unary, weights=4.0))
    for size in (2.0**-150, 2.0**150):
        result = alpha_expansion(LabelingEnergy(unary * size, weights=4.0 * size))
        np.testing.assert_array_equal(result.labels, expected.labels)
    apart = unary * 1e60
    apart[1, 2, 0] = 1e59
    assert alpha_expansion(LabelingEnergy(np.minimum(apart, 1e60))).status is Status.LOCAL_MINIMUM


@given(rng=numbers(), shape=shapes, L=st.integers(1, 3), whole=st.booleans())
def test_no_move_is_left_with_label_costs(rng, shape, L, whole):
    energy = random_energy(rng, shape, L, metric_table(rng, L), whole)
    energy = LabelingEnergy(
        energy.unary.reshape(energy.n, L),
        edges=np.stack([energy.tails, energy.heads], axis=1),
        weights=energy.weights,
        metric=energy.table,
        label_costs=rng.integers(0, 12, L) if whole else rng.random(L),
    )
    initial, started = rng.integers(0, L, energy.n), rng.integers(2)
    start = initial if started else None
    most = energy.value(initial) if started else np.inf
    expansion, swap = alpha_expansion(energy, start=start), alpha_beta_swap(energy, start=start)
    for result in (expansion, swap):
        assert result.status is Status.LOCAL_MINIMUM
        assert result.value == energy.value(result.labels) <= most + 1e-9
    for a in range(L):
        assert expansion.value <= naive.best_expansion(energy, expansion.labels, a) + 1e-9
    for a, b in itertools.combinations(range(L), 2):
        assert swap.value <= naive.best_swap(energy, swap.labels, a, b) + 1e-9


@given(rng=numbers(), shape=shapes, L=st.integers(1, 3))
def test_one_move_with_label_costs_is_the_best_one(rng, shape, L):
    energy = with_label_costs(rng, shape, L)
    labels = rng.integers(0, L, energy.n)
    whole = whole_moves(energy)
    for b in range(L):
        x = labels.copy()
        whole.space.flows[:] = (
            rng.integers(-8, 9, whole.space.flows.shape) / 2
        )  # whatever there are
        whole.descend(np.array([(-1, b)]), x, lambda some: (True, 0), 1, Deadline())
        assert energy.value(x) == naive.best_expansion(energy, labels, b)


@given(rng=numbers(), shape=shapes, L=st.integers(2, 4))
def test_examined_flows_tell_by_how_much_an_expansion_lowers_the_energy(rng, shape, L):
    energy = random_energy(rng, shape, L, metric_table(rng, L))
    labels = rng.integers(0, L, energy.n)
    space = move_workspace(energy.n, len(energy.tails), L, pairs=False, kept=True)
    problem, moves, before = problem_of(energy), expand.expansions(L), labels.copy()
    cut = piece_workspace(energy.n, len(energy.tails))
    expand.examine(problem, moves, labels, space, cut)
    assert np.array_equal(labels, before)
    above, below = np.zeros((L, L)), np.zeros(L)
    candidates.tally(problem, labels, np.arange(L), above, below, space)
    best = [naive.best_expansion(energy, labels, b) for b in range(L)]
    assert energy.value(labels) - below == pytest.approx(best, abs=1e-9)


@given(rng=numbers(), shape=shapes, L=st.integers(2, 4))
def test_bounds_of_expansions_with_label_costs(rng, shape, L):
    energy = with_label_costs(rng, shape, L)
    labels = rng.integers(0, L, energy.n)
    whole = whole_moves(energy)
    whole.space.flows[:] = rng.integers(-8, 9, whole.space.flows.shape) / 2  # whatever there are
    before, best = energy.value(labels), [naive.best_expansion(energy, labels, b) for b in range(L)]
    moves = expand.expansions(L)
    for bound in (whole._bounds(labels, Deadline()), whole._falls(moves, labels, Deadline())[0]):
        assert (before - np.maximum(bound, 0.0) <= np.array(best) + 1e-9).all()
    for steepest in (False, True):
        x = labels.copy()
        done, _ = whole.descend(moves, x, lambda some: (True, 0), 100, Deadline(), steepest)
        assert done
        assert energy.value(x) <= min(naive.best_expansion(energy, x, b) for b in range(L))


@given(rng=numbers(), shape=shapes, L=st.integers(2, 4), pairs=st.booleans())
def test_prices_are_the_same_if_equal_costs_of_edges_are_not_read(rng, shape, L, pairs):
    energy = LabelingEnergy(rng.integers(0, 9, (*shape, L)), weights=float(rng.integers(0, 4)))
    labels = rng.integers(0, L, energy.n)
    space = move_workspace(energy.n, len(energy.tails), L, pairs=pairs, kept=True)
    space.flows[:] = rng.integers(-8, 9, space.flows.shape) / 2
    problem, above, below = problem_of(energy), np.zeros((2, L, L)), np.zeros((2, L))
    candidates.tally(problem, labels, np.arange(L), above[0], below[0], space)
    candidates.tally(problem._replace(uniform=0.0), labels, np.arange(L), above[1], below[1], space)
    assert np.array_equal(*above)
    assert np.array_equal(*below)


@given(rng=numbers(), shape=shapes, L=st.integers(1, 3), own=st.booleans())
def test_a_label_is_given_up_if_that_helps(rng, shape, L, own):
    energy = random_energy(rng, shape, L, metric_table(rng, L))
    ends = np.stack([energy.tails, energy.heads], axis=1)
    weights = energy.weights * rng.integers(0, 3, len(ends))
    tables = {"tables": energy.tables[:1].repeat(len(ends), axis=0)} if own else {}
    energy = LabelingEnergy(
        energy.costs.T,
        edges=ends,
        weights=weights,
        label_costs=rng.integers(0, 30, L),
        **(tables or {"metric": energy.table}),
    )

    def best(rest):
        labelings = itertools.product(range(rest.n_labels), repeat=rest.n)
        return min(map(np.array, labelings), key=rest.value)

    labels = rng.integers(0, L, energy.n)
    least = value = energy.value(labels)
    for l in np.unique(labels[energy.label_costs[labels] > 0]):
        others = np.setdiff1d(labels, [l])
        for x in itertools.product(others, repeat=int((labels == l).sum())):
            other = labels.copy()
            other[labels == l] = x
            least = min(least, energy.value(other))
    whole = whole_moves(energy)
    fewer, _ = whole.give_up(expand.expansions(L), labels, lambda some: (True, 0), best, Deadline())
    assert energy.value(labels) < value if fewer else energy.value(labels) == least == value


def test_label_costs_leave_fewer_labels():
    rng = np.random.default_rng(0)
    unary = rng.random((12, 12, 6))
    used = [
        len(np.unique(solver(LabelingEnergy(unary, weights=0.1, label_costs=[h] * 6)).labels))
        for solver in (alpha_expansion, alpha_beta_swap, icm)
        for h in (0.0, 8.0, 1000.0)
    ]
    assert used[:2] == used[3:5] == [6, used[1]]
    assert 1 < used[1] < 6
    assert used[2] == used[5] == 1


@given(rng=numbers(), shape=shapes, L=st.integers(1, 3))
def test_no_change_of_one_label_is_left_by_icm(rng, shape, L):
    energy = LabelingEnergy(
        rng.normal(size=(*shape, L)),
        weights=float(rng.normal()),
        metric=rng.normal(size=(L, L)),
        label_costs=rng.random(L),
    )
    result = icm(energy)
    x = result.labels.ravel()
    assert result.value <= energy.value(energy.unary.argmin(axis=-1)) + 1e-9
    for k, a in itertools.product(range(energy.n), range(L)):
        y = x.copy()
        y[k] = a
        assert result.value <= energy.value(y) + 1e-9


@given(rng=numbers(), shape=shapes)
def test_names_of_labels_do_not_matter(rng, shape):
    # unique minima of every move: real costs
    unary, order = rng.normal(size=(*shape, 3)), rng.permutation(3)
    first = alpha_expansion(LabelingEnergy(unary), max_iter=1)
    renamed = alpha_expansion(LabelingEnergy(unary[..., order]))
    final = alpha_expansion(
        LabelingEnergy(unary[..., order]), start=np.argsort(order)[first.labels]
    )
    assert final.value <= first.value + 1e-9
    assert renamed.status is Status.LOCAL_MINIMUM


@pytest.mark.parametrize(
    ("one", "many"),
    [(alpha_expansion, alpha_expansion_many), (alpha_beta_swap, alpha_beta_swap_many)],
)
@pytest.mark.parametrize("shape", [(4,), (3, 2)])
@pytest.mark.parametrize("label_costs", [None, [4.0, 0.0, 3.0]])
def test_many_problems_get_the_answers_of_one_by_one(one, many, shape, label_costs):
    unaries = np.random.default_rng(1).integers(0, 9, (7, *shape, 3)).astype(float)
    options = {"weights": 2.0, "metric": "linear", "truncation": 2, "label_costs": label_costs}
    energy = LabelingEnergy(np.zeros((*shape, 3)), **options)
    batch = many(energy, unaries, threads=2)
    same = many(energy, unaries, threads=1)
    assert batch.labels.shape == (7, *shape)
    np.testing.assert_array_equal(batch.labels, same.labels)
    for unary, labels, value in zip(unaries, batch.labels, batch.values, strict=True):
        alone = one(LabelingEnergy(unary, **options))
        np.testing.assert_array_equal(labels, alone.labels)
        assert value == alone.value
    assert many(energy, unaries[:0]).labels.shape == (0, *shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "TOGETHER", 0)  # room for one thread only
        np.testing.assert_array_equal(many(energy, unaries, threads=2).labels, batch.labels)


@pytest.mark.parametrize("label_costs", [None, [0.1] * 5])
def test_a_cycle_limit_is_said(label_costs):
    rng = np.random.default_rng(0)
    energy = LabelingEnergy(rng.random((6, 6, 5)), weights=0.2, label_costs=label_costs)
    for solver in (alpha_expansion, alpha_beta_swap, icm):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                driver.warm_start, "prepare", start_from_nothing
            )  # not from better labels
            first = solver(energy, max_iter=1, start=np.zeros(36, np.int64))
        assert first.status is Status.ITERATION_LIMIT
        assert solver(energy).status is Status.LOCAL_MINIMUM


@pytest.mark.parametrize("seed", range(3))
def test_no_single_step_of_another_program_improves(seed):
    maxflow = pytest.importorskip("maxflow")
    rng = np.random.default_rng(seed)
    unary = rng.integers(0, 30, (15, 11, 5))
    energy = LabelingEnergy(unary, weights=8.0)
    result = alpha_expansion(energy)
    for alpha in range(5):
        labels = result.labels.copy()
        maxflow.fastmin.aexpansion_grid_step(
            alpha, unary.astype(float), 8.0 * (1 - np.eye(5)), labels
        )
        assert energy.value(labels) >= result.value - 1e-9


def test_swaps_of_fewer_labels_come_first():
    moves = expand.swaps(5).tolist()
    for k in range(2, 6):
        assert moves[: k * (k - 1)] == expand.swaps(k).tolist()
        assert sorted(moves[: k * (k - 1)]) == sorted(
            map(list, itertools.permutations(range(k), 2))
        )


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="looks at what the JIT compiled")
def test_nothing_is_compiled_for_one_number():
    # a literal argument makes numba compile a kernel, and all that it calls, once more
    energy = LabelingEnergy(np.random.default_rng(0).random((4, 4, 3)), weights=0.1)
    minimize(energy, lower_bound=True)
    alpha_beta_swap_many(energy, energy.unary[None])
    kernels = [
        f for m in (_messages, expand, local_cut, warm_start, candidates) for f in vars(m).values()
    ]
    signatures = [s for f in kernels for s in getattr(f, "signatures", ())]
    assert signatures
    assert not [s for s in signatures if any(isinstance(t, numba.types.Literal) for t in s)]
