"""`GCO`: a graph whose nodes get labels, by moves in the order of GCO."""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base.types import Array
from subopt.compat import _table_moves
from subopt.compat.gco._errors import PyGcoError
from subopt.compat.gco._pair_moves import NotSubmodularError, best_of_two
from subopt.compat.gco._problem import Problem

_TOGETHER = 1 << 15  # nodes and edges


class GCO(Problem):
    """A graph whose nodes get labels, by moves.

    Call `create_general_graph` first. Labels are 0 until they are set or moves are made.

    Examples
    --------
    >>> graph = GCO()
    >>> graph.create_general_graph(4, 3)
    >>> graph.set_data_cost(np.array([[0, 5, 9], [4, 3, 9], [5, 0, 9], [9, 9, 0]]))
    >>> graph.set_all_neighbors(np.arange(3), np.arange(1, 4), np.ones(3, dtype=int))
    >>> graph.set_smooth_cost(1 - np.eye(3, dtype=int))
    >>> int(graph.expansion()), graph.get_labels()
    (5, array([0, 1, 1, 2], dtype=int32))
    """

    def expansion(self, niters: int = -1) -> Any:
        """Make expansion moves.

        Parameters
        ----------
        niters : int, default -1
            How often all labels are tried at most; until none helps if negative.

        Returns
        -------
        int or float
            The energy.

        Raises
        ------
        PyGcoError
            If the costs of pairs are no metric, and a move needs that.
        """
        order, left = np.arange(self.nb_labels), int(niters)
        if left < 0:
            # all labels, or those that helped if these are few, until none of all helps
            full = count = self.nb_labels
            while True:
                tried, count = count, self._expand(order, count)
                if count == 0 and tried == full:
                    break
                if count == 0 or count >= full // 2:
                    count = full
        while left > 0 and self._cycle([(-1, label) for label in range(self.nb_labels)]):
            left -= 1
        return self.compute_energy()

    def swap(self, niters: int = -1) -> Any:
        """Make swap moves.

        Parameters
        ----------
        niters : int, default -1
            How often all pairs of labels are tried at most; until none helps if negative.

        Returns
        -------
        int or float
            The energy.

        Raises
        ------
        PyGcoError
            If the costs of pairs are no semimetric, and a move needs that.
        """
        labels, left = range(self.nb_labels), int(niters)
        pairs = [(a, b) for a in labels for b in reversed(labels) if a < b]
        energy, quiet = self.compute_energy(), np.full(1, -1, dtype=np.int64)
        while left != 0:
            self._cycle(pairs, quiet)
            left, before = left - 1, energy
            energy = self.compute_energy()
            if not energy < before:
                break
        return energy

    def expansion_on_alpha(self, label: int) -> bool:
        """Make one expansion move.

        Parameters
        ----------
        label : int
            The label that all nodes may take.

        Returns
        -------
        bool
            Whether the energy is lower than before.

        Raises
        ------
        IndexOutOfBoundError
            If there is no such label.
        PyGcoError
            As `expansion`.
        """
        return self._cycle([(-1, self._label(label))]) > 0

    def alpha_beta_swap(self, l1: int, l2: int) -> None:
        """Make one swap move.

        Parameters
        ----------
        l1, l2 : int
            Nodes with one of these labels choose between them.

        Raises
        ------
        IndexOutOfBoundError
            If there are no such labels.
        PyGcoError
            As `swap`.
        """
        self._cycle([(self._label(l1), self._label(l2))])

    def _expand(self, order: Array, count: int) -> int:
        """Expand the first labels of an order, which is changed; return how many helped."""
        if self._is_small():
            return self._checked(_table_moves.expand(*self._compiled(), order, count, self._labels))
        k = 0
        while k < count:
            if self._move(-1, int(order[k])):
                k += 1
            else:
                count -= 1
                order[[k, count]] = order[[count, k]]
        return count

    def _cycle(self, moves: list[tuple[int, int]], quiet: Array | None = None) -> int:
        """Make moves one after the other; return how many helped. For `quiet` see `cycle`."""
        if self._is_small():
            pairs = np.array(moves, dtype=np.int64).reshape(-1, 2)
            quiet = np.full(1, -1, dtype=np.int64) if quiet is None else quiet
            cycle = _table_moves.cycle(*self._compiled(), pairs, quiet, self._labels)
            return self._checked(cycle)
        return sum([self._move(*move) for move in moves])

    def _is_small(self) -> bool:
        """Whether many moves are one compiled call, which Ctrl-C waits for."""
        return self._function is None and self.nb_sites + len(self._all_edges()[0]) < _TOGETHER

    def _compiled(self) -> tuple[Any, Any]:
        """Return what compiled moves need."""
        if self._table_moves is None:
            low, high, weights = self._all_edges()
            problem = _table_moves.Problem(
                self._unary.astype(np.float64),
                high.astype(np.int32),
                low.astype(np.int32),
                weights.astype(np.float64),
                self._table().astype(np.float64),
            )
            self._table_moves = problem, _table_moves.room(problem)
        return self._table_moves

    def _checked(self, count: int) -> int:
        if count >= 0:
            return int(count)
        low, high, weights = self._all_edges()
        e = -1 - count
        raise PyGcoError(
            "Expansions need a metric, and swaps a semimetric, with weights >= 0. No cut expresses "
            f"a move for the edge between nodes {low[e]} and {high[e]} of weight {weights[e]}."
        )

    def _move(self, alpha: int, beta: int) -> bool:
        """Make one move; return whether it helped."""
        if self._function is None:
            ends = np.int64(alpha), np.int64(beta)
            move = _table_moves.move(*self._compiled(), *ends, self._labels)
            return self._checked(move) > 0
        now = self._labels.astype(np.intp)
        either = (now == alpha) | (now == beta)
        swap = alpha >= 0
        first = np.where(either, alpha, now) if swap else now
        second = np.where(either | (not swap), beta, now)
        low, high, _ = self._all_edges()
        # a swap takes the second label where that is better, an expansion keeps the first one there
        here, there = (first, second) if swap else (second, first)
        try:
            moves = best_of_two(here, there, self._unary, (high, low), self._pairs)
        except NotSubmodularError as error:
            raise PyGcoError(str(error)) from error
        before, labels = self.compute_energy(), self._labels
        self._labels = np.where(moves, there, here).astype(np.int32)
        if not swap and not self.compute_energy() < before:
            self._labels = labels
        return bool(self.compute_energy() < before)
