"""Doors from programs that were written for other packages."""
