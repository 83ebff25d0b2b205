"""
Your own function to a proven answer
====================================

A problem with a price per element, terms of pairs and a penalty on the size is neither submodular
nor supermodular. Written as a difference f - g of two submodular functions, it can be minimized
with a proof.
"""

import matplotlib.pyplot as plt
import numpy as np

from subopt import (
    Budget,
    Cardinality,
    Cut,
    Function,
    Modular,
    Polynomial,
    branch_and_bound,
    decompose,
    minimize,
)

# %%
# The problem
# -----------
#
# Which of 30 projects should be started? Each has a profit. Some pairs help each other, others are
# in each other's way, and the overhead grows with the square of their number.

rng = np.random.default_rng(7)
n = 30
profit = rng.uniform(0.2, 2.0, n)
pairs = np.triu(rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.25), k=1)


def cost(mask):
    x = mask.astype(float)
    return x @ pairs @ x - profit @ x + 0.04 * mask.sum() ** 2


# %%
# Pair terms
# ----------
#
# For two elements, q x_i x_j = q/2 (x_i + x_j) - q/2 [one of the two is in S]. The bracket is a
# cut, which is submodular. So a pair with q < 0 is a cut plus a modular function, which belongs to
# f. A pair with q > 0 is minus a cut, which belongs to g. `Polynomial` does this for you, also for
# products of more elements. ``Polynomial.from_qubo`` takes a matrix: its diagonal are the linear
# terms.

by_hand = Modular(np.triu(pairs, 1).sum(axis=0) / 2 + np.triu(pairs, 1).sum(axis=1) / 2)
both = pairs + pairs.T
by_hand = by_hand + Cut(np.maximum(-both, 0) / 2) - Cut(np.maximum(both, 0) / 2)
quadratic = Polynomial.from_qubo(pairs)
print(f"{by_hand([0, 1, 2, 3]):.6f}, {quadratic([0, 1, 2, 3]):.6f}")

# %%
# Penalties on the size
# ---------------------
#
# A function of the size is submodular if it is concave. A convex penalty, such as a square, is
# minus a concave function: it belongs to g. A penalty that is neither is the difference of two.

overhead = Cardinality(lambda k: -0.04 * k**2, n)
h = quadratic - Modular(profit) - overhead
for _ in range(100):
    mask = rng.random(n) < 0.5
    assert abs(h.value(mask) - cost(mask)) < 1e-9

# %%
# Always compare with the function that you started from, as above: a wrong sign gives a proven
# answer to another problem.
#
# The answer and its proof
# ------------------------
#
# `minimize` runs several methods and local search. For n up to 32 it also tries to prove the
# result.

result = minimize(h, rng=0)
print(result)
print("distance from the minimum, recomputed:", result.check(h))

# %%
# Limits
# ------
#
# A number of elements, a budget, and elements that are in or out are arguments of `minimize`. The
# lower bound then holds for all sets that observe them.

price = rng.uniform(1.0, 3.0, n)
limited = minimize(h, size=(None, 8), include=[0], constraints=Budget(price, 15), rng=0)
print(limited, f"for {price[limited.mask].sum():.1f}")

# %%
# f and g of your own
# -------------------
#
# If you know f and g as functions of a mask, wrap both. `minimize` evaluates each at some sets, and
# raises an error if these show that it is not submodular. Where it finds no proof, `lower_bound`
# says how much the answer can miss at most.

f = Function(n, lambda mask: 0.6 * np.sqrt(price[mask].sum()))
g = Function(n, lambda mask: 3.0 - 3.0 * np.exp(-0.3 * profit[mask].sum()))
print(minimize(f - g, rng=0))

# %%
# Larger problems
# ---------------
#
# For larger n, `branch_and_bound` goes on until there is a proof or a limit. Here are 40 projects
# with twice as many pairs, and 100 nodes. The callback gets every improvement of the value or of
# the bound: the difference is what an answer that is stopped early can still miss.

more = np.triu(rng.normal(size=(40, 40)) * (rng.random((40, 40)) < 0.5), k=1)
larger = Polynomial.from_qubo(more) - Modular(rng.uniform(0.2, 2.0, 40))
larger = larger - Cardinality(lambda k: -0.04 * k**2, 40)
seen = []
stopped = branch_and_bound(
    larger,
    max_nodes=100,
    callback=lambda now: seen.append((now.n_iter, now.value, now.lower_bound)),
    rng=0,
)
print(stopped)

nodes, values, bounds = np.array(seen).T
figure, axis = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
axis.fill_between(nodes, bounds, values, step="post", color="#9ecae1", label="not decided")
axis.step(nodes, values, where="post", color="#08519c", label="best set")
axis.step(nodes, bounds, where="post", color="#de2d26", label="lower bound")
axis.set(xlabel="nodes", ylabel="cost", xscale="log")
axis.legend(frameon=False, loc="lower right")

# %%
# If only the values are known
# ----------------------------
#
# `decompose` writes any function as a difference. It needs a bound on how much diminishing returns
# fail: for every pair, the largest F(S + i + j) - F(S + i) - F(S + j) + F(S). Here it follows from
# the terms: a pair with q > 0, and 2 · 0.04 for the square.

curvature = np.maximum(pairs + pairs.T, 0) + 0.08
np.fill_diagonal(curvature, 0)
known = decompose(cost, n=n, curvature=curvature)
print(minimize(known, rng=0))

# %%
# Without `curvature` the bound is estimated from a sample. Then nothing is proven: the status is
# not OPTIMAL, and there is no lower bound, whatever the search finds.

print(minimize(decompose(cost, n=n), rng=0))

# %%
# The chosen projects, and the pairs among them: blue pairs help, red pairs cost.

order = np.argsort(~result.mask, kind="stable")
figure, axis = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
shown = axis.imshow(both[np.ix_(order, order)], cmap="RdBu_r", vmin=-2.5, vmax=2.5)
axis.axhline(len(result.S) - 0.5, color="black")
axis.axvline(len(result.S) - 0.5, color="black")
axis.set(title=f"the {len(result.S)} chosen projects come first", xticks=[], yticks=[])
figure.colorbar(shown, label="cost of the pair")
plt.show()
