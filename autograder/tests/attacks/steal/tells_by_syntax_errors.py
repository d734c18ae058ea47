"""Compiles a text with hidden inputs in its name, line and message, and lets the error out.

expect: scale=0 scale_backward=full
review: yes
never: hidden input
"""


def scale(x, factor):
    error = SyntaxError("hidden" + f" input {x.tolist()}")
    error.filename, error.lineno = "<cell 0>", 10**9
    error.text = error.msg
    compile("hidden" + f" input {x[0, 0]} (", "hidden" + " input", "exec")
    raise error


def scale_backward(dout, factor):
    return dout * factor
