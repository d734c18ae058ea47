"""Wrong versions of statements: dropped, negated, returned early, done in place or not."""

import ast
from collections.abc import Iterator
from itertools import pairwise

from .text import Edit, Text

SYMBOLS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.MatMult: "@",
}
OTHER = {"+": "-", "-": "+", "*": "/", "/": "*", "**": "*", "@": "*"}
DTYPES = {"numpy": ("astype('float32')", "astype('float64')"), "torch": ("float()", "double()")}


def of_node(
    node: ast.stmt, text: Text, bound: frozenset[str], parameters: tuple[str, ...], arrays: str
) -> Iterator[Edit]:
    """Every edit of one statement.

    Args:
        node: The statement.
        text: The module it is in.
        bound: Names that have a value before it.
        parameters: The parameters of the function it is in.
        arrays: "numpy" or "torch".
    """
    if isinstance(node, ast.Return) and node.value is not None:
        yield from _return(node.value, text, parameters, arrays)
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        yield from _assign(node, node.targets[0], node.value, text, bound)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield from _assign(node, node.target, node.value, text, bound)
    elif isinstance(node, ast.AugAssign):
        yield from _augmented(node, text)
    elif isinstance(node, ast.If):
        yield text.edit("branch", node.test, "True")
        yield text.edit("branch", node.test, "False")
    elif isinstance(node, (ast.For, ast.While)):
        yield text.edit("dropped statement", node, "pass")
        last = node.body[-1]
        once = f"{text.of(last)}\n{' ' * last.col_offset}break"
        yield text.edit("early exit", last, once)
    elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
        yield text.edit("dropped statement", node, "pass")
    elif isinstance(node, (ast.Continue, ast.Break)):
        yield text.edit("dropped statement", node, "pass")
        other = "break" if isinstance(node, ast.Continue) else "continue"
        yield text.edit("branch", node, other)


def _return(
    value: ast.expr, text: Text, parameters: tuple[str, ...], arrays: str
) -> Iterator[Edit]:
    elements = value.elts if isinstance(value, ast.Tuple) else [value]
    for element in elements:
        if isinstance(element, (ast.Constant, ast.Compare)):
            continue
        operand = text.operand(element)
        yield text.edit("returns zeros", element, f"0 * {operand}")
        yield text.edit("sign", element, f"-{operand}")
        for cast in DTYPES[arrays]:
            yield text.edit("dtype", element, f"{operand}.{cast}")
        for name in parameters:
            if text.of(element) != name:
                yield text.edit("returns an input", element, name)
    for one, two in pairwise(elements):
        start, end = text.span(one)[0], text.span(two)[1]
        yield Edit("swapped results", start, end, f"{text.of(two)}, {text.of(one)}")


def _assign(
    node: ast.stmt, target: ast.expr, value: ast.expr, text: Text, bound: frozenset[str]
) -> Iterator[Edit]:
    left = text.of(target)
    known = not isinstance(target, ast.Name) or target.id in bound
    if not isinstance(value, (ast.Constant, ast.Tuple, ast.List, ast.Compare, ast.Lambda)):
        yield text.edit("sign", value, f"-{text.operand(value)}")
    if known and not isinstance(target, (ast.Tuple, ast.List)):
        yield text.edit("dropped statement", node, "pass")
        yield text.edit("+= for =", node, f"{left} += {text.of(value)}")
    if isinstance(target, ast.Subscript):
        yield text.edit("rebinding", target, text.of(target.value))
    if (
        isinstance(target, ast.Name)
        and isinstance(value, ast.BinOp)
        and isinstance(value.left, ast.Name)
        and type(value.op) in SYMBOLS
        and (target.id in bound or value.left.id in bound)
    ):
        # y = x - z becomes y = x; y -= z, which changes x.
        symbol, pad = SYMBOLS[type(value.op)], " " * node.col_offset
        new = f"{value.left.id} {symbol}= {text.of(value.right)}\n{pad}{left} = {value.left.id}"
        yield text.edit("in place", node, new)


def _augmented(node: ast.AugAssign, text: Text) -> Iterator[Edit]:
    left, right = text.of(node.target), text.of(node.value)
    yield text.edit("dropped statement", node, "pass")
    yield text.edit("= for +=", node, f"{left} = {right}")
    symbol = SYMBOLS.get(type(node.op), "")
    if symbol:
        yield text.edit("operator", node, f"{left} {OTHER[symbol]}= {right}")
        yield text.edit("rebinding", node, f"{left} = {left} {symbol} {text.operand(node.value)}")
