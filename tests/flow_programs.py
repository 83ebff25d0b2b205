"""Random programs of calls on flow networks, run on PyMaxflow or on anything with its calls.

A program is a list of calls, each a tuple of a name and plain arguments, so a failing one can be
pasted. Capacities are whole numbers, times a power of two for each kind of graph, so that both
sides compute exactly. Some are infinite in graphs of floats. Programs with errors also make calls
that a graph refuses, of which the type of the error is seen.
"""

from typing import NamedTuple

import numpy as np

STRUCTURES = (
    None,
    [0, 0, 1],
    [2, 0, 1],
    [[0, 0, 0], [0, 0, 2], [0, 1, 0]],
    [[0, 1, 0], [3, 0, 1], [0, 2, 0]],
    [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
    [[0, 0, 0], [0, 0, 1], [1, 2, 1]],
    [[0, 0, 0, 0, 1]],
    [[1], [0], [2]],
    [[[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[0, 1, 0], [1, 0, 1], [0, 1, 0]], [[0, 0, 0]] * 3],
    [[[0, 0, 0]] * 3, [[0, 0, 0], [0, 0, 1], [0, 2, 0]], [[0, 1, 0], [1, 3, 0], [0, 0, 1]]],
    [[[1, 1, 1]] * 3] * 3,
    [[0, 1, 0, 0, 0], [0, 0, 0, 2, 0], [1, 0, 3, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]],
)
DTYPES = ("", "", "int8", "bool", "uint16", "int32", "float32", "float64")
SCALES = {int: (1, 2**40, 2**48), float: (2.0**-3, 2.0**-70, 2.0**60)}
SHAPES = ((1,), (4,), (2, 2), (1, 3), (3, 4), (2, 5), (2, 2, 2), (1, 3, 2), (2, 1, 1, 2))
SHAPES += ((3, 2, 3), (6, 3))
VIEWS = ("", "reversed", "transposed", "masked", "sliced", "rolled", "fortran")
VIEWS += ("int32", "uint8", ">i8", "float64")
# calls of a graph with n nodes that it refuses, or that change nothing
ONE = np.zeros(1, dtype=int)
ODD_CALLS = (
    lambda g, n: g.add_edge(n, 0, 1, 1),
    lambda g, n: g.add_edge(0, n, 1, 1),
    lambda g, n: g.add_edge(-2, 0, 1, 1),
    lambda g, n: g.add_edge(0, -2, 1, 1),
    lambda g, n: g.add_edge("0", 0, 1, 1),
    lambda g, n: g.add_edge(0, 0, "1", 1),
    lambda g, n: g.add_edge(0, 0, 1, None),
    lambda g, n: g.add_edge(0, 0, 1),
    lambda g, n: g.add_edge(i=0, j=0, capacity=1, rcapacity=1),
    lambda g, n: g.add_tedge(n, 1, 1),
    lambda g, n: g.add_tedge(-2, 1, 1),
    lambda g, n: g.add_tedge(0, None, 1),
    lambda g, n: g.add_tedge(0, 1j, 1),
    lambda g, n: g.add_tedge(i=0, cap_source=0, cap_sink=0),
    lambda g, n: g.add_edges(ONE + n, ONE, ONE, ONE),
    lambda g, n: g.add_edges(ONE, ONE + n, ONE, ONE),
    lambda g, n: g.add_edges(ONE, np.zeros(2, dtype=int), ONE, ONE),
    lambda g, n: g.add_grid_edges(np.array([0, n])),
    lambda g, n: g.add_grid_edges([0]),
    lambda g, n: g.add_grid_edges(ONE, 1, [1, 1]),
    lambda g, n: g.add_grid_edges(ONE, 1, np.ones((3, 3))),
    lambda g, n: g.add_grid_edges(ONE, "a"),
    lambda g, n: g.add_grid_edges(ONE, 1j),
    lambda g, n: g.add_grid_edges(ONE, periodic=[]),
    lambda g, n: g.add_grid_edges(nodeids=ONE, weights=1, structure=None, symmetric=False),
    lambda g, n: g.add_grid_tedges(ONE[None] + n, 1, 1),
    lambda g, n: g.add_grid_tedges(ONE, [0, 0], 0),
    lambda g, n: g.add_grid_tedges(np.arange(2), [[1, 2]], 1),
    lambda g, n: g.add_grid_edges(np.array(0)),
    lambda g, n: g.add_grid_tedges([0], 1, 1),
    lambda g, n: g.add_grid_tedges(nodeids=ONE, sourcecaps=0, sinkcaps=0),
    lambda g, n: g.get_segment(n),
    lambda g, n: g.get_segment(-1),
    lambda g, n: g.get_segment("a"),
    lambda g, n: g.get_grid_segments(ONE + n),
    lambda g, n: g.get_grid_segments(ONE - 1),
    lambda g, n: g.get_grid_segments([0]),
    lambda g, n: g.get_segment(np.zeros(0)),
    lambda g, n: g.get_segment(np.array(n)),
    lambda g, n: g.get_grid_segments(np.ma.array(ONE, mask=[True])),
    lambda g, n: g.add_edge(np.array(0), 0, np.array(1.5), np.array(1)),
    lambda g, n: g.add_edge(0, 0, np.ones(2), 1),
    lambda g, n: g.add_tedge(np.array(0), np.array(0.0), np.array(0.0)),
    lambda g, n: g.add_grid_edges(np.ma.array(ONE, mask=[True])),
    # 0, because other numbers would be rounded beside those of a small scale
    lambda g, n: g.add_grid_tedges(np.ma.array(ONE, mask=[True]), 0, 0),
    lambda g, n: g.add_nodes(2**40),
    lambda g, n: g.add_grid_nodes(2**70),
    lambda g, n: g.mark_node("a"),
    lambda g, n: g.mark_grid_nodes([0]),
)


def program(pick, *, infinite=False, errors=False):
    """Return a random program; ``pick(low, high)`` returns an int, both ends included."""
    calls, nodes, grids = [], 0, []
    if not pick(0, 3):
        calls.append(("scale", pick(1, 2)))

    def numbers(count, high=9, low=0):
        return [pick(low, high) for _ in range(count)]

    def capacity():
        return float("inf") if infinite and pick(0, 9) == 0 else pick(0, 9)

    def node(first=0):
        return -1 if not pick(0, 29) else pick(first, nodes - 1)

    def amounts(shape):
        """One number, or an array that broadcasts to a shape."""
        kind = pick(0, 2)
        if kind == 0:
            return pick(0, 5)
        shape = shape if kind == 1 else tuple(n if pick(0, 1) else 1 for n in shape)
        return np.reshape(numbers(int(np.prod(shape))), shape).tolist()

    def dtype():
        return DTYPES[pick(0, len(DTYPES) - 1)]

    for phase in range(pick(1, 4)):
        if phase and not pick(0, 9):
            calls.append(("reset",))
            nodes, grids = 0, []
        for _ in range(pick(1, 2) if not nodes or not pick(0, 3) else 0):
            if pick(0, 2) or nodes + 24 > 40:
                shape = SHAPES[pick(0, len(SHAPES) - 1)]
                grids.append((nodes, shape))
                calls.append(("add_grid_nodes", shape))
                nodes += int(np.prod(shape))
            else:
                count = pick(1, 5)
                grids.append((nodes, (count,)))
                calls.append(("add_nodes", count))
                nodes += count
        small = phase and pick(0, 1)  # only a few terminals change
        for _ in range(1 if small else pick(1, 4)):
            grid = pick(0, len(grids) - 1)
            shape = grids[grid][1]
            kind = 4 if small else pick(0, 5)
            if kind <= 1:
                fitting = [s for s in STRUCTURES if s is None or np.ndim(s) <= len(shape)]
                structure = fitting[pick(0, len(fitting) - 1)]
                periodic = bool(pick(0, 1)) if pick(0, 1) else [bool(pick(0, 1)) for _ in shape]
                view = VIEWS[max(0, pick(-3, len(VIEWS) - 1))]
                shown = _seen_as(view, np.empty(shape, dtype=int)).shape
                how = structure, bool(pick(0, 1)), periodic, dtype()
                calls.append(("add_grid_edges", grid, view, amounts(shown), *how))
            elif kind == 2:
                view = VIEWS[max(0, pick(-3, len(VIEWS) - 1))]
                shown = _seen_as(view, np.empty(shape, dtype=int)).shape
                parts = amounts(shown), amounts(shown), dtype()
                calls.append(("add_grid_tedges", grid, view, *parts))
            elif kind == 3:
                calls += [
                    ("add_edge", node(), node(), capacity(), capacity()) for _ in range(pick(1, 6))
                ]
            elif kind == 4:
                calls += [
                    ("add_tedge", node(), *numbers(2, low=-3 * pick(0, 1)))
                    for _ in range(pick(1, 2 if small else 5))
                ]
            else:
                count = pick(0, 6)
                ends = [[node() for _ in range(count)] for _ in range(2)]
                parts = [[capacity() for _ in range(count)] for _ in range(2)]
                calls.append(("add_edges", *ends, *parts))
        if errors and not pick(0, 2):
            calls.append(("odd", pick(0, len(ODD_CALLS) - 1)))
        last = ("maxflow", "maxflow", "reuse", "copy", "look")[pick(0, 4)]
        if last == "copy":  # PyMaxflow crashes later if a node that is copied has no edge
            ring = list(range(nodes))
            calls.append(("add_edges", ring, ring[1:] + ring[:1], [0] * nodes, [0] * nodes))
        if last != "copy" or nodes > 1:
            calls.append((last,))
    calls.append(("maxflow",))
    return calls


class Seen(NamedTuple):
    """What a program sees after a maximum flow."""

    value: float
    segments: list
    counts: tuple
    cuts: list  # what sets of nodes cut of the capacities that are left, more than a first one


def run(module, kind, calls):
    """Run a program with graphs of a kind (int or float), and return what it sees."""
    g, grids, seen, flowed, copied = module.Graph[kind](), [], [], False, False
    scale = SCALES[kind][0]
    for name, *arguments in calls:
        if name == "scale":
            scale = SCALES[kind][arguments[0]]
            continue
        if name in ("add_nodes", "add_grid_nodes", "copy", "reset"):
            flowed = False  # PyMaxflow may loop forever if it is told to reuse trees after these
        if name in ("add_nodes", "add_grid_nodes"):
            grids.append(getattr(g, name)(*arguments))
        elif name == "add_grid_edges":
            grid, view, weights, structure, symmetric, periodic, dtype = arguments
            nodes = _seen_as(view, grids[grid])
            weights = _amounts(weights, scale, dtype)
            if dtype and structure is not None:
                structure = np.asarray(structure, dtype=dtype)
            g.add_grid_edges(nodes, weights, structure, symmetric=symmetric, periodic=periodic)
        elif name == "add_grid_tedges":
            grid, view, *parts, dtype = arguments
            nodes = _seen_as(view, grids[grid])
            g.add_grid_tedges(nodes, *(_amounts(part, scale, dtype) for part in parts))
        elif name == "add_edge":
            i, j, *parts = arguments
            g.add_edge(i, j, *(part * scale for part in parts))
        elif name == "add_tedge":
            i, *parts = arguments
            g.add_tedge(i, *(part * scale for part in parts))
        elif name == "add_edges":
            ends, parts = arguments[:2], arguments[2:]
            g.add_edges(
                *(np.array(end, dtype=int) for end in ends),
                *(np.array(part, dtype=kind) * scale for part in parts),
            )
        elif name == "reset":
            g.reset()
            grids, copied = [], False
        elif name == "odd":
            try:
                ODD_CALLS[arguments[0]](g, g.get_node_count())
                seen.append((name, *arguments))
            except Exception as error:
                seen.append((name, *arguments, type(error)))
        elif name == "copy":
            g, copied = g.copy(), True
        elif name == "look":
            # the segments of a copy are not defined in PyMaxflow before its next flow
            seen.append(_look(g, [] if copied else grids, None))
        else:
            reuse = name == "reuse" and flowed
            if reuse:
                g.mark_grid_nodes(np.arange(g.get_node_count()))
            value = g.maxflow(reuse_trees=True) if reuse else g.maxflow()
            flowed, copied = True, False
            seen.append(_look(g, grids, value))
    return seen


def _seen_as(view, nodes):
    """Return a grid of nodes otherwise; masked: every third one is -1, which means no node."""
    if view in ("int32", "uint8", ">i8", "float64"):
        return nodes.astype(view)
    return {
        "": lambda: nodes,
        "reversed": lambda: nodes[::-1],
        "transposed": lambda: nodes.T,
        "masked": lambda: np.where(nodes % 3 == 1, -1, nodes),
        "sliced": lambda: nodes[..., ::2],
        "rolled": lambda: np.roll(nodes, 1),
        "fortran": lambda: np.asfortranarray(nodes),
    }[view]()


def _amounts(numbers, scale, dtype):
    """Return capacities: numbers times a scale, or as they are in an array of narrow ints."""
    numbers = np.asarray(numbers)
    if not dtype or scale not in (SCALES[int][0], SCALES[float][0]):
        return numbers * scale
    return (numbers * scale if dtype.startswith("float") else numbers).astype(dtype)


def _look(g, grids, value):
    segments = [g.get_grid_segments(nodes).tolist() for nodes in grids]
    network = g.get_nx_graph()
    n = g.get_node_count()
    segment = [g.get_segment(i) for i in range(n)]
    assert segment == [network.nodes[i]["segment"] for i in range(n)]
    rng = np.random.default_rng(n)
    edges = list(network.edges(data="weight"))
    cuts = []
    for _ in range(5):
        side = {i: bool(s) for i, s in enumerate(rng.integers(0, 2, n))} | {"s": True, "t": False}
        cuts.append(sum(w for u, v, w in edges if side[u] and not side[v]))
    # how much of all cuts is left depends on which of several maximum flows was found
    cuts = [cut - cuts[0] if cut < np.inf else cut for cut in cuts[1:]] if cuts[0] < np.inf else []
    return Seen(value, segments, (n, g.get_edge_count()), cuts)
