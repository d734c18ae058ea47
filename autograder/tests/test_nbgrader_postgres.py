"""nbgrader with its gradebook on a real PostgreSQL server, which these tests start; toys again."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.tests import toy_course
from autograder.tests.nbgrader_course import GRADES, Classroom, dumped
from autograder.tests.test_nbgrader import WRONG, classroom, right

pytest.importorskip("nbgrader")
psycopg = pytest.importorskip("psycopg", reason="psycopg speaks with PostgreSQL")
FOLDERS = [*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS])
PROGRAMS = [shutil.which(name, path=SEARCHED) for name in ("initdb", "postgres", "pg_isready")]
pytestmark = [
    pytest.mark.integrations,
    pytest.mark.skipif(sys.platform != "linux", reason="grading isolates on Linux"),
    pytest.mark.skipif(not all(PROGRAMS), reason="no PostgreSQL server is installed"),
]
# A quarter of the score for each day.
LATE = """
from nbgrader.plugins import BasePlugin
class ByTheDay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score * min(total_seconds_late / 86400 / 4, 1)
c.AssignLatePenalties.plugin_class = ByTheDay
"""
DUE = """
from nbgrader.api import Gradebook
with Gradebook({url!r}, "toys") as book:
    book.update_or_create_assignment("toys", duedate="2026-11-02 12:00:00 UTC")
"""
STUDENTS: dict[str, dict[str, str]] = {"ann": {}, "bob": {"scale": WRONG}, "cat": {}}


@dataclass(frozen=True)
class Server:
    """A server that listens at a socket in `folder`, and nowhere else."""

    folder: Path
    user: str

    def connect(self, name: str) -> Any:
        return psycopg.connect(host=str(self.folder), user=self.user, dbname=name, autocommit=True)

    def make(self, name: str) -> str:
        """A new database; the address for nbgrader's `db_url`."""
        with self.connect("postgres") as there:
            there.execute(f"create database {name}")
        return f"postgresql+psycopg://{self.user}@/{name}?host={self.folder}"


def _account() -> dict[str, Any]:
    """As whom the server runs: it refuses root."""
    if os.geteuid():
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL refuses to run as root, and there is no account for it")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    account = _account()
    initdb, postgres, pg_isready = map(str, PROGRAMS)
    # Short, as the path of a socket has to be, and not below a folder that only root may enter.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        os.chown(folder, account.get("user", -1), account.get("group", -1))
        made = subprocess.run(
            [initdb, "-D", folder / "data", "-U", "teacher", "-A", "trust", "-E", "UTF8", "-N"],
            cwd="/",
            capture_output=True,
            text=True,
            **account,
        )
        assert made.returncode == 0, made.stderr
        command = [
            postgres,
            "-D",
            str(folder / "data"),
            "-k",
            str(folder),
            "-c",
            "listen_addresses=",
        ]
        with (
            (folder / "log").open("w") as log,
            subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **account) as running,
        ):
            try:
                _wait_for(running, [pg_isready, "-h", str(folder)], folder / "log")
                yield Server(folder, "teacher")
            finally:
                running.terminate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(running: subprocess.Popen[Any], question: list[str], log: Path) -> None:
    for _ in range(600):
        assert running.poll() is None, log.read_text()
        if subprocess.run(question, capture_output=True).returncode == 0:
            return
        try:
            running.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def rooms(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Classroom, Classroom]:
    """The same class twice, through all commands: with SQLite, and with PostgreSQL."""
    first = classroom(tmp_path_factory.mktemp("sqlite"))
    first.configure("c.IsolatedExporter.workers = 2" + LATE)
    first.settle("generate_assignment toys")
    for student, answers in STUDENTS.items():
        first.hand_in(student, "toys", "scale", dumped(right(first, "scale", **answers)))
        first.hand_in(student, "toys", "balance", dumped(right(first, "balance")))
    late = first.folder / "submitted" / "cat" / "toys" / "timestamp.txt"
    late.write_text("2026-11-05 12:00:00 UTC")
    folder = tmp_path_factory.mktemp("postgres") / "room"
    shutil.copytree(first.folder, folder, ignore=shutil.ignore_patterns("gradebook.db", "release"))
    second = Classroom(folder, first.course, first.secret)
    second.configure(f"c.CourseDirectory.db_url = {server.make('grades')!r}")
    for room, url in ((first, f"sqlite:///{first.folder}/gradebook.db"), (second, url_of(second))):
        room.settle("generate_assignment toys --force")
        fall_due(room, url)
        room.settle("autograde toys", "generate_feedback toys", "export --to grades.csv")
    return first, second


def url_of(room: Classroom) -> str:
    """The address in the last line of the configuration."""
    text = (room.folder / "nbgrader_config.py").read_text()
    return text.rpartition(" = ")[2].strip().strip("'")


def fall_due(room: Classroom, url: str) -> None:
    """What the formgrader does when somebody types a due date."""
    done = subprocess.run(
        [sys.executable, "-c", DUE.format(url=url)],
        env=room.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def rows(server: Server, name: str = "grades") -> list[tuple[Any, ...]]:
    with server.connect(name) as there:
        found: list[tuple[Any, ...]] = there.execute(GRADES).fetchall()
    return sorted(found)


def totals(room: Classroom, name: str = "grades.csv") -> dict[str, list[str]]:
    """Of each student: what the export says of score, penalty and total."""
    lines = (room.folder / name).read_text().splitlines()
    return {row[3]: row[7:10] for row in (line.split(",") for line in lines[1:])}


def test_scores_penalties_and_feedback_are_those_with_sqlite(
    server: Server, rooms: tuple[Classroom, Classroom]
) -> None:
    sqlite, postgres = rooms
    assert not (postgres.folder / "gradebook.db").exists()
    scores = {row[:4]: row[4] for row in rows(server)}
    assert len(scores) == 3 * len(STUDENTS)
    assert scores == {row[:4]: row[4] for row in sqlite.rows()}
    assert totals(postgres) == {
        "ann": ["17.0", "0.0", "17.0"],
        "bob": ["10.0", "0.0", "10.0"],
        # Three days late.
        "cat": ["17.0", "12.75", "4.25"],
    }
    assert totals(postgres) == totals(sqlite)
    for student in STUDENTS:
        pages = [room.feedback(student, "toys", "scale") for room in rooms]
        assert "scale returns the right values: " in pages[0]
        assert pages[0] == pages[1]


def test_two_commands_at_once_lose_nothing(
    server: Server, rooms: tuple[Classroom, Classroom]
) -> None:
    room, before = rooms[1], rows(server)
    script = Path(sys.executable).parent / "nbgrader"
    started = [
        subprocess.Popen(
            [script, "autograde", "toys", "--force", "--student", student],
            cwd=room.folder,
            env=room.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for student in ("ann", "bob")
    ]
    said = [one.communicate()[0] for one in started]
    assert [one.returncode for one in started] == [0, 0], "\n".join(said)
    assert rows(server) == before


def test_a_changed_check_grades_again_and_so_does_the_penalty(
    server: Server, rooms: tuple[Classroom, Classroom]
) -> None:
    room, solution = rooms[1], "solutions/vol1_toys/scale.py"
    toy_course.edit(room.course, solution, "x * factor", "x + factor")
    try:
        done, _ = room.settle("autograde toys --force", "export --to changed.csv")
    finally:
        toy_course.edit(room.course, solution, "x + factor", "x * factor")
    assert "3 graded, 0 unchanged" in done.text
    scores = {row[0]: row[4] for row in rows(server) if row[3] == "scale-scale"}
    assert scores["bob"] > scores["ann"] == scores["cat"]
    raw, penalty, _ = map(float, totals(room, "changed.csv")["cat"])
    assert penalty == 0.75 * raw < 12.75
