"""Minimum cuts of grids, whose arcs are implicit."""
