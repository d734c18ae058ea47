"""What the rules of an exercise say of each graded function, with the place of every finding."""

import ast
from collections.abc import Collection, Mapping, Sequence

from .effects import Statement
from .part import Part
from .policy import Suspicion, findings, imported
from .rules import Finding, Rules
from .scope import scope_of

# What each graded function reaches: statements by number, and names.
Reached = Mapping[str, tuple[Sequence[int], Collection[str]]]


def judge(
    module: Sequence[Statement], parts: Sequence[Part], reached: Reached, rules: Rules
) -> tuple[dict[str, str], list[str]]:
    """Per function why it is forbidden, and what a person should look at.

    Given code is ours and is not judged.
    """
    every = sorted({i for indices, _ in reached.values() for i in indices})
    theirs = {i for i in every if not parts[module[i].cell].given}
    scope = scope_of((module[i].node for i in every), {})
    suspicious = Suspicion(rules, scope)
    found: dict[int, list[Finding]] = {}
    for i in sorted(theirs):
        if suspicious(parts[module[i].cell].text(module[i].node)):
            found[i] = findings(module[i].node, scope, rules)
    review: dict[tuple[int, Finding], None] = {}
    forbidden: dict[str, str] = {}
    for function, (indices, names) in reached.items():
        hard: list[tuple[bool, int, Finding]] = []
        for i in indices:
            here, node = found.get(i, []), module[i].node
            if isinstance(node, (ast.Import, ast.ImportFrom)) and i in theirs:
                here = imported(node, names, rules)
            other = function not in module[i].now.binds
            hard += [(other, i, one) for one in here if one.verdict == "forbidden"]
            review |= dict.fromkeys((i, one) for one in here if one.verdict == "review")
        if hard:
            _, i, one = min(hard, key=lambda h: h[0])
            forbidden[function] = f"{_place(module[i], parts, one)}: {rules.sentence(one.what)}."
    return forbidden, [
        f"{_place(module[i], parts, one)}: {one.what}; look at what it is for." for i, one in review
    ]


def _place(statement: Statement, parts: Sequence[Part], one: Finding) -> str:
    cell = parts[statement.cell].cell
    return f"line {cell.line + one.line - 1} of {cell.label}"
