"""What of the machine a compiler needs to see: its parts, headers, libraries, and the loader."""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..compiler import find_compiler
from ..errors import IsolationError
from .kernel import plant

_SECONDS = 60
_BESIDE = ("as", "ld", "ld.bfd", "nm", "addr2line", "llvm-nm", "llvm-addr2line", "llvm-symbolizer")
_PARTS = ("cc1plus", "cc1", "collect2", "lto-wrapper", "liblto_plugin.so", "as", "ld")
_LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
# A folder of libraries is one that holds some of these; other search paths are left out.
_MARKS = ("libc.so.6", "crt1.o", "libgcc.a", "libstdc++.so.6", "libstdc++.so", "libc++.so")
# Of a whole folder of libraries, what is copied where nothing can be mounted.
_CORE = re.compile(
    r"(lib(c|m|mvec|pthread|dl|rt|util|stdc\+\+|gcc|gcc_s|gcc_eh|c_nonshared|[altub]+san|hwasan|atomic"
    r"|isl|mpc|mpfr|gmp|z|zstd|bfd.*|opcodes.*|ctf.*|sframe|jansson|LLVM.*|clang.*|edit|bsd|md"
    r"|tinfo|xml2|ffi|lzma|icu\w+|ssp\w*|supc\+\+|quadmath)[-.].*|ld-.*|[gSMr]*crt[1in].*\.o"
    r"|liblto_plugin.*|lib[altub]+san_preinit\.o)$"
)


@dataclass(frozen=True)
class Tools:
    """A compiler, and paths that it needs; all of them are shown read-only.

    Attributes:
        compiler: Its absolute path.
        programs: Programs, each a file.
        folders: Folders with its parts and headers.
        libraries: Folders with libraries, which may hold much that is not needed.
        files: Other files, such as the loader and its index.
    """

    compiler: str
    programs: tuple[str, ...]
    folders: tuple[str, ...]
    libraries: tuple[str, ...]
    files: tuple[str, ...]

    def visible(self, *, compiles: bool) -> list[str]:
        """Paths for a compiler, or for what it has built: that needs shared libraries only."""
        needed = [*self.libraries, *self.files]
        return [*needed, *self.programs, *self.folders] if compiles else needed

    def search_path(self) -> str:
        """Where the compiler finds its parts."""
        return ":".join(dict.fromkeys(os.path.dirname(p) for p in self.programs))


@functools.cache
def find_tools(compiler: str = "") -> Tools:
    """Ask a compiler what it uses.

    Args:
        compiler: Its name or path; by default what AUTOGRADER_CXX names, else g++ or clang++.

    Raises:
        IsolationError: There is none, or it does not answer.
    """
    found = find_compiler(compiler)
    if found is None:
        raise IsolationError("No C++ compiler was found: install g++ or clang++.")
    path = os.path.abspath(found)
    searched = _said(path, "-print-search-dirs")
    included = re.search(
        r"search starts here:\n(.*?)End of search list", _said(path, "-E", "-v"), re.DOTALL
    )
    headers = re.findall(r"^ (/\S+)", included[1], re.MULTILINE) if included else []
    listed = dict(re.findall(r"^(\w+): =?(.*)$", searched, re.MULTILINE))
    libraries = [p for p in _folders(listed.get("libraries", "")) if _holds_libraries(p)]
    parts = [part for part in _folders(listed.get("programs", "")) if _holds(part, _PARTS)]
    parts += [os.path.dirname(p) for n in _PARTS if "/" in (p := _program(path, n))]
    if "clang" in _said(path, "--version"):
        parts += [_said(path, "-print-resource-dir").strip(), os.path.dirname(_real(path))]
    programs = [path, _real(path)]
    programs += [tool for name in _BESIDE if (tool := shutil.which(name, path=_near(path)))]
    return Tools(
        path,
        tuple(dict.fromkeys(p for program in programs for p in (program, _real(program)))),
        _outermost([*parts, *headers, *[p for p in libraries if "/gcc/" in p]]),
        _outermost(p for p in libraries if "/gcc/" not in p),
        tuple(p for p in (*_LOADERS, "/etc/ld.so.cache") if os.path.exists(p)),
    )


def _near(path: str) -> str:
    return f"{os.path.dirname(path)}:{os.environ.get('PATH', os.defpath)}"


def _said(path: str, *args: str) -> str:
    more = ("-x", "c++", os.devnull) if "-E" in args else ()
    try:
        done = subprocess.run(
            [path, *args, *more],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise IsolationError(f"The compiler {path} does not run ({error}); repair it.") from error
    return done.stdout + (done.stderr if more else "")


def _program(path: str, name: str) -> str:
    return _said(path, f"-print-prog-name={name}").strip()


def _real(path: str) -> str:
    return os.path.realpath(path)


def _folders(listed: str) -> list[str]:
    normal = (os.path.normpath(p) for p in listed.split(":") if p)
    return list(dict.fromkeys(p for p in normal if os.path.isdir(p)))


def _holds(folder: str, names: Iterable[str]) -> bool:
    return any(os.path.exists(os.path.join(folder, name)) for name in names)


def _holds_libraries(folder: str) -> bool:
    return _holds(folder, _MARKS)


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Existing folders, without those that lie in another one."""
    found = sorted({os.path.normpath(p) for p in paths if p and os.path.isdir(p)})
    return tuple(p for p in found if not any(p.startswith(f"{q}/") for q in found))


def mirror(tools: Tools, root: Path, texts: Mapping[str, bytes | str], *, compiles: bool) -> None:
    """Copy or link what is visible below `root`, for machines where nothing can be mounted."""
    for path in [*tools.files, *(tools.programs if compiles else ())]:
        _put(Path(path), Path(f"{root}{path}"))
    for folder in tools.libraries:
        for entry in os.scandir(folder):
            if _CORE.match(entry.name) and entry.is_file():
                _put(Path(entry.path), Path(f"{root}{entry.path}"))
    mirror_paths(tools.folders if compiles else (), root)
    plant(str(root), texts)


def mirror_paths(paths: Iterable[str], root: Path) -> None:
    """The same for files, and for folders with all that is below; what is there stays."""
    for path in map(os.path.abspath, paths):
        _put(Path(path), Path(f"{root}{path}"))
        for above, below, names in os.walk(path, followlinks=True):
            below[:] = [name for name in below if name != "plugin"]
            for name in names:
                _put(Path(above, name), Path(f"{root}{above}", name))


def _put(source: Path, target: Path) -> None:
    if target.exists() or not source.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    real = source.resolve()
    try:
        os.link(real, target)
    except OSError:  # another file system
        shutil.copy(real, target)
