"""Hands in JSON of other kinds: a list, a number, a text, an object without cells.

expect: scale=0 scale_backward=0
status: unreadable
"""


def files():
    return {"scale.ipynb": b'{"metadata": {}, "cells": {"0": "def scale(x, factor): pass"}}'}
