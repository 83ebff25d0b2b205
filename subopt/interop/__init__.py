"""Doors from other packages; each is imported by its name and needs that package."""
