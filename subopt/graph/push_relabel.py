"""Push-relabel maximum flow, in first-in-first-out order, with global relabeling.

The label of a node is a lower bound on its distance to a demand. A node with excess pushes it along
arcs to nodes whose label is smaller by 1; if there are none, its label is increased. From time to
time a breadth-first search recomputes exact labels. If no node has some label, all nodes with
larger labels cannot reach demand (gap heuristic). Excess that cannot reach a demand is then
returned to the nodes where supply entered, by the same kernel, with the supplies as demands. If the
arcs into the nodes with demand have less capacity than those out of the nodes with supply, demand
is pushed against the arcs instead.

This module is compiled. The method is strongly polynomial, so that it terminates on real
capacities. It is used for large graphs with many long paths, on which search trees are often
rebuilt.

References
----------
.. [1] A. V. Goldberg, R. E. Tarjan, "A new approach to the maximum-flow problem", Journal of the
   ACM 35(4), 1988.
.. [2] B. V. Cherkassky, A. V. Goldberg, "On implementing the push-relabel method for the maximum
   flow problem", Algorithmica 19, 1997: exact labels and gaps.
.. [3] S. Beamer, K. Asanovic, D. Patterson, "Direction-optimizing breadth-first search", SC 2012.
"""

import numpy as np

from subopt._base.jit import inner, small_first_uncounted
from subopt.graph.network import AHEAD, BACK, HEAD, send, twin_of

# Stages: nothing is under way, excess is pushed to demand, what is stuck is led back.
IDLE, FORTH, HOME = range(3)
NO_LIMIT = np.int64(2**62)
_1 = np.uint64(1)


@inner
def push_relabel(n, indptr, residual, excess, work, looks):
    """Push a maximum flow from nodes with positive to nodes with negative excess, in place.

    Return True when the flow is maximum, and False after `looks` arcs have been examined, or soon
    after the field "stop" of ``work.state`` is set. A further call continues from there; `finish`
    ends the search at that point.
    """
    state = work.state[0]
    if state["stage"] == IDLE:
        _begin(n, indptr, residual, excess, work)
    while _push(n, indptr, residual, excess, work, looks):
        if state["stage"] == HOME or not _turn(n, indptr, excess, work):
            finish(n, excess, work)
            return True
    return False


@inner
def _begin(n, indptr, residual, excess, work):
    """Prepare `_push`: choose a direction, and negate excesses to push against the arcs."""
    supply, state = work.supply, work.state[0]
    state["stage"], state["against"] = FORTH, _narrow_end(n, indptr, residual, excess, work)
    for v in range(n):
        if state["against"] == 1:
            excess[v] = -excess[v]
        supply[v] = max(excess[v], 0)
    _prepare(n, indptr, excess, work)


@inner
def _turn(n, indptr, excess, work):
    """Prepare `_push` to return excess that cannot reach demand; return whether there is any.

    Each node takes back at most its own supply. Demand that was not met is on the other side of the
    cut, where no excess is left.
    """
    stuck = False
    work.state[0]["stage"] = HOME
    for v in range(n):
        excess[v] -= work.supply[v]
        stuck |= excess[v] > 0
    _prepare(n, indptr, excess, work)
    return stuck


@small_first_uncounted
def finish(n, excess, work):
    """Undo the changes of `push_relabel` to the excesses that are for its own use."""
    state = work.state[0]
    if state["stage"] == IDLE:
        return
    for v in range(n):
        if state["stage"] == HOME:
            excess[v] += work.supply[v]
        if state["against"] == 1:
            excess[v] = -excess[v]
    state["stage"] = IDLE


@inner
def _narrow_end(n, indptr, residual, excess, work):
    """Return 1 if less can enter the nodes with demand than leave those with supply, else 0."""
    ends = work.ends
    leaving, entering = 0.0, 0.0
    for v in range(n):
        if excess[v] != 0:
            along = 0 if excess[v] > 0 else 1
            total = 0.0
            for e in range(np.uint64(indptr[v]), np.uint64(indptr[v + 1])):
                total += residual[e if along == 0 else twin_of(ends[e])]
            if excess[v] > 0:
                leaving += min(total, excess[v])
            else:
                entering += min(total, -excess[v])
    return 1 if entering < leaving else 0


@inner
def _prepare(n, indptr, excess, work):
    """List the nodes with excess, and label all nodes if this needs no breadth-first search."""
    state = work.state[0]
    count, demands = _list(n, excess, work.queue)
    state["first"], state["count"], state["effort"], state["top"] = 0, count, NO_LIMIT, n
    if 8 * demands > n:  # most nodes are next to a demand, so a search would change few labels
        _rough_labels(n, demands, indptr, excess, work.label, work.arc, work.active)
        state["effort"], state["top"] = 0, 1


@inner
def _push(n, indptr, residual, excess, work, looks):
    """Push excess along the arcs, or demand against them, until none can reach the other.

    Return True if this is so, and False after examining `looks` arcs or when it has to stop; a
    further call continues.
    """
    ends, label, cursor, queue = work.ends, work.label, work.arc, work.queue
    tally, state = work.active, work.state[0]
    along = state["against"] == 0
    gate = AHEAD if along else BACK
    budget = 3 * (n + indptr[n])  # work between two global relabelings
    effort, first, top, touched = state["effort"], state["first"], state["top"], np.uint64(0)
    count, spent = state["count"], -effort
    while True:
        if effort > budget:
            top = _exact_labels(n, indptr, excess, work)
            if state["stop"] != 0:
                state["count"], state["effort"] = count, NO_LIMIT  # labels are not known
                return False
            spent += effort + n + indptr[n]
            effort, first = 0, 0
            count = _list(n, excess, queue)[0]
        if count == 0 or spent + effort > looks or state["stop"] != 0:
            state["first"], state["count"], state["effort"], state["top"] = (
                first,
                count,
                effort,
                top,
            )
            state["touched"] = touched
            return count == 0
        v = np.uint32(queue[first])
        first = first + 1 if first + 1 < n else 0
        count -= 1
        coming = np.uint32(queue[first]) if count > 0 else v
        touched ^= ends[np.uint64(cursor[coming])] >> HEAD  # prefetch the next row
        amount, old = excess[v], label[v]
        e, end = np.uint64(cursor[v]), np.uint64(indptr[np.int64(v) + 1])
        while amount > 0 and old < n:
            if e == end:
                e = _relabel(v, n, indptr, ends, label, gate)
                effort += np.int64(end) - indptr[v]
                tally[old] -= 1
                if tally[old] == 0:  # a gap: no path to a demand crosses it
                    label[v] = n
                    if top > old:
                        _close(old, n, label, tally)
                        effort += n // 32
                    top = old
                tally[label[v]] += 1
                old = label[v]
                if top < old < n:
                    top = old
            elif ((ends[e] & gate) != 0) & (label[ends[e] >> HEAD] == old - 1):
                u = ends[e] >> HEAD
                t = twin_of(ends[e])
                a = e if along else t
                pushed = min(amount, residual[a])
                amount -= pushed
                send(ends, residual, a, t if along else e, pushed)
                before = excess[u]
                excess[u] = before + pushed
                last = first + count
                queue[last if last < n else last - n] = u  # overwritten if u was queued already
                count += (before <= 0) & (excess[u] > 0)
            else:
                e += _1
                effort += 1
        excess[v] = amount
        cursor[v] = e


@inner
def _relabel(v, n, indptr, ends, label, gate):
    """Increase the label of a node without admissible arcs; return its first admissible arc."""
    start, end = np.uint64(indptr[v]), np.uint64(indptr[np.int64(v) + 1])
    new, first = n, start
    for e in range(start, end):
        other = label[ends[e] >> HEAD] + 1
        if ((ends[e] & gate) != 0) & (other < new):
            new, first = other, e
    label[v] = new
    return first


@inner
def _close(gap, n, label, tally):
    """Set the labels above a gap to n: these nodes cannot reach a demand."""
    for u in range(n):
        if gap < label[u] < n:
            tally[label[u]] -= 1
            label[u] = n


@inner
def _list(n, excess, queue):
    """Queue the nodes with excess; return their number, and the number of nodes with demand."""
    count, demands = 0, 0
    for v in range(n):
        queue[count] = v
        count += excess[v] > 0
        demands += excess[v] < 0
    return count, demands


@inner
def _rough_labels(n, demands, indptr, excess, label, cursor, tally):
    """Set labels to 0 at nodes with demand and to 1 elsewhere."""
    for v in range(n):
        cursor[v], label[v], tally[v] = indptr[v], excess[v] >= 0, 0
    tally[n] = 0
    tally[0], tally[1] = demands, n - demands


@inner
def _exact_labels(n, indptr, excess, work):
    """Set labels to the distance to the nearest demand, or n if there is none; return the largest.

    Nodes farther away than all nodes with excess get a lower bound. The breadth-first search is
    direction-optimizing [3]_: if more nodes were found in the last layer than remain, the remaining
    nodes search for neighbors in that layer. Labels have no meaning if it has to stop.
    """
    label, cursor, queue, tally = work.label, work.arc, work.queue, work.active
    count, wanted = np.int64(0), 0
    for v in range(n):
        cursor[v] = indptr[v]
        tally[v] = 0
        wanted += excess[v] > 0
        label[v] = 0 if excess[v] < 0 else n
        queue[count] = v
        count += excess[v] < 0
    tally[n] = 0
    # not literals, for each of which numba would compile the two searches once more
    first, own, far = np.int64(0), np.int64(0), n
    while first < count and far == n:
        last = count
        if 2 * (last - first) > n - last:
            count = _find(n, own, last, indptr, work)
        else:
            count = _spread(n, own, first, last, indptr, work)
        for q in range(last, count):
            wanted -= excess[queue[q]] > 0
        if work.state[0]["stop"] != 0:
            return far
        first = last
        own += 1
        if wanted == 0:
            far = own + 1
    for v in range(n):
        label[v] = min(label[v], far)
        tally[label[v]] += 1
    return far if far < n or count == 0 else label[queue[count - 1]]


@inner
def _spread(n, own, first, count, indptr, work):
    """Label the next layer, from the nodes of the current one; return the length of the queue.

    The current layer has label `own` and begins at position `first` of the queue.
    """
    ends, label, queue = work.ends, work.label, work.queue
    gate = BACK if work.state[0]["against"] == 0 else AHEAD
    for q in range(first, count):
        if q % 4096 == 0 and work.state[0]["stop"] != 0:
            return first
        v = np.uint32(queue[q])
        for e in range(np.uint64(indptr[v]), np.uint64(indptr[np.int64(v) + 1])):
            # without branches, which would be unpredictable
            u = ends[e] >> HEAD
            new = ((ends[e] & gate) != 0) & (label[u] == n)
            label[u] = own + 1 if new else label[u]
            queue[count] = u
            count += new
    return count


@inner
def _find(n, own, count, indptr, work):
    """Label the next layer, from the nodes without a label; return the length of the queue."""
    ends, label, queue = work.ends, work.label, work.queue
    gate = AHEAD if work.state[0]["against"] == 0 else BACK
    for v in range(n):
        if v % 4096 == 0 and work.state[0]["stop"] != 0:
            return count
        if label[v] == n:
            for e in range(np.uint64(indptr[v]), np.uint64(indptr[v + 1])):
                if ((ends[e] & gate) != 0) & (label[ends[e] >> HEAD] == own):
                    label[v] = own + 1
                    queue[count] = v
                    count += 1
                    break
    return count
