"""Modules that students are given, imported from their text: a worker cannot open files."""

import importlib.abc
import linecache
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Handouts(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules that were added, and the packages that they are in."""

    def __init__(self) -> None:
        self.sources: dict[str, str] = {}
        self.packages: set[str] = set()

    def add(self, name: str, source: str) -> None:
        """Let `import name` find this text in this process, before anything else."""
        if not self.sources:
            sys.meta_path.insert(0, self)
        self.sources[name] = source
        while name := name.rpartition(".")[0]:
            self.packages.add(name)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in self.sources and name not in self.packages:
            return None
        return ModuleSpec(name, self, is_package=name in self.packages)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        source = self.sources.get(name, "")
        # A module may say where the files beside it lie, which cannot be opened here.
        module.__file__ = f"/{name.replace('.', '/')}.py"
        linecache.cache[module.__file__] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)
