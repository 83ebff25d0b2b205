"""Property tests for set functions and solvers: assertions that report a small counterexample.

For n up to `EXHAUSTIVE` the assertions test all 2^n sets; for larger n they test random sets. The
message of a failure names the sets, the elements and the amount of the violation. The strategies
need Hypothesis (``pip install hypothesis``), which is imported only when a strategy is called.

>>> F = Function(3, lambda mask: float(mask.sum()) ** 2)
>>> assert_submodular(F)
Traceback (most recent call last):
AssertionError: Function(n=3) is not submodular: 0 gains more after 1. With S = []:
    F(S + 0) - F(S)         = 1
    F(S + 1 + 0) - F(S + 1) = 3   (more by 2)
"""

from subopt.functions.diminishing_returns import Violation, all_values
from subopt.testing._sampling import EXHAUSTIVE
from subopt.testing.assertions import (
    assert_base,
    assert_consistent,
    assert_minimizer,
    assert_monotone,
    assert_submodular,
    assert_symmetric,
    brute_force,
    check_submodular,
)
from subopt.testing.families import FAMILIES
from subopt.testing.strategies import compositions, masks, orders, problems, set_functions

__all__ = [
    "EXHAUSTIVE",
    "FAMILIES",
    "Violation",
    "all_values",
    "assert_base",
    "assert_consistent",
    "assert_minimizer",
    "assert_monotone",
    "assert_submodular",
    "assert_symmetric",
    "brute_force",
    "check_submodular",
    "compositions",
    "masks",
    "orders",
    "problems",
    "set_functions",
]
