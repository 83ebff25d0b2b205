"""What somebody may pass to any argument by mistake, and what a door has to do with it."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import scipy.sparse
from hypothesis import note


class Unknown:
    """Nothing that a solver could use."""


MISTAKES = [
    *(None, True, "text", "", b"text", 1j, Ellipsis, Unknown(), slice(2), {0}, {"a": 1}, {}),
    *(-1, 0, 1, 5, 2**70, -(2**70), 10**400, 1.5, -0.0, -1e-300, 5e-324, 1e308),
    *(np.nan, np.inf, -np.inf, Fraction(1, 3), Decimal("1.5"), np.datetime64("2020-01-01")),
    *([], [[]], [[], [1]], [[0, 1], [1]], (), [None], ["a"], [0, "a"], [1j], [1.5]),
    *([5], [-1], [2**63], [2**70], [np.nan], [np.inf], [0, 0], [True, False], [(0, 9)], [(0, 0)]),
    *([Fraction(1, 3)], [Decimal("NaN")], range(3), np.array(3.0), np.array(None)),
    *(np.zeros(0), np.zeros((0, 3)), np.zeros((2, 2, 2, 2, 2)), np.zeros(2, [("a", int)])),
    *(np.full(4, np.nan), np.full(4, 1e308), -np.ones(4), np.ones(4, np.uint8)),
    *(np.ma.masked_array([1.0, 2.0], [True, False]), np.array([1, "a"], object)),
    scipy.sparse.csr_array(np.eye(3)),
]
"""What somebody may pass by mistake, or what a program computed."""


def require_named(call, arguments, name, other, says=()):
    """Call with another value of an argument: it works, or the error is one that names it.

    `says` are other words by which a message may name the argument.
    """
    before = repr(other)
    try:
        result = call(**{**arguments, name: other})
    except (ValueError, TypeError) as error:
        words = (name, name.removesuffix("s"), *says)
        named = any(word in str(error) for word in words)
        note(f"{type(error).__name__}: {error}")
    else:
        value = getattr(result, "value", 0.0)
        named = callable(value) or not np.isnan(value)
    assert named
    assert repr(other) == before
