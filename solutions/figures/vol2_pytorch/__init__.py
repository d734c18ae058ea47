"""Figures of Volume 2."""
