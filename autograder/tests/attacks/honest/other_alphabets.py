"""Right, with names and texts in other alphabets.

expect: scale=full scale_backward=full
"""

π = 3.14159
Größe = {"größe": "Ünïcödé \N{PILE OF POO} \u202e"}


def 倍(x, 係数):
    """掛け算。"""
    return x * 係数


def scale(x, factor):
    α = factor + π - π if Größe is None else factor
    return 倍(x, α)


def scale_backward(dout, factor):
    ﬁ = dout * factor
    return fi
