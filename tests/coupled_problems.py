"""Random coupled labeling problems, with ties, of every size of numbers."""

import numpy as np
from drawn import Numbers
from hypothesis import strategies as st

from subopt import CoupledLabelingProblem

SEEDS = st.integers(0, 2**32 - 1)
GRIDS = [(1,), (5,), (2, 2), (3, 2), (4, 4), (2, 1, 3), (5, 7)]
COMPATIBILITIES = {
    "identity": lambda rng, m: None,
    "near": lambda rng, m: np.eye(m) + 0.01 * rng.random((m, m)),
    "any": lambda rng, m: rng.random((m, m)),
    "ties": lambda rng, m: rng.integers(0, 2, (m, m)).astype(float),
}
THRESHOLDS = [(0.83, "hard"), (0.83, "soft"), (0.0, "hard"), (0.0, "soft"), (0.5, "hard")]


@st.composite
def problems(draw, grids=GRIDS, inputs=(1, 5), outputs=(1, 5), levels=(1, 3)):
    """A small problem of any kind, with ties in every part with some probability."""
    rng = Numbers(draw)
    m = draw(st.integers(*inputs))
    unary = rng.normal(size=(m, *draw(st.sampled_from(grids))))
    if draw(st.booleans()):
        unary = np.round(unary)
    threshold, kind = draw(st.sampled_from(THRESHOLDS))
    return CoupledLabelingProblem(
        unary * draw(st.sampled_from([1.0, 1e-6, 1e6])),
        n_outputs=draw(st.integers(*outputs)),
        compatibility=COMPATIBILITIES[draw(st.sampled_from(sorted(COMPATIBILITIES)))](rng, m),
        smoothness=draw(st.sampled_from([0.0, 0.32, 5.0])),
        coupling=draw(st.sampled_from([0.0, 1.0, 10.0])),
        threshold=threshold,
        threshold_kind=kind,
        levels=draw(st.integers(*levels)),
    )


def scale(problem):
    """A unit for rounding errors."""
    return 1e-9 * (1 + np.abs(problem.unary).max() * problem.unary.size * problem.n_outputs)
