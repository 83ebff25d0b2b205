"""Segment images and volumes from seeds, by minimum cuts.

    E(x) = sum_v -log p(image[v] | x_v) + smoothness * sum_{(p, q)} w_pq [x_p != x_q],
    w_pq = exp(-|image[p] - image[q]|^2 / (2 s^2)) / |p - q|,

with s^2 the mean of |image[p] - image[q]|^2 over all neighbors, and a mixture of Gaussians for the
colors of each label. Cuts and fits of the mixtures take turns (Y. Boykov, M.-P. Jolly,
"Interactive graph cuts for optimal boundary and region segmentation of objects in N-D images", ICCV
2001; C. Rother, V. Kolmogorov, A. Blake, "GrabCut: interactive foreground extraction using iterated
graph cuts", ACM Transactions on Graphics 23(3), 2004).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from subopt._base import validate
from subopt._base.answer import Answer
from subopt._base.options import Deadline, documented, reported, stage
from subopt._base.types import Array, ArrayLike
from subopt.graph.grid._input import may_be_picture
from subopt.labeling._color_models import LEAST_SPREAD, Mixture, costs_of, fitted
from subopt.labeling._grid_edges import pairs_at
from subopt.labeling._ishikawa import finished
from subopt.labeling.certificates import MessageCertificate
from subopt.labeling.cut_graphs import draft, ordered, ordered_table
from subopt.labeling.energy import LabelingEnergy
from subopt.labeling.result import Labeling
from subopt.labeling.select import minimize_labeling


class _Domain(NamedTuple):
    """The pixels, and which of them are joined."""

    pixels: Array  # (n, channels) float64
    shape: tuple[int, ...]
    inside: Array  # (n,) bool
    offsets: list[tuple[int, ...]]
    weights: list[Array]  # of each offset, without the factor `smoothness`
    noise: float  # variance of a channel, from differences of neighbors
    floor: float  # least variance of a Gaussian


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Segmentation(Answer):
    r"""A label for every pixel, and the energy that the last cut minimized.

    Attributes
    ----------
    labels : ndarray of int64, shape (\*grid,)
        A label of the seeds for every pixel, and 0 for those that are left out; read-only.
    value : float
        Energy E(x) of the labels, with the color models of the last cut.
    lower_bound : float
        A lower bound on this energy for all labelings that keep the seeds. Minus infinity if no
        bound is known, as for more than two labels.
    status : Status
        Why the last cut stopped. OPTIMAL if no other labeling has a lower energy, given the color
        models.
    method : str
        The method that made the last cut.
    certificate : MessageCertificate or None
        Evidence for `lower_bound`: ``result.check(result.energy)`` recomputes `gap`.
    energy : LabelingEnergy
        The energy of the last cut. Its label k is ``names[k]``.
    names : ndarray of int64, shape (L,)
        The labels of the seeds, in increasing order.
    n_iter : int
        Number of cuts. Less than `max_iter` if labels and color models do not change any more.
    """

    labels: Array
    certificate: MessageCertificate | None = None
    energy: LabelingEnergy
    names: Array
    n_iter: int

    def _contents(self) -> str:
        return f"labels of shape {self.labels.shape}, n_iter={self.n_iter}"

    def check(self, problem: LabelingEnergy) -> float:
        """Recompute `gap` from the energy of the last cut.

        Parameters
        ----------
        problem : LabelingEnergy
            `energy`, or an equal one.

        Returns
        -------
        float
            The distance of the energy of the labels from the bound that the certificate proves;
            infinity if there is none.

        Raises
        ------
        CertificateError
            If the evidence does not prove the bound.
        """
        if self.certificate is None:
            return math.inf
        return self.certificate.check(problem, np.searchsorted(self.names, self.labels))


@reported
@documented
def segment(
    image: ArrayLike,
    seeds: ArrayLike,
    *,
    smoothness: float = 50.0,
    n_components: int = 5,
    max_iter: int = 10,
    mask: ArrayLike | None = None,
    start: ArrayLike | None = None,
    channel_axis: int | None = None,
    connectivity: int = 1,
    spacing: Sequence[float] | None = None,
    time_limit: float | None = None,
    verbose: bool = False,
) -> Segmentation:
    r"""Segment an image or a volume from pixels whose labels are known.

    Parameters
    ----------
    image : array_like of shape (\*grid,), or with one more axis of channels
        Gray values or colors, in any units, of a grid with 1 to 3 axes.
    seeds : array_like of int, shape (\*grid,)
        Labels > 0 of the pixels that are known, 0 where they are not. Pixels with negative entries
        are left out, like those outside of `mask`.
    smoothness : float, default 50
        Cost of a border between two equal neighbors, where a pixel costs its negative
        log-likelihood in nats.
    n_components : int, default 5
        Gaussians per label; fewer where few pixels are known. With 0 there are no color models:
        borders alone decide.
    %(max_iter)s
        Each is one cut, after which the color models are fitted again. The search ends earlier if
        no label changes.
    mask : array_like of bool, shape (\*grid,), optional
        Pixels to segment.
    start : array_like of int, shape (\*grid,), optional
        Labels that the first color models are fitted to, 0 where they are not known; by default
        the seeds. With a box around an object: seeds of the background outside of it, and the label
        of the object inside as `start`.
    channel_axis : int, optional
        Axis of the channels. By default the one that `seeds` lacks, if it lacks the first or last.
    connectivity : int, default 1
        Neighbors differ by one step along at most this many axes: 1 for 4 neighbors of a pixel,
        2 for 8.
    spacing : sequence of float, optional
        Distance of neighbors along each axis; 1 by default.
    %(time_limit)s
    %(verbose)s

    Returns
    -------
    Segmentation
        ``result.labels`` has a label of `seeds` for every pixel, and 0 for those that are left out.
        Value, bound and status are those of the last cut.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or a label of `start` has no seeds and none of its
        own.

    See Also
    --------
    LabelingEnergy : for unary costs of your own.

    Notes
    -----
    Two labels are one minimum cut per iteration, which is exact; more labels take
    `alpha_expansion`. The answer does not depend on the units of the image.

    References
    ----------
    .. [1] Y. Boykov, M.-P. Jolly, "Interactive graph cuts for optimal boundary and region
       segmentation of objects in N-D images", ICCV 2001.
    .. [2] C. Rother, V. Kolmogorov, A. Blake, "GrabCut: interactive foreground extraction using
       iterated graph cuts", ACM Transactions on Graphics 23(3), 2004.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> image = rng.normal(scale=0.1, size=(20, 30))
    >>> image[5:15, 10:20] += 1
    >>> seeds = np.zeros((20, 30), int)
    >>> seeds[0], seeds[10, 12:18] = 1, 2
    >>> result = segment(image, seeds, n_components=1)
    >>> int((result.labels == 2).sum()), bool((result.labels[5:15, 10:20] == 2).all())
    (100, True)
    >>> result.status.name, result.check(result.energy) < 1e-9
    ('OPTIMAL', True)
    """
    deadline = Deadline(time_limit)
    known = _labels("seeds", seeds)
    strength = validate.nonnegative("smoothness", smoothness)
    components = validate.natural("n_components", n_components)
    cuts = validate.positive_int("max_iter", max_iter)
    domain = _domain(image, known, mask, channel_axis, connectivity, spacing)
    flat = np.where(domain.inside, known.ravel(), 0)
    first = flat if start is None else np.where(flat > 0, flat, _start(start, domain))
    names = np.unique(first[first > 0])
    if not len(names):
        raise ValueError("seeds needs a label > 0 at a pixel that is not left out")
    if len(names) == 1 and start is None:
        raise ValueError(
            f"seeds needs two labels or more, but has {names[0]} only; 0 is for pixels whose "
            "label is to be found. Mark some of the background, too, or give `start`."
        )
    fixed = np.where(flat > 0, np.searchsorted(names, flat), -1)
    x = np.where(first > 0, np.searchsorted(names, first), -1)
    energy = LabelingEnergy(
        np.zeros((*domain.shape, len(names))),
        weights=[strength * w for w in domain.weights],
        offsets=None if connectivity == 1 else domain.offsets,
        fixed=fixed,
        mask=domain.inside,
        label_axis=-1,
    )
    allowed = energy.costs  # 0, or infinity
    mixtures: list[Mixture] = []
    n_iter = 0
    for _ in range(cuts):
        n_iter += 1
        if components and len(names) > 1:
            mixtures = _refitted(mixtures, x, len(names), components, domain)
            unary = np.stack([costs_of(mixture, domain.pixels) for mixture in mixtures])
            unary[:, ~domain.inside] = 0.0
            energy = energy._with(costs=unary + allowed)
        cut = _Cut(energy, deadline)
        before, x = x, np.where(domain.inside, cut.labels, -1)
        changed = np.count_nonzero(x != before)
        stage("cut %d: %d labels changed", n_iter, changed)
        absent = np.bincount(x[x >= 0], minlength=len(names)) == 0
        if not mixtures or not changed or absent.any() or deadline.passed():
            break
    answer = cut.answer()
    return Segmentation(
        labels=np.where(domain.inside, names[answer.labels.ravel()], 0).reshape(domain.shape),
        value=answer.value,
        lower_bound=answer.lower_bound,
        status=answer.status,
        method=answer.method,
        certificate=answer.certificate,
        energy=energy,
        names=names,
        n_iter=n_iter,
    )


class _Cut:
    """Labels of an energy; what they prove is computed for the last energy only."""

    def __init__(self, energy: LabelingEnergy, deadline: Deadline) -> None:
        self._energy, self._deadline = energy, deadline
        if energy.n_labels == 2:
            self._table = ordered_table(energy)
            assert not isinstance(self._table, str)
            self._draft = draft(energy, self._table, deadline)
            self.labels = self._draft.labels
        else:
            self._answer = minimize_labeling(energy, time_limit=deadline.left())
            self.labels = self._answer.labels.ravel()

    def answer(self) -> Labeling:
        """Return the labels with what is proven of them."""
        energy, deadline = self._energy, self._deadline
        if energy.n_labels != 2:
            return self._answer
        assert not isinstance(self._table, str)
        return finished(energy, ordered(energy, self._table, deadline, self._draft), deadline)


def _labels(name: str, labels: ArrayLike) -> Array:
    array = validate.rectangular(name, labels)
    if array.dtype.kind not in "iu" or not 1 <= array.ndim <= 3:
        raise TypeError(
            f"{name} needs integers on a grid with 1 to 3 axes, got dtype {array.dtype} and shape "
            f"{array.shape}"
        )
    return array.astype(np.int64)


def _start(start: ArrayLike, domain: _Domain) -> Array:
    labels = _labels("start", start)
    if labels.shape != domain.shape:
        raise ValueError(f"start needs the shape of seeds, {domain.shape}, got {labels.shape}")
    return np.where(domain.inside, np.maximum(labels.ravel(), 0), 0)


def _domain(
    image: ArrayLike,
    seeds: Array,
    mask: ArrayLike | None,
    channel_axis: int | None,
    connectivity: int,
    spacing: Sequence[float] | None,
) -> _Domain:
    pixels, shape = _pixels(image, seeds.shape, channel_axis), seeds.shape
    if spacing is None and channel_axis is None and may_be_picture(shape):
        raise ValueError(
            f"seeds of shape {shape} may be a volume of {shape[-1]} layers, or a picture of "
            f"strokes with {shape[-1]} channels: seeds needs one label per pixel, as in "
            "(strokes[..., 0] > 128).astype(int). For a volume, say spacing=(1, 1, 1)."
        )
    inside = (seeds >= 0).ravel()
    if mask is not None:
        given = validate.rectangular("mask", mask)
        if given.dtype != np.bool_ or given.shape != shape:
            raise ValueError(
                f"mask needs booleans of shape {shape}, got dtype {given.dtype} and shape "
                f"{given.shape}"
            )
        inside = inside & given.ravel()
    axes = len(shape)
    steps = validate.positive_int("connectivity", connectivity)
    if steps > axes:
        raise ValueError(f"connectivity needs to be 1 to {axes} on this grid, got {steps}")
    unit = np.ones(axes) if spacing is None else validate.real_array("spacing", spacing)
    if unit.shape != (axes,) or not (unit > 0).all():
        raise ValueError(f"spacing needs {axes} numbers > 0, one per axis, got {spacing!r}")
    offsets = [
        offset
        for offset in itertools.product((-1, 0, 1), repeat=axes)
        if 0 < sum(map(abs, offset)) <= steps and offset > (0,) * axes
    ]
    offsets.sort(key=lambda offset: (sum(map(abs, offset)), [-step for step in offset]))
    squares, sides = [], []
    total = count = 0.0
    for offset in offsets:
        tails, heads = pairs_at(shape, offset, (False,) * axes)
        apart = ((pixels[tails.ravel()] - pixels[heads.ravel()]) ** 2).sum(axis=1)
        both = inside[tails.ravel()] & inside[heads.ravel()]
        total, count = total + float(apart[both].sum()), count + float(both.sum())
        squares.append(apart)
        sides.append(tails.shape)
    mean = total / count if count else 0.0
    weights = [
        (np.exp(-square / (2 * mean)) if mean > 0 else np.ones_like(square)).reshape(side)
        / math.sqrt(float(((unit * offset) ** 2).sum()))
        for square, side, offset in zip(squares, sides, offsets, strict=True)
    ]
    noise = mean / (2 * pixels.shape[1])
    floor = LEAST_SPREAD**2 * max(float(pixels.var(axis=0).mean()), 1e-300)
    return _Domain(pixels, shape, inside, offsets, weights, noise, floor)


def _pixels(image: ArrayLike, shape: tuple[int, ...], channel_axis: int | None) -> Array:
    """Return the values of the pixels, (n, channels), in units of the largest."""
    array = validate.real_array("image", image)
    axis = isinstance(channel_axis, int | np.integer) and not isinstance(channel_axis, bool)
    if channel_axis is not None and not axis:
        raise TypeError(f"channel_axis needs an integer, got {validate.shortened(channel_axis)}")
    if channel_axis is None and array.shape != shape:
        first, last = array.shape[1:] == shape, array.shape[:-1] == shape
        if first == last:
            way_out = "say channel_axis" if first else "seeds needs its shape, less the channels"
            raise ValueError(
                f"image of shape {array.shape} and seeds of shape {shape} do not fit: {way_out}"
            )
        channel_axis = 0 if first else -1
    if channel_axis is None:
        array = array[..., None]
    elif not -array.ndim <= channel_axis < array.ndim:
        raise ValueError(f"channel_axis needs to be an axis of image, got {channel_axis}")
    else:
        array = np.moveaxis(array, channel_axis, -1)
    if array.shape[:-1] != shape or not array.shape[-1]:
        raise ValueError(
            f"seeds needs the shape of the image without its channels, {array.shape[:-1]}, got "
            f"{shape}"
        )
    array = array.reshape(-1, array.shape[-1])
    array = array - array.mean(axis=0)
    size = np.abs(array).max(initial=0.0)
    return array / size if size > 0 else array


def _refitted(
    mixtures: list[Mixture], x: Array, labels: int, components: int, domain: _Domain
) -> list[Mixture]:
    """Fit a mixture to the pixels of each label, starting from given ones, if there are any."""
    before: Sequence[Mixture | None] = mixtures or [None] * labels
    return [
        fitted(domain.pixels[x == l], components, domain.noise, domain.floor, before[l])
        for l in range(labels)
    ]
