"""What only the logs of AddressSanitizer and ThreadSanitizer say, in our words."""

import re
from dataclasses import replace

from .build import Program
from .problem import Problem

OVERTIME = "the launch was ended from outside: it took too long"
_LOCAL = re.compile(r"'(\w+)'(?: \(line \d+\))? <== Memory access at offset")
_FRAME = re.compile(r"^\s+#\d+ .*?([\w.-]+):(\d+)", re.MULTILINE)
_RACE = re.compile(r"WARNING: ThreadSanitizer: data race.*?={10,}", re.DOTALL)


def from_log(program: Program, problems: list[Problem], log: str) -> list[Problem]:
    """The problems of the events, completed by what only the log says."""
    if not log:
        return problems
    if OVERTIME in log and not problems:
        return [Problem("timeout", "the launch did not end")]
    result = []
    local = _LOCAL.search(log)
    for problem in problems:
        if problem.kind == "bounds" and not problem.variable and local:
            message = re.sub(r"(reads|writes) .*", rf"\1 outside of its local array {local[1]}",
                             problem.message)  # fmt: skip
            problem = replace(problem, message=message, variable=local[1])
        result.append(problem)
    return result + _races(program, log)


def _races(program: Program, log: str) -> list[Problem]:
    found = {}
    for report in _RACE.findall(log):
        lines = [int(m[2]) for m in _FRAME.finditer(report) if m[1] == program.source.name]
        pair = tuple(sorted(set(lines[:2])))
        if pair and pair not in found:
            where = " and ".join(map(str, pair))
            found[pair] = Problem(
                "race", f"two threads touch the same memory in lines {where} unordered", pair[0]
            )
    if "data race" in log and not found:
        return [Problem("race", "two threads touch the same memory unordered")]
    return list(found.values())
