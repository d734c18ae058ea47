"""Has 20 MB of plots in its outputs, which nobody reads.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, code, record


def files():
    plot = code("plot(scale)")
    plot["outputs"] = [{"output_type": "display_data", "data": {"image/png": "A" * 20_000_000}}]
    return {"scale.ipynb": record([code(SCALE), plot, code(BACKWARD)])}
