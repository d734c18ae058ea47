"""Volume 3: the engine."""
