"""Stubs to fill in. Written by `autograder build`."""
