"""Fills the templates. What they show is escaped here, once, for every expression in them."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..result import KINDS
from . import escape, figures, words

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def html(template: str, **values: Any) -> str:
    """Fill an HTML template; texts are escaped, and control characters in them made visible."""
    style, script = _asset("page.css"), _asset("table.js")
    page = _environment(markdown=False).get_template(template)
    return page.render(style=style, script=script, policy=_policy(style, script), **values)


def markdown(template: str, **values: Any) -> str:
    """Fill a Markdown template; every text is escaped unless the template made it code."""
    return _environment(markdown=True).get_template(template).render(**values)


@cache
def _environment(*, markdown: bool) -> "Environment":
    # Compiling the templates costs as much as grading a submission, so it is done once.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=not markdown,
        undefined=StrictUndefined,
        finalize=_for_markdown if markdown else _for_html,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        points=words.points,
        code=escape.markdown_code,
        block=escape.markdown_block,
        link=escape.relative_link,
        ended=lambda text: text if text.endswith((".", "?")) else f"{text}.",
    )
    environment.globals["kinds"] = KINDS
    environment.globals.update({name: getattr(words, name) for name in WORDS})
    environment.globals.update({name: getattr(figures, name) for name in FIGURES})
    return environment


WORDS = (
    "closed_gate",
    "count",
    "exercise_word",
    "explanation",
    "of_points",
    "race_name",
    "race_ratio",
    "race_sentence",
    "some_points",
    "status_word",
    "tone",
)
FIGURES = ("is_complete", "is_known", "skipped_points", "unknown_points")


def _for_html(value: Any) -> Any:
    # `Markup` is what our own templates made; it is the only text that may hold tags.
    return escape.visible(value) if type(value) is str else value


def _for_markdown(value: Any) -> Any:
    return escape.markdown(value) if type(value) is str else value


@cache
def _asset(name: str) -> Any:
    from markupsafe import Markup

    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def _policy(*inline: str) -> str:
    """A content policy that allows our own style and script and nothing else."""
    style, script = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
        "base-uri 'none'; form-action 'none'"
    )
