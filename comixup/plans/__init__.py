"""Plans: which input fills what of which output, as data that can be applied, saved and drawn."""
