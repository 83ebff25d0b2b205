"""Minimize set functions and differences f - g over feasible sets."""

from typing import TYPE_CHECKING

from subopt._base import exports

if TYPE_CHECKING:
    from subopt.constrained.certificate import ConstrainedCertificate as ConstrainedCertificate

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "certificate": ["ConstrainedCertificate"],
    },
)
