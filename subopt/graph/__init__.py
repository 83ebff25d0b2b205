"""Graphs with capacities: maximum flow and minimum cut."""
