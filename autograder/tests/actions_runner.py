"""Runs the steps of a workflow as a runner of GitHub Actions would, offline.

What a step prints is read for commands with the runner's own rules: a line that begins with two
colons after any blanks, or the older form anywhere in a line, unless commands are stopped.
"""

import os
import re
import site
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REGISTERED = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice",
    "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip
FILES = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")


@dataclass(frozen=True)
class Command:
    """A workflow command as the runner understood it."""

    name: str
    properties: dict[str, str]
    data: str


@dataclass
class Step:
    """What one step did."""

    name: str
    code: int
    log: str
    files: dict[str, str]
    commands: list[Command]
    stopped: bool


@dataclass
class Job:
    """What a job did, step by step; `artifacts` by name."""

    steps: list[Step] = field(default_factory=list)
    artifacts: dict[str, list[Path]] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return any(step.code for step in self.steps)

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)


def load(path: Path) -> dict[str, Any]:
    """A workflow; YAML 1.1 takes its key `on` for a boolean, which GitHub does not."""
    text: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in text.items()}


def read_commands(log: str) -> tuple[list[Command], bool]:
    """The commands that a runner finds in what a step printed, and whether they end switched off.

    Commands that only switch others off or on again are not among them.
    """
    found, token = list[Command](), ""
    for line in re.split("\r\n|\r|\n", log):
        command = _parse(line, token)
        if command is None:
            continue
        if token:
            token = "" if command.name.lower() == token.lower() else token
        elif command.name == "stop-commands":
            token = command.data
        else:
            found.append(command)
    return found, bool(token)


def _parse(line: str, token: str) -> Command | None:
    known = REGISTERED | {token.lower()}
    begins = line.lstrip()
    if begins.startswith("::") and (end := begins.find("::", 2)) >= 0:
        name, _, rest = begins[2:end].partition(" ")
        if name.lower() in known:
            pairs = [p.split("=", 1) for p in rest.strip().split(",") if "=" in p]
            properties = {key: _plain(value, "%3A:", "%2C,") for key, value in pairs}
            return Command(name, properties, _plain(begins[end + 2 :]))
    start = line.find("##[")
    if start >= 0 and (end := line.find("]", start)) >= 0:
        name, _, rest = line[start + 3 : end].partition(" ")
        if name.lower() in known:
            return Command(name, {}, line[end + 1 :])
    return None


def _plain(text: str, *more: str) -> str:
    for pair in ("%0D\r", "%0A\n", *more, "%25%"):
        text = text.replace(pair[:3], pair[3:])
    return text


class Runner:
    """A machine with a checkout, a Python of its own, and the files that steps write to."""

    def __init__(self, folder: Path, checkout: Path, **context: str) -> None:
        self.checkout = checkout
        self.temp = folder / "temp"
        self.temp.mkdir(parents=True)
        self.commands = folder / "_runner_file_commands"
        self.commands.mkdir()
        self.bin = python_of_its_own(folder / "python")
        self.context = {"runner.temp": str(self.temp), **context}
        self.env = {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder), "LANG": "C.UTF-8", "CI": "true", "GITHUB_ACTIONS": "true",
            "RUNNER_TEMP": str(self.temp), "RUNNER_OS": "Linux",
            "GITHUB_WORKSPACE": str(checkout), "GITHUB_REPOSITORY": "org/course",
            "ACTIONS_RUNTIME_TOKEN": "a-token-that-nobody-may-see",
            # Offline: what the engine needs is beside it, only the engine itself is installed.
            "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_FORCE_REINSTALL": "1",
            "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        }  # fmt: skip

    def run(self, workflow: Mapping[str, Any]) -> Job:
        """Every step of the only job, in order."""
        (job,) = workflow["jobs"].values()
        done = Job()
        for number, step in enumerate(job["steps"]):
            always = "cancelled" in str(step.get("if", ""))
            if done.failed and not always:
                continue
            if "uses" in step:
                self._use(step, done)
            else:
                done.steps.append(self._bash(step, number))
        return done

    def _use(self, step: Mapping[str, Any], done: Job) -> None:
        action = step["uses"].partition("@")[0]
        given = step.get("with", {})
        if action == "actions/upload-artifact":
            path = self.checkout / self._filled(given["path"])
            found = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            done.artifacts[given["name"]] = [p for p in found if p.is_file()]
        else:
            assert action in ("actions/checkout", "actions/setup-python"), action

    def _bash(self, step: Mapping[str, Any], number: int) -> Step:
        script = self.temp / f"step{number}.sh"
        script.write_text(self._filled(step["run"]), encoding="utf-8")
        files = {name: self.commands / f"{name.lower()}_{number}" for name in FILES}
        for path in files.values():
            path.touch()
        own = {key: self._filled(value) for key, value in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "-e", str(script)],
            cwd=self.checkout,
            env={**self.env, **own, **{name: str(path) for name, path in files.items()}},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
        )
        log = done.stdout.decode("utf-8", errors="replace")
        texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
        for line in texts["GITHUB_ENV"].split("\n"):
            if "=" in line:
                self.env.update([line.split("=", 1)])
        for line in texts["GITHUB_PATH"].split():
            self.env["PATH"] = f"{line}{os.pathsep}{self.env['PATH']}"
        commands, stopped = read_commands(log)
        name = step.get("name", step["run"])
        return Step(name, done.returncode, log, texts, commands, stopped)

    def _filled(self, text: str) -> str:
        return re.sub(
            r"\$\{\{\s*(.*?)\s*\}\}", lambda found: self.context[found.group(1)], str(text)
        )


def python_of_its_own(folder: Path) -> Path:
    """A Python that finds what is installed here, and has a place of its own for the engine."""
    venv.create(folder, with_pip=False, symlinks=True)
    (own,) = folder.glob("lib/python*/site-packages")
    here = [path for path in sys.path if path.endswith("site-packages")] or site.getsitepackages()
    (own / "here.pth").write_text("\n".join(here) + "\n", encoding="utf-8")
    return folder / "bin"
