"""What engines share: the loop that turns logits into text, one token per sequence at a time."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..vol1_numpy.multi_head import Config
from ..vol3_inference.sampling import draw, sample_probs
from .checkpoint import Floats, Params

Ints = NDArray[np.int64]


class HasParams(Protocol):
    """What an engine is made from: weights (in, out), pairs of RoPE adjacent."""

    @property
    def config(self) -> Config: ...
    @property
    def params(self) -> Params: ...


class Decoding:
    """Generation for whoever has `forward`.

    Attributes:
        config: The sizes of the model.
        length: How many tokens of each sequence were read since `reset`.
        batch: How many sequences they are.
    """

    config: Config
    length = 0
    batch = 0

    def forward(self, tokens: Ints) -> Floats:
        """Read (B, T) more tokens; logits (B, T, vocab_size)."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget everything that was read."""
        self.length = 0

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        raise NotImplementedError

    @property
    def cache_nbytes(self) -> int:
        """Bytes of the keys and values that are there."""
        c = self.config
        numbers = c.n_layers * self.batch * c.n_kv_heads * self.length * (c.d_model // c.n_heads)
        return 2 * numbers * self.itemsize

    def checked(self, tokens: Ints) -> None:
        """See whether these tokens can be read now.

        Raises:
            ValueError: An id is outside the vocabulary, there are more than max_T tokens, or
                another number of sequences than before.
        """
        c, (B, T) = self.config, tokens.shape
        if self.length + T > c.max_T:
            raise ValueError(f"{self.length} + {T} tokens are more than max_T = {c.max_T}")
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < c.vocab_size:
            raise ValueError(f"an id is outside the vocabulary of {c.vocab_size}")
        if self.length and self.batch != B:
            raise ValueError(f"{B} sequences do not continue {self.batch}; reset first")

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
        """Continue every sequence of `prompt`, (B, P), from an empty cache.

        Returns:
            tokens: (B, P + n), dtype of `prompt`; rows that are finished repeat `eos`.

        Raises:
            ValueError: The prompt is empty, holds an id outside the vocabulary, or is too long.
        """
        columns = self.stream(prompt, max_new_tokens, eos, temperature, top_k, top_p, rng)
        new = [column[:, np.newaxis] for column in columns]
        return np.concatenate([prompt, *new], axis=1)

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
        """The same, one column (B,) at a time, as soon as it is known."""
        if prompt.shape[1] == 0:
            raise ValueError("the prompt is empty")
        self.reset()
        finished, tokens = np.zeros(len(prompt), bool), prompt
        for _ in range(max_new_tokens):
            logits = self.forward(tokens)[:, -1]
            if temperature == 0:
                column: Any = np.argmax(logits, axis=-1)  # sorting for `sample_probs` takes longer
            else:
                rng = rng or np.random.default_rng()
                probs = sample_probs(logits, temperature, top_k, top_p)
                column = draw(probs, rng.random(len(prompt)))
            if eos is not None:
                column[finished] = eos
                finished |= column == eos
            column = column.astype(prompt.dtype)
            yield column
            if finished.all():
                return
            tokens = column[:, np.newaxis]
