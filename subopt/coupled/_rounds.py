"""Compiled iterated local search: perturb, repair, and keep or restore the last labeling.

A round perturbs two or three outputs, and improves them and some of the others by visits. If the
exact energy has increased, the last labeling is restored. Only the outputs that a round has changed
are copied.
"""

from typing import NamedTuple

import numpy as np

from subopt._base.jit import inner, small_first_uncounted
from subopt.coupled._state import FAR, energy, fill_field, list_user, refresh, relabel
from subopt.coupled._visits import MOVED, visit

COIN, WAYS = np.int64(2), np.int64(4)  # numba compiles anew for every literal argument
WINDOW = 20  # outputs that are visited after a perturbation, besides the perturbed ones
SETTLE = 30  # passes over all outputs; few are needed, the limit guards against ties
REPAIR = 1  # passes over the other outputs after a perturbation


class Chance(NamedTuple):
    """Random numbers, and what was drawn."""

    rng: np.ndarray  # (1,) uint64, state of xorshift
    deck: np.ndarray  # (J,) int64, outputs in the order in which they are perturbed
    dealt: np.ndarray  # (1,) int64, how many were
    chosen: np.ndarray  # (3,) int64, outputs that this round perturbs


@inner
def draw(rng, n):
    """Return a uniform integer in 0..n-1 (xorshift64: Marsaglia, J. Stat. Softw. 8(14), 2003)."""
    x = rng[0]
    x ^= np.uint64(x << np.uint64(13))
    x ^= x >> np.uint64(7)
    x ^= np.uint64(x << np.uint64(17))
    rng[0] = x
    return np.int64((x >> np.uint64(33)) % np.uint64(n))


@inner(inline="always")
def deal(chance):
    """Return the next output of a shuffled deck: all come up equally often."""
    deck, J = chance.deck, chance.deck.shape[0]
    place = chance.dealt[0] % J
    if place == 0:
        for a in range(J - 1, 0, -1):
            b = draw(chance.rng, np.int64(a + 1))
            deck[a], deck[b] = deck[b], deck[a]
    chance.dealt[0] += 1
    return deck[place]


@inner(inline="always")
def refill(sources, m, rng, j):
    """Fill output j with one input (1/2), half of it with one (1/4), or all with noise (1/4)."""
    kind = draw(rng, WAYS)
    i = draw(rng, m)
    for k in range(sources.shape[1]):
        if kind == 0:
            i = draw(rng, m)
        elif kind == 1 and draw(rng, COIN) == 0:
            continue
        for l in range(sources.shape[2]):
            sources[j, k, l] = i


@inner(inline="always")
def exchange(sources, rng, a, b):
    """Exchange a part of outputs a and b, scattered or one side, so that totals stay."""
    scattered = draw(rng, COIN) == 0
    cut = draw(rng, sources.shape[1])
    for k in range(sources.shape[1]):
        if draw(rng, COIN) == 0 if scattered else k < cut:
            for l in range(sources.shape[2]):
                sources[a, k, l], sources[b, k, l] = sources[b, k, l], sources[a, k, l]


@inner(inline="always")
def perturb(level, state, scratch, chance):
    """Perturb two or three outputs; return how many. The first J come in pairs."""
    J, m = state.sources.shape[0], state.use.shape[0]
    rng, chosen = chance.rng, chance.chosen
    opening = chance.dealt[0] < J
    n = 2 if opening else 2 + draw(rng, WAYS) // 3
    if n > J:
        n = J
    for a in range(n):
        chosen[a] = deal(chance)
        scratch.changed[chosen[a]] = MOVED
    if n == 2 and (opening or draw(rng, COIN) == 0):
        exchange(state.sources, rng, chosen[0], chosen[1])
    else:
        for a in range(n):
            refill(state.sources, m, rng, chosen[a])
    for a in range(n):
        relabel(level, state, chosen[a])
    for i in range(m):
        refresh(level, state, i)
    return n


@inner
def copy(level, of, to, changed):
    """Copy the outputs that changed, and what is kept of the inputs; nothing is changed then."""
    m = of.use.shape[0]
    for j in range(changed.shape[0]):
        if changed[j] > 0:
            for i in range(m):
                to.seen[j, i] = of.seen[j, i]
        if changed[j] == MOVED:
            to.terms[j] = of.terms[j]
            for k in range(of.sources.shape[1]):
                for l in range(of.sources.shape[2]):
                    to.sources[j, k, l] = of.sources[j, k, l]
            for i in range(m):
                to.use[i, j] = of.use[i, j]
                to.load[i, j] = of.load[i, j]
                list_user(to, i, j)
            if to.field.shape[0] > 0:  # the copy that is kept has no field
                fill_field(level, to, j)
        changed[j] = 0
    for i in range(m):
        to.inputs[i] = of.inputs[i]


@inner
def keep(level, state, kept, scratch):
    """Make the labeling the one that is kept."""
    for j in range(scratch.changed.shape[0]):
        if scratch.changed[j] == MOVED:
            scratch.stale[j] = True
    copy(level, state, kept, scratch.changed)


@inner(inline="always")
def rebuild(level, state, kept, scratch):
    """Recompute all that follows from the sources, so that rounding cannot accumulate.

    Outputs that were not changed since the last time have nothing to recompute. All outputs are
    looked at again afterwards. The labeling becomes the one that is kept. Returns its energy.
    """
    m, J = state.use.shape
    for j in range(J):
        if scratch.stale[j]:
            relabel(level, state, j)
            scratch.stale[j] = False
            scratch.changed[j] = MOVED
        for i in range(m):
            state.seen[j, i]["add"] = kept.seen[j, i]["add"] = FAR
            state.seen[j, i]["remove"] = kept.seen[j, i]["remove"] = FAR
    for i in range(m):
        total = 0.0
        for j in range(J):
            total += state.load[i, j]
        state.inputs[i]["total"] = total
        state.inputs[i]["active"] = 0.0
        state.inputs[i]["slope"] = 0.0
    for i in range(m):
        refresh(level, state, i)
    copy(level, state, kept, scratch.changed)
    return energy(level, state)


@inner(inline="always")
def repair(level, state, scratch, chance, n):
    """Visit the n perturbed outputs twice, then some others; if n is 0, all until none improves."""
    J = state.terms.shape[0]
    start, window, passes = 0, J, SETTLE
    if n > 0:
        start, passes = draw(chance.rng, J), REPAIR
        if J > WINDOW:
            window = WINDOW
    for p in range(2 + passes):
        lazy = p >= 2
        moves = 0
        for a in range(window if lazy else n):
            j = (start + a) % J if lazy else chance.chosen[a]
            moves += visit(level, state, scratch, j, lazy)
        if lazy and moves == 0:
            break


@small_first_uncounted
def improve(level, state, kept, scratch, chance, rounds, energies):
    """Run sweeps of so many rounds each; a sweep without rounds visits all outputs.

    Parameters
    ----------
    level : Level
    state : State
        The labeling: its sources are improved, all else follows from them.
    kept : State
        A copy of the labeling that is kept, without field.
    scratch : Scratch
        Its `changed` is 0 between rounds.
    chance : Chance
    rounds : (sweeps,) int64
    energies : (sweeps,) float64
        Filled with the energy after each sweep.
    """
    for done in range(energies.shape[0] + 1):
        before = rebuild(level, state, kept, scratch)
        if done > 0:
            energies[done - 1] = before
        if done == energies.shape[0]:
            break
        n = 0
        for stage in range(2 * rounds[done] if rounds[done] > 0 else 1):
            # prices can miss flips of gates, so that visits leave a good labeling again: what a
            # perturbation gives is compared before it is repaired, and after
            last = stage % 2 == 1 or rounds[done] == 0
            if last:
                repair(level, state, scratch, chance, n)
            else:
                n = perturb(level, state, scratch, chance)
            now = energy(level, state)
            if now < before or (last and now == before):
                before = now
                keep(level, state, kept, scratch)
            elif last:
                copy(level, kept, state, scratch.changed)
