"""Wording of docstrings that several solvers of this wing share, each part written once."""

from __future__ import annotations

from subopt._base.options import documented_with

on_moves = documented_with(
    {
        "start": (
            r"array_like of int, shape (\*grid,) or (n,)",
            "Labels to start from, unless message passing finds better ones. The energy of the\n"
            "answer is not higher.",
        ),
        "moves_notes": """\
For m edges and L labels, message passing takes about 20 m L bytes and the moves take 8 m L. If
8 m L is more than 2 GiB, moves start from one label for all nodes, and flows are not kept. With
label costs, a move that could save some of them is a minimum cut of the whole graph; when none is
left, each label in use is given up once, for several others, where that lowers the energy.""",
        "errors": """\
TypeError, ValueError
    If an argument is not as described, or the energy is not one that the method can minimize;
    the message names the entry and methods that can.""",
        "energy": (
            "LabelingEnergy",
            "The graph, the weights and the table of all problems. Its unary costs are not used.",
        ),
        "unaries": (
            r"array_like of shape (P, \*grid, L) or (P, n, L)",
            "Unary costs of the P problems.",
        ),
        "many_returns": """\
LabelingBatch
    The P labelings, in the order of `unaries`.""",
    }
)
"""Documents expansion and swap moves, of one problem or many."""
