"""Constraints on sets: sizes, elements that are in or out, budgets, groups."""

from typing import TYPE_CHECKING

from subopt._base import exports

if TYPE_CHECKING:
    from subopt.constraints.budget import Budget as Budget
    from subopt.constraints.groups import Groups as Groups

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "budget": ["Budget"],
        "groups": ["Groups"],
    },
)
