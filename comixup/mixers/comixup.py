"""`CoMixup`: from saliency maps to patch weights, coupled labeling problems, and a plan."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from comixup._base import validate
from comixup._base.options import names_options
from comixup._base.patch_grid import as_grid
from comixup._base.patch_saliency import ZERO_SALIENCY, warn_of_uniform, weights_and_peaks
from comixup._base.public import public
from comixup._base.streams import Key, stream
from comixup._base.types import RNG, Array, ArrayLike
from comixup._base.wording import documented
from comixup.mixers._comixup_terms import compatibility, unary
from comixup.mixers.base import Mixer
from comixup.mixers.summary import Needs, Summary
from comixup.plans.base import remembering
from comixup.plans.patches import MixPlan
from subopt import CoupledLabelingProblem, minimize_many

EFFORTS = ("fast", "default", "best")
MODES = ("search", "published")


@public
@names_options
@dataclass(frozen=True, kw_only=True, repr=False)
class CoMixup(Mixer):
    r"""Mix batches by Co-Mixup, which keeps salient patches and makes outputs diverse.

    The defaults are the published ones for CIFAR-100. docs/comixup.md lists the published names.

    Parameters
    ----------
    group_size : int, default 20
        Number of consecutive inputs that are mixed with each other; the last group may be smaller.
        A group of one input stays as it is; with 1, a warning says so.
    grid : int or sequence of int, default 4
        Number of patches along every spatial axis, or one number per axis.
    smoothness : float, default 0.32
        Weight beta >= 0 that keeps neighboring patches together.
    coupling : float, default 1.0
        Weight gamma >= 0 that keeps outputs from using the same inputs.
    threshold : float, default 0.83
        tau >= 0: an output may use an input at no cost as long as the other outputs together use at
        most the fraction tau of that input.
    threshold_kind : {"hard", "soft"}, default "hard"
        How use above the threshold is charged: in full ("hard"), or only the excess over the
        threshold ("soft").
    prior_weight : float, default 0.05
        Weight eta >= 0 of the random preference for some inputs.
    prior_concentration : float, default 2.0
        Dirichlet parameter > 0 of that preference, drawn per group; larger is more even.
    distance_weight : float, default 0.001
        omega in [0, 1]: how much inputs with distant salient positions count as the same input.
    levels : {1, 2}, default 2
        Whether a patch is filled by one input, or may also be half of each of two.
    effort : {"fast", "default", "best"}, default "default"
        How long the solver searches, see `subopt.minimize`.
    mode : {"search", "published"}, default "search"
        "published" uses the update rule of the publication instead, for comparison; it has no
        `effort`.
    num_classes : int or dict, optional
        Number of classes; needed if labels are class indices. For labels that are a dict of heads,
        a dict of their numbers.
    label_smoothing : float, default 0.0
        Fraction of every label that is distributed evenly over the classes, after mixing.
    targets : {"classes", "values"}, default "classes"
        Whether labels are classes, or real numbers of shape (B, ...) such as regression targets,
        of which every output gets the mean by area. Binary labels (B,) are numbers too.
    labels_by : {"area", "maximum", "saliency"}, default "area"
        How labels are mixed: an input counts for the area that it fills, or for the part of its
        saliency that is visible; by "maximum" each class gets its largest number among the visible
        inputs, the union of multi-label rows.
    ignore_index : int, optional
        Class index of samples without a label, such as -100: their rows are zero, so that cross
        entropy counts only the part of an output that has a label.
    prob : float, default 1.0
        Probability with which a batch is mixed; otherwise it stays as it is, with its labels as
        rows.
    image_prob : float, default 1.0
        Probability with which each image of such a batch is mixed; the others stay as they are, but
        may be part of mixtures.
    off_epoch : int, optional
        Epoch from which on batches stay as they are; never by default.
    channels : {"first", "last"}, optional
        Position of the channel axis: directly after the batch by default. Shapes that fit another
        layout as well raise an error unless this or `layout` is given.
    layout : str, optional
        The order of axes, one letter per axis: B is the batch, C the channels, all others are
        spatial. "BHWC" is ``channels="last"`` for images, "BHW" gray images, "BTCHW" or "BCTHW"
        video, whose patches extend in time, height and width. Only the number of axes is compared
        with the shape.
    zero_saliency : {"raise", "uniform", "warn"}, default "raise"
        What to do with samples whose saliency is zero or not finite: an error that names them, or
        uniform weights, with a warning that counts them or without.
    seed : int, optional
        Seed of the random streams of calls without `rng`. Without both, every call draws a new one.
    threads : int, optional
        Number of threads that solve groups. None uses one per available core. Results do not depend
        on it.
    time_limit : float, optional
        Seconds that the solver may take for each group, instead of the work of `effort`. 0 takes
        its first answer; None sets no limit. With a limit, results depend on the speed of the
        machine.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not as described.

    References
    ----------
    .. [1] J. Kim, W. Choo, H. Jeong, H. O. Song, "Co-Mixup: Saliency guided joint mixup with
       supermodular diversity", ICLR 2021.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = rng.random((6, 3, 32, 32), dtype=np.float32)
    >>> saliency = rng.random((6, 32, 32))
    >>> mixer = CoMixup(group_size=3, num_classes=10)
    >>> mixed = mixer.mix(images, [3, 1, 4, 1, 5, 9], saliency, rng=0)
    >>> mixed.images.shape, mixed.images.dtype.name, mixed.labels.shape, mixed.plan.n_groups
    ((6, 3, 32, 32), 'float32', (6, 10), 2)
    """

    group_size: int = 20
    grid: int | Sequence[int] = 4
    smoothness: float = 0.32
    coupling: float = 1.0
    threshold: float = 0.83
    threshold_kind: str = "hard"
    prior_weight: float = 0.05
    prior_concentration: float = 2.0
    distance_weight: float = 0.001
    levels: int = 2
    effort: str = "default"
    mode: str = "search"
    zero_saliency: str = "raise"
    threads: int | None = None
    time_limit: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if validate.integer("group_size", self.group_size, 1) == 1:
            warnings.warn(
                "group_size=1 mixes nothing: each image is a group of its own and stays as it is. "
                "The published size is 20.",
                stacklevel=4,
            )
        as_grid(self.grid, len(self.grid) if isinstance(self.grid, Sequence) else 1)
        validate.real("prior_weight", self.prior_weight)
        validate.real("prior_concentration", self.prior_concentration, positive=True)
        validate.fraction("distance_weight", self.distance_weight)
        validate.choice("effort", self.effort, EFFORTS)
        if validate.choice("mode", self.mode, MODES) == "published" and self.effort != "default":
            raise ValueError(
                f"effort={self.effort!r} is for mode='search': the published rule has a fixed "
                "number of sweeps. Leave effort out."
            )
        if validate.integer("levels", self.levels, 1) > 2:
            raise ValueError(f"levels must be 1 or 2, got {self.levels}")
        validate.choice("zero_saliency", self.zero_saliency, ZERO_SALIENCY)
        if self.threads is not None:
            validate.integer("threads", self.threads, 1)
        if self.time_limit is not None:
            validate.real("time_limit", self.time_limit)
        self._problem(np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1))  # checks the other fields

    @property
    def uses_saliency(self) -> bool:
        """Whether plans depend on saliency."""
        return True

    @documented
    def needs(self, key: Key, spatial: tuple[int, ...]) -> Needs:
        """Return the data of the batch that a plan for this call needs.

        Parameters
        ----------
        %(key)s
        spatial : tuple of int
            Spatial shape of the images.

        Returns
        -------
        Needs
            The grid, and whether mean colors are needed.
        """
        return Needs(as_grid(self.grid, len(spatial)), zero_saliency=self.zero_saliency)

    def plan(
        self,
        saliency: ArrayLike,
        *,
        spatial: Sequence[int] | None = None,
        rng: RNG = None,
        step: int = 0,
        rank: int = 0,
        first_group: int = 0,
    ) -> MixPlan:
        r"""Plan a mixture from saliency alone.

        Parameters
        ----------
        saliency : array_like of shape (B, \*resolution)
            Nonnegative maps at any resolution of at least one pixel per patch.
        spatial : sequence of int, optional
            Spatial shape of the images; that of the maps by default.
        rng, step, rank
            As in `mix`.
        first_group : int, default 0
            Number of the first group, for a batch that is a part of a larger one. Groups then have
            the random streams that they would have in the larger batch.

        Returns
        -------
        MixPlan
            The plan of all groups.

        Raises
        ------
        ValueError, TypeError
            If `saliency` or an option is not as described.
        """
        maps = validate.as_array("saliency", saliency, "numbers >= 0 of shape (batch, *spatial)")
        pooled = weights_and_peaks(maps, self.grid, zero_saliency=self.zero_saliency)
        if self.zero_saliency == "warn":
            warn_of_uniform(pooled.n_uniform, len(maps))
        shape = maps.shape[1:] if spatial is None else tuple(spatial)
        key = Key.of_call(self.seed, rng, step, rank)
        first = validate.integer("first_group", first_group, 0)
        summary = Summary(len(maps), shape, pooled.weights, pooled.peaks)
        found = self.solve(summary, key, first_group=first)
        return remembering(found, pooled.weights if self.labels_by == "saliency" else None)

    @documented
    def solve(self, summary: Summary, key: Key, *, first_group: int = 0) -> MixPlan:
        """Plan a batch whose saliency has been pooled.

        Parameters
        ----------
        %(summary)s
        %(key)s
        first_group : int, default 0
            As in `plan`.

        Returns
        -------
        MixPlan
        %(planned)s
        """
        weights, peaks = summary.weights, summary.peaks
        assert weights is not None
        assert peaks is not None
        first = key.first_group + first_group
        B = len(weights)
        edges = np.append(np.arange(0, B, self.group_size), B)
        slices = [slice(a, b) for a, b in itertools.pairwise(edges.tolist())]
        rngs = [stream(key.seed, key.step, first + g) for g in range(len(slices))]
        priors = [
            r.dirichlet(np.full(s.stop - s.start, float(self.prior_concentration)))
            for r, s in zip(rngs, slices, strict=True)
        ]
        problems = [
            self._problem(weights[s], peaks[s], prior)
            for s, prior in zip(slices, priors, strict=True)
        ]
        searched: dict[str, Any] = {"effort": self.effort} if self.mode == "search" else {}
        results = minimize_many(
            problems,
            rng=rngs,
            threads=self.threads,
            method=self.mode,
            time_limit=self.time_limit,
            **searched,
        )
        return MixPlan(
            np.concatenate([r.sources + s.start for r, s in zip(results, slices, strict=True)]),
            edges,
            np.array([r.value for r in results]),
            summary.spatial,
            key.seed,
            np.stack([np.full(len(slices), key.step), first + np.arange(len(slices))], axis=1),
        )

    def _problem(self, weights: Array, peaks: Array, prior: Array) -> CoupledLabelingProblem:
        return CoupledLabelingProblem(
            unary(weights, prior, float(self.prior_weight)),
            compatibility=compatibility(peaks, self.distance_weight),
            smoothness=self.smoothness,
            coupling=self.coupling,
            threshold=self.threshold,
            threshold_kind=self.threshold_kind,
            levels=self.levels,
        )
