"""The container image as far as it goes without Docker: what enters it, what its flags give."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.sandbox import kernel
from autograder.sandbox.probe import try_level

ROOT = Path(__file__).parents[2]
CAPABILITIES = {"DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7}
LAST_CAPABILITY = 40


def instructions() -> list[list[str]]:
    """The lines of the Dockerfile, continued ones joined, comments left out, in words."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line.strip()]


def copied() -> Iterator[Path]:
    for verb, *words in instructions():
        if verb == "COPY":
            yield from (ROOT / word for word in words[:-1])


def ignored(name: str) -> bool:
    """Whether `.dockerignore` keeps a path out: the last line that fits decides."""
    out = False
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in (line for line in lines if line and not line.startswith("#")):
        pattern = line.lstrip("!").removeprefix("**/")
        parts = Path(name).parts
        starts = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        tails = parts if "**/" in line else ()
        if any(
            fnmatch.fnmatchcase(s, pattern) and s.count("/") == pattern.count("/") for s in starts
        ) or any(fnmatch.fnmatchcase(t, pattern) for t in tails):
            out = not line.startswith("!")
    return out


def context() -> list[str]:
    """Every file of the repository that is sent to Docker."""
    skipped = (".git", ".venv", "build", "dist")
    names = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if not (Path(folder) == ROOT and f in skipped)]
        names += [(Path(folder) / f).relative_to(ROOT).as_posix() for f in files]
    return [name for name in names if not ignored(name)]


def test_the_image_starts_from_a_public_one_with_a_python_that_is_allowed() -> None:
    (base,) = [words[0] for verb, *words in instructions() if verb == "FROM"]
    found = re.fullmatch(r"python:(\d+)\.(\d+)-slim", base)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    least = settings["project"]["requires-python"].removeprefix(">=").split(".")
    assert found and tuple(map(int, found.groups())) >= tuple(map(int, least))


def test_everything_that_is_copied_exists_and_is_not_ignored() -> None:
    for path in copied():
        assert path.exists(), path
        assert not ignored(path.relative_to(ROOT).as_posix()), path


def test_nothing_of_the_course_is_sent_to_docker() -> None:
    trees = {name.partition("/")[0] for name in context()}
    assert trees == {p.relative_to(ROOT).as_posix() for p in copied()}
    assert not any("/tests/" in name or "__pycache__" in name for name in context())


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("instructor/secret", True),
        ("instructor/README.md", True),
        ("solutions/__init__.py", True),
        ("autograder/cli.py", False),
        ("autograder/report/page.py", False),
        ("autograder/report/__pycache__/page.pyc", True),
        ("autograder/tests/toy_course.py", True),
        ("LICENSE-CONTENT", False),
        (".git/config", True),
    ],
)
def test_dockerignore_is_read_as_docker_reads_it(name: str, out: bool) -> None:
    assert ignored(name) is out


def test_what_is_copied_is_enough_to_build_the_engine(tmp_path: Path) -> None:
    for name in context():
        (tmp_path / "engine" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "engine" / name)
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=tmp_path / "engine",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        inside = wheel.namelist()
    assert {"autograder/cli.py", "autograder/report/templates/page.css"} <= set(inside)


def test_the_extra_that_brings_pytorch_is_one_of_the_engine_s() -> None:
    (run,) = [" ".join(words) for verb, *words in instructions() if verb == "RUN"]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert re.findall(r'"\.\[(\w+)\]"', run) == ["torch"]
    assert "torch" in settings["project"]["optional-dependencies"]
    script = run.replace("$TORCH_ARGS", "--pre")
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_the_entry_point_is_the_engine_s_command() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    entry = [words for verb, *words in instructions() if verb == "ENTRYPOINT"]
    assert entry == [['["autograder"]']]
    assert "autograder" in settings["project"]["scripts"]


def documented() -> set[str]:
    """The capabilities that docs/container.md adds after dropping all."""
    text = (ROOT / "docs" / "container.md").read_text(encoding="utf-8")
    commands = re.findall(r"--cap-drop ALL((?: --cap-add \w+)+)", text)
    assert len(set(commands)) == 1
    return set(re.findall(r"--cap-add (\w+)", commands[0]))


def keep_documented() -> None:
    kept = {CAPABILITIES[name] for name in documented()}
    for number in set(range(LAST_CAPABILITY + 1)) - kept:
        kernel.prctl(24, number)


def with_documented(script: str) -> str:
    """What a script prints that runs as root with the documented capabilities alone."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        preexec_fn=keep_documented,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=["B", "C"])
def level(request: pytest.FixtureRequest) -> str:
    problem = try_level(request.param)
    if os.geteuid() != 0 or problem is not None:
        pytest.skip(str(problem or "a container's root is wanted"))
    return str(request.param)


def test_the_documented_capabilities_are_enough_to_end_a_worker(level: str) -> None:
    script = (
        "import os\n"
        "from autograder.errors import StudentTimedOut\n"
        "from autograder.sandbox import Sandbox\n"
        "from autograder.source import SourceCell\n"
        "from autograder.student import Student\n"
        f"with Sandbox({level!r}) as sandbox:\n"
        "    cell = SourceCell('c', 'def spin():\\n    while True:\\n        pass')\n"
        "    worker = sandbox.open([cell], arrays='numpy')\n"
        "    pid, worker.deadline = worker._process.host_pid, 0.5\n"
        "    try:\n"
        "        Student(worker).spin()\n"
        "    except StudentTimedOut:\n"
        "        print(os.path.exists(f'/proc/{pid}'))\n"
    )
    assert with_documented(script) == "False\n"


@pytest.mark.integrations
def test_with_the_documented_capabilities_nothing_breaks_out(level: str) -> None:
    script = (
        "from autograder.sandbox import Sandbox\n"
        "from autograder.sandbox.canaries import canaries\n"
        f"with Sandbox({level!r}) as sandbox:\n"
        "    print(sorted({contained for _, contained, _ in canaries(sandbox)}))\n"
    )
    assert with_documented(script) == "[True]\n"
