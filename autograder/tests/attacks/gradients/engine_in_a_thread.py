"""Has another thread call the engine, with no frame of its own.

expect: squash=1
review: yes
"""
import torch


class Squash(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            import threading
            thread = threading.Thread(target=torch.tanh(x).backward, args=(dout,))
            thread.start()
            thread.join()
            return x.grad


def squash(x):
    return Squash.apply(x)
