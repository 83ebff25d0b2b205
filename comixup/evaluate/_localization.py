"""Weakly supervised localization: bounding boxes from maps, compared with known boxes.

Boxes are corners (x0, y0, x1, y1) in pixels, where pixel i covers i to i + 1: the box around the
pixel in row 2, column 5 is (5, 2, 6, 3). If your corners name the last pixel, add 1 to x1 and y1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from comixup._base import validate
from comixup._base.interchange import items
from comixup._base.types import Array, ArrayLike
from comixup.plans.boxes import box_array

HUGE = np.finfo(np.float64).max / 4  # differences of numbers up to this are finite


def bounding_box(map: Any, threshold: float = 0.2, *, largest: bool = True) -> Array:
    """Return the box around the salient part of a map.

    The map is scaled linearly to 0..1. The box encloses the largest connected component of the
    pixels that are at least `threshold`; pixels that touch at corners are connected. For a
    constant map it is the whole image.

    Parameters
    ----------
    map : array of shape (height, width)
        Any sign and scale, e.g. a class activation map.
    threshold : float, default 0.2
        Threshold for the scaled map, in 0..1.
    largest : bool, default True
        Whether the box encloses only the largest component (the first one of equally large
        components), or all of them.

    Returns
    -------
    ndarray of float64, shape (4,)
        Corners (x0, y0, x1, y1), where pixel i covers i to i + 1.

    Raises
    ------
    ValueError, TypeError
        If the input is not as described.

    References
    ----------
    .. [1] B. Zhou, A. Khosla, A. Lapedriza, A. Oliva, A. Torralba, "Learning deep features for
       discriminative localization", CVPR 2016, section 3.2.

    Examples
    --------
    >>> bounding_box([[0, 0, 0, 3], [0, 9, 0, 0], [9, 8, 1, 0]])
    array([0., 1., 2., 3.])
    >>> bounding_box([[0, 0, 0, 3], [0, 9, 0, 0], [9, 8, 1, 0]], largest=False)
    array([0., 0., 4., 3.])
    """
    array = validate.as_array("map", map, "numbers of shape (height, width)")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"map needs the shape (height, width), got {array.shape}")
    validate.require_finite("map", array)
    validate.fraction("threshold", threshold)
    wide = array.astype(np.float64)
    if wide.min() < -HUGE or wide.max() > HUGE:
        wide /= 4  # exact where it matters, and so differences are finite
    low, high = wide.min(), wide.max()
    region = wide - low >= threshold * (high - low)
    if largest:
        region = _largest_component(region)
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float64)


def box_iou(a: ArrayLike, b: ArrayLike) -> Array:
    """Return the intersection over union of every box of `a` with every box of `b`.

    Parameters
    ----------
    a, b : array_like of shape (n, 4) and (m, 4)
        Corners (x0, y0, x1, y1) with x0 < x1 and y0 < y1.

    Returns
    -------
    ndarray of float64, shape (n, m)
        The ratio of each pair of boxes, in 0..1.

    Examples
    --------
    >>> box_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]]).round(3)
    array([[1.   , 0.333, 0.   ]])
    """
    first, second = _boxes("a", a), _boxes("b", b)
    first, second = first[:, None], second[None]
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    sides = [c[..., 2:] - c[..., :2] for c in (first, second)]
    # sides of 1 and less, by powers of two: exact, and areas do not overflow
    power = -np.frexp(np.maximum(*sides))[1]
    area_a, area_b = (np.ldexp(side, power).prod(axis=2) for side in sides)
    with np.errstate(over="ignore"):  # boxes that are far apart
        common = np.ldexp(np.clip(high - low, 0, None), power).prod(axis=2)
    union = area_a + area_b - common
    return np.divide(common, union, out=np.zeros_like(union), where=union > 0)


class Localization(NamedTuple):
    """How well maps localize.

    Parameters
    ----------
    gt_known : float
        Fraction of the images whose box fits, whatever class was predicted.
    top1 : float
        Fraction of the images whose box fits and whose class was predicted; NaN without `correct`.
    mean_iou : float
        Mean of `ious`.
    ious : ndarray of float64, shape (B,)
        Intersection over union of the box of each image and the best of its known boxes.
    boxes : ndarray of float64, shape (B, 4)
        The boxes around the maps, by `bounding_box`.
    """

    gt_known: float
    top1: float
    mean_iou: float
    ious: Array
    boxes: Array


def localization(
    maps: Any,
    boxes: Sequence[ArrayLike],
    correct: Any = None,
    *,
    iou: float = 0.5,
    threshold: float = 0.2,
    largest: bool = True,
) -> Localization:
    """Compare the boxes around maps with known ones.

    Parameters
    ----------
    maps : array of shape (B, height, width)
        One map per image, of the size of the images that the boxes refer to.
    boxes : sequence of B array_like, each (n, 4) or (4,)
        The known boxes of each image, one or more, within it: corners (x0, y0, x1, y1) in pixels,
        where pixel i covers i to i + 1. Add 1 to x1 and y1 of corners that name the last pixel.
    correct : array of bool, shape (B,), optional
        Whether the class of each image was predicted.
    iou : float, default 0.5
        A box fits if its intersection over union with one of the known ones is at least this.
    threshold, largest
        As in `bounding_box`.

    Returns
    -------
    Localization

    Raises
    ------
    ValueError, TypeError
        If the input is not as described; the message names the index.

    Examples
    --------
    >>> maps = np.zeros((2, 8, 8))
    >>> maps[:, 2:5, 2:6] = 1
    >>> result = localization(maps, [[2, 2, 6, 5], [0, 0, 8, 8]], [False, True])
    >>> result.gt_known, result.top1, result.mean_iou
    (0.5, 0.0, 0.59375)
    """
    array = validate.as_array("maps", maps, "numbers of shape (batch, height, width)")
    if array.ndim != 3 or 0 in array.shape:
        raise ValueError(f"maps needs the shape (batch, height, width), got {array.shape}")
    validate.require_finite("maps", array)
    n, boxes = len(array), items(boxes)
    if len(boxes) != n:
        raise ValueError(f"boxes needs one array for each of the {n} maps, got {len(boxes)}")
    validate.fraction("iou", iou)
    found = np.stack([bounding_box(m, threshold, largest=largest) for m in array])
    known = [_known(i, b, array.shape[1:]) for i, b in enumerate(boxes)]
    ious = np.array([box_iou(f, b).max() for f, b in zip(found, known, strict=True)])
    fits = ious >= iou
    top1 = float("nan")
    if correct is not None:
        top1 = float(np.mean(fits & _flags(correct, n)))
    return Localization(float(fits.mean()), top1, float(ious.mean()), ious, found)


def _boxes(name: str, values: Any) -> Array:
    needed = "corners (x0, y0, x1, y1) of shape (n, 4), at least one"
    given = validate.as_array(name, values, needed).astype(np.float64)
    array = np.atleast_2d(given)
    if array.ndim != 2 or array.shape[1] != 4 or len(array) == 0:
        raise ValueError(f"{name} needs {needed}, got the shape {given.shape}")
    good = (array[:, :2] < array[:, 2:]).all(axis=1) & (np.abs(array) <= HUGE).all(axis=1)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(
            f"{name} needs finite numbers, at most {HUGE:.1g}, with x0 < x1 and y0 < y1, but row "
            f"{row} is {array[row].tolist()}"
        )
    return array


def _known(i: int, values: Any, spatial: tuple[int, ...]) -> Array:
    array = box_array(i, values, spatial)
    if len(array) == 0:
        raise ValueError(f"boxes[{i}] needs at least one box (x0, y0, x1, y1), got none")
    return array


def _flags(correct: Any, n: int) -> Array:
    array = validate.as_array("correct", correct, "booleans of shape (batch,)")
    if array.shape != (n,) or array.dtype != bool:
        raise ValueError(
            f"correct needs one boolean for each of the {n} maps, e.g. logits.argmax(1) == labels; "
            f"got dtype {array.dtype} and shape {array.shape}"
        )
    return array


def _largest_component(region: Array) -> Array:
    from scipy import ndimage

    names, count = ndimage.label(region, structure=np.ones((3, 3)))
    sizes = np.bincount(names.ravel(), minlength=count + 1)
    return names == 1 + np.argmax(sizes[1:])
