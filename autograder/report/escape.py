"""Text that a student may have chosen, made harmless for each place where it is shown.

Names of people, files and cells, and messages that quote them, are data. Each function here
returns what the place it is named for shows as exactly these characters and never as markup,
a link, a formula or a command to the terminal.
"""

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from rich.text import Text

# Joiners are part of how Persian, Indic and emoji names are spelled; they move nothing around.
JOINERS = "\u200c\u200d"
FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&!$^])")
MARKDOWN_START = re.compile(r"^([-+=:]|\d+(?=[.)](?:\s|$)))")


class Verbatim(str):
    """Text that is already safe where it goes; the templates do not escape it again."""

    __slots__ = ()


def visible(text: str) -> str:
    """`text` with every invisible or reordering character made visible; keeps line breaks and tabs.

    Control characters become their pictures; overrides of the writing direction, zero-width
    characters and lone surrogates become their code point in brackets.
    """
    text = text.replace("\r\n", "\n")
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def one_line(text: str) -> str:
    """`visible`, on one line: every run of white space and line breaks becomes one space."""
    return visible(re.sub(r"[\s\u2028\u2029]+", " ", text)).strip()


@lru_cache(maxsize=4096)
def markdown(text: str) -> Verbatim:
    """`text` as running text in Markdown: no markup, HTML, link, picture, mention or new line."""
    line = MARKDOWN_SPECIAL.sub(r"\\\1", one_line(text))
    line = MARKDOWN_START.sub(_escape_start, line)
    line = re.sub(r"(?<!\\)://", r"\\://", line)
    line = re.sub(r"(?i)(www)\.", r"\1\\.", line)
    # Addresses are linked after escapes are resolved, so only a character in between helps.
    return Verbatim(line.replace("@", "@\u2060"))


def markdown_code(text: str) -> Verbatim:
    """`text` as a code span in Markdown, whatever backticks it holds."""
    line = one_line(text)
    if not line:
        return Verbatim("")
    # A bar would end the cell of a table even inside code, so no table may hold these spans.
    fence = "`" * (_longest_run(line) + 1)
    gap = " " if line[0] == "`" or line[-1] == "`" else ""
    return Verbatim(f"{fence}{gap}{line}{gap}{fence}")


def markdown_block(text: str, *, indent: int = 0) -> Verbatim:
    """`text` as a fenced block of code in Markdown, indented to stay inside a list item."""
    body = visible(text).expandtabs(4).strip("\n")
    fence = "`" * max(3, _longest_run(body) + 1)
    lines = [f"{fence}text", *body.split("\n"), fence]
    return Verbatim("\n".join(" " * indent + line for line in lines))


def terminal(text: str, *, style: str = "", lines: bool = False) -> "Text":
    """`text` for the terminal: no control sequence, and brackets are brackets.

    Args:
        style: How rich shows it.
        lines: Keep line breaks.
    """
    from rich.text import Text

    return Text(visible(text).expandtabs(4) if lines else one_line(text), style=style)


def spreadsheet(text: str) -> str:
    """`text` as a cell of a spreadsheet: an apostrophe in front of what would be a formula."""
    if text.lstrip().startswith(tuple(FORMULA)) or (text and text[0] in FORMULA):
        return "'" + one_line(text)
    return one_line(text)


def relative_link(path: str) -> str:
    """`path` as a link that can only lead below the page that holds it, never elsewhere."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "./" + "/".join(quote(part, safe="", errors="surrogatepass") for part in parts)


def _shown(character: str) -> str:
    if character in "\n\t" or character in JOINERS:
        return character
    if character < " ":
        return chr(0x2400 + ord(character))
    if character == "\x7f":
        return "\u2421"
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return f"[U+{ord(character):04X}]"
    return character


def _escape_start(match: "re.Match[str]") -> str:
    start = match.group(1)
    # The number of a list cannot be escaped itself, only what follows it can.
    return f"{start}\\" if start[0].isdigit() else f"\\{start}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
