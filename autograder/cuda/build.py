"""Turn a CUDA source into a program that runs on a CPU.

What was built is kept by the hash of everything that went into it.
"""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

from .command import Command, Completed, Execute, execute_here
from .launch import Launch, Report, Size
from .linkage import foreign_symbols
from .problem import Problem, Refused, Unavailable
from .source import Source
from .toolchain import RUNTIME, WATCH, Tier, Toolchain, find_toolchain

MOST_KEPT = 400


@dataclass(frozen=True)
class Program:
    """A built source.

    Attributes:
        binary: The program; it needs nothing else but its three standard streams.
        kernels: What can be launched.
        execute: What runs it.
    """

    binary: Path
    tier: Tier
    source: Source
    kernels: tuple[str, ...]
    toolchain: Toolchain
    execute: Execute = field(default=execute_here, repr=False)

    def launch(self, kernel: str, grid: Size, block: Size, args: Any, **more: Any) -> Report:
        """Launch one kernel; `more` are the other fields of a `Launch`."""
        from .running import launch

        return launch(self, Launch(kernel, grid, block, args, **more))


def cache_folder() -> Path:
    """Where built programs are kept; AUTOGRADER_CUDA_CACHE or the user's cache folder."""
    named = os.environ.get("AUTOGRADER_CUDA_CACHE")
    return Path(named) if named else Path(user_cache_dir("autograder")) / "cuda"


def build(
    source: Source | Path | str,
    tier: Tier = Tier.PLAIN,
    *,
    kernels: tuple[str, ...] = (),
    toolchain: Toolchain | None = None,
    cache: Path | None = None,
    execute: Execute = execute_here,
) -> Program:
    """Build a source for one tier, or find what was built before.

    Args:
        source: A path to a .cu file, its text, or a Source.
        tier: Which build.
        kernels: Instances of templates that will be launched ("scale<4>"); other kernels are
            found by themselves.
        toolchain: The compiler; by default the one that is found.
        cache: Where to keep what is built.
        execute: What runs a command.

    Raises:
        Unavailable: This machine cannot build that tier.
        Refused: The source holds what is not emulated, or does not compile.
    """
    source = as_source(source)
    problems = source.refusals()
    if problems:
        raise Refused(problems)
    tools = toolchain or find_toolchain()
    names = (*(k.name for k in source.kernels()), *kernels)
    if not names:
        message = "there is no kernel in this file: a kernel is a __global__ void function"
        raise Refused((Problem("compile", message),))
    unit = source.for_cpu(tuple(dict.fromkeys(names)))
    folder = (cache or cache_folder()) / _key(unit, tools, tier)
    binary = folder / "program"
    if not binary.exists():
        _make(unit, source, tier, tools, folder, execute)
    return Program(binary, tier, source, names, tools, execute)


def as_source(source: Source | Path | str) -> Source:
    """A Source from a path, a text or a Source."""
    if isinstance(source, Source):
        return source
    if isinstance(source, Path):
        return Source(source.read_text(encoding="utf-8", errors="replace"), source.name)
    return Source(source)


def _key(unit: str, tools: Toolchain, tier: Tier) -> str:
    parts = [unit, tier.value, tools.compiler, tools.version, *tools.for_student(tier)]
    parts += [p.read_text(encoding="utf-8") for p in runtime_files()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def runtime_files() -> list[Path]:
    return sorted(p for p in RUNTIME.rglob("*") if p.is_file())


def _make(
    unit: str, source: Source, tier: Tier, tools: Toolchain, folder: Path, execute: Execute
) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    runtime = _runtime_object(tier, tools, folder.parent, execute)
    work = Path(tempfile.mkdtemp(prefix="making-", dir=folder.parent))
    try:
        (work / "unit.cpp").write_text(unit, encoding="utf-8")
        compiled = execute(compile_command(tools, tier, work), b"")
        if compiled.code != 0:
            raise Refused(compile_problems(source, compiled))
        problems = foreign_symbols(source, work / "unit.o", tools, execute)
        if problems:
            raise Refused(problems)
        linked = execute(link_command(tools, tier, work, runtime), b"")
        if linked.code != 0:
            if b"multiple definition" in linked.err:
                message = "a function of the file has the name of one of the runtime's"
                raise Refused((Problem("compile", message),))
            raise Unavailable(f"the {tier.value} build does not link: {_first_line(linked.err)}")
        (work / "unit.o").unlink()
        # Somebody else may have been faster; then theirs stays.
        try:
            work.rename(folder)
        except OSError:
            if not (folder / "program").exists():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _forget_oldest(folder.parent)


def _forget_oldest(cache: Path) -> None:
    """Keep the cache from growing for ever."""
    built = [p for p in cache.iterdir() if re.fullmatch(r"[0-9a-f]{32}", p.name)]
    if len(built) <= MOST_KEPT:
        return
    ages = []
    for path in built:
        with contextlib.suppress(OSError):  # somebody else forgets, too
            ages.append((path.stat().st_mtime, path))
    for _, path in sorted(ages)[: len(built) - MOST_KEPT * 3 // 4]:
        shutil.rmtree(path, ignore_errors=True)


def compile_command(tools: Toolchain, tier: Tier, work: Path) -> Command:
    """Compile the student's translation unit `unit.cpp` in `work`."""
    unit, made = work / "unit.cpp", work / "unit.o"
    argv = (tools.compiler, *tools.for_student(tier), f"-I{RUNTIME}", f"-I{RUNTIME / 'include'}",
            "-c", str(unit), "-o", str(made))  # fmt: skip
    return Command(argv, (RUNTIME, unit), (made,))


def link_command(tools: Toolchain, tier: Tier, work: Path, runtime: tuple[Path, ...]) -> Command:
    """Link the student's object with the runtime."""
    unit, made = work / "unit.o", work / "program"
    objects = (*runtime, unit)
    argv = (tools.compiler, *map(str, objects), "-o", str(made), *tools.for_link(tier))
    return Command(argv, objects, (made,))


def _runtime_object(
    tier: Tier, tools: Toolchain, cache: Path, execute: Execute
) -> tuple[Path, ...]:
    """The runtime for a tier, compiled once per compiler."""
    texts = [p.read_text(encoding="utf-8") for p in runtime_files()]
    parts = [tools.compiler, tools.version, *tools.for_runtime(), *texts]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    folder = cache / f"runtime-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name in ("scheduler", "shared", "report", "host", *WATCH[tier]):
        target = folder / f"{name}.o"
        made.append(target)
        if target.exists():
            continue
        handle, temporary = tempfile.mkstemp(suffix=".o", dir=folder)
        os.close(handle)
        source = RUNTIME / f"{name}.cpp"
        argv = (tools.compiler, *tools.for_runtime(), "-c", str(source), "-o", temporary)
        done = execute(Command(argv, (RUNTIME,), (Path(temporary),)), b"")
        if done.code != 0:
            raise Unavailable(f"the runtime does not compile: {_first_line(done.err)}")
        os.replace(temporary, target)
    return tuple(made)


def compile_problems(source: Source, compiled: Completed) -> tuple[Problem, ...]:
    """The compiler's errors, with the student's lines.

    Raises:
        Unavailable: It failed without saying anything about the source.
    """
    if compiled.code is None:
        return (Problem("compile", "compiling took too long"),)
    found = []
    pattern = re.compile(r"^(.*?):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$")
    required = re.compile(rf"^{re.escape(source.name)}:(\d+):")
    last_line = 0
    for text in compiled.err.decode(errors="replace").split("\n"):
        if m := required.match(text):
            last_line = int(m[1])
        if not (m := pattern.match(text)):
            continue
        mine = m[1] == source.name
        message = re.sub(r"\[-W[\w=-]+\]|on_cpu::|_shared_t\b", "", m[3]).strip()
        if "on_cpu_inline_ptx" in message:
            message = "inline PTX is not emulated on a CPU: write it in CUDA C++"
        if m[1] == "launches":
            message = f"a kernel cannot be launched: {message}"
        found.append(Problem("compile", message, int(m[2]) if mine else last_line))
    if not found:
        raise Unavailable(f"the compiler stopped: {_first_line(compiled.err)}")
    return tuple(found[:5])


def _first_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return next((x for x in lines if "error" in x), lines[0] if lines else "no reason given")[:300]
