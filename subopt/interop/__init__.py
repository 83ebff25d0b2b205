"""Modules for other packages. Each is imported explicitly and needs that package."""
