"""Families of submodular functions: one file each, with one compiled sweep and one class."""
