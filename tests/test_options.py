"""Every option in the signatures of functions, classes and mixers is read, or refused by name.

Doors and all kinds of odd values: test_front_doors.
"""

import inspect

import numpy as np
import pytest

import comixup
import subopt
from subopt import Cardinality, Coverage, Cut, LabelingEnergy, Modular

F = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) + Modular([-3, 1, 2])
H = Cut([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) - Cardinality([0, 3, 4, 4])
COVER = Coverage([[1, 0], [1, 1], [0, 1]])
ENERGY = LabelingEnergy([[0, 1, 2], [2, 0, 1], [1, 2, 0]], weights=0.5)
TWO = LabelingEnergy([[0, 1], [1, 0]], weights=0.5)
ARCS = [0, 1], [1, 2], [3, 2]
ENDS = {"source_capacity": [2, 0, 0], "sink_capacity": [0, 0, 3]}
GROWING = {"supply": [0, -1, -4], "slope": [1, 1, 1], "interval": (-9, 9)}
SEEDS = np.array([[1, 0, 0], [0, 0, 2]])


def coverage_of(elements):
    return Coverage(np.ones((len(elements), 2)))


# the arguments that each public function needs, and keywords without which it is another problem
CALLS = {
    "all_minimizers": (F,),
    "alpha_beta_swap": (ENERGY,),
    "alpha_beta_swap_many": (ENERGY, np.zeros((2, 3, 3))),
    "alpha_expansion": (ENERGY,),
    "alpha_expansion_many": (ENERGY, np.zeros((2, 3, 3))),
    "branch_and_bound": (H,),
    "decompose": (F,),
    "dual_bound": (ENERGY,),
    "frank_wolfe": (F,),
    "fusion": (ENERGY,),
    "gomory_hu_tree": ARCS,
    "grid_cut": (np.ones((2, 3)), np.ones((2, 3)), 1),
    "grid_cut_many": (np.ones((4, 2, 3)), np.ones((4, 2, 3)), 1),
    "grid_neighbors": (2, 8),
    "grid_structure": (np.ones((3, 3)), 1),
    "icm": (ENERGY,),
    "ishikawa": (LabelingEnergy([[0, 1, 2], [2, 0, 1]], metric="linear"),),
    "k_way_partition": (Cut([[0, 1], [1, 0]]), 2),
    "max_flow": (*ARCS, ENDS),
    "max_flow_many": (*ARCS, {"source_capacity": [[2, 0, 0]], "sink_capacity": [0, 0, 3]}),
    "maximize": (COVER,),
    "maximize_stream": ([[0, 1, 2]], coverage_of, 2),
    "milp": (H,),
    "min_cost_flow": (*ARCS, [1, 1], {"supply": [1, 0, -1]}),
    "min_norm_point": (F,),
    "minimize": (F,),
    "minimize_many": ([F],),
    "modular_lower": (F, [0]),
    "modular_upper": (F, [0]),
    "multiway_cut": (*ARCS, {"terminals": [0, 2]}),
    "normalize": (F,),
    "parametric_max_flow": (*ARCS, GROWING),
    "prox": (F, [0.0, 1.0, 2.0]),
    "qpbo": (TWO,),
    "queyranne": (Cut([[0, 1], [1, 0]]),),
    "regularization_path": (F,),
    "segment": (np.zeros((2, 3)), SEEDS),
    "submodular_upper": (H, [0]),
    "supermodular_upper": (H, [0]),
    "symmetrize": (F,),
    "warm_up": (),
}
METHODS = (
    "accelerated_dca complete_dca dca dca_rounded double_greedy forward_greedy local_search modmod "
    "projected_subgradient subsup supsub"
)
CALLS |= dict.fromkeys(METHODS.split(), (H,))
FUNCTIONS = [name for name in subopt.__all__ if inspect.isfunction(getattr(subopt, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_option_of_every_function_is_read(name):
    function, arguments = getattr(subopt, name), list(CALLS[name])
    needed = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
    for option, parameter in list(inspect.signature(function).parameters.items())[len(arguments) :]:
        if option in needed or isinstance(parameter.default, bool):
            continue  # a switch is on or off
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        with pytest.raises((TypeError, ValueError), match=option):
            function(*arguments, **needed, **{option: Ellipsis})


def test_many_problems_take_the_options_of_one():
    one, many = (
        set(inspect.signature(f).parameters) for f in (subopt.minimize, subopt.minimize_many)
    )
    assert one - {"problem"} == many - {"problems"}


# the same for classes, and for other ways to make them
CLASSES = {
    "Budget": ([1, 2, 3], 4),
    "Cardinality": ([0, 1, 1],),
    "Concave": (COVER,),
    "ConcaveOfModular": (np.ones((1, 3)),),
    "CoupledLabelingProblem": (np.zeros((2, 2, 2)),),
    "Coverage": ([[1, 0], [1, 1]],),
    "Cut": ([[0, 1], [1, 0]],),
    "Cut.from_edges": ([(0, 1)],),
    "Cut.grid": ((2, 2),),
    "DynamicMaxFlow": (*ARCS, ENDS),
    "Entropy": ([[1, 2], [1, 3]],),
    "FacilityLocation": ([[1, 2]],),
    "Function": (3, lambda mask: 0.0),
    "Groups": ([0, 0, 1], 1),
    "HypergraphCut": ([[0, 1]],),
    "LabelingEnergy": ([[0, 1], [1, 0]],),
    "LabelingEnergy.from_graph": ([[0, 1], [1, 0]], np.array([[0, 1.0], [0, 0]])),
    "LogDeterminant": (np.eye(2),),
    "MatroidRank.graphic": ([(0, 1)],),
    "MatroidRank.partition": ([0, 0],),
    "Modular": ([1, 2],),
    "Polynomial": ({(0, 1): 1}, {}),
    "Polynomial.from_ising": ([[0, 1], [0, 0]],),
    "Polynomial.from_qubo": ([[0, 1], [0, 0]],),
}


def refused(make, arguments):
    """Options that are accepted although they make no sense, and those that a message lacks."""
    arguments, found = list(arguments), []
    needed = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
    for option, parameter in list(inspect.signature(make).parameters.items())[len(arguments) :]:
        if option in needed or isinstance(parameter.default, bool):
            continue  # a switch is on or off
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        try:
            make(*arguments, **needed, **{option: Ellipsis})
        except (TypeError, ValueError) as error:
            if option not in str(error):
                found.append(f"{option}: {error}")
        else:
            found.append(f"{option} is accepted")
    return found


@pytest.mark.parametrize("name", CLASSES)
def test_every_option_of_every_class_is_read(name):
    make = subopt
    for part in name.split("."):
        make = getattr(make, part)
    assert refused(make, CLASSES[name]) == []


@pytest.mark.parametrize("name", ["CoMixup", "CutMix", "InputMixup", "ManifoldMixup", "PuzzleMix"])
def test_every_option_of_every_mixer_is_read(name):
    assert refused(getattr(comixup, name), ()) == []


VERBOSE = [
    name
    for name in FUNCTIONS
    if "verbose" in (takes := inspect.signature(getattr(subopt, name)).parameters)
    and "options" not in takes
]
NAMED = [
    name
    for name in CLASSES
    if name in ("LabelingEnergy", "CoupledLabelingProblem")
    or (inspect.isclass(cls := getattr(subopt, name, None)) and issubclass(cls, subopt.SetFunction))
]


@pytest.mark.parametrize("name", [*VERBOSE, *NAMED])
def test_an_unknown_option_is_answered_by_those_that_exist(name):
    make = getattr(subopt, name)
    takes = ", ".join(inspect.signature(make).parameters)
    with pytest.raises(TypeError, match=f"^{name} has no option 'frobnicate'. It has {takes}.$"):
        make(frobnicate=1)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("max_iters", "max_iter"), ("k", "size"), ("seed", "rng"), ("timelimit", "time_limit")],
)
def test_an_option_that_was_meant_is_named(given, meant):
    with pytest.raises(TypeError, match=f"no option {given!r}. Did you mean {meant!r}[?] It has"):
        subopt.minimize(F, **{given: 1})


def test_errors_within_a_function_stay_as_they_are():
    def value(mask):
        return float(value(mask, unknown=1))

    with pytest.raises(TypeError, match=r"value\(\) got an unexpected keyword argument"):
        subopt.minimize(subopt.Function(2, value))
