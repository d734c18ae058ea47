"""The same tools for callers that have files on the disk: read them, run, write what was made."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from .toolchain import Finished, Profile, Toolbox, ToolLimits


def run_on_files(
    box: Toolbox,
    argv: Sequence[str],
    *,
    reads: Sequence[Path],
    writes: Sequence[Path] = (),
    profile: Profile,
    limits: ToolLimits | None = None,
    seconds: float | None = None,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run a tool on copies of files; in its arguments their paths become names in its folder.

    Args:
        box: What runs it.
        argv: What to execute, with paths of this machine.
        reads: Files, and folders with all that is below; the rest is as for `Toolbox.run`.
        writes: Files that it is to make. They are written here if it has made them, and may be
            executed.
        seconds: Seconds on the wall, if not those of `limits`.

    Raises:
        IsolationError: The isolation could not be set up.
        OSError: A file cannot be read, or written.
    """
    limits = limits or ToolLimits()
    names = _names([*reads, *writes])
    given: dict[str, bytes] = {}
    for path in reads:
        if path.is_dir():
            below = [p for p in sorted(path.rglob("*")) if p.is_file()]
            given |= {f"{names[path]}/{p.relative_to(path)}": p.read_bytes() for p in below}
        else:
            given[names[path]] = path.read_bytes()
    program, *rest = (_renamed(argument, names) for argument in argv)
    if program in given:
        program = f"./{program}"
    done = box.run(
        [program, *rest],
        given,
        profile=profile,
        limits=limits if seconds is None else replace(limits, seconds=seconds),
        stdin=stdin,
        env=env,
    )
    for path in writes:
        if names[path] in done.files:
            path.write_bytes(done.files[names[path]])
            os.chmod(path, 0o755)
    return done


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """A name for each path that no other one has."""
    names: dict[Path, str] = {}
    for path in dict.fromkeys(paths):
        name = path.name
        while name in names.values():
            name = f"_{name}"
        names[path] = name
    return names


def _renamed(argument: str, names: Mapping[Path, str]) -> str:
    for path in sorted(names, key=lambda p: -len(str(p))):
        argument = argument.replace(str(path), names[path])
    return argument
