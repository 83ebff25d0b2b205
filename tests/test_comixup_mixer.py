"""CoMixup from end to end: laws, groups, random streams, layouts, and errors at the front door."""

import ast
import pathlib
import pickle
import types
from importlib import import_module

import numpy as np
import pytest
import recorded
from drawn import many, numbers
from hypothesis import given
from hypothesis import strategies as st

import comixup
import subopt
from comixup import CoMixup, CutMix, InputMixup, MixPlan, RandomChoice
from comixup._base.patch_saliency import weights_and_peaks
from comixup._base.streams import stream
from comixup.evaluate import calibration
from comixup.mixers import _comixup_terms as problem
from comixup.mixers import comixup as mixer

SEEDS = st.integers(0, 2**32 - 1)
LAYOUTS = {"signal": (21,), "image": (11, 9), "volume": (5, 6, 7)}


def shuffling_solver(
    problems, *, rng, threads=None, method="search", effort="fast", time_limit=None
):
    """Any labeling, drawn from the stream of the group: the layer has to cope with all of them."""
    results = []
    for p, generator in zip(problems, rng, strict=True):
        sources = np.sort(
            generator.integers(0, p.n_inputs, (p.n_outputs, *p.grid, p.levels)), axis=-1
        )
        value = p.energy(p.shares(sources))
        results.append(types.SimpleNamespace(sources=sources, value=value))
    return results


@pytest.fixture(params=["solver", "any labeling"])
def solved_by(request, monkeypatch):
    if request.param == "any labeling":
        monkeypatch.setattr(mixer, "minimize_many", shuffling_solver)
    return request.param


@pytest.fixture
def any_labeling(monkeypatch):
    monkeypatch.setattr(mixer, "minimize_many", shuffling_solver)


def batch(n, spatial=(11, 9), *, seed=0, dtype=np.float32, channels="first"):
    rng = np.random.default_rng(seed)
    images = rng.random((n, 3, *spatial)) * 255
    if channels == "last":
        images = np.moveaxis(images, 1, -1)
    return images.astype(dtype), rng.random((n, *spatial))


@pytest.mark.parametrize("n", [1, 2, 5, 6, 7, 13])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_any_batch_of_any_shape(solved_by, n, layout, dtype):
    images, saliency = batch(n, LAYOUTS[layout], dtype=dtype)
    labels = np.arange(n) % 4
    before = images.copy(), saliency.copy(), labels.copy()
    mixed = CoMixup(group_size=6, grid=3, num_classes=4).mix(images, labels, saliency, rng=0)
    assert mixed.images.shape == images.shape
    assert mixed.images.dtype == dtype
    assert mixed.labels.shape == (n, 4)
    assert mixed.plan.group_edges.tolist() == [*range(0, n, 6), n]
    np.testing.assert_allclose(mixed.labels.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(mixed.images, mixed.plan.apply(images))
    np.testing.assert_array_equal(mixed.labels, mixed.plan.apply_labels(labels, num_classes=4))
    for now, then in zip((images, saliency, labels), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_group_of_one_returns_itself(solved_by):
    images, saliency = batch(3)
    with pytest.warns(UserWarning, match="group_size=1 mixes nothing") as said:
        mixer = CoMixup(group_size=1)
    assert said[0].filename == __file__
    mixed = mixer.mix(images, np.eye(3), saliency, rng=0)
    np.testing.assert_array_equal(mixed.images, images)
    np.testing.assert_array_equal(mixed.labels, np.eye(3))


def test_channels_last_is_the_same_mixture(any_labeling):
    images, saliency = batch(7)
    first = CoMixup(grid=3).mix(images, saliency=saliency, rng=0)
    last = CoMixup(grid=3, channels="last").mix(
        np.moveaxis(images, 1, -1), saliency=saliency, rng=0
    )
    np.testing.assert_array_equal(np.moveaxis(last.images, -1, 1), first.images)
    assert first.labels is None


def test_images_can_come_from_elsewhere(any_labeling):
    class Tensor:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    images, saliency = batch(4)
    expected = CoMixup().mix(images, saliency=saliency, rng=0)
    found = CoMixup().mix(Tensor(images), saliency=saliency.tolist(), rng=0)
    np.testing.assert_array_equal(found.images, expected.images)


@given(rng=numbers(), seed=SEEDS, step=st.integers(0, 2**40))
def test_streams_depend_on_seed_step_and_group_alone(rng, seed, step):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixer, "minimize_many", shuffling_solver)
        saliency = many(rng, 7, 6, 6) + 0.125
        whole = CoMixup(group_size=3, grid=2).plan(saliency, rng=seed, step=step)
        part = CoMixup(group_size=3, grid=2).plan(saliency[3:], rng=seed, step=step, first_group=1)
        np.testing.assert_array_equal(whole.sources[3:], part.sources + 3)
        np.testing.assert_array_equal(whole.energies[1:], part.energies)
        np.testing.assert_array_equal(whole.keys[1:], part.keys)
        other = CoMixup(group_size=3, grid=2).plan(saliency, rng=seed, step=step + 1)
        assert (other.sources != whole.sources).any()


def test_streams_of_groups_differ():
    draws = {
        stream(seed, step, group).integers(2**62)
        for seed in (0, 1, 2**80) for step in range(5) for group in range(5)
    }  # fmt: skip
    assert len(draws) == 75


def test_threads_do_not_matter():
    images, saliency = batch(23)
    plans = [
        CoMixup(group_size=4, grid=3, threads=t).mix(images, saliency=saliency, rng=5).plan
        for t in (1, 2, 4)
    ]
    for plan in plans[1:]:
        np.testing.assert_array_equal(plan.sources, plans[0].sources)
        np.testing.assert_array_equal(plan.energies, plans[0].energies)


def test_the_seed_of_a_call(any_labeling):
    saliency = batch(6)[1]
    seeded, fresh = CoMixup(seed=3), CoMixup()
    assert seeded.plan(saliency).seed == seeded.plan(saliency).seed == 3
    assert seeded.plan(saliency, rng=4).seed == 4
    assert fresh.plan(saliency).seed != fresh.plan(saliency).seed
    generator = np.random.default_rng(0)
    first, second = fresh.plan(saliency, rng=generator), fresh.plan(saliency, rng=generator)
    assert first.seed != second.seed
    again = fresh.plan(saliency, rng=first.seed)  # what a plan records repeats it
    np.testing.assert_array_equal(again.sources, first.sources)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    fresh.plan(saliency)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_the_published_update_rule_group_by_group():
    saliency = batch(7)[1]
    plan = CoMixup(group_size=4, grid=3, mode="published").plan(saliency, rng=5, step=2)
    weights, peaks, _ = weights_and_peaks(saliency, 3, zero_saliency="raise")
    for g, part in enumerate((slice(0, 4), slice(4, 7))):
        rng = stream(5, 2, g)
        prior = rng.dirichlet(np.full(part.stop - part.start, 2.0))
        of_group = CoMixup()._problem(weights[part], peaks[part], prior)
        expected = subopt.minimize(of_group, method="published", rng=rng)
        np.testing.assert_array_equal(plan.sources[part] - part.start, expected.sources)
        assert plan.energies[g] == expected.value


@given(rng=numbers())
def test_a_permutation_of_inputs_leaves_the_energy(rng):
    """Energies of a labeling do not depend on what the inputs are called."""
    m = int(rng.integers(1, 7))
    weights, peaks, _ = weights_and_peaks(rng.random((m, 7, 8)) + 1e-3, 3, zero_saliency="raise")
    prior = rng.dirichlet(np.full(m, 2.0))
    order = rng.permutation(m)
    sources = rng.integers(0, m, (m, 3, 3, 2))
    mix = CoMixup(distance_weight=0.3, threshold=float(rng.random()))
    there = mix._problem(weights, peaks, prior)
    here = mix._problem(weights[order], peaks[order], prior[order])
    renamed = np.argsort(order)[sources]  # input i is now called argsort(order)[i]
    assert here.energy(here.shares(renamed)) == pytest.approx(
        there.energy(there.shares(sources)), abs=1e-12
    )


@given(rng=numbers(), seed=SEEDS)
def test_recorded_energies_are_those_of_the_mixture(rng, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixer, "minimize_many", shuffling_solver)
        maps = rng.random((5, 8, 8)) + 1e-3
        mix = CoMixup(group_size=3)
        plan = mix.plan(maps, rng=seed)
        weights, peaks, _ = weights_and_peaks(maps, 4, zero_saliency="raise")
        prior = stream(seed, 0, 1).dirichlet([2.0, 2.0])
        p = mix._problem(weights[3:], peaks[3:], prior)
        shares = p.shares(plan.sources[3:] - 3)
        assert p.energy(shares) == pytest.approx(plan.energies[1], abs=1e-12)


@given(rng=numbers())
def test_the_terms_of_the_problem(rng):
    m = int(rng.integers(2, 6))
    peaks = rng.integers(0, 4, (m, 2)).astype(float)
    A = problem.compatibility(peaks, 0.25)
    D = np.array([[sum(abs(p - q)) for q in peaks] for p in peaks])
    expected = np.eye(m) if D.sum() == 0 else 0.75 * np.eye(m) + 0.25 * m * D / D.sum()
    np.testing.assert_allclose(A, expected)
    weights, prior = rng.random((m, 2, 3)), rng.dirichlet(np.ones(m))
    c = problem.unary(weights, prior, 0.05)
    i, r, k = (int(rng.integers(s)) for s in weights.shape)
    assert c[i, r, k] == pytest.approx(-weights[i, r, k] - 0.05 / 6 * np.log(prior[i]))


def test_coinciding_positions_and_impossible_priors_stay_finite():
    np.testing.assert_array_equal(problem.compatibility(np.ones((3, 2)), 0.5), np.eye(3))
    assert np.isfinite(problem.unary(np.ones((2, 4)), np.array([0.0, 1.0]), 0.05)).all()
    CoMixup(prior_concentration=1e-300, group_size=3).plan(np.ones((3, 4, 4)), rng=0)


def test_published_prior_and_compatibility(data_dir):
    """The published unaries are a saliency and one Dirichlet draw per group, as ours are."""
    spread = []
    for case in recorded.coupled(data_dir):
        saliency, c = case.saliency.astype(float), case.problem.unary
        m, N = len(c), c[0].size
        log_prior = -(c + saliency).reshape(m, -1) * N / 0.05
        assert np.ptp(log_prior, axis=1).max() < 1e-3
        prior = np.exp(log_prior.mean(axis=1))
        assert prior.sum() == pytest.approx(1, abs=1e-3)
        np.testing.assert_allclose(problem.unary(saliency, prior, 0.05), c, atol=1e-6)
        spread.append(prior.var() * m**2 * (2 * m + 1) / (m - 1))  # expected: 1 for Dirichlet(2)
        A = case.problem.compatibility
        np.testing.assert_allclose(np.diag(A), 1 - case.omega, atol=1e-5)
        assert (A - np.diag(np.diag(A))).sum() == pytest.approx(case.omega * m, rel=1e-3)
    assert 0.7 < np.mean(spread) < 1.4


def test_saliency_per_patch_is_saliency(any_labeling):
    images, saliency = batch(5, (12, 12))
    pooled = comixup.patch_weights(saliency, 3)
    mix = CoMixup(grid=3, distance_weight=0.0)
    by_pixel = mix.mix(images, saliency=saliency, rng=0).plan
    by_patch = mix.mix(images, saliency=pooled, rng=0).plan
    np.testing.assert_allclose(by_patch.energies, by_pixel.energies)
    assert by_patch.spatial == (12, 12)


def test_batches_that_others_rebuild_have_no_plan():
    mixed = CoMixup(grid=1, zero_saliency="uniform")(np.ones((2, 1, 4, 4)), rng=0)
    again = mixed._replace(labels=3)
    assert (again.labels, again.plan) == (3, None)
    assert "NoneType" in repr(again)


def test_reprs_show_what_differs_from_the_default_and_no_arrays():
    assert repr(CutMix()) == "CutMix()"
    assert repr(CoMixup(num_classes=3, grid=(2, 3), seed=0)) == (
        "CoMixup(num_classes=3, seed=0, grid=(2, 3))"
    )
    choice = RandomChoice([CutMix(num_classes=3), InputMixup(num_classes=3)], [1, 3], seed=4)
    assert repr(choice) == (
        "RandomChoice([CutMix(num_classes=3), InputMixup(num_classes=3)], [1.0, 3.0], seed=4)"
    )
    names = {name: getattr(comixup, name) for name in comixup.__all__}
    for mix in (choice, CoMixup(grid=(2, 3)), CutMix(alpha=0.5, layout="BTCHW", prob=0.1)):
        assert eval(repr(mix), names) == mix
    plan = CutMix(seed=0).mix(np.zeros((2, 1, 8, 8))).plan
    assert repr(plan.apply_boxes([[[0, 0, 8, 8]], []])[0]) == "MixedBoxes(1 boxes of inputs [0])"
    points = plan.apply_points([[[1.5, 2.5]], [[1.5, 2.5]]])[0]
    assert repr(points) == f"MixedPoints(1 points of inputs {points.sources.tolist()})"
    result = calibration([[0.25, 0.75], [1.0, 0.0]], [1, 0], bins=4)
    assert repr(result) == "Calibration(ece=0.125, mce=0.25, 2 samples in 4 bins)"


def test_calling_is_mixing(any_labeling):
    images, saliency = batch(3)
    mix = CoMixup(num_classes=2)
    mixed = mix(images, [0, 1, 1], saliency, rng=1, step=2)
    out, labels = mixed
    assert isinstance(mixed.plan, MixPlan)
    assert mixed.plan.keys.tolist() == [[2, 0]]
    assert (out.shape, labels.shape) == (images.shape, (3, 2))
    assert repr(mixed) == (
        "MixedBatch(images=<float32 (3, 3, 11, 9)>, labels=<float32 (3, 2)>, plan=MixPlan)"
    )
    again = pickle.loads(pickle.dumps(mix.mix(images, [0, 1, 1], saliency, rng=1, step=2)))
    np.testing.assert_array_equal(again.images, out)
    np.testing.assert_array_equal(again.plan.sources, mixed.plan.sources)


IMAGES, SALIENCY = batch(4)
NAN = np.where(np.arange(9) == 8, np.nan, IMAGES)
BAD_INPUT = [
    ({"images": NAN}, ValueError, r"images\[0, 0, 0, 8\] is nan"),
    ({"images": np.where(np.isnan(NAN), np.inf, NAN)}, ValueError, r"images\[0, 0, 0, 8\] is inf"),
    ({"images": IMAGES[:, 0]}, ValueError, r"layout='BHW' \(gray images of 11 x 9 pixels\)"),
    ({"images": IMAGES[0, 0]}, ValueError, r"images\[:, None\]"),
    ({"images": IMAGES[:0]}, ValueError, "no empty axis"),
    ({"images": IMAGES.astype(int)}, TypeError, "astype"),
    ({"images": IMAGES.astype(object)}, TypeError, "dtype object"),
    ({"images": "cat.png"}, TypeError, "images needs"),
    ({"images": [[1.0], [1.0, 2.0]]}, ValueError, "ragged"),
    ({"images": IMAGES[..., :3]}, ValueError, "grid is"),
    ({"saliency": SALIENCY[:3]}, ValueError, r"\(4, 11, 9\), or at another resolution"),
    ({"saliency": IMAGES}, ValueError, "from_gradient"),
    ({"saliency": -SALIENCY}, ValueError, "numbers >= 0"),
    ({"saliency": SALIENCY * np.nan}, ValueError, r"samples 0 \(not finite\)"),
    ({"saliency": SALIENCY * [[[0]], [[1]], [[1]], [[1]]]}, ValueError, r"sample 0 \(zero\)"),
    ({"labels": [0, 1, 2]}, ValueError, "4 inputs"),
    ({"labels": [0, 1, 2, 9]}, ValueError, r"labels\[3\] is 9"),
    ({"labels": np.full((4, 5), np.nan)}, ValueError, r"labels\[0, 0\] is nan"),
    ({"rng": "seed"}, TypeError, "rng needs a seed"),
    ({"rng": -1}, ValueError, "rng needs a seed >= 0"),
    ({"rng": True}, TypeError, "rng needs a seed"),
    ({"step": -1}, ValueError, "step"),
    ({"step": 0.5}, TypeError, "step"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD_INPUT)
def test_bad_input_is_refused_with_a_way_out(change, error, message):
    good = {"images": IMAGES, "labels": [0, 1, 2, 3], "saliency": SALIENCY, "rng": 0, "step": 0}
    mix = CoMixup(num_classes=5)
    mix.mix(**good)
    with pytest.raises(error, match=message):
        mix.mix(**{**good, **change})


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "group_size": [0, 2.5, True, "20"],
        "grid": [0, "4", (4, 0), 4.0],
        "smoothness": [-1, np.nan, "x", None],
        "coupling": [-1, np.inf],
        "threshold": [-0.1, None],
        "threshold_kind": ["firm", None],
        "prior_weight": [-1, np.nan, True],
        "prior_concentration": [0, -1, np.inf],
        "distance_weight": [-0.1, 1.1],
        "levels": [0, 3, True],
        "effort": ["slow", 1],
        "mode": ["paper", None],
        "num_classes": [0, 1.5],
        "channels": ["middle", 1],
        "zero_saliency": ["ignore", None],
        "seed": [-1, 1.5, "x"],
        "threads": [0, 1.5],
        "time_limit": [-1, np.nan, "x"],
    }.items(),
)
def test_bad_parameters_are_refused_by_name(name, values):
    for value in values:
        with pytest.raises((ValueError, TypeError), match=name):
            CoMixup(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "smoothness": 5.0, "coupling": 0.0, "threshold": 0.0, "threshold_kind": "soft",
        "prior_weight": 1.0, "prior_concentration": 50.0, "distance_weight": 0.9, "levels": 1,
        "grid": 2, "group_size": 3, "effort": "best", "mode": "published", "threads": 2,
        "time_limit": 9.0,
    }.items(),
)  # fmt: skip
def test_every_parameter_reaches_the_solver(monkeypatch, name, value):
    """No option is accepted and ignored: what the solver is given changes with each."""

    def given(mix):
        seen = []

        def spy(problems, *, rng, **options):
            for p in problems:
                arrays = (p.unary.tobytes(), p.compatibility.tobytes(), p.unary.shape)
                scalars = (p.smoothness, p.coupling, p.threshold, p.threshold_kind, p.levels)
                seen.append((arrays, scalars))
            seen.append(options)
            return shuffling_solver(problems, rng=rng)

        monkeypatch.setattr(mixer, "minimize_many", spy)
        mix.plan(SALIENCY, rng=0)
        return seen

    assert given(CoMixup(**{name: value})) != given(CoMixup())
    assert given(CoMixup()) == given(CoMixup())


def test_zero_saliency_can_be_uniform(any_labeling):
    saliency = SALIENCY.copy()
    saliency[1] = 0
    saliency[2, 0, 0] = np.inf
    mixed = CoMixup(zero_saliency="uniform").mix(IMAGES, saliency=saliency, rng=0)
    assert np.isfinite(mixed.plan.energies).all()


PUBLIC = ("subopt", "subopt.compiling", "subopt.executors", "subopt.interop")


def test_only_public_names_of_subopt_are_used():
    folder = pathlib.Path(comixup.__file__).parent
    used = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                used |= {a.name for a in node.names if a.name.split(".")[0] == "subopt"}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "subopt":
                assert node.module in PUBLIC, path
                used |= {a.name for a in node.names}
    public = {"__version__", *(n for name in PUBLIC for n in import_module(name).__all__)}
    assert used <= public
    assert {"CoupledLabelingProblem", "max_flow_many", "minimize_many"} <= used


def test_gray_images_without_a_channel_axis_are_pointed_to():
    gray = np.zeros((4, 11, 9), np.uint8)
    with pytest.raises(ValueError, match=r"one instead: images\[:, None\]"):
        CoMixup(grid=2).mix(gray, None, np.ones((4, 11, 9)))
    square = np.random.default_rng(0).random((4, 8, 8))
    with pytest.raises(ValueError, match=r"images\[:, None\]"):
        CoMixup(grid=2).mix(square)
    signals = CoMixup(grid=2, layout="BCL").mix(square, None, "contrast")
    assert signals.images.shape == square.shape
    assert signals.plan.grid == (2,)


def test_a_column_of_class_indices_is_pointed_to():
    images = np.zeros((4, 1, 8, 8), np.uint8)
    with pytest.raises(ValueError, match=r"labels\[:, 0\]"):
        CoMixup().mix(images, np.arange(4)[:, None], np.ones((4, 8, 8)))
