"""Wording of the parameters that several methods of this wing share, each written once."""

from __future__ import annotations

from subopt._base.options import documented_with

_PROBLEM = {"h": ("DifferenceOfSubmodular", "The difference f - g.")}
_INNER = {
    "inner_iter": (
        "int",
        "Largest number of greedy sweeps of the inner solver per step. Fewer are cheaper; values\n"
        "still descend, because a step is taken only if it lowers h.",
    )
}

on_sets = documented_with(
    _PROBLEM
    | _INNER
    | {
        "tie_break": (
            '{"gains", "random"}',
            'Order of the modular lower bound of g, within S and outside. "gains" sorts by\n'
            'ascending marginals of h. "random" draws an order, and sorts by gains when the drawn\n'
            "one leads to no better set.",
        ),
    }
)
"""Documents methods that go from set to set."""

on_points = documented_with(
    _PROBLEM
    | _INNER
    | {
        "start": (
            "array_like, shape (n,)",
            "A point of the cube [0, 1]^n, or a boolean mask. None starts from the center of the\n"
            "cube.",
        ),
        "rho": (
            "float",
            "Weight of the quadratic term that makes f and g strongly convex, in the units of h.\n"
            "With 0, a step is a submodular minimization and its result a set. With a positive\n"
            "weight, a step is a proximal step and its result fractional. None stands for a tenth\n"
            "of the mean gain of g.",
        ),
    }
)
"""Documents methods that go from point to point of the cube."""
