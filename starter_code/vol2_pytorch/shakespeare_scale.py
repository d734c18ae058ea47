"""Shakespeare: train on a real corpus, and say in bits how good the model is."""

# %% [markdown]
# # Shakespeare
#
# **The question.** You have a model, an optimizer, a schedule and a loop. How good is the language
# model that they give, on a real text, within a few minutes of one processor core? And what does
# "good" mean, if one model reads characters and another one reads pieces of words?
#
# You write three short functions, and you hand in something new: the weights of a model that you
# have trained.
#
# | function | what it gives |
# | --- | --- |
# | `bits_per_character(nats_per_token, characters_per_token)` | how surprising a character is |
# | `distinct_n(tokens, n)` | the share of different ones among a text's n-grams |
# | `repetition(tokens, n)` | the share of n-grams that were there before |
#
# | file | what it holds |
# | --- | --- |
# | `shakespeare_scale.safetensors` | your weights, at most 2 MB; see section 6 |
#
# You need your modules, your training loop and your character tokenizer; an hour for the functions,
# and an evening in which the machine works and you look now and then.

# %%
import math

import torch

# %% [markdown]
# ## 1. One number for any tokenizer
#
# The loss of a language model is a mean over *tokens*: $L = \frac{1}{N} \sum_i -\ln p_i$, in nats
# per token, where $p_i$ is the probability that the model gave to the token that came. Two models
# with different tokenizers cannot be compared by it. Cut a text into fewer, longer tokens, and each
# of them is harder to guess: $L$ grows although nothing got worse.
#
# What does not depend on the cutting is the surprise at the *whole text*. With $N$ tokens it is
# $N L$ nats, because logarithms of probabilities add up. The same text has $M$ characters, whatever
# the tokenizer is. So the surprise is shared out among them, and written $a$ nats per character,
#
# $$ M a = N L \qquad \text{and} \qquad c = M / N $$
#
# where $c$ is the mean number of characters per token. The other unit is the *bit*, the surprise at
# a fair coin: $b$ bits are $a$ nats if both stand for the same probability, $2^{-b} = e^{-a}$. Take
# the logarithm, insert $a$, and you have the function to write.
#
# | text | loss | bits per character |
# | --- | --- | --- |
# | fair coins written as H and T, a token is one of them | $\ln 2$ nats per token | 1 |
# | the same, a token is a pair of them | $2 \ln 2$ nats per token | 1 |
# | any of 65 characters, all alike | $\ln 65$ nats per token | 6.02 |
#
# **Pitfalls.** Perplexity is $e^L$, another number for the same thing, and per token. The
# *training* loss says how well the model knows what it has read; the one that counts is of text
# that it has not seen.

# %%
def bits_per_character(nats_per_token: float, characters_per_token: float) -> float:
    """How many bits a character costs, given the loss per token.

    Args:
        nats_per_token: Mean cross-entropy, natural logarithm, at least 0.
        characters_per_token: Mean length of a token in characters, above 0. 1 for a model that
            reads characters.

    Returns:
        bits: float, bits per character.

    Source:
        Gao et al. 2020, section 3.1 (arXiv:2101.00027).
    """
    raise NotImplementedError("bits_per_character is yours to write")

# %%
import numpy as np

from autograder.selfcheck import Check, Student


def visible_bits_per_character(student: Student, check: Check) -> None:
    """Fair coins: one at a time, in pairs, and two faces in three characters."""
    call, coin = student.bits_per_character, 0.6931471805599453
    check.close(call(coin, 1.0), 1.0, "coins, one to a token: bits_per_character(ln 2, 1)")
    check.close(call(2 * coin, 2.0), 1.0, "coins, two to a token: bits_per_character(2 ln 2, 2)")
    check.close(call(coin, 3.0), 1 / 3, "bits_per_character(ln 2, 3)")
    check.close(call(4.1743872699, 1.0), 6.0223678130, "65 characters, all alike")

# %% [markdown]
# ## 2. Marks on the way
#
# ![Bits per character on the validation text of Tiny Shakespeare: 6.02 where all characters are
# alike; 4.83, 3.59, 2.96, 2.56 and 2.41 for counting one to five characters; 2.71 and 2.12 for the
# two known marks of nanoGPT; 2.43 for the recipe of this course.](figures/shakespeare_marks.svg)
#
# Tiny Shakespeare is 1.1 million characters of plays, 65 different ones. The first nine tenths are
# for training, the last tenth is for validation. Two marks are those of nanoGPT's README: a
# validation loss of 1.88 nats per character after about three minutes on a processor, with 0.8
# million parameters and 2000 steps of 12 windows of 64 characters; and 1.4697 on a GPU, with 10.65
# million parameters and 5000 steps of 64 windows of 256. The others need no network: they count how
# often a character follows the last few ones, and mix longer contexts with shorter ones. That gets
# surprisingly far. What a model is worth is what it does below such a line.
#
# ## 3. What a low loss does not show: does it go round in circles?
#
# A model with a decent loss may still, when it writes, say the same thing again and again, most of
# all if you always take the likeliest token. Two counts make that visible. Slide a window of $n$
# tokens over the text, one token at a time. Each position gives an *n-gram*, $n$ tokens in their
# order; a text of $T$ tokens has $T - n + 1$ of them, or none if it is shorter than $n$. For the
# text `a b a b a` and $n = 2$:
#
# | position | 0 | 1 | 2 | 3 |
# | --- | --- | --- | --- | --- |
# | 2-gram | `a b` | `b a` | `a b` | `b a` |
# | seen earlier | no | no | yes | yes |
#
# - **distinct-n** is the number of different n-grams divided by the number of all n-grams: 2 / 4.
# - **repetition** is the share of positions whose n-gram has occurred at an earlier one: 2 / 4.
#
# Can you express one by the other? For which text does that go wrong? A text without any n-gram has
# 0.0 of both.
#
# **Pitfalls.** Two tensors with equal numbers are different objects, and a `set` of tensors holds
# both; convert first. Tokens glued together as text lose their borders: 1, 11 and 11, 1 both give
# `111`. Windows overlap. The last window is a window, too.
#
# Neither number is good or bad in itself: text drawn at random from all characters has a distinct-4
# of nearly 1. Compare with real text of the *same length*: a longer text repeats itself more.

# %%
def distinct_n(tokens: torch.Tensor, n: int) -> float:
    """The share of different ones among the n-grams of a text.

    Args:
        tokens: (T,), int64. The text's tokens, T may be 0.
        n: Length of an n-gram, at least 1.

    Returns:
        share: float, the number of different n-grams divided by the number of all; 0.0 if there
            is none.

    Source:
        Li et al. 2016, section 5.3 (arXiv:1510.03055).
    """
    raise NotImplementedError("distinct_n is yours to write")

# %%
import numpy as np

from autograder.selfcheck import Check, Student


def visible_distinct_n(student: Student, check: Check) -> None:
    """The example of section 3, one number over and over, borders between tokens, short texts."""
    text = np.array([0, 1, 0, 1, 0])
    for n, want in ((1, 2 / 5), (2, 2 / 4), (3, 2 / 3), (5, 1.0), (6, 0.0)):
        check.close(student.distinct_n(text, n), want, f"distinct_n([0, 1, 0, 1, 0], {n})")
    check.close(student.distinct_n(np.full(10, 7), 2), 1 / 9, "ten times the same token, n = 2")
    borders = np.array([1, 11, 1, 111])
    check.close(student.distinct_n(borders, 2), 1.0, "distinct_n([1, 11, 1, 111], 2)")

# %%
def repetition(tokens: torch.Tensor, n: int) -> float:
    """The share of n-grams that occurred earlier in the same text.

    Args:
        tokens: (T,), int64. The text's tokens, T may be 0.
        n: Length of an n-gram, at least 1.

    Returns:
        share: float, the number of positions whose n-gram begins at an earlier position as well,
            divided by the number of all positions; 0.0 if there is none.

    Source:
        Welleck et al. 2020, section 6 (arXiv:1908.04319).
    """
    raise NotImplementedError("repetition is yours to write")

# %%
import numpy as np

from autograder.selfcheck import Check, Student


def visible_repetition(student: Student, check: Check) -> None:
    """The example of section 3, a text that says it three times, one that never does, none."""
    text = np.array([0, 1, 0, 1, 0])
    for n, want in ((1, 3 / 5), (2, 2 / 4), (3, 1 / 3), (5, 0.0)):
        check.close(student.repetition(text, n), want, f"repetition([0, 1, 0, 1, 0], {n})")
    thrice = np.array([4, 5, 6, 4, 5, 6, 4, 5, 6])
    check.close(student.repetition(thrice, 3), 4 / 7, "4 5 6 three times, n = 3")
    check.close(student.repetition(np.arange(12), 1), 0.0, "twelve different tokens, n = 1")
    check.close(student.repetition(np.arange(2), 3), 0.0, "a text shorter than n")

# %% [markdown]
# ## 4. Train
#
# In the folder of the course, with your own exercises:
#
# ```python
# import torch
# from autograder.selfcheck import mine
# from starter_code.given.tinyshakespeare import load
#
# text = load()  # downloads it once, and says what to do without a network
# tokenizer = mine("vol2_pytorch/text").CharTokenizer(text)
# ids = torch.tensor(tokenizer.encode(text))
# train_ids, val_ids = mine("vol2_pytorch/data").split(ids, 0.1)
# ```
#
# Then your `Llama` and your `train`. Start small: two layers, two hundred steps, a minute. Look at
# the first loss (near $\ln 65$ plus a little), at the loss after the first hundred steps (below the
# 2.5 nats of pairs, or something is broken), at a sample. Only then spend time.
#
# **The recipe of this course** beats the mark of three minutes, with no more parameters and no more
# characters read. Everything in it is from this volume:
#
# | | nanoGPT's README | this course |
# | --- | --- | --- |
# | parameters | about 796,000 | 793,984 |
# | characters read | 2000 steps of 12 windows of 64 | 4000 steps of 6 windows of 64 |
# | rate | 0.001, 100 steps of warm-up | 0.004, 200 steps of warm-up |
# | validation loss | 1.88 nats, 2.71 bits | 1.681 nats, 2.43 bits |
#
# The rate stands out: a model of this size bears several times the usual one of large models, as
# long as warm-up and clipping are there. Which of the differences matters most? That is for you to
# find out; change one at a time.
#
# ## 5. What is it worth? Ablations
#
# Change one thing and leave everything else as it is, the number of parameters too. An eighth of
# the steps is enough to see the larger effects, and takes a minute or two each:
#
# | variant | how | your loss |
# | --- | --- | --- |
# | the recipe | | |
# | the same with another seed | tells you which differences to believe | |
# | learned positions for RoPE | positions of zeros turn nothing; add a second `nn.Embedding` | |
# | no positions at all | the causal mask alone tells the model something. How much? | |
# | LayerNorm for RMSNorm | `nn.LayerNorm(d_model, bias=False)` | |
# | post-norm for pre-norm | `x = norm(x + attention(x))` | |
# | 2 wide layers, 8 narrow ones | widths 176 and 88, `d_ff` 506 and 256 | |
# | a quarter of the learning rate | | |
#
# Write down what you expect before you look. Compare *validation* losses; a difference smaller than
# that of the two seeds is none. Which of these would matter more with 40 layers than with 4?
#
# ## 6. Hand in a model
#
# A text that everybody can download is no text to grade on: its validation part can be trained on,
# too. So the model that you hand in is graded on the stories in `datasets/stories`, whose grammar
# is known. The grader *writes new ones*, which nobody has seen, and reads them with your weights.
# And because the grammar is known, so is the probability $p$ of each story, and with it the
# best that any model can do. What is graded is how far you are above that,
#
# $$ \frac{-\log_2 q(\text{stories}) + \log_2 p(\text{stories})}{\text{number of characters}} $$
#
# in bits per character, with your model's probability $q$. Zero cannot be beaten on average. The
# letters of a word that has begun cost nothing once the words are known. The verbs and the nouns
# agree with their people and numbers; a model that has not seen that pays for it. The last sentence
# repeats names from the first one, and its number is a sum: that is where the last hundredths are.
#
# | | what is asked for |
# | --- | --- |
# | text | `datasets/stories/medium.txt`; the grader writes stories of the same size |
# | tokens | characters: `CharTokenizer` of that file, 28 ids with `<unk>` |
# | context | a story begins after a newline, at position 0; the longest has about 210 characters |
# | model | your `Llama` of any shape, its `state_dict()` |
# | file | `shakespeare_scale.safetensors` beside this notebook, at most 2,000,000 bytes |
#
# The file is safetensors: a header and numbers, with nothing in it that could run. The grader
# computes the logits itself. The cell below writes the file as it is wanted, in float16, so there
# is room for nearly a million parameters. Two numbers cannot be seen from the shapes of weights and
# travel beside them; the number of key and value heads can. (How?)

# %%
def hand_in(model: torch.nn.Module, path: str = "shakespeare_scale.safetensors") -> None:
    """Write the weights of your Llama as they are handed in."""
    from safetensors.torch import save_file

    config = model.config
    names = dict(model.named_parameters())  # a tied head is named once
    tensors = {n: w.detach().to("cpu", torch.float16).contiguous() for n, w in names.items()}
    about = ("n_heads", "rope_theta", "norm_eps")
    save_file(tensors, path, {name: str(getattr(config, name)) for name in about})

# %% [markdown]
# **Points.** They come with `bits_per_character`, which the weights are measured with: 2 points
# each for at most 0.5, 0.25, 0.12 and 0.08 bits above the grammar. (A model that knows nothing is
# 4.6 above it. Ours, with 153,000 parameters and 6 million characters read, is at 0.06.) Without
# the file you lose these points and no others.
#
# ## One thing to try
#
# Let your best model write 300 characters of Shakespeare, once at temperature 1 and once always
# taking the likeliest character, and compute `distinct_n` and `repetition` for n = 4 and n = 16 of
# both, and of 300 characters of the validation text. Which of the two is nearer to the real text?
# Then take the model after 100 steps and after all steps: does the gap close while the loss falls?
#
# ## Where to read more
#
# - Karpathy, *nanoGPT* (github.com/karpathy/nanoGPT): the two marks, and how they were reached.
# - Gao et al., *The Pile*, 2020 (arXiv:2101.00027), section 3.1: bits per byte, for the same
#   reason.
# - Holtzman et al., *The Curious Case of Neural Text Degeneration*, 2020 (arXiv:1904.09751): why
#   the likeliest text goes round in circles.
# - Witten and Bell, *The zero-frequency problem*, 1991: how the counts of section 2 are mixed.
