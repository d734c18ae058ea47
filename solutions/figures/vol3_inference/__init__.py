"""Figures of Volume 3."""
