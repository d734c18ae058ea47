"""Generation with a KV cache in NumPy, as fast as NumPy goes.

Decoding one token multiplies one row with every weight once. The weights are read from memory and
used for a single multiplication each, so the time that it takes to read them is the limit, and
everything else here is about staying near it:

- Weights that are applied to the same row lie side by side and are one product: queries, keys and
  values; gate and up.
- What a product can do as well is done to its weights, once: the gains of norms, the scale of the
  scores, and the sign of gate and up, since silu takes exp(-gate) and the signs cancel.
- A pair of features that RoPE rotates is a complex number: one product for all queries and keys.
- A weight's longer axis is the one that is contiguous in memory. BLAS then works on few long
  vectors; the other way round takes up to twice as long.
- All weights lie in one piece of memory, which the system hands out in large pages.
- Every intermediate result has its place, and NumPy is told to write there (`out=`). A new array
  of some size would be memory that the system hands out page by page.
- The division by the sum of the softmax comes after the values are added up: d_head numbers per
  head are divided in place of T.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..vol3_inference.kv_cache_generation import Config, Floats, Model
from .decoding import Decoding, Ints, Params, of_block
from .shelf import Shelf

# From rows (N, in) to rows (N, out), written into the second argument.
Product = Callable[[Floats, Floats], object]
# Keeps a weight (in, out) in some form.
Keep = Callable[[Floats, Shelf], Product]


def floats(w: Floats, shelf: Shelf) -> Product:
    """Multiplies rows with w, (in, out), whose longer axis becomes the contiguous one."""
    kept = shelf.place(w.T).T if w.shape[0] > w.shape[1] else shelf.place(w)
    return lambda x, out: np.dot(x, kept, out=out)


class Block:
    """The four products of a block, everything that can be folded into them folded in."""

    def __init__(
        self, params: Params, i: int, d_head: int, keep: Callable[[Floats], Product]
    ) -> None:
        p = of_block(params, i)
        w_qkv = np.concatenate([p["w_q"] * d_head**-0.5, p["w_k"], p["w_v"]], axis=1)
        w_gate_up = -np.concatenate([p["w_gate"], p["w_up"]], axis=1)
        self.qkv = keep(after_norm(p["attn_norm"], w_qkv))
        self.o = keep(p["w_o"])
        self.gate_up = keep(after_norm(p["mlp_norm"], w_gate_up))
        self.down = keep(p["w_down"])


def after_norm(gain: Floats, w: Floats) -> Floats:
    """A weight that is applied to x / |x|; RMSNorm is sqrt(d) times that, times the gain."""
    scaled: Floats = (gain * len(gain) ** 0.5)[:, np.newaxis] * w
    return scaled


class Room:
    """Where the intermediate results of B sequences of T tokens are written; N = B T rows."""

    def __init__(self, config: Config, B: int, T: int, dtype: Any) -> None:
        c, N, d_head = config, B * T, config.d_model // config.n_heads
        n_kv, group = c.n_kv_heads, c.n_heads // c.n_kv_heads
        turned = c.n_heads + n_kv  # heads that RoPE rotates
        self.shape = (B, T)
        self.x, self.h, self.added = np.empty((3, N, c.d_model), dtype)
        self.square = np.empty((N, 1), dtype)
        qkv = np.empty((N, (turned + n_kv) * d_head), dtype)
        self.qkv = qkv
        by_head = qkv.reshape(B, T, turned + n_kv, d_head)
        # Views of the same memory: what is written into qkv is seen in all of them.
        self.pairs = by_head[:, :, :turned].view(np.result_type(dtype, np.complex64))
        self.q = by_head[:, :, : c.n_heads].reshape(B, T, n_kv, group, d_head).swapaxes(1, 2)
        kv = by_head[:, :, c.n_heads :].reshape(B, T, 2, n_kv, d_head)
        self.kv = kv.transpose(2, 0, 3, 1, 4)  # (2, B, n_kv_heads, T, d_head)
        rows = (B, n_kv, T * group)
        self.scores = np.empty((*rows, c.max_T), dtype)
        self.top, self.sum = np.empty((2, *rows, 1), dtype)
        self.heads = np.empty((*rows, d_head), dtype)
        self.gate_up = np.empty((N, 2 * c.d_ff), dtype)
        self.gate, self.up = self.gate_up[:, : c.d_ff], self.gate_up[:, c.d_ff :]
        self.hidden, self.decay = np.empty((2, N, c.d_ff), dtype)


class Engine(Decoding):
    """A model, and the keys and values of what it has read.

    Args:
        model: As `load_checkpoint` of the final assignment gives it.
        keep: How weights are kept: `floats`, or one of `solutions.engine.int8`.

    Source:
        Pope et al. 2022 (arXiv:2211.05102), sections 2 and 3.
    """

    def __init__(self, model: Model, keep: Keep = floats) -> None:
        c, params = model.config, model.params
        self.config, self.embedding = c, params["embedding"]
        self.dtype, self.d_head = self.embedding.dtype, c.d_model // c.n_heads
        head = self.embedding.T if c.tied else params["head"]
        shelf = Shelf(head.nbytes + sum(w.nbytes for w in params.values()), len(params) + 1)
        self.blocks = [
            Block(params, i, self.d_head, lambda w: keep(w, shelf)) for i in range(c.n_layers)
        ]
        self.head = keep(after_norm(params["final_norm"], head), shelf)
        angles = np.outer(
            np.arange(c.max_T), c.rope_theta ** (-np.arange(0, self.d_head, 2) / self.d_head)
        )
        turns = np.exp(1j * angles)[:, np.newaxis]  # (max_T, 1, d_head / 2), from float64
        self.turns = turns.astype(np.result_type(self.dtype, np.complex64))
        self.cache: Floats = np.empty(0, self.dtype)
        self._room: Room | None = None

    @property
    def itemsize(self) -> int:
        return int(self.dtype.itemsize)

    def forward(self, tokens: Ints) -> Floats:
        """Read more tokens of every sequence.

        Args:
            tokens: (B, T). They follow what was read since `reset`.

        Returns:
            logits: (B, T, vocab_size), one row for each of these tokens.

        Raises:
            ValueError: An id is outside the vocabulary, there are more than max_T tokens, or
                another number of sequences than before.
        """
        room = self._prepared(tokens)
        (B, T), before = tokens.shape, self.length
        turns = self.turns[before : before + T]
        np.take(self.embedding, tokens.ravel(), axis=0, out=room.x)
        with np.errstate(over="ignore"):  # exp(-gate) may become infinite; 1 / inf is right then
            for i, block in enumerate(self.blocks):
                self._norm(room)
                block.qkv(room.h, room.qkv)
                np.multiply(room.pairs, turns, out=room.pairs)
                self.cache[i, :, :, :, before : before + T] = room.kv
                block.o(self._attend(room, i, before + T), room.added)
                np.add(room.x, room.added, out=room.x)

                self._norm(room)
                block.gate_up(room.h, room.gate_up)
                np.exp(room.gate, out=room.decay)  # of minus the gate, as it is kept
                np.add(room.decay, 1, out=room.decay)
                np.multiply(room.gate, room.up, out=room.hidden)
                np.divide(room.hidden, room.decay, out=room.hidden)
                block.down(room.hidden, room.added)
                np.add(room.x, room.added, out=room.x)
        self._norm(room)
        logits = np.empty((B * T, self.config.vocab_size), self.dtype)
        self.head(room.h, logits)
        self.length += T
        return logits.reshape(B, T, -1)

    def _norm(self, room: Room) -> None:
        """h = x / |x|; the rest of RMSNorm is in the weights."""
        square = room.square
        np.vecdot(room.x, room.x, out=square[:, 0])
        np.add(square, self.config.norm_eps * self.config.d_model, out=square)
        np.sqrt(square, out=square)
        np.divide(room.x, square, out=room.h)

    def _attend(self, room: Room, i: int, T: int) -> Floats:
        """(N, d_model): what every head of every row sees of the T tokens so far."""
        (B, new), (_, n_kv, rows, d_head) = room.shape, room.heads.shape
        q = room.q.reshape(B, n_kv, rows, d_head)  # a copy only for several tokens
        keys, values = self.cache[i, :, :, :, :T]
        scores = room.scores[..., :T]
        np.matmul(q, keys.swapaxes(-1, -2), out=scores)
        if new > 1:  # the last token sees all, the one before all but one
            later = np.arange(T) > np.arange(T - new, T)[:, np.newaxis]
            scores.reshape(B, n_kv, new, -1, T)[...] += np.where(later, -np.inf, 0)[:, np.newaxis]
        np.maximum.reduce(scores, axis=-1, keepdims=True, out=room.top)
        np.subtract(scores, room.top, out=scores)
        np.exp(scores, out=scores)
        np.add.reduce(scores, axis=-1, keepdims=True, out=room.sum)
        np.matmul(scores, values, out=room.heads)
        np.divide(room.heads, room.sum, out=room.heads)
        heads = room.heads.reshape(B, n_kv, new, -1, d_head).swapaxes(1, 2)
        return heads.reshape(B * new, -1)

    def _prepared(self, tokens: Ints) -> Room:
        """Room for these tokens; a new cache if nothing was read yet."""
        self.checked(tokens)
        c, (B, T) = self.config, tokens.shape
        if self.length == 0:
            shape = (c.n_layers, 2, B, c.n_kv_heads, c.max_T, self.d_head)
            if self.cache.shape != shape:
                self.cache = np.empty(shape, self.dtype)
            self.batch = B
        if self._room is None or self._room.shape != (B, T):
            self._room = Room(c, B, T, self.dtype)
        return self._room
