"""What is forbidden, what a person should look at, and what is neither."""

import ast
from collections import ChainMap

import pytest

from autograder.effects import statements
from autograder.policy import Suspicion, findings, imported
from autograder.reach import Reach
from autograder.rules import Finding, Rules
from autograder.scope import scope_of
from autograder.syntax import Code, parse

RULES = Rules(
    forbidden_modules=("torch", "scipy"),
    forbidden_calls=("numpy.gradient",),
    advice={"numpy.gradient": "write the gradient yourself"},
)


def judged(source: str, rules: Rules = RULES) -> list[Finding]:
    """All findings in what `f` reaches, as a submission is judged."""
    code = parse(source)
    assert isinstance(code, Code), code
    module = statements(code, 0)
    indices, names = Reach(module).closure(["f"])
    nodes = [module[i].node for i in indices]
    scope = scope_of(nodes, {})
    worth = Suspicion(rules, scope)
    found: list[Finding] = []
    for node in nodes:
        here = findings(node, scope, rules)
        assert worth(ast.unparse(node)) or not here, "the quick look missed something"
        found += here
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found += imported(node, names, rules)
    return found


def forbidden(source: str, rules: Rules = RULES) -> set[str]:
    return {f.what for f in judged(source, rules) if f.verdict == "forbidden"}


def review(source: str, rules: Rules = RULES) -> set[str]:
    return {f.what for f in judged(source, rules) if f.verdict == "review"}


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\ndef f(x): return np.gradient(x)",
        "import numpy\ndef f(x): return numpy.gradient(x)",
        "import numpy as n\ndef f(x): return n.gradient(x)",
        "from numpy import gradient\ndef f(x): return gradient(x)",
        "from numpy import gradient as g\ndef f(x): return g(x)",
        "from numpy import *\ndef f(x): return gradient(x)",
        "import numpy as np\nn = np\ndef f(x): return n.gradient(x)",
        "import numpy as np\ng = np.gradient\ndef f(x): return g(x)",
        "import numpy as np\ndef f(x, g=np.gradient): return g(x)",
        "import numpy as np\ndef f(x):\n    n = np\n    return n.gradient(x)",
        "def f(x):\n    import numpy as n\n    return n.gradient(x)",
        "def f(x):\n    from numpy import gradient\n    return gradient(x)",
        "import numpy as np\ndef f(x): return getattr(np, 'gradient')(x)",
        "def f(x): return __import__('numpy').gradient(x)",
        "import importlib\ndef f(x): return importlib.import_module('numpy').gradient(x)",
        "import numpy as np\ndef h(x): return [np.gradient(a) for a in x]\ndef f(x): return h(x)",
        "import numpy as np\nclass K:\n    def m(self): return np.gradient(1)\n"
        "def f(x): return K()",
        "import numpy as np\ndef f(x): return np.\uff47radient(x)",
        "try:\n    import fast as n\nexcept ImportError:\n    import numpy as n\n"
        "def f(x): return n.gradient(x)",
        "import numpy as np\ndef f(x): return (lambda y: np.gradient(y))(x)",
    ],
)
def test_a_forbidden_call_is_found_under_every_name(source: str) -> None:
    assert forbidden(source) == {"numpy.gradient"}


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ndef f(x): return torch.exp(x)",
        "import torch.nn.functional as F\ndef f(x): return F.relu(x)",
        "from torch import exp as e\ndef f(x): return e(x)",
        "from torch.nn import *\ndef f(x): return Linear(x)",
        "def f(x):\n    import torch\n    return torch.exp(x)",
        "def f(x):\n    import torch\n    return 1",
        "try:\n    import torch\nexcept ImportError:\n    torch = None\n"
        "def f(x): return torch.exp(x)",
        "def f(x):\n    try:\n        import torch\n        return torch.exp(x)\n"
        "    except ImportError:\n        pass",
        "t = __import__('torch')\ndef f(x): return t.exp(x)",
        "import torch\ndef h(t): return t.exp\ndef f(x): return h(torch)",
    ],
)
def test_a_forbidden_module_is_found_where_it_is_used(source: str) -> None:
    assert forbidden(source) == {"torch"}


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    'torch.exp and numpy.gradient'\n    return 'import torch'",
        "torch_like = 3\ndef f(x): return torch_like",
        "import torch\ndef f(x): return x",
        "import numpy as np, torch\ndef f(x): return np.exp(x)",
        "import torch\ndef g(x): return torch.exp(x)\ndef f(x): return x",
        "try:\n    import torch\nexcept ImportError:\n    pass\ndef f(x): return x",
        "try:\n    import torch\n    HAVE = True\nexcept ImportError:\n"
        "    HAVE = False\ndef f(x): return HAVE",
        "def f(x):\n    try:\n        import torch\n    except ImportError:\n"
        "        pass\n    return x",
        "try:\n    import torch\nexcept ImportError:\n    torch = None\n"
        "def f(x):\n    if torch is not None and isinstance(x, (torch.Tensor, list)):\n"
        "        x = x.numpy()\n    return x",
        "try:\n    import torch\nexcept ImportError:\n    torch = None\n"
        "def f(x):\n    if torch and x: return 1",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
        "    import torch\ndef f(x: 'torch.Tensor'): return x",
        "def f(torch): return torch.exp(1)",
        "def f(x):\n    torch = x\n    return torch.exp(1)",
        "def f(x): return [torch.exp for torch in x]",
        "class torch:\n    exp = 1\ndef f(x): return torch.exp",
        "try:\n    import torch as np\nexcept ImportError:\n"
        "    import numpy as np\ndef f(x): return np.exp(x)",
        "import numpy as np\ndef gradient(x): return x\ndef f(x): return gradient(x)",
        "import numpy as np\ndef f(x):\n    gradient = np.ones(3)\n    return gradient",
        "import numpy as np\ndef f(np): return np.gradient(1)",
    ],
)
def test_honest_code_is_not_forbidden(source: str) -> None:
    assert forbidden(source) == set()


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("def f(x): return eval('x')", "eval is used"),
        ("e = exec\ndef f(x): return e('x')", "exec is used"),
        ("def f(x): return compile('x', '', 'eval')", "compile is used"),
        ("def f(x): return __import__('math')", "__import__ is used"),
        ("def f(x): return globals()['g']", "globals is used"),
        ("def f(x): return open('a')", "open is used"),
        ("def f(x): return getattr(x, '__class__')", "getattr is used"),
        ("def f(x, n): return getattr(x, n)", "getattr is used"),
        ("import ctypes\ndef f(x): return ctypes.c_int", "ctypes is used"),
        ("import gc\ndef f(x): return gc", "gc is used"),
        ("from inspect import stack\ndef f(x): return stack()", "inspect is used"),
        ("import sys\ndef f(x): return sys._getframe(1)", "sys._getframe is used"),
        ("def f(x):\n    import os\n    return os.environ", "os is used"),
        ("import socket as s\ndef f(x): return s.socket()", "socket is used"),
        ("import pickle\ndef f(x): return pickle.loads(x)", "pickle is used"),
        ("import threading\ndef f(x): return threading.Thread", "threading is used"),
        ("def f(x): return x.f_back.f_locals", "f_back is used"),
        ("def f(x): return ().__class__.__subclasses__", "__subclasses__ is used"),
        ("def f(x): return f.__globals__", "__globals__ is used"),
        (
            "class A:\n    def __array_ufunc__(self): pass\ndef f(x): return A()",
            "__array_ufunc__ is defined",
        ),
        (
            "import numpy as np\nnp.testing.assert_equal = 3\ndef f(x): return np.exp(x)",
            "numpy.testing is used",
        ),
        ("import numpy as np\ndef f(x): return np.lib.index_tricks", "numpy.lib is used"),
        ("def f(x): return x * 1e-20j", "complex is used"),
        ("def f(x): return complex(x)", "complex is used"),
        (
            "import numpy as np\ndef h(n): return n.gradient(1)\ndef f(x): return h(np)",
            "numpy is passed on",
        ),
        ("import numpy as np\ndef f(x): return [np][0].gradient(x)", "numpy is passed on"),
        (
            "def f(x):\n    import numpy as n\n    return (lambda m: m.gradient(x))(n)",
            "numpy is passed on",
        ),
        ("def f(x, np): return np.gradient(x)", "numpy.gradient is used"),
        ("def f(x, numpy): return numpy.gradient(x)", "numpy.gradient is used"),
        ("def f(x): return np.gradient(x)", "numpy.gradient is used"),
        (
            "".join(f"import a{i} as n\n" for i in range(30)) + "def f(x): return n.gradient(x)",
            "a name for many things is used",
        ),
        (
            "import numpy as np\ndef f(x): return " + "getattr(" * 20 + "np" + ", 'a')" * 20,
            "a name for many things is used",
        ),
    ],
)
def test_what_a_person_should_look_at(source: str, what: str) -> None:
    assert what in review(source)
    assert forbidden(source) == set()


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return x.gradient()",
        "import numpy as np\nclass A:\n    def gradient(self, x): return np.exp(x)\n"
        "    def step(self, x): return self.gradient(x)\ndef f(x): return A().step(x)",
        "import numpy as np\ndef f(x, model): return model.gradient(np.exp(x)) + x.gradient",
        "import numpy as np\ndef f(x):\n    for layer in x: layer.gradient = np.ones(3)",
        "import numpy as np\nxp = np\ndef f(x): return xp.exp(x)",
        "import math, sys\ndef f(x): return math.exp(x) + sys.float_info.eps",
        "import os\ndef f(x): return x",
        "def f(x): return 'eval(exec(os.open))'",
        "def f(x): return getattr(x, 'shape')",
        "def f(open, compile=3):\n    input = open\n    return input + compile",
        "def f(model): return model.compile(), model.eval(), model.open()",
        "from dataclasses import dataclass\n@dataclass\n"
        "class A:\n    n: int\ndef f(x): return A(x).n",
        "import numpy as np\ndef f(x): return np.where(x > 0, x, 0).sum(axis=-1, keepdims=True)",
    ],
)
def test_ordinary_code_needs_no_look(source: str) -> None:
    assert judged(source) == []


def test_a_finding_has_its_line() -> None:
    source = "import numpy as np\n\ndef f(x):\n    y = x\n    return np.gradient(y)"
    assert judged(source) == [Finding("forbidden", 5, "numpy.gradient")]


def test_sentences_say_what_to_do() -> None:
    assert RULES.sentence("numpy.gradient") == (
        "numpy.gradient is not allowed in this exercise: write the gradient yourself"
    )
    assert RULES.sentence("torch") == "torch is not allowed in this exercise: do without it"
    plain = Rules(forbidden_calls=("numpy.var",))
    assert plain.sentence("numpy.var") == (
        "numpy.var is not allowed in this exercise: write it yourself"
    )


def test_the_longest_name_decides() -> None:
    rules = Rules(forbidden_modules=("torch",), allowed_modules=("torch.nn", "os"))
    assert rules.verdict("torch.nn.Linear") == ""
    assert rules.verdict("torch.autograd.grad") == "torch"
    assert forbidden("import torch.nn as nn\ndef f(x): return nn.Linear(x)", rules) == set()
    assert forbidden("from torch import autograd as a\ndef f(x): return a.grad(x)", rules) == {
        "torch"
    }
    assert review("import os\ndef f(x): return os.sep", rules) == set()


def test_a_forbidden_part_of_an_allowed_library() -> None:
    rules = Rules(forbidden_modules=("torch.autograd",), forbidden_calls=("torch.nn.Conv2d",))
    source = "import torch\nfrom torch import nn, autograd as ag\n"
    assert forbidden(source + "def f(x): return nn.Linear(x)", rules) == set()
    assert forbidden(source + "def f(x): return nn.Conv2d(x)", rules) == {"torch.nn.Conv2d"}
    assert forbidden(source + "def f(x): return torch.nn.Conv2d(x)", rules) == {"torch.nn.Conv2d"}
    assert forbidden(source + "def f(x): return ag.grad(x)", rules) == {"torch.autograd"}
    assert forbidden(source + "def f(x): return torch.autograd.grad(x)", rules) == {
        "torch.autograd"
    }


def test_no_rules_forbid_nothing() -> None:
    assert forbidden("import torch\ndef f(x): return torch.exp(x)", Rules()) == set()


def test_a_name_of_any_length_is_cut_and_still_judged() -> None:
    chain = "a0 = np.gradient\n" + "".join(f"a{i} = a{i - 1}.b\n" for i in range(1, 500))
    scope = scope_of(tree(f"import numpy as np\n{chain}"), {})
    assert max(len(target) for targets in scope.values() for target in targets) == 120
    assert forbidden(f"import numpy as np\n{chain}def f(x): return a499(x)") == {"numpy.gradient"}
    assert forbidden("import torch" + ".a" * 500 + " as t\ndef f(x): return t.b") == {"torch"}


def test_a_name_for_many_things_is_not_followed_to_all_of_them() -> None:
    imports = "".join(f"from a{i} import *\nimport a{i} as x\n" for i in range(1_000))
    scope = scope_of(tree(imports), {})
    assert {name: len(targets) for name, targets in scope.items()} == {"*": 21, "x": 21}


def test_functions_share_the_scope_around_them() -> None:
    around = {f"a{i}": ("numpy",) for i in range(100)}
    inner = scope_of(tree("b = a1"), around)
    assert isinstance(inner, ChainMap)
    assert inner.maps == [{"b": ("numpy",)}, around]
    assert inner.maps[1] is around


def tree(source: str) -> list[ast.stmt]:
    return ast.parse(source).body
