"""Every door refuses what it cannot use by an error that names the argument."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistakes import MISTAKES, require_named

import subopt
from subopt import (
    Budget,
    Cardinality,
    ConcaveOfModular,
    CoupledLabelingProblem,
    Coverage,
    Cut,
    DynamicMaxFlow,
    Entropy,
    FacilityLocation,
    Function,
    GaussianMutualInformation,
    Groups,
    HypergraphCut,
    LabelingEnergy,
    LogDeterminant,
    MatroidRank,
    Modular,
    Polynomial,
)

F = Cut.from_edges([(0, 1), (1, 2), (2, 3)], [1, 2, 3]) + Modular([-1, 0.5, 1, -0.25])
H = F - Cardinality([0, 1, 1.5, 1.75, 2])
ENERGY = LabelingEnergy([[0, 1, 2], [1, 0, 3], [2, 2, 0]], edges=[(0, 1), (1, 2)], weights=[1, 2])
ROW = LabelingEnergy([[0, 1, 2], [1, 0, 3]], edges=[(0, 1)], metric="linear")
TWO = LabelingEnergy([[0, 1], [1, 0]], edges=[(0, 1)], weights=-1.0)
COUPLED = CoupledLabelingProblem(-np.arange(12.0).reshape(3, 2, 2) % 5)
IMAGE, SEEDS = np.arange(16.0).reshape(4, 4), np.zeros((4, 4), int)
SEEDS[0, 0], SEEDS[3, 3] = 1, 2
ONE = np.array([True, False, False, False])
ARCS = {"tails": [0, 1], "heads": [1, 2], "capacity": [1, 2]}
ENDS = {"source_capacity": [1, 0, 0], "sink_capacity": [0, 0, 1]}
GRIDS = {"source_capacity": [[1, 2], [3, 0]], "sink_capacity": [[1, 3], [2, 0]]}
SETS = {"size": (1, 3), "include": [0], "exclude": [1], "constraints": []}

# a call of each door that works, with the arguments that are replaced one by one
DOORS = {
    "Modular": (Modular, {"weights": [1, 2]}),
    "Cut": (Cut, {"adjacency": [[0, 1], [1, 0]], "directed": False}),
    "Cut.from_edges": (
        Cut.from_edges,
        {"edges": [(0, 1)], "weights": [1], "n": 3, "directed": False},
    ),
    "Coverage": (Coverage, {"membership": [[1, 0], [0, 1]], "weights": [1, 2]}),
    "FacilityLocation": (FacilityLocation, {"similarity": [[1, 0.5], [0.5, 1]]}),
    "ConcaveOfModular": (ConcaveOfModular, {"weights": [[1, 2]], "phi": "sqrt", "scales": [1]}),
    "Cardinality": (Cardinality, {"values": [0, 1, 1.5]}),
    "HypergraphCut": (
        HypergraphCut,
        {"edges": [[0, 1, 2]], "weights": [1], "n": 3, "splitting": "star"},
    ),
    "LogDeterminant": (LogDeterminant, {"kernel": np.eye(3)}),
    "Entropy": (
        Entropy,
        {"data": [[0, 1], [1, 1], [0, 0]], "condition": None, "base": 2, "bins": None},
    ),
    "GaussianMutualInformation": (GaussianMutualInformation, {"kernel": 2 * np.eye(3)}),
    "MatroidRank.partition": (
        MatroidRank.partition,
        {"labels": [0, 0, 1], "capacities": [1, 1]},
    ),
    "MatroidRank.graphic": (MatroidRank.graphic, {"edges": [(0, 1), (1, 2)]}),
    "Polynomial": (Polynomial, {"terms": {(0, 1): -1, (0,): 0.5}, "n": 3}),
    "Function": (
        Function,
        {
            "n": 3,
            "value": lambda mask: float(mask.sum()),
            "monotone": False,
            "symmetric": False,
            "integral": False,
            "cache_size": 10,
        },
    ),
    "decompose": (
        subopt.decompose,
        {"F": Function(3, lambda m: m.sum() ** 2.0), "curvature": 2.0, "rng": 0},
    ),
    "normalize": (subopt.normalize, {"F": F}),
    "symmetrize": (subopt.symmetrize, {"F": F}),
    "F()": (F, {"S": [0, 1]}),
    "F.marginals": (F.marginals, {"mask": ONE}),
    "F.greedy": (F.greedy, {"order": [0, 1, 2, 3]}),
    "F.lovasz": (F.lovasz, {"x": [0.25, 0.5, 0.75, 1]}),
    "F.restrict": (F.restrict, {"S": [0, 1]}),
    "F.contract": (F.contract, {"S": [0, 1]}),
    "modular_lower": (subopt.modular_lower, {"F": F, "S": [0], "order": None, "tie_break": None}),
    "modular_upper": (subopt.modular_upper, {"F": F, "S": [0], "kind": "grow"}),
    "submodular_upper": (subopt.submodular_upper, {"h": H, "S": [0]}),
    "supermodular_upper": (subopt.supermodular_upper, {"h": H, "S": [0], "kind": "grow"}),
    "minimize F": (subopt.minimize, {"problem": F, "minimizer": "minimal", "time_limit": 9}),
    "min_norm_point": (
        subopt.min_norm_point,
        {"F": F, "tol": 1e-9, "max_iter": 10, "start": None, "minimizer": "any", "time_limit": 9},
    ),
    "minimize within": (subopt.minimize, {"problem": F, "effort": "fast", "rng": 0, **SETS}),
    "minimize f - g": (subopt.minimize, {"problem": H, "effort": "fast", "rng": 0}),
    "all_minimizers": (subopt.all_minimizers, {"F": F}),
    "queyranne": (subopt.queyranne, {"F": Cut.from_edges([(0, 1), (1, 2)])}),
    "k_way_partition": (subopt.k_way_partition, {"F": Cut.from_edges([(0, 1), (1, 2)]), "k": 2}),
    "prox": (
        subopt.prox,
        {"F": F, "y": [1, 2, 3, 4], "weights": [1, 1, 1, 1], "distance": 1e-9, "max_iter": 100},
    ),
    "regularization_path": (subopt.regularization_path, {"F": F}),
    "frank_wolfe": (subopt.frank_wolfe, {"F": F, "tol": 1e-3, "max_iter": 10}),
    "dca": (subopt.dca, {"h": H, "start": ONE, "max_iter": 3, "inner_iter": 3}),
    "modmod": (subopt.modmod, {"h": H, "start": [0], "max_iter": 3, "tie_break": "gains"}),
    "subsup": (subopt.subsup, {"h": H, "start": [0], "max_iter": 3}),
    "local_search": (subopt.local_search, {"h": H, "start": [0], "max_iter": 3}),
    "branch_and_bound": (
        subopt.branch_and_bound,
        {"h": H, "start": [0], "tol": 0.0, "max_nodes": 9, "time_limit": 9},
    ),
    "maximize": (
        subopt.maximize,
        {"F": Coverage([[1, 0], [0, 1], [1, 1]]), "method": "greedy", **SETS, "size": 2},
    ),
    "maximize_stream": (
        subopt.maximize_stream,
        {"chunks": [[0, 1], [2]], "build": lambda c: Modular(np.ones(len(c))), "size": 1},
    ),
    "milp": (subopt.milp, {"h": H, "tol": 0.0, "time_limit": 9}),
    "accelerated_dca": (subopt.accelerated_dca, {"h": H, "start": ONE, "memory": 2, "max_iter": 3}),
    "complete_dca": (subopt.complete_dca, {"h": H, "start": ONE, "tangents": 2, "max_iter": 3}),
    "dca_rounded": (subopt.dca_rounded, {"h": H, "start": ONE, "rho": 0.0, "max_iter": 3}),
    "supsub": (subopt.supsub, {"h": H, "start": [0], "max_iter": 3}),
    "forward_greedy": (subopt.forward_greedy, {"h": H, "start": [0], "patience": 0}),
    "projected_subgradient": (
        subopt.projected_subgradient,
        {"h": H, "start": ONE, "step": 0.2, "patience": 3, "max_iter": 3},
    ),
    "double_greedy": (subopt.double_greedy, {"h": H, "order": None, "randomized": True, "rng": 0}),
    "minimize_many": (subopt.minimize_many, {"problems": [COUPLED], "rng": 0, "threads": 1}),
    "Budget": (Budget, {"costs": [1, 2, 3, 1], "limit": 3.0}),
    "Groups": (Groups, {"labels": [0, 0, 1, 1], "limits": [1, 1]}),
    "max_flow": (
        subopt.max_flow,
        {**ARCS, "reverse_capacity": [0, 1], **ENDS, "n": 3, "maximal": False, "method": "auto"},
    ),
    "max_flow_many": (
        subopt.max_flow_many,
        {**ARCS, **{k: [v, v] for k, v in ENDS.items()}, "threads": 1},
    ),
    "DynamicMaxFlow": (DynamicMaxFlow, ARCS | ENDS | {"n": 3}),
    "parametric_max_flow": (
        subopt.parametric_max_flow,
        {**ARCS, "supply": [1, 0, -1], "slope": [1, 1, 1], "interval": (-3, 3)},
    ),
    "gomory_hu_tree": (subopt.gomory_hu_tree, {**ARCS, "n": 3}),
    "multiway_cut": (subopt.multiway_cut, {**ARCS, "terminals": [0, 2], "n": 3}),
    "min_cost_flow": (
        subopt.min_cost_flow,
        {**ARCS, "cost": [1, 1], "source": 0, "sink": 2, "amount": 1, "lower": [0, 0], "n": 3},
    ),
    "min_cost_flow of supplies": (
        subopt.min_cost_flow,
        {**ARCS, "cost": [1, 1], "supply": [1, 0, -1], "n": 3},
    ),
    "grid_cut": (
        subopt.grid_cut,
        {**GRIDS, "weights": 1, "offsets": [(0, 1)], "periodic": False, "maximal": False},
    ),
    "grid_cut_many": (
        subopt.grid_cut_many,
        {**{k: [v, v] for k, v in GRIDS.items()}, "weights": 1, "flow": True, "threads": 1},
    ),
    "grid_neighbors": (subopt.grid_neighbors, {"dimensions": 2, "neighbors": 8}),
    "grid_structure": (
        subopt.grid_structure,
        {"structure": np.ones((3, 3), int), "weights": 1, "shape": (3, 3), "symmetric": False},
    ),
    "LabelingEnergy": (
        LabelingEnergy,
        {
            "unary": [[0, 1], [1, 0]],
            "edges": [(0, 1)],
            "weights": [1],
            "metric": "potts",
            "truncation": None,
            "label_costs": None,
            "fixed": None,
            "mask": None,
        },
    ),
    "LabelingEnergy of a grid": (
        LabelingEnergy,
        {"unary": np.zeros((3, 3, 2)), "offsets": [(0, 1)], "periodic": False, "label_axis": -1},
    ),
    "LabelingEnergy of tables": (
        LabelingEnergy,
        {"unary": [[0, 1], [1, 0]], "edges": [(0, 1)], "tables": [[[0, 1], [1, 0]]]},
    ),
    "minimize labels": (subopt.minimize, {"problem": ENERGY, "start": [0, 0, 0], "time_limit": 9}),
    "alpha_expansion": (subopt.alpha_expansion, {"energy": ENERGY, "start": None, "max_iter": 3}),
    "dual_bound": (subopt.dual_bound, {"energy": ENERGY, "max_iter": 5, "tol": 0.0}),
    "alpha_beta_swap": (subopt.alpha_beta_swap, {"energy": ENERGY, "start": None, "max_iter": 3}),
    "fusion": (subopt.fusion, {"energy": ENERGY, "start": None, "max_iter": 3}),
    "qpbo": (subopt.qpbo, {"energy": TWO, "time_limit": 9}),
    "alpha_expansion_many": (
        subopt.alpha_expansion_many,
        {"energy": ENERGY, "unaries": np.zeros((2, 3, 3)), "threads": 1},
    ),
    "alpha_beta_swap_many": (
        subopt.alpha_beta_swap_many,
        {"energy": ENERGY, "unaries": np.zeros((2, 3, 3)), "threads": 1},
    ),
    "icm": (subopt.icm, {"energy": ENERGY, "start": [0, 0, 0], "max_iter": 5}),
    "ishikawa": (subopt.ishikawa, {"energy": ROW}),
    "segment": (
        subopt.segment,
        {
            "image": IMAGE,
            "seeds": SEEDS,
            "smoothness": 1.0,
            "n_components": 2,
            "max_iter": 2,
            "mask": None,
            "start": None,
            "connectivity": 1,
            "spacing": None,
        },
    ),
    "CoupledLabelingProblem": (
        CoupledLabelingProblem,
        {
            "unary": -np.ones((3, 2, 2)),
            "n_outputs": 3,
            "compatibility": None,
            "smoothness": 0.1,
            "coupling": 0.1,
            "threshold": 0.5,
            "levels": 2,
        },
    ),
    "minimize coupled labels": (
        subopt.minimize,
        {"problem": COUPLED, "effort": "fast", "rng": 0, "start": None, "max_iter": 3},
    ),
}


CALLABLES = {
    "build",
    "value",
    "values",
    "splitting",
    "callback",
}  # errors within them are those of the caller
SAYS = {  # other names of an argument in messages
    "F": ("SetFunction", "needs n"),
    "h": ("SetFunction", "DifferenceOfSubmodular"),
    "problem": ("minimize", "method", "start"),
    "problems": ("minimize",),
    "energy": ("LabelingEnergy", "does not fit"),
    "value": ("callable",),
    "adjacency": ("matrix",),
    "unary": ("edges", "offsets", "label"),  # it says how many nodes there are
    "membership": ("weights",),
    "weights": ("scales", "grid_cut needs"),
    "source_capacity": ("capacit", "tails", "heads"),
    "sink_capacity": ("capacit",),
    "supply": ("tails", "heads"),
    "capacity": ("No flow has",),
    "heads": ("No flow has",),
    "amount": ("No flow has",),
    "capacities": ("capacit",),
    "label_axis": ("label",),
    "smoothness": ("weights",),
    "edges": ("incidence matrix",),
    "terms": ("variables",),
}


@pytest.mark.parametrize("door", DOORS)
@given(data=st.data())
def test_an_argument_that_is_refused_is_named(door, data):
    call, arguments = DOORS[door]
    name = data.draw(st.sampled_from(sorted(arguments)))
    other = data.draw(st.sampled_from([*MISTAKES, F, H, ENERGY, COUPLED]))
    if name in CALLABLES and callable(other):
        return
    require_named(call, arguments, name, other, SAYS.get(name, ()))


def test_all_doors_have_a_line():
    """Functions; classes that callers make have one as well, answers and certificates do not."""
    covered = {call.__name__ for call, _ in DOORS.values() if inspect.isfunction(call)}
    functions = {name for name in subopt.__all__ if inspect.isfunction(getattr(subopt, name))}
    assert functions - covered == {"warm_up"}  # it takes names of doors
