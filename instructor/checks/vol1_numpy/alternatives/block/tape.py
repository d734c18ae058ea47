"""A list of closures: each step of the forward leaves behind the function that undoes it."""

from .multi_head import multi_head_attention, multi_head_attention_backward
from .rmsnorm import rmsnorm, rmsnorm_backward
from .swiglu import swiglu, swiglu_backward


def norm(x, params, name, config):
    def back(dout):
        dx, dgain = rmsnorm_backward(dout, x, params[name], eps=config.norm_eps)
        return dx, {name: dgain}

    return rmsnorm(x, params[name], eps=config.norm_eps), back


def attention(x, params, config, positions):
    out, cache = multi_head_attention(x, params, config, positions)
    return out, lambda dout: multi_head_attention_backward(dout, cache)


def mlp(x, params):
    weights = [params[name] for name in ("w_gate", "w_up", "w_down")]

    def back(dout):
        dx, *dw = swiglu_backward(dout, x, *weights)
        return dx, dict(zip(("w_gate", "w_up", "w_down"), dw, strict=True))

    return swiglu(x, *weights), back


def chain(x, *steps):
    """Apply steps one after the other."""
    backs = []
    for step in steps:
        x, back = step(x)
        backs.append(back)

    def all_back(dout):
        found = {}
        for back in reversed(backs):
            dout, dparams = back(dout)
            found.update(dparams)
        return dout, found

    return x, all_back


def residual(*steps):
    """x + steps(x), as a step."""

    def step(x):
        out, back = chain(x, *steps)

        def both(dout):
            dx, dparams = back(dout)
            return dx + dout, dparams

        return out + x, both

    return step


def block(x, params, config, positions):
    return chain(
        x,
        residual(
            lambda a: norm(a, params, "attn_norm", config),
            lambda a: attention(a, params, config, positions),
        ),
        residual(lambda a: norm(a, params, "mlp_norm", config), lambda a: mlp(a, params)),
    )


def block_backward(dout, cache):
    return cache(dout)


def post_norm_block(x, params, config, positions):
    return chain(
        x,
        residual(lambda a: attention(a, params, config, positions)),
        lambda a: norm(a, params, "attn_norm", config),
        residual(lambda a: mlp(a, params)),
        lambda a: norm(a, params, "mlp_norm", config),
    )


def post_norm_block_backward(dout, cache):
    return cache(dout)
