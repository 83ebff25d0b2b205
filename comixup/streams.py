"""Random streams keyed by (seed, step, group): what a group draws depends on nothing else.

Not on threads, workers, the other groups of the batch, or how many batches came before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from comixup._types import RNG


def as_seed(rng: RNG) -> int:
    """Return the seed of a call: an int itself, a draw from a generator, or fresh for None."""
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
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(step, group)))
