"""Looks at a CUDA source before a compiler does, for what could turn the compiler against us.

The sandbox holds without this; a source that it refuses never gets that far, and a student whose
source is refused by mistake of theirs reads why. What the runtime does not emulate is the
runtime's business (see `autograder.cuda.source`); here is only what reads other files, speaks to
the assembler or the linker, or hides words from whoever looks for them.

The text is cut into tokens the way a compiler does it: lines that end in a backslash are joined,
comments go, strings and characters are one token each, digraphs are read as what they stand for.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_BYTES = 300_000
HEADERS = """
cuda_fp16.h cuda_bf16.h mma.h cuda_runtime.h cuda_runtime_api.h cuda.h math_constants.h
device_launch_parameters.h vector_types.h math.h cmath stdint.h cstdint float.h cfloat limits.h
climits stddef.h cstddef stdio.h cstdio assert.h cassert
"""
_DIRECTIVES = "include define undef if ifdef ifndef elif else endif error warning pragma"
_PRAGMAS = "unroll nounroll once nv_diag_suppress nv_diag_default"
_ASSEMBLY = ("asm", "__asm", "__asm__")
_ATTRIBUTES = ("__attribute__", "__attribute", "__declspec")
# What tells the linker or the loader something, without the underscores around it.
_FOR_THE_LINKER = """
constructor destructor init_priority alias ifunc weakref weak section init_seg cleanup naked target
target_clones used retain visibility symver dllexport dllimport copy
"""
_LOOKS_FOR_FILES = ("__has_include", "__has_include_next", "__has_embed")
_DIGRAPHS = {"<:": "[", ":>": "]", "<%": "{", "%>": "}", "%:": "#", "%:%:": "##"}
_OPEN, _CLOSE = "([{", ")]}"

_SPLICE = re.compile(r"\\[ \t\f\v]*\n")
_TOKEN = re.compile(
    r"""
    (?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<raw>(?:u8|u|U|L)?R"(?P<fence>[^()\\\s]{0,16})\(.*?(?:\)(?P=fence)"|\Z))
  | (?P<text>(?:u8|u|U|L)?"(?:\\.|[^"\\\n])*"?)
  | (?P<character>(?:u8|u|U|L)?'(?:\\.|[^'\\\n])*'?)
  | (?P<number>\.?\d(?:[eEpP][+-]|'[\w]|[\w.])*)
  | (?P<word>[^\W\d]\w*)
  | (?P<line>\n)
  | (?P<space>[ \t\f\v]+)
  | (?P<mark>%:%:|\#\#|<:(?!:[^:>])|[:%]>|<%|%:|::|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def screen(text: str) -> str:
    """What in a source is refused, and in which line: one sentence, or "" for nothing."""
    if len(text.encode(errors="replace")) > MOST_BYTES:
        return f"the file is larger than {MOST_BYTES // 1000} kB: hand in the kernels only"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    odd = re.search(r"[\x00-\x08\x0e-\x1f\x7f]", text)
    if odd:
        return _sentence(text.count("\n", 0, odd.start()) + 1, "a character that no text has")
    lines = list(_lines(text))
    found = [problem for line in lines for problem in _in_line(line)]
    flat = [token for line in lines if not _directive(line) for token in line]
    found += _in_declarations(flat)
    return _sentence(*min(found)) if found else ""


def _sentence(line: int, what: str) -> str:
    return f"line {line}: {what}"


def _tokens(text: str) -> Iterator[_Token]:
    """All tokens but blanks and comments, with lines of the text as it was before any joining."""
    ends = [0]
    joined, starts = [], []
    at = length = 0
    for splice in [*_SPLICE.finditer(text), None]:
        piece = text[at : splice.start() if splice else len(text)]
        starts.append((length, at))
        joined.append(piece)
        length += len(piece)
        at = splice.end() if splice else len(text)
    ends += [m.end() for m in re.finditer("\n", text)]
    offsets = [new for new, _ in starts]
    for m in _TOKEN.finditer("".join(joined)):
        kind = str(m.lastgroup)
        if kind == "fence":
            kind = "raw"
        if kind in ("comment", "space"):
            continue
        new, old = starts[bisect_right(offsets, m.start()) - 1]
        line = bisect_right(ends, old + m.start() - new)
        value = _DIGRAPHS.get(m[0], m[0]) if kind == "mark" else m[0]
        yield _Token(kind, value, line)


def _lines(text: str) -> Iterator[list[_Token]]:
    line: list[_Token] = []
    for token in _tokens(text):
        if token.kind == "line":
            yield line
            line = []
        else:
            line.append(token)
    yield line


def _directive(line: Sequence[_Token]) -> bool:
    return bool(line) and line[0].kind == "mark" and line[0].text == "#"


def _in_line(line: Sequence[_Token]) -> Iterator[tuple[int, str]]:
    if _directive(line):
        yield from _in_directive(line)
        if len(line) > 1 and line[1].text in ("error", "warning"):
            return  # prose
    elif line and line[0].text in ("import", "module", "export"):
        yield line[0].line, "C++ modules are not used here"
    for before, token in zip([None, *line], line, strict=False):
        if token.kind == "word" and token.text in _ASSEMBLY:
            yield token.line, f"{token.text}: assembly is not accepted here, write CUDA C++"
        elif token.kind == "word" and token.text in _LOOKS_FOR_FILES:
            yield token.line, f"{token.text} asks for files of this machine: include by name"
        elif token.kind == "word" and token.text in ("_Pragma", "__pragma"):
            yield token.line, f"{token.text} is not accepted here: write #pragma unroll"
        elif token.kind == "word" and token.text in ("gnu", "clang", "msvc"):
            yield token.line, f"attributes of {token.text} are not accepted here"
        elif token.kind == "mark" and token.text == "##":
            yield token.line, "## makes names that nobody can look for: write the names out"
        elif token.kind == "mark" and token.text == "\\":
            yield token.line, "a stray backslash"
        elif token.kind == "raw":
            yield token.line, "raw string literals are not accepted here"
        elif _is_trigraph(before, token):
            yield token.line, "trigraphs are not accepted here: write the character itself"


def _is_trigraph(before: _Token | None, token: _Token) -> bool:
    both = before is not None and before.kind == token.kind == "mark"
    return both and before is not None and before.text == token.text == "?"


def _in_directive(line: Sequence[_Token]) -> Iterator[tuple[int, str]]:
    at = line[0].line
    if len(line) == 1:
        return
    word, rest = line[1].text, line[2:]
    if word not in _DIRECTIVES.split():
        yield at, f"#{word[:20]} is not accepted here"
    elif word == "include":
        name = "".join(token.text for token in rest)
        header = re.fullmatch(r"<([^<>]*)>|\"([^\"]*)\"", name)
        if not header or (header[1] or header[2]) not in HEADERS.split():
            names = "cuda_fp16.h, cuda_bf16.h and mma.h"
            yield at, f"#include of {name[:60]}: kernels may include {names}, by name"
    elif word == "define":
        for token in rest:
            if token.text in (*_ATTRIBUTES, "main", '"C"'):
                yield (
                    at,
                    f"{token.text} in a macro could not be seen where it is used: write it out",
                )
    elif word == "pragma" and (not rest or rest[0].text not in _PRAGMAS.split()):
        yield at, "of pragmas, only #pragma unroll is accepted here"


def _in_declarations(tokens: Sequence[_Token]) -> Iterator[tuple[int, str]]:
    depth, head, linkage = 0, list[_Token](), list[_Token]()
    for i, token in enumerate(tokens):
        following = tokens[i + 1].text if i + 1 < len(tokens) else ""
        if token.kind == "word" and token.text in _ATTRIBUTES:
            yield from _in_attribute(tokens, i + 1)
        elif token.kind == "mark" and token.text == following == "[":
            yield from _in_attribute(tokens, i)
        elif token.kind == "word" and token.text == "main" and following == "(" and depth == 0:
            yield token.line, "there is no main function here: the file holds kernels only"
        if token.kind != "mark" or token.text not in (";", "{", "}"):
            head.append(token)
            continue
        words = [part.text for part in head]
        if token.text == ";" and depth == 0:
            yield from _borrowed([*linkage, *head])
        elif token.text == "{" and words[-2:] == ["extern", '"C"']:
            linkage = head
        elif token.text == "{" and "namespace" not in words:
            depth += 1
        elif token.text == "}" and depth:
            depth -= 1
        elif token.text == "}":
            linkage = []
        head = []


def _in_attribute(tokens: Sequence[_Token], start: int) -> Iterator[tuple[int, str]]:
    depth = 0
    for token in tokens[start:]:
        if token.kind == "mark":
            depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if depth <= 0:
            return
        name = token.text.strip("_")
        if token.kind == "word" and name in _FOR_THE_LINKER.split():
            yield token.line, f"the attribute {name} speaks to the linker: do without it"


def _borrowed(head: Sequence[_Token]) -> Iterator[tuple[int, str]]:
    """A function with C's linkage that is declared only would come from a library."""
    words = [token.text for token in head]
    if '"C"' not in words or "extern" not in words or "(" not in words:
        return
    if "__device__" not in words and "__global__" not in words:
        name = words[words.index("(") - 1]
        yield head[0].line, f"{name[:40]} would come from a library: write it in this file"
