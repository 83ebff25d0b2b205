"""`PuzzleMix`: pairs of images, with a mask by minimum cut and patches moved under the mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from comixup._base import validate
from comixup._base.options import names_options
from comixup._base.patch_grid import require_fit
from comixup._base.patch_saliency import ZERO_SALIENCY
from comixup._base.public import public
from comixup._base.streams import CHOICE, DRAW, Key
from comixup._base.types import Array
from comixup._base.wording import documented
from comixup.mixers._puzzle_masks import MaskEnergy, mask_energy, minimize_masks
from comixup.mixers._puzzle_transport import best_moves, distances
from comixup.mixers.pairs import PairMixer
from comixup.mixers.summary import Needs, Summary
from comixup.plans.gather import patch_shapes
from comixup.plans.patches import MixPlan
from subopt import LabelingEnergy


@public
@names_options
@dataclass(frozen=True, kw_only=True, repr=False)
class PuzzleMix(PairMixer):
    r"""Mix pairs of images so that the salient parts of both are visible.

    Parameters
    ----------
    alpha : float, default 1.0
        The expected share of an image in its own output is drawn from Beta(alpha, alpha).
    mode : {"batch", "elem"}, default "batch"
        Whether there is one draw for the batch or one for each output.
    grids : sequence of int, default (2, 4, 8, 16)
        Numbers of patches along every spatial axis, one of which is drawn for every batch. Images
        need at least as many pixels along every axis as the largest.
    smoothness : float, default 1.2
        Weight beta >= 0 of (z_i - z_j)^2 for neighboring patches.
    data_smoothness : float, default 0.5
        Weight gamma >= 0 of the difference in color between neighboring patches that are
        visible: the mean square over channels, in units of the variance of the batch.
    prior_weight : float, default 0.2
        Weight eta >= 0 of the binomial prior around the share.
    levels : {1, 2}, default 2
        Whether a patch shows one image only (1), or may also show half of each (2).
    transport : bool, default True
        Whether patches may move within their image to visible positions.
    transport_cost : float, default 0.8
        Weight xi >= 0 of the L1 distance that patches move, in patches.
    zero_saliency : {"raise", "uniform", "warn"}, default "raise"
        What to do with samples whose saliency is zero or not finite, as in `CoMixup`.
    threads : int, optional
        Number of threads. None uses one per available core. Results do not depend on it.
    num_classes, label_smoothing, targets, labels_by, ignore_index, prob, image_prob, off_epoch
        As in `CoMixup`.
    channels, layout, seed
        As in `CoMixup`.

    Notes
    -----
    Saliency sums to 1 per image. With N patches, beta and gamma are multiplied by 1 / (16 sqrt(N)),
    eta and xi by 1 / N. The mask minimizes its energy exactly, and then the moves minimize theirs
    exactly, given the mask. As in the publication, there is one round of these two steps.

    References
    ----------
    .. [1] J.-H. Kim, W. Choo, H. O. Song, "Puzzle Mix: Exploiting saliency and local statistics for
       optimal mixup", ICML 2020.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = rng.random((6, 3, 32, 32), dtype=np.float32)
    >>> mix = PuzzleMix(grids=(4,), num_classes=10)
    >>> mixed = mix(images, [3, 1, 4, 1, 5, 9], rng.random((6, 32, 32)), rng=0)
    >>> mixed.images.shape, mixed.labels.shape, mixed.plan.grid, int(mixed.plan.n_sources.max())
    ((6, 3, 32, 32), (6, 10), (4, 4), 2)
    """

    grids: Sequence[int] = (2, 4, 8, 16)
    smoothness: float = 1.2
    data_smoothness: float = 0.5
    prior_weight: float = 0.2
    levels: int = 2
    transport: bool = True
    transport_cost: float = 0.8
    zero_saliency: str = "raise"
    threads: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.grids, Sequence) or len(self.grids) == 0:
            raise ValueError(f"grids needs a sequence of at least one integer, got {self.grids!r}")
        for i, side in enumerate(self.grids):
            validate.integer(f"grids[{i}]", side, 1)
        for name in ("smoothness", "data_smoothness", "prior_weight", "transport_cost"):
            validate.real(name, getattr(self, name))
        if validate.integer("levels", self.levels, 1) > 2:
            raise ValueError(f"levels must be 1 or 2, got {self.levels}")
        if not isinstance(self.transport, bool):
            raise TypeError(f"transport needs True or False, got {self.transport!r}")
        validate.choice("zero_saliency", self.zero_saliency, ZERO_SALIENCY)
        if self.threads is not None:
            validate.integer("threads", self.threads, 1)

    @property
    def uses_saliency(self) -> bool:
        """Whether plans depend on saliency."""
        return True

    @documented
    def needs(self, key: Key, spatial: tuple[int, ...]) -> Needs:
        """Return the data of the batch that a plan for this call needs; draws the grid.

        Parameters
        ----------
        %(key)s
        spatial : tuple of int
            Spatial shape of the images.

        Returns
        -------
        Needs
            The grid, and whether mean colors are needed.

        Raises
        ------
        ValueError
            If the image has fewer pixels along an axis than the grid has patches.
        """
        for grid in self.grids:  # all of them: whether images are too small is no matter of luck
            require_fit("images", spatial, (grid,) * len(spatial))
        side = self.grids[int(key.stream(CHOICE).integers(len(self.grids)))]
        return Needs((side,) * len(spatial), self.data_smoothness > 0, self.zero_saliency)

    @documented
    def solve(self, summary: Summary, key: Key) -> MixPlan:
        """Plan a batch.

        Parameters
        ----------
        %(summary)s
        %(key)s

        Returns
        -------
        MixPlan
        %(planned)s
        """
        weights = summary.weights
        assert weights is not None
        partner, share = self.draw(summary.n, key.stream(DRAW))
        grid = weights.shape[1:]
        energy = self.energy(summary, partner, share)
        steps = minimize_masks(energy, self.threads)
        values = energy(steps)
        own = np.arange(summary.n)
        # level 0 shows the own image unless all of the patch is the partner's, the last level
        # shows the partner unless all is its own
        other = np.stack([steps == self.levels, steps > 0], axis=2)[..., -self.levels :]
        sources = np.where(other, partner[:, None, None], own[:, None, None])
        moves = self._moves(weights, steps, partner, other, summary.spatial)
        order = np.argsort(sources, axis=2, kind="stable")
        shape = (summary.n, *grid, self.levels)
        plan_moves = None
        if moves is not None:
            plan_moves = np.take_along_axis(moves, order, axis=2).reshape(shape)
        return MixPlan(
            np.take_along_axis(sources, order, axis=2).reshape(shape),
            np.array([0, summary.n]),
            values.sum(keepdims=True),
            summary.spatial,
            key.seed,
            np.array([[key.step, key.first_group]]),
            plan_moves,
        )

    def energy(self, summary: Summary, partner: Array, share: Array) -> MaskEnergy:
        """Return the energy of the masks of all pairs.

        Parameters
        ----------
        summary : Summary
            Saliency and colors of patches.
        partner : ndarray of int, shape (B,)
            The other image of each pair.
        share : ndarray of float64, shape (B,)
            Expected fraction of the own image.

        Returns
        -------
        MaskEnergy
            The energy, with one mask per pair.
        """
        weights = summary.weights
        assert weights is not None
        n, grid = summary.n, weights.shape[1:]
        flat = weights.reshape(n, -1)
        N = flat.shape[1]
        ends, scale = neighbors(grid), 1 / (16 * np.sqrt(N))
        data = None
        if self.data_smoothness > 0 and ends.size:
            assert summary.colors is not None
            colors = summary.colors.reshape(n, -1, N)
            data = self.data_smoothness * scale * contrasts(colors, partner, ends)
        return mask_energy(
            flat,
            flat[partner],
            share,
            ends,
            self.levels,
            smoothness=self.smoothness * scale,
            prior=self.prior_weight / N,
            data=data,
        )

    def _moves(
        self, weights: Array, steps: Array, partner: Array, other: Array, spatial: tuple[int, ...]
    ) -> Array | None:
        """Return the origin (B, N, levels) of what fills every patch."""
        if not self.transport:
            return None
        n, grid = len(weights), weights.shape[1:]
        flat, shows = weights.reshape(n, -1), steps / self.levels
        distance = distances(grid, patch_shapes(spatial, grid))
        cost = self.transport_cost / flat.shape[1]
        own = best_moves(flat, 1 - shows, distance, cost)
        its = best_moves(flat[partner], shows, distance, cost)
        moves = np.where(other, its[:, :, None], own[:, :, None])
        alone = partner == np.arange(n)  # paired with itself: nothing to move, it stays whole
        moves[alone] = np.arange(flat.shape[1])[:, None]
        return moves


@lru_cache(maxsize=64)
def neighbors(grid: tuple[int, ...]) -> Array:
    """Return the two patches (2, E) of every pair of neighbors, as flat indices."""
    edges = LabelingEnergy(np.zeros((*grid, 1)), weights=1, label_axis=-1)
    pairs = np.stack([edges.tails, edges.heads])
    pairs.setflags(write=False)
    return pairs


def contrasts(colors: Array, partner: Array, ends: Array) -> Array:
    """Return squared differences in color (4, B, E) of neighbors: own or partner on either side.

    Parameters
    ----------
    colors : ndarray of shape (B, C, N)
    partner : ndarray of shape (B,)
    ends : ndarray of shape (2, E)
    """
    variance = colors.var()
    unit = variance if variance > 0 else 1.0
    sides = (colors, colors[partner])
    a, b = ends
    return np.stack(
        [
            np.square(first[:, :, a] - second[:, :, b]).mean(axis=1) / unit
            for first in sides
            for second in sides
        ]
    )
