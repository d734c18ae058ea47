"""Whether a function or class is still the stub that was handed out."""

import ast

from .effects import DEFINITION
from .percent import Page


def pristine_stub(name: str, page: Page) -> ast.stmt:
    """The definition of `name` as it was handed out."""
    source = next(c.source for c in page.cells if c.function == name and c.kind == "answer")
    return next(n for n in ast.parse(source).body if isinstance(n, DEFINITION) and n.name == name)


def same_stub(node: ast.AST, pristine: ast.AST) -> bool:
    """Whether a function or class is what was handed out, its docstring aside."""
    if not isinstance(node, DEFINITION) or not isinstance(pristine, DEFINITION):
        return False
    body, original = _body(node), _body(pristine)
    if isinstance(pristine, ast.ClassDef):
        own = {n.name: n for n in body if isinstance(n, DEFINITION)}
        to_write = [n for n in original if isinstance(n, DEFINITION) and _raises(n)]
        return all(n.name not in own or same_stub(own[n.name], n) for n in to_write)
    only = len(body) == 1 and _is_not_implemented(body[0])
    if only or len(body) != len(original):
        return only
    return list(map(ast.dump, body)) == list(map(ast.dump, original))


def _body(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[ast.stmt]:
    return node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body


def _raises(node: ast.AST) -> bool:
    return any(_is_not_implemented(n) for n in ast.walk(node))


def _is_not_implemented(node: ast.AST) -> bool:
    if not isinstance(node, ast.Raise):
        return False
    what = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return isinstance(what, ast.Name) and what.id == "NotImplementedError"
