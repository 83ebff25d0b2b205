"""Saliency maps and their pooling: partitions, laws, and errors that say what to do."""

import naive_comixup as naive
import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from comixup import CoMixup, patch_weights
from comixup._base.patch_grid import patch_edges, patch_pixels, pool
from comixup._base.patch_saliency import weights_and_peaks
from comixup.saliency import from_gradient, local_contrast, spectral_residual

# Where a grid does not divide the image, and where it does; 1, 2 and 3 spatial dimensions.
SHAPES = {
    "signal": ((11,), (4,)),
    "one patch": ((5, 3), (1, 1)),
    "even": ((8, 8), (4, 4)),
    "uneven": ((7, 10), (3, 4)),
    "a patch per pixel": ((3, 5), (3, 5)),
    "volume": ((5, 4, 6), (2, 3, 4)),
}


@pytest.mark.parametrize("method", [spectral_residual, local_contrast])
@pytest.mark.parametrize("factor", [1e13, 1e-13])
def test_other_images_of_the_batch_do_not_matter(method, factor):
    images = np.random.default_rng(0).random((3, 1, 16, 16))
    images[2] *= factor
    together = method(images)
    for i in range(3):
        alone = method(images[i : i + 1])[0]
        np.testing.assert_allclose(together[i], alone, rtol=1e-9, atol=1e-12 * alone.max())


@given(patches=st.integers(1, 40), extra=st.integers(0, 100))
def test_patches_partition_an_axis_evenly(patches, extra):
    size = patches + extra
    edges = patch_edges(size, patches)
    assert edges[0] == 0
    assert edges[-1] == size
    assert set(np.diff(edges)) <= {size // patches, size // patches + 1}


@pytest.mark.parametrize("shape", SHAPES)
@given(rng=numbers())
def test_pooling_is_the_sum_over_pixels(shape, rng):
    spatial, grid = SHAPES[shape]
    maps = rng.random((2, *spatial), dtype=np.float32)
    np.testing.assert_allclose(pool(maps, grid), naive.pool(maps, grid), rtol=1e-12)
    assert patch_pixels(grid, spatial).sum() == np.prod(spatial)


@pytest.mark.parametrize("shape", SHAPES)
@given(rng=numbers(), scale=st.sampled_from([1e-30, 1.0, 1e30]))
def test_weights_sum_to_one_and_do_not_depend_on_scale(shape, rng, scale):
    spatial, grid = SHAPES[shape]
    maps = rng.random((3, *spatial)) + 1e-3
    weights = patch_weights(maps, grid)
    np.testing.assert_allclose(weights.reshape(3, -1).sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(patch_weights(maps * scale, grid), weights, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64, bool, np.int64])
def test_weights_take_any_number_type_and_leave_it_alone(dtype):
    maps = np.arange(16).reshape(1, 4, 4).astype(dtype)
    maps.setflags(write=False)
    expected = naive.pool(maps, (2, 2)) / maps.astype(float).sum()
    np.testing.assert_allclose(patch_weights(maps, 2), expected)


def test_bad_samples_are_named():
    maps = np.ones((5, 4, 4))
    maps[1] = 0
    maps[3, 2, 2] = np.nan
    maps[4, 0, 0] = np.inf
    with pytest.raises(ValueError, match=r"samples 1 \(zero\), 3 \(not finite\), 4 \(not finite\)"):
        patch_weights(maps)
    with pytest.raises(ValueError, match="zero_saliency='uniform'"):
        patch_weights(maps)


def test_bad_samples_can_be_uniform_by_area():
    maps = np.random.default_rng(0).random((3, 5))
    maps[1] = 0
    maps[2, 1] = np.nan
    weights = patch_weights(maps, 2, zero_saliency="uniform")
    np.testing.assert_allclose(weights[1:], [[0.4, 0.6], [0.4, 0.6]])
    np.testing.assert_allclose(weights[0], patch_weights(maps[:1], 2)[0])


@pytest.mark.parametrize(
    ("maps", "error", "message"),
    [
        (-np.ones((2, 4, 4)), ValueError, r"numbers >= 0, but saliency\[0, 0, 0\] is -1"),
        (np.ones(4), ValueError, r"\(batch, \*spatial\)"),
        (np.ones((2, 3, 4, 4, 4)), ValueError, "from_gradient"),
        (np.ones((0, 4, 4)), ValueError, "no empty axis"),
        (np.ones((2, 3, 4)), ValueError, "smaller grid"),
        (np.array([[object()] * 4]), TypeError, "dtype object"),
        (np.ones((1, 4, 4), dtype=complex), TypeError, "complex"),
        ([[1.0, 2.0], [1.0]], ValueError, "ragged"),
    ],
)
def test_garbage_is_refused(maps, error, message):
    with pytest.raises(error, match=message):
        patch_weights(maps)


@pytest.mark.parametrize(
    ("grid", "error"),
    [(0, ValueError), (2.0, TypeError), ((2, 2, 2), ValueError), (True, TypeError)],
)
def test_impossible_grids_are_refused(grid, error):
    with pytest.raises(error, match="grid"):
        patch_weights(np.ones((1, 4, 4)), grid)


@given(rng=numbers())
def test_gradient_norms(rng):
    gradient = rng.normal(size=(2, 3, 4, 5))
    expected = np.sqrt((gradient**2).sum(axis=1))
    np.testing.assert_allclose(from_gradient(gradient), expected, rtol=1e-12)
    last = np.moveaxis(gradient, 1, -1)
    np.testing.assert_allclose(from_gradient(last, channels="last"), expected, rtol=1e-12)


def test_tiny_gradients_do_not_vanish():
    gradient = np.full((1, 2, 4), 1e-30, dtype=np.float32)
    gradient[0, :, 0] = 3e-30
    np.testing.assert_allclose(
        patch_weights(from_gradient(gradient), 4), [[0.5, 1 / 6, 1 / 6, 1 / 6]], 1e-6
    )
    assert np.isnan(from_gradient(np.full((1, 2, 4), np.nan))).all()
    assert (from_gradient(np.zeros((1, 2, 4))) == 0).all()


@given(rng=numbers(), sigma=st.sampled_from([0.7, 1.0, 2.5]))
def test_local_contrast_is_the_deviation_in_a_window(rng, sigma):
    image = rng.normal(size=30) + 100
    found = local_contrast(image[None, None], sigma=sigma)[0]
    size = np.abs(image - image.mean()).max() + 1e-6  # contrasts of 1e-6 of it count as zero
    np.testing.assert_allclose(
        found, naive.local_contrast(image, sigma), rtol=1e-6, atol=1e-6 * size
    )


@pytest.mark.parametrize("method", [spectral_residual, local_contrast])
@pytest.mark.parametrize("spatial", [(40,), (32, 48), (150, 200), (12, 10, 14)])
def test_maps_fit_the_images_and_find_the_odd_region(method, spatial):
    rng = np.random.default_rng(1)
    images = 0.1 * rng.random((2, 3, *spatial))
    region = tuple(slice(s // 2, s // 2 + max(2, s // 8)) for s in spatial)
    images[(1, slice(None), *region)] += 2.0
    maps = method(images)
    assert maps.shape == (2, *spatial)
    assert (maps >= 0).all()
    peak = np.unravel_index(maps[1].argmax(), spatial)
    assert all(
        abs(p - (r.start + r.stop) / 2) <= s / 6 + 2
        for p, r, s in zip(peak, region, spatial, strict=True)
    )
    last = method(np.moveaxis(images, 1, -1), channels="last")
    np.testing.assert_allclose(last, maps, rtol=1e-9, atol=1e-12 * maps.max())


@pytest.mark.parametrize("method", [spectral_residual, local_contrast])
@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_images_have_no_saliency(method, value):
    assert (method(np.full((2, 3, 33, 20), value, dtype=np.uint8)) == 0).all()
    assert (method(np.full((2, 3, 33, 20), value / 3)) == 0).all()


@given(rng=numbers(), axis=st.integers(1, 2))
def test_a_mirrored_image_has_a_mirrored_map(rng, axis):
    gray = rng.random((1, 16, 16))
    flipped = np.flip(gray, axis=axis)
    for method in (spectral_residual, local_contrast):
        there = method(flipped[:, None])
        np.testing.assert_allclose(there, np.flip(method(gray[:, None]), axis=axis), rtol=1e-6)


@pytest.mark.parametrize("method", [spectral_residual, local_contrast])
def test_images_are_checked(method):
    with pytest.raises(ValueError, match=r"images\[0, 1, 0, 0\] is nan"):
        method(np.stack([np.ones((4, 4)), np.full((4, 4), np.nan)])[None])
    with pytest.raises(ValueError, match="channel axis"):
        method(np.ones((3, 4)))
    with pytest.raises(TypeError, match="int64"):
        method(np.ones((1, 3, 4, 4), dtype=np.int64))


def test_names_of_methods_choose_them():
    images = np.random.default_rng(0).random((4, 3, 16, 16))
    mixer = CoMixup(group_size=4)
    for name, method in {"spectral": spectral_residual, "contrast": local_contrast}.items():
        by_name = mixer.mix(images, saliency=name, rng=0)
        by_maps = mixer.mix(images, saliency=method(images), rng=0)
        assert by_name.plan.energies == by_maps.plan.energies
    default = mixer.mix(images, rng=0)
    assert default.plan.energies == mixer.mix(images, saliency="spectral", rng=0).plan.energies
    with pytest.raises(ValueError, match="'spectral', 'contrast'"):
        mixer.mix(images, saliency="gradient")


def test_peaks_are_the_most_salient_pixels():
    maps = np.zeros((4, 5, 8))
    maps[0, 3, 6] = maps[1, 0, 2] = 1
    maps[2, 2, 2] = np.nan
    _, peaks, n_uniform = weights_and_peaks(maps, 2, zero_saliency="uniform")
    assert n_uniform == 2
    # A map without one has it in the middle.
    np.testing.assert_array_equal(peaks, [[3, 6], [0, 2], [2, 3.5], [2, 3.5]])
