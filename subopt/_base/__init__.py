"""What every wing stands on: checks of input, compilation, threads, clocks, and what an answer is."""
