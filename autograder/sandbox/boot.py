"""First lines of a zygote: `python -I -S boot.py DESCRIPTOR`. Run as a program only.

With a second argument, of another module here: `tool_launcher` starts a compiler or a binary.

The engine's files that a worker shares with the supervisor are loaded from their folder under a
name of their own, so that no package of the course comes on the search path.
"""

import importlib
import os
import sys
import types


def _shared(name: str, folder: str) -> None:
    package = types.ModuleType(name)
    package.__path__ = [folder]
    sys.modules[name] = package


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    _shared("_engine", os.path.dirname(here))
    _shared("_engine.sandbox", here)
    module = sys.argv[2] if len(sys.argv) > 2 else "zygote"
    importlib.import_module(f"_engine.sandbox.{module}").main(int(sys.argv[1]))
