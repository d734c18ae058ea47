"""Generation against numbers worked by hand, its properties, PyTorch and the standard library."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol3_inference.generate import Ints, argmax, generate, stream_decode

Floats = NDArray[np.floating[Any]]


def counts_up(ids: Ints) -> Floats:
    """The next id is one more than the last, modulo 10."""
    return np.eye(10)[(ids + 1) % 10]


def sums(ids: Ints) -> Floats:
    """The next id is the sum of all that are seen, modulo 10."""
    return np.eye(10)[np.cumsum(ids, axis=1) % 10]


def test_worked_numbers() -> None:
    prompt = np.array([[7, 1], [7, 5]])
    assert generate(counts_up, prompt, 3).tolist() == [[7, 1, 2, 3, 4], [7, 5, 6, 7, 8]]
    assert generate(counts_up, prompt, 9, 7).tolist() == [
        [7, 1, 2, 3, 4, 5, 6, 7],
        [7, 5, 6, 7, 7, 7, 7, 7],
    ]
    assert generate(sums, np.array([[1, 2]]), 4).tolist() == [[1, 2, 3, 6, 2, 4]]
    assert generate(sums, np.array([[1, 2]]), 4, max_T=2).tolist() == [[1, 2, 3, 5, 8, 3]]
    assert generate(sums, np.array([[9, 9, 4]]), 2, max_T=1).tolist() == [[9, 9, 4, 4, 4]]


def test_an_eos_first_and_an_eos_0() -> None:
    assert generate(counts_up, np.array([[9], [9]]), 5, 0).tolist() == [[9, 0], [9, 0]]
    assert generate(counts_up, np.array([[9], [8]]), 5, 0).tolist() == [[9, 0, 0], [8, 9, 0]]


def test_one_call_per_column_and_no_token_more() -> None:
    widths: list[int] = []

    def model(ids: Ints) -> Floats:
        widths.append(ids.shape[1])
        return counts_up(ids)

    generate(model, np.array([[1, 1, 1]]), 4)
    generate(model, np.array([[1, 1, 1]]), 4, max_T=4)
    generate(model, np.array([[1, 1, 1]]), 4, eos=2)
    generate(model, np.array([[1, 1, 1]]), 0)
    assert widths == [3, 4, 5, 6, 3, 4, 4, 4, 3]


def test_the_prompt_is_neither_changed_nor_returned() -> None:
    prompt = np.array([[1, 2]], dtype=np.int32)
    same = generate(counts_up, prompt, 0)
    assert same.tolist() == [[1, 2]]
    assert not np.shares_memory(same, prompt)
    assert generate(counts_up, prompt, 2, eos=4).dtype == np.int32
    assert prompt.tolist() == [[1, 2]]


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        generate(counts_up, np.zeros((2, 0), dtype=np.int64), 1)


def test_ties_go_to_the_lowest_id() -> None:
    assert argmax(np.array([[1.0, 3.0, 3.0], [0.0, 0.0, 0.0]])).tolist() == [1, 0]


def test_greedy_tokens_are_those_of_a_loop_in_pytorch() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.GRU(8, 16, batch_first=True).double()
    embedding = torch.nn.Embedding(13, 8).double()
    head = torch.nn.Linear(16, 13).double()

    def logits(ids: Any) -> Any:
        with torch.no_grad():
            return head(net(embedding(ids))[0])

    prompt = torch.randint(13, (3, 4))
    ids, state = prompt, None
    with torch.no_grad():  # with a state that is carried along, not from the beginning each time
        out, state = net(embedding(prompt))
        for _ in range(10):
            token = head(out[:, -1:]).argmax(-1)
            ids = torch.cat([ids, token], dim=1)
            out, state = net(embedding(token), state)
    got = generate(lambda x: np.asarray(logits(torch.tensor(x)).numpy()), prompt.numpy(), 10)
    assert got.tolist() == ids.tolist()


def test_a_character_comes_with_its_last_byte() -> None:
    vocab = {0: b"a", 1: b"\xc3", 2: b"\xa9b", 3: b"\xf0\x9f\x99", 4: b"\x82", 5: b"\xff"}
    assert list(stream_decode([0, 1, 2, 3, 4], vocab)) == ["a", "\u00e9b", "\U0001f642"]
    assert list(stream_decode([1, 0, 5, 3], vocab)) == ["\ufffda", "\ufffd", "\ufffd"]
    assert list(stream_decode([], vocab)) == []


def test_tokens_are_pulled_one_by_one() -> None:
    pulled = []

    def ids() -> Iterator[int]:
        for token in itertools.count():
            pulled.append(token)
            yield token % 2

    texts = stream_decode(ids(), {0: b"\xc3", 1: b"\xa9"})
    assert not pulled
    assert [next(texts), next(texts)] == ["\u00e9", "\u00e9"]
    assert pulled == [0, 1, 2, 3]


def test_any_bytes_in_any_pieces_are_decoded_as_a_whole() -> None:
    rng = np.random.default_rng(0)
    odd = np.array([0x41, 0x80, 0x9F, 0xA0, 0xC3, 0xE0, 0xE2, 0xED, 0xF0, 0xF4, 0x90, 0x8F, 0xFF])
    for _ in range(3000):
        raw = rng.choice(odd, size=8).astype(np.uint8).tobytes()
        cut = sorted(rng.integers(9, size=3))
        pieces = [raw[a:b] for a, b in itertools.pairwise([0, *cut, 8])]
        texts = list(stream_decode(range(4), dict(enumerate(pieces))))
        assert "".join(texts) == raw.decode(errors="replace")
        assert "" not in texts
