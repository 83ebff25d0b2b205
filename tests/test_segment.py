"""Segmentations from seeds: seeds keep their labels, and nothing depends on units or names."""

from types import SimpleNamespace

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt import LabelingEnergy, Status, minimize
from subopt import segment as segmented
from subopt.labeling import _segment


def segment(*args, **options):
    return segmented(*args, **options).labels


def scene(rng=None, shape=(10, 14)):
    rng = np.random.default_rng(0) if rng is None else rng
    image = rng.normal(scale=0.1, size=shape)
    inner = tuple(slice(length // 4, 3 * length // 4) for length in shape)
    image[inner] += 1
    seeds = np.zeros(shape, int)
    seeds[0] = 1
    seeds[tuple(length // 2 for length in shape)] = 2
    seeds[(inner[0].start, *(length // 2 for length in shape[1:]))] = 2
    truth = np.ones(shape, int)
    truth[inner] = 2
    return image, seeds, truth


@pytest.mark.parametrize("options", [{}, {"n_components": 0}, {"connectivity": 2}])
def test_the_object_is_found(options):
    image, seeds, truth = scene()
    np.testing.assert_array_equal(segment(image, seeds, **options), truth)


def test_volumes():
    image, seeds, truth = scene(shape=(4, 8, 6))
    np.testing.assert_array_equal(segment(image, seeds, spacing=(2, 1, 1)), truth)


@given(
    rng=numbers(),
    scale=st.sampled_from([1e-9, 0.5, 255.0, 1e9]),
    shift=st.sampled_from([0.0, 1.0, -3.0]),
    names=st.sampled_from([(1, 2), (2, 1), (7, 3), (3, 9)]),
)
def test_units_and_names_of_labels_change_nothing(rng, scale, shift, names):
    image, seeds, _ = scene(rng)
    base = segment(image, seeds)
    other = np.array([0, *names])
    np.testing.assert_array_equal(segment(scale * (image + shift), other[seeds]), other[base])


@pytest.mark.parametrize("channels", [3, 4])
def test_strokes_with_channels_are_no_volume(channels):
    image, seeds, _ = scene(shape=(16, 20, channels))
    with pytest.raises(ValueError, match="one label per pixel, as in"):
        segment(image, seeds)
    volume = segment(image, seeds, spacing=(1, 1, 1), n_components=0)
    assert volume.shape == seeds.shape
    np.testing.assert_array_equal(volume[seeds > 0], seeds[seeds > 0])
    strokes = seeds.max(axis=-1)
    assert segment(image, strokes, n_components=0).shape == (16, 20)


def test_channels_are_found_or_asked_for():
    image, seeds, truth = scene()
    colors = np.stack([image, 1 - image, 0 * image], axis=-1)
    labels = segment(colors, seeds)
    np.testing.assert_array_equal(labels, truth)
    np.testing.assert_array_equal(segment(np.moveaxis(colors, -1, 0), seeds), labels)
    np.testing.assert_array_equal(segment(colors, seeds, channel_axis=-1), labels)
    with pytest.raises(ValueError, match="say channel_axis"):
        segment(np.zeros((3, 3, 3)), np.zeros((3, 3), int))


def test_seeds_masks_and_regions_left_out():
    image, seeds, truth = scene()
    mask = np.ones(image.shape, bool)
    mask[:, -2:] = False
    labels = segment(image, seeds, mask=mask)
    assert (labels[~mask] == 0).all()
    np.testing.assert_array_equal(labels[mask], truth[mask])
    negative = np.where(mask, seeds, -1)
    np.testing.assert_array_equal(segment(image, negative), labels)
    assert (labels[mask & (seeds > 0)] == seeds[mask & (seeds > 0)]).all()
    with_corner = seeds.copy()
    with_corner[-1, :3] = 5
    found = segment(image, with_corner)
    assert (found[with_corner > 0] == with_corner[with_corner > 0]).all()
    assert set(np.unique(found)) == {1, 2, 5}


def test_a_box_around_the_object():
    image, _, truth = scene()
    box = np.zeros(image.shape, int)
    box[1:-1, 1:-1] = 2
    labels = segment(image, np.where(box == 0, 1, 0), start=box)
    np.testing.assert_array_equal(labels, truth)


def test_without_colors_it_is_one_minimum_cut():
    image, seeds, _ = scene()
    square = [np.diff(image, axis=axis) ** 2 for axis in range(2)]
    mean = sum(s.sum() for s in square) / sum(s.size for s in square)
    energy = LabelingEnergy(
        np.zeros((*image.shape, 2)),
        weights=[np.exp(-s / (2 * mean)) for s in square],
        fixed=seeds - 1,
    )
    labels = segment(image, seeds, n_components=0)
    assert energy.value(labels - 1) == pytest.approx(minimize(energy).value, rel=1e-12)


def test_one_label_and_flat_images():
    image, seeds, _ = scene()
    one = np.where(seeds == 1, 4, 0)
    assert (segment(image, one, start=np.full(seeds.shape, 4)) == 4).all()
    labels = segment(np.zeros_like(image), seeds)
    assert (labels[seeds > 0] == seeds[seeds > 0]).all()


def test_the_answer_is_that_of_the_last_cut():
    image, seeds, truth = scene()
    mask = np.ones(image.shape, bool)
    mask[:, -1] = False
    result = segmented(image, np.array([0, 7, 3])[seeds], mask=mask)
    assert result.names.tolist() == [3, 7]
    np.testing.assert_array_equal(result.labels, np.where(mask, np.array([0, 7, 3])[truth], 0))
    indices = np.searchsorted(result.names, result.labels)
    assert result.value == result.energy.value(indices) == minimize(result.energy).value
    assert result.status is Status.OPTIMAL
    assert result.check(result.energy) == result.gap
    assert 1 < result.n_iter < 10
    assert segmented(image, seeds, max_iter=1).n_iter == 1
    several = seeds.copy()
    several[-1, :3] = 5
    assert segmented(image, several).gap == np.inf


@given(rng=numbers(), options=st.sampled_from([{}, {"connectivity": 2}]))
def test_labels_are_those_of_cuts_that_are_all_proven(rng, options):
    image, seeds, _ = scene(rng)
    image += rng.normal(scale=0.4, size=image.shape)

    def proven(energy, deadline):
        answer = minimize(energy)
        return SimpleNamespace(labels=answer.labels.ravel(), answer=lambda: answer)

    result = segmented(image, seeds, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_segment, "_Cut", proven)
        expected = segmented(image, seeds, **options)
    np.testing.assert_array_equal(result.labels, expected.labels)
    assert (result.n_iter, result.value) == (expected.n_iter, expected.value)
    assert result.status is Status.OPTIMAL


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("a label > 0 at a pixel", {"seeds": np.zeros((10, 14), int)}),
        ("connectivity needs to be 1 to 2", {"connectivity": 3}),
        ("spacing needs 2 numbers > 0", {"spacing": (1, 0)}),
        ("mask needs booleans", {"mask": np.ones((10, 14))}),
        ("start needs the shape of seeds", {"start": np.ones((3, 3), int)}),
        ("do not fit", {"image": np.zeros((9, 14))}),
    ],
)
def test_messages(message, options):
    image, seeds, _ = scene()
    with pytest.raises(ValueError, match=message):
        segment(**({"image": image, "seeds": seeds} | options))


def test_one_label_is_no_segmentation():
    seeds = np.zeros((5, 5), int)
    seeds[0] = 3
    with pytest.raises(ValueError, match="two labels or more, but has 3 only"):
        segment(np.zeros((5, 5)), seeds)
