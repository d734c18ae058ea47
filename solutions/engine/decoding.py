"""What engines share: everything but `forward` is the final assignment's, and so is the loop."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..vol3_inference import kv_cache_generation
from ..vol3_inference.kv_cache_generation import Config, Floats

Ints = NDArray[np.integer[Any]]
Params = dict[str, Floats]


def of_block(params: Params, i: int) -> Params:
    """The parameters of block i by their last names."""
    at = f"blocks.{i}."
    return {name.removeprefix(at): w for name, w in params.items() if name.startswith(at)}


class Decoding(kv_cache_generation.Engine):
    """Generation for whoever has `forward`; `generate` and `stream` are inherited.

    Attributes:
        config: The sizes of the model.
        length: How many tokens of each sequence were read since `reset`.
        batch: How many sequences they are.
    """

    config: Config
    length = 0
    batch = 0

    def reset(self) -> None:
        """Forget everything that was read; the room for it is kept."""
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
