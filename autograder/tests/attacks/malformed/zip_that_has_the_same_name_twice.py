"""Has the same member twice: one of them is graded.

expect: scale=full scale_backward=full
"""

import io
import warnings
import zipfile

from autograder.tests.attacks.tools import BACKWARD, SCALE


def files():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("scale.py", SCALE + BACKWARD)
        archive.writestr("scale.py", SCALE + BACKWARD)
    return {"scale.zip": buffer.getvalue()}
