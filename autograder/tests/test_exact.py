"""Texts, bytes and lists of tokens: what agrees, and what is said where they part."""

from typing import Any

import numpy as np
import pytest

from autograder.compare import difference
from autograder.exact import are_symbols


def detail(got: Any, want: Any, name: str = "tokens") -> str:
    found = difference(got, want, name)
    assert found is not None
    return found.detail


def category(got: Any, want: Any, name: str = "tokens") -> str:
    found = difference(got, want, name)
    assert found is not None
    return found.category


TOKENS = [5, 311, 257, 0]
VOCAB = {0: b"\x00", 256: b"th", 257: b"the"}


@pytest.mark.parametrize("value", [[], [1, "a", b"b"], [(1, 2), [3]], [[1], [2, 3]]])
def test_lists_of_whole_things_are_symbols(value: Any) -> None:
    assert are_symbols(value)
    assert difference(value, value) is None


@pytest.mark.parametrize("value", [(1, 2), [1.0], [True], [None], [np.int64(1)], "ab", {1: 2}])
def test_nothing_else_is_a_list_of_symbols(value: Any) -> None:
    assert not are_symbols(value)


@pytest.mark.parametrize("got", [TOKENS, tuple(TOKENS), [np.array(t) for t in TOKENS]])
def test_tokens_may_come_as_any_kind_of_integers(got: Any) -> None:
    assert difference(got, TOKENS) is None


def test_pairs_may_come_as_lists() -> None:
    assert difference([[97, 98], [256, 99]], [(97, 98), (256, 99)]) is None
    assert difference([(97, 98), (256,)], [(97, 98), (256, 99)]) is not None


def test_the_first_token_that_differs_is_named() -> None:
    assert detail([5, 311, 258, 0], TOKENS) == "tokens[2]: yours 258, expected 257"
    said = "tokens[1]: yours 310, expected 311; 3 of 4 entries differ"
    assert detail([5, 310, 258, 1], TOKENS) == said
    assert category([5, 310, 258, 1], TOKENS) == "tokens is wrong."


def test_a_list_that_is_too_long_or_too_short_says_where_it_parts() -> None:
    said = "tokens has 3 entries, expected 4; the first difference: tokens[3]: yours nothing, "
    assert detail(TOKENS[:3], TOKENS) == said + "expected 0"
    said = "tokens has 5 entries, expected 4; the first difference: tokens[4]: yours 7, "
    assert detail([*TOKENS, 7], TOKENS) == said + "expected nothing"
    assert detail([1], []).startswith("tokens has 1 entry, expected 0")
    assert category(TOKENS[:3], TOKENS) == "tokens has the wrong length."


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (None, "tokens is None (is a return missing?), expected a list of 4"),
        (np.array(TOKENS), "tokens is one array, expected a list of 4"),
        ("text", "tokens is the text 'text', expected a list of 4"),
    ],
)
def test_what_is_no_list_is_called_what_it_is(got: Any, said: str) -> None:
    assert detail(got, TOKENS) == said
    assert category(got, TOKENS) == "tokens is not a list."


@pytest.mark.parametrize("got", ["5", b"5", None, object(), [5], {5: 5}, np.ones(2), 5.5])
def test_a_token_of_another_kind_is_no_token(got: Any) -> None:
    assert detail([got, 311, 257, 0], TOKENS).startswith("tokens[0]: yours ")


def test_entries_of_a_dict_are_compared_whatever_their_order() -> None:
    assert difference(dict(reversed(VOCAB.items())), VOCAB) is None
    wrong = {**VOCAB, 257: b"he"}
    assert detail(wrong, VOCAB, "vocab") == "vocab[257]: yours b'he', expected b'the'"
    assert category(wrong, VOCAB, "vocab") == "vocab has a wrong entry."


def test_a_dict_says_which_key_is_missing_or_too_many() -> None:
    said = "vocab has no entry 256, and 1 more like it"
    assert detail({0: b"\x00"}, VOCAB, "vocab") == said
    said = "vocab has an entry 'the', which is not expected"
    assert detail({**VOCAB, "the": 1}, VOCAB, "vocab") == said
    assert category({}, VOCAB, "vocab") == "vocab has other entries than it should."
    assert detail([1], VOCAB, "vocab") == "vocab is a list of 1, expected a dict of 3"


def test_arrays_in_a_dict_are_compared_as_arrays() -> None:
    want = {"w": np.ones(3)}
    assert difference({"w": np.ones(3) + 1e-12}, want) is None
    assert detail({"w": np.zeros(3)}, want, "grads").startswith("grads['w'] differs in 3 of 3")


def test_texts_and_bytes_are_shown_where_they_part() -> None:
    assert detail("a b", "ab", "text") == "text: yours 'a b', expected 'ab'"
    long = "x" * 50 + "abc" + "y" * 50
    said = detail(long.replace("abc", "aBc"), long, "text")
    assert "at character 51: yours ...'xxxxxxxxxxxaBc" in said
    assert "expected ...'xxxxxxxxxxxabc" in said
    assert "has 102 characters, expected 103" in detail(long[:-1], long, "text")
    assert "at byte 3: yours 'aaa'" in detail(b"aaa", b"a" * 50, "raw").replace("b'", "'")
    assert detail("a", b"a", "raw") == "raw is the text 'a', expected the bytes b'a'"


def test_what_is_shown_stays_on_one_line_and_short() -> None:
    said = detail(["\n" * 1000, (1, 2, 3, 4, 5, 6)], ["a", (1, 2)])
    assert "\n" not in said and len(said) < 200


def test_a_hidden_check_learns_no_value_and_no_place() -> None:
    for got in ({0: b"x"}, {**VOCAB, 256: b"x"}, {**VOCAB, 9: b"x"}):
        said = category(got, VOCAB, "vocab")
        assert "256" not in said and "x'" not in said
