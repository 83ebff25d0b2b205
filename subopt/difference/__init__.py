"""Minimize a difference f - g of submodular functions: bounds, descent, exact methods."""

from typing import TYPE_CHECKING

from subopt._base import exports

if TYPE_CHECKING:
    from subopt.difference._accelerated_dca import accelerated_dca as accelerated_dca
    from subopt.difference._complete_dca import complete_dca as complete_dca
    from subopt.difference._dca import dca as dca
    from subopt.difference._dca_rounded import dca_rounded as dca_rounded
    from subopt.difference._double_greedy import double_greedy as double_greedy
    from subopt.difference._forward_greedy import forward_greedy as forward_greedy
    from subopt.difference._local_search import local_search as local_search
    from subopt.difference._modmod import modmod as modmod
    from subopt.difference._projected_subgradient import (
        projected_subgradient as projected_subgradient,
    )
    from subopt.difference._subsup import subsup as subsup
    from subopt.difference._supsub import supsub as supsub
    from subopt.difference.bounds import ModularBound as ModularBound
    from subopt.difference.bounds import modular_lower as modular_lower
    from subopt.difference.bounds import modular_upper as modular_upper
    from subopt.difference.bounds import submodular_upper as submodular_upper
    from subopt.difference.bounds import supermodular_upper as supermodular_upper
    from subopt.difference.exact._branch_and_bound import branch_and_bound as branch_and_bound
    from subopt.difference.exact._milp import MilpResult as MilpResult
    from subopt.difference.exact._milp import milp as milp
    from subopt.difference.exact.tree_certificate import TreeCertificate as TreeCertificate
    from subopt.difference.local_minimum import LocalMinimumCertificate as LocalMinimumCertificate
    from subopt.difference.submodular_case import SubmodularCertificate as SubmodularCertificate

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "_accelerated_dca": ["accelerated_dca"],
        "_complete_dca": ["complete_dca"],
        "_dca": ["dca"],
        "_dca_rounded": ["dca_rounded"],
        "_double_greedy": ["double_greedy"],
        "_forward_greedy": ["forward_greedy"],
        "_local_search": ["local_search"],
        "_modmod": ["modmod"],
        "_projected_subgradient": ["projected_subgradient"],
        "_subsup": ["subsup"],
        "_supsub": ["supsub"],
        "bounds": [
            "ModularBound",
            "modular_lower",
            "modular_upper",
            "submodular_upper",
            "supermodular_upper",
        ],
        "exact._branch_and_bound": ["branch_and_bound"],
        "exact._milp": ["MilpResult", "milp"],
        "exact.tree_certificate": ["TreeCertificate"],
        "local_minimum": ["LocalMinimumCertificate"],
        "submodular_case": ["SubmodularCertificate"],
    },
)
