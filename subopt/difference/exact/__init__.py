"""Exact minimization of differences: branch and bound, and a linear program."""
