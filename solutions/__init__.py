"""Sources of every exercise: handout, signature, reference. Never released."""
