"""Whatever a student writes is shown as text, in every format."""

import csv
import io
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from autograder.report import escape

TRICKS = [
    "<script>alert(1)</script>",
    "![x](http://evil/x.png)",
    "[x](javascript:alert(1))",
    "https://evil.example/a",
    "www.evil.example",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "a\n\n# b",
    "```\nfence",
    "| a | b |\n|---|---|",
    "**bold** _it_ ~~gone~~ `code`",
    "&lt;b&gt;",
    "\\*not escaped\\*",
    "anna@uni.example",
    "    indented",
    "---",
    "===",
    "+",
    "<!-- -->",
    "a  \nb",
    "[x]: http://evil",
]


def parsed(text: str) -> list[tuple[str, str]]:
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [
        (child.type, child.content)
        for token in tokens
        for child in (token.children if token.children is not None else [token])
    ]


@pytest.mark.parametrize("text", TRICKS)
def test_in_markdown_it_is_one_paragraph_of_exactly_this_text(text: str) -> None:
    shown = escape.one_line(text).replace("@", "@\u2060")
    expected = [("paragraph_open", ""), ("text", shown), ("paragraph_close", "")]
    assert parsed(escape.markdown(text)) == expected


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.text(alphabet=st.sampled_from("ab1.)(:/@#*_`~<>[]{}!&|\\-+= \n\t\x1b\u202e\"'$^wW")))
@example("1.\u00a0x")
@example("://")
def test_in_markdown_any_mixture_is_one_paragraph_of_exactly_this_text(text: str) -> None:
    shown = escape.one_line(text).replace("@", "@\u2060")
    found = [content for kind, content in parsed(escape.markdown(text)) if kind == "text"]
    assert "".join(found) == shown
    assert len(parsed(escape.markdown(text))) == (3 if shown else 0)


@pytest.mark.parametrize("text", ["https://evil.example", "WWW.evil.example", "a@b.example"])
def test_in_markdown_addresses_are_broken_up_so_that_no_reader_links_them(text: str) -> None:
    escaped = escape.markdown(text).lower()
    assert "://" not in escaped.replace("\\://", "")
    assert "www." not in escaped
    assert "@b" not in escaped


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.text(alphabet=st.sampled_from("ab`~ \n\\*<\x1b|")))
def test_in_markdown_code_is_exactly_this_code(text: str) -> None:
    shown = escape.one_line(text)
    expected = [("paragraph_open", ""), ("code_inline", shown), ("paragraph_close", "")]
    assert parsed(escape.markdown_code(text)) == (expected if shown else [])


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.text(alphabet=st.sampled_from("ab`~ \n\\*<")))
def test_in_markdown_a_block_stays_inside_its_item(text: str) -> None:
    page = "- a\n" + escape.markdown_block(text, indent=2) + "\n\nafter\n"
    kinds = [kind for kind, _ in parsed(page)]
    assert kinds[-5:] == ["list_item_close", "bullet_list_close", "paragraph_open", "text",
                          "paragraph_close"]  # fmt: skip
    assert [c for k, c in parsed(page) if k == "fence"] == [escape.visible(text).strip("\n") + "\n"]


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_nothing_invisible_and_nothing_that_turns_text_around_remains(text: str) -> None:
    for character in escape.visible(text):
        if character not in "\n\t" + escape.JOINERS:
            assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    assert "\n" not in escape.one_line(text)
    escape.visible(text).encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("anna\x1b[31m", "anna␛[31m"),
        ("a\x00b\x7f", "a␀b␡"),
        ("abc\u202egpj.exe", "abc[U+202E]gpj.exe"),
        ("a\u200bb", "a[U+200B]b"),
        ("\udcff", "[U+DCFF]"),
        ("क्\u200dष", "क्\u200dष"),
        ("Zoë \U0001f600 李", "Zoë \U0001f600 李"),
    ],
)
def test_what_cannot_be_seen_is_shown(text: str, shown: str) -> None:
    assert escape.visible(text) == shown


@pytest.mark.parametrize("text", ["a\r\nb", "a\u2028b", "a\x0bb", "  a \t b\n"])
def test_one_line_is_one_line(text: str) -> None:
    assert escape.one_line(text) == "a b"


@pytest.mark.parametrize(
    "text",
    ["[bold red]x[/]", "\x1b[2J\x1b[1;1H", "\x1b]8;;http://evil\x1b\\x", "\x9b31m", "a\rb\b"],
)
def test_in_the_terminal_it_sends_no_command_and_is_no_markup(text: str) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=200)
    console.print(escape.terminal(text))
    assert out.getvalue() == escape.one_line(text) + "\n"
    assert not any(c < " " or "\x7f" <= c < "\xa0" for c in out.getvalue()[:-1])


@pytest.mark.parametrize("start", [*"=+-@\t\r\n", "  =", "\t=", "\u00a0+", "\uff1d", "\u200b="])
def test_in_a_spreadsheet_it_is_no_formula(start: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([escape.spreadsheet(start + '1+1,"x"\n=2')])
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    assert len(rows) == 1 and len(rows[0]) == 1
    assert rows[0][0].lstrip()[:1] not in set(escape.FORMULA)
    assert "\n" not in rows[0][0]


def test_in_a_spreadsheet_an_ordinary_name_is_left_alone() -> None:
    assert escape.spreadsheet("Anna-Maria O'Neil, 3") == "Anna-Maria O'Neil, 3"


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("students/anna/feedback.html", "./students/anna/feedback.html"),
        ("//evil.example/x", "./evil.example/x"),
        ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
        ("../../secret", "./secret"),
        ("a\\b", "./a/b"),
        ("a b/ü?#", "./a%20b/%C3%BC%3F%23"),
        ('"><script>', "./%22%3E%3Cscript%3E"),
    ],
)
def test_a_link_only_leads_below_the_page(path: str, link: str) -> None:
    assert escape.relative_link(path) == link


def test_an_empty_cell_stays_empty() -> None:
    assert escape.spreadsheet("") == ""
