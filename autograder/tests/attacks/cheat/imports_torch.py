"""Lets PyTorch differentiate: it is not there.

expect: scale=full scale_backward=0
"""

def scale(x, factor):
    return x * factor

def scale_backward(dout, factor):
    import torch

    x = torch.zeros(dout.shape, dtype=torch.float64, requires_grad=True)
    (x * factor).backward(torch.from_numpy(dout))
    return x.grad.numpy()
