"""The GPU tier: where there is no device, it says so; it never passes without one."""

import ctypes
import ctypes.util

from .problem import Problem, Unavailable


def devices() -> int:
    """Number of CUDA devices; 0 without a driver."""
    name = ctypes.util.find_library("cuda")
    if not name:
        return 0
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value


def run_on_gpu() -> tuple[Problem, ...]:
    """Run the cases on a device.

    Raises:
        Unavailable: There is none, or this version does not use it yet.
    """
    if devices() == 0:
        raise Unavailable("this machine has no CUDA device")
    raise Unavailable("running on a device is not part of this version")
