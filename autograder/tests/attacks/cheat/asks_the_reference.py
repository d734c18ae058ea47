"""Imports the reference under the name that the course gives it, as if it were an earlier exercise.

expect: scale=0 scale_backward=0
"""

from .scale import scale
from starter_code.vol1_toys.scale import scale_backward
