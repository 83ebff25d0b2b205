"""f - g as a set function: against its definition, for random pairs of families."""

import numpy as np
import pytest
from differences import NAMES, pair
from drawn import numbers
from families import FAMILIES
from hypothesis import given
from hypothesis import strategies as st

from subopt import (
    Cardinality,
    Cut,
    DifferenceOfSubmodular,
    Modular,
    minimize,
    submodular_upper,
    supermodular_upper,
)
from subopt.functions.diminishing_returns import all_masks
from subopt.testing import all_values, check_submodular

sizes = st.integers(1, 5)


def close(a, b):
    np.testing.assert_allclose(a, b, atol=1e-8 * (1 + np.abs(b).max(initial=0)), rtol=0)


@given(rng=numbers(), n=sizes)
def test_values_gains_and_marginals(rng, n):
    h = pair(rng, n)
    values = all_values(h.f) - all_values(h.g)
    close(all_values(h), values)
    S, bit = int(rng.integers(2**n)), 1 << np.arange(n)
    mask = all_masks(n)[S]
    close(h.marginals(mask), values[S | bit] - values[S & ~bit])
    order = rng.permutation(n)
    close(h.greedy(order)[order], np.diff(values[np.concatenate([[0], bit[order].cumsum()])]))
    state = h.incremental(mask)
    for i in rng.integers(n, size=4):
        close(state.gain(i), h.marginals(state.mask)[i])
        state.remove(i) if state.mask[i] else state.add(i)
        close(state.value, h.value(state.mask))
    x = rng.integers(0, 3, n)
    close(h.lovasz(x), h.f.lovasz(x) - h.g.lovasz(x))


@given(rng=numbers(), n=sizes, scale=st.sampled_from([-2.0, -1.0, 0.0, 0.5]))
def test_the_algebra(rng, n, scale):
    h, k, F = pair(rng, n), pair(rng, n), FAMILIES[rng.choice(NAMES)](rng, n)
    a, b, c = all_values(h), all_values(k), all_values(F)
    cases = {
        "h + k": (h + k, a + b),
        "h - k": (h - k, a - b),
        "h + F": (h + F, a + c),
        "F + h": (F + h, a + c),
        "h - F": (h - F, a - c),
        "F - h": (F - h, c - a),
        "scale * h": (scale * h, scale * a),
        "h * np.float64": (np.float64(scale) * h, scale * a),
        "h / 2": (h / 2, a / 2),
        "-h": (-h, -a),
        "sum": (sum([h, k, h]), 2 * a + b),
        "complement": (h.complement(), a[::-1] - a[-1]),
    }
    for made, expected in cases.values():
        assert isinstance(made, DifferenceOfSubmodular)
        assert check_submodular(made.f, rtol=1e-8) is None
        assert check_submodular(made.g, rtol=1e-8) is None
        close(all_values(made), expected)
    S = rng.random(n) < 0.5
    inside, outside = np.flatnonzero(S), np.flatnonzero(~S)
    lifted = (all_masks(len(inside)) @ (1 << inside)).astype(int)
    close(all_values(h.restrict(S)), a[lifted])
    lifted = (all_masks(len(outside)) @ (1 << outside)).astype(int)
    base = int((1 << inside).sum())
    close(all_values(h.contract(S)), a[base + lifted] - a[base])


@given(rng=numbers(), n=sizes, kind=st.sampled_from(["grow", "shrink", "bar"]))
def test_one_sided_approximations_are_above_and_tight(rng, n, kind):
    h = pair(rng, n)
    values, S = all_values(h), rng.random(n) < 0.5
    slack = 1e-8 * (1 + np.abs(all_values(h.f)).max() + np.abs(all_values(h.g)).max())
    at = int(S @ (1 << np.arange(n)))
    upper = all_values(submodular_upper(h, S, tie_break=rng.random(n)))
    assert check_submodular(submodular_upper(h, S), rtol=1e-8) is None
    other, constant = supermodular_upper(h, S, kind)
    assert check_submodular((-other).f + Modular(-other.f.weights), rtol=1e-8) is None
    for approximation in (upper, all_values(other) + constant):
        assert (approximation >= values - slack).all()
        assert abs(approximation[at] - values[at]) <= slack


def test_integral_and_errors():
    h = Cardinality([0, 1, 1]) - Cardinality([0, 2, 3])
    assert h.integral
    assert not (0.5 * h).integral
    with pytest.raises(TypeError, match=r"but g is list. Wrap a callable"):
        DifferenceOfSubmodular(Cardinality([0, 1, 1]), [1, 2])
    with pytest.raises(ValueError, match="one ground set, got n = 2 and n = 1"):
        h - Cardinality([0, 1])
    with pytest.raises(ValueError, match="finite factor >= 0, got nan"):
        float("nan") * h
    with pytest.raises(ZeroDivisionError, match="divided by 0"):
        h / 0
    with pytest.raises(TypeError, match="unsupported operand"):
        h + "h"
    with pytest.raises(TypeError, match="unsupported operand"):
        h * True


@pytest.mark.parametrize("g", [Modular([1.0, 0.5, 2.0]), 0.5 * Cut(np.ones((3, 3)) - np.eye(3))])
@pytest.mark.parametrize("method", ["auto", "branch_and_bound"])
def test_one_call_for_any_difference(g, method):
    f, rng = Cut(np.ones((3, 3)) - np.eye(3)), np.random.default_rng(5)
    h = DifferenceOfSubmodular(f, g)
    values = {minimize(h, method=method, rng=source).value for source in (None, 0, rng)}
    assert values == {minimize(h, method="brute_force").value}
    with pytest.raises(TypeError, match=r"rng needs a numpy.random.Generator"):
        minimize(h, method=method, rng="seed")
