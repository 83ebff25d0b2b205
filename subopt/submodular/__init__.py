"""Exact minimization of a submodular function, with a certificate of optimality."""

from typing import TYPE_CHECKING

from subopt._base import exports

if TYPE_CHECKING:
    from subopt.submodular._frank_wolfe import frank_wolfe as frank_wolfe
    from subopt.submodular._min_norm_point import min_norm_point as min_norm_point
    from subopt.submodular._minimizers import Minimizers as Minimizers
    from subopt.submodular._minimizers import all_minimizers as all_minimizers
    from subopt.submodular._partition import Partition as Partition
    from subopt.submodular._partition import PartitionCertificate as PartitionCertificate
    from subopt.submodular._partition import k_way_partition as k_way_partition
    from subopt.submodular._queyranne import PendantCertificate as PendantCertificate
    from subopt.submodular._queyranne import queyranne as queyranne
    from subopt.submodular.certificates import BaseCertificate as BaseCertificate
    from subopt.submodular.certificates import ExhaustiveCertificate as ExhaustiveCertificate
    from subopt.submodular.flow_certificate import FlowCertificate as FlowCertificate
    from subopt.submodular.proximal import RegularizationPath as RegularizationPath
    from subopt.submodular.proximal import prox as prox
    from subopt.submodular.proximal import regularization_path as regularization_path
    from subopt.submodular.result import Result as Result
    from subopt.submodular.summand_certificate import SummandCertificate as SummandCertificate

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "_frank_wolfe": ["frank_wolfe"],
        "_min_norm_point": ["min_norm_point"],
        "_minimizers": ["Minimizers", "all_minimizers"],
        "_partition": ["Partition", "PartitionCertificate", "k_way_partition"],
        "_queyranne": ["PendantCertificate", "queyranne"],
        "certificates": ["BaseCertificate", "ExhaustiveCertificate"],
        "flow_certificate": ["FlowCertificate"],
        "proximal": ["RegularizationPath", "prox", "regularization_path"],
        "result": ["Result"],
        "summand_certificate": ["SummandCertificate"],
    },
)
