"""Build, run and judge CUDA C++ kernels without a GPU. See docs/cuda.md."""

from .build import Program, build
from .command import Command, Completed
from .launch import Launch, Out, Report, bfloat16_bits, from_bfloat16
from .problem import CudaError, Problem, Refused, Unavailable
from .running import launch, launch_all
from .source import Source
from .toolchain import Tier, find_toolchain

__all__ = [
    "Command",
    "Completed",
    "CudaError",
    "Launch",
    "Out",
    "Problem",
    "Program",
    "Refused",
    "Report",
    "Source",
    "Tier",
    "Unavailable",
    "bfloat16_bits",
    "build",
    "find_toolchain",
    "from_bfloat16",
    "launch",
    "launch_all",
]
