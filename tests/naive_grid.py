"""Grids by the definition: random problems, their list of arcs node by node, and their cuts."""

import itertools

import numpy as np
from flow_graphs import INTS, TENTHS
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def random_grid(rng, *, whole=True, dimensions=None, many=None):
    """Shapes with ones, offsets of any length, periodic axes, scalars, arrays and pairs."""
    d = dimensions or int(rng.integers(1, 4))
    most = ([12, 6, 4] if many is None else [9, 4, 3])[d - 1]
    shape = tuple(int(n) for n in rng.integers(1, most, d))
    periodic = [bool(axis) for axis in rng.random(d) < 0.3]
    half = [o for o in itertools.product(range(-2, 3), repeat=d) if o > (0,) * d]
    offsets = [half[i] for i in rng.permutation(len(half))[: rng.integers(0, 6)]]
    if rng.random() < 0.4:
        offsets = None
    batch = () if many is None else (many,)

    def numbers(size):
        whole_numbers = rng.integers(0, 8, size) * (rng.random(size) < 0.8)
        return whole_numbers if whole else whole_numbers * rng.random(size)

    def weight(offset):
        arcs = tuple(
            n if wraps else max(0, n - abs(o))
            for n, o, wraps in zip(shape, offset, periodic, strict=True)
        )
        sizes = [(), arcs] if many is None else [(), arcs, batch + arcs]
        return numbers(sizes[rng.integers(len(sizes))])

    axes = [tuple(row) for row in np.eye(d, dtype=int).tolist()]
    weights = [
        (weight(offset), weight(offset)) if rng.random() < 0.5 else weight(offset)
        for offset in (axes if offsets is None else offsets)
    ]
    terminals = numbers(batch + shape), numbers(batch + shape)
    return (*terminals, weights), {"offsets": offsets, "periodic": periodic}


@st.composite
def grid_problems(draw, *, whole=True, many=None):
    """What `random_grid` makes, drawn one by one, so that failures shrink and can be pasted."""
    d = draw(st.integers(1, 3))
    shape = tuple(draw(st.integers(1, [11, 5, 3][d - 1])) for _ in range(d))
    periodic = draw(st.lists(st.booleans(), min_size=d, max_size=d))
    half = [o for o in itertools.product(range(-2, 3), repeat=d) if o > (0,) * d]
    offsets = draw(st.none() | st.lists(st.sampled_from(half), unique=True, max_size=5))
    kind, elements = (np.int64, INTS) if whole else (np.float64, TENTHS)

    def numbers(size):
        return draw(arrays(kind, size, elements=elements)) if size else draw(elements)

    def weight(offset):
        inner = tuple(
            n if wraps else max(0, n - abs(o))
            for n, o, wraps in zip(shape, offset, periodic, strict=True)
        )
        sizes = [(), inner] if many is None else [(), inner, (many, *inner)]
        return numbers(draw(st.sampled_from(sizes)))

    axes = [tuple(row) for row in np.eye(d, dtype=int).tolist()]
    weights = [
        (weight(offset), weight(offset)) if draw(st.booleans()) else weight(offset)
        for offset in (axes if offsets is None else offsets)
    ]
    full = shape if many is None else (many, *shape)
    return (numbers(full), numbers(full), weights), {"offsets": offsets, "periodic": periodic}


def problem(args, b):
    """Problem b of many."""
    source, sink, weights = args
    d = source.ndim - 1

    def own(weight):
        return weight[b] if np.ndim(weight) > d else weight

    weights = [tuple(map(own, w)) if isinstance(w, tuple) else own(w) for w in weights]
    return source[b], sink[b], weights


def arcs(args, options):
    """Return tails, heads, capacity and reverse capacity of every arc."""
    source, _, weights = args
    shape = source.shape
    node = np.arange(source.size).reshape(shape)
    offsets = options["offsets"]
    if offsets is None:
        offsets = np.eye(len(shape), dtype=int).tolist()
    rows = []
    for offset, weight in zip(offsets, weights, strict=True):
        forward, backward = weight if isinstance(weight, tuple) else (weight, weight)
        count = 0
        for p in itertools.product(*map(range, shape)):
            q = [x + o for x, o in zip(p, offset, strict=True)]
            inside = [0 <= x < n for x, n in zip(q, shape, strict=True)]
            if all(map(max, inside, options["periodic"])):
                pair = [w if np.ndim(w) == 0 else w.ravel()[count] for w in (forward, backward)]
                rows.append((node[p], node[tuple(np.mod(q, shape))], *pair))
                count += 1
    return [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0, int)] * 4


def cut(args, options, side):
    """Capacity of the cut around a source side."""
    tails, heads, forward, backward = arcs(args, options)
    inside = np.ravel(side)
    total = args[0][~side].sum() + args[1][side].sum()
    total += forward[inside[tails] & ~inside[heads]].sum()
    return total + backward[inside[heads] & ~inside[tails]].sum()
