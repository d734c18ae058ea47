"""Training: windows of text, a gradient, a step, and a floor that no model can go below."""

# %% [markdown]
# # Training
#
# **The question.** You have a model, the gradient of its loss and an optimizer. What does it take to
# make a language model of them, and how good can one become? For most text nobody knows the answer
# to the second part. Here it is known exactly, because the text comes from a grammar of ours.
#
# You write one function:
#
# | function | to |
# | --- | --- |
# | `train(params, data, config, steps, rng)` | trained parameters, and the loss of every step |
#
# You need your LLaMA (`loss_and_grads`), your optimizers, and about an hour and a half. Most of it
# goes into choosing numbers: the size of a batch, the learning rate, the warm-up.

# %%
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starter_code.given import stories

from .cross_entropy import cross_entropy
from .llama import init_params, llama, loss_and_grads
from .multi_head import Config
from .optimizers import AdamW, clip_grad_norm, lr_schedule

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Params = dict[str, Floats]

# %% [markdown]
# ## 1. The text
#
# > anna has three eggs. they are red. she finds two more. now she has five red eggs. the dogs near
# > the tree sleep. at last anna counts five red eggs.
#
# `stories.stories("small", 3, seed)` gives three stories like this one, each as a list of words;
# `stories.encode(words, "small")` turns words into ids. Full stops are words, too, and a line break
# ends a story. To say what comes next one has to count, to remember a colour from twenty words ago,
# and to know that "the dogs near the tree" are several.
#
# The grammar makes choices: who, how many, of what, whether something happens now or the story ends.
# Each choice has known probabilities and shows in the very next word. All other words follow for
# certain from what was said before.
#
# ![The words of a story in a row, each with a bar as high as its surprise in nats. The first words,
# who and how many and of what, have high bars, and so has every word with which something new begins.
# The words between them have no bar at all, nor has a single word of the last
# sentence after its beginning.](figures/story_surprise.svg)
#
# ## 2. The floor
#
# A model gives each next word $w$ a probability $q(w)$, where the grammar has $p(w)$. The expected
# cross-entropy at this place, over what the grammar may say, is
#
# $$\sum_w p(w) \, \big( -\log q(w) \big)$$
#
# Write $-\log q = -\log p + \log (p / q)$ and the sum falls apart into two:
#
# $$\underbrace{\sum_w p(w) \, \big( -\log p(w) \big)}_{\text{entropy}} \; + \;
# \underbrace{\sum_w p(w) \log \frac{p(w)}{q(w)}}_{\text{Kullback-Leibler divergence}}$$
#
# The first one does not contain the model. The second one is never negative: with $\log z \le z - 1$
#
# $$-\sum_w p(w) \log \frac{p(w)}{q(w)} = \sum_w p(w) \log \frac{q(w)}{p(w)} \le
# \sum_w p(w) \Big( \frac{q(w)}{p(w)} - 1 \Big) = \dots$$
#
# The last step is yours: what is the sum, and for which $q$ is there equality? So the entropy is a
# *floor*. A loss on fresh text above it says how far the model is from the truth; a loss below it
# says that something leaks.
#
# **The entropy of a whole story.** By the chain rule the probability of a story is the product of
# the probabilities of its choices, so its negative logarithm is a sum. In every scene of the grammar
# the entropy of what is still to come is
#
# $$H(\mathrm{scene}) = \sum_{\mathrm{choice}} p \, \big( -\log p + H(\mathrm{scene\ after\ it})
# \big)$$
#
# and a few hundred scenes later `stories.entropy("small")` has the exact number: 8.73 nats per
# story, 30.2 words per story, 0.289 nats per word. Perplexity $e^{0.289} = 1.33$: on average there
# is hardly a choice. A model that knows nothing needs $\ln 49 = 3.89$ nats per word; one that counts
# words 3.4; one that counts which word follows which 1.1.
#
# ## 3. The loop
#
# `data` holds all stories one after the other, one long array of ids. A *window* is a piece of $T$
# ids ($T$ is `config.max_T`), and what the model is to say at each of its positions is the id that
# follows:
#
# $$\mathrm{ids} = (d_s, \dots, d_{s+T-1}) \qquad \mathrm{targets} = (d_{s+1}, \dots, d_{s+T})$$
#
# A data set of length $N$ has how many windows with all their targets? Count the possible $s$ for
# $N = T + 1$ first. A *batch* is $B$ windows, drawn with `rng`, independently and each $s$ as likely
# as the others. Why at random? The gradient of the batch is then a random variable whose expectation
# is
#
# $$E\big[ \nabla L_{\mathrm{batch}} \big] = \frac{1}{\text{number of windows}} \sum_s \nabla L_s
# = \nabla L_{\mathrm{data}}$$
#
# the gradient on all of the data, for the price of $B$ windows. A batch that stays the same has
# another expectation: its own.
#
# One step: draw a batch, get loss and gradients, clip them, set the learning rate of this step, let
# AdamW move the parameters, write down the loss. The optimizer lives as long as the run does: it
# remembers.
#
# **Three traps.**
#
# - The optimizer changes arrays in place, and the caller's parameters are not yours to change.
# - AdamW takes a list, `loss_and_grads` gives a dict, and nobody promised that its keys are in the
#   order of those of `params`.
# - What you want to know is the loss on *fresh* text. The one you write down comes from a batch the
#   model has not learned from yet, so as long as no window comes twice the two tell the same.
#
# **What you choose.** How many windows are in a batch (`loss_and_grads` takes time in proportion),
# the highest learning rate, how long the warm-up lasts, where the cosine ends, both betas, the decay.
# Adam's steps have about the length of the rate whatever the gradient is. So the rate has to be
# small against a weight, and large enough that the weights get somewhere in `steps` steps. Try one
# and a half orders of magnitude around $3 \cdot 10^{-3}$, and batches from 4 to 32.
#
# **How it is graded.** A LLaMA with one block, `d_model` 64, is trained on 5,000 stories for 300
# steps, and must not take longer than 20 seconds on one core (a batch of 16 takes about 3). Its loss
# on fresh stories is then computed for you and compared with what the grammar itself would have
# needed for these very stories. You get points for coming within 0.8, 0.4 and 0.15 nats per word.
# The ids are exchanged at random, so parameters from another run are of no use.


# %%
### BEGIN SOLUTION
BATCH, MAX_LR, MIN_LR, WARMUP = 16, 5e-3, 1e-4, 0.1  # the warm-up as a part of all steps
BETAS, EPS, DECAY, MAX_NORM = (0.9, 0.95), 1e-8, 0.01, 1.0


### END SOLUTION
def train(
    params: Params, data: Ints, config: Config, steps: int, rng: np.random.Generator
) -> tuple[Params, list[float]]:
    """Train a LLaMA on random windows of a text.

    Args:
        params: What the training starts from, as `init_params` gives it, in float64 or float32.
            Left as they are.
        data: (N,), int64. Token ids of the whole text, N > config.max_T. Left as they are.
        config: The sizes of the model; windows have the length `max_T`.
        steps: How many updates; 0 gives back what came in.
        rng: All randomness comes from here: the same state gives the same result.

    Returns:
        params: A new dict with new arrays; keys, shapes and dtypes as they came in.
        losses: list of `steps` floats. The loss of each step's batch, before the update.

    Source:
        Radford et al. 2018, section 3.1; Touvron et al. 2023, section 2.3.
    """
    ### BEGIN SOLUTION
    T, names = config.max_T, list(params)
    params = {name: params[name].copy() for name in names}
    optimizer = AdamW(list(params.values()), MAX_LR, BETAS, EPS, DECAY)
    losses = []
    for step in range(steps):
        starts = rng.integers(len(data) - T, size=BATCH)
        windows = data[starts[:, None] + np.arange(T + 1)]  # (BATCH, T + 1)
        loss, by_name = loss_and_grads(params, windows[:, :-1], windows[:, 1:], config)
        grads = [by_name[name] for name in names]
        clip_grad_norm(grads, MAX_NORM)
        optimizer.lr = lr_schedule(step, MAX_LR, MIN_LR, int(WARMUP * steps), steps)
        optimizer.step(grads)
        losses.append(loss)
    return params, losses
    ### END SOLUTION


# %%
from types import SimpleNamespace

from autograder.selfcheck import Check, Student


def visible_train(student: Student, check: Check) -> None:
    """The first loss by hand; a text that can be learned and one that cannot; the same seed."""
    sizes = {"vocab_size": 5, "d_model": 8, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1}
    config = SimpleNamespace(
        **sizes, d_ff=6, max_T=4, rope_theta=50.0, norm_eps=1e-5, tied=False
    )
    rng = np.random.default_rng(0)
    shapes = {"w_q": (8, 8), "w_k": (8, 4), "w_v": (8, 4), "w_o": (8, 8)}
    shapes |= {"w_gate": (8, 6), "w_up": (8, 6), "w_down": (6, 8)}
    shapes = {f"blocks.0.{name}": shape for name, shape in shapes.items()}
    shapes |= {"embedding": (5, 8), "head": (8, 5)}
    params = {name: rng.normal(0.0, 0.3, shape) for name, shape in shapes.items()}
    params |= {n: np.ones(8) for n in ("blocks.0.attn_norm", "blocks.0.mlp_norm", "final_norm")}
    generator = student.library("numpy.random.default_rng")

    silent = params | {"head": np.zeros((8, 5))}  # all logits are 0, whatever the window is
    trained, losses = student.train(silent, np.arange(30) % 5, config, 3, generator(0))
    check.true(len(losses) == 3, f"losses has {len(losses)} entries after 3 steps")
    check.close(losses[0], np.log(5.0), "the first loss of a model whose logits are all 0")
    check.true(trained.keys() == params.keys(), "the keys of the trained parameters are others")
    again, _ = student.train(silent, np.arange(30) % 5, config, 0, generator(0))
    check.close(again["embedding"], params["embedding"], "the embedding after 0 steps")

    held = student.hold(params)
    circle = np.tile([3, 0, 4, 1, 2], 40)
    trained, losses = student.train(held, circle, config, 60, generator(1))
    fell = losses[0] - float(np.mean(losses[-5:]))
    check.true(fell > 0.05, f"on a text that repeats itself the loss fell by {fell:.3g} in 60 steps")
    kept = student.fetch(held)
    for name, value in params.items():
        check.close(kept[name], value, f"the caller's {name} after training")
    same, _ = student.train(params, circle, config, 60, generator(1))
    check.close(same["embedding"], trained["embedding"], "the embedding with the same seed")

    # Nothing can be said about what comes next in noise: whoever says it has seen the answer.
    noise = rng.integers(5, size=20_000)
    _, losses = student.train(silent, noise, config, 60, generator(2))
    last = float(np.mean(losses[-5:]))
    check.true(last > np.log(5.0) - 0.1, f"the loss on noise fell to {last:.4g}; ln 5 is 1.609")


# %% [markdown]
# ## One thing to try
#
# Run `tell_stories()` in a cell of your own. It trains a LLaMA of your own making, every gradient of
# which you derived yourself, and lets it tell five stories. Compare its loss on fresh stories with
# the floor, and read the stories: do the verbs agree? Is the counting right? Does the last sentence
# have the right colour? Then make it train longer, and see which of these come first.
#
# Then try what goes wrong. Leave out the warm-up and multiply the rate by ten. Take the same batch
# in each step, and look at both losses. Multiply the gradients by a hundred before they are clipped:
# why does next to nothing happen?


# %%
def tell_stories(steps: int = 300, seed: int = 0, size: str = "small") -> None:
    """Train on stories, print the loss on fresh ones beside the floor, and tell five new ones."""
    rng = np.random.default_rng(seed)
    told, fresh = stories.corpus(size)
    longest = max(map(len, told))
    config = Config(len(stories.vocabulary(size)), 64, 1, 4, 2, 96, longest)
    params = {
        name: (w if name.endswith("norm") else 5.0 * w).astype(np.float32)
        for name, w in init_params(config, rng).items()
    }
    data = stories.encode((word for story in told for word in story), size)
    params, losses = train(params, data, config, steps, rng)
    print(f"loss of the first batch {losses[0]:.3f}, ln V is {math.log(config.vocab_size):.3f}")
    print(f"loss of the last 20 batches {np.mean(losses[-20:]):.3f}")
    needed = np.mean([loss_of_story(params, config, story, size) for story in fresh[:200]])
    length = np.mean([len(story) for story in fresh[:200]])
    floor = np.mean([sum(stories.surprise(story, size)) for story in fresh[:200]])
    print(f"loss on fresh stories {needed / length:.3f}, the floor {floor / length:.3f}\n")
    for _ in range(5):
        print(stories.text(new_story(params, config, size, rng)), end="")


def loss_of_story(params: Params, config: Config, story: list[str], size: str) -> float:
    """The cross-entropy of a whole story, a sum over its words, in nats."""
    ids = stories.encode([story[-1], *story], size)  # it follows the end of another one
    targets = ids[None, 1:]
    loss, _ = loss_and_grads(params, ids[None, :-1], targets, config)
    return loss * targets.size


def new_story(params: Params, config: Config, size: str, rng: np.random.Generator) -> list[str]:
    """Draw one word after the other from what the model says, until a story ends."""
    end = int(stories.encode(["\n"], size)[0])
    ids = [end]
    while len(ids) <= config.max_T and (len(ids) == 1 or ids[-1] != end):
        logits, _ = llama(params, np.array([ids]), config)
        scores = logits[0, -1].astype(np.float64)
        probs = np.exp(scores - scores.max())
        ids.append(int(rng.choice(len(probs), p=probs / probs.sum())))
    return stories.decode(ids[1:], size)


# %% [markdown]
# ## Where to read more
#
# - Shannon, *Prediction and entropy of printed English*, 1951: the floor of a text whose grammar
#   nobody knows, from people who guess letters.
# - Cover and Thomas, *Elements of Information Theory*, chapter 2: entropy, divergence, chain rule.
# - Touvron et al., *LLaMA: open and efficient foundation language models*, 2023 (arXiv:2302.13971):
#   section 2.3, the same loop with other numbers.
# - Kaplan et al., *Scaling laws for neural language models*, 2020 (arXiv:2001.08361): how the loss
#   above the floor falls with size, data and time.
