"""Right solutions made from right ones: other orders, other names, other layouts.

None may lose a point at any seed, or the checks punish a style instead of a mistake.
"""

import ast
import builtins
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..exercise import Exercise
from ..grading import imports
from ..mistake import run_source

# A sum of two, the other way round; a text, a list or a shape that is put together stays as it is.
ADDED = """
def _added(a, b):
    return a + b if isinstance(a, (str, bytes, list, tuple)) else b + a
"""
# A sum along an axis, added up from the other end.
BACKWARDS = """
def _backwards(x, axis=None, *args, **kwargs):
    import numpy
    return numpy.sum(numpy.flip(x, axis), axis, *args, **kwargs)
"""


def variations(
    exercise: Exercise, source: str, functions: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names of modules that compute the same in another way, each with what it is called.

    Args:
        exercise: Whose functions they are.
        source: A right solution.
        functions: The functions to write.
    """
    path = str(exercise.solution.__file__)
    for name, transform in TEXTS.items():
        # PyTorch has no slices backwards.
        torch = exercise.arrays == "torch" or imports(source, "torch")
        if name == "sums backwards" and torch:
            continue
        changed = transform(ast.parse(source))
        yield (
            name,
            run_source(ast.unparse(ast.fix_missing_locations(changed)), exercise.solution, path),
        )
    if exercise.arrays != "numpy":
        return
    for name, wrap in WRAPPERS.items():
        names = run_source(source, exercise.solution, path)
        for function in functions:
            if callable(names[function]) and not isinstance(names[function], type):
                names[function] = wrap(names[function])
        yield name, names


class _Commuted(ast.NodeTransformer):
    """b + a for a + b, b * a for a * b, where both are numbers or arrays."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Add):
            return ast.Call(ast.Name("_added", ast.Load()), [node.left, node.right], [])
        if isinstance(node.op, ast.Mult):
            node.left, node.right = node.right, node.left
        return node


class _Backwards(ast.NodeTransformer):
    """x.sum(...) and np.sum(x, ...) in the other order."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "sum":
            of = node.func.value
            given = [] if isinstance(of, ast.Name) and of.id == "np" else [of]
            return ast.Call(ast.Name("_backwards", ast.Load()), [*given, *node.args], node.keywords)
        return node


class _Renamed(ast.NodeTransformer):
    """Every local variable and every helper under another name."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.names:
            node.id = f"{node.id}_of_mine"
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name in self.names:
            node.name = f"{node.name}_of_mine"
        self.generic_visit(node)
        return node


def _commuted(tree: ast.Module) -> ast.Module:
    changed = _Commuted().visit(tree)
    assert isinstance(changed, ast.Module)
    return _with_helper(changed, ADDED)


def _backwards(tree: ast.Module) -> ast.Module:
    changed = _Backwards().visit(tree)
    assert isinstance(changed, ast.Module)
    return _with_helper(changed, BACKWARDS)


def _with_helper(tree: ast.Module, helper: str) -> ast.Module:
    """The module with a function of ours after its first import."""
    after = [i for i, node in enumerate(tree.body) if isinstance(node, ast.ImportFrom)]
    at = (after[0] + 1) if after else 0
    tree.body[at:at] = ast.parse(helper).body
    return tree


def _renamed(tree: ast.Module) -> ast.Module:
    """Rename helpers (`_name`) and what functions assign, but nothing that a caller may name."""
    helpers = {
        n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("_")
    }
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    stored = {
        n.id
        for f in functions
        for n in ast.walk(f)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    arguments = {a.arg for n in ast.walk(tree) if isinstance(n, ast.arguments) for a in _all(n)}
    keywords = {k.arg for n in ast.walk(tree) if isinstance(n, ast.Call) for k in n.keywords}
    declared = {
        x for n in ast.walk(tree) if isinstance(n, (ast.Nonlocal, ast.Global)) for x in n.names
    }
    top = {
        n.id
        for s in tree.body
        if not isinstance(s, (ast.FunctionDef, ast.ClassDef))
        for n in ast.walk(s)
        if isinstance(n, ast.Name)
    }
    # A method, or an attribute, may be called what a local variable is called.
    named = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    named |= {f.name for f in functions} - helpers
    free = (helpers | stored) - named - arguments - keywords - declared - top - set(vars(builtins))
    changed = _Renamed(frozenset(free)).visit(tree)
    assert isinstance(changed, ast.Module)
    return changed


def _all(arguments: ast.arguments) -> list[ast.arg]:
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return found + [a for a in (arguments.vararg, arguments.kwarg) if a]


Function = Callable[..., Any]


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """`change` on every float array inside lists, tuples and dicts."""
    if isinstance(value, np.ndarray):
        return change(value) if value.dtype.kind == "f" else value
    if type(value) in (list, tuple):
        return type(value)(_mapped(v, change) for v in value)
    if type(value) is dict:
        return {name: _mapped(v, change) for name, v in value.items()}
    return value


def _fortran_inside(function: Function) -> Function:
    """Works on Fortran-ordered copies."""

    def changed(*args: Any, **kwargs: Any) -> Any:
        return function(
            *(a if _is_changed(a) else _mapped(a, np.asfortranarray) for a in args), **kwargs
        )

    return changed


def _views_returned(function: Function) -> Function:
    """Returns arrays that are not contiguous."""

    def changed(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return _mapped(result, lambda a: np.stack([a, a], axis=-1)[..., 0])

    return changed


def _float64_inside(function: Function) -> Function:
    """Computes in float64 and rounds the results to what they would have been."""

    def changed(*args: Any, **kwargs: Any) -> Any:
        if any(_is_changed(a) for a in args) or not any(map(_is_narrow, args)):
            return function(*args, **kwargs)
        plain = function(*args, **kwargs)
        wide = [_mapped(a, lambda x: x.astype(np.float64)) for a in args]
        return _rounded(function(*wide, **kwargs), plain)

    return changed


def _rounded(value: Any, like: Any) -> Any:
    """Arrays in `value` in the dtypes that they have in `like`."""
    if isinstance(value, (list, tuple)):
        return type(value)(_rounded(v, w) for v, w in zip(value, like, strict=True))
    if type(value) is dict:
        return {name: _rounded(v, like[name]) for name, v in value.items()}
    return value.astype(like.dtype) if isinstance(value, np.ndarray) else value


def _is_changed(value: Any) -> bool:
    """A list or dict may hold what is to be updated in place, so it must go through as it is."""
    return isinstance(value, (list, dict))


def _is_narrow(value: Any) -> bool:
    """Whether there is a float array to widen in `value`; where not, once is as often as asked."""
    if isinstance(value, tuple):
        return any(map(_is_narrow, value))
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.dtype != np.float64


TEXTS: dict[str, Callable[[ast.Module], ast.Module]] = {
    "operands swapped": _commuted,
    "sums backwards": _backwards,
    "other names": _renamed,
}
WRAPPERS: dict[str, Callable[[Function], Function]] = {
    "Fortran order inside": _fortran_inside,
    "results that are views": _views_returned,
    "float64 inside": _float64_inside,
}
