"""Volume 3: inference, the engine."""
