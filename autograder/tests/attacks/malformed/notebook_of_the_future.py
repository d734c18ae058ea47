"""Says that it is a notebook of version 99.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, code, dumps


def files():
    return {"scale.ipynb": dumps({"nbformat": 99, "nbformat_minor": -1, "cells": [code(SCALE), code(BACKWARD)]})}
