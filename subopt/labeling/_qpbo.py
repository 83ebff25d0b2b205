"""Two labels and any costs: the roof dual, its bound and the labels that it proves."""

from __future__ import annotations

from subopt._base.answer import Status
from subopt.labeling._icm import icm
from subopt.labeling.cut_graphs import solve
from subopt.labeling.energy import LabelingEnergy, require_energy
from subopt.labeling.result import Labeling, certified


def qpbo(energy: LabelingEnergy) -> Labeling:
    """Find what roof duality knows of the minimizers of an energy of two labels.

    Parameters
    ----------
    energy : LabelingEnergy
        With two labels; any table, weights of any sign, no label costs.

    Returns
    -------
    Labeling
        ``persistent`` marks the nodes whose label is the same in every minimizer; the others have
        labels that `icm` finds. With a `CutGraphCertificate`; OPTIMAL if the bound meets the value.

    Raises
    ------
    TypeError, ValueError
        If `energy` is no `LabelingEnergy`, has not two labels, or has label costs.

    Notes
    -----
    One maximum flow on 2 n nodes and 2 m arcs, and `icm`.

    References
    ----------
    .. [1] E. Boros, P. L. Hammer, "Pseudo-Boolean optimization", Discrete Applied Mathematics 123,
       2002, section 5.
    .. [2] V. Kolmogorov, C. Rother, "Minimizing nonsubmodular functions with graph cuts - a
       review", IEEE TPAMI 29(7), 2007.

    Examples
    --------
    A cycle of three nodes that all want to differ from the next, and a fourth that follows:

    >>> energy = LabelingEnergy(
    ...     [[0, 0], [0, 0], [0, 0], [0, 9]],
    ...     edges=[(0, 1), (1, 2), (2, 0), (2, 3)],
    ...     weights=[-1, -1, -1, 0.5],
    ... )
    >>> result = qpbo(energy)
    >>> result.persistent, result.value, result.lower_bound
    (array([False, False, False,  True]), -2.0, -2.75)
    """
    require_energy("qpbo", energy)
    if energy.n_labels != 2:
        raise ValueError(
            f"qpbo needs two labels, got {energy.n_labels}. alpha_expansion, alpha_beta_swap and "
            "icm take more."
        )
    if energy.label_costs.any():
        raise ValueError(
            "qpbo takes no label costs. alpha_expansion, alpha_beta_swap and icm take them."
        )
    cut, certificate = solve("roof", energy)
    one, zero = cut.source_side[: energy.n], cut.source_side[energy.n :]
    known = one != zero
    labels = energy.costs.argmin(axis=0)
    labels[known] = one[known]
    others = icm(energy, initial=labels).labels.ravel()
    labels[~known] = others[~known]  # whatever the others are, known labels are no worse
    labeling = Labeling(
        labels=labels.reshape(energy.shape),
        value=energy.value(labels),
        status=Status.LOCAL_MINIMUM,
        method=f"qpbo: {int(known.sum())} of {energy.n} labels persistent",
        n_cuts=1,
        persistent=known.reshape(energy.shape),
    )
    return certified(energy, labeling, certificate)
