"""Mixers that leave out one thing, to tell what the rest is worth."""

from dataclasses import dataclass, replace

import numpy as np

from comixup import CoMixup, MixPlan
from comixup._base.streams import CHOICE
from comixup.mixers.base import Mixer
from comixup.mixers.summary import Needs


@dataclass(frozen=True, kw_only=True)
class Identity(Mixer):
    """Every output is its own input: the step of Co-Mixup, with its clean loss, without mixing."""

    @property
    def uses_saliency(self):
        """Say yes, for the clean pass."""
        return True

    def needs(self, key, spatial):
        """Ask for nothing."""
        return Needs()

    def solve(self, summary, key):
        """Plan a batch."""
        return MixPlan.identity(summary.n, summary.spatial)


@dataclass(frozen=True, kw_only=True)
class RandomPatches(CoMixup):
    """Co-Mixup with the patches of each output put into random order: the same labels."""

    def solve(self, summary, key, **options):
        """Plan a batch."""
        plan = super().solve(summary, key, **options)
        rng = key.stream(CHOICE)
        sources = plan.sources.reshape(len(plan), -1, plan.levels)
        order = rng.permuted(np.tile(np.arange(sources.shape[1]), (len(plan), 1)), axis=1)
        moved = np.take_along_axis(sources, order[..., None], axis=1)
        return replace(plan, sources=moved.reshape(plan.sources.shape))


@dataclass(frozen=True, kw_only=True)
class OtherSaliency(CoMixup):
    """Co-Mixup that sees, for each image, the saliency of another one of its batch."""

    def solve(self, summary, key, **options):
        """Plan a batch."""
        order = key.stream(CHOICE).permutation(summary.n)
        other = np.empty_like(order)
        other[order] = np.roll(order, 1)  # one cycle: no image keeps its own
        shuffled = summary._replace(weights=summary.weights[other], peaks=summary.peaks[other])
        return super().solve(shuffled, key, **options)
