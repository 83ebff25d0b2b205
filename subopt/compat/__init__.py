"""Replacements for the calls of other packages: PyMaxflow, gco-wrapper, networkx.

``import subopt.compat.maxflow as maxflow`` runs programs that were written for PyMaxflow, and
``import subopt.compat.gco as gco`` those for gco-wrapper. Nothing of these packages is needed or
contained. New programs are shorter with `subopt.grid_cut`, `subopt.max_flow` and
`subopt.alpha_expansion`, which also prove their answers. `subopt.compat.networkx` is a backend of
networkx.
"""
