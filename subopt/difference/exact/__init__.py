"""Exact minimization of differences: branch and bound, and mixed-integer programs."""
