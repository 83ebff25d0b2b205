"""Corruptions and localization: laws, naive twins, bad input."""

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from comixup.evaluate import (
    bounding_box,
    box_iou,
    gaussian_noise,
    localization,
    replace_at_random,
)

SEEDS = st.integers(0, 2**32 - 1)


def by_image(images, rng, **options):
    return replace_at_random(images, 1.0, rng, **options)


def by_noise(images, rng, **options):
    return replace_at_random(images, 1.0, rng, by="noise", **options)


def by_gauss(images, rng, **options):
    return gaussian_noise(images, 0.3, rng, **options)


CORRUPTIONS = {"image": by_image, "noise": by_noise, "gauss": by_gauss}


def images_and_boxes(rng, n=4, dtype=np.float32):
    height, width = (int(s) for s in rng.integers(4, 12, 2))
    images = rng.random((n, 3, height, width))
    images = (255 * images if dtype == np.uint8 else images).astype(dtype)
    return images, [random_boxes(rng, height, width, int(rng.integers(0, 3))) for _ in range(n)]


def random_boxes(rng, height, width, count):
    boxes = []
    for _ in range(count):
        x, y = (np.sort(rng.choice(s + 1, 2, replace=False)) for s in (width, height))
        boxes.append([x[0], y[0], x[1], y[1]])
    return boxes


def kept_pixels(boxes, height, width):
    """Pixel by pixel."""
    kept = np.zeros((height, width), dtype=bool)
    for y in range(height):
        for x in range(width):
            kept[y, x] = any(a <= x + 0.5 < c and b <= y + 0.5 < d for a, b, c, d in boxes)
    return kept


@pytest.mark.parametrize("kind", CORRUPTIONS)
@given(
    rng=numbers(), seed=SEEDS, dtype=st.sampled_from([np.uint8, np.float16, np.float32, np.float64])
)
def test_only_the_background_changes(kind, rng, seed, dtype):
    images, boxes = images_and_boxes(rng, dtype=dtype)
    before = images.copy()
    out = CORRUPTIONS[kind](images, seed, boxes=boxes)
    np.testing.assert_array_equal(images, before)
    assert (out.dtype, out.shape) == (images.dtype, images.shape)
    height, width = images.shape[2:]
    for i, of_image in enumerate(boxes):
        kept = kept_pixels(of_image, height, width)
        np.testing.assert_array_equal(out[i][:, kept], images[i][:, kept])
        if kind == "image" and not kept.all():
            candidates = [j for j in range(len(images)) if j != i]
            assert any((out[i] == images[j])[:, ~kept].all() for j in candidates)
    again = CORRUPTIONS[kind](images, seed, boxes=boxes)
    np.testing.assert_array_equal(out, again)


@pytest.mark.parametrize("kind", CORRUPTIONS)
@given(rng=numbers(), seed=SEEDS)
def test_channels_last_is_the_same_layout_moved(kind, rng, seed):
    images, boxes = images_and_boxes(rng)
    height, width = images.shape[2:]
    out = CORRUPTIONS[kind](np.moveaxis(images, 1, -1), seed, boxes=boxes, channels="last")
    for i, of_image in enumerate(boxes):
        kept = kept_pixels(of_image, height, width)
        np.testing.assert_array_equal(out[i][kept], np.moveaxis(images, 1, -1)[i][kept])
        if kind != "gauss":
            assert images.min() <= out.min() <= out.max() <= images.max()


def test_the_fraction_is_that_of_pixels_not_of_numbers():
    images = np.zeros((2, 3, 200, 200), dtype=np.float32)
    images[1] = 1
    out = replace_at_random(images, 0.3, 0)
    replaced = out[0] == 1
    assert replaced.mean() == pytest.approx(0.3, abs=0.01)  # 5 standard deviations
    np.testing.assert_array_equal(replaced[0], replaced[1])
    np.testing.assert_array_equal(replace_at_random(images, 0.0, 0), images)
    np.testing.assert_array_equal(replace_at_random(images, 1.0, 0), images[::-1])


def test_gaussian_noise_has_the_size_that_was_asked_for():
    images = np.full((2, 3, 100, 100), 0.5)
    noise = gaussian_noise(images, 0.1, 0) - images
    assert noise.std() == pytest.approx(0.1, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.005)
    gray = np.full((2, 3, 100, 100), 128, dtype=np.uint8)
    noise = gaussian_noise(gray, 0.1, 0).astype(float) - 128
    assert noise.std() == pytest.approx(25.5, rel=0.02)
    np.testing.assert_array_equal(gaussian_noise(images, 0.0, 0), images)
    white = np.full((1, 1, 50, 50), 255, dtype=np.uint8)
    assert gaussian_noise(white, 0.1, 0).min() > 100  # clipped, not wrapped around


def test_signals_and_volumes_are_corrupted_too():
    for shape in ((3, 2, 50), (3, 1, 4, 5, 6)):
        images = np.random.default_rng(0).random(shape)
        for corrupt in CORRUPTIONS.values():
            assert corrupt(images, 0).shape == shape
        with pytest.raises(ValueError, match="2 spatial dimensions"):
            gaussian_noise(images, boxes=[[[0, 0, 1, 1]]] * 3)


def test_tensors_come_back_as_tensors():
    torch = pytest.importorskip("torch")
    images = torch.rand(4, 3, 8, 8)
    for corrupt in CORRUPTIONS.values():
        out = corrupt(images, 0, boxes=torch.tensor([[0, 0, 8, 4]] * 4))
        assert isinstance(out, torch.Tensor)
        assert torch.equal(out[:, :, :4], images[:, :, :4])
        assert not torch.equal(out[:, :, 4:], images[:, :, 4:])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: replace_at_random(x, 1.5), ValueError, r"fraction needs a number in 0\.\.1"),
        (lambda x: replace_at_random(x, by="black"), ValueError, "by must be one of"),
        (lambda x: replace_at_random(x[:1]), ValueError, "two images"),
        (lambda x: replace_at_random(x, rng="a"), TypeError, "rng needs"),
        (lambda x: replace_at_random(x, boxes=[[]]), ValueError, "each of the 2 images"),
        (lambda x: gaussian_noise(x, -1), ValueError, "sigma needs"),
        (lambda x: gaussian_noise(x, channels="middle"), ValueError, "channels must be"),
        (
            lambda x: gaussian_noise(x, boxes=[[], [[0, 0, 9, 2]]]),
            ValueError,
            r"boxes\[1\] needs 0 <= x0 < x1 <= 6",
        ),
        (lambda x: gaussian_noise(x[0, 0]), ValueError, "shape"),
    ],
)
def test_bad_corruptions(call, error, words):
    with pytest.raises(error, match=words):
        call(np.random.default_rng(0).random((2, 3, 4, 6)))


# localization


def naive_box(array, threshold):
    """Scale, threshold, flood, by loops."""
    scaled = (array - array.min()) / max(array.max() - array.min(), 1e-300)
    free = {(int(y), int(x)) for y, x in np.argwhere(scaled >= threshold)}
    if array.max() == array.min():
        free = {(y, x) for y in range(array.shape[0]) for x in range(array.shape[1])}
    best = []
    for start in sorted(free):
        if start not in free:
            continue
        part, stack = [], [start]
        free.remove(start)
        while stack:
            y, x = stack.pop()
            part.append((y, x))
            for near in [(y + a, x + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]:
                if near in free:
                    free.remove(near)
                    stack.append(near)
        if len(part) > len(best):
            best = part
    ys, xs = zip(*best, strict=True)
    return [min(xs), min(ys), max(xs) + 1, max(ys) + 1]


@given(rng=numbers(), threshold=st.sampled_from([0.0, 0.125, 0.5, 0.75, 1.0]))
def test_the_box_is_its_definition(rng, threshold):
    array = rng.integers(0, 9, tuple(rng.integers(1, 9, 2))).astype(float)
    box = bounding_box(array, threshold)
    assert box.tolist() == naive_box(array, threshold)
    scaled = bounding_box(4 * array - 16, threshold)
    np.testing.assert_array_equal(scaled, box)  # of any scale and sign
    flipped = bounding_box(array[:, ::-1], threshold, largest=False)
    whole = bounding_box(array, threshold, largest=False)
    width = array.shape[1]
    assert flipped.tolist() == [width - whole[2], whole[1], width - whole[0], whole[3]]
    turned = bounding_box(array.T, threshold, largest=False)
    assert turned.tolist() == whole[[1, 0, 3, 2]].tolist()


@given(rng=numbers())
def test_a_box_is_found_again(rng):
    height, width = (int(s) for s in rng.integers(2, 12, 2))
    (box,) = random_boxes(rng, height, width, 1)
    array = np.zeros((height, width), dtype=rng.choice([np.uint8, np.int32, np.float32]))
    array[box[1] : box[3], box[0] : box[2]] = 7
    np.testing.assert_array_equal(bounding_box(array), box)


def test_a_constant_map_is_all_of_the_image():
    for value in (0.0, 1.0, -2.0):
        assert bounding_box(np.full((3, 5), value), 0.9).tolist() == [0, 0, 5, 3]


@given(rng=numbers())
def test_laws_of_iou(rng):
    a, b = random_boxes(rng, 9, 11, 4), random_boxes(rng, 9, 11, 3)
    table = box_iou(a, b)
    assert table.shape == (4, 3)
    assert ((table >= 0) & (table <= 1)).all()
    np.testing.assert_array_equal(table, box_iou(b, a).T)
    np.testing.assert_array_equal(np.diag(box_iou(a, a)), np.ones(4))
    moved = box_iou(2 * np.array(a) + 5, 2 * np.array(b) + 5)
    np.testing.assert_allclose(moved, table)
    for i, one in enumerate(a):  # counting pixels
        for j, other in enumerate(b):
            p, q = kept_pixels([one], 9, 11), kept_pixels([other], 9, 11)
            assert table[i, j] == pytest.approx((p & q).sum() / (p | q).sum())


@given(rng=numbers(), power=st.sampled_from([-1060, -700, -511, 600, 1000]))
def test_iou_and_boxes_of_any_scale(rng, power):
    """Powers of two change nothing, to the last bit, where products would leave the range."""
    a, b = (np.array(random_boxes(rng, 9, 11, n), dtype=np.float64) for n in (4, 3))
    table = box_iou(a, b)
    np.testing.assert_array_equal(box_iou(np.ldexp(a, power), np.ldexp(b, power)), table)
    axes = np.array([power, -power // 2] * 2)  # of one axis up, of the other down
    np.testing.assert_array_equal(box_iou(np.ldexp(a, axes), np.ldexp(b, axes)), table)
    array = rng.integers(-9, 9, (5, 6)).astype(float)
    np.testing.assert_array_equal(bounding_box(np.ldexp(array, power)), bounding_box(array))


def test_iou_of_extremes():
    wide, high, far = [0, 0, 1e300, 1e-300], [0, 0, 1e-300, 1e300], [-4e307, -4e307, -3e307, 0]
    table = box_iou([wide, high, far, [0, 0, 4e307, 4e307]], [wide, high, far, [0, 0, 1, 1]])
    np.testing.assert_array_equal(table, np.diag([1.0, 1, 1, 0]))
    assert bounding_box([[-1.7e308, 0, 1.7e308]], 0.5).tolist() == [1, 0, 3, 1]
    assert bounding_box([[-1.7e308, 0, 1.7e308]], 0.51).tolist() == [2, 0, 3, 1]


def test_iou_as_torchvision_has_it():
    ops = pytest.importorskip("torch")
    try:
        from torchvision.ops import box_iou as theirs
    except (ImportError, RuntimeError):
        pytest.skip("torchvision is not installed, or does not load")
    rng = np.random.default_rng(0)
    a, b = (np.array(random_boxes(rng, 20, 30, n), dtype=np.float64) for n in (5, 6))
    np.testing.assert_allclose(box_iou(a, b), theirs(ops.tensor(a), ops.tensor(b)).numpy())


@given(rng=numbers())
def test_localization_is_its_parts(rng):
    maps = rng.random((5, 8, 9)) ** 4
    known = [random_boxes(rng, 8, 9, int(rng.integers(1, 4))) for _ in range(5)]
    correct = rng.random(5) < 0.5
    result = localization(maps, known, correct, iou=0.3)
    for i in range(5):
        np.testing.assert_array_equal(result.boxes[i], bounding_box(maps[i]))
        assert result.ious[i] == box_iou(result.boxes[i], known[i]).max()
    fits = result.ious >= 0.3
    assert result.gt_known == fits.mean()
    assert result.top1 == (fits & correct).mean() <= min(result.gt_known, correct.mean())
    assert result.mean_iou == pytest.approx(result.ious.mean())
    assert np.isnan(localization(maps, known).top1)
    assert localization(maps, known, iou=0.0).gt_known == 1
    found = localization(maps, list(result.boxes), np.ones(5, bool), iou=1.0)
    assert found[:3] == (1.0, 1.0, 1.0)


BOX = [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: bounding_box(np.zeros(3)), ValueError, r"got \(3,\)"),
        (lambda: bounding_box([[0.0, np.nan]]), ValueError, r"map\[0, 1\] is nan"),
        (lambda: bounding_box([[0.0, 1.0]], 2), ValueError, r"threshold needs a number in 0\.\.1"),
        (lambda: box_iou(BOX, [[1, 0, 1, 2]]), ValueError, r"b needs .* row 0 is"),
        (lambda: box_iou([[0, 0, 1]], BOX), ValueError, "corners"),
        (lambda: localization(np.zeros((3, 3)), [BOX]), ValueError, "batch, height, width"),
        (lambda: localization(np.zeros((2, 3, 3)), [BOX]), ValueError, "each of the 2 maps"),
        (lambda: localization(np.zeros((2, 3, 3)), [BOX, []]), ValueError, r"boxes\[1\] needs"),
        (
            lambda: localization(np.eye(8)[None], [[0, 0, 224, 224]]),
            ValueError,
            r"boxes\[0\] needs 0 <= x0 < x1 <= 8 .* row 0 is",
        ),
        (lambda: localization(np.zeros((1, 3, 3)), [3]), ValueError, r"the shape \(\)"),
        (lambda: box_iou(3, BOX), ValueError, r"a needs .* the shape \(\)"),
        (lambda: box_iou([[-1.7e308, 0, 1.7e308, 1]], BOX), ValueError, "finite"),
        (lambda: localization(np.zeros((1, 3, 3)), [BOX], [1]), ValueError, "one boolean"),
        (lambda: localization(np.zeros((1, 3, 3)), [BOX], iou=2), ValueError, "iou needs"),
    ],
)
def test_bad_localization(call, error, words):
    with pytest.raises(error, match=words):
        call()
