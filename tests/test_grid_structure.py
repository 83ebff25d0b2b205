"""Structure arrays mean what they mean in PyMaxflow; kernels stay in bounds."""

import itertools
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from subopt import GridStructure, grid_cut, grid_neighbors, grid_structure

ROOT = pathlib.Path(__file__).parents[1]


@given(rng=numbers(), symmetric=st.booleans())
def test_means_what_pymaxflow_means(rng, symmetric):
    maxflow = pytest.importorskip("maxflow", reason="PyMaxflow is not installed")
    d = int(rng.integers(1, 4))
    shape = tuple(int(n) for n in rng.integers(3, [12, 6, 5][d - 1], d))
    periodic = [bool(axis) for axis in rng.random(d) < 0.5]
    size = (5,) if d == 1 else (3,) * d
    structure = rng.integers(1, 4, size) * (rng.random(size) < 0.5)
    structure[tuple(n // 2 for n in size)] = 0
    structure.flat[-1] = 1
    node = rng.integers(0, 5, shape if rng.random() < 0.5 else shape[-1:])
    source, sink = rng.integers(0, 20, (2, *shape))
    weights, offsets = grid_structure(
        structure, node, shape=shape, symmetric=symmetric, periodic=periodic
    )
    ours = grid_cut(source, sink, weights, offsets=offsets, periodic=periodic)
    graph = maxflow.GraphInt()
    nodes = graph.add_grid_nodes(shape)
    graph.add_grid_edges(nodes, node, structure, symmetric=symmetric, periodic=periodic)
    graph.add_grid_tedges(nodes, source, sink)
    assert ours.value == graph.maxflow()


@pytest.mark.parametrize(
    ("d", "counts"), [(1, {2: 1}), (2, {4: 1, 8: 2}), (3, {6: 1, 18: 2, 26: 3})]
)
def test_neighbors_are_those_within_a_distance(d, counts):
    for count, most in counts.items():
        offsets = grid_neighbors(d, count)
        around = {tuple(sign * o for o in offset) for offset in offsets for sign in (1, -1)}
        near = {
            o
            for o in itertools.product((-1, 0, 1), repeat=d)
            if 0 < np.dot(o, o) <= most  # the square of the distance
        }
        assert around == near
        assert len(near) == count == 2 * len(offsets)
        assert offsets[:d] == [tuple(row) for row in np.eye(d, dtype=int).tolist()]
        source, sink = np.random.default_rng(count).integers(0, 9, (2, *(4,) * d))
        structure = np.zeros((3,) * d, dtype=int)
        for o in near:
            structure[tuple(np.add(o, 1))] = 1
        weights, others = grid_structure(structure, shape=(4,) * d)
        cut = grid_cut(source, sink, 1, offsets=offsets)
        assert cut.value == grid_cut(source, sink, weights, offsets=others).value


def test_other_numbers_of_neighbors_are_refused():
    with pytest.raises(ValueError, match="neighbors needs to be 6 or 18 or 26, got 8"):
        grid_neighbors(3, 8)
    with pytest.raises(TypeError, match=r"use grid_neighbors\(2, 8\)"):
        grid_cut(np.ones((2, 2)), np.ones((2, 2)), 1, offsets=8)
    with pytest.raises(ValueError, match="dimensions needs to be 1, 2 or 3, got 4"):
        grid_neighbors(4, 8)
    with pytest.raises(TypeError, match="neighbors needs an integer, got '8'"):
        grid_neighbors(2, "8")


def test_bad_structures_are_named():
    for structure in (np.ones((2, 3)), np.ones(3)):
        with pytest.raises(ValueError, match="odd length"):
            grid_structure(structure, shape=(4, 4))
    with pytest.raises(ValueError, match=r"broadcast to \(4, 4\), got the shape \(3,\)"):
        grid_structure(np.ones((3, 3)), [1, 2, 3], shape=(4, 4))
    with pytest.raises(ValueError, match="nonzero entry outside"):
        grid_structure(np.ones((1, 1)), shape=(4, 4))
    for shape in (4, (4, 4.0)):
        with pytest.raises(TypeError, match=r"shape needs one int per axis.*got \(?4"):
            grid_structure(np.ones((3, 3)), shape=shape)
    with pytest.raises(ValueError, match=r"shape needs ints >= 0, got \(4, -4\)"):
        grid_structure(np.ones((3, 3)), shape=(4, -4))
    with pytest.raises(TypeError, match=r"periodic needs True, False or 2 of them"):
        grid_structure(np.ones((3, 3)), shape=(4, 4), periodic=[True] * 3)


def test_a_structure_has_a_type_that_can_be_named():
    assert isinstance(grid_structure(np.ones((3, 3)), shape=(4, 4)), GridStructure)


FUZZ = """
import numpy as np
from naive_grid import random_grid
import subopt
from subopt._base import jit
jit.interpret_small = False
from subopt.graph.grid import _layout as _grid_layout
for seed in range(150):
    for dimensions, many in ((2, None), (3, 3)):
        args, options = random_grid(np.random.default_rng(seed), dimensions=dimensions, many=many)
        options["periodic"] = [dimensions == 3] * dimensions  # few kernels to compile
        args = (*args[:2], 2)
        _grid_layout.SMALL = seed % 2 * 1024
        if dimensions == 2:
            options["offsets"] = None
            gap = subopt.grid_cut(*args, **options).check(*args, **options)
        else:
            options["offsets"] = [(0, 1, 2), (1, 0, 0), (2, -1, 0)]
            cuts = subopt.grid_cut_many(*args, **options, flow=True, threads=1)
            gap = abs(cuts.check(*args, **options)).max()
        assert gap == 0, (seed, gap)
_grid_layout.SMALL = 1024
rng = np.random.default_rng(0)
for shape in ((9, 9), (8, 16), (5, 40), (3, 70), (200, 1)):
    args = (*rng.integers(0, 9, (2, 20, *shape)), 3)
    cuts = subopt.grid_cut_many(*args, maximal=True, flow=True, threads=1)
    assert (cuts.check(*args) == 0).all(), shape
print("in bounds")
"""


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="needs compiled kernels")
def test_kernels_stay_in_bounds(tmp_path):
    environment = os.environ | {
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    run = subprocess.run(
        [sys.executable, "-c", FUZZ], env=environment, capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "in bounds", run.stderr
