"""Submissions are read whatever happened to them, and nothing in them is run."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import SubmissionError
from autograder.percent import Page
from autograder.submission import (
    HandedIn,
    RawFile,
    Reading,
    Rules,
    find_students,
    identify,
    read_handed_in,
    read_module,
    read_submission,
)
from autograder.tests.handed_in_course import (
    COUNTER,
    FULL,
    PAGE,
    PAGES,
    PY,
    RULES,
    TOTAL,
    book,
    handed_out,
    read_py,
    write,
)

# Whole submissions


def reading(*files: tuple[str, bytes, float], **more: Any) -> Reading:
    raw = tuple(RawFile(n.rpartition("/")[2], n, data, when) for n, data, when in files)
    return read_handed_in(HandedIn(raw, **more), PAGES, {})


def test_each_exercise_is_read_from_its_own_file() -> None:
    result = reading(("a/sums.py", PY, 0), ("a/basics.py", b"def double(x): return x", 0))
    assert set(result.modules) == {"vol/sums", "vol/basics"}
    assert result.unreadable == {}
    assert result.notices == ()


def test_the_file_changed_last_counts() -> None:
    old, new = ("a/sums.ipynb", book(TOTAL), 100.0), ("a/sums.py", PY, 200.0)
    result = reading(old, new)
    assert result.modules["vol/sums"].origin == "a/sums.py"
    assert result.notices == (
        "sums: a/sums.py was graded, the one changed last; not a/sums.ipynb.",
    )


def test_a_copy_yields_and_then_the_notebook_wins() -> None:
    other = PY + b"x = 3\nLIMIT = x\ndef f(): pass\n"
    result = reading(("a/sums (1).ipynb", book(TOTAL), 0), ("a/sums.ipynb", book(COUNTER), 0))
    assert result.notices[0] == ("sums: a/sums.ipynb was graded, no copy; not a/sums (1).ipynb.")
    result = reading(("a/sums.py", other, 0), ("a/sums.ipynb", book(TOTAL), 1))
    assert result.notices[0] == "sums: a/sums.ipynb was graded, the notebook; not a/sums.py."


def test_an_untouched_file_yields_to_one_with_an_answer() -> None:
    result = reading(("a/sums.ipynb", book(*handed_out({})), 900), ("b/sums.py", PY, 0))
    assert result.modules["vol/sums"].origin == "b/sums.py"
    assert result.notices == (
        "sums: b/sums.py was graded, the only one with something written; not a/sums.ipynb.",
    )


def test_equal_files_need_no_words() -> None:
    assert reading(("a/sums.py", PY, 0), ("b/sums.py", PY, 9)).notices == ()


def test_a_file_that_can_be_read_comes_before_one_that_cannot() -> None:
    result = reading(("a/sums.ipynb", b'{"cells": [', 900), ("a/sums.py", PY, 0))
    assert result.modules["vol/sums"].origin == "a/sums.py"
    assert result.unreadable == {}
    assert result.notices[0].startswith("a/sums.ipynb is not a complete notebook")


def test_a_file_known_only_by_its_functions_yields() -> None:
    assert reading(("a/sums.py", PY, 0), ("a/notes.py", PY + b"y = 1", 9)).notices == ()


def test_what_cannot_be_read_is_told_by_exercise_or_by_file() -> None:
    result = reading(
        ("a/sums.ipynb", b"", 0), ("a/basics.py", b"def double(x): 0", 0), ("a/x.py", b"\xff", 0)
    )
    assert set(result.modules) == {"vol/basics"}
    assert result.unreadable == {
        "vol/sums": "a/sums.ipynb is empty; save it and hand it in again.",
        "a/x.py": "a/x.py is not UTF-8 text (byte 0xff in line 1); save it as UTF-8 and hand it in "
        "again.",
    }


def test_if_nothing_can_be_read_every_exercise_says_why() -> None:
    result = reading(left_out=(("bob.zip", "bob.zip is not a complete archive."),))
    assert result.unreadable["vol/sums"] == "bob.zip is not a complete archive."
    assert result.notices == ("bob.zip is not a complete archive.",)


def test_an_own_module_that_is_imported_is_named() -> None:
    source = b"from helpers import total\n" + COUNTER.encode()
    result = reading(("a/sums.py", source, 0), ("a/helpers.py", b"def g(): pass", 0))
    assert result.notices == (
        "a/sums.py imports helpers, and a/helpers.py is not read: what an exercise needs belongs "
        "into its own file.",
    )


def test_files_that_are_no_exercise_are_named_if_there_is_nothing_else() -> None:
    assert reading(("a/x.py", b"y = 1", 0)).notices == ("No exercise was recognised in a/x.py.",)


def test_too_many_statements_are_refused() -> None:
    result = reading(("a/sums.py", b"x=1\n" * 3_001, 0))
    assert result.unreadable["vol/sums"] == (
        "a/sums.py has more than 3,000 statements up to sums.py, line 1; move data out of the code."
    )


def test_more_code_than_a_student_writes_is_not_read() -> None:
    lines = b"x = '" + b"y" * 9_000 + b"'\n"
    files = [(f"{i:02d}/sums.py", PY + lines * 32, 10 * i) for i in range(12)]
    result = reading(*files, ("a/basics.py", b"def double(x): return x", 0))
    assert result.modules["vol/sums"].origin == "09/sums.py"
    assert result.unreadable == {
        "vol/basics": "a/basics.py goes beyond the 3 MB of code that are read per student."
    }
    assert result.notices[0] == (
        "10/sums.py goes beyond the 3 MB of code that are read per student."
    )


class Torn(dict[str, Rules]):
    """Rules that cannot be looked up."""

    def get(self, *names: Any) -> Any:
        raise IndexError(names)


def test_an_error_of_ours_stops_one_submission_and_not_the_class(tmp_path: Path) -> None:
    write(tmp_path, {"alice/sums.py": PY})
    (found,) = find_students(tmp_path)
    assert read_submission(found, PAGES, {}).problems == ()
    result = read_submission(found, PAGES, Torn())
    assert result.modules == {}
    assert result.problems == (
        "The files of alice could not be read (IndexError); grade the others and report this as a "
        "bug.",
    )


# Nothing gets past


def reads_or_refuses(name: str, data: bytes) -> None:
    file = RawFile(name, f"alice/{name}", data)
    try:
        module = read_module(file, PAGE, RULES)
    except SubmissionError as error:
        assert str(error).startswith(f"alice/{name}")
    else:
        for cell in module.cells:
            compile(cell.source, "<cell>", "exec", dont_inherit=True)
    identify(file, PAGES)


@given(st.binary(max_size=300), st.sampled_from(["sums.py", "sums.ipynb"]))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes, name: str) -> None:
    reads_or_refuses(name, data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_mutated_notebook_is_read_or_refused(data: st.DataObject) -> None:
    record = json.loads(book(*handed_out(FULL)))
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = record
        while True:
            keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            inner = place[key]
            if isinstance(inner, (dict, list)) and inner and data.draw(st.integers(0, 9)):
                place = inner
                continue
            place[key] = data.draw(json_values)
            break
    reads_or_refuses("sums.ipynb", json.dumps(record).encode())


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_cut_and_pasted_source_is_read_or_refused(data: st.DataObject) -> None:
    source = "".join(c["source"] + "\n" for c in handed_out(FULL))
    source += (
        "\n%time x = 1\n%%bash\n!ls\n@deco\nasync def g(a=[i for i in T], *b) -> 'x':\n"
        "    yield a; \\\n"
        "  await b\nfor i in T: T[i].append(i)\ntry:\n    import torch\nexcept ImportError: pass\n"
        "with a as b: pass\nmatch x:\n    case {'a': [b, *c], **d}: global e\n"
        "from .basics import double\nfrom __future__ import annotations\nä = f'{x!r:>{y}}'; del ä\n"
    )
    for _ in range(data.draw(st.integers(1, 6))):
        a, b = sorted(data.draw(st.tuples(*[st.integers(0, len(source))] * 2)))
        at = data.draw(st.integers(0, len(source)))
        piece = source[a : min(b, a + 80)]
        source = (
            source[:at] + piece + source[at:]
            if data.draw(st.booleans())
            else source[:a] + source[b:]
        )
    as_module = data.draw(st.booleans())
    encoded = source.encode() if as_module else book(*source.split("\n\n"))
    reads_or_refuses("sums.py" if as_module else "sums.ipynb", encoded)


def test_a_page_is_only_read(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    read_py(f"open({str(mark)!r}, 'w')\ndef total(x=open({str(mark)!r}, 'w')): return x\n")
    assert not mark.exists()
    assert isinstance(PAGE, Page)
