"""Longer runs whose results are committed: marks, recipes, ablations, the checkpoint."""
