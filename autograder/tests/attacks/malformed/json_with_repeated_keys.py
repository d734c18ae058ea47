"""Repeats keys in a notebook: the last one counts, as everywhere.

expect: scale=full scale_backward=full
"""

from autograder.tests.attacks.tools import BACKWARD, SCALE, notebook


def files():
    right = notebook(SCALE, BACKWARD).decode()
    return {"scale.ipynb": ('{"cells": [], "cells": 3, "nbformat": 1, ' + right[1:]).encode()}
