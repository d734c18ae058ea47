"""The engine: load a LLaMA checkpoint, and generate from it with a cache."""

# %% [markdown]
# # Generation with a KV cache
#
# **The question.** You have every part: attention with its positions, a model that you trained, a
# tokenizer, a way to choose a token, a cache. What does it take to make them one engine, which
# reads a checkpoint that the whole world reads, answers a batch of prompts, and does each piece of
# work exactly once?
#
# You write one function and one class:
#
# | | what it does |
# | --- | --- |
# | `load_checkpoint(folder)` | a folder in Hugging Face layout to a model |
# | `Engine(model)` | `forward`, `reset`, `generate`, `stream`: a model with a memory |
#
# At the end you type the beginning of a text, and your own code continues it.
#
# Your own RMSNorm, RoPE, attention and SwiGLU of Volume 1 do the arithmetic here, your `KVCache`
# remembers, and your `sample_probs` and `draw` choose. These seven are at hand when your work is
# graded, right ones in place of yours. Whatever else you need of earlier exercises, write here. You
# need NumPy, and an evening.

# %%
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..vol1_numpy.attention import attention
from ..vol1_numpy.rmsnorm import rmsnorm
from ..vol1_numpy.rope import rope
from ..vol1_numpy.swiglu import swiglu
from .kv_cache import KVCache
from .sampling import draw, sample_probs

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Config:
    """The sizes of a model, as in Volume 1."""

    vocab_size: int
    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_ff: int
    max_T: int
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    tied: bool = False


@dataclass(frozen=True)
class Model:
    """Sizes, and the arrays of Volume 1 by their names: weights are (in, out)."""

    config: Config
    params: dict[str, Floats]

# %% [markdown]
# ## 1. What is in the folder
#
# A checkpoint in the layout of Hugging Face is a folder with two files that matter here.
#
# **config.json** has the sizes under other names. An entry may be missing; then the library takes a
# default, and so must you, or the model is another one:
#
# | here | there | if it is missing |
# | --- | --- | --- |
# | `vocab_size` | `vocab_size` | ValueError |
# | `d_model` | `hidden_size` | ValueError |
# | `n_layers` | `num_hidden_layers` | ValueError |
# | `n_heads` | `num_attention_heads` | ValueError |
# | `d_ff` | `intermediate_size` | ValueError |
# | `n_kv_heads` | `num_key_value_heads` | as many as `num_attention_heads` |
# | `max_T` | `max_position_embeddings` | 2048 |
# | `rope_theta` | `rope_theta`, or in newer files `rope_parameters["rope_theta"]` | 10000.0 |
# | `norm_eps` | `rms_norm_eps` | 1e-6 |
# | `tied` | `tie_word_embeddings` | false |
#
# Other entries can ask for things that this engine does not have. Loading such a model as if it did
# not ask gives a text that is nearly right, which is worse than none. Raise ValueError if one of
# these is there and is anything else:
#
# | entry | what we have |
# | --- | --- |
# | `model_type`, `hidden_act` | `"llama"`, `"silu"` |
# | `head_dim` | `d_model / n_heads` |
# | `attention_bias`, `mlp_bias` | false |
# | `rope_scaling`, `rope_parameters["rope_type"]` | null, `"default"` |
#
# **model.safetensors** holds the numbers, and it is plain enough to read by hand:
#
# | bytes | what |
# | --- | --- |
# | 8 | $n$, the length of the header: an unsigned integer, little-endian |
# | $n$ | the header: JSON. Name to `{"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]}` |
# | the rest | the numbers of all tensors, row by row, little-endian; offsets count from here |
#
# A key `__metadata__` in the header is no tensor. The dtypes that occur are `F64`, `F32`, `F16` and
# `BF16`. NumPy has no bfloat16: it is the upper half of a float32, so sixteen zero bits below it
# make it one. `F16` and `BF16` become float32, which loses nothing; the others stay what they are.
# (If your machine has the `safetensors` library, you may use it.)
#
# A large model comes in several such files. Then there is `model.safetensors.index.json` in place
# of the one file, and its `weight_map` says for each tensor in which file of the folder it is.
#
# **Never a pickle.** Older checkpoints are `pytorch_model.bin`. That is a pickle, and a pickle is a
# program: whoever loads it runs it. Do not open it; raise ValueError. The same goes for a file that
# claims to be safetensors and is not: cut short, an offset beyond its end, a header that is no
# JSON, a name in the `weight_map` that leads out of the folder. Look before you read.

# %% [markdown]
# ## 2. Names, and which way round
#
# Names in a layer begin with `model.layers.{i}.` there, and with `blocks.{i}.` here; all end with
# `.weight` there.
#
# | here | there | shape there |
# | --- | --- | --- |
# | `embedding` | `model.embed_tokens` | `(vocab_size, d_model)` |
# | `attn_norm` | `input_layernorm` | `(d_model,)` |
# | `w_q` | `self_attn.q_proj` | `(d_model, d_model)` |
# | `w_k`, `w_v` | `self_attn.k_proj`, `self_attn.v_proj` | `(n_kv_heads * d_head, d_model)` |
# | `w_o` | `self_attn.o_proj` | `(d_model, d_model)` |
# | `mlp_norm` | `post_attention_layernorm` | `(d_model,)` |
# | `w_gate`, `w_up` | `mlp.gate_proj`, `mlp.up_proj` | `(d_ff, d_model)` |
# | `w_down` | `mlp.down_proj` | `(d_model, d_ff)` |
# | `final_norm` | `model.norm` | `(d_model,)` |
# | `head` | `lm_head`, not used when tied | `(vocab_size, d_model)` |
#
# Weights there are (out, in). Which of the arrays have to be transposed, and which one must not be,
# although it is a matrix, too? A square one fits either way, and no shape will warn you.
#
# **Two ways to turn.** Your RoPE turns neighbours, the features $2i$ and $2i + 1$ of a head. In
# such a checkpoint feature $i$ is turned together with feature $i + d_{head}/2$:
#
# ![Eight features of a head in two rows. Above, as here, pairs of neighbours in four colours: 0 and
# 1, 2 and 3, 4 and 5, 6 and 7. Below, as in the file: the first features of the four pairs come
# first, then the second ones, so place 0 goes with place 4, 1 with 5, 2 with 6, 3 with
# 7.](figures/engine_pairs.svg)
#
# The scores are sums over features, and a sum does not care for an order. So the rows of `q_proj`
# and of `k_proj` can be put into another order, the same for both, head by head. In `to_half_split`
# of Volume 1 you moved column $2i$ to place $i$ and column $2i + 1$ to place $i + d_{head}/2$. Here
# it is the way back. `q_proj` has `n_heads` heads, `k_proj` has `n_kv_heads`. Why is `v_proj` left
# as it is?
#
# Loading what is not permuted raises no error, and the text even begins well: the first token has
# position 0, where nothing is turned.

# %%
def load_checkpoint(folder: str | Path) -> Model:
    """Read a LLaMA from a folder in the layout of Hugging Face.

    Args:
        folder: Has config.json and model.safetensors, or model.safetensors.index.json with the
            files that it names. Nothing in it is changed, and no code in it is run.

    Returns:
        model: `.config`, and `.params` with the names, shapes and RoPE of Volume 1: weights
            (in, out), neighbours turned, no `head` when tied. float32, or float64 where the file
            has that.

    Raises:
        ValueError: A file is missing, damaged or no safetensors; a tensor is missing or has another
            shape than config.json says; the model needs something that ours does not have.

    Source:
        The safetensors format, and LlamaConfig and LlamaForCausalLM of the transformers library.
    """
    raise NotImplementedError("load_checkpoint is yours to write")

# %%
from autograder.selfcheck import Check, Student


def _safetensors(tensors: dict[str, Any], dtype: str = "F32") -> bytes:
    """The bytes of a file; the numbers of each tensor as they are in memory."""
    header, numbers = {}, b""
    for name, w in tensors.items():
        span = [len(numbers), len(numbers) + w.nbytes]
        header[name] = {"dtype": dtype, "shape": list(w.shape), "data_offsets": span}
        numbers += w.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def visible_load_checkpoint(student: Student, check: Check) -> None:
    """One block with rows that say where they belong; a tied one; what is refused."""
    record = {"model_type": "llama", "vocab_size": 3, "hidden_size": 4, "num_hidden_layers": 1}
    record |= {"num_attention_heads": 1, "intermediate_size": 2, "rms_norm_eps": 0.25}
    rows = {"self_attn.q_proj": 4, "self_attn.k_proj": 4, "self_attn.v_proj": 4}
    rows |= {"self_attn.o_proj": 4, "mlp.gate_proj": 2, "mlp.up_proj": 2}
    layer = "model.layers.0."
    tensors = {  # row r of the first tensor is r, that of the next is 10 + r, and so on
        f"{layer}{name}.weight": np.add.outer(10 * n + np.arange(count), np.zeros(4))
        for n, (name, count) in enumerate(rows.items())
    }
    tensors[f"{layer}mlp.down_proj.weight"] = np.arange(8.0).reshape(4, 2)
    tensors["model.embed_tokens.weight"] = np.arange(12.0).reshape(3, 4)
    tensors["lm_head.weight"] = -np.arange(12.0).reshape(3, 4)
    for name in (f"{layer}input_layernorm", f"{layer}post_attention_layernorm", "model.norm"):
        tensors[f"{name}.weight"] = np.arange(4.0)
    tensors = {name: w.astype(np.float32) for name, w in tensors.items()}

    def put(name: str, record: Any, tensors: Any) -> str:
        config = json.dumps(record).encode()
        files = {"config.json": config, "model.safetensors": _safetensors(tensors)}
        student.put_files({f"{name}/{file}": data for file, data in files.items()})
        return f"{student.folder}/{name}"

    model = student.keep(student.load_checkpoint, put("plain", record, tensors))
    config, params = model.config, model.params
    check.true(config.d_model == 4, f"d_model is {config.d_model}, expected 4")
    check.true(config.n_kv_heads == 1, "n_kv_heads is not said, so it is n_heads")
    check.true(config.rope_theta == 10000.0, "rope_theta is not said, so it is 10000")
    check.true(config.norm_eps == 0.25, f"norm_eps is {config.norm_eps}, expected 0.25")
    check.close(params["embedding"], tensors["model.embed_tokens.weight"], "embedding")
    check.close(params["blocks.0.w_v"][0], [20.0, 21.0, 22.0, 23.0], "w_v[0]")
    check.close(params["blocks.0.w_q"][0], [0.0, 2.0, 1.0, 3.0], "w_q[0], interleaved")
    check.close(params["blocks.0.w_k"][3], [10.0, 12.0, 11.0, 13.0], "w_k[3], interleaved")
    check.close(params["blocks.0.w_down"][1], [1.0, 3.0, 5.0, 7.0], "w_down[1]")
    check.close(params["head"][0], [0.0, -4.0, -8.0], "head[0]")
    check.true(params["head"].dtype == np.float32, f"head is {params['head'].dtype}")
    tied = put("tied", {**record, "tie_word_embeddings": True}, tensors)
    names = student.keep(student.load_checkpoint, tied).params
    check.true("head" not in names, "a tied model has no head")
    short = {name: w for name, w in tensors.items() if "up_proj" not in name}
    check.raises(ValueError, student.load_checkpoint, put("short", record, short))
    check.raises(
        ValueError, student.load_checkpoint, put("wide", {**record, "vocab_size": 4}, tensors)
    )
    whole = _safetensors(tensors)
    student.put_files({"plain/model.safetensors": whole[: len(whole) // 2]})
    check.raises(ValueError, student.load_checkpoint, student.folder + "/plain")

# %% [markdown]
# ## 3. Prefill, and one step
#
# `forward` has one job: these tokens come next. It does not matter whether they are the whole
# prompt or the one token that was chosen just now. Before them the cache holds `start` tokens, none
# at first.
#
# ![Four calls of forward, one below the other. The first reads the five tokens of the prompt and
# fills five places of the cache. Each later one reads one token and fills one place; what was there
# before stays. From the logits of the last position of each call a token is chosen. What the last
# call chooses is never read.](figures/engine.svg)
#
# Go through the model of Volume 1 and ask of every line: what changes if there is a past?
#
# | part | what changes |
# | --- | --- |
# | embedding, norms, SwiGLU, head | each works on one token alone |
# | RoPE | the new tokens have the positions `start` to `start + T - 1` |
# | keys and values | go into the cache, *after* RoPE and *before* they are repeated for groups |
# | attention | queries of `T` tokens, keys of `start + T` |
#
# Token $t$ of the new ones may look at the keys $0$ to $start + t$. Draw that as a matrix of $T$
# rows and $start + T$ columns: where does the triangle lie, and what is left of it? Your attention
# of Volume 1 aligns it bottom-right. A square mask of $T$ by $T$ works for the first call, and for
# single tokens, and gives nonsense when a chunk of several tokens meets a warm cache.
#
# **One row of the table per token.** The first thing that happens to a token is
# `params["embedding"][tokens]`. That is how the grader counts: for some checks the embedding of an
# untied model is a table that can be looked up, has `shape` and `dtype`, and can do nothing else.
# An engine that reads old tokens again shows there. Look rows up when a token comes, and do not
# copy the table at the beginning.
#
# **The dtype of the parameters.** float32 parameters give float32 logits and a float32 cache. A
# cache in float64 would need twice the memory, and every product with it would be computed in
# float64 without being asked.
#
# **What does it cost?** `cache_nbytes` counts what is *filled*: keys and values, for every layer,
# row, key head and token so far. (`nbytes` of your `KVCache` counts the room.) And a step should
# take nearly as long late as early: only the attention has more to look at. The grader reads the
# processor time. A step after 1,024 tokens may take four times that of one after 16, no more; an
# engine that computes the past again needs a hundred times as long, and one that goes through the
# keys in a Python loop is too slow as well.
#
# **Too much.** More than `max_T` tokens, an id that is negative or not in the vocabulary, a batch
# of another size than the one in the cache: ValueError, and *nothing has changed*. NumPy takes
# $-1$ for the last row without a word.
#
# ## 4. The loop
#
# `generate` starts with an empty cache, whatever was there before. The prompt goes in; the logits
# of its last position choose the first new column; that column alone goes in; and so on. The new
# tokens must be *in* the cache before the next ones can look at them, and each of them goes in
# once. So how many tokens per row has `forward` seen when $n$ columns have been added to a prompt
# of $P$? It is not $P + n$.
#
# **The grader counts here as well.** It replaces `engine.forward` by a function of its own and
# looks at what comes. So let the loop call `self.forward`, and let `forward` take every token.
#
# **The end of a row** is as in `generate` of this volume. A row that has chosen `eos` is filled
# with `eos` from there on; its fillers go through the model like any token, because the batch stays
# a rectangle. When all rows have ended, the loop stops, and no forward comes after the last column.
# An `eos` in a prompt ends nothing.
#
# **Chance.** With temperature 0 the largest logit wins, of several equal ones that with the lowest
# id. Otherwise `sample_probs` gives the distribution, and `draw` takes one number per row:
# `rng.random(B)`, once per column, for *all* rows, also for those that have ended. Then what a row
# says does not depend on when its neighbours end. (If no `rng` is given, make a new one.)
#
# **A stream.** `stream` takes the same arguments and yields each column, `(B,)`, as soon as it is
# chosen, and before any work for the next one is done. With it, `generate` is nearly written. Or is
# it the other way round?
#
# **How long?** A prompt of $P$ tokens and `max_new_tokens` more need not fit into `max_T` to the
# last one, since the last column never goes in. If even that is not enough, raise ValueError before
# anything is computed.
#
# **One thing to try.** Time `forward` on a prompt of 200 tokens, and on 200 single tokens. The
# number of multiplications is the same. What does the processor do in the second case?

# %%
class Engine:
    """A model with a memory of the tokens so far.

    Args:
        model: `.config` and `.params`, with the names of Volume 1. Not modified. The embedding of
            an untied model is used by looking rows up, `params["embedding"][ids]`, and in no
            other way.

    Source:
        Pope et al. 2022, section 2 (arXiv:2211.05102).
    """

    def __init__(self, model: Any) -> None:
        raise NotImplementedError("Engine.__init__ is yours to write")

    def reset(self) -> None:
        """Empty the cache. The next tokens may come in a batch of another size."""
        raise NotImplementedError("Engine.reset is yours to write")

    @property
    def cache_nbytes(self) -> int:
        """Bytes of the keys and values of all tokens so far; 0 for an empty cache."""
        raise NotImplementedError("Engine.cache_nbytes is yours to write")

    def forward(self, tokens: Ints) -> Floats:
        """Read the next tokens of every row.

        Args:
            tokens: (B, T), integers, T at least 1. They continue what is in the cache.

        Returns:
            logits: (B, T, vocab_size), dtype of the parameters. Scores for the token that follows
                each of them.

        Raises:
            ValueError: There would be more than max_T tokens; an id is not in the vocabulary; the
                cache has rows of another batch. Nothing has changed.
        """
        raise NotImplementedError("Engine.forward is yours to write")

    def generate(
        self,
        prompt: Ints,
        max_new_tokens: int,
        eos: int | None = None,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        rng: np.random.Generator | None = None,
    ) -> Ints:
        """Continue every row of a batch of prompts, from an empty cache.

        Args:
            prompt: (B, P), integers, P at least 1. Not modified.
            max_new_tokens: The most columns to add. 0 gives a copy of the prompt.
            eos: The id that ends a row when it is generated; None for no such id.
            temperature: 0 takes the largest logit.
            top_k: Draw from so many most likely tokens; 0 for all.
            top_p: Draw from the most likely tokens that have this much probability; 1.0 for all.
            rng: Where chance comes from: `rng.random(B)` once per column.

        Returns:
            ids: (B, P + n), dtype of `prompt`. Rows that have ended are filled with `eos`; n is the
                length of the longest row's continuation, its eos included, at most max_new_tokens.

        Raises:
            ValueError: The prompt has no tokens, or an id that is not in the vocabulary; or more
                than max_T tokens would have to go through the model.
        """
        raise NotImplementedError("Engine.generate is yours to write")

    def stream(
        self,
        prompt: Ints,
        max_new_tokens: int,
        eos: int | None = None,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        rng: np.random.Generator | None = None,
    ) -> Iterator[Ints]:
        """Yield the new columns of `generate`, (B,) each in the dtype of `prompt`, one by one.

        Arguments and errors are those of `generate`; an error may come with the first column.
        """
        raise NotImplementedError("Engine.stream is yours to write")

# %%
from itertools import pairwise
from types import SimpleNamespace

from autograder.selfcheck import Check, Student


def _small(tied: bool) -> Any:
    """A model that was never trained, and whose logits differ clearly."""
    sizes = {"vocab_size": 11, "d_model": 8, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2}
    config = SimpleNamespace(**sizes, d_ff=6, max_T=12, rope_theta=20.0, norm_eps=0.1, tied=tied)
    square, narrow = (8, 8), (8, 4)
    shapes: dict[str, tuple[int, ...]] = {"w_q": square, "w_k": narrow, "w_v": narrow}
    shapes |= {"w_o": square, "attn_norm": (8,), "mlp_norm": (8,)}
    shapes |= {"w_gate": (8, 6), "w_up": (8, 6), "w_down": (6, 8)}
    every = {f"blocks.{i}.{name}": shape for i in (0, 1) for name, shape in shapes.items()}
    every |= {"embedding": (11, 8), "final_norm": (8,)} | ({} if tied else {"head": (8, 11)})
    rng = np.random.default_rng(1)
    params = {name: rng.standard_normal(shape) for name, shape in every.items()}
    return SimpleNamespace(config=config, params=params)


def visible_Engine(student: Student, check: Check) -> None:
    """Pieces against the whole, tied and not; the loop by the tokens that it sends; the edges."""
    ids = np.array([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8]])
    for tied in (False, True):
        model = _small(tied)
        whole = student.Engine(model).forward(ids)
        check.true(whole.shape == (2, 6, 11), f"logits have the shape {whole.shape}")
        for cuts in ((0, 1, 2, 3, 4, 5, 6), (0, 3, 5, 6), (0, 1, 6)):
            engine = student.Engine(model)
            pieces = [engine.forward(ids[:, a:b]) for a, b in pairwise(cuts)]
            check.close(np.concatenate(pieces, axis=1), whole, f"logits in pieces {cuts}")
    check.true(engine.cache_nbytes == 2 * 2 * 2 * 2 * 6 * 2 * 8, "six tokens have 768 bytes")
    engine.reset()
    check.true(engine.cache_nbytes == 0, "after reset the cache is empty")
    check.close(engine.forward(ids[:1]), whole[:1], "logits of the first row alone")

    prompt, out = ids[:, :3], student.Engine(model).generate(ids[:, :3], 5)
    text = prompt
    for _ in range(5):
        last = student.Engine(model).forward(text)[:, -1]
        text = np.concatenate([text, last.argmax(axis=-1)[:, np.newaxis]], axis=1)
    check.close(out, text, "generate, compared with reading everything again for each column")

    sent: list[Any] = []

    def upwards(tokens: Any) -> Any:  # the next id is one more than the last
        sent.append(np.array(tokens))
        return np.eye(11)[(np.asarray(tokens) + 1) % 11]

    engine = student.Engine(model)
    student.library("builtins.setattr")(engine, "forward", upwards)
    out = engine.generate(np.array([[7, 5], [6, 3]]), 8, 7)
    check.close(out, [[7, 5, 6, 7, 7, 7], [6, 3, 4, 5, 6, 7]], "with eos=7, which is in a prompt")
    check.close(np.concatenate(sent, axis=1), out[:, :-1], "the tokens that go through forward")
    columns = student.library("builtins.list")(student.keep(engine.stream, ids[:, -1:], 2))
    check.close(np.array(columns), [[10, 9], [0, 10]], "the columns of a stream")

    engine = student.Engine(model)
    check.close(engine.generate(prompt, 0), prompt, "generate with max_new_tokens=0")
    check.raises(ValueError, engine.generate, prompt[:, :0], 3)
    check.raises(ValueError, engine.generate, prompt, 11)
    check.raises(ValueError, engine.forward, np.array([[11]]))
    check.raises(ValueError, engine.forward, np.array([[-1]]))

# %% [markdown]
# ## 5. Type
#
# Everything below is given. It reads the checkpoint of this course, or one of your own, with your
# `load_checkpoint`; cuts the text that you type with your byte pairs; continues it with your
# engine; and shows each piece as soon as your `stream_decode` has it. At the end it says how long
# the first token took, and how many came per second after it.
#
# **Your own model.** `save_checkpoint` writes what you trained in Volume 2 in this layout. In the
# notebook in which your model is:
#
#     from starter_code.given.checkpoint import save_checkpoint
#
#     tensors = {name: p.detach().numpy() for name, p in model.named_parameters()}
#     save_checkpoint("my_llama", model.config, tensors, vocab, merges, eos=10)
#
# Then `tell("my_llama", "...")` here. Any other LlamaForCausalLM in a local folder works with
# `load_checkpoint`, too; its tokenizer may cut text by other rules than yours does.
#
# **Prompts of different lengths.** The rows of a batch have one length. `answers` takes prompts of
# any lengths and puts those that are equally long into one batch, which is exact and needs no
# padding. How to have all of them in one is another exercise.

# %%
import time

from starter_code.given.checkpoint import FOLDER, load_tokenizer

from ..vol2_pytorch.bpe import encode
from .evaluate import latencies
from .generate import stream_decode


def tell(
    folder: str | Path,
    text: str,
    max_new_tokens: int = 100,
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
) -> None:
    """Continue a text with the model in `folder`, and say how fast that was."""
    engine, (vocab, merges, eos) = Engine(load_checkpoint(folder)), load_tokenizer(folder)
    prompt = np.array([encode(text, vocab, merges)])
    room = engine.config.max_T + 1 - prompt.shape[1]
    rng, times, start = np.random.default_rng(seed), list[float](), time.perf_counter()

    def ids() -> Iterator[int]:
        most = min(max_new_tokens, max(room, 1))  # a prompt that is too long, the engine refuses
        for column in engine.stream(prompt, most, eos, temperature, top_k, top_p, rng):
            times.append(time.perf_counter())
            yield int(column[0])

    print(text, end="")
    for piece in stream_decode(ids(), vocab):
        print(piece, end="", flush=True)
    if times:
        first, gaps = latencies(start, np.array(times))
        rate = f", then {1 / gaps.mean():.0f} per second" if len(gaps) else ""
        print(f"\n[{len(times)} tokens: the first after {1000 * first:.0f} ms{rate}]")


def answers(engine: Engine, prompts: list[list[int]], most: int, **how: Any) -> list[list[int]]:
    """Continue prompts of any lengths; those of one length go through the engine together."""
    found: dict[int, list[int]] = {}
    for length in sorted(set(map(len, prompts))):
        group = [n for n, prompt in enumerate(prompts) if len(prompt) == length]
        out = engine.generate(np.array([prompts[n] for n in group]), most, **how)
        found |= {n: row.tolist() for n, row in zip(group, out, strict=True)}
    return [found[n] for n in range(len(prompts))]

# %%
if __name__ == "__main__":  # here, in the notebook: type another text, or raise the temperature
    try:
        tell(FOLDER, "\nanna has two")
    except NotImplementedError as reason:
        print(f"Not yet: {reason}.")

# %% [markdown]
# ## Where to read more
#
# - Pope et al., *Efficiently Scaling Transformer Inference*, 2022 (arXiv:2211.05102): what limits
#   prefill, what limits a step.
# - Touvron et al., *LLaMA: Open and Efficient Foundation Language Models*, 2023 (arXiv:2302.13971).
# - Su et al., *RoFormer*, 2021 (arXiv:2104.09864), section 3.4: the pairs that RoPE turns.
# - Wolf et al., *Transformers: State-of-the-Art Natural Language Processing*, 2020
#   (arXiv:1910.03771): the library whose layout this is.
# - Kwon et al., *Efficient Memory Management for Large Language Model Serving with PagedAttention*,
#   2023 (arXiv:2309.06180): what to do when the room for the longest text is too much to set aside.
