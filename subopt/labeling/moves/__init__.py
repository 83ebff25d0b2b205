"""The engine of expansion and swap: which moves pay, and their minimum cuts."""
