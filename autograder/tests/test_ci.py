"""Workflows, run the way a runner would: what honest and hostile students make of a job."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from autograder import check_ci, ci
from autograder.build import build
from autograder.check_ci import definition
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.local import Desk
from autograder.release import wheel
from autograder.release import write as release
from autograder.report import github
from autograder.tests import actions_runner, toy_course
from autograder.tests.actions_runner import Command, Runner, load, read_commands
from autograder.tests.conftest import own_imports

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / "instructor" / "release" / "workflows"
CHECK, GRADE = WORKFLOWS / "check.yml", WORKFLOWS / "grade.yml"
SCALE = "starter_code/vol1_toys/scale.py"
RUN = "Run the visible checks"
PIN = re.compile(r"actions/[a-z-]+@[0-9a-f]{40}")

# Everything that a line can ask of a runner, printed by code that is otherwise right.
SHOUTS = '''
import atexit, os, sys, threading

SAID = """::add-mask::passes
  ::set-output name=result::forged
x ##[error]forged
##[set-env name=FORGED]1
\\u2028::error::forged
\\r::warning::forged
::stop-commands::mine
::mine::
::set-env name=PATH::/forged
::add-path::/forged"""


def shout():
    print(SAID, flush=True)
    sys.stderr.write("::error file=x,line=1::forged\\n")
    os.write(1, b"::error::forged\\n\\xff\\xfe::notice::forged\\n")
    for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        if name in os.environ:
            with open(os.environ[name], "a") as file:
                file.write("FORGED=1\\n")
    atexit.register(print, "at the end\\n::error::forged")
'''


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine's wheel, as a release has it."""
    return wheel(Course(ROOT), tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course of toys, built; not to be written to."""
    root = tmp_path_factory.mktemp("course") / "toys"
    toy_course.write(root)
    with own_imports():
        build(Course(root))
    return root


@pytest.fixture
def repository(toys: Path, engine: Path, tmp_path: Path) -> Path:
    """What a student's job checks out."""
    root = tmp_path / "checkout"
    for name in ("assignments", "starter_code"):
        shutil.copytree(toys / name, root / name)
    (root / "engine").mkdir()
    shutil.copyfile(engine, root / "engine" / engine.name)
    return root


def solved(toys: Path, name: str) -> str:
    text = (toys / "solutions" / "vol1_toys" / f"{name}.py").read_text(encoding="utf-8")
    return "".join(line for line in text.splitlines(keepends=True) if "SOLUTION" not in line)


def solve(toys: Path, repository: Path) -> None:
    for name in ("scale", "counter", "balance"):
        path = repository / "starter_code" / "vol1_toys" / f"{name}.py"
        path.write_text(solved(toys, name), encoding="utf-8")


# What a workflow may hold


@pytest.mark.parametrize("path", [CHECK, GRADE], ids=lambda p: p.name)
def test_a_workflow_may_read_and_nothing_else(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in path.read_text(encoding="utf-8")
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job and job["timeout-minutes"] <= 180
    for step in job["steps"]:
        if "uses" in step:
            assert PIN.fullmatch(step["uses"]), "an action is named by its commit"
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", [CHECK, GRADE], ids=lambda p: p.name)
def test_no_expression_is_in_a_line_that_bash_runs(path: Path) -> None:
    (job,) = load(path)["jobs"].values()
    assert [s["run"] for s in job["steps"] if "${{" in s.get("run", "")] == []


def test_no_token_reaches_a_step_and_one_secret_reaches_one() -> None:
    assert "secrets." not in CHECK.read_text(encoding="utf-8")
    text = GRADE.read_text(encoding="utf-8")
    assert re.findall(r"\$\{\{ (secrets\.\w+)", text) == ["secrets.AUTOGRADER_SECRET"]
    assert "github.token" not in text
    (job,) = load(GRADE)["jobs"].values()
    assert "env" not in job and "env" not in load(GRADE)


# A student's job


@pytest.mark.integrations
def test_right_work_makes_a_green_job_with_a_summary_and_an_artifact(
    toys: Path, repository: Path, tmp_path: Path
) -> None:
    solve(toys, repository)
    job = Runner(tmp_path / "runner", repository).run(load(CHECK))
    step = job.step(RUN)
    assert not job.failed, step.log
    assert "4 of 4 functions pass their visible check." in step.log
    assert (step.commands, step.stopped) == ([], False)
    assert "checkout: 23 of 23 points" in step.files["GITHUB_STEP_SUMMARY"]
    assert "These points are not a grade" in step.files["GITHUB_STEP_SUMMARY"]
    (report,) = job.artifacts["visible-checks"]
    assert ET.parse(report).getroot().get("tests") == "4"


def test_wrong_work_is_annotated_where_it_is_and_the_job_is_red(
    toys: Path, repository: Path, tmp_path: Path
) -> None:
    solve(toys, repository)
    path = toy_course.edit(repository, SCALE, "dout * factor", "dout")
    job = Runner(tmp_path / "runner", repository).run(load(CHECK))
    step = job.step(RUN)
    assert step.code == 1 and len(job.artifacts["visible-checks"]) == 1
    (one,) = step.commands
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[int(one.properties["line"]) - 1].startswith("def scale_backward(")
    assert one == Command(
        "error",
        {
            "file": SCALE,
            "line": one.properties["line"],
            "title": "vol1_toys/scale: scale_backward not right yet",
        },
        "dx differs in 2 of 2 elements; worst at dx[0, 1]: yours -1, expected -3 (yours is "
        "0.333333 times the expected value everywhere); expected is what finite differences of "
        "your own forward give",
    )
    assert "17 of 23 points" in step.files["GITHUB_STEP_SUMMARY"]


def test_nothing_that_a_student_prints_is_a_command_to_the_runner(
    toys: Path, repository: Path, tmp_path: Path
) -> None:
    solve(toys, repository)
    toy_course.append(repository, SCALE, SHOUTS)
    toy_course.edit(repository, SCALE, "dout * factor", "shout() or dout * factor")
    toy_course.append(
        repository,
        "starter_code/vol1_toys/counter.py",
        "\n\ndef _shouts(*args):\n    raise RuntimeError("
        "'::error::forged\\n::add-mask::a ##[error]forged')\n\n\nCounter.add = _shouts\n",
    )
    runner = Runner(tmp_path / "runner", repository)
    job = runner.run(load(CHECK))
    step = job.step(RUN)
    assert "::set-output name=result::forged" in step.log, "it did print"
    assert "at the end" in step.log
    assert [c.name for c in step.commands] == ["error"] and not step.stopped
    (one,) = step.commands
    assert one.properties["title"].startswith("vol1_toys/counter: Counter raises")
    assert one.data.startswith("RuntimeError") and "\n" not in one.data and "##[" not in one.data
    assert "3 of 4 functions pass their visible check." in step.log
    for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE"):
        assert step.files[name] == ""
    assert "FORGED" not in step.files["GITHUB_STEP_SUMMARY"]
    assert "17 of 23 points" in step.files["GITHUB_STEP_SUMMARY"]


def test_the_runner_of_these_tests_would_obey_what_the_student_prints() -> None:
    """Without the fence every one of these is a command: the tests above can fail."""
    said = SHOUTS.partition('"""')[2].partition('"""')[0]
    raw = said.encode().decode("unicode_escape")
    found, _ = read_commands(raw)
    names = [command.name for command in found]
    assert names[:4] == ["add-mask", "set-output", "error", "set-env"]
    assert "add-path" in names
    assert read_commands("::stop-commands::x\n::error::y\n")[1] is True
    assert read_commands(github.fenced(raw)) == ([], False)


def test_an_exercise_that_ends_python_costs_only_itself(
    toys: Path, repository: Path, tmp_path: Path
) -> None:
    solve(toys, repository)
    toy_course.edit(repository, SCALE, "out: Floats = x * factor", "import os; os._exit(0)")
    seen = ci.check(Desk(repository), "vol1_toys/scale")
    assert [(line.function, line.status) for line in seen.lines] == [
        ("scale", "raised"),
        ("scale_backward", "raised"),
    ]
    assert seen.lines[0].message == (
        "your code ended Python (exit code 0); look for exit, os._exit or a crash"
    )
    assert seen.lines[1].message == "not reached, because of scale"
    other = ci.check(Desk(repository), "vol1_toys/counter")
    assert [line.status for line in other.lines] == ["passed"]


def test_a_loop_that_goes_on_and_what_it_started_are_ended(
    toys: Path, repository: Path, tmp_path: Path
) -> None:
    solve(toys, repository)
    note = tmp_path / "pid"
    loop = (
        "import os, signal\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    child = os.fork()\n    if child:\n"
        f"        open({str(note)!r}, 'w').write(str(child))\n"
        "    while True: pass\n    out = x"
    )
    toy_course.edit(repository, SCALE, "out: Floats = x * factor", loop)
    seen = ci.check(Desk(repository), "vol1_toys/scale", seconds=2)
    assert seen.lines[0].status == "timed_out"
    assert seen.lines[0].message == ("no answer within 2 seconds; look for a loop that goes on")
    assert ended(int(note.read_text()))


def ended(pid: int) -> bool:
    """Whether a process is gone, or nobody's and only waits to be collected."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_process_that_leaves_and_keeps_the_pipe_is_not_waited_for(
    toys: Path, repository: Path, tmp_path: Path
) -> None:
    solve(toys, repository)
    note = tmp_path / "pid"
    leave = (
        "import os\n    if os.fork() == 0:\n        os.setsid()\n"
        f"        open({str(note)!r}, 'a').write(f'{{os.getpid()}} ')\n"
        "        import time; time.sleep(60); os._exit(0)\n    out = x * factor"
    )
    toy_course.edit(repository, SCALE, "out: Floats = x * factor", leave)
    try:
        seen = ci.check(Desk(repository), "vol1_toys/scale", seconds=30)
        assert [line.status for line in seen.lines] == ["passed", "passed"]
        assert seen.seconds < 30
    finally:
        for pid in note.read_text().split():
            os.kill(int(pid), signal.SIGKILL)
            assert ended(int(pid))


def test_what_is_printed_is_kept_up_to_a_limit(
    toys: Path, repository: Path, tmp_path: Path
) -> None:
    solve(toys, repository)
    toy_course.append(repository, SCALE, "\nprint('x' * 99, flush=True)\nprint('y' * 5_000_000)\n")
    toy_course.edit(repository, SCALE, "dout * factor", "print('z' * 5_000_000) or dout * factor")
    seen = ci.check(Desk(repository), "vol1_toys/scale")
    assert len(seen.printed) < ci.OUTPUT + 100
    assert seen.printed.endswith("(more was printed)")
    assert [line.status for line in seen.lines] == ["passed", "passed"]


def test_student_code_sees_no_variable_of_the_job() -> None:
    job = {
        "PATH": "p", "HOME": "h", "GITHUB_ENV": "e", "GITHUB_TOKEN": "t", "RUNNER_TEMP": "r",
        "ACTIONS_RUNTIME_TOKEN": "a", "INPUT_TOKEN": "i", "MY_API_KEY": "k", "CI": "true",
    }  # fmt: skip
    assert ci.environment(job) == {
        "PATH": "p", "HOME": "h", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    "records",
    [
        b"",
        b"not json\n",
        b'{"scale": "passed"}\n',
        b'["scale", "superb", ""]\n["scale_backward", 1, []]\n',
        b"[" * 100_000,
        b'["nobody", "passed", ""]\n' * 1_000,
        b'["scale", "not_graded", ""]\n["scale", "timed_out", ""]\n',
    ],
)
def test_records_of_another_form_are_no_result(
    repository: Path, tmp_path: Path, records: bytes
) -> None:
    path = tmp_path / "lines"
    path.write_bytes(records)
    lines = ci._lines(Desk(repository), "vol1_toys/scale", ci._told(path), ("raised", "it ended"))
    assert [(line.status, line.message) for line in lines] == [
        ("raised", "it ended"),
        ("raised", "not reached, because of scale"),
    ]


def test_a_folder_of_the_student_s_is_not_taken_for_a_library(
    toys: Path, repository: Path, tmp_path: Path
) -> None:
    solve(toys, repository)
    for name in ("numpy", "autograder", "json"):
        (repository / f"{name}.py").write_text("raise SystemExit('taken')\n")
    seen = ci.check(Desk(repository), "vol1_toys/scale")
    assert [line.status for line in seen.lines] == ["passed", "passed"]


def test_the_line_of_a_function_is_found_in_a_module_and_in_a_notebook(
    repository: Path, tmp_path: Path
) -> None:
    for name in (SCALE, "assignments/vol1_toys/scale.ipynb"):
        path = repository / name
        number = definition(path, "scale")
        assert "def scale(x" in path.read_text(encoding="utf-8").split("\n")[number - 1]
    assert definition(repository / SCALE, "scal.") == 0
    assert definition(tmp_path / "missing.py", "scale") == 0


def autograder(job: Runner, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The installed command in a job's environment."""
    return subprocess.run(
        [job.bin / "autograder", *words],
        cwd=job.checkout, env={**job.env, **env}, capture_output=True, text=True,
    )  # fmt: skip


CLASSROOM50 = {
    "CLASSROOM": "llm",
    "ASSIGNMENT": "scale",
    "SUBMISSION_TAG": "submit/2026-11-20T10-00-00Z-a1b2c3d",
    "COMMIT_URL": "https://example.org/c",
    "RELEASE_URL": "https://example.org/r",
}


def test_the_script_for_classroom_50_writes_its_result_and_ends_with_zero(
    toys: Path, repository: Path, engine: Path, tmp_path: Path
) -> None:
    solve(toys, repository)
    toy_course.edit(repository, SCALE, "dout * factor", "dout")
    speaks = "print('::notice::hello'); out: Floats = x * factor"
    toy_course.edit(repository, SCALE, "out: Floats = x * factor", speaks)
    page = (ROOT / "docs" / "classroom50.md").read_text(encoding="utf-8")
    script = page.partition("```python\n")[2].partition("```")[0]
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "autograder.py").write_text(script.replace("vol1_numpy/softmax", "vol1_toys/scale"))
    shutil.copyfile(engine, bundle / engine.name)
    shutil.copyfile(toys / "assignments" / "course.json", bundle / "course.json")
    # What students may have changed: the checks in their repository.
    (repository / "assignments" / "course.json").write_text("{}")
    runner = Runner(tmp_path / "runner", repository)
    done = subprocess.run(
        [runner.bin / "python", bundle / "autograder.py"],
        cwd=repository, env={**runner.env, **CLASSROOM50}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "::notice::hello" in done.stdout and read_commands(done.stdout) == ([], False)
    found = json.loads((repository / "result.json").read_text(encoding="utf-8"))
    assert found["schema"] == "classroom50/result/v1" and found["classroom"] == "llm"
    assert (found["score"], found["max-score"]) == (7, 13)
    assert found["tests"] == [
        {"test-name": "vol1_toys/scale: scale", "passed": True, "score": 7, "max-score": 7},
        {
            "test-name": "vol1_toys/scale: scale_backward",
            "passed": False,
            "score": 0,
            "max-score": 6,
        },
    ]
    missing = autograder(runner, "check", "--classroom50", "other.json", CLASSROOM="llm")
    assert missing.returncode == 2 and not (repository / "other.json").exists()
    assert missing.stderr.startswith("autograder: ASSIGNMENT, SUBMISSION_TAG, COMMIT_URL, ")


def test_the_output_for_the_old_reporter_is_one_line_and_the_exit_code_zero(
    toys: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    solve(toys, repository)
    toy_course.edit(repository, SCALE, "dout * factor", "dout")
    monkeypatch.chdir(repository)
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    with pytest.raises(AutograderError) as error:
        check_ci.run(["scale"], legacy=True)
    assert str(error.value) == (
        "--legacy-results needs GITHUB_OUTPUT, which a job of GitHub Actions sets"
    )
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "out"))
    assert check_ci.run(["scale"], legacy=True) == 0
    name, _, value = (tmp_path / "out").read_text(encoding="utf-8").partition("=")
    found = json.loads(base64.b64decode(value))
    assert name == "result" and value.count("\n") == 1
    assert [test["status"] for test in found["tests"]] == ["pass", "fail"]


def test_a_job_elsewhere_gets_junit_and_no_command_of_github(
    toys: Path, repository: Path, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    solve(toys, repository)
    toy_course.edit(repository, SCALE, "dout * factor", "dout")
    monkeypatch.chdir(repository)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert check_ci.run(["scale"], junit=tmp_path / "out" / "junit.xml") == 1
    assert ET.parse(tmp_path / "out" / "junit.xml").getroot().get("failures") == "1"
    out = capsys.readouterr().out
    assert "::" not in out and "  scale_backward: not right yet\n" in out
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    with pytest.raises(AutograderError) as error:
        check_ci.run(["scale"], github=True)
    assert str(error.value) == (
        "--github needs GITHUB_STEP_SUMMARY, which a job of GitHub Actions sets"
    )


# The instructor's job


def instructors(toys: Path, root: Path) -> Path:
    """The instructor's repository: the course, the engine beside it, submissions."""
    shutil.copytree(toys, root)
    shutil.rmtree(root / "instructor" / "secret", ignore_errors=True)
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-CONTENT"):
        shutil.copyfile(ROOT / name, root / name)
    skip = shutil.ignore_patterns("tests", "__pycache__")
    shutil.copytree(ROOT / "autograder", root / "autograder", ignore=skip)
    return root


def hand_in(root: Path, student: str, scale: str) -> None:
    folder = root / "submissions" / student
    folder.mkdir(parents=True)
    (folder / "scale.py").write_text(scale, encoding="utf-8")


def graded(job: actions_runner.Job, student: str) -> dict[str, Any]:
    (path,) = [
        p for p in job.artifacts["graded"] if p.name == "result.json" and p.parent.name == student
    ]
    return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.integrations
def test_the_instructor_s_job_grades_everybody_and_nobody_speaks_to_the_runner(
    toys: Path, tmp_path: Path
) -> None:
    root = instructors(toys, tmp_path / "checkout")
    right = solved(toys, "scale")
    runner = Runner(
        tmp_path / "runner",
        root,
        **{
            "inputs.submissions": "submissions",
            "secrets.AUTOGRADER_SECRET": "0123456789abcdef" * 4,
        },
    )
    spy = (
        "def spied():\n    import os\n    seen = dict(os.environ)\n"
        "    for pid in ('self', '1', str(os.getppid())):\n        try:\n"
        "            seen[pid] = open(f'/proc/{pid}/environ').read()\n"
        "        except OSError:\n            pass\n"
        "    words = ('GITHUB', 'RUNNER', 'ACTIONS', 'SECRET', 'SUBMISSIONS')\n"
        "    return any(word in text for pair in seen.items() for text in pair for word in words)\n"
    )
    write = (
        "def scribble():\n    import os\n    print('::error::forged', flush=True)\n"
        "    os.write(1, b'::add-mask::a\\n')\n"
        "    for n in range(9):\n        for name in ('env', 'path', 'step_summary'):\n"
        "            try:\n"
        f"                with open(f'{runner.commands}/github_{{name}}_{{n}}', 'a') as file:\n"
        "                    file.write('FORGED=1\\n')\n"
        "            except OSError:\n                pass\n"
    )
    begin = "out: Floats = x * factor"
    hand_in(root, "right", right)
    hand_in(root, "spy", right.replace(begin, f"if spied(): x = x + 1\n    {begin}") + spy)
    hand_in(root, "writer", right.replace(begin, f"scribble()\n    {begin}") + write)
    hand_in(root, "wrong", right.replace("dout * factor", "dout"))
    hand_in(root, "##[add-mask]a", right)
    hand_in(root, "::error::forged", right)
    job = runner.run(load(GRADE))
    logs = "\n".join(step.log for step in job.steps)
    assert not job.failed, logs
    assert "isolation: level" in job.step("Prove the isolation").log
    assert [c.name for step in job.steps for c in step.commands] == ["remove-matcher"]
    assert not any(step.stopped for step in job.steps)
    assert "##[add-mask]a" in logs, "a name that is a command was printed"
    full = graded(job, "right")["exercises"][0]
    assert full["points"] == full["max_points"] > 0
    assert graded(job, "spy")["exercises"][0]["points"] == full["points"], "it saw the job"
    assert graded(job, "writer")["exercises"][0]["status"] == "graded"
    assert 0 < graded(job, "wrong")["exercises"][0]["points"] < full["points"]
    for step in job.steps:
        assert step.files["GITHUB_ENV"] + step.files["GITHUB_PATH"] == ""
    table = job.step("Report").files["GITHUB_STEP_SUMMARY"]
    assert "FORGED" not in table and "6 students" in table
    names = {p.name for p in job.artifacts["graded"]}
    assert {"junit.xml", "class.html", "grades.csv"} <= names
    assert not (runner.temp / "course-secret").exists()
    assert not (root / "instructor" / "secret").exists(), "the given secret was used"


def test_without_the_course_s_secret_the_job_says_where_to_put_it(
    toys: Path, tmp_path: Path
) -> None:
    workflow = load(GRADE)
    (job,) = workflow["jobs"].values()
    job["steps"] = [s for s in job["steps"] if s.get("name") == "Fetch the course secret"]
    context = {"inputs.submissions": "submissions", "secrets.AUTOGRADER_SECRET": ""}
    done = Runner(tmp_path / "runner", toys, **context).run(workflow)
    (step,) = done.steps
    assert step.code == 2
    assert step.commands == [
        Command(
            "error",
            {},
            "Set the repository secret AUTOGRADER_SECRET to the text of instructor/secret",
        )
    ]


@pytest.mark.integrations
def test_a_release_of_the_course_brings_the_workflow_and_the_workflow_runs(tmp_path: Path) -> None:
    out = tmp_path / "release"
    course = Course(ROOT)
    release(course, out)
    path = out / ".github" / "workflows" / "check.yml"
    assert path.read_bytes() == CHECK.read_bytes()
    slug = course.slugs[0]
    solution = (ROOT / "solutions" / f"{slug}.py").read_text(encoding="utf-8")
    kept = [line for line in solution.splitlines(keepends=True) if "SOLUTION" not in line]
    (out / "starter_code" / f"{slug}.py").write_text("".join(kept), encoding="utf-8")
    job = Runner(tmp_path / "runner", out).run(load(path))
    step = job.step(RUN)
    functions = course.stub(slug).functions
    assert step.code == 1, "the other exercises are not written yet"
    assert step.commands == []
    for name in functions:
        assert f"  {name}: passes\n" in step.log
    (report,) = job.artifacts["visible-checks"]
    root = ET.parse(report).getroot()
    assert int(root.get("tests", "0")) > len(functions)
    assert [s.get("failures") for s in root if s.get("name") == f"release {slug}"] == ["0"]
