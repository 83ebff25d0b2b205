"""Labeling energies as cuts of a graph, and the flow that bounds them.

Both constructions write E over binary variables s, 1 on the source's side, as

    constant + sum of source[v] (1 - s_v) + sink[v] s_v + capacity[e] s_tail (1 - s_head).

`ordered` has s_vi = [x_v > i] and is exact, for energies that are submodular in the order of the
labels; `roof` has s_v for [x_v = 1] and another for [x_v = 0], and relaxes that they exclude each
other, for any energy of two labels. Either way the least cut bounds all labelings from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from subopt._base.answer import CertificateError
from subopt._base.types import Array
from subopt.graph._max_flow import Flow, max_flow
from subopt.labeling._magnitude import capped
from subopt.labeling.energy import LabelingEnergy


class CutGraph(NamedTuple):
    """A graph whose cuts are energies."""

    constant: float
    tails: Array
    heads: Array
    capacity: Array
    source: Array
    sink: Array


@dataclass(frozen=True, eq=False)
class CutGraphCertificate:
    """A flow through the graph of an energy: no cut is smaller, so no labeling is better.

    Attributes
    ----------
    construction : {"ordered", "roof"}
        How the graph is made from the energy.
    flow : ndarray of float64
        Flow along every arc.
    lower_bound : float
        What it was found to prove.
    """

    construction: str
    flow: Array
    lower_bound: float

    def __repr__(self) -> str:
        return (
            f"CutGraphCertificate({self.construction!r}, lower_bound={self.lower_bound:.6g}, "
            f"flow along {len(self.flow)} arcs)"
        )

    def check(self, energy: LabelingEnergy) -> float:
        """Recompute the bound from the energy and the flow.

        Any numbers within the capacities, conserved or not, bound every cut from below by
        ``sum_v min(source_v, sink_v + outflow_v)``.

        Raises
        ------
        CertificateError
            If the flow is not one along the arcs of this energy, or proves less than `lower_bound`
            by more than rounding.
        """
        if self.construction not in CONSTRUCTIONS:
            raise CertificateError(
                f"construction needs to be one of {', '.join(CONSTRUCTIONS)}, got "
                f"{self.construction!r}"
            )
        if self.construction == "roof" and energy.n_labels != 2:
            raise CertificateError(
                f"roof duality is about two labels, but this energy has {energy.n_labels}"
            )
        graph = CONSTRUCTIONS[self.construction](energy)
        flow = np.asarray(self.flow, dtype=np.float64)
        if flow.shape != graph.tails.shape or np.isnan(flow).any():
            raise CertificateError(
                f"A flow on the graph of this energy has {len(graph.tails)} arcs, got shape "
                f"{flow.shape}"
            )
        proven = bound(graph, flow)
        size = abs(graph.constant) + graph.source.sum() + graph.sink.sum()
        if not self.lower_bound <= proven + 1e-9 * size:
            raise CertificateError(f"The flow proves {proven:.12g}, not {self.lower_bound:.12g}")
        return proven


def bound(graph: CutGraph, flow: Array) -> float:
    """Return what a flow proves."""
    flow = np.clip(flow, 0.0, graph.capacity)
    n = len(graph.source)
    out = np.bincount(graph.tails, flow, n) - np.bincount(graph.heads, flow, n)
    return float(graph.constant + np.minimum(graph.source, graph.sink + out).sum())


def solve(construction: str, energy: LabelingEnergy) -> tuple[Flow, CutGraphCertificate]:
    """Return the least cut of a construction, and its flow as evidence."""
    graph = CONSTRUCTIONS[construction](energy)
    cut = max_flow(
        graph.tails,
        graph.heads,
        graph.capacity,
        source_capacity=graph.source,
        sink_capacity=graph.sink,
    )
    # against an arc without a capacity of its own nothing flows
    flow = np.clip(cut.flow, 0.0, graph.capacity)
    return cut, CutGraphCertificate(construction, flow, bound(graph, flow))


def ordered(energy: LabelingEnergy) -> CutGraph:
    """Nodes (v, i) for x_v > i; a table is bent where labels cross between two nodes."""
    n, L, T, w = energy.n, energy.n_labels, energy.table, energy.weights
    node = np.arange(n * (L - 1)).reshape(n, L - 1)
    p, q = energy.tails, energy.heads
    costs = capped(energy)
    linear = np.diff(costs, axis=0).T.copy()
    np.add.at(linear, p, w[:, None] * np.diff(T[:, 0]))
    np.add.at(linear, q, w[:, None] * np.diff(T[0]))
    # E has w m_ij s_pi s_qj = |w m_ij| (s_pi (1 - s_qj) - s_pi) with m <= 0
    m = mixed_differences(T)
    i, j = np.nonzero(m)
    m = m[i, j]
    joint = np.abs(w[:, None] * m)
    tails, heads = node[p][:, i], node[q][:, j]
    linear = linear.ravel()
    linear -= np.bincount(tails.ravel(), joint.ravel(), linear.size)
    constant = costs[0].sum() + w.sum() * T[0, 0] + np.minimum(linear, 0.0).sum()
    up, down = node[:, 1:].ravel(), node[:, :-1].ravel()  # x > i + 1 needs x > i
    return CutGraph(
        float(constant),
        np.concatenate([tails.ravel(), up]),
        np.concatenate([heads.ravel(), down]),
        np.concatenate([joint.ravel(), np.full(len(up), np.inf)]),
        np.maximum(-linear, 0.0),
        np.maximum(linear, 0.0),
    )


def mixed_differences(table: Array) -> Array:
    """Return T[i + 1, j + 1] + T[i, j] - T[i + 1, j] - T[i, j + 1], 0 if that is rounding."""
    m = table[1:, 1:] + table[:-1, :-1] - table[1:, :-1] - table[:-1, 1:]
    return np.where(np.abs(m) <= 1e-12 * np.abs(table).max(initial=0.0), 0.0, m)


def roof(energy: LabelingEnergy) -> CutGraph:
    """Nodes v for x_v = 1 and n + v for x_v = 0; every term is split evenly between the two."""
    n, T, w = energy.n, energy.table, energy.weights
    p, q = energy.tails, energy.heads
    costs = capped(energy)
    linear = costs[1] - costs[0]
    linear = linear + np.bincount(p, w * (T[1, 0] - T[0, 0]), n)
    linear += np.bincount(q, w * (T[0, 1] - T[0, 0]), n)
    m = w * (T[1, 1] + T[0, 0] - T[1, 0] - T[0, 1])
    even = m <= 0
    # m x_p x_q = |m| x_p (1 - x_q) - |m| x_p if m < 0, and m x_p (1 - [x_q = 0]) if m > 0
    linear += np.bincount(p, np.where(even, m, 0.0), n)
    other = np.where(even, q, q + n)
    tails = np.concatenate([p, np.where(even, q + n, q)])
    heads = np.concatenate([other, p + n])
    half = linear / 2
    cost = np.concatenate([half, -half])  # of the source's side
    constant = costs[0].sum() + w.sum() * T[0, 0] + half.sum()
    return CutGraph(
        float(constant + np.minimum(cost, 0.0).sum()),
        tails,
        heads,
        np.tile(np.abs(m) / 2, 2),
        np.maximum(-cost, 0.0),
        np.maximum(cost, 0.0),
    )


CONSTRUCTIONS = {"ordered": ordered, "roof": roof}
