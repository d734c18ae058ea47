"""Volume 2: training."""
