"""Plans: mixtures as data, which can be applied, saved and drawn."""
