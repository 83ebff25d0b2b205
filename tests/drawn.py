"""Random numbers that Hypothesis draws, so that failing laws shrink and print what can be pasted.

`numbers()` draws a substitute for ``np.random.default_rng(seed)``. A law that fails prints what
each call returned. `Given` returns these values again:

    rng = Given([[0, 1]], 0.5)  # pasted into the test: the law without Hypothesis
"""

import functools

import numpy as np
from hypothesis import note
from hypothesis import strategies as st

from subopt.testing.strategies import _Drawn


class Numbers(_Drawn):
    """The calls of a numpy Generator that laws use, with three decimals: ties are frequent."""

    def _array(self, low, high, size, scale):
        shape = () if size is None else size
        count = int(np.prod(shape))
        if count <= 12 or np.ndim(low) or np.ndim(high) or high - low >= 2**16:
            return super()._array(low, high, size, scale)
        # many numbers are drawn at once: one by one they take longer than what is tested
        drawn = self._draw(st.binary(min_size=2 * count, max_size=2 * count))
        values = _from_zero(int(low), int(high))
        index = np.frombuffer(drawn, ">u2").astype(np.int64) * len(values) >> 16
        return (values[index] / scale if scale > 1 else values[index]).reshape(shape)

    def integers(self, low, high=None, size=None, *, dtype=None):
        low, high = (0, low) if high is None else (low, high)
        if size is None:
            size = np.broadcast_shapes(np.shape(low), np.shape(high)) or None
        values = super().integers(low, high, size)
        if size is not None or dtype is not None:
            values = np.asarray(values, dtype or np.int64)  # also if it is empty
        return self._noted("integers", values)

    def random(self, size=None, *, dtype=float):
        return self._noted("random", np.asarray(super().random(size), dtype)[()])

    def doubles(self, size):
        """Numbers in [0, 1) with all 53 bits, unlike those of `random`."""
        count = int(np.prod(size))
        drawn = self._draw(st.binary(min_size=8 * count, max_size=8 * count))
        bits = np.frombuffer(drawn, ">u8").reshape(size) >> np.uint64(11)
        return self._noted("doubles", bits * 2.0**-53)

    def normal(self, loc=0.0, scale=1.0, size=None):
        return self._noted("normal", loc + scale * super().normal(size=size))

    def uniform(self, low, high, size=None):
        return self._noted("uniform", low + (high - low) * super().random(size))

    def permutation(self, of):
        order = super().permutation(of if np.ndim(of) == 0 else len(of))
        return self._noted("permutation", order if np.ndim(of) == 0 else np.asarray(of)[order])

    def choice(self, values, size=None, *, replace=True):
        options = np.arange(values) if np.ndim(values) == 0 else np.array(values)
        if replace:
            picked = options[_Drawn.integers(self, 0, len(options), size)]
        else:
            picked = options[_Drawn.permutation(self, len(options))[: int(np.prod(size))]]
        return self._noted("choice", picked)

    def dirichlet(self, alpha, size=()):
        shares = np.asarray(_Drawn.integers(self, 0, 9, (*np.atleast_1d(size), len(alpha)))) + 1e-3
        shares = shares.reshape(*([] if size == () else np.atleast_1d(size)), len(alpha))
        return self._noted("dirichlet", shares / shares.sum(axis=-1, keepdims=True))

    def _noted(self, name, values):
        note(_Call(name, values))
        return values


def many(rng, *shape):
    """An array in [0, 1) of any size: 97 drawn multiples of 2^-12, repeated. Its sums are exact."""
    return np.resize(rng.integers(0, 2**12, 97) / 2**12, shape)


@functools.cache
def _from_zero(low, high):
    """The integers of a range, those near 0 first: examples shrink towards them."""
    return np.array(sorted(range(low, high + 1), key=abs), dtype=np.int64)


class _Call:
    """A line of the report of a failing law, written only if there is one."""

    def __init__(self, name, values):
        self._name, self._values = name, values

    def __repr__(self):
        if isinstance(self._values, np.ndarray) and not self._values.size:
            return f"rng.{self._name}: np.empty({self._values.shape}, {str(self._values.dtype)!r})"
        return f"rng.{self._name}: {np.asarray(self._values).tolist()!r}"


class Given:
    """In place of the `Numbers` of a law that failed: the values that it printed, in order."""

    def __init__(self, *values):
        self._values = iter(values)

    def __getattr__(self, name):
        return lambda *args, **options: np.array(next(self._values))[()]


@st.composite
def numbers(draw):
    """A substitute for a numpy Generator whose numbers Hypothesis draws when they are asked for."""
    return Numbers(draw)


@st.composite
def made_by(draw, make, *args, **options):
    """What ``make(rng, ...)`` returns; arguments that are strategies are drawn first."""

    def value(x):
        return draw(x) if isinstance(x, st.SearchStrategy) else x

    drawn = [value(x) for x in args], {key: value(x) for key, x in options.items()}
    return make(Numbers(draw), *drawn[0], **drawn[1])
