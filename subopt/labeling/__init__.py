"""Labeling energies and their solvers."""
