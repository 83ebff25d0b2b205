"""The property-testing kit finds what is wrong, and says it in few elements."""

import os
import pathlib
import subprocess
import sys

import numba
import numpy as np
import pytest
from families import ByValue
from hypothesis import given
from hypothesis import strategies as st

from subopt import Cardinality, Coverage, Cut, Function, Modular
from subopt.testing import (
    FAMILIES,
    assert_base,
    assert_consistent,
    assert_minimizer,
    assert_monotone,
    assert_submodular,
    assert_symmetric,
    brute_force,
    check_submodular,
    compositions,
    masks,
    orders,
    problems,
    set_functions,
)

ROOT = pathlib.Path(__file__).parents[1]


def bump(n):
    """Submodular but for one pair: 2 and 5 are worth more together, once 1 is there."""
    base = Coverage(np.eye(n))
    return Function(n, lambda m: base.value(m) + 0.25 * float(m[1] and m[2] and m[5]))


@pytest.mark.parametrize("n", [7, 40])
def test_a_violation_is_minimal(n):
    with pytest.raises(AssertionError) as caught:
        assert_submodular(bump(n), n_samples=5000)
    message = str(caught.value)
    assert "more by 0.25" in message
    numbers = {int(c) for line in message.splitlines()[:1] for c in line if c in "125"}
    assert numbers == {1, 2, 5}


def test_the_first_violation_is_the_smallest_and_then_the_largest():
    table = [0, 1, 2, 3, 9]
    violation = check_submodular(Function(4, lambda m: float(table[m.sum()])))
    assert len(violation.S) == 2
    assert violation.amount == pytest.approx(5.0)
    assert violation.before == 1.0
    assert check_submodular(Function(4, lambda m: float(m.sum()))) is None


@pytest.mark.parametrize("n", [5, 30])
def test_monotone_and_symmetric(n):
    F = Cut(np.ones((n, n)) - np.eye(n))
    assert_symmetric(F)
    assert_submodular(F)
    with pytest.raises(AssertionError, match=r"not monotone.*adding \d+ makes it"):
        assert_monotone(F)
    G = Coverage(np.eye(n))
    assert_monotone(G)
    with pytest.raises(AssertionError, match="not symmetric"):
        assert_symmetric(G)


@pytest.mark.parametrize("n", [5, 30])
def test_bases(n):
    F = Cardinality(np.sqrt, n=n)
    y = F.greedy(np.arange(n))
    assert_base(F, y)
    assert_base(F, np.full(n, y.mean()))
    with pytest.raises(AssertionError, match=r"y\(V\) = .* but F\(V\)"):
        assert_base(F, y + 1)
    with pytest.raises(AssertionError, match=r"S = \[0\], y\(S\) = 1.25 exceeds"):
        assert_base(F, y + 0.25 * (np.arange(n) == 0) - 0.25 * (np.arange(n) == 1))
    with pytest.raises(AssertionError, match="one entry per element"):
        assert_base(F, y[1:])


@pytest.mark.parametrize("n", [5, 30])
def test_minimizers(n):
    F = Cardinality(np.sqrt, n=n) - Modular(np.where(np.arange(n) < 3, 2.0, 0.0))
    assert_minimizer(F, [0, 1, 2])
    with pytest.raises(AssertionError, match=r"S = \[0, 1\] does not minimize.*less by"):
        assert_minimizer(F, [0, 1])
    if n == 5:
        mask, value = brute_force(F)
        assert mask.tolist() == [True, True, True, False, False]
        assert value == pytest.approx(F([0, 1, 2]))


@pytest.mark.parametrize("strategy", [set_functions, problems])
@pytest.mark.parametrize(
    ("families", "error", "message"),
    [
        (["cuts"], ValueError, "cut, .*got 'cuts'"),
        ("cuts", ValueError, "cut, .*got 'cuts'"),
        ("cut", TypeError, r"\['cut'\]"),
        ([], ValueError, "at least one name"),
    ],
)
def test_names_of_families(strategy, families, error, message):
    with pytest.raises(error, match=message):
        strategy(families)


def test_consistency_of_a_user_s_fast_paths():
    class Wrong(ByValue):
        def greedy(self, order):
            gains = super().greedy(order)
            gains[2] += 0.5
            return gains

    class Claims(ByValue):
        integral = True

    F = Cut(np.ones((4, 4)) / 3)
    assert_consistent(ByValue(F))
    with pytest.raises(AssertionError, match=r"greedy\(.*at element 2.*apart by 0.5"):
        assert_consistent(Wrong(F))
    with pytest.raises(AssertionError, match="claims to be integral"):
        assert_consistent(Claims(F))
    monotone = ByValue(F)
    monotone.monotone = True
    with pytest.raises(AssertionError, match="not monotone"):
        assert_consistent(monotone)

    class Raised(ByValue):
        def value(self, mask):
            return 1.0

    with pytest.raises(AssertionError, match="normalize"):
        assert_consistent(Raised(F))


@given(F=set_functions(["cut", "entropy"], min_n=2, max_n=4), data=st.data())
def test_strategies(F, data):
    assert 2 <= F.n <= 4
    mask, order = data.draw(masks(F.n)), data.draw(orders(F.n))
    assert mask.dtype == np.bool_
    assert F.greedy(order)[mask].sum() >= -1e-9 - F.value(~mask)


@given(F=compositions(min_n=2, max_n=3))
def test_compositions_have_the_size_asked_for(F):
    assert 2 <= F.n <= 3


def test_too_many_sets():
    with pytest.raises(ValueError, match="n <= 24"):
        brute_force(Modular(np.ones(40)))


def test_neither_the_package_nor_the_kit_imports_what_it_does_not_need():
    code = (
        "import sys, subopt\n"
        "assert not {'scipy.sparse', 'networkx', 'hypothesis'} & set(sys.modules)\n"
        "import subopt.testing\n"
        "assert not {'scipy.sparse', 'networkx', 'hypothesis'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_family_has_every_size():
    for build in FAMILIES.values():
        assert [build(np.random.default_rng(1), n).n for n in (1, 2, 9)] == [1, 2, 9]


IN_TIME = """
from hypothesis import given
from numba.core import event
from subopt.testing import *


class Compiled(event.Listener):
    count = 0

    def on_start(self, event):
        self.count += 1

    def on_end(self, event):
        pass


compiled = Compiled()
event.register("numba:compile", compiled)
strategies = compositions(), set_functions(), problems()
assert compiled.count > 0
compiled.count = 0
for strategy in strategies:

    @given(F=strategy)
    def test(F):
        assert_consistent(F)
        assert_submodular(F)
        assert_base(F, F.greedy(range(F.n)))
        assert_minimizer(F, brute_force(F)[0])

    test()
assert compiled.count == 0
"""


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="looks at what the JIT compiled")
def test_nothing_is_compiled_within_examples(tmp_path):
    # with the settings that Hypothesis has by default, whose deadline is 0.2 s per example
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kernels"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", IN_TIME]
    done = subprocess.run(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
