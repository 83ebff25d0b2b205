"""InputMixup: every image blended with another one of the batch.

The common baseline (Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond empirical risk minimization",
ICLR 2018), called MixUp in torchvision and Mixup in timm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from comixup._base.options import names_options
from comixup._base.public import public
from comixup._base.streams import DRAW, Key
from comixup._base.wording import documented
from comixup.mixers.pairs import PairMixer
from comixup.mixers.summary import Summary
from comixup.plans.blends import BlendPlan


@public
@names_options
@dataclass(frozen=True, kw_only=True, repr=False)
class InputMixup(PairMixer):
    r"""Blend every image with another image of the batch, and their labels in the same way.

    Parameters
    ----------
    alpha : float, default 1.0
        The share of an image in its own output is drawn from Beta(alpha, alpha).
    mode : {"batch", "elem"}, default "batch"
        Whether there is one draw for the batch or one for each output.
    num_classes, label_smoothing, targets, labels_by, ignore_index, prob, image_prob, off_epoch
        As in `CoMixup`.
    channels, layout, seed
        As in `CoMixup`.

    References
    ----------
    .. [1] H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond empirical risk
       minimization", ICLR 2018.

    Examples
    --------
    >>> images = np.random.default_rng(0).random((6, 3, 8, 8), dtype=np.float32)
    >>> mixed = InputMixup(num_classes=10)(images, [3, 1, 4, 1, 5, 9], rng=0)
    >>> mixed.images.shape, mixed.labels.shape, round(float(mixed.plan.share[0]), 3)
    ((6, 3, 8, 8), (6, 10), 0.773)
    """

    least_spatial: ClassVar[int] = 0

    @documented
    def solve(self, summary: Summary, key: Key) -> BlendPlan:
        """Plan a batch.

        Parameters
        ----------
        %(summary)s
        %(key)s

        Returns
        -------
        BlendPlan
        %(planned)s
        """
        partner, share = self.draw(summary.n, key.stream(DRAW))
        return BlendPlan(partner, share, summary.spatial, key)
