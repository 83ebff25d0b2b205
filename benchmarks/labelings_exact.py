"""Random small labelings against brute force in exact rational arithmetic: what is claimed holds.

    python benchmarks/labelings_exact.py [--problems 20000] [--seed 0] [--first 0]

2 to 6 nodes and 2 to 4 labels; costs from 1e-9 to 1e15 beside ordinary ones, infinities, constants,
negative weights, tables that are no metrics, a table per edge, label costs, fixed labels, masks,
arrays of all dtypes and layouts, labels to start from. For every problem and every method that fits
it, and for "auto":

- an array of another dtype or layout gives the same energy as its numbers in float64;

- no status OPTIMAL for a labeling that is not, up to the rounding of the costs in which it differs
  from a minimizer;
- no lower bound above the minimum, and no certificate that confirms one;
- the labels are as good as the method says: a minimum for `ishikawa`, and a labeling that no
  expansion, swap or change of one label improves for the methods named after these.

Prints a line for each kind of claim, and every problem that breaks one; the exit status is 1 then.
"""

import argparse
import collections
import itertools
import math
import sys
import time
from dataclasses import replace
from fractions import Fraction

import numpy as np

from subopt import CertificateError, LabelingEnergy, Status, minimize
from subopt._base import jit
from subopt.labeling import _alpha_beta_swap, _alpha_expansion, _fusion, _ishikawa, _qpbo

CAN_SOLVE = {
    "ishikawa": _ishikawa.can_solve,
    "qpbo": _qpbo.can_solve,
    "alpha_expansion": _alpha_expansion.can_solve,
    "alpha_beta_swap": _alpha_beta_swap.can_solve,
    "fusion": _fusion.can_solve,
    "icm": lambda energy: None,
    "dual_bound": lambda energy: None,
}
ORDINARY = np.array([0.0, 1.0, 2.0, 3.0, 0.1, 0.2, 0.3, 0.4, 0.15, 0.9, 2.5, 7.0, 1 / 3])
EXTREME = np.array([1e-9, 3e-7, 1e6, 1e8 + 0.25, 1e12, 1e13, 1e15, 1e15 + 1.0])
CONSTANTS = np.array([0.0, 0.0, 0.0, 1e6, 1e8, -1e15])


def random_arguments(rng):
    """Draw the arguments of a `LabelingEnergy`."""
    n, L = int(rng.integers(2, 7)), int(rng.integers(2, 5))
    extreme = (0.0, 0.1, 0.3)[rng.integers(3)]
    forbidden = (0.0, 0.0, 0.1)[rng.integers(3)]
    whole = rng.random() < 0.2

    def numbers(*shape):
        if whole:
            return rng.integers(0, 5, shape).astype(float)
        large = rng.random(shape) < extreme
        other = rng.choice(ORDINARY, shape) if rng.random() < 0.7 else rng.random(shape)
        return np.where(large, rng.choice(EXTREME, shape), other)

    unary = numbers(n, L)
    unary[rng.random((n, L)) < forbidden] = np.inf
    unary[np.isinf(unary).all(axis=1), 0] = 0.0
    unary += rng.choice(CONSTANTS)
    pairs = list(itertools.combinations(range(n), 2))
    m = int(rng.integers(1, 9))
    edges = np.array([pairs[rng.integers(len(pairs))][:: rng.choice([-1, 1])] for _ in range(m)])
    weights = numbers(m)
    found = {"unary": unary, "edges": edges}
    kind = rng.choice(["potts", "linear", "convex", "table", "symmetric", "hard", "per edge"])
    table = numbers(m, L, L) if kind == "per edge" else numbers(L, L)
    if kind in ("symmetric", "per edge") and rng.random() < 0.7:
        table = np.maximum(table, table.swapaxes(-1, -2))
        table[..., np.arange(L), np.arange(L)] = 0.0
    if kind == "hard":
        table[rng.random((L, L)) < 0.5] = np.inf
        np.fill_diagonal(table, 0.0)
    if kind == "convex":
        steps = np.cumsum(np.concatenate([[0.0], np.sort(numbers(L - 1))]))
        table = steps[np.abs(np.subtract.outer(np.arange(L), np.arange(L)))]
    if kind in ("table", "per edge") and rng.random() < 0.3:
        table = table * rng.choice([-1.0, 1.0], table.shape)
    if kind not in ("hard", "per edge") and rng.random() < 0.4:
        weights = weights * rng.choice([-1.0, 1.0, 1.0], m)
    if kind == "per edge":
        found["tables"] = table
    else:
        found["weights"] = weights
        found["metric"] = str(kind) if kind in ("potts", "linear") else table
    if rng.random() < 0.2:
        found["label_costs"] = numbers(L)
    elif rng.random() < 0.15:
        found["mask"] = rng.random(n) < 0.7
    if rng.random() < 0.15:
        allowed = np.where(np.isfinite(unary), rng.random((n, L)), -1.0).argmax(axis=1)
        found["fixed"] = np.where(rng.random(n) < 0.4, allowed, -1)
    return found


LAYOUTS = {
    "float32": lambda a: a.astype(np.float32),
    "big-endian": lambda a: a.astype(">f8"),
    "int64": lambda a: a.astype(np.int64),
    "uint8": lambda a: a.astype(np.uint8),
    "Fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: a[..., ::-1].copy()[..., ::-1],
    "read-only": lambda a: np.frombuffer(a.tobytes()).reshape(a.shape),
    "np.ma": np.ma.masked_array,
}


def with_layouts(arguments, rng):
    """Arguments in other dtypes and layouts, and the same numbers in float64."""
    given, plain = dict(arguments), dict(arguments)
    for name in ("unary", "weights", "metric", "tables", "label_costs"):
        array = arguments.get(name)
        if isinstance(array, np.ndarray) and rng.random() < 0.5:
            layout = str(rng.choice(list(LAYOUTS)))
            whole = layout in ("int64", "uint8")
            top = 256 if layout == "uint8" else 2**53
            if whole and not (np.isfinite(array) & (array >= 0) & (array < top)).all():
                continue
            given[name] = LAYOUTS[layout](array)
            plain[name] = np.array(given[name], dtype=np.float64)
    return given, plain


def same(energy, other):
    """Whether two energies have the same numbers."""
    return all(
        np.array_equal(getattr(energy, name), getattr(other, name))
        for name in ("costs", "tables", "weights", "label_costs", "tails", "heads")
    )


class Exact:
    """All labelings and their energies, as integers in units of 2**-bits."""

    def __init__(self, energy):
        tables = np.broadcast_to(energy.tables, (len(energy.tails), *energy.tables.shape[1:]))
        numbers = [energy.costs, energy.tables, energy.weights, energy.label_costs]
        finite = [float(x) for a in numbers for x in a.ravel() if np.isfinite(x)]
        self.bits = 2 * max(x.as_integer_ratio()[1].bit_length() for x in [0.0, *finite])
        n, L = energy.n, energy.n_labels
        self.n, self.L = n, L
        self.x = np.array(list(itertools.product(range(L), repeat=n)))
        one = Fraction(1)
        self.unary = [self.whole(energy.costs[:, k], one) for k in range(n)]
        self.pairs = [
            (p, q, *self.whole(T, Fraction(w)))
            for p, q, w, T in zip(
                energy.tails.tolist(),
                energy.heads.tolist(),
                energy.weights.tolist(),
                tables,
                strict=True,
            )
            if w != 0
        ]
        self.label_costs = self.whole(energy.label_costs, one)[0]
        total = np.zeros(len(self.x), dtype=object)
        bad = np.zeros(len(self.x), dtype=bool)
        for k, (cost, wrong) in enumerate(self.unary):
            total = total + cost[self.x[:, k]]
            bad |= wrong[self.x[:, k]]
        for p, q, cost, wrong in self.pairs:
            total = total + cost[self.x[:, p], self.x[:, q]]
            bad |= wrong[self.x[:, p], self.x[:, q]]
        for l in range(L):
            if self.label_costs[l]:
                total = total + self.label_costs[l] * (self.x == l).any(axis=1).astype(object)
        self.total, self.bad = total, bad
        allowed = np.flatnonzero(~bad)
        self.least = min(total[allowed]) if len(allowed) else None
        self.minimizers = allowed[total[allowed] == self.least] if len(allowed) else allowed

    def whole(self, costs, weight):
        """Costs times a weight in units, and where they are infinite."""
        wrong = np.isinf(costs)
        units = np.empty(costs.shape, dtype=object)
        for index, c in np.ndenumerate(np.where(wrong, 0.0, costs)):
            units[index] = int(Fraction(float(c)) * weight * 2**self.bits)
        return units, wrong

    def at(self, labels):
        """The number of a labeling."""
        return int(np.ravel_multi_index(tuple(labels), (self.L,) * self.n))

    def apart(self, i, j):
        """The costs in which two labelings differ, in units."""
        x, y = self.x[i], self.x[j]
        total = sum(abs(c[a] - c[b]) for (c, _), a, b in zip(self.unary, x, y, strict=True))
        for p, q, c, _ in self.pairs:
            if (x[p], x[q]) != (y[p], y[q]):
                total += abs(c[x[p], x[q]]) + abs(c[y[p], y[q]])
        return total + sum(self.label_costs[a] for a in set(x) ^ set(y))

    def reachable(self, i, method):
        """The labelings that single moves of a method lead to."""
        x, free = self.x[i], np.zeros(len(self.x), dtype=bool)
        if method == "alpha_expansion":
            for b in range(self.L):
                free |= ((self.x == x) | (self.x == b)).all(axis=1)
        elif method == "alpha_beta_swap":
            for a, b in itertools.combinations(range(self.L), 2):
                either = (x == a) | (x == b)
                now = (self.x == a) | (self.x == b)
                free |= np.where(either, now, self.x == x).all(axis=1)
        else:
            free |= (self.x != x).sum(axis=1) <= 1
        return np.flatnonzero(free & ~self.bad)


def broken_claims(energy, exact, result, method):
    """Names of the claims of an answer that do not hold."""
    i = exact.at(result.labels.ravel())
    unit = Fraction(1, 2**exact.bits)
    own = math.inf if exact.bad[i] else exact.total[i]
    if result.value != (math.inf if exact.bad[i] else float(own * unit)):
        yield "the value is that of the labels"
    if exact.least is None:
        if result.status is Status.OPTIMAL and result.lower_bound < math.inf:
            yield "OPTIMAL is optimal"
        return
    least = exact.least * unit
    apart = 0 if own == exact.least else math.inf
    if own not in (exact.least, math.inf):
        apart = min(exact.apart(i, j) for j in exact.minimizers)
    if result.status is Status.OPTIMAL and not own - exact.least <= apart / 2**44:
        yield "OPTIMAL is optimal"
    if result.lower_bound > float(least):  # both are rounded once
        yield "bounds are below the minimum"
    if result.certificate is not None:
        gap = result.check(energy)
        if own < math.inf and Fraction(gap) < (own - exact.least) * unit:
            yield "certificates prove what they say"
        try:
            claim = math.nextafter(float(least), math.inf)
            replace(result.certificate, lower_bound=claim).check(energy, result)
            yield "certificates prove what they say"
        except CertificateError:
            pass
    if method == "ishikawa":
        if not own - exact.least <= (apart if apart < math.inf else 0) / 2**40:
            yield "ishikawa finds a minimum"
    elif method in ("alpha_expansion", "alpha_beta_swap", "icm", "fusion") and own < math.inf:
        method = method if result.method == method else "icm"  # labels of the bound
        for j in exact.reachable(i, method):
            fall = own - exact.total[j]
            if fall > 0 and fall > exact.apart(i, j) / 2**44:
                yield f"no single move improves what {method} returns"
                break


def printed(arguments):
    """Arguments as they can be pasted."""
    return ", ".join(
        f"{name}={value.tolist() if hasattr(value, 'tolist') else value!r}"
        for name, value in arguments.items()
    ).replace("inf", "np.inf")


STARTS = ("auto", "alpha_expansion", "alpha_beta_swap", "fusion", "icm")


def main(problems, seed, first=0):
    """Draw problems and count claims."""
    jit.interpret_small = False
    held, broken, start = collections.Counter(), collections.Counter(), time.monotonic()
    for k in range(first, first + problems):
        rng = np.random.default_rng([seed, k])
        arguments, plain = with_layouts(random_arguments(rng), rng)
        energy = LabelingEnergy(**arguments)
        if not same(energy, LabelingEnergy(**plain)):
            broken["dtypes and layouts change nothing"] += 1
            print(f"problem {k}: not the same numbers\n    LabelingEnergy({printed(arguments)})")
        exact = Exact(energy)
        labels = rng.integers(0, energy.n_labels, energy.n)
        for method in ("auto", *CAN_SOLVE):
            if method != "auto" and CAN_SOLVE[method](energy) is not None:
                continue
            begin = {"start": labels} if method in STARTS and k % 3 == 0 else {}
            result = minimize(energy, method=method, lower_bound=True, **begin)
            ran = result.method if method == "auto" else method
            held[method] += 1
            for claim in broken_claims(energy, exact, result, ran):
                broken[claim] += 1
                print(f"problem {k}, {method}: not true that {claim}; {result}\n    ", end="")
                print(f"LabelingEnergy({printed(arguments)}), {begin}", flush=True)
        if (k + 1) % 1000 == 0:
            print(f"{k + 1} problems, {time.monotonic() - start:.0f} s, broken: {dict(broken)}")
            sys.stdout.flush()
    for method, count in held.items():
        print(f"{method:16} {count:6} answers")
    print("all claims hold" if not broken else f"broken: {dict(broken)}")
    return int(bool(broken))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first problem")
    options = parser.parse_args()
    sys.exit(main(options.problems, options.seed, options.first))
