"""Grades reach Canvas and Moodle: the right points to the right person, nobody else's changed."""

import csv
import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import cli
from autograder.build import build
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.export import FORMATS, Exported, Request
from autograder.report.roster import read_roster
from autograder.result import ExerciseResult, SubmissionResult
from autograder.tests.gradebooks import CANVAS, MOODLE, Canvas, Moodle
from autograder.tests.test_report import check, exercise, not_graded, submission


@pytest.fixture
def canvas_roster(tmp_path: Path) -> Path:
    return put(tmp_path, CANVAS)


@pytest.fixture
def moodle_roster(tmp_path: Path) -> Path:
    return put(tmp_path, MOODLE)


def put(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "roster.csv"
    path.write_text(text, encoding=encoding)
    return path


def scale(status: str = "passed") -> ExerciseResult:
    return exercise(check(status))  # type: ignore[arg-type]


def export(
    name: str, results: list[SubmissionResult], roster: Path | None, by: str = "", total: str = ""
) -> Exported:
    return FORMATS[name].writer()(results, Request(Path("graded"), roster, by, total))


def table(done: Exported) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.text)))


# Canvas


def test_canvas_takes_over_the_points_and_leaves_everything_else(canvas_roster: Path) -> None:
    done = export("canvas", [submission("ann", scale()), submission("cem", scale("failed"))],
                  canvas_roster)  # fmt: skip
    book = Canvas()
    book.imports(done.text)
    assert book.grades == {
        (11, "Scale"): "2",
        (13, "Scale"): "0",
        (11, "Midterm"): "25.00",
        (13, "Midterm"): "20.00",
    }
    assert book.possible == {"Scale": 2.0, "Midterm": 30.0}


def test_the_file_has_the_gradebooks_own_columns_and_one_row_per_submission(
    canvas_roster: Path,
) -> None:
    done = export("canvas", [submission("ann", scale())], canvas_roster)
    assert done.text == (
        "Student,ID,SIS User ID,SIS Login ID,Section,Scale (501)\n"
        "    Points Possible,,,,,2.00\n"
        '"Lee, Ann",11,S-11,ann,One,2\n'
    )


def test_everybody_without_a_partner_is_named_in_one_sentence(canvas_roster: Path) -> None:
    done = export("canvas", [submission(s, scale()) for s in ("ann", "eve", "z\x1b[2J")],
                  canvas_roster)  # fmt: skip
    assert done.notices == (
        "not in roster.csv by SIS Login ID, so these grades are in no row: eve, z␛[2J; enter them "
        "by hand or rename the submissions",
        "in roster.csv but without a submission, and therefore without a row: bob@uni.example, cem",
    )


@pytest.mark.parametrize(
    ("by", "student"),
    [
        ("", "BOB@uni.example"),
        ("sis", "s-12"),
        ("id", "12"),
        ("id", "beebob_12_98765_scale"),
        ("id", "beebob_LATE_12_98765_scale"),
        ("name", "Bee,  Bob"),
        ("SIS User ID", "S-12"),
    ],
)
def test_a_submission_is_found_by_the_column_that_was_named(
    canvas_roster: Path, by: str, student: str
) -> None:
    book = Canvas()
    book.imports(export("canvas", [submission(student, scale())], canvas_roster, by).text)
    assert book.grades[12, "Scale"] == "2"
    assert len(book.grades) == 4


def test_an_accent_may_be_written_in_two_ways(canvas_roster: Path) -> None:
    done = export("canvas", [submission("O\u0308z, C\u0327em", scale())], canvas_roster, "name")
    assert [row["ID"] for row in table(done)] == ["", "13"]


def test_what_is_not_graded_keeps_what_the_gradebook_has(canvas_roster: Path) -> None:
    late = not_graded(exercise="vol/scale", title="Scale", max_points=2.0)
    partly = exercise(check("passed"), check("not_graded", points=0.0))
    done = export("canvas", [submission("ann", late), submission("cem", partly)], canvas_roster)
    book = Canvas()
    before = dict(book.grades)
    book.imports(done.text)
    assert book.grades == before
    assert done.notices[-1] == (
        "not fully graded, so cells stay as the roster has them: ann, cem; an empty one is not a "
        "zero"
    )


def test_nothing_handed_in_and_nothing_readable_are_zeros(canvas_roster: Path) -> None:
    blank = ExerciseResult("vol/scale", "Scale", "1", "missing", 0.0, 2.0)
    results = [submission("ann", blank), submission("cem", replace(blank, status="unreadable"))]
    assert [row["Scale (501)"] for row in table(export("canvas", results, canvas_roster))] == [
        "2.00",
        "0",
        "0",
    ]


def test_skipped_checks_are_named_with_the_points_that_wait(canvas_roster: Path) -> None:
    skipped = exercise(check("passed"), check("skipped", points=0.0))
    done = export("canvas", [submission("ann", skipped)], canvas_roster)
    assert done.notices[-1] == (
        "checks that need a device were skipped and give no points yet: ann (2 points)"
    )


def test_an_assignment_that_canvas_does_not_have_is_announced(canvas_roster: Path) -> None:
    other = replace(scale(), exercise="vol/new", title="Something new")
    done = export("canvas", [submission("ann", scale(), other)], canvas_roster)
    book = Canvas()
    book.imports(done.text)
    assert (book.grades[11, "Something new"], book.possible["Something new"]) == ("2", 2.0)
    assert (
        "Canvas has no assignment Something new yet and will ask whether to make it" in done.notices
    )


@pytest.mark.parametrize("title", ["Part (502)", "Final Score of all", "=1+1", "Section"])
def test_a_new_title_that_canvas_would_misread_is_replaced_by_the_slug(
    canvas_roster: Path, title: str
) -> None:
    done = export("canvas", [submission("ann", replace(scale(), exercise="vol/new", title=title))],
                  canvas_roster)  # fmt: skip
    book = Canvas()
    book.imports(done.text)
    assert book.grades[11, "vol/new"] == "2"
    assert book.grades[11, "Midterm"] == "25.00"


def test_another_maximum_in_canvas_is_said_and_not_changed(canvas_roster: Path) -> None:
    double = exercise(check("passed"), check("passed", name="more"))
    done = export("canvas", [submission("ann", double)], canvas_roster)
    book = Canvas()
    book.imports(done.text)
    assert book.possible["Scale"] == 2.0
    assert (
        "Scale (501) has 2.00 points in Canvas and 4 here; points are written as they are, so "
        "change the maximum in Canvas" in done.notices
    )


def test_an_assignment_whose_name_canvas_ignores_is_said(tmp_path: Path) -> None:
    roster = put(tmp_path, CANVAS.replace("Scale (501)", "Final Grade Task (501)"))
    final = replace(scale(), title="Final Grade Task")
    done = export("canvas", [submission("ann", final)], roster)
    assert (
        "Canvas ignores the column Final Grade Task (501); rename the assignment there"
        in done.notices
    )


def test_the_sum_can_be_one_column(canvas_roster: Path) -> None:
    other = replace(scale("failed"), exercise="vol/b")
    results = [submission("ann", scale(), other), submission("cem", scale(), not_graded())]
    book = Canvas()
    book.imports(export("canvas", results, canvas_roster, total="Midterm").text)
    assert (book.grades[11, "Midterm"], book.grades[13, "Midterm"]) == ("2", "20.00")
    assert book.grades[11, "Scale"] == "1.00"
    with pytest.raises(AutograderError, match=r"Canvas would misread the heading 'Sum \(502000\)'"):
        export("canvas", results, canvas_roster, total="Sum (502000)")


def test_names_of_students_are_neither_formulas_nor_commands_to_canvas(tmp_path: Path) -> None:
    roster = put(
        tmp_path,
        CANVAS.replace('"Lee, Ann"', "=HYPERLINK(1)").replace('"Öz, Çem"', "Points Possible"),
    )
    done = export("canvas", [submission("ann", scale()), submission("cem", scale())], roster)
    book = Canvas()
    book.imports(done.text)
    assert [row["Student"] for row in table(done)[1:]] == ["'=HYPERLINK(1)", ""]
    assert (book.grades[11, "Scale"], book.grades[13, "Scale"]) == ("2", "2")
    assert book.possible["Scale"] == 2.0


def test_two_submissions_of_one_person_give_no_row(canvas_roster: Path) -> None:
    results = [submission(s, scale()) for s in ("ann", "Ann", "cem")]
    done = export("canvas", results, canvas_roster)
    assert [row["ID"] for row in table(done)] == ["", "13"]
    assert done.notices[0] == (
        "several submissions are of one person of roster.csv: Ann, ann; none has a row, so take "
        "out all but the one that counts"
    )


def test_a_name_that_two_people_share_gives_no_row(tmp_path: Path) -> None:
    roster = put(tmp_path, CANVAS + '"Lee, Ann",14,S-14,ann2,One,,,,\n')
    results = [submission("Lee, Ann", scale()), submission("Bee, Bob", scale())]
    done = export("canvas", results, roster, "name")
    assert [row["ID"] for row in table(done)] == ["", "12"]
    assert done.notices[0] == (
        "Student is not unique in roster.csv, so these grades are in no row: Lee, Ann"
    )


@pytest.mark.parametrize("change", [("semicolons", ","), ("bom", "")])
def test_a_gradebook_of_another_locale_is_read(tmp_path: Path, change: tuple[str, str]) -> None:
    text = CANVAS
    if change[0] == "semicolons":
        quoted = [row for row in csv.reader(io.StringIO(CANVAS))]
        out = io.StringIO()
        csv.writer(out, delimiter=";").writerows(quoted)
        text = out.getvalue().replace("2.00", "2,00")
    done = export("canvas", [submission("ann", scale())], put(tmp_path, text, "utf-8-sig"))
    book = Canvas()
    book.imports(done.text)
    assert (book.grades[11, "Scale"], book.possible["Scale"]) == ("2", 2.0)
    assert not any("points in Canvas" in notice for notice in done.notices)


@pytest.mark.parametrize(
    ("text", "by", "said"),
    [
        (
            "Name,Login\nAnn,ann\n",
            "",
            "roster.csv has no column 'ID', which Canvas writes into an exported gradebook; it has:"
            " Name, Login",
        ),
        (
            CANVAS,
            "email",
            "roster.csv has no column 'email', by which submissions were to be found; it has: "
            "Student, ID, SIS User ID, SIS Login ID, Section, Notes, Scale (501), Midterm (502), "
            "Final Score",
        ),
        (
            CANVAS,
            "sis",
            "no submission is named after its SIS User ID in roster.csv (the first is 'ann'); name "
            "another column with --by",
        ),
        (
            CANVAS.replace("Midterm", "Scale"),
            "",
            "roster.csv has several columns for Scale: Scale (501) and Scale (502); delete from it "
            "the ones that do not count",
        ),
    ],
)
def test_a_roster_that_does_not_fit_is_one_sentence(
    tmp_path: Path, text: str, by: str, said: str
) -> None:
    with pytest.raises(AutograderError) as error:
        export("canvas", [submission("ann", scale())], put(tmp_path, text), by)
    assert str(error.value) == said


def test_a_roster_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    with pytest.raises(AutograderError, match="cannot be read: No such file or directory"):
        read_roster(path)
    path.write_bytes("Ä;B".encode("latin-1"))
    with pytest.raises(AutograderError, match=r"is not UTF-8 text; export it again as CSV \(UTF-8"):
        read_roster(path)
    path.write_text('a,"b\n')
    with pytest.raises(AutograderError, match=r"is not a CSV table: .*; export it again"):
        read_roster(path)
    path.write_text("\n\n")
    with pytest.raises(AutograderError, match="is empty; export the class again"):
        read_roster(path)
    for name in ("canvas", "moodle"):
        with pytest.raises(AutograderError, match="name the exported class with --roster"):
            export(name, [submission("ann", scale())], None)


# Moodle


def test_moodle_takes_over_points_and_feedback(moodle_roster: Path) -> None:
    done = export("moodle", [submission("ann@uni.example", scale("failed"))], moodle_roster)
    book = Moodle()
    book.imports(done.text)
    assert book.grades == {(1, "Scale"): 0.0, (3, "Scale"): 2.0}
    assert book.feedback == {
        (1, "Scale"): "0 of 2 points. · scale: Values agree with the definition: failed, 0 of 2 "
        "points. The result is not right yet."
    }


@pytest.mark.parametrize(
    ("by", "student"),
    [
        ("idnumber", "S-12"),
        ("name", "Bob Bee"),
        ("name", "Bob Bee_4711_assignsubmission_file_"),
        ("name", "Bob Bee_4711_assignsubmission_file"),
        ("Email address", "bob@uni.example"),
    ],
)
def test_moodle_people_are_found_by_number_name_or_packed_folder(
    moodle_roster: Path, by: str, student: str
) -> None:
    done = export("moodle", [submission(student, scale())], moodle_roster, by)
    book = Moodle()
    if by == "idnumber":
        book.people = {"S-11": 1, "S-12": 2, "S-13": 3}
    if by == "name":  # Moodle cannot find people by name
        book.people["S-12"] = 2
    book.imports(done.text)
    assert book.grades[2, "Scale"] == 2.0
    assert book.grades[1, "Scale"] == 1.5


def test_a_column_in_another_language_can_be_named(tmp_path: Path) -> None:
    roster = put(tmp_path, MOODLE.replace("Email address", "E-Mail-Adresse"))
    done = export("moodle", [submission("ann@uni.example", scale())], roster, "E-Mail-Adresse")
    assert done.text.startswith(
        "E-Mail-Adresse,Submission,Scale,Scale (feedback)\nann@uni.example,"
    )


@pytest.mark.parametrize(
    ("had", "kept"), [("1.50", "1.50"), ("1,50", "1,50"), ("-", "-"), ("A", "-")]
)
def test_what_is_not_graded_is_what_moodle_has_or_a_dash(
    tmp_path: Path, had: str, kept: str
) -> None:
    roster = put(tmp_path, MOODLE.replace("ann@uni.example,1.50", f'ann@uni.example,"{had}"'))
    late = not_graded(exercise="vol/scale", title="Scale", max_points=2.0)
    (row,) = table(export("moodle", [submission("ann@uni.example", late)], roster))
    assert row["Scale"] == kept
    assert row["Scale (feedback)"] == (
        "This could not be graded yet. It is not your fault, and it is not a zero."
    )


def test_a_new_column_has_no_empty_cell(moodle_roster: Path) -> None:
    results = [submission(f"{n}@uni.example", scale(), not_graded()) for n in ("ann", "bob")]
    book = Moodle()
    book.imports(export("moodle", results, moodle_roster).text, new=True)
    assert book.grades[1, "Late"] is None
    assert book.grades[2, "Scale"] == 2.0


@pytest.mark.parametrize("email", ["", "0", "=cmd|calc@uni.example", "+ann@uni.example"])
def test_nobody_gets_the_grade_of_one_whom_moodle_could_not_tell(
    tmp_path: Path, email: str
) -> None:
    roster = put(tmp_path, MOODLE.replace("bob@uni.example", email))
    results = [submission("Ann Lee", scale("failed")), submission("Bob Bee", scale())]
    text = MOODLE.replace("ID number,", "").replace("S-11,", "").replace("S-12,", "")
    roster = put(tmp_path, text.replace("S-13,", "").replace("bob@uni.example", email))
    done = export("moodle", results, roster, "name")
    book = Moodle()
    book.imports(done.text)
    assert book.grades == {(1, "Scale"): 0.0, (3, "Scale"): 2.0}
    assert (
        "Email address is empty or would be a formula in a spreadsheet, so these grades are in no "
        "row: Bob Bee; enter them by hand" in done.notices
    )


def test_feedback_is_inert_html_and_tells_no_secret(moodle_roster: Path) -> None:
    text = "<script>alert(1)</script> & co"
    wrong = exercise(check("failed", message=text, hint=text, mistake="forgot_the_scale"),
                     review=("looks copied",))  # fmt: skip
    late = not_graded(reason="the zygote of pid 4711 died")
    unreadable = ExerciseResult(
        "vol/u", "U", "1", "unreadable", 0.0, 1.0, reason=f"{text} is empty."
    )
    done = export("moodle", [submission("ann@uni.example", wrong, late, unreadable)], moodle_roster)
    assert "&lt;script&gt;" in done.text
    for secret in ("<script", "forgot_the_scale", "looks copied", "zygote"):
        assert secret not in done.text
    (row,) = table(done)
    assert row["U (feedback)"].startswith("What was handed in could not be read. &lt;script")


def test_no_cell_of_a_spreadsheet_is_a_formula(moodle_roster: Path) -> None:
    odd = replace(scale(), title="=1+1", exercise="vol/odd")
    done = export("moodle", [submission("=Ann Lee", odd), submission("Ann Lee", odd)],
                  moodle_roster, "name")  # fmt: skip
    for row in csv.reader(io.StringIO(done.text)):
        assert not any(cell != "-" and cell.startswith(("=", "+", "@", "\t")) for cell in row)


def test_what_was_not_judged_is_not_said_to_be_worth_nothing(moodle_roster: Path) -> None:
    partly = exercise(
        check("passed"), check("not_graded", points=0.0), check("skipped", points=0.0)
    )
    (row,) = table(export("moodle", [submission("ann@uni.example", partly)], moodle_roster))
    said = row["Scale (feedback)"]
    assert said.startswith("2 of 4 points. ")
    assert "not graded. This could not be graded. It is not your fault" in said
    assert "skipped. This needs a device that the grading machine does not have" in said
    assert "0 of 2" not in said


def test_more_points_than_moodle_takes_are_announced(moodle_roster: Path) -> None:
    large = exercise(*(check("passed", name=f"c{i}") for i in range(51)))
    done = export("moodle", [submission("ann@uni.example", large)], moodle_roster, total="All")
    assert (
        "All has 102 points, and Moodle refuses a file with a grade over 100 unless the site "
        "allows unlimited grades; leave out --total or ask for that setting" in done.notices
    )


# The command


def test_graded_work_is_exported_by_the_command(
    toy: Course, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if sys.platform != "linux":
        pytest.skip("grading needs Linux")
    build(toy)
    monkeypatch.chdir(toy.root)
    source = (toy.root / "solutions/vol1_toys/scale.py").read_text(encoding="utf-8")
    for student, text in (("ann", source), ("cem", source.replace("x * factor", "x + factor"))):
        path = toy.root / "handed_in" / student / "scale.py"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    put(toy.root, CANVAS)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["autograder", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), capsys.readouterr().err

    assert run("grade", "handed_in", "--out", "graded", "--exercise", "vol1_toys/scale")[0] == 1
    code, said = run("export", "canvas", "graded", "--roster", "roster.csv", "--out", "c.csv")
    assert code == 1
    assert "autograder: in roster.csv but without a submission" in said
    book = Canvas()
    book.imports((toy.root / "c.csv").read_text(encoding="utf-8"))
    points = {"ann": float(book.grades[11, "Scale"]), "cem": float(book.grades[13, "Scale"])}
    assert points["ann"] > points["cem"] > 0
    code, said = run("export", "canvas", "graded")
    assert (code, said) == (
        2,
        "autograder: name the exported class with --roster (Canvas: Grades, Export, Export Entire "
        "Gradebook)\n",
    )
