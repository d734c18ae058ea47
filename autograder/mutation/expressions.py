"""Wrong versions of expressions: operators, constants, calls, names, slices."""

import ast
from collections.abc import Callable, Iterator
from itertools import pairwise

from .text import Edit, Text

OPERATORS: dict[type[ast.operator], tuple[str, ...]] = {
    ast.Add: ("-",),
    ast.Sub: ("+",),
    ast.Mult: ("/", "+"),
    ast.Div: ("*",),
    ast.FloorDiv: ("/", "*"),
    ast.Mod: ("*",),
    ast.Pow: ("*",),
    ast.MatMult: ("*",),
}
SYMBOLS: dict[type[ast.operator], str] = {
    ast.Sub: "-",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
}
COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
# Functions that are taken for each other.
SIBLINGS = {
    "sum": ("mean", "max"),
    "mean": ("sum",),
    "max": ("min",),
    "min": ("max",),
    "amax": ("amin",),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "sin": ("cos",),
    "cos": ("sin",),
    "exp": ("expm1",),
    "log": ("log1p",),
    "tanh": ("sin",),
    "var": ("std",),
    "argmax": ("argmin",),
    "cumsum": ("cumprod",),
    "zeros_like": ("ones_like",),
    "ones_like": ("zeros_like",),
    "zeros": ("ones",),
    "ones": ("zeros",),
    "new_zeros": ("new_ones",),
    "triu": ("tril",),
    "tril": ("triu",),
    "repeat": ("tile",),
    "outer": ("multiply",),
    "concatenate": ("hstack",),
    "stack": ("concatenate",),
    "floor": ("ceil",),
    "ceil": ("floor",),
    "all": ("any",),
    "any": ("all",),
}
# Methods that may be left out and still give an array.
OPTIONAL_METHODS = frozenset(
    [
        "copy",
        "astype",
        "swapaxes",
        "transpose",
        "reshape",
        "ravel",
        "clone",
        "detach",
        "contiguous",
        "float",
        "double",
        "to",
    ]
)
# Functions that do not care in which order their arguments come.
SYMMETRIC = frozenset(["swapaxes", "maximum", "minimum", "add", "multiply"])


def of_node(node: ast.AST, text: Text) -> Iterator[Edit]:
    """Every edit of one expression that needs to know nothing but the expression."""
    edits = _TABLE.get(type(node))
    if edits is not None:
        yield from edits(node, text)


def _binary(node: ast.BinOp, text: Text) -> Iterator[Edit]:
    left, right = text.operand(node.left), text.operand(node.right)
    for symbol in OPERATORS.get(type(node.op), ()):
        yield text.edit("operator", node, f"({left} {symbol} {right})")
    yield text.edit("dropped term", node, left)
    yield text.edit("dropped term", node, right)
    symbol = SYMBOLS.get(type(node.op), "")
    if symbol and left != right:
        yield text.edit("swapped operands", node, f"({right} {symbol} {left})")
    if isinstance(node.op, ast.MatMult):
        for one, new in ((node.left, left), (node.right, right)):
            yield text.edit("transpose", one, f"{new}.swapaxes(-1, -2)")


def _unary(node: ast.UnaryOp, text: Text) -> Iterator[Edit]:
    if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        if isinstance(value, int):  # an axis, an index
            yield text.edit("constant", node, str(-value - 1))
            yield text.edit("constant", node, str(-value + 1))
            return
    if isinstance(node.op, (ast.USub, ast.Not)):
        yield text.edit(
            "sign" if isinstance(node.op, ast.USub) else "comparison",
            node,
            text.operand(node.operand),
        )


def _compare(node: ast.Compare, text: Text) -> Iterator[Edit]:
    if len(node.ops) == 1:
        left, right = text.of(node.left), text.of(node.comparators[0])
        for symbol in COMPARISONS[type(node.ops[0])]:
            yield text.edit("comparison", node, f"{left} {symbol} {right}")


def _boolean(node: ast.BoolOp, text: Text) -> Iterator[Edit]:
    symbol = " or " if isinstance(node.op, ast.And) else " and "
    parts = [text.operand(value) for value in node.values]
    yield text.edit("comparison", node, f"({symbol.join(parts)})")
    for part in parts:
        yield text.edit("dropped term", node, part)


def _constant(node: ast.Constant, text: Text) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, bool):
        yield text.edit("constant", node, str(not value))
    elif isinstance(value, int):
        for other in dict.fromkeys((value + 1, value - 1, 0)):
            if other != value:
                yield text.edit("constant", node, str(other) if other >= 0 else f"({other})")
    elif isinstance(value, float):
        for new in dict.fromkeys((2 * value, value + 1.0, 0.0, 100 * value)):
            if new != value:
                yield text.edit("constant", node, repr(new))


def _call(node: ast.Call, text: Text) -> Iterator[Edit]:
    args = [a for a in node.args if not isinstance(a, ast.Starred)]
    if isinstance(node.func, ast.Attribute):
        name = node.func.attr
        end = text.span(node.func)[1]
        for other in SIBLINGS.get(name, ()):
            yield Edit("other function", end - len(name.encode()), end, other)
        if name in OPTIONAL_METHODS:
            yield text.edit("dropped call", node, text.operand(node.func.value))
        if name == "array":
            yield Edit("missing copy", end - len("array"), end, "asarray")
    if len(args) == len(node.args) == 1 and not node.keywords:
        yield text.edit("dropped call", node, f"({text.of(args[0])})")
    symmetric = isinstance(node.func, ast.Attribute) and node.func.attr in SYMMETRIC
    for one, two in pairwise(args):
        if not symmetric and text.of(one) != text.of(two):
            start, end = text.span(one)[0], text.span(two)[1]
            yield Edit("swapped arguments", start, end, f"{text.of(two)}, {text.of(one)}")
    for keyword in node.keywords:
        if keyword.arg not in (None, "strict"):
            yield _without_keyword(node, keyword, text)
    if isinstance(node.func, ast.Name) and node.func.id == "range" and args:
        for new in (f"{text.operand(args[-1])} - 1", f"{text.operand(args[-1])} + 1"):
            yield text.edit("off by one", args[-1], new)


def _without_keyword(node: ast.Call, keyword: ast.keyword, text: Text) -> Edit:
    """The call without one keyword and the comma before it."""
    end = text.span(keyword.value)[1]
    before = [text.span(a)[1] for a in node.args] + [
        text.span(k.value)[1] for k in node.keywords if text.span(k.value)[1] < end
    ]
    if before:
        return Edit("dropped argument", max(before), end, "")
    start = text.at(keyword.lineno, keyword.col_offset)
    rest = text.data[end:].decode()
    comma = len(rest) - len(rest.lstrip()) + 1 if rest.lstrip().startswith(",") else 0
    return Edit("dropped argument", start, end + len(rest[:comma].encode()), "")


def _attribute(node: ast.Attribute, text: Text) -> Iterator[Edit]:
    if node.attr in ("T", "mT") and isinstance(node.ctx, ast.Load):
        yield text.edit("transpose", node, text.operand(node.value))


def _slice(node: ast.Slice, text: Text) -> Iterator[Edit]:
    lower = text.of(node.lower) if node.lower else ""
    upper = text.of(node.upper) if node.upper else ""
    step = f":{text.of(node.step)}" if node.step else ""
    start, end = text.span(node)
    if lower or upper or step:
        yield Edit("off by one", start, end, f"{lower or 0} + 1:{upper}{step}")
        yield Edit(
            "off by one", start, end, f"{lower}:{upper} - 1{step}" if upper else f"{lower}:-1{step}"
        )
        if upper:
            yield Edit("off by one", start, end, f"{lower}:{upper} + 1{step}")


def _if_expression(node: ast.IfExp, text: Text) -> Iterator[Edit]:
    yield text.edit("branch", node, text.operand(node.body))
    yield text.edit("branch", node, text.operand(node.orelse))


_TABLE: dict[type[ast.AST], Callable[..., Iterator[Edit]]] = {
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.Constant: _constant,
    ast.Call: _call,
    ast.Attribute: _attribute,
    ast.Slice: _slice,
    ast.IfExp: _if_expression,
}
