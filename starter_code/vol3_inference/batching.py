"""Batching: many requests at once, each as if it were alone."""

# %% [markdown]
# # Batching
#
# **The question.** To write one token, an engine reads every weight of the model. To write one
# token for each of twenty people it reads the same weights once, so twenty texts take hardly longer
# than one. But people do not come at the same moment, their prompts have different lengths, and one
# wants a word where another wants a page. How do such texts share a batch, which is a rectangle?
# And how can each of them be exactly what it would have been alone?
#
# You write two functions and a class:
#
# | name | what it does |
# | --- | --- |
# | `left_pad(prompts, pad)` | prompts of different lengths become one array `(B, T)` |
# | `padding_mask(lengths, T)` | what a model has to know to overlook the padding |
# | `Scheduler(model, slots)` | requests come and go while the batch keeps running |
#
# You need NumPy, the loop of `generate`, and an hour and a half.

# %%
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Model = Callable[[Ints, Ints], Floats]  # ids (B, T), lengths (B,) -> logits (B, T, vocab_size)

# %% [markdown]
# ## 1. A rectangle
#
# An array has rows of one length, so the short prompts are filled up with a token that means
# nothing, the *padding*. Its id is `pad`; which id that is does not matter as long as nobody looks
# at it. On which side does it go?
#
# ![Three prompts of five, two and three tokens. On the left they are padded on the right: the
# column that all rows end with holds a token in one row and padding in two. On the right they are
# padded on the left: the last column holds the last token of each row.](figures/batching_pad.svg)
#
# The next token is read from the logits of the last real one. With padding on the right that is
# another column in each row, and what is generated would have to be written over the padding. A
# loop that takes `logits[:, -1]` all the same asks what follows a padding token, and gets a fluent
# answer to it. With padding on the left, every row ends in the same column.
#
# **Lengths.** How many tokens of a row are real? The ids alone do not say: a prompt may hold the
# id `pad` itself, at its beginning too. So the lengths travel with the ids.

# %%
def left_pad(prompts: Sequence[Ints], pad: int) -> tuple[Ints, Ints]:
    """Put prompts of different lengths into one array, each at the right end of its row.

    Args:
        prompts: B arrays of integers, (P_b,) each; at least one. Not modified.
        pad: The id to fill up with. It may occur in the prompts, too.

    Returns:
        ids: (B, T), int64. T is the length of the longest prompt.
        lengths: (B,), int64. How many tokens of each row are real.

    Raises:
        ValueError: A prompt has no tokens.

    Source:
        The `padding_side` of Hugging Face's tokenizers; Wolf et al. 2020 (arXiv:1910.03771).
    """
    raise NotImplementedError("left_pad is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_left_pad(student: Student, check: Check) -> None:
    """Three prompts, one of which holds the padding's id; a single one; an empty one."""
    prompts = [np.array([0, 5, 6]), np.array([7]), np.array([8, 9, 0, 1])]
    ids, lengths = student.left_pad(prompts, 0)
    check.close(ids, [[0, 0, 5, 6], [0, 0, 0, 7], [8, 9, 0, 1]], "ids with pad=0")
    check.close(lengths, [3, 1, 4], "lengths with pad=0")
    ids, lengths = student.left_pad(prompts[:2], 9)
    check.close(ids, [[0, 5, 6], [9, 9, 7]], "ids of the first two with pad=9")
    check.close(lengths, [3, 1], "lengths of the first two")
    want = np.array([[0, 5, 6]]), np.array([3])
    check.close(student.left_pad(prompts[:1], 4), want, "ids, lengths of one prompt")
    check.raises(ValueError, student.left_pad, [prompts[0], prompts[0][:0]], 0)

# %% [markdown]
# ## 2. What the model must not see
#
# Row $b$ has $n_b$ real tokens. They stand in its last $n_b$ columns, and the model must treat them
# as if nothing stood before them. Two of its parts look beyond a single token:
#
# **Positions.** The first real token is at position 0, however much padding there is before it.
# Which position does that give column $t$ of row $b$? For padding the formula gives negative
# numbers; let those be 0. (With RoPE only differences of positions matter, so a model that counts
# from the edge of the array gives the same logits but for rounding. That is luck: learned or
# sinusoidal positions give others, and with a limit of `max_T` positions a short text in a wide
# batch would run out of them.)
#
# **Attention.** The query at column $i$ may look at the key at column $j$ if $j \le i$, as always.
# What else has to hold for $j$?
#
# ![A square of six by six for a row with two columns of padding: queries from top to bottom, keys
# from left to right. The queries 2 to 5, which are real, see the keys from 2 up to themselves. The
# queries 0 and 1, which are padding, see themselves alone.](figures/batching_mask.svg)
#
# The padding has queries, too. Nobody wants their results, but softmax over scores that are all
# $-\infty$ is 0 / 0, and one `nan` in a row spoils everything that is ever added to it. So let a
# query of padding see itself and nothing else.

# %%
def padding_mask(lengths: Ints, T: int) -> tuple[Ints, Bools]:
    """Tell, for rows that are padded on the left, where tokens are and what they may see.

    Args:
        lengths: (B,), int64. How many tokens of each row are real; from 1 to T.
        T: The width of the batch.

    Returns:
        positions: (B, T), int64. Real tokens count from 0; padding has 0.
        mask: (B, T, T), bool. mask[b, i, j] is True where query i of row b sees key j: for a real
            query, the real keys up to itself; for padding, itself.

    Source:
        Vaswani et al. 2017, section 3.2.3, for the mask; Su et al. 2021 (arXiv:2104.09864) on
        differences of positions.
    """
    raise NotImplementedError("padding_mask is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_padding_mask(student: Student, check: Check) -> None:
    """A row with a token of padding, one without, one of a single token."""
    positions, mask = student.padding_mask(np.array([2, 3, 1]), 3)
    check.close(positions, [[0, 0, 1], [0, 1, 2], [0, 0, 0]], "positions")
    check.close(mask[1], [[1, 0, 0], [1, 1, 0], [1, 1, 1]], "the mask of a row without padding")
    check.close(mask[0], [[1, 0, 0], [0, 1, 0], [0, 1, 1]], "the mask with one token of padding")
    check.close(mask[2], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "the mask of a single token")
    check.true(np.asarray(mask).dtype == bool, "the mask is not made of True and False")

# %% [markdown]
# **A LLaMA that overlooks padding.** Here is the forward pass of Volume 1 with both put in: the
# positions go to RoPE, and the mask stands where the causal one stood. It is made of functions
# that you wrote; at the end of this page you give it yours. Nothing to write here.
#
# Everything that works on one token at a time, such as the norms, the projections and SwiGLU, takes
# no notice of the padding: there it is only wasted work.

# %%
class Config(Protocol):
    """The sizes that matter here; the Config of Volume 1 has them."""

    d_model: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    rope_theta: float
    norm_eps: float
    tied: bool


def padded_llama(
    params: dict[str, Floats],
    config: Config,
    rmsnorm: Callable[..., Floats],
    rope: Callable[..., Floats],
    softmax: Callable[..., Floats],
    swiglu: Callable[..., Floats],
) -> Model:
    """A model of ids and lengths, made of the parameters and four functions of Volume 1."""
    d_head, group = config.d_model // config.n_heads, config.n_heads // config.n_kv_heads

    def attend(x: Floats, w: dict[str, Floats], positions: Ints, mask: Bools) -> Floats:
        B, T, _ = x.shape
        k: Floats = rope((x @ w["w_k"]).reshape(B, T, -1, d_head), positions, config.rope_theta)
        v: Floats = (x @ w["w_v"]).reshape(B, T, -1, d_head)
        q = rope((x @ w["w_q"]).reshape(B, T, -1, d_head), positions, config.rope_theta)
        k, v = np.repeat(k, group, axis=2), np.repeat(v, group, axis=2)
        scores = np.einsum("bihd,bjhd->bhij", q, k) / d_head**0.5
        probs = softmax(np.where(mask[:, np.newaxis], scores, -1e30))
        out: Floats = np.einsum("bhij,bjhd->bihd", probs, v).reshape(B, T, -1) @ w["w_o"]
        return out

    def model(ids: Ints, lengths: Ints) -> Floats:
        positions, mask = padding_mask(lengths, ids.shape[1])
        x: Floats = params["embedding"][ids]
        for i in range(config.n_layers):
            names = [name for name in params if name.startswith(f"blocks.{i}.")]
            w = {name.rpartition(".")[2]: params[name] for name in names}
            x = x + attend(rmsnorm(x, w["attn_norm"], config.norm_eps), w, positions, mask)
            normed = rmsnorm(x, w["mlp_norm"], config.norm_eps)
            x = x + swiglu(normed, w["w_gate"], w["w_up"], w["w_down"])
        head = params["embedding"].T if config.tied else params["head"]
        logits: Floats = rmsnorm(x, params["final_norm"], config.norm_eps) @ head
        return logits

    return model

# %% [markdown]
# ## 3. Who waits for whom
#
# A *request* is a prompt, the most tokens that are wanted, and perhaps an `eos`. The machine has
# room for so many texts at once, its *slots*. Three ways to fill them:
#
# - **Static batching.** Take as many requests as there are slots and run them until the last has
#   finished, as `generate` does. Then take the next ones.
# - **Dynamic batching.** The same, but who comes first does not wait for ever until the batch is
#   full: when some time has passed, it starts with those who are there. Still a text that is
#   finished holds its slot until the longest of its batch is, and who comes a moment too late waits
#   for all of it.
# - **Continuous batching.** Decide anew before *every* token. A text that has finished leaves at
#   once, and in the next step its slot belongs to the one that has waited longest.
#
# ![Six requests of 2, 7, 3, 5, 2 and 4 tokens in three slots. Static: requests 0, 1 and 2 in the
# steps 0 to 6, then 3, 4 and 5 in the steps 7 to 11, with idle places behind every short text.
# Continuous: 3 follows 0 in slot 0, 4 follows 2 in slot 2 and 5 follows 4, and everything is done
# after nine steps.](figures/batching.svg)
#
# You write the third. Nothing in a text depends on the others of its batch, so whoever comes and
# goes in between, a request gets the tokens that it would get alone.
#
# **One step.** Three things happen, and their order matters. (1) While a slot is free and somebody
# waits, the one that has waited longest gets it. (2) If nobody has a slot now, nothing is left to
# do: `step` returns an empty dict, without a call of the model. Otherwise **one** call of the model
# gives the next token of every running text. (3) Each token is appended, and who is done leaves. So
# when is the freed slot used again?
#
# **The model** takes ids `(B, T)`, padded on the left, and `lengths` `(B,)`, and gives logits
# `(B, T, vocab_size)`, as `padded_llama` does. It is shown the running texts and no others, each
# whole: prompt and new tokens, one row each, in any order, in an array no wider than the longest of
# them. Pad with id 0, which is in every vocabulary; the model does not look. Of equal logits the
# lowest id wins. (There is no cache here: that each text is read again for each token is for the
# last exercise of this volume to change. Who has a slot is decided in the same way.)
#
# **A request** is done when it has generated its own `eos`, which is kept, or `max_new_tokens`
# tokens; an eos in its prompt ends nothing, and id 0 can be one. With `max_new_tokens=0` it is done
# when it is submitted: it needs no slot, no step mentions it, and its text is its prompt.
#
# **Names.** Requests are numbered from 0 in the order of `submit`, and no number is given twice.
# Rows move up when another text leaves, so a row's number says nothing about whose it is. What do
# you key the texts by? One may submit at any time, also between two steps and after `run`.

# %%
class Scheduler:
    """Runs requests in a batch that they join and leave at any step; first come, first served.

    Args:
        model: ids (B, T), lengths (B,) -> logits (B, T, vocab_size). Rows are padded on the left,
            by an id of the vocabulary. Called once in a step that has something to do.
        slots: How many requests run at once.

    Raises:
        ValueError: There is not at least one slot.

    Source:
        Yu et al. 2022, Orca, section 3: iteration-level scheduling.
    """

    def __init__(self, model: Model, slots: int) -> None:
        raise NotImplementedError("Scheduler.__init__ is yours to write")

    def submit(self, prompt: Ints, max_new_tokens: int, eos: int | None = None) -> int:
        """Let a request wait for a slot.

        Args:
            prompt: (P,), integers. Copied.
            max_new_tokens: The most tokens to generate. With 0 the request is done at once.
            eos: The id that ends this request when it is generated; None for no such id.

        Returns:
            The request's number: 0 for the first one, then 1, 2, ...

        Raises:
            ValueError: The prompt has no tokens. Nothing has changed, no number was given.
        """
        raise NotImplementedError("Scheduler.submit is yours to write")

    def step(self) -> dict[int, int]:
        """Give free slots to those who wait, and every running request one token.

        Returns:
            The new token of each request that had a slot, by the request's number. Empty if there
            was nothing to do.
        """
        raise NotImplementedError("Scheduler.step is yours to write")

    def run(self) -> dict[int, Ints]:
        """Take steps until nothing is left to do.

        Returns:
            The text of every request that was ever submitted, by its number: prompt and new
            tokens, (P + n,), int64. New arrays.
        """
        raise NotImplementedError("Scheduler.run is yours to write")

# %%
from autograder.selfcheck import Check, Student


def _next(text: list[int]) -> int:
    """One more than the sum of all tokens, each times its place (1, 2, ...), modulo 10."""
    return (1 + sum(place * token for place, token in enumerate(text, start=1))) % 10


def visible_Scheduler(student: Student, check: Check) -> None:
    """Each request as if alone, in any order; who is in which step; eos; what is refused."""
    seen: list[list[list[int]]] = []

    def model(ids: Any, lengths: Any) -> Any:
        if len(seen) == 100:
            raise RuntimeError("the model has been called 100 times: does nobody ever leave?")
        B, T = ids.shape
        logits = np.zeros((B, T, 10))
        logits[:, :, 3] = 0.5  # what follows padding
        for b, n in enumerate(lengths):
            for t in range(T - n, T):
                logits[b, t, _next(ids[b, T - n : t + 1].tolist())] = 1.0
        seen.append([row[T - n :] for row, n in zip(ids.tolist(), lengths, strict=True)])
        return logits

    def alone(prompt: list[int], most: int, eos: int | None) -> list[int]:
        text = list(prompt)
        while len(text) < len(prompt) + most and (text == prompt or text[-1] != eos):
            text.append(_next(text))
        return text

    requests = [([1, 2], 2, None), ([4], 5, None), ([0, 3, 3], 3, None), ([5, 1], 4, None)]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        scheduler = student.Scheduler(model, 2)
        names = [scheduler.submit(np.array(requests[i][0]), *requests[i][1:]) for i in order]
        check.same(names, [0, 1, 2, 3], "the numbers of four requests")
        texts = scheduler.run()
        for name, i in enumerate(order):
            want = np.array(alone(*requests[i]))
            check.close(texts[name], want, f"text {name} of those submitted in the order {order}")

    scheduler = student.Scheduler(model, 2)
    names = [scheduler.submit(np.array(prompt), *rest) for prompt, *rest in requests]
    seen.clear()
    steps = [sorted(scheduler.step()) for _ in range(8)]
    want_steps = [[0, 1], [0, 1], [1, 2], [1, 2], [1, 2], [3], [3], [3]]
    check.same(steps, want_steps, "who gets a token in each step, with two slots")
    widest = max(map(len, seen), default=0)
    check.true(widest == 2, f"the model is shown {widest} rows at once; there are two slots")
    check.true(len(seen) == 8, f"the model is called {len(seen)} times in 8 steps")
    check.true(seen[2] in ([[4, *_new([4], 2)], [0, 3, 3]], [[0, 3, 3], [4, *_new([4], 2)]]), ROWS)

    ending, other = _new([4], 3)[-1], _new([0, 3, 3], 1)[0]
    late = scheduler.submit(np.array([4, ending]), 1, ending)
    check.same(sorted(scheduler.step()), [3, late], "a request that came later, and one before it")
    check.same(scheduler.step(), {}, "a step with nothing to do")
    check.true(len(seen) == 9, "the model is called where there is nothing to do")
    names = [scheduler.submit(np.array(p), 9, e) for p, e in (([4], ending), ([0, 3, 3], other))]
    texts = scheduler.run()
    check.close(texts[names[0]], np.array(alone([4], 9, ending)), f"with eos={ending}")
    check.close(texts[names[1]], np.array(alone([0, 3, 3], 9, other)), f"with eos={other}")
    name = scheduler.submit(np.array([7, 7]), 0)
    check.same(scheduler.step(), {}, "a step with a request of no new tokens")
    check.close(scheduler.run()[name], np.array([7, 7]), "the text for max_new_tokens=0")
    check.raises(ValueError, scheduler.submit, np.array([], dtype=np.int64), 3)
    check.raises(ValueError, student.Scheduler, model, 0)


ROWS = "in its third step the model is shown other texts than the whole ones of requests 1 and 2"


def _new(prompt: list[int], most: int) -> list[int]:
    """The tokens that follow a prompt when it is alone."""
    text = list(prompt)
    for _ in range(most):
        text.append(_next(text))
    return text[len(prompt) :]

# %% [markdown]
# ## 4. A trace to look at
#
# `trace` takes a scheduler, steps until nothing is left to do, and draws what `step` returned: one
# line per slot, one column per step, in each place the number of the request. Requests may arrive
# on the way. The scheduler does not say in which slot a text sits, so the picture lets each keep
# its line, and gives one that comes the first free line.

# %%
class Steps(Protocol):
    """What `trace` needs of a scheduler."""

    def submit(self, prompt: Ints, max_new_tokens: int, eos: int | None = None) -> int: ...
    def step(self) -> dict[int, int]: ...


Arrival = tuple[Ints, int, int | None]  # the arguments of submit


def trace(scheduler: Steps, slots: int, arrivals: dict[int, list[Arrival]] | None = None) -> str:
    """Which request had which slot at which step, as a table.

    Args:
        scheduler: One that may have requests already.
        slots: How many it has.
        arrivals: What is submitted just before a step, by the number of the step.
    """
    coming, columns = dict(arrivals or {}), list[list[int | None]]()
    for _ in range(1000):
        for request in coming.pop(len(columns), []):
            scheduler.submit(*request)
        names = set(scheduler.step())
        if not names and not coming:
            break
        before = columns[-1] if columns else [None] * slots
        column = [name if name in names else None for name in before]
        for name in sorted(names - set(column)):
            free = column.index(None) if None in column else len(column)
            column[free : free + 1] = [name]
        columns.append(column)
    lines = ["step   " + "".join(f"{t:4}" for t in range(len(columns)))]
    for slot in range(max(map(len, columns), default=slots)):
        row = [column[slot] if slot < len(column) else None for column in columns]
        lines.append(f"slot {slot:2}" + "".join(f"{'.' if r is None else r:>4}" for r in row))
    used = sum(name is not None for column in columns for name in column)
    lines.append(f"{used} tokens in {len(columns)} steps of {slots} slots")
    return "\n".join(lines)

# %%
if __name__ == "__main__":  # here, in the notebook: the requests of the figure, in your scheduler

    def counts_up(ids: Ints, lengths: Ints) -> Floats:
        """The next id is one more than the last."""
        return np.eye(100)[(ids + 1) % 100]

    try:
        scheduler = Scheduler(counts_up, 3)
        for most in (2, 7, 3, 5, 2, 4):
            scheduler.submit(np.array([10]), most)
        print("Six requests that are there from the beginning:\n")
        print(trace(scheduler, 3))
        latecomers: dict[int, list[Arrival]] = {
            3: [(np.array([10]), 4, None)],
            5: [(np.array([10, 20]), 9, 24), (np.array([30]), 2, None)],
        }
        scheduler = Scheduler(counts_up, 3)
        for most in (6, 2):
            scheduler.submit(np.array([10]), most)
        print("\nTwo, then one before step 3, two before step 5; number 3 meets its eos early:\n")
        print(trace(scheduler, 3, latecomers))
    except NotImplementedError as missing:
        print(f"No trace yet: {missing}.")

# %% [markdown]
# ## 5. With your own model
#
# In a new cell, with what you wrote in Volume 1. Every line should end with True:
#
# ```python
# import numpy as np
# from autograder.selfcheck import mine
#
# names = ("rmsnorm", "rope", "softmax", "swiglu")
# parts = {name: getattr(mine(f"vol1_numpy/{name}"), name) for name in names}
# volume_1, rng = mine("vol1_numpy/llama"), np.random.default_rng(0)
# config = mine("vol1_numpy/multi_head").Config(
#     vocab_size=30, d_model=32, n_layers=2, n_heads=4, n_kv_heads=2, d_ff=48, max_T=64
# )
# params = volume_1.init_params(config, rng)
# params = {n: w if n.endswith("norm") else 20 * w for n, w in params.items()}  # livelier
# prompts = [rng.integers(30, size=P) for P in (5, 1, 9, 3, 2)]
#
# scheduler = Scheduler(padded_llama(params, config, **parts), 2)
# for n, prompt in enumerate(prompts):
#     scheduler.submit(prompt, 4 + n)
# print(trace(scheduler, 2))
# texts = scheduler.run()
# for n, prompt in enumerate(prompts):
#     alone = prompt
#     for _ in range(4 + n):
#         logits, _ = volume_1.llama(params, alone[np.newaxis], config)
#         alone = np.append(alone, logits[0, -1].argmax())
#     print(n, texts[n], np.array_equal(texts[n], alone))
# ```
#
# Sums in another order round differently, so the logits of a batch and those of a single text
# differ in their last digits. In float64 no token changes unless two logits agree in a dozen
# digits. In 16 bits one changes now and then, and with it all that follow: "as if alone" is then a
# promise about probabilities.
#
# ## One thing to try
#
# Draw 100 requests of which most want a few tokens and some want many (`rng.geometric(0.1)`, say).
# How many steps do they take in 8 slots, and how many would static batching take, where each batch
# of 8 takes as many steps as its longest text? Now let the model count two things: the rows it is
# shown, and the columns of padding in them. What share of its work is wasted if short and long
# prompts come mixed? What if you sort them by length first, and who would complain about that?
#
# ## Where to read more
#
# - Yu et al., *Orca: A Distributed Serving System for Transformer-Based Generative Models*, OSDI
#   2022: where scheduling at every token comes from, and how attention is batched without padding.
# - Kwon et al., *Efficient Memory Management for Large Language Model Serving with
#   PagedAttention*, 2023 (arXiv:2309.06180): the memory of requests that come and go.
# - Pope et al., *Efficiently Scaling Transformer Inference*, 2022 (arXiv:2211.05102): why a large
#   batch costs little more than a small one, up to a point.
