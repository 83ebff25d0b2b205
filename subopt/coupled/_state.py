"""Compiled state of a coupled labeling: what is kept of it, exact move costs, moves.

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

from subopt._base.jit import any_order, njit

# rows of Work.vec; the first five are restored when a round is rejected, the others are scratch
LOAD, RISE, FALL, ACTIVE, SLOPE, ADD, REMOVE, OWN = range(8)
SAVED = 5
# entries of Level.par
GAMMA, FREE, OFFSET, UNIT, TOLERANCE, COUPLED, LAZY = range(7)

FAR = np.inf


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
    vec: np.ndarray  # (8, m)
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


# reassociation lets these sums run in vector registers; no test for NaN or infinity is given up
@any_order()
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


@any_order()
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
        # the load of an output does not open its own gates: OWN follows the counts
        if vec[LOAD, b] - load[b, j] > par[FREE]:
            for i in range(vec.shape[1]):
                vec[OWN, i] += q * A[b, i] * (i != b)
        if vec[LOAD, u] - load[u, j] > par[FREE]:
            for i in range(vec.shape[1]):
                vec[OWN, i] -= q * A[u, i] * (i != u)
    else:
        vec[LOAD, b] += q * A[b, b]
        load[b, j] += q * A[b, b]
        vec[LOAD, u] -= q * A[u, u]
        load[u, j] -= q * A[u, u]
    refresh(use, load, vec, A, par, u)
    refresh(use, load, vec, A, par, b)


@any_order()
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
