"""Compiled local search for coupled labelings: state, move costs, visits, perturbed rounds.

Everything is counted in slots: a patch has L = ``levels`` slots, each filled by one input, and a
node of a coarse level stands for ``size`` patches. With o_j the slot counts of output j,

    coupling = gamma / (N L) * sum_ji g(T_ji) o_ji,     T_ji = ((A / L) (sum_j' o_j' - o_j))_i.

What is kept makes one candidate cost O(1) and one move O(m + J), where the definition costs O(m J):

* ``field[j, k, i]``: unary cost of a slot of node k given to input i plus its smoothness, which is
  linear in the slots around k (the own part of the square is ``degree``);
* ``use`` = o and ``load`` = (A / L) o_j, stored (m, J) so that sums over outputs run along memory;
* per input, in ``vec``: LOAD = sum_j load_j; what all outputs together would pay (RISE) or save
  (FALL) if T_i rose or fell by one node; how much use is charged (ACTIVE); and the linear charge
  through the off-diagonal of A (SLOPE).

Prices are exact but for gates that flip through the off-diagonal of A. Therefore a round ends with
the exact energy, and only that decides whether it is kept.
"""

from typing import NamedTuple

import numpy as np

from subopt._jit import njit

# rows of Work.vec; the first five are restored when a round is rejected, the others are scratch
LOAD, RISE, FALL, ACTIVE, SLOPE, ADD, REMOVE, OWN, SCORE = range(9)
SAVED = 5
# entries of Level.par
GAMMA, FREE, OFFSET, UNIT, TOLERANCE, COUPLED, LAZY = range(7)

FAR = 1e300
COIN, WAYS = np.int64(2), np.int64(4)  # numba compiles anew for every literal argument
WINDOW = 20  # outputs that are looked at after a perturbation, besides the perturbed ones
SETTLE = 30  # passes over all outputs; few are needed, the limit guards against ties
REPAIR = 2  # passes over the other outputs after a perturbation


class Level(NamedTuple):
    """One resolution of a problem. Read only."""

    cost: np.ndarray  # (N, m) unary cost per slot
    indptr: np.ndarray  # (N + 1,) CSR of the symmetric neighbour graph
    indices: np.ndarray  # (2 E,)
    pull: np.ndarray  # (2 E,) smoothness weight / L^2
    degree: np.ndarray  # (N,) sum of pulls
    size: np.ndarray  # (N,) patches of the finest level in this node
    A: np.ndarray  # (m, m) compatibility / L
    par: np.ndarray  # (7,) see above


class Work(NamedTuple):
    """Everything a search writes to; allocated once."""

    sources: np.ndarray  # (J, N, L) the input in every slot
    field: np.ndarray  # (J, N, m)
    use: np.ndarray  # (m, J)
    load: np.ndarray  # (m, J)
    vec: np.ndarray  # (9, m)
    seen: np.ndarray  # (J, 2, m) prices at which output j was last found unimprovable
    touched: np.ndarray  # (J,) 0: as saved, 1: `seen` changed, 2: all of it changed
    saved_sources: np.ndarray  # (J, N, L)
    saved_use: np.ndarray  # (J, 2, m)
    saved_seen: np.ndarray  # (J, 2, m)
    saved_vec: np.ndarray  # (SAVED, m)
    list: np.ndarray  # (m,) int64 scratch
    energy: np.ndarray  # (1,)
    rng: np.ndarray  # (1,) uint64, xorshift state
    turn: np.ndarray  # (2 J,) 0..J-1 twice
    deck: np.ndarray  # (J + 1,) outputs in the order in which they are perturbed; how many were


@njit
def draw(rng, n):
    """Return a uniform integer in 0..n-1 (xorshift64; G. Marsaglia, J. Stat. Softw. 8(14), 2003)."""
    x = rng[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    rng[0] = x
    return np.int64((x >> np.uint64(33)) % np.uint64(n))


# reassociation lets these sums run in vector registers; no test for NaN or infinity is given up
@njit(fastmath={"reassoc", "contract", "nsz"})
def refresh(use, load, vec, A, par, i):
    """Recompute what is kept of input i from the counts."""
    d = par[UNIT] * A[i, i]
    free, offset = par[FREE], par[OFFSET]
    total = vec[LOAD, i]
    rise = fall = active = 0.0
    for j in range(use.shape[1]):
        t = total - load[i, j]
        o = use[i, j]
        now = (t - offset) * (t > free)
        rise += o * ((t + d - offset) * (t + d > free) - now)
        fall += o * ((t - d - offset) * (t - d > free) - now)
        active += o * (t > free)
    vec[RISE, i] = rise
    vec[FALL, i] = fall
    change = active - vec[ACTIVE, i]
    vec[ACTIVE, i] = active
    if par[COUPLED] > 0 and change != 0.0:
        kept = vec[SLOPE, i]
        for b in range(vec.shape[1]):
            vec[SLOPE, b] += change * A[i, b]
        vec[SLOPE, i] = kept


@njit
def price(use, load, vec, A, par, j, b):
    """Set ADD and REMOVE of input b: the coupling of one node more or less of it in output j."""
    unit, free, offset = par[UNIT], par[FREE], par[OFFSET]
    d = unit * A[b, b]
    t = vec[LOAD, b] - load[b, j]
    o = use[b, j]
    now = (t - offset) * (t > free)
    rise = vec[RISE, b] - o * ((t + d - offset) * (t + d > free) - now)
    fall = vec[FALL, b] - o * ((t - d - offset) * (t - d > free) - now)
    slope = unit * (now + vec[SLOPE, b] - vec[OWN, b])
    vec[ADD, b] = par[GAMMA] * (rise + slope)
    vec[REMOVE, b] = par[GAMMA] * (fall - slope)


@njit
def prices(use, load, vec, A, par, j):
    """Set ADD and REMOVE of every input for output j."""
    m = vec.shape[1]
    if par[COUPLED] > 0:
        for b in range(m):
            vec[OWN, b] = 0.0
        for i in range(m):  # SLOPE counts this output's own use: take it out
            o = use[i, j]
            if o > 0.0 and vec[LOAD, i] - load[i, j] > par[FREE]:
                for b in range(m):
                    vec[OWN, b] += o * A[i, b]
                vec[OWN, i] -= o * A[i, i]
    for b in range(m):
        price(use, load, vec, A, par, j, b)


@njit(fastmath={"reassoc", "contract", "nsz"})
def row_change(use, load, vec, par, i, j, d):
    """Return the change of sum_j' g(T_j'i) o_j'i over outputs j' != j if T_i shifts by d."""
    free, offset = par[FREE], par[OFFSET]
    total = vec[LOAD, i]
    change = 0.0
    for k in range(use.shape[1]):
        t = total - load[i, k]
        change += use[i, k] * ((t + d - offset) * (t + d > free) - (t - offset) * (t > free))
    t = total - load[i, j]
    own = (t + d - offset) * (t + d > free) - (t - offset) * (t > free)
    return change - use[i, j] * own


@njit
def coupling_change(use, load, vec, A, par, j, u, b, q):
    """Return the change of the coupling if q slots of output j go from u to b."""
    free, offset = par[FREE], par[OFFSET]
    to = vec[LOAD, b] - load[b, j]
    fro = vec[LOAD, u] - load[u, j]
    change = q * ((to - offset) * (to > free) - (fro - offset) * (fro > free))
    change += row_change(use, load, vec, par, u, j, q * (A[u, b] - A[u, u]))
    change += row_change(use, load, vec, par, b, j, q * (A[b, b] - A[b, u]))
    change += q * (
        vec[SLOPE, b] - vec[OWN, b] - A[u, b] * (vec[ACTIVE, u] - use[u, j] * (fro > free))
    )
    change -= q * (
        vec[SLOPE, u] - vec[OWN, u] - A[b, u] * (vec[ACTIVE, b] - use[b, j] * (to > free))
    )
    return par[GAMMA] * change


@njit
def move(use, load, vec, A, par, j, u, b, q):
    """Give q slots of output j from input u to input b."""
    use[b, j] += q
    use[u, j] -= q
    if par[COUPLED] > 0:
        for i in range(vec.shape[1]):
            d = q * (A[i, b] - A[i, u])
            vec[LOAD, i] += d
            load[i, j] += d
    else:
        vec[LOAD, b] += q * A[b, b]
        load[b, j] += q * A[b, b]
        vec[LOAD, u] -= q * A[u, u]
        load[u, j] -= q * A[u, u]
    refresh(use, load, vec, A, par, u)
    refresh(use, load, vec, A, par, b)


@njit(fastmath={"reassoc", "contract", "nsz"})
def coupling(use, load, vec, par):
    """Return the coupling term."""
    free, offset = par[FREE], par[OFFSET]
    sum_ = 0.0
    for i in range(use.shape[0]):
        for j in range(use.shape[1]):
            t = vec[LOAD, i] - load[i, j]
            sum_ += use[i, j] * (t - offset) * (t > free)
    return par[GAMMA] * sum_


@njit
def fill_field(level, work, j):
    """Recompute the field of output j; return its unary and smoothness terms."""
    s, field, cost, pull = work.sources, work.field, level.cost, level.pull
    terms = 0.0
    for k in range(s.shape[1]):
        for i in range(field.shape[2]):
            field[j, k, i] = cost[k, i]
        for l in range(s.shape[2]):
            field[j, k, s[j, k, l]] += level.degree[k]
        for e in range(level.indptr[k], level.indptr[k + 1]):
            for l in range(s.shape[2]):
                field[j, k, s[j, level.indices[e], l]] -= pull[e]
        for l in range(s.shape[2]):  # c n_k + half of n_k . (degree n_k - sum of pulls n_k')
            terms += (field[j, k, s[j, k, l]] + cost[k, s[j, k, l]]) / 2
    return terms


@njit
def relabel(level, work, j):
    """Recompute what follows from the sources of output j; return its unary and smoothness."""
    use, load, vec, A = work.use, work.load, work.vec, level.A
    s = work.sources
    m = vec.shape[1]
    for i in range(m):
        vec[LOAD, i] -= load[i, j]
        use[i, j] = 0.0
        load[i, j] = 0.0
    for k in range(s.shape[1]):
        for l in range(s.shape[2]):
            use[s[j, k, l], j] += level.size[k]
    for i in range(m):
        if use[i, j] > 0.0:
            for a in range(m):
                load[a, j] += A[a, i] * use[i, j]
    for i in range(m):
        vec[LOAD, i] += load[i, j]
    return fill_field(level, work, j)


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
def smallest(vec):
    """Return the smallest score; four at a time, since one chain of comparisons is all latency."""
    m = vec.shape[1]
    a = b = c = d = FAR
    for i in range(0, m - 3, 4):
        a = vec[SCORE, i] if vec[SCORE, i] < a else a
        b = vec[SCORE, i + 1] if vec[SCORE, i + 1] < b else b
        c = vec[SCORE, i + 2] if vec[SCORE, i + 2] < c else c
        d = vec[SCORE, i + 3] if vec[SCORE, i + 3] < d else d
    for i in range(m - m % 4, m):
        a = vec[SCORE, i] if vec[SCORE, i] < a else a
    return min(min(a, b), min(c, d))


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
                lowest = FAR
                b = 0
                if everything:
                    for i in range(m):
                        vec[SCORE, i] = field[j, k, i] + vec[ADD, i] * f
                    lowest = smallest(vec)
                else:
                    for c in range(n_cheaper):
                        i = cheaper[c]
                        x = field[j, k, i] + vec[ADD, i] * f
                        if x < lowest:
                            lowest = x
                            b = i
                # the slot that gains most, alone or, in a pure patch, together with all others
                pure = True
                slot = -1
                n = 1
                gain = -tolerance
                for l in range(L):
                    u = s[j, k, l]
                    pure = pure and u == s[j, k, 0]
                    d = lowest - field[j, k, u] + vec[REMOVE, u] * f + quadratic
                    if d < gain:
                        gain = d
                        slot = l
                if pure and L > 1:
                    u = s[j, k, 0]
                    d = lowest - field[j, k, u] + vec[REMOVE, u] * f
                    d = L * d + L * L * quadratic
                    if d < gain:
                        gain = d
                        slot = 0
                        n = L
                if slot < 0:
                    break
                if everything:
                    while vec[SCORE, b] > lowest:
                        b += 1
                u = s[j, k, slot]
                if u == b:
                    break
                d = n * (field[j, k, b] - field[j, k, u]) + n * n * quadratic
                if n > 1 or f != 1.0:  # prices are of one unit: ask for the change itself
                    q = n * size[k]
                    if d + coupling_change(use, load, vec, A, par, j, u, b, q) >= -tolerance:
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
def rebuild(level, work):
    """Recompute all that is derived from the sources, the energy included."""
    work.use[:] = 0.0
    work.load[:] = 0.0
    work.vec[:] = 0.0
    work.seen[:] = FAR
    energy = 0.0
    for j in range(work.sources.shape[0]):
        energy += relabel(level, work, j)
    for i in range(work.vec.shape[1]):
        refresh(work.use, work.load, work.vec, level.A, level.par, i)
    work.energy[0] = energy + coupling(work.use, work.load, work.vec, level.par)


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
