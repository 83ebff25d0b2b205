"""Compiled visits: improve one output, slot by slot, with prices from the other outputs."""

from typing import NamedTuple

import numpy as np

from subopt._base.jit import inner
from subopt.coupled._state import FAR, coupling_change, move, set_prices

NONE = np.int64(-1)  # numba compiles anew for every literal argument
ROUNDING = 2.0**-40
"""A change of the energy counts if it is larger than this share of what it is computed from."""
LOOKED, MOVED = np.int8(1), np.int8(2)


class Cheapest(NamedTuple):
    """The two cheapest inputs of a node: a slot cannot move to the input that it has."""

    first: int
    second: int  # -1 if there is only one
    lowest: float  # cost of `first`: field and price
    next: float


@inner(inline="always")
def cheapest(field, scratch, j, k, f, inputs, everything):
    """Return the two cheapest of the first `inputs` in `cheaper`, or of all inputs."""
    # plain indexing: views of rows would cost more than what is done with them
    prices, cheaper = scratch.prices, scratch.cheaper
    first = second = NONE
    lowest = after = np.inf
    for c in range(inputs):
        i = c if everything else cheaper[c]
        x = field[j, k, i] + prices[i]["add"] * f
        if x < after:
            if x < lowest:
                second, after = first, lowest
                first, lowest = i, x
            else:
                second, after = i, x
    return Cheapest(first, second, lowest, after)


class Move(NamedTuple):
    """Slots of a node that go to another input."""

    slot: int  # the first of them, -1 for no move
    target: int
    slots: int  # how many: 1, or all of a node with one input
    change: float  # of the energy, negative


@inner(inline="always")
def best_move(level, state, scratch, best, j, k, f):
    """Return the move that gains most: of one slot, or of all slots of a node with one input."""
    field, sources, prices = state.field, state.sources, scratch.prices
    L, quadratic = sources.shape[2], level.degree[k]
    pure = True
    slot = target = NONE
    change = 0.0
    for l in range(L):
        u = sources[j, k, l]
        pure = pure and u == sources[j, k, 0]
        x = best.next if u == best.first else best.lowest
        d = x - field[j, k, u] + prices[u]["remove"] * f + quadratic
        if d < change:
            change, slot = d, l
            target = best.second if u == best.first else best.first
    count = 1
    exact = f == 1.0
    if pure and L > 1:
        u = sources[j, k, 0]
        b = best.second if u == best.first else best.first
        x = best.next if u == best.first else best.lowest
        d = L * (x - field[j, k, u] + prices[u]["remove"] * f) + L * L * quadratic
        if b >= 0 and d < change:
            # prices are of one unit: ask for the change itself, and fall back on the single slot
            d = L * (field[j, k, b] - field[j, k, u]) + L * L * quadratic
            d += coupling_change(level, state, scratch, j, u, b, L * level.size[k])
            if d < change:
                slot, target, count, change, exact = NONE + 1, b, L, d, True
    if slot >= 0:
        u = sources[j, k, slot]
        if not exact:
            change = field[j, k, target] - field[j, k, u] + quadratic
            change += coupling_change(level, state, scratch, j, u, target, level.size[k])
        parts = abs(field[j, k, target]) + abs(field[j, k, u]) + quadratic
        parts += (abs(prices[target]["add"]) + abs(prices[u]["remove"])) * f
        if change >= -ROUNDING * count * count * parts:
            slot = NONE
    return Move(slot, target, count, change)


@inner(inline="always")
def take(level, state, j, k, chosen):
    """Set the slots of a move, and the fields around it."""
    field, sources, indices, pull = state.field, state.sources, level.indices, level.pull
    n, b, u = chosen.slots, chosen.target, sources[j, k, chosen.slot]
    quadratic = level.degree[k]
    state.terms[j] += n * (field[j, k, b] - field[j, k, u]) + n * n * quadratic
    for l in range(sources.shape[2]):
        if n > 1 or l == chosen.slot:
            sources[j, k, l] = b
    field[j, k, b] += n * quadratic
    field[j, k, u] -= n * quadratic
    for e in range(level.indptr[k], level.indptr[k + 1]):
        field[j, indices[e], b] -= n * pull[e]
        field[j, indices[e], u] += n * pull[e]


@inner(inline="always")
def list_cheaper(level, state, scratch, j):
    """List the inputs that became cheaper since output j was last visited; count them."""
    prices, seen = scratch.prices, state.seen
    count = 0
    for b in range(prices.shape[0]):
        if prices[b]["add"] < seen[j, b]["add"] - level.slack:
            scratch.cheaper[count] = b
            count += 1
    return count


@inner(inline="always")
def is_dearer(level, state, scratch, j, u):
    """Return whether input u became dearer since output j was last visited: removal saves more."""
    return scratch.prices[u]["remove"] < state.seen[j, u]["remove"] - level.slack


@inner
def visit(level, state, scratch, j, lazy):
    """Improve output j once, slot by slot; return the number of moves.

    If `lazy`, only inputs that became cheaper since the output was last visited are candidates,
    except in nodes that hold an input that became dearer.
    """
    sources, size, seen, prices = state.sources, level.size, state.seen, scratch.prices
    m = prices.shape[0]
    set_prices(level, state, scratch, j)
    n_cheaper = 0
    dearer = False
    if lazy:
        n_cheaper = list_cheaper(level, state, scratch, j)
        for b in range(m):
            if is_dearer(level, state, scratch, j, b) and state.use[b, j] > 0.0:
                dearer = True
        if n_cheaper == 0 and not dearer:
            return 0
    moves = 0
    for k in range(sources.shape[1]):
        f = size[k] / level.unit
        for _ in range(sources.shape[2]):
            everything = not lazy
            if dearer:
                for l in range(sources.shape[2]):
                    u = sources[j, k, l]
                    everything = everything or is_dearer(level, state, scratch, j, u)
            inputs = m if everything else n_cheaper
            best = cheapest(state.field, scratch, j, k, f, inputs, everything)
            chosen = best_move(level, state, scratch, best, j, k, f)
            if chosen.slot < 0:
                break
            u = sources[j, k, chosen.slot]
            take(level, state, j, k, chosen)
            move(level, state, scratch, j, u, chosen.target, chosen.slots * size[k])
            moves += 1
    if moves > 0:
        scratch.changed[j] = MOVED
    elif scratch.changed[j] == 0:
        scratch.changed[j] = LOOKED
    for b in range(m):  # after a move, everything is looked at again
        seen[j, b]["add"] = FAR if moves > 0 else prices[b]["add"]
        seen[j, b]["remove"] = FAR if moves > 0 else prices[b]["remove"]
    return moves
