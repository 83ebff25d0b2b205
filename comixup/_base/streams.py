"""Random streams keyed by (seed, step, rank, group).

The numbers of a group depend on this key only: not on threads, workers, other groups of the batch,
or the number of earlier batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from comixup._base import validate
from comixup._base.types import RNG

GROUPS_PER_RANK = 2**32


@dataclass(frozen=True)
class Key:
    """The key of the random numbers of one call.

    Attributes
    ----------
    seed : int
        Seed of the whole run.
    step : int
        Number of the call within the run.
    rank : int
        Number of the process among those that share the run. Its groups are numbered from
        ``rank * 2**32``.
    """

    seed: int
    step: int = 0
    rank: int = 0

    @classmethod
    def of_call(cls, seed: int | None, rng: RNG, step: Any, rank: Any) -> Key:
        """Return the checked key of a call; `rng`, if given, replaces `seed`."""
        step = validate.integer("step", step, 0)
        rank = validate.integer("rank", rank, 0)
        if step >= 2**63:
            raise ValueError(f"step needs an integer below 2**63, got {step}")
        if rank >= 2**31:
            raise ValueError(f"rank needs an integer below 2**31, got {rank}")
        return cls(as_seed(seed if rng is None else rng), step, rank)

    @property
    def first_group(self) -> int:
        """Number of the first group of this rank."""
        return self.rank * GROUPS_PER_RANK

    def stream(self, purpose: int) -> np.random.Generator:
        """Return the generator for one purpose that is drawn once per batch."""
        return _generator(self.seed, self.step, self.rank, purpose, 1)


SWITCH, CHOICE, DRAW, EACH = range(4)  # the purposes: mix at all, with which mixer, how, whom


def as_seed(rng: RNG) -> int:
    """Return the seed of a call: an int itself, a draw from a generator, or a new one for None."""
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    return require_seed("rng", rng)


def require_seed(name: str, value: Any) -> int:
    """Return `value` as an int >= 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(
            f"{name} needs a seed >= 0, {'a numpy.random.Generator ' if name == 'rng' else ''}or "
            f"None, got {value!r} of type {type(value).__name__}"
        )
    if value < 0:
        raise ValueError(f"{name} needs a seed >= 0, got {value}")
    return int(value)


def stream(seed: int, step: int, group: int) -> np.random.Generator:
    """Return the generator of one group of one step."""
    return _generator(seed, step, group)


def _generator(seed: int, step: int, *rest: int) -> np.random.Generator:
    """Return the generator of a key (step, group) or (step, rank, purpose, 1).

    A `SeedSequence` sees words of 32 bits without the borders of the numbers that they make up.
    Groups have 1 or 2 words, so keys 2, 3 or 4; late steps put their second word at the end and
    fill up to 5, 6 or 7. So the number of words tells where each number is, and no two keys of a
    seed are equal.
    """
    late = (step >> 32, 0, 0) if step >= 2**32 else ()
    key = (step % 2**32, *rest, *late)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
