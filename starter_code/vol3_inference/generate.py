"""Generation: one token after another, and the text that comes of them."""

# %% [markdown]
# # Generation
#
# **The question.** A language model does one thing: it looks at some tokens and gives, for every
# position, the logits of the token that comes next. How does that become a sentence, or ten
# sentences at once of which one is done after three words? And how does a reader see the text
# while it is being written, if a token may be half a letter?
#
# You write two functions:
#
# | function | shapes |
# | --- | --- |
# | `generate(model, prompt, max_new_tokens, ...)` | `(B, P)` to `(B, P + n)` |
# | `stream_decode(ids, vocab)` | an iterator of ids to an iterator of texts |
#
# The loop here is the plain one: for every new token the model reads all tokens again. That is slow
# and easy to get right, and it is what the fast engine at the end of this volume is compared with.
# You need NumPy and an hour.

# %%
import codecs
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

# %% [markdown]
# ## 1. The loop
#
# A model is a function from ids $(B, T)$ to logits $(B, T, V)$. The logits at position $t$ belong
# to the token at position $t + 1$. So of all that comes back, one position matters. Which one?
#
# Something has to choose a token from these logits, one per row. That is what `choose` is for: it
# takes logits $(B, V)$ and returns ids $(B,)$. The simplest choice is the largest logit, of several
# equal ones that with the lowest id; here it is. The exercise on sampling has others.

# %%
def argmax(logits: Floats) -> Ints:
    """The id of the largest logit of each row, the lowest of several: (B, V) to (B,)."""
    ids: Ints = np.argmax(logits, axis=-1)
    return ids

# %% [markdown]
# The new column is appended to the ids, and what has grown is the next input. One call of the model
# per new column, and none after the last: its logits would be thrown away.
#
# **The end of a row.** A model that was trained on documents writes a special token, `eos`, when it
# is done. Each row of a batch comes to its end in its own time. The batch stays a rectangle: a row
# that has finished is filled up with `eos`, whatever the model says about it afterwards. The eos
# itself is kept. When all rows have finished, the loop stops, even if more tokens were allowed:
#
# ![A grid of four rows: three columns of prompt, then new tokens. The first row ends with eos in
# the first new column, the second in the third, the last in the fourth; behind its eos each row is
# filled with eos, and there is no fifth new column. A bracket spans the last four columns before
# the fourth new one: the window for max_T = 4.](figures/generate.svg)
#
# With $n_b$ the number of tokens that row $b$ generates, its eos included, how wide is the result?
# And what if one row never finishes?
#
# Only a generated token ends a row. A prompt may well hold an eos, between two documents for
# instance. Without an eos (`eos=None`) no row ends, and id 0 can be an eos like any other.
#
# **The window.** A model is made for at most `max_T` tokens. When the text is longer, the model
# sees the last `max_T` of it, prompt and new tokens alike, and nothing else changes: the text that
# is returned is whole. A prompt alone may be longer than the window.
#
# **Edges.** `max_new_tokens=0` returns the prompt, as a new array. An empty prompt has no last
# position to read: raise `ValueError`. The prompt itself is never changed, and the result has its
# dtype: `choose` may return another kind of integer.
#
# **One thing to try.** Let `model` count the tokens that it reads. With a prompt of 10 tokens, how
# many does it read in all for 100 new ones? For 1,000? The exercise on the cache brings that down
# to one per column.

# %%
def generate(
    model: Callable[[Ints], Floats],
    prompt: Ints,
    max_new_tokens: int,
    eos: int | None = None,
    max_T: int | None = None,
    choose: Callable[[Floats], Ints] = argmax,
) -> Ints:
    """Continue every row of a batch of prompts.

    Args:
        model: ids (B, T) -> logits (B, T, V). Called once for each new column, not more.
        prompt: (B, P), integers. Not modified.
        max_new_tokens: The most columns to add. 0 gives a copy of the prompt.
        eos: The id that ends a row when it is generated; None for no such id.
        max_T: The model sees the last max_T tokens; None for all.
        choose: logits (B, V) -> ids (B,). Called once for each new column.

    Returns:
        ids: (B, P + n), dtype of `prompt`. Rows that have finished are filled with `eos`; n is
            the length of the longest row's continuation, its eos included, and at most
            max_new_tokens.

    Raises:
        ValueError: The prompt has no tokens.

    Source:
        Radford et al. 2019, Language Models are Unsupervised Multitask Learners, section 2.
    """
    raise NotImplementedError("generate is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_generate(student: Student, check: Check) -> None:
    """A model that counts upwards: with and without an eos, with a window, at the edges."""
    seen: list[Any] = []

    def model(ids: Any) -> Any:
        seen.append(np.array(ids))
        return np.eye(10)[(ids + 1) % 10]  # the next id is one more than the last

    prompt = np.array([[7, 1], [7, 5]])
    plain = student.generate(model, prompt, 3)
    check.close(plain, [[7, 1, 2, 3, 4], [7, 5, 6, 7, 8]], "generate for three new tokens")
    check.true(len(seen) == 3, f"the model is called {len(seen)} times for three new tokens")
    ended = student.generate(model, prompt, 9, 7)
    want = [[7, 1, 2, 3, 4, 5, 6, 7], [7, 5, 6, 7, 7, 7, 7, 7]]
    check.close(ended, want, "with eos=7, which is in the prompt, too")
    seen.clear()
    student.generate(model, prompt, 3, max_T=3)
    widths = [s.shape[1] for s in seen]
    check.same(widths, [2, 3, 3], "the tokens that the model sees with max_T=3")
    smallest = student.generate(model, prompt, 1, choose=lambda logits: np.argmin(logits, axis=-1))
    check.close(smallest, [[7, 1, 0], [7, 5, 0]], "with another choose")
    check.close(student.generate(model, prompt, 0), prompt, "generate with max_new_tokens=0")
    empty = np.zeros((2, 0), dtype=np.int64)
    check.raises(ValueError, student.generate, model, empty, 3)

# %% [markdown]
# ## 2. Text while it is being written
#
# The vocabulary of a byte-level tokenizer gives each id some bytes. For ASCII a byte is a
# character, but UTF-8 writes most characters of the world in two, three or four, and a token may
# end in the middle of one:
#
# ![Six tokens above their bytes: "caf", C3, A9 with a space, F0 9F, 99 82, and "!". Below, the text
# that can be shown after each: "caf", nothing, an e with acute accent and a space, nothing, a
# smiling face, and an exclamation mark.](figures/generate_stream.svg)
#
# Decoding each token alone gives a replacement character for every half, and decoding everything
# again for every token costs more and more. What is needed is a memory of up to three bytes: those
# that have begun a character and not completed it. The first byte of a character says how many
# follow:
#
# | first byte | bytes in all |
# | --- | --- |
# | `00` to `7F` | 1 |
# | `C2` to `DF` | 2 |
# | `E0` to `EF` | 3 |
# | `F0` to `F4` | 4 |
#
# The bytes after it are `80` to `BF`, with a few exceptions.
#
# **What is invalid.** A model can write any bytes. Those that cannot be part of a character become
# U+FFFD, the replacement character, exactly as in `raw.decode(errors="replace")` of all bytes at
# once; so do bytes of a character that is never completed, at the end of the stream. After an
# invalid byte the text goes on. The standard library knows decoders that take bytes piece by piece
# and remember what is incomplete; with `UnicodeDecodeError.start` and `.reason` you can also build
# one of your own. What has to be said to such a decoder when the stream ends?
#
# **As soon as possible.** Pull one id, yield the text that it completes, and only then pull the
# next one: on the other side somebody is waiting, and the ids are generated while they are pulled.
# If a token completes nothing, yield nothing: an empty string is not a text.

# %%
def stream_decode(ids: Iterable[int], vocab: dict[int, bytes]) -> Iterator[str]:
    """Decode tokens while they come in.

    Args:
        ids: Tokens, pulled one at a time.
        vocab: The bytes of each token.

    Returns:
        texts: An iterator. Each text is what the last token has completed, never an empty string;
            all joined are the bytes of all tokens, decoded with `errors="replace"`.

    Source:
        The Unicode Standard, section 3.9, table 3-7.
    """
    raise NotImplementedError("stream_decode is yours to write")

# %%
from autograder.selfcheck import Check, Student


def visible_stream_decode(student: Student, check: Check) -> None:
    """Characters of one to four bytes that are cut, bytes that are invalid, and when text comes."""
    parts = [b"caf", b"\xc3", b"\xa9 ", b"\xf0\x9f", b"\x99\x82", b"!", b"\xff", b"ok", b"\xe2\x82"]
    vocab = dict(enumerate(parts))
    take = student.library("builtins.list")

    def decoded(ids: Any) -> list[str]:
        return list(take(student.keep(student.stream_decode, ids, vocab)))

    smile = "\U0001f642"
    check.same(decoded([0, 1, 2, 3, 4, 5]), ["caf", "\u00e9 ", smile, "!"], "the texts")
    check.same("".join(decoded([0, 6, 7, 8])), "caf\ufffdok\ufffd", "with invalid bytes, the text")
    pulled: list[int] = []

    def stream() -> Iterator[int]:
        for token in (0, 5, 5, 5):
            pulled.append(token)
            yield token

    texts = student.keep(student.stream_decode, stream(), vocab)
    check.true(not pulled, "a token is pulled before a text is asked for; make it a generator")
    first = student.library("builtins.next")(student.library("builtins.iter")(texts))
    check.same(first, "caf", "the first text of a stream")
    check.true(len(pulled) == 1, f"{len(pulled)} tokens were pulled for the first text, not one")

# %% [markdown]
# ## Where to read more
#
# - Radford et al., *Language Models are Unsupervised Multitask Learners*, 2019: what a model writes
#   when it is given the beginning of a text.
# - *The Unicode Standard*, section 3.9, "Unicode Encoding Forms": which bytes are valid UTF-8, and
#   which invalid ones become one replacement character.
# - RFC 3629, *UTF-8, a transformation format of ISO 10646*: the same on ten pages.
