"""The command: exit codes 0, 1 and 2, one sentence per error, and nothing heavy for `--help`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import cli
from autograder.build import build
from autograder.course import Course
from autograder.percent import END
from autograder.tests.toy_course import append, edit

ENGINE = Path(__file__).parents[2]
COMMANDS = ("check", "grade", "build", "verify", "rubric", "release", "doctor")
CHECKS = "instructor/checks/vol1_toys/scale.py"


@pytest.fixture
def built(toy: Course, monkeypatch: pytest.MonkeyPatch) -> Course:
    build(toy)
    monkeypatch.chdir(toy.root)
    monkeypatch.setenv("COLUMNS", "200")
    return toy


class Run:
    """Runs the command in this process: its exit code and what it printed."""

    def __init__(self, patch: pytest.MonkeyPatch, read: pytest.CaptureFixture[str]) -> None:
        self.patch, self.read = patch, read

    def __call__(self, *words: str) -> tuple[int, str, str]:
        self.patch.setattr(sys, "argv", ["autograder", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = self.read.readouterr()
        code = end.value.code or 0
        assert isinstance(code, int)
        return code, printed.out, printed.err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(monkeypatch, capsys)


def solve(course: Course) -> None:
    for name in ("scale", "counter", "balance"):
        source = course.root / "solutions" / "vol1_toys" / f"{name}.py"
        text = "".join(
            line
            for line in source.read_text(encoding="utf-8").splitlines(keepends=True)
            if "SOLUTION" not in line
        )
        (course.root / "starter_code" / "vol1_toys" / f"{name}.py").write_text(text)


# Help and misuse


def test_help_names_every_command_and_what_it_does(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for name in COMMANDS:
        assert f"\n  {name} " in out
    assert "Run the visible checks on your own work" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(run: Run, name: str) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0
    assert out.lstrip().startswith("Usage: ")
    assert f"autograder {name} " in out.split("\n\n")[0]


@pytest.mark.parametrize(
    "words", [("chekc",), ("verify", "--seeds", "0"), ("verify", "--seeds", "x"), ("grade",)]
)
def test_misuse_ends_with_two_and_says_how_to_get_help(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert "Error" in err and "--help" in err


def test_no_words_at_all_show_the_help(run: Run) -> None:
    code, out, err = run()
    assert code in (0, 2)
    assert "Check, build, verify and grade the exercises of a course." in out + err


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom autograder.cli import main\nsys.argv = ['autograder', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    print('exit', end.code or 0)\n"
        "heavy = ('numpy', 'torch', 'IPython', 'nbformat', 'jinja2', 'rich.table', 'rich.progress',"
        " 'jsonschema', 'ctypes', 'multiprocessing', 'autograder.course', 'autograder.sandbox')\n"
        "print('heavy:', [name for name in heavy if name in sys.modules])\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ENGINE)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("exit 0\nheavy: []\n")


def test_the_installed_command_is_this_one() -> None:
    text = (ENGINE / "pyproject.toml").read_text(encoding="utf-8")
    assert 'autograder = "autograder.cli:main"' in text


# Outside of a course


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("check",), "assignments/course.json"),
        (("build",), "instructor/course.toml"),
        (("verify",), "instructor/course.toml"),
        (("rubric",), "instructor/course.toml"),
        (("release", "out"), "instructor/course.toml"),
    ],
)
def test_outside_of_a_course_every_command_says_so(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    missing: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*words) == (
        2,
        "",
        f"autograder: {tmp_path.resolve()} is not inside a course: there is no {missing} here or "
        "above; change to the course's folder\n",
    )


# check


def test_check_of_one_exercise_says_what_each_function_does(run: Run, built: Course) -> None:
    solve(built)
    edit(built.root, "starter_code/vol1_toys/scale.py", "dx: Floats = dout * factor", "dx = dout")
    code, out, err = run("check", "scale")
    assert (code, err) == (1, "")
    assert out == (
        "vol1_toys/scale (starter_code/vol1_toys/scale.py)\n"
        "  scale: passes\n  scale_backward: not right yet\n"
        "    dx differs in 2 of 2 elements; worst at dx[0, 1]: yours -1, expected -3 (yours is "
        "0.333333 times the expected value everywhere); expected is what finite differences of "
        "your own forward give\n"
    )


def test_check_ends_with_zero_when_everything_passes(run: Run, built: Course) -> None:
    solve(built)
    code, out, _ = run("check")
    assert code == 0
    assert "4 of 4 functions pass their visible check; they are worth 23 of 23 points." in out


def test_check_without_names_is_a_table_with_points(run: Run, built: Course) -> None:
    code, out, _ = run("check")
    assert code == 1
    rows = [line for line in out.split("\n") if "vol1_toys/" in line]
    assert [("scale_backward" in row, "not attempted" in row) for row in rows] == [
        (False, True),
        (True, True),
        (False, True),
        (False, True),
    ]
    assert "0 of 4 functions pass their visible check; they are worth 0 of 23 points." in out


def test_check_of_an_unknown_exercise_is_one_sentence(run: Run, built: Course) -> None:
    assert run("check", "scael") == (
        2,
        "",
        "autograder: unknown exercise 'scael'; there are: vol1_toys/scale, vol1_toys/counter, "
        "vol1_toys/balance\n",
    )


# build


def test_build_says_what_it_wrote_and_then_that_all_is_current(run: Run, built: Course) -> None:
    assert run("build") == (0, "every derived file was current\n", "")
    (built.root / "starter_code/vol1_toys/scale.py").unlink()
    assert run("build") == (0, "starter_code/vol1_toys/scale.py\n1 file written\n", "")


def test_build_check_writes_nothing_and_names_drift(run: Run, built: Course) -> None:
    assert run("build", "--check") == (0, "every derived file is current\n", "")
    path = append(built.root, "starter_code/vol1_toys/scale.py", "# mine\n")
    assert run("build", "--check") == (
        1,
        "starter_code/vol1_toys/scale.py is out of date; run `autograder build`\n",
        "",
    )
    assert path.read_text(encoding="utf-8").endswith("# mine\n")


def test_an_unmatched_marker_is_one_sentence_with_file_and_line(run: Run, built: Course) -> None:
    path = edit(built.root, "solutions/vol1_toys/scale.py", f"    {END}\n", "")
    line = path.read_text(encoding="utf-8").split("\n").index("    ### BEGIN SOLUTION") + 1
    code, out, err = run("build")
    assert (code, out) == (2, "")
    assert err.startswith("autograder: ") and err.count("\n") == 1
    said = f"solutions/vol1_toys/scale.py:{line}: BEGIN SOLUTION without END SOLUTION\n"
    assert err.endswith(said)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written_is_named(run: Run, built: Course) -> None:
    path = built.root / "starter_code" / "vol1_toys"
    (path / "scale.py").unlink()
    path.chmod(0o500)
    code, _, err = run("build")
    path.chmod(0o700)
    assert code == 2
    assert "starter_code/vol1_toys/scale.py: Permission denied" in err


# rubric


def test_the_rubric_prints_every_check_without_running_one(run: Run, built: Course) -> None:
    append(
        built.root,
        CHECKS,
        "\n\n@exercise.satisfies('scale', gate=True)\ndef explodes(student):\n"
        "    '''It would end the process.'''\n    raise SystemExit('a check was run')\n",
    )
    code, out, _ = run("rubric", "vol1_toys/scale")
    assert code == 0
    assert "factors_multiply" in out and "Scaling twice is scaling by the square." in out
    assert "gradients against finite differences" in out
    assert "gate" in out


def test_a_checks_file_that_raises_is_one_sentence_with_file_and_line(
    run: Run, built: Course
) -> None:
    path = append(built.root, CHECKS, "\n\nundeclared.matches_reference('scale')\n")
    line = path.read_text(encoding="utf-8").count("\n")
    said = f"autograder: {CHECKS}:{line}: NameError: name 'undeclared' is not defined\n"
    assert run("rubric") == (2, "", said)


# verify


def test_verify_of_a_course_in_order_ends_with_zero(
    run: Run, built: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    code, out, err = run("verify", "--seeds", "1")
    assert code == 0
    assert "9 of 9" in out and "ok" in out
    assert err == "isolated part skipped: it needs Linux or a container\n"


def test_verify_names_problems_below_the_table_and_ends_with_one(
    run: Run, built: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    edit(built.root, CHECKS, 'exercise.keeps_dtype("scale_backward", points=1)', "")
    code, out, _ = run("verify", "--seeds", "1")
    assert code == 1
    assert "vol1_toys/scale: scale_backward: there is no check of kind E\n" in out
    assert "assignments/vol1_toys/scale.ipynb: is out of date; run `autograder build`\n" in out


def test_verify_of_one_exercise_looks_at_no_other(
    run: Run, built: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    append(built.root, CHECKS, "\n\nundeclared()\n")
    code, out, _ = run("verify", "vol1_toys/balance", "--seeds", "1")
    assert code == 0
    assert "vol1_toys/scale" not in out


# Other systems


def test_grading_elsewhere_than_on_linux_names_the_container(
    run: Run, built: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    code, out, err = run("grade", "handed_in", "--out", "graded")
    assert (code, out) == (2, "")
    assert err == (
        "autograder: official grading isolates student code with Linux features; run it in a "
        "container (docs/isolation.md says how). `autograder check` works everywhere.\n"
    )
    assert not (built.root / "graded").exists()


def test_doctor_elsewhere_than_on_linux_says_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    code, out, err = run("doctor")
    assert (code, err) == (1, "")
    assert out == (
        "isolation: none on darwin. Run official grading in a Linux container (docs/isolation.md "
        "says how). `autograder check` works here.\n"
    )


# Errors that nobody expects


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "x.py"),
         "autograder: x.py: No such file or directory\n"),
        (OSError(28, "No space left on device"), "autograder: No space left on device\n"),
        (KeyboardInterrupt(), "autograder: interrupted\n"),
    ],
)  # fmt: skip
def test_errors_of_the_machine_are_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, said: str
) -> None:
    def fails(*args: object) -> int:
        raise error

    monkeypatch.setattr("autograder.commands.check", fails)
    assert run("check") == (2, "", said)


def test_a_pipe_that_closes_early_ends_quietly(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr("autograder.commands.check", fails)
    assert run("check") == (2, "", "")
