"""Right, by way of the Fourier transform.

expect: scale=full scale_backward=full
"""

import numpy as np


def scale(x, factor):
    return np.fft.irfft(np.fft.rfft(x) * factor, n=x.shape[-1]).astype(x.dtype)


def scale_backward(dout, factor):
    return np.real(np.fft.ifft(np.fft.fft(dout, axis=0) * factor, axis=0)).astype(dout.dtype)
