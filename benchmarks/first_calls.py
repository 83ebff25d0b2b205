"""What the first call of each solver costs: compiling, kernel by kernel, in CPU seconds.

    python benchmarks/first_calls.py                 # all solvers of `subopt.warm_up`, and comixup
    python benchmarks/first_calls.py grid_cut        # some of them
    python benchmarks/first_calls.py --kernels 30    # with the 30 dearest kernels of each
    python benchmarks/first_calls.py --check         # exit status 1 if a solver passes its budget

Every solver runs in a process of its own, with an empty cache, and once more with the cache filled
(not with --check).
CPU seconds vary less than seconds do on a busy machine, but they vary; the number of statements
that numba types and lowers, after inlining, depends only on the sources and on the versions of
numba and Python. About half of the time of compiling grows with it, so it is what has a budget.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

# Statements per solver (numba 0.68, Python 3.11), a fifth above what they are; those without a
# budget are only printed. Lower them when kernels get smaller.
BUDGET = {
    "readme": 500,
    "max_flow": 7000,  # with the kernels of `compat.maxflow`, which `warm_up` compiles along
    "grid_cut": 13500,
    "difference": 8000,
    "large labeling": 13500,
}
ROOT = pathlib.Path(__file__).parents[1]


def comixup_first_batch():
    import numpy as np

    import comixup

    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (20, 3, 32, 32), dtype=np.uint8), np.arange(20) % 5
    mix = comixup.CoMixup(num_classes=5, group_size=20, seed=0)
    mix(images, labels, rng.random((20, 4, 4)), step=0)


def readme():
    import numpy as np

    from subopt import Cut, Function, Modular, minimize

    F = Cut.from_edges([(0, 1), (1, 2), (2, 3), (3, 0), (3, 4)]) + Modular([-3, -1, 1, 0.5, 2])
    result = minimize(F)
    result.certificate.check(F, result.S)
    price = np.array([1.5, 0, 1.5, 1.5])
    minimize(Function(4, lambda mask: 2 * mask.any() + mask.sum() ** 0.5 - price[mask].sum()))


def one_image():
    import numpy as np

    from subopt import grid_cut

    source, sink = np.random.default_rng(0).random((2, 64, 64))
    grid_cut(source, sink, 0.25).flow  # noqa: B018


def one_graph():
    import numpy as np

    from subopt import max_flow

    rng = np.random.default_rng(0)
    ends, capacity = rng.integers(0, 1000, (2, 4000)), rng.integers(1, 100, 4000)
    terminals = rng.integers(0, 100, (2, 1000))
    max_flow(*ends, capacity, source_capacity=terminals[0], sink_capacity=terminals[1])


def one_difference():
    import numpy as np

    from subopt import ConcaveOfModular, Coverage, minimize

    rng = np.random.default_rng(0)
    words = rng.random((20, 40)) < 0.12
    length = np.kron(np.eye(2), np.ones(10)) * words.sum(axis=1)
    minimize(Coverage(words) - 2 * ConcaveOfModular(length, "sqrt"), rng=0)


def one_labeling():
    import numpy as np

    from subopt import LabelingEnergy, minimize

    energy = LabelingEnergy(np.random.default_rng(0).random((40, 50, 5)), weights=0.2)
    minimize(energy, lower_bound=True)


def large_energy(size=200):
    import numpy as np

    from subopt import LabelingEnergy

    return LabelingEnergy(np.random.default_rng(0).random((size, size, 8)), weights=0.3)


def large_labeling():
    from subopt import alpha_expansion

    alpha_expansion(large_energy())


def many_labelings():
    import numpy as np

    from subopt import alpha_expansion_many

    unaries = np.random.default_rng(1).random((4, 100, 100, 8))
    alpha_expansion_many(large_energy(100), unaries)


def large_labeling_with_bound():
    from subopt import minimize

    minimize(large_energy(), lower_bound=True)


OWN = {
    "large labeling": large_labeling,
    "many labelings": many_labelings,
    "large labeling with bound": large_labeling_with_bound,
    "one difference": one_difference,
    "one labeling": one_labeling,
    "comixup": comixup_first_batch,
    "readme": readme,
    "one image": one_image,
    "one graph": one_graph,
}


def measure(solver):
    """Compile one solver in this process; print what it took as one line of JSON."""
    from numba.core import event, typed_passes

    own, calls, statements = (collections.Counter() for _ in range(3))
    open_calls = []

    class Kernels(event.Listener):
        def on_start(self, event):
            function = event.data["dispatcher"].py_func
            name = f"{function.__module__}.{function.__qualname__}"
            open_calls.append([name, time.process_time(), 0.0])

        def on_end(self, event):
            name, begin, inner = open_calls.pop()
            taken = time.process_time() - begin
            own[name] += taken - inner
            calls[name] += 1
            if open_calls:
                open_calls[-1][2] += taken

    lower = typed_passes.NativeLowering.run_pass

    def counted(self, state):
        name = open_calls[-1][0] if open_calls else "numba"
        statements[name] += sum(len(block.body) for block in state.func_ir.blocks.values())
        return lower(self, state)

    typed_passes.NativeLowering.run_pass = counted
    event.register("numba:compile", Kernels())
    begin = time.process_time()
    import comixup  # noqa: F401
    from subopt._base import jit
    from subopt.compiling import SOLVERS

    imported = time.process_time()
    if solver in SOLVERS:
        jit.interpret_small = False  # to see what compiling costs; `OWN` are as users see them
    (SOLVERS | OWN)[solver]()
    print(
        json.dumps(
            {
                "import": imported - begin,
                "seconds": time.process_time() - imported,
                "kernels": {name: [own[name], calls[name], statements[name]] for name in own},
                "statements": sum(statements.values()),
            }
        )
    )


def in_a_process(solver, cache):
    env = {**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # pip compiles sources to bytecode too
    run = subprocess.run(
        [sys.executable, __file__, "--measure", solver],
        env=env,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if run.returncode:
        raise SystemExit(f"{solver}: {run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])


def main():
    from subopt.compiling import SOLVERS

    names = [*SOLVERS, *OWN]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "solvers", nargs="*", default=names, metavar="SOLVER", help=", ".join(names)
    )
    parser.add_argument("--kernels", type=int, default=0, metavar="N", help="print the N dearest")
    parser.add_argument("--check", action="store_true", help="hold the budgets of statements")
    parser.add_argument("--measure", choices=names, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        return measure(options.measure)
    print("| solver | first call | statements | kernels | next process |")
    print("|---|---|---|---|---|")
    late = []
    for solver in options.solvers:
        with tempfile.TemporaryDirectory() as cache:
            cold = in_a_process(solver, cache)
            warm = None if options.check else in_a_process(solver, cache)
        kernels, total = cold["kernels"], cold["statements"]
        compilations = sum(calls for _, calls, _ in kernels.values())
        later = f"{warm['seconds']:.2f} s" if warm else "not run"
        print(
            f"| {solver} | {cold['seconds']:.1f} s | {total} | {compilations} | {later} |",
            flush=True,
        )
        for name, (seconds, calls, count) in sorted(kernels.items(), key=lambda kv: -kv[1][0])[
            : options.kernels
        ]:
            print(f"    {seconds:6.2f} s {calls:3d} x {count:6d} statements  {name}")
        if total > BUDGET.get(solver, total):
            late.append(f"{solver} compiles {total} statements; its budget is {BUDGET[solver]}")
    if options.check and late:
        print("\n".join(late))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
