"""Checkpoints go out and come back, and Hugging Face's libraries read them as we do."""

import hashlib
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from solutions.runs.checkpoint import END, SIZE, digest, train  # noqa: E402
from solutions.runs.hf import (  # noqa: E402
    byte_letters,
    load_hf,
    load_tokenizer,
    save_hf,
    save_tokenizer,
)
from solutions.runs.stories import bits_above, corpus_text, held_out, surprise  # noqa: E402
from solutions.vol1_numpy.rope import to_half_split  # noqa: E402
from solutions.vol2_pytorch.bpe import decode, encode, train_bpe  # noqa: E402
from solutions.vol2_pytorch.modules import Config, Llama  # noqa: E402
from solutions.vol2_pytorch.training_loop import Settings  # noqa: E402

FOLDER = Path(__file__).parents[2] / "datasets" / "checkpoint"
TEXTS = (
    "\nanna has two apples . she finds one more . now anna has three apples .\n",
    "Hello  World!\n\n\tIt's 12,345 o'clock\u2026 na\u00efve \u65e5\u672c \U0001f642  \n x",
    " leading, trailing   ",
    "",
)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("n_kv_heads", [4, 2, 1])
def test_a_model_comes_back_bit_for_bit(tmp_path: Path, tied: bool, n_kv_heads: int) -> None:
    torch.manual_seed(0)
    config = Config(30, 16, 2, 4, n_kv_heads, 24, 32, rope_theta=500.0, norm_eps=1e-6, tied=tied)
    model = Llama(config)
    save_hf(model, tmp_path, eos=3)
    again = load_hf(tmp_path)
    assert again.config == config
    ids = torch.arange(20).view(2, 10)
    assert torch.equal(again(ids), model(ids))


def test_rows_are_permuted_as_volume_1_permutes_columns(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    model = Llama(Config(10, 24, 1, 3, 1, 8, 16))
    save_hf(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    for name, heads in (("q_proj", 3), ("k_proj", 1)):
        key = f"model.layers.0.self_attn.{name}.weight"
        own = dict(model.named_parameters())[key].detach().numpy()
        assert (tensors[key].numpy() == to_half_split(own.T, heads).T).all()


def test_a_tensor_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    save_hf(Llama(Config(10, 8, 2, 2, 1, 8, 16)), tmp_path)
    record = json.loads((tmp_path / "config.json").read_text())
    for changed in ({"num_hidden_layers": 1}, {"vocab_size": 11}, {"model_type": "gpt2"}):
        (tmp_path / "config.json").write_text(json.dumps({**record, **changed}))
        with pytest.raises(ValueError, match=str(tmp_path)):
            load_hf(tmp_path)


@pytest.mark.parametrize("n_kv_heads", [4, 2])
@pytest.mark.filterwarnings("default")  # what that library warns of is its own affair
def test_transformers_gives_the_same_logits(tmp_path: Path, n_kv_heads: int) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    config = Config(40, 32, 3, 4, n_kv_heads, 48, 64, rope_theta=1000.0, norm_eps=1e-5)
    model = Llama(config)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(5 if p.ndim > 1 else 1).add_(0.1 * torch.randn_like(p))
    save_hf(model, tmp_path)
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path, local_files_only=True)
    ids = torch.randint(40, (2, 50))
    with torch.no_grad():
        got, want = theirs.float()(ids).logits, model(ids)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5 * float(want.abs().max()))


def test_each_byte_has_a_letter_of_its_own() -> None:
    letters = byte_letters()
    assert len(set(letters)) == 256
    assert letters[ord("A")] == "A"
    assert (letters[ord(" ")], letters[ord("\n")]) == ("\u0120", "\u010a")


def test_the_tokenizers_library_encodes_as_we_do(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    text = corpus_text("small")[:20_000] + " ".join(TEXTS)
    vocab, merges = train_bpe(text, 330)
    save_tokenizer(tmp_path, vocab, merges)
    assert load_tokenizer(tmp_path) == (vocab, merges)
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for sample in (*TEXTS, text[:3_000]):
        ids = encode(sample, vocab, merges)
        assert theirs.encode(sample).ids == ids
        assert theirs.decode(ids) == decode(ids, vocab) == sample


def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    ids = torch.randint(20, (300,), generator=torch.Generator().manual_seed(0))

    def run(name: str, *stops: int) -> str:
        for stop in stops:
            torch.manual_seed(5)
            model = Llama(Config(20, 16, 2, 4, 2, 24, 32, tied=True))
            settings = Settings(8, 3, 10, warmup=2, eval_every=2, out=str(tmp_path / name))
            train(model, ids, ids[:50], settings, stop)
        return digest(model)

    whole = run("whole", 8)
    assert run("again", 8) == whole
    assert run("halves", 4, 8) == whole
    assert run("half", 4) != whole


# The checkpoint itself


def test_its_files_are_small_and_have_their_sums() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {p.name: p for p in FOLDER.iterdir()}
    assert sums.keys() | {"SHA256SUMS"} == files.keys()
    for name, known in sums.items():
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == known, name
    assert sum(p.stat().st_size for p in files.values()) <= 5_000_000


def test_its_card_says_how_good_it_is() -> None:
    figures = json.loads((FOLDER / "figures.json").read_text())
    model = load_hf(FOLDER)
    vocab, merges = load_tokenizer(FOLDER)
    assert sum(p.numel() for p in model.parameters()) == figures["parameters"]
    texts, floor = held_out(SIZE, 200, seed=7)
    nats = surprise(model, [encode(t, vocab, merges) for t in texts], END)
    above = bits_above(nats, floor, texts)
    assert 0 < above < 0.1
    assert above == pytest.approx(figures["bits_per_character_above_floor"], abs=0.01)
    card = (FOLDER / "README.md").read_text()
    assert f"{figures['bits_per_character_above_floor']:.4f} bits per character above" in card


def test_its_tokenizer_was_trained_on_its_corpus() -> None:
    vocab, merges = load_tokenizer(FOLDER)
    assert (vocab, merges) == train_bpe(corpus_text(SIZE), 512)


@pytest.mark.filterwarnings("default")
def test_the_libraries_read_it_as_we_do() -> None:
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    theirs = transformers.LlamaForCausalLM.from_pretrained(FOLDER, local_files_only=True)
    cutter = tokenizers.Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    vocab, merges = load_tokenizer(FOLDER)
    for text in (*TEXTS, corpus_text(SIZE)[:2_000]):
        assert cutter.encode(text).ids == encode(text, vocab, merges)
    ids = torch.tensor([encode(TEXTS[0], vocab, merges)])
    with torch.no_grad():
        got, want = theirs.float()(ids).logits, load_hf(FOLDER)(ids)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5 * float(want.abs().max()))
    assert theirs.config.eos_token_id == END


def test_it_finishes_a_story_that_agrees_with_itself() -> None:
    model, (vocab, merges) = load_hf(FOLDER), load_tokenizer(FOLDER)
    ids = encode("\nanna has two", vocab, merges)
    with torch.no_grad():
        while ids[-1] != END or len(ids) < 3:
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
            assert len(ids) < 70
    story = decode(ids, vocab)
    assert story.count("anna") == 2
    assert story.endswith(" .\n")
