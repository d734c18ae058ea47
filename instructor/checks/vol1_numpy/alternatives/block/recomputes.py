"""Keeps only the arguments and runs the forward once more on the way back (checkpointing)."""

from .multi_head import multi_head_attention, multi_head_attention_backward
from .rmsnorm import rmsnorm, rmsnorm_backward
from .swiglu import swiglu, swiglu_backward


class Arguments:
    """What a block was called with, copied."""

    def __init__(self, x, params, config, positions):
        self.x, self.params, self.config, self.positions = x.copy(), dict(params), config, positions

    def __getitem__(self, name):
        return self.params[name]

    def mlp(self):
        return self["w_gate"], self["w_up"], self["w_down"]

    def attend(self, x):
        return multi_head_attention(x, self.params, self.config, self.positions)


def block(x, params, config, positions):
    saved = Arguments(x, params, config, positions)
    x = x + saved.attend(rmsnorm(x, saved["attn_norm"], config.norm_eps))[0]
    return x + swiglu(rmsnorm(x, saved["mlp_norm"], config.norm_eps), *saved.mlp()), saved


def block_backward(dout, cache):
    eps, grads = cache.config.norm_eps, {}
    attended, inner = cache.attend(rmsnorm(cache.x, cache["attn_norm"], eps))
    middle = cache.x + attended
    d, *dw = swiglu_backward(dout, rmsnorm(middle, cache["mlp_norm"], eps), *cache.mlp())
    grads["w_gate"], grads["w_up"], grads["w_down"] = dw
    d, grads["mlp_norm"] = rmsnorm_backward(d, middle, cache["mlp_norm"], eps)
    dmiddle = d + dout
    d, more = multi_head_attention_backward(dmiddle, inner)
    d, grads["attn_norm"] = rmsnorm_backward(d, cache.x, cache["attn_norm"], eps)
    grads.update(more)
    return d + dmiddle, grads


def post_norm_block(x, params, config, positions):
    saved = Arguments(x, params, config, positions)
    x = rmsnorm(x + saved.attend(x)[0], saved["attn_norm"], config.norm_eps)
    return rmsnorm(x + swiglu(x, *saved.mlp()), saved["mlp_norm"], config.norm_eps), saved


def post_norm_block_backward(dout, cache):
    eps, grads = cache.config.norm_eps, {}
    attended, inner = cache.attend(cache.x)
    middle = rmsnorm(cache.x + attended, cache["attn_norm"], eps)
    widened = middle + swiglu(middle, *cache.mlp())
    d, grads["mlp_norm"] = rmsnorm_backward(dout, widened, cache["mlp_norm"], eps)
    branch, *dw = swiglu_backward(d, middle, *cache.mlp())
    grads["w_gate"], grads["w_up"], grads["w_down"] = dw
    d, grads["attn_norm"] = rmsnorm_backward(
        d + branch, cache.x + attended, cache["attn_norm"], eps
    )
    branch, more = multi_head_attention_backward(d, inner)
    grads.update(more)
    return d + branch, grads
