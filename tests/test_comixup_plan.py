"""MixPlan: what it does to images, labels and masks, and how it is kept."""

import contextlib
import itertools
import subprocess
import sys

import naive_comixup as naive
import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from comixup import MixPlan

SHAPES = {
    "signal": ((11,), (4,)),
    "one patch": ((5, 3), (1, 1)),
    "even": ((8, 8), (4, 4)),
    "uneven": ((7, 10), (3, 4)),
    "volume": ((5, 4, 6), (2, 3, 4)),
}
SEEDS = st.integers(0, 2**32 - 1)


def random_plan(rng, shape, *, n=7, levels=2):
    spatial, grid = SHAPES[shape]
    cuts = np.flatnonzero(rng.random(n - 1) < 0.3) + 1
    edges = np.concatenate([[0], cuts, [n]])
    sources = np.concatenate(
        [rng.integers(a, b, (b - a, *grid, levels)) for a, b in itertools.pairwise(edges)]
    )
    single = rng.random(sources.shape[:-1]) < 0.5
    sources[single] = sources[single][:, :1]
    return MixPlan.from_sources(np.sort(sources, axis=-1), spatial=spatial, group_edges=edges)


def random_array(rng, shape, dtype):
    """An array of at most 251 drawn numbers, repeated; no axis has a multiple of so many."""
    count = min(int(np.prod(shape)), 251)
    if np.dtype(dtype).kind == "f":
        drawn = rng.normal(size=count) * 100
    else:
        info = np.iinfo(dtype)
        ends = [0, 1, 2, 3, 200, info.max, info.max - 1, info.min, info.min + 1]
        drawn = np.array(ends, dtype)[rng.integers(0, len(ends), count)]
    return np.resize(drawn.astype(dtype), shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("levels", [1, 2])
@given(
    rng=numbers(),
    dtype=st.sampled_from(["u1", "u2", "f2", "f4", ">f4", "f8"]),
    channels=st.sampled_from(["first", "last"]),
    extra=st.sampled_from([(), (3,), (2, 3)]),
)
def test_apply_is_the_definition_pixel_by_pixel(shape, levels, dtype, channels, extra, rng):
    plan = random_plan(rng, shape, levels=levels)
    spatial = tuple(s + int(rng.integers(0, 3)) for s in plan.spatial)
    array = random_array(
        rng, (7, *extra, *spatial) if channels == "first" else (7, *spatial, *extra), dtype
    )
    before = array.copy()
    array.setflags(write=False)
    mixed = plan.apply(array, channels=channels)
    expected = naive.apply(plan.sources, array, n_spatial=len(spatial), channels=channels)
    assert mixed.dtype == array.dtype
    np.testing.assert_array_equal(mixed, expected)
    np.testing.assert_array_equal(array, before)
    assert mixed.flags.writeable
    assert not np.shares_memory(mixed, array)


@pytest.mark.parametrize("dtype", [bool, "i1", "i8", "u8", "f2", "f4"])
@given(rng=numbers())
def test_masks_keep_one_of_two_classes(dtype, rng):
    plan = random_plan(rng, "uneven")
    masks = rng.integers(0, 2, (7, *plan.spatial)).astype(dtype)
    mixed = plan.apply(masks, blend="first")
    expected = naive.apply(plan.sources, masks, n_spatial=2, blend="first")
    assert mixed.dtype == masks.dtype
    np.testing.assert_array_equal(mixed, expected)


@given(rng=numbers())
def test_signed_means_round_halves_up_without_overflow(rng):
    plan = random_plan(rng, "uneven")
    array = random_array(rng, (7, *plan.spatial), "i8")
    expected = naive.apply(plan.sources, array, n_spatial=2)
    np.testing.assert_array_equal(plan.apply(array, blend="mean"), expected)


@given(rng=numbers())
def test_views_and_special_values_are_copied_exactly(rng):
    plan = random_plan(rng, "even", levels=1)
    wide = rng.choice([np.nan, np.inf, -np.inf, 5e-324, 1e308, -0.0], (7, 8, 16))
    view = wide[:, ::-1, ::2]
    np.testing.assert_array_equal(plan.apply(view), naive.apply(plan.sources, view, n_spatial=2))


@pytest.mark.parametrize("shape", SHAPES)
@given(rng=numbers(), levels=st.sampled_from([1, 2]))
def test_shares_are_true_to_area(shape, levels, rng):
    plan = random_plan(rng, shape, levels=levels)
    np.testing.assert_allclose(plan.shares, naive.shares(plan.sources, plan.spatial), atol=1e-12)
    np.testing.assert_allclose(plan.shares.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_array_equal(plan.n_sources, (plan.shares > 0).sum(axis=1))


@pytest.mark.parametrize("shape", SHAPES)
@given(rng=numbers())
def test_labels_follow_the_pixels(shape, rng):
    """Images that are constant, with the label as their value, mix to images with its mean."""
    plan = random_plan(rng, shape)
    labels = rng.random((7, 3))
    images = np.broadcast_to(labels.reshape(7, 3, *(1,) * len(plan.grid)), (7, 3, *plan.spatial))
    mean = plan.apply(images).reshape(7, 3, -1).mean(axis=-1)
    np.testing.assert_allclose(plan.apply_labels(labels), mean, rtol=1e-12)


@given(rng=numbers())
def test_class_indices_are_one_hot_rows(rng):
    plan = random_plan(rng, "uneven")
    labels = rng.integers(0, 5, 7)
    mixed = plan.apply_labels(labels, num_classes=5)
    assert mixed.dtype == np.float32
    np.testing.assert_array_equal(mixed, plan.apply_labels(np.eye(5, dtype=int)[labels]))
    np.testing.assert_array_equal(mixed, plan.apply_labels(np.eye(5, dtype=bool)[labels]))
    np.testing.assert_allclose(mixed, plan.apply_labels(np.eye(5)[labels]), rtol=1e-6)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, rtol=1e-6)


def test_label_shares_depend_on_the_size_only_through_uneven_patches():
    plan = MixPlan.from_sources([[[0], [1]], [[0], [1]]], spatial=(5,))
    labels = np.eye(2)
    np.testing.assert_allclose(plan.apply_labels(labels), [[0.4, 0.6]] * 2)
    np.testing.assert_allclose(plan.apply_labels(labels, spatial=(4,)), [[0.5, 0.5]] * 2)
    with pytest.raises(ValueError, match="1 axes"):
        plan.apply_labels(labels, spatial=(4, 4))
    with pytest.raises(ValueError, match="one pixel per patch"):
        plan.apply_labels(labels, spatial=(1,))


def test_the_identity_plan_changes_nothing():
    own = np.arange(4).reshape(4, 1, 1, 1)
    plan = MixPlan.from_sources(np.broadcast_to(own, (4, 3, 3, 2)), spatial=(10, 10))
    images = np.random.default_rng(0).random((4, 3, 10, 10))
    np.testing.assert_array_equal(plan.apply(images), images)
    np.testing.assert_array_equal(plan.shares, np.eye(4))
    assert not plan.divided.any()


ARRAYS = [
    (np.ones((6, 3, 7, 10)), {}, ValueError, "7 inputs of the plan"),
    (np.ones((7, 3, 2, 10)), {}, ValueError, "channels='last'"),
    (np.ones((7, 10)), {}, ValueError, "2 spatial axes"),
    (np.ones(()), {}, ValueError, "one entry for each"),
    (np.ones((7, 7, 10), dtype=np.int64), {}, TypeError, "blend='first'"),
    (np.ones((7, 7, 10), dtype=bool), {}, TypeError, "blend='first'"),
    (np.ones((7, 7, 10), dtype=bool), {"blend": "mean"}, TypeError, "blend='first'"),
    (np.ones((7, 7, 10), dtype=np.uint64), {"blend": "mean"}, TypeError, "float32"),
    (np.ones((7, 7, 10)), {"blend": "max"}, ValueError, "'mean', 'first'"),
    (np.ones((7, 7, 10)), {"channels": "middle"}, ValueError, "'first', 'last'"),
    (np.full((7, 7, 10), None), {}, TypeError, "dtype object"),
    (np.ones((7, 7, 10), dtype=np.longdouble), {}, ValueError, "8 bytes"),
]


@pytest.mark.parametrize(("array", "options", "error", "message"), ARRAYS)
def test_arrays_that_do_not_fit_are_refused(array, options, error, message):
    plan = random_plan(np.random.default_rng(0), "uneven")
    with pytest.raises(error, match=message):
        plan.apply(array, **options)


LABELS = [
    ([0] * 7, {}, ValueError, "num_classes is needed"),
    ([0, 1, 2, 3, 4, 5, 6], {"num_classes": 5}, ValueError, r"labels\[5\] is 5 \(2 such"),
    ([0, -1, 2, 3, 4, 4, 4], {"num_classes": 5}, ValueError, r"labels\[1\] is -1"),
    ([0.0] * 7, {"num_classes": 5}, TypeError, "class indices"),
    ([0] * 6, {"num_classes": 5}, ValueError, "7 inputs"),
    (np.ones((7, 4)), {"num_classes": 5}, ValueError, "4 classes per row, but num_classes is 5"),
    (np.ones((7, 0)), {}, ValueError, "at least one class"),
    (np.ones((7, 2, 2)), {}, ValueError, r"shape \(7, 2, 2\)"),
    (np.full((7, 2), np.nan), {}, ValueError, r"labels\[0, 0\] is nan"),
    (np.full((7, 2), np.inf), {}, ValueError, r"labels\[0, 0\] is inf"),
    (["cat"] * 7, {}, TypeError, "class indices"),
    ([0] * 7, {"num_classes": 0}, ValueError, "num_classes needs an integer >= 1"),
    ([0] * 7, {"num_classes": 2.0}, TypeError, "num_classes needs an integer"),
]


@pytest.mark.parametrize(("labels", "options", "error", "message"), LABELS)
def test_labels_that_do_not_fit_are_refused(labels, options, error, message):
    plan = random_plan(np.random.default_rng(0), "uneven")
    with pytest.raises(error, match=message):
        plan.apply_labels(labels, **options)


GOOD = {
    "sources": np.zeros((2, 3, 2), dtype=int),
    "group_edges": np.array([0, 2]),
    "energies": np.array([-1.0]),
    "spatial": (6,),
    "seed": 2**100,
    "keys": np.array([[0, 0]]),
}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sources", np.zeros((2, 3, 2)), "integers"),
        ("sources", np.zeros((2, 3, 3), dtype=int), "1 or 2 levels, got 3"),
        ("sources", np.full((2, 3, 2), 2), r"0 to 1 for output 0, but sources\[0, 0, 0\] is 2"),
        ("sources", np.full((2, 3, 2), -1), "own group"),
        ("sources", np.zeros((0, 3, 2), dtype=int), "no empty axis"),
        ("group_edges", np.array([0, 1]), "increasing integers from 0 to 2"),
        ("group_edges", np.array([0, 0, 2]), "increasing integers from 0 to 2"),
        ("energies", np.zeros(2), "one row per group"),
        ("keys", np.zeros((1, 3), dtype=int), "one row per group"),
        ("spatial", (2,), "one pixel per patch"),
        ("spatial", (6, 6), "1 axes"),
        ("seed", -1, "seed >= 0"),
    ],
)
def test_fields_that_do_not_fit_are_refused(name, value, message):
    MixPlan(**GOOD)
    with pytest.raises(ValueError, match=message):
        MixPlan(**{**GOOD, name: value})


def test_groups_do_not_mix():
    with pytest.raises(ValueError, match="2 to 3 for output 2"):
        MixPlan.from_sources([[[0]], [[0]], [[1]], [[3]]], spatial=(4,), group_edges=[0, 2, 4])


def assert_same(plan, other):
    for name in ("sources", "group_edges", "energies", "keys"):
        np.testing.assert_array_equal(getattr(plan, name), getattr(other, name))
    assert (plan.spatial, plan.seed) == (other.spatial, other.seed)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_saved_plan_is_the_same_plan(shape, tmp_path):
    plan = random_plan(np.random.default_rng(0), shape)
    plan.save(tmp_path / "plan.npz")
    assert_same(MixPlan.load(tmp_path / "plan.npz"), plan)
    assert [p.name for p in tmp_path.iterdir()] == ["plan.npz"]


def test_saving_never_overwrites_unasked(tmp_path):
    plan = MixPlan(**GOOD)
    path = tmp_path / "plan.npz"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        plan.save(path)
    assert path.read_text("utf-8") == "precious"
    plan.save(path, overwrite=True)
    assert MixPlan.load(path).seed == 2**100


def test_a_failed_save_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(np, "savez_compressed", lambda file, **fields: file.write(b"x") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        MixPlan(**GOOD).save(tmp_path / "plan.npz")
    assert not list(tmp_path.iterdir())


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_flipped_byte_is_refused_or_harmless(place, flip, tmp_path_factory):
    path = tmp_path_factory.mktemp("plans") / "plan.npz"
    plan = MixPlan.from_sources(np.zeros((2, 2, 2, 1), int), spatial=(4, 4))
    plan.save(path)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= flip
    path.write_bytes(data)
    with contextlib.suppress(ValueError):  # nothing else: no error of the archive gets out
        assert np.array_equal(MixPlan.load(path).sources, plan.sources)


def garbage_files():
    yield "text", lambda path: path.write_text("hello", encoding="utf-8"), "damaged"
    yield "empty", lambda path: path.write_bytes(b""), "damaged"
    yield "one array", _single_array, "single array"
    yield "other arrays", lambda path: np.savez(path, a=1), "lacks format, sources"
    yield "pickle", lambda path: np.savez(path, format=1, sources=np.array([{}])), "damaged|lacks"
    yield "truncated", _truncated, "damaged"
    yield "later", lambda path: np.savez(path, format=9, **_numbers()), "format 9"
    yield (
        "bad seed",
        lambda path: np.savez(path, format=1, **{**_numbers(), "seed": "x"}),
        "damaged",
    )


def _numbers():
    return {**GOOD, "seed": "5"}


def _single_array(path):
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def _truncated(path):
    MixPlan(**GOOD).save(path)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("write", "message"), [pytest.param(w, m, id=n) for n, w, m in garbage_files()]
)
def test_loading_garbage_says_so(write, message, tmp_path):
    path = tmp_path / "plan.npz"
    write(path)
    with pytest.raises(ValueError, match=message) as raised:
        MixPlan.load(path)
    assert "plan.npz" in str(raised.value)
    with pytest.raises(FileNotFoundError):
        MixPlan.load(tmp_path / "none.npz")


def test_joined_plans_act_on_the_joined_batch():
    rng = np.random.default_rng(3)
    a, b = random_plan(rng, "uneven"), random_plan(rng, "uneven", n=4)
    joined = MixPlan.concatenate([a, b])
    images = rng.random((11, 3, 7, 10))
    apart = np.concatenate([a.apply(images[:7]), b.apply(images[7:])])
    np.testing.assert_array_equal(joined.apply(images), apart)
    assert joined.n_groups == a.n_groups + b.n_groups
    with pytest.raises(ValueError, match="at least one"):
        MixPlan.concatenate([])
    with pytest.raises(ValueError, match=r"same grid, but plans\[1\]"):
        MixPlan.concatenate([a, random_plan(rng, "even")])


def test_printing_shows_a_row_per_group():
    plan = MixPlan.from_sources(
        np.arange(30).reshape(30, 1, 1), spatial=(3,), group_edges=range(31)
    )
    lines = str(plan).splitlines()
    assert lines[0].startswith("MixPlan: 30 outputs in 30 groups, 1 patches of 3 pixels")
    assert lines[-1].strip() == "... and 10 more groups"
    assert len(lines) == 23
    assert "100%" in lines[2]


def test_plans_cannot_be_changed():
    plan = MixPlan(**GOOD)
    with pytest.raises(ValueError, match="read-only"):
        plan.sources[0, 0, 0] = 1


def test_importing_comixup_imports_nothing_slow():
    slow = (
        "matplotlib",
        "PIL",
        "tqdm",
        "skimage",
        "sklearn",
        "torch",
        "scipy.ndimage",
        "scipy.sparse",
    )
    program = f"import sys, comixup; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
