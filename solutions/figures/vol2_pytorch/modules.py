"""The tree of modules whose paths are the names of the parameters."""

from ..svg import BLUE, ORANGE, line, rect, svg, text

ROW, INDENT, LEFT, TOP = 26, 26, 20, 40
GREEN = "#00694d"  # dark enough for white letters
# Depth, attribute, what it is, key of Volume 1.
TREE = (
    (0, "Llama", "", ""),
    (1, "model", "", ""),
    (2, "embed_tokens", "Embedding", "embedding"),
    (2, "layers", "", ""),
    (3, "0", "Block", "blocks.0."),
    (4, "input_layernorm", "RMSNorm", "attn_norm"),
    (4, "self_attn", "Attention", ""),
    (5, "q_proj, k_proj, v_proj, o_proj", "Linear", "w_q, w_k, w_v, w_o"),
    (4, "post_attention_layernorm", "RMSNorm", "mlp_norm"),
    (4, "mlp", "SwiGLU", ""),
    (5, "gate_proj, up_proj, down_proj", "Linear", "w_gate, w_up, w_down"),
    (3, "1, 2, ...", "Block", "blocks.1., ..."),
    (2, "norm", "RMSNorm", "final_norm"),
    (1, "lm_head", "Linear", "head"),
)
COLOURS = {"Embedding": ORANGE, "Linear": ORANGE, "RMSNorm": BLUE}


def draw() -> str:
    parts = [
        text(LEFT, 24, "attribute", kind="small muted", anchor="start"),
        text(418, 24, "is a", kind="small muted", anchor="start"),
        text(540, 24, "key in Volume 1", kind="small muted", anchor="start"),
    ]
    for row, (depth, name, kind, key) in enumerate(TREE):
        x, y = LEFT + depth * INDENT, TOP + row * ROW
        if depth:
            above = max(r for r in range(row) if TREE[r][0] == depth - 1)
            corner = x - INDENT + 8
            parts.append(line(corner, TOP + above * ROW + 22, corner, y + 12))
            parts.append(line(corner, y + 12, x - 3, y + 12))
        parts.append(text(x, y + 17, name, kind="math", anchor="start"))
        if kind:
            parts += _label(418, y, kind)
        if key:
            parts.append(text(540, y + 17, key, kind="math small", anchor="start"))
    return svg(720, TOP + len(TREE) * ROW + 10, "The modules of a Llama by name", parts)


def _label(x: float, y: float, kind: str) -> list[str]:
    return [
        rect(x, y + 2, 92, 20, fill=COLOURS.get(kind, GREEN)),
        text(x + 46, y + 16, kind, kind="small on bold"),
    ]
