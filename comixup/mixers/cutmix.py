"""`CutMix`: a box of another image pasted over every image, with labels by area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from comixup._base.options import names_options
from comixup._base.public import public
from comixup._base.streams import DRAW, Key
from comixup._base.types import Array
from comixup._base.wording import documented
from comixup.mixers.pairs import PairMixer
from comixup.mixers.summary import Summary
from comixup.plans.pasted_boxes import BoxPlan


@public
@names_options
@dataclass(frozen=True, kw_only=True, repr=False)
class CutMix(PairMixer):
    r"""Paste a box of another image over every image.

    Parameters
    ----------
    alpha : float, default 1.0
        The fraction of the image outside of the box is drawn from Beta(alpha, alpha). The center of
        the box is uniform. The box is clipped to the image, and labels count the pixels that are
        pasted.
    mode : {"batch", "elem"}, default "batch"
        Whether there is one box for the batch or one for each output.
    num_classes, label_smoothing, targets, labels_by, ignore_index, prob, image_prob, off_epoch
        As in `CoMixup`.
    channels, layout, seed
        As in `CoMixup`.

    References
    ----------
    .. [1] S. Yun, D. Han, S. J. Oh, S. Chun, J. Choe, Y. Yoo, "CutMix: Regularization strategy to
       train strong classifiers with localizable features", ICCV 2019.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((6, 3, 8, 8), dtype=np.float32)
    >>> mixed = CutMix(num_classes=10)(images, [3, 1, 4, 1, 5, 9], rng=3)
    >>> mixed.plan.boxes[0].tolist(), float(mixed.plan.share[0])
    ([[0, 3], [3, 7]], 0.8125)
    """

    @documented
    def solve(self, summary: Summary, key: Key) -> BoxPlan:
        """Plan a batch.

        Parameters
        ----------
        %(summary)s
        %(key)s

        Returns
        -------
        BoxPlan
        %(planned)s
        """
        rng = key.stream(DRAW)
        partner, free = self.draw(summary.n, rng)
        boxes = draw_boxes(free, summary.spatial, rng, same=self.mode == "batch")
        return BoxPlan.from_boxes(partner, boxes, spatial=summary.spatial, key=key)


def draw_boxes(
    free: Array, spatial: tuple[int, ...], rng: np.random.Generator, *, same: bool
) -> Array:
    """Return boxes (n, dimensions, 2) of the shape of the image that leave `free` (n,) of it."""
    size = np.array(spatial)
    n, d = len(free), len(size)
    center = np.broadcast_to(rng.integers(0, size, (1 if same else n, d)), (n, d))
    half = (0.5 * (1 - free[:, None]) ** (1 / d) * size).astype(np.int64)
    ends = np.stack([center - half, center + half], axis=2)
    return np.clip(ends, 0, size[:, None])
