"""Set functions rewritten for one kind of algorithm."""
