"""Set functions: families with compiled oracles, user-defined functions, and operators on them."""

from typing import TYPE_CHECKING

from subopt._base import exports

if TYPE_CHECKING:
    from subopt.functions._decompose import Decomposition as Decomposition
    from subopt.functions._decompose import decompose as decompose
    from subopt.functions.algebra import DifferenceOfSubmodular as DifferenceOfSubmodular
    from subopt.functions.algebra import SetFunction as SetFunction
    from subopt.functions.algebra import Sum as Sum
    from subopt.functions.algebra import View as View
    from subopt.functions.callable import Function as Function
    from subopt.functions.cardinality import Cardinality as Cardinality
    from subopt.functions.concave import Concave as Concave
    from subopt.functions.concave_of_modular import ConcaveOfModular as ConcaveOfModular
    from subopt.functions.coverage import Coverage as Coverage
    from subopt.functions.cut import Cut as Cut
    from subopt.functions.cut_form import CutForm as CutForm
    from subopt.functions.entropy import Entropy as Entropy
    from subopt.functions.facility_location import FacilityLocation as FacilityLocation
    from subopt.functions.hypergraph_cut import HypergraphCut as HypergraphCut
    from subopt.functions.incremental import Incremental as Incremental
    from subopt.functions.log_determinant import (
        GaussianMutualInformation as GaussianMutualInformation,
    )
    from subopt.functions.log_determinant import LogDeterminant as LogDeterminant
    from subopt.functions.matroid_rank import MatroidRank as MatroidRank
    from subopt.functions.modular import Modular as Modular
    from subopt.functions.polynomial import Polynomial as Polynomial
    from subopt.functions.transforms import normalize as normalize
    from subopt.functions.transforms import symmetrize as symmetrize

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "_decompose": ["Decomposition", "decompose"],
        "algebra": ["DifferenceOfSubmodular", "SetFunction", "Sum", "View"],
        "callable": ["Function"],
        "cardinality": ["Cardinality"],
        "concave": ["Concave"],
        "concave_of_modular": ["ConcaveOfModular"],
        "coverage": ["Coverage"],
        "cut": ["Cut"],
        "cut_form": ["CutForm"],
        "entropy": ["Entropy"],
        "facility_location": ["FacilityLocation"],
        "hypergraph_cut": ["HypergraphCut"],
        "log_determinant": ["GaussianMutualInformation", "LogDeterminant"],
        "matroid_rank": ["MatroidRank"],
        "modular": ["Modular"],
        "incremental": ["Incremental"],
        "polynomial": ["Polynomial"],
        "transforms": ["normalize", "symmetrize"],
    },
)
