"""The loss of a training run: from ln V to the floor."""

import math

from ..svg import BLUE, ORANGE, curve, dot, line, svg, text
