"""The engine of expansion and swap: which nodes can change, and the minimum cuts that decide."""
