"""InputMixup, CutMix, ManifoldMixup, RandomChoice, and the options that all mixers share."""

import itertools
import pickle

import numpy as np
import pytest
from drawn import many, numbers
from hypothesis import given
from hypothesis import strategies as st

from comixup import (
    BlendPlan,
    BoxPlan,
    CoMixup,
    CutMix,
    InputMixup,
    ManifoldMixup,
    MixPlan,
    PuzzleMix,
    RandomChoice,
)
from comixup._base.streams import CHOICE, DRAW, SWITCH, Key, stream

SEEDS = st.integers(0, 2**32 - 1)
LAYOUTS = {"signal": (17,), "image": (11, 9), "volume": (4, 5, 6)}
SMALL = {"group_size": 3, "grid": 2, "effort": "fast"}
MIXERS = {
    "co": lambda **options: CoMixup(**SMALL, **options),
    "puzzle": lambda **options: PuzzleMix(grids=(2, 4), alpha=4.0, **options),
    "input": lambda **options: InputMixup(**options),
    "cut": lambda **options: CutMix(**options),
    "cut elem": lambda **options: CutMix(mode="elem", **options),
    "choice": lambda **options: RandomChoice([InputMixup(**options), CutMix(**options)]),
}
BASELINES = [name for name in MIXERS if name != "co"]


def batch(rng, n, spatial=(11, 9), dtype=np.float32):
    images = (many(rng, n, 3, *spatial) * 255).astype(dtype)
    return images, many(rng, n, *spatial) + 0.125


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("layout", LAYOUTS)
@given(
    rng=numbers(),
    seed=SEEDS,
    n=st.sampled_from([1, 2, 5]),
    dtype=st.sampled_from(["u1", "f2", "f4", "f8"]),
)
def test_any_batch_of_any_shape(name, layout, rng, seed, n, dtype):
    images, saliency = batch(rng, n, LAYOUTS[layout], dtype)
    labels = rng.integers(0, 4, n)
    before = images.copy(), saliency.copy(), labels.copy()
    mix = MIXERS[name](num_classes=4)
    mixed = mix(images, labels, saliency, rng=seed)
    assert mixed.images.shape == images.shape
    assert mixed.images.dtype == images.dtype
    np.testing.assert_allclose(mixed.labels.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixed.labels, mixed.plan.shares @ np.eye(4)[labels], atol=1e-6)
    np.testing.assert_array_equal(mixed.plan.apply(images), mixed.images)  # replay
    for now, then in zip((images, saliency, labels), before, strict=True):
        np.testing.assert_array_equal(now, then)
    if n == 1:
        # a blend of two equal numbers may round; patches and boxes copy
        np.testing.assert_allclose(mixed.images, images, rtol=1e-3 if dtype == "f2" else 1e-6)


@pytest.mark.parametrize("name", MIXERS)
@given(rng=numbers(), seed=SEEDS)
def test_labels_follow_the_pixels(name, rng, seed):
    """Images that are constant, with the label as their value, mix to images with its mean."""
    labels = rng.random((5, 3))
    images = np.broadcast_to(labels[:, :, None, None], (5, 3, 12, 8)).copy()
    mixed = MIXERS[name]()(images, labels, rng.random((5, 12, 8)) + 0.1, rng=seed)
    np.testing.assert_allclose(mixed.images.mean(axis=(2, 3)), mixed.labels, rtol=1e-12)


@pytest.mark.parametrize("name", MIXERS)
@given(rng=numbers(), seed=SEEDS)
def test_interpolated_losses_are_losses_of_soft_labels(name, rng, seed):
    images, saliency = batch(rng, 6)
    labels, logits = rng.integers(0, 4, 6), rng.normal(size=(6, 4))
    mixed = MIXERS[name](num_classes=4)(images, labels, saliency, rng=seed)
    by_label = -(mixed.labels * logits).sum(axis=1)
    by_loss = mixed.plan.interpolate_loss(lambda y: -logits[np.arange(6), y], labels)
    np.testing.assert_allclose(by_loss, by_label, rtol=1e-5, atol=1e-6)
    again = MIXERS[name]()(images, None, saliency, rng=seed)  # needs no number of classes
    assert again.labels is None
    np.testing.assert_array_equal(again.images, mixed.images)


@pytest.mark.parametrize("name", MIXERS)
def test_streams_are_keyed_by_seed_step_and_rank(name):
    rng = np.random.default_rng(0)
    images, saliency = batch(rng, 8)
    # a strong prior: else the best mixture may be the same for different draws of it
    mix = MIXERS[name](**({"prior_weight": 10.0} if name == "co" else {}))
    seen = {}
    for seed, step, rank in itertools.product((0, 1), (0, 1, 5), (0, 1, 3)):
        one = mix(images, None, saliency, rng=seed, step=step, rank=rank)
        two = mix(images, None, saliency, rng=seed, step=step, rank=rank)
        np.testing.assert_array_equal(one.images, two.images)
        seen[seed, step, rank] = one.images.tobytes()
    assert len(set(seen.values())) == len(seen)


def test_streams_of_batches_and_groups_differ():
    keys = [Key(*k) for k in itertools.product((0, 2**80), (0, 1, 2), (0, 1, 2))]
    streams = [key.stream(p) for key in keys for p in (SWITCH, CHOICE, DRAW)]
    streams += [stream(k.seed, k.step, k.first_group + group) for k in keys for group in (0, 1, 2)]
    draws = {r.integers(2**62) for r in streams}
    assert len(draws) == len(streams)


WORDS = st.sampled_from([0, 1, 2, 5, 2**31 - 1])
STEPS = st.builds(lambda low, high: low + 2**32 * high, WORDS, WORDS)
GROUPS = st.tuples(st.just("group"), STEPS, WORDS, WORDS)
BATCHES = st.tuples(st.just("batch"), STEPS, WORDS, st.sampled_from([SWITCH, CHOICE, DRAW]))


def first_draws(kind, step, rank, of):
    rng = stream(7, step, of + 2**32 * rank) if kind == "group" else Key(7, step, rank).stream(of)
    return rng.integers(2**62, size=2).tolist()


@given(keys=st.lists(GROUPS | BATCHES, min_size=2, max_size=30, unique=True))
def test_no_two_keys_have_one_stream(keys):
    assert len({tuple(first_draws(*key)) for key in keys}) == len(keys)


def test_words_of_late_steps_are_not_those_of_other_keys():
    # as numbers of 64 bits in a row, both would be the words 5, 1, 2, 1
    assert first_draws("group", 5 + 2**32, 1, 2) != first_draws("batch", 5, 1, DRAW)
    assert first_draws("group", 1 + 2**32, 0, 3) != first_draws("group", 1, 3, 1)


@given(step=st.integers(0, 2**32 - 1), group=st.integers(0, 2**63 - 1))
def test_streams_of_early_steps_are_those_of_numpy(step, group):
    sequence = np.random.SeedSequence(3, spawn_key=(step, group))
    assert stream(3, step, group).random() == np.random.default_rng(sequence).random()


@pytest.mark.parametrize("name", MIXERS)
def test_prob_is_the_part_of_batches_that_are_mixed(name):
    rng = np.random.default_rng(0)
    images, saliency = batch(rng, 4)
    labels = np.array([0, 1, 2, 1])
    mix = MIXERS[name](num_classes=3, prob=0.3)
    mixed = 0
    for step in range(60):
        out = mix(images, labels, saliency, rng=0, step=step)
        assert out.labels.shape == (4, 3)
        same = np.array_equal(out.images, images)
        if same:
            np.testing.assert_array_equal(out.labels, np.eye(3)[labels])
        mixed += not same
    assert 5 <= mixed <= 35
    never = MIXERS[name](prob=0.0)(images, None, saliency, rng=0)
    np.testing.assert_array_equal(never.images, images)
    assert not np.shares_memory(never.images, images)


@pytest.mark.parametrize("name", MIXERS)
def test_the_epoch_that_switches_off(name):
    rng = np.random.default_rng(0)
    images, saliency = batch(rng, 6)
    mix = MIXERS[name](off_epoch=3, num_classes=6)
    for step, epoch in enumerate(range(6)):
        mixed = mix(images, np.arange(6), saliency, rng=2, step=step, epoch=epoch)
        if epoch >= 3:
            np.testing.assert_array_equal(mixed.labels, np.eye(6))
            np.testing.assert_array_equal(mixed.images, images)


@pytest.mark.parametrize("name", MIXERS)
def test_label_smoothing(name):
    rng = np.random.default_rng(0)
    images, saliency = batch(rng, 6)
    plain = MIXERS[name](num_classes=5)(images, np.arange(6) % 5, saliency, rng=2)
    smooth = MIXERS[name](num_classes=5, label_smoothing=0.1)(
        images, np.arange(6) % 5, saliency, rng=2
    )
    np.testing.assert_allclose(smooth.labels, 0.9 * plain.labels + 0.02, rtol=1e-6)
    assert smooth.labels.dtype == np.float32


@pytest.mark.parametrize("name", MIXERS)
def test_multi_label_rows_and_masks_go_along(name):
    rng = np.random.default_rng(0)
    images, saliency = batch(rng, 6)
    labels = rng.integers(0, 2, (6, 7))
    mixed = MIXERS[name]()(images, labels, saliency, rng=2)
    np.testing.assert_allclose(mixed.labels, mixed.plan.shares @ labels, atol=1e-6)
    masks = rng.integers(0, 21, (6, 11, 9))
    out = mixed.plan.apply(masks, blend="first")
    assert out.dtype == masks.dtype
    # every pixel of a mask is that of an input of the output
    for j in range(6):
        sources = np.flatnonzero(mixed.plan.shares[j])
        flat = [masks[i].ravel().tolist() for i in sources]
        assert set(out[j].ravel().tolist()) <= set().union(*flat)
    if isinstance(mixed.plan, BoxPlan):  # divides no pixel, so there is nothing to choose
        np.testing.assert_array_equal(mixed.plan.apply(masks), out)
    else:
        with pytest.raises(TypeError, match="blend"):
            mixed.plan.apply(masks)


@pytest.mark.parametrize("name", MIXERS)
def test_mixers_and_plans_can_be_pickled(name):
    rng = np.random.default_rng(0)
    images, saliency = batch(rng, 6)
    mix = MIXERS[name](num_classes=6)
    copy = pickle.loads(pickle.dumps(mix))
    here, there = (m(images, np.arange(6), saliency, rng=4) for m in (mix, copy))
    np.testing.assert_array_equal(here.images, there.images)
    again = pickle.loads(pickle.dumps(here.plan))
    np.testing.assert_array_equal(again.apply(images), here.images)


@pytest.mark.parametrize("name", BASELINES)
def test_channels_last_is_the_same_mixture(name):
    rng = np.random.default_rng(0)
    images, saliency = batch(rng, 6)
    first = MIXERS[name]()(images, None, saliency, rng=2)
    last = MIXERS[name](channels="last")(np.moveaxis(images, 1, -1), None, saliency, rng=2)
    np.testing.assert_array_equal(np.moveaxis(last.images, -1, 1), first.images)


@given(rng=numbers(), seed=SEEDS, alpha=st.sampled_from([0.2, 1.0, 4.0]))
def test_input_mixup_is_a_convex_combination(alpha, rng, seed):
    images = rng.random((6, 3, 5, 4))
    for mode in ("batch", "elem"):
        mixed = InputMixup(alpha=alpha, mode=mode)(images, rng=seed)
        out, plan = mixed.images, mixed.plan
        lam = plan.share[:, None, None, None]
        np.testing.assert_allclose(out, lam * images + (1 - lam) * images[plan.partner])
        assert sorted(plan.partner) == list(range(6))
        assert (plan.partner != np.arange(6)).all()
        assert (len(set(plan.share.tolist())) == 1) == (mode == "batch")


def test_shares_have_the_moments_of_beta():
    plans = [
        InputMixup(alpha=0.4, mode="elem")(np.zeros((50, 1, 2)), rng=s).plan for s in range(40)
    ]
    shares = np.concatenate([plan.share for plan in plans])
    assert shares.mean() == pytest.approx(0.5, abs=0.04)
    assert shares.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.02)


@given(rng=numbers(), seed=SEEDS, layout=st.sampled_from(list(LAYOUTS)))
def test_cutmix_pastes_one_box(layout, rng, seed):
    images = rng.random((5, 2, *LAYOUTS[layout]))
    for mode in ("batch", "elem"):
        mixed = CutMix(mode=mode)(images, rng=seed)
        out, plan = mixed.images, mixed.plan
        for j in range(5):
            expected = images[j].copy()
            box = (slice(None), *(slice(a, b) for a, b in plan.boxes[j]))
            expected[box] = images[plan.partner[j]][box]
            np.testing.assert_array_equal(out[j], expected)
            pasted = np.zeros(LAYOUTS[layout])
            pasted[box[1:]] = 1
            assert plan.share[j] == pytest.approx(1 - pasted.mean())


@given(seed=SEEDS, layout=st.sampled_from(list(LAYOUTS)), j=st.integers(0, 4))
def test_the_constructor_takes_the_fields_of_a_plan_and_no_other_share(seed, layout, j):
    plan = CutMix(mode="elem")(np.ones((5, 1, *LAYOUTS[layout])), rng=seed).plan
    fields = [plan.partner, plan.share, plan.spatial, plan.key, plan.boxes.copy()]
    again = BoxPlan(*fields)
    fields[-1][:] = 0  # the plan holds a copy
    for name in ("partner", "share", "boxes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(plan, name))
        assert not getattr(again, name).flags.writeable
    share = plan.share.copy()
    share[j] = (share[j] + 0.5) % 1
    with pytest.raises(ValueError, match=rf"share\[{j}\]"):
        BoxPlan(plan.partner, share, plan.spatial, plan.key, plan.boxes)


def test_cutmix_boxes_have_the_area_they_were_drawn_for():
    """Away from the border, the part left free is Beta(alpha, alpha) up to pixels."""
    free = []
    for seed in range(300):
        plan = CutMix()(np.zeros((2, 1, 101, 101)), rng=seed).plan
        sides = np.diff(plan.boxes[0], axis=1)[:, 0]
        inside = (plan.boxes[0] > 0).all() and (plan.boxes[0] < 101).all()
        if inside:
            free.append(plan.share[0])
            assert abs(sides[0] - sides[1]) <= 1
    assert len(free) > 30
    assert 0 < np.min(free) < 0.9 < np.max(free) <= 1


@given(rng=numbers(), seed=SEEDS)
def test_manifold_plans_mix_any_hidden_array(rng, seed):
    layer, plan = ManifoldMixup(n_layers=4).plan(6, rng=seed, step=3)
    assert layer in range(4)
    for shape in ((6,), (6, 8), (6, 4, 2, 2, 2, 2)):
        hidden = rng.normal(size=shape)
        lam = plan.share.reshape((-1,) + (1,) * (hidden.ndim - 1))
        np.testing.assert_allclose(
            plan.apply(hidden), lam * hidden + (1 - lam) * hidden[plan.partner]
        )
    again = ManifoldMixup(n_layers=4).plan(6, rng=seed, step=3)
    assert (again.layer, again.plan.key) == (layer, plan.key)


def test_random_choice_draws_with_its_probabilities():
    images = np.zeros((4, 1, 6, 6))
    mix = RandomChoice([InputMixup(), CutMix(), CutMix(mode="elem")], [3, 1, 0], seed=0)
    kinds = [type(mix(images, step=step).plan) for step in range(200)]
    assert 120 < kinds.count(BlendPlan) < 175
    assert kinds.count(BoxPlan) == 200 - kinds.count(BlendPlan)
    assert not mix.uses_saliency
    assert RandomChoice([InputMixup(), PuzzleMix()]).uses_saliency
    assert not RandomChoice([InputMixup(), PuzzleMix()], [1, 0]).uses_saliency


def test_options_of_a_choice_are_those_of_its_members():
    mix = RandomChoice([InputMixup(num_classes=3, prob=0.0), CutMix(num_classes=3, off_epoch=0)])
    images = np.random.default_rng(0).random((4, 1, 6, 6))
    for step in range(8):
        mixed = mix(images, [0, 1, 2, 0], rng=0, step=step)
        np.testing.assert_array_equal(mixed.images, images)
        assert mixed.labels.shape == (4, 3)
        assert isinstance(mixed.plan, MixPlan)


BAD = [
    (lambda: InputMixup(alpha=0), "alpha"),
    (lambda: CutMix(mode="pair"), "mode"),
    (lambda: CutMix(prob=1.5), "prob"),
    (lambda: CutMix(label_smoothing=-0.1), "label_smoothing"),
    (lambda: CutMix(off_epoch=-1), "off_epoch"),
    (lambda: CutMix(channels="middle"), "channels"),
    (lambda: ManifoldMixup(n_layers=0), "n_layers"),
    (lambda: ManifoldMixup(alpha=-1), "alpha"),
    (lambda: ManifoldMixup().plan(0), "n needs"),
    (lambda: RandomChoice([]), "at least one"),
    (lambda: RandomChoice([CutMix, InputMixup()]), r"mixers\[0\]"),
    (lambda: RandomChoice([RandomChoice([CutMix()])]), r"mixers\[0\]"),
    (lambda: RandomChoice([CutMix(num_classes=2), InputMixup()]), "same num_classes"),
    (lambda: RandomChoice([CutMix()], [0.0]), "not all 0"),
    (lambda: RandomChoice([CutMix()], [1, 2]), "1 numbers"),
    (lambda: CutMix()(np.zeros((2, 3)), rng=0), "shape"),
    (lambda: CutMix()(np.zeros((2, 3, 4, 4)), [0, 1], rng=0), "num_classes"),
    (lambda: CutMix()(np.zeros((2, 3, 4, 4)), epoch=-1), "epoch"),
    (lambda: CutMix()(np.zeros((2, 3, 4, 4)), rank=2**31), "rank"),
    (lambda: CutMix()(np.zeros((2, 3, 4, 4)), step=2**63), "step"),
    (lambda: BlendPlan([2, 0], [0.5, 0.5], (1,)), "partner"),
    (lambda: BlendPlan([1, 0], [0.5, 1.5], (1,)), "share"),
    (lambda: BoxPlan.from_boxes([0], [[[0, 3]]], spatial=(2,)), r"boxes\[0\]"),
    (lambda: BoxPlan.from_boxes([0], [[0, 3]], spatial=(2,)), "shape"),
    (lambda: BoxPlan.from_boxes([0], [[[0, 1]]], spatial=(2,)).apply(np.zeros(1)), "spatial"),
    (lambda: BoxPlan.from_boxes([0], [[[0, 0]]], spatial=(0,)), "spatial needs an integer >= 1"),
    (lambda: BoxPlan.from_boxes([0], np.zeros((1, 0, 2), int), spatial=()), "at least one axis"),
    (lambda: BoxPlan([1, 0], [0.5, 0.5], (4,)), "from_boxes"),
    (lambda: BoxPlan([0], [0.5], (4,), None, [[[0, 3]]]), r"share\[0\] is 0\.5 .* leaves 0\.25"),
    (lambda: BoxPlan([0], [1.0], (4,), None, [[[3, 2]]]), r"boxes\[0\]"),
    (lambda: BlendPlan([0], [1.0], (4, 0)), "spatial needs an integer >= 1"),
    (lambda: BlendPlan([1, 0], [1, 1], (2,)).apply(np.zeros((3, 2))), "2 inputs"),
    (lambda: BlendPlan([1, 0], [1, 1], ()).interpolate_loss(abs, [1]), "labels needs"),
    (lambda: BlendPlan([1, 0], [1, 1], ()).interpolate_loss(np.mean, [1, 2]), "reduction='none'"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_refused_with_a_way_out(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_nothing_global_is_drawn_from():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    for make in MIXERS.values():
        make()(np.random.default_rng(0).random((4, 2, 8, 8)))
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("name", MIXERS)
def test_saliency_and_labels_of_a_wrong_kind_are_refused_by_all(name):
    rng = np.random.default_rng(0)
    images, saliency = batch(rng, 4)
    mix = MIXERS[name](num_classes=4)
    labels = np.arange(4)
    mix(images, labels, "contrast")
    mix(images, labels)
    for wrong in (labels, saliency[:3], images, saliency[:, :, 0]):
        with pytest.raises(ValueError, match=r"saliency needs .* got the shape"):
            mix(images, labels, wrong, rng=0)
    with pytest.raises(ValueError, match="saliency must be one of"):
        mix(images, labels, "bright", rng=0)
    rows = np.eye(4)
    rows[2, 1] = -0.25
    for wrong in (rows, (4 * rows).astype(int), rows.astype(np.float32)):
        with pytest.raises(ValueError, match=r"labels\[2, 1\] is -(0.25|1) \(1 such"):
            mix(images, wrong, saliency, rng=0)
    mix(images, np.array([[1, 0, 1, 1]] * 4, dtype=bool), saliency, rng=0)
