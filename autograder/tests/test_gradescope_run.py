"""The real zip in a simulated /autograder, run by its own scripts, with submissions of all kinds.

Nothing is replaced: `setup.sh` installs the engine's wheel into an environment (which borrows this
one's libraries, so that no network is needed) and `run_autograder` grades, as root with another
user for student code at level C, and at level B.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.course import Course
from autograder.gradescope.build import build
from autograder.gradescope.record import NOT_YOURS, Settings
from autograder.handed_in import Found
from autograder.pool import Job, grade_all
from autograder.release import wheel
from autograder.sandbox import kernel
from autograder.sandbox.probe import try_level
from autograder.tests import toy_course
from autograder.tests.conftest import own_imports
from autograder.tests.test_gradescope_record import valid

REPOSITORY = Path(__file__).parents[2]
SLUG = "vol1_toys/scale"
RIGHT = "def scale(x, factor):\n    return x * factor\n"
BACK = "\n\ndef scale_backward(dout, factor):\n    return dout * factor\n"
METADATA = {
    "created_at": "2026-11-20T14:00:00.000000-07:00",
    "assignment": {"due_date": "2026-11-20T12:00:00.000000-07:00", "total_points": "10.0"},
    "users": [{"id": 1234, "name": "<b>Ann</b>", "email": "ann@example.org"}],
}


@dataclass
class Container:
    """A simulated /autograder after `setup.sh`."""

    root: Path
    course: Course

    @property
    def results(self) -> Path:
        return self.root / "results" / "results.json"

    def hand_in(self, source: str | None) -> None:
        """A fresh submission, as Gradescope lays it out; None: there is no folder."""
        for name in ("submission", "results", "scratch"):
            shutil.rmtree(self.root / name, ignore_errors=True)
            (self.root / name).mkdir()
        (self.root / "submission_metadata.json").write_text(json.dumps(METADATA))
        if source is None:
            (self.root / "submission").rmdir()
        else:
            (self.root / "submission" / "scale.py").write_text(source)

    def start(
        self,
        level: str = "auto",
        seconds: int = 60,
        before: Callable[[], None] | None = None,
    ) -> "subprocess.Popen[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.root / "scratch"),
            "GRADESCOPE_ROOT": str(self.root),
            "AUTOGRADER_ISOLATION": level,
            "AUTOGRADER_SECONDS": str(seconds),
        }
        return subprocess.Popen(
            ["bash", str(self.root / "run_autograder")],
            cwd=self.root,
            env=environment,
            preexec_fn=before,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, level: str = "auto", seconds: int = 60) -> str:
        """What `run_autograder` prints; its exit code is always 0."""
        process = self.start(level, seconds)
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        return printed

    def record(self) -> dict[str, Any]:
        """`results.json`, valid, and alone in its folder; no scratch file is left."""
        assert [p.name for p in self.results.parent.iterdir()] == ["results.json"]
        assert list((self.root / "scratch").iterdir()) == []
        return valid(json.loads(self.results.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    folder = tmp_path_factory.mktemp("gradescope")
    toy_course.write(folder / "toys")
    made = Container(folder / "autograder", Course(folder / "toys"))
    with own_imports():
        engine = wheel(Course(REPOSITORY), folder / "engine")
        build(made.course, folder / "one.zip", Settings((SLUG,)), wheel=engine)
        with zipfile.ZipFile(folder / "one.zip") as archive:
            archive.extractall(made.root / "source")
        lend_libraries(made.root / "venv")
        done = set_up(made.root)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "factors_multiply" in done.stdout  # the rubric: every exercise loads
        shutil.copy(made.root / "source" / "run_autograder", made.root)
        yield made


def lend_libraries(venv: Path) -> None:
    """An environment that finds what is installed here, but not the engine itself."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (site,) = venv.glob("lib/python3*/site-packages")
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")


def set_up(root: Path) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "GRADESCOPE_ROOT": str(root),
        "PIP_NO_INDEX": "1",
        "COLUMNS": "200",
    }
    command = ["bash", str(root / "source" / "setup.sh")]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.fixture(params=[pytest.param("B", marks=pytest.mark.integrations), "C"])
def level(request: pytest.FixtureRequest) -> str:
    problem = try_level(request.param)
    if problem is not None:
        pytest.skip(str(problem))
    return str(request.param)


def earned(record: dict[str, Any]) -> dict[str, float]:
    """Points per function."""
    found: dict[str, float] = {}
    for test in record["tests"]:
        name = test["name"].partition(":")[0]
        found[name] = found.get(name, 0.0) + test.get("score", 0.0)
    return found


def test_a_right_submission_gets_every_point_at_each_level(
    container: Container, level: str
) -> None:
    container.hand_in(RIGHT + BACK)
    printed = container.run(level)
    record = container.record()
    assert earned(record) == {"scale": 7.0, "scale_backward": 6.0}
    assert record["extra_data"]["isolation"] == level
    assert record["extra_data"]["student"] == "gradescope-1234"
    assert record["output"].startswith("Handed in 2 h after the due date.")
    assert "13 of 13 points, isolation level " + level in printed
    assert "set its autograder points to 13" in printed


HOSTILE = {
    "overwrites_the_results": (
        """
def attack():
    import os
    for path in (RESULTS, "/autograder/results/results.json", "results.json"):
        for how in (lambda: open(path, "w").write("{}"), lambda: os.unlink(path),
                    lambda: os.open(path, os.O_WRONLY)):
            try:
                how()
            except Exception:
                pass

attack()

def scale(x, factor):
    attack()
    return x * factor
""",
        7.0,
    ),
    "reads_the_secret": (
        """
def scale(x, factor):
    try:
        open(SECRET).read()
    except OSError:
        return x * factor
    return x
""",
        7.0,
    ),
    "kills_its_parents": (
        """
import os

def scale(x, factor):
    for pid in (os.getppid(), 1, -1, 0):
        os.kill(pid, 9)
    return x * factor
""",
        0.0,
    ),
    "ends_the_process": ("import os\n\ndef scale(x, factor):\n    os._exit(0)\n", 0.0),
    "prints_20_mb": (
        """
printed = []

def scale(x, factor):
    if not printed:
        printed.append(1)
        for _ in range(20):
            print("\\x1b[2J::error::" + "x" * (1 << 20))
    return x * factor
""",
        7.0,
    ),
}


QUICK = ("overwrites_the_results", "kills_its_parents")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.integrations) for n in HOSTILE]
)
def test_a_hostile_submission_gets_what_is_fair(
    container: Container, level: str, name: str
) -> None:
    source, fair = HOSTILE[name]
    secret = container.root / "source" / "instructor" / "secret"
    source = source.replace("RESULTS", repr(str(container.results)))
    container.hand_in(source.replace("SECRET", repr(str(secret))) + BACK)
    printed = container.run(level)
    assert earned(container.record()) == {"scale": fair, "scale_backward": 6.0}
    assert len(printed) < 10_000 and "\x1b" not in printed and "::error::" not in printed


@pytest.mark.integrations
def test_an_endless_loop_costs_its_own_function_only(container: Container, level: str) -> None:
    container.hand_in("def scale(x, factor):\n    while True:\n        pass\n" + BACK)
    container.run(level)
    record = container.record()
    assert earned(record) == {"scale": 0.0, "scale_backward": 6.0}
    assert "timed out, 0 of 3 points" in record["tests"][0]["output"]


def test_the_same_submission_graded_at_home_gives_the_same_key(
    container: Container, tmp_path: Path
) -> None:
    """The inputs that a student got can be drawn again, for an appeal."""
    container.hand_in(RIGHT + BACK)
    container.run()
    record = container.record()
    found = Found(record["extra_data"]["student"], (container.root / "submission",))
    job = Job(container.course.root, (SLUG,), tmp_path, record["extra_data"]["isolation"])
    ((result, _),) = grade_all(job, [found])
    assert result.key == record["extra_data"]["key"]


def not_graded(container: Container) -> bool:
    """Is there a record without any score that says whose fault it is?"""
    record = container.record()
    assert [t["output"] for t in record["tests"]] == [NOT_YOURS]
    return not any("score" in part for part in (record, *record["tests"]))


def test_without_a_submission_there_is_no_score(container: Container) -> None:
    container.hand_in(None)
    assert "Gradescope has not put a submission there" in container.run()
    assert not_graded(container)


def test_an_empty_submission_is_a_zero_and_says_what_is_missing(container: Container) -> None:
    container.hand_in("")
    (container.root / "submission" / "scale.py").unlink()
    container.run()
    (test,) = container.record()["tests"]
    assert (test["name"], test["score"], test["max_score"]) == ("Scale: not handed in", 0.0, 13.0)


@pytest.mark.integrations
def test_odd_metadata_does_not_stop_grading(container: Container) -> None:
    container.hand_in(RIGHT + BACK)
    (container.root / "submission_metadata.json").write_text("{")
    assert "who and when is not known" in container.run()
    assert earned(container.record()) == {"scale": 7.0, "scale_backward": 6.0}


def test_a_level_that_does_not_exist_is_refused(container: Container) -> None:
    container.hand_in(RIGHT + BACK)
    assert "--isolation Z: choose one of auto, A, B, C" in container.run("Z")
    assert not_graded(container)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up what only root has")
def test_without_isolation_nothing_is_run_and_the_log_says_why(container: Container) -> None:
    def give_up_capabilities() -> None:
        for setgid_setuid_sysadmin in (6, 7, 21):
            kernel.prctl(24, setgid_setuid_sysadmin)

    container.hand_in(RIGHT + BACK)
    process = container.start(before=give_up_capabilities)
    printed, _ = process.communicate(timeout=60)
    assert "not graded: Private namespaces cannot be made" in printed
    assert "run the grader as root, in a container for example, with the capabilities" in printed
    assert not_graded(container)


@pytest.mark.integrations
def test_a_course_that_does_not_load_is_not_the_student_s_fault(container: Container) -> None:
    container.hand_in(RIGHT + BACK)
    checks = container.root / "source" / "instructor" / "checks" / f"{SLUG}.py"
    text = checks.read_text()
    try:
        checks.write_text("raise RuntimeError\n" + text)
        printed = container.run()
        assert "scale.py:1: RuntimeError" in printed
        assert not_graded(container)
        done = set_up(container.root)
        assert done.returncode == 1
        assert done.stderr.endswith("setup.sh: an exercise does not load; see above\n")
    finally:
        checks.write_text(text)


LOOP = "def scale(x, factor):\n    while True:\n        pass\n"


@pytest.mark.integrations
def test_a_run_that_takes_too_long_is_stopped_before_gradescope_gives_a_zero(
    container: Container,
) -> None:
    container.hand_in(LOOP + BACK)
    assert "stopped after 3 s or out of memory; raise the limits" in container.run(seconds=3)
    shutil.rmtree(container.root / "scratch")  # what is killed cannot tidy up
    (container.root / "scratch").mkdir()
    assert not_graded(container)


def grader_of(script: int) -> int:
    """The process that grades, below `run_autograder` and `timeout`."""
    for _ in range(500):
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes()
                ancestor = parent(parent(int(entry.name)))
            except OSError:
                continue
            if b"gradescope\0run" in command and ancestor == script:
                return int(entry.name)
        time.sleep(0.01)
    raise AssertionError("the grader never started")


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("whom", ["grader", "script"])
def test_killing_the_grader_or_stopping_the_script_leaves_a_record(
    container: Container, whom: str
) -> None:
    container.hand_in(LOOP + BACK)
    process = container.start()
    grader = grader_of(process.pid)
    if whom == "grader":
        os.kill(grader, signal.SIGKILL)
    else:
        process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert ("not graded" if whom == "grader" else "stopped from outside") in printed
    shutil.rmtree(container.root / "scratch")
    (container.root / "scratch").mkdir()
    assert not_graded(container)
    for _ in range(500):
        if not Path(f"/proc/{grader}").exists():
            break
        time.sleep(0.01)
    assert not Path(f"/proc/{grader}").exists()


def test_on_a_full_disk_the_first_record_stays(container: Container) -> None:
    """A file system of one page: enough for the record that is put there first."""
    container.hand_in(RIGHT + BACK)
    results, script = container.results.parent, container.root / "run_autograder"
    copy = container.root / "copy.json"
    line = (
        f"mount -t tmpfs -o size=4k none {results} && bash {script}; cp {container.results} {copy}"
    )
    environment = {"PATH": os.environ["PATH"], "GRADESCOPE_ROOT": str(container.root)}
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", line], env=environment, capture_output=True, text=True
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert "the disk is full" in done.stderr
    record = valid(json.loads(copy.read_text()))
    assert record["tests"][0]["name"] == "Not graded"
