"""Text becomes syntax, or one sentence says why not; nothing can keep the compiler busy."""

import pytest

from autograder.syntax import Broken, Code, parse


def fault(source: str) -> tuple[str, int]:
    found = parse(source)
    assert isinstance(found, Broken)
    return found.message, found.line


def test_a_broken_cell_is_told_in_pythons_words() -> None:
    assert fault("x = 1\ny = = 2") == ("invalid syntax", 2)
    assert fault("def f(:\n  pass") == ("invalid syntax", 1)


def test_what_only_the_compiler_finds_is_found_too() -> None:
    assert fault("x = 1\nreturn x") == ("'return' outside function", 2)
    assert fault("await f()") == ("'await' outside function", 1)
    assert fault("for i in x:\n    pass\nbreak") == ("'break' outside loop", 3)
    assert fault("def f(a, a): pass")[0] == "duplicate argument 'a' in function definition"


def test_null_characters_are_refused() -> None:
    assert "null bytes" in fault("x = 1\0")[0]


def test_a_lone_surrogate_is_refused() -> None:
    assert fault("x = 1\ny = '\ud800'") == ("a character that is no valid Unicode", 2)


def test_a_very_long_line_is_refused() -> None:
    assert fault("x = 1\ny = '" + "a" * 20_000 + "'") == (
        "the line has more than 20,000 characters",
        2,
    )


def test_deep_brackets_are_refused_but_not_those_in_strings() -> None:
    assert fault("x = \\\n" + "(" * 101 + ")" * 101) == (
        "brackets are nested more than 100 deep",
        2,
    )
    assert isinstance(parse(f"x = '''{'(' * 500}'''  # {'[' * 500}"), Code)


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "\n".join(["1 + \\"] * 400) + "\n1",
        "\n".join(["if x:\n    y\nel" + "if x:\n    y"] + ["elif x:\n    y"] * 300),
        "x = a" + ".b" * 400,
    ],
)
def test_a_tree_that_is_too_deep_is_refused(source: str) -> None:
    assert fault(source)[0] == "nested more than 200 levels deep"


@pytest.mark.parametrize(
    "source", ["-" * 19_000 + "1", "+".join(["1"] * 9_000), "not " * 4_900 + "1"]
)
def test_what_python_cannot_nest_is_refused(source: str) -> None:
    assert fault(source)[0] == "nested too deeply for Python"


def test_an_integer_that_is_too_long_is_a_syntax_error() -> None:
    assert "4300 digits" in fault("x = " + "9" * 5_000)[0]


def test_parse_gives_the_tree_and_the_symbols() -> None:
    found = parse("def f():\n    return TABLE\n")
    assert isinstance(found, Code)
    assert found.table.get_children()[0].get_name() == "f"


def test_more_functions_than_the_compiler_can_take_are_refused() -> None:
    assert fault("T = [\n" + "lambda: 0,\n" * 1_001 + "]")[0] == (
        "more than 1,000 classes, functions and comprehensions"
    )
    assert isinstance(parse("'''" + "for " * 2_000 + "'''"), Code)


def nested(levels: int) -> str:
    """`finally` within `finally`."""
    body = "".join(f"{' ' * i}try: pass\n{' ' * i}finally:\n" for i in range(1, levels + 1))
    return f"def f():\n{body}{' ' * (levels + 1)}pass\n"


MANY_WAYS = "try ... finally is nested, or left, in more ways than we compile"


def test_finally_within_finally_is_refused_before_the_compiler_doubles_it_too_often() -> None:
    assert isinstance(parse(nested(4)), Code)
    assert fault(nested(18)) == (MANY_WAYS, 1)
    assert fault(nested(80))[0] == MANY_WAYS


def test_a_finally_that_is_left_in_many_ways_is_refused() -> None:
    def left(ways: int, size: int) -> str:
        return "def f():\n try:\n" + "  if a: return\n" * ways + " finally:\n" + "  a\n" * size

    assert isinstance(parse(left(20, 100)), Code)
    assert fault(left(2_000, 2_000))[0] == MANY_WAYS
    inner = "".join(f"  def g{i}():\n   return\n" for i in range(500))
    ends = "def f():\n try:\n" + inner + " finally:\n" + "  a\n" * 500
    assert isinstance(parse(ends), Code)  # a function within ends itself, not the try


def test_a_text_with_more_names_than_we_walk_is_refused() -> None:
    assert fault("[\n" + "a,\n" * 150_001 + "]")[0] == (
        "more than 150,000 names, numbers and operators"
    )


def test_more_classes_than_the_compiler_can_take_are_refused() -> None:
    assert fault("class A: pass\n" * 1_001)[0] == (
        "more than 1,000 classes, functions and comprehensions"
    )


def test_a_long_function_with_many_functions_in_it_is_refused() -> None:
    def holds(names: int, functions: int) -> str:
        body = "".join(f" a{i} = 0\n" for i in range(names))
        return "def f():\n" + body + " lambda: 0\n" * functions

    assert isinstance(parse(holds(100, 100)), Code)
    assert fault(holds(10_000, 900))[0] == (
        "a function is too long for all the functions that are defined in it"
    )


def test_integers_that_share_a_hash_are_refused() -> None:
    wide = [str((2**61 - 1) * k) for k in range(1, 1_002)]
    assert fault("x = [\n" + ",\n".join(wide) + "]")[0] == (
        "more than 1,000 integers of 16 digits or more"
    )
    decimals = [f"0.{w}" for w in wide]
    assert isinstance(parse("x = [\n" + ",\n".join(decimals) + "]"), Code)


def test_a_letter_with_many_marks_is_refused() -> None:
    assert fault("x = 1\na" + "\u0301\u0316" * 30 + " = 1") == (
        "a letter has more than 50 marks",
        2,
    )
    assert isinstance(parse("e\u0301 = '" + "e\u0301" * 500 + "'"), Code)
