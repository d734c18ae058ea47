"""Gradescope: the zip that an assignment is configured with, and what runs in its container."""
