"""Mixers: compute a plan from a batch and its saliency."""
