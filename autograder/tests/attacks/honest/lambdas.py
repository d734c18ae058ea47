"""Right, with lambdas and operators.

expect: scale=full scale_backward=full
"""

import operator
from functools import partial

times = operator.mul
scale = lambda x, factor: times(x, factor)
flip = lambda function: lambda a, b: function(b, a)
scale_backward = partial(flip(times))
