"""Label the nodes of one graph or grid: moves, cuts and bounds."""

from typing import TYPE_CHECKING

from subopt._base import exports

if TYPE_CHECKING:
    from subopt.labeling._alpha_beta_swap import alpha_beta_swap as alpha_beta_swap
    from subopt.labeling._alpha_beta_swap import alpha_beta_swap_many as alpha_beta_swap_many
    from subopt.labeling._alpha_expansion import alpha_expansion as alpha_expansion
    from subopt.labeling._alpha_expansion import alpha_expansion_many as alpha_expansion_many
    from subopt.labeling._dual_bound import dual_bound as dual_bound
    from subopt.labeling._fusion import fusion as fusion
    from subopt.labeling._icm import icm as icm
    from subopt.labeling._ishikawa import ishikawa as ishikawa
    from subopt.labeling._qpbo import qpbo as qpbo
    from subopt.labeling._segment import Segmentation as Segmentation
    from subopt.labeling._segment import segment as segment
    from subopt.labeling.certificates import MessageCertificate as MessageCertificate
    from subopt.labeling.energy import LabelingEnergy as LabelingEnergy
    from subopt.labeling.moves.driver import LabelingBatch as LabelingBatch
    from subopt.labeling.result import Labeling as Labeling

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "_alpha_beta_swap": ["alpha_beta_swap", "alpha_beta_swap_many"],
        "_alpha_expansion": ["alpha_expansion", "alpha_expansion_many"],
        "_dual_bound": ["dual_bound"],
        "_fusion": ["fusion"],
        "_icm": ["icm"],
        "_ishikawa": ["ishikawa"],
        "_qpbo": ["qpbo"],
        "_segment": ["Segmentation", "segment"],
        "certificates": ["MessageCertificate"],
        "energy": ["LabelingEnergy"],
        "moves.driver": ["LabelingBatch"],
        "result": ["Labeling"],
    },
)
