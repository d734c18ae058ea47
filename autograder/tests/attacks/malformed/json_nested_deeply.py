"""Hands in JSON that nests ten thousand lists and objects.

expect: scale=0 scale_backward=0
status: unreadable
"""


def files():
    return {"scale.ipynb": b'{"cells": ' + b'[{"a":' * 10_000 + b"1" + b"}]" * 10_000 + b"}"}
