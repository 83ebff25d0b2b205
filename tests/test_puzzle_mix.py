"""PuzzleMix: masks and moves are exact minima, and the plan shows what they say."""

import itertools

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from comixup import MixPlan, PuzzleMix
from comixup._base.streams import Key
from comixup.mixers._puzzle_masks import mask_energy, minimize_masks
from comixup.mixers._puzzle_transport import best_moves, distances
from comixup.mixers.puzzle_mix import contrasts, neighbors
from comixup.mixers.summary import Summary


def random_terms(rng, grid, data_weight):
    N, P = int(np.prod(grid)), 3
    saliency, partner = rng.dirichlet(np.ones(N), P), rng.permutation(P)
    terms = {"smoothness": 0.2 * rng.random(), "prior": 0.1 * rng.random()}
    ends = neighbors(grid)
    data = data_weight * contrasts(rng.normal(size=(P, 2, N)), partner, ends)
    share = 0.001 + 0.998 * rng.random(P)  # 0 and 1 have masks of probability 0
    return saliency, saliency[partner], share, ends, data, terms


@pytest.mark.parametrize("grid", [(1,), (4,), (2, 2), (2, 3), (1, 2, 2)])
@pytest.mark.parametrize("levels", [1, 2, 3])
@given(rng=numbers(), data_weight=st.sampled_from([0.0, 0.05, 1.0]))
def test_the_cut_is_the_minimum_over_all_masks(grid, levels, rng, data_weight):
    own, other, share, ends, data, terms = random_terms(rng, grid, data_weight)
    energy = mask_energy(own, other, share, ends, levels, data=data, **terms)
    found = energy(minimize_masks(energy))
    masks = itertools.product(range(levels + 1), repeat=own.shape[1])
    if (levels + 1) ** own.shape[1] > 1000:
        masks = itertools.islice(masks, 0, None, 7)
    least = np.min([energy(np.broadcast_to(m, own.shape)) for m in masks], axis=0)
    assert (found <= least + 1e-9).all()
    if (levels + 1) ** own.shape[1] <= 1000:
        np.testing.assert_allclose(found, least, atol=1e-9)


@pytest.mark.parametrize("levels", [1, 2])
@given(rng=numbers())
def test_the_energy_is_the_definition(levels, rng):
    """Term by term; the data weight is small enough for all products to be submodular."""
    own, other, share, ends, data, terms = random_terms(rng, (2, 3), 0.0)
    terms["smoothness"] += 0.2
    data = rng.random((4, 3, ends.shape[1])) * 0.1
    steps = rng.integers(0, levels + 1, own.shape)
    energy = mask_energy(own, other, share, ends, levels, data=data, **terms)
    at_zero = energy(np.zeros_like(steps))
    expected = definition(own, other, share, ends, data, terms, steps / levels, levels)
    expected -= definition(own, other, share, ends, data, terms, 0 * own, levels)
    np.testing.assert_allclose(energy(steps) - at_zero, expected, atol=1e-12)


def definition(own, other, share, ends, data, terms, z, levels):
    total = -((1 - z) * own + z * other).sum(axis=1)
    for p in range(len(z)):
        for i in range(z.shape[1]):
            t = round(z[p, i] * levels)
            ways = [1, 2, 1][t] if levels == 2 else 1
            probability = ways * (1 - share[p]) ** t * share[p] ** (levels - t)
            total[p] -= terms["prior"] * np.log(probability)
        for e, (a, b) in enumerate(ends.T):
            x, y = z[p, a], z[p, b]
            total[p] += terms["smoothness"] * (x - y) ** 2
            corners = ((1 - x) * (1 - y), (1 - x) * y, x * (1 - y), x * y)
            total[p] += sum(w * d for w, d in zip(corners, data[:, p, e], strict=True))
    return total


@pytest.mark.parametrize("grid", [(1,), (6,), (4, 4), (2, 3, 2)])
@given(
    rng=numbers(),
    cost=st.sampled_from([0.0, 0.01, 0.1, 3.0]),
    shapes=st.sampled_from([1, 3]),
)
def test_moves_are_a_best_assignment(grid, rng, cost, shapes):
    N = int(np.prod(grid))
    shape = rng.integers(0, shapes, N)
    distance = distances(grid, shape)
    saliency = rng.dirichlet(np.full(N, 0.3), 3) * (rng.random((3, N)) < 0.8)
    shows = rng.integers(0, 3, (3, N)) / 2
    origins = best_moves(saliency, shows, distance, cost)
    assert (np.sort(origins, axis=1) == np.arange(N)).all()
    assert (shape[origins] == shape).all()
    for p in range(3):
        matrix = np.where(np.isfinite(distance), cost * np.nan_to_num(distance, posinf=0), 1e3)
        matrix = matrix - shows[p][:, None] * saliency[p]
        rows, columns = linear_sum_assignment(matrix)
        mine = matrix[np.arange(N), origins[p]].sum()
        assert mine == pytest.approx(matrix[rows, columns].sum(), abs=1e-9)


def test_a_salient_patch_moves_to_where_the_mask_shows_it():
    """Both are salient on the left, each in another corner: what loses its place there moves."""
    saliency = np.zeros((2, 2, 8)) + 1e-3
    saliency[:, :, :4] = np.array([[[0.6], [0.4]], [[0.4], [0.6]]])
    images = np.arange(2 * 1 * 2 * 8, dtype=np.float64).reshape(2, 1, 2, 8)
    mix = PuzzleMix(grids=(2,), transport_cost=0.01, data_smoothness=0.0, smoothness=0.01)
    moved = 0
    for seed in range(20):
        still = mix.mix(images, None, saliency, rng=seed)
        pinned = PuzzleMix(grids=(2,), transport=False, data_smoothness=0.0, smoothness=0.01).mix(
            images, None, saliency, rng=seed
        )
        np.testing.assert_array_equal(still.plan.sources, pinned.plan.sources)
        np.testing.assert_array_equal(still.plan.shares, pinned.plan.shares)
        moved += (still.plan.origins != pinned.plan.origins).any()
        shown = mix_saliency(still.plan, saliency), mix_saliency(pinned.plan, saliency)
        assert shown[0] >= shown[1] - 1e-9
    assert moved > 3


def mix_saliency(plan, saliency):
    return plan.apply(saliency[:, None]).sum()


@given(rng=numbers(), levels=st.sampled_from([1, 2]), side=st.sampled_from([1, 2, 3]))
def test_plans_fill_patches_from_their_origins(rng, levels, side):
    images, saliency = rng.random((5, 2, 7, 6)), rng.random((5, 7, 6)) ** 6 + 1e-6
    mix = PuzzleMix(grids=(side,), levels=levels, transport_cost=0.05, mode="elem")
    mixed = mix(images, None, saliency, rng=7)
    out, plan = mixed.images, mixed.plan
    assert plan.levels == levels
    rows, columns = (np.arange(side + 1) * s // side for s in (7, 6))

    def patch(image, k):
        r, c = divmod(int(k), side)
        return image[:, rows[r] : rows[r + 1], columns[c] : columns[c + 1]]

    for j in range(5):
        for k in range(side * side):
            at = (j, *divmod(k, side))
            parts = [
                patch(images[i], o) for i, o in zip(plan.sources[at], plan.origins[at], strict=True)
            ]
            np.testing.assert_allclose(patch(out[j], k), sum(parts) / levels, rtol=1e-15)
    assert set(np.unique(plan.n_sources)) <= {1, 2}


@given(rng=numbers())
def test_plans_with_moves_are_kept_and_joined(rng, tmp_path_factory):
    images, saliency = rng.random((4, 1, 8, 8)), rng.random((4, 8, 8)) ** 8 + 1e-9
    mix = PuzzleMix(grids=(4,), transport_cost=0.0)
    plan = mix(images, None, saliency, rng=7).plan
    path = tmp_path_factory.mktemp("plan") / "plan.npz"
    plan.save(path)
    np.testing.assert_array_equal(MixPlan.load(path).apply(images), plan.apply(images))
    both = MixPlan.concatenate([plan, plan])
    twice = np.concatenate([images, images])
    np.testing.assert_array_equal(both.apply(twice), np.concatenate([plan.apply(images)] * 2))


def test_moves_fit_other_resolutions_or_say_so():
    plan = MixPlan.from_sources([[[0], [0]]], spatial=(4,), moves=[[[1], [0]]])
    np.testing.assert_array_equal(plan.apply([[1.0, 2.0]]), [[2.0, 1.0]])
    with pytest.raises(ValueError, match="another size"):
        plan.apply([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="cannot follow"):
        plan.coverage(0)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        MixPlan.from_sources([[[0], [0]]], spatial=(4,), moves=[[[2], [0]]])
    with pytest.raises(ValueError, match="same size"):
        MixPlan.from_sources([[[0], [0]]], spatial=(3,), moves=[[[1], [0]]])
    with pytest.raises(ValueError, match="shape"):
        MixPlan.from_sources([[[0], [0]]], spatial=(4,), moves=[[[1]]])


@pytest.mark.parametrize(
    ("option", "value"),
    {
        "smoothness": 50.0, "data_smoothness": 20.0, "prior_weight": 5.0, "levels": 1,
        "transport": False, "transport_cost": 0.0, "grids": (2,), "mode": "elem", "alpha": 9.0,
    }.items(),
)  # fmt: skip
def test_every_option_matters(option, value):
    rng = np.random.default_rng(1)
    images, saliency = rng.random((8, 3, 16, 16)), rng.random((8, 16, 16)) ** 8 + 1e-9
    base = {"grids": (4,), "transport_cost": 0.1, "prior_weight": 1.0}
    plans = [
        PuzzleMix(**{**base, **change})(images, None, saliency, rng=1).plan
        for change in ({}, {option: value})
    ]
    same = plans[0].sources.shape == plans[1].sources.shape
    assert not (
        same
        and np.array_equal(plans[0].sources, plans[1].sources)
        and np.array_equal(plans[0].origins, plans[1].origins)
    )


@given(step=st.integers(0, 2**63 - 1), side=st.integers(1, 20))
def test_images_too_small_for_one_of_the_grids_are_refused_at_every_step(step, side):
    mix, key = PuzzleMix(), Key(0, step)
    if side >= 16:
        assert mix.needs(key, (side, 20)).grid[0] in mix.grids
        return
    with pytest.raises(ValueError, match=r"images needs at least one pixel per patch"):
        mix.needs(key, (side, 20))
    with pytest.raises(ValueError, match=r"images needs at least one pixel per patch"):
        mix(np.ones((2, 1, side, 20)), rng=0, step=step)


def test_labels_only_know_the_share_through_the_prior():
    """With a strong prior the mask follows the share that was drawn."""
    n = 6
    weights = np.full((n, 4, 4), 1 / 16)
    mix = PuzzleMix(grids=(4,), prior_weight=100.0, transport=False, data_smoothness=0.0)
    for seed in range(5):
        key = Key(seed)
        plan = mix.solve(Summary(n, (8, 8), weights), key)
        partner, share = mix.draw(n, np.random.default_rng(0))
        assert len(partner) == len(share) == n
        other = 1 - plan.shares.diagonal()
        assert ((other == 0) | (other == 0.5) | (other == 1) | (plan.n_sources == 1)).all()


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "grids": [(), 4, (0,), (2.5,)], "smoothness": [-1, None], "data_smoothness": [-1],
        "prior_weight": [np.nan], "transport_cost": [-1], "levels": [0, 3],
        "transport": [1], "zero_saliency": ["ignore"], "alpha": [0], "mode": ["pair"],
    }.items(),
)  # fmt: skip
def test_bad_parameters_are_refused_by_name(name, values):
    for value in values:
        with pytest.raises((ValueError, TypeError), match=name):
            PuzzleMix(**{name: value})
