"""How fast the references are, as ratios within one run. Nothing here is a test."""
