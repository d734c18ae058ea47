"""From addresses in a program to lines of the student's file."""

import re
from collections.abc import Iterable
from pathlib import PurePath

from .build import Program
from .command import Command


def lines_of(program: Program, addresses: Iterable[int]) -> dict[int, int]:
    """The student's line at each address; 0 where there is none.

    A call is announced by the address to which it returns, so the byte before is looked up. Of
    functions that were inlined, the innermost line in the student's own file counts.
    """
    wanted = sorted({a for a in addresses if a > 0})
    found = dict.fromkeys(wanted, 0)
    tool = program.toolchain.addr2line
    if not wanted or not tool:
        return found
    argv = (tool, "-a", "-i", "-e", str(program.binary), *(hex(a - 1) for a in wanted))
    done = program.execute(Command(argv, (program.binary,)), b"")
    at = 0
    for text in done.out.decode(errors="replace").splitlines():
        if re.fullmatch(r"0x[0-9a-f]+", text):
            at = int(text, 16) + 1
            continue
        m = re.match(r"(.*):(\d+)", text)
        if m and PurePath(m[1]).name == program.source.name and not found.get(at, 1):
            found[at] = int(m[2])
    return found
