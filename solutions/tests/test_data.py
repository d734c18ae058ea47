"""Windows, batches, packing and loaders: numbers worked by hand, properties, torch's own tools."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from solutions.vol2_pytorch.data import (  # noqa: E402
    get_batch,
    make_loader,
    pack,
    split,
    windows,
)

TEXT = torch.tensor(list(b"it was the best of times, it was the worst of times"))
# Newer Pythons warn of fork where there are threads, and PyTorch where there is a single core.
FORKS = pytest.mark.filterwarnings(
    "ignore:.*fork.*:DeprecationWarning", "ignore:This DataLoader will create:UserWarning"
)


def generator(seed: int) -> Any:
    return torch.Generator().manual_seed(seed)


# windows


def test_windows_of_seven_tokens_by_hand() -> None:
    x, y = windows(torch.tensor([10, 11, 12, 13, 14, 15, 16]), 3)
    assert x.tolist() == [[10, 11, 12], [13, 14, 15]]
    assert y.tolist() == [[11, 12, 13], [14, 15, 16]]


@pytest.mark.parametrize("T", [1, 2, 5, 16, 50, 51])
def test_windows_agree_with_unfold_and_predict_each_token_once(T: int) -> None:
    x, y = windows(TEXT, T)
    if len(TEXT) > T:
        assert torch.equal(torch.cat([x, y[:, -1:]], 1), TEXT.unfold(0, T + 1, T))
    n = (len(TEXT) - 1) // T * T
    assert torch.equal(x.flatten(), TEXT[:n]) and torch.equal(y.flatten(), TEXT[1 : n + 1])


def test_windows_share_no_memory() -> None:
    ids = TEXT.clone()
    x, y = windows(ids, 4)
    want = x.clone(), y.clone()
    ids.zero_()
    assert torch.equal(x, want[0])
    x.zero_()
    assert torch.equal(y, want[1])


# get_batch


def test_the_only_window_of_a_corpus_comes_in_every_row() -> None:
    x, y = get_batch(torch.tensor([5, 6, 7]), 4, 2, generator(0))
    assert x.tolist() == [[5, 6]] * 4 and y.tolist() == [[6, 7]] * 4


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_corpus_without_a_window_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"{n} tokens hold no window of 2"):
        get_batch(torch.arange(n), 1, 2)


def test_every_row_is_a_stretch_of_the_corpus_and_every_start_comes() -> None:
    data = torch.arange(100, 130)
    x, y = get_batch(data, 3000, 7, generator(1))
    assert torch.equal(x, x[:, :1] + torch.arange(7)) and torch.equal(y, x + 1)
    counts = torch.bincount(x[:, 0] - 100, minlength=23)
    assert len(counts) == 23 and (counts > 60).all() and (counts < 220).all()


def test_a_batch_depends_on_its_generator_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = get_batch(TEXT, 6, 5, generator(2))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    again = get_batch(TEXT, 6, 5, generator(2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])


def test_a_generators_state_is_the_position_in_the_data() -> None:
    source = generator(5)
    get_batch(TEXT, 6, 5, source)
    state = source.get_state()
    want = get_batch(TEXT, 6, 5, source)[0]
    other = generator(99)
    other.set_state(state)
    assert torch.equal(get_batch(TEXT, 6, 5, other)[0], want)


def test_without_a_generator_manual_seed_counts() -> None:
    torch.manual_seed(6)
    want = get_batch(TEXT, 6, 5)[0]
    torch.manual_seed(6)
    assert torch.equal(get_batch(TEXT, 6, 5)[0], want)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_a_batch_is_int64_and_owns_its_memory(dtype: Any) -> None:
    data = TEXT.to(dtype)
    x, y = get_batch(data, 3, 5, generator(7))
    assert x.dtype == y.dtype == torch.int64
    want = y.clone()
    data.zero_()
    x.zero_()
    assert torch.equal(y, want)


def test_a_batch_follows_the_device_of_the_corpus() -> None:
    x, y = get_batch(torch.empty(9, dtype=torch.int64, device="meta"), 2, 3, generator(0))
    assert x.device.type == y.device.type == "meta"


# pack


def test_the_handouts_picture() -> None:
    documents = [torch.tensor([5, 6, 7]), torch.tensor([8]), torch.tensor([1, 2, 3, 4])]
    ids, doc = pack(documents, 5, 0)
    assert ids.tolist() == [[5, 6, 7, 0, 8], [0, 1, 2, 3, 4]]
    assert doc.tolist() == [[0, 0, 0, 0, 1], [1, 2, 2, 2, 2]]


def test_bytes_are_packed_as_python_joins_them() -> None:
    words = [b"joined", b"", b"by", b"one", b"", b"byte"]
    ids, doc = pack([torch.tensor(list(w), dtype=torch.int64) for w in words], 1, ord("/"))
    joined = b"/".join(words)
    assert bytes(ids.flatten().tolist()) == joined
    assert doc.flatten().tolist() == [joined[:i].count(b"/") for i in range(len(joined))]


@pytest.mark.parametrize("T", [1, 3, 4, 13, 14, 15])
def test_rows_are_cut_without_losing_a_full_one(T: int) -> None:
    documents = [torch.arange(6), torch.arange(3), torch.arange(3)]  # 14 tokens with two eos
    ids, doc = pack(documents, T, 99)
    assert ids.shape == doc.shape == (14 // T, T)
    assert ids.dtype == doc.dtype == torch.int64


def test_under_the_mask_a_documents_logits_are_those_of_the_document_alone() -> None:
    torch.manual_seed(8)
    documents = [torch.randint(9, (n,)) for n in (4, 2, 5)]
    ids, doc = pack(documents, 13, 9)
    table = torch.randn(10, 8, dtype=torch.float64)
    mask = (doc[0][:, None] == doc[0][None, :]).tril()

    def attend(tokens: Any, allowed: Any) -> Any:
        x = table[tokens]
        return torch.nn.functional.scaled_dot_product_attention(
            x[None], x[None], x[None], attn_mask=allowed
        )[0]

    together = attend(ids[0], mask)
    for i, document in enumerate(documents):
        n = len(document)
        alone = attend(document, torch.ones(n, n, dtype=torch.bool).tril())
        torch.testing.assert_close(together[doc[0] == i][:n], alone)


# split


@pytest.mark.parametrize(
    ("fraction", "n"), [(0.0, 0), (0.1, 1), (1 - 0.9, 1), (0.26, 3), (0.5, 5), (1.0, 10)]
)
def test_the_last_part_is_for_validation(fraction: float, n: int) -> None:
    ids = torch.arange(10, dtype=torch.int32)
    train, val = split(ids, fraction)
    assert torch.equal(torch.cat([train, val]), ids) and len(val) == n
    assert train.dtype == val.dtype == torch.int32
    ids.zero_()
    assert val.tolist() == list(range(10 - n, 10))


# make_loader


def epochs(workers: int, *, seed: int = 0, count: int = 2) -> list[list[list[list[int]]]]:
    """The inputs of several epochs."""
    loader = make_loader(torch.arange(74), 5, 3, seed, workers)
    return [[x.tolist() for x, _ in loader] for _ in range(count)]


def test_an_epoch_has_every_window_once_with_its_targets() -> None:
    loader = make_loader(torch.arange(74), 5, 3, 0)
    batches = list(loader)
    assert [len(x) for x, _ in batches] == [5, 5, 5, 5, 4] and len(loader) == 5
    x = torch.cat([x for x, _ in batches])
    assert torch.equal(x[x[:, 0].argsort()], windows(torch.arange(74), 3)[0])
    assert all(torch.equal(y, x + 1) for x, y in batches)


@FORKS
def test_worker_processes_give_the_very_same_epochs() -> None:
    alone = epochs(0)
    assert epochs(2) == alone
    assert alone[0] != alone[1] and sorted(alone[0]) != alone[0]


def test_seeds_settle_the_order() -> None:
    torch.manual_seed(1)
    first = epochs(0)
    torch.manual_seed(2)
    assert epochs(0) == first
    assert epochs(0, seed=1) != first
