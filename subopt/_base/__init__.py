"""Common infrastructure of all wings: checks of input, compilation, threads, deadlines, answers."""
