"""A networkx backend, which networkx discovers by its entry point, and a flow function for it.

``nx.maximum_flow(G, s, t, backend="subopt")`` needs no import of this package. `flow_func` follows
the contract of networkx's own flow functions.
"""

from typing import TYPE_CHECKING

from subopt._base import exports

if TYPE_CHECKING:
    from subopt.compat.networkx.flows import flow_func as flow_func

__all__, __getattr__, __dir__ = exports(__name__, {"flows": ["flow_func"]})
