"""Random constraints for the laws, and the definition of a feasible set, part by part."""

import numpy as np
from hypothesis import strategies as st

from subopt import Budget, Groups


def all_masks(n):
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(bool)


@st.composite
def options(draw, n):
    """What a caller may say about the feasible sets of n elements."""
    sizes = st.integers(0, n)
    size = draw(
        st.none() | sizes | st.tuples(sizes, sizes).map(sorted).map(tuple) | st.just((None, n))
    )
    some = st.lists(st.integers(0, n - 1), max_size=2, unique=True) if n else st.just([])
    parts = draw(
        st.lists(
            st.one_of(
                st.builds(
                    Budget,
                    st.lists(st.integers(0, 6) | st.just(0.1), min_size=n, max_size=n),
                    st.sampled_from([0, 0.1, 0.3, 1, 2.5, 4, 7, 12]),
                ),
                st.builds(
                    Groups,
                    st.lists(st.integers(0, 2), min_size=n, max_size=n),
                    st.integers(0, 3) | st.lists(st.integers(0, 3), min_size=3, max_size=3),
                ),
            ),
            max_size=3,
        )
    )
    return {"size": size, "include": draw(some), "exclude": draw(some), "constraints": parts}


@st.composite
def cases(draw):
    n = draw(st.integers(0, 6))
    return n, draw(options(n))


def is_feasible(S, size, include, exclude, constraints):
    """The definition, part by part."""
    low, high = size if isinstance(size, tuple) else (size, size)
    if not (low or 0) <= len(S) <= (len(S) if high is None else high):
        return False
    if not set(include) <= S or set(exclude) & S:
        return False
    for part in constraints:
        if isinstance(part, Budget):
            if sum(part.costs[i] for i in S) > part.limit * (1 + 1e-12):
                return False
        elif any(
            most is not None and sum(part.labels[i] == g for i in S) > most
            for g, most in part.limits.items()
        ):
            return False
    return True
