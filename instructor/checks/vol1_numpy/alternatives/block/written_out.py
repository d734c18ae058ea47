"""Norm and SwiGLU written out with their saved intermediate results; rows of tokens throughout."""

import numpy as np

from .multi_head import multi_head_attention, multi_head_attention_backward


def norm(x, gain, eps):
    root = np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + eps)
    return x / root * gain, (x / root, root, gain)


def norm_back(dout, saved):
    x_hat, root, gain = saved
    g = dout * gain
    along = np.einsum("...d,...d->...", g, x_hat)[..., None] / gain.size
    return (g - x_hat * along) / root, np.einsum("btd,btd->d", dout, x_hat)


def mlp(x, params):
    gate, up = x @ params["w_gate"], x @ params["w_up"]
    sigmoid = (1 + np.tanh(gate / 2)) / 2
    hidden = gate * sigmoid * up
    return hidden @ params["w_down"], (x, gate, up, sigmoid, hidden, params)


def mlp_back(dout, saved):
    x, gate, up, sigmoid, hidden, params = saved
    dhidden = dout @ params["w_down"].T
    dup = dhidden * gate * sigmoid
    dgate = dhidden * up * sigmoid * (1 + gate * (1 - sigmoid))
    across = "bti,btj->ij"
    dparams = {
        "w_gate": np.einsum(across, x, dgate),
        "w_up": np.einsum(across, x, dup),
        "w_down": np.einsum(across, hidden, dout),
    }
    return dgate @ params["w_gate"].T + dup @ params["w_up"].T, dparams


def block(x, params, config, positions):
    a, first = norm(x, params["attn_norm"], config.norm_eps)
    b, attention = multi_head_attention(a, params, config, positions)
    c, second = norm(x + b, params["mlp_norm"], config.norm_eps)
    d, widened = mlp(c, params)
    return x + b + d, {"first": first, "attention": attention, "second": second, "mlp": widened}


def block_backward(dout, cache):
    found = {}
    dc, weights = mlp_back(dout, cache["mlp"])
    back, found["mlp_norm"] = norm_back(dc, cache["second"])
    stream = dout + back
    da, found_2 = multi_head_attention_backward(stream, cache["attention"])
    back, found["attn_norm"] = norm_back(da, cache["first"])
    return stream + back, {**found, **weights, **found_2}


def post_norm_block(x, params, config, positions):
    b, attention = multi_head_attention(x, params, config, positions)
    c, first = norm(x + b, params["attn_norm"], config.norm_eps)
    d, widened = mlp(c, params)
    out, second = norm(c + d, params["mlp_norm"], config.norm_eps)
    return out, [attention, first, widened, second]


def post_norm_block_backward(dout, cache):
    attention, first, widened, second = cache
    found = {}
    stream, found["mlp_norm"] = norm_back(dout, second)
    back, weights = mlp_back(stream, widened)
    stream, found["attn_norm"] = norm_back(stream + back, first)
    back, found_2 = multi_head_attention_backward(stream, attention)
    return stream + back, {**found, **weights, **found_2}
