"""The published update rule against recorded runs of the published solver.

    SUBOPT_DATA=... python benchmarks/published.py [--seeds 20]

Per recorded case: the recorded energy; median, least and largest of ours over seeds; the share of
seeds that end below the recorded energy; the share of runs in which the energy rises; sources per
output and share of half/half patches (recorded / ours); and milliseconds per group (recorded / CPU
time of ours on one thread, after compilation). The recorded times are of another, noisy machine.
"""

import argparse
import time

import numpy as np
import recorded

from subopt import CoupledLabelingProblem, minimize


def mixing(shares):
    """Sources per output, and share of patches that are half and half."""
    used = shares.reshape(len(shares), -1, shares.shape[-1]).max(axis=1) > 0
    return used.sum(axis=-1).mean(), (shares == 0.5).any(axis=-1).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    start = time.perf_counter()
    minimize(CoupledLabelingProblem(np.eye(3)[:, None]), method="published", rng=0)
    print(f"first call, compilation or cache included: {time.perf_counter() - start:.2f} s\n")
    print(
        "case  m  b kind tau  | recorded   median      min      max  below rises |"
        "   sources      halves   |      ms"
    )
    below, rose, theirs, ours = [], [], [], []
    for case in recorded.coupled(recorded.data_folder()):
        problem, shares, recorded_ms = case.problem, case.shares, 1e3 * case.seconds
        name = (
            f"{case.number:03d} {case.inputs:3d} {case.side:2d} "
            f"{problem.threshold_kind} {problem.threshold:.2f}"
        )
        energy = problem.energy(shares)
        start = time.process_time()
        results = [minimize(problem, method="published", rng=seed) for seed in range(seeds)]
        ms = 1e3 * (time.process_time() - start) / seeds
        values = np.array([r.value for r in results])
        below.append((values < energy - 1e-6).mean())
        rises = np.mean([np.any(np.diff(r.energies) > 1e-9) for r in results])
        rose.append(rises)
        (s0, h0) = mixing(shares)
        s1, h1 = np.mean([mixing(r.shares) for r in results], axis=0)
        if problem.threshold > 0 and problem.n_inputs > 2 and problem.n_patches > 4:
            theirs.append((s0, h0))
            ours.append((s1, h1))
        print(
            f"{name} | {energy:8.2f} {np.median(values):8.2f} {values.min():8.2f} "
            f"{values.max():8.2f}   {below[-1]:.2f}  {rises:.2f} | {s0:.2f} / {s1:.2f} "
            f"{h0:.3f} / {h1:.3f} | {recorded_ms:6.1f} / {ms:.1f}"
        )
    (s0, h0), (s1, h1) = np.mean(theirs, axis=0), np.mean(ours, axis=0)
    print(
        f"\nmean over cases: {np.mean(below):.2f} of the seeds end below the recorded energy; the "
        f"energy rises in {np.mean(rose):.2f} of the runs\nwith a threshold, more than two inputs "
        f"and more than four patches: sources {s0:.2f} recorded, {s1:.2f} ours; halves {h0:.3f} "
        f"recorded, {h1:.3f} ours"
    )


if __name__ == "__main__":
    main()
