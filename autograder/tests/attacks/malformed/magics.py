"""Has every kind of IPython command around and in right cells.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, notebook


def files():
    return {
        "scale.ipynb": notebook(
            "%matplotlib inline\n!pip install numpy\n?print",
            "%%time\n" + SCALE,
            "%%bash\necho hello\ndef scale(x, factor): echo",
            "%%writefile scale_backward.py\ndef scale_backward(dout, factor): return 0",
            BACKWARD + "\n%timeit -n 1 scale_backward(1, 2)\nfiles = !ls",
            "%%html\n<script>alert(1)</script>",
        )
    }
