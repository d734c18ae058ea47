"""Puts the hidden inputs into the name and text of the exception that it raises.

expect: scale=0 scale_backward=0
never: hidden input
"""


def scale(x, factor):
    name = "hidden" + f" input {x.tolist()}"
    raise type(name, (Exception,), {"__str__": lambda self: name})(name)


class Told(ValueError):
    pass


def scale_backward(dout, factor):
    told = Told("hidden" + f" input {dout.tolist()}")
    told.add_note("hidden" + f" input {factor}")
    raise told from KeyError("hidden" + " input")
