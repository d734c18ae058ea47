"""Hides what it does from readers: eval, base64, attribute games, names in other alphabets.

expect: scale=full scale_backward=full
review: yes
"""

import base64

CODE = base64.b64encode(b"__import__('os').system('touch @MARKER@')")


def scale(x, factor):
    for way in (
        lambda: eval(base64.b64decode(CODE)),
        lambda: exec("import os; open('@MARKER@', 'w')"),
        lambda: getattr(__builtins__, "op" + "en")("@MARKER@", "w"),
        lambda: ().__class__.__base__.__subclasses__()[104].load_module("os").system("touch @MARKER@"),
        lambda: print.__self__.__dict__["ｏｐｅｎ".translate({i + 0xFEE0: i for i in range(33, 127)})]("@MARKER@", "w"),
    ):
        try:
            way()
        except Exception as error:
            print(type(error).__name__)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
