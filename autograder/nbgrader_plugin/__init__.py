"""nbgrader, graded in isolation: what replaces its kernel, and a fresh course folder from ours.

`instructor/nbgrader_config.py` calls `configure`; nbgrader imports the rest by name. Nothing here
is imported unless nbgrader asks for it, so that the engine does not need nbgrader.
"""

from .config import configure

__all__ = ["configure"]
