"""Volume 2: training, in PyTorch."""
