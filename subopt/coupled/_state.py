"""Compiled state of a coupled labeling: counts, energy, and the change of energy of a move.

Everything is counted in slots: a patch has L = ``levels`` slots, each filled by one input, and a
node of a coarse level stands for ``size`` patches. With o_j the slot counts of output j,

    coupling = gamma / (N L) * sum_ji g(T_ji) o_ji,     T_ji = ((A / L) (sum_j' o_j' - o_j))_i.

With this state, the price of a candidate takes O(1) and a move O(m + J), whereas the definition
takes O(m J). Prices are exact except where a move crosses a threshold through the off-diagonal
entries of A. A round therefore ends with the exact energy, which decides whether it is kept.
"""

from typing import NamedTuple

import numpy as np

from subopt._base.jit import inner, inner_inlined
from subopt.graph.grid._search_trees import lowest

_0, _6, _63, _BIT = np.uint64(0), np.uint64(6), np.uint64(63), np.uint64(1)

FAR = np.inf  # the price at which an output was "seen" before its first visit


class Level(NamedTuple):
    """One resolution of a problem; read only. All costs are lowered: the least of a node is 0."""

    cost: np.ndarray  # (N, m) unary cost of one slot
    indptr: np.ndarray  # (N + 1,) CSR of the symmetric graph of neighbors
    indices: np.ndarray  # (2 E,)
    pull: np.ndarray  # (2 E,) smoothness weight / L^2
    degree: np.ndarray  # (N,) sum of the pulls of a node
    size: np.ndarray  # (N,) patches of the finest level in a node
    A: np.ndarray  # (m, m) compatibility / L
    gamma: float  # coupling / (N L)
    free: float  # use by others up to which an input is free of charge
    offset: float  # what is subtracted from larger use: `free` for a soft threshold, else 0
    unit: float  # number of slots for which prices are exact: the patches of a full node
    slack: float  # changes of prices below this do not call for another visit
    coupled: bool  # whether A has entries off its diagonal


# what is kept of an input, all outputs together
INPUT = np.dtype(
    [
        ("total", np.float64),  # sum of `load` over outputs
        ("rise", np.float64),  # what all outputs pay more if T_i rises by one unit
        ("fall", np.float64),  # what all outputs pay more, often below 0, if T_i falls by one unit
        ("active", np.float64),  # use of the input that is charged
        ("charged", np.float64),  # what all outputs pay, but for gamma
        ("slope", np.float64),  # what others pay per slot through the off-diagonal of A
    ]
)
# the coupling of one unit more, or less, of an input in one output
PRICE = np.dtype([("add", np.float64), ("remove", np.float64)])


class State(NamedTuple):
    """A labeling and what follows from it."""

    sources: np.ndarray  # (J, N, L) int64, the input in every slot
    # unary cost of a slot given to an input plus its smoothness, which is linear in the slots
    # around the node (the own part of the square is `degree`)
    field: np.ndarray  # (J, N, m)
    terms: np.ndarray  # (J,) unary and smoothness of an output
    use: np.ndarray  # (m, J) o, transposed so that sums over outputs run along memory
    load: np.ndarray  # (m, J) (A / L) o_j
    users: np.ndarray  # (m, words) uint64, the outputs that use an input, as bits: few do
    inputs: np.ndarray  # (m,) INPUT
    seen: np.ndarray  # (J, m) PRICE at which an output was last found unimprovable


class Scratch(NamedTuple):
    """What visits of outputs write to."""

    prices: np.ndarray  # (m,) PRICE of the output that is visited
    own: np.ndarray  # (m,) part of `slope` that this output itself accounts for
    cheaper: np.ndarray  # (m,) int64, inputs that became cheaper
    changed: np.ndarray  # (J,) int8, whether a round has visited or changed an output
    stale: np.ndarray  # (J,) bool, whether it was changed since all was recomputed


@inner(inline="always")
def charge(t, free, offset):
    """Return g(t)."""
    return (t - offset) * (t > free)


@inner(inline="always")
def list_user(state, i, j):
    """Set the bit of `users` for input i and output j as the count says."""
    w, bit = np.uint64(j) >> _6, _BIT << (np.uint64(j) & _63)
    users = state.users[i, w] | bit
    state.users[i, w] = users if state.use[i, j] > 0.0 else users ^ bit


@inner_inlined
def refresh(level, state, i):
    """Recompute what is kept of input i from the counts."""
    use, load, users = state.use, state.load, state.users
    free, offset, d = level.free, level.offset, level.unit * level.A[i, i]
    total = state.inputs[i]["total"]
    rise = fall = active = charged = 0.0
    for w in range(users.shape[1]):
        left = users[i, w]
        while left != _0:
            j = (np.uint64(w) << _6) + lowest(left)
            left &= left - _BIT
            o, t = use[i, j], total - load[i, j]
            now = charge(t, free, offset)
            rise += o * (charge(t + d, free, offset) - now)
            fall += o * (charge(t - d, free, offset) - now)
            active += o * (t > free)
            charged += o * now
    state.inputs[i]["rise"] = rise
    state.inputs[i]["fall"] = fall
    state.inputs[i]["charged"] = charged
    change = active - state.inputs[i]["active"]
    state.inputs[i]["active"] = active
    if level.coupled and change != 0.0:
        kept = state.inputs[i]["slope"]
        for b in range(use.shape[0]):
            state.inputs[b]["slope"] += change * level.A[i, b]
        state.inputs[i]["slope"] = kept


@inner_inlined
def energy(level, state):
    """Return the energy of the labeling, above that of the cost that was subtracted."""
    use, load, users = state.use, state.load, state.users
    free, offset = level.free, level.offset
    coupling = terms = 0.0
    for i in range(use.shape[0]):
        if not level.coupled:
            coupling += state.inputs[i]["charged"]
            continue
        # the last `refresh` of this input may be older than a move of others that it charges
        total = state.inputs[i]["total"]
        for w in range(users.shape[1]):
            left = users[i, w]
            while left != _0:
                j = (np.uint64(w) << _6) + lowest(left)
                left &= left - _BIT
                coupling += use[i, j] * charge(total - load[i, j], free, offset)
    for j in range(use.shape[1]):
        terms += state.terms[j]
    return terms + level.gamma * coupling


@inner_inlined
def row_change(level, state, i, j, d):
    """Return the change of sum_j' g(T_j'i) o_j'i over outputs j' != j if T_i shifts by d."""
    use, load, users = state.use, state.load, state.users
    free, offset, total = level.free, level.offset, state.inputs[i]["total"]
    change = 0.0
    for w in range(users.shape[1]):
        left = users[i, w]
        while left != _0:
            k = (np.uint64(w) << _6) + lowest(left)
            left &= left - _BIT
            t = total - load[i, k]
            change += use[i, k] * (charge(t + d, free, offset) - charge(t, free, offset))
    t = total - load[i, j]
    return change - use[i, j] * (charge(t + d, free, offset) - charge(t, free, offset))


@inner
def coupling_change(level, state, scratch, j, u, b, q):
    """Return the change of the coupling if q slots of output j go from u to b."""
    A, inputs, own, use = level.A, state.inputs, scratch.own, state.use
    to = state.inputs[b]["total"] - state.load[b, j]
    fro = state.inputs[u]["total"] - state.load[u, j]
    opened = state.inputs[b]["active"] - use[b, j] * (to > level.free)
    closed = state.inputs[u]["active"] - use[u, j] * (fro > level.free)
    change = charge(to, level.free, level.offset) - charge(fro, level.free, level.offset)
    change += inputs[b]["slope"] - own[b] - A[u, b] * closed
    change -= inputs[u]["slope"] - own[u] - A[b, u] * opened
    change *= q
    change += row_change(level, state, u, j, q * (A[u, b] - A[u, u]))
    change += row_change(level, state, b, j, q * (A[b, b] - A[b, u]))
    return level.gamma * change


@inner(inline="always")
def set_price(level, state, scratch, j, b):
    """Set the prices of input b: the coupling of one unit more or less of it in output j."""
    free, offset, unit = level.free, level.offset, level.unit
    d = unit * level.A[b, b]
    t = state.inputs[b]["total"] - state.load[b, j]
    o = state.use[b, j]
    now = charge(t, free, offset)
    rise = state.inputs[b]["rise"] - o * (charge(t + d, free, offset) - now)
    fall = state.inputs[b]["fall"] - o * (charge(t - d, free, offset) - now)
    slope = unit * (now + state.inputs[b]["slope"] - scratch.own[b])
    scratch.prices[b]["add"] = level.gamma * (rise + slope)
    scratch.prices[b]["remove"] = level.gamma * (fall - slope)


@inner(inline="always")
def set_prices(level, state, scratch, j):
    """Set the prices of all inputs for output j."""
    A, own = level.A, scratch.own
    m = own.shape[0]
    if level.coupled:
        for b in range(m):
            own[b] = 0.0
        for i in range(m):  # `slope` counts the use by this output too: take it out
            o = state.use[i, j]
            if o > 0.0 and state.inputs[i]["total"] - state.load[i, j] > level.free:
                for b in range(m):
                    own[b] += o * A[i, b]
                own[i] -= o * A[i, i]
    for b in range(m):
        set_price(level, state, scratch, j, b)


@inner(inline="always")
def move(level, state, scratch, j, u, b, q):
    """Give q slots of output j from input u to input b, in all that depends on counts."""
    A, use, load, inputs, own = level.A, state.use, state.load, state.inputs, scratch.own
    use[b, j] += q
    use[u, j] -= q
    list_user(state, b, j)
    list_user(state, u, j)
    if level.coupled:
        for i in range(use.shape[0]):
            d = q * (A[i, b] - A[i, u])
            inputs[i]["total"] += d
            load[i, j] += d
    else:
        inputs[b]["total"] += q * A[b, b]
        load[b, j] += q * A[b, b]
        inputs[u]["total"] -= q * A[u, u]
        load[u, j] -= q * A[u, u]
    for side in range(2):
        i = u if side == 0 else b
        # the load of an output does not open its own gates: `own` follows the counts
        if level.coupled and inputs[i]["total"] - load[i, j] > level.free:
            more = -q if side == 0 else q
            kept = own[i]
            for a in range(use.shape[0]):
                own[a] += more * A[i, a]
            own[i] = kept
        refresh(level, state, i)
    for side in range(2):
        set_price(level, state, scratch, j, u if side == 0 else b)


@inner
def fill_field(level, state, j):
    """Recompute the field of output j, and its unary and smoothness terms."""
    sources, field, cost, pull = state.sources, state.field, level.cost, level.pull
    terms = 0.0
    for k in range(sources.shape[1]):
        for i in range(field.shape[2]):
            field[j, k, i] = cost[k, i]
        for l in range(sources.shape[2]):
            field[j, k, sources[j, k, l]] += level.degree[k]
        for e in range(level.indptr[k], level.indptr[k + 1]):
            for l in range(sources.shape[2]):
                field[j, k, sources[j, level.indices[e], l]] -= pull[e]
        for l in range(sources.shape[2]):  # c n_k + half of n_k . (degree n_k - pulls n_k')
            i = sources[j, k, l]
            terms += (field[j, k, i] + cost[k, i]) / 2
    state.terms[j] = terms


@inner
def relabel(level, state, j):
    """Recompute what follows from the sources of output j, but nothing else of the inputs."""
    use, load, inputs, A = state.use, state.load, state.inputs, level.A
    sources = state.sources
    for i in range(use.shape[0]):
        inputs[i]["total"] -= load[i, j]
        use[i, j] = 0.0
        load[i, j] = 0.0
        state.seen[j, i]["add"] = FAR
        state.seen[j, i]["remove"] = FAR
    for k in range(sources.shape[1]):
        for l in range(sources.shape[2]):
            use[sources[j, k, l], j] += level.size[k]
    for i in range(use.shape[0]):
        list_user(state, i, j)
        if use[i, j] > 0.0:
            if not level.coupled:
                load[i, j] = A[i, i] * use[i, j]
                continue
            for a in range(use.shape[0]):
                load[a, j] += A[a, i] * use[i, j]
    for i in range(use.shape[0]):
        inputs[i]["total"] += load[i, j]
    fill_field(level, state, j)
