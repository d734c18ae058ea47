"""The same engine in PyTorch: fewer and larger steps, each a kernel of the library.

What makes it fast is what makes the NumPy engine fast; see there. A call of the library costs a few
microseconds, several times what NumPy takes, so for small models the number of calls decides.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..vol3_inference.kv_cache_generation import Config, Floats, Model
from .decoding import Decoding, Ints, Params, of_block
from .shelf import Shelf

# From rows (N, in) to rows (N, out), written into the second argument and returned.
Product = Callable[[Tensor, Tensor], Tensor]


def kept(w: Floats, shelf: Shelf) -> Product:
    """Multiplies rows with w, (in, out), whose longer axis becomes the contiguous one."""
    tall = w.shape[0] > w.shape[1]
    placed = torch.from_numpy(shelf.place(w.T if tall else w))
    right = placed.t() if tall else placed
    return lambda x, out: torch.mm(x, right, out=out)


class Block:
    """The four products of a block, with the gains of the norms in their weights."""

    def __init__(self, params: Params, i: int, shelf: Shelf) -> None:
        p = of_block(params, i)
        w_qkv = np.concatenate([p["w_q"], p["w_k"], p["w_v"]], axis=1)
        w_gate_up = np.concatenate([p["w_gate"], p["w_up"]], axis=1)
        self.qkv = kept(p["attn_norm"][:, np.newaxis] * w_qkv, shelf)
        self.o = kept(p["w_o"], shelf)
        self.gate_up = kept(p["mlp_norm"][:, np.newaxis] * w_gate_up, shelf)
        self.down = kept(p["w_down"], shelf)


class Room:
    """Where products are written for B sequences of T tokens; N = B T rows."""

    def __init__(self, config: Config, B: int, T: int, dtype: torch.dtype) -> None:
        c, N, d_head = config, B * T, config.d_model // config.n_heads
        turned = c.n_heads + c.n_kv_heads
        self.shape = (B, T)
        self.qkv = torch.empty(N, (turned + c.n_kv_heads) * d_head, dtype=dtype)
        by_head = self.qkv.view(B, T, -1, d_head)
        # Views of the same memory: what is written into qkv is seen in all of them.
        self.pairs = torch.view_as_complex(by_head[:, :, :turned].view(B, T, turned, -1, 2))
        self.q = by_head[:, :, : c.n_heads].transpose(1, 2)  # (B, n_heads, T, d_head)
        kv = by_head[:, :, c.n_heads :].view(B, T, 2, c.n_kv_heads, d_head)
        self.kv = kv.permute(2, 0, 3, 1, 4)  # (2, B, n_kv_heads, T, d_head)
        self.gate_up = torch.empty(N, 2 * c.d_ff, dtype=dtype)
        self.gate, self.up = self.gate_up.chunk(2, dim=1)
        self.added = torch.empty(N, c.d_model, dtype=dtype)


class Engine(Decoding):
    """A model, and the keys and values of what it has read; NumPy arrays go in and come out.

    Args:
        model: As `load_checkpoint` of the final assignment gives it.
    """

    def __init__(self, model: Model) -> None:
        c, params = model.config, model.params
        self.config, self.d_head = c, c.d_model // c.n_heads
        self.embedding = torch.tensor(np.ascontiguousarray(params["embedding"]))
        head = params["embedding"].T if c.tied else params["head"]
        shelf = Shelf(head.nbytes + sum(w.nbytes for w in params.values()), len(params) + 1)
        self.blocks = [Block(params, i, shelf) for i in range(c.n_layers)]
        self.head = kept(params["final_norm"][:, np.newaxis] * head, shelf)
        frequencies = c.rope_theta ** (-np.arange(0, self.d_head, 2) / self.d_head)
        turns = np.exp(1j * np.outer(np.arange(c.max_T), frequencies))[:, np.newaxis]
        self.turns = torch.from_numpy(turns.astype(np.result_type(head.dtype, np.complex64)))
        self.cache = torch.empty(0)
        self._room: Room | None = None

    @property
    def itemsize(self) -> int:
        return self.embedding.element_size()

    @torch.inference_mode()
    def forward(self, tokens: Ints) -> Floats:
        """Read more tokens of every sequence; see the NumPy engine."""
        room, before = self._prepared(tokens), self.length
        (B, T), c = tokens.shape, self.config
        turns, shape, eps = self.turns[before : before + T], (c.d_model,), c.norm_eps
        # Bottom right: the last of the new tokens sees all, the one before all but one.
        seen = torch.ones(T, before + T, dtype=torch.bool).tril(before) if T > 1 else None
        grouped = c.n_heads != c.n_kv_heads
        ids = torch.from_numpy(np.array(tokens).ravel())
        x = F.embedding(ids, self.embedding)  # (N, d_model)
        for i, block in enumerate(self.blocks):
            block.qkv(F.rms_norm(x, shape, eps=eps), room.qkv)
            room.pairs.mul_(turns)
            self.cache[i, :, :, :, before : before + T] = room.kv
            k, v = self.cache[i, :, :, :, : before + T]
            heads = F.scaled_dot_product_attention(room.q, k, v, seen, enable_gqa=grouped)
            x += block.o(heads.transpose(1, 2).reshape(B * T, -1), room.added)
            block.gate_up(F.rms_norm(x, shape, eps=eps), room.gate_up)
            x += block.down(F.silu(room.gate).mul_(room.up), room.added)
        logits = torch.empty(B * T, c.vocab_size, dtype=x.dtype)
        self.head(F.rms_norm(x, shape, eps=eps), logits)
        self.length += T
        out: Floats = logits.view(B, T, -1).numpy()
        return out

    def _prepared(self, tokens: Ints) -> Room:
        """Room for these tokens; a new cache if nothing was read yet."""
        self.checked(tokens)
        c, (B, T), dtype = self.config, tokens.shape, self.embedding.dtype
        if self.length == 0:
            shape = (c.n_layers, 2, B, c.n_kv_heads, c.max_T, self.d_head)
            if self.cache.shape != shape:
                self.cache = torch.empty(shape, dtype=dtype)
            self.batch = B
        if self._room is None or self._room.shape != (B, T):
            self._room = Room(c, B, T, dtype)
        return self._room
