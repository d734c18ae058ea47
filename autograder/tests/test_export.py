"""`autograder export`: what it reads, where it writes, and one sentence for what it cannot read."""

import base64
import json
import sys
from pathlib import Path

import pytest

from autograder import cli
from autograder.errors import AutograderError
from autograder.export import FORMATS, Request, export, read_results
from autograder.submission import safe_name
from autograder.tests.test_report import check, exercise, not_graded, submission


@pytest.fixture
def graded(tmp_path: Path) -> Path:
    """What `autograder grade` leaves of two students, one of them with a name for trouble."""
    folder = tmp_path / "graded"
    for student in ("zoe", "##[error]a/b\udcff"):
        result = submission(student, exercise(check("failed"), check("passed")))
        path = folder / "students" / safe_name(student) / "result.json"
        path.parent.mkdir(parents=True)
        path.write_text(result.to_json(), encoding="utf-8")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["autograder", "export", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    code = end.value.code or 0
    assert isinstance(code, int)
    return code


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_writer_a_name_for_files_and_a_sentence(name: str) -> None:
    one = FORMATS[name]
    assert callable(one.writer())
    assert bool(one.suffix) == (one.per_student != "never")
    assert one.help.endswith(".") and one.help[0].isupper()


@pytest.mark.parametrize("name", ["junit", "github-summary"])
def test_a_class_goes_to_a_file_or_to_standard_output(
    graded: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    out = graded / "class.out"
    assert run(monkeypatch, name, graded, "--out", out) == 0
    assert capfd.readouterr().out == ""
    assert run(monkeypatch, name, graded) == 0
    printed = capfd.readouterr()
    assert printed.err == "" and printed.out == out.read_text(encoding="utf-8")
    assert "zoe" in printed.out


def test_with_each_there_is_one_file_per_student_beside_the_result_or_in_a_folder(
    graded: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "junit", graded, "--each") == 0
    assert capfd.readouterr() == ("", "2 x junit.xml written\n")
    folders = sorted(p.parent for p in graded.glob("students/*/junit.xml"))
    assert folders == sorted(graded.glob("students/*"))
    assert run(monkeypatch, "junit", graded, "--each", "--out", graded / "xml") == 0
    assert {p.parent.name for p in graded.glob("xml/*/junit.xml")} == {p.name for p in folders}


def test_one_result_can_be_named_alone(
    graded: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "legacy", graded / "students" / "zoe" / "result.json") == 0
    line = capfd.readouterr().out
    assert json.loads(base64.b64decode(line))["max_score"] == 4
    assert run(monkeypatch, "legacy", graded) == 2
    assert capfd.readouterr() == (
        "",
        "autograder: the reporter takes one submission, and there are 2; name one result.json\n",
    )


def test_results_come_sorted_by_student(graded: Path) -> None:
    assert [r.student for _, r in read_results(graded)] == ["##[error]a/b\udcff", "zoe"]


def test_an_unknown_format_lists_those_there_are(
    graded: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "junitt", graded) == 2
    said = f"autograder: unknown format 'junitt'; there are: {', '.join(FORMATS)}\n"
    assert capfd.readouterr() == ("", said)


@pytest.mark.parametrize("name", [n for n, f in FORMATS.items() if f.per_student == "never"])
def test_a_format_for_the_class_has_no_file_per_student(graded: Path, name: str) -> None:
    with pytest.raises(AutograderError) as error:
        export(name, graded, each=True, request=Request(graded))
    assert str(error.value) == f"{name} is one file for all; leave out --each"


def test_a_folder_without_results_says_what_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "junit", tmp_path / "nowhere") == 2
    assert capfd.readouterr() == (
        "",
        f"autograder: {tmp_path}/nowhere: there are no results here; expected what `autograder "
        "grade --out` wrote, or one result.json\n",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a result record: Expecting property name"),
        ('{"schema": "autograder/result/v1"}', "schema is 'autograder/result/v1', expected"),
        ("\xff", "codec can't decode byte 0xff"),
    ],
)
def test_a_damaged_result_is_named(
    graded: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    text: str,
    said: str,
) -> None:
    path = graded / "students" / "zoe" / "result.json"
    path.write_bytes(text.encode("latin-1"))
    assert run(monkeypatch, "junit", graded) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.startswith(f"autograder: {path}: ") and said in err
    assert err.endswith("; grade again or take it out\n") and err.count("\n") == 1


def test_something_not_graded_stays_so_in_every_format_for_a_class(graded: Path) -> None:
    late = submission("late", exercise(check("passed")), not_graded())
    path = graded / "students" / "late" / "result.json"
    path.parent.mkdir()
    path.write_text(late.to_json(), encoding="utf-8")
    for name in ("junit", "github-summary"):
        out = graded / name
        assert export(name, graded, out=out, request=Request(graded)) == 0
        assert "zygote" not in out.read_text(encoding="utf-8")


def test_a_bug_of_ours_ends_with_two_and_not_as_if_work_did_not_pass(
    graded: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(*args: object) -> int:
        raise RuntimeError("a bug")

    monkeypatch.setattr("autograder.export.read_results", fails)
    assert run(monkeypatch, "junit", graded) == 2
    assert "RuntimeError: a bug" in capfd.readouterr().err
