"""What every wing stands on: checks of input, compilation, threads, clocks, answers."""
