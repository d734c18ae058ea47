"""The compile tier: does the device compiler (NVRTC) take the file? No GPU and no driver needed.

NVRTC comes as wheels, the optional extra `[cuda]`. It also refuses host code, libraries and
foreign includes by itself. It runs in a process of its own, as a `Command`.
"""

import functools
import importlib.util
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from .command import Command, Completed, Execute, execute_here
from .forbidden import HARMLESS
from .problem import Problem, Unavailable
from .source import Source

ARCHITECTURES = ("sm_80", "sm_90")
WORKER = Path(__file__).parent / "nvrtc_worker.py"
EXTRA = "install this package with its extra [cuda]"


def compile_for_device(
    source: Source,
    *,
    kernels: Sequence[str] = (),
    architectures: Sequence[str] = ARCHITECTURES,
    execute: Execute = execute_here,
) -> tuple[Problem, ...]:
    """Compile to cubins; no problems means that the device compiler takes it.

    Args:
        source: The student's file.
        kernels: Instances of templates ("scale<4>"), which else nobody would compile.
        architectures: For which devices.
        execute: What runs the compiler.

    Raises:
        Unavailable: NVRTC is not installed, or does not load.
    """
    if os.name == "nt":
        raise Unavailable("kernels are compiled on Linux; on Windows use WSL 2 or the container")
    if importlib.util.find_spec("cuda") is None or not _has_bindings():
        raise Unavailable(f"NVRTC is not installed; {EXTRA}")
    wanted = {
        "source": source.text,
        "name": source.name,
        "kernels": list(kernels),
        "architectures": list(architectures),
        "empty_headers": list(HARMLESS),
    }
    command = Command((sys.executable, "-I", str(WORKER)), (WORKER,))
    done = execute(command, json.dumps(wanted).encode())
    return _problems(source, done)


@functools.cache
def _has_bindings() -> bool:
    try:
        return importlib.util.find_spec("cuda.bindings.nvrtc") is not None
    except ModuleNotFoundError:
        return False


def _problems(source: Source, done: Completed) -> tuple[Problem, ...]:
    if done.code is None:
        return (Problem("compile", "the device compiler took too long"),)
    try:
        answer = json.loads(done.out)
        if not isinstance(answer, dict):
            raise ValueError
    except ValueError:
        reason = done.err.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise Unavailable(f"NVRTC does not run: {reason[0][:200]}") from None
    if "unavailable" in answer:
        raise Unavailable(f"{str(answer['unavailable'])[:200]}; {EXTRA}")
    found: dict[tuple[int, str], Problem] = {}
    pattern = re.compile(
        rf"^{re.escape(source.name)}\((\d+)\): (?:catastrophic )?error[^:]*: (.*)$", re.MULTILINE
    )
    for architecture, log in answer.get("failed", {}).items():
        errors = pattern.findall(str(log))
        for line, message in errors[:5]:
            found.setdefault((int(line), message), Problem("compile", message, int(line)))
        if not errors:
            text = str(log).strip().splitlines()[:1] or ["no reason given"]
            message = f"the device compiler refuses the file for {architecture}: {text[0][:200]}"
            found[(0, architecture)] = Problem("compile", message)
    return tuple(found.values())
