"""Mixers: from a batch and its saliency to a plan."""
