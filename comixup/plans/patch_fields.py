"""The data of a `MixPlan`: checked fields, constructors, and quantities computed from them."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from comixup._base.types import Array, ArrayLike
from comixup.plans import fields, gather
from comixup.plans.base import Mixture
from comixup.plans.labels import label_table

if TYPE_CHECKING:
    from typing import Self


@dataclass(frozen=True, eq=False, repr=False)
class PatchFields(Mixture):
    """The fields of a `MixPlan`, which documents them."""

    sources: Array
    group_edges: Array
    energies: Array
    spatial: tuple[int, ...]
    seed: int
    keys: Array
    moves: Array | None = None

    def __post_init__(self) -> None:
        for name, value in fields.checked(self._fields()).items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    @classmethod
    def from_sources(
        cls,
        sources: ArrayLike,
        *,
        spatial: Sequence[int],
        group_edges: ArrayLike | None = None,
        moves: ArrayLike | None = None,
    ) -> Self:
        r"""Make a plan from its sources; by default all outputs form one group.

        Parameters
        ----------
        sources : array_like of int, shape (B, \*grid, levels)
            Indices into the batch.
        spatial : sequence of int
            Spatial shape of the images.
        group_edges : array_like of int, shape (G + 1,), optional
            ``[0, B]`` by default.
        moves : array_like of int, shape (B, \*grid, levels), optional
            Flat index of the patch of the source that fills each patch; the same by default.

        Returns
        -------
        MixPlan
            With seed 0 and energies NaN.
        """
        n = len(np.asarray(sources))
        edges = np.asarray([0, n] if group_edges is None else group_edges)
        G = max(len(edges) - 1, 0)
        keys = np.stack([np.zeros(G, dtype=np.int64), np.arange(G)], axis=1)
        nan = np.full(G, np.nan)
        moved = None if moves is None else np.asarray(moves)
        return cls(np.asarray(sources), edges, nan, tuple(spatial), 0, keys, moved)

    @classmethod
    def identity(cls, n: int, spatial: Sequence[int]) -> Self:
        """Make the plan that leaves every input as it is.

        Parameters
        ----------
        n : int
            Number of inputs.
        spatial : sequence of int
            Spatial shape of the images.

        Returns
        -------
        MixPlan
            Each input is a group of its own.
        """
        own = np.arange(n).reshape((n,) + (1,) * (len(spatial) + 1))
        return cls.from_sources(own, spatial=spatial, group_edges=np.arange(n + 1))

    def __len__(self) -> int:
        """Return the number B of inputs, and of outputs."""
        return len(self.sources)

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of patches along every spatial axis."""
        return self.sources.shape[1:-1]

    @property
    def levels(self) -> int:
        """Number of equal parts of a patch."""
        return self.sources.shape[-1]

    @property
    def n_groups(self) -> int:
        """Number G of groups."""
        return len(self.energies)

    @property
    def groups(self) -> Array:
        """Group of every output, int64 of shape (B,)."""
        return np.repeat(np.arange(self.n_groups), np.diff(self.group_edges))

    @cached_property
    def shares(self) -> Array:
        """Part of the pixels of output j that input i fills, (B, B); rows sum to 1.

        Patches count by their number of pixels. The matrix is dense and meant for inspection;
        `apply_labels` does not use it.
        """
        dense = np.zeros((len(self), len(self)))
        table = self._table(self.spatial)
        for start, stop in itertools.pairwise(self.group_edges.tolist()):
            dense[start:stop, start:stop] = table[start:stop, : stop - start]
        return dense

    @property
    def n_sources(self) -> Array:
        """Number of inputs that each output is made of, int64 of shape (B,)."""
        return (self._table(self.spatial) > 0).sum(axis=1)

    @property
    def divided(self) -> Array:
        r"""Which patches hold halves of two inputs, bool of shape (B, \*grid)."""
        return self.sources[..., 0] != self.sources[..., -1]

    @property
    def halved(self) -> Array:
        r"""Which patches hold halves of two different patches, bool of shape (B, \*grid)."""
        if self.moves is None:
            return self.divided
        return self.divided | (self.moves[..., 0] != self.moves[..., -1])

    @property
    def origins(self) -> Array:
        r"""Patch of the source that fills the patch, flat index of shape (B, \*grid, levels)."""
        return fields.origins(self._fields())

    def _write(self, path: str | os.PathLike[str], overwrite: bool) -> None:
        fields.save(self._fields(), path, overwrite=overwrite)

    @classmethod
    def _read(cls, path: str | os.PathLike[str]) -> Self:
        return cls(**fields.load(path))

    @classmethod
    def concatenate(cls, plans: Sequence[Self]) -> Self:
        """Join the plans of consecutive batches into one for the concatenated batch.

        Parameters
        ----------
        plans : sequence of MixPlan
            In the order of the batches.

        Returns
        -------
        MixPlan
            A plan with the groups of all plans.

        Raises
        ------
        ValueError
            If `plans` is empty, or grids, levels, spatial shapes or seeds differ.
        """
        return cls(**fields.joined([plan._fields() for plan in plans]))

    def __repr__(self) -> str:
        return fields.describe(self._fields(), self.n_sources)

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in fields.NAMES}

    def _flat(self, per_patch: Array) -> Array:
        return per_patch.reshape(len(self), math.prod(self.grid), self.levels)

    def _table(self, spatial: tuple[int, ...]) -> Array:
        sizes = np.diff(self.group_edges)
        starts = np.repeat(self.group_edges[:-1], sizes)
        area = gather.patch_area(self.grid, spatial)
        return label_table(self._flat(self.sources), starts, int(sizes.max()), area)
