"""Training: your own LLaMA learns to tell stories, down to a loss that is known in advance."""

# %% [markdown]
# # Training
#
# **The question.** You have a model that gives its loss and every gradient, and an optimizer that
# turns gradients into steps. Put together, they learn a language. How, in which order, and how do
# you know when the model is as good as any model can be?
#
# You write one function, the training loop:
#
# | function | to |
# | --- | --- |
# | `train(params, data, config, steps, rng)` | `params`, `losses` |
#
# It has about ten lines. Everything they call is yours already: `loss_and_grads`, `AdamW`,
# `clip_grad_norm` and `lr_schedule`. You need these, logarithms, and about an hour. At the end of
# this page your model talks.

# %%
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starter_code.given.stories import Corpus, load
from .llama import count_params, init_params, llama, loss_and_grads
from .multi_head import Config
from .optimizers import AdamW, clip_grad_norm, lr_schedule

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Params = dict[str, Floats]

BATCH = 32  # rows in one step
MAX_LR, MIN_LR = 0.02, 0.002  # small models take large steps
BETAS, EPS, WEIGHT_DECAY, MAX_NORM = (0.9, 0.95), 1e-8, 0.1, 1.0  # these are LLaMA's

# %% [markdown]
# ## 1. The stories
#
# The corpus was written by a small program of ours:
#
#     anna has two apples . she finds one more . now anna has three apples .
#
# Each word is a token, and so are the full stop and the end of the story. Nothing about a token is
# in its id, so all that a model can know of "apples" it has to find in the company that it keeps.
# Some of it is near: after "one" a thing stands in the singular. Some is far: the name and the
# thing of the last sentence are those of the first, "she" depends on the name, and the last number
# is a sum.
#
# `load()` gives you the text in rows of $T + 1$ ids. Every row begins with the end of a story, and
# what follows is the beginning of another one, so all that the next token depends on is in the row.


# %%
if __name__ == "__main__":  # here, in the notebook: what is there to learn from?
    corpus = load()
    print(corpus.text(corpus.train[:3]))
    print(f"{len(corpus.train)} rows of {corpus.train.shape[1]} ids to train on,")
    print(f"{len(corpus.held_out)} rows of other stories to see what was learned")

# %% [markdown]
# ## 2. The floor
#
# A model gives each next token $x_t$ a probability $q(x_t \mid x_{<t})$, and its loss is the mean
# of $-\ln q$. Let $p$ be the true probabilities, those in our program. At one position, with a
# given past, the expected loss is
#
# $$-\sum_x p(x) \ln q(x) = \underbrace{-\sum_x p(x) \ln p(x)}_{H(p)}
# + \underbrace{\sum_x p(x) \ln \frac{p(x)}{q(x)}}_{\mathrm{KL}(p \, \| \, q)}$$
#
# The second term is never negative: since $\ln u \le u - 1$, it is at least
# $-\sum_x p(x) \left( \tfrac{q(x)}{p(x)} - 1 \right)$. What is that sum? So nobody gets below
# $H(p)$, the *entropy*, and who reaches it has found the true probabilities.
#
# For English nobody knows $H$. For our stories we do: the program chooses the next word with known
# probabilities, so the entropy at a position is the mean of $H$ over all states that it may be in.
# `corpus.floor` is the mean over the $T$ positions of a row, computed and not estimated. Words that
# follow from what was said have $H = 0$: the last sentence costs a perfect model nothing.
#
# **Three numbers to know before you start.** A new model gives all tokens about the same
# probability, so its loss is near $\ln V$ (here $\ln 32 \approx 3.47$); anything else is a bug that
# training will hide. A model that has learned only how often each word occurs, not when, stands at
# the entropy of the word counts, about 3.1. The floor is 0.58. Whoever is clearly *below* it on
# stories that the model has not seen has made a mistake. Which one? (The next section has to do
# with it.)
#
# ![The loss of a training run, on a scale from 0 to 3.5 nats per token. It starts at ln V, falls
# within 40 of 600 steps to about 1, then ever more slowly, and ends just above a horizontal line,
# the floor at 0.58. Dashed lines above mark ln V and the entropy of the word
# counts.](figures/training.svg)
#
# ## 3. Inputs and targets
#
# A row of `data` has $T + 1$ ids, and from position $t$ the model is to predict the id at position
# $t + 1$. So a row gives $T$ inputs and $T$ targets. Which columns are the inputs, and which are
# the targets? Causal attention sees to it that the logits at $t$ know nothing of what comes later,
# in all $T$ positions of one forward. But if the target at $t$ *is* the input at $t$, there is
# nothing to predict: the model copies, its loss goes to zero, and it has learned nothing.
#
# ## 4. One step
#
# Steps are numbered $s = 1, \dots, S$, with $S$ for `steps`. In each of them, in this order:
#
# 1. **Draw a batch.** `rng.integers(len(data), size=BATCH)` gives the numbers of `BATCH` rows, the
#    same one twice if it so happens. It is the only thing that is random in the whole loop, one
#    call per step, so that a seed is a training run.
# 2. **Loss and gradients** of these rows. Note the loss: it is the one from *before* the update.
# 3. **Clip** the gradients at `MAX_NORM`. This has to come before the optimizer sees them.
# 4. **Learning rate** `lr_schedule(s, MAX_LR, MIN_LR, warmup, S)`, with `steps // 10` steps of
#    warm-up. It is set before the step that it is for: `optimizer.lr = ...`. Since $s$ begins with
#    1, the first step has a rate above 0 and the last one has `MIN_LR`.
# 5. **AdamW**, with `BETAS`, `EPS` and `WEIGHT_DECAY`.
#
# There is *one* optimizer for the whole run: its running means are what makes it AdamW. And
# `params` is not yours to change. `AdamW` works in place, so give it copies, and return these.
#
# **Shapes and order.** `AdamW` and `clip_grad_norm` take lists, `params` and `grads` are dicts.
# Nothing says that both dicts have the same order, so make one list follow the other by name.


# %%
def train(
    params: Params, data: Ints, config: Config, steps: int, rng: np.random.Generator
) -> tuple[Params, list[float]]:
    """Train a model.

    Every step s = 1, ..., steps draws `rng.integers(len(data), size=BATCH)`, clips at `MAX_NORM`,
    and takes a step of AdamW with the rate lr_schedule(s, MAX_LR, MIN_LR, steps // 10, steps).

    Args:
        params: What `init_params` gives, in float64 or float32. Left as they are.
        data: (N, T + 1), int64. Rows of token ids. Left as they are.
        config: The sizes of the model.
        steps: How many updates to make, 0 or more.
        rng: Where the batches come from, and nothing else random.

    Returns:
        params: The trained parameters: new arrays with the same keys, shapes and dtype.
        losses: `steps` floats, the loss of each batch before its update.

    Source:
        Touvron et al. 2023, section 2.3.
    """
    ### BEGIN SOLUTION
    trained = {name: w.copy() for name, w in params.items()}
    optimizer = AdamW(list(trained.values()), MAX_LR, BETAS, EPS, WEIGHT_DECAY)
    losses = []
    for step in range(1, steps + 1):
        rows = data[rng.integers(len(data), size=BATCH)]
        loss, grads = loss_and_grads(trained, rows[:, :-1], rows[:, 1:], config)
        ordered = [grads[name] for name in trained]
        clip_grad_norm(ordered, MAX_NORM)
        optimizer.lr = lr_schedule(step, MAX_LR, MIN_LR, steps // 10, steps)
        optimizer.step(ordered)
        losses.append(float(loss))
    return trained, losses
    ### END SOLUTION


# %%
from types import SimpleNamespace

from autograder.selfcheck import Check, Student


def visible_train(student: Student, check: Check) -> None:
    """No step, one step by hand, the same seed twice, a row by heart, arguments as before."""
    sizes = {"vocab_size": 5, "d_model": 4, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1}
    config = SimpleNamespace(**sizes, d_ff=6, max_T=4, rope_theta=9.0, norm_eps=1e-5, tied=False)
    rng = np.random.default_rng(0)
    shapes = {"embedding": (5, 4), "w_q": (4, 4), "w_k": (4, 2), "w_v": (4, 2), "w_o": (4, 4)}
    shapes |= {"w_gate": (4, 6), "w_up": (4, 6), "w_down": (6, 4), "head": (4, 5)}
    drawn = {name: 0.3 * rng.standard_normal(shape) for name, shape in shapes.items()}
    drawn |= {name: np.ones(4) for name in ("attn_norm", "mlp_norm", "final_norm")}
    outside = ("embedding", "head", "final_norm")
    params = {n if n in outside else f"blocks.0.{n}": w for n, w in drawn.items()}
    data = np.array([[0, 1, 2, 3, 4], [0, 4, 3, 2, 1], [0, 2, 4, 1, 3]])
    seed = student.library("numpy.random.default_rng")

    def run(given: Any, rows: Any, steps: int, number: int) -> Any:
        got, losses = student.train(given, rows, config, steps, seed(number))
        check.true(len(losses) == steps, f"{steps} steps give {len(losses)} losses")
        check.true(got.keys() == params.keys(), "the trained parameters have other keys")
        return got, losses

    got, _ = run(params, data, 0, 0)
    for name, w in params.items():
        check.close(got[name], w, f"{name} after 0 steps")

    # A gain of zeros: all logits are 0, and only the gain itself has a gradient.
    silent = params | {"final_norm": np.zeros(4)}
    got, losses = run(silent, data, 1, 0)
    check.close(losses[0], math.log(5), "the loss of a model whose logits are all 0")
    check.close(np.abs(got["final_norm"]), np.full(4, 0.002), "the gain's first step", rtol=1e-4)
    check.close(got["head"], params["head"] * (1 - 0.002 * 0.1), "head, which only decays")

    held = student.hold(params)
    first, losses = run(held, data, 6, 1)
    check.close(student.fetch(held)["head"], params["head"], "the head that was handed in")
    again, _ = run(params, data, 6, 1)
    _, other = run(params, data, 6, 2)
    check.close(again["head"], first["head"], "head, trained again with the same seed")
    check.true(np.any(np.array(other) != np.array(losses)), "the losses do not depend on the seed")

    _, losses = run(params, data[:1], 60, 0)
    check.true(losses[-1] < 0.2, f"a single row, seen 60 times, has the loss {losses[-1]:.3g}")


# %% [markdown]
# ## 5. A model of your own
#
# Now with the stories. The model below has about twelve thousand parameters, and 600 steps take
# less than a minute. Watch three things:
#
# - **The first loss.** Is it $\ln V$?
# - **The fall.** First the model learns which words there are, then which follow which, then whose
#   name and which thing it was. What is left at the end is mostly arithmetic.
# - **Two losses.** The mean over the last batches, and that of held-out stories. While both fall
#   together, the model learns the language. When the first goes on falling and the second rises, it
#   learns the training stories by heart: it is *overfitting*. With `corpus.train[:20]` for data you
#   can see that within a few hundred steps, and the training loss passes below the floor.
#
# Then it talks: each next token is drawn with the probability that the model gives it. Are the
# sentences right? Does "she" fit? Do the sums come out?


# %%
def held_out_loss(params: Params, rows: Ints, config: Config) -> float:
    """The mean of -ln q over all targets of some rows."""
    logits, _ = llama(params, rows[:, :-1], config)
    logits = logits - logits.max(axis=-1, keepdims=True)
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -float(np.take_along_axis(log_probs, rows[:, 1:, None], axis=-1).mean())


def tell(params: Params, config: Config, corpus: Corpus, rng: np.random.Generator) -> str:
    """A story, one token drawn after the other."""
    ids = [0]
    while len(ids) <= config.max_T and (len(ids) == 1 or ids[-1] != 0):
        scores = llama(params, np.array([ids]), config)[0][0, -1]
        probs = np.exp(scores - scores.max())
        ids.append(int(rng.choice(len(probs), p=probs / probs.sum())))
    return corpus.text(ids).rstrip("\n")


def report(params: Params, losses: list[float], config: Config, corpus: Corpus) -> None:
    """How the run went, and what the model has to say."""
    print(f"ln V {math.log(config.vocab_size):.3f}, the first loss {losses[0]:.3f}")
    for start in range(0, len(losses), len(losses) // 6):
        part = losses[start : start + len(losses) // 6]
        print(f"steps {start + 1:3} to {start + len(part):3}: {sum(part) / len(part):.3f}")
    print(f"held out {held_out_loss(params, corpus.held_out, config):.3f}")
    print(f"the floor {corpus.floor:.3f}", end="\n\n")
    for seed in range(5):
        print(tell(params, config, corpus, np.random.default_rng(seed)))


# %%
if __name__ == "__main__":  # here, in the notebook: from random numbers to stories
    config = Config(len(corpus.vocabulary), 32, 1, 4, 2, 64, corpus.train.shape[1] - 1)
    try:
        params = init_params(config, np.random.default_rng(0))
        print(f"{count_params(config)} parameters")
        params, losses = train(params, corpus.train, config, 600, np.random.default_rng(0))
        report(params, losses, config, corpus)
    except NotImplementedError as missing:
        print(f"No model yet: {missing}.")

# %% [markdown]
# ## One thing to try
#
# Two layers instead of one, and 2,000 steps: how close to the floor do you get? Which kind of token
# is the rest of the distance made of: names, things, numbers? (`held_out_loss` for one column at a
# time says where; for the same columns the entropy is in `figures.json` beside the stories.) Then
# halve and double `MAX_LR`, and leave out the warm-up.
#
# ## Where to read more
#
# - Shannon, *Prediction and entropy of printed English*, 1951: how much of a text can be known in
#   advance, measured with people.
# - Cover and Thomas, *Elements of information theory*, 2006, chapters 2 and 4: entropy, the
#   Kullback-Leibler divergence, and the entropy of a process.
# - Touvron et al., *LLaMA: open and efficient foundation language models*, 2023 (arXiv:2302.13971),
#   section 2.3: the same loop, with a larger batch.
# - Eldan and Li, *TinyStories: how small can language models be and still speak coherent English?*,
#   2023 (arXiv:2305.07759).
