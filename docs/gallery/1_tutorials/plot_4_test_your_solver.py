"""
Test your own solver
====================

``subopt.testing`` has random problems of every family as Hypothesis strategies, and assertions that
name a counterexample. A solver of your own, or of another package, is tested in five lines.
"""

import matplotlib.pyplot as plt
import numpy as np
from hypothesis import given, settings

from subopt import Cut, Modular
from subopt.testing import all_values, assert_minimizer, brute_force, check_submodular, problems

# %%
# A solver to test
# ----------------
#
# This one adds the element that helps most as long as one helps. It looks right, and it is wrong.


def greedy(F):
    """Return a mask."""
    mask = np.zeros(F.n, dtype=bool)
    while True:
        gains = F.marginals(mask)
        gains[mask] = 0.0
        if gains.min() >= 0:
            return mask
        mask[gains.argmin()] = True


# %%
# The test
# --------
#
# `problems` draws functions to minimize. Most of their minimizers are neither empty nor
# everything, and some are not unique. Without a list of families it draws from all of them. In a
# file of tests, pytest calls the function; here we do.


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(F=problems(["cut", "coverage"], max_n=5))
def test_greedy(F):
    assert_minimizer(F, greedy(F))


try:
    test_greedy()
except AssertionError as error:
    print(error)

# %%
# Every number of F is drawn by Hypothesis, so that a failing example shrinks to a small one, which
# is printed as an expression. A correct solver passes:


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(F=problems(max_n=5))
def test_brute_force(F):
    mask, _ = brute_force(F)
    assert_minimizer(F, mask)


test_brute_force()

# %%
# Why greedy fails
# ----------------
#
# All sets of a small function, by size. Greedy climbs down from the empty set one element at a
# time, and stops where no single element helps. The minimum is behind a hill.

F = Cut.from_edges([(0, 1), (1, 2), (0, 2), (2, 3)], [2, 2, 2, 1]) + Modular(
    [-2.5, -2.5, -2.5, 1.5]
)
masks = (np.arange(2**F.n)[:, None] >> np.arange(F.n)) & 1 == 1
values, sizes = all_values(F), masks.sum(axis=1)
figure, axis = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for k, mask in enumerate(masks):
    for i in np.flatnonzero(~mask):
        ends = [k, k + 2**i]
        axis.plot(sizes[ends], values[ends], color="#c6dbef", zorder=1)
axis.scatter(sizes, values, color="#08519c", zorder=2)
for point in sorted(set(zip(sizes.tolist(), values.tolist(), strict=True))):
    here = (sizes == point[0]) & (values == point[1])
    names = ["".join(map(str, np.flatnonzero(mask))) or "∅" for mask in masks[here]]
    axis.annotate(", ".join(names), point, xytext=(6, 5), textcoords="offset points", fontsize=8)
best = values.argmin()
axis.scatter(sizes[0], values[0], s=160, facecolor="none", edgecolor="#de2d26", label="greedy")
axis.scatter(
    sizes[best], values[best], s=160, facecolor="none", edgecolor="#31a354", label="minimum"
)
axis.set(xlabel="|S|", ylabel="F(S)", xticks=range(F.n + 1))
axis.legend(frameon=False)
plt.show()

# %%
# Is my function submodular?
# --------------------------
#
# `check_submodular` returns the smallest violation that it finds, or None.

print(check_submodular(F))

# %%
# In a file of tests
# ------------------
#
# ::
#
#     from hypothesis import given
#     from subopt.testing import assert_minimizer, problems
#
#     @given(F=problems())
#     def test_my_solver(F):
#         assert_minimizer(F, my_solver(F))
#
# The families are compiled when `problems` is called, once per machine, so nothing of subopt is
# compiled within an example. Hypothesis allows an example 0.2 s by default, and the ones here take
# a few milliseconds. A solver of yours that compiles itself on its first call takes longer, and so
# may the first call of a solver of subopt, such as `minimize`: then call it once before the tests,
# or use ``settings(deadline=None)``. On a machine that many processes share, add
# ``suppress_health_check=[HealthCheck.too_slow]``. ``pip install ".[testing]"`` in a clone of the
# repository installs subopt with Hypothesis and nothing else.
