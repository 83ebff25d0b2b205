"""Parts of docstrings that solvers of labeling energies share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from subopt._base.options import documented

F = TypeVar("F", bound=Callable[..., Any])

_PARTS = {
    "start": r"""start : array_like of int, shape (\*grid,) or (n,), optional
    Labels to start from; by default {start}. The energy of the answer is not higher.""",
    "moves_notes": """\
For m edges and L labels, message passing takes about 20 m L bytes and the moves take 8 m L. If
8 m L is more than 2 GiB, moves start from one label for all nodes, and flows are not kept. With
label costs, a move that could save some of them is a minimum cut of the whole graph.""",
    "many": r"""energy : LabelingEnergy
    The graph, the weights and the table of all problems. Its unary costs are not used.
unaries : array_like of shape (P, \*grid, L) or (P, n, L)
    Unary costs of the P problems.""",
    "many_returns": """LabelingBatch
    The P labelings, in the order of `unaries`.""",
    "errors": """TypeError, ValueError
    If an argument is not as described, or the energy is not one that the method can minimize;
    the message names the entry and methods that can.""",
}


def shared(start: str = "") -> Callable[[F], F]:
    """Replace lines ``%(name)s`` of a docstring by the shared parts."""

    def decorate(function: F) -> F:
        if function.__doc__ is not None:  # python -OO
            lines = []
            for line in function.__doc__.split("\n"):
                name = line.strip()
                if name.startswith("%(") and name[2:-2] in _PARTS:
                    indent = line[: len(line) - len(line.lstrip())]
                    part = _PARTS[name[2:-2]].replace("{start}", start)
                    lines += [indent + text if text else "" for text in part.split("\n")]
                else:
                    lines.append(line)
            function.__doc__ = "\n".join(lines)
        return documented(function)

    return decorate
