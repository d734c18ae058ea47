"""What GitHub Actions shows: text of students is text, in the log and in the summary."""

import dataclasses

import pytest
from markdown_it import MarkdownIt

from autograder.report import github
from autograder.report.github import command, fenced, log_text, summary
from autograder.tests.actions_runner import Command, read_commands
from autograder.tests.test_report import HOSTILE, check, exercise, hostile, not_graded, submission

SPEAKS = [
    "::error::x",
    "  ::add-mask::x",
    "a\n::error::x",
    "a\r::error::x",
    "a\r\n\t::set-output name=a::b",
    "##[error]x",
    "a ##[add-mask]x",
    "a%0A::error::x",
    "\u2028::error::x",
    "\x85::error::x",
    "\u00a0::error::x",
    "\ufeff::error::x",
    "::stop-commands::t",
    "x,line=9::y",
    "%25%0D%3A",
    "\x1b[0m::error::x",
]


@pytest.mark.parametrize("text", SPEAKS)
def test_one_command_is_one_command_whatever_its_parts_hold(text: str) -> None:
    line = command("error", text, file=text, line=3, title=text)
    ((found,), stopped) = read_commands(line)
    assert not stopped and "\n" not in line and "\r" not in line
    assert set(found.properties) == {"file", "line", "title"} and found.properties["line"] == "3"
    assert "\n" not in found.data and found.name == "error"


def test_a_command_is_read_back_as_it_was_meant() -> None:
    line = command("error", "100 % wrong: a, b", file="a,b:c%.py", line=7, title="scale: no")
    assert line == "::error file=a%2Cb%3Ac%25.py,line=7,title=scale%3A no::100 %25 wrong: a, b"
    properties = {"file": "a,b:c%.py", "line": "7", "title": "scale: no"}
    assert read_commands(line) == ([Command("error", properties, "100 % wrong: a, b")], False)
    assert command("notice", "done") == "::notice::done"


@pytest.mark.parametrize("text", SPEAKS)
def test_nothing_behind_a_fence_or_in_a_line_of_a_log_is_a_command(text: str) -> None:
    assert read_commands(fenced(text)) == ([], False)
    assert read_commands(log_text(text)) == ([], False)
    assert "\n" not in log_text(text)


def test_every_fence_has_an_end_that_nobody_knows_before() -> None:
    tokens = {fenced("x").split("\n")[0] for _ in range(20)}
    assert len(tokens) == 20 and all(len(t) == len("::stop-commands::") + 40 for t in tokens)
    assert fenced("two\nlines\n").split("\n")[1:3] == ["two", "lines"]


def test_a_long_message_is_cut() -> None:
    assert len(command("error", "%" * 9_000)) < 3 * github.MAX_MESSAGE + 100


def table(text: str) -> list[list[str]]:
    """The cells of the only table, as GitHub's flavour of Markdown has them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level > 2:
            rows[-1].append("".join(c.content for c in token.children or ()))
    return rows


def test_one_student_is_told_points_per_function_and_what_does_not_pass() -> None:
    wrong = check("failed", message="out differs.", hint="Divide by n.", mistake="forgets_n")
    said = summary([submission("ada", exercise(wrong, check("passed")))])
    assert table(said) == [
        ["exercise", "function", "result", "points"],
        ["vol/scale", "scale", "failed", "2 of 4"],
    ]
    assert "## ada: 2 of 4 points" in said
    assert "**vol/scale, scale**: Values agree with the definition: failed, 0 of 2 points." in said
    assert "Hint: Divide by n." in said and "forgets" not in said


def test_not_graded_is_open_and_skipped_is_skipped() -> None:
    said = summary([submission("ada", exercise(check("skipped")), not_graded())])
    assert table(said)[1:] == [
        ["vol/scale", "scale", "skipped", "0 of 2"],
        ["vol/late", "", "not graded", "7 open"],
    ]
    assert "ada: 0 of 2 points" in said and "7 points not graded yet; no zero." in said
    assert "zygote" not in said


def test_points_that_were_not_isolated_are_said_to_be_no_grade() -> None:
    trusted = dataclasses.replace(submission("me", exercise(check("passed"))), isolation="trusted")
    assert github.TRUSTED in summary([trusted])
    assert github.TRUSTED not in summary([submission("me", exercise(check("passed")))])


def test_a_class_is_a_table_without_a_total_where_something_is_open() -> None:
    said = summary(
        [
            submission("zoe", exercise(check("passed")), not_graded()),
            submission("ada", exercise(check("failed"), check("passed"), review=("uses eval",))),
        ]
    )
    assert table(said)[1:] == [
        ["ada", "2", "4", "vol/scale to look at, 1 function not right"],
        ["zoe", "", "9", "vol/late not graded"],
    ]
    assert "1 student not fully graded" in said and "uses eval" not in said


@pytest.mark.parametrize("text", [HOSTILE, *SPEAKS])
def test_a_summary_has_the_same_shape_whatever_students_write(text: str) -> None:
    def shape(value: str) -> list[str]:
        one = submission(value, exercise(check("passed")))
        made = summary([hostile(value)]) + summary([hostile(value), one])
        tokens = MarkdownIt("commonmark").enable("table").parse(made)
        return [t.type for t in tokens] + [
            c.type for t in tokens for c in t.children or () if c.type not in ("text", "softbreak")
        ]

    assert shape(text) == shape("plain")


def test_a_summary_stays_below_what_github_takes() -> None:
    many = [submission(f"{n:05}" + "\u20ac" * 300, exercise(check("failed"))) for n in range(1500)]
    said = summary(many)
    assert len(said.encode()) < 1 << 20
    assert said.endswith("There is more than a summary may hold; the artifact has everything.\n")
