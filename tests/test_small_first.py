"""Kernels that Python runs while they are not compiled: the same answers, and compiled in time."""

import itertools
import os
import pathlib
import subprocess
import sys
from typing import NamedTuple

import numba
import numpy as np
import pytest

from subopt._base import compiler, jit, plain
from subopt._base.options import COMPILING

ROOT = pathlib.Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="looks at what the JIT compiled")
# Answers to problems of all sizes, as bytes; with the kernels as they are, or all compiled.
ANSWERS = """
import hashlib, sys, warnings
warnings.simplefilter("error")
import numpy as np
from subopt import (
    ConcaveOfModular, CoupledLabelingProblem, Coverage, Cut, FacilityLocation, Function,
    HypergraphCut, LabelingEnergy, MatroidRank, Modular, alpha_beta_swap, alpha_expansion,
    dual_bound, grid_cut, max_flow, maximize, min_norm_point, minimize,
)
from subopt._base import jit, plain
from subopt.compat import gco, maxflow
jit.interpret_small = sys.argv[1] == "small"
# as with an empty cache, and on a machine that is not busy
jit._is_kept, jit.PATIENCE = lambda kernel: False, 1.0
rng = np.random.default_rng(0)
seen = hashlib.sha256()
for n in (1, 2, 3, 5, 8):
    edges = [(i, j) for i in range(n) for j in range(i + 1, n) if rng.random() < 0.7]
    m = len(edges)
    for F in (
        Cut.from_edges(edges, rng.random(m), n=n),
        HypergraphCut([list(e) for e in edges], rng.random(m), n=n),
        Coverage(rng.random((n, 6)) < 0.5, rng.random(6)),
        FacilityLocation(rng.random((7, n))),
        MatroidRank.partition(rng.integers(0, 2, n), [1, 2]),
        MatroidRank.graphic(rng.integers(0, 4, (n, 2))),
        *(ConcaveOfModular(rng.random((3, n)) * (rng.random((3, n)) < 0.7), phi)
          for phi in ("sqrt", ("power", 0.7), ("min", 1.3), np.tanh)),
    ):
        G = F + Modular(rng.normal(size=n))
        mask = rng.random(n) < 0.5
        seen.update(np.float64(G.value(mask)).tobytes())
        seen.update(G.greedy(rng.permutation(n)).tobytes() + G.marginals(mask).tobytes())
        if F._has_levels:  # for upper bounds of `maximize`
            seen.update(F._above(F._levels(mask) / 2)[1].tobytes())
        if n > 2:  # the same with some elements in S, and some gone
            part = G.contract([0]).restrict(np.arange(1, n - 1))
            seen.update(part.greedy(rng.permutation(n - 2)).tobytes())
            most = maximize(F, size=(None, 2))
            seen.update(most.mask.tobytes() + np.float64(most.upper_bound).tobytes())
        for result in (minimize(G), min_norm_point(G)):
            check = result.certificate.check(G, result.mask)
            numbers = np.array([result.value, result.lower_bound, check])
            seen.update(result.mask.tobytes() + numbers.tobytes())
    tails, heads = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    for capacity in (rng.integers(0, 9, m), rng.random(m)):
        ends = (rng.random((2, n)) * 9).astype(capacity.dtype)
        flow = max_flow(tails, heads, capacity, source_capacity=ends[0], sink_capacity=ends[1], n=n)
        seen.update(flow.source_side.tobytes() + np.float64(flow.value).tobytes())
ends, capacity = rng.integers(0, 200, (2, 800)), rng.random(800)
for method in ("boykov_kolmogorov", "push_relabel"):
    source, sink = rng.random((2, 200)) ** 4
    flow = max_flow(*ends, capacity, source_capacity=source, sink_capacity=sink, method=method)
    seen.update(flow.source_side.tobytes() + flow.flow.tobytes())
near = [(0, 1), (1, 0), (1, 1), (1, -1)]
for shape, offsets, periodic in (
    ((7, 9), None, False), ((20, 30), near, False), ((40, 40), None, False),
    ((40, 30), near, False), ((2, 600), None, False), ((12, 11, 10), None, False),
    ((36, 33), None, True),
):
    few = len(shape)
    for exact in (True, False):
        source, sink = rng.integers(0, 20, (2, *shape)) / (1 if exact else 7)
        if few == 2 and shape[0] == 2:  # long paths: push-relabel
            source[:, 9:] = sink[:, :-9] = 0
        if exact:
            source, sink = source.astype(np.int64), sink.astype(np.int64)
        cut = grid_cut(source, sink, 5 if exact else 0.9, offsets=offsets, periodic=periodic)
        seen.update(cut.method.encode() + np.float64(cut.value).tobytes())
        seen.update(cut.source_side.tobytes())
        seen.update(b"".join(np.ascontiguousarray(flow).tobytes() for flow in cut.flow))
for metric in ("potts", "linear", rng.random((4, 4)) * (1 - np.eye(4))):
    energy = LabelingEnergy(rng.random((9, 8, 4)), weights=0.2, metric=metric)
    for solver in (alpha_expansion, alpha_beta_swap, dual_bound):
        if isinstance(metric, str) or solver is dual_bound:
            labeling = solver(energy)
            seen.update(labeling.labels.tobytes() + np.float64(labeling.value).tobytes())
            seen.update(np.float64(labeling.lower_bound).tobytes())
for options in ({"label_costs": [0.5, 3.0, 0.1]}, {"metric": "linear"}, {"metric": "quadratic"}):
    energy = LabelingEnergy(rng.random((5, 6, 3)), weights=0.3, **options)
    labeling = minimize(energy)
    seen.update(labeling.labels.tobytes() + np.float64(labeling.lower_bound).tobytes())
    seen.update(alpha_beta_swap(energy).labels.tobytes() if "label_costs" in options else b"")
for levels, m in ((1, 6), (2, 8)):
    unary = -(rng.random((m, 4, 4)) ** 4)
    near = np.eye(m) + 0.1 * rng.random((m, m))
    problem = CoupledLabelingProblem(unary, compatibility=near, levels=levels)
    found = minimize(problem, effort="fast", rng=0)
    seen.update(found.sources.tobytes() + np.float64(found.value).tobytes())
for kind in (int, float):
    cut = maxflow.Graph[kind]()
    nodes = cut.add_nodes(9)
    for i, j in rng.integers(0, 9, (20, 2)):
        if i != j:
            cut.add_edge(i, j, *rng.integers(0, 9, 2))
    for node in nodes:
        cut.add_tedge(node, *rng.integers(0, 9, 2))
    seen.update(np.float64(cut.maxflow()).tobytes() + bytes(cut.get_grid_segments(nodes)))
    cut = maxflow.Graph[kind]()
    nodes = cut.add_grid_nodes((9, 8))
    for periodic in (False, True):
        cut.add_grid_edges(nodes, rng.integers(0, 9, (9, 8)) / 1.4, periodic=periodic)
    cut.add_grid_tedges(nodes, *rng.integers(0, 30, (2, 9, 8)) / 1.4)
    seen.update(np.float64(cut.maxflow()).tobytes() + bytes(cut.get_grid_segments(nodes)))
    for part in cut._solved.residual()[1]:
        seen.update(part.forward.tobytes() + part.backward.tobytes())
metric = np.abs(np.subtract.outer(np.arange(3), np.arange(3))) / 1.0
unary = rng.random((5, 6, 3))
for move in (maxflow.fastmin.aexpansion_grid, maxflow.fastmin.abswap_grid):
    seen.update(move(unary, metric).tobytes())
for algorithm in ("expansion", "swap"):
    labels = gco.cut_grid_graph_simple(unary, metric, n_iter=-1, algorithm=algorithm)
    seen.update(labels.tobytes())
print(seen.hexdigest(), *sorted(jit.unfit))
# which kernels were not tried
kernels = {v for name, m in list(sys.modules.items()) if name.startswith("subopt.")
           for v in vars(m).values() if hasattr(v, "patience")}
for kernel in kernels - set(plain._functions):
    print(kernel.py_func.__qualname__, file=sys.stderr)
"""


def answers(way):
    done = subprocess.run(
        [sys.executable, "-c", ANSWERS, way], capture_output=True, encoding="utf-8", cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_same_bits_as_compiled():
    small = answers("small")
    assert not small.stderr, "kernels without a problem here that they solve"
    # names of kernels come after the digest, if they do not run as plain Python
    assert small.stdout == answers("compiled").stdout


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.setattr(jit, "interpret_small", True)

    @jit.njit
    def inner(x):
        return x.sum()

    def twice(x):
        return 2 * inner(x)

    made = jit.small_first(twice)
    made.inner = inner
    return made


def test_small_calls_do_not_compile(kernel):
    assert kernel(np.arange(3)) == 6
    assert not kernel.signatures


def test_large_calls_compile(kernel):
    x = np.arange(jit.SMALL + 1)
    assert kernel(x) == 2 * x.sum()
    assert kernel.signatures
    assert kernel(np.arange(3)) == 6
    assert type(kernel) is jit.CPUDispatcher


def test_an_interrupt_undoes_a_small_call(monkeypatch):
    # compiled kernels cannot be interrupted, and callers rely on it
    monkeypatch.setattr(jit, "interpret_small", True)

    class Pair(NamedTuple):
        left: np.ndarray
        right: np.ndarray

    def halfway(pair, x):
        pair.left[0] = x[0] = 7
        raise KeyboardInterrupt

    x, left = np.arange(3.0), np.arange(4)
    with pytest.raises(KeyboardInterrupt):
        jit.small_first(halfway)(Pair(left, left[1:]), x)
    assert x.tolist() == [0, 1, 2]
    assert left.tolist() == [0, 1, 2, 3]


def test_patience_ends(kernel):
    assert jit._patience(kernel) > 0
    kernel.patience = 1e-9
    assert kernel(np.arange(3)) == kernel(np.arange(3)) == 6
    assert kernel.signatures


@pytest.mark.parametrize("busy", [True, False], ids=["the machine", "the thread"])
def test_patience_is_cpu_time_of_the_thread(monkeypatch, busy):
    monkeypatch.setattr(jit, "interpret_small", True)
    # a second passes with every look at a clock: for this thread too, or for other processes
    wall, cpu = itertools.count(), itertools.count(step=0 if busy else 1)
    monkeypatch.setattr(plain.time, "perf_counter", lambda: float(next(wall)))
    monkeypatch.setattr(plain.time, "thread_time", lambda: float(next(cpu)))

    def total(x):
        result = 0
        for _ in range(30):
            for i in range(x.shape[0]):
                result += x[i]
        return result

    made = jit.small_first(total)
    made.patience = 2.5
    x = np.arange(4)
    assert made(x) == 180
    assert bool(made.signatures) is not busy


@pytest.mark.parametrize("reason", ["time", "array"])
def test_kernels_that_only_kernels_call_are_not_called_from_python(monkeypatch, reason):
    monkeypatch.setattr(jit, "interpret_small", True)

    @jit.inner
    def first(x):
        return x[0]

    def whole(x):
        total = 0.0
        for _ in range(3):
            total += first(x)
            x[0] += 1.0
        return total + (x.sum() if len(x) > 1 else 0.0)

    made = jit.small_first(whole)
    made.patience = 1e-9 if reason == "time" else 1.0
    x = np.zeros(1 if reason == "time" else 2)
    assert made(x) == (3.0 if reason == "time" else 6.0)
    assert x[0] == 3.0  # what a run had changed before it ended was undone
    assert made.signatures


def test_numbers_in_named_tuples_count():
    assert jit._count((np.zeros((2, 3)), (np.zeros(4), 1.0), 2)) == 12


LOADED = """
import sys
import numpy as np
import numba
from subopt._base import jit
jit.interpret_small = False
from subopt import max_flow
flow = max_flow([0, 1, 0], [1, 2, 2], [3, 2, 1], source_capacity=[9, 0, 0], sink_capacity=[0, 0, 9])
from numba.core import entrypoints
from numba.core.runtime import rtsys
compiler = "numba.np.linalg" in sys.modules
assert compiler == rtsys._init == entrypoints._already_initialized
assert numba.njit(lambda x: x.sum() + np.sort(x)[0])(np.ones(3)) == 4.0
print(flow.value, compiler)
"""


def test_kernels_on_disk_are_loaded_without_the_compiler(tmp_path):
    for compiles in ("True", "False"):  # the first process compiles, the second one loads
        done = subprocess.run(
            [sys.executable, "-c", LOADED],
            capture_output=True,
            encoding="utf-8",
            cwd=ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        )
        assert done.stdout.split() == ["3", compiles], done.stderr


def test_kernels_are_loaded_as_numba_does_it_where_that_is_needed(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def double(x):
        return 2 * x

    assert jit.njit(double)(3) == 6
    again = jit.njit(double)
    monkeypatch.setattr(jit, "rtsys", None)  # stands for what another version of numba changes
    assert again(3) == 6
    assert sum(again.stats.cache_hits.values()) == 1


def test_a_program_that_logs_is_told_when_the_compiler_starts(tmp_path):
    program = (
        "import logging; logging.basicConfig(level=logging.INFO)\n"
        "import numpy as np, subopt\n"
        "from subopt._base import jit\n"
        "jit.interpret_small = False\n"
        "F = subopt.Cardinality([0, 1, 1]) + subopt.Cut.grid((1, 2))\n"
        "F.greedy([0, 1]), F.marginals([True, False])\n"
    )
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, encoding="utf-8", env=env
        )
        for _ in range(2)
    )
    assert first.stderr == f"INFO:subopt:{COMPILING}\n"
    assert second.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to its own process")
def test_ctrl_c_within_a_kernel_ends_the_call_and_not_the_process():
    program = (
        "import os, signal, threading\n"
        "import numpy as np\n"
        "from subopt.submodular._sweep_bounds import scan\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let jobs ignore it\n"
        "x, pressed = np.linspace(-1, 1, 1_000_000), 0\n"
        "scan(x, x, x)  # compiles\n"
        "for _ in range(5):\n"
        "    press = threading.Timer(0.005, os.kill, (os.getpid(), signal.SIGINT))\n"
        "    try:\n"
        "        press.start()\n"
        "        for _ in range(10_000):\n"
        "            scan(x, x, x)\n"
        "    except KeyboardInterrupt:\n"
        "        pressed += 1\n"
        "print(pressed)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, "5\n"), done.stderr


@pytest.mark.parametrize(
    ("message", "raised"),
    [("no compiled object yet for <Library 'f'>", KeyboardInterrupt), ("other", RuntimeError)],
)
def test_ctrl_c_that_llvm_swallows_while_it_hands_code_over(message, raised, monkeypatch):
    def refused(*_):
        raise RuntimeError(message)

    monkeypatch.setattr(jit.FunctionCache, "save_overload", refused)
    kernel = jit.njit(lambda x: x + 1)
    with pytest.raises(raised):
        kernel(1)
    assert kernel(1) == 2


def test_inner_kernels_become_machine_code_within_other_kernels_only():
    @jit.inner
    def half(x):
        if x % 2 != 0:
            raise ValueError("an odd number")
        return x // 2

    @numba.njit
    def quarter(x):
        return half(half(x))

    assert quarter(12) == 3
    with pytest.raises(TypeError, match="called by kernels only"):
        half(12)
    with pytest.raises(ValueError, match="an odd number"):
        quarter(6)
    (made,) = half.overloads.values()
    assert type(made.library) is compiler.InnerLibrary
    engine = made.library._codegen._engine
    assert not engine.is_symbol_defined(made.fndesc.llvm_cpython_wrapper_name)
    (outer,) = quarter.overloads.values()
    assert engine.is_symbol_defined(outer.fndesc.llvm_cpython_wrapper_name)


def test_inner_kernels_are_ordinary_ones_with_an_unknown_numba():
    class Library:
        codegen = get_pointer_to_function = None

    assert compiler.of_inner_kernels(Library) is numba.core.compiler.Compiler
    assert compiler.of_inner_kernels() is compiler.InnerCompiler
