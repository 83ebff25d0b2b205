"""The common part of plans that mix every input with one partner: `PairPlan`."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from comixup._base import validate
from comixup._base.streams import Key
from comixup._base.types import Array, ArrayLike
from comixup.plans import saved
from comixup.plans.base import Mixture, salient_parts

if TYPE_CHECKING:
    from typing import Self


@dataclass(frozen=True, eq=False, repr=False)
class PairPlan(Mixture):
    r"""Every output is its own input mixed with one partner.

    Attributes
    ----------
    partner : ndarray of intp, shape (B,)
        Index of the other input of every output.
    share : ndarray of float64, shape (B,)
        Fraction of output j that input j fills, in 0..1; the partner fills the rest.
    spatial : tuple of int
        Spatial shape of the images that the plan was made for.
    key : Key, optional
        Key of the random numbers of the plan: seed, step and rank.
    """

    partner: Array
    share: Array
    spatial: tuple[int, ...]
    key: Key | None = None

    _arrays: ClassVar[tuple[str, ...]] = ("partner", "share")  # what is saved

    def __post_init__(self) -> None:
        partner, share = np.array(self.partner), np.array(self.share, dtype=np.float64)
        n = len(partner) if partner.ndim == 1 else 0
        if n == 0 or partner.dtype.kind not in "iu":
            raise ValueError(
                "partner needs one index into the batch for each of its inputs, got dtype "
                f"{partner.dtype} and shape {partner.shape}"
            )
        if (wrong := (partner < 0) | (partner >= n)).any():
            j = int(np.argmax(wrong))
            raise ValueError(
                f"partner needs indices in 0..{n - 1}, but partner[{j}] is {partner[j]}"
            )
        if share.shape != (n,):
            raise ValueError(f"share needs {n} numbers in 0..1, got shape {share.shape}")
        if (wrong := ~((share >= 0) & (share <= 1))).any():
            j = int(np.argmax(wrong))
            raise ValueError(f"share needs numbers in 0..1, but share[{j}] is {share[j]:g}")
        partner = partner.astype(np.intp)
        for array in (partner, share):
            array.setflags(write=False)
        object.__setattr__(self, "partner", partner)
        object.__setattr__(self, "share", share)
        spatial = tuple(validate.integer("spatial", s, 1) for s in self.spatial)
        object.__setattr__(self, "spatial", spatial)

    def __len__(self) -> int:
        """Return the number B of inputs, and of outputs."""
        return len(self.partner)

    @property
    def slots(self) -> tuple[Array, Array]:
        """Sources of every output, itself and its partner, and their shares, both (B, 2)."""
        own = np.arange(len(self))
        return np.stack([own, self.partner], 1), np.stack([self.share, 1 - self.share], 1)

    @property
    def larger(self) -> Array:
        """Source of every output with the larger share, itself in a tie, (B,)."""
        return np.where(self.share >= 0.5, np.arange(len(self)), self.partner)

    @property
    def shares(self) -> Array:
        """Part of output j that input i fills, (B, B); rows sum to 1."""
        sources, weights = self.slots
        dense = np.zeros((len(self), len(self)))
        np.add.at(dense, (np.arange(len(self))[:, None], sources), weights)
        return dense

    @property
    def n_sources(self) -> Array:
        """Number of inputs that each output is made of, int64 of shape (B,)."""
        return (self.shares > 0).sum(axis=1)

    def visible(self, saliency: ArrayLike) -> Array:
        r"""Return how much of the saliency of each input and its partner every output shows.

        Parameters
        ----------
        saliency : array_like of shape (B, \*spatial), or at another resolution
            Nonnegative maps.

        Returns
        -------
        ndarray of float64, shape (B, 2)
            In 0..1, of the saliency of each of the two.
        """
        seen = self._seen(salient_parts(saliency, len(self), self.spatial, self.spatial))
        same = self.partner == np.arange(len(self))
        return np.stack([np.where(same, 1.0, seen[0]), np.where(same, 0.0, seen[1])], axis=1)

    def _seen(self, saliency: Array) -> tuple[Array, Array]:
        r"""Return what is seen of the maps (B, \*spatial) of inputs and partners, both (B,)."""
        raise NotImplementedError

    def _write(self, path: str | os.PathLike[str], overwrite: bool) -> None:
        entries: dict[str, Any] = {
            "kind": np.array(type(self).__name__),
            "spatial": np.array(self.spatial, dtype=np.int64),
            **{name: getattr(self, name) for name in self._arrays},
        }
        if self.key is not None:  # the seed may have any number of bits
            numbers = (self.key.seed, self.key.step, self.key.rank)
            entries["key"] = np.array([str(number) for number in numbers])
        saved.write(path, entries, overwrite=overwrite)

    @classmethod
    def _read(cls, path: str | os.PathLike[str]) -> Self:
        found = saved.read(path, cls.__name__, ("spatial", *cls._arrays))
        try:
            key = None
            if "key" in found:
                seed, step, rank = (int(number) for number in found["key"])
                key = Key.of_call(seed, None, step, rank)
            arrays = {name: found[name] for name in cls._arrays}
            return cls(spatial=tuple(int(s) for s in found["spatial"]), key=key, **arrays)
        except (ValueError, TypeError) as error:
            raise saved.not_a_plan(path, error) from error

    def _keeping(self, mask: Array) -> Mixture:
        own = np.arange(len(self))
        partner, share = np.where(mask, own, self.partner), np.where(mask, 1.0, self.share)
        return replace(self, partner=partner, share=share)

    def __repr__(self) -> str:
        size = "x".join(map(str, self.spatial)) or "any"
        low, high = self.share.min(), self.share.max()
        return (
            f"{type(self).__name__}: {len(self)} outputs of {size} pixels, own shares from "
            f"{low:.3f} to {high:.3f}"
        )

    def _checked(self, array: Any, channels: str, n_spatial: int) -> Array:
        validate.choice("channels", channels, ("first", "last"))
        needed = "numbers of shape (batch, ..., *spatial)"
        values = validate.as_array("array", array, needed)
        validate.same_batch("array", values, len(self), "inputs of the plan")
        if values.ndim < 1 + n_spatial:
            raise ValueError(
                f"array needs {needed} with {n_spatial} spatial axes, got the shape {values.shape}"
            )
        return values


def weighted(own: Any, partner: Any, share: Any) -> Any:
    """Return the blend of two arrays of any library."""
    return share * own + (1 - share) * partner


def merged(own: int, partner: int, weights: Array) -> tuple[Array, Array]:
    """Return the sources of an output in ascending order, and their weights."""
    if own == partner:
        return np.array([own]), weights.sum(axis=0, keepdims=True)
    order = [0, 1] if own < partner else [1, 0]
    return np.array([own, partner])[order], weights[order]
