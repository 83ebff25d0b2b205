"""Compiled iterated local search for coupled labelings: visits, perturbations, rounds.

A round perturbs outputs, repairs them and some others slot by slot, and is rolled back if the exact
energy rose. What a round touches is saved output by output just before its first change.
"""

import numpy as np

from subopt._base.jit import njit
from subopt.coupled._state import (
    ADD,
    FAR,
    LAZY,
    REMOVE,
    SAVED,
    TOLERANCE,
    UNIT,
    coupling,
    coupling_change,
    fill_field,
    move,
    price,
    prices,
    rebuild,
    refresh,
    relabel,
)

COIN, WAYS = np.int64(2), np.int64(4)  # numba compiles anew for every literal argument
WINDOW = 20  # outputs that are looked at after a perturbation, besides the perturbed ones
SETTLE = 30  # passes over all outputs; few are needed, the limit guards against ties
REPAIR = 1  # passes over the other outputs after a perturbation


@njit
def draw(rng, n):
    """Return a uniform integer in 0..n-1 (xorshift64: Marsaglia, J. Stat. Softw. 8(14), 2003)."""
    x = rng[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    rng[0] = x
    return np.int64((x >> np.uint64(33)) % np.uint64(n))


@njit
def begin(work):
    """Start a trial: what is touched from here on can be rolled back."""
    work.touched[:] = 0
    for r in range(SAVED):
        for i in range(work.vec.shape[1]):
            work.saved_vec[r, i] = work.vec[r, i]


@njit
def save_prices(touched, seen, saved_seen, j):
    """Save what `roll_back` needs before the prices of output j are replaced in this trial."""
    if touched[j] == 0:
        touched[j] = 1
        for i in range(seen.shape[2]):
            saved_seen[j, 0, i] = seen[j, 0, i]
            saved_seen[j, 1, i] = seen[j, 1, i]


@njit
def save_labels(touched, sources, use, load, saved_sources, saved_use, j):
    """Save what `roll_back` needs before the first move of output j in this trial."""
    if touched[j] < 2:
        touched[j] = 2
        for k in range(sources.shape[1]):
            for l in range(sources.shape[2]):
                saved_sources[j, k, l] = sources[j, k, l]
        for i in range(use.shape[0]):
            saved_use[j, 0, i] = use[i, j]
            saved_use[j, 1, i] = load[i, j]


@njit
def roll_back(level, work):
    """Restore the state at `begin`."""
    m = work.vec.shape[1]
    for j in range(work.sources.shape[0]):
        if work.touched[j] > 0:
            for i in range(m):
                work.seen[j, 0, i] = work.saved_seen[j, 0, i]
                work.seen[j, 1, i] = work.saved_seen[j, 1, i]
        if work.touched[j] > 1:
            for k in range(work.sources.shape[1]):
                for l in range(work.sources.shape[2]):
                    work.sources[j, k, l] = work.saved_sources[j, k, l]
            fill_field(level, work, j)
            for i in range(m):
                work.use[i, j] = work.saved_use[j, 0, i]
                work.load[i, j] = work.saved_use[j, 1, i]
    for r in range(SAVED):
        for i in range(m):
            work.vec[r, i] = work.saved_vec[r, i]


@njit
def sweep(level, work, outputs, lazy):
    """Improve each of `outputs` once, slot by slot; return the number of moves.

    If `lazy`, only inputs that became cheaper since the output was last looked at are candidates,
    except in patches that hold an input that became dearer.
    """
    # plain indexing throughout: views of rows would cost more than what is done with them
    use, load, vec, A, par = work.use, work.load, work.vec, level.A, level.par
    s, field, seen, cheaper = work.sources, work.field, work.seen, work.list
    indptr, indices, pull = level.indptr, level.indices, level.pull
    N, L = s.shape[1], s.shape[2]
    m = vec.shape[1]
    touched, saved_seen = work.touched, work.saved_seen
    saved_sources, saved_use = work.saved_sources, work.saved_use
    size, degree, energy = level.size, level.degree, work.energy
    tolerance, slack, per_unit = par[TOLERANCE], par[LAZY], 1.0 / par[UNIT]
    moves = 0
    for j in outputs:
        prices(use, load, vec, A, par, j)
        n_cheaper = 0
        dearer = not lazy
        if lazy:
            for b in range(m):
                if vec[ADD, b] < seen[j, 0, b] - slack:
                    cheaper[n_cheaper] = b
                    n_cheaper += 1
                if vec[REMOVE, b] < seen[j, 1, b] - slack and use[b, j] > 0.0:
                    dearer = True
            if n_cheaper == 0 and not dearer:
                continue
        save_prices(touched, seen, saved_seen, j)
        moved = 0
        for k in range(N):
            f = size[k] * per_unit
            quadratic = degree[k]
            for _ in range(L):
                everything = not lazy
                if dearer and lazy:
                    for l in range(L):
                        u = s[j, k, l]
                        if vec[REMOVE, u] < seen[j, 1, u] - slack:
                            everything = True
                # the two cheapest candidates: a slot cannot move to the input that it has
                first = second = -1
                lowest = next_lowest = np.inf
                for c in range(m if everything else n_cheaper):
                    i = c if everything else cheaper[c]
                    x = field[j, k, i] + vec[ADD, i] * f
                    if x < next_lowest:
                        if x < lowest:
                            second, next_lowest = first, lowest
                            first, lowest = i, x
                        else:
                            second, next_lowest = i, x
                # the slot that gains most, alone or, in a pure patch, together with all others
                pure = True
                slot = target = -1
                gain = -tolerance
                for l in range(L):
                    u = s[j, k, l]
                    pure = pure and u == s[j, k, 0]
                    x = next_lowest if u == first else lowest
                    d = x - field[j, k, u] + vec[REMOVE, u] * f + quadratic
                    if d < gain:
                        gain = d
                        slot = l
                        target = second if u == first else first
                n = 1
                if pure and L > 1:
                    u = s[j, k, 0]
                    b = second if u == first else first
                    x = next_lowest if u == first else lowest
                    d = x - field[j, k, u] + vec[REMOVE, u] * f
                    if b >= 0 and L * d + L * L * quadratic < gain:
                        # prices are of one unit: ask for the change itself
                        d = L * (field[j, k, b] - field[j, k, u]) + L * L * quadratic
                        d += coupling_change(use, load, vec, A, par, j, u, b, L * size[k])
                        if d < gain:
                            slot = 0
                            target = b
                            n = L
                if slot < 0:
                    break
                u, b = s[j, k, slot], target
                d = n * (field[j, k, b] - field[j, k, u]) + n * n * quadratic
                if n == 1 and f != 1.0:
                    change = coupling_change(use, load, vec, A, par, j, u, b, size[k])
                    if d + change >= -tolerance:
                        break
                if moved == 0:
                    save_labels(touched, s, use, load, saved_sources, saved_use, j)
                moved += 1
                energy[0] += d
                move(use, load, vec, A, par, j, u, b, n * size[k])
                price(use, load, vec, A, par, j, u)
                price(use, load, vec, A, par, j, b)
                for l in range(L):
                    if n > 1 or l == slot:
                        s[j, k, l] = b
                field[j, k, b] += n * quadratic
                field[j, k, u] -= n * quadratic
                for e in range(indptr[k], indptr[k + 1]):
                    field[j, indices[e], b] -= n * pull[e]
                    field[j, indices[e], u] += n * pull[e]
        for b in range(m):  # after a move, everything is looked at again
            seen[j, 0, b] = FAR if moved else vec[ADD, b]
            seen[j, 1, b] = FAR if moved else vec[REMOVE, b]
        moves += moved
    return moves


@njit
def deal(deck, rng):
    """Return the next output of a shuffled deck: all come up equally often."""
    J = deck.shape[0] - 1
    place = deck[J] % J
    if place == 0:
        for a in range(J - 1, 0, -1):
            b = draw(rng, np.int64(a + 1))
            deck[a], deck[b] = deck[b], deck[a]
    deck[J] += 1
    return deck[place]


@njit
def open_output(level, work, j):
    """Save output j for `roll_back`, forget its prices, and return its own terms."""
    save_prices(work.touched, work.seen, work.saved_seen, j)
    save_labels(
        work.touched, work.sources, work.use, work.load, work.saved_sources, work.saved_use, j
    )
    for i in range(work.vec.shape[1]):
        work.seen[j, 0, i] = FAR
        work.seen[j, 1, i] = FAR
    return fill_field(level, work, j)


@njit
def refill(sources, m, rng, j):
    """Perturb output j: one input everywhere (1/2) or in half of it (1/4), or noise (1/4)."""
    kind = draw(rng, WAYS)
    i = draw(rng, m)
    for k in range(sources.shape[1]):
        if kind == 0:
            i = draw(rng, m)
        elif kind == 1 and draw(rng, COIN) == 0:
            continue
        for l in range(sources.shape[2]):
            sources[j, k, l] = i


@njit
def exchange(sources, rng, a, b):
    """Perturb outputs a, b: swap a part of them, scattered or one side, so totals stay."""
    scattered = draw(rng, COIN) == 0
    cut = draw(rng, sources.shape[1])
    for k in range(sources.shape[1]):
        if draw(rng, COIN) == 0 if scattered else k < cut:
            for l in range(sources.shape[2]):
                sources[a, k, l], sources[b, k, l] = sources[b, k, l], sources[a, k, l]


@njit
def improve(level, work, rounds, settle, energies):
    """Run len(energies) sweeps of `rounds` rounds; if `settle`, the first one perturbs nothing.

    A round perturbs two or three outputs, repairs them and then some others, and is kept if the
    exact energy did not rise. A sweep starts from recomputed sums, so rounding cannot accumulate.
    (One long function: numba would optimize a second one all over again, for seconds.)
    """
    use, load, vec, A, par, rng = work.use, work.load, work.vec, level.A, level.par, work.rng
    J = work.sources.shape[0]
    chosen = np.empty(3, np.int64)
    for done in range(energies.shape[0]):
        rebuild(level, work)
        settling = settle and done == 0
        for _ in range(1 if settling else rounds):
            before = work.energy[0]
            energy = before - coupling(use, load, vec, par)
            begin(work)
            n, start, count, passes = 0, 0, J, SETTLE
            if not settling:
                opening = work.deck[J] < J  # pair up all outputs once
                n = min(J, 2 if opening else 2 + draw(rng, WAYS) // 3)
                start, count, passes = draw(rng, J), min(J, WINDOW), REPAIR
                for a in range(n):
                    chosen[a] = deal(work.deck, rng)
                    if work.touched[chosen[a]] == 0:
                        energy -= open_output(level, work, chosen[a])
                if n == 2 and (opening or draw(rng, COIN) == 0):
                    exchange(work.sources, rng, chosen[0], chosen[1])
                else:
                    for a in range(n):
                        refill(work.sources, vec.shape[1], rng, chosen[a])
                for a in range(n):
                    if a == 0 or (chosen[a] != chosen[0] and chosen[a] != chosen[a - 1]):
                        energy += relabel(level, work, chosen[a])
                for i in range(vec.shape[1]):
                    refresh(use, load, vec, A, par, i)
            work.energy[0] = energy
            for p in range(2 + passes):
                lazy = p >= 2
                outputs = work.turn[start : start + count] if lazy else chosen[:n]
                if sweep(level, work, outputs, lazy) == 0 and lazy:
                    break
            work.energy[0] += coupling(use, load, vec, par)
            if work.energy[0] > before:
                roll_back(level, work)
                work.energy[0] = before
        energies[done] = work.energy[0]
