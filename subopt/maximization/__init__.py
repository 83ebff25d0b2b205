"""Maximize a submodular function under constraints, with an upper bound."""

from typing import TYPE_CHECKING

from subopt._base import exports

if TYPE_CHECKING:
    from subopt.maximization._maximize import maximize as maximize
    from subopt.maximization._stream import StreamResult as StreamResult
    from subopt.maximization._stream import maximize_stream as maximize_stream
    from subopt.maximization.certificate import MarginalCertificate as MarginalCertificate
    from subopt.maximization.result import MaximizationResult as MaximizationResult

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "_maximize": ["maximize"],
        "_stream": ["StreamResult", "maximize_stream"],
        "certificate": ["MarginalCertificate"],
        "result": ["MaximizationResult"],
    },
)
