"""The modules of the model inside one another; the path through them is a parameter's name."""

from ..svg import BLUE, ORANGE, rect, svg, text

GREEN = "#00694d"  # dark enough for white letters


def _box(x: float, y: float, width: float, height: float, name: str) -> list[str]:
    """A module that holds others: an outline with its name at the top left."""
    return [
        rect(x, y, width, height),
        text(x + 10, y + 18, name, kind="bold", anchor="start"),
    ]


def _leaf(x: float, y: float, name: str, shape: str, colour: str) -> list[str]:
    """A module with one weight, and the shape of that."""
    return [
        rect(x, y, 204, 24, fill=colour),
        text(x + 102, y + 17, name, kind="small bold on"),
        text(x + 214, y + 17, shape, kind="small math muted", anchor="start"),
    ]


def draw() -> str:
    d, narrow = "d_model", "n_kv d_head"
    parts = _box(8, 8, 584, 554, "Llama")
    parts += _box(24, 36, 552, 474, "model")
    parts += _leaf(40, 64, "embed_tokens", f"(vocab_size, {d})", ORANGE)
    parts += _box(40, 98, 520, 366, "layers.0, layers.1, ..., layers.(L - 1)")
    parts += _leaf(56, 126, "input_layernorm", f"({d},)", GREEN)
    parts += _box(56, 158, 488, 130, "self_attn")
    for row, (name, shape) in enumerate(
        (
            ("q_proj", f"({d}, {d})"),
            ("k_proj", f"({narrow}, {d})"),
            ("v_proj", f"({narrow}, {d})"),
            ("o_proj", f"({d}, {d})"),
        )
    ):
        parts += _leaf(160, 166 + row * 29, name, shape, BLUE)
    parts += _leaf(56, 298, "post_attention_layernorm", f"({d},)", GREEN)
    parts += _box(56, 330, 488, 104, "mlp")
    for row, (name, shape) in enumerate(
        (("gate_proj", f"(d_ff, {d})"), ("up_proj", f"(d_ff, {d})"), ("down_proj", f"({d}, d_ff)"))
    ):
        parts += _leaf(160, 339 + row * 29, name, shape, BLUE)
    parts.append(text(56, 454, "each with one weight", kind="small muted", anchor="start"))
    parts += _leaf(40, 474, "norm", f"({d},)", GREEN)
    parts += _leaf(40, 524, "lm_head", f"(vocab_size, {d})", ORANGE)
    return svg(600, 570, "The modules of the model inside one another", parts)
