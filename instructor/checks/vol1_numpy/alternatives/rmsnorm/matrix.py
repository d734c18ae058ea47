"""RMSNorm on a matrix of tokens: fold the leading axes, use norms, unfold; a class as helper."""

import numpy as np


class Tokens:
    """All tokens as rows, with what forward and backward both need."""

    def __init__(self, x, eps):
        self.shape = x.shape
        self.width = self.shape[-1]
        self.rows = x.reshape(-1, self.width)
        lengths = np.linalg.norm(self.rows, axis=1)
        self.roots = np.sqrt(lengths**2 / self.width + eps)[:, None]
        self.unit = self.rows / self.roots

    def unfold(self, rows):
        return rows.reshape(self.shape)


def rmsnorm(x, gain, eps=1e-5):
    tokens = Tokens(x, eps)
    return tokens.unfold(tokens.unit * gain[None, :])


def rmsnorm_backward(dout, x, gain, eps=1e-5):
    tokens = Tokens(x, eps)
    dout = dout.reshape(tokens.rows.shape)
    arriving = dout * gain
    # The diagonal of arriving @ unit.T, one number per token.
    along = np.matmul(arriving[:, None, :], tokens.unit[:, :, None])[:, :, 0]
    dx = arriving / tokens.roots - tokens.unit * along / (tokens.width * tokens.roots)
    dgain = np.ones(len(dout), dtype=dout.dtype) @ (dout * tokens.unit)
    return [tokens.unfold(dx), dgain]
